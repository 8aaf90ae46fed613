//! The books as they were written, and the proof that they are whole.

use std::collections::HashSet;

use ledger::dimensions::{DimensionKey, DimensionSeries};
use ledger::entry::Entry;
use ledger::series::{BucketKey, Series, Totals};
use ledger::verify::{Fault, Mismatch, Stored, Verified, Verifier, Watch};
use ledger::{AccountId, Credits, Timestamp};

use super::dimension_rollups::StoredValues;
use super::rollup_checks::Window;
use super::rollups::RollupRow;
use super::rows::{Column, EntryRow, GrantRow, entry_columns, entry_tables, grant_columns};
use super::{Store, StoreError, read};

/// Entries that `verify` reads at a time, so that no reading transaction lasts long.
const VERIFY_STEP: u32 = 2_000;
/// The same where most entries are passed over.
const VALUES_STEP: u64 = 5_000;

/// Why an account's books could not be confirmed.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Figures over all accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    pub accounts: u64,
    pub users: u64,
    pub entries: u64,
    pub events: u64,
    pub issued: Credits,
    pub spent: Credits,
    pub expired: Credits,
    pub voided: Credits,
    /// What is left of all grants, effective or not.
    pub remaining: Credits,
    pub held: Credits,
    pub debt: Credits,
}

#[derive(sqlx::FromRow)]
struct StatsRow {
    accounts: i64,
    users: i64,
    entries: i64,
    events: i64,
    issued: i64,
    spent: i64,
    expired: i64,
    voided: i64,
    remaining: i64,
    held: i64,
    debt: i64,
}

#[derive(sqlx::FromRow)]
struct HeadRow {
    seq: i64,
    head: Vec<u8>,
    held: i64,
    debt: i64,
    recorded_at: i64,
}

type MomentRows =
    (Option<HeadRow>, Vec<GrantRow>, Vec<RollupRow>, Vec<(i64, i64)>, Vec<(i64,)>, StoredValues);

/// An account's books as the store has them at one moment.
struct Moment {
    stored: Stored,
    /// The last entry that belongs to it.
    last_seq: u64,
    /// Events that have been corrected, by the `seq` of their leg 0.
    corrected: HashSet<u64>,
    values: StoredValues,
}

impl Store {
    /// The account's entries after `seq`, in order.
    pub async fn entries_after(
        &self,
        account_no: i64,
        seq: u64,
        limit: u32,
    ) -> Result<Vec<Entry>, StoreError> {
        let rows: Vec<EntryRow> = read!(self, db => Ok(sqlx::query_as(concat!(
            "SELECT ", entry_columns!(), "FROM ", entry_tables!(), "WHERE e.account = $1 AND e.seq > $2 ORDER BY e.seq LIMIT $3",
        ))
        .bind(account_no)
        .bind(seq.cast_signed())
        .bind(i64::from(limit))
        .fetch_all(db)
        .await?))?;
        rows.into_iter().map(EntryRow::into_entry).collect()
    }

    /// Recomputes an account's books from its first entry and compares them with what is stored beside them. Entries
    /// that are written meanwhile are not looked at.
    pub async fn verify_account(&self, account_no: i64, account: AccountId) -> Result<Verified, VerifyError> {
        let Moment { stored, last_seq, corrected, values } = self.stored(account_no, account).await?;
        let mut verifier = Verifier::new(account, Watch::Only(corrected));
        let mut seq = 0;
        loop {
            let entries = self.entries_after(account_no, seq, VERIFY_STEP).await?;
            let Some(last) = entries.iter().map(|entry| entry.seq).take_while(|seq| *seq <= last_seq).last()
            else {
                break;
            };
            for entry in entries.into_iter().take_while(|entry| entry.seq <= last_seq) {
                verifier.push(entry)?;
            }
            seq = last;
        }
        self.verify_dimensions(account_no, account).await?;
        let found = verifier.finish(&stored)?;
        self.verify_values(account_no, account, seq, &values, &stored.series).await?;
        Ok(found)
    }

    /// Wallet, grants and rollups of one moment.
    async fn stored(&self, account_no: i64, account: AccountId) -> Result<Moment, StoreError> {
        let (head, grants, rollups, holds, corrected, values): MomentRows = read!(self, db => {
            let mut moment = sqlx::Connection::begin(db).await?;
            let head = sqlx::query_as("SELECT seq, head, held, debt, recorded_at FROM wallets WHERE account = $1")
                .bind(account_no)
                .fetch_optional(&mut *moment)
                .await?;
            let grants = sqlx::query_as(concat!("SELECT ", grant_columns!(), "FROM grants g WHERE g.account = $1"))
            .bind(account_no)
            .fetch_all(&mut *moment)
            .await?;
            let rollups = sqlx::query_as(
                "SELECT bucket, operation, api_key, credits, quantity, count FROM rollups WHERE account = $1",
            )
            .bind(account_no)
            .fetch_all(&mut *moment)
            .await?;
            let holds = sqlx::query_as("SELECT seq, deadline FROM open_holds WHERE account = $1")
                .bind(account_no)
                .fetch_all(&mut *moment)
                .await?;
            let corrected = sqlx::query_as(
                "SELECT DISTINCT revises FROM entries WHERE account = $1 AND revises IS NOT NULL AND movement > 8",
            )
            .bind(account_no)
            .fetch_all(&mut *moment)
            .await?;
            let values = StoredValues::read(&mut moment, account_no, Window::ALWAYS).await?;
            moment.commit().await?;
            Ok((head, grants, rollups, holds, corrected, values))
        })?;
        let mut series = Series::default();
        for row in rollups {
            let row = row.into_bucket()?;
            let totals = Totals { credits: row.credits, quantity: row.quantity, count: row.count };
            series
                .add(BucketKey { start: row.start, operation: row.operation, api_key: row.api_key }, totals);
        }
        let corrected = corrected.into_iter().map(|(seq,)| seq.cast_unsigned()).collect();
        let grants = grants.into_iter().map(GrantRow::into_grant).collect::<Result<_, _>>()?;
        // Without a wallet every entry is one too many: look at all.
        let mut stored = Stored {
            seq: 0,
            head: ledger::chain::genesis(account),
            held: Credits::ZERO,
            debt: Credits::ZERO,
            recorded_at: Timestamp::from_micros(0),
            grants,
            holds: holds
                .into_iter()
                .map(|(seq, deadline)| (seq.cast_unsigned(), Timestamp::from_micros(deadline)))
                .collect(),
            series,
        };
        let Some(row) = head else { return Ok(Moment { stored, last_seq: u64::MAX, corrected, values }) };
        stored.seq = row.seq.read("wallets", "seq", account_no)?;
        stored.head = row.head.read("wallets", "head", account_no)?;
        stored.held = row.held.read("wallets", "held", account_no)?;
        stored.debt = row.debt.read("wallets", "debt", account_no)?;
        stored.recorded_at = Timestamp::from_micros(row.recorded_at);
        Ok(Moment { last_seq: stored.seq, stored, corrected, values })
    }

    /// Compares the rollups of dimensions with the entries up to `last`, of which `all` is the series.
    async fn verify_values(
        &self,
        account_no: i64,
        account: AccountId,
        last: u64,
        stored: &StoredValues,
        all: &Series,
    ) -> Result<(), VerifyError> {
        if stored.declared.is_empty() {
            return Ok(());
        }
        let mut series = DimensionSeries::new(stored.declared.clone());
        let mut after = 0;
        while after < last {
            let to = after.saturating_add(VALUES_STEP).min(last);
            for (entry, pairs) in self.described_entries(account_no, after, to).await? {
                series.count(&entry, pairs.as_ref());
            }
            after = to;
        }
        let Some(key) = series.first_difference(&stored.sums, all) else { return Ok(()) };
        let DimensionKey { dimension, bucket, group } = key;
        let fault = Fault::DimensionRollup { dimension, group, start: bucket.start.micros() };
        Err(Mismatch { account, seq: last, fault }.into())
    }

    /// Compares stored dimensions with the digest that was hashed. Erased ones leave no row and are no mismatch.
    async fn verify_dimensions(&self, account_no: i64, account: AccountId) -> Result<(), VerifyError> {
        let mut after = 0_i64;
        loop {
            let rows: Vec<(i64, String, Option<Vec<u8>>)> = read!(self, db => Ok(sqlx::query_as(
                "SELECT d.seq, d.dimensions, e.dimensions_hash FROM event_dimensions d \
                 LEFT JOIN entries e ON e.account = d.account AND e.seq = d.seq \
                 WHERE d.account = $1 AND d.seq > $2 ORDER BY d.seq LIMIT $3",
            )
            .bind(account_no)
            .bind(after)
            .bind(i64::from(VERIFY_STEP))
            .fetch_all(db)
            .await?))?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = last.0;
            for (seq, text, hash) in &rows {
                let digest =
                    serde_json::from_str(text).ok().map(|pairs| ledger::chain::dimensions_digest(&pairs));
                if digest.map(|digest| digest.0.to_vec()) != *hash {
                    return Err(
                        Mismatch { account, seq: seq.cast_unsigned(), fault: Fault::Dimensions }.into()
                    );
                }
            }
        }
    }

    /// Sums over all accounts, read in one moment.
    pub async fn stats(&self) -> Result<Stats, StoreError> {
        let row: StatsRow = read!(self, db => Ok(sqlx::query_as(
            "SELECT (SELECT count(*) FROM accounts) AS accounts, (SELECT count(*) FROM users) AS users, \
             count(*) AS entries, count(CASE WHEN movement IN (2, 6, 8) THEN source END) AS events, \
             CAST(coalesce(sum(CASE WHEN movement = 1 THEN amount END), 0) AS BIGINT) AS issued, \
             CAST(coalesce(sum(CASE WHEN movement IN (2, 6, 8) THEN amount WHEN movement IN (10, 11) THEN -amount END), 0) AS BIGINT) \
             AS spent, \
             CAST(coalesce(sum(CASE WHEN movement = 3 THEN amount END), 0) AS BIGINT) AS expired, \
             CAST(coalesce(sum(CASE WHEN movement = 4 THEN amount END), 0) AS BIGINT) AS voided, \
             (SELECT CAST(coalesce(sum(remaining), 0) AS BIGINT) FROM grants) AS remaining, \
             (SELECT CAST(coalesce(sum(held), 0) AS BIGINT) FROM wallets) AS held, \
             (SELECT CAST(coalesce(sum(debt), 0) AS BIGINT) FROM wallets) AS debt FROM entries",
        )
        .fetch_one(db)
        .await?))?;
        Ok(Stats {
            accounts: row.accounts.read("accounts", "count", "all")?,
            users: row.users.read("users", "count", "all")?,
            entries: row.entries.read("entries", "count", "all")?,
            events: row.events.read("entries", "events", "all")?,
            issued: row.issued.read("entries", "issued", "all")?,
            spent: row.spent.read("entries", "spent", "all")?,
            expired: row.expired.read("entries", "expired", "all")?,
            voided: row.voided.read("entries", "voided", "all")?,
            remaining: row.remaining.read("grants", "remaining", "all")?,
            held: row.held.read("wallets", "held", "all")?,
            debt: row.debt.read("wallets", "debt", "all")?,
        })
    }
}
