//! CloudEvents 1.0: charged like our own form, and the same event in either.

use http::Method;
use serde_json::{Value, json};
use server::store::{Scope, Scopes};

use crate::harness::client::{Answer, Caller, amount, answer, assert_error, assert_refusal};
use crate::harness::events::{EVENTS, prediction, with};
use crate::harness::{Member, World, credits};

const ONE: &str = "application/cloudevents+json; charset=utf-8";
const BATCH: &str = "application/cloudevents-batch+json";
const TIME: &str = "2026-11-22T11:00:00Z";

async fn post(caller: &Caller, kind: &str, body: &Value) -> Answer {
    answer(caller.request(Method::POST, EVENTS).header("content-type", kind).body(body.to_string())).await
}

/// One prediction (0.1 credits).
fn cloud_event(id: &str, member: &Member) -> Value {
    json!({
        "specversion": "1.0", "id": id, "source": "test", "type": "model.prediction", "time": TIME,
        "subject": member.user_id.to_string(), "data": {"quantity": 1, "model": "churn", "tokens": 7},
    })
}

/// What [`cloud_event`] says, in the native form.
fn native(id: &str, member: &Member) -> Value {
    let event = with(&prediction(id, member), "occurred_at", json!(TIME));
    with(&event, "dimensions", json!({"model": "churn", "tokens": "7"}))
}

#[tokio::test]
async fn service_charges_a_cloud_event_and_either_form_replays_the_other() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "10").await, world.service().await);
    let first = post(&service.caller, ONE, &cloud_event("a", &ada)).await.ok();
    assert_eq!((amount(&first["credits"]), amount(&first["balance"])), (credits("0.1"), credits("9.9")));
    assert_eq!((&first["replayed"], &first["id"]), (&json!(false), &json!("a")));
    let second = service.caller.post(EVENTS, &native("b", &ada)).await.ok();
    let before = world.books().await;
    let again = service.caller.post(EVENTS, &native("a", &ada)).await.ok();
    assert_eq!(again, with(&first, "replayed", json!(true)));
    let again = post(&service.caller, ONE, &cloud_event("b", &ada)).await.ok();
    assert_eq!(again, with(&second, "replayed", json!(true)));
    let by_account = with(&cloud_event("a", &ada), "subject", json!(ada.account.to_string()));
    assert_eq!(post(&service.caller, ONE, &by_account).await.ok()["replayed"], true);
    assert_eq!(world.books().await, before);
    world.verify(&ada).await;
}

#[tokio::test]
async fn service_sends_a_batch_in_which_each_event_stands_by_itself() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "0.25").await, world.service().await);
    service.caller.post(EVENTS, &native("old", &ada)).await.ok();
    let batch = json!([
        cloud_event("a", &ada),
        with(&cloud_event("b", &ada), "type", json!("no.such")),
        cloud_event("old", &ada),
        "no object",
        with(&cloud_event("c", &ada), "data", json!({"quantity": [1]})),
        cloud_event("a", &ada),
        cloud_event("dear", &ada),
    ]);
    let body = post(&service.caller, BATCH, &batch).await.ok();
    let statuses: Vec<_> = body["results"].as_array().unwrap().iter().map(|item| &item["status"]).collect();
    assert_eq!(json!(statuses), json!([200, 422, 200, 400, 400, 200, 402]), "{body}");
    assert_eq!(
        (&body["accepted"], &body["replayed"], &body["rejected"]),
        (&json!(1), &json!(2), &json!(4)),
        "{body}"
    );
    let refused = &body["results"][1]["error"];
    assert_refusal(refused, 422, "validation_failed", "rate card");
    assert!(refused["details"]["type"].is_string(), "{refused}");
    assert_refusal(&body["results"][4]["error"], 400, "invalid_request", "data.quantity");
    world.verify(&ada).await;
}

#[tokio::test]
async fn service_is_refused_in_words_of_cloud_events_and_nothing_is_written() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "10").await, world.service().await);
    post(&service.caller, ONE, &cloud_event("a", &ada)).await.ok();
    let before = world.books().await;
    let event = cloud_event("b", &ada);
    for (name, value) in [
        ("type", json!("no.such")),
        ("time", json!("2026-10-01T00:00:00Z")),
        ("time", json!("noon")),
        ("specversion", json!("0.3")),
        ("subject", json!("ada@example.com")),
        ("id", json!("a b")),
        ("source", json!("s".repeat(65))),
        ("datacontenttype", json!("application/xml")),
        ("data_base64", json!("AA==")),
        ("data", json!([1])),
        ("on_insufficient", json!("reject")),
    ] {
        let refused = post(&service.caller, ONE, &with(&event, name, value)).await;
        assert_error(&refused, 422, "validation_failed", name);
        assert!(refused.body["error"]["details"][name].is_string(), "{}", refused.text);
    }
    let nobody = with(&event, "subject", json!("user_00000000000000000000000000000000"));
    let refused = post(&service.caller, ONE, &nobody).await;
    assert_error(&refused, 404, "not_found", "subject is unknown");
    let other = with(&cloud_event("a", &ada), "data", json!({"quantity": 2}));
    let refused = post(&service.caller, ONE, &other).await;
    assert_error(&refused, 409, "conflict", "other content");
    assert_eq!(refused.body["error"]["details"]["fields"], json!(["data.quantity", "data"]));
    assert_eq!(world.books().await, before);
}

#[tokio::test]
async fn service_sends_another_format_mode_or_shape() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "10").await, world.service().await);
    let before = world.books().await;
    let event = cloud_event("a", &ada);
    for kind in ["application/cloudevents+xml", "application/cloudevents", "application/cloudevents-batch"] {
        let refused = post(&service.caller, kind, &event).await;
        assert_error(&refused, 415, "unsupported_media_type", "application/cloudevents+json");
    }
    for name in ["ce-id", "ce-specversion"] {
        let binary = service.caller.request(Method::POST, EVENTS).header(name, "1.0").json(&event["data"]);
        assert_error(&answer(binary).await, 415, "unsupported_media_type", "binary mode");
    }
    let refused = post(&service.caller, ONE, &json!([event])).await;
    assert_error(&refused, 400, "invalid_request", "application/cloudevents-batch+json");
    let refused = post(&service.caller, BATCH, &event).await;
    assert_error(&refused, 400, "invalid_request", "application/cloudevents+json");
    let refused = post(&service.caller, BATCH, &json!(vec![&event; 1_001])).await;
    assert_error(&refused, 413, "payload_too_large", "1000");
    // Our own form under their name is no CloudEvent.
    let refused = post(&service.caller, ONE, &native("a", &ada)).await;
    assert_error(&refused, 422, "validation_failed", "specversion");
    let check = service.caller.request(Method::POST, "/usage/check").header("content-type", ONE);
    assert_error(&answer(check.body(event.to_string())).await, 415, "unsupported_media_type", "JSON");
    assert_eq!(world.books().await, before);
}

#[tokio::test]
async fn service_without_the_scope_or_of_another_source_charges_no_cloud_event() {
    let world = World::start().await;
    let ada = world.member_with("ada", "10").await;
    let before = world.books().await;
    let event = cloud_event("a", &ada);
    let checks = world.service_with(Scopes::of([Scope::Check]), None).await;
    let other = world.service_with(Scopes::usual(), Some("other")).await;
    for caller in [&checks.caller, &other.caller] {
        assert_error(&post(caller, ONE, &event).await, 403, "insufficient_permissions", "");
    }
    assert_error(&post(&world.anon(), ONE, &event).await, 401, "unauthorized", "key");
    assert_error(&post(&world.anon(), BATCH, &json!([event])).await, 401, "unauthorized", "key");
    assert_eq!(world.books().await, before);
}
