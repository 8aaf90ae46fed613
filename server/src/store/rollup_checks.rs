//! What a check of charts against the books reads: rollups as of an entry, and the events behind them.

use ledger::dimensions::DimensionSeries;
use ledger::series::{BUCKET, BucketKey, Series, Totals};
use ledger::time::DAY;
use ledger::{AccountId, Timestamp};

use super::dimension_builds::{DescribedRow, described_tables};
use super::dimension_rollups::{StoredValueRows as _, StoredValues};
use super::rollups::{BucketRow, RollupRow};
use super::rows::{Column, entry_columns, entry_tables, parse_text};
use super::{Store, StoreError, read};

/// Entries that one statement looks at, so that it is over soon.
const STEP: u64 = 20_000;

/// An account that has entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptAccount {
    pub no: i64,
    pub id: AccountId,
    /// Of its last entry.
    pub seq: u64,
}

/// A stretch of event time, `from ≤ time < to`; both are multiples of 15 minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub from: Timestamp,
    pub to: Timestamp,
}

impl Window {
    pub(super) const ALWAYS: Self =
        Self { from: Timestamp::from_micros(i64::MIN), to: Timestamp::from_micros(i64::MAX) };

    /// The days (UTC) that it touches.
    fn days(self) -> Self {
        Self { from: self.from.floor(DAY), to: self.to.saturating_add(DAY - 1).floor(DAY) }
    }
}

/// Rollups of one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsOf {
    pub series: Series,
    /// Of all days that the window touches, since they say which values have names.
    pub values: StoredValues,
    /// The last entry that is in them.
    pub seq: u64,
}

/// Entries of an account that may be events of a window, and how far corrections of them are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    pub first: u64,
    pub last: u64,
    pub corrected_up_to: u64,
}

impl Stretch {
    /// One short statement after the other.
    fn steps(self) -> impl Iterator<Item = (u64, u64)> {
        let Self { first, last, .. } = self;
        let starts = std::iter::successors(Some(first), |seq| Some(seq.saturating_add(STEP)));
        let starts = starts.take_while(move |seq| *seq <= last);
        starts.map(move |seq| (seq, last.min(seq.saturating_add(STEP - 1))))
    }
}

/// What a statement that begins with a `SELECT` is about: entries `$2 ≤ seq ≤ $3`, or corrections of them up to `$6`. The
/// `+` keeps the planner from going through all entries up to there.
macro_rules! events_or_corrections {
    ($($select:tt)*) => {
        [
            concat!($($select)*, "WHERE e.account = $1 AND e.seq >= $2 AND e.seq <= $3 AND e.movement IN (2, 6, 8) \
                AND coalesce(e.occurred_at, e.recorded_at) >= $4 AND coalesce(e.occurred_at, e.recorded_at) < $5 \
                AND e.source IS NOT NULL AND e.seq <= $6 ORDER BY e.seq"),
            concat!($($select)*, "WHERE e.account = $1 AND e.revises >= $2 AND e.revises <= $3 AND e.movement > 8 \
                AND coalesce(e.occurred_at, e.recorded_at) >= $4 AND coalesce(e.occurred_at, e.recorded_at) < $5 \
                AND e.source IS NOT NULL AND +e.seq <= $6"),
        ]
    };
}

const COUNTED: [&str; 2] = events_or_corrections!(
    "SELECT coalesce(e.occurred_at, e.recorded_at) AS bucket, e.operation, coalesce(e.api_key, '') AS api_key, \
     CASE WHEN e.movement > 8 THEN e.credits_before - e.credits ELSE e.credits END AS credits, \
     CASE WHEN e.movement > 8 THEN e.quantity_before - e.quantity ELSE e.quantity END AS quantity, \
     CASE WHEN e.movement > 8 THEN CAST(0 AS BIGINT) ELSE 1 END AS count FROM entries e "
);
const DESCRIBED: [&str; 2] =
    events_or_corrections!(concat!("SELECT ", entry_columns!(), ", d.dimensions FROM ", described_tables!()));

/// When an entry was written, and when what it is about happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryTimes {
    pub recorded_at: Timestamp,
    pub event_time: Timestamp,
}

fn series(rows: Vec<RollupRow>, into: &mut Series) -> Result<(), StoreError> {
    for row in rows {
        let BucketRow { start, operation, api_key, credits, quantity, count } = row.into_bucket()?;
        let key = BucketKey { start: start.floor(BUCKET), operation, api_key };
        into.add(key, Totals { credits, quantity, count });
    }
    Ok(())
}

/// Events, and corrections of events before them, which count nothing.
fn events(rows: Vec<RollupRow>, into: &mut Series) -> Result<(), StoreError> {
    for row in rows {
        let BucketRow { start, operation, api_key, credits, quantity, count } = row.into_bucket()?;
        let key = BucketKey { start: start.floor(BUCKET), operation, api_key };
        let totals = Totals { credits, quantity, count };
        if count > 0 { into.add(key, totals) } else { into.take(&key, totals) }
    }
    Ok(())
}

impl Store {
    /// The largest number of an account that has entries.
    pub async fn last_kept_account(&self) -> Result<Option<i64>, StoreError> {
        let (last,): (Option<i64>,) =
            read!(self, db => Ok(sqlx::query_as("SELECT max(account) FROM wallets").fetch_one(db).await?))?;
        Ok(last)
    }

    /// The first account that has entries, from a number on.
    pub async fn find_kept_account(&self, from_no: i64) -> Result<Option<KeptAccount>, StoreError> {
        let found: Option<(i64, String, i64)> = read!(self, db => Ok(sqlx::query_as(
            "SELECT w.account, a.id, w.seq FROM wallets w JOIN accounts a ON a.no = w.account WHERE w.account >= $1 \
             ORDER BY w.account LIMIT 1",
        )
        .bind(from_no)
        .fetch_optional(db)
        .await?))?;
        let Some((no, id, seq)) = found else { return Ok(None) };
        Ok(Some(KeptAccount {
            no,
            id: parse_text(&id, "accounts", "id")?,
            seq: seq.read("wallets", "seq", no)?,
        }))
    }

    pub async fn find_entry_times(
        &self,
        account_no: i64,
        seq: u64,
    ) -> Result<Option<EntryTimes>, StoreError> {
        let found: Option<(i64, i64)> = read!(self, db => Ok(sqlx::query_as(
            "SELECT recorded_at, coalesce(occurred_at, recorded_at) FROM entries WHERE account = $1 AND seq = $2",
        )
        .bind(account_no)
        .bind(seq.cast_signed())
        .fetch_optional(db)
        .await?))?;
        Ok(found.map(|(recorded_at, event_time)| EntryTimes {
            recorded_at: Timestamp::from_micros(recorded_at),
            event_time: Timestamp::from_micros(event_time),
        }))
    }

    /// The account's rollups of the window, and the last entry that is in them, read in one moment.
    pub async fn rollups_as_of(&self, account_no: i64, window: Window) -> Result<AsOf, StoreError> {
        let (rows, values, seq) = read!(self, db => {
            let mut moment = sqlx::Connection::begin(db).await?;
            let seq: Option<(i64,)> = sqlx::query_as("SELECT seq FROM wallets WHERE account = $1")
                .bind(account_no)
                .fetch_optional(&mut *moment)
                .await?;
            let rows: Vec<RollupRow> = sqlx::query_as(
                "SELECT bucket, operation, api_key, credits, quantity, count FROM rollups \
                 WHERE account = $1 AND bucket >= $2 AND bucket < $3",
            )
            .bind(account_no)
            .bind(window.from.micros())
            .bind(window.to.micros())
            .fetch_all(&mut *moment)
            .await?;
            let values = moment.stored_values(account_no, window.days()).await?;
            moment.commit().await?;
            Ok((rows, values, seq))
        })?;
        let mut stored = Series::default();
        series(rows, &mut stored)?;
        let seq = seq.map_or(Ok(0), |(seq,)| seq.read("wallets", "seq", account_no))?;
        Ok(AsOf { series: stored, values, seq })
    }

    /// The same series made from the account's entries. Entries never change, so that several short statements see what
    /// one would.
    pub async fn series_of_entries(
        &self,
        account_no: i64,
        window: Window,
        stretch: Stretch,
    ) -> Result<Series, StoreError> {
        let mut found = Series::default();
        for (first, last) in stretch.steps() {
            for sql in COUNTED {
                let rows: Vec<RollupRow> = read!(self, db => Ok(sqlx::query_as(sql)
                    .bind(account_no)
                    .bind(first.cast_signed())
                    .bind(last.cast_signed())
                    .bind(window.from.micros())
                    .bind(window.to.micros())
                    .bind(stretch.corrected_up_to.cast_signed())
                    .fetch_all(db)
                    .await?))?;
                events(rows, &mut found)?;
            }
        }
        Ok(found)
    }

    /// The same by the values of dimensions, whose names are those of `stored`.
    pub async fn values_of_entries(
        &self,
        account_no: i64,
        window: Window,
        stretch: Stretch,
        stored: &StoredValues,
    ) -> Result<DimensionSeries, StoreError> {
        let mut found = DimensionSeries::with_names_of(stored.declared.clone(), stored.sums.keys());
        if stored.declared.is_empty() {
            return Ok(found);
        }
        for (first, last) in stretch.steps() {
            for sql in DESCRIBED {
                let rows: Vec<DescribedRow> = read!(self, db => Ok(sqlx::query_as(sql)
                    .bind(account_no)
                    .bind(first.cast_signed())
                    .bind(last.cast_signed())
                    .bind(window.from.micros())
                    .bind(window.to.micros())
                    .bind(stretch.corrected_up_to.cast_signed())
                    .fetch_all(db)
                    .await?))?;
                for row in rows {
                    let (entry, pairs) = row.into_parts()?;
                    found.count(&entry, pairs.as_ref());
                }
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::store::DatabaseUrl;
    use crate::store::posting::on;

    #[tokio::test]
    async fn events_and_corrections_of_a_stretch_are_found_by_index() {
        let directory = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(Timestamp::from_micros(0));
        let url = DatabaseUrl::Sqlite(directory.path().join("console.db"));
        let store = Store::open(&url, &clock).await.unwrap();
        let mut posting = store.begin_posting(false).await.unwrap();
        let by_key = [
            "SEARCH e USING INDEX entries_account_seq_key (account=? AND seq>? AND seq<?)",
            "SEARCH e USING INDEX entries_revisions (account=? AND revises>? AND revises<?)",
        ];
        for (sql, by_key) in COUNTED.into_iter().chain(DESCRIBED).zip(by_key.into_iter().cycle()) {
            let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
            let plan: Vec<(i64, i64, i64, String)> =
                on!(&mut posting, db => sqlx::query_as(explain).fetch_all(db).await.unwrap());
            let steps: Vec<String> = plan.into_iter().map(|(_, _, _, step)| step).collect();
            assert_eq!(steps[0], by_key, "{steps:?}");
        }
        posting.rollback().await.unwrap();
    }
}
