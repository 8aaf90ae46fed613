//! A batch as one parameter per statement: JSON arrays of rows, columns in the order of the statement that reads them.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use ledger::chain::Digest;
use ledger::entry::Entry;
use ledger::grant::Grant;
use ledger::series::{BucketKey, Totals};
use ledger::wallet::Wallet;
use ledger::{Credits, KeyId, Timestamp};

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
            None => self.null(),
        }
    }

    fn null(&mut self) {
        self.text.push_str(",null");
    }

    fn text(&mut self, text: &str) {
        self.write(format_args!(",{}", serde_json::Value::from(text)));
    }

    fn optional_text(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.text(text),
            None => self.null(),
        }
    }

    fn digest(&mut self, digest: Digest) {
        self.write(format_args!(",\"{digest}\""));
    }

    fn finish(mut self) -> String {
        self.text.push_str(if self.is_first { "]" } else { "]]" });
        self.text
    }
}

/// Columns: account, seq, leg, movement, amount, `grant_seq`, `available_after`, `held_after`, `recorded_at`, source,
/// `event_id`, operation, quantity, credits, `occurred_at`, `api_key`, `service_key`, `price_version`, dimensions (hex),
/// reason, hash (hex).
pub(super) fn entries(entries: &[(i64, Entry)]) -> String {
    let mut rows = Rows::with_capacity(entries.len(), 384);
    for (account_no, entry) in entries {
        rows.row(*account_no);
        rows.integer(entry.seq.cast_signed());
        rows.integer(i64::from(entry.leg));
        rows.integer(i64::from(entry.movement.code()));
        rows.integer(entry.amount.micros());
        rows.optional_integer(entry.grant.map(u64::cast_signed));
        rows.integer(entry.available_after.micros());
        rows.integer(entry.held_after.micros());
        rows.integer(entry.recorded_at.micros());
        event(&mut rows, entry);
        rows.optional_text(entry.reason.as_deref());
        rows.digest(entry.hash);
    }
    rows.finish()
}

fn event(rows: &mut Rows, entry: &Entry) {
    let Some(event) = &entry.event else {
        (0..10).for_each(|_| rows.null());
        return;
    };
    rows.text(&event.source);
    rows.text(&event.id);
    rows.text(&event.operation);
    rows.integer(event.quantity.micros());
    rows.integer(event.credits.micros());
    rows.optional_integer(event.occurred_at.map(Timestamp::micros));
    rows.optional_text(event.api_key.as_ref().map(KeyId::as_str));
    rows.optional_text(event.service_key.as_ref().map(KeyId::as_str));
    rows.integer(i64::from(event.price_version));
    match event.dimensions {
        Some(digest) => rows.digest(digest),
        None => rows.null(),
    }
}

/// Columns: account, seq, amount, remaining, kind, priority, `effective_at`, `expires_at`, source, reason.
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
    }
    rows.finish()
}

/// Columns: account, seq, remaining.
pub(super) fn remaining(remaining: &BTreeMap<(i64, u64), Credits>) -> String {
    let mut rows = Rows::with_capacity(remaining.len(), 48);
    for ((account_no, seq), credits) in remaining {
        rows.row(*account_no);
        rows.integer(seq.cast_signed());
        rows.integer(credits.micros());
    }
    rows.finish()
}

/// Columns: account, seq, head (hex), held, `recorded_at`.
pub(super) fn wallets(wallets: &HashMap<i64, Wallet>) -> String {
    let mut rows = Rows::with_capacity(wallets.len(), 128);
    for (account_no, wallet) in wallets {
        rows.row(*account_no);
        rows.integer(wallet.seq.cast_signed());
        rows.digest(wallet.head);
        rows.integer(wallet.held.micros());
        rows.integer(wallet.recorded_at.micros());
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
