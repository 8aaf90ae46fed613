//! What a check of charts against the books reads: rollups as of an entry, and the events behind them.

use ledger::series::{BUCKET, BucketKey, Series, Totals};
use ledger::{AccountId, Timestamp};

use super::rollups::{BucketRow, RollupRow};
use super::rows::{Column, parse_text};
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
    pub async fn rollups_as_of(&self, account_no: i64, window: Window) -> Result<(Series, u64), StoreError> {
        let (rows, seq) = read!(self, db => {
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
            moment.commit().await?;
            Ok((rows, seq))
        })?;
        let mut stored = Series::default();
        series(rows, &mut stored)?;
        Ok((stored, seq.map_or(Ok(0), |(seq,)| seq.read("wallets", "seq", account_no))?))
    }

    /// Takes back what the entries `first..=last` correct of the window's events. Corrections may come any time after their
    /// event; there are few of them.
    pub async fn take_back_corrections(
        &self,
        account_no: i64,
        window: Window,
        (first, last): (u64, u64),
        from: &mut Series,
    ) -> Result<(), StoreError> {
        let rows: Vec<RollupRow> = read!(self, db => Ok(sqlx::query_as(
            "SELECT occurred_at AS bucket, operation, coalesce(api_key, '') AS api_key, \
             credits_before - credits AS credits, quantity_before - quantity AS quantity, 0 AS count FROM entries \
             WHERE account = $1 AND revises IS NOT NULL AND movement IN (10, 11) AND seq >= $2 AND seq <= $3 \
             AND occurred_at >= $4 AND occurred_at < $5",
        )
        .bind(account_no)
        .bind(first.cast_signed())
        .bind(last.cast_signed())
        .bind(window.from.micros())
        .bind(window.to.micros())
        .fetch_all(db)
        .await?))?;
        events(rows, from)
    }

    /// The same series made from the account's entries `first..=last`. Entries never change, so that several short
    /// statements see what one would.
    pub async fn series_of_entries(
        &self,
        account_no: i64,
        window: Window,
        (first, last): (u64, u64),
    ) -> Result<Series, StoreError> {
        let mut found = Series::default();
        let mut seq = first;
        while seq <= last {
            let rows: Vec<RollupRow> = read!(self, db => Ok(sqlx::query_as(
                "SELECT coalesce(occurred_at, recorded_at) AS bucket, operation, coalesce(api_key, '') AS api_key, \
                 CASE WHEN movement > 8 THEN credits_before - credits ELSE credits END AS credits, \
                 CASE WHEN movement > 8 THEN quantity_before - quantity ELSE quantity END AS quantity, \
                 CASE WHEN movement > 8 THEN 0 ELSE 1 END AS count FROM entries WHERE account = $1 AND seq >= $2 AND seq <= $3 \
                 AND source IS NOT NULL AND movement IN (2, 6, 8, 10, 11) AND coalesce(occurred_at, recorded_at) >= $4 \
                 AND coalesce(occurred_at, recorded_at) < $5 ORDER BY seq",
            )
            .bind(account_no)
            .bind(seq.cast_signed())
            .bind(last.min(seq.saturating_add(STEP - 1)).cast_signed())
            .bind(window.from.micros())
            .bind(window.to.micros())
            .fetch_all(db)
            .await?))?;
            events(rows, &mut found)?;
            seq = seq.saturating_add(STEP);
        }
        Ok(found)
    }
}
