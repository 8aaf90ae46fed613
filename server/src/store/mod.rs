//! Where the data lies. SQL stands here and in `server/migrations/`, nowhere else.
//!
//! One file per thing that is stored. Reads go through [`read!`], changes through [`change!`] or [`note!`]; each change
//! is one transaction. The books are written by `posting` alone, for the sequencer.

mod accounts;
mod api_keys;
mod audit;
mod book_sums;
mod bulk;
mod demos;
mod dimension_builds;
mod dimension_rollups;
mod entries;
mod entry_reader;
mod error;
mod events;
mod grants;
mod holds;
mod links;
mod mails;
mod months;
mod payers;
pub mod posting;
mod problem_reports;
mod rate_cards;
mod rollup_checks;
mod rollups;
mod rows;
mod service_keys;
mod sessions;
mod sign_ups;
mod sqlite;
mod statement;
mod users;
mod verification;

use std::path::PathBuf;

pub use accounts::{AccountRow, AccountStatus};
pub use api_keys::{ApiKeyChange, ApiKeyRow, KeyFilter, KeyRequests, KeyUsage, NewApiKey, Permission};
pub use audit::AuditRecord;
pub use book_sums::{BookSums, Resting};
pub use demos::DemoRow;
pub use dimension_builds::Pairs;
pub use dimension_rollups::{DayOf, StoredValues, ValueRow};
pub use entries::Stats;
pub use error::{OpenError, StoreError};
pub use events::{BookedEvent, EventFilter};
pub use grants::{Lot, WalletView};
pub use holds::{HoldFilter, HoldRow, HoldStatus, HoldsOf};
pub use links::{LinkKind, LinkRow, NewLink, Redemption};
pub use mails::{DueMail, NewMail, OutboxRow};
pub use months::MonthOf;
pub use payers::{Payer, PayerKey, PayerRow};
pub use problem_reports::{NewProblemReport, ProblemReportRow};
pub use rollup_checks::{AsOf, EntryTimes, KeptAccount, Stretch, Window};
pub use rollups::{BucketRow, RollupFilter};
pub use service_keys::{NewServiceKey, Scope, Scopes, ServiceKeyRow, UnknownScope};
pub use sessions::{NewSession, SessionRow};
pub use sign_ups::{Candidates, NewSignUp};
pub use sqlite::SqliteStore;
pub use statement::{OwnedGrant, Statement};
pub use users::{NewUser, UserChange, UserRow};
pub use verification::VerifyError;

/// A driver of the store. Postgres becomes the second variant; the macros below then run the same text on either.
#[derive(Debug)]
pub enum Store {
    Sqlite(SqliteStore),
}

/// Runs `$body` on a connection that only reads.
macro_rules! read {
    ($store:expr, $db:ident => $body:expr) => {
        match $store {
            $crate::store::Store::Sqlite(sqlite) => {
                let result: Result<_, $crate::store::StoreError> = async {
                    let mut $db = sqlite.reader().await?;
                    let $db = &mut *$db;
                    $body
                }
                .await;
                result.inspect_err(|error| sqlite.could_not_read(error))
            }
        }
    };
}

/// Runs `$body` in one writing transaction and commits it; nothing is written when it fails. Tells all caches that what
/// they know about users, keys and cards is old, before anybody else may write.
macro_rules! change {
    ($store:expr, $db:ident => $body:expr) => {
        $crate::store::transact!($store, $db => $body, $store.forget_cached())
    };
}

/// [`change!`] for what no cache keeps (last use, sessions).
macro_rules! note {
    ($store:expr, $db:ident => $body:expr) => {
        $crate::store::transact!($store, $db => $body, ())
    };
}

/// Begin, `$body`, commit, `$committed`, and only then let go of the writer.
macro_rules! transact {
    ($store:expr, $db:ident => $body:expr, $committed:expr) => {
        match $store {
            $crate::store::Store::Sqlite(sqlite) => {
                let mut writer = sqlite.writer().await?;
                sqlite.begin(&mut writer).await?;
                let $db = &mut *writer;
                let result: Result<_, $crate::store::StoreError> = async { $body }.await;
                match result {
                    Ok(value) => {
                        sqlite.commit(&mut writer).await?;
                        $committed;
                        Ok(value)
                    }
                    Err(error) => {
                        sqlite.give_up(&mut writer, &error).await;
                        Err(error)
                    }
                }
            }
        }
    };
}

pub(crate) use {change, note, read, transact};

/// Where the data lies, read from a `DATABASE_URL`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// `sqlite://PATH`, relative to the working directory or absolute.
    Sqlite(PathBuf),
}

impl DatabaseUrl {
    /// Reads `sqlite:PATH` or `sqlite://PATH`; the error says what would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let path = text.strip_prefix("sqlite://").or_else(|| text.strip_prefix("sqlite:"));
        match path {
            Some(path) if !path.is_empty() && !path.contains(['?', ':']) => {
                Ok(Self::Sqlite(PathBuf::from(path)))
            }
            _ => Err(format!(
                "DATABASE_URL is {text:?}; it must be sqlite://PATH, for example sqlite://data/console.db"
            )),
        }
    }
}

impl Store {
    /// Opens the store, creating it when it is missing, and brings its schema up to date.
    pub async fn open(url: &DatabaseUrl, clock: &dyn crate::clock::Clock) -> Result<Self, OpenError> {
        let DatabaseUrl::Sqlite(path) = url;
        let store = Self::Sqlite(SqliteStore::open(path, clock).await?);
        store.seed_rate_card(clock.now()).await?;
        Ok(store)
    }

    /// Grows with each committed [`change!`]; what was cached under another number is old.
    pub fn epoch(&self) -> u64 {
        match self {
            Self::Sqlite(sqlite) => sqlite.epoch(),
        }
    }

    fn forget_cached(&self) {
        match self {
            Self::Sqlite(sqlite) => sqlite.forget_cached(),
        }
    }

    /// Whether the store answers and can be written.
    pub async fn is_ready(&self) -> bool {
        match self {
            Self::Sqlite(sqlite) => sqlite.is_ready().await,
        }
    }

    /// Moves the write-ahead log into the file; for a job beside the writer.
    pub async fn checkpoint(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.checkpoint().await,
        }
    }

    /// Ends all connections; the file may be moved or copied then.
    pub async fn close(&self) {
        match self {
            Self::Sqlite(sqlite) => sqlite.close().await,
        }
    }
}
