//! `GET /usage/events/{event_id}` and `/{source}/{id}`: why an event cost what it cost.

use serde_json::{Value, json};

use crate::harness::client::{amount, assert_error};
use crate::harness::events::{EVENTS, event, with};
use crate::harness::{START, World, credits};

#[tokio::test]
async fn member_sees_the_arithmetic_of_an_event_over_two_grants() {
    let world = World::start().await;
    let (ada, service) = (world.member("ada").await, world.service().await);
    let later = world.grant(&ada, "10").await;
    let sooner = world.grant_until(&ada, "0.3", Some(START.saturating_add(ledger::time::DAY))).await;
    let sent =
        with(&event("job/1 ?#%", &ada, "model.inference", "4.8185"), "dimensions", json!({"model": "churn"}));
    let refused = service.caller.post(EVENTS, &sent).await;
    assert_error(&refused, 422, "validation_failed", "id");
    let sent = with(&sent, "id", json!("job/1?#%"));
    let charged = service.caller.post(EVENTS, &sent).await.ok();
    let caller = world.as_member(&ada).await;
    let receipt = caller.get(&format!("{EVENTS}/{}", charged["event_id"].as_str().unwrap())).await.ok();
    for field in ["event_id", "source", "id", "credits", "seq", "price_version"] {
        assert_eq!(receipt[field], charged[field], "{field}");
    }
    assert_eq!(receipt["dimensions"], json!({"model": "churn"}));
    assert_eq!(receipt["price"]["unit"], "1 000 tokens");
    assert_eq!(receipt["slices"], json!([{"quantity": 4.8185, "credits_per_unit": 0.1, "exact": 0.48185}]));
    assert_eq!(receipt["rounding"], json!({"rule": "half_up", "exact": 0.48185, "credits": 0.48185}));
    let grants = receipt["grants"].as_array().unwrap();
    assert_eq!(grants.len(), 2);
    assert_eq!(grants[0]["grant_id"], sooner.grant_id.to_string(), "what expires first burns first");
    assert_eq!((&grants[0]["credits"], &grants[0]["before_next"]), (&json!(0.3), &json!("expires_sooner")));
    assert_eq!(grants[1]["grant_id"], later.grant_id.to_string());
    assert_eq!((&grants[1]["credits"], &grants[1]["before_next"]), (&json!(0.18185), &Value::Null));
    assert_eq!(amount(&receipt["balance_before"]), credits("10.3"));
    assert_eq!(amount(&receipt["balance_after"]), credits("9.81815"));
    assert_eq!(receipt["hash"].as_str().unwrap().len(), 64);
    let by_name = caller.get(&format!("{EVENTS}/test/job%2F1%3F%23%25")).await.ok();
    assert_eq!(by_name, receipt);
}

#[tokio::test]
async fn member_sees_the_receipt_of_a_free_event() {
    let world = World::start().await;
    let (ada, service) = (world.member("ada").await, world.service().await);
    service.caller.post(EVENTS, &event("free", &ada, "account.read", "3")).await.ok();
    let receipt = world.as_member(&ada).await.get(&format!("{EVENTS}/test/free")).await.ok();
    assert_eq!(
        (&receipt["credits"], &receipt["slices"], &receipt["grants"]),
        (&json!(0), &json!([]), &json!([]))
    );
    assert_eq!((&receipt["balance_before"], &receipt["balance_after"]), (&json!(0), &json!(0)));
}

#[tokio::test]
async fn member_sees_what_was_rounded() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "1").await, world.service().await);
    service.caller.post(EVENTS, &event("a", &ada, "model.prediction", "0.000015")).await.ok();
    let receipt = world.as_member(&ada).await.get(&format!("{EVENTS}/test/a")).await.ok();
    assert_eq!(amount(&receipt["credits"]), credits("0.000002"));
    assert!(receipt["rounding"]["exact"].to_string().starts_with("1.5e-6"), "{receipt}");
}

#[tokio::test]
async fn member_keeps_the_old_price_on_the_receipt() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "10").await, world.service().await);
    service.caller.post(EVENTS, &event("old", &ada, "model.prediction", "1")).await.ok();
    let from = START.saturating_add(60_000_000);
    let mut prices = ledger::rate::RateCard::example().prices;
    prices[2].pricing = ledger::rate::Pricing::Flat { credits_per_unit: credits("0.2") };
    world.console.import_rate_card(from, prices).await.unwrap();
    world.clock.advance(59_999_999);
    service.caller.post(EVENTS, &event("last", &ada, "model.prediction", "1")).await.ok();
    world.clock.advance(1);
    let new = service.caller.post(EVENTS, &event("new", &ada, "model.prediction", "1")).await.ok();
    assert_eq!((&new["credits"], &new["price_version"]), (&json!(0.2), &json!(2)));
    let late =
        with(&event("late", &ada, "model.prediction", "1"), "occurred_at", json!("2026-11-22T12:00:59Z"));
    assert_eq!(service.caller.post(EVENTS, &late).await.ok()["credits"], 0.1, "priced when it happened");
    let caller = world.as_member(&ada).await;
    for (id, version, unit) in [("old", 1, 0.1), ("last", 1, 0.1), ("new", 2, 0.2), ("late", 1, 0.1)] {
        let receipt = caller.get(&format!("{EVENTS}/test/{id}")).await.ok();
        assert_eq!(
            (&receipt["price_version"], &receipt["price"]["credits_per_unit"]),
            (&json!(version), &json!(unit))
        );
    }
    world.verify(&ada).await;
}

#[tokio::test]
async fn member_asks_for_receipts_that_are_not_there() {
    let world = World::start().await;
    let ada = world.member_with("ada", "10").await;
    let caller = world.as_member(&ada).await;
    let hex = &ada.account.to_string()["acct_".len()..];
    let granted = format!("evt_{hex}1");
    for path in [
        granted.as_str(),
        &format!("evt_{hex}2"),
        &format!("evt_{hex}ffffffffffffffff"),
        "evt_",
        "x",
        "test/x",
        "a%20b/c",
        "./..",
    ] {
        let answer = caller.get(&format!("{EVENTS}/{}", path.replace("./..", "%2E/%2E%2E"))).await;
        assert_error(&answer, 404, "not_found", "");
    }
}

#[tokio::test]
async fn anon_and_service_read_no_receipts() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "10").await, world.service().await);
    service.caller.post(EVENTS, &event("a", &ada, "model.prediction", "1")).await.ok();
    let path = format!("{EVENTS}/test/a");
    assert_error(&world.anon().get(&path).await, 401, "unauthorized", "key");
    assert_error(&service.caller.get(&path).await, 403, "insufficient_permissions", "service key");
}
