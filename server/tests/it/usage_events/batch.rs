//! An array of events: each stands for itself, in order.

use serde_json::{Value, json};

use crate::harness::client::{amount, assert_error, assert_refusal};
use crate::harness::events::{EVENTS, event, prediction, with, without};
use crate::harness::{World, credits};

fn counts(answer: &Value) -> (u64, u64, u64) {
    let count = |name: &str| answer[name].as_u64().expect("a count");
    (count("accepted"), count("replayed"), count("rejected"))
}

#[tokio::test]
async fn service_gets_a_result_for_each_item_in_order() {
    let world = World::start().await;
    let (member, service) = (world.member_with("ada", "100").await, world.service().await);
    let good = |id: &str| prediction(id, &member);
    let items = json!([
        good("a"),
        with(&good("b"), "quantity", json!(-1)),
        good("a"),
        "no object",
        with(&good("a"), "quantity", json!(2)),
        without(&good("c"), "user_id"),
        with(&good("d"), "colour", json!("red")),
        event("e", &member, "model.build", "2"),
        with(&good("f"), "user_id", json!("user_00000000000000000000000000000000")),
        event("g", &member, "account.read", "1"),
        with(&good("h"), "source", json!(7)),
    ]);
    let answer = service.caller.post(EVENTS, &items).await.ok();
    assert_eq!(counts(&answer), (2, 1, 8), "{answer}");
    let results = answer["results"].as_array().unwrap();
    assert_eq!(results.len(), 11);
    for (place, result) in results.iter().enumerate() {
        assert_eq!(result["index"], place);
    }
    for place in [0, 2, 9] {
        assert_eq!(results[place]["status"], 200, "{answer}");
    }
    assert_eq!((&results[0]["replayed"], &results[2]["replayed"]), (&json!(false), &json!(true)));
    assert_eq!(results[0]["event_id"], results[2]["event_id"]);
    for (place, status, code, mentions) in [
        (1, 422, "validation_failed", "quantity"),
        (3, 400, "invalid_request", "object"),
        (4, 409, "conflict", "quantity"),
        (5, 422, "validation_failed", "user_id"),
        (6, 422, "validation_failed", "colour"),
        (7, 402, "insufficient_credits", "99.9"),
        (8, 404, "not_found", "user_id"),
        (10, 400, "invalid_request", "source"),
    ] {
        assert_eq!(results[place]["status"], status, "{place}: {answer}");
        assert_refusal(&results[place]["error"], status, code, mentions);
    }
    assert_eq!(world.balance(&member).await, credits("99.9"));
    assert_eq!(world.books().await.events, 2);
    world.verify(&member).await;
}

#[tokio::test]
async fn service_sends_what_fits_after_what_does_not() {
    let world = World::start().await;
    let (member, service) = (world.member_with("ada", "0.35").await, world.service().await);
    let items: Vec<Value> = [("a", "2"), ("b", "2"), ("c", "1"), ("d", "1"), ("e", "0.5")]
        .into_iter()
        .map(|(id, quantity)| event(id, &member, "model.prediction", quantity))
        .collect();
    let answer = service.caller.post(EVENTS, &json!(items)).await.ok();
    let balances: Vec<Value> =
        answer["results"].as_array().unwrap().iter().map(|item| item["status"].clone()).collect();
    assert_eq!(json!(balances), json!([200, 402, 200, 402, 200]));
    assert_eq!(world.balance(&member).await, credits("0"));
}

#[tokio::test]
async fn service_sends_a_thousand_items_for_many_accounts_twice() {
    let world = World::start().await;
    let service = world.service().await;
    let mut members = vec![];
    for n in 0..10 {
        members.push(world.member_with(&format!("member{n}"), "100").await);
    }
    let item = |n: usize| prediction(&format!("id-{n}"), &members[n % members.len()]);
    let items: Value = (0..1_000).map(item).collect();
    let first = service.caller.post(EVENTS, &items).await.ok();
    assert_eq!(counts(&first), (1_000, 0, 0));
    for (n, result) in first["results"].as_array().unwrap().iter().enumerate() {
        assert_eq!(
            amount(&result["balance"]).micros(),
            100_000_000 - 100_000 * (1 + i64::try_from(n / 10).unwrap())
        );
    }
    let before = world.books().await;
    let second = service.caller.post(EVENTS, &items).await.ok();
    assert_eq!(counts(&second), (0, 1_000, 0));
    for (first, second) in
        first["results"].as_array().unwrap().iter().zip(second["results"].as_array().unwrap())
    {
        assert_eq!(*second, with(first, "replayed", json!(true)));
    }
    assert_eq!(world.books().await, before);
    for member in &members {
        assert_eq!(world.balance(member).await, credits("90"));
        world.verify(member).await;
    }
}

#[tokio::test]
async fn service_sends_1_001_items_and_none_is_written() {
    let world = World::start().await;
    let (member, service) = (world.member_with("ada", "1000").await, world.service().await);
    let before = world.books().await;
    let items: Value = (0..1_001).map(|n| prediction(&format!("id-{n}"), &member)).collect();
    let refused = service.caller.post(EVENTS, &items).await;
    assert_error(&refused, 413, "payload_too_large", "1000");
    assert_eq!(world.books().await, before);
}

#[tokio::test]
async fn service_sends_an_empty_array_and_nothing_happens() {
    let world = World::start().await;
    let service = world.service().await;
    let answer = service.caller.post_text(EVENTS, "[]").await.ok();
    assert_eq!(answer, json!({"results": [], "accepted": 0, "replayed": 0, "rejected": 0}));
}

#[tokio::test]
async fn service_sends_a_broken_array_and_nothing_is_written() {
    let world = World::start().await;
    let (member, service) = (world.member_with("ada", "100").await, world.service().await);
    let before = world.books().await;
    let text = format!("[{}, {{]", prediction("a", &member));
    assert_error(&service.caller.post_text(EVENTS, text).await, 400, "invalid_request", "line 1");
    assert_eq!(world.books().await, before);
}
