//! What can go wrong between us and the database.

use std::path::{Path, PathBuf};

use sqlx::postgres::PgDatabaseError;

/// Why a statement failed. Never shown to callers; the HTTP layer answers with an incident id.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// On a connection to a file that is used without sqlx.
    #[error("database: {0}")]
    Sqlite(#[from] rusqlite::Error),
    #[error("a thread that read ended early: {0}")]
    Thread(#[from] tokio::task::JoinError),
    /// The store holds something that the code can't have written.
    #[error("{table}.{column} of {row} holds {found}")]
    Corrupt { table: &'static str, column: &'static str, row: String, found: String },
    /// A statement touched another number of rows than it must.
    #[error("{statement}: {found} rows instead of {expected}")]
    Rows { statement: &'static str, expected: u64, found: u64 },
    /// Another server has taken the name of an event, or changed what the transaction goes by, meanwhile.
    #[error("another server came first")]
    Raced,
    /// An event that was taken for new has a name that is in the books.
    #[error("an event of this name is in the books")]
    Known,
    /// A connection that something hangs on is gone.
    #[error("the connection to the database was lost: {0}")]
    Lost(&'static str),
    /// A commit or a write failed in a way that leaves the disk's state unknown; the process must restart.
    #[error("the store stopped writing after a failed commit")]
    Stopped,
}

impl StoreError {
    /// The columns (`users.email`) whose uniqueness an insert would have broken, when that is why it failed.
    pub fn violated_unique(&self) -> Option<String> {
        let Self::Database(sqlx::Error::Database(error)) = self else { return None };
        if !error.is_unique_violation() {
            return None;
        }
        let (Some(table), Some(constraint)) = (error.table(), error.constraint()) else {
            // SQLite says nothing but the columns, at the end.
            return error.message().rsplit(": ").next().map(str::to_owned);
        };
        let columns = constraint.strip_prefix(table)?.trim_start_matches('_');
        let columns = if columns == "pkey" { "id" } else { columns.trim_end_matches("_key") };
        Some(format!("{table}.{columns}"))
    }

    /// Whether the database as a whole is in trouble (disk full, unreadable, gone), rather than this one statement.
    pub fn is_systemic(&self) -> bool {
        match self {
            Self::Database(sqlx::Error::Database(cause)) if is_of_postgres(&**cause) => {
                is_systemic_in_postgres(&cause.code().unwrap_or_default())
            }
            Self::Database(sqlx::Error::Database(_)) | Self::Sqlite(rusqlite::Error::SqliteFailure(..)) => {
                matches!(self.sqlite_code().map(|code| code & 0xff), Some(5 | 8 | 10 | 11 | 13 | 14 | 26))
            }
            Self::Database(_) | Self::Sqlite(_) | Self::Thread(_) | Self::Lost(_) | Self::Stopped => true,
            Self::Corrupt { .. } | Self::Rows { .. } | Self::Raced | Self::Known => false,
        }
    }

    /// Whether another server came first, so that the same transaction, begun again, finds what that one did.
    pub fn is_race(&self) -> bool {
        match self {
            Self::Raced => true,
            // Serialization failure, deadlock.
            Self::Database(sqlx::Error::Database(error)) => {
                matches!(error.code().as_deref(), Some("40001" | "40P01"))
            }
            _ => false,
        }
    }

    /// Whether pages could not be read or are no pages of a database (`SQLITE_CORRUPT`, `SQLITE_NOTADB`). Who needs others
    /// may go on.
    pub fn is_unreadable(&self) -> bool {
        self.sqlite_code().is_some_and(|code| failed_to_read(code) || matches!(code & 0xff, 11 | 26))
    }

    /// SQLite's code, where it was SQLite that failed.
    pub(super) fn sqlite_code(&self) -> Option<u32> {
        match self {
            Self::Database(error) => code(error),
            Self::Sqlite(error) => error.sqlite_error().map(|error| error.extended_code.cast_unsigned()),
            _ => None,
        }
    }
}

/// `SQLITE_IOERR_READ`, `_SHORT_READ` and, for what the device itself could not read, `_CORRUPTFS`.
pub(super) fn failed_to_read(code: u32) -> bool {
    matches!(code, 266 | 522 | 8_458)
}

/// SQLite's code: <https://www.sqlite.org/rescode.html>, the low byte is the primary one.
pub(super) fn code(error: &sqlx::Error) -> Option<u32> {
    let sqlx::Error::Database(error) = error else { return None };
    error.code().filter(|_| !is_of_postgres(&**error))?.parse().ok()
}

fn is_of_postgres(error: &dyn sqlx::error::DatabaseError) -> bool {
    error.try_downcast_ref::<PgDatabaseError>().is_some()
}

/// Codes: <https://www.postgresql.org/docs/current/errcodes-appendix.html>. By class: connections, resources, lock timeouts,
/// operator intervention, system errors, configuration files, internal errors; and a database that only reads.
fn is_systemic_in_postgres(code: &str) -> bool {
    let class = code.get(..2).unwrap_or_default();
    matches!(class, "08" | "53" | "55" | "57" | "58" | "F0" | "XX") || matches!(code, "25006" | "25P03")
}

/// Why the store can't be opened; each is one sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("another process owns {path}; stop it, or use the same data directory so that commands go through it", path = .0.display())]
    Owned(PathBuf),
    #[error("cannot create the data directory {path}: {cause}", path = .path.display())]
    Directory { path: PathBuf, cause: std::io::Error },
    #[error(
        "the database {database} was written by a newer version of plexe-console (schema {found}, this binary knows {known}); run that version"
    )]
    Newer { database: String, found: i64, known: i64 },
    #[error(
        "the books in {path} were copied to another database and go on there; serving both would charge twice. To go back to \
         this file all the same: sqlite3 {path} 'PRAGMA application_id = 0'",
        path = .0.display()
    )]
    Moved(PathBuf),
    #[error("cannot bring the database {database} up to date: {cause}")]
    Migrate { database: String, cause: sqlx::migrate::MigrateError },
    #[error(
        "other servers of this database count by the usage_dimensions {kept:?}; give this one the same, or stop the others first"
    )]
    OtherDimensions { kept: Vec<String> },
    #[error("cannot reach the database {database}: {cause}")]
    Unreachable { database: String, cause: sqlx::Error },
    #[error("cannot back up the database before its migration: {0}")]
    Backup(sqlx::Error),
    #[error("cannot finish the restore of {path}: {cause}", path = .path.display())]
    Restore { path: PathBuf, cause: std::io::Error },
    #[error("{path} is damaged, or no database of plexe-console: {cause}", path = .path.display())]
    Unreadable { path: PathBuf, cause: sqlx::Error },
    /// Nothing is wrong with what the file says.
    #[error("cannot read or write the database {path}, whose disk is full or failing: {cause}", path = .path.display())]
    Disk { path: PathBuf, cause: sqlx::Error },
    #[error("cannot prepare the database: {0}")]
    Store(#[from] StoreError),
}

impl OpenError {
    /// Because of the first statements on a file.
    pub(super) fn of(path: &Path, cause: sqlx::Error) -> Self {
        let path = path.to_owned();
        match code(&cause).map(|code| code & 0xff) {
            Some(8 | 10 | 13 | 14) => Self::Disk { path, cause },
            _ => Self::Unreadable { path, cause },
        }
    }
}
