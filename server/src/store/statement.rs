//! An account's books as its owner reads them: the grants with what became of them, what is held, and the entries, newest first.

use ledger::chain::Digest;
use ledger::entry::Entry;
use ledger::grant::Grant;
use ledger::{Credits, Timestamp};

use super::dialect::{Dialect as _, Sql};
use super::holds::OpenHolds as _;
use super::rows::{
    Column, EntryRow, GrantRow, entry_columns, entry_tables, grant_columns, legs_of_open_holds,
};
use super::{Store, StoreError, on_connection, read};

/// A grant, when it was given, and what of it was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedGrant {
    pub grant: Grant,
    pub issued_at: Timestamp,
    pub expired: Credits,
    pub voided: Credits,
    /// What open holds have of it.
    pub held: Credits,
}

/// Grants and entries as they were at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The account's last entry; 0 before the first.
    pub seq: u64,
    /// The hash of that entry; `None` before the first.
    pub head: Option<Digest>,
    pub debt: Credits,
    /// Leg 0 of each open hold, the oldest first.
    pub holds: Vec<Entry>,
    /// The newest first.
    pub grants: Vec<OwnedGrant>,
    /// The newest first.
    pub entries: Vec<Entry>,
}

#[derive(sqlx::FromRow)]
struct OwnedRow {
    #[sqlx(flatten)]
    grant: GrantRow,
    issued_at: i64,
    expired: i64,
    voided: i64,
    held: i64,
}

impl Store {
    /// All grants of an account, the newest first.
    pub async fn list_owned_grants(&self, account_no: i64) -> Result<Vec<OwnedGrant>, StoreError> {
        read!(self, db => db.owned_grants(account_no).await)
    }

    /// The account's entries before `seq`, the newest first.
    pub async fn entries_before(
        &self,
        account_no: i64,
        seq: u64,
        limit: u32,
    ) -> Result<Vec<Entry>, StoreError> {
        read!(self, db => db.entries_before(account_no, seq, limit).await)
    }

    /// All grants and open holds, and up to `limit` entries before entry `before`, read in one moment.
    pub async fn statement(
        &self,
        account_no: i64,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Statement, StoreError> {
        read!(self, db => {
            let mut moment = sqlx::Connection::begin(db).await?;
            let wallet: Option<(i64, Vec<u8>, i64)> = sqlx::query_as("SELECT seq, head, debt FROM wallets WHERE account = $1")
                .bind(account_no)
                .fetch_optional(&mut *moment)
                .await?;
            let grants = moment.owned_grants(account_no).await?;
            let holds = moment.open_holds(account_no).await?;
            let entries = moment.entries_before(account_no, before.unwrap_or(u64::MAX), limit).await?;
            moment.commit().await?;
            let (seq, head, debt) = match wallet {
                Some((seq, head, debt)) => (
                    seq.read("wallets", "seq", account_no)?,
                    Some(head.read("wallets", "head", account_no)?),
                    debt.read("wallets", "debt", account_no)?,
                ),
                None => (0, None, Credits::ZERO),
            };
            Ok(Statement { seq, head, debt, holds, grants, entries })
        })
    }
}

/// `movement IN (3, 4)` is how the index of closed grants is found.
macro_rules! owned_grants {
    ($store:ident) => {
        concat!(
            "SELECT ",
            grant_columns!(),
            ", i.recorded_at AS issued_at, \
             (SELECT CAST(coalesce(sum(c.amount), 0) AS BIGINT) FROM entries c WHERE c.account = g.account \
               AND c.grant_seq = g.seq AND c.movement IN (3, 4) AND c.movement = 3) AS expired, \
             (SELECT CAST(coalesce(sum(c.amount), 0) AS BIGINT) FROM entries c WHERE c.account = g.account \
               AND c.grant_seq = g.seq AND c.movement IN (3, 4) AND c.movement = 4) AS voided, \
             CAST(coalesce(held.amount, 0) AS BIGINT) AS held \
             FROM grants g JOIN entries i ON i.account = g.account AND i.seq = g.seq \
             LEFT JOIN (SELECT e.grant_seq, sum(e.amount) AS amount FROM ",
            legs_of_open_holds!($store),
            " WHERE h.account = $1 GROUP BY e.grant_seq) held ON held.grant_seq = g.seq \
             WHERE g.account = $1 ORDER BY g.seq DESC"
        )
    };
}

const OWNED_GRANTS: Sql = Sql { sqlite: owned_grants!(sqlite), postgres: owned_grants!(postgres) };

on_connection! {
    trait StatementParts {
        async fn owned_grants(&mut db, account_no: i64) -> Result<Vec<OwnedGrant>, StoreError> {
            let rows: Vec<OwnedRow> =
                sqlx::query_as(db.says(OWNED_GRANTS)).bind(account_no).fetch_all(db).await?;
            rows.into_iter().map(OwnedRow::into_grant).collect()
        }

        async fn entries_before(&mut db, account_no: i64, seq: u64, limit: u32) -> Result<Vec<Entry>, StoreError> {
            let rows: Vec<EntryRow> = sqlx::query_as(concat!(
                "SELECT ",
                entry_columns!(),
                "FROM ",
                entry_tables!(),
                "WHERE e.account = $1 AND e.seq < $2 ORDER BY e.seq DESC LIMIT $3",
            ))
            .bind(account_no)
            .bind(i64::try_from(seq).unwrap_or(i64::MAX))
            .bind(i64::from(limit))
            .fetch_all(db)
            .await?;
            rows.into_iter().map(EntryRow::into_entry).collect()
        }
    }
}

impl OwnedRow {
    fn into_grant(self) -> Result<OwnedGrant, StoreError> {
        let grant = self.grant.into_grant()?;
        Ok(OwnedGrant {
            issued_at: Timestamp::from_micros(self.issued_at),
            expired: self.expired.read("entries", "amount", grant.seq)?,
            voided: self.voided.read("entries", "amount", grant.seq)?,
            held: self.held.read("entries", "amount", grant.seq)?,
            grant,
        })
    }
}
