//! The same id with other content: each field that differs is named, and nothing is written.

use serde_json::{Value, json};

use crate::harness::World;
use crate::harness::client::assert_error;
use crate::harness::events::{EVENTS, prediction, with, without};
use server::store::Permission;

/// Charges `first`, then sends `second` with the same id: `fields` differ.
async fn conflict(world: &World, first: &Value, second: &Value, fields: &[&str]) {
    let service = world.service().await;
    service.caller.post(EVENTS, first).await.ok();
    let before = world.books().await;
    let refused = service.caller.post(EVENTS, second).await;
    assert_error(&refused, 409, "conflict", "other content");
    assert_eq!(refused.body["error"]["details"]["fields"], json!(fields), "{second}");
    assert_eq!(world.books().await, before);
}

#[tokio::test]
async fn service_reuses_an_id_for_another_payer() {
    let world = World::start().await;
    let (ada, bob) = (world.member_with("ada", "10").await, world.member_with("bob", "10").await);
    let first = prediction("a", &ada);
    conflict(&world, &first, &prediction("a", &bob), &["payer"]).await;
    let unknown = with(&first, "user_id", json!("user_00000000000000000000000000000000"));
    conflict(&world, &first, &unknown, &["payer"]).await;
    let other = with(&unknown, "quantity", json!(2));
    conflict(&world, &first, &other, &["payer", "quantity"]).await;
}

#[tokio::test]
async fn service_reuses_an_id_for_another_operation() {
    let world = World::start().await;
    let ada = world.member_with("ada", "10").await;
    let first = prediction("a", &ada);
    conflict(&world, &first, &with(&first, "operation", json!("data.storage")), &["operation"]).await;
    conflict(&world, &first, &with(&first, "operation", json!("no.such")), &["operation"]).await;
}

#[tokio::test]
async fn service_reuses_an_id_for_another_quantity() {
    let world = World::start().await;
    let ada = world.member_with("ada", "10").await;
    let first = prediction("a", &ada);
    conflict(&world, &first, &with(&first, "quantity", json!("1.000001")), &["quantity"]).await;
}

#[tokio::test]
async fn service_reuses_an_id_with_other_dimensions() {
    let world = World::start().await;
    let ada = world.member_with("ada", "10").await;
    let plain = prediction("plain", &ada);
    let first = with(&prediction("a", &ada), "dimensions", json!({"model": "churn"}));
    for other in
        [json!({"model": "sales"}), json!({"models": "churn"}), json!({"model": "churn", "b": ""}), json!({})]
    {
        conflict(&world, &first, &with(&first, "dimensions", other), &["dimensions"]).await;
    }
    conflict(&world, &first, &without(&first, "dimensions"), &["dimensions"]).await;
    conflict(&world, &plain, &with(&plain, "dimensions", json!({"model": "churn"})), &["dimensions"]).await;
}

#[tokio::test]
async fn service_reuses_an_id_at_another_time() {
    let world = World::start().await;
    let ada = world.member_with("ada", "10").await;
    let plain = prediction("plain", &ada);
    let first = with(&prediction("a", &ada), "occurred_at", json!("2026-11-22T11:00:00Z"));
    conflict(
        &world,
        &first,
        &with(&first, "occurred_at", json!("2026-11-22T11:00:00.000001Z")),
        &["occurred_at"],
    )
    .await;
    conflict(&world, &first, &without(&first, "occurred_at"), &["occurred_at"]).await;
    conflict(&world, &plain, &with(&plain, "occurred_at", json!("2026-11-22T12:00:00Z")), &["occurred_at"])
        .await;
}

#[tokio::test]
async fn service_reuses_an_id_for_something_else_altogether() {
    let world = World::start().await;
    let (ada, bob) = (world.member_with("ada", "10").await, world.member_with("bob", "10").await);
    let other = json!({
        "id": "a", "source": "test", "user_id": bob.user_id.to_string(), "operation": "account.read", "quantity": 9,
        "dimensions": {"x": "y"}, "occurred_at": "2026-11-22T12:00:00Z",
    });
    let all = ["payer", "operation", "quantity", "dimensions", "occurred_at"];
    conflict(&world, &prediction("a", &ada), &other, &all).await;
}

#[tokio::test]
async fn service_says_the_same_in_other_words_and_gets_the_receipt() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "10").await, world.service().await);
    let key = world.key(&ada, Permission::ReadWrite).await;
    let sent = json!({
        "id": "a", "source": "test", "user_id": ada.user_id.to_string(), "operation": "model.prediction",
        "quantity": 1, "occurred_at": "2026-11-22T11:30:00Z", "dimensions": {"b": "2", "a": "1"},
    });
    let first = service.caller.post(EVENTS, &sent).await.ok();
    let nameless = without(&sent, "user_id");
    for again in [
        with(&nameless, "account_id", json!(ada.account.to_string())),
        with(&nameless, "api_key", json!(key.secret.as_str())),
        with(&sent, "occurred_at", json!("2026-11-22T12:30:00.000+01:00")),
        with(&sent, "dimensions", json!({"a": "1", "b": "2"})),
        with(&sent, "on_insufficient", json!("reject")),
        with(&sent, "quantity", json!("1.000000")),
    ] {
        let answer = service.caller.post(EVENTS, &again).await.ok();
        assert_eq!(answer, with(&first, "replayed", json!(true)), "{again}");
    }
    let other_service = world.service().await;
    assert_eq!(other_service.caller.post(EVENTS, &sent).await.ok(), with(&first, "replayed", json!(true)));
}

#[tokio::test]
async fn service_uses_one_id_under_two_sources() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "10").await, world.service().await);
    let first = service.caller.post(EVENTS, &prediction("a", &ada)).await.ok();
    let second =
        service.caller.post(EVENTS, &with(&prediction("a", &ada), "source", json!("other"))).await.ok();
    assert_ne!(first["event_id"], second["event_id"]);
    assert_eq!(world.books().await.events, 2);
}
