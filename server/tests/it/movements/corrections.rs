//! `POST /usage/events/{source}/{id}/corrections`: an event gets smaller, and what it costs less comes back.

use ledger::time::SECOND;
use serde_json::json;
use server::store::{Scope, Scopes};

use super::{correct, hold, newest, release, service, settle, stands, verify};
use crate::harness::client::assert_error;
use crate::harness::events::{EVENTS, event, with};
use crate::harness::{START, World};

fn texts((movement, amount): (&str, &str)) -> (String, String) {
    (movement.to_owned(), amount.to_owned())
}

#[tokio::test]
async fn service_corrects_an_event_and_takes_it_back_whole() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "100").await, service(&world).await);
    let reader = world.as_member(&ada).await;
    let charged = service.caller.post(EVENTS, &event("job", &ada, "model.build", "1.5")).await.ok();
    let corrected = correct(&service, "job", "c1", "1").await.ok();
    assert_eq!(corrected["event_id"], charged["event_id"]);
    for (field, value) in [("quantity", 1), ("credits", 50), ("refunded", 25), ("balance", 50)] {
        assert_eq!(corrected[field], json!(value), "{field}");
    }
    assert_eq!(
        corrected["entries"][0]["revises"],
        json!({"seq": 2, "quantity": 1.5, "credits": 75, "correction_id": "c1"})
    );
    assert_eq!(correct(&service, "job", "c1", "1.0").await.ok(), with(&corrected, "replayed", json!(true)));
    assert_error(&correct(&service, "job", "c1", "0.9").await, 409, "conflict", "quantity");
    for quantity in ["1", "1.2"] {
        assert_error(&correct(&service, "job", "c2", quantity).await, 422, "validation_failed", "quantity");
    }
    correct(&service, "job", "c2", "0").await.ok();
    assert_eq!(stands(&reader).await, ["100", "0", "0"]);
    let history = reader.get("/usage/history?from=2026-11-22T00:00:00Z").await.ok();
    assert_eq!(history["total"], 0);
    assert_eq!(reader.get("/usage/current").await.ok()["consumption"], 0);
    let replayed = service.caller.post(EVENTS, &event("job", &ada, "model.build", "1.5")).await.ok();
    assert_eq!(
        replayed,
        with(&charged, "replayed", json!(true)),
        "the service's own retry hears what it heard"
    );
    verify(&reader).await;
}

#[tokio::test]
async fn credits_go_back_to_the_grants_that_paid_the_last_first() {
    let world = World::start().await;
    let (ada, service) = (world.member("ada").await, service(&world).await);
    let reader = world.as_member(&ada).await;
    world.grant_until(&ada, "30", Some(START.saturating_add(60 * SECOND))).await;
    let lasting = world.grant(&ada, "30").await;
    service.caller.post(EVENTS, &event("job", &ada, "model.build", "1")).await.ok();
    world.clock.set(START.saturating_add(120 * SECOND));
    // 35 less: 20 to the grant that paid last, 15 to the one that has expired since.
    correct(&service, "job", "c1", "0.3").await.ok();
    assert_eq!(newest(&reader, 3).await, [("correct", "20"), ("correct", "15"), ("expire", "15")].map(texts));
    assert_eq!(stands(&reader).await, ["30", "0", "0"]);
    world.console.void_grant(lasting.grant_id, "a mistake").await.unwrap();
    correct(&service, "job", "c2", "0.1").await.ok();
    assert_eq!(newest(&reader, 2).await, [("correct", "10"), ("expire", "10")].map(texts));
    verify(&reader).await;
}

#[tokio::test]
async fn a_settled_hold_is_corrected_as_an_event_and_an_open_one_is_not() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "100").await, service(&world).await);
    let held = hold(&service, "job", &ada, "model.build", "2").await.ok();
    assert_error(&correct(&service, "job", "c", "1").await, 409, "conflict", "hold");
    let settled = settle(&service, &held, "1").await.ok();
    let corrected = correct(&service, "job", "c", "0.5").await.ok();
    assert_eq!((&corrected["event_id"], &corrected["balance"]), (&settled["event_id"], &json!(75)));
    let held = hold(&service, "never", &ada, "model.build", "1").await.ok();
    release(&service, &held).await.ok();
    assert_error(&correct(&service, "never", "c", "0").await, 409, "conflict", "hold");
    verify(&world.as_member(&ada).await).await;
}

#[tokio::test]
async fn a_free_event_can_be_taken_back_as_well() {
    let world = World::start().await;
    let (ada, service) = (world.member("ada").await, service(&world).await);
    service.caller.post(EVENTS, &event("look", &ada, "account.read", "3")).await.ok();
    let corrected = correct(&service, "look", "c", "1").await.ok();
    assert_eq!((&corrected["refunded"], &corrected["quantity"]), (&json!(0), &json!(1)));
    let reader = world.as_member(&ada).await;
    let history = reader.get("/usage/history?from=2026-11-22T00:00:00Z").await.ok();
    let points = history["series"][0]["points"].as_array().unwrap();
    let today = points.last().unwrap();
    assert_eq!((&today["quantity"], &today["count"]), (&json!(1), &json!(1)));
    verify(&reader).await;
}

#[tokio::test]
async fn corrections_are_refused_with_the_reason() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "100").await, service(&world).await);
    service.caller.post(EVENTS, &event("job", &ada, "model.build", "1")).await.ok();
    let path = "/usage/events/test/job/corrections";
    let good = json!({"id": "c", "quantity": 0.5, "reason": "counted twice"});
    for (status, code, field, body) in [
        (422, "validation_failed", "reason", with(&good, "reason", json!("  "))),
        (422, "validation_failed", "quantity", with(&good, "quantity", json!(-1))),
        (422, "validation_failed", "id", with(&good, "id", json!("a b"))),
        (422, "validation_failed", "credits", with(&good, "credits", json!(1))),
        (400, "invalid_request", "reason", with(&good, "reason", json!(1))),
    ] {
        assert_error(&service.caller.post(path, &body).await, status, code, field);
    }
    let nowhere = service.caller.post("/usage/events/test/none/corrections", &good).await;
    assert_error(&nowhere, 404, "not_found", "id");
    let (usual, bound) =
        (world.service().await, world.service_with(Scopes::of([Scope::Correct]), Some("other")).await);
    for service in [usual, bound] {
        assert_error(&service.caller.post(path, &good).await, 403, "insufficient_permissions", "key");
    }
    let customer = world.as_member(&ada).await;
    assert_error(&customer.post(path, &good).await, 403, "insufficient_permissions", "service");
    assert_eq!(stands(&customer).await, ["50", "0", "0"]);
}
