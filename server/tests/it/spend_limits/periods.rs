//! Days, weeks and months as the account's zone counts them, by the time at which events happen.

use ledger::Timestamp;
use serde_json::{Value, json};
use server::calendar::parse_rfc3339;
use server::clock::Clock as _;
use server::store::UserChange;

use super::{limit, limited, path, predictions, ready, spend, spent};
use crate::harness::client::assert_error;
use crate::harness::events::{EVENTS, with};
use crate::harness::{Member, World};

fn at(text: &str) -> Timestamp {
    parse_rfc3339(text).unwrap()
}

/// Lets time pass until then.
fn until(world: &World, text: &str) {
    world.clock.advance(at(text).saturating_since(world.clock.now()));
}

async fn move_to(world: &World, member: &Member, zone: &str) {
    let change = UserChange { time_zone: Some(zone.to_owned()), ..UserChange::default() };
    world.console.store.update_user(member.user_id, &change).await.unwrap();
}

#[tokio::test]
async fn a_day_ends_at_midnight_of_the_account_s_zone_also_when_clocks_change() {
    let (world, ada, caller, service) = ready().await;
    move_to(&world, &ada, "Europe/Berlin").await;
    let key = limited(&caller, limit("0.1", "day")).await;
    // The day on which clocks go forward has 23 hours, the one on which they go back has 25.
    let days = [
        ("2027-03-27T23:00:00Z", "2027-03-28T22:00:00Z"),
        ("2027-03-28T22:00:00Z", "2027-03-29T22:00:00Z"),
        ("2027-10-30T22:00:00Z", "2027-10-31T23:00:00Z"),
    ];
    for (start, end) in days {
        until(&world, start);
        spend(&service, &format!("{start}-first"), &key, "1").await.ok();
        world.clock.advance(at(end).saturating_since(at(start)) - 1);
        let refused = spend(&service, &format!("{start}-last"), &key, "1").await;
        assert_error(&refused, 402, "spend_limit_reached", "limit");
        let of_limit = &refused.body["error"]["details"]["limit"];
        assert_eq!((&of_limit["period_start"], &of_limit["period_end"]), (&json!(start), &json!(end)));
        world.clock.advance(1);
        assert_eq!(spent(&caller, &key).await, "0", "{end}");
    }
    world.verify(&ada).await;
}

#[tokio::test]
async fn a_week_begins_on_monday_and_a_month_on_its_first_day() {
    let (world, _, caller, service) = ready().await;
    let week = limited(&caller, limit("0.1", "week")).await;
    let month = limited(&caller, limit("0.1", "month")).await;
    for (key, name) in [(&week, "week"), (&month, "month")] {
        spend(&service, name, key, "1").await.ok();
    }
    until(&world, "2026-11-22T23:59:59.999999Z");
    assert_error(&spend(&service, "sunday", &week, "1").await, 402, "spend_limit_reached", "week");
    world.clock.advance(1);
    spend(&service, "monday", &week, "1").await.ok();
    until(&world, "2026-11-29T23:59:59.999999Z");
    assert_error(&spend(&service, "sunday-2", &week, "1").await, 402, "spend_limit_reached", "week");
    until(&world, "2026-11-30T00:00:00Z");
    assert_error(&spend(&service, "late", &month, "1").await, 402, "spend_limit_reached", "month");
    spend(&service, "monday-2", &week, "1").await.ok();
    until(&world, "2026-12-01T00:00:00Z");
    assert_error(&spend(&service, "tuesday", &week, "1").await, 402, "spend_limit_reached", "week");
    spend(&service, "december", &month, "1").await.ok();
}

#[tokio::test]
async fn another_zone_is_another_day_at_once() {
    let (world, ada, caller, service) = ready().await;
    let key = limited(&caller, limit("0.1", "day")).await;
    until(&world, "2026-11-22T23:30:00Z");
    spend(&service, "a", &key, "1").await.ok();
    assert_error(&spend(&service, "b", &key, "1").await, 402, "spend_limit_reached", "limit");
    // There it is half past noon of the day after; the day began at 11:00Z.
    move_to(&world, &ada, "Pacific/Auckland").await;
    let refused = spend(&service, "b", &key, "1").await;
    assert_eq!(refused.body["error"]["details"]["limit"]["period_start"], "2026-11-22T11:00:00Z");
    // There midnight was half an hour ago.
    move_to(&world, &ada, "Europe/Berlin").await;
    let refused = spend(&service, "b", &key, "1").await;
    assert_eq!(refused.body["error"]["details"]["limit"]["period_start"], "2026-11-22T23:00:00Z");
    world.clock.advance(3_600_000_000);
    move_to(&world, &ada, "UTC").await;
    spend(&service, "b", &key, "1").await.ok();
}

#[tokio::test]
async fn late_events_count_for_the_day_on_which_they_happened() {
    let (world, ada, caller, service) = ready().await;
    let key = limited(&caller, limit("0.2", "day")).await;
    let late =
        |id: &str, when: &str| -> Value { with(&predictions(id, &key, "1"), "occurred_at", json!(when)) };
    let post = async |event: Value| service.caller.post(EVENTS, &event).await;
    post(late("a", "2026-11-20T10:00:00Z")).await.ok();
    post(late("b", "2026-11-20T23:59:59Z")).await.ok();
    let refused = post(late("c", "2026-11-20T00:00:00Z")).await;
    assert_error(&refused, 402, "spend_limit_reached", "limit");
    assert_eq!(refused.body["error"]["details"]["limit"]["period_start"], "2026-11-20T00:00:00Z");
    post(late("c", "2026-11-21T00:00:00Z")).await.ok();
    assert_eq!(spent(&caller, &key).await, "0", "of today nothing");
    spend(&service, "d", &key, "2").await.ok();
    assert_eq!(spent(&caller, &key).await, "0.2");
    // Whoever starts anew reads what others remember.
    let world = world.restart().await;
    let service = world.caller(&service.secret);
    let refused = service.post(EVENTS, &late("e", "2026-11-20T12:00:00Z")).await;
    assert_error(&refused, 402, "spend_limit_reached", "limit");
    service.post(EVENTS, &late("e", "2026-11-21T12:00:00Z")).await.ok();
    world.verify(&ada).await;
}

#[tokio::test]
async fn prices_that_change_count_as_they_were_charged() {
    let (world, _, caller, service) = ready().await;
    let key = limited(&caller, limit("1", "month")).await;
    spend(&service, "a", &key, "5").await.ok();
    let flat = json!({"flat": {"credits_per_unit": 0.25}});
    let prices =
        json!([{"operation": "model.prediction", "unit": "call", "pricing": flat, "rounding": "half_up"}]);
    let from = world.now_micros() + 60_000_000;
    match world.import_plain(from, &prices.to_string()).await {
        Ok(_) => {}
        Err(told) => panic!("{told:?}"),
    }
    world.clock.advance(60_000_000);
    assert_error(&spend(&service, "b", &key, "2.1").await, 402, "spend_limit_reached", "limit");
    spend(&service, "b", &key, "2").await.ok();
    assert_eq!(spent(&caller, &key).await, "1");
    assert_eq!(caller.get(&path(&key)).await.ok()["spend_limit"]["is_reached"], json!(true));
}
