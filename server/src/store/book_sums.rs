//! Sums over everybody's books, brought up to date by what has been written since they were read last.

use std::collections::HashMap;

use ledger::Timestamp;
use ledger::entry::Movement;

use super::dialect::{Dialect as _, Sql};
use super::rows::{Cell, Column};
use super::{Store, StoreError, read};

/// Where credits rest at `$1`.
const RESTING: &str = "SELECT CAST(coalesce(sum(CASE WHEN effective_at > $1 THEN remaining END), 0) AS BIGINT) AS pending, \
    CAST(coalesce(sum(CASE WHEN expires_at <= $1 THEN remaining END), 0) AS BIGINT) AS lapsed, \
    CAST(coalesce(sum(CASE WHEN effective_at <= $1 AND (expires_at IS NULL OR expires_at > $1) \
    THEN remaining END), 0) AS BIGINT) AS available, \
    (SELECT CAST(coalesce(sum(held), 0) AS BIGINT) FROM wallets) AS held, \
    (SELECT CAST(coalesce(sum(debt), 0) AS BIGINT) FROM wallets) AS debt FROM grants WHERE remaining > 0";

/// What has moved so far, in micro-credits.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct BookSums {
    /// Of the entries up to `settled`.
    kept: HashMap<Movement, i64>,
    /// Of all.
    moved: HashMap<Movement, i64>,
    /// The last entry in `kept`.
    last_no: i64,
    /// The last entry before which none can appear any more.
    settled: i64,
    /// The last entry that was seen while others were being written, and the first transaction that had not begun by then.
    unsettled: Option<(i64, i64)>,
}

/// How far the entries of one moment go, and which transactions were under way. Entries get their numbers before they are
/// committed, so that of two servers one may commit a lower number after the other a higher one: all numbers up to `last_no`
/// are there once all transactions are over that were under way.
#[derive(sqlx::FromRow)]
struct Reach {
    last_no: i64,
    /// The first transaction that was under way.
    xmin: i64,
    /// The first that had not begun. A transaction that writes entries is numbered before it does: it holds a lock.
    xmax: i64,
}

/// SQLite has one writer, whose entries appear in order.
const REACH: Sql = Sql {
    sqlite: "SELECT coalesce(max(no), 0) AS last_no, 0 AS xmin, 0 AS xmax FROM entries",
    postgres: "SELECT (SELECT coalesce(max(no), 0) FROM entries) AS last_no, \
        CAST(CAST(pg_snapshot_xmin(now) AS TEXT) AS BIGINT) AS xmin, \
        CAST(CAST(pg_snapshot_xmax(now) AS TEXT) AS BIGINT) AS xmax FROM pg_current_snapshot() AS now",
};

/// Entries after `$1` and up to `$2`, of which `$3` are read at most.
const MOVED: &str = "SELECT movement, CAST(sum(amount) AS BIGINT) AS amount, count(*) AS count, max(no) AS last_no FROM \
    (SELECT no, movement, amount FROM entries WHERE no > $1 AND no <= $2 ORDER BY no LIMIT $3) step GROUP BY movement";

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

    /// Takes note of how far entries are settled.
    fn settle(&mut self, reach: &Reach) {
        if let Some((last_no, _)) = self.unsettled.take_if(|(_, xmax)| reach.xmin >= *xmax) {
            self.settled = last_no;
        }
        if reach.xmin >= reach.xmax {
            (self.settled, self.unsettled) = (reach.last_no, None);
        } else {
            self.unsettled.get_or_insert((reach.last_no, reach.xmax));
        }
    }
}

fn add(sums: &mut HashMap<Movement, i64>, rows: &[MovedRow]) -> Result<(), StoreError> {
    for row in rows {
        let code: u64 = row.movement.read("entries", "movement", row.last_no)?;
        let movement = u8::try_from(code).ok().and_then(Movement::from_code);
        let unknown = || Cell { table: "entries", column: "movement", row: row.last_no.to_string() };
        let sum = sums.entry(movement.ok_or_else(|| unknown().corrupt(code))?).or_default();
        *sum = sum.saturating_add(row.amount);
    }
    Ok(())
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
        let mut next = sums.clone();
        let (rows, rest) = read!(self, db => {
            let mut moment = sqlx::Connection::begin(db).await?;
            let reach: Reach = sqlx::query_as(moment.says(REACH)).fetch_one(&mut *moment).await?;
            next.settle(&reach);
            let rows: Vec<MovedRow> = sqlx::query_as(MOVED)
                .bind(next.last_no)
                .bind(next.settled)
                .bind(i64::from(step))
                .fetch_all(&mut *moment)
                .await?;
            let is_last = rows.iter().map(|row| row.count).sum::<i64>() < i64::from(step);
            let rest = if is_last {
                let unsettled: Vec<MovedRow> = sqlx::query_as(MOVED)
                    .bind(next.settled)
                    .bind(i64::MAX)
                    .bind(i64::MAX)
                    .fetch_all(&mut *moment)
                    .await?;
                let resting: RestingRow =
                    sqlx::query_as(RESTING).bind(now.micros()).fetch_one(&mut *moment).await?;
                Some((unsettled, resting))
            } else {
                None
            };
            moment.commit().await?;
            Ok((rows, rest))
        })?;
        add(&mut next.kept, &rows)?;
        next.last_no = rows.iter().map(|row| row.last_no).fold(next.last_no, i64::max);
        next.moved.clone_from(&next.kept);
        let mut resting = None;
        if let Some((unsettled, row)) = rest {
            add(&mut next.moved, &unsettled)?;
            let RestingRow { available, pending, lapsed, held, debt } = row;
            resting = Some(Resting { available, pending, lapsed, held, debt });
        }
        *sums = next;
        Ok(resting)
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
