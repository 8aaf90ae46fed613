//! A connection to the database past the console, for tests that break things on purpose.

use std::path::Path;

use server::store::DatabaseUrl;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection as _};

/// Writes as somebody with an editor for the database could.
pub enum Raw {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

macro_rules! on {
    ($raw:expr, $db:ident => $body:expr) => {
        match $raw {
            Raw::Sqlite($db) => $body,
            Raw::Postgres($db) => $body,
        }
    };
}

impl Raw {
    pub async fn open(database: &DatabaseUrl) -> Self {
        match database {
            DatabaseUrl::Sqlite(file) => {
                let options = SqliteConnectOptions::new().filename(file).foreign_keys(false);
                Self::Sqlite(SqliteConnection::connect_with(&options).await.expect("the database file"))
            }
            DatabaseUrl::Postgres(url) => {
                let options: PgConnectOptions = url.as_str().parse().expect("a URL");
                Self::Postgres(PgConnection::connect_with(&options).await.expect("the database"))
            }
        }
    }

    pub async fn of_file(file: &Path) -> Self {
        Self::open(&DatabaseUrl::Sqlite(file.to_owned())).await
    }

    /// A file that does not exist yet.
    pub async fn create(file: &Path) -> Self {
        let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
        Self::Sqlite(SqliteConnection::connect_with(&options).await.expect("a new database file"))
    }

    /// Returns once nothing is open any more.
    pub async fn close(self) {
        on!(self, db => db.close().await.expect("an end in order"));
    }

    /// Runs a statement; how many rows it touched.
    pub async fn run(&mut self, sql: &str) -> u64 {
        self.try_run(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// As [`Raw::run`], for what the database may refuse.
    pub async fn try_run(&mut self, sql: &str) -> Result<u64, String> {
        let sql = AssertSqlSafe(sql.to_owned());
        let done = on!(self, db => sqlx::query(sql).execute(db).await.map(|done| done.rows_affected()));
        done.map_err(|error| error.to_string())
    }

    pub async fn texts(&mut self, sql: &str) -> Vec<String> {
        let found = on!(self, db => sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_all(db).await);
        found.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Takes away what keeps entries from being changed.
    pub async fn unlock_entries(&mut self) {
        match self {
            Self::Sqlite(_) => {
                for trigger in ["entries_never_change", "entries_never_go"] {
                    self.run(&format!("DROP TRIGGER {trigger}")).await;
                }
            }
            Self::Postgres(_) => drop(self.run("ALTER TABLE entries DISABLE TRIGGER USER").await),
        }
    }
}
