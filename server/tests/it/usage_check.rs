//! `POST /usage/check`: may this payer spend? Nothing is written.

use serde_json::{Value, json};
use server::store::{AccountStatus, Permission, Scope, Scopes};

use crate::harness::client::{amount, assert_error};
use crate::harness::events::{with, without};
use crate::harness::{Member, World, credits};

const CHECK: &str = "/usage/check";

fn question(member: &Member, operation: &str, quantity: &str) -> Value {
    json!({"user_id": member.user_id.to_string(), "operation": operation, "quantity": quantity})
}

#[tokio::test]
async fn service_asks_and_nothing_is_spent() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "100").await, world.service().await);
    let before = world.books().await;
    let answer = service.caller.post(CHECK, &question(&ada, "model.build", "2")).await.ok();
    assert_eq!(answer, json!({"allowed": true, "credits": 100, "balance": 100}));
    let answer = service.caller.post(CHECK, &question(&ada, "model.build", "2.000001")).await.ok();
    assert_eq!(answer["allowed"], false);
    assert_eq!(amount(&answer["credits"]), credits("100.00005"));
    assert_eq!(amount(&answer["details"]["missing"]), credits("0.00005"));
    assert!(answer["details"]["actions"].is_array());
    assert_eq!(world.books().await, before);
}

#[tokio::test]
async fn service_asks_about_a_wallet_that_is_empty_or_new() {
    let world = World::start().await;
    let (ada, service) = (world.member("ada").await, world.service().await);
    let answer = service.caller.post(CHECK, &question(&ada, "model.prediction", "1")).await.ok();
    assert_eq!((&answer["allowed"], &answer["balance"]), (&json!(false), &json!(0)));
    let answer = service.caller.post(CHECK, &question(&ada, "account.read", "1")).await.ok();
    assert_eq!((&answer["allowed"], &answer["credits"]), (&json!(true), &json!(0)));
    assert_eq!(world.books().await.entries, 0);
}

#[tokio::test]
async fn service_asks_with_bad_input() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "100").await, world.service().await);
    let good = question(&ada, "model.prediction", "1");
    for (status, code, field, body) in [
        (422, "validation_failed", "quantity", with(&good, "quantity", json!(-1))),
        (422, "validation_failed", "operation", with(&good, "operation", json!("no.such"))),
        (422, "validation_failed", "user_id", without(&good, "user_id")),
        (422, "validation_failed", "account_id", with(&good, "account_id", json!("acct_x"))),
        (422, "validation_failed", "id", with(&good, "id", json!("a"))),
        (422, "validation_failed", "quantity", without(&good, "quantity")),
        (400, "invalid_request", "operation", with(&good, "operation", json!(1))),
        (400, "invalid_request", "object", json!([good])),
        (404, "not_found", "user_id", with(&good, "user_id", json!("user_00000000000000000000000000000000"))),
    ] {
        assert_error(&service.caller.post(CHECK, &body).await, status, code, field);
    }
}

#[tokio::test]
async fn service_asks_for_payers_who_may_not_spend() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "100").await, world.service().await);
    let key = world.key(&ada, Permission::ReadOnly).await;
    let nobody = without(&question(&ada, "model.prediction", "1"), "user_id");
    let by_key = with(&nobody, "api_key", json!(key.secret.as_str()));
    assert_error(&service.caller.post(CHECK, &by_key).await, 403, "insufficient_permissions", "read_only");
    world.console.set_user_status("ada@example.com", AccountStatus::Suspended).await.unwrap();
    let asked = question(&ada, "model.prediction", "1");
    assert_error(&service.caller.post(CHECK, &asked).await, 403, "account_suspended", "suspended");
}

#[tokio::test]
async fn only_a_service_with_the_scope_may_ask() {
    let world = World::start().await;
    let ada = world.member_with("ada", "100").await;
    let asked = question(&ada, "model.prediction", "1");
    assert_error(&world.anon().post(CHECK, &asked).await, 401, "unauthorized", "key");
    let member = world.as_member(&ada).await;
    assert_error(&member.post(CHECK, &asked).await, 403, "insufficient_permissions", "service key");
    let charger = world.service_with(Scopes::of([Scope::Charge]), None).await;
    assert_error(&charger.caller.post(CHECK, &asked).await, 403, "insufficient_permissions", "check");
    let checker = world.service_with(Scopes::of([Scope::Check]), Some("builder")).await;
    checker.caller.post(CHECK, &asked).await.ok();
    world.console.revoke_service_key(&checker.key_id).await.unwrap();
    assert_error(&checker.caller.post(CHECK, &asked).await, 401, "revoked_key", "revoked");
}
