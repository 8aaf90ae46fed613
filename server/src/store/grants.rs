//! Grants and what can be spent of them.

use ledger::grant::{Grant, GrantKind};
use ledger::{AccountId, Credits, Timestamp};

use super::dialect::{Dialect as _, Sql, shared_now};
use super::rollups::CONSUMED;
use super::rows::{Column, GrantRow, grant_columns, parse_text};
use super::{Store, StoreError, on_connection, read};
use crate::clock::Clock;

/// An account's wallet as of its last entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalletView {
    /// Of the last entry; 0 before the first.
    pub seq: u64,
    /// What can be spent at the instant that was asked for.
    pub available: Credits,
    pub held: Credits,
    pub debt: Credits,
    /// Of the last entry; 1970 before the first.
    pub recorded_at: Timestamp,
    /// When the first of the open holds is released by itself.
    pub next_deadline: Option<Timestamp>,
    /// Something has fallen due and no entry says so yet: post it, then read again.
    pub is_due: bool,
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
    debt: i64,
    recorded_at: i64,
    next_deadline: Option<i64>,
}

/// `$1`: the instant, `$2`: how many, `$3`: grants that ran out up to then are left out.
macro_rules! accounts_with_dues {
    ($($now:tt)+) => {
        concat!(
            "WITH moment AS MATERIALIZED (SELECT ",
            $($now)+,
            " AS now) SELECT a.id FROM (SELECT account FROM grants WHERE expires_at > $3 AND expires_at <= (SELECT now FROM moment) AND remaining > 0 \
             UNION SELECT account FROM open_holds WHERE deadline <= (SELECT now FROM moment) \
             UNION SELECT w.account FROM wallets w CROSS JOIN grants g WHERE w.debt > 0 AND g.account = w.account \
             AND g.remaining > 0 AND g.effective_at <= (SELECT now FROM moment)) due \
             JOIN accounts a ON a.no = due.account LIMIT $2"
        )
    };
}

const ACCOUNTS_WITH_DUES: Sql =
    Sql { sqlite: accounts_with_dues!("$1"), postgres: accounts_with_dues!(shared_now!()) };

impl Store {
    /// The wallet at an instant, read in one moment.
    pub async fn wallet(&self, account_no: i64, now: Timestamp) -> Result<WalletView, StoreError> {
        let (row, grants) = read!(self, db => {
            let mut moment = sqlx::Connection::begin(db).await?;
            let found = moment.read_wallet(account_no).await?;
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
            let (row, grants) = moment.read_wallet(account_no).await?;
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
            concat!("SELECT ", grant_columns!(), "FROM grants g WHERE g.account = $1 ORDER BY g.seq"),
        )
        .bind(account_no)
        .fetch_all(db)
        .await?))?;
        rows.into_iter().map(GrantRow::into_grant).collect()
    }

    /// Accounts in which something has fallen due by now: a grant of which something is left has run out, a hold has reached
    /// its deadline, or a grant has come into force while something is owed. By the clock that postings go by. Grants that had run out by
    /// `since` are left out: an index of those with something left would slow down each charge, and without one each look
    /// reads all that ever ran out.
    pub async fn accounts_with_dues(
        &self,
        clock: &dyn Clock,
        since: Timestamp,
        limit: u32,
    ) -> Result<Vec<AccountId>, StoreError> {
        let now = self.instant(clock);
        let rows: Vec<(String,)> = read!(self, db => Ok(sqlx::query_as(db.says(ACCOUNTS_WITH_DUES))
        .bind(now)
        .bind(i64::from(limit))
        .bind(since.micros())
        .fetch_all(db)
        .await?))?;
        rows.into_iter().map(|(id,)| parse_text(&id, "accounts", "id")).collect()
    }
}

on_connection! {
    trait WalletParts {
        async fn read_wallet(&mut moment, account_no: i64) -> Result<(Option<WalletRow>, Vec<Grant>), StoreError> {
            let row = sqlx::query_as(
                "SELECT seq, held, debt, recorded_at, (SELECT min(deadline) FROM open_holds h WHERE h.account = wallets.account) \
                 AS next_deadline FROM wallets WHERE account = $1",
            )
            .bind(account_no)
            .fetch_optional(&mut *moment)
            .await?;
            let grants: Vec<GrantRow> = sqlx::query_as(concat!(
                "SELECT ",
                grant_columns!(),
                "FROM grants g WHERE g.account = $1 AND g.remaining > 0"
            ))
            .bind(account_no)
            .fetch_all(&mut *moment)
            .await?;
            Ok((row, grants.into_iter().map(GrantRow::into_grant).collect::<Result<_, _>>()?))
        }
    }
}

fn view(
    row: Option<WalletRow>,
    mut grants: Vec<Grant>,
    account_no: i64,
    now: Timestamp,
) -> Result<WalletView, StoreError> {
    let (seq, held, debt, recorded_at, next_deadline) = row
        .map_or((0, 0, 0, 0, None), |row| (row.seq, row.held, row.debt, row.recorded_at, row.next_deadline));
    let next_deadline = next_deadline.map(Timestamp::from_micros);
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
    let is_repaid_now = debt > 0 && !spendable.is_empty();
    let is_due = is_repaid_now
        || next_deadline.is_some_and(|deadline| deadline <= at)
        || grants.iter().any(|grant| grant.is_expired(at));
    Ok(WalletView {
        seq: seq.read("wallets", "seq", account_no)?,
        available: sum(&mut spendable.iter()),
        held: held.read("wallets", "held", account_no)?,
        debt: debt.read("wallets", "debt", account_no)?,
        recorded_at: Timestamp::from_micros(recorded_at),
        next_deadline,
        is_due,
        lots: lots.filter(|lot| !lot.remaining.is_zero()).collect(),
        grants,
    })
}
