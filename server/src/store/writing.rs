//! How a batch is written: row by row on a file, by one array for each column on Postgres, where each statement is a trip.

use std::sync::mpsc;

use sqlx::{Postgres, Row as _, Transaction};

use super::posting::{Changes, NumberedEntry, Posting, ValueSums};
use super::{StoreError, columns};

impl Posting<'_> {
    /// Writes a batch. Rows that the database ignores or counts differently are an error. On a file it blocks.
    pub async fn write(&mut self, changes: &Changes) -> Result<(), StoreError> {
        match self {
            Self::Sqlite { writers, .. } => {
                writers.books.write_entries(&changes.entries)?;
                writers.books.write_states(changes)
            }
            Self::Postgres { transaction, .. } => write(transaction, changes).await,
        }
    }

    /// The same on a file for a batch whose entries another thread has [written](Posting::write_beside).
    pub fn write_states(&mut self, changes: &Changes) -> Result<(), StoreError> {
        match self {
            Self::Sqlite { writers, .. } => writers.books.write_states(changes),
            Self::Postgres { .. } => Ok(()),
        }
    }

    /// Lets `decide` hand entries over part by part, which a thread beside it writes meanwhile. On a file only: on Postgres
    /// nothing is written.
    pub fn write_beside<T>(
        &mut self,
        decide: impl FnOnce(&mut dyn FnMut(&[NumberedEntry])) -> T,
    ) -> Result<T, StoreError> {
        let Self::Sqlite { writers, .. } = self else { return Ok(decide(&mut |_| {})) };
        let books = &mut writers.books;
        std::thread::scope(|scope| {
            let (parts, taken) = mpsc::channel::<Vec<NumberedEntry>>();
            let writing = scope.spawn(move || taken.iter().try_for_each(|part| books.write_entries(&part)));
            // Whoever writes has ended early when it failed; it says why below.
            let decided = decide(&mut |part| drop(parts.send(part.to_vec())));
            drop(parts);
            let written = writing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            written.map(|()| decided)
        })
    }

    /// What values of dimensions came to, alone.
    pub(super) async fn write_values(&mut self, values: &ValueSums) -> Result<(), StoreError> {
        match self {
            Self::Sqlite { writers, .. } => writers.books.write_values(values),
            Self::Postgres { transaction, .. } => write_values(transaction, values).await,
        }
    }
}

async fn write(
    transaction: &mut Transaction<'static, Postgres>,
    changes: &Changes,
) -> Result<(), StoreError> {
    if !changes.entries.is_empty() {
        let done = columns::insert_entries(&changes.entries).execute(&mut **transaction).await?;
        let found = usize::try_from(done.rows_affected()).unwrap_or(usize::MAX);
        if found < changes.entries.len() {
            return Err(StoreError::Raced);
        }
    }
    write_states(transaction, changes).await?;
    write_rare(transaction, changes).await?;
    write_values(transaction, &changes.values).await
}

/// What every batch writes besides, in one statement. None of its parts can count more rows than it was given, so their sum is
/// right only when each is.
async fn write_states(
    transaction: &mut Transaction<'static, Postgres>,
    changes: &Changes,
) -> Result<(), StoreError> {
    let Changes { issued, grants, wallets, rollups, dimensions, .. } = changes;
    let expected = issued.len() + grants.len() + wallets.len() + rollups.len() + dimensions.len();
    if expected == 0 {
        return Ok(());
    }
    let found = counted(transaction, columns::write_states(changes)).await?;
    expect("write grants, wallets, rollups and dimensions", expected, found)
}

async fn write_rare(
    transaction: &mut Transaction<'static, Postgres>,
    changes: &Changes,
) -> Result<(), StoreError> {
    let Changes { taken_back, opened_holds, closed_holds, .. } = changes;
    let expected = taken_back.len() + opened_holds.len() + closed_holds.len();
    if expected == 0 {
        return Ok(());
    }
    let found = counted(transaction, columns::write_rare(taken_back, opened_holds, closed_holds)).await?;
    expect("take back rollups, open and close holds", expected, found)
}

/// Statements of their own, so that whoever declares no dimension pays for none.
async fn write_values(
    transaction: &mut Transaction<'static, Postgres>,
    values: &ValueSums,
) -> Result<(), StoreError> {
    for (sums, is_used) in [(&values.used, true), (&values.taken_back, false)] {
        if sums.is_empty() {
            continue;
        }
        let rows = sums.iter().map(|((no, key), totals)| (*no, key, totals));
        let write = if is_used { columns::write_values(rows) } else { columns::take_back_values(rows) };
        let found = write.execute(&mut **transaction).await?.rows_affected();
        expect("write rollups of dimensions", sums.len(), found)?;
    }
    Ok(())
}

/// Runs a statement that says how many rows it has touched.
async fn counted(
    transaction: &mut Transaction<'static, Postgres>,
    statement: columns::Statement,
) -> Result<u64, StoreError> {
    let counted: i64 = statement.fetch_one(&mut **transaction).await?.try_get(0)?;
    Ok(counted.cast_unsigned())
}

fn expect(statement: &'static str, expected: usize, found: u64) -> Result<(), StoreError> {
    let expected = u64::try_from(expected).unwrap_or(u64::MAX);
    if found == expected { Ok(()) } else { Err(StoreError::Rows { statement, expected, found }) }
}
