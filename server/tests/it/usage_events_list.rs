//! `GET /usage/events`: what the account was charged for.

use serde_json::{Value, json};
use server::store::Permission;

use crate::harness::World;
use crate::harness::client::{Caller, assert_error};
use crate::harness::events::{EVENTS, event, prediction, with, without};

fn ids(list: &Value) -> Vec<String> {
    let events = list["events"].as_array().expect("events");
    events.iter().map(|event| event["id"].as_str().expect("an id").to_owned()).collect()
}

/// All ids, page by page, following the cursor.
async fn all(caller: &Caller, query: &str) -> Vec<String> {
    let mut found = vec![];
    let mut cursor = String::new();
    loop {
        let page = caller.get(&format!("{EVENTS}?{query}{cursor}")).await.ok();
        found.extend(ids(&page));
        let next = page["next_cursor"].as_str();
        assert_eq!(page["pagination"]["has_more"], next.is_some());
        let Some(next) = next else { return found };
        cursor = format!("&cursor={next}");
    }
}

#[tokio::test]
async fn member_sees_what_was_reported_newest_first() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "0.15").await, world.service().await);
    world.grant(&ada, "10").await;
    let first = with(&prediction("a", &ada), "dimensions", json!({"model": "churn"}));
    service.caller.post(EVENTS, &first).await.ok();
    let second =
        with(&event("b", &ada, "model.prediction", "2.5"), "occurred_at", json!("2026-11-22T11:00:00Z"));
    let charged = service.caller.post(EVENTS, &second).await.ok();
    let list = world.as_member(&ada).await.get(EVENTS).await.ok();
    assert_eq!(ids(&list), ["b", "a"]);
    assert_eq!(
        list["events"][0],
        json!({
            "event_id": charged["event_id"], "source": "test", "id": "b", "operation": "model.prediction",
            "quantity": 2.5, "dimensions": {}, "credits": 0.25, "occurred_at": "2026-11-22T11:00:00Z",
            "recorded_at": "2026-11-22T12:00:00Z", "api_key_id": null, "seq": charged["seq"],
        })
    );
    assert_eq!(list["events"][1]["dimensions"], json!({"model": "churn"}));
    assert_eq!(list["pagination"], json!({"total": 2, "limit": 20, "offset": 0, "has_more": false}));
    assert_eq!(list["next_cursor"], Value::Null);
}

#[tokio::test]
async fn member_follows_the_cursor_while_events_arrive() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "100").await, world.service().await);
    let items: Value = (0..45).map(|n| prediction(&format!("{n:02}"), &ada)).collect();
    service.caller.post(EVENTS, &items).await.ok();
    let caller = world.as_member(&ada).await;
    let page = caller.get(&format!("{EVENTS}?limit=20")).await.ok();
    assert_eq!(page["pagination"], json!({"total": 45, "limit": 20, "offset": 0, "has_more": true}));
    service.caller.post(EVENTS, &prediction("new", &ada)).await.ok();
    let cursor = page["next_cursor"].as_str().unwrap();
    let next = caller.get(&format!("{EVENTS}?limit=20&cursor={cursor}")).await.ok();
    assert_eq!((ids(&next)[0].as_str(), &next["pagination"]["total"]), ("24", &Value::Null));
    let expected: Vec<String> =
        std::iter::once("new".to_owned()).chain((0..45).rev().map(|n| format!("{n:02}"))).collect();
    for limit in [1, 7, 46, 100] {
        assert_eq!(all(&caller, &format!("limit={limit}")).await, expected, "{limit}");
    }
}

#[tokio::test]
async fn member_pages_by_offset() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "100").await, world.service().await);
    service
        .caller
        .post(EVENTS, &(0..5).map(|n| prediction(&n.to_string(), &ada)).collect::<Value>())
        .await
        .ok();
    let caller = world.as_member(&ada).await;
    let page = caller.get(&format!("{EVENTS}?limit=2&offset=3")).await.ok();
    assert_eq!(ids(&page), ["1", "0"]);
    assert_eq!(page["pagination"], json!({"total": 5, "limit": 2, "offset": 3, "has_more": false}));
    let past = caller.get(&format!("{EVENTS}?offset=99")).await.ok();
    assert_eq!((ids(&past).len(), &past["pagination"]["total"]), (0, &json!(5)));
}

#[tokio::test]
async fn member_filters_by_time_operation_and_key() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "1000").await, world.service().await);
    let key = world.key(&ada, Permission::ReadWrite).await;
    let at = |id: &str, time: &str| with(&prediction(id, &ada), "occurred_at", json!(time));
    let keyed = with(&without(&prediction("keyed", &ada), "user_id"), "api_key", json!(key.secret.as_str()));
    let items = json!([
        at("before", "2026-11-20T09:59:59.999999Z"),
        at("first", "2026-11-20T10:00:00Z"),
        at("last", "2026-11-20T10:59:59.999999Z"),
        at("after", "2026-11-20T11:00:00Z"),
        event("built", &ada, "model.build", "1"),
        keyed,
    ]);
    assert_eq!(service.caller.post(EVENTS, &items).await.ok()["accepted"], 6);
    let caller = world.as_member(&ada).await;
    let found = async |query: &str| ids(&caller.get(&format!("{EVENTS}?{query}")).await.ok());
    let within = "from=2026-11-20T10:00:00Z&to=2026-11-20T11:00:00Z";
    let mut hour = found(within).await;
    hour.sort();
    assert_eq!(hour, ["first", "last"]);
    assert_eq!(found("operation=model.build").await, ["built"]);
    assert_eq!(found(&format!("api_key={}", key.key.id)).await, ["keyed"]);
    assert_eq!(found("operation=no.such").await, Vec::<String>::new());
    assert_eq!(all(&caller, &format!("{within}&limit=1")).await.len(), 2);
    // Whole buckets are counted without looking at events; a time inside of one asks for that.
    for (query, total) in [
        ("", 6),
        (within, 2),
        ("from=2026-11-20T10:00:00.000001Z&to=2026-11-20T11:00:00Z", 1),
        ("to=2026-11-20T10:59:59.999999Z", 2),
        ("operation=model.build", 1),
        ("operation=model.build&to=2026-11-22T12:00:00Z", 0),
        ("operation=no.such", 0),
    ] {
        let list = caller.get(&format!("{EVENTS}?{query}")).await.ok();
        assert_eq!(list["pagination"]["total"], json!(total), "{query}");
    }
    assert_eq!(found("from=2026-11-22T12:00:00Z").await, ["keyed", "built"]);
}

#[tokio::test]
async fn member_asks_for_a_list_that_cannot_be() {
    let world = World::start().await;
    let caller = world.as_member(&world.member("ada").await).await;
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=all", "limit"),
        ("offset=-1", "offset"),
        ("offset=99999999999999", "offset"),
        ("cursor=next", "cursor"),
        ("cursor=-1", "cursor"),
        ("cursor=5&offset=5", "offset"),
        ("from=now", "from"),
        ("from=2026-11-22T00:00:00Z&to=2026-11-22T00:00:00Z", "to"),
        ("api_key=key_1", "api_key"),
        ("page=2", "page"),
    ] {
        assert_error(&caller.get(&format!("{EVENTS}?{query}")).await, 422, "validation_failed", field);
    }
}

#[tokio::test]
async fn member_sees_no_events_of_others() {
    let world = World::start().await;
    let (ada, bob) = (world.member_with("ada", "1").await, world.member_with("bob", "1").await);
    let service = world.service().await;
    let charged = service.caller.post(EVENTS, &prediction("a", &ada)).await.ok();
    let as_bob = world.as_member(&bob).await;
    assert_eq!(ids(&as_bob.get(EVENTS).await.ok()).len(), 0);
    let event_id = charged["event_id"].as_str().unwrap();
    assert_error(&as_bob.get(&format!("{EVENTS}/{event_id}")).await, 404, "not_found", "");
    assert_error(&as_bob.get(&format!("{EVENTS}/test/a")).await, 404, "not_found", "");
}

#[tokio::test]
async fn anon_and_service_list_nothing() {
    let world = World::start().await;
    assert_error(&world.anon().get(EVENTS).await, 401, "unauthorized", "key");
    let service = world.service().await;
    assert_error(&service.caller.get(EVENTS).await, 403, "insufficient_permissions", "service key");
}
