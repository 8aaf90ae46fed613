//! `on_insufficient: "debt"`: work that is done already is owed, up to the limit of the service's key.

use ledger::grant::GrantKind;
use ledger::time::SECOND;
use serde_json::{Value, json};
use server::console::grants::GrantForm;

use super::{correct, hold, newest, release, service, stands, verify};
use crate::harness::client::assert_error;
use crate::harness::events::{EVENTS, event, with};
use crate::harness::{Member, START, World, credits};

fn owing(id: &str, member: &Member, quantity: &str) -> Value {
    with(&event(id, member, "model.build", quantity), "on_insufficient", json!("debt"))
}

fn texts((movement, amount): (&str, &str)) -> (String, String) {
    (movement.to_owned(), amount.to_owned())
}

#[tokio::test]
async fn what_is_not_there_is_owed_up_to_the_limit() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "30").await, service(&world).await);
    let reader = world.as_member(&ada).await;
    let charged = service.caller.post(EVENTS, &owing("a", &ada, "1")).await.ok();
    assert_eq!((&charged["credits"], &charged["balance"]), (&json!(50), &json!(0)));
    assert_eq!(newest(&reader, 2).await, [("charge", "30"), ("owe", "20")].map(texts));
    assert_eq!(stands(&reader).await, ["0", "0", "20"]);
    let replayed = service.caller.post(EVENTS, &owing("a", &ada, "1")).await.ok();
    assert_eq!(replayed, with(&charged, "replayed", json!(true)));
    let plain = service.caller.post(EVENTS, &event("a", &ada, "model.build", "1")).await.ok();
    assert_eq!(plain["replayed"], true, "what to do without funds is no part of the event");

    let refused = service.caller.post(EVENTS, &event("b", &ada, "model.prediction", "1")).await;
    assert_error(&refused, 402, "insufficient_credits", "missing");
    let details = &refused.body["error"]["details"];
    assert_eq!(
        (details["required"].to_string(), details["missing"].to_string()),
        ("0.1".into(), "20.1".into())
    );
    service.caller.post(EVENTS, &event("c", &ada, "account.read", "1")).await.ok();
    assert_error(
        &hold(&service, "h", &ada, "model.prediction", "1").await,
        402,
        "insufficient_credits",
        "missing",
    );

    let beyond = service.caller.post(EVENTS, &owing("d", &ada, "0.600001")).await;
    assert_error(&beyond, 402, "insufficient_credits", "missing");
    service.caller.post(EVENTS, &owing("d", &ada, "0.6")).await.ok();
    assert_eq!(stands(&reader).await, ["0", "0", "50"]);
    let check = json!({"user_id": ada.user_id.to_string(), "operation": "model.prediction", "quantity": 1});
    assert_eq!(service.caller.post("/usage/check", &check).await.ok()["allowed"], false);
    verify(&reader).await;
}

#[tokio::test]
async fn a_key_without_a_limit_can_let_nobody_owe() {
    let world = World::start().await;
    let (ada, plain) = (world.member_with("ada", "30").await, world.service().await);
    let refused = plain.caller.post(EVENTS, &owing("a", &ada, "0.1")).await;
    assert_error(&refused, 403, "insufficient_permissions", "debt limit");
    let list = json!([event("b", &ada, "model.build", "0.1"), owing("c", &ada, "0.1")]);
    let answer = plain.caller.post(EVENTS, &list).await.ok();
    assert_eq!((&answer["accepted"], &answer["results"][1]["status"]), (&json!(1), &json!(403)));
}

#[tokio::test]
async fn a_grant_repays_first() {
    let world = World::start().await;
    let (ada, service) = (world.member("ada").await, service(&world).await);
    let reader = world.as_member(&ada).await;
    service.caller.post(EVENTS, &owing("a", &ada, "0.8")).await.ok();
    assert_eq!(stands(&reader).await, ["0", "0", "40"]);
    world.grant(&ada, "30").await;
    assert_eq!(stands(&reader).await, ["0", "0", "10"]);
    world.grant(&ada, "30").await;
    assert_eq!(stands(&reader).await, ["20", "0", "0"]);
    assert_eq!(newest(&reader, 2).await, [("issue", "30"), ("repay", "10")].map(texts));
    verify(&reader).await;
}

#[tokio::test]
async fn a_release_and_a_correction_repay_first() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "100").await, service(&world).await);
    let reader = world.as_member(&ada).await;
    let held = hold(&service, "h", &ada, "model.build", "1").await.ok();
    service.caller.post(EVENTS, &event("paid", &ada, "model.build", "1")).await.ok();
    service.caller.post(EVENTS, &owing("owed", &ada, "1")).await.ok();
    assert_eq!(stands(&reader).await, ["0", "50", "50"]);
    // The event of 50 shrinks to 20: 30 come back and repay.
    correct(&service, "paid", "c", "0.4").await.ok();
    assert_eq!(newest(&reader, 2).await, [("correct", "30"), ("repay", "30")].map(texts));
    assert_eq!(stands(&reader).await, ["0", "50", "20"]);
    release(&service, &held).await.ok();
    assert_eq!(newest(&reader, 2).await, [("release", "50"), ("repay", "20")].map(texts));
    assert_eq!(stands(&reader).await, ["30", "0", "0"]);
    verify(&reader).await;
}

#[tokio::test]
async fn a_grant_that_comes_into_force_repays_then() {
    let world = World::start().await;
    let (ada, service) = (world.member("ada").await, service(&world).await);
    let reader = world.as_member(&ada).await;
    service.caller.post(EVENTS, &owing("a", &ada, "0.8")).await.ok();
    let form = GrantForm {
        credits: credits("100"),
        kind: GrantKind::Purchase,
        reason: "a pack".to_owned(),
        effective_at: Some(START.saturating_add(60 * SECOND)),
        expires_at: None,
        priority: None,
    };
    world.console.grant(ada.account, form).await.unwrap();
    assert_eq!(stands(&reader).await, ["0", "0", "40"]);
    world.clock.set(START.saturating_add(3_600 * SECOND));
    assert_eq!(stands(&reader).await, ["60", "0", "0"]);
    let listed = reader.get("/credits/entries?limit=1").await.ok();
    assert_eq!(listed["entries"][0]["recorded_at"], "2026-11-22T12:01:00Z");
    verify(&reader).await;
}

#[tokio::test]
async fn a_correction_of_what_is_owed_forgives_it_and_gives_back_what_was_repaid() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "20").await, service(&world).await);
    let reader = world.as_member(&ada).await;
    // 20 paid, 40 owed; 10 of them repaid.
    service.caller.post(EVENTS, &owing("a", &ada, "1.2")).await.ok();
    world.grant(&ada, "10").await;
    assert_eq!(stands(&reader).await, ["0", "0", "30"]);
    let corrected = correct(&service, "a", "c1", "1").await.ok();
    assert_eq!((&corrected["refunded"], &corrected["credits"]), (&json!(10), &json!(50)));
    assert_eq!(stands(&reader).await, ["0", "0", "20"]);
    let stats = world.console.store.stats().await.unwrap();
    assert_eq!((stats.spent, stats.debt, stats.issued), (credits("50"), credits("20"), credits("30")));
    // 45 more: 20 forgiven, 10 that were repaid come back, 15 of those paid at first.
    correct(&service, "a", "c2", "0.1").await.ok();
    assert_eq!(
        newest(&reader, 3).await,
        [("forgive", "20"), ("correct", "10"), ("correct", "15")].map(texts)
    );
    assert_eq!(stands(&reader).await, ["25", "0", "0"]);
    verify(&reader).await;
}
