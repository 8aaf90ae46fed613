//! Where the data lies. SQL stands here and in `server/migrations/`, nowhere else.
//!
//! One file per thing that is stored. Reads go through [`read!`], changes through [`change!`] or [`note!`]; each change
//! is one transaction. The books are written by `posting` alone, for the sequencer.

mod access_log;
mod accounts;
mod api_keys;
mod audit;
pub mod backup;
mod book_sums;
mod book_writer;
mod bulk;
mod closing;
mod columns;
mod demos;
mod dialect;
mod dimension_builds;
mod dimension_rollups;
mod email_changes;
mod entries;
mod entry_reader;
mod error;
mod events;
mod grants;
mod hearing;
mod holds;
mod identities;
mod links;
mod listening;
mod made_keys;
mod mails;
mod months;
mod passkeys;
mod payers;
mod postgres;
pub mod posting;
mod problem_reports;
mod provider_rounds;
mod rate_cards;
mod rollup_checks;
mod rollups;
mod rows;
mod second_factor;
mod service_keys;
mod sessions;
mod sign_ups;
mod spend_limits;
mod sqlite;
mod standings;
mod statement;
mod transfer;
mod users;
mod verification;
mod writing;

use std::fmt;
use std::path::PathBuf;

pub use access_log::{Access, AccessRow, NewAccess};
pub use accounts::{AccountRow, AccountStatus, Tier};
pub use api_keys::{ApiKeyChange, ApiKeyRow, KeyFilter, KeyRequests, KeyUsage, NewApiKey, Permission};
pub use audit::AuditRecord;
pub use book_sums::{BookSums, Resting};
pub use closing::NewClosing;
pub use demos::DemoRow;
pub use dimension_builds::Pairs;
pub use dimension_rollups::{DayOf, StoredValues, ValueRow};
pub use email_changes::{EmailChangeRow, EmailConfirmation, EmailConfirmed, NewEmailChange};
pub use entries::{ChainEnd, Stats};
pub use error::{OpenError, StoreError};
pub use events::{BookedEvent, EventFilter};
pub use grants::{Lot, WalletView};
pub use holds::{HoldFilter, HoldRow, HoldStatus, HoldsOf};
pub use identities::{Identity, IdentityRow, Joined, Linked, Unlinked};
pub use links::{LinkKind, LinkRow, NewLink, Redemption};
pub use listening::{Listening, Look, Telling, Told};
pub use made_keys::{Making, Pace};
pub use mails::{DueMail, NewMail, OutboxRow};
pub use months::MonthOf;
pub use passkeys::{CeremonyFor, Challenge, NewPasskey, PasskeyOf, PasskeyRow, Registered};
pub use payers::{Payer, PayerKey, PayerRow};
pub use postgres::{PostgresStore, PostgresUrl};
pub use problem_reports::{NewProblemReport, ProblemReportRow};
pub use provider_rounds::{Purpose, Round};
pub use rollup_checks::{AsOf, EntryTimes, KeptAccount, Stretch, Window};
pub use rollups::{BucketRow, RollupFilter};
pub use second_factor::{KeptSecret, NewSecondStep, SecondStep, TotpRow};
pub use service_keys::{NewServiceKey, Scope, Scopes, ServiceKeyRow, UnknownScope};
pub use sessions::{ListedSession, NewSession, Seen, SessionRow};
pub use sign_ups::{Candidates, NewSignUp};
pub use spend_limits::{KeyFamilies, Spent};
pub use sqlite::SqliteStore;
pub use standings::{Pass, Standing};
pub use statement::{OwnedGrant, Statement};
pub use transfer::TransferError;
pub use users::{NewUser, PasswordChange, UserChange, UserRow};
pub use verification::VerifyError;

/// A driver of the store. The macros below run the same text on either.
#[derive(Debug)]
pub enum Store {
    Sqlite(SqliteStore),
    Postgres(PostgresStore),
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
            $crate::store::Store::Postgres(postgres) => {
                postgres
                    .answered(Box::pin(async {
                        let mut $db = postgres.reader().await?;
                        let $db = &mut *$db;
                        $body
                    }))
                    .await
            }
        }
    };
}

/// Runs `$body` in one writing transaction and commits it; nothing is written when it fails. Tells all caches that what
/// they know about users, keys and cards is old, before anybody else may write; where nothing may have changed after all, only
/// if what `$body` returned says so.
macro_rules! change {
    ($store:expr, $db:ident => $body:expr) => {
        $crate::store::transact!($store, $db => $body, |value| true)
    };
    ($store:expr, $db:ident => $body:expr, told_if |$value:ident| $is_news:expr) => {
        $crate::store::transact!($store, $db => $body, |$value| $is_news)
    };
}

/// [`change!`] for what no cache keeps (last use, sessions).
macro_rules! note {
    ($store:expr, $db:ident => $body:expr) => {
        $crate::store::transact!($store, $db => $body, |value| false)
    };
}

/// Begin, `$body`, commit, forget what is cached where that `$is_cached`, and only then let go of the writer.
macro_rules! transact {
    ($store:expr, $db:ident => $body:expr, |$value:ident| $is_cached:expr) => {
        match $store {
            $crate::store::Store::Sqlite(sqlite) => {
                let mut writers = sqlite.writer().await?;
                sqlite.begin(&mut writers.any).await?;
                let $db = &mut writers.any;
                let result: Result<_, $crate::store::StoreError> = async { $body }.await;
                match result {
                    Ok($value) => {
                        sqlite.commit(&mut writers.any).await?;
                        if $is_cached {
                            sqlite.forget_cached();
                        }
                        Ok($value)
                    }
                    Err(error) => {
                        sqlite.give_up(&mut writers.any, &error).await;
                        Err(error)
                    }
                }
            }
            $crate::store::Store::Postgres(postgres) => {
                postgres
                    .answered(Box::pin(async {
                        let mut transaction = postgres.begin_change().await?;
                        let $db = &mut *transaction;
                        let result: Result<_, $crate::store::StoreError> = async { $body }.await;
                        match result {
                            Ok($value) => {
                                postgres.commit_change(transaction, $is_cached).await?;
                                Ok($value)
                            }
                            Err(error) => {
                                postgres.gave_up(&error);
                                transaction.rollback().await?;
                                Err(error)
                            }
                        }
                    }))
                    .await
            }
        }
    };
}

/// Declares functions on a connection once and for all drivers: a trait that the connection of each implements.
macro_rules! on_connection {
    ($visibility:vis trait $name:ident {
        $($(#[$doc:meta])* async fn $function:ident(&mut $db:ident $(, $argument:ident: $type:ty)* $(,)?) -> $output:ty $body:block)+
    }) => {
        $visibility trait $name {
            $($(#[$doc])* fn $function(&mut self $(, $argument: $type)*) -> impl Future<Output = $output> + Send;)+
        }
        $crate::store::on_connection!(@impl $name for sqlx::SqliteConnection { $(async fn $function(&mut $db $(, $argument: $type)*) -> $output $body)+ });
        $crate::store::on_connection!(@impl $name for sqlx::PgConnection { $(async fn $function(&mut $db $(, $argument: $type)*) -> $output $body)+ });
    };
    (@impl $name:ident for $connection:ty {
        $(async fn $function:ident(&mut $db:ident $(, $argument:ident: $type:ty)*) -> $output:ty $body:block)+
    }) => {
        impl $name for $connection {
            $(async fn $function(&mut self $(, $argument: $type)*) -> $output {
                let $db = self;
                $body
            })+
        }
    };
}

pub(crate) use {change, note, on_connection, read, transact};

/// Where the data lies, read from a `DATABASE_URL`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// `sqlite://PATH`, relative to the working directory or absolute.
    Sqlite(PathBuf),
    /// `postgres://USER:PASSWORD@HOST:PORT/DATABASE`.
    Postgres(PostgresUrl),
}

impl DatabaseUrl {
    /// Reads `sqlite:PATH`, `sqlite://PATH` or a Postgres URL; the error says what would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.starts_with("postgres:") || text.starts_with("postgresql:") {
            return PostgresUrl::parse(text).map(Self::Postgres);
        }
        let path = text.strip_prefix("sqlite://").or_else(|| text.strip_prefix("sqlite:"));
        match path {
            Some(path) if !path.is_empty() && !path.contains(['?', ':']) => {
                Ok(Self::Sqlite(PathBuf::from(path)))
            }
            _ => Err(format!(
                "DATABASE_URL is {text:?}; it must be sqlite://PATH, for example sqlite://data/console.db, or \
                 postgres://USER:PASSWORD@HOST/DATABASE"
            )),
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => path.display().fmt(out),
            Self::Postgres(url) => url.fmt(out),
        }
    }
}

impl Store {
    /// Opens the store, creating it when it is missing, and brings its schema up to date.
    pub async fn open(url: &DatabaseUrl, clock: &dyn crate::clock::Clock) -> Result<Self, OpenError> {
        let store = match url {
            DatabaseUrl::Sqlite(path) => Self::Sqlite(SqliteStore::open(path, clock).await?),
            DatabaseUrl::Postgres(url) => Self::Postgres(PostgresStore::open(url).await?),
        };
        store.seed_rate_card(clock.now()).await?;
        Ok(store)
    }

    /// Grows with each committed [`change!`]; what was cached under another number is old.
    pub fn epoch(&self) -> u64 {
        match self {
            Self::Sqlite(sqlite) => sqlite.epoch(),
            Self::Postgres(postgres) => postgres.epoch(),
        }
    }

    /// Whether other servers may write to it as well.
    pub fn is_shared(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// Whether the store answers and can be written.
    pub async fn is_ready(&self) -> bool {
        match self {
            Self::Sqlite(sqlite) => sqlite.is_ready().await,
            Self::Postgres(postgres) => postgres.is_ready().await,
        }
    }

    /// Warns of settings of the database that answered charges could be lost by.
    pub async fn warn_of_lost_commits(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(postgres) => postgres.warn_of_lost_commits().await,
        }
    }

    /// Moves the write-ahead log into the file, where there is one; for a job beside the writer.
    pub async fn checkpoint(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(sqlite) => sqlite.checkpoint().await,
            Self::Postgres(_) => Ok(()),
        }
    }

    /// Ends all connections; a file may be moved or copied then.
    pub async fn close(&self) {
        match self {
            Self::Sqlite(sqlite) => sqlite.close().await,
            Self::Postgres(postgres) => postgres.close().await,
        }
    }
}
