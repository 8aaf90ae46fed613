//! `POST /rate-card/estimate`: what a list of operations would cost, for everybody.

use http::Method;
use serde_json::{Value, json};

use crate::harness::client::{answer, assert_error};
use crate::harness::events::{EVENTS, event};
use crate::harness::{START, World, credits};

const ESTIMATE: &str = "/rate-card/estimate";

fn items(items: &Value) -> Value {
    json!({ "items": items })
}

#[tokio::test]
async fn anon_is_told_what_a_list_would_cost_and_how() {
    let world = World::start().await;
    let asked = items(&json!([
        {"operation": "model.build", "quantity": 3},
        {"operation": "model.inference", "quantity": "4.818"},
        {"operation": "account.read", "quantity": 1e3},
    ]));
    let told = world.anon().post(ESTIMATE, &asked).await.ok();
    assert_eq!(
        told,
        json!({
            "items": [
                {
                    "operation": "model.build", "quantity": 3, "unit": "iteration", "credits": 150,
                    "slices": [{"quantity": 3, "credits_per_unit": 50, "exact": 150}],
                    "rounding": {"rule": "half_up", "exact": 150, "credits": 150},
                },
                {
                    "operation": "model.inference", "quantity": 4.818, "unit": "1 000 tokens", "credits": 0.4818,
                    "slices": [{"quantity": 4.818, "credits_per_unit": 0.1, "exact": 0.4818}],
                    "rounding": {"rule": "half_up", "exact": 0.4818, "credits": 0.4818},
                },
                {
                    "operation": "account.read", "quantity": 1000, "unit": "call", "credits": 0,
                    "slices": [], "rounding": {"rule": "half_up", "exact": 0, "credits": 0},
                },
            ],
            "total": 150.4818, "price_version": 1, "effective_from": "1970-01-01T00:00:00Z",
        })
    );
    assert_eq!(world.anon().post("/v1/rate-card/estimate", &asked).await.ok(), told);
}

#[tokio::test]
async fn member_is_charged_what_anon_was_told_to_the_last_digit() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "5000000000").await, world.service().await);
    for (n, (operation, quantity)) in [
        ("model.build", "0.000001"),
        ("model.inference", "123456.654321"),
        ("model.inference", "0.000005"),
        ("data.storage", "0.00005"),
        ("data.storage", "0.000049"),
        ("deployment.hour", "999999999.999999"),
    ]
    .into_iter()
    .enumerate()
    {
        let asked = items(&json!([{"operation": operation, "quantity": quantity}]));
        let told = world.anon().post(ESTIMATE, &asked).await.ok();
        let report = event(&format!("event-{n}"), &ada, operation, quantity);
        let charged = service.caller.post(EVENTS, &report).await.ok();
        assert_eq!(told["total"].to_string(), charged["credits"].to_string(), "{operation} {quantity}");
        assert_eq!(told["price_version"], charged["price_version"]);
    }
}

#[tokio::test]
async fn anon_asks_by_the_card_of_another_time() {
    let world = World::start().await;
    let from = START.saturating_add(3_600_000_000);
    let mut prices = ledger::rate::RateCard::example().prices;
    prices.truncate(1);
    prices[0].pricing = ledger::rate::Pricing::Flat { credits_per_unit: credits("60") };
    world.console.import_rate_card(from, prices).await.unwrap();
    let anon = world.anon();
    let one = items(&json!([{"operation": "model.build", "quantity": 1}]));
    let now = anon.post(ESTIMATE, &one).await.ok();
    assert_eq!((&now["total"], &now["price_version"]), (&json!(50), &json!(1)));
    let later = anon.post(&format!("{ESTIMATE}?at=2026-11-22T13:00:00Z"), &one).await.ok();
    assert_eq!((&later["total"], &later["price_version"]), (&json!(60), &json!(2)));
    let gone = items(&json!([{"operation": "model.inference", "quantity": 1}]));
    let refused = anon.post(&format!("{ESTIMATE}?at=2026-11-22T13:00:00Z"), &gone).await;
    assert_error(&refused, 422, "validation_failed", "items[0].operation");
    assert_error(&anon.post(&format!("{ESTIMATE}?at=soon"), &one).await, 422, "validation_failed", "at");
    assert_error(&anon.post(&format!("{ESTIMATE}?when=now"), &one).await, 422, "validation_failed", "when");
}

#[tokio::test]
async fn anon_asks_what_cannot_be_priced_and_each_item_is_named() {
    let world = World::start().await;
    let anon = world.anon();
    let bad = items(&json!([
        {"operation": "model.build", "quantity": 1},
        {"operation": "model.biuld", "quantity": 1},
        {"operation": "model.build", "quantity": 1_000_000_000},
    ]));
    let refused = anon.post(ESTIMATE, &bad).await;
    assert_error(&refused, 422, "validation_failed", "items[1].operation");
    assert_error(&refused, 422, "validation_failed", "items[2].quantity");
    let bad = items(&json!([
        {"operation": "model.build", "quantity": -1},
        {"operation": "model.build", "quantity": "0.0000001"},
        {"operation": "", "quantity": "three", "dimensions": {}},
        {"quantity": 1},
        {"operation": "model.build"},
        {"operation": "model.build", "quantity": 1_000_000_001},
    ]));
    let refused = anon.post(ESTIMATE, &bad).await;
    for named in [
        "items[0].quantity",
        "items[1].quantity",
        "items[2].operation",
        "items[2].quantity",
        "items[2].dimensions",
        "items[3].operation",
        "items[4].quantity",
        "items[5].quantity",
    ] {
        assert_error(&refused, 422, "validation_failed", named);
    }
    let most = items(&json!([
        {"operation": "model.build", "quantity": 150_000_000},
        {"operation": "model.build", "quantity": 150_000_000},
    ]));
    assert_error(&anon.post(ESTIMATE, &most).await, 422, "validation_failed", "items");
}

#[tokio::test]
async fn anon_sends_what_is_no_list() {
    let world = World::start().await;
    let anon = world.anon();
    for (body, named) in [
        (json!([]), "object"),
        (json!({"items": {}}), "items"),
        (json!({"items": null}), "items"),
        (items(&json!([{"operation": "model.build", "quantity": 1}, 7])), "items[1]"),
        (items(&json!([{"operation": 7, "quantity": 1}])), "items[0]: operation"),
        (items(&json!([{"operation": "model.build", "quantity": null}])), "items[0]: quantity"),
    ] {
        assert_error(&anon.post(ESTIMATE, &body).await, 400, "invalid_request", named);
    }
    for (body, named) in [
        (json!({}), "items"),
        (json!({"items": []}), "items"),
        (json!({"items": [{"operation": "model.build", "quantity": 1}], "at": "now"}), "at"),
    ] {
        assert_error(&anon.post(ESTIMATE, &body).await, 422, "validation_failed", named);
    }
    let many: Value = (0..1_001).map(|_| json!({"operation": "model.build", "quantity": 1})).collect();
    assert_error(&anon.post(ESTIMATE, &items(&many)).await, 413, "payload_too_large", "1000");
    assert_error(&anon.post_text(ESTIMATE, "{\"items\": [").await, 400, "invalid_request", "line 1");
    let text = anon.request(Method::POST, ESTIMATE).header("content-type", "text/plain");
    assert_error(&answer(text.body("{}")).await, 415, "unsupported_media_type", "JSON");
    assert_error(&anon.get(ESTIMATE).await, 405, "method_not_allowed", "method");
}
