//! `/auth/api-keys`: a customer's keys.

use serde_json::{Value, json};
use server::store::{AccountStatus, Permission};

use crate::harness::client::{Answer, Caller, assert_error};
use crate::harness::events::{EVENTS, prediction, with, without};
use crate::harness::{Member, World};

const KEYS: &str = "/auth/api-keys";

async fn ready() -> (World, Member, Caller) {
    let world = World::start().await;
    let ada = world.member_with("ada", "10").await;
    let caller = world.as_member(&ada).await;
    (world, ada, caller)
}

async fn make(caller: &Caller, name: &str) -> Answer {
    caller.post(KEYS, &json!({"name": name, "permission_level": "read_write"})).await
}

#[tokio::test]
async fn member_makes_a_key_and_sees_its_secret_once() {
    let (world, _, caller) = ready().await;
    let body = json!({"name": "ci", "permission_level": "read_only", "expiration_days": 7});
    let made = caller.post(KEYS, &body).await.ok();
    let secret = made["key"].as_str().unwrap();
    assert!(secret.starts_with("plx_sk_") && secret.len() > 30, "a strong secret");
    let id = made["key_id"].as_str().unwrap();
    assert!(id.starts_with("key_") && id.len() == 16, "{id}");
    assert_eq!(
        without(&without(&made, "key"), "key_id"),
        json!({
            "name": "ci", "permission_level": "read_only", "created_at": "2026-11-22T12:00:00Z",
            "expires_at": "2026-11-29T12:00:00Z", "created_by": "ada@example.com",
        })
    );
    world.caller(secret).get("/auth/user").await.ok();
    let shown = caller.get(&format!("{KEYS}/{id}")).await.ok();
    let list = caller.get(KEYS).await.ok();
    assert!(
        !shown.to_string().contains(secret) && !list.to_string().contains(secret),
        "a secret is shown once"
    );
    assert_eq!(shown["key_prefix"], secret[..11]);
    assert_eq!(shown["key_suffix"], secret[secret.len() - 4..]);
    assert_eq!(shown["status"], "active");
}

#[tokio::test]
async fn member_sees_how_much_a_key_is_used() {
    let (world, ada, caller) = ready().await;
    let key = world.key(&ada, Permission::ReadOnly).await;
    let path = format!("{KEYS}/{}", key.key.id);
    let unused = caller.get(&path).await.ok();
    assert_eq!(
        (&unused["last_used_at"], &unused["usage_stats"]["requests_last_24h"]),
        (&Value::Null, &json!(0))
    );
    let holder = world.caller(key.secret.as_str());
    for _ in 0..3 {
        holder.get("/auth/user").await.ok();
    }
    world.clock.advance(2 * ledger::time::DAY);
    holder.get("/auth/user").await.ok();
    let busy = caller.get(&path).await.ok();
    assert_eq!(
        busy["usage_stats"],
        json!({"requests_last_24h": 1, "requests_last_7d": 4, "requests_last_30d": 4})
    );
    assert_eq!(busy["last_used_at"], "2026-11-24T12:00:00Z");
}

#[tokio::test]
async fn readers_at_the_same_moment_see_the_same_use_of_a_key() {
    let (world, ada, _) = ready().await;
    let key = world.key_for(&ada, Permission::ReadOnly, None).await;
    let holder = world.caller(key.secret.as_str());
    for used in 1..=20 {
        holder.get("/auth/user").await.ok();
        let read = || world.console.api_key_usage(ada.account_no, &key.key.id);
        let (first, second) = tokio::join!(read(), read());
        assert_eq!((first.unwrap().1.last_24h, second.unwrap().1.last_24h), (used, used));
    }
}

#[tokio::test]
async fn member_lists_keys_newest_first_in_pages() {
    let (world, _, caller) = ready().await;
    for name in ["one", "two", "three"] {
        world.clock.advance(1);
        make(&caller, name).await.ok();
    }
    let names = |list: &Value| -> Vec<String> {
        list["keys"].as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap().to_owned()).collect()
    };
    let list = caller.get(KEYS).await.ok();
    assert_eq!(names(&list), ["three", "two", "one", "a key"]);
    assert_eq!(list["pagination"], json!({"total": 4, "limit": 20, "offset": 0, "has_more": false}));
    let list = caller.get(&format!("{KEYS}?limit=2&offset=1")).await.ok();
    assert_eq!(names(&list), ["two", "one"]);
    assert_eq!(list["pagination"], json!({"total": 4, "limit": 2, "offset": 1, "has_more": true}));
    let path = format!("{KEYS}/{}", list["keys"][0]["key_id"].as_str().unwrap());
    caller.delete(&path).await.ok();
    assert_eq!(names(&caller.get(&format!("{KEYS}?status=revoked")).await.ok()), ["two"]);
    assert_eq!(names(&caller.get(&format!("{KEYS}?status=active")).await.ok()), ["three", "one", "a key"]);
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("offset=-1", "offset"),
        ("status=gone", "status"),
        ("x=1", "x"),
    ] {
        assert_error(&caller.get(&format!("{KEYS}?{query}")).await, 422, "validation_failed", field);
    }
}

#[tokio::test]
async fn member_makes_keys_with_bad_input() {
    let (_world, _, caller) = ready().await;
    let good = json!({"name": "ci", "permission_level": "read_only"});
    for (status, code, field, body) in [
        (422, "validation_failed", "name", without(&good, "name")),
        (422, "validation_failed", "name", with(&good, "name", json!(""))),
        (422, "validation_failed", "name", with(&good, "name", json!("x".repeat(101)))),
        (422, "validation_failed", "name", with(&good, "name", json!("a\nb"))),
        (400, "invalid_request", "name", with(&good, "name", json!(1))),
        (422, "validation_failed", "permission_level", without(&good, "permission_level")),
        (422, "validation_failed", "permission_level", with(&good, "permission_level", json!("admin"))),
        (422, "validation_failed", "expiration_days", with(&good, "expiration_days", json!(0))),
        (422, "validation_failed", "expiration_days", with(&good, "expiration_days", json!(-1))),
        (422, "validation_failed", "expiration_days", with(&good, "expiration_days", json!(3_651))),
        (400, "invalid_request", "expiration_days", with(&good, "expiration_days", json!(1.5))),
        (400, "invalid_request", "expiration_days", with(&good, "expiration_days", json!("7"))),
        (422, "validation_failed", "expires_in", with(&good, "expires_in", json!(7))),
        (400, "invalid_request", "object", json!([good])),
    ] {
        assert_error(&caller.post(KEYS, &body).await, status, code, field);
    }
    assert_eq!(caller.get(KEYS).await.ok()["pagination"]["total"], 1, "only the one that asked");
}

#[tokio::test]
async fn member_changes_name_and_expiry_but_not_the_level() {
    let (world, ada, caller) = ready().await;
    let key = world.key(&ada, Permission::ReadOnly).await;
    let path = format!("{KEYS}/{}", key.key.id);
    let changed = caller.patch(&path, &json!({"name": "renamed", "expiration_days": 1})).await.ok();
    assert_eq!(
        (&changed["name"], &changed["expires_at"]),
        (&json!("renamed"), &json!("2026-11-23T12:00:00Z"))
    );
    let refused = caller.patch(&path, &json!({"permission_level": "read_write"})).await;
    assert_error(&refused, 422, "validation_failed", "permission_level");
    let renamed_only = caller.patch(&path, &json!({"name": "again"})).await.ok();
    assert_eq!(renamed_only["expires_at"], "2026-11-23T12:00:00Z");
    caller.delete(&path).await.ok();
    assert_error(&caller.patch(&path, &json!({"name": "late"})).await, 409, "conflict", "revoked");
}

#[tokio::test]
async fn member_revokes_a_key_for_ever() {
    let (world, ada, caller) = ready().await;
    let key = world.key(&ada, Permission::ReadWrite).await;
    let path = format!("{KEYS}/{}", key.key.id);
    let user = world.caller(key.secret.as_str());
    user.get("/auth/user").await.ok();
    let revoked = caller.delete(&path).await.ok();
    assert_eq!(
        revoked,
        json!({"key_id": key.key.id.to_string(), "status": "revoked", "revoked_at": "2026-11-22T12:00:00Z"})
    );
    assert_error(&user.get("/auth/user").await, 401, "revoked_key", "revoked");
    world.clock.advance(1_000_000);
    let before = world.changes().await;
    world.clock.advance(1);
    assert_eq!(caller.delete(&path).await.ok(), revoked, "again changes nothing");
    assert_eq!(world.changes().await, before, "and is no news");
}

#[tokio::test]
async fn member_makes_a_key_with_a_key_that_gets_no_more_than_its_maker() {
    let (world, ada, _) = ready().await;
    let maker = world.key_for(&ada, Permission::ReadWrite, Some(5)).await;
    let caller = world.caller(maker.secret.as_str());
    let body = json!({"name": "longer", "permission_level": "read_write", "expiration_days": 30});
    assert_eq!(caller.post(KEYS, &body).await.ok()["expires_at"], "2026-11-27T12:00:00Z");
    assert_eq!(make(&caller, "for ever").await.ok()["expires_at"], "2026-11-27T12:00:00Z");
    let key = world.key(&ada, Permission::ReadWrite).await;
    let changed = caller.patch(&format!("{KEYS}/{}", key.key.id), &json!({"expiration_days": 90})).await.ok();
    assert_eq!(changed["expires_at"], "2026-11-27T12:00:00Z");
}

#[tokio::test]
async fn member_with_a_read_only_key_changes_nothing() {
    let (world, ada, caller) = ready().await;
    let key = world.key(&ada, Permission::ReadOnly).await;
    let reader = world.caller(key.secret.as_str());
    reader.get(KEYS).await.ok();
    let path = format!("{KEYS}/{}", key.key.id);
    for refused in [
        make(&reader, "more").await,
        reader.patch(&path, &json!({"name": "x"})).await,
        reader.delete(&path).await,
    ] {
        assert_error(&refused, 403, "insufficient_permissions", "read_only");
    }
    assert_eq!(caller.get(&path).await.ok()["status"], "active");
}

#[tokio::test]
async fn member_of_a_suspended_account_makes_no_key() {
    let (world, _, caller) = ready().await;
    world.console.set_user_status("ada@example.com", AccountStatus::Suspended).await.unwrap();
    assert_error(&make(&caller, "more").await, 403, "account_suspended", "suspended");
}

#[tokio::test]
async fn member_makes_ten_keys_an_hour() {
    let (world, _, caller) = ready().await;
    for n in 0..10 {
        make(&caller, &format!("key {n}")).await.ok();
    }
    let refused = make(&caller, "one too many").await;
    assert_error(&refused, 429, "rate_limited", "60 minutes");
    assert_eq!(refused.header("retry-after"), "3600");
    let bob = world.member("bob").await;
    make(&world.as_member(&bob).await, "another account").await.ok();
    world.clock.advance(3_600_000_000);
    make(&caller, "an hour later").await.ok();
    assert_eq!(caller.get(KEYS).await.ok()["pagination"]["total"], 12);
}

#[tokio::test]
async fn member_cannot_touch_keys_of_others() {
    let (world, _, caller) = ready().await;
    let bob = world.member("bob").await;
    let key = world.key(&bob, Permission::ReadWrite).await;
    for id in [key.key.id.as_str(), "key_000000000000", "key_", "nothing", "%01"] {
        let path = format!("{KEYS}/{id}");
        assert_error(&caller.get(&path).await, 404, "not_found", "");
        assert_error(&caller.patch(&path, &json!({"name": "mine"})).await, 404, "not_found", "");
        assert_error(&caller.delete(&path).await, 404, "not_found", "");
    }
    let kept = world.as_member(&bob).await.get(&format!("{KEYS}/{}", key.key.id)).await.ok();
    assert_eq!((&kept["status"], &kept["name"]), (&json!("active"), &json!("a key")));
}

#[tokio::test]
async fn anon_and_service_have_no_keys_of_customers() {
    let world = World::start().await;
    let service = world.service().await;
    assert_error(&world.anon().get(KEYS).await, 401, "unauthorized", "key");
    assert_error(&make(&world.anon(), "x").await, 401, "unauthorized", "key");
    assert_error(&service.caller.get(KEYS).await, 403, "insufficient_permissions", "service key");
    assert_error(&make(&service.caller, "x").await, 403, "insufficient_permissions", "service key");
}

#[tokio::test]
async fn a_key_that_is_revoked_stops_spending_with_the_next_event() {
    let (world, ada, caller) = ready().await;
    let service = world.service().await;
    let made = make(&caller, "spender").await.ok();
    let by_key = |id: &str| with(&without(&prediction(id, &ada), "user_id"), "api_key", made["key"].clone());
    service.caller.post(EVENTS, &by_key("a")).await.ok();
    caller.delete(&format!("{KEYS}/{}", made["key_id"].as_str().unwrap())).await.ok();
    assert_error(&service.caller.post(EVENTS, &by_key("b")).await, 404, "not_found", "api_key");
}
