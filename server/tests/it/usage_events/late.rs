//! Events that happened before they were reported.

use serde_json::json;

use crate::harness::World;
use crate::harness::events::{EVENTS, prediction, with};

#[tokio::test]
async fn service_reports_at_both_ends_of_the_window() {
    let world = World::start().await;
    let (member, service) = (world.member_with("ada", "10").await, world.service().await);
    for (id, time) in [("early", "2026-10-18T12:00:00Z"), ("ahead", "2026-11-22T12:05:00Z")] {
        service.caller.post(EVENTS, &with(&prediction(id, &member), "occurred_at", json!(time))).await.ok();
    }
    world.verify(&member).await;
}

#[tokio::test]
async fn service_reports_late_and_it_is_charted_when_it_happened() {
    let world = World::start().await;
    let (member, service) = (world.member_with("ada", "10").await, world.service().await);
    let caller = world.as_member(&member).await;
    let late = with(&prediction("late", &member), "occurred_at", json!("2026-11-20T08:07:00Z"));
    service.caller.post(EVENTS, &late).await.ok();
    let day = caller
        .get("/usage/history?from=2026-11-20T00:00:00Z&to=2026-11-21T00:00:00Z&granularity=15m")
        .await
        .ok();
    let points = day["series"][0]["points"].as_array().unwrap();
    let spent: Vec<_> = points.iter().filter(|point| point["count"] != 0).collect();
    assert_eq!(spent.len(), 1, "{spent:?}");
    assert_eq!((&spent[0]["start"], &spent[0]["credits"]), (&json!("2026-11-20T08:00:00Z"), &json!(0.1)));
    let event = caller.get("/usage/events").await.ok()["events"][0].clone();
    assert_eq!(event["occurred_at"], "2026-11-20T08:07:00Z");
    assert_eq!(event["recorded_at"], "2026-11-22T12:00:00Z");
}
