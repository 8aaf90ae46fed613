//! A batch as parameters. Entries, of which there are many, are bound value by value; of the rest there are few, so each
//! table gets one JSON array of rows, columns in the order of the statement that reads them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::sync::LazyLock;

use ledger::chain::Digest;
use ledger::dimensions::DimensionKey;
use ledger::entry::Entry;
use ledger::event::EventKey;
use ledger::grant::Grant;
use ledger::series::{BucketKey, Totals};
use ledger::wallet::Wallet;
use ledger::{KeyId, Timestamp};
use sqlx::Sqlite;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;

use super::posting::{GrantState, OpenedHold};

/// Writes rows without building values first: this runs once per charge.
struct Rows {
    text: String,
    is_first: bool,
}

impl Rows {
    fn with_capacity(rows: usize, bytes_per_row: usize) -> Self {
        let mut text = String::with_capacity(rows * bytes_per_row + 2);
        text.push('[');
        Self { text, is_first: true }
    }

    /// Begins a row with its account's number.
    fn row(&mut self, account_no: i64) {
        let open = if self.is_first { "[" } else { "],[" };
        self.is_first = false;
        self.write(format_args!("{open}{account_no}"));
    }

    fn integer(&mut self, number: i64) {
        self.write(format_args!(",{number}"));
    }

    fn write(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = self.text.write_fmt(text);
    }

    fn optional_integer(&mut self, number: Option<i64>) {
        match number {
            Some(number) => self.integer(number),
            None => self.text.push_str(",null"),
        }
    }

    fn text(&mut self, text: &str) {
        self.write(format_args!(",{}", serde_json::Value::from(text)));
    }

    fn optional_text(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.text(text),
            None => self.text.push_str(",null"),
        }
    }

    fn digest(&mut self, digest: Digest) {
        self.write(format_args!(",\"{digest}\""));
    }

    /// Text of any kind: JSON functions of the database end at a NUL.
    fn hex(&mut self, text: &str) {
        self.text.push_str(",\"");
        for byte in text.bytes() {
            let _ = write!(self.text, "{byte:02x}");
        }
        self.text.push('"');
    }

    fn finish(mut self) -> String {
        self.text.push_str(if self.is_first { "]" } else { "]]" });
        self.text
    }
}

/// Entries that one statement inserts at most. Each number of rows has a text of its own, and the connection keeps all of
/// them prepared.
pub(super) const ENTRIES: usize = 64;

/// By the number of rows. Values that are bound one by one are written more than twice as fast as columns that SQLite
/// takes out of JSON.
static INSERT_ENTRIES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let row = format!("({})", ["?"; 27].join(", "));
    let insert = |rows| format!("{INSERT_ENTRIES_INTO}{}", vec![row.as_str(); rows].join(", "));
    (0..=ENTRIES).map(insert).collect()
});

const INSERT_ENTRIES_INTO: &str = "INSERT INTO entries (account, seq, leg, movement, amount, grant_seq, available_after, \
    held_after, recorded_at, source, event_id, operation, quantity, credits, occurred_at, api_key, service_key, \
    price_version, dimensions_hash, reason, hash, debt_after, deadline, revises, quantity_before, credits_before, \
    correction_id) VALUES ";

type Insert = Query<'static, Sqlite, SqliteArguments>;

/// The statement that inserts these entries, at least one and at most [`ENTRIES`].
pub(super) fn insert_entries(entries: &[(i64, Entry)]) -> Insert {
    let insert = sqlx::query(INSERT_ENTRIES[entries.len()].as_str());
    entries.iter().fold(insert, |insert, (account_no, entry)| bind_entry(insert, *account_no, entry))
}

fn bind_entry(insert: Insert, account_no: i64, entry: &Entry) -> Insert {
    let event = entry.event.as_ref();
    let revises = entry.revises.as_ref();
    insert
        .bind(account_no)
        .bind(entry.seq.cast_signed())
        .bind(i64::from(entry.leg))
        .bind(i64::from(entry.movement.code()))
        .bind(entry.amount.micros())
        .bind(entry.grant.map(u64::cast_signed))
        .bind(entry.available_after.micros())
        .bind(entry.held_after.micros())
        .bind(entry.recorded_at.micros())
        .bind(event.map(|event| event.source.clone()))
        .bind(event.map(|event| event.id.clone()))
        .bind(event.map(|event| event.operation.clone()))
        .bind(event.map(|event| event.quantity.micros()))
        .bind(event.map(|event| event.credits.micros()))
        .bind(event.and_then(|event| event.occurred_at).map(Timestamp::micros))
        .bind(event.and_then(|event| event.api_key.as_ref()).map(KeyId::to_string))
        .bind(event.and_then(|event| event.service_key.as_ref()).map(KeyId::to_string))
        .bind(event.map(|event| i64::from(event.price_version)))
        .bind(event.and_then(|event| event.dimensions).map(|digest| digest.0.to_vec()))
        .bind(entry.reason.clone())
        .bind(entry.hash.0.to_vec())
        .bind(entry.debt_after.micros())
        .bind(entry.deadline.map(Timestamp::micros))
        .bind(revises.map(|revises| revises.of.cast_signed()))
        .bind(revises.map(|revises| revises.quantity.micros()))
        .bind(revises.map(|revises| revises.credits.micros()))
        .bind(revises.and_then(|revises| revises.correction.clone()))
}

/// `{source: [id, …], …}`
pub(super) fn names(keys: &[&EventKey]) -> String {
    let mut by_source: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for key in keys {
        by_source.entry(key.source()).or_default().push(key.id());
    }
    json(&by_source)
}

/// JSON objects by account and `seq`.
pub(super) fn dimensions(dimensions: &[(i64, u64, String)]) -> String {
    json(&dimensions)
}

pub(super) fn json(rows: &impl serde::Serialize) -> String {
    // Text and integers always have a JSON form.
    serde_json::to_string(rows).unwrap_or_default()
}

/// Columns: account, seq, amount, remaining, kind, priority, `effective_at`, `expires_at`, source, reason, repaid, `void_reason`.
pub(super) fn grants(issued: &[(i64, Grant)]) -> String {
    let mut rows = Rows::with_capacity(issued.len(), 128);
    for (account_no, grant) in issued {
        rows.row(*account_no);
        rows.integer(grant.seq.cast_signed());
        rows.integer(grant.amount.micros());
        rows.integer(grant.remaining.micros());
        rows.integer(i64::from(grant.facts.kind.code()));
        rows.integer(i64::from(grant.facts.priority));
        rows.integer(grant.facts.effective_at.micros());
        rows.optional_integer(grant.facts.expires_at.map(Timestamp::micros));
        rows.text(&grant.facts.source);
        rows.text(&grant.facts.reason);
        rows.integer(grant.repaid.micros());
        rows.optional_text(grant.void_reason.as_deref());
    }
    rows.finish()
}

/// Columns: account, seq, remaining, repaid, `void_reason`.
pub(super) fn grant_states(grants: &BTreeMap<(i64, u64), GrantState>) -> String {
    let mut rows = Rows::with_capacity(grants.len(), 64);
    for ((account_no, seq), state) in grants {
        rows.row(*account_no);
        rows.integer(seq.cast_signed());
        rows.integer(state.remaining.micros());
        rows.integer(state.repaid.micros());
        rows.optional_text(state.void_reason.as_deref());
    }
    rows.finish()
}

/// Columns: account, seq, legs, deadline.
pub(super) fn opened_holds(holds: &BTreeMap<(i64, u64), OpenedHold>) -> String {
    let mut rows = Rows::with_capacity(holds.len(), 64);
    for ((account_no, seq), hold) in holds {
        rows.row(*account_no);
        rows.integer(seq.cast_signed());
        rows.integer(i64::try_from(hold.legs).unwrap_or(i64::MAX));
        rows.integer(hold.deadline.micros());
    }
    rows.finish()
}

/// Columns: account, seq.
pub(super) fn closed_holds(holds: &BTreeSet<(i64, u64)>) -> String {
    let mut rows = Rows::with_capacity(holds.len(), 32);
    for (account_no, seq) in holds {
        rows.row(*account_no);
        rows.integer(seq.cast_signed());
    }
    rows.finish()
}

/// Columns: account, seq, head (hex), held, `recorded_at`, debt.
pub(super) fn wallets(wallets: &HashMap<i64, Wallet>) -> String {
    let mut rows = Rows::with_capacity(wallets.len(), 128);
    for (account_no, wallet) in wallets {
        rows.row(*account_no);
        rows.integer(wallet.seq.cast_signed());
        rows.digest(wallet.head);
        rows.integer(wallet.held.micros());
        rows.integer(wallet.recorded_at.micros());
        rows.integer(wallet.debt.micros());
    }
    rows.finish()
}

/// Columns: account, bucket, operation, `api_key` ("" for none), credits, quantity, count.
pub(super) fn rollups(rollups: &BTreeMap<(i64, BucketKey), Totals>) -> String {
    let mut rows = Rows::with_capacity(rollups.len(), 96);
    for ((account_no, key), totals) in rollups {
        rows.row(*account_no);
        rows.integer(key.start.micros());
        rows.text(&key.operation);
        rows.text(key.api_key.as_ref().map_or("", KeyId::as_str));
        rows.integer(totals.credits.micros());
        rows.integer(totals.quantity.micros());
        rows.integer(i64::try_from(totals.count).unwrap_or(i64::MAX));
    }
    rows.finish()
}

/// Columns: account, dimension, bucket, operation, `api_key` ("" for none), group (hex), credits, quantity, count.
pub(super) fn values<'r>(sums: impl Iterator<Item = (i64, &'r DimensionKey, &'r Totals)>) -> String {
    let mut rows = Rows::with_capacity(sums.size_hint().0, 128);
    for (account_no, key, totals) in sums {
        rows.row(account_no);
        rows.text(&key.dimension);
        rows.integer(key.bucket.start.micros());
        rows.text(&key.bucket.operation);
        rows.text(key.bucket.api_key.as_ref().map_or("", KeyId::as_str));
        rows.hex(&key.group);
        rows.integer(totals.credits.micros());
        rows.integer(totals.quantity.micros());
        rows.integer(i64::try_from(totals.count).unwrap_or(i64::MAX));
    }
    rows.finish()
}
