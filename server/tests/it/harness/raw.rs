//! A connection to the database file past the console, for tests that break things on purpose.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection as _};

/// Writes as somebody with an editor for SQLite could.
pub struct Raw(SqliteConnection);

impl Raw {
    pub async fn open(database: &Path) -> Self {
        let options = SqliteConnectOptions::new().filename(database).foreign_keys(false);
        Self(SqliteConnection::connect_with(&options).await.expect("the database file"))
    }

    /// A file that does not exist yet.
    pub async fn create(database: &Path) -> Self {
        let options = SqliteConnectOptions::new().filename(database).create_if_missing(true);
        Self(SqliteConnection::connect_with(&options).await.expect("a new database file"))
    }

    /// Returns once nothing is open any more.
    pub async fn close(self) {
        self.0.close().await.expect("an end in order");
    }

    /// Runs a statement; how many rows it touched.
    pub async fn run(&mut self, sql: &str) -> u64 {
        let done = sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&mut self.0).await;
        done.unwrap_or_else(|error| panic!("{sql}: {error}")).rows_affected()
    }

    /// As [`Raw::run`], for what the database may refuse.
    pub async fn try_run(&mut self, sql: &str) -> Result<u64, String> {
        let done = sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&mut self.0).await;
        done.map(|done| done.rows_affected()).map_err(|error| error.to_string())
    }

    pub async fn texts(&mut self, sql: &str) -> Vec<String> {
        let found = sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_all(&mut self.0).await;
        found.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Takes away what keeps entries from being changed.
    pub async fn unlock_entries(&mut self) {
        for trigger in ["entries_never_change", "entries_never_go"] {
            self.run(&format!("DROP TRIGGER {trigger}")).await;
        }
    }
}
