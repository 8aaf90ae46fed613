//! What a file is, before anybody trusts it.
//!
//! Ours is whatever our migrations have made: the table in which they are noted holds the hash of each one's text, so
//! files need no other mark, and those that have none are known as well.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use rusqlite::{Connection, ErrorCode, OptionalExtension as _};
use sqlx::Connection as _;
use sqlx::migrate::MigrateError;
use sqlx::sqlite::SqliteConnection;

use super::super::sqlite::{MIGRATOR, run_migrations};
use super::seal::{self, Seal};

/// Why a file can't be restored; ends a sentence that begins with its name.
#[derive(Debug, thiserror::Error)]
pub enum BadFile {
    #[error("cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
    #[error("is not a SQLite database")]
    NotSqlite,
    #[error("is cut off: it has {found} bytes of {expected}")]
    Truncated { expected: u64, found: u64 },
    #[error("is damaged: bytes of it have changed since the backup was made")]
    Changed,
    #[error("is damaged: {0}")]
    Damaged(String),
    #[error("is a database, but not one of plexe-console")]
    Foreign,
    #[error(
        "was written by a newer version of plexe-console (schema {found}, this binary knows {known}); restore it with that version"
    )]
    Newer { found: i64, known: i64 },
}

/// What was found of a file that is whole and ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inspected {
    /// The last migration that it knows.
    pub schema_version: i64,
    /// The last one that this binary knows.
    pub known: i64,
    /// Its length.
    pub bytes: u64,
}

/// Looks at the header, which is enough to know most files that are something else. `has_log`: changes are in a
/// write-ahead log beside the file, so that its own length says nothing yet.
pub fn inspect_header(file: &Path, has_log: bool) -> Result<(), BadFile> {
    let opened = File::open(file)?;
    let found = opened.metadata()?.len();
    let mut header = [0; 100];
    let length = opened.read_at(&mut header, 0)?;
    if length < header.len() || !header.starts_with(b"SQLite format 3\0") {
        return Err(BadFile::NotSqlite);
    }
    // Page size and count; <https://www.sqlite.org/fileformat.html#the_database_header>.
    let page = match u64::from(u16::from_be_bytes([header[16], header[17]])) {
        1 => 65_536,
        size => size,
    };
    let pages = u64::from(u32::from_be_bytes([header[28], header[29], header[30], header[31]]));
    let expected = page * pages;
    if found < expected && !has_log { Err(BadFile::Truncated { expected, found }) } else { Ok(()) }
}

/// Whether the file is sealed; reads all of it when it is.
pub fn inspect_seal(file: &Path) -> Result<Seal, BadFile> {
    match seal::look(file)? {
        Seal::Broken => Err(BadFile::Changed),
        Seal::Foreign => Err(BadFile::Foreign),
        seal => Ok(seal),
    }
}

/// Looks at the whole file: header, seal, whose it is, and the structure of every page. The books in it are looked at by
/// whoever opens it as a store.
pub fn inspect(file: &Path) -> Result<Inspected, BadFile> {
    let database = Connection::open(file)?;
    // Indexes are held against their tables all over the file; 256 MiB of pages keep that from reading it many times.
    database.execute_batch("PRAGMA cache_size = -262144")?;
    let schema_version = schema_version(&database)?;
    let mut check = database.prepare("PRAGMA integrity_check(1)")?;
    let verdict: String = check.query_row([], |row| row.get(0))?;
    if verdict != "ok" {
        return Err(BadFile::Damaged(verdict.lines().collect::<Vec<_>>().join(" ")));
    }
    Ok(Inspected { schema_version, known: known(), bytes: std::fs::metadata(file)?.len() })
}

/// The last migration that a database of ours knows.
fn schema_version(database: &Connection) -> Result<i64, BadFile> {
    let noted = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '_sqlx_migrations'";
    if database.query_row(noted, [], |_| Ok(())).optional()?.is_none() {
        return Err(BadFile::Foreign);
    }
    let mut statement =
        database.prepare("SELECT version, checksum FROM _sqlx_migrations ORDER BY version")?;
    let applied = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let applied: Vec<(i64, Vec<u8>)> = applied.collect::<Result<_, _>>()?;
    let ours = |(version, checksum): &(i64, Vec<u8>)| {
        MIGRATOR.iter().any(|known| known.version == *version && *known.checksum == **checksum)
    };
    let is_known = |(version, _): &&(i64, Vec<u8>)| *version <= known();
    if applied.is_empty() || !applied.iter().filter(is_known).all(ours) {
        return Err(BadFile::Foreign);
    }
    let found = applied.iter().map(|(version, _)| *version).max().unwrap_or(0);
    let known = known();
    if found > known { Err(BadFile::Newer { found, known }) } else { Ok(found) }
}

/// Compares the tables, indexes and triggers of a database that is up to date with those that migrations make: one that
/// lacks a trigger keeps books that can be changed.
pub async fn inspect_schema(database: &mut SqliteConnection) -> Result<(), SchemaError> {
    const OBJECTS: &str = "SELECT type || ' ' || name, sql FROM sqlite_schema \
        WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE '\\_sqlx\\_%' ESCAPE '\\' ORDER BY 1";
    let mut fresh = SqliteConnection::connect("sqlite::memory:").await?;
    run_migrations(&mut fresh).await?;
    let expected: Vec<(String, Option<String>)> = sqlx::query_as(OBJECTS).fetch_all(&mut fresh).await?;
    let found: Vec<(String, Option<String>)> = sqlx::query_as(OBJECTS).fetch_all(database).await?;
    let other = found.iter().find(|object| !expected.contains(object));
    match other.or_else(|| expected.iter().find(|object| !found.contains(object))) {
        Some((name, _)) => Err(SchemaError::Other(name.clone())),
        None => Ok(()),
    }
}

/// Why a schema can't be brought up to date, or is another one then; ends a sentence that begins with the file's name.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    #[error("cannot be brought up to date: {0}")]
    Migrate(#[from] MigrateError),
    #[error("cannot be brought up to date: {0}")]
    Database(#[from] sqlx::Error),
    #[error("was changed by hand: its {0} is not as plexe-console makes it")]
    Other(String),
}

fn known() -> i64 {
    MIGRATOR.iter().map(|migration| migration.version).max().unwrap_or(0)
}

impl From<rusqlite::Error> for BadFile {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::NotSqlite,
            _ => Self::Damaged(error.to_string()),
        }
    }
}
