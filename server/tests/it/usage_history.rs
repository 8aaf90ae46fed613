//! `GET /usage/history`: consumption over time.

use serde_json::{Value, json};
use server::store::Permission;

use crate::harness::client::{Caller, amount, assert_error};
use crate::harness::events::{EVENTS, event, with, without};
use crate::harness::raw::Raw;
use crate::harness::trace::Random;
use crate::harness::{Member, World, credits};

/// Charges a prediction of this quantity at this time.
async fn spend(service: &Caller, member: &Member, id: &str, quantity: &str, at: &str) {
    let sent = with(&event(id, member, "model.prediction", quantity), "occurred_at", json!(at));
    service.post(EVENTS, &sent).await.ok();
}

fn starts(history: &Value) -> Vec<String> {
    let points = history["series"][0]["points"].as_array().expect("points");
    points.iter().map(|point| point["start"].as_str().expect("a time").to_owned()).collect()
}

#[tokio::test]
async fn member_reads_the_last_week_by_day_unless_told_otherwise() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "100").await, world.service().await);
    spend(&service.caller, &ada, "a", "2", "2026-11-20T08:00:00Z").await;
    spend(&service.caller, &ada, "b", "3", "2026-11-20T23:59:59.999999Z").await;
    spend(&service.caller, &ada, "c", "1", "2026-11-22T00:00:00Z").await;
    let history = world.as_member(&ada).await.get("/usage/history").await.ok();
    assert_eq!((&history["granularity"], &history["tz"]), (&json!("day"), &json!("UTC")));
    assert_eq!(
        (&history["from"], &history["to"]),
        (&json!("2026-11-15T00:00:00Z"), &json!("2026-11-23T00:00:00Z"))
    );
    let series = history["series"].as_array().unwrap();
    assert_eq!(series.len(), 1);
    assert_eq!(series[0]["group"], Value::Null);
    let points = series[0]["points"].as_array().unwrap();
    assert_eq!(points.len(), 8, "gaps are filled");
    assert_eq!(
        points[5],
        json!({"start": "2026-11-20T00:00:00Z", "credits": 0.5, "quantity": 5, "count": 2})
    );
    assert_eq!(points[6], json!({"start": "2026-11-21T00:00:00Z", "credits": 0, "quantity": 0, "count": 0}));
    assert_eq!(
        points[7],
        json!({"start": "2026-11-22T00:00:00Z", "credits": 0.1, "quantity": 1, "count": 1})
    );
    assert_eq!(amount(&history["total"]), credits("0.6"));
}

#[tokio::test]
async fn member_reads_every_granularity_rounded_outwards() {
    let world = World::start().await;
    let ada = world.member("ada").await;
    let caller = world.as_member(&ada).await;
    for (granularity, from, to, count) in [
        ("15m", "2026-11-18T10:00:00Z", "2026-11-18T11:00:00Z", 4),
        ("hour", "2026-11-18T10:00:00Z", "2026-11-18T11:00:00Z", 1),
        ("day", "2026-11-18T00:00:00Z", "2026-11-19T00:00:00Z", 1),
        ("week", "2026-11-16T00:00:00Z", "2026-11-23T00:00:00Z", 1),
        ("month", "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z", 1),
    ] {
        let query = format!("?from=2026-11-18T10:07:00Z&to=2026-11-18T10:46:00Z&granularity={granularity}");
        let history = caller.get(&format!("/usage/history{query}")).await.ok();
        assert_eq!((&history["from"], &history["to"]), (&json!(from), &json!(to)), "{granularity}");
        assert_eq!(starts(&history).len(), count, "{granularity}");
        assert_eq!(history["total"], 0);
    }
}

#[tokio::test]
async fn member_reads_days_of_another_zone_across_a_change_of_clocks() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "100").await, world.service().await);
    // Berlin turned its clocks back on 2026-10-25; that day has 25 hours, from 22:00Z to 23:00Z.
    spend(&service.caller, &ada, "last-of-24th", "1", "2026-10-24T21:59:00Z").await;
    spend(&service.caller, &ada, "first-of-25th", "2", "2026-10-24T22:00:00Z").await;
    spend(&service.caller, &ada, "last-of-25th", "4", "2026-10-25T22:59:00Z").await;
    spend(&service.caller, &ada, "first-of-26th", "8", "2026-10-25T23:00:00Z").await;
    let caller = world.as_member(&ada).await;
    let query = "?from=2026-10-24T10:00:00Z&to=2026-10-26T10:00:00Z&tz=Europe/Berlin";
    let history = caller.get(&format!("/usage/history{query}")).await.ok();
    assert_eq!(starts(&history), ["2026-10-23T22:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"]);
    let points = history["series"][0]["points"].as_array().unwrap();
    let quantities: Vec<&Value> = points.iter().map(|point| &point["quantity"]).collect();
    assert_eq!(quantities, [&json!(1), &json!(6), &json!(8)]);
    assert_eq!(history["tz"], "Europe/Berlin");
}

#[tokio::test]
async fn member_groups_and_filters() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "1000").await, world.service().await);
    let key = world.key(&ada, Permission::ReadWrite).await;
    let plain = event("a", &ada, "model.prediction", "1");
    let build = event("b", &ada, "model.build", "1");
    let keyed = with(
        &without(&event("c", &ada, "model.prediction", "5"), "user_id"),
        "api_key",
        json!(key.secret.as_str()),
    );
    let free = event("d", &ada, "account.read", "7");
    service.caller.post(EVENTS, &json!([plain, build, keyed, free])).await.ok();
    let caller = world.as_member(&ada).await;
    let groups = |history: &Value| -> Vec<Value> {
        history["series"].as_array().unwrap().iter().map(|series| series["group"].clone()).collect()
    };
    let history = caller.get("/usage/history?group_by=operation").await.ok();
    assert_eq!(
        json!(groups(&history)),
        json!(["model.build", "model.prediction", "account.read"]),
        "dearest first"
    );
    assert_eq!(amount(&history["total"]), credits("50.6"));
    let history = caller.get("/usage/history?group_by=api_key").await.ok();
    assert_eq!(json!(groups(&history)), json!([null, key.key.id.to_string()]));
    let history = caller.get("/usage/history?operation=model.prediction").await.ok();
    assert_eq!(amount(&history["total"]), credits("0.6"));
    let history = caller.get(&format!("/usage/history?api_key={}", key.key.id)).await.ok();
    assert_eq!(amount(&history["total"]), credits("0.5"));
    let history = caller.get("/usage/history?operation=no.such").await.ok();
    assert_eq!(history["total"], 0);
}

#[tokio::test]
async fn member_has_used_more_than_can_be_counted_and_still_sees_it() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "1").await, world.service().await);
    for (id, operation) in [("a", "account.read"), ("b", "model.prediction")] {
        service.caller.post(EVENTS, &event(id, &ada, operation, "1")).await.ok();
    }
    let most = format!("UPDATE rollups SET quantity = {}", i64::MAX);
    assert_eq!(Raw::open(&world.database()).await.run(&most).await, 2);
    let history = world.as_member(&ada).await.get("/usage/history?granularity=day").await.ok();
    assert_eq!(history["total"], 0.1);
    let quantity = &history["series"][0]["points"][7]["quantity"];
    assert!(quantity.to_string().starts_with("9223372036854.77"), "{quantity}");
}

#[tokio::test]
async fn member_asks_for_what_cannot_be_shown() {
    let world = World::start().await;
    let caller = world.as_member(&world.member("ada").await).await;
    for (query, field) in [
        ("from=yesterday", "from"),
        ("to=2026-11-22", "to"),
        ("from=2026-11-22T00:00:00Z&to=2026-11-21T00:00:00Z", "to"),
        ("from=2026-11-22T00:00:00Z&to=2026-11-22T00:00:00Z", "to"),
        ("granularity=minute", "granularity"),
        ("group_by=user", "group_by"),
        ("group_by=dim:model", "model"),
        ("tz=Mars/Olympus", "tz"),
        ("api_key=plx_sk_x", "api_key"),
        ("grain=day", "grain"),
        ("from=2026-01-01T00:00:00Z&from=2026-01-02T00:00:00Z", "from"),
        ("from=2026-01-01T00:00:00Z&granularity=15m", "day"),
        ("from=2026-10-01T00:00:00Z&granularity=15m", "hour"),
    ] {
        assert_error(&caller.get(&format!("/usage/history?{query}")).await, 422, "validation_failed", field);
    }
}

#[tokio::test]
async fn member_reads_up_to_two_thousand_points() {
    let world = World::start().await;
    let caller = world.as_member(&world.member("ada").await).await;
    // 2 000 quarters of an hour are 20 days and 20 hours.
    let most = "?granularity=15m&from=2026-11-01T00:00:00Z&to=2026-11-21T20:00:00Z";
    assert_eq!(starts(&caller.get(&format!("/usage/history{most}")).await.ok()).len(), 2_000);
    let more = "?granularity=15m&from=2026-11-01T00:00:00Z&to=2026-11-21T20:00:01Z";
    assert_error(&caller.get(&format!("/usage/history{more}")).await, 422, "validation_failed", "2000");
}

#[tokio::test]
async fn anon_and_service_read_no_history() {
    let world = World::start().await;
    assert_error(&world.anon().get("/usage/history").await, 401, "unauthorized", "key");
    let service = world.service().await;
    assert_error(&service.caller.get("/usage/history").await, 403, "insufficient_permissions", "service key");
}

#[tokio::test]
async fn the_total_is_what_was_charged_at_every_granularity() {
    let world = World::start().await;
    let (ada, bob) = (world.member_with("ada", "100000").await, world.member_with("bob", "100000").await);
    let service = world.service().await;
    let mut random = Random(7);
    let mut sent = 0;
    let items: Vec<Value> = (0..900)
        .map(|n| {
            let quantity = i64::try_from(random.below(5_000_000)).unwrap();
            let minutes = 1 + random.below(20 * 24 * 60 - 1);
            let at = crate::harness::START.saturating_add(-60_000_000 * i64::try_from(minutes).unwrap());
            let text = ledger::Quantity::from_micros(quantity).unwrap().to_string();
            let item = event(&n.to_string(), if n % 3 == 0 { &bob } else { &ada }, "model.prediction", &text);
            sent += if n % 3 == 0 { 0 } else { (quantity + 5) / 10 };
            with(&item, "occurred_at", json!(server::calendar::Rfc3339(at).to_string()))
        })
        .collect();
    assert_eq!(service.caller.post(EVENTS, &json!(items)).await.ok()["accepted"], 900);
    let caller = world.as_member(&ada).await;
    for granularity in ["15m", "hour", "day", "week", "month"] {
        for zone in ["UTC", "Asia/Kathmandu", "America/St_Johns"] {
            let query = format!("?granularity={granularity}&tz={zone}&from=2026-11-02T12:00:00Z");
            let history = caller.get(&format!("/usage/history{query}")).await.ok();
            assert_eq!(amount(&history["total"]).micros(), sent, "{query}");
            let points = history["series"][0]["points"].as_array().unwrap();
            let sum: i64 = points.iter().map(|point| amount(&point["credits"]).micros()).sum();
            assert_eq!(sum, sent, "{query}");
        }
    }
    assert_eq!(world.balance(&ada).await.micros(), 100_000_000_000 - sent);
}
