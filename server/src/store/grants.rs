//! Grants and what can be spent of them.

use ledger::grant::{Grant, GrantKind};
use ledger::{AccountId, Credits, Timestamp};

use super::rollups::CONSUMED;
use super::rows::{Column, GrantRow, parse_text};
use super::{Store, StoreError, read};

/// An account's wallet as of its last entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalletView {
    /// Of the last entry; 0 before the first.
    pub seq: u64,
    /// What can be spent at the instant that was asked for.
    pub available: Credits,
    pub held: Credits,
    /// Of the last entry; 1970 before the first.
    pub recorded_at: Timestamp,
    /// A grant has run out and no entry says so yet: post the expiries, then read again.
    pub expiry_is_due: bool,
    /// What `available` is made of, one per kind with something left, in burn order.
    pub lots: Vec<Lot>,
    /// Every grant with something left, also those that come into force later, in burn order.
    pub grants: Vec<Grant>,
}

/// The spendable grants of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lot {
    pub kind: GrantKind,
    pub remaining: Credits,
    /// The grants it sums up, by the `seq` that issued them.
    pub grants: Vec<u64>,
}

#[derive(sqlx::FromRow)]
struct WalletRow {
    seq: i64,
    held: i64,
    recorded_at: i64,
}

impl Store {
    /// The wallet at an instant, read in one moment.
    pub async fn wallet(&self, account_no: i64, now: Timestamp) -> Result<WalletView, StoreError> {
        let (row, grants) = read!(self, db => {
            let mut moment = sqlx::Connection::begin(db).await?;
            let found = read_wallet(&mut moment, account_no).await?;
            moment.commit().await?;
            Ok(found)
        })?;
        view(row, grants, account_no, now)
    }

    /// The wallet at an instant, and what was consumed by events with `from ≤ time < to`, read in one moment. Both are
    /// multiples of 15 minutes.
    pub async fn wallet_and_consumption(
        &self,
        account_no: i64,
        now: Timestamp,
        (from, to): (Timestamp, Timestamp),
    ) -> Result<(WalletView, Credits), StoreError> {
        let (row, grants, consumed) = read!(self, db => {
            let mut moment = sqlx::Connection::begin(db).await?;
            let (row, grants) = read_wallet(&mut moment, account_no).await?;
            let (consumed,): (i64,) = sqlx::query_as(CONSUMED)
                .bind(account_no)
                .bind(from.micros())
                .bind(to.micros())
                .fetch_one(&mut *moment)
                .await?;
            moment.commit().await?;
            Ok((row, grants, consumed))
        })?;
        Ok((view(row, grants, account_no, now)?, consumed.read("rollups", "credits", account_no)?))
    }

    /// All grants of an account, the oldest first.
    pub async fn list_grants(&self, account_no: i64) -> Result<Vec<Grant>, StoreError> {
        let rows: Vec<GrantRow> = read!(self, db => Ok(sqlx::query_as(
            "SELECT account, seq, amount, remaining, kind, priority, effective_at, expires_at, source, reason \
             FROM grants WHERE account = $1 ORDER BY seq",
        )
        .bind(account_no)
        .fetch_all(db)
        .await?))?;
        rows.into_iter().map(GrantRow::into_grant).collect()
    }

    /// Accounts with a grant that ran out at or before `now` and of which something is left.
    pub async fn accounts_with_due_expiry(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<AccountId>, StoreError> {
        let rows: Vec<(String,)> = read!(self, db => Ok(sqlx::query_as(
            "SELECT DISTINCT a.id FROM grants g JOIN accounts a ON a.no = g.account \
             WHERE g.expires_at <= $1 AND g.remaining > 0 LIMIT $2",
        )
        .bind(now.micros())
        .bind(i64::from(limit))
        .fetch_all(db)
        .await?))?;
        rows.into_iter().map(|(id,)| parse_text(&id, "accounts", "id")).collect()
    }
}

async fn read_wallet(
    moment: &mut sqlx::SqliteConnection,
    account_no: i64,
) -> Result<(Option<WalletRow>, Vec<Grant>), StoreError> {
    let row = sqlx::query_as("SELECT seq, held, recorded_at FROM wallets WHERE account = $1")
        .bind(account_no)
        .fetch_optional(&mut *moment)
        .await?;
    let grants: Vec<GrantRow> = sqlx::query_as(
        "SELECT account, seq, amount, remaining, kind, priority, effective_at, expires_at, source, reason \
         FROM grants WHERE account = $1 AND remaining > 0",
    )
    .bind(account_no)
    .fetch_all(&mut *moment)
    .await?;
    Ok((row, grants.into_iter().map(GrantRow::into_grant).collect::<Result<_, _>>()?))
}

fn view(
    row: Option<WalletRow>,
    mut grants: Vec<Grant>,
    account_no: i64,
    now: Timestamp,
) -> Result<WalletView, StoreError> {
    let (seq, held, recorded_at) = row.map_or((0, 0, 0), |row| (row.seq, row.held, row.recorded_at));
    // An entry may be recorded a moment ahead of this clock's answer; what it made available is available.
    let at = now.max(Timestamp::from_micros(recorded_at));
    grants.sort_unstable_by_key(Grant::burn_key);
    let spendable: Vec<&Grant> = grants.iter().filter(|grant| grant.is_spendable(at)).collect();
    let sum = |grants: &mut dyn Iterator<Item = &&Grant>| {
        Credits::sum(grants.map(|grant| grant.remaining)).unwrap_or(Credits::MAX)
    };
    let lots = GrantKind::ALL.into_iter().map(|kind| {
        let of_kind = || spendable.iter().filter(|grant| grant.facts.kind == kind);
        Lot { kind, remaining: sum(&mut of_kind()), grants: of_kind().map(|grant| grant.seq).collect() }
    });
    Ok(WalletView {
        seq: seq.read("wallets", "seq", account_no)?,
        available: sum(&mut spendable.iter()),
        held: held.read("wallets", "held", account_no)?,
        recorded_at: Timestamp::from_micros(recorded_at),
        expiry_is_due: grants.iter().any(|grant| grant.is_expired(at)),
        lots: lots.filter(|lot| !lot.remaining.is_zero()).collect(),
        grants,
    })
}
