//! The proof that an account's books are whole: all entries, recomputed, and what is stored beside them, compared.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use ledger::chain::genesis;
use ledger::dimensions::{DimensionKey, DimensionSeries};
use ledger::series::{BucketKey, Series, Totals};
use ledger::verify::{Fault, KeptHold, Mismatch, Stored, Verified, Verifier, Watch};
use ledger::{AccountId, Credits, Timestamp};

use super::dimension_rollups::{StoredValueRows as _, StoredValues};
use super::entry_reader::{EntryReader, Step, read_step};
use super::rollup_checks::Window;
use super::rollups::RollupRow;
use super::rows::{Column, GrantRow, grant_columns};
use super::{Store, StoreError, read};

/// How many entries are read at a time, so that no reading transaction lasts long.
const STEP: i64 = 2_000;
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

#[derive(sqlx::FromRow)]
struct WalletRow {
    seq: i64,
    head: Vec<u8>,
    held: i64,
    debt: i64,
    recorded_at: i64,
}

/// What is stored beside the entries at one moment.
struct MomentRows {
    /// `seq` of the last entry.
    last: i64,
    wallet: Option<WalletRow>,
    grants: Vec<GrantRow>,
    rollups: Vec<RollupRow>,
    /// `seq`, legs and deadline.
    holds: Vec<(i64, i64, i64)>,
    /// Events that have been corrected, by the `seq` of their leg 0.
    corrected: Vec<(i64,)>,
}

impl Store {
    /// Recomputes an account's books from its first entry and compares them with what is stored beside them. Entries
    /// that are written meanwhile are not looked at. One step is read while the one before is recomputed.
    pub async fn verify_account(&self, account_no: i64, account: AccountId) -> Result<Verified, VerifyError> {
        let (moment, values) = self.moment(account_no).await?;
        let corrected: HashSet<u64> = moment.corrected.iter().map(|(seq,)| seq.cast_unsigned()).collect();
        let last = moment.last;
        let stored = moment.into_stored(account)?;
        let mut verifier = Verifier::new(account, Watch::Only(corrected));
        // From below the first, so that what can't be there is seen.
        let (mut reader, mut step) = self.read_entries(None, account_no, i64::MIN..=STEP.min(last)).await?;
        let mut next = STEP + 1;
        while !step.is_empty() {
            let range = next..=(next + STEP - 1).min(last);
            next += STEP;
            let checked = tokio::task::spawn_blocking(move || check(verifier, step));
            let read = self.read_entries(reader, account_no, range);
            let (checked, read) = tokio::join!(checked, read);
            verifier = checked.map_err(StoreError::from)??;
            (reader, step) = read?;
        }
        let found = verifier.finish(&stored)?;
        self.verify_stray_dimensions(account_no, account, last).await?;
        self.verify_values(account_no, account, found.entries, &values, &stored.series).await?;
        Ok(found)
    }

    /// The entries of a range, and the reader of a file for the next; `None` makes one.
    async fn read_entries(
        &self,
        reader: Option<EntryReader>,
        account_no: i64,
        range: RangeInclusive<i64>,
    ) -> Result<(Option<EntryReader>, Step), StoreError> {
        match self {
            Self::Sqlite(sqlite) => {
                let file = sqlite.path().to_owned();
                let read = move || {
                    let reader = reader.map_or_else(|| EntryReader::open(&file), Ok)?;
                    let step = reader.read(account_no, &range)?;
                    Ok((Some(reader), step))
                };
                tokio::task::spawn_blocking(read).await?
            }
            Self::Postgres(postgres) => {
                Ok((None, read_step(&mut *postgres.reader().await?, account_no, &range).await?))
            }
        }
    }

    async fn moment(&self, account_no: i64) -> Result<(MomentRows, StoredValues), StoreError> {
        read!(self, db => {
            let mut moment = sqlx::Connection::begin(db).await?;
            let (last,) = sqlx::query_as("SELECT coalesce(max(seq), 0) FROM entries WHERE account = $1")
                .bind(account_no)
                .fetch_one(&mut *moment)
                .await?;
            let wallet = sqlx::query_as("SELECT seq, head, held, debt, recorded_at FROM wallets WHERE account = $1")
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
            let holds = sqlx::query_as("SELECT seq, legs, deadline FROM open_holds WHERE account = $1")
                .bind(account_no)
                .fetch_all(&mut *moment)
                .await?;
            let corrected = sqlx::query_as(
                "SELECT DISTINCT revises FROM entries WHERE account = $1 AND revises IS NOT NULL AND movement > 8",
            )
            .bind(account_no)
            .fetch_all(&mut *moment)
            .await?;
            let values = moment.stored_values(account_no, Window::ALWAYS).await?;
            moment.commit().await?;
            Ok((MomentRows { last, wallet, grants, rollups, holds, corrected }, values))
        })
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

    /// Dimensions of no entry. What is written after the moment that is looked at has an entry.
    async fn verify_stray_dimensions(
        &self,
        account_no: i64,
        account: AccountId,
        last: i64,
    ) -> Result<(), VerifyError> {
        let stray: Option<(i64,)> = read!(self, db => Ok(sqlx::query_as(
            "SELECT d.seq FROM event_dimensions d WHERE d.account = $1 AND d.seq > $2 AND NOT EXISTS \
             (SELECT 1 FROM entries e WHERE e.account = d.account AND e.seq = d.seq) ORDER BY d.seq LIMIT 1",
        )
        .bind(account_no)
        .bind(last)
        .fetch_optional(db)
        .await?))?;
        match stray {
            Some((seq,)) => {
                Err(Mismatch { account, seq: seq.cast_unsigned(), fault: Fault::Dimensions }.into())
            }
            None => Ok(()),
        }
    }
}

/// Takes a step's entries.
fn check(mut verifier: Verifier, step: Step) -> Result<Verifier, Mismatch> {
    let dimensions = step.wrong_dimensions();
    for entry in step.entries {
        verifier.push(entry)?;
    }
    if let Some((seq, fault)) = step.unreadable {
        return Err(verifier.reject(seq, fault));
    }
    match dimensions {
        Some(seq) => Err(Mismatch { account: verifier.account(), seq, fault: Fault::Dimensions }),
        None => Ok(verifier),
    }
}

impl MomentRows {
    /// Rows that the code can't have written are mismatches, named as those are that it can.
    fn into_stored(self, account: AccountId) -> Result<Stored, Mismatch> {
        let last = self.last.cast_unsigned();
        let mismatch = |seq, fault| Mismatch { account, seq, fault };
        let grant = |row: GrantRow| {
            let seq = row.seq.cast_unsigned();
            row.into_grant().map_err(|_| mismatch(seq, Fault::StoredGrant))
        };
        // What is below zero is another number than any that is right.
        let hold = |(seq, legs, deadline): (i64, i64, i64)| {
            let deadline = Timestamp::from_micros(deadline);
            (seq.cast_unsigned(), KeptHold { legs: legs.cast_unsigned(), deadline })
        };
        let stored = Stored {
            seq: 0,
            head: genesis(account),
            held: Credits::ZERO,
            debt: Credits::ZERO,
            recorded_at: Timestamp::from_micros(0),
            grants: self.grants.into_iter().map(grant).collect::<Result<_, _>>()?,
            holds: self.holds.into_iter().map(hold).collect(),
            series: series(self.rollups).map_err(|_| mismatch(last, Fault::Rollup))?,
        };
        match self.wallet {
            Some(wallet) => wallet.put_into(stored).map_err(|_| mismatch(last, Fault::Head)),
            None => Ok(stored),
        }
    }
}

impl WalletRow {
    fn put_into(self, stored: Stored) -> Result<Stored, StoreError> {
        Ok(Stored {
            seq: self.seq.read("wallets", "seq", "it")?,
            head: self.head.read("wallets", "head", "it")?,
            held: self.held.read("wallets", "held", "it")?,
            debt: self.debt.read("wallets", "debt", "it")?,
            recorded_at: Timestamp::from_micros(self.recorded_at),
            ..stored
        })
    }
}

fn series(rows: Vec<RollupRow>) -> Result<Series, StoreError> {
    let mut series = Series::default();
    for row in rows {
        let row = row.into_bucket()?;
        let totals = Totals { credits: row.credits, quantity: row.quantity, count: row.count };
        series.add(BucketKey { start: row.start, operation: row.operation, api_key: row.api_key }, totals);
    }
    Ok(series)
}
