//! Limits of what keys may spend: decided where charges are, exact under races, by the periods of the account's zone.

mod bounds;
mod families;
mod holds;
mod periods;
mod races;

use serde_json::{Value, json};
use server::store::{Permission, Scope, Scopes};

use crate::harness::client::{Answer, Caller, assert_error};
use crate::harness::events::{EVENTS, with, without};
use crate::harness::{Member, Service, World};

pub const KEYS: &str = "/auth/api-keys";

/// A member with 100 credits who acts with an unlimited key, and a service that may do everything.
pub async fn ready() -> (World, Member, Caller, Service) {
    let world = World::start().await;
    let ada = world.member_with("ada", "100").await;
    let caller = world.as_member(&ada).await;
    let service = world.service_with(Scopes::of(Scope::ALL), None).await;
    (world, ada, caller, service)
}

pub fn limit(amount: &str, period: &str) -> Value {
    json!({"amount": amount, "period": period})
}

/// A new read-write key with a limit, as it was answered.
pub async fn limited(caller: &Caller, spend_limit: Value) -> Value {
    let body = json!({"name": "limited", "permission_level": "read_write", "spend_limit": spend_limit});
    caller.post(KEYS, &body).await.ok()
}

pub fn secret(key: &Value) -> &str {
    key["key"].as_str().expect("a secret")
}

pub fn path(key: &Value) -> String {
    format!("{KEYS}/{}", key["key_id"].as_str().expect("an id"))
}

/// Predictions at 0.1 credits, paid by a key.
pub fn predictions(id: &str, key: &Value, quantity: &str) -> Value {
    json!({
        "id": id, "source": "test", "api_key": secret(key), "operation": "model.prediction", "quantity": quantity,
    })
}

pub async fn spend(service: &Service, id: &str, key: &Value, quantity: &str) -> Answer {
    service.caller.post(EVENTS, &predictions(id, key, quantity)).await
}

/// What is spent of a key's limit, as its own page says.
pub async fn spent(caller: &Caller, key: &Value) -> String {
    caller.get(&path(key)).await.ok()["spend_limit"]["spent"].to_string()
}

#[tokio::test]
async fn member_makes_a_key_with_a_limit_and_sees_what_is_spent_of_it() {
    let (world, _, caller, service) = ready().await;
    // Newer than the one that asks.
    world.clock.advance(ledger::time::SECOND);
    let asked = json!({"amount": 2.5, "period": "month", "mode": "hard"});
    let made = limited(&caller, asked).await;
    let of_limit = json!({
        "amount": 2.5, "period": "month", "mode": "hard", "spent": 0, "is_reached": false,
        "period_start": "2026-11-01T00:00:00Z", "period_end": "2026-12-01T00:00:00Z",
    });
    assert_eq!(made["spend_limit"], of_limit);
    spend(&service, "a", &made, "20").await.ok();
    let used = with(&of_limit, "spent", json!(2));
    let one = caller.get(&path(&made)).await.ok();
    assert_eq!(one["spend_limit"], used);
    let list = caller.get(KEYS).await.ok();
    assert_eq!(list["keys"][0]["spend_limit"], used);
    assert!(list["keys"][1].get("spend_limit").is_none(), "a key without a limit has no field for it");
    spend(&service, "b", &made, "5").await.ok();
    let reached = caller.patch(&path(&made), &json!({"name": "renamed"})).await.ok();
    assert_eq!(reached["spend_limit"], with(&with(&used, "spent", json!(2.5)), "is_reached", json!(true)));
}

#[tokio::test]
async fn service_is_refused_above_the_limit_and_told_all_about_it() {
    let (_world, _, caller, service) = ready().await;
    let key = limited(&caller, limit("1", "day")).await;
    let first = spend(&service, "a", &key, "7").await.ok();
    let refused = spend(&service, "b", &key, "4").await;
    assert_error(&refused, 402, "spend_limit_reached", "spend limit is reached");
    let details = &refused.body["error"]["details"];
    assert_eq!(
        details["limit"],
        json!({
            "key_id": key["key_id"], "amount": 1, "period": "day", "mode": "hard", "spent": 0.7,
            "period_start": "2026-11-22T00:00:00Z", "period_end": "2026-11-23T00:00:00Z",
        })
    );
    assert_eq!(
        without(&without(details, "limit"), "actions"),
        json!({"balance": 99.3, "required": 0.4, "missing": 0.1, "seq": first["seq"]})
    );
    let actions: Vec<&Value> =
        details["actions"].as_array().unwrap().iter().map(|of| &of["action"]).collect();
    assert_eq!(actions, ["raise_limit", "wait"]);
    let question = |quantity: &str| json!({"api_key": secret(&key), "operation": "model.prediction", "quantity": quantity});
    let asked = service.caller.post("/usage/check", &question("4")).await.ok();
    assert_eq!((&asked["allowed"], &asked["details"]["limit"]), (&json!(false), &details["limit"]));
    assert_eq!(service.caller.post("/usage/check", &question("3")).await.ok()["allowed"], json!(true));
    assert_eq!(
        spend(&service, "a", &key, "7").await.ok()["replayed"],
        json!(true),
        "a retry gets its receipt"
    );
    spend(&service, "b", &key, "3").await.ok();
    assert_error(&spend(&service, "c", &key, "0.00001").await, 402, "spend_limit_reached", "1 credits a day");
    let free = json!({"id": "d", "source": "test", "api_key": secret(&key), "operation": "account.read", "quantity": 1});
    service.caller.post(EVENTS, &free).await.ok();
    assert_eq!(spent(&caller, &key).await, "1");
}

#[tokio::test]
async fn service_s_list_is_refused_item_by_item_at_the_limit() {
    let (world, ada, caller, service) = ready().await;
    let key = limited(&caller, limit("0.5", "day")).await;
    let items: Vec<Value> = (0..60).map(|n| predictions(&n.to_string(), &key, "1")).collect();
    let answer = service.caller.post(EVENTS, &Value::Array(items)).await.ok();
    assert_eq!((&answer["accepted"], &answer["rejected"]), (&json!(5), &json!(55)));
    assert_eq!(answer["results"][5]["error"]["code"], "spend_limit_reached");
    assert_eq!(spent(&caller, &key).await, "0.5");
    world.verify(&ada).await;
}

#[tokio::test]
async fn service_charges_whoever_is_named_otherwise_without_the_key_s_limit() {
    let (_world, ada, caller, service) = ready().await;
    let key = limited(&caller, limit("0.1", "day")).await;
    let other = limited(&caller, limit("5", "day")).await;
    spend(&service, "a", &key, "1").await.ok();
    assert_error(&spend(&service, "b", &key, "1").await, 402, "spend_limit_reached", "limit");
    let by_user = without(&with(&predictions("c", &key, "1"), "user_id", json!(ada.user_id)), "api_key");
    service.caller.post(EVENTS, &by_user).await.ok();
    spend(&service, "d", &other, "1").await.ok();
    assert_eq!((spent(&caller, &key).await, spent(&caller, &other).await), ("0.1".into(), "0.1".into()));
}

#[tokio::test]
async fn service_is_told_of_the_limit_before_the_funds() {
    let (_world, _, caller, service) = ready().await;
    let key = limited(&caller, limit("500", "day")).await;
    let answer = spend(&service, "a", &key, "4000").await;
    assert_error(&answer, 402, "insufficient_credits", "300");
    assert_error(&spend(&service, "b", &key, "5001").await, 402, "spend_limit_reached", "limit");
}

#[tokio::test]
async fn service_that_may_let_accounts_owe_stays_within_the_limit() {
    let (world, _, caller, _) = ready().await;
    let service = world.service_that_may_owe(Scopes::usual(), None, Some("1000")).await;
    let key = limited(&caller, limit("150", "day")).await;
    let owed =
        |id: &str, quantity: &str| with(&predictions(id, &key, quantity), "on_insufficient", json!("debt"));
    let charged = service.caller.post(EVENTS, &owed("a", "1200")).await.ok();
    assert_eq!(charged["balance"], json!(0));
    assert_error(&service.caller.post(EVENTS, &owed("b", "301")).await, 402, "spend_limit_reached", "limit");
    service.caller.post(EVENTS, &owed("c", "300")).await.ok();
}

#[tokio::test]
async fn member_is_only_told_by_a_limit_that_notifies() {
    let (_world, _, caller, service) = ready().await;
    let key = limited(&caller, json!({"amount": "0.1", "period": "day", "mode": "notify"})).await;
    for id in ["a", "b"] {
        spend(&service, id, &key, "1").await.ok();
    }
    let shown = caller.get(&path(&key)).await.ok();
    assert_eq!(
        (&shown["spend_limit"]["spent"], &shown["spend_limit"]["is_reached"]),
        (&json!(0.2), &json!(true))
    );
}

#[tokio::test]
async fn member_changes_a_limit_which_holds_from_the_next_event_on() {
    let (world, _, caller, service) = ready().await;
    let key = world.key_for(&world.member("bob").await, Permission::ReadWrite, None).await;
    assert!(key.key.limit.is_none());
    let key = limited(&caller, limit("1", "day")).await;
    spend(&service, "a", &key, "10").await.ok();
    assert_error(&spend(&service, "b", &key, "1").await, 402, "spend_limit_reached", "limit");
    caller.patch(&path(&key), &json!({"spend_limit": limit("1.1", "day")})).await.ok();
    spend(&service, "b", &key, "1").await.ok();
    caller.patch(&path(&key), &json!({"spend_limit": limit("0.5", "month")})).await.ok();
    let refused = spend(&service, "c", &key, "1").await;
    assert_error(&refused, 402, "spend_limit_reached", "0.5 credits a month");
    assert_eq!(refused.body["error"]["details"]["missing"], json!(0.7), "below what is spent already");
    let freed = caller.patch(&path(&key), &json!({"spend_limit": null})).await.ok();
    assert!(freed.get("spend_limit").is_none(), "{freed}");
    spend(&service, "c", &key, "1").await.ok();
    caller.patch(&path(&key), &json!({"spend_limit": limit("1.2", "day")})).await.ok();
    assert_error(&spend(&service, "d", &key, "1").await, 402, "spend_limit_reached", "1.2 are spent");
}

#[tokio::test]
async fn member_is_told_what_is_wrong_with_a_limit() {
    let (_world, _, caller, _) = ready().await;
    for (status, code, field, spend_limit) in [
        (400, "invalid_request", "spend_limit", json!(5)),
        (400, "invalid_request", "spend_limit", json!([1])),
        (422, "validation_failed", "spend_limit.amount", json!({"period": "day"})),
        (422, "validation_failed", "spend_limit.amount", limit("0", "day")),
        (422, "validation_failed", "spend_limit.amount", limit("-1", "day")),
        (422, "validation_failed", "spend_limit.amount", limit("1.0000001", "day")),
        (422, "validation_failed", "spend_limit.amount", limit("99999999999999", "day")),
        (400, "invalid_request", "spend_limit.amount", json!({"amount": true, "period": "day"})),
        (422, "validation_failed", "spend_limit.period", json!({"amount": 5})),
        (422, "validation_failed", "spend_limit.period", limit("5", "year")),
        (400, "invalid_request", "period", json!({"amount": 5, "period": 1})),
        (422, "validation_failed", "spend_limit.mode", json!({"amount": 5, "period": "day", "mode": "soft"})),
        (422, "validation_failed", "spend_limit.per", json!({"amount": 5, "period": "day", "per": 1})),
    ] {
        let body = json!({"name": "x", "permission_level": "read_write", "spend_limit": spend_limit});
        assert_error(&caller.post(KEYS, &body).await, status, code, field);
    }
    assert_eq!(caller.get(KEYS).await.ok()["pagination"]["total"], 1, "only the one that asked");
}
