//! A SQLite file's rows put into a Postgres that has none: table by table, column by column, in one transaction there.

use std::fmt::Write as _;
use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use sqlx::{AssertSqlSafe, PgConnection};
use tokio::sync::mpsc;

use super::{SqliteStore, Store, StoreError};

/// Bytes of rows that are sent at a time.
const CHUNK: usize = 1 << 20;
/// Chunks that wait to be sent.
const AHEAD: usize = 4;

/// All tables, those that others refer to first.
const TABLES: [&str; 31] = [
    "accounts",
    "users",
    "memberships",
    "sessions",
    "api_keys",
    "api_key_requests",
    "service_keys",
    "rate_cards",
    "wallets",
    "grants",
    "entries",
    "event_dimensions",
    "rollups",
    "open_holds",
    "usage_dimensions",
    "dimension_rollups",
    "mails",
    "audit_log",
    "one_time_links",
    "identities",
    "provider_rounds",
    "access_log",
    "email_changes",
    "totp_secrets",
    "recovery_codes",
    "second_steps",
    "passkeys",
    "passkey_handles",
    "passkey_challenges",
    "problem_reports",
    "demos",
];
/// Those whose rows get numbers, which go on after the last one.
const NUMBERED: [&str; 6] = ["accounts", "entries", "mails", "audit_log", "access_log", "problem_reports"];

/// Why a file could not be copied; nothing was, unless it says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    #[error("that database is in use already: it has {table}; copy into an empty one")]
    NotEmpty { table: &'static str },
    #[error(
        "{table}.{column} of row {row} has the character U+0000 in it, which Postgres cannot store; change it first"
    )]
    Unstorable { table: &'static str, column: String, row: u64 },
    #[error("{table}: {found} rows came over instead of {expected}")]
    Lost { table: &'static str, expected: u64, found: u64 },
    #[error(
        "the database has not said whether it keeps the copy ({0}); if it has no accounts now, nothing was copied and the \
         command can be given again; else make it anew first"
    )]
    Unknown(StoreError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for TransferError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<rusqlite::Error> for TransferError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

impl Store {
    /// Copies all rows of a file that nobody else writes to; how many. A price list that `self` was given when it was made
    /// is replaced.
    pub async fn copy_from(&self, source: &SqliteStore) -> Result<u64, TransferError> {
        let Self::Postgres(target) = self else {
            return Err(TransferError::NotEmpty { table: "accounts" });
        };
        let mut transaction = target.begin_change().await?;
        for table in TABLES.into_iter().filter(|table| *table != "rate_cards") {
            if is_filled(&mut transaction, table).await? {
                return Err(TransferError::NotEmpty { table });
            }
        }
        sqlx::query("DELETE FROM rate_cards").execute(&mut *transaction).await?;
        let mut rows = 0_u64;
        for table in TABLES {
            rows += copy_table(source.path(), &mut transaction, table).await?;
        }
        for table in NUMBERED {
            let next = format!(
                "SELECT setval(pg_get_serial_sequence('{table}', 'no'), (SELECT coalesce(max(no), 0) + 1 FROM {table}), false)"
            );
            sqlx::query(AssertSqlSafe(next)).execute(&mut *transaction).await?;
        }
        target.commit_change(transaction, true).await.map_err(TransferError::Unknown)?;
        Ok(rows)
    }
}

async fn is_filled(db: &mut PgConnection, table: &'static str) -> Result<bool, TransferError> {
    let sql = format!("SELECT EXISTS (SELECT 1 FROM {table})");
    let (found,): (bool,) = sqlx::query_as(AssertSqlSafe(sql)).fetch_one(db).await?;
    Ok(found)
}

/// The rows are read by a thread of their own while those before are sent.
async fn copy_table(file: &Path, db: &mut PgConnection, table: &'static str) -> Result<u64, TransferError> {
    let (sender, mut chunks) = mpsc::channel(AHEAD);
    let columns = columns_of(file, table)?;
    let copy = format!("COPY {table} ({}) FROM STDIN", columns.join(", "));
    let file = file.to_owned();
    let reading = tokio::task::spawn_blocking(move || read_table(&file, table, &columns, &sender));
    let mut sink = db.copy_in_raw(&copy).await?;
    while let Some(chunk) = chunks.recv().await {
        sink.send(chunk).await?;
    }
    let expected = match reading.await.map_err(StoreError::from)? {
        Ok(rows) => rows,
        Err(error) => {
            // The error is why; that the copy ended is what was asked for.
            drop(sink.abort("the file could not be read to its end").await);
            return Err(error);
        }
    };
    let found = sink.finish().await?;
    if found == expected { Ok(found) } else { Err(TransferError::Lost { table, expected, found }) }
}

fn open(file: &Path) -> Result<Connection, TransferError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Ok(Connection::open_with_flags(file, flags)?)
}

fn columns_of(file: &Path, table: &str) -> Result<Vec<String>, TransferError> {
    let connection = open(file)?;
    let mut statement = connection.prepare("SELECT name FROM pragma_table_info($1)")?;
    let names = statement.query_map([table], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

/// Sends a table's rows in Postgres' text format (<https://www.postgresql.org/docs/current/sql-copy.html>); how many.
fn read_table(
    file: &Path,
    table: &'static str,
    columns: &[String],
    chunks: &mpsc::Sender<Vec<u8>>,
) -> Result<u64, TransferError> {
    let connection = open(file)?;
    let mut statement = connection.prepare(&format!("SELECT {} FROM {table}", columns.join(", ")))?;
    let mut rows = statement.query([])?;
    let (mut chunk, mut count) = (String::with_capacity(CHUNK), 0_u64);
    while let Some(row) = rows.next()? {
        count += 1;
        for (place, column) in columns.iter().enumerate() {
            chunk.push_str(if place > 0 { "\t" } else { "" });
            let is_storable = write_value(&mut chunk, row.get_ref(place)?);
            if !is_storable {
                return Err(TransferError::Unstorable { table, column: column.clone(), row: count });
            }
        }
        chunk.push('\n');
        if chunk.len() > CHUNK - CHUNK / 8 && !send(chunks, &mut chunk) {
            return Ok(count);
        }
    }
    send(chunks, &mut chunk);
    Ok(count)
}

/// Whether anybody still wants rows.
fn send(chunks: &mpsc::Sender<Vec<u8>>, chunk: &mut String) -> bool {
    let full = std::mem::replace(chunk, String::with_capacity(CHUNK));
    chunks.blocking_send(full.into_bytes()).is_ok()
}

/// Appends a value; `false`: Postgres can't store it.
fn write_value(chunk: &mut String, value: ValueRef<'_>) -> bool {
    match value {
        ValueRef::Null => chunk.push_str("\\N"),
        // Writing to a String cannot fail.
        ValueRef::Integer(number) => {
            let _ = write!(chunk, "{number}");
        }
        ValueRef::Blob(bytes) => {
            chunk.push_str("\\\\x");
            for byte in bytes {
                let _ = write!(chunk, "{byte:02x}");
            }
        }
        ValueRef::Text(text) => return std::str::from_utf8(text).is_ok_and(|text| write_text(chunk, text)),
        // No table has such a column.
        ValueRef::Real(_) => return false,
    }
    true
}

fn write_text(chunk: &mut String, text: &str) -> bool {
    for character in text.chars() {
        match character {
            '\0' => return false,
            '\\' => chunk.push_str("\\\\"),
            '\n' => chunk.push_str("\\n"),
            '\r' => chunk.push_str("\\r"),
            '\t' => chunk.push_str("\\t"),
            other => chunk.push(other),
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use ledger::Timestamp;

    use super::*;
    use crate::clock::ManualClock;
    use crate::store::DatabaseUrl;

    #[test]
    fn values_are_written_as_postgres_reads_them() {
        let mut chunk = String::new();
        assert!(write_value(&mut chunk, ValueRef::Text("a\tb\\c\nd\r\u{e9}".as_bytes())));
        assert_eq!(chunk, "a\\tb\\\\c\\nd\\r\u{e9}");
        chunk.clear();
        assert!(write_value(&mut chunk, ValueRef::Blob(&[0, 255])));
        assert!(write_value(&mut chunk, ValueRef::Null));
        assert!(write_value(&mut chunk, ValueRef::Integer(i64::MIN)));
        assert_eq!(chunk, "\\\\x00ff\\N-9223372036854775808");
        assert!(!write_value(&mut chunk, ValueRef::Text(b"a\0")));
        assert!(!write_value(&mut chunk, ValueRef::Real(0.5)));
    }

    #[tokio::test]
    async fn every_table_is_copied() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("console.db");
        let url = DatabaseUrl::Sqlite(file.clone());
        let store = Store::open(&url, &ManualClock::at(Timestamp::from_micros(0))).await.unwrap();
        let connection = open(&file).unwrap();
        let mut statement = connection
            .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_sqlx_%'")
            .unwrap();
        let mut found: Vec<String> =
            statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        let mut copied: Vec<&str> = TABLES.to_vec();
        found.sort_unstable();
        copied.sort_unstable();
        assert_eq!(found, copied);
        store.close().await;
    }
}
