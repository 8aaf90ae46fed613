//! A trace against a grant that is too small for it.

use ledger::Credits;
use serde_json::{Value, json};

use crate::harness::client::amount;
use crate::harness::events::{EVENTS, event};
use crate::harness::trace::{ROWS, calls};
use crate::harness::{World, credits};

/// Sends the trace in lists of `batch`; what was accepted, after checking each answer against the balance before it.
async fn replay(world: &World, batch: usize, granted: &str) -> Credits {
    let (ada, service) = (world.member_with("ada", granted).await, world.service().await);
    let calls = calls(ROWS);
    let mut balance = credits(granted);
    let mut spent = Credits::ZERO;
    let mut refused = 0;
    for (round, part) in calls.chunks(batch).enumerate() {
        let item = |(place, call): (usize, &crate::harness::trace::Call)| {
            event(&(round * batch + place).to_string(), &ada, "model.inference", &call.quantity())
        };
        let items: Vec<Value> = part.iter().enumerate().map(item).collect();
        let answer = service.caller.post(EVENTS, &json!(items)).await.ok();
        for (call, result) in part.iter().zip(answer["results"].as_array().unwrap()) {
            let cost = Credits::from_micros(call.micro_credits()).unwrap();
            if result["status"] == 200 {
                assert_eq!(amount(&result["credits"]), cost);
                balance = balance.checked_sub(cost).expect("never below zero");
                assert_eq!(amount(&result["balance"]), balance);
                spent = spent.checked_add(cost).unwrap();
            } else {
                assert_eq!(result["error"]["code"], "insufficient_credits", "{result}");
                let details = &result["error"]["details"];
                assert_eq!(amount(&details["balance"]), balance);
                assert_eq!(amount(&details["required"]), cost);
                assert_eq!(
                    amount(&details["missing"]),
                    cost.checked_sub(balance).expect("dearer than the balance")
                );
                assert!(cost > balance);
                refused += 1;
            }
        }
    }
    assert!(refused > 1_000, "the grant was too small: {refused} refused");
    assert_eq!(spent.checked_add(world.balance(&ada).await), Some(credits(granted)));
    assert_eq!(world.balance(&ada).await, balance);
    let history = world.as_member(&ada).await.get("/usage/history").await.ok();
    assert_eq!(amount(&history["total"]), spent);
    world.verify(&ada).await;
    spent
}

#[tokio::test]
async fn service_replays_a_trace_and_every_refused_event_was_dearer_than_the_balance() {
    let world = World::start().await;
    let spent = replay(&world, 500, "700.0001").await;
    // Small events still fit long after the first refusal, so hardly anything is left.
    assert!(spent > credits("699.99"), "{spent}");
}

#[tokio::test]
async fn service_gets_the_same_outcome_whatever_the_size_of_its_lists() {
    let (one, other) = (World::start().await, World::start().await);
    let (first, second) = tokio::join!(replay(&one, 1_000, "300"), replay(&other, 77, "300"));
    assert_eq!(first, second);
}
