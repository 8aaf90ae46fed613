//! `/usage/holds`: reserve now, settle or release later.

use ledger::time::SECOND;
use serde_json::json;
use server::store::{AccountStatus, Permission, Scope, Scopes};

use super::{close, hold, newest, release, service, settle, stands, verify};
use crate::harness::client::assert_error;
use crate::harness::events::{EVENTS, event, with, without};
use crate::harness::{START, World};

#[tokio::test]
async fn service_holds_settles_below_and_the_rest_comes_back() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "100").await, service(&world).await);
    let reader = world.as_member(&ada).await;
    let held = hold(&service, "job", &ada, "model.build", "1.5").await.ok();
    assert_eq!(
        (&held["credits"], &held["balance"], &held["replayed"]),
        (&json!(75), &json!(25), &json!(false))
    );
    assert_eq!(held["expires_at"], "2026-11-22T12:15:00Z", "15 minutes by default");
    assert_eq!(stands(&reader).await, ["25", "75", "0"]);
    let dear = service.caller.post(EVENTS, &event("other", &ada, "model.build", "1")).await;
    assert_error(&dear, 402, "insufficient_credits", "balance");

    let settled = settle(&service, &held, "1").await.ok();
    assert_eq!(
        (&settled["credits"], &settled["balance"], &settled["id"]),
        (&json!(50), &json!(50), &json!("job"))
    );
    assert_eq!(stands(&reader).await, ["50", "0", "0"]);
    assert_eq!(newest(&reader, 3).await, [("hold", "75"), ("settle", "50"), ("release", "25")].map(texts));
    let receipt = reader.get("/usage/events/test/job").await.ok();
    assert_eq!((&receipt["event_id"], &receipt["credits"]), (&settled["event_id"], &json!(50)));
    let history = reader.get("/usage/history?from=2026-11-22T00:00:00Z").await.ok();
    assert_eq!(history["total"], json!(50));
    let listed = reader.get("/usage/events").await.ok();
    assert_eq!((&listed["pagination"]["total"], &listed["events"][0]["quantity"]), (&json!(1), &json!(1)));
    verify(&reader).await;
}

fn texts((movement, amount): (&str, &str)) -> (String, String) {
    (movement.to_owned(), amount.to_owned())
}

#[tokio::test]
async fn service_settles_above_only_when_it_says_so_and_the_rest_is_there() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "100").await, service(&world).await);
    let reader = world.as_member(&ada).await;
    let held = hold(&service, "job", &ada, "model.build", "1").await.ok();
    let over = |quantity: &str| json!({"quantity": quantity, "allow_over": true});
    assert_error(&settle(&service, &held, "1.5").await, 422, "validation_failed", "quantity");
    let dear = close(&service, &held, "settle", &over("2.000001")).await;
    assert_error(&dear, 402, "insufficient_credits", "missing");
    assert_eq!(dear.body["error"]["details"]["missing"].to_string(), "0.00005");
    assert_eq!(stands(&reader).await, ["50", "50", "0"], "a refused settlement leaves the hold");
    let settled = close(&service, &held, "settle", &over("2")).await.ok();
    assert_eq!((&settled["credits"], &settled["balance"]), (&json!(100), &json!(0)));
    assert_eq!(newest(&reader, 2).await, [("settle", "50"), ("charge", "50")].map(texts));
    verify(&reader).await;
}

#[tokio::test]
async fn the_same_act_again_gets_the_same_answer_and_another_is_a_conflict() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "100").await, service(&world).await);
    let held = hold(&service, "a", &ada, "model.build", "1").await.ok();
    let again = hold(&service, "a", &ada, "model.build", "1.0").await.ok();
    assert_eq!(again, with(&held, "replayed", json!(true)));
    let asked = event("a", &ada, "model.build", "1");
    for (field, body) in [
        ("quantity", with(&asked, "quantity", json!(2))),
        ("expires_in_s", with(&asked, "expires_in_s", json!(901))),
        ("dimensions", with(&asked, "dimensions", json!({"model": "churn"}))),
    ] {
        let refused = service.caller.post("/usage/holds", &body).await;
        assert_error(&refused, 409, "conflict", field);
        assert!(refused.text.contains("A hold with this source and id"), "{}", refused.text);
    }
    assert_error(&service.caller.post(EVENTS, &asked).await, 409, "conflict", "id");

    let settled = settle(&service, &held, "0.5").await.ok();
    let again = settle(&service, &held, "0.50").await.ok();
    assert_eq!(again, with(&settled, "replayed", json!(true)));
    assert_error(&settle(&service, &held, "0.4").await, 409, "conflict", "quantity");
    assert_error(&release(&service, &held).await, 409, "conflict", "settled");

    let held = hold(&service, "b", &ada, "model.build", "1").await.ok();
    let released = release(&service, &held).await.ok();
    assert_eq!((&released["credits"], &released["balance"]), (&json!(50), &json!(75)));
    let path = format!("/usage/holds/{}/release", held["hold_id"].as_str().unwrap());
    let bare = world.caller(&service.secret).request(http::Method::POST, &path);
    let again = crate::harness::client::answer(bare).await.ok();
    assert_eq!(again, with(&released, "replayed", json!(true)), "without a body as well");
    assert_error(&settle(&service, &held, "1").await, 409, "conflict", "released");
    verify(&world.as_member(&ada).await).await;
}

#[tokio::test]
async fn a_hold_comes_back_at_its_deadline_and_not_before() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "100").await, service(&world).await);
    let reader = world.as_member(&ada).await;
    let asked = with(&event("job", &ada, "model.build", "2"), "expires_in_s", json!(60));
    let held = service.caller.post("/usage/holds", &asked).await.ok();
    world.clock.set(START.saturating_add(60 * SECOND - 1));
    assert_eq!(stands(&reader).await, ["0", "100", "0"]);
    world.clock.set(START.saturating_add(3_600 * SECOND));
    assert_eq!(stands(&reader).await, ["100", "0", "0"]);
    let listed = reader.get("/credits/entries?limit=1").await.ok();
    assert_eq!(
        listed["entries"][0]["recorded_at"], "2026-11-22T12:01:00Z",
        "at the deadline, whenever it was looked at"
    );
    assert_error(&settle(&service, &held, "1").await, 409, "conflict", "deadline");
    assert_error(&release(&service, &held).await, 409, "conflict", "deadline");
    verify(&reader).await;
}

#[tokio::test]
async fn what_is_held_outlives_its_grant_but_what_comes_back_does_not() {
    let world = World::start().await;
    let (ada, service) = (world.member("ada").await, service(&world).await);
    let reader = world.as_member(&ada).await;
    world.grant_until(&ada, "100", Some(START.saturating_add(60 * SECOND))).await;
    let voided = world.grant(&ada, "50").await;
    let held = hold(&service, "job", &ada, "model.build", "3").await.ok();
    world.clock.set(START.saturating_add(120 * SECOND));
    let nothing = world.console.void_grant(voided.grant_id, "a mistake").await;
    assert!(nothing.is_err(), "all of it is held");
    assert_eq!(stands(&reader).await, ["0", "150", "0"]);
    settle(&service, &held, "0.5").await.ok();
    // Of the expired grant 75 came back and went; of the other one 50 came back and stay.
    assert_eq!(stands(&reader).await, ["50", "0", "0"]);
    let expected = [("settle", "25"), ("release", "75"), ("release", "50"), ("expire", "75")];
    assert_eq!(newest(&reader, 4).await, expected.map(texts));
    verify(&reader).await;
}

#[tokio::test]
async fn what_comes_back_to_a_void_grant_is_void() {
    let world = World::start().await;
    let (ada, service) = (world.member("ada").await, service(&world).await);
    let reader = world.as_member(&ada).await;
    let granted = world.grant(&ada, "100").await;
    let held = hold(&service, "job", &ada, "model.build", "1").await.ok();
    world.console.void_grant(granted.grant_id, "a mistake").await.unwrap();
    let released = release(&service, &held).await.ok();
    assert_eq!((&released["credits"], &released["balance"]), (&json!(50), &json!(0)));
    assert_eq!(newest(&reader, 2).await, [("release", "50"), ("void", "50")].map(texts));
    let listed = reader.get("/credits/entries?limit=1").await.ok();
    assert_eq!(listed["entries"][0]["reason"], "a mistake");
    let grants = reader.get("/credits/grants").await.ok();
    assert_eq!(
        (&grants["grants"][0]["voided"], &grants["grants"][0]["status"]),
        (&json!(100), &json!("voided"))
    );
    verify(&reader).await;
}

#[tokio::test]
async fn holds_are_listed_by_what_became_of_them() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "100").await, service(&world).await);
    let (bob, other) = (world.member_with("bob", "100").await, super::service(&world).await);
    let mut held = vec![];
    for id in ["a", "b", "c", "d"] {
        held.push(hold(&service, id, &ada, "model.prediction", "10").await.ok());
    }
    hold(&other, "e", &bob, "model.prediction", "1").await.ok();
    let settled = settle(&service, &held[0], "5").await.ok();
    release(&service, &held[1]).await.ok();
    let reader = world.as_member(&ada).await;
    let of = |listed: &serde_json::Value| -> Vec<String> {
        let holds = listed["holds"].as_array().expect("holds").iter();
        holds
            .map(|hold| format!("{} {}", hold["id"].as_str().unwrap(), hold["status"].as_str().unwrap()))
            .collect()
    };
    let all = ["d active", "c active", "b released", "a settled"];
    assert_eq!(of(&reader.get("/usage/holds").await.ok()), all);
    let listed = service.caller.get("/usage/holds").await.ok();
    assert_eq!(of(&listed), all, "a service sees its own");
    assert_eq!(listed["holds"][3]["event_id"], settled["event_id"]);
    assert_eq!(of(&reader.get("/usage/holds?status=active").await.ok()), ["d active", "c active"]);
    assert_eq!(of(&reader.get("/usage/holds?status=settled").await.ok()), ["a settled"]);
    let page = service.caller.get("/usage/holds?limit=3").await.ok();
    assert_eq!((&page["pagination"]["total"], &page["pagination"]["has_more"]), (&json!(4), &json!(true)));
    let next = format!("/usage/holds?cursor={}", page["next_cursor"].as_str().unwrap());
    assert_eq!(of(&service.caller.get(&next).await.ok()), ["a settled"]);
    assert_error(&reader.get("/usage/holds?status=open").await, 422, "validation_failed", "status");
    world.clock.set(START.saturating_add(900 * SECOND));
    for _ in 0..2 {
        let listed = reader.get("/usage/holds?status=expired").await.ok();
        assert_eq!(of(&listed), ["d expired", "c expired"]);
        assert_eq!(listed["holds"][0]["closed_at"], "2026-11-22T12:15:00Z");
        assert_eq!(of(&service.caller.get("/usage/holds?status=active").await.ok()), [""; 0]);
        assert_eq!(of(&reader.get("/usage/holds").await.ok())[..2], ["d expired", "c expired"]);
        // Then as it is in the books.
        world.console.sequencer.post_dues(ada.account).await.unwrap();
    }
}

#[tokio::test]
async fn holds_are_refused_with_the_reason() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "100").await, service(&world).await);
    let good = event("job", &ada, "model.build", "1");
    for (status, code, field, body) in [
        (422, "validation_failed", "expires_in_s", with(&good, "expires_in_s", json!(0))),
        (422, "validation_failed", "expires_in_s", with(&good, "expires_in_s", json!(86_401))),
        (400, "invalid_request", "expires_in_s", with(&good, "expires_in_s", json!("60"))),
        (422, "validation_failed", "occurred_at", with(&good, "occurred_at", json!("2026-11-22T12:00:00Z"))),
        (422, "validation_failed", "operation", with(&good, "operation", json!("no.such"))),
        (422, "validation_failed", "user_id", without(&good, "user_id")),
        (402, "insufficient_credits", "balance", with(&good, "quantity", json!("2.1"))),
    ] {
        assert_error(&service.caller.post("/usage/holds", &body).await, status, code, field);
    }
    let held = service.caller.post("/usage/holds", &good).await.ok();
    for body in [json!({}), json!({"quantity": -1}), json!({"quantity": 1, "over": true})] {
        assert_error(&close(&service, &held, "settle", &body).await, 422, "validation_failed", "");
    }
    let body = json!({"quantity": 1, "allow_over": "yes"});
    assert_error(&close(&service, &held, "settle", &body).await, 400, "invalid_request", "allow_over");
    assert_error(&close(&service, &held, "release", &body).await, 422, "validation_failed", "quantity");
    let nowhere = json!({"hold_id": format!("hold_{}ff", &ada.account.to_string()[5..])});
    assert_error(&release(&service, &nowhere).await, 404, "not_found", "hold");
    assert_error(&release(&service, &json!({"hold_id": "hold_x"})).await, 404, "not_found", "");
}

#[tokio::test]
async fn only_a_service_with_the_scope_and_the_source_may_hold() {
    let world = World::start().await;
    let (ada, all) = (world.member_with("ada", "100").await, service(&world).await);
    let (usual, bound) =
        (world.service().await, world.service_with(Scopes::of([Scope::Hold]), Some("other")).await);
    let asked = event("job", &ada, "model.build", "1");
    let held = all.caller.post("/usage/holds", &asked).await.ok();
    for service in [&usual, &bound] {
        let refused = service.caller.post("/usage/holds", &asked).await;
        assert_error(&refused, 403, "insufficient_permissions", "key");
        assert_error(&release(service, &held).await, 403, "insufficient_permissions", "key");
        assert_error(&settle(service, &held, "1").await, 403, "insufficient_permissions", "key");
    }
    assert_error(&usual.caller.get("/usage/holds").await, 403, "insufficient_permissions", "hold");
    assert_eq!(bound.caller.get("/usage/holds").await.ok()["holds"], json!([]));
    let customer = world.as_member(&ada).await;
    assert_error(&customer.post("/usage/holds", &asked).await, 403, "insufficient_permissions", "service");
    assert_error(&world.anon().get("/usage/holds").await, 401, "unauthorized", "key");

    let key = world.key(&ada, Permission::ReadOnly).await;
    let by_key = with(
        &without(&event("k", &ada, "model.build", "1"), "user_id"),
        "api_key",
        json!(key.secret.as_str()),
    );
    assert_error(
        &all.caller.post("/usage/holds", &by_key).await,
        403,
        "insufficient_permissions",
        "read_only",
    );
    world.console.set_user_status("ada@example.com", AccountStatus::Suspended).await.unwrap();
    let another = event("later", &ada, "model.build", "0.1");
    assert_error(&all.caller.post("/usage/holds", &another).await, 403, "account_suspended", "suspended");
    let over = json!({"quantity": "1.1", "allow_over": true});
    assert_error(&close(&all, &held, "settle", &over).await, 403, "account_suspended", "suspended");
    settle(&all, &held, "0.5").await.ok();
}

#[tokio::test]
async fn service_whose_key_is_rotated_keeps_its_holds() {
    let world = World::start().await;
    let (ada, old, other) =
        (world.member_with("ada", "100").await, service(&world).await, service(&world).await);
    let held = hold(&old, "first", &ada, "model.build", "0.5").await.ok();
    hold(&other, "other", &ada, "model.build", "0.1").await.ok();
    let made = world.console.rotate_service_key(&old.key_id).await.expect("a key");
    let next = world.console.rotate_service_key(&made.key_id).await.expect("another one");
    world.console.revoke_service_key(&old.key_id).await.expect("an end");
    let secret = next.secret.as_str().to_owned();
    let new = crate::harness::Service { key_id: next.key_id, caller: world.caller(&secret), secret };
    hold(&new, "second", &ada, "model.build", "0.5").await.ok();
    let ids = async |service: &crate::harness::Service, query: &str| -> Vec<String> {
        let listed = service.caller.get(&format!("/usage/holds{query}")).await.ok();
        let id = |hold: &serde_json::Value| hold["id"].as_str().expect("an id").to_owned();
        listed["holds"].as_array().expect("holds").iter().map(id).collect()
    };
    assert_eq!(ids(&new, "").await, ["second", "first"]);
    assert_eq!(ids(&new, "?status=active&limit=1").await, ["second"]);
    assert_eq!(ids(&other, "").await, ["other"]);
    settle(&new, &held, "0.5").await.ok();
    assert_eq!(ids(&new, "?status=settled").await, ["first"]);
    let refused = world.console.rotate_service_key(&old.key_id).await.expect_err("it is revoked");
    assert_eq!((refused.status(), refused.code()), (409, "conflict"));
}
