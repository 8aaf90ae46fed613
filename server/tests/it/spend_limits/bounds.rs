//! The wire of keys, word for word: each endpoint's whole answer, and a request for each row of the error table that keys can
//! meet.

use serde_json::{Value, json};
use server::store::{AccountStatus, Permission, Scope, Scopes};

use super::{KEYS, limit, limited, path, ready, secret, spend};
use crate::harness::World;
use crate::harness::client::{Answer, answer, assert_error};
use crate::harness::events::{EVENTS, prediction, with, without};

/// What differs from run to run, by what it must look like.
fn masked(mut body: Value) -> Value {
    let field = |body: &Value, name: &str| body[name].as_str().map(str::to_owned);
    if let Some(key) = field(&body, "key") {
        assert!(
            key.starts_with("plx_sk_")
                && key.len() == 47
                && key[7..].bytes().all(|byte| byte.is_ascii_alphanumeric())
        );
        body["key"] = json!("SECRET");
    }
    if let Some(id) = field(&body, "key_id") {
        assert!(id.starts_with("key_") && id.len() == 16, "{id}");
        body["key_id"] = json!("KEY");
    }
    if let Some(prefix) = field(&body, "key_prefix") {
        assert!(prefix.starts_with("plx_sk_") && prefix.len() == 11, "{prefix}");
        body["key_prefix"] = json!("PREFIX");
    }
    if let Some(suffix) = field(&body, "key_suffix") {
        assert_eq!(suffix.len(), 4);
        body["key_suffix"] = json!("LAST");
    }
    body
}

#[tokio::test]
async fn every_endpoint_of_keys_answers_as_the_contract_says() {
    let (world, _, caller, _) = ready().await;
    // Newer than the one that asks.
    world.clock.advance(ledger::time::SECOND);
    let made = caller
        .post(KEYS, &json!({"name": "ci", "permission_level": "read_only", "expiration_days": 7}))
        .await
        .ok();
    let made_at = ("2026-11-22T12:00:01Z", "2026-11-29T12:00:01Z");
    assert_eq!(
        masked(made.clone()),
        json!({
            "key_id": "KEY", "name": "ci", "key": "SECRET", "permission_level": "read_only",
            "created_at": made_at.0, "expires_at": made_at.1, "created_by": "ada@example.com",
        })
    );
    let fields = json!({
        "key_id": "KEY", "name": "ci", "key_prefix": "PREFIX", "key_suffix": "LAST", "permission_level": "read_only",
        "created_at": made_at.0, "expires_at": made_at.1, "last_used_at": null, "status": "active",
        "created_by": "ada@example.com",
    });
    let list = caller.get(&format!("{KEYS}?status=active&limit=1")).await.ok();
    assert_eq!(masked(list["keys"][0].clone()), fields);
    assert_eq!(
        without(&list, "keys"),
        json!({"pagination": {"total": 2, "limit": 1, "offset": 0, "has_more": true}})
    );
    world.caller(secret(&made)).get("/auth/user").await.ok();
    let one = caller.get(&path(&made)).await.ok();
    let used = with(&fields, "last_used_at", json!(made_at.0));
    let stats = json!({"requests_last_24h": 1, "requests_last_7d": 1, "requests_last_30d": 1});
    assert_eq!(masked(one), with(&used, "usage_stats", stats));
    let changed = caller.patch(&path(&made), &json!({"name": "cd", "expiration_days": 1})).await.ok();
    let expected = with(&with(&used, "name", json!("cd")), "expires_at", json!("2026-11-23T12:00:01Z"));
    assert_eq!(masked(changed), expected);
    let revoked = caller.delete(&path(&made)).await.ok();
    assert_eq!(masked(revoked), json!({"key_id": "KEY", "status": "revoked", "revoked_at": made_at.0}));
    let revoked = caller.get(&format!("{KEYS}?status=revoked")).await.ok();
    assert_eq!(masked(revoked["keys"][0].clone()), with(&expected, "status", json!("revoked")));
}

/// Each answer has its status and its code.
#[track_caller]
fn assert_codes(rows: &[(Answer, u16, &str)]) {
    for (place, (answer, status, code)) in rows.iter().enumerate() {
        assert_eq!(answer.status, *status, "row {place}: {}", answer.text);
        assert_error(answer, *status, code, "");
    }
}

fn good() -> Value {
    json!({"name": "ci", "permission_level": "read_write"})
}

/// One request for each row of the error table that whoever asks for keys can meet.
#[tokio::test]
async fn every_refusal_of_a_request_about_keys_has_its_code() {
    let (world, ada, caller, service) = ready().await;
    let reader = world.key(&ada, Permission::ReadOnly).await;
    let reader = world.caller(reader.secret.as_str());
    let short = world.key_for(&ada, Permission::ReadWrite, Some(1)).await;
    let gone = caller.post(KEYS, &good()).await.ok();
    caller.delete(&path(&gone)).await.ok();
    let both = caller.request(http::Method::GET, KEYS).header("x-api-key", secret(&gone));
    let text = caller.request(http::Method::POST, KEYS).header("content-type", "text/plain").body("{}");
    let large = format!("\"{}\"", "x".repeat(1 << 20));
    world.member("eve").await;
    assert_codes(&[
        (caller.post_text(KEYS, "{").await, 400, "invalid_request"),
        (caller.post(KEYS, &with(&good(), "name", json!(1))).await, 400, "invalid_request"),
        (world.anon().get(KEYS).await, 401, "unauthorized"),
        (world.caller("plx_sk_unknown").get(KEYS).await, 401, "invalid_key"),
        (answer(both).await, 401, "invalid_key"),
        (world.caller(secret(&gone)).get(KEYS).await, 401, "revoked_key"),
        (reader.post(KEYS, &good()).await, 403, "insufficient_permissions"),
        (caller.post(EVENTS, &prediction("d", &ada)).await, 403, "insufficient_permissions"),
        (service.caller.get(KEYS).await, 403, "insufficient_permissions"),
        (caller.get(&format!("{KEYS}/key_000000000000")).await, 404, "not_found"),
        (caller.patch(&path(&gone), &json!({"name": "x"})).await, 409, "conflict"),
        (caller.patch("/auth/user", &json!({"user_name": "eve"})).await, 409, "resource_exists"),
        (caller.post_text(KEYS, large).await, 413, "payload_too_large"),
        (answer(text).await, 415, "unsupported_media_type"),
        (caller.post(KEYS, &with(&good(), "colour", json!("red"))).await, 422, "validation_failed"),
        (caller.get(&format!("{KEYS}?limit=0")).await, 422, "validation_failed"),
    ]);
    world.clock.advance(ledger::time::DAY);
    assert_codes(&[(world.caller(short.secret.as_str()).get(KEYS).await, 401, "expired_key")]);
    world.console.set_user_status("ada@example.com", AccountStatus::Suspended).await.unwrap();
    assert_codes(&[(caller.post(KEYS, &good()).await, 403, "account_suspended")]);
}

/// The same of those who charge to a key.
#[tokio::test]
async fn every_refusal_of_a_charge_to_a_key_has_its_code() {
    let (world, ada, caller, _) = ready().await;
    let service = world.service_with(Scopes::of([Scope::Charge]), Some("test")).await;
    let poor = limited(&caller, limit("0.1", "day")).await;
    let reader = world.key(&ada, Permission::ReadOnly).await;
    let by = |id: &str, key: &str| with(&without(&prediction(id, &ada), "user_id"), "api_key", json!(key));
    let question = json!({"user_id": ada.user_id, "operation": "model.prediction", "quantity": 1});
    let post = async |event: Value| service.caller.post(EVENTS, &event).await;
    post(prediction("a", &ada)).await.ok();
    assert_codes(&[
        (post(with(&prediction("b", &ada), "quantity", json!(1_000))).await, 402, "insufficient_credits"),
        (spend(&service, "c", &poor, "2").await, 402, "spend_limit_reached"),
        (post(by("d", reader.secret.as_str())).await, 403, "insufficient_permissions"),
        (service.caller.post("/usage/check", &question).await, 403, "insufficient_permissions"),
        (post(with(&prediction("e", &ada), "source", json!("x"))).await, 403, "insufficient_permissions"),
        (post(by("f", "plx_sk_unknown")).await, 404, "not_found"),
        (post(with(&prediction("a", &ada), "quantity", json!(2))).await, 409, "conflict"),
    ]);
}

/// The same of those who ask too often.
#[tokio::test]
async fn every_refusal_of_too_many_requests_has_its_code_and_says_when_again() {
    let world = World::with(|config| config.rate_limits.accounts = 20).await;
    let caller = world.as_member(&world.member("ada").await).await;
    for n in 0..10 {
        caller.post(KEYS, &with(&good(), "name", json!(n.to_string()))).await.ok();
    }
    let eleventh = caller.post(KEYS, &good()).await;
    let mut last = caller.get(KEYS).await;
    while last.status == 200 {
        last = caller.get(KEYS).await;
    }
    assert_eq!((eleventh.header("retry-after"), last.header("retry-after")), ("3600", "60"));
    assert_codes(&[(eleventh, 429, "rate_limited"), (last, 429, "rate_limit_exceeded")]);
}
