//! Who may report: service keys with the scope and the source, and nobody else.

use serde_json::json;
use server::store::{Permission, Scope, Scopes};

use crate::harness::client::{assert_error, assert_refusal};
use crate::harness::events::{EVENTS, prediction, with};
use crate::harness::{World, credits};

#[tokio::test]
async fn anon_is_told_to_send_a_key() {
    let world = World::start().await;
    let ada = world.member_with("ada", "10").await;
    let before = world.books().await;
    let refused = world.anon().post(EVENTS, &prediction("a", &ada)).await;
    assert_error(&refused, 401, "unauthorized", "x-api-key");
    assert_eq!(refused.header("www-authenticate"), "Bearer");
    assert_eq!(world.books().await, before);
}

#[tokio::test]
async fn anon_sends_a_key_of_nobody() {
    let world = World::start().await;
    let ada = world.member_with("ada", "10").await;
    let before = world.books().await;
    for key in ["plx_svc_0000000000000000000000000000000000000000", "plx_sk_0", "sk_live_1", "plx_svc_", "x"]
    {
        let refused = world.caller(key).post(EVENTS, &prediction("a", &ada)).await;
        assert_error(&refused, 401, "invalid_key", "key");
        assert!(!refused.text.contains("0000"), "a secret is not repeated");
    }
    assert_eq!(world.books().await, before);
}

#[tokio::test]
async fn anon_sends_bad_input_and_is_asked_for_a_key_first() {
    let world = World::start().await;
    assert_error(&world.anon().post_text(EVENTS, "{").await, 401, "unauthorized", "key");
    assert_error(&world.caller("plx_svc_x").post_text(EVENTS, "{").await, 401, "invalid_key", "key");
}

#[tokio::test]
async fn member_may_not_report_usage() {
    let world = World::start().await;
    let ada = world.member_with("ada", "10").await;
    let before = world.books().await;
    for permission in [Permission::ReadOnly, Permission::ReadWrite] {
        let key = world.key(&ada, permission).await;
        let refused = world.caller(key.secret.as_str()).post(EVENTS, &prediction("a", &ada)).await;
        assert_error(&refused, 403, "insufficient_permissions", "service key");
    }
    assert_eq!(world.books().await, before);
}

#[tokio::test]
async fn service_without_the_scope_is_refused() {
    let world = World::start().await;
    let ada = world.member_with("ada", "10").await;
    let before = world.books().await;
    for scope in [Scope::Check, Scope::Hold, Scope::Correct] {
        let service = world.service_with(Scopes::of([scope]), None).await;
        let refused = service.caller.post(EVENTS, &prediction("a", &ada)).await;
        assert_error(&refused, 403, "insufficient_permissions", "charge");
        let refused = service.caller.post(EVENTS, &json!([prediction("a", &ada)])).await;
        assert_error(&refused, 403, "insufficient_permissions", "charge");
    }
    assert_eq!(world.books().await, before);
}

#[tokio::test]
async fn service_reports_for_its_own_source_only() {
    let world = World::start().await;
    let ada = world.member_with("ada", "10").await;
    let service = world.service_with(Scopes::usual(), Some("builder")).await;
    let before = world.books().await;
    let foreign = prediction("a", &ada);
    assert_error(&service.caller.post(EVENTS, &foreign).await, 403, "insufficient_permissions", "builder");
    assert_eq!(world.books().await, before);
    let own = with(&foreign, "source", json!("builder"));
    let answer = service.caller.post(EVENTS, &json!([foreign, own])).await.ok();
    assert_refusal(&answer["results"][0]["error"], 403, "insufficient_permissions", "builder");
    assert_eq!(answer["results"][1]["status"], 200);
    assert_eq!(world.balance(&ada).await, credits("9.9"));
}

#[tokio::test]
async fn service_cannot_look_at_the_events_of_another_source() {
    let world = World::start().await;
    let (ada, other) = (world.member_with("ada", "10").await, world.service().await);
    other.caller.post(EVENTS, &prediction("a", &ada)).await.ok();
    let service = world.service_with(Scopes::usual(), Some("builder")).await;
    let refused = service.caller.post(EVENTS, &prediction("a", &ada)).await;
    assert_error(&refused, 403, "insufficient_permissions", "builder");
}

#[tokio::test]
async fn service_with_a_revoked_key_is_refused_from_the_next_request_on() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "10").await, world.service().await);
    service.caller.post(EVENTS, &prediction("a", &ada)).await.ok();
    world.console.revoke_service_key(&service.key_id).await.unwrap();
    let before = world.books().await;
    for id in ["a", "b"] {
        assert_error(
            &service.caller.post(EVENTS, &prediction(id, &ada)).await,
            401,
            "revoked_key",
            "revoked",
        );
    }
    assert_eq!(world.books().await, before);
}
