//! Keys that belong together: one in the place of another, and those made with a key.

use ledger::time::{DAY, SECOND};
use serde_json::{Value, json};
use server::store::Permission;

use super::{KEYS, limit, limited, path, predictions, ready, secret, spend, spent};
use crate::harness::client::{Caller, assert_error};
use crate::harness::events::{EVENTS, with, without};

fn rotation(key: &Value) -> String {
    format!("{}/rotate", path(key))
}

#[tokio::test]
async fn member_rotates_a_key_in_one_call_and_both_work_for_a_while() {
    let (world, _, caller, service) = ready().await;
    let body = json!({
        "name": "ci", "permission_level": "read_write", "expiration_days": 30, "spend_limit": limit("1", "month"),
    });
    let old = caller.post(KEYS, &body).await.ok();
    world.clock.advance(DAY);
    spend(&service, "a", &old, "4").await.ok();
    let new = caller.post(&rotation(&old), &json!({"overlap_s": 7200})).await.ok();
    let new_secret = secret(&new).to_owned();
    assert!(new_secret.starts_with("plx_sk_") && new_secret != secret(&old));
    assert_eq!(
        without(&without(&new, "key"), "key_id"),
        json!({
            "name": "ci", "permission_level": "read_write", "created_at": "2026-11-23T12:00:00Z",
            "expires_at": "2026-12-22T12:00:00Z", "created_by": "ada@example.com",
            "spend_limit": {
                "amount": 1, "period": "month", "mode": "hard", "spent": 0.4, "is_reached": false,
                "period_start": "2026-11-01T00:00:00Z", "period_end": "2026-12-01T00:00:00Z",
            },
            "replaces": {"key_id": old["key_id"], "expires_at": "2026-11-23T14:00:00Z"},
        })
    );
    let shown = caller.get(&path(&new)).await.ok();
    assert_eq!((&shown["replaces"], &shown["status"]), (&old["key_id"], &json!("active")));
    for key in [&old, &new] {
        world.caller(secret(key)).get("/usage/current").await.ok();
    }
    spend(&service, "b", &new, "4").await.ok();
    assert_error(&spend(&service, "c", &old, "3").await, 402, "spend_limit_reached", "0.8 are spent");
    spend(&service, "c", &old, "2").await.ok();
    assert_error(&spend(&service, "d", &new, "1").await, 402, "spend_limit_reached", "limit");
    world.clock.advance(7_200 * SECOND);
    assert_error(&world.caller(secret(&old)).get("/usage/current").await, 401, "expired_key", "expired");
    assert_error(&spend(&service, "d", &old, "1").await, 404, "not_found", "api_key");
    world.caller(&new_secret).get("/usage/current").await.ok();
    assert_eq!(spent(&caller, &new).await, "1");
}

#[tokio::test]
async fn member_rotates_with_a_day_of_overlap_where_nothing_else_is_said() {
    let (world, _, caller, _) = ready().await;
    let old = limited(&caller, limit("1", "day")).await;
    let new = crate::harness::client::answer(caller.request(http::Method::POST, &rotation(&old))).await.ok();
    assert_eq!(new["replaces"]["expires_at"], "2026-11-23T12:00:00Z");
    assert_eq!(new["expires_at"], Value::Null);
    let other = caller.post(&rotation(&new), &json!({"overlap_s": 0, "expiration_days": 5})).await.ok();
    assert_eq!(other["expires_at"], "2026-11-27T12:00:00Z");
    assert_error(&world.caller(secret(&new)).get("/usage/current").await, 401, "expired_key", "expired");
    world.caller(secret(&old)).get("/usage/current").await.ok();
}

#[tokio::test]
async fn member_is_told_why_a_key_can_t_be_rotated() {
    let (world, ada, caller, _) = ready().await;
    let old = limited(&caller, limit("1", "day")).await;
    for (field, value) in
        [("overlap_s", 604_801), ("expiration_days", 0), ("expiration_days", 3_651), ("x", 1)]
    {
        let refused = caller.post(&rotation(&old), &json!({field: value})).await;
        assert_error(&refused, 422, "validation_failed", field);
    }
    let refused = caller.post(&rotation(&old), &json!({"overlap_s": "1 day"})).await;
    assert_error(&refused, 400, "invalid_request", "overlap_s");
    for nobody in ["key_000000000000", "nothing"] {
        assert_error(
            &caller.post(&format!("{KEYS}/{nobody}/rotate"), &json!({})).await,
            404,
            "not_found",
            "",
        );
    }
    let bob = world.member("bob").await;
    let refused = world.as_member(&bob).await.post(&rotation(&old), &json!({})).await;
    assert_error(&refused, 404, "not_found", "");
    caller.post(&rotation(&old), &json!({})).await.ok();
    assert_error(&caller.post(&rotation(&old), &json!({})).await, 409, "conflict", "rotated before");
    let revoked = limited(&caller, limit("1", "day")).await;
    caller.delete(&path(&revoked)).await.ok();
    assert_error(&caller.post(&rotation(&revoked), &json!({})).await, 409, "conflict", "revoked");
    let reader = world.key(&ada, Permission::ReadOnly).await;
    let refused = world.caller(reader.secret.as_str()).post(&rotation(&old), &json!({})).await;
    assert_error(&refused, 403, "insufficient_permissions", "read_only");
}

#[tokio::test]
async fn a_key_rotates_itself_and_its_own_and_outlives_nothing_by_it() {
    let (world, ada, caller, _) = ready().await;
    let maker = world.key_for(&ada, Permission::ReadWrite, Some(5)).await;
    let holder = world.caller(maker.secret.as_str());
    let own = json!({"key_id": maker.key.id});
    let child = limited(&holder, limit("1", "day")).await;
    let new_child = holder.post(&rotation(&child), &json!({"expiration_days": 90})).await.ok();
    assert_eq!(new_child["expires_at"], "2026-11-27T12:00:00Z", "its maker's end");
    let other = limited(&caller, limit("1", "day")).await;
    assert_error(
        &holder.post(&rotation(&other), &json!({})).await,
        403,
        "insufficient_permissions",
        "itself",
    );
    let myself = holder.post(&rotation(&own), &json!({"expiration_days": 90})).await.ok();
    assert_eq!(myself["expires_at"], "2026-11-27T12:00:00Z", "a key does not make its own life longer");
    // What was made with the old one ends with it.
    let shown = caller.get(&path(&new_child)).await.ok();
    assert_eq!(shown["expires_at"], "2026-11-23T12:00:00Z");
}

#[tokio::test]
async fn successors_count_among_the_ten_new_keys_of_an_hour() {
    let (world, _, caller, _) = ready().await;
    let mut key = limited(&caller, limit("1", "day")).await;
    for _ in 1..10 {
        key = caller.post(&rotation(&key), &json!({})).await.ok();
    }
    let refused = caller.post(&rotation(&key), &json!({})).await;
    assert_error(&refused, 429, "rate_limited", "60 minutes");
    assert_eq!(refused.header("retry-after"), "3600");
    // On every server alike, and after a start as well.
    let world = world.restart().await;
    let caller = world.caller(secret(&key));
    assert_error(&caller.post(&rotation(&key), &json!({})).await, 429, "rate_limited", "60 minutes");
    world.clock.advance(3_600 * SECOND);
    caller.post(&rotation(&key), &json!({})).await.ok();
}

#[tokio::test]
async fn a_key_made_with_a_limited_key_spends_from_that_limit() {
    let (world, ada, caller, service) = ready().await;
    let maker = limited(&caller, limit("1", "day")).await;
    let holder = world.caller(secret(&maker));
    let plain = json!({"name": "child", "permission_level": "read_write"});
    let child = holder.post(KEYS, &plain).await.ok();
    assert_eq!(child["spend_limit"]["amount"], json!(1), "it has its maker's limit");
    let small = holder.post(KEYS, &with(&plain, "spend_limit", limit("0.2", "day"))).await.ok();
    let large = holder.post(KEYS, &with(&plain, "spend_limit", limit("5", "day"))).await.ok();
    assert_eq!(large["spend_limit"]["amount"], json!(1), "at most its maker's");
    spend(&service, "a", &small, "2").await.ok();
    let refused = spend(&service, "b", &small, "1").await;
    assert_eq!(refused.body["error"]["details"]["limit"]["key_id"], small["key_id"]);
    spend(&service, "b", &child, "5").await.ok();
    let refused = spend(&service, "c", &large, "4").await;
    assert_error(&refused, 402, "spend_limit_reached", "0.7 are spent");
    assert_eq!(refused.body["error"]["details"]["limit"]["key_id"], maker["key_id"], "its maker's limit");
    spend(&service, "c", &maker, "3").await.ok();
    for key in [&maker, &child, &large] {
        assert_error(&spend(&service, "d", key, "1").await, 402, "spend_limit_reached", "limit");
    }
    let of = async |key: &Value| spent(&caller, key).await;
    assert_eq!(
        (of(&maker).await, of(&child).await, of(&small).await),
        ("1".into(), "0.5".into(), "0.2".into())
    );
    // A limit that comes later counts what was made with the key before.
    let free = world.as_member(&ada).await;
    let late = free.post(KEYS, &plain).await.ok();
    let grandchild = world.caller(secret(&late)).post(KEYS, &plain).await.ok();
    assert!(grandchild.get("spend_limit").is_none());
    spend(&service, "e", &grandchild, "2").await.ok();
    caller.patch(&path(&late), &json!({"spend_limit": limit("0.3", "day")})).await.ok();
    spend(&service, "f", &grandchild, "1").await.ok();
    assert_error(&spend(&service, "g", &grandchild, "1").await, 402, "spend_limit_reached", "0.3 are spent");
    world.verify(&ada).await;
}

#[tokio::test]
async fn a_limited_key_changes_no_limits() {
    let (world, _, caller, _) = ready().await;
    let maker = limited(&caller, limit("1", "day")).await;
    let holder = world.caller(secret(&maker));
    let child = holder.post(KEYS, &json!({"name": "c", "permission_level": "read_write"})).await.ok();
    let other = limited(&caller, limit("1", "day")).await;
    let grandchild: Caller = world.caller(secret(&child));
    for who in [&holder, &grandchild] {
        for key in [&maker, &child, &other] {
            for value in [Value::Null, limit("100", "day"), limit("0.1", "day")] {
                let refused = who.patch(&path(key), &json!({"spend_limit": value})).await;
                assert_error(&refused, 403, "insufficient_permissions", "limit of its own");
            }
        }
    }
    holder.patch(&path(&child), &json!({"name": "renamed"})).await.ok();
    let changed = caller.patch(&path(&child), &json!({"spend_limit": limit("50", "day")})).await.ok();
    assert_eq!(changed["spend_limit"]["amount"], json!(1), "also its owner gives it at most its maker's");
}

#[tokio::test]
async fn a_key_ends_with_the_key_it_was_made_with() {
    let (world, _, caller, service) = ready().await;
    let plain = json!({"name": "k", "permission_level": "read_write"});
    let maker = caller.post(KEYS, &plain).await.ok();
    let child = world.caller(secret(&maker)).post(KEYS, &plain).await.ok();
    let grandchild = world.caller(secret(&child)).post(KEYS, &plain).await.ok();
    assert_eq!(grandchild["expires_at"], Value::Null);
    caller.patch(&path(&maker), &json!({"expiration_days": 3})).await.ok();
    for key in [&child, &grandchild] {
        assert_eq!(caller.get(&path(key)).await.ok()["expires_at"], "2026-11-25T12:00:00Z");
    }
    let longer = caller.patch(&path(&child), &json!({"expiration_days": 30})).await.ok();
    assert_eq!(longer["expires_at"], "2026-11-25T12:00:00Z");
    caller.patch(&path(&maker), &json!({"expiration_days": 30})).await.ok();
    let kept = caller.get(&path(&child)).await.ok();
    assert_eq!(kept["expires_at"], "2026-11-25T12:00:00Z", "a longer life of the one is not the other's");
    spend(&service, "a", &grandchild, "1").await.ok();
    caller.delete(&path(&maker)).await.ok();
    for key in [&maker, &child, &grandchild] {
        assert_eq!(caller.get(&path(key)).await.ok()["status"], "revoked");
        let refused = service.caller.post(EVENTS, &predictions("b", key, "1")).await;
        assert_error(&refused, 404, "not_found", "api_key");
        assert_error(&world.caller(secret(key)).get("/usage/current").await, 401, "revoked_key", "revoked");
    }
}
