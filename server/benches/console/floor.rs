//! The floor: the same rows into the same tables and indexes, one commit per group, by a program that decides nothing.
//!
//! No accounts are looked up, nothing is priced, hashed or checked for having been there, nobody is answered: prepared
//! statements on one thread straight into SQLite, under the settings of our writer. Whoever keeps these books cannot do
//! less than this.

use rusqlite::types::Null;
use rusqlite::{Connection, Statement, Transaction, TransactionBehavior, params};

use crate::Outcome;
use crate::books::{Books, OPERATION, SOURCE, event_id};

/// How the entries of a group are inserted; which is faster depends on the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// One prepared statement, stepped once per row.
    RowByRow,
    /// Prepared statements of [`CHUNK`] rows, the rest row by row.
    Chunks,
}

impl Way {
    pub const ALL: [Self; 2] = [Self::RowByRow, Self::Chunks];
}

const CHUNK: usize = 50;
const COLUMNS: usize = 18;
const INSERT: &str = "INSERT INTO entries (account, seq, leg, movement, amount, grant_seq, available_after, held_after, \
    recorded_at, source, event_id, operation, quantity, credits, api_key, service_key, price_version, hash) VALUES ";
const WALLET: &str = "UPDATE wallets SET seq = ?2, head = ?3, held = ?4, recorded_at = ?5 WHERE account = ?1";
const GRANT: &str = "UPDATE grants SET remaining = ?3 WHERE account = ?1 AND seq = ?2";
const ROLLUP: &str = "INSERT INTO rollups (account, bucket, operation, api_key, credits, quantity, count) \
    VALUES (?1, ?2, ?3, '', ?4, ?5, ?6) ON CONFLICT (account, bucket, operation, api_key) \
    DO UPDATE SET credits = credits + excluded.credits, quantity = quantity + excluded.quantity, count = count + excluded.count";

pub const CREDITS: i64 = 150_000;
pub const MICRO_UNITS: i64 = 1_500_000;
pub const GRANTED: i64 = 8_000_000_000_000;
pub const BEGIN: i64 = 1_790_000_000_000_000;
pub const BUCKET: i64 = 900_000_000;

/// Books that are written without being kept.
pub struct Floor {
    connection: Connection,
    service_key: String,
    /// `seq` of each account's last entry.
    last: Vec<i64>,
}

/// One entry, ready to be bound.
struct Row {
    account: i64,
    seq: i64,
    id: String,
    recorded_at: i64,
    hash: [u8; 32],
}

impl Floor {
    pub fn open(books: &Books) -> Outcome<Self> {
        let connection = Connection::open(books.file())?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA wal_autocheckpoint = 0; \
             PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY;",
        )?;
        connection.set_prepared_statement_cache_capacity(16);
        Ok(Self {
            connection,
            service_key: books.service_key.to_string(),
            last: vec![1; books.accounts.len()],
        })
    }

    /// Writes the events from `first` on, `group` of them, round the first `accounts` accounts, and commits.
    pub fn write(&mut self, way: Way, first: usize, group: usize, accounts: usize) -> Outcome {
        let rows = self.rows(first, group, accounts)?;
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        insert(&transaction, way, &rows, &self.service_key)?;
        // The last row of each account tells where it stands.
        let touched = rows.len().min(accounts);
        for row in &rows[rows.len() - touched..] {
            update(&transaction, row, group / touched)?;
        }
        transaction.commit()?;
        Ok(())
    }

    fn rows(&mut self, first: usize, group: usize, accounts: usize) -> Outcome<Vec<Row>> {
        let mut rows = Vec::with_capacity(group);
        for number in first..first + group {
            let place = number % accounts;
            self.last[place] += 1;
            let mut hash = [0x5a; 32];
            hash[..8].copy_from_slice(&number.to_be_bytes());
            rows.push(Row {
                account: i64::try_from(place)? + 1,
                seq: self.last[place],
                id: event_id(number),
                recorded_at: BEGIN + i64::try_from(number)? * 10,
                hash,
            });
        }
        Ok(rows)
    }

    /// Moves the log into the file, as the server does beside its writer. The log keeps its size: growing it again would
    /// cost more than what is written into it.
    pub fn checkpoint(&self) -> Outcome {
        Ok(self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?)
    }
}

fn insert(transaction: &Transaction<'_>, way: Way, rows: &[Row], service_key: &str) -> Outcome {
    let chunk = if way == Way::Chunks { CHUNK } else { 1 };
    for rows in rows.chunks(chunk) {
        let size = if rows.len() == chunk { chunk } else { 1 };
        let marks = format!("({})", ["?"; COLUMNS].join(","));
        let mut statement =
            transaction.prepare_cached(&format!("{INSERT}{}", vec![marks; size].join(",")))?;
        for rows in rows.chunks(size) {
            for (place, row) in rows.iter().enumerate() {
                bind(&mut statement, place * COLUMNS, row, service_key)?;
            }
            statement.raw_execute()?;
        }
    }
    Ok(())
}

fn bind(statement: &mut Statement<'_>, before: usize, row: &Row, service_key: &str) -> rusqlite::Result<()> {
    let available = GRANTED - row.seq * CREDITS;
    let integers = [row.account, row.seq, 0, 2, CREDITS, 1, available, 0, row.recorded_at];
    for (place, integer) in integers.into_iter().enumerate() {
        statement.raw_bind_parameter(before + place + 1, integer)?;
    }
    statement.raw_bind_parameter(before + 10, SOURCE)?;
    statement.raw_bind_parameter(before + 11, &row.id)?;
    statement.raw_bind_parameter(before + 12, OPERATION)?;
    statement.raw_bind_parameter(before + 13, MICRO_UNITS)?;
    statement.raw_bind_parameter(before + 14, CREDITS)?;
    statement.raw_bind_parameter(before + 15, Null)?;
    statement.raw_bind_parameter(before + 16, service_key)?;
    statement.raw_bind_parameter(before + 17, 1)?;
    statement.raw_bind_parameter(before + 18, row.hash)
}

/// What stands once per account and commit: the wallet, its grant and the chart's bucket, for `count` events.
fn update(transaction: &Transaction<'_>, row: &Row, count: usize) -> Outcome {
    let count = i64::try_from(count)?;
    let wallet = params![row.account, row.seq, row.hash, 0, row.recorded_at];
    transaction.prepare_cached(WALLET)?.execute(wallet)?;
    transaction.prepare_cached(GRANT)?.execute(params![row.account, 1, GRANTED - row.seq * CREDITS])?;
    let bucket = row.recorded_at - row.recorded_at % BUCKET;
    let totals = params![row.account, bucket, OPERATION, CREDITS * count, MICRO_UNITS * count, count];
    transaction.prepare_cached(ROLLUP)?.execute(totals)?;
    Ok(())
}
