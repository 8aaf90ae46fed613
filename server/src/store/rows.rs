//! From rows to values of the ledger. A row that the code can't have written is reported by table, column and row.

use ledger::chain::Digest;
use ledger::entry::{Entry, EventFacts, Movement, Revision};
use ledger::grant::{Grant, GrantFacts, GrantKind};
use ledger::{Credits, KeyId, Quantity, Timestamp};

use super::StoreError;

/// Names the cell that can't be read.
pub(super) struct Cell {
    pub table: &'static str,
    pub column: &'static str,
    pub row: String,
}

impl Cell {
    pub(super) fn corrupt(self, found: impl std::fmt::Display) -> StoreError {
        StoreError::Corrupt {
            table: self.table,
            column: self.column,
            row: self.row,
            found: found.to_string(),
        }
    }
}

/// Reads one column, or says which one is wrong.
pub(super) trait Column<T> {
    fn read(
        self,
        table: &'static str,
        column: &'static str,
        row: impl std::fmt::Display,
    ) -> Result<T, StoreError>;
}

impl Column<Credits> for i64 {
    fn read(
        self,
        table: &'static str,
        column: &'static str,
        row: impl std::fmt::Display,
    ) -> Result<Credits, StoreError> {
        Credits::from_micros(self).ok_or_else(|| Cell { table, column, row: row.to_string() }.corrupt(self))
    }
}

impl Column<Quantity> for i64 {
    fn read(
        self,
        table: &'static str,
        column: &'static str,
        row: impl std::fmt::Display,
    ) -> Result<Quantity, StoreError> {
        Quantity::from_micros(self).ok_or_else(|| Cell { table, column, row: row.to_string() }.corrupt(self))
    }
}

impl Column<u64> for i64 {
    fn read(
        self,
        table: &'static str,
        column: &'static str,
        row: impl std::fmt::Display,
    ) -> Result<u64, StoreError> {
        u64::try_from(self).map_err(|_| Cell { table, column, row: row.to_string() }.corrupt(self))
    }
}

impl Column<Digest> for Vec<u8> {
    fn read(
        self,
        table: &'static str,
        column: &'static str,
        row: impl std::fmt::Display,
    ) -> Result<Digest, StoreError> {
        let length = self.len();
        Digest::from_slice(&self)
            .ok_or_else(|| Cell { table, column, row: row.to_string() }.corrupt(format!("{length} bytes")))
    }
}

/// Reads an id that was written as text.
pub(super) fn parse_text<T: std::str::FromStr>(
    text: &str,
    table: &'static str,
    column: &'static str,
) -> Result<T, StoreError> {
    text.parse().map_err(|_| Cell { table, column, row: text.to_owned() }.corrupt(text))
}

/// The columns of [`EntryRow`]: an entry `e` with the facts of the grant `g` it issued, if it issued one.
macro_rules! entry_columns {
    () => {
        "e.seq, e.leg, e.movement, e.amount, e.grant_seq, e.available_after, e.held_after, e.recorded_at, e.source, \
         e.event_id, e.operation, e.quantity, e.credits, e.occurred_at, e.api_key, e.service_key, e.price_version, \
         e.dimensions_hash, e.reason, e.hash, e.debt_after, e.deadline, e.revises, e.quantity_before, e.credits_before, \
         e.correction_id, g.kind, g.priority, g.effective_at, g.expires_at, \
         g.source AS grant_source, g.reason AS grant_reason "
    };
}

/// The grants `g` that entries `e` made. Only an issue (1) has one to look for.
macro_rules! grants_of_entries {
    () => {
        " LEFT JOIN grants g ON g.account = e.account AND g.seq = CASE e.movement WHEN 1 THEN e.seq END "
    };
}

/// The tables that [`entry_columns!`] reads.
macro_rules! entry_tables {
    () => {
        concat!("entries e", $crate::store::rows::grants_of_entries!())
    };
}

/// Open holds `h` and their legs `e`. In a file the order of a CROSS JOIN is ours; Postgres is given a limit, which no plan
/// goes around: a short walk of the index for each hold.
macro_rules! legs_of_open_holds {
    (sqlite) => {
        "open_holds h CROSS JOIN entries e ON e.account = h.account AND e.seq >= h.seq AND e.seq < h.seq + h.legs"
    };
    (postgres) => {
        "open_holds h CROSS JOIN LATERAL \
         (SELECT * FROM entries l WHERE l.account = h.account AND l.seq >= h.seq ORDER BY l.seq LIMIT h.legs) e"
    };
}
pub(super) use {entry_columns, entry_tables, grants_of_entries, legs_of_open_holds};

#[derive(Debug, sqlx::FromRow)]
pub(super) struct EntryRow {
    pub seq: i64,
    leg: i64,
    movement: i64,
    amount: i64,
    grant_seq: Option<i64>,
    available_after: i64,
    held_after: i64,
    recorded_at: i64,
    source: Option<String>,
    event_id: Option<String>,
    operation: Option<String>,
    quantity: Option<i64>,
    credits: Option<i64>,
    occurred_at: Option<i64>,
    api_key: Option<String>,
    service_key: Option<String>,
    price_version: Option<i64>,
    dimensions_hash: Option<Vec<u8>>,
    reason: Option<String>,
    hash: Vec<u8>,
    debt_after: i64,
    deadline: Option<i64>,
    revises: Option<i64>,
    quantity_before: Option<i64>,
    credits_before: Option<i64>,
    correction_id: Option<String>,
    kind: Option<i64>,
    priority: Option<i64>,
    effective_at: Option<i64>,
    expires_at: Option<i64>,
    grant_source: Option<String>,
    grant_reason: Option<String>,
}

const ENTRIES: &str = "entries";

/// The columns of a row that is read without sqlx, in their order.
struct Columns<'r, 's> {
    row: &'r rusqlite::Row<'s>,
    next: usize,
}

impl Columns<'_, '_> {
    fn next<T: rusqlite::types::FromSql>(&mut self) -> rusqlite::Result<T> {
        let value = self.row.get(self.next);
        self.next += 1;
        value
    }
}

impl EntryRow {
    /// From a row of [`entry_columns!`] that is read without sqlx.
    pub(super) fn at(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        let mut row = Columns { row, next: 0 };
        Ok(Self {
            seq: row.next()?,
            leg: row.next()?,
            movement: row.next()?,
            amount: row.next()?,
            grant_seq: row.next()?,
            available_after: row.next()?,
            held_after: row.next()?,
            recorded_at: row.next()?,
            source: row.next()?,
            event_id: row.next()?,
            operation: row.next()?,
            quantity: row.next()?,
            credits: row.next()?,
            occurred_at: row.next()?,
            api_key: row.next()?,
            service_key: row.next()?,
            price_version: row.next()?,
            dimensions_hash: row.next()?,
            reason: row.next()?,
            hash: row.next()?,
            debt_after: row.next()?,
            deadline: row.next()?,
            revises: row.next()?,
            quantity_before: row.next()?,
            credits_before: row.next()?,
            correction_id: row.next()?,
            kind: row.next()?,
            priority: row.next()?,
            effective_at: row.next()?,
            expires_at: row.next()?,
            grant_source: row.next()?,
            grant_reason: row.next()?,
        })
    }

    pub(super) fn into_entry(mut self) -> Result<Entry, StoreError> {
        let seq: u64 = self.seq.read(ENTRIES, "seq", self.seq)?;
        let movement = u8::try_from(self.movement).ok().and_then(Movement::from_code);
        let corrupt =
            |column, found: i64| Cell { table: ENTRIES, column, row: seq.to_string() }.corrupt(found);
        Ok(Entry {
            seq,
            leg: u16::try_from(self.leg).map_err(|_| corrupt("leg", self.leg))?,
            movement: movement.ok_or_else(|| corrupt("movement", self.movement))?,
            amount: self.amount.read(ENTRIES, "amount", seq)?,
            grant: self.grant_seq.map(|grant| grant.read(ENTRIES, "grant_seq", seq)).transpose()?,
            available_after: self.available_after.read(ENTRIES, "available_after", seq)?,
            held_after: self.held_after.read(ENTRIES, "held_after", seq)?,
            debt_after: self.debt_after.read(ENTRIES, "debt_after", seq)?,
            recorded_at: Timestamp::from_micros(self.recorded_at),
            deadline: self.deadline.map(Timestamp::from_micros),
            revises: self.revision(seq)?,
            issued: self.issued()?,
            reason: self.reason.take(),
            hash: std::mem::take(&mut self.hash).read(ENTRIES, "hash", seq)?,
            event: self.event(seq)?,
        })
    }

    fn revision(&mut self, seq: u64) -> Result<Option<Revision>, StoreError> {
        let Some(of) = self.revises else {
            let strays = [
                ("quantity_before", self.quantity_before.is_some()),
                ("credits_before", self.credits_before.is_some()),
                ("correction_id", self.correction_id.is_some()),
            ];
            return none_of(seq, strays);
        };
        let before = |column, found: Option<i64>| {
            found.ok_or_else(|| Cell { table: ENTRIES, column, row: seq.to_string() }.corrupt("NULL"))
        };
        let quantity = before("quantity_before", self.quantity_before)?;
        let credits = before("credits_before", self.credits_before)?;
        Ok(Some(Revision {
            of: of.read(ENTRIES, "revises", seq)?,
            quantity: quantity.read(ENTRIES, "quantity_before", seq)?,
            credits: credits.read(ENTRIES, "credits_before", seq)?,
            correction: self.correction_id.take(),
        }))
    }

    fn issued(&mut self) -> Result<Option<GrantFacts>, StoreError> {
        let Some(kind) = self.kind else { return Ok(None) };
        let row = GrantFactsRow {
            kind,
            priority: self.priority.unwrap_or_default(),
            effective_at: self.effective_at.unwrap_or_default(),
            expires_at: self.expires_at,
            source: self.grant_source.take().unwrap_or_default(),
            reason: self.grant_reason.take().unwrap_or_default(),
        };
        row.into_facts(self.seq).map(Some)
    }

    fn event(self, seq: u64) -> Result<Option<EventFacts>, StoreError> {
        let Some(source) = self.source else {
            let strays = [
                ("event_id", self.event_id.is_some()),
                ("operation", self.operation.is_some()),
                ("quantity", self.quantity.is_some()),
                ("credits", self.credits.is_some()),
                ("occurred_at", self.occurred_at.is_some()),
                ("api_key", self.api_key.is_some()),
                ("service_key", self.service_key.is_some()),
                ("price_version", self.price_version.is_some()),
                ("dimensions_hash", self.dimensions_hash.is_some()),
            ];
            return none_of(seq, strays);
        };
        let missing = |column| Cell { table: ENTRIES, column, row: seq.to_string() }.corrupt("NULL");
        let version = self.price_version.ok_or_else(|| missing("price_version"))?;
        Ok(Some(EventFacts {
            source,
            id: self.event_id.ok_or_else(|| missing("event_id"))?,
            operation: self.operation.ok_or_else(|| missing("operation"))?,
            quantity: self.quantity.ok_or_else(|| missing("quantity"))?.read(ENTRIES, "quantity", seq)?,
            credits: self.credits.ok_or_else(|| missing("credits"))?.read(ENTRIES, "credits", seq)?,
            occurred_at: self.occurred_at.map(Timestamp::from_micros),
            api_key: parse_key(self.api_key, "api_key")?,
            service_key: parse_key(self.service_key, "service_key")?,
            price_version: u32::try_from(version).map_err(|_| missing("price_version"))?,
            dimensions: self
                .dimensions_hash
                .map(|hash| hash.read(ENTRIES, "dimensions_hash", seq))
                .transpose()?,
        }))
    }
}

/// Facts without what they belong to are not hashed, and so must not be there.
fn none_of<T, const N: usize>(seq: u64, columns: [(&'static str, bool); N]) -> Result<Option<T>, StoreError> {
    match columns.into_iter().find(|(_, is_there)| *is_there) {
        Some((column, _)) => {
            Err(Cell { table: ENTRIES, column, row: seq.to_string() }.corrupt("a value of nothing"))
        }
        None => Ok(None),
    }
}

fn parse_key(text: Option<String>, column: &'static str) -> Result<Option<KeyId>, StoreError> {
    text.map(|text| parse_text(&text, ENTRIES, column)).transpose()
}

struct GrantFactsRow {
    kind: i64,
    priority: i64,
    effective_at: i64,
    expires_at: Option<i64>,
    source: String,
    reason: String,
}

impl GrantFactsRow {
    fn into_facts(self, row: i64) -> Result<GrantFacts, StoreError> {
        let corrupt =
            |column, found: i64| Cell { table: "grants", column, row: row.to_string() }.corrupt(found);
        let kind = u8::try_from(self.kind).ok().and_then(GrantKind::from_code);
        Ok(GrantFacts {
            kind: kind.ok_or_else(|| corrupt("kind", self.kind))?,
            priority: u16::try_from(self.priority).map_err(|_| corrupt("priority", self.priority))?,
            effective_at: Timestamp::from_micros(self.effective_at),
            expires_at: self.expires_at.map(Timestamp::from_micros),
            source: self.source,
            reason: self.reason,
        })
    }
}

/// The columns of [`GrantRow`], of grants `g`.
macro_rules! grant_columns {
    () => {
        "g.account, g.seq, g.amount, g.remaining, g.repaid, g.void_reason, g.kind, g.priority, g.effective_at, \
         g.expires_at, g.source, g.reason "
    };
}
pub(super) use grant_columns;

#[derive(Debug, sqlx::FromRow)]
pub(super) struct GrantRow {
    pub account: i64,
    pub seq: i64,
    amount: i64,
    remaining: i64,
    repaid: i64,
    void_reason: Option<String>,
    kind: i64,
    priority: i64,
    effective_at: i64,
    expires_at: Option<i64>,
    source: String,
    reason: String,
}

impl GrantRow {
    pub(super) fn into_grant(self) -> Result<Grant, StoreError> {
        let seq = self.seq;
        let facts = GrantFactsRow {
            kind: self.kind,
            priority: self.priority,
            effective_at: self.effective_at,
            expires_at: self.expires_at,
            source: self.source,
            reason: self.reason,
        };
        Ok(Grant {
            seq: seq.read("grants", "seq", seq)?,
            amount: self.amount.read("grants", "amount", seq)?,
            remaining: self.remaining.read("grants", "remaining", seq)?,
            repaid: self.repaid.read("grants", "repaid", seq)?,
            void_reason: self.void_reason,
            facts: facts.into_facts(seq)?,
        })
    }
}
