//! Graduated prices over batches, restarts, refusals and versions of the rate card.

use ledger::time::{DAY, SECOND};
use ledger::{Credits, Quantity};
use serde_json::{Value, json};
use server::clock::Clock as _;

use super::{PLENTY, price, world_with};
use crate::harness::client::{amount, assert_error};
use crate::harness::events::{EVENTS, event, with};
use crate::harness::{Member, World};

/// 1 credit up to 10 calls of a month, then 0.5.
const GRADUATED: &str =
    r#"{"graduated": {"tiers": [{"up_to": 10, "credits_per_unit": 1}, {"credits_per_unit": 0.5}]}}"#;

async fn world() -> World {
    world_with(vec![price("calls", GRADUATED), price("other", GRADUATED)]).await
}

fn question(member: &Member, quantity: &str) -> Value {
    json!({"user_id": member.user_id.to_string(), "operation": "calls", "quantity": quantity})
}

#[tokio::test]
async fn service_sends_many_events_at_once_and_each_goes_on_where_the_last_ended() {
    let world = world().await;
    let (ada, service) = (world.member_with("ada", PLENTY).await, world.service().await);
    let eve = world.member_with("eve", PLENTY).await;
    let list = json!([
        event("a", &ada, "calls", "6"),
        event("b", &eve, "calls", "10"),
        event("c", &ada, "other", "10"),
        event("d", &ada, "calls", "6"),
        with(&event("e", &ada, "calls", "10"), "occurred_at", json!("2026-11-30T10:00:00Z")),
        event("a", &ada, "calls", "6"),
        event("f", &ada, "calls", "2"),
    ]);
    let answers = service.caller.post(EVENTS, &list).await.ok();
    let credits: Vec<String> =
        answers["results"].as_array().unwrap().iter().map(|one| one["credits"].to_string()).collect();
    assert_eq!(credits, ["6", "10", "10", "5", "10", "6", "1"], "d: 4 × 1 + 2 × 0.5");
    let receipt = world.as_member(&ada).await.get(&format!("{EVENTS}/test/f")).await.ok();
    assert_eq!(receipt["month"]["before"]["quantity"], 12);
    assert_eq!(
        (&receipt["month"]["month"], &receipt["price"]["model"]),
        (&json!("2026-12"), &json!("graduated"))
    );
    assert_eq!(receipt["slices"][0]["tier"], json!({"above": 10, "up_to": null}));
    assert_eq!(receipt["price"]["tiers"][0], json!({"up_to": 10, "credits_per_unit": 1}));
}

#[tokio::test]
async fn service_goes_on_after_a_restart_where_the_month_stood() {
    let mut world = world().await;
    let (ada, service) = (world.member_with("ada", PLENTY).await, world.service().await);
    let secret = service.secret.clone();
    for (id, quantity, credits) in [("a", "7", "7"), ("b", "7", "5"), ("c", "2", "1")] {
        let charged = world.caller(&secret).post(EVENTS, &event(id, &ada, "calls", quantity)).await.ok();
        assert_eq!(charged["credits"].to_string(), credits, "{id}");
        world = world.restart().await;
    }
    world.verify(&ada).await;
}

#[tokio::test]
async fn service_checks_by_the_payers_month_and_a_refusal_moves_nothing() {
    let world = world().await;
    let (ada, service) = (world.member_with("ada", "14").await, world.service().await);
    let check =
        async |quantity: &str| service.caller.post("/usage/check", &question(&ada, quantity)).await.ok();
    assert_eq!(check("12").await["credits"], 11);
    service.caller.post(EVENTS, &event("a", &ada, "calls", "8")).await.ok();
    for _ in 0..2 {
        let dear = check("12").await;
        assert_eq!((&dear["allowed"], &dear["credits"]), (&json!(false), &json!(7)), "2 × 1 + 10 × 0.5");
        let refused = service.caller.post(EVENTS, &event("b", &ada, "calls", "12")).await;
        assert_error(&refused, 402, "insufficient_credits", "");
        assert_eq!(check("10").await, json!({"allowed": true, "credits": 6, "balance": 6}));
    }
    let charged = service.caller.post(EVENTS, &event("b", &ada, "calls", "10")).await.ok();
    assert_eq!((&charged["credits"], &charged["balance"]), (&json!(6), &json!(0)), "2 × 1 + 8 × 0.5");
}

#[tokio::test]
async fn anon_estimates_a_month_that_begins_with_the_list() {
    let world = world().await;
    let (ada, service) = (world.member_with("ada", PLENTY).await, world.service().await);
    service.caller.post(EVENTS, &event("a", &ada, "calls", "500")).await.ok();
    let asked = json!({"items": [
        {"operation": "calls", "quantity": 8}, {"operation": "other", "quantity": 1}, {"operation": "calls", "quantity": 4},
    ]});
    let told = world.anon().post("/rate-card/estimate", &asked).await.ok();
    let credits: Vec<_> =
        told["items"].as_array().unwrap().iter().map(|item| item["credits"].clone()).collect();
    assert_eq!((credits, &told["total"]), (vec![json!(8), json!(1), json!(3)], &json!(12)));
    assert!(told["assumed"].as_str().unwrap().contains("as if nothing had been used"), "{told}");
    assert_eq!(told["items"][2]["month"]["before"]["quantity"], 8);
    assert_eq!(
        told["items"][2]["slices"][1],
        json!({
            "quantity": 2, "credits_per_unit": 0.5, "exact": 1, "tier": {"above": 10, "up_to": null},
        })
    );
}

#[tokio::test]
async fn service_goes_on_under_a_new_card_with_what_the_month_has_had() {
    let flat = r#"{"flat": {"credits_per_unit": 2}}"#;
    let world = world_with(vec![price("calls", flat)]).await;
    let (ada, service) = (world.member_with("ada", PLENTY).await, world.service().await);
    let charge = async |id: &str, at: Option<&str>| {
        let mut report = event(id, &ada, "calls", "6");
        if let Some(at) = at {
            report = with(&report, "occurred_at", json!(at));
        }
        service.caller.post(EVENTS, &report).await.ok()["credits"].clone()
    };
    assert_eq!(charge("a", None).await, 12);
    let from = world.clock.now().saturating_add(DAY);
    world.console.import_rate_card(from, vec![price("calls", GRADUATED)]).await.unwrap();
    world.clock.set(from.saturating_add(SECOND));
    assert_eq!(charge("b", None).await, 5, "6 of the month under the old price, so 4 × 1 + 2 × 0.5");
    assert_eq!(charge("c", Some("2026-12-10T13:00:00Z")).await, 12, "late, at the old price");
    assert_eq!(charge("d", None).await, 3, "the late one counts as well");
    let receipt = world.as_member(&ada).await.get(&format!("{EVENTS}/test/d")).await.ok();
    assert_eq!(receipt["month"]["before"]["quantity"], 18);
    world.verify(&ada).await;
}

/// Whole and half calls in two months, in batches of all sizes, held against the price of each month's whole quantity.
#[tokio::test]
async fn service_is_charged_for_the_whole_of_each_month_however_it_is_cut() {
    let tiers = r#"{"graduated": {"tiers": [{"up_to": 30, "credits_per_unit": 0.000003}, {"up_to": 77.5, "credits_per_unit": 0}, {"credits_per_unit": 0.000001}]}}"#;
    let world = world_with(vec![price("calls", tiers)]).await;
    let (ada, service) = (world.member_with("ada", PLENTY).await, world.service().await);
    let mut months = [(0_i64, Credits::ZERO); 2];
    let mut seed = 7_u64;
    let mut next = |below: u64| {
        // Constants of Knuth's MMIX generator.
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let mut sent = 0;
    while sent < 120 {
        let size = 1 + next(12);
        let mut list = vec![];
        for _ in 0..size {
            let (month, halves) = (usize::try_from(next(2)).unwrap(), i64::try_from(next(5)).unwrap());
            let quantity = Quantity::from_micros(halves * 500_000).unwrap();
            let report = event(&sent.to_string(), &ada, "calls", &quantity.to_string());
            let at = ["2026-11-25T10:00:00Z", "2026-12-05T10:00:00Z"][month];
            list.push((month, quantity, with(&report, "occurred_at", json!(at))));
            sent += 1;
        }
        let reports: Vec<_> = list.iter().map(|(_, _, report)| report.clone()).collect();
        let answers = service.caller.post(EVENTS, &json!(reports)).await.ok();
        for ((month, quantity, _), answer) in list.iter().zip(answers["results"].as_array().unwrap()) {
            let (used, cost) = &mut months[*month];
            *used += quantity.micros();
            *cost = cost.checked_add(amount(&answer["credits"])).unwrap();
        }
    }
    let price = price("calls", tiers);
    for (used, spent) in months {
        let whole = price.quote(Quantity::from_micros(used).unwrap()).unwrap().credits;
        assert_eq!(spent, whole, "{used}");
    }
    let caller = world.as_member(&ada).await;
    for id in (0..sent).step_by(7) {
        // A receipt that its own arithmetic doesn't bear out is refused.
        caller.get(&format!("{EVENTS}/test/{id}")).await.ok();
    }
}
