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

/// A column, as the schema has it.
#[derive(Debug, Clone)]
pub struct Column {
    pub name: String,
    /// `INTEGER`, `BLOB` or `TEXT`.
    pub kind: String,
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

    /// The table's columns.
    pub async fn columns(&mut self, table: &str) -> Vec<Column> {
        let sql = match self {
            Self::Sqlite(_) => format!("SELECT name || ' ' || type FROM pragma_table_info('{table}')"),
            Self::Postgres(_) => format!(
                "SELECT column_name || ' ' || CASE data_type WHEN 'bigint' THEN 'INTEGER' WHEN 'bytea' THEN 'BLOB' \
                 ELSE 'TEXT' END FROM information_schema.columns WHERE table_schema = 'public' AND table_name = '{table}' \
                 ORDER BY ordinal_position"
            ),
        };
        let parse = |text: &String| {
            let (name, kind) = text.split_once(' ').expect("a name and a type");
            Column { name: name.to_owned(), kind: kind.to_owned() }
        };
        self.texts(&sql).await.iter().map(parse).collect()
    }

    /// Also what rests on it.
    pub async fn drop_index(&mut self, index: &str) {
        match self {
            Self::Sqlite(_) => drop(self.run(&format!("DROP INDEX {index}")).await),
            Self::Postgres(_) => drop(self.run(&format!("DROP INDEX {index} CASCADE")).await),
        }
    }

    /// The word for an UPDATE after which a row that stands in its way is gone, where the database has one; else the row in
    /// the way makes it fail.
    pub fn update_or_replace(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "UPDATE OR REPLACE",
            Self::Postgres(_) => "UPDATE",
        }
    }

    /// From here on nobody else can write, until [`Raw::let_write`].
    pub async fn keep_from_writing(&mut self) {
        match self {
            Self::Sqlite(_) => drop(self.run("BEGIN IMMEDIATE").await),
            Self::Postgres(_) => {
                self.run("BEGIN").await;
                self.run("LOCK TABLE entries IN EXCLUSIVE MODE").await;
            }
        }
    }

    pub async fn let_write(&mut self) {
        self.run("ROLLBACK").await;
    }

    /// Lets every insert into the table fail that the condition on `NEW` is true of, until [`Raw::let_insert`].
    pub async fn fail_inserts(&mut self, table: &str, condition: &str) {
        if let Self::Postgres(_) = self {
            self.run(
                "CREATE OR REPLACE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS \
                 $$ BEGIN RAISE EXCEPTION 'a statement that fails'; END $$",
            )
            .await;
        }
        let does = match self {
            Self::Sqlite(_) => "BEGIN SELECT raise(ABORT, 'a statement that fails'); END",
            Self::Postgres(_) => "EXECUTE FUNCTION poison()",
        };
        let each = "FOR EACH ROW WHEN";
        self.run(&format!("CREATE TRIGGER poison BEFORE INSERT ON {table} {each} ({condition}) {does}"))
            .await;
    }

    pub async fn let_insert(&mut self, table: &str) {
        match self {
            Self::Sqlite(_) => drop(self.run("DROP TRIGGER poison").await),
            Self::Postgres(_) => drop(self.run(&format!("DROP TRIGGER poison ON {table}")).await),
        }
    }

    /// Takes all checks, keys and triggers away that keep this connection from writing what is wrong. What is unique stays so
    /// only where it is a primary key; a column that can't be empty stays so too.
    pub async fn unlock_everything(&mut self, tables: &[&str]) {
        match self {
            Self::Sqlite(_) => {
                self.unlock_entries().await;
                self.run("PRAGMA ignore_check_constraints = 1").await;
                self.run("PRAGMA synchronous = OFF").await;
            }
            Self::Postgres(_) => {
                self.run("SET session_replication_role = replica").await;
                self.run("SET synchronous_commit = off").await;
                for table in tables {
                    let drop = "SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) \
                                FROM pg_constraint WHERE contype IN ('c', 'f')";
                    for sql in self.texts(&format!("{drop} AND conrelid = '{table}'::regclass")).await {
                        self.run(&sql).await;
                    }
                }
            }
        }
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
