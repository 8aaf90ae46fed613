//! One event, one answer: charged, replayed or refused for want of credits.

use serde_json::json;

use crate::harness::client::{amount, assert_error};
use crate::harness::events::{EVENTS, event, prediction, with};
use crate::harness::{World, credits};

#[tokio::test]
async fn service_charges_an_event_and_is_told_the_balance() {
    let world = World::start().await;
    let (member, service) = (world.member_with("ada", "100").await, world.service().await);
    let built = service.caller.post(EVENTS, &event("job-1", &member, "model.build", "1.5")).await.ok();
    assert_eq!(amount(&built["credits"]), credits("75"));
    assert_eq!(amount(&built["balance"]), credits("25"));
    assert_eq!((&built["source"], &built["id"]), (&json!("test"), &json!("job-1")));
    assert_eq!(
        (&built["replayed"], &built["price_version"], &built["seq"]),
        (&json!(false), &json!(1), &json!(2))
    );
    assert_eq!(built["event_id"], format!("evt_{}2", &member.account.to_string()["acct_".len()..]));
    assert_eq!(built.as_object().unwrap().len(), 8, "{built}");
    assert_eq!(world.balance(&member).await, credits("25"));
    world.verify(&member).await;
}

#[tokio::test]
async fn service_sends_the_same_event_again_and_gets_the_same_receipt() {
    let world = World::start().await;
    let (member, service) = (world.member_with("ada", "100").await, world.service().await);
    let sent = with(&prediction("job-1", &member), "dimensions", json!({"model": "churn", "team": "a"}));
    let first = service.caller.post(EVENTS, &sent).await.ok();
    service.caller.post(EVENTS, &prediction("job-2", &member)).await.ok();
    let before = world.books().await;
    let again = service.caller.post(EVENTS, &sent).await.ok();
    assert_eq!(again, with(&first, "replayed", json!(true)));
    assert_eq!(world.books().await, before);
}

#[tokio::test]
async fn service_may_spell_a_quantity_as_it_likes() {
    let world = World::start().await;
    let (member, service) = (world.member_with("ada", "100").await, world.service().await);
    let first = service.caller.post(EVENTS, &event("job-1", &member, "model.build", "1")).await.ok();
    for spelling in ["1", "1.0", "1e0", "10E-1", "\"1\"", "\"1.000000\"", "1.0000000000"] {
        let text = with(&prediction("job-1", &member), "operation", json!("model.build")).to_string();
        let text = text.replace("\"quantity\":\"1\"", &format!("\"quantity\":{spelling}"));
        assert!(text.contains(spelling), "{text}");
        let again = service.caller.post_text(EVENTS, text).await.ok();
        assert_eq!(again, with(&first, "replayed", json!(true)), "{spelling}");
    }
}

#[tokio::test]
async fn service_charges_the_bounds_of_quantity_exactly() {
    let world = World::start().await;
    let (member, service) = (world.member_with("ada", "100000000").await, world.service().await);
    for (id, quantity, cost) in
        [("none", "0", "0"), ("least", "0.000001", "0"), ("most", "1000000000", "100000000")]
    {
        let charged =
            service.caller.post(EVENTS, &event(id, &member, "model.prediction", quantity)).await.ok();
        assert_eq!(amount(&charged["credits"]), credits(cost), "{quantity}");
    }
    assert_eq!(world.balance(&member).await, credits("0"));
    world.verify(&member).await;
}

#[tokio::test]
async fn service_names_events_with_every_allowed_character() {
    let world = World::start().await;
    let (member, service) = (world.member_with("ada", "100").await, world.service().await);
    let all: String = ('\u{21}'..='\u{7e}').collect();
    for (source, id) in
        [(&all[..64], all.as_str()), ("s", "i"), ("...", "..."), (&"s".repeat(64), &"i".repeat(128))]
    {
        let sent = with(&prediction(id, &member), "source", json!(source));
        let charged = service.caller.post(EVENTS, &sent).await.ok();
        assert_eq!((&charged["source"], &charged["id"]), (&json!(source), &json!(id)));
    }
    world.verify(&member).await;
}

#[tokio::test]
async fn service_is_refused_at_zero_with_what_is_missing_and_free_events_pass() {
    let world = World::start().await;
    let (member, service) = (world.member_with("ada", "0.25").await, world.service().await);
    for id in ["a", "b"] {
        service.caller.post(EVENTS, &prediction(id, &member)).await.ok();
    }
    let before = world.books().await;
    let refused = service.caller.post(EVENTS, &prediction("c", &member)).await;
    assert_error(&refused, 402, "insufficient_credits", "0.05");
    let details = &refused.body["error"]["details"];
    assert_eq!(amount(&details["balance"]), credits("0.05"));
    assert_eq!(amount(&details["required"]), credits("0.1"));
    assert_eq!(amount(&details["missing"]), credits("0.05"));
    assert_eq!(details["seq"], 3);
    let actions = details["actions"].as_array().unwrap();
    assert!(!actions.is_empty() && actions.iter().all(|action| action["action"].is_string()), "{details}");
    assert_eq!(world.books().await, before);
    let free = service.caller.post(EVENTS, &event("d", &member, "account.read", "5")).await.ok();
    assert_eq!((amount(&free["credits"]), amount(&free["balance"])), (credits("0"), credits("0.05")));
    assert_eq!(free["seq"], 4);
    world.verify(&member).await;
}

#[tokio::test]
async fn service_may_try_a_refused_id_again_once_there_are_credits() {
    let world = World::start().await;
    let (member, service) = (world.member("ada").await, world.service().await);
    assert_error(
        &service.caller.post(EVENTS, &prediction("a", &member)).await,
        402,
        "insufficient_credits",
        "0.1",
    );
    world.grant(&member, "1").await;
    let charged = service.caller.post(EVENTS, &prediction("a", &member)).await.ok();
    assert_eq!((&charged["replayed"], amount(&charged["balance"])), (&json!(false), credits("0.9")));
}

#[tokio::test]
async fn service_is_answered_with_the_receipt_even_when_much_has_changed() {
    let world = World::start().await;
    let (member, service) = (world.member_with("ada", "0.1").await, world.service().await);
    let at = with(&prediction("a", &member), "occurred_at", json!("2026-11-22T11:00:00Z"));
    let first = service.caller.post(EVENTS, &at).await.ok();
    world.clock.advance(40 * ledger::time::DAY);
    world.console.set_user_status("ada@example.com", server::store::AccountStatus::Suspended).await.unwrap();
    let again = service.caller.post(EVENTS, &at).await.ok();
    assert_eq!(again, with(&first, "replayed", json!(true)));
}

#[tokio::test]
async fn service_pays_from_several_grants_with_one_event() {
    let world = World::start().await;
    let (member, service) = (world.member_with("ada", "0.06").await, world.service().await);
    world.grant(&member, "0.03").await;
    world.grant(&member, "1").await;
    let charged = service.caller.post(EVENTS, &prediction("a", &member)).await.ok();
    assert_eq!((amount(&charged["credits"]), amount(&charged["balance"])), (credits("0.1"), credits("0.99")));
    assert_eq!(charged["seq"], 6, "three legs follow three grants");
    let again = service.caller.post(EVENTS, &prediction("a", &member)).await.ok();
    assert_eq!(again, with(&charged, "replayed", json!(true)));
    world.verify(&member).await;
}
