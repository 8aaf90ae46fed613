//! Books that somebody has changed behind the console's back: `verify` names the account and the entry.
//!
//! The columns come from the database itself, so a new one that nobody verifies fails here.

use ledger::AccountId;
use ledger::verify::Mismatch;
use serde_json::json;
use server::store::VerifyError;

use crate::harness::events::{EVENTS, event, prediction, with};
use crate::harness::raw::{Column, Raw};
use crate::harness::{Member, START, World};

/// Columns that mean nothing by themselves.
const MEANINGLESS: [(&str, &str); 1] = [("entries", "no")];

/// Entries of every movement: 1, 2, 3 and 9 grants, 4 and 5 the legs of a charge with dimensions, 6 a free event, 7 an
/// expiry, 8 a void, 10 a keyed charge at a time of its own.
async fn eventful() -> (World, Member, Raw) {
    let world = World::start().await;
    let (ada, service) = (world.member("ada").await, world.service().await);
    world.grant_until(&ada, "0.05", Some(START.saturating_add(1_000))).await;
    world.grant_until(&ada, "10", Some(START.saturating_add(2_000))).await;
    let voided = world.grant(&ada, "7").await;
    let described = with(&prediction("a", &ada), "dimensions", json!({"model": "churn"}));
    service.caller.post(EVENTS, &described).await.ok();
    service.caller.post(EVENTS, &event("b", &ada, "account.read", "2")).await.ok();
    world.clock.advance(2_000);
    world.console.sequencer.post_dues(ada.account).await.unwrap();
    world.console.void_grant(voided.grant_id, "a mistake").await.unwrap();
    world.grant(&ada, "5").await;
    let key = world.key(&ada, server::store::Permission::ReadWrite).await;
    let keyed = crate::harness::events::without(&prediction("c", &ada), "user_id");
    let keyed = with(&keyed, "api_key", json!(key.secret.as_str()));
    let keyed = with(&keyed, "occurred_at", json!("2026-11-22T11:00:00Z"));
    service.caller.post(EVENTS, &keyed).await.ok();
    world.verify(&ada).await;
    let mut raw = Raw::open(&world.database()).await;
    raw.unlock_entries().await;
    (world, ada, raw)
}

async fn mismatch(world: &World, account_no: i64, account: AccountId) -> Option<Mismatch> {
    match world.console.store.verify_account(account_no, account).await {
        Ok(_) => None,
        Err(VerifyError::Mismatch(mismatch)) => Some(mismatch),
        Err(VerifyError::Store(error)) => panic!("not read at all: {error}"),
    }
}

/// Another value of the column's type; the table's checks may still refuse it.
fn other(column: &str, kind: &str) -> String {
    match (column, kind) {
        ("operation" | "source" | "event_id" | "reason", _) => format!("coalesce({column}, '') || 'x'"),
        ("dimensions", _) => "'{\"model\": \"other\"}'".to_owned(),
        ("service_key" | "api_key", _) => "'key_000000000000'".to_owned(),
        ("kind" | "movement", _) => format!("CASE {column} WHEN 1 THEN 2 ELSE 1 END"),
        ("remaining", _) => "CASE remaining WHEN 0 THEN 1 ELSE remaining - 1 END".to_owned(),
        ("bucket", _) => "bucket + 900000000".to_owned(),
        (_, "BLOB") => format!("unhex('{}')", "00".repeat(32)),
        (_, "TEXT") => format!("coalesce({column}, '') || 'x'"),
        _ => format!("coalesce({column}, 0) + 1"),
    }
}

/// Changes each column of each row of a table, one at a time, and puts it back. The database refuses the change, or
/// `verify` finds it and names the entry: `row` is the SQL of a row's name, `named` says whether it was meant.
async fn every_change_is_found(table: &str, row: &str, named: impl Fn(&Mismatch, &str) -> bool) {
    let (world, ada, mut raw) = eventful().await;
    // Another account, so that a row can be given to somebody.
    let bob = world.member("bob").await;
    let columns = raw.columns(table).await;
    let ids = raw.texts(&format!("SELECT CAST({row} AS TEXT) FROM {table}")).await;
    assert!(!ids.is_empty() && columns.len() > 2, "{table}: {columns:?} {ids:?}");
    raw.run(&format!("CREATE TEMP TABLE kept AS SELECT * FROM {table}")).await;
    let mut missed = vec![];
    for Column { name: column, kind } in &columns {
        let column = column.as_str();
        if MEANINGLESS.contains(&(table, column)) {
            continue;
        }
        for id in &ids {
            let sql = format!(
                "{} {table} SET {column} = {} WHERE CAST({row} AS TEXT) = '{id}'",
                raw.update_or_replace(),
                other(column, kind)
            );
            match raw.try_run(&sql).await {
                Ok(touched) => assert_eq!(touched, 1, "{sql}"),
                Err(refusal) => {
                    assert!(refusal.contains("constraint"), "{sql}: {refusal}");
                    continue;
                }
            }
            let found = mismatch(&world, ada.account_no, ada.account).await;
            let found = match found {
                None => mismatch(&world, bob.account_no, bob.account).await,
                found => found,
            };
            match found {
                Some(found) if named(&found, id) => {}
                Some(found) => missed.push(format!("{column} of {id} is taken for {found}")),
                None => missed.push(format!("{column} of {id} is not noticed")),
            }
            raw.run(&format!("DELETE FROM {table}")).await;
            raw.run(&format!("INSERT INTO {table} SELECT * FROM kept")).await;
        }
    }
    assert!(missed.is_empty(), "{table}:\n{}", missed.join("\n"));
    world.verify(&ada).await;
}

#[tokio::test]
async fn operator_finds_every_changed_column_of_every_entry() {
    every_change_is_found("entries", "seq", |found, seq| found.seq.to_string() == seq).await;
}

#[tokio::test]
async fn operator_finds_every_changed_column_of_every_grant() {
    every_change_is_found("grants", "seq", |found, seq| found.seq.to_string() == seq).await;
}

#[tokio::test]
async fn operator_finds_every_changed_column_of_the_wallet() {
    every_change_is_found("wallets", "account", |_, _| true).await;
}

#[tokio::test]
async fn operator_finds_every_changed_column_of_the_rollups() {
    every_change_is_found("rollups", "bucket || operation || api_key", |_, _| true).await;
}

#[tokio::test]
async fn operator_finds_every_changed_column_of_the_dimensions() {
    // One that was moved is found where it is now.
    every_change_is_found("event_dimensions", "seq", |found, seq| {
        let seq: u64 = seq.parse().expect("a seq");
        found.seq == seq || found.seq == seq + 1
    })
    .await;
}

#[tokio::test]
async fn operator_finds_rows_that_were_taken_away_or_added() {
    for (sql, seq) in [
        ("DELETE FROM entries WHERE seq = 4", 4),
        ("DELETE FROM entries WHERE seq = 5", 5),
        ("DELETE FROM entries WHERE seq > 8", 9),
        ("DELETE FROM grants WHERE seq = 3", 3),
        ("DELETE FROM wallets", 10),
        ("DELETE FROM rollups WHERE operation = 'account.read'", 10),
        (
            "INSERT INTO rollups SELECT account, bucket + 900000000, operation, api_key, 1, 1, 1 FROM rollups LIMIT 1",
            10,
        ),
        ("UPDATE entries SET seq = 11 WHERE seq = 10", 10),
        ("INSERT INTO event_dimensions SELECT account, 6, dimensions FROM event_dimensions", 6),
    ] {
        let (world, ada, mut raw) = eventful().await;
        raw.run(sql).await;
        let found = mismatch(&world, ada.account_no, ada.account)
            .await
            .unwrap_or_else(|| panic!("{sql}: not noticed"));
        assert_eq!((found.account, found.seq), (ada.account, seq), "{sql}: {found}");
    }
}

#[tokio::test]
async fn operator_erases_dimensions_and_the_books_still_agree() {
    let (world, ada, mut raw) = eventful().await;
    raw.run("DELETE FROM event_dimensions").await;
    world.verify(&ada).await;
}

#[tokio::test]
async fn operator_rewrites_history_with_matching_hashes_and_the_wallet_gives_it_away() {
    let (world, ada, mut raw) = eventful().await;
    let entries = world.console.store.entries_after(ada.account_no, 0, 100).await.unwrap();
    let mut last = entries.last().unwrap().clone();
    last.recorded_at = last.recorded_at.saturating_add(1);
    let forged = ledger::chain::link(entries[entries.len() - 2].hash, ada.account, &last);
    let sql = "UPDATE entries SET recorded_at = recorded_at + 1";
    raw.run(&format!("{sql}, hash = unhex('{forged}') WHERE seq = {}", last.seq)).await;
    let found = mismatch(&world, ada.account_no, ada.account).await.expect("the wallet knows another head");
    assert_eq!(found.seq, last.seq);
}

#[tokio::test]
async fn the_database_itself_refuses_to_change_or_delete_entries() {
    let world = World::start().await;
    let ada = world.member_with("ada", "10").await;
    for sql in ["UPDATE entries SET amount = 0", "DELETE FROM entries"] {
        let database = world.database();
        let done = tokio::spawn(async move { Raw::open(&database).await.try_run(sql).await });
        assert!(done.await.unwrap().unwrap_err().contains("never"), "{sql}");
    }
    world.verify(&ada).await;
}

#[tokio::test]
async fn operator_verifies_while_events_arrive() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "1000").await, world.service().await);
    let charging = async {
        for round in 0..20 {
            let item = |n: usize| prediction(&format!("{round}-{n}"), &ada);
            service.caller.post(EVENTS, &(0..100).map(item).collect::<serde_json::Value>()).await.ok();
        }
    };
    let verifying = async {
        for _ in 0..20 {
            world.verify(&ada).await;
        }
    };
    tokio::join!(charging, verifying);
    world.verify(&ada).await;
}
