//! Who pays: a user, an account, or whoever owns the customer's key that was presented to the service.

use serde_json::{Value, json};
use server::store::{AccountStatus, Permission};

use crate::harness::client::{amount, assert_error};
use crate::harness::events::{EVENTS, prediction, with, without};
use crate::harness::{Member, World, credits};

/// A prediction paid by whoever this field names.
fn paid_by(id: &str, member: &Member, field: &str, value: &str) -> Value {
    with(&without(&prediction(id, member), "user_id"), field, json!(value))
}

#[tokio::test]
async fn service_names_the_payer_in_three_ways() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "10").await, world.service().await);
    let key = world.key(&ada, Permission::ReadWrite).await;
    for (id, field, value) in [
        ("a", "user_id", ada.user_id.to_string()),
        ("b", "account_id", ada.account.to_string()),
        ("c", "api_key", key.secret.as_str().to_owned()),
    ] {
        service.caller.post(EVENTS, &paid_by(id, &ada, field, &value)).await.ok();
    }
    assert_eq!(world.balance(&ada).await, credits("9.7"));
    let events = world.as_member(&ada).await.get("/usage/events").await.ok();
    assert_eq!(events["events"][0]["api_key_id"], key.key.id.to_string());
    assert_eq!(events["events"][1]["api_key_id"], Value::Null);
    assert!(!events.to_string().contains(key.secret.as_str()));
    world.verify(&ada).await;
}

#[tokio::test]
async fn service_names_a_payer_that_nobody_is() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "10").await, world.service().await);
    let before = world.books().await;
    let user_of_nobody = "user_00000000000000000000000000000000";
    for (field, value) in [
        ("user_id", user_of_nobody),
        ("user_id", "ada"),
        ("user_id", ""),
        ("user_id", &ada.account.to_string()),
        ("account_id", "acct_00000000000000000000000000000000"),
        ("account_id", &ada.user_id.to_string()),
        ("account_id", "acct_'; DROP TABLE entries; --"),
        ("api_key", "plx_sk_0000000000000000000000000000000000000000"),
        ("api_key", ""),
        ("api_key", "plx_sk_"),
    ] {
        let refused = service.caller.post(EVENTS, &paid_by("a", &ada, field, value)).await;
        assert_error(&refused, 404, "not_found", field);
        assert!(refused.body["error"]["details"][field].is_string(), "{}", refused.text);
    }
    assert_eq!(world.books().await, before);
}

#[tokio::test]
async fn service_presents_a_service_key_as_the_payer() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "10").await, world.service().await);
    let refused = service.caller.post(EVENTS, &paid_by("a", &ada, "api_key", &service.secret)).await;
    assert_error(&refused, 404, "not_found", "api_key");
}

#[tokio::test]
async fn service_presents_a_revoked_key_as_the_payer() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "10").await, world.service().await);
    let (key, caller) = (world.key(&ada, Permission::ReadWrite).await, world.as_member(&ada).await);
    let body = |id: &str| paid_by(id, &ada, "api_key", key.secret.as_str());
    let charged = service.caller.post(EVENTS, &body("a")).await.ok();
    caller.delete(&format!("/auth/api-keys/{}", key.key.id)).await.ok();
    let before = world.books().await;
    let refused = service.caller.post(EVENTS, &body("b")).await;
    assert_error(&refused, 404, "not_found", "revoked");
    assert_eq!(world.books().await, before);
    let replayed = service.caller.post(EVENTS, &body("a")).await.ok();
    assert_eq!(replayed, with(&charged, "replayed", json!(true)), "what was charged stays charged");
}

#[tokio::test]
async fn service_presents_an_expired_key_as_the_payer() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "10").await, world.service().await);
    let key = world.key_for(&ada, Permission::ReadWrite, Some(1)).await;
    let body = |id: &str| paid_by(id, &ada, "api_key", key.secret.as_str());
    world.clock.advance(ledger::time::DAY - 1);
    service.caller.post(EVENTS, &body("a")).await.ok();
    world.clock.advance(1);
    assert_error(&service.caller.post(EVENTS, &body("b")).await, 404, "not_found", "expired");
    assert_eq!(world.books().await.events, 1);
}

#[tokio::test]
async fn service_presents_a_read_only_key_as_the_payer() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "10").await, world.service().await);
    let key = world.key(&ada, Permission::ReadOnly).await;
    let before = world.books().await;
    let refused = service.caller.post(EVENTS, &paid_by("a", &ada, "api_key", key.secret.as_str())).await;
    assert_error(&refused, 403, "insufficient_permissions", "read_only");
    assert_eq!(world.books().await, before);
}

#[tokio::test]
async fn service_charges_a_suspended_account_and_is_refused_until_it_is_active() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "10").await, world.service().await);
    world.console.set_user_status("ada@example.com", AccountStatus::Suspended).await.unwrap();
    let before = world.books().await;
    assert_error(
        &service.caller.post(EVENTS, &prediction("a", &ada)).await,
        403,
        "account_suspended",
        "suspended",
    );
    assert_eq!(world.books().await, before);
    world.console.set_user_status("ada@example.com", AccountStatus::Active).await.unwrap();
    let charged = service.caller.post(EVENTS, &prediction("a", &ada)).await.ok();
    assert_eq!(amount(&charged["balance"]), credits("9.9"));
}
