//! The connection that writes the books of a file: prepared statements with bound references, straight into SQLite. sqlx would
//! copy each value, hand each statement to another thread and wait for it, which together cost more than the statements
//! (docs/decisions/0018). All calls block; who makes them may block.

use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use ledger::dimensions::DimensionKey;
use ledger::entry::Entry;
use ledger::event::EventKey;
use ledger::series::{BucketKey, Totals};
use ledger::{KeyId, Timestamp};
use rusqlite::{Connection, OpenFlags, Statement, ToSql, params};

use super::StoreError;
use super::posting::{BookedRow, Changes, NumberedEntry, ValueSums, booked_columns};
use super::rows::{entry_columns, entry_tables};
use super::sqlite::LOG_SIZE;

const PRAGMAS: &str = "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA wal_autocheckpoint = 0; \
    PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY;";
/// How long a transaction waits for somebody else's, of which there is none but that of a cut of the log.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

pub(super) const FIND_BOOKED: &str = concat!(
    booked_columns!(),
    "FROM ",
    entry_tables!(),
    "JOIN accounts a ON a.no = e.account ",
    "WHERE e.source = ?1 AND e.event_id = ?2 AND e.source IS NOT NULL AND e.movement IN (2, 5, 8)",
);
const INSERT_ENTRIES: &str = "INSERT INTO entries (account, seq, leg, movement, amount, grant_seq, available_after, \
    held_after, recorded_at, source, event_id, operation, quantity, credits, occurred_at, api_key, service_key, \
    price_version, dimensions_hash, reason, hash, debt_after, deadline, revises, quantity_before, credits_before, \
    correction_id) VALUES ";
/// Parameters of each row of it.
const ROW: &str = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
/// Entries that are inserted with one statement, which opens the table and its indexes once for all of them.
pub(super) const ROWS: usize = 32;
static INSERT_ENTRY: LazyLock<String> = LazyLock::new(|| format!("{INSERT_ENTRIES}{ROW}"));
static INSERT_ROWS: LazyLock<String> =
    LazyLock::new(|| format!("{INSERT_ENTRIES}{}", [ROW; ROWS].join(", ")));
const UPDATE_GRANT: &str =
    "UPDATE grants SET remaining = ?3, repaid = ?4, void_reason = ?5 WHERE account = ?1 AND seq = ?2";
const WRITE_WALLET: &str = "INSERT INTO wallets (account, seq, head, held, recorded_at, debt) VALUES (?, ?, ?, ?, ?, ?) \
    ON CONFLICT (account) DO UPDATE SET seq = excluded.seq, head = excluded.head, held = excluded.held, \
    recorded_at = excluded.recorded_at, debt = excluded.debt WHERE wallets.seq < excluded.seq";
/// A sum of quantities stays at the end of its range instead of failing a charge.
const ADD_ROLLUP: &str = "INSERT INTO rollups (account, bucket, operation, api_key, credits, quantity, count) \
    VALUES (?, ?, ?, ?, ?, ?, ?) \
    ON CONFLICT (account, bucket, operation, api_key) DO UPDATE SET credits = rollups.credits + excluded.credits, \
    quantity = CASE WHEN rollups.quantity > 9223372036854775807 - excluded.quantity THEN 9223372036854775807 \
    ELSE rollups.quantity + excluded.quantity END, count = rollups.count + excluded.count";
const LOWER_ROLLUP: &str = "UPDATE rollups SET credits = credits - ?5, quantity = quantity - ?6 \
    WHERE account = ?1 AND bucket = ?2 AND operation = ?3 AND api_key = ?4";
const INSERT_GRANT: &str = "INSERT INTO grants (account, seq, amount, remaining, kind, priority, effective_at, expires_at, \
    source, reason, repaid, void_reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
const INSERT_DIMENSIONS: &str = "INSERT INTO event_dimensions (account, seq, dimensions) VALUES (?, ?, ?)";
const OPEN_HOLD: &str = "INSERT INTO open_holds (account, seq, legs, deadline) VALUES (?, ?, ?, ?)";
const CLOSE_HOLD: &str = "DELETE FROM open_holds WHERE account = ? AND seq = ?";
const ADD_VALUE: &str = "INSERT INTO dimension_rollups (account, dimension, bucket, operation, api_key, value, credits, \
    quantity, count) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) \
    ON CONFLICT (account, dimension, bucket, operation, api_key, value) DO UPDATE SET \
    credits = dimension_rollups.credits + excluded.credits, quantity = CASE \
    WHEN dimension_rollups.quantity > 9223372036854775807 - excluded.quantity THEN 9223372036854775807 \
    ELSE dimension_rollups.quantity + excluded.quantity END, count = dimension_rollups.count + excluded.count";
const LOWER_VALUE: &str = "UPDATE dimension_rollups SET credits = credits - ?7, quantity = quantity - ?8 \
    WHERE account = ?1 AND dimension = ?2 AND bucket = ?3 AND operation = ?4 AND api_key = ?5 AND value = ?6";

/// A connection of its own beside that of all other writers; never in a transaction while they are.
#[derive(Debug)]
pub(super) struct BookWriter(Box<Connection>);

impl BookWriter {
    /// Opens all files at once: a process that has run out of descriptors could open none later.
    pub fn open(file: &Path, is_read_only: bool) -> Result<Self, rusqlite::Error> {
        let access =
            if is_read_only { OpenFlags::SQLITE_OPEN_READ_ONLY } else { OpenFlags::SQLITE_OPEN_READ_WRITE };
        let connection = Connection::open_with_flags(file, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(PATIENCE)?;
        connection.execute_batch(PRAGMAS)?;
        connection.execute_batch(&format!("PRAGMA journal_size_limit = {LOG_SIZE}"))?;
        connection.set_prepared_statement_cache_capacity(32);
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        Ok(Self(Box::new(connection)))
    }

    pub fn begin(&mut self) -> Result<(), rusqlite::Error> {
        self.run("BEGIN IMMEDIATE")
    }

    /// Makes everything durable. After an error nothing of the transaction is left open.
    pub fn commit(&mut self) -> Result<(), rusqlite::Error> {
        self.run("COMMIT").inspect_err(|_| self.roll_back())
    }

    /// Undoes everything, where there is something to undo: SQLite has rolled back by itself after some errors.
    pub fn roll_back(&self) {
        if !self.0.is_autocommit() {
            self.run("ROLLBACK").ok();
        }
    }

    fn run(&self, statement: &'static str) -> Result<(), rusqlite::Error> {
        self.0.prepare_cached(statement)?.execute([]).map(drop)
    }

    /// The events of these names that are in the books, as of the last commit.
    pub fn find_booked(&mut self, keys: &[&EventKey]) -> Result<Vec<BookedRow>, StoreError> {
        let mut find = self.0.prepare_cached(FIND_BOOKED)?;
        let mut found = vec![];
        for key in keys {
            let mut rows = find.query([key.source(), key.id()])?;
            while let Some(row) = rows.next()? {
                found.push(BookedRow::at(row)?);
            }
        }
        Ok(found)
    }

    /// All that a batch writes but its entries. Rows that the database ignores or counts differently are an error.
    pub fn write_states(&mut self, changes: &Changes) -> Result<(), StoreError> {
        self.write_grants(changes)?;
        self.write_wallets(changes)?;
        self.write_rollups(changes)?;
        self.write_holds(changes)?;
        self.write_values(&changes.values)
    }

    /// Fails with [`StoreError::Known`] where the name of an event is taken.
    pub fn write_entries(&mut self, entries: &[NumberedEntry]) -> Result<(), StoreError> {
        let (rows, rest) = entries.as_chunks::<ROWS>();
        for rows in rows {
            self.insert_entries(&INSERT_ROWS, rows)?;
        }
        rest.iter().try_for_each(|row| self.insert_entries(&INSERT_ENTRY, std::slice::from_ref(row)))
    }

    /// `rows` are as many as the statement has room for.
    fn insert_entries(&mut self, statement: &str, rows: &[NumberedEntry]) -> Result<(), StoreError> {
        let mut insert = self.0.prepare_cached(statement)?;
        let mut parameters = Parameters { statement: &mut insert, bound: 0 };
        for (account_no, entry) in rows {
            bind_entry(&mut parameters, *account_no, entry)?;
        }
        all("insert entries", rows.len(), insert.raw_execute().map_err(refused)?)
    }

    fn write_grants(&mut self, changes: &Changes) -> Result<(), StoreError> {
        let mut update = self.0.prepare_cached(UPDATE_GRANT)?;
        for ((no, seq), state) in &changes.grants {
            let (remaining, repaid) = (state.remaining.micros(), state.repaid.micros());
            let state = params![no, seq.cast_signed(), remaining, repaid, state.void_reason];
            one("write grants", update.execute(state)?)?;
        }
        for (no, grant) in &changes.issued {
            let facts = &grant.facts;
            let row = params![
                no,
                grant.seq.cast_signed(),
                grant.amount.micros(),
                grant.remaining.micros(),
                facts.kind.code(),
                facts.priority,
                facts.effective_at.micros(),
                facts.expires_at.map(Timestamp::micros),
                facts.source,
                facts.reason,
                grant.repaid.micros(),
                grant.void_reason,
            ];
            one("insert grants", self.0.prepare_cached(INSERT_GRANT)?.execute(row)?)?;
        }
        Ok(())
    }

    fn write_wallets(&mut self, changes: &Changes) -> Result<(), StoreError> {
        let mut write = self.0.prepare_cached(WRITE_WALLET)?;
        // In the order of their rows.
        let mut wallets: Vec<_> = changes.wallets.iter().collect();
        wallets.sort_unstable_by_key(|(no, _)| **no);
        for (no, wallet) in wallets {
            let (held, debt) = (wallet.held.micros(), wallet.debt.micros());
            let at = wallet.recorded_at.micros();
            let row = params![no, wallet.seq.cast_signed(), wallet.head.0, held, at, debt];
            one("write wallets", write.execute(row)?)?;
        }
        Ok(())
    }

    fn write_rollups(&mut self, changes: &Changes) -> Result<(), StoreError> {
        let mut add = self.0.prepare_cached(ADD_ROLLUP)?;
        for ((no, key), totals) in &changes.rollups {
            let BucketKey { start, operation, api_key } = key;
            let api_key = api_key.as_ref().map_or("", KeyId::as_str);
            let (credits, quantity) = (totals.credits.micros(), totals.quantity.micros());
            let row = params![no, start.micros(), operation, api_key, credits, quantity, count(totals)];
            one("write rollups", add.execute(row)?)?;
        }
        for ((no, key), totals) in &changes.taken_back {
            let BucketKey { start, operation, api_key } = key;
            let api_key = api_key.as_ref().map_or("", KeyId::as_str);
            let (credits, quantity) = (totals.credits.micros(), totals.quantity.micros());
            let row = params![no, start.micros(), operation, api_key, credits, quantity];
            one("take back rollups", self.0.prepare_cached(LOWER_ROLLUP)?.execute(row)?)?;
        }
        for (no, seq, json) in &changes.dimensions {
            let row = params![no, seq.cast_signed(), json];
            one("insert dimensions", self.0.prepare_cached(INSERT_DIMENSIONS)?.execute(row)?)?;
        }
        Ok(())
    }

    fn write_holds(&mut self, changes: &Changes) -> Result<(), StoreError> {
        for ((no, seq), hold) in &changes.opened_holds {
            let legs = i64::try_from(hold.legs).unwrap_or(i64::MAX);
            let row = params![no, seq.cast_signed(), legs, hold.deadline.micros()];
            one("open holds", self.0.prepare_cached(OPEN_HOLD)?.execute(row)?)?;
        }
        for (no, seq) in &changes.closed_holds {
            let closed = self.0.prepare_cached(CLOSE_HOLD)?.execute(params![no, seq.cast_signed()])?;
            one("close holds", closed)?;
        }
        Ok(())
    }

    /// What values of dimensions came to.
    pub fn write_values(&mut self, values: &ValueSums) -> Result<(), StoreError> {
        for ((no, key), totals) in &values.used {
            let DimensionKey { dimension, bucket, group } = key;
            let BucketKey { start, operation, api_key } = bucket;
            let (start, api_key) = (start.micros(), api_key.as_ref().map_or("", KeyId::as_str));
            let (credits, quantity) = (totals.credits.micros(), totals.quantity.micros());
            let row =
                params![no, dimension, start, operation, api_key, group, credits, quantity, count(totals)];
            one("write rollups of dimensions", self.0.prepare_cached(ADD_VALUE)?.execute(row)?)?;
        }
        for ((no, key), totals) in &values.taken_back {
            let DimensionKey { dimension, bucket, group } = key;
            let BucketKey { start, operation, api_key } = bucket;
            let (start, api_key) = (start.micros(), api_key.as_ref().map_or("", KeyId::as_str));
            let (credits, quantity) = (totals.credits.micros(), totals.quantity.micros());
            let row = params![no, dimension, start, operation, api_key, group, credits, quantity];
            one("take back rollups of dimensions", self.0.prepare_cached(LOWER_VALUE)?.execute(row)?)?;
        }
        Ok(())
    }
}

/// Why an entry was not inserted. Of `entries_source_event_id_key`, which it would have broken, SQLite says the columns.
fn refused(error: rusqlite::Error) -> StoreError {
    match &error {
        rusqlite::Error::SqliteFailure(cause, Some(message))
            if cause.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE
                && message.ends_with("entries.source, entries.event_id") =>
        {
            StoreError::Known
        }
        _ => error.into(),
    }
}

fn count(totals: &Totals) -> i64 {
    i64::try_from(totals.count).unwrap_or(i64::MAX)
}

/// A statement that is run for one row.
fn one(statement: &'static str, found: usize) -> Result<(), StoreError> {
    all(statement, 1, found)
}

fn all(statement: &'static str, expected: usize, found: usize) -> Result<(), StoreError> {
    let [expected, found] = [expected, found].map(|rows| u64::try_from(rows).unwrap_or(u64::MAX));
    if found == expected { Ok(()) } else { Err(StoreError::Rows { statement, expected, found }) }
}

/// The parameters of a statement, one after the other.
struct Parameters<'s, 'c> {
    statement: &'s mut Statement<'c>,
    bound: usize,
}

impl Parameters<'_, '_> {
    fn bind(&mut self, value: impl ToSql) -> rusqlite::Result<()> {
        self.bound += 1;
        self.statement.raw_bind_parameter(self.bound, value)
    }
}

fn bind_entry(row: &mut Parameters<'_, '_>, account_no: i64, entry: &Entry) -> rusqlite::Result<()> {
    let (event, revises) = (entry.event.as_ref(), entry.revises.as_ref());
    row.bind(account_no)?;
    row.bind(entry.seq.cast_signed())?;
    row.bind(entry.leg)?;
    row.bind(entry.movement.code())?;
    row.bind(entry.amount.micros())?;
    row.bind(entry.grant.map(u64::cast_signed))?;
    row.bind(entry.available_after.micros())?;
    row.bind(entry.held_after.micros())?;
    row.bind(entry.recorded_at.micros())?;
    row.bind(event.map(|event| event.source.as_str()))?;
    row.bind(event.map(|event| event.id.as_str()))?;
    row.bind(event.map(|event| event.operation.as_str()))?;
    row.bind(event.map(|event| event.quantity.micros()))?;
    row.bind(event.map(|event| event.credits.micros()))?;
    row.bind(event.and_then(|event| event.occurred_at).map(Timestamp::micros))?;
    row.bind(event.and_then(|event| event.api_key.as_ref()).map(KeyId::as_str))?;
    row.bind(event.and_then(|event| event.service_key.as_ref()).map(KeyId::as_str))?;
    row.bind(event.map(|event| event.price_version))?;
    row.bind(event.and_then(|event| event.dimensions).map(|digest| digest.0))?;
    row.bind(entry.reason.as_deref())?;
    row.bind(entry.hash.0)?;
    row.bind(entry.debt_after.micros())?;
    row.bind(entry.deadline.map(Timestamp::micros))?;
    row.bind(revises.map(|revises| revises.of.cast_signed()))?;
    row.bind(revises.map(|revises| revises.quantity.micros()))?;
    row.bind(revises.map(|revises| revises.credits.micros()))?;
    row.bind(revises.and_then(|revises| revises.correction.as_deref()))
}
