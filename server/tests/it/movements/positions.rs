//! Where graduated prices go on from while holds are open, closed and events corrected.

use ledger::time::SECOND;
use serde_json::json;

use super::{correct, hold, release, service, settle, verify};
use crate::harness::client::Caller;
use crate::harness::events::{EVENTS, event, with};
use crate::harness::{Member, Service};
use crate::prices::{PLENTY, price, world_with};

/// 1 credit up to 10 calls of a month, then 0.5.
const GRADUATED: &str =
    r#"{"graduated": {"tiers": [{"up_to": 10, "credits_per_unit": 1}, {"credits_per_unit": 0.5}]}}"#;

async fn charge(service: &Service, id: &str, member: &Member, quantity: &str) -> String {
    service.caller.post(EVENTS, &event(id, member, "calls", quantity)).await.ok()["credits"].to_string()
}

async fn before(reader: &Caller, id: &str) -> String {
    let receipt = reader.get(&format!("{EVENTS}/test/{id}")).await.ok();
    receipt["month"]["before"]["quantity"].to_string()
}

#[tokio::test]
async fn a_hold_keeps_its_place_in_the_month_and_a_correction_moves_nobody() {
    let mut world = world_with(vec![price("calls", GRADUATED)]).await;
    let (ada, service) = (world.member_with("ada", PLENTY).await, service(&world).await);
    let held = hold(&service, "h", &ada, "calls", "6").await.ok();
    assert_eq!(held["credits"], 6);
    assert_eq!(charge(&service, "a", &ada, "6").await, "5", "4 × 1 + 2 × 0.5 after the 6 of the hold");
    assert_eq!(settle(&service, &held, "2").await.ok()["credits"], 2, "from the hold's own place");
    assert_eq!(charge(&service, "b", &ada, "2").await, "2", "after 2 + 6");
    assert_eq!(correct(&service, "a", "c", "3").await.ok()["refunded"], 2, "5 − 3 × 1, after 6");
    assert_eq!(charge(&service, "d", &ada, "1").await, "1", "after 2 + 3 + 2");
    let held = hold(&service, "i", &ada, "calls", "5").await.ok();
    assert_eq!(held["credits"].to_string(), "3.5", "2 × 1 + 3 × 0.5 after 8");
    release(&service, &held).await.ok();
    assert_eq!(charge(&service, "e", &ada, "1").await, "1", "after 8");
    let asked = with(&event("j", &ada, "calls", "2"), "expires_in_s", json!(60));
    service.caller.post("/usage/holds", &asked).await.ok();
    assert_eq!(charge(&service, "f", &ada, "1").await, "0.5", "after 9 and the 2 of a hold");

    // Nothing is remembered: the same from the books.
    let (secret, key_id) = (service.secret.clone(), service.key_id.clone());
    world = world.restart().await;
    let service = Service { caller: world.caller(&secret), secret, key_id };
    assert_eq!(charge(&service, "g", &ada, "1").await, "0.5", "after 10 and the 2 of the hold");
    world.clock.advance(61 * SECOND);
    assert_eq!(charge(&service, "k", &ada, "1").await, "0.5", "after 11: the hold is over");
    let reader = world.as_member(&ada).await;
    for (id, quantity) in
        [("h", "0"), ("a", "6"), ("b", "8"), ("d", "7"), ("e", "8"), ("f", "11"), ("g", "12"), ("k", "11")]
    {
        assert_eq!(before(&reader, id).await, quantity, "{id}");
    }
    verify(&reader).await;
}

#[tokio::test]
async fn a_hold_of_nothing_that_is_settled_above_counts_from_its_place() {
    let world = world_with(vec![price("calls", GRADUATED)]).await;
    let (ada, service) = (world.member_with("ada", PLENTY).await, service(&world).await);
    assert_eq!(charge(&service, "a", &ada, "8").await, "8");
    let held = hold(&service, "h", &ada, "calls", "0").await.ok();
    let over = json!({"quantity": 5, "allow_over": true});
    assert_eq!(super::close(&service, &held, "settle", &over).await.ok()["credits"].to_string(), "3.5");
    assert_eq!(charge(&service, "b", &ada, "2").await, "1", "after 13");
    let reader = world.as_member(&ada).await;
    for (id, quantity) in [("h", "8"), ("b", "13")] {
        assert_eq!(before(&reader, id).await, quantity, "{id}");
    }
}

#[tokio::test]
async fn a_settlement_is_priced_by_the_month_and_the_price_of_its_hold() {
    let world = world_with(vec![price("calls", GRADUATED)]).await;
    let (ada, service) = (world.member_with("ada", PLENTY).await, service(&world).await);
    let asked = with(&event("h", &ada, "calls", "12"), "expires_in_s", json!(86_400));
    world.clock.set(server::calendar::parse_rfc3339("2026-12-31T23:59:00Z").unwrap());
    let held = service.caller.post("/usage/holds", &asked).await.ok();
    assert_eq!(held["credits"], 11);
    let dear = world.console.clock.now().saturating_add(60 * SECOND);
    let doubled = GRADUATED.replace("0.5", "2");
    world.console.import_rate_card(dear, vec![price("calls", &doubled)]).await.unwrap();
    world.clock.advance(120 * SECOND);
    assert_eq!(charge(&service, "new-year", &ada, "11").await, "12", "10 × 1 + 1 × 2, of January");
    let settled = settle(&service, &held, "11").await.ok();
    assert_eq!(
        (&settled["credits"].to_string()[..], &settled["price_version"]),
        ("10.5", &held["price_version"])
    );
    let reader = world.as_member(&ada).await;
    let december = reader.get("/usage/history?from=2026-12-01T00:00:00Z&to=2027-01-01T00:00:00Z").await.ok();
    assert_eq!(december["total"].to_string(), "10.5");
    verify(&reader).await;
}
