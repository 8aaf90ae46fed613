//! Events as customers look them up: the newest first, one by its place, one by its name.

use ledger::entry::Entry;
use ledger::{Credits, Timestamp};

use super::rows::{Column, EntryRow, entry_columns, entry_tables};
use super::{Store, StoreError, read};

/// Which events of an account; times are event times (`occurred_at`, else `recorded_at`), `from ≤ time < to`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    pub account: i64,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    pub operation: Option<String>,
    /// A key's id; `""` for what was reported without a key.
    pub api_key: Option<String>,
    /// Only events whose leg 0 stands at this `seq` or later. With `before_seq` it bounds how much a statement reads,
    /// however few events the other conditions let through.
    pub from_seq: Option<u64>,
    /// Only events whose leg 0 stands before this `seq`: the cursor of a long list.
    pub before_seq: Option<u64>,
    pub limit: u32,
    pub offset: u32,
}

/// An event with what it left behind.
#[derive(Debug, Clone, PartialEq)]
pub struct BookedEvent {
    /// Leg 0.
    pub entry: Entry,
    /// Of the last leg.
    pub last_seq: u64,
    /// What could be spent after the last leg.
    pub balance_after: Credits,
    /// Names and texts; `None` without any, or once they are erased.
    pub dimensions: Option<serde_json::Value>,
}

#[derive(sqlx::FromRow)]
struct EventRow {
    #[sqlx(flatten)]
    entry: EntryRow,
    last_seq: i64,
    balance_after: i64,
    dimensions: Option<String>,
}

/// The conditions of [`EventFilter`], in the order of its parameters.
macro_rules! event_conditions {
    () => {
        "e.account = $1 AND e.source IS NOT NULL AND ($2 IS NULL OR coalesce(e.occurred_at, e.recorded_at) >= $2) \
         AND ($3 IS NULL OR coalesce(e.occurred_at, e.recorded_at) < $3) AND ($4 IS NULL OR e.operation = $4) \
         AND ($5 IS NULL OR coalesce(e.api_key, '') = $5) AND e.seq >= $6 AND e.seq < $7 "
    };
}

macro_rules! bind_conditions {
    ($query:expr, $filter:expr) => {
        $query
            .bind($filter.account)
            .bind($filter.from.map(Timestamp::micros))
            .bind($filter.to.map(Timestamp::micros))
            .bind($filter.operation.clone())
            .bind($filter.api_key.clone())
            // Bounds that are always there, so that the index is entered where the page begins.
            .bind($filter.from_seq.map_or(0, u64::cast_signed))
            .bind($filter.before_seq.map_or(i64::MAX, u64::cast_signed))
    };
}

impl Store {
    /// A page of events, the newest (last booked) first.
    pub async fn list_events(&self, filter: EventFilter) -> Result<Vec<BookedEvent>, StoreError> {
        let rows: Vec<EventRow> = read!(self, db => Ok(bind_conditions!(sqlx::query_as(concat!(
            "SELECT last.seq AS last_seq, last.available_after AS balance_after, d.dimensions, ",
            entry_columns!(), "FROM ", entry_tables!(),
            // Legs follow each other without gaps: the last is the first whose next entry is not its next leg.
            "JOIN entries last ON last.account = e.account AND last.seq = (SELECT l.seq FROM entries l \
               LEFT JOIN entries n ON n.account = l.account AND n.seq = l.seq + 1 \
               WHERE l.account = e.account AND l.seq >= e.seq AND (n.leg IS NULL OR n.leg = 0) ORDER BY l.seq LIMIT 1) \
             LEFT JOIN event_dimensions d ON d.account = e.account AND d.seq = e.seq WHERE ",
            event_conditions!(),
            "ORDER BY e.seq DESC LIMIT $8 OFFSET $9",
        )), filter)
        .bind(i64::from(filter.limit))
        .bind(i64::from(filter.offset))
        .fetch_all(db)
        .await?))?;
        rows.into_iter().map(booked_event).collect()
    }

    /// How many events the filter lets through, whatever its page.
    pub async fn count_events(&self, filter: &EventFilter) -> Result<u64, StoreError> {
        let (count,): (i64,) = read!(self, db => Ok(bind_conditions!(
            sqlx::query_as(concat!("SELECT count(*) FROM entries e WHERE ", event_conditions!())),
            filter
        )
        .fetch_one(db)
        .await?))?;
        count.read("entries", "count", filter.account)
    }

    /// `seq` of the account's first entry that was recorded at `at` or later; one past the last entry when there is none.
    /// What is recorded never goes back, so this is found by halves.
    pub async fn first_seq_since(&self, account_no: i64, at: Timestamp) -> Result<u64, StoreError> {
        read!(self, db => {
            let (last,): (i64,) = sqlx::query_as("SELECT coalesce(max(seq), 0) FROM entries WHERE account = $1")
                .bind(account_no)
                .fetch_one(&mut *db)
                .await?;
            let (mut low, mut high) = (1, last + 1);
            while low < high {
                let middle = low + (high - low) / 2;
                let (is_earlier,): (bool,) =
                    sqlx::query_as("SELECT recorded_at < $3 FROM entries WHERE account = $1 AND seq = $2")
                        .bind(account_no)
                        .bind(middle)
                        .bind(at.micros())
                        .fetch_one(&mut *db)
                        .await?;
                if is_earlier { low = middle + 1 } else { high = middle }
            }
            low.read("entries", "seq", account_no)
        })
    }

    /// The legs of the event whose leg 0 is entry `seq`; empty when there is no such event.
    pub async fn find_legs(&self, account_no: i64, seq: u64) -> Result<Vec<Entry>, StoreError> {
        let rows: Vec<EntryRow> = read!(self, db => Ok(sqlx::query_as(concat!(
            "SELECT ", entry_columns!(), "FROM ", entry_tables!(),
            "WHERE e.account = $1 AND e.seq >= $2 AND e.seq <= (SELECT l.seq FROM entries l \
               LEFT JOIN entries n ON n.account = l.account AND n.seq = l.seq + 1 \
               WHERE l.account = $1 AND l.seq >= $2 AND (n.leg IS NULL OR n.leg = 0) ORDER BY l.seq LIMIT 1) \
             ORDER BY e.seq",
        ))
        .bind(account_no)
        .bind(seq.cast_signed())
        .fetch_all(db)
        .await?))?;
        let legs = rows.into_iter().map(EntryRow::into_entry).collect::<Result<Vec<_>, _>>()?;
        Ok(if legs.first().is_some_and(|first| first.event.is_some()) { legs } else { vec![] })
    }

    /// `seq` of leg 0 of the account's event of this name.
    pub async fn find_event_seq(
        &self,
        account_no: i64,
        source: &str,
        id: &str,
    ) -> Result<Option<u64>, StoreError> {
        let found: Option<(i64,)> = read!(self, db => Ok(sqlx::query_as(
            "SELECT seq FROM entries WHERE source = $1 AND event_id = $2 AND account = $3",
        )
        .bind(source)
        .bind(id)
        .bind(account_no)
        .fetch_optional(db)
        .await?))?;
        found.map(|(seq,)| seq.read("entries", "seq", seq)).transpose()
    }
}

fn booked_event(row: EventRow) -> Result<BookedEvent, StoreError> {
    let entry = row.entry.into_entry()?;
    let dimensions = row.dimensions.map(|text| {
        serde_json::from_str(&text).map_err(|error| StoreError::Corrupt {
            table: "event_dimensions",
            column: "dimensions",
            row: entry.seq.to_string(),
            found: error.to_string(),
        })
    });
    Ok(BookedEvent {
        last_seq: row.last_seq.read("entries", "seq", row.last_seq)?,
        balance_after: row.balance_after.read("entries", "available_after", row.last_seq)?,
        dimensions: dimensions.transpose()?,
        entry,
    })
}
