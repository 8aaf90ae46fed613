//! What is held counts as if it were spent, until it is settled or given back; a correction gives room back.

use ledger::time::SECOND;
use serde_json::json;

use super::{limit, limited, predictions, ready, secret, spend, spent};
use crate::harness::Service;
use crate::harness::client::{Answer, assert_error};

async fn hold(service: &Service, id: &str, key: &serde_json::Value, quantity: &str) -> Answer {
    service.caller.post("/usage/holds", &predictions(id, key, quantity)).await
}

async fn close(service: &Service, held: &serde_json::Value, how: &str, body: serde_json::Value) -> Answer {
    let hold_id = held["hold_id"].as_str().expect("an id");
    service.caller.post(&format!("/usage/holds/{hold_id}/{how}"), &body).await
}

#[tokio::test]
async fn a_hold_takes_room_and_what_is_not_used_comes_back() {
    let (world, ada, caller, service) = ready().await;
    let key = limited(&caller, limit("1", "day")).await;
    let first = hold(&service, "a", &key, "6").await.ok();
    assert_eq!(spent(&caller, &key).await, "0.6");
    assert_error(&hold(&service, "b", &key, "5").await, 402, "spend_limit_reached", "limit");
    assert_error(&spend(&service, "c", &key, "5").await, 402, "spend_limit_reached", "limit");
    let second = hold(&service, "b", &key, "4").await.ok();
    close(&service, &first, "settle", json!({"quantity": 2})).await.ok();
    assert_eq!(spent(&caller, &key).await, "0.6");
    close(&service, &second, "release", json!({})).await.ok();
    assert_eq!(spent(&caller, &key).await, "0.2");
    spend(&service, "c", &key, "8").await.ok();
    assert_error(&spend(&service, "d", &key, "1").await, 402, "spend_limit_reached", "limit");
    world.verify(&ada).await;
}

#[tokio::test]
async fn a_hold_is_settled_above_only_within_the_limit_and_stays_when_it_is_not() {
    let (_world, _, caller, service) = ready().await;
    let key = limited(&caller, limit("1", "day")).await;
    let held = hold(&service, "a", &key, "6").await.ok();
    let over = |quantity: &str| json!({"quantity": quantity, "allow_over": true});
    let refused = close(&service, &held, "settle", over("10.1")).await;
    assert_error(&refused, 402, "spend_limit_reached", "limit");
    let details = &refused.body["error"]["details"];
    assert_eq!((&details["required"], &details["missing"]), (&json!(0.41), &json!(0.01)));
    assert_eq!(spent(&caller, &key).await, "0.6", "the hold stays");
    close(&service, &held, "settle", over("10")).await.ok();
    assert_eq!(spent(&caller, &key).await, "1");
    let again = close(&service, &held, "settle", over("10")).await.ok();
    assert_eq!(again["replayed"], json!(true));
}

#[tokio::test]
async fn a_hold_that_reaches_its_deadline_gives_its_room_back() {
    let (world, _, caller, service) = ready().await;
    let key = limited(&caller, limit("1", "day")).await;
    hold(&service, "a", &key, "10").await.ok();
    world.clock.advance(900 * SECOND - 1);
    assert_error(&spend(&service, "b", &key, "1").await, 402, "spend_limit_reached", "limit");
    world.clock.advance(1);
    spend(&service, "b", &key, "10").await.ok();
    assert_error(&spend(&service, "c", &key, "1").await, 402, "spend_limit_reached", "limit");
}

#[tokio::test]
async fn a_hold_counts_for_the_day_on_which_it_was_made() {
    let (world, _, caller, service) = ready().await;
    let key = limited(&caller, limit("1", "day")).await;
    let body = |id: &str| {
        json!({
            "id": id, "source": "test", "api_key": secret(&key), "operation": "model.prediction", "quantity": "10",
            "expires_in_s": 86_400,
        })
    };
    let held = service.caller.post("/usage/holds", &body("a")).await.ok();
    world.clock.advance(13 * 3_600 * SECOND);
    spend(&service, "b", &key, "10").await.ok();
    // Whoever starts anew finds open holds in the books.
    let world = world.restart().await;
    let caller = world.caller(&service.secret);
    let service = Service { caller, ..service };
    assert_error(&spend(&service, "c", &key, "1").await, 402, "spend_limit_reached", "limit");
    let over = close(&service, &held, "settle", json!({"quantity": 11, "allow_over": true})).await;
    assert_error(&over, 402, "spend_limit_reached", "limit");
    assert_eq!(over.body["error"]["details"]["limit"]["period_start"], "2026-11-22T00:00:00Z");
    close(&service, &held, "settle", json!({"quantity": 9})).await.ok();
}

#[tokio::test]
async fn a_correction_gives_room_back_in_the_period_of_its_event() {
    let (world, ada, caller, service) = ready().await;
    let key = limited(&caller, limit("1", "day")).await;
    spend(&service, "a", &key, "10").await.ok();
    let correct = async |id: &str, quantity: &str| {
        let body = json!({"id": id, "quantity": quantity, "reason": "half of it failed"});
        service.caller.post("/usage/events/test/a/corrections", &body).await
    };
    correct("1", "5").await.ok();
    assert_eq!(spent(&caller, &key).await, "0.5");
    spend(&service, "b", &key, "5").await.ok();
    assert_error(&spend(&service, "c", &key, "1").await, 402, "spend_limit_reached", "limit");
    world.clock.advance(12 * 3_600 * SECOND);
    spend(&service, "c", &key, "10").await.ok();
    correct("2", "0").await.ok();
    assert_eq!(spent(&caller, &key).await, "1", "of yesterday's room nothing comes to today");
    assert_error(&spend(&service, "d", &key, "1").await, 402, "spend_limit_reached", "limit");
    world.verify(&ada).await;
}
