//! Events as customers look them up: the newest first, one by its place, one by its name.

use ledger::entry::Entry;
use ledger::{Credits, Quantity, Timestamp};

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
    /// What the event counts with and costs after its corrections.
    pub quantity: Quantity,
    pub credits: Credits,
    /// Of the last leg.
    pub last_seq: u64,
    /// What could be spent after the last leg.
    pub balance_after: Credits,
    /// Names and texts; `None` without any, or once they are erased.
    pub dimensions: Option<serde_json::Value>,
}

impl BookedEvent {
    /// A correction always lowers the quantity.
    pub fn is_corrected(&self) -> bool {
        self.entry.event.as_ref().is_some_and(|event| event.quantity != self.quantity)
    }
}

#[derive(sqlx::FromRow)]
struct EventRow {
    #[sqlx(flatten)]
    entry: EntryRow,
    last_seq: i64,
    balance_after: i64,
    dimensions: Option<String>,
    corrected_quantity: Option<i64>,
    corrected_credits: Option<i64>,
}

/// The conditions of [`EventFilter`], in the order of its parameters.
macro_rules! event_conditions {
    () => {
        "e.account = $1 AND e.source IS NOT NULL AND e.movement IN (2, 6, 8) AND ($2 IS NULL OR coalesce(e.occurred_at, e.recorded_at) >= $2) \
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
            "SELECT last.seq AS last_seq, last.available_after AS balance_after, d.dimensions, \
             c.quantity AS corrected_quantity, c.credits AS corrected_credits, ",
            entry_columns!(), "FROM ", entry_tables!(),
            // Legs follow each other without gaps: the last is the first whose next entry is not its next leg.
            "JOIN entries last ON last.account = e.account AND last.seq = (SELECT l.seq FROM entries l \
               LEFT JOIN entries n ON n.account = l.account AND n.seq = l.seq + 1 \
               WHERE l.account = e.account AND l.seq >= e.seq AND (n.leg IS NULL OR n.leg = 0) ORDER BY l.seq LIMIT 1) \
             LEFT JOIN entries c ON c.account = e.account AND c.seq = (SELECT r.seq FROM entries r \
               WHERE r.account = e.account AND r.revises = e.seq AND r.revises IS NOT NULL ORDER BY r.seq DESC LIMIT 1) \
             LEFT JOIN event_dimensions d ON d.account = e.account AND d.seq = coalesce(e.revises, e.seq) WHERE ",
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

    /// `seq` of leg 0 of the account's event of this name; a hold is one once it is settled.
    pub async fn find_event_seq(
        &self,
        account_no: i64,
        source: &str,
        id: &str,
    ) -> Result<Option<u64>, StoreError> {
        let found: Option<(Option<i64>,)> = read!(self, db => Ok(sqlx::query_as(
            "SELECT CASE e.movement WHEN 5 THEN (SELECT s.seq FROM entries s WHERE s.account = e.account \
             AND s.revises = e.seq AND s.revises IS NOT NULL AND s.movement = 6) ELSE e.seq END FROM entries e \
             WHERE e.source = $1 AND e.event_id = $2 AND e.account = $3 AND e.source IS NOT NULL AND e.movement IN (2, 5, 8)",
        )
        .bind(source)
        .bind(id)
        .bind(account_no)
        .fetch_optional(db)
        .await?))?;
        found.and_then(|(seq,)| seq).map(|seq| seq.read("entries", "seq", seq)).transpose()
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
        quantity: match (row.corrected_quantity, &entry.event) {
            (Some(quantity), _) => quantity.read("entries", "quantity", entry.seq)?,
            (None, event) => event.as_ref().map_or(Quantity::ZERO, |event| event.quantity),
        },
        credits: match (row.corrected_credits, &entry.event) {
            (Some(credits), _) => credits.read("entries", "credits", entry.seq)?,
            (None, event) => event.as_ref().map_or(Credits::ZERO, |event| event.credits),
        },
        balance_after: row.balance_after.read("entries", "available_after", row.last_seq)?,
        dimensions: dimensions.transpose()?,
        entry,
    })
}
