//! Consumption by a declared dimension; see `ledger::dimensions`. Rows exist only for events that have the dimension: what
//! the rest came to is the difference to the rollups, so that the groups add up to everything.

use std::collections::{BTreeMap, HashMap};

use ledger::Timestamp;
use ledger::credits::MICROS;
use ledger::dimensions::{DimensionKey, NamedValues, OTHER};
use ledger::series::{BucketKey, Totals};
use ledger::time::DAY;

use super::dialect::{Dialect as _, Sql};
use super::dimension_builds::Pairs;
use super::posting::{Posting, on};
use super::rollup_checks::Window;
use super::rollups::RollupFilter;
use super::rows::{Cell, Column, parse_text};
use super::{Store, StoreError, bulk, on_connection, read};

/// What one value came to in a stretch of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueRow {
    pub start: Timestamp,
    /// `None`: of events without the dimension.
    pub value: Option<String>,
    pub totals: Totals,
}

/// A dimension's day (UTC) of an account.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DayOf {
    pub account_no: i64,
    pub dimension: String,
    /// Its first instant.
    pub start: Timestamp,
}

/// An account's rollups of dimensions, of those that are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredValues {
    pub declared: Vec<String>,
    pub sums: BTreeMap<DimensionKey, Totals>,
}

#[derive(sqlx::FromRow)]
struct StoredRow {
    dimension: String,
    bucket: i64,
    operation: String,
    api_key: String,
    value: String,
    credits: i64,
    quantity: i64,
    count: i64,
}

impl StoredRow {
    fn into_parts(self) -> Result<(DimensionKey, Totals), StoreError> {
        let start = Timestamp::from_micros(self.bucket);
        let is_keyed = !self.api_key.is_empty();
        let api_key = is_keyed.then(|| parse_text(&self.api_key, TABLE, "api_key")).transpose()?;
        let bucket = BucketKey { start, operation: self.operation, api_key };
        let totals = Totals {
            credits: self.credits.read(TABLE, "credits", self.bucket)?,
            quantity: self.quantity.read(TABLE, "quantity", self.bucket)?,
            count: self.count.read(TABLE, "count", self.bucket)?,
        };
        Ok((DimensionKey { dimension: self.dimension, bucket, group: self.value }, totals))
    }
}

on_connection! {
    pub(super) trait StoredValueRows {
        /// Of one moment, that of the connection's transaction.
        async fn stored_values(&mut moment, account_no: i64, window: Window) -> Result<StoredValues, StoreError> {
            let names: Vec<(String,)> = sqlx::query_as(KEPT).fetch_all(&mut *moment).await?;
            let declared: Vec<String> = names.into_iter().map(|(name,)| name).collect();
            let mut sums = BTreeMap::new();
            for name in &declared {
                let rows: Vec<StoredRow> = sqlx::query_as(
                    "SELECT dimension, bucket, operation, api_key, value, credits, quantity, count FROM dimension_rollups \
                     WHERE account = $1 AND dimension = $2 AND bucket >= $3 AND bucket < $4",
                )
                .bind(account_no)
                .bind(name)
                .bind(window.from.micros())
                .bind(window.to.micros())
                .fetch_all(&mut *moment)
                .await?;
                for row in rows {
                    let (key, totals) = row.into_parts()?;
                    sums.insert(key, totals);
                }
            }
            Ok(StoredValues { declared, sums })
        }
    }
}

#[derive(sqlx::FromRow)]
struct SumRow {
    bucket: i64,
    /// Without one: of all events.
    value: Option<String>,
    credits: i64,
    /// Whole units, and micro-units besides: the sum of all micro-units may be more than the database can add up.
    units: i64,
    quantity: i64,
    count: i64,
}

impl SumRow {
    fn into_value(self) -> Result<ValueRow, StoreError> {
        let quantity = self.units.saturating_mul(MICROS).saturating_add(self.quantity);
        Ok(ValueRow {
            start: Timestamp::from_micros(self.bucket),
            value: self.value,
            totals: Totals {
                credits: self.credits.read(TABLE, "credits", self.bucket)?,
                quantity: quantity.read(TABLE, "quantity", self.bucket)?,
                count: self.count.read(TABLE, "count", self.bucket)?,
            },
        })
    }
}

const TABLE: &str = "dimension_rollups";

/// Values that have names, but for what is left to the group of all others.
const NAMED: Sql = Sql {
    sqlite: "SELECT DISTINCT asked.key, r.value FROM json_each($1) asked CROSS JOIN dimension_rollups r \
        WHERE r.account = asked.value ->> 0 AND r.dimension = asked.value ->> 1 \
        AND r.bucket >= asked.value ->> 2 AND r.bucket < asked.value ->> 3 AND r.value <> $2",
    postgres: "SELECT DISTINCT asked.place - 1, r.value FROM \
        json_array_elements(CAST($1 AS JSON)) WITH ORDINALITY AS asked (value, place) CROSS JOIN dimension_rollups r \
        WHERE r.account = CAST(asked.value ->> 0 AS BIGINT) AND r.dimension = asked.value ->> 1 \
        AND r.bucket >= CAST(asked.value ->> 2 AS BIGINT) AND r.bucket < CAST(asked.value ->> 3 AS BIGINT) AND r.value <> $2",
};

/// What was said with entries; `$1`: a JSON array of accounts with places.
const SAID: Sql = Sql {
    sqlite: "SELECT d.account, d.seq, d.dimensions FROM json_each($1) asked CROSS JOIN event_dimensions d \
        WHERE d.account = asked.value ->> 0 AND d.seq = asked.value ->> 1",
    postgres: "SELECT d.account, d.seq, d.dimensions FROM json_array_elements(CAST($1 AS JSON)) AS asked (value) \
        CROSS JOIN event_dimensions d \
        WHERE d.account = CAST(asked.value ->> 0 AS BIGINT) AND d.seq = CAST(asked.value ->> 1 AS BIGINT)",
};

/// The dimensions whose rollups are whole.
const KEPT: &str = "SELECT name FROM usage_dimensions WHERE is_complete = 1 ORDER BY name";

/// Figures of a group.
macro_rules! sums {
    () => {
        "CAST(sum(credits) AS BIGINT) AS credits, CAST(sum(quantity / 1000000) AS BIGINT) AS units, \
         CAST(sum(quantity % 1000000) AS BIGINT) AS quantity, CAST(sum(count) AS BIGINT) AS count "
    };
}

macro_rules! filtered {
    () => {
        "WHERE account = $1 AND bucket >= $2 AND bucket < $3 AND ($4 IS NULL OR operation = $4) \
         AND ($5 IS NULL OR api_key = $5) "
    };
}

/// The whole stretch as one, which `bucket` then names the start of.
const STRETCH: &str = concat!(
    "SELECT CAST($2 AS BIGINT) AS bucket, NULL AS value, ",
    sums!(),
    "FROM rollups ",
    filtered!(),
    "HAVING count(*) > 0 UNION ALL SELECT CAST($2 AS BIGINT), value, ",
    sums!(),
    "FROM dimension_rollups ",
    filtered!(),
    "AND dimension = $6 GROUP BY value",
);

/// Every bucket of the stretch by itself.
const BUCKETS: &str = concat!(
    "SELECT bucket, NULL AS value, ",
    sums!(),
    "FROM rollups ",
    filtered!(),
    "GROUP BY bucket UNION ALL SELECT bucket, value, ",
    sums!(),
    "FROM dimension_rollups ",
    filtered!(),
    "AND dimension = $6 GROUP BY bucket, value ORDER BY bucket",
);

impl Store {
    /// What each value of a dimension came to in each bucket of 15 minutes, in order of time.
    pub async fn value_rollups(
        &self,
        filter: &RollupFilter,
        dimension: &str,
    ) -> Result<Vec<ValueRow>, StoreError> {
        self.values_over(BUCKETS, filter, dimension, &[filter.from, filter.to]).await
    }

    /// The same over each stretch between two neighbours of `edges`; the filter's own times are not looked at.
    pub async fn value_sums(
        &self,
        filter: &RollupFilter,
        dimension: &str,
        edges: &[Timestamp],
    ) -> Result<Vec<ValueRow>, StoreError> {
        self.values_over(STRETCH, filter, dimension, edges).await
    }

    /// All stretches as of one moment.
    async fn values_over(
        &self,
        sql: &'static str,
        filter: &RollupFilter,
        dimension: &str,
        edges: &[Timestamp],
    ) -> Result<Vec<ValueRow>, StoreError> {
        let rows: Vec<SumRow> = read!(self, db => {
            let mut moment = sqlx::Connection::begin(db).await?;
            let mut rows = vec![];
            for (from, to) in edges.iter().zip(edges.iter().skip(1)) {
                let mut found: Vec<SumRow> = sqlx::query_as(sql)
                    .bind(filter.account)
                    .bind(from.micros())
                    .bind(to.micros())
                    .bind(filter.operation.as_deref())
                    .bind(filter.api_key.as_deref())
                    .bind(dimension)
                    .fetch_all(&mut *moment)
                    .await?;
                rows.append(&mut found);
            }
            moment.commit().await?;
            Ok(rows)
        })?;
        let rows = rows.into_iter().map(SumRow::into_value).collect::<Result<Vec<_>, _>>()?;
        Ok(with_the_rest(&rows))
    }
}

/// What was said with entry `seq`.
pub(super) fn pairs(text: &str, seq: i64) -> Result<Pairs, StoreError> {
    let cell = || Cell { table: "event_dimensions", column: "dimensions", row: seq.to_string() };
    serde_json::from_str(text).map_err(|_| cell().corrupt(text))
}

/// Puts in the place of what everything came to at an instant what is not in the values. Rows are in order of time.
fn with_the_rest(rows: &[ValueRow]) -> Vec<ValueRow> {
    let mut whole: Vec<ValueRow> = Vec::with_capacity(rows.len());
    for at_once in rows.chunk_by(|a, b| a.start == b.start) {
        let (all, values): (Vec<_>, Vec<_>) = at_once.iter().partition(|row| row.value.is_none());
        let sum = |rows: &[&ValueRow]| rows.iter().fold(Totals::default(), |sum, row| sum.plus(row.totals));
        let rest = without(sum(&all), sum(&values));
        if rest != Totals::default() {
            whole.push(ValueRow { start: at_once[0].start, value: None, totals: rest });
        }
        whole.extend(values.into_iter().cloned());
    }
    whole
}

/// The difference, each figure at least zero.
fn without(all: Totals, part: Totals) -> Totals {
    Totals {
        credits: all.credits.checked_sub(part.credits).unwrap_or_default(),
        quantity: ledger::Quantity::from_micros(all.quantity.micros().saturating_sub(part.quantity.micros()))
            .unwrap_or_default(),
        count: all.count.saturating_sub(part.count),
    }
}

impl Posting<'_> {
    /// The dimensions whose rollups are kept, in no order that means anything.
    pub async fn kept_dimensions(&mut self) -> Result<Vec<String>, StoreError> {
        let names: Vec<(String,)> = on!(self, db => sqlx::query_as(KEPT).fetch_all(db).await?);
        Ok(names.into_iter().map(|(name,)| name).collect())
    }

    /// What was said about events that are in the books, by account and the `seq` of the entry it was said with.
    pub async fn find_said(
        &mut self,
        entries: &[(i64, u64)],
    ) -> Result<HashMap<(i64, u64), Pairs>, StoreError> {
        let rows: Vec<(i64, i64, String)> = on!(self, db => sqlx::query_as(db.says(SAID))
        .bind(bulk::json(&entries))
        .fetch_all(db)
        .await?);
        rows.into_iter().map(|(no, seq, text)| Ok(((no, seq.cast_unsigned()), pairs(&text, seq)?))).collect()
    }

    /// The values that have names in these days, in the order of the days.
    pub async fn named_values(&mut self, days: &[DayOf]) -> Result<Vec<NamedValues>, StoreError> {
        let asked: Vec<_> = days
            .iter()
            .map(|of| {
                (of.account_no, &of.dimension, of.start.micros(), of.start.saturating_add(DAY).micros())
            })
            .collect();
        let rows: Vec<(i64, String)> = on!(self, db => sqlx::query_as(db.says(NAMED))
        .bind(bulk::json(&asked))
        .bind(OTHER)
        .fetch_all(db)
        .await?);
        let mut values: HashMap<i64, Vec<String>> = HashMap::new();
        for (place, value) in rows {
            values.entry(place).or_default().push(value);
        }
        let places = 0..i64::try_from(days.len()).unwrap_or(i64::MAX);
        Ok(places.map(|place| values.remove(&place).unwrap_or_default().into_iter().collect()).collect())
    }
}

#[cfg(test)]
mod tests {
    use ledger::{Credits, Quantity};

    use super::*;
    use crate::clock::ManualClock;
    use crate::store::DatabaseUrl;

    fn row(start: i64, value: Option<&str>, count: u64) -> ValueRow {
        let credits = Credits::whole(u32::try_from(count).unwrap());
        let totals = Totals { credits, quantity: Quantity::ZERO, count };
        ValueRow { start: Timestamp::from_micros(start), value: value.map(str::to_owned), totals }
    }

    #[test]
    fn what_no_value_holds_is_a_row_of_its_own_unless_it_is_nothing() {
        let rows = [
            row(1, None, 7),
            row(1, Some("a"), 2),
            row(1, Some("b"), 1),
            row(2, Some("a"), 5),
            row(2, None, 5),
            row(3, None, 3),
        ];
        let found = with_the_rest(&rows);
        let wanted = [
            row(1, None, 4),
            row(1, Some("a"), 2),
            row(1, Some("b"), 1),
            row(2, Some("a"), 5),
            row(3, None, 3),
        ];
        assert_eq!(found, wanted);
    }
    #[tokio::test]
    async fn names_and_rows_to_lower_are_found_by_index() {
        let directory = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(Timestamp::from_micros(0));
        let url = DatabaseUrl::Sqlite(directory.path().join("console.db"));
        let store = Store::open(&url, &clock).await.unwrap();
        let mut posting = store.begin_posting(false).await.unwrap();
        let explain = format!("EXPLAIN QUERY PLAN {}", NAMED.sqlite);
        let plan: Vec<(i64, i64, i64, String)> = on!(&mut posting, db =>
            sqlx::query_as(sqlx::AssertSqlSafe(explain)).bind("[]").bind("").fetch_all(db).await.unwrap());
        let steps: Vec<String> = plan.into_iter().map(|(_, _, _, step)| step).collect();
        let by_key = "SEARCH r USING PRIMARY KEY (account=? AND dimension=? AND bucket";
        assert!(steps.iter().any(|step| step.starts_with(by_key)), "{steps:?}");
        posting.rollback().await.unwrap();
    }
}
