//! What every answer has: envelopes for whatever is refused, request ids, CORS, the `/v1` alias, both key headers.

use http::Method;
use serde_json::json;
use server::store::Permission;

use crate::harness::World;
use crate::harness::client::{answer, assert_error};
use crate::harness::events::{EVENTS, prediction};

/// Every path of the API, with a method it answers.
const ROUTES: [(&str, &str); 13] = [
    ("POST", "/usage/events"),
    ("GET", "/usage/events"),
    ("GET", "/usage/events/evt_1"),
    ("GET", "/usage/events/source/id"),
    ("POST", "/usage/check"),
    ("GET", "/usage/profile"),
    ("GET", "/usage/current"),
    ("GET", "/usage/history"),
    ("GET", "/usage/stream"),
    ("GET", "/auth/user"),
    ("GET", "/auth/api-keys"),
    ("GET", "/auth/api-keys/key_1"),
    ("GET", "/rate-card"),
];

#[tokio::test]
async fn anon_finds_no_other_paths() {
    let world = World::start().await;
    let anon = world.anon();
    for path in [
        "/usage/",
        "/usage/nothing",
        "/usage/events/a/b/c",
        "/auth/nothing",
        "/auth/user/",
        "/credits/nothing",
        "/billing/plans",
        "/v1",
        "/v1/",
        "/v1/nothing",
        "/v1/usage/nothing",
        "/v2/usage/events",
        "/rate-card/x",
        "/nothing",
    ] {
        assert_error(&anon.get(path).await, 404, "not_found", "");
    }
}

#[tokio::test]
async fn anon_uses_the_wrong_method_and_is_told_the_right_ones() {
    let world = World::start().await;
    for (_, path) in ROUTES {
        for path in [path.to_owned(), format!("/v1{path}")] {
            let refused = answer(world.anon().request(Method::PUT, &path)).await;
            assert_error(&refused, 405, "method_not_allowed", "");
            let allowed = refused.header("allow");
            assert!(allowed.contains("GET") || allowed.contains("POST"), "{path}: {allowed:?}");
        }
    }
}

#[tokio::test]
async fn anon_is_refused_everywhere_but_at_the_price_list() {
    let world = World::start().await;
    for (method, path) in ROUTES {
        let request = world.anon().request(method.parse().unwrap(), path);
        let answer = answer(request.header("content-type", "application/json").body("{}")).await;
        if path == "/rate-card" {
            answer.ok();
        } else {
            assert_error(&answer, 401, "unauthorized", "key");
        }
    }
}

#[tokio::test]
async fn the_version_in_the_path_changes_nothing() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "10").await, world.service().await);
    let member = world.as_member(&ada).await;
    service.caller.post("/v1/usage/events", &prediction("a", &ada)).await.ok();
    for (method, path) in ROUTES {
        if method == "GET" && path != "/usage/stream" {
            let (plain, alias) = (member.get(path).await, member.get(&format!("/v1{path}")).await);
            assert_eq!(plain.status, alias.status, "{path}");
            if plain.status == 200 && !path.starts_with("/auth/api-keys") {
                assert_eq!(plain.body, alias.body, "{path}");
            }
        }
    }
    let question = json!({"user_id": ada.user_id.to_string(), "operation": "account.read", "quantity": 1});
    service.caller.post("/v1/usage/check", &question).await.ok();
}

#[tokio::test]
async fn service_sends_something_that_does_not_say_it_is_json() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "10").await, world.service().await);
    let before = world.books().await;
    for kind in [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("application/jsonp"),
        Some("json"),
    ] {
        let mut request =
            service.caller.request(Method::POST, EVENTS).body(prediction("a", &ada).to_string());
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        assert_error(&answer(request).await, 415, "unsupported_media_type", "application/json");
    }
    assert_eq!(world.books().await, before);
    let request = service.caller.request(Method::POST, EVENTS).body(prediction("a", &ada).to_string());
    answer(request.header("content-type", "Application/JSON; charset=utf-8")).await.ok();
}

#[tokio::test]
async fn anon_gets_a_request_id_and_its_own_back() {
    let world = World::start().await;
    let with_id = async |id: &str| {
        let request = world.anon().request(Method::GET, "/auth/user").header("x-request-id", id);
        answer(request).await
    };
    let longest = "x".repeat(128);
    for id in ["trace-1", "!~", &longest] {
        let answer = with_id(id).await;
        assert_eq!(answer.header("x-request-id"), id);
        assert_error(&answer, 401, "unauthorized", "key");
    }
    let too_long = "x".repeat(129);
    for id in ["", "a b", &too_long] {
        assert_ne!(with_id(id).await.header("x-request-id"), id);
    }
    let (first, second) = (world.anon().get("/healthz").await, world.anon().get("/healthz").await);
    assert!(!first.header("x-request-id").is_empty());
    assert_ne!(first.header("x-request-id"), second.header("x-request-id"));
}

#[tokio::test]
async fn anon_asks_from_another_origin() {
    let world = World::start().await;
    for (_, path) in ROUTES {
        let preflight = world.anon().request(Method::OPTIONS, path).header("origin", "https://app.example");
        let answer = answer(preflight.header("access-control-request-method", "POST")).await;
        assert_eq!((answer.status, answer.text.as_str()), (204, ""), "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.header("access-control-allow-headers"), "content-type, x-api-key, authorization");
        assert_eq!(answer.header("access-control-max-age"), "86400");
        assert!(answer.header("access-control-allow-methods").contains("DELETE"));
        assert_eq!(answer.header("access-control-allow-credentials"), "", "cookies never work cross-origin");
    }
    let refused = world.anon().get("/auth/user").await;
    assert_eq!(refused.header("access-control-allow-origin"), "*", "errors can be read too");
}

#[tokio::test]
async fn member_presents_the_key_in_either_header() {
    let world = World::start().await;
    let ada = world.member("ada").await;
    let (key, other) =
        (world.key(&ada, Permission::ReadOnly).await, world.key(&ada, Permission::ReadOnly).await);
    let (key, other) = (key.secret.as_str(), other.secret.as_str());
    let bearer = format!("Bearer {key}");
    let basic = format!("Basic {key}");
    let get = async |headers: &[(&str, &str)]| {
        let request = world.anon().request(Method::GET, "/auth/user");
        answer(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
    };
    get(&[("authorization", &bearer)]).await.ok();
    get(&[("x-api-key", key)]).await.ok();
    get(&[("x-api-key", key), ("authorization", &bearer)]).await.ok();
    for headers in [
        [("x-api-key", other), ("authorization", bearer.as_str())],
        [("x-api-key", key), ("authorization", basic.as_str())],
        [("x-api-key", key), ("x-api-key", other)],
    ] {
        assert_error(&get(&headers).await, 401, "invalid_key", "");
    }
    assert_error(&get(&[("authorization", key)]).await, 401, "invalid_key", "Bearer");
}

#[tokio::test]
async fn answers_of_the_api_are_kept_by_no_cache() {
    let world = World::start().await;
    let member = world.as_member(&world.member("ada").await).await;
    let answer = member.get("/auth/user").await;
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
}
