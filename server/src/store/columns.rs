//! A batch as parameters for Postgres: each table gets one array for each of its columns, which `UNNEST` makes rows of.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ledger::dimensions::DimensionKey;
use ledger::entry::{EventFacts, Revision};
use ledger::grant::Grant;
use ledger::series::{BucketKey, Totals};
use ledger::wallet::Wallet;
use ledger::{KeyId, Timestamp};
use sqlx::Postgres;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;

use super::posting::{Changes, GrantState, NumberedEntry, OpenedHold};

/// What fills its rows in from arrays.
pub(super) type Statement = Query<'static, Postgres, PgArguments>;

/// Binds one column of rows.
macro_rules! column {
    ($statement:expr, $rows:expr, $row:pat => $value:expr) => {
        $statement.bind($rows.iter().map(|$row| $value).collect::<Vec<_>>())
    };
}

/// What another server has booked meanwhile is left out, and so counted by the rows that are missing.
const INSERT_ENTRIES: &str = "INSERT INTO entries (account, seq, leg, movement, amount, grant_seq, available_after, \
    held_after, recorded_at, source, event_id, operation, quantity, credits, occurred_at, api_key, service_key, \
    price_version, dimensions_hash, reason, hash, debt_after, deadline, revises, quantity_before, credits_before, \
    correction_id) SELECT * FROM UNNEST($1::BIGINT[], $2::BIGINT[], $3::BIGINT[], $4::BIGINT[], $5::BIGINT[], $6::BIGINT[], \
    $7::BIGINT[], $8::BIGINT[], $9::BIGINT[], $10::TEXT[], $11::TEXT[], $12::TEXT[], $13::BIGINT[], $14::BIGINT[], \
    $15::BIGINT[], $16::TEXT[], $17::TEXT[], $18::BIGINT[], $19::BYTEA[], $20::TEXT[], $21::BYTEA[], $22::BIGINT[], \
    $23::BIGINT[], $24::BIGINT[], $25::BIGINT[], $26::BIGINT[], $27::TEXT[]) \
    ON CONFLICT (source, event_id) WHERE source IS NOT NULL AND movement IN (2, 5, 8) DO NOTHING";

/// The statement that inserts these entries. Names stand in their order, so that two servers that book the same events
/// never wait for each other in a circle.
pub(super) fn insert_entries(entries: &[NumberedEntry]) -> Statement {
    let mut entries: Vec<&NumberedEntry> = entries.iter().collect();
    entries.sort_by_key(|(_, entry)| {
        entry.event.as_ref().map(|event| (event.source.as_str(), event.id.as_str()))
    });
    let insert = bind_places(sqlx::query(INSERT_ENTRIES), &entries);
    let insert = bind_events(insert, &entries);
    let insert = column!(insert, entries, (_, entry) => entry.reason.as_deref());
    let insert = column!(insert, entries, (_, entry) => entry.hash.0.as_slice());
    let insert = column!(insert, entries, (_, entry) => entry.debt_after.micros());
    let insert = column!(insert, entries, (_, entry) => entry.deadline.map(Timestamp::micros));
    bind_revisions(insert, &entries)
}

fn bind_places(insert: Statement, entries: &[&NumberedEntry]) -> Statement {
    let insert = column!(insert, entries, (no, _) => *no);
    let insert = column!(insert, entries, (_, entry) => entry.seq.cast_signed());
    let insert = column!(insert, entries, (_, entry) => i64::from(entry.leg));
    let insert = column!(insert, entries, (_, entry) => i64::from(entry.movement.code()));
    let insert = column!(insert, entries, (_, entry) => entry.amount.micros());
    let insert = column!(insert, entries, (_, entry) => entry.grant.map(u64::cast_signed));
    let insert = column!(insert, entries, (_, entry) => entry.available_after.micros());
    let insert = column!(insert, entries, (_, entry) => entry.held_after.micros());
    column!(insert, entries, (_, entry) => entry.recorded_at.micros())
}

fn bind_events(insert: Statement, entries: &[&NumberedEntry]) -> Statement {
    let events: Vec<Option<&EventFacts>> = entries.iter().map(|(_, entry)| entry.event.as_ref()).collect();
    let insert = column!(insert, events, event => event.map(|event| event.source.as_str()));
    let insert = column!(insert, events, event => event.map(|event| event.id.as_str()));
    let insert = column!(insert, events, event => event.map(|event| event.operation.as_str()));
    let insert = column!(insert, events, event => event.map(|event| event.quantity.micros()));
    let insert = column!(insert, events, event => event.map(|event| event.credits.micros()));
    let insert =
        column!(insert, events, event => event.and_then(|event| event.occurred_at).map(Timestamp::micros));
    let insert =
        column!(insert, events, event => event.and_then(|event| event.api_key.as_ref()).map(KeyId::as_str));
    let insert = column!(insert, events, event => event.and_then(|event| event.service_key.as_ref()).map(KeyId::as_str));
    let insert = column!(insert, events, event => event.map(|event| i64::from(event.price_version)));
    column!(insert, events, event => event.and_then(|event| event.dimensions.as_ref()).map(|digest| digest.0.as_slice()))
}

fn bind_revisions(insert: Statement, entries: &[&NumberedEntry]) -> Statement {
    let revisions: Vec<Option<&Revision>> = entries.iter().map(|(_, entry)| entry.revises.as_ref()).collect();
    let insert = column!(insert, revisions, revises => revises.map(|revises| revises.of.cast_signed()));
    let insert = column!(insert, revisions, revises => revises.map(|revises| revises.quantity.micros()));
    let insert = column!(insert, revisions, revises => revises.map(|revises| revises.credits.micros()));
    column!(insert, revisions, revises => revises.and_then(|revises| revises.correction.as_deref()))
}

/// What every batch writes besides, in one statement; how many rows that touched. A sum of quantities stays at the end of its
/// range instead of failing a charge.
const WRITE_STATES: &str = "WITH \
    states AS (UPDATE grants SET remaining = new.remaining, repaid = new.repaid, void_reason = new.void_reason \
      FROM UNNEST($1::BIGINT[], $2::BIGINT[], $3::BIGINT[], $4::BIGINT[], $5::TEXT[]) \
      AS new (account, seq, remaining, repaid, void_reason) \
      WHERE grants.account = new.account AND grants.seq = new.seq RETURNING 1), \
    places AS (INSERT INTO wallets (account, seq, head, held, recorded_at, debt) \
      SELECT * FROM UNNEST($6::BIGINT[], $7::BIGINT[], $8::BYTEA[], $9::BIGINT[], $10::BIGINT[], $11::BIGINT[]) \
      ON CONFLICT (account) DO UPDATE SET seq = excluded.seq, head = excluded.head, held = excluded.held, \
      recorded_at = excluded.recorded_at, debt = excluded.debt WHERE wallets.seq < excluded.seq RETURNING 1), \
    sums AS (INSERT INTO rollups (account, bucket, operation, api_key, credits, quantity, count) \
      SELECT * FROM UNNEST($12::BIGINT[], $13::BIGINT[], $14::TEXT[], $15::TEXT[], $16::BIGINT[], $17::BIGINT[], $18::BIGINT[]) \
      ON CONFLICT (account, bucket, operation, api_key) DO UPDATE SET credits = rollups.credits + excluded.credits, \
      quantity = CASE WHEN rollups.quantity > 9223372036854775807 - excluded.quantity THEN 9223372036854775807 \
      ELSE rollups.quantity + excluded.quantity END, count = rollups.count + excluded.count RETURNING 1), \
    issued AS (INSERT INTO grants (account, seq, amount, remaining, kind, priority, effective_at, expires_at, source, reason, \
      repaid, void_reason) SELECT * FROM UNNEST($19::BIGINT[], $20::BIGINT[], $21::BIGINT[], $22::BIGINT[], $23::BIGINT[], \
      $24::BIGINT[], $25::BIGINT[], $26::BIGINT[], $27::TEXT[], $28::TEXT[], $29::BIGINT[], $30::TEXT[]) RETURNING 1), \
    said AS (INSERT INTO event_dimensions (account, seq, dimensions) \
      SELECT * FROM UNNEST($31::BIGINT[], $32::BIGINT[], $33::TEXT[]) RETURNING 1) \
    SELECT (SELECT count(*) FROM states) + (SELECT count(*) FROM places) + (SELECT count(*) FROM sums) \
      + (SELECT count(*) FROM issued) + (SELECT count(*) FROM said)";

pub(super) fn write_states(changes: &Changes) -> Statement {
    let write = bind_grant_states(sqlx::query(WRITE_STATES), &changes.grants);
    let write = bind_wallets(write, &changes.wallets);
    let write = bind_rollups(write, &changes.rollups);
    let write = bind_grants(write, &changes.issued);
    let said = &changes.dimensions;
    let write = column!(write, said, (no, _, _) => *no);
    let write = column!(write, said, (_, seq, _) => seq.cast_signed());
    column!(write, said, (_, _, json) => json.as_str())
}

fn bind_grant_states(write: Statement, grants: &BTreeMap<(i64, u64), GrantState>) -> Statement {
    let write = column!(write, grants, ((no, _), _) => *no);
    let write = column!(write, grants, ((_, seq), _) => seq.cast_signed());
    let write = column!(write, grants, (_, state) => state.remaining.micros());
    let write = column!(write, grants, (_, state) => state.repaid.micros());
    column!(write, grants, (_, state) => state.void_reason.as_deref())
}

fn bind_wallets(write: Statement, wallets: &HashMap<i64, Wallet>) -> Statement {
    let write = column!(write, wallets, (no, _) => *no);
    let write = column!(write, wallets, (_, wallet) => wallet.seq.cast_signed());
    let write = column!(write, wallets, (_, wallet) => wallet.head.0.as_slice());
    let write = column!(write, wallets, (_, wallet) => wallet.held.micros());
    let write = column!(write, wallets, (_, wallet) => wallet.recorded_at.micros());
    column!(write, wallets, (_, wallet) => wallet.debt.micros())
}

fn bind_rollups(write: Statement, rollups: &BTreeMap<(i64, BucketKey), Totals>) -> Statement {
    let write = column!(write, rollups, ((no, _), _) => *no);
    let write = column!(write, rollups, ((_, key), _) => key.start.micros());
    let write = column!(write, rollups, ((_, key), _) => key.operation.as_str());
    let write = column!(write, rollups, ((_, key), _) => key.api_key.as_ref().map_or("", KeyId::as_str));
    let write = column!(write, rollups, (_, totals) => totals.credits.micros());
    let write = column!(write, rollups, (_, totals) => totals.quantity.micros());
    column!(write, rollups, (_, totals) => i64::try_from(totals.count).unwrap_or(i64::MAX))
}

fn bind_grants(write: Statement, issued: &[(i64, Grant)]) -> Statement {
    let write = column!(write, issued, (no, _) => *no);
    let write = column!(write, issued, (_, grant) => grant.seq.cast_signed());
    let write = column!(write, issued, (_, grant) => grant.amount.micros());
    let write = column!(write, issued, (_, grant) => grant.remaining.micros());
    let write = column!(write, issued, (_, grant) => i64::from(grant.facts.kind.code()));
    let write = column!(write, issued, (_, grant) => i64::from(grant.facts.priority));
    let write = column!(write, issued, (_, grant) => grant.facts.effective_at.micros());
    let write = column!(write, issued, (_, grant) => grant.facts.expires_at.map(Timestamp::micros));
    let write = column!(write, issued, (_, grant) => grant.facts.source.as_str());
    let write = column!(write, issued, (_, grant) => grant.facts.reason.as_str());
    let write = column!(write, issued, (_, grant) => grant.repaid.micros());
    column!(write, issued, (_, grant) => grant.void_reason.as_deref())
}

/// What few batches have, in the same way.
const WRITE_RARE: &str = "WITH \
    less AS (UPDATE rollups SET credits = rollups.credits - less.credits, quantity = rollups.quantity - less.quantity \
      FROM UNNEST($1::BIGINT[], $2::BIGINT[], $3::TEXT[], $4::TEXT[], $5::BIGINT[], $6::BIGINT[], $7::BIGINT[]) \
      AS less (account, bucket, operation, api_key, credits, quantity, count) WHERE rollups.account = less.account \
      AND rollups.bucket = less.bucket AND rollups.operation = less.operation AND rollups.api_key = less.api_key RETURNING 1), \
    opened AS (INSERT INTO open_holds (account, seq, legs, deadline) \
      SELECT * FROM UNNEST($8::BIGINT[], $9::BIGINT[], $10::BIGINT[], $11::BIGINT[]) RETURNING 1), \
    closed AS (DELETE FROM open_holds USING UNNEST($12::BIGINT[], $13::BIGINT[]) AS closed (account, seq) \
      WHERE open_holds.account = closed.account AND open_holds.seq = closed.seq RETURNING 1) \
    SELECT (SELECT count(*) FROM less) + (SELECT count(*) FROM opened) + (SELECT count(*) FROM closed)";

pub(super) fn write_rare(
    taken_back: &BTreeMap<(i64, BucketKey), Totals>,
    opened: &BTreeMap<(i64, u64), OpenedHold>,
    closed: &BTreeSet<(i64, u64)>,
) -> Statement {
    let write = bind_rollups(sqlx::query(WRITE_RARE), taken_back);
    let write = column!(write, opened, ((no, _), _) => *no);
    let write = column!(write, opened, ((_, seq), _) => seq.cast_signed());
    let write = column!(write, opened, (_, hold) => i64::try_from(hold.legs).unwrap_or(i64::MAX));
    let write = column!(write, opened, (_, hold) => hold.deadline.micros());
    let write = column!(write, closed, (no, _) => *no);
    column!(write, closed, (_, seq) => seq.cast_signed())
}

/// Columns: account, dimension, bucket, operation, `api_key`, group, credits, quantity, count.
macro_rules! values {
    () => {
        "UNNEST($1::BIGINT[], $2::TEXT[], $3::BIGINT[], $4::TEXT[], $5::TEXT[], $6::TEXT[], $7::BIGINT[], $8::BIGINT[], \
         $9::BIGINT[])"
    };
}

const WRITE_VALUES: &str = concat!(
    "INSERT INTO dimension_rollups (account, dimension, bucket, operation, api_key, value, credits, quantity, count) \
     SELECT * FROM ",
    values!(),
    " ON CONFLICT (account, dimension, bucket, operation, api_key, value) DO UPDATE SET \
     credits = dimension_rollups.credits + excluded.credits, quantity = CASE \
     WHEN dimension_rollups.quantity > 9223372036854775807 - excluded.quantity THEN 9223372036854775807 \
     ELSE dimension_rollups.quantity + excluded.quantity END, count = dimension_rollups.count + excluded.count",
);

const TAKE_BACK_VALUES: &str = concat!(
    "UPDATE dimension_rollups AS r SET credits = r.credits - less.credits, quantity = r.quantity - less.quantity FROM ",
    values!(),
    " AS less (account, dimension, bucket, operation, api_key, value, credits, quantity, count) \
     WHERE r.account = less.account AND r.dimension = less.dimension AND r.bucket = less.bucket \
     AND r.operation = less.operation AND r.api_key = less.api_key AND r.value = less.value",
);

/// Adds to what values of dimensions came to.
pub(super) fn write_values<'r>(sums: impl Iterator<Item = (i64, &'r DimensionKey, &'r Totals)>) -> Statement {
    bind_values(sqlx::query(WRITE_VALUES), sums)
}

/// Lowers it in rows that are there.
pub(super) fn take_back_values<'r>(
    sums: impl Iterator<Item = (i64, &'r DimensionKey, &'r Totals)>,
) -> Statement {
    bind_values(sqlx::query(TAKE_BACK_VALUES), sums)
}

fn bind_values<'r>(
    write: Statement,
    sums: impl Iterator<Item = (i64, &'r DimensionKey, &'r Totals)>,
) -> Statement {
    let sums: Vec<_> = sums.collect();
    let write = column!(write, sums, (no, _, _) => *no);
    let write = column!(write, sums, (_, key, _) => key.dimension.as_str());
    let write = column!(write, sums, (_, key, _) => key.bucket.start.micros());
    let write = column!(write, sums, (_, key, _) => key.bucket.operation.as_str());
    let write = column!(write, sums, (_, key, _) => key.bucket.api_key.as_ref().map_or("", KeyId::as_str));
    let write = column!(write, sums, (_, key, _) => key.group.as_str());
    let write = column!(write, sums, (_, _, totals) => totals.credits.micros());
    let write = column!(write, sums, (_, _, totals) => totals.quantity.micros());
    column!(write, sums, (_, _, totals) => i64::try_from(totals.count).unwrap_or(i64::MAX))
}
