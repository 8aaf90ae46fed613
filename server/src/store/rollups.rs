//! Consumption in 15-minute buckets; what charts and period sums read, whatever the number of events.

use ledger::credits::MICROS;
use ledger::{Credits, KeyId, Quantity, Timestamp};

use super::rows::{Column, parse_text};
use super::{Store, StoreError, read};

/// What an account consumed in a stretch of time.
pub(super) const CONSUMED: &str = "SELECT CAST(coalesce(sum(credits), 0) AS BIGINT) FROM rollups \
                                   WHERE account = $1 AND bucket >= $2 AND bucket < $3";

/// Which buckets: of an account, `from ≤ start < to`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollupFilter {
    pub account: i64,
    pub from: Timestamp,
    pub to: Timestamp,
    pub operation: Option<String>,
    /// A key's id; `""` for what was reported without a key.
    pub api_key: Option<String>,
}

/// One bucket of one operation and key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketRow {
    pub start: Timestamp,
    pub operation: String,
    pub api_key: Option<KeyId>,
    pub credits: Credits,
    pub quantity: Quantity,
    pub count: u64,
}

#[derive(sqlx::FromRow)]
pub(super) struct RollupRow {
    bucket: i64,
    operation: String,
    api_key: String,
    credits: i64,
    /// Micro-units.
    quantity: i64,
    /// Whole units besides: the sum of all micro-units may be more than the database can add up.
    #[sqlx(default)]
    units: i64,
    count: i64,
}

impl RollupRow {
    pub(super) fn into_bucket(self) -> Result<BucketRow, StoreError> {
        let key = (!self.api_key.is_empty())
            .then(|| parse_text(&self.api_key, "rollups", "api_key"))
            .transpose()?;
        Ok(BucketRow {
            start: Timestamp::from_micros(self.bucket),
            operation: self.operation,
            api_key: key,
            credits: self.credits.read("rollups", "credits", self.bucket)?,
            quantity: self.units.saturating_mul(MICROS).saturating_add(self.quantity).read(
                "rollups",
                "quantity",
                self.bucket,
            )?,
            count: self.count.read("rollups", "count", self.bucket)?,
        })
    }
}

impl Store {
    /// Buckets in order of time.
    pub async fn rollups(&self, filter: RollupFilter) -> Result<Vec<BucketRow>, StoreError> {
        let rows: Vec<RollupRow> = read!(self, db => Ok(sqlx::query_as(
            "SELECT bucket, operation, api_key, credits, quantity, count FROM rollups \
             WHERE account = $1 AND bucket >= $2 AND bucket < $3 \
             AND ($4 IS NULL OR operation = $4) AND ($5 IS NULL OR api_key = $5) ORDER BY bucket, operation, api_key",
        )
        .bind(filter.account)
        .bind(filter.from.micros())
        .bind(filter.to.micros())
        .bind(filter.operation)
        .bind(filter.api_key)
        .fetch_all(db)
        .await?))?;
        rows.into_iter().map(RollupRow::into_bucket).collect()
    }

    /// The same added up over each stretch between two neighbours of `edges`, which `start` of a row then names: one
    /// statement for each stretch, since sorting one stretch after the other costs half of sorting all of them, and no
    /// row leaves the database that is only added to others. The filter's own times are not looked at.
    pub async fn rollup_sums(
        &self,
        filter: &RollupFilter,
        edges: &[Timestamp],
    ) -> Result<Vec<BucketRow>, StoreError> {
        let rows: Vec<RollupRow> = read!(self, db => {
            let mut moment = sqlx::Connection::begin(db).await?;
            let mut rows = vec![];
            for (from, to) in edges.iter().zip(edges.iter().skip(1)) {
                let mut found: Vec<RollupRow> = sqlx::query_as(
                    "SELECT CAST($2 AS BIGINT) AS bucket, operation, api_key, CAST(sum(credits) AS BIGINT) AS credits, \
                     CAST(sum(quantity / 1000000) AS BIGINT) AS units, \
                     CAST(sum(quantity % 1000000) AS BIGINT) AS quantity, CAST(sum(count) AS BIGINT) AS count FROM rollups \
                     WHERE account = $1 AND bucket >= $2 AND bucket < $3 \
                     AND ($4 IS NULL OR operation = $4) AND ($5 IS NULL OR api_key = $5) GROUP BY operation, api_key",
                )
                .bind(filter.account)
                .bind(from.micros())
                .bind(to.micros())
                .bind(filter.operation.as_deref())
                .bind(filter.api_key.as_deref())
                .fetch_all(&mut *moment)
                .await?;
                rows.append(&mut found);
            }
            moment.commit().await?;
            Ok(rows)
        })?;
        rows.into_iter().map(RollupRow::into_bucket).collect()
    }

    /// Credits spent in each hour (UTC) of a stretch in which anything was, in order of time; both ends are whole hours.
    pub async fn hourly_credits(
        &self,
        account_no: i64,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<(Timestamp, Credits)>, StoreError> {
        let rows: Vec<(i64, i64)> = read!(self, db => Ok(sqlx::query_as(
            "SELECT bucket - bucket % 3600000000 AS hour, CAST(sum(credits) AS BIGINT) FROM rollups \
             WHERE account = $1 AND bucket >= $2 AND bucket < $3 GROUP BY bucket - bucket % 3600000000 ORDER BY 1",
        )
        .bind(account_no)
        .bind(from.micros())
        .bind(to.micros())
        .fetch_all(db)
        .await?))?;
        let hour = |(hour, credits): (i64, i64)| {
            Ok((Timestamp::from_micros(hour), credits.read("rollups", "credits", hour)?))
        };
        rows.into_iter().map(hour).collect()
    }

    /// Events in these buckets.
    pub async fn count_in_buckets(&self, filter: &RollupFilter) -> Result<u64, StoreError> {
        let (count,): (i64,) = read!(self, db => Ok(sqlx::query_as(
            "SELECT CAST(coalesce(sum(count), 0) AS BIGINT) FROM rollups \
             WHERE account = $1 AND bucket >= $2 AND bucket < $3 \
             AND ($4 IS NULL OR operation = $4) AND ($5 IS NULL OR api_key = $5)",
        )
        .bind(filter.account)
        .bind(filter.from.micros())
        .bind(filter.to.micros())
        .bind(filter.operation.as_deref())
        .bind(filter.api_key.as_deref())
        .fetch_one(db)
        .await?))?;
        count.read("rollups", "count", filter.account)
    }

    /// Credits spent by events with `from ≤ time < to`; both are multiples of 15 minutes.
    pub async fn consumed(
        &self,
        account_no: i64,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Credits, StoreError> {
        let (sum,): (i64,) = read!(self, db => Ok(sqlx::query_as(CONSUMED)
            .bind(account_no)
            .bind(from.micros())
            .bind(to.micros())
            .fetch_one(db)
            .await?))?;
        sum.read("rollups", "credits", account_no)
    }
}
