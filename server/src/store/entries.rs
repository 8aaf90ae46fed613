//! The books as they were written.

use ledger::Credits;
use ledger::entry::Entry;

use super::rows::{Column, EntryRow, entry_columns, entry_tables};
use super::{Store, StoreError, read};

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

/// The last entry of an account, and the hash that everything before it went into.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ChainEnd {
    pub account_no: i64,
    pub seq: i64,
    pub head: Vec<u8>,
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

    /// Where the chains of at most `limit` accounts end, by their numbers, those after number `after`.
    pub async fn chain_ends(&self, after: i64, limit: u32) -> Result<Vec<ChainEnd>, StoreError> {
        read!(self, db => Ok(sqlx::query_as(
            "SELECT account AS account_no, seq, head FROM wallets WHERE account > $1 ORDER BY account LIMIT $2",
        )
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(db)
        .await?))
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
