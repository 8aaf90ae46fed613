//! `GET /usage/current` is answered from memory, and is as fresh as the books all the same.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ledger::time::{DAY, SECOND};
use serde_json::{Value, json};

use crate::harness::client::{Caller, amount};
use crate::harness::events::{EVENTS, prediction, with};
use crate::harness::{START, World, credits};

const CURRENT: &str = "/usage/current";

async fn current(caller: &Caller) -> Value {
    caller.get(CURRENT).await.ok()
}

#[tokio::test]
async fn member_sees_every_charge_that_was_answered_before() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "100").await, world.service().await);
    let caller = world.as_member(&ada).await;
    for n in 1..=100_u32 {
        let charged = service.caller.post(EVENTS, &prediction(&n.to_string(), &ada)).await.ok();
        let found = current(&caller).await;
        assert_eq!((&found["seq"], &found["credits"]), (&charged["seq"], &charged["balance"]));
        let spent = credits("100").checked_sub(amount(&found["credits"]));
        assert_eq!(spent, Some(amount(&found["consumption"])), "after {n}");
    }
    world.verify(&ada).await;
}

#[tokio::test]
async fn members_who_read_while_a_service_charges_never_see_less_than_was_answered() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "1000").await, world.service().await);
    let caller = world.as_member(&ada).await;
    let (answered, over) = (AtomicU64::new(0), AtomicBool::new(false));
    let reading = async {
        let mut last = 0;
        while !over.load(Ordering::SeqCst) {
            let known = answered.load(Ordering::SeqCst);
            let found = current(&caller).await;
            let seq = found["seq"].as_u64().unwrap();
            assert!(seq >= known && seq >= last, "{seq} after {known} was answered and {last} was read");
            let spent = credits("1000").checked_sub(amount(&found["credits"]));
            assert_eq!(spent, Some(amount(&found["consumption"])), "both are of one moment");
            last = seq;
        }
    };
    let charging = async {
        for n in 0..200_u32 {
            let items: Value = (0..5).map(|item| prediction(&format!("{n}-{item}"), &ada)).collect();
            let answer = service.caller.post(EVENTS, &items).await.ok();
            answered.store(answer["results"][4]["seq"].as_u64().unwrap(), Ordering::SeqCst);
        }
        over.store(true, Ordering::SeqCst);
    };
    futures::join!(charging, reading, async {
        while !over.load(Ordering::SeqCst) {
            current(&caller).await;
        }
    });
    assert_eq!(current(&caller).await["seq"], 1_001);
}

#[tokio::test]
async fn member_sees_what_an_operator_gives_and_takes_back() {
    let world = World::start().await;
    let ada = world.member_with("ada", "1").await;
    let caller = world.as_member(&ada).await;
    assert_eq!(current(&caller).await["credits"], 1);
    let given = world.grant(&ada, "5").await;
    assert_eq!(current(&caller).await["credits"], 6);
    world.console.void_grant(given.grant_id, "a mistake").await.unwrap();
    let found = current(&caller).await;
    assert_eq!((&found["credits"], &found["seq"]), (&json!(1), &json!(3)));
}

#[tokio::test]
async fn member_sees_a_grant_begin_and_end_to_the_microsecond() {
    let world = World::start().await;
    let ada = world.member_with("ada", "1").await;
    let caller = world.as_member(&ada).await;
    world.grant_until(&ada, "5", Some(START.saturating_add(SECOND))).await;
    assert_eq!(current(&caller).await["credits"], 6);
    world.clock.advance(SECOND - 1);
    assert_eq!(current(&caller).await["credits"], 6);
    world.clock.advance(1);
    let found = current(&caller).await;
    assert_eq!((&found["credits"], &found["seq"]), (&json!(1), &json!(3)), "the expiry is in the books");
    world.verify(&ada).await;
}

#[tokio::test]
async fn member_sees_only_the_events_of_this_month_counted() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "100").await, world.service().await);
    let caller = world.as_member(&ada).await;
    assert_eq!(current(&caller).await["consumption"], 0);
    let late = with(&prediction("late", &ada), "occurred_at", json!("2026-10-31T23:59:59Z"));
    let first = with(&prediction("first", &ada), "occurred_at", json!("2026-11-01T00:00:00Z"));
    service.caller.post(EVENTS, &json!([late, first, prediction("now", &ada)])).await.ok();
    assert_eq!(current(&caller).await["consumption"], 0.2);
    world.clock.advance(9 * DAY);
    let found = current(&caller).await;
    assert_eq!((&found["consumption"], &found["period_start"]), (&json!(0), &json!("2026-12-01T00:00:00Z")));
    service.caller.post(EVENTS, &prediction("december", &ada)).await.ok();
    assert_eq!(current(&caller).await["consumption"], 0.1);
}

#[tokio::test]
async fn member_sees_the_same_after_a_restart() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "100").await, world.service().await);
    service.caller.post(EVENTS, &prediction("a", &ada)).await.ok();
    let before = current(&world.as_member(&ada).await).await;
    let world = world.restart().await;
    assert_eq!(current(&world.as_member(&ada).await).await, before);
}
