//! `GET /auth/user`, `GET /usage/profile`, `GET /usage/current`: who calls and what can be spent.

use serde_json::{Value, json};
use server::store::{AccountStatus, Permission};

use crate::harness::client::{amount, assert_error};
use crate::harness::events::{EVENTS, prediction, with};
use crate::harness::visitor::whole_token;
use crate::harness::{START, World, credits};

const ROUTES: [&str; 3] = ["/auth/user", "/usage/profile", "/usage/current"];

fn names(value: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = value.as_object().expect("an object").keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn member_reads_the_account_as_documented() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "100").await, world.service().await);
    let caller = world.as_member(&ada).await;
    service.caller.post(EVENTS, &prediction("a", &ada)).await.ok();
    let user = caller.get("/auth/user").await.ok();
    assert_eq!(
        user,
        json!({
            "user_id": ada.user_id.to_string(), "email": "ada@example.com", "name": "ada", "user_name": "ada",
            "credits": 99.9, "consumption": 0.1, "is_active": true, "has_api_key": true,
        })
    );
    let profile = caller.get("/usage/profile").await.ok();
    assert_eq!(
        profile,
        json!({
            "user_id": ada.user_id.to_string(), "email": "ada@example.com", "name": "ada",
            "usage": {"credits": 99.9, "consumption": 0.1},
        })
    );
    let current = caller.get("/usage/current").await.ok();
    let expected = ["consumption", "credits", "debt", "held", "period_end", "period_start", "plan", "seq"];
    assert_eq!(names(&current), expected);
    assert_eq!(
        (amount(&current["credits"]), amount(&current["consumption"])),
        (credits("99.9"), credits("0.1"))
    );
    assert_eq!((&current["held"], &current["debt"], &current["seq"]), (&json!(0), &json!(0), &json!(2)));
    assert_eq!(current["period_start"], "2026-11-01T00:00:00Z");
    assert_eq!(current["period_end"], "2026-12-01T00:00:00Z");
}

#[tokio::test]
async fn member_sees_consumption_of_this_month_by_the_time_of_the_events() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "100").await, world.service().await);
    let caller = world.as_member(&ada).await;
    for (id, time) in [("october", "2026-10-31T23:59:59Z"), ("november", "2026-11-01T00:00:00Z")] {
        service.caller.post(EVENTS, &with(&prediction(id, &ada), "occurred_at", json!(time))).await.ok();
    }
    let current = caller.get("/usage/current").await.ok();
    assert_eq!(
        (amount(&current["credits"]), amount(&current["consumption"])),
        (credits("99.8"), credits("0.1"))
    );
    world.clock.advance(9 * ledger::time::DAY);
    assert_eq!(caller.get("/usage/current").await.ok()["consumption"], 0);
}

#[tokio::test]
async fn member_sees_a_grant_end_on_time() {
    let world = World::start().await;
    let ada = world.member("ada").await;
    let caller = world.as_member(&ada).await;
    world.grant_until(&ada, "5", Some(START.saturating_add(1_000_000))).await;
    world.grant(&ada, "2").await;
    world.clock.advance(999_999);
    assert_eq!(caller.get("/usage/current").await.ok()["credits"], 7);
    world.clock.advance(1);
    let current = caller.get("/usage/current").await.ok();
    assert_eq!((&current["credits"], &current["seq"]), (&json!(2), &json!(3)), "the expiry is in the books");
    world.verify(&ada).await;
}

#[tokio::test]
async fn member_with_a_read_only_key_may_read_everything_here() {
    let world = World::start().await;
    let ada = world.member("ada").await;
    let key = world.key(&ada, Permission::ReadOnly).await;
    for route in ROUTES {
        world.caller(key.secret.as_str()).get(route).await.ok();
    }
}

#[tokio::test]
async fn member_of_a_suspended_account_may_read_that_it_is() {
    let world = World::start().await;
    let ada = world.member("ada").await;
    let caller = world.as_member(&ada).await;
    world.console.set_user_status("ada@example.com", AccountStatus::Suspended).await.unwrap();
    assert_eq!(caller.get("/auth/user").await.ok()["is_active"], false);
}

#[tokio::test]
async fn member_sees_nothing_of_others() {
    let world = World::start().await;
    let (ada, bob) = (world.member_with("ada", "1").await, world.member_with("bob", "22").await);
    let (as_ada, as_bob) = (world.as_member(&ada).await, world.as_member(&bob).await);
    for route in ROUTES {
        assert!(!as_ada.get(route).await.ok().to_string().contains("22,"), "{route}");
        assert!(!as_ada.get(route).await.ok().to_string().contains("bob"), "{route}");
    }
    assert_eq!(as_bob.get("/usage/current").await.ok()["credits"], 22);
}

#[tokio::test]
async fn anon_and_service_have_no_account() {
    let world = World::start().await;
    let service = world.service().await;
    for route in ROUTES {
        assert_error(&world.anon().get(route).await, 401, "unauthorized", "key");
        assert_error(&service.caller.get(route).await, 403, "insufficient_permissions", "service key");
    }
}

#[tokio::test]
async fn member_misspells_a_parameter_and_is_told() {
    let world = World::start().await;
    let caller = world.as_member(&world.member("ada").await).await;
    for route in ROUTES {
        assert_error(&caller.get(&format!("{route}?perod=2026")).await, 422, "validation_failed", "perod");
    }
}

#[tokio::test]
async fn member_with_an_expired_key_is_told_so() {
    let world = World::start().await;
    let ada = world.member("ada").await;
    let key = world.key_for(&ada, Permission::ReadOnly, Some(1)).await;
    let caller = world.caller(key.secret.as_str());
    world.clock.advance(ledger::time::DAY - 1);
    caller.get("/auth/user").await.ok();
    world.clock.advance(1);
    for route in ROUTES {
        assert_error(&caller.get(route).await, 401, "expired_key", "expired");
    }
}

#[tokio::test]
async fn member_changes_name_and_user_name() {
    let world = World::start().await;
    let caller = world.as_member(&world.member_with("ada", "5").await).await;
    let body = json!({"name": "  Ada Lovelace ", "user_name": "Countess.Ada"});
    let changed = caller.patch("/auth/user", &body).await.ok();
    assert_eq!((&changed["name"], &changed["user_name"]), (&json!("Ada Lovelace"), &json!("countess.ada")));
    assert_eq!(changed, caller.get("/auth/user").await.ok(), "the answer is that of GET");
    let one = caller.patch("/v1/auth/user", &json!({"name": "Ada"})).await.ok();
    assert_eq!((&one["name"], &one["user_name"]), (&json!("Ada"), &json!("countess.ada")));
    let none = caller.patch("/auth/user", &json!({"name": null})).await.ok();
    assert_eq!(none, one, "what is not given stays");
    let same = caller.patch("/auth/user", &json!({"user_name": "countess.ada"})).await.ok();
    assert_eq!(same, one, "one's own name is not taken");
}

#[tokio::test]
async fn member_is_told_which_name_cannot_be() {
    let world = World::start().await;
    world.member("bob").await;
    let caller = world.as_member(&world.member("ada").await).await;
    let before = caller.get("/auth/user").await.ok();
    let long = "a".repeat(1_000);
    for name in ["", "   ", "\u{200b}", "\u{202e}adA", "a\nb", "a\u{1}", &long] {
        let refused = caller.patch("/auth/user", &json!({"name": name})).await;
        assert_error(&refused, 422, "validation_failed", "name must be one line");
    }
    for user_name in ["", " ", "a b", ".ada", "ädä", "<script>alert(1)</script>", &long] {
        let refused = caller.patch("/auth/user", &json!({"user_name": user_name})).await;
        assert_error(&refused, 422, "validation_failed", "user_name must have");
    }
    for user_name in ["bob", "BOB", " bob "] {
        let refused = caller.patch("/auth/user", &json!({"name": "New", "user_name": user_name})).await;
        assert_error(&refused, 409, "resource_exists", "user_name is taken");
    }
    for (body, mentions) in [
        (json!({"name": 7}), "name must be text"),
        (json!({"user_name": ["bob"]}), "user_name must be text"),
        (json!([]), "object"),
    ] {
        assert_error(&caller.patch("/auth/user", &body).await, 400, "invalid_request", mentions);
    }
    for field in ["email", "time_zone", "user_id", "credits", "nmae"] {
        let refused = caller.patch("/auth/user", &json!({field: "x", "name": "New"})).await;
        assert_error(&refused, 422, "validation_failed", field);
    }
    assert_eq!(caller.get("/auth/user").await.ok(), before, "nothing was changed");
}

#[tokio::test]
async fn member_may_be_called_anything_that_is_text() {
    let world = World::start().await;
    let caller = world.as_member(&world.member("ada").await).await;
    for name in ["<script>alert(1)</script>", "O’Neil'; --", "👩\u{200d}💻", &"ä".repeat(100)] {
        let changed = caller.patch("/auth/user", &json!({"name": name})).await.ok();
        assert_eq!(changed["name"], name);
    }
}

#[tokio::test]
async fn only_members_who_may_write_change_who_they_are() {
    let world = World::start().await;
    let (ada, service) = (world.member("ada").await, world.service().await);
    let body = json!({"name": "Eve"});
    assert_error(&world.anon().patch("/auth/user", &body).await, 401, "unauthorized", "key");
    let refused = service.caller.patch("/auth/user", &body).await;
    assert_error(&refused, 403, "insufficient_permissions", "service key");
    let key = world.key(&ada, Permission::ReadOnly).await;
    let refused = world.caller(key.secret.as_str()).patch("/auth/user", &body).await;
    assert_error(&refused, 403, "insufficient_permissions", "read_only");
    let caller = world.as_member(&ada).await;
    world.console.set_user_status("ada@example.com", AccountStatus::Suspended).await.unwrap();
    assert_error(&caller.patch("/auth/user", &body).await, 403, "account_suspended", "suspended");
    assert_eq!(caller.get("/auth/user").await.ok()["name"], "ada");
    world.visitor(&ada, "token").await;
    let request = world.anon().request(http::Method::PATCH, "/auth/user").json(&body);
    let by_cookie = crate::harness::client::answer(
        request.header("cookie", format!("plexe_session={}", whole_token("token"))),
    )
    .await;
    assert_error(&by_cookie, 401, "unauthorized", "key");
}
