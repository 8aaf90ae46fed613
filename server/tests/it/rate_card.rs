//! `GET /rate-card`: what an operation costs, for everybody.

use serde_json::{Value, json};

use crate::harness::client::assert_error;
use crate::harness::{START, World, credits};

#[tokio::test]
async fn anon_reads_the_price_list() {
    let world = World::start().await;
    let card = world.anon().get("/rate-card").await.ok();
    assert_eq!((&card["version"], &card["effective_until"]), (&json!(1), &Value::Null));
    let operations = card["operations"].as_array().unwrap();
    assert_eq!(
        operations[0],
        json!({
            "operation": "model.build", "unit": "iteration", "model": "flat", "credits_per_unit": 50,
            "rounding": "half_up",
        })
    );
    let free: Vec<&Value> = operations.iter().filter(|price| price["model"] == "free").collect();
    assert_eq!(free[0]["operation"], "account.read");
}

#[tokio::test]
async fn anon_reads_the_list_of_another_time() {
    let world = World::start().await;
    let from = START.saturating_add(3_600_000_000);
    let mut prices = ledger::rate::RateCard::example().prices;
    prices.truncate(1);
    prices[0].pricing = ledger::rate::Pricing::Flat { credits_per_unit: credits("60") };
    world.console.import_rate_card(from, prices).await.unwrap();
    let anon = world.anon();
    let now = anon.get("/rate-card").await.ok();
    assert_eq!((&now["version"], &now["effective_until"]), (&json!(1), &json!("2026-11-22T13:00:00Z")));
    for (at, version) in [
        ("2026-11-22T12:59:59.999999Z", 1),
        ("2026-11-22T13:00:00Z", 2),
        ("2026-11-22T14:00:00%2B01:00", 2),
        ("1970-01-01T00:00:00Z", 1),
        ("1969-01-01T00:00:00Z", 1),
    ] {
        assert_eq!(anon.get(&format!("/rate-card?at={at}")).await.ok()["version"], version, "{at}");
    }
    world.clock.set(from);
    assert_eq!(anon.get("/rate-card").await.ok()["operations"][0]["credits_per_unit"], 60);
}

#[tokio::test]
async fn anon_asks_for_a_time_that_is_none() {
    let world = World::start().await;
    assert_error(&world.anon().get("/rate-card?at=tomorrow").await, 422, "validation_failed", "at");
    assert_error(&world.anon().get("/rate-card?version=1").await, 422, "validation_failed", "version");
}

#[tokio::test]
async fn member_and_service_read_the_same_list() {
    let world = World::start().await;
    let anon = world.anon().get("/rate-card").await.ok();
    let (member, service) = (world.as_member(&world.member("ada").await).await, world.service().await);
    assert_eq!(member.get("/rate-card").await.ok(), anon);
    assert_eq!(service.caller.get("/rate-card").await.ok(), anon);
}
