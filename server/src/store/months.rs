//! How much of an operation an account has used in a calendar month: by now, and by the time when an event was booked.

use ledger::event::MAX_LEAD;
use ledger::time::DAY;
use ledger::{Month, Quantity};

use super::dialect::{Dialect as _, Sql};
use super::posting::{Posting, on};
use super::{Store, StoreError, bulk, read};

/// What an account uses of an operation in a calendar month.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MonthOf {
    pub account_no: i64,
    pub operation: String,
    pub month: Month,
}

/// A sum of quantities in two parts, `high × 2^32 + low`: a sum past the end of the range would fail.
#[derive(Debug, Default, Clone, Copy, sqlx::FromRow)]
struct SumRow {
    high: i64,
    low: i64,
}

impl SumRow {
    fn plus(self, other: Self) -> Self {
        Self { high: self.high.saturating_add(other.high), low: self.low.saturating_add(other.low) }
    }

    fn minus(self, other: Self) -> Self {
        Self { high: self.high.saturating_sub(other.high), low: self.low.saturating_sub(other.low) }
    }

    /// Held at the end of the range.
    fn quantity(self) -> Quantity {
        let micros = self.high.checked_mul(1 << 32).and_then(|high| high.checked_add(self.low));
        Quantity::from_micros(micros.unwrap_or(i64::MAX)).unwrap_or_default()
    }
}

/// Entries that one statement looks at, so that none reads for long.
const STRETCH: u64 = 20_000;

/// The two parts of a sum of quantities.
macro_rules! parts {
    ($quantity:literal) => {
        concat!(
            "CAST(coalesce(sum(",
            $quantity,
            " >> 32), 0) AS BIGINT) AS high, CAST(coalesce(sum(",
            $quantity,
            " & 4294967295), 0) AS BIGINT) AS low "
        )
    };
}

/// The months that are asked for, `$1`: a JSON array of account, operation, start and end.
macro_rules! asked_in_sqlite {
    () => {
        "(SELECT key AS place, value ->> 0 AS account, value ->> 1 AS operation, value ->> 2 AS start, value ->> 3 AS until \
         FROM json_each($1)) asked "
    };
}
macro_rules! asked_in_postgres {
    () => {
        "(SELECT place, CAST(value ->> 0 AS BIGINT) AS account, value ->> 1 AS operation, \
         CAST(value ->> 2 AS BIGINT) AS start, CAST(value ->> 3 AS BIGINT) AS until \
         FROM json_array_elements(CAST($1 AS JSON)) WITH ORDINALITY AS month (value, place)) asked "
    };
}

/// Months are whole numbers of buckets. An outer join goes from what is asked to the table.
macro_rules! used {
    ($asked:ident) => {
        concat!(
            "SELECT ",
            parts!("r.quantity"),
            "FROM ",
            $asked!(),
            "LEFT JOIN rollups r ON r.account = asked.account AND r.bucket >= asked.start AND r.bucket < asked.until \
             AND r.operation = asked.operation GROUP BY asked.place ORDER BY asked.place"
        )
    };
}
const USED: Sql = Sql { sqlite: used!(asked_in_sqlite), postgres: used!(asked_in_postgres) };

/// What open holds count with, of the same months: they happen when they are made.
macro_rules! held {
    ($asked:ident) => {
        concat!(
            "SELECT ",
            parts!("e.quantity"),
            "FROM ",
            $asked!(),
            "LEFT JOIN open_holds h ON h.account = asked.account \
             LEFT JOIN entries e ON e.account = h.account AND e.seq = h.seq AND e.recorded_at >= asked.start \
             AND e.recorded_at < asked.until AND e.operation = asked.operation GROUP BY asked.place ORDER BY asked.place"
        )
    };
}
const HELD: Sql = Sql { sqlite: held!(asked_in_sqlite), postgres: held!(asked_in_postgres) };

impl Posting<'_> {
    /// What has been used in each of these months, and is held for use, in their order.
    pub async fn used_in_months(&mut self, months: &[MonthOf]) -> Result<Vec<Quantity>, StoreError> {
        let asked: Vec<_> = months
            .iter()
            .map(|of| {
                let (start, end) = (of.month.start().micros(), of.month.end().micros());
                (of.account_no, &of.operation, start, end)
            })
            .collect();
        let asked = bulk::json(&asked);
        let used: Vec<SumRow> =
            on!(self, db => sqlx::query_as(db.says(USED)).bind(asked.clone()).fetch_all(db).await?);
        let held: Vec<SumRow> =
            on!(self, db => sqlx::query_as(db.says(HELD)).bind(asked).fetch_all(db).await?);
        Ok(used.into_iter().zip(held).map(|(used, held)| used.plus(held).quantity()).collect())
    }
}

/// A month as it stands: the account's last entry, and the sums up to it.
#[derive(sqlx::FromRow)]
struct NowRow {
    last: i64,
    /// The greatest single sum; at the end of the range it is no sum any more.
    most: i64,
    #[sqlx(flatten)]
    sum: SumRow,
}

impl Store {
    /// What had been used in the month before entry `seq` was booked. Entries from there to the nearer end of the month's
    /// are added up: those before, or those since, which the month has had more by now.
    pub async fn used_before(&self, of: &MonthOf, seq: u64) -> Result<Quantity, StoreError> {
        // What happened at t was recorded at the earliest as long before t as a service's clock may run ahead.
        let earliest = of.month.start().saturating_add(-MAX_LEAD - DAY);
        let first = self.first_seq_since(of.account_no, earliest).await?;
        let now = self.used_now(of).await?;
        let last = now.last.cast_unsigned();
        if now.most < i64::MAX && last.saturating_sub(seq) < seq.saturating_sub(first) {
            let since = self.used_in(of, seq, last.saturating_add(1)).await?;
            Ok(now.sum.minus(since).quantity())
        } else {
            Ok(self.used_in(of, first, seq).await?.quantity())
        }
    }

    /// One statement, so that the sums are those of the last entry.
    async fn used_now(&self, of: &MonthOf) -> Result<NowRow, StoreError> {
        read!(self, db => Ok(sqlx::query_as(
            "SELECT (SELECT coalesce(max(w.seq), 0) FROM wallets w WHERE w.account = $1) AS last, \
             coalesce(max(quantity), 0) AS most, CAST(coalesce(sum(quantity >> 32), 0) AS BIGINT) AS high, \
             CAST(coalesce(sum(quantity & 4294967295), 0) AS BIGINT) AS low FROM \
             (SELECT quantity FROM rollups WHERE account = $1 AND operation = $2 AND bucket >= $3 AND bucket < $4 \
             UNION ALL SELECT e.quantity FROM open_holds h CROSS JOIN entries e \
             WHERE h.account = $1 AND e.account = h.account AND e.seq = h.seq AND e.operation = $2 AND e.recorded_at >= $3 AND e.recorded_at < $4) counted",
        )
        .bind(of.account_no)
        .bind(&of.operation)
        .bind(of.month.start().micros())
        .bind(of.month.end().micros())
        .fetch_one(db)
        .await?))
    }

    /// What the entries `from ≤ seq < to` that carry an event of the month added to what is used; less than nothing where they
    /// took more back.
    async fn used_in(&self, of: &MonthOf, mut from: u64, to: u64) -> Result<SumRow, StoreError> {
        let mut sum = SumRow::default();
        while from < to {
            let end = from.saturating_add(STRETCH).min(to);
            sum = sum.plus(self.used_between(of, from, end).await?);
            from = end;
        }
        Ok(sum)
    }

    async fn used_between(&self, of: &MonthOf, from: u64, to: u64) -> Result<SumRow, StoreError> {
        read!(self, db => Ok(sqlx::query_as(
            "SELECT CAST(coalesce(sum((quantity >> 32) - (coalesce(quantity_before, 0) >> 32)), 0) AS BIGINT) AS high, \
             CAST(coalesce(sum((quantity & 4294967295) - (coalesce(quantity_before, 0) & 4294967295)), 0) AS BIGINT) AS low \
             FROM entries WHERE account = $1 AND seq >= $2 AND seq < $3 AND operation = $4 \
             AND coalesce(occurred_at, recorded_at) >= $5 AND coalesce(occurred_at, recorded_at) < $6",
        )
        .bind(of.account_no)
        .bind(from.cast_signed())
        .bind(to.cast_signed())
        .bind(&of.operation)
        .bind(of.month.start().micros())
        .bind(of.month.end().micros())
        .fetch_one(db)
        .await?))
    }
}

#[cfg(test)]
mod tests {
    use ledger::Timestamp;

    use super::*;
    use crate::clock::ManualClock;
    use crate::store::DatabaseUrl;

    #[tokio::test]
    async fn a_month_is_found_by_index_and_may_hold_more_than_can_be_counted() {
        let directory = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(Timestamp::from_micros(0));
        let url = DatabaseUrl::Sqlite(directory.path().join("console.db"));
        let store = Store::open(&url, &clock).await.unwrap();
        let mut posting = store.begin_posting(false).await.unwrap();
        let plan: Vec<(i64, i64, i64, String)> = on!(&mut posting, db =>
            sqlx::query_as(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", USED.sqlite)))
                .bind("[]").fetch_all(db).await.unwrap());
        let steps: Vec<String> = plan.into_iter().map(|(_, _, _, step)| step).collect();
        let by_bucket = "SEARCH r USING PRIMARY KEY (account=? AND bucket>? AND bucket<?)";
        assert!(steps.iter().any(|step| step.starts_with(by_bucket)), "{steps:?}");
        for (bucket, operation, quantity) in
            [(0, "a", i64::MAX), (900_000_000, "a", i64::MAX), (0, "b", 1 << 33), (900_000_000, "b", 7)]
        {
            on!(&mut posting, db => sqlx::query("INSERT INTO rollups VALUES (1, $1, $2, '', 0, $3, 1)")
                .bind(bucket).bind(operation).bind(quantity).execute(db).await.map(|_| ()).unwrap());
        }
        let month = |operation: &str, at: i64| MonthOf {
            account_no: 1,
            operation: operation.to_owned(),
            month: Month::of(Timestamp::from_micros(at)),
        };
        let asked = [month("b", 0), month("c", 0), month("a", 5), month("b", -1)];
        let used = posting.used_in_months(&asked).await.unwrap();
        let used: Vec<i64> = used.into_iter().map(Quantity::micros).collect();
        assert_eq!(used, [(1 << 33) + 7, 0, i64::MAX, 0]);
        posting.rollback().await.unwrap();
    }
}
