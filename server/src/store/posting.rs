//! The one way in which the books are written: looks up what a batch needs, then writes the whole batch in one transaction,
//! before which on a file, and in which on Postgres, nobody else can have changed what was looked up.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use ledger::chain::Digest;
use ledger::dimensions::DimensionKey;
use ledger::entry::Entry;
use ledger::event::EventKey;
use ledger::grant::Grant;
use ledger::series::{BucketKey, Totals};
use ledger::wallet::Wallet;
use ledger::{AccountId, Credits, Timestamp};
use sqlx::{Postgres, Transaction};
use tokio::sync::MutexGuard;

use super::dialect::{Dialect as _, Sql};
use super::listening::SERVING;
use super::postgres::{BATCH_PATIENCE, PostgresStore, keep_changes_out};
use super::rows::{
    Column, EntryRow, GrantRow, entry_columns, grant_columns, grants_of_entries, legs_of_open_holds,
    parse_text,
};
use super::sqlite::{SqliteStore, Writers};
use super::{Store, StoreError, bulk};
use crate::clock::Clock;

/// A batch in the making. Must end with [`Posting::commit`], [`Posting::rollback`] or [`Posting::give_up`].
pub enum Posting<'s> {
    /// Keeps all other writers out, so that what is read stays true; [`Posting::begin`] opens the transaction.
    Sqlite { store: &'s SqliteStore, writers: MutexGuard<'s, Writers> },
    Postgres {
        store: &'s PostgresStore,
        transaction: Transaction<'static, Postgres>,
        /// As of when the transaction began.
        epoch: u64,
    },
}

/// Runs one statement that reads.
macro_rules! on {
    ($posting:expr, $db:ident => $body:expr) => {
        match $posting {
            $crate::store::posting::Posting::Sqlite { writers, .. } => {
                let $db = &mut writers.any;
                $body
            }
            $crate::store::posting::Posting::Postgres { transaction, .. } => {
                let $db = &mut **transaction;
                $body
            }
        }
    };
}
pub(super) use on;

/// An event that is in the books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Booked {
    pub account: AccountId,
    /// Leg 0.
    pub entry: Arc<Entry>,
    /// Of the last leg.
    pub last_seq: u64,
    /// What could be spent after the last leg.
    pub balance: Credits,
}

/// The columns of [`BookedRow`].
macro_rules! booked_columns {
    () => {
        concat!("SELECT ", entry_columns!(), ", e.account AS account_no, a.id AS account_id ")
    };
}

pub(super) use booked_columns;

/// Events by their names, `$1` and `$2`: sources and ids. OFFSET keeps each name an index's look-up of its own: of a table
/// that was never analysed the planner would rather read everything.
const FIND_BOOKED: &str = concat!(
    booked_columns!(),
    "FROM UNNEST(CAST($1 AS TEXT[]), CAST($2 AS TEXT[])) AS named (source, id) CROSS JOIN LATERAL \
     (SELECT * FROM entries n WHERE n.source = named.source AND n.event_id = named.id AND n.source IS NOT NULL \
      AND n.movement IN (2, 5, 8) OFFSET 0) e",
    grants_of_entries!(),
    "JOIN accounts a ON a.no = e.account",
);

/// `$1`: a JSON array of numbers of accounts.
const WALLETS: Sql = Sql {
    sqlite: "SELECT account, seq, head, held, debt, recorded_at FROM wallets \
        WHERE account IN (SELECT value FROM json_each($1))",
    postgres: "SELECT account, seq, head, held, debt, recorded_at FROM wallets \
        WHERE account IN (SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST($1 AS JSON)))",
};

/// Grants of these accounts (`$1` as above) that have something left, and those that open holds may give something back to.
macro_rules! live_grants {
    ($store:ident, $numbers:literal) => {
        concat!(
            "SELECT ",
            grant_columns!(),
            "FROM grants g WHERE g.account IN (SELECT ",
            $numbers,
            ") AND g.remaining > 0 UNION SELECT ",
            grant_columns!(),
            "FROM grants g WHERE (g.account, g.seq) IN (SELECT e.account, e.grant_seq FROM ",
            legs_of_open_holds!($store),
            " WHERE h.account IN (SELECT ",
            $numbers,
            ") AND e.grant_seq IS NOT NULL)"
        )
    };
}

const GRANTS: Sql = Sql {
    sqlite: live_grants!(sqlite, "value FROM json_each($1)"),
    postgres: live_grants!(postgres, "CAST(value AS BIGINT) FROM json_array_elements_text(CAST($1 AS JSON))"),
};

/// An entry, and the number of its account.
pub type NumberedEntry = (i64, Arc<Entry>);

/// What a batch adds to the books; accounts by their number.
#[derive(Debug, Default)]
pub struct Changes {
    pub entries: Vec<NumberedEntry>,
    /// Grants that the batch issued, with what is left of them after it.
    pub issued: Vec<(i64, Grant)>,
    /// What has become of grants that were there before.
    pub grants: BTreeMap<(i64, u64), GrantState>,
    /// By the `seq` of their leg 0; none of them is closed again.
    pub opened_holds: BTreeMap<(i64, u64), OpenedHold>,
    /// Of those that were open before.
    pub closed_holds: BTreeSet<(i64, u64)>,
    /// The last state of each wallet that got an entry.
    pub wallets: HashMap<i64, Wallet>,
    pub rollups: BTreeMap<(i64, BucketKey), Totals>,
    /// What corrections lower in buckets that are there.
    pub taken_back: BTreeMap<(i64, BucketKey), Totals>,
    pub values: ValueSums,
    /// JSON objects by account and `seq` of leg 0.
    pub dimensions: Vec<(i64, u64, String)>,
}

/// What values of declared dimensions came to; accounts by their number.
#[derive(Debug, Default)]
pub struct ValueSums {
    pub used: BTreeMap<(i64, DimensionKey), Totals>,
    /// What corrections lower in rows that are there.
    pub taken_back: BTreeMap<(i64, DimensionKey), Totals>,
}

/// The part of a grant that changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantState {
    pub remaining: Credits,
    pub repaid: Credits,
    pub void_reason: Option<String>,
}

/// A hold that a batch makes and leaves open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenedHold {
    pub legs: usize,
    pub deadline: Timestamp,
}

#[derive(sqlx::FromRow)]
pub(super) struct BookedRow {
    #[sqlx(flatten)]
    entry: EntryRow,
    account_no: i64,
    account_id: String,
}

impl BookedRow {
    /// From a row of [`booked_columns!`] that is read without sqlx.
    pub fn at(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            entry: EntryRow::at(row)?,
            account_no: row.get("account_no")?,
            account_id: row.get("account_id")?,
        })
    }
}

#[derive(sqlx::FromRow)]
struct LegRow {
    seq: i64,
    available_after: i64,
}

#[derive(sqlx::FromRow)]
struct WalletRow {
    account: i64,
    seq: i64,
    head: Vec<u8>,
    held: i64,
    debt: i64,
    recorded_at: i64,
}

impl Store {
    /// Opens the writing transaction of a batch; waits for the writer. A batch that has lost to changes of users, keys and
    /// prices `keeps_changes_out`: they wait for it.
    pub async fn begin_posting(&self, keeps_changes_out: bool) -> Result<Posting<'_>, StoreError> {
        let mut posting = match self {
            Self::Sqlite(_) => self.begin_counting().await?,
            Self::Postgres(store) => {
                Posting::Postgres { store, transaction: store.begin_batch().await?, epoch: 0 }
            }
        };
        if let Posting::Postgres { transaction, epoch, .. } = &mut posting {
            if keeps_changes_out {
                keep_changes_out(transaction).await?;
            }
            // What the number says is as of before the lock was waited for; `lock` looks whether it still holds.
            let (_, number): (bool, i64) = sqlx::query_as(
                "SELECT pg_advisory_xact_lock_shared($1) IS NOT NULL, (SELECT number FROM epoch)",
            )
            .bind(SERVING)
            .fetch_one(&mut **transaction)
            .await?;
            *epoch = number.cast_unsigned();
        }
        Ok(posting)
    }

    /// Waits for a batch on this store, not for ever: a database may vanish without a word.
    pub async fn posted<T, E: From<StoreError>>(
        &self,
        batch: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        match self {
            Self::Sqlite(_) => batch.await,
            Self::Postgres(store) => store.answered_within(BATCH_PATIENCE, async { Ok(batch.await) }).await?,
        }
    }

    /// The same for one that keeps all others from posting.
    pub(super) async fn begin_counting(&self) -> Result<Posting<'_>, StoreError> {
        match self {
            Self::Sqlite(store) => Ok(Posting::Sqlite { store, writers: store.writer().await? }),
            Self::Postgres(store) => {
                let transaction = store.begin_work().await?;
                Ok(Posting::Postgres { store, transaction, epoch: 0 })
            }
        }
    }
}

/// What other servers can have moved since a batch was posted last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locked {
    /// `seq` and hash of the accounts' last entries; `None`: nobody else writes.
    pub heads: Option<HashMap<i64, (u64, Digest)>>,
    /// The instant to record with, before which everything in these accounts was recorded.
    pub now: Timestamp,
}

impl Posting<'_> {
    /// Under which identities, keys and prices were cached that this transaction sees.
    pub fn epoch(&self) -> u64 {
        match self {
            Self::Sqlite { store, .. } => store.epoch(),
            Self::Postgres { epoch, .. } => *epoch,
        }
    }

    /// Keeps all other servers from posting to these accounts (by their numbers) until the transaction ends. Fails as raced when
    /// what the batch knows of identities, prices or dimensions has become old meanwhile.
    pub async fn lock(&mut self, accounts: &BTreeSet<i64>, clock: &dyn Clock) -> Result<Locked, StoreError> {
        let Self::Postgres { transaction, epoch, .. } = self else {
            return Ok(Locked { heads: None, now: clock.now() });
        };
        let accounts: Vec<i64> = accounts.iter().copied().collect();
        let locked = sqlx::query("SELECT no FROM accounts WHERE no = ANY($1) ORDER BY no FOR NO KEY UPDATE")
            .bind(&accounts)
            .execute(&mut **transaction)
            .await?;
        // A statement of its own: it sees what was committed while the locks were waited for. The instant comes first.
        let rows: Vec<(i64, i64, Vec<u8>)> = sqlx::query_as(
            "SELECT 0::BIGINT, CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT), CAST('' AS BYTEA) \
             UNION ALL SELECT -1, number, '' FROM epoch \
             UNION ALL SELECT account, seq, head FROM wallets WHERE account = ANY($1)",
        )
        .bind(&accounts)
        .fetch_all(&mut **transaction)
        .await?;
        let is_old = rows.iter().any(|(no, number, _)| *no == -1 && number.cast_unsigned() != *epoch);
        if is_old || locked.rows_affected() != accounts.len() as u64 {
            return Err(StoreError::Raced);
        }
        let database_time =
            rows.iter().find(|(no, ..)| *no == 0).map(|(_, micros, _)| Timestamp::from_micros(*micros));
        let now = database_time.filter(|_| clock.is_of_the_machine()).unwrap_or_else(|| clock.now());
        let heads = rows.into_iter().filter(|(no, ..)| *no > 0);
        let heads = heads.map(|(no, seq, head)| {
            Ok((no, (seq.read("wallets", "seq", no)?, head.read("wallets", "head", no)?)))
        });
        Ok(Locked { heads: Some(heads.collect::<Result<_, StoreError>>()?), now })
    }

    /// The events of these names that are in the books already.
    pub async fn find_booked(&mut self, keys: &[&EventKey]) -> Result<HashMap<EventKey, Booked>, StoreError> {
        if keys.is_empty() {
            return Ok(HashMap::new());
        }
        let rows: Vec<BookedRow> = match self {
            Self::Sqlite { writers, .. } => writers.books.find_booked(keys)?,
            Self::Postgres { transaction, .. } => {
                let (sources, ids): (Vec<&str>, Vec<&str>) =
                    keys.iter().map(|key| (key.source(), key.id())).unzip();
                sqlx::query_as(FIND_BOOKED).bind(sources).bind(ids).fetch_all(&mut **transaction).await?
            }
        };
        let mut booked = HashMap::with_capacity(rows.len());
        for row in rows {
            let entry = row.entry.into_entry()?;
            let Some(event) = &entry.event else { continue };
            let Ok(key) = EventKey::parse(&event.source, &event.id) else { continue };
            let (last_seq, balance) = self.last_leg(row.account_no, &entry).await?;
            let account = parse_text(&row.account_id, "accounts", "id")?;
            booked.insert(key, Booked { account, entry: Arc::new(entry), last_seq, balance });
        }
        Ok(booked)
    }

    /// `seq` and balance of the last leg of the event that `first` begins.
    async fn last_leg(&mut self, account_no: i64, first: &Entry) -> Result<(u64, Credits), StoreError> {
        let whole = first.event.as_ref().map_or(first.amount, |event| event.credits);
        if whole == first.amount && first.revises.is_none() {
            return Ok((first.seq, first.available_after));
        }
        // Legs follow each other without gaps: the last is the first whose next entry is not its next leg.
        let last: LegRow = on!(self, db => sqlx::query_as(
            "SELECT l.seq, l.available_after FROM entries l \
             LEFT JOIN entries n ON n.account = l.account AND n.seq = l.seq + 1 \
             WHERE l.account = $1 AND l.seq > $2 AND (n.leg IS NULL OR n.leg = 0) ORDER BY l.seq LIMIT 1",
        )
        .bind(account_no)
        .bind(first.seq.cast_signed())
        .fetch_one(db)
        .await?);
        let balance = last.available_after.read("entries", "available_after", last.seq)?;
        Ok((last.seq.read("entries", "seq", last.seq)?, balance))
    }

    /// The wallets of these accounts as of their last entry; new ones where there is none.
    pub async fn wallets(
        &mut self,
        accounts: &[(i64, AccountId)],
    ) -> Result<HashMap<i64, Wallet>, StoreError> {
        let numbers: Vec<i64> = accounts.iter().map(|(no, _)| *no).collect();
        let numbers = bulk::json(&numbers);
        let wallets: Vec<WalletRow> = on!(self, db => sqlx::query_as(db.says(WALLETS))
        .bind(numbers.clone())
        .fetch_all(db)
        .await?);
        let mut holds_of = self.open_holds(&numbers).await?;
        let grants: Vec<GrantRow> = on!(self, db => sqlx::query_as(db.says(GRANTS))
        .bind(numbers)
        .fetch_all(db)
        .await?);
        let mut grants_of: HashMap<i64, Vec<Grant>> = HashMap::new();
        for row in grants {
            grants_of.entry(row.account).or_default().push(row.into_grant()?);
        }
        let mut found: HashMap<i64, Wallet> =
            accounts.iter().map(|(no, account)| (*no, Wallet::new(*account))).collect();
        for row in wallets {
            let Some(wallet) = found.get_mut(&row.account) else { continue };
            wallet.seq = row.seq.read("wallets", "seq", row.account)?;
            wallet.head = row.head.read("wallets", "head", row.account)?;
            wallet.held = row.held.read("wallets", "held", row.account)?;
            wallet.debt = row.debt.read("wallets", "debt", row.account)?;
            wallet.recorded_at = Timestamp::from_micros(row.recorded_at);
        }
        let with_grants = |(no, wallet): (i64, Wallet)| {
            let grants = grants_of.remove(&no).unwrap_or_default();
            (no, wallet.with_grants(grants).with_holds(holds_of.remove(&no).unwrap_or_default()))
        };
        Ok(found.into_iter().map(with_grants).collect())
    }

    /// Whether the account has ever been given a grant of this source.
    pub async fn has_grant_of(&mut self, account_no: i64, source: &str) -> Result<bool, StoreError> {
        let found: Option<(i64,)> = on!(self, db => sqlx::query_as("SELECT seq FROM grants WHERE account = $1 AND source = $2 LIMIT 1")
        .bind(account_no)
        .bind(source)
        .fetch_optional(db)
        .await?);
        Ok(found.is_some())
    }

    /// Number and id of an account.
    pub async fn find_account_no(&mut self, account: AccountId) -> Result<Option<i64>, StoreError> {
        let found: Option<(i64,)> = on!(self, db => sqlx::query_as("SELECT no FROM accounts WHERE id = $1")
            .bind(account.to_string())
            .fetch_optional(db)
            .await?);
        Ok(found.map(|(no,)| no))
    }

    /// Comes after all that is read and before what is written.
    pub fn begin(&mut self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite { store, writers } => store.begin_books(&mut writers.books),
            Self::Postgres { .. } => Ok(()),
        }
    }

    /// Whether nobody else writes. Names of events may be taken for new then until the index that keeps them unique says
    /// otherwise ([`StoreError::Known`]).
    pub fn is_alone(&self) -> bool {
        matches!(self, Self::Sqlite { .. })
    }

    /// Undoes what was written since [`Posting::begin`], to begin again.
    pub fn undo(&mut self) {
        if let Self::Sqlite { writers, .. } = self {
            writers.books.roll_back();
        }
    }

    /// Makes everything durable. After an error nobody knows whether it is: see [`StoreError::Stopped`].
    pub async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite { store, mut writers } => store.commit_books(&mut writers.books),
            Self::Postgres { store, transaction, .. } => {
                let result = transaction.commit().await;
                store.committed(&result);
                Ok(result?)
            }
        }
    }

    /// Undoes everything, because of `error`.
    pub async fn give_up(self, error: &StoreError) -> Result<(), StoreError> {
        match self {
            Self::Sqlite { store, writers } => {
                store.give_up_books(&writers.books, error);
                Ok(())
            }
            Self::Postgres { store, transaction, .. } => {
                store.gave_up(error);
                Ok(transaction.rollback().await?)
            }
        }
    }

    pub async fn rollback(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite { writers, .. } => {
                writers.books.roll_back();
                Ok(())
            }
            Self::Postgres { transaction, .. } => Ok(transaction.rollback().await?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::store::DatabaseUrl;

    #[tokio::test]
    async fn events_are_found_by_index_however_many_there_are() {
        let directory = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(Timestamp::from_micros(0));
        let url = DatabaseUrl::Sqlite(directory.path().join("console.db"));
        let store = Store::open(&url, &clock).await.unwrap();
        let mut posting = store.begin_posting(false).await.unwrap();
        let explain = format!("EXPLAIN QUERY PLAN {}", crate::store::book_writer::FIND_BOOKED);
        let plan: Vec<(i64, i64, i64, String)> = on!(&mut posting, db =>
            sqlx::query_as(sqlx::AssertSqlSafe(explain)).bind("").bind("").fetch_all(db).await.unwrap());
        posting.rollback().await.unwrap();
        let steps: Vec<String> = plan.into_iter().map(|(_, _, _, step)| step).collect();
        assert!(steps.iter().any(|step| step.contains("entries_source_event_id_key")), "{steps:?}");
        assert!(
            !steps.iter().any(|step| step.starts_with("SCAN e") || step.starts_with("SCAN g")),
            "{steps:?}"
        );
    }
}
