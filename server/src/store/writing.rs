//! How a batch is written: entries by up to 64 rows a statement on SQLite, by one array for each column on Postgres; everything
//! else together, since handing a statement over costs more than what most of them do.

use sqlx::{Postgres, Row as _, Transaction};

use super::dimension_rollups::{TAKE_BACK_VALUES, WRITE_VALUES};
use super::posting::{Changes, Posting, ValueSums};
use super::{StoreError, bulk, columns};

/// Arrays of rows, columns as `bulk` lays them out: `$1` what has become of grants, `$2` wallets, `$3` rollups, `$4` new grants,
/// `$5` dimensions. A sum of quantities stays at the end of its range instead of failing a charge.
const WRITE_STATES: &str = "\
    UPDATE grants SET remaining = new.remaining, repaid = new.repaid, void_reason = new.void_reason FROM \
    (SELECT value ->> 0 AS account, value ->> 1 AS seq, value ->> 2 AS remaining, value ->> 3 AS repaid, \
    value ->> 4 AS void_reason FROM json_each($1)) new WHERE grants.account = new.account AND grants.seq = new.seq; \
    INSERT INTO wallets (account, seq, head, held, recorded_at, debt) \
    SELECT value ->> 0, value ->> 1, unhex(value ->> 2), value ->> 3, value ->> 4, value ->> 5 FROM json_each($2) WHERE true \
    ON CONFLICT (account) DO UPDATE SET seq = excluded.seq, head = excluded.head, held = excluded.held, \
    recorded_at = excluded.recorded_at, debt = excluded.debt WHERE wallets.seq < excluded.seq; \
    INSERT INTO rollups (account, bucket, operation, api_key, credits, quantity, count) \
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6 \
    FROM json_each($3) WHERE true \
    ON CONFLICT (account, bucket, operation, api_key) DO UPDATE SET credits = rollups.credits + excluded.credits, \
    quantity = CASE WHEN rollups.quantity > 9223372036854775807 - excluded.quantity THEN 9223372036854775807 \
    ELSE rollups.quantity + excluded.quantity END, count = rollups.count + excluded.count; \
    INSERT INTO grants (account, seq, amount, remaining, kind, priority, effective_at, expires_at, source, reason, \
    repaid, void_reason) \
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, \
    value ->> 8, value ->> 9, value ->> 10, value ->> 11 FROM json_each($4); \
    INSERT INTO event_dimensions (account, seq, dimensions) \
    SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each($5)";

/// What few batches have, in the same way: `$1` what corrections take back, `$2` holds to open, `$3` holds to close.
const WRITE_RARE: &str = "\
    UPDATE rollups SET credits = rollups.credits - less.credits, quantity = rollups.quantity - less.quantity FROM \
    (SELECT value ->> 0 AS account, value ->> 1 AS bucket, value ->> 2 AS operation, value ->> 3 AS api_key, \
    value ->> 4 AS credits, value ->> 5 AS quantity FROM json_each($1)) less WHERE rollups.account = less.account \
    AND rollups.bucket = less.bucket AND rollups.operation = less.operation AND rollups.api_key = less.api_key; \
    INSERT INTO open_holds (account, seq, legs, deadline) \
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each($2); \
    DELETE FROM open_holds WHERE (account, seq) IN (SELECT value ->> 0, value ->> 1 FROM json_each($3))";

impl Posting<'_> {
    /// Writes the batch. Rows that the database ignores or counts differently are an error.
    pub async fn write(&mut self, changes: &Changes) -> Result<(), StoreError> {
        match self {
            Self::Sqlite { writer, .. } => {
                for entries in changes.entries.chunks(bulk::ENTRIES) {
                    let done = bulk::insert_entries(entries).execute(&mut **writer).await?;
                    expect("insert entries", entries.len(), done.rows_affected())?;
                }
            }
            Self::Postgres { transaction, .. } if !changes.entries.is_empty() => {
                let done = columns::insert_entries(&changes.entries).execute(&mut **transaction).await?;
                let found = usize::try_from(done.rows_affected()).unwrap_or(usize::MAX);
                if found < changes.entries.len() {
                    return Err(StoreError::Raced);
                }
            }
            Self::Postgres { .. } => {}
        }
        self.write_states(changes).await?;
        self.write_rare(changes).await?;
        self.write_values(&changes.values).await
    }

    /// Everything but the entries: statements of a fixed text, handed over together, since each handing over costs more than
    /// what most of them do. None can count more rows than it was given, so their sum is right only when each is.
    async fn write_states(&mut self, changes: &Changes) -> Result<(), StoreError> {
        let Changes { issued, grants, wallets, rollups, dimensions, .. } = changes;
        let expected = issued.len() + grants.len() + wallets.len() + rollups.len() + dimensions.len();
        if expected == 0 {
            return Ok(());
        }
        let found = match self {
            Self::Sqlite { writer, .. } => {
                let write = sqlx::query(WRITE_STATES)
                    .bind(bulk::grant_states(grants))
                    .bind(bulk::wallets(wallets))
                    .bind(bulk::rollups(rollups))
                    .bind(bulk::grants(issued))
                    .bind(bulk::dimensions(dimensions));
                write.execute(&mut **writer).await?.rows_affected()
            }
            Self::Postgres { transaction, .. } => {
                counted(transaction, columns::write_states(changes)).await?
            }
        };
        expect("write grants, wallets, rollups and dimensions", expected, found)
    }

    async fn write_rare(&mut self, changes: &Changes) -> Result<(), StoreError> {
        let Changes { taken_back, opened_holds, closed_holds, .. } = changes;
        let expected = taken_back.len() + opened_holds.len() + closed_holds.len();
        if expected == 0 {
            return Ok(());
        }
        let found = match self {
            Self::Sqlite { writer, .. } => {
                let write = sqlx::query(WRITE_RARE)
                    .bind(bulk::rollups(taken_back))
                    .bind(bulk::opened_holds(opened_holds))
                    .bind(bulk::closed_holds(closed_holds));
                write.execute(&mut **writer).await?.rows_affected()
            }
            Self::Postgres { transaction, .. } => {
                counted(transaction, columns::write_rare(taken_back, opened_holds, closed_holds)).await?
            }
        };
        expect("take back rollups, open and close holds", expected, found)
    }

    /// Statements of their own, so that whoever declares no dimension pays for none.
    pub(super) async fn write_values(&mut self, values: &ValueSums) -> Result<(), StoreError> {
        for (sums, is_used) in [(&values.used, true), (&values.taken_back, false)] {
            if sums.is_empty() {
                continue;
            }
            let rows = sums.iter().map(|((no, key), totals)| (*no, key, totals));
            let found = match self {
                Self::Sqlite { writer, .. } => {
                    let statement = if is_used { WRITE_VALUES } else { TAKE_BACK_VALUES };
                    let write = sqlx::query(statement).bind(bulk::values(rows));
                    write.execute(&mut **writer).await?.rows_affected()
                }
                Self::Postgres { transaction, .. } => {
                    let write =
                        if is_used { columns::write_values(rows) } else { columns::take_back_values(rows) };
                    write.execute(&mut **transaction).await?.rows_affected()
                }
            };
            expect("write rollups of dimensions", sums.len(), found)?;
        }
        Ok(())
    }
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
