//! The Postgres that is measured on. It must sync as a server must that keeps books: otherwise everything on it would be
//! faster than it can be.

use sqlx::{Connection as _, PgConnection};
use url::Url;

use crate::Outcome;

/// Names the server, by a URL of any database on it.
const SERVER: &str = "CONSOLE_BENCH_POSTGRES";
/// What a server must be set to that loses nothing.
const DURABLE: [&str; 3] = ["fsync", "synchronous_commit", "full_page_writes"];

/// A server on which databases may be made.
pub struct Postgres {
    url: Url,
}

impl Postgres {
    /// The server that the environment names.
    pub async fn named() -> Outcome<Self> {
        let Ok(url) = std::env::var(SERVER) else {
            return Err(format!(
                "these rows need a Postgres that syncs, named by {SERVER}; `cargo xtask bench` starts one"
            )
            .into());
        };
        let postgres = Self { url: Url::parse(&url)? };
        let mut connection = PgConnection::connect(postgres.url.as_str()).await?;
        for setting in DURABLE {
            let (value,): (String,) =
                sqlx::query_as("SELECT current_setting($1)").bind(setting).fetch_one(&mut connection).await?;
            if value != "on" {
                return Err(
                    format!("{SERVER} names a Postgres with {setting} = {value}; it must be on").into()
                );
            }
        }
        connection.close().await?;
        Ok(postgres)
    }

    /// An empty database of this name, instead of any that was there; its URL.
    pub async fn database(&self, name: &str) -> Outcome<String> {
        let mut connection = PgConnection::connect(self.url.as_str()).await?;
        for statement in
            [format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"), format!("CREATE DATABASE {name}")]
        {
            sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await?;
        }
        connection.close().await?;
        let mut url = self.url.clone();
        url.set_path(name);
        Ok(url.into())
    }
}
