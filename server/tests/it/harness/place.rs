//! Where a test's console keeps its data: a folder of its own, with a SQLite file in it or with a database of its own on the
//! Postgres that `CONSOLE_TEST_POSTGRES` names.

use std::path::{Path, PathBuf};

use server::clock::ManualClock;
use server::store::{DatabaseUrl, Store};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection as _};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::START;

/// Names the Postgres that tests run on; unset: SQLite.
const SETTING: &str = "CONSOLE_TEST_POSTGRES";

/// Functions of SQLite that tests use.
const FUNCTIONS: [&str; 4] = [
    "CREATE FUNCTION hex(BYTEA) RETURNS TEXT IMMUTABLE LANGUAGE sql AS $$ SELECT upper(encode($1, 'hex')) $$",
    "CREATE FUNCTION unhex(TEXT) RETURNS BYTEA IMMUTABLE LANGUAGE sql AS $$ SELECT decode($1, 'hex') $$",
    "CREATE FUNCTION instr(TEXT, TEXT) RETURNS INTEGER IMMUTABLE LANGUAGE sql AS $$ SELECT strpos($1, $2) $$",
    "CREATE FUNCTION quote(TEXT) RETURNS TEXT IMMUTABLE LANGUAGE sql AS $$ SELECT quote_literal($1) $$",
];

/// Whether tests run on Postgres.
pub fn is_on_postgres() -> bool {
    std::env::var_os(SETTING).is_some()
}

/// Gone when dropped.
pub struct Place {
    folder: TempDir,
    postgres: Option<Database>,
}

/// A database of a test's own.
struct Database {
    server: String,
    name: String,
}

impl Place {
    /// Without any data.
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let postgres = match std::env::var(SETTING) {
            Ok(server) => Some(Database::create(server).await),
            Err(_) => None,
        };
        Self { folder, postgres }
    }

    /// Without even tables.
    pub async fn empty() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let postgres = match std::env::var(SETTING) {
            Ok(server) => Some(Database::empty(&server, "template0").await),
            Err(_) => None,
        };
        Self { folder, postgres }
    }

    /// Whether nothing has ever been stored.
    pub async fn is_empty(&self) -> bool {
        if self.postgres.is_none() {
            return !self.file().exists();
        }
        let tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'";
        let found: Vec<String> = super::raw::Raw::open(&self.database()).await.texts(tables).await;
        found.is_empty()
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The file of the books, for what is about files.
    pub fn file(&self) -> PathBuf {
        assert!(self.postgres.is_none(), "a test about files runs on SQLite only");
        self.path().join("console.db")
    }

    pub fn database(&self) -> DatabaseUrl {
        match &self.postgres {
            Some(database) => DatabaseUrl::parse(&database.url()).expect("a URL"),
            None => DatabaseUrl::Sqlite(self.path().join("console.db")),
        }
    }

    /// What `DATABASE_URL` must say, where the usual file is not meant.
    pub fn url(&self) -> Option<String> {
        self.postgres.as_ref().map(Database::url)
    }
}

/// A database that is up to date already: copying it is faster than making each anew.
static TEMPLATE: OnceCell<String> = OnceCell::const_new();

impl Database {
    async fn create(server: String) -> Self {
        let template = TEMPLATE
            .get_or_init(|| async {
                let template = Self::empty(&server, "template0").await;
                let url = DatabaseUrl::parse(&template.url()).expect("a URL");
                let store = Store::open(&url, &ManualClock::at(START)).await.expect("a new database");
                store.close().await;
                for function in FUNCTIONS {
                    run(&template.url(), function).await;
                }
                let name = template.name.clone();
                // It stays as long as the tests run; whoever started Postgres for them takes it away.
                std::mem::forget(template);
                name
            })
            .await;
        Self::empty(&server, template).await
    }

    async fn empty(server: &str, template: &str) -> Self {
        #[expect(clippy::disallowed_methods, reason = "no test needs to know the name beforehand")]
        let name = format!("test_{}", uuid::Uuid::now_v7().simple());
        run(server, &format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
        Self { server: server.to_owned(), name }
    }

    fn url(&self) -> String {
        let mut url = url::Url::parse(&self.server).expect("a URL");
        url.set_path(&self.name);
        url.to_string()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(run(&server, &format!("DROP DATABASE {name} WITH (FORCE)")));
        });
        // A database that stays is no reason to hide why a test failed.
        drop(dropping.join());
    }
}

async fn run(server: &str, sql: &str) {
    let options: PgConnectOptions = server.parse().expect("a URL");
    let mut connection = PgConnection::connect_with(&options).await.expect("the Postgres for tests");
    let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await;
    done.unwrap_or_else(|error| panic!("{sql}: {error}"));
    connection.close().await.expect("an end");
}
