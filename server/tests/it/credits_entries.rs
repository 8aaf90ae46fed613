//! `GET /credits/entries`: the books, newest first, with every hashed field.

use ledger::{AccountId, chain};
use serde_json::{Value, json};

use crate::harness::client::{Caller, assert_error};
use crate::harness::events::{EVENTS, event, prediction, with};
use crate::harness::{Member, START, World};

const ENTRIES: &str = "/credits/entries";

/// Issues, a charge over two grants with dimensions, a free event, an expiry, a void and a charge by key at its own time.
pub async fn eventful() -> (World, Member, Caller) {
    let world = World::start().await;
    let (ada, service) = (world.member("ada").await, world.service().await.caller);
    world.grant_until(&ada, "0.05", Some(START.saturating_add(1_000))).await;
    world.grant_until(&ada, "10", Some(START.saturating_add(2_001))).await;
    let voided = world.grant(&ada, "7").await;
    let described = with(&prediction("a", &ada), "dimensions", json!({"model": "churn", "größe": "L"}));
    service.post(EVENTS, &described).await.ok();
    service.post(EVENTS, &event("b", &ada, "account.read", "2")).await.ok();
    world.clock.advance(2_001);
    world.console.void_grant(voided.grant_id, "a mistake").await.unwrap();
    world.grant(&ada, "5").await;
    let caller = world.as_member(&ada).await;
    let keyed = world.key(&ada, server::store::Permission::ReadWrite).await;
    let mut last = with(&prediction("c", &ada), "api_key", json!(keyed.secret.as_str()));
    last.as_object_mut().unwrap().remove("user_id");
    service.post(EVENTS, &with(&last, "occurred_at", json!("2026-11-22T11:00:00.000001Z"))).await.ok();
    (world, ada, caller)
}

fn seqs(page: &Value) -> Vec<u64> {
    page["entries"].as_array().expect("entries").iter().map(|entry| entry["seq"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn member_reads_the_books_newest_first_with_the_running_balance() {
    let (_world, ada, caller) = eventful().await;
    let list = caller.get(ENTRIES).await.ok();
    assert_eq!(list["account_id"], ada.account.to_string());
    assert_eq!(seqs(&list), (1..=10).rev().collect::<Vec<_>>());
    assert_eq!(list["pagination"], json!({"total": 10, "limit": 20, "offset": 0, "has_more": false}));
    assert_eq!(list["next_cursor"], Value::Null);
    let column = |field: &str| -> Vec<Value> {
        list["entries"].as_array().unwrap().iter().rev().map(|entry| entry[field].clone()).collect()
    };
    let movements =
        ["issue", "issue", "issue", "charge", "charge", "charge", "expire", "void", "issue", "charge"];
    assert_eq!(column("movement"), movements);
    assert_eq!(column("leg"), [0, 0, 0, 0, 1, 0, 0, 0, 0, 0]);
    assert_eq!(json!(column("amount")), json!([0.05, 10, 7, 0.05, 0.05, 0, 9.95, 7, 5, 0.1]));
    assert_eq!(json!(column("available_after")), json!([0.05, 10.05, 17.05, 17, 16.95, 16.95, 7, 0, 5, 4.9]));
    let void = &list["entries"][2];
    assert_eq!(
        (&void["reason"], &void["event"], &void["issued"]),
        (&json!("a mistake"), &Value::Null, &Value::Null)
    );
    assert_eq!(
        list["entries"][9]["issued"],
        json!({
            "kind": "promo", "priority": 100, "effective_at": "2026-11-22T12:00:00Z",
            "expires_at": "2026-11-22T12:00:00.001Z", "source": "operator", "reason": "for a test",
        })
    );
    let charge = &list["entries"][0]["event"];
    assert_eq!(charge["occurred_at"], "2026-11-22T11:00:00.000001Z");
    assert!(charge["api_key_id"].is_string() && charge["service_key_id"].is_string(), "{charge}");
    assert_eq!((&charge["price_version"], &charge["dimensions_hash"]), (&json!(1), &Value::Null));
}

/// The README's table, read from the wire by nothing but JSON: what another program would do.
fn recomputed(account: &str, previous: &str, entry: &Value) -> String {
    use sha2::{Digest as _, Sha256};

    let mut bytes = hex(previous);
    bytes.push(1);
    push_text(&mut bytes, account);
    bytes.extend(entry["seq"].as_u64().unwrap().to_be_bytes());
    bytes.extend(entry["leg"].as_u64().unwrap().to_be_bytes());
    let names = ["issue", "charge", "expire", "void"];
    let code = names.iter().position(|name| entry["movement"] == *name).unwrap() + 1;
    bytes.push(u8::try_from(code).unwrap());
    push_micros(&mut bytes, &entry["amount"]);
    optional(&mut bytes, &entry["grant_id"], |bytes, id| {
        let seq = &id.as_str().unwrap()["grant_".len() + 32..];
        bytes.extend(u64::from_str_radix(seq, 16).unwrap().to_be_bytes());
    });
    push_micros(&mut bytes, &entry["available_after"]);
    push_micros(&mut bytes, &entry["held_after"]);
    push_time(&mut bytes, &entry["recorded_at"]);
    optional(&mut bytes, &entry["event"], push_event);
    optional(&mut bytes, &entry["issued"], push_issued);
    optional(&mut bytes, &entry["reason"], |bytes, text| push_text(bytes, text.as_str().unwrap()));
    chain::Digest(Sha256::digest(&bytes).into()).to_string()
}

fn push_event(bytes: &mut Vec<u8>, event: &Value) {
    for field in ["source", "id", "operation"] {
        push_text(bytes, event[field].as_str().unwrap());
    }
    push_micros(bytes, &event["quantity"]);
    push_micros(bytes, &event["credits"]);
    optional(bytes, &event["occurred_at"], push_time);
    for field in ["api_key_id", "service_key_id"] {
        optional(bytes, &event[field], |bytes, id| push_text(bytes, id.as_str().unwrap()));
    }
    bytes.extend(event["price_version"].as_u64().unwrap().to_be_bytes());
    optional(bytes, &event["dimensions_hash"], |bytes, text| bytes.extend(hex(text.as_str().unwrap())));
}

fn push_issued(bytes: &mut Vec<u8>, facts: &Value) {
    let kinds = ["free", "promo", "plan", "adjustment", "purchase"];
    let code = kinds.iter().position(|kind| facts["kind"] == *kind).unwrap() + 1;
    bytes.push(u8::try_from(code).unwrap());
    bytes.extend(facts["priority"].as_u64().unwrap().to_be_bytes());
    push_time(bytes, &facts["effective_at"]);
    optional(bytes, &facts["expires_at"], push_time);
    push_text(bytes, facts["source"].as_str().unwrap());
    push_text(bytes, facts["reason"].as_str().unwrap());
}

fn push_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
    bytes.extend(text.as_bytes());
}

fn push_micros(bytes: &mut Vec<u8>, number: &Value) {
    let (whole, fraction) = number.to_string().split_once('.').map_or_else(
        || (number.to_string(), String::new()),
        |(whole, fraction)| (whole.to_owned(), fraction.to_owned()),
    );
    let micros: i64 = format!("{whole}{fraction:0<6}").parse().unwrap();
    bytes.extend(micros.to_be_bytes());
}

fn push_time(bytes: &mut Vec<u8>, time: &Value) {
    let at = server::calendar::parse_rfc3339(time.as_str().unwrap()).unwrap();
    bytes.extend(at.micros().to_be_bytes());
}

fn optional(bytes: &mut Vec<u8>, value: &Value, push: impl FnOnce(&mut Vec<u8>, &Value)) {
    bytes.push(u8::from(!value.is_null()));
    if !value.is_null() {
        push(bytes, value);
    }
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

#[tokio::test]
async fn member_recomputes_the_chain_from_the_fields_on_the_wire() {
    let (world, ada, caller) = eventful().await;
    let list = caller.get(ENTRIES).await.ok();
    let account = list["account_id"].as_str().unwrap();
    let mut head = chain::genesis(account.parse::<AccountId>().unwrap()).to_string();
    for entry in list["entries"].as_array().unwrap().iter().rev() {
        head = recomputed(account, &head, entry);
        assert_eq!(entry["hash"], head, "{entry}");
    }
    let found = world.console.store.verify_account(ada.account_no, ada.account).await.unwrap();
    assert_eq!(found.head.to_string(), head);
}

#[tokio::test]
async fn member_follows_the_cursor_while_entries_arrive() {
    let (world, ada, caller) = eventful().await;
    let first = caller.get(&format!("{ENTRIES}?limit=4")).await.ok();
    assert_eq!(seqs(&first), [10, 9, 8, 7]);
    assert_eq!(first["pagination"], json!({"total": 10, "limit": 4, "offset": 0, "has_more": true}));
    world.grant(&ada, "1").await;
    let mut found = seqs(&first);
    let mut next = first["next_cursor"].clone();
    while let Some(cursor) = next.as_str() {
        let page = caller.get(&format!("{ENTRIES}?limit=3&cursor={cursor}")).await.ok();
        assert_eq!(page["pagination"]["total"], Value::Null);
        assert_eq!(page["pagination"]["has_more"], page["next_cursor"].is_string());
        found.extend(seqs(&page));
        next = page["next_cursor"].clone();
    }
    assert_eq!(found, (1..=10).rev().collect::<Vec<_>>());
    let by_offset = caller.get(&format!("{ENTRIES}?limit=4&offset=9")).await.ok();
    assert_eq!(seqs(&by_offset), [2, 1]);
    assert_eq!(by_offset["pagination"], json!({"total": 11, "limit": 4, "offset": 9, "has_more": false}));
    assert_eq!(seqs(&caller.get(&format!("{ENTRIES}?offset=11")).await.ok()).len(), 0);
    assert_eq!(seqs(&caller.get(&format!("{ENTRIES}?cursor=1")).await.ok()).len(), 0);
}

#[tokio::test]
async fn member_asks_for_entries_that_cannot_be() {
    let world = World::start().await;
    let caller = world.as_member(&world.member("ada").await).await;
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("offset=-1", "offset"),
        ("offset=99999999999999", "offset"),
        ("cursor=next", "cursor"),
        ("cursor=-1", "cursor"),
        ("cursor=5&offset=5", "offset"),
        ("after=5", "after"),
        ("operation=model.build", "operation"),
    ] {
        assert_error(&caller.get(&format!("{ENTRIES}?{query}")).await, 422, "validation_failed", field);
    }
}

#[tokio::test]
async fn member_reads_no_entries_of_others() {
    let (world, _, _) = eventful().await;
    let bob = world.member("bob").await;
    let list = world.as_member(&bob).await.get(ENTRIES).await.ok();
    assert_eq!((list["account_id"].as_str(), seqs(&list).len()), (Some(bob.account.to_string().as_str()), 0));
    assert_eq!(list["pagination"]["total"], 0);
}

#[tokio::test]
async fn anon_and_service_read_no_entries() {
    let world = World::start().await;
    assert_error(&world.anon().get(ENTRIES).await, 401, "unauthorized", "key");
    let service = world.service().await;
    assert_error(&service.caller.get(ENTRIES).await, 403, "insufficient_permissions", "service key");
}
