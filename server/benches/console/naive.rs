//! What there would be without books: a row for each account and one durable statement that takes an amount from it, by
//! clients that keep their connection and their prepared statement.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sqlx::{Connection as _, PgConnection};

use crate::Outcome;
use crate::client::{Load, busy};
use crate::durable::Postgres;

const TABLE: &str =
    "CREATE TABLE balances (account BIGINT PRIMARY KEY, credits BIGINT NOT NULL CHECK (credits >= 0))";
const ROWS: &str =
    "INSERT INTO balances SELECT account, 8000000000000 FROM generate_series(0, $1 - 1) AS account";
const UPDATE: &str = "UPDATE balances SET credits = credits - $1 WHERE account = $2 AND credits >= $1";
/// Micro-credits, as a charge of the other benchmarks.
const AMOUNT: i64 = 150_000;

/// A database with nothing but balances.
pub struct Naive {
    url: String,
    updates: AtomicUsize,
}

impl Naive {
    /// With this many rows.
    pub async fn new(postgres: &Postgres, rows: usize) -> Outcome<Self> {
        let url = postgres.database("plexe_bench_naive").await?;
        let mut connection = PgConnection::connect(&url).await?;
        sqlx::query(TABLE).execute(&mut connection).await?;
        sqlx::query(ROWS).bind(i64::try_from(rows)?).execute(&mut connection).await?;
        sqlx::query("VACUUM ANALYZE balances").execute(&mut connection).await?;
        connection.close().await?;
        Ok(Self { url, updates: AtomicUsize::new(0) })
    }

    /// Keeps `clients` busy for `time` with the first `rows` rows, in turns.
    pub async fn load(&self, clients: usize, rows: usize, time: Duration) -> Outcome<Load> {
        let mut connections = Vec::with_capacity(clients);
        for _ in 0..clients {
            connections.push(PgConnection::connect(&self.url).await?);
        }
        busy(connections, time, async |connection: &mut PgConnection| {
            let row = self.updates.fetch_add(1, Ordering::Relaxed) % rows;
            let sent = Instant::now();
            let update = sqlx::query(UPDATE).bind(AMOUNT).bind(i64::try_from(row)?);
            let changed = update.execute(connection).await?.rows_affected();
            let took = sent.elapsed();
            if changed == 1 { Ok(took) } else { Err("a balance was too low, or missing".into()) }
        })
        .await
    }
}
