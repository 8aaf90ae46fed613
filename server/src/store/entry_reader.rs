//! An account's entries, read for `verify`. Of a file without sqlx: that hands every value of every row from one thread to another, and
//! for ten million rows takes several times as long as all that is computed from them.

use std::ops::RangeInclusive;
use std::path::Path;

use ledger::entry::Entry;
use ledger::verify::Fault;
use rusqlite::{Connection, OpenFlags};
use sqlx::PgConnection;

use super::StoreError;
use super::rows::{EntryRow, entry_columns, entry_tables};

const ENTRIES: &str = concat!(
    "SELECT ",
    entry_columns!(),
    "FROM ",
    entry_tables!(),
    "WHERE e.account = $1 AND e.seq BETWEEN $2 AND $3 ORDER BY e.seq, e.no",
);
const DIMENSIONS: &str =
    "SELECT seq, dimensions FROM event_dimensions WHERE account = $1 AND seq BETWEEN $2 AND $3 ORDER BY seq";

/// A connection that only reads, for one thread at a time.
#[derive(Debug)]
pub(super) struct EntryReader(Connection);

/// What is stored of a range of `seq`.
#[derive(Debug, Default)]
pub(super) struct Step {
    /// In order, up to the first that can't be read.
    pub entries: Vec<Entry>,
    /// `seq` of the row that can't be read as an entry, and why.
    pub unreadable: Option<(u64, Fault)>,
    /// JSON by the `seq` of leg 0, in order.
    pub dimensions: Vec<(i64, String)>,
}

impl EntryReader {
    pub fn open(file: &Path) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Ok(Self(Connection::open_with_flags(file, flags)?))
    }

    /// Reads in one short transaction for each table; entries never change, and dimensions can only go.
    pub fn read(&self, account_no: i64, range: &RangeInclusive<i64>) -> Result<Step, StoreError> {
        let bounds = [account_no, *range.start(), *range.end()];
        let mut statement = self.0.prepare_cached(ENTRIES)?;
        let rows = statement.query_map(bounds, EntryRow::at)?.collect::<Result<Vec<_>, _>>()?;
        let mut statement = self.0.prepare_cached(DIMENSIONS)?;
        let dimensions = statement.query_map(bounds, |row| Ok((row.get(0)?, row.get(1)?)))?;
        Step::of(rows, dimensions.collect::<Result<_, _>>()?)
    }
}

/// The same on Postgres, where sqlx hands over a row as it came in.
pub(super) async fn read_step(
    db: &mut PgConnection,
    account_no: i64,
    range: &RangeInclusive<i64>,
) -> Result<Step, StoreError> {
    let rows: Vec<EntryRow> = sqlx::query_as(ENTRIES)
        .bind(account_no)
        .bind(range.start())
        .bind(range.end())
        .fetch_all(&mut *db)
        .await?;
    let dimensions = sqlx::query_as(DIMENSIONS)
        .bind(account_no)
        .bind(range.start())
        .bind(range.end())
        .fetch_all(db)
        .await?;
    Step::of(rows, dimensions)
}

impl Step {
    fn of(rows: Vec<EntryRow>, dimensions: Vec<(i64, String)>) -> Result<Self, StoreError> {
        let mut step = Self { dimensions, ..Self::default() };
        for row in rows {
            let seq = row.seq.try_into().unwrap_or(0);
            match row.into_entry() {
                Ok(entry) => step.entries.push(entry),
                Err(StoreError::Corrupt { column, found, .. }) => {
                    step.unreadable = Some((seq, Fault::Unreadable { column, found }));
                    step.dimensions.clear();
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(step)
    }

    /// Whether nothing is stored there.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.unreadable.is_none()
    }

    /// The first stored dimensions that are not those that were hashed. Erased ones leave no row and are no mismatch.
    pub fn wrong_dimensions(&self) -> Option<u64> {
        let mut entries = self.entries.iter().peekable();
        let wrong = self.dimensions.iter().find(|(seq, text)| {
            let seq = u64::try_from(*seq).unwrap_or(0);
            while entries.next_if(|entry| entry.seq < seq).is_some() {}
            let entry = entries.peek().filter(|entry| entry.seq == seq);
            // Only what takes a name has them; what revises it repeats the digest alone.
            let hashed = entry.filter(|entry| entry.revises.is_none()).and_then(|entry| entry.event.as_ref());
            let stored =
                serde_json::from_str(text).ok().map(|pairs| ledger::chain::dimensions_digest(&pairs));
            stored.is_none() || stored != hashed.and_then(|event| event.dimensions)
        });
        wrong.map(|(seq, _)| (*seq).try_into().unwrap_or(0))
    }
}
