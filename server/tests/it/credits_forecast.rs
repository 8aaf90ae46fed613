//! `GET /credits/forecast`: when an account's credits will be gone, from its own history.

use ledger::Timestamp;
use ledger::time::DAY;
use serde_json::{Value, json};

use crate::harness::client::{Caller, assert_error};
use crate::harness::events::{EVENTS, event};
use crate::harness::{Member, START, World};

const FORECAST: &str = "/credits/forecast";

fn after(days: i64) -> Timestamp {
    START.saturating_add(days * DAY)
}

/// Somebody who has spent 10 credits at noon on each of so many days, and has none left.
async fn lived(world: &World, name: &str, days: i64) -> (Member, Caller) {
    let (member, service) = (world.member(name).await, world.service().await);
    world.grant(&member, &(days * 10).to_string()).await;
    for day in 0..days {
        world.clock.set(after(day));
        let spent = event(&format!("{name}-{day}"), &member, "model.prediction", "100");
        service.caller.post(EVENTS, &spent).await.ok();
    }
    world.clock.set(after(days));
    let caller = world.as_member(&member).await;
    (member, caller)
}

fn alike(value: &Value) -> Value {
    json!({"p10": value, "p50": value, "p90": value})
}

#[tokio::test]
async fn member_with_a_habit_reads_when_credits_run_out_and_what_expires_before() {
    let world = World::start().await;
    let (ada, caller) = lived(&world, "ada", 56).await;
    world.grant(&ada, "100").await;
    let expiring = world.grant_until(&ada, "45", Some(after(59))).await;
    let found = caller.get(&format!("{FORECAST}?days=5")).await.ok();
    // Three days of 10 from what expires, then ten from the rest; each within an hour after noon.
    assert_eq!(found["runs_out"], alike(&json!("2027-01-29T13:00:00Z")));
    let unused = json!([{
        "grant_id": expiring.grant_id.to_string(), "expires_at": "2027-01-20T12:00:00Z", "p10": 15, "p50": 15, "p90": 15,
    }]);
    assert_eq!(found["expires_unused"], unused);
    let levels: Vec<(&str, i64)> = [
        ("2027-01-17T12:00:00Z", 145),
        ("2027-01-18T12:00:00Z", 135),
        ("2027-01-19T12:00:00Z", 125),
        ("2027-01-20T12:00:00Z", 100),
        ("2027-01-21T12:00:00Z", 90),
        ("2027-01-22T12:00:00Z", 80),
    ]
    .into();
    let burn_down: Value =
        levels.iter().map(|(at, left)| json!({"at": at, "p10": left, "p50": left, "p90": left})).collect();
    assert_eq!(found["burn_down"], burn_down);
    assert_eq!(found["demand"], alike(&json!(50)));
    let basis = json!({
        "from": "2026-11-22T12:00:00Z", "to": "2027-01-17T12:00:00Z", "weeks": 8, "weeks_needed": 6,
        "horizon_days": 366, "days": 5,
    });
    assert_eq!(found["basis"], basis);
    assert_eq!((&found["enough_history"], &found["backtest"]), (&json!(true), &Value::Null));
    assert_eq!(
        (&found["as_of"], &found["credits"], &found["debt"]),
        (&json!("2027-01-17T12:00:00Z"), &json!(145), &json!(0))
    );
    assert_eq!(caller.get("/usage/current").await.ok()["seq"], found["seq"]);
}

#[tokio::test]
async fn member_gets_the_same_forecast_again_and_another_after_spending() {
    let world = World::start().await;
    let (ada, caller) = lived(&world, "ada", 119).await;
    world.grant(&ada, "500").await;
    let before = world.books().await;
    let found = caller.get(FORECAST).await.ok();
    assert_eq!(found["burn_down"].as_array().map(Vec::len), Some(31), "30 days unless told otherwise");
    let backtest =
        json!({"days": 28, "looks": 8, "inside": 8, "median_error_percent": 0, "naive_error_percent": 0});
    assert_eq!(found["backtest"], backtest);
    assert_eq!(caller.get(&format!("/v1{FORECAST}")).await.ok(), found);
    let session = world.visitor(&ada, "token").await;
    assert_eq!(session.open(FORECAST).await.body, found);
    assert_eq!(world.books().await, before, "nothing was written");
    let service = world.service().await.caller;
    service.post(EVENTS, &event("more", &ada, "model.prediction", "1000")).await.ok();
    let later = caller.get(FORECAST).await.ok();
    assert_eq!(found["runs_out"]["p50"], "2027-05-09T13:00:00Z");
    assert_eq!(later["runs_out"]["p50"], "2027-04-29T13:00:00Z");
    world.verify(&ada).await;
}

#[tokio::test]
async fn member_with_little_history_is_told_that_it_is_not_enough() {
    let world = World::start().await;
    let (_, caller) = lived(&world, "ada", 41).await;
    let bob = world.member_with("bob", "7").await;
    for (caller, weeks, credits) in [(caller, 5, 0), (world.as_member(&bob).await, 0, 7)] {
        let found = caller.get(FORECAST).await.ok();
        assert_eq!((&found["enough_history"], &found["credits"]), (&json!(false), &json!(credits)));
        assert_eq!((&found["basis"]["weeks"], &found["basis"]["weeks_needed"]), (&json!(weeks), &json!(6)));
        for nothing in ["runs_out", "demand", "backtest"] {
            assert_eq!(found[nothing], Value::Null, "{nothing}");
        }
        for none in ["expires_unused", "burn_down"] {
            assert_eq!(found[none], json!([]), "{none}");
        }
    }
}

#[tokio::test]
async fn member_who_asks_for_what_is_not_there_is_told_what_is() {
    let world = World::start().await;
    let ada = world.member("ada").await;
    let caller = world.as_member(&ada).await;
    for (query, field) in [
        ("days=0", "days"),
        ("days=367", "days"),
        ("days=-1", "days"),
        ("days=a", "days"),
        ("seed=1", "seed"),
    ] {
        assert_error(&caller.get(&format!("{FORECAST}?{query}")).await, 422, "validation_failed", field);
    }
    assert_error(&caller.post(FORECAST, &json!({})).await, 405, "method_not_allowed", "");
    caller.get(&format!("{FORECAST}?days=366")).await.ok();
}

#[tokio::test]
async fn anon_and_service_read_no_forecast() {
    let world = World::start().await;
    assert_error(&world.anon().get(FORECAST).await, 401, "unauthorized", "key");
    let service = world.service().await;
    assert_error(&service.caller.get(FORECAST).await, 403, "insufficient_permissions", "service key");
}
