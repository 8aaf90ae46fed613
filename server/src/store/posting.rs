//! The one transaction in which the books are written: looks up what a batch needs, then writes the whole batch, entries
//! by up to 64 rows a statement and everything else in one text of statements.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ledger::dimensions::DimensionKey;
use ledger::entry::Entry;
use ledger::event::EventKey;
use ledger::grant::Grant;
use ledger::series::{BucketKey, Totals};
use ledger::wallet::Wallet;
use ledger::{AccountId, Credits, Timestamp};
use sqlx::sqlite::SqliteConnection;
use tokio::sync::MutexGuard;

use super::dimension_rollups::{TAKE_BACK_VALUES, WRITE_VALUES};
use super::rows::{Column, EntryRow, GrantRow, entry_columns, entry_tables, grant_columns, parse_text};
use super::sqlite::SqliteStore;
use super::{Store, StoreError, bulk};

/// An open writing transaction. Must end with [`Posting::commit`], [`Posting::rollback`] or [`Posting::give_up`].
pub enum Posting<'s> {
    Sqlite { store: &'s SqliteStore, writer: MutexGuard<'s, SqliteConnection> },
}

/// Runs one statement on the transaction's connection.
macro_rules! on {
    ($posting:expr, $db:ident => $body:expr) => {
        match $posting {
            $crate::store::posting::Posting::Sqlite { writer, .. } => {
                let $db = &mut **writer;
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
    pub entry: Entry,
    /// Of the last leg.
    pub last_seq: u64,
    /// What could be spent after the last leg.
    pub balance: Credits,
}

/// Events by their names. CROSS JOIN: the names lead, whatever the planner thinks of the table's size.
const FIND_BOOKED: &str = concat!(
    "SELECT e.account AS account_no, a.id AS account_id, ",
    entry_columns!(),
    "FROM json_each($1) named CROSS JOIN json_each(named.value) id CROSS JOIN ",
    entry_tables!(),
    "JOIN accounts a ON a.no = e.account \
     WHERE e.source = named.key AND e.event_id = id.value AND e.source IS NOT NULL AND e.movement IN (2, 5, 8)",
);

/// What a batch adds to the books; accounts by their number.
#[derive(Debug, Default)]
pub struct Changes {
    pub entries: Vec<(i64, Entry)>,
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
struct BookedRow {
    account_no: i64,
    account_id: String,
    #[sqlx(flatten)]
    entry: EntryRow,
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

/// Arrays of rows, columns as `bulk` lays them out: `$1` what has become of grants, `$2` wallets, `$3` rollups, `$4` new grants,
/// `$5` dimensions. A sum of quantities stays at the end of its range instead of failing a charge.
const WRITE_STATES: &str = "\
    UPDATE grants SET remaining = new.remaining, repaid = new.repaid, void_reason = new.void_reason FROM \
    (SELECT value ->> 0 AS account, value ->> 1 AS seq, value ->> 2 AS remaining, value ->> 3 AS repaid, \
    value ->> 4 AS void_reason FROM json_each($1)) new WHERE grants.account = new.account AND grants.seq = new.seq; \
    INSERT INTO wallets (account, seq, head, held, recorded_at, debt) \
    SELECT value ->> 0, value ->> 1, unhex(value ->> 2), value ->> 3, value ->> 4, value ->> 5 FROM json_each($2) WHERE true \
    ON CONFLICT (account) DO UPDATE SET seq = excluded.seq, head = excluded.head, held = excluded.held, \
    recorded_at = excluded.recorded_at, debt = excluded.debt WHERE wallets.seq < excluded.seq; \
    INSERT INTO rollups (account, bucket, operation, api_key, credits, quantity, count) \
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6 \
    FROM json_each($3) WHERE true \
    ON CONFLICT (account, bucket, operation, api_key) DO UPDATE SET credits = rollups.credits + excluded.credits, \
    quantity = CASE WHEN rollups.quantity > 9223372036854775807 - excluded.quantity THEN 9223372036854775807 \
    ELSE rollups.quantity + excluded.quantity END, count = rollups.count + excluded.count; \
    INSERT INTO grants (account, seq, amount, remaining, kind, priority, effective_at, expires_at, source, reason, \
    repaid, void_reason) \
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, \
    value ->> 8, value ->> 9, value ->> 10, value ->> 11 FROM json_each($4); \
    INSERT INTO event_dimensions (account, seq, dimensions) \
    SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each($5)";

/// What few batches have, in the same way: `$1` what corrections take back, `$2` holds to open, `$3` holds to close.
const WRITE_RARE: &str = "\
    UPDATE rollups SET credits = rollups.credits - less.credits, quantity = rollups.quantity - less.quantity FROM \
    (SELECT value ->> 0 AS account, value ->> 1 AS bucket, value ->> 2 AS operation, value ->> 3 AS api_key, \
    value ->> 4 AS credits, value ->> 5 AS quantity FROM json_each($1)) less WHERE rollups.account = less.account \
    AND rollups.bucket = less.bucket AND rollups.operation = less.operation AND rollups.api_key = less.api_key; \
    INSERT INTO open_holds (account, seq, legs, deadline) \
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each($2); \
    DELETE FROM open_holds WHERE (account, seq) IN (SELECT value ->> 0, value ->> 1 FROM json_each($3))";

impl Store {
    /// Opens the writing transaction; waits for the writer.
    pub async fn begin_posting(&self) -> Result<Posting<'_>, StoreError> {
        match self {
            Self::Sqlite(store) => {
                let mut writer = store.writer().await?;
                store.begin(&mut writer).await?;
                Ok(Posting::Sqlite { store, writer })
            }
        }
    }
}

impl Posting<'_> {
    /// The events of these names that are in the books already.
    pub async fn find_booked(&mut self, keys: &[&EventKey]) -> Result<HashMap<EventKey, Booked>, StoreError> {
        let rows: Vec<BookedRow> = on!(self, db => sqlx::query_as(FIND_BOOKED)
        .bind(bulk::names(keys))
        .fetch_all(db)
        .await?);
        let mut booked = HashMap::with_capacity(rows.len());
        for row in rows {
            let entry = row.entry.into_entry()?;
            let Some(event) = &entry.event else { continue };
            let Ok(key) = EventKey::parse(&event.source, &event.id) else { continue };
            let (last_seq, balance) = self.last_leg(row.account_no, &entry).await?;
            let account = parse_text(&row.account_id, "accounts", "id")?;
            booked.insert(key, Booked { account, entry, last_seq, balance });
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
        let wallets: Vec<WalletRow> = on!(self, db => sqlx::query_as(
            "SELECT account, seq, head, held, debt, recorded_at FROM wallets \
             WHERE account IN (SELECT value FROM json_each($1))",
        )
        .bind(numbers.clone())
        .fetch_all(db)
        .await?);
        let mut holds_of = self.open_holds(&numbers).await?;
        let grants: Vec<GrantRow> = on!(self, db => sqlx::query_as(concat!(
            "SELECT ", grant_columns!(), "FROM grants g WHERE g.account IN (SELECT value FROM json_each($1)) \
             AND (g.remaining > 0 OR EXISTS (SELECT 1 FROM open_holds h CROSS JOIN entries e WHERE h.account = g.account \
             AND e.account = h.account AND e.seq >= h.seq AND e.seq < h.seq + h.legs AND e.grant_seq = g.seq))",
        ))
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
        let found: Option<(i64,)> = on!(self, db => sqlx::query_as("SELECT 1 FROM grants WHERE account = $1 AND source = $2")
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

    /// Writes the batch. Rows that the database ignores or counts differently are an error.
    pub async fn write(&mut self, changes: &Changes) -> Result<(), StoreError> {
        for entries in changes.entries.chunks(bulk::ENTRIES) {
            let done = on!(self, db => bulk::insert_entries(entries).execute(db).await?);
            expect("insert entries", entries.len(), done.rows_affected())?;
        }
        self.write_states(changes).await?;
        self.write_rare(changes).await?;
        self.write_values(&changes.values).await
    }

    /// Everything but the entries: statements of a fixed text, handed over together, since each handing over costs more than
    /// what most of them do. None can count more rows than it was given, so their sum is right only when each is.
    async fn write_states(&mut self, changes: &Changes) -> Result<(), StoreError> {
        let Changes { issued, grants, wallets, rollups, dimensions, .. } = changes;
        let expected = issued.len() + grants.len() + wallets.len() + rollups.len() + dimensions.len();
        if expected == 0 {
            return Ok(());
        }
        let done = on!(self, db => sqlx::query(WRITE_STATES)
            .bind(bulk::grant_states(grants))
            .bind(bulk::wallets(wallets))
            .bind(bulk::rollups(rollups))
            .bind(bulk::grants(issued))
            .bind(bulk::dimensions(dimensions))
            .execute(db)
            .await?);
        expect("write grants, wallets, rollups and dimensions", expected, done.rows_affected())
    }

    async fn write_rare(&mut self, changes: &Changes) -> Result<(), StoreError> {
        let Changes { taken_back, opened_holds, closed_holds, .. } = changes;
        let expected = taken_back.len() + opened_holds.len() + closed_holds.len();
        if expected == 0 {
            return Ok(());
        }
        let done = on!(self, db => sqlx::query(WRITE_RARE)
            .bind(bulk::rollups(taken_back))
            .bind(bulk::opened_holds(opened_holds))
            .bind(bulk::closed_holds(closed_holds))
            .execute(db)
            .await?);
        expect("take back rollups, open and close holds", expected, done.rows_affected())
    }

    /// Statements of their own, so that whoever declares no dimension pays for none.
    async fn write_values(&mut self, values: &ValueSums) -> Result<(), StoreError> {
        for (statement, sums) in [(WRITE_VALUES, &values.used), (TAKE_BACK_VALUES, &values.taken_back)] {
            if sums.is_empty() {
                continue;
            }
            let rows = bulk::values(sums.iter().map(|((no, key), totals)| (*no, key, totals)));
            let done = on!(self, db => sqlx::query(statement).bind(rows).execute(db).await?);
            expect("write rollups of dimensions", sums.len(), done.rows_affected())?;
        }
        Ok(())
    }

    /// Makes everything durable. After an error nobody knows whether it is: see [`StoreError::Stopped`].
    pub async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite { store, mut writer } => store.commit(&mut writer).await,
        }
    }

    /// Undoes everything, because of `error`.
    pub async fn give_up(self, error: &StoreError) -> Result<(), StoreError> {
        match self {
            Self::Sqlite { store, mut writer } => store.give_up(&mut writer, error).await,
        }
        Ok(())
    }

    pub async fn rollback(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite { store, mut writer } => store.roll_back(&mut writer).await,
        }
        Ok(())
    }
}

fn expect(statement: &'static str, expected: usize, found: u64) -> Result<(), StoreError> {
    let expected = u64::try_from(expected).unwrap_or(u64::MAX);
    if found == expected { Ok(()) } else { Err(StoreError::Rows { statement, expected, found }) }
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
        let mut posting = store.begin_posting().await.unwrap();
        let explain = format!("EXPLAIN QUERY PLAN {FIND_BOOKED}");
        let plan: Vec<(i64, i64, i64, String)> = on!(&mut posting, db =>
            sqlx::query_as(sqlx::AssertSqlSafe(explain)).bind("{}").fetch_all(db).await.unwrap());
        posting.rollback().await.unwrap();
        let steps: Vec<String> = plan.into_iter().map(|(_, _, _, step)| step).collect();
        assert!(steps.iter().any(|step| step.contains("entries_source_event_id_key")), "{steps:?}");
        assert!(
            !steps.iter().any(|step| step.starts_with("SCAN e") || step.starts_with("SCAN g")),
            "{steps:?}"
        );
    }
}
