//! The floor on Postgres: the same rows into the same tables and indexes, one commit per list, by a program that decides
//! nothing. Entries come in as one array per column.

use std::time::Instant;

use sqlx::{Connection as _, PgConnection};

use crate::Outcome;
use crate::books::{Books, OPERATION, SOURCE, event_id};
use crate::floor::{BEGIN, BUCKET, CREDITS, GRANTED, MICRO_UNITS};
use crate::report::rate;

/// What differs from row to row comes as arrays, the rest once.
const ENTRIES: &str = "INSERT INTO entries (account, seq, leg, movement, amount, grant_seq, available_after, held_after, \
    recorded_at, source, event_id, operation, quantity, credits, api_key, service_key, price_version, hash) \
    SELECT 1, row.seq, 0, 2, $6, 1, row.available, 0, row.recorded_at, $7, row.id, $8, $9, $6, NULL, $10, 1, row.hash \
    FROM UNNEST($1::BIGINT[], $2::BIGINT[], $3::BIGINT[], $4::TEXT[], $5::BYTEA[]) AS row (seq, available, recorded_at, id, hash)";
const WALLET: &str = "UPDATE wallets SET seq = $1, head = $2, held = 0, recorded_at = $3 WHERE account = 1";
const GRANT: &str = "UPDATE grants SET remaining = $1 WHERE account = 1 AND seq = 1";
const ROLLUP: &str = "INSERT INTO rollups (account, bucket, operation, api_key, credits, quantity, count) \
    VALUES (1, $1, $2, '', $3, $4, $5) ON CONFLICT (account, bucket, operation, api_key) DO UPDATE SET \
    credits = rollups.credits + excluded.credits, quantity = rollups.quantity + excluded.quantity, \
    count = rollups.count + excluded.count";

/// Books on Postgres that are written without being kept; all of them of the first account.
pub struct Unnest {
    connection: PgConnection,
    service_key: String,
    /// `seq` of the last entry.
    last: i64,
}

/// One list, column by column.
#[derive(Default)]
struct Columns {
    seq: Vec<i64>,
    available: Vec<i64>,
    recorded_at: Vec<i64>,
    id: Vec<String>,
    hash: Vec<Vec<u8>>,
}

impl Unnest {
    pub async fn open(books: &Books) -> Outcome<Self> {
        let connection = PgConnection::connect(&books.url()).await?;
        Ok(Self { connection, service_key: books.service_key.to_string(), last: 1 })
    }

    /// Events per second over `lists` commits of `list` events.
    pub async fn measure(&mut self, lists: usize, list: usize) -> Outcome<f64> {
        let start = Instant::now();
        for _ in 0..lists {
            self.write(list).await?;
        }
        Ok(rate(lists * list, start.elapsed()))
    }

    async fn write(&mut self, list: usize) -> Outcome {
        let Columns { seq, available, recorded_at, id, hash } = self.rows(list)?;
        let (count, end) = (i64::try_from(list)?, self.last);
        let (newest, now) = (hash[list - 1].clone(), recorded_at[list - 1]);
        let mut transaction = self.connection.begin().await?;
        sqlx::query(ENTRIES)
            .bind(seq)
            .bind(available)
            .bind(recorded_at)
            .bind(id)
            .bind(hash)
            .bind(CREDITS)
            .bind(SOURCE)
            .bind(OPERATION)
            .bind(MICRO_UNITS)
            .bind(&self.service_key)
            .execute(&mut *transaction)
            .await?;
        sqlx::query(WALLET).bind(end).bind(newest).bind(now).execute(&mut *transaction).await?;
        sqlx::query(GRANT).bind(GRANTED - end * CREDITS).execute(&mut *transaction).await?;
        sqlx::query(ROLLUP)
            .bind(now - now % BUCKET)
            .bind(OPERATION)
            .bind(CREDITS * count)
            .bind(MICRO_UNITS * count)
            .bind(count)
            .execute(&mut *transaction)
            .await?;
        Ok(transaction.commit().await?)
    }

    fn rows(&mut self, list: usize) -> Outcome<Columns> {
        let mut rows = Columns::default();
        for _ in 0..list {
            self.last += 1;
            let mut hash = vec![0x5a; 32];
            hash[..8].copy_from_slice(&self.last.to_be_bytes());
            rows.seq.push(self.last);
            rows.available.push(GRANTED - self.last * CREDITS);
            rows.recorded_at.push(BEGIN + self.last * 10);
            rows.id.push(event_id(usize::try_from(self.last)?));
            rows.hash.push(hash);
        }
        Ok(rows)
    }
}
