//! Sums over everybody's books, brought up to date by what has been written since they were read last.

use std::collections::HashMap;

use ledger::Timestamp;
use ledger::entry::Movement;

use super::rows::Column;
use super::{Store, StoreError, read};

/// What has moved so far, in micro-credits.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct BookSums {
    /// The last entry that is in the sums.
    last_no: i64,
    moved: HashMap<Movement, i64>,
}

/// Where credits are that have not been moved on, in micro-credits; of the same moment as the sums.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Resting {
    /// In grants that can be spent.
    pub available: i64,
    /// In grants that are not effective yet.
    pub pending: i64,
    /// In grants that have run out, which the books don't say yet.
    pub lapsed: i64,
    pub held: i64,
    /// What accounts owe: it was spent and never issued.
    pub debt: i64,
}

#[derive(sqlx::FromRow)]
struct MovedRow {
    movement: i64,
    amount: i64,
    count: i64,
    last_no: i64,
}

#[derive(sqlx::FromRow)]
struct RestingRow {
    available: i64,
    pending: i64,
    lapsed: i64,
    held: i64,
    debt: i64,
}

impl BookSums {
    pub fn moved(&self, movement: Movement) -> i64 {
        self.moved.get(&movement).copied().unwrap_or_default()
    }
}

impl Store {
    /// Takes the next entries, at most `step`, into the sums. Once all are in, and only then: where credits rest, read in
    /// the same moment.
    pub async fn follow_books(
        &self,
        sums: &mut BookSums,
        step: u32,
        now: Timestamp,
    ) -> Result<Option<Resting>, StoreError> {
        let (rows, resting) = read!(self, db => {
            let mut moment = sqlx::Connection::begin(db).await?;
            let rows: Vec<MovedRow> = sqlx::query_as(
                "SELECT movement, CAST(sum(amount) AS BIGINT) AS amount, count(*) AS count, max(no) AS last_no FROM \
                 (SELECT no, movement, amount FROM entries WHERE no > $1 ORDER BY no LIMIT $2) step GROUP BY movement",
            )
            .bind(sums.last_no)
            .bind(i64::from(step))
            .fetch_all(&mut *moment)
            .await?;
            let is_last = rows.iter().map(|row| row.count).sum::<i64>() < i64::from(step);
            let resting: Option<RestingRow> = if is_last {
                let resting = sqlx::query_as(
                    "SELECT CAST(coalesce(sum(CASE WHEN effective_at > $1 THEN remaining END), 0) AS BIGINT) AS pending, \
                     CAST(coalesce(sum(CASE WHEN expires_at <= $1 THEN remaining END), 0) AS BIGINT) AS lapsed, \
                     CAST(coalesce(sum(CASE WHEN effective_at <= $1 AND (expires_at IS NULL OR expires_at > $1) \
                     THEN remaining END), 0) AS BIGINT) AS available, \
                     (SELECT CAST(coalesce(sum(held), 0) AS BIGINT) FROM wallets) AS held, \
                     (SELECT CAST(coalesce(sum(debt), 0) AS BIGINT) FROM wallets) AS debt FROM grants WHERE remaining > 0",
                );
                Some(resting.bind(now.micros()).fetch_one(&mut *moment).await?)
            } else {
                None
            };
            moment.commit().await?;
            Ok((rows, resting))
        })?;
        for row in rows {
            let code: u64 = row.movement.read("entries", "movement", row.last_no)?;
            let movement = u8::try_from(code).ok().and_then(Movement::from_code);
            let unknown =
                || super::rows::Cell { table: "entries", column: "movement", row: row.last_no.to_string() };
            let movement = movement.ok_or_else(|| unknown().corrupt(code))?;
            let sum = sums.moved.entry(movement).or_default();
            *sum = sum.saturating_add(row.amount);
            sums.last_no = sums.last_no.max(row.last_no);
        }
        Ok(resting.map(|RestingRow { available, pending, lapsed, held, debt }| Resting {
            available,
            pending,
            lapsed,
            held,
            debt,
        }))
    }

    /// Mails that wait to be sent.
    pub async fn count_waiting_mails(&self) -> Result<u64, StoreError> {
        let (count,): (i64,) = read!(self, db => Ok(sqlx::query_as(
            "SELECT count(*) FROM mails WHERE next_attempt_at IS NOT NULL",
        )
        .fetch_one(db)
        .await?))?;
        count.read("mails", "count", "all")
    }
}
