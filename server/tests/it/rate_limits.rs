//! How many requests an account and a service key may make in a minute.

use ledger::time::SECOND;
use serde_json::json;
use server::config::RateLimits;
use server::store::{Permission, Tier};

use crate::harness::World;
use crate::harness::client::{Answer, assert_error};
use crate::harness::events::{EVENTS, prediction};

fn headers(answer: &Answer) -> [&str; 3] {
    ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"].map(|name| answer.header(name))
}

async fn with(limits: RateLimits) -> World {
    World::with(|config| config.rate_limits = limits).await
}

#[tokio::test]
async fn member_is_told_where_they_are_and_when_again() {
    let world = with(RateLimits { accounts: 3, ..RateLimits::default() }).await;
    let ada = world.member("ada").await;
    let (caller, other) = (world.as_member(&ada).await, world.key(&ada, Permission::ReadOnly).await);
    let other = world.caller(other.secret.as_str());
    world.clock.advance(18 * SECOND);
    assert_eq!(headers(&caller.get("/usage/current").await), ["3", "2", "42"]);
    assert_eq!(
        headers(&other.get("/v1/auth/user").await),
        ["3", "1", "42"],
        "all keys of an account together"
    );
    let refused_for_itself = caller.get("/usage/current?x=1").await;
    assert_eq!((refused_for_itself.status, headers(&refused_for_itself)), (422, ["3", "0", "42"]));
    let refused = caller.get("/usage/current").await;
    assert_error(&refused, 429, "rate_limit_exceeded", "RateLimit");
    assert_eq!((headers(&refused), refused.header("retry-after")), (["3", "0", "42"], "42"));
    let exposed = refused.header("access-control-expose-headers").to_owned();
    assert!(exposed.contains("ratelimit-remaining"), "{exposed}");
    let bob = world.member("bob").await;
    assert_eq!(headers(&world.as_member(&bob).await.get("/usage/current").await), ["3", "2", "42"]);
    world.clock.advance(42 * SECOND);
    assert_eq!(headers(&caller.get("/usage/current").await), ["3", "2", "60"]);
}

#[tokio::test]
async fn member_has_as_many_requests_as_the_tier_of_the_account() {
    let world = with(RateLimits::default()).await;
    let ada = world.member("ada").await;
    let caller = world.as_member(&ada).await;
    for (tier, limit) in [(None, "600"), (Some(Tier::Basic), "100"), (Some(Tier::Pro), "500"), (None, "600")]
    {
        world.console.set_user_tier("ada@example.com", tier).await.unwrap();
        assert_eq!(headers(&caller.get("/usage/current").await)[0], limit);
    }
}

#[tokio::test]
async fn member_s_hundred_requests_are_a_hundred() {
    let world = with(RateLimits::default()).await;
    let ada = world.member("ada").await;
    world.console.set_user_tier("ada@example.com", Some(Tier::Basic)).await.unwrap();
    let caller = world.as_member(&ada).await;
    for left in (0..100).rev() {
        assert_eq!(headers(&caller.get("/usage/current").await), ["100", &left.to_string(), "60"]);
    }
    assert_error(&caller.get("/usage/current").await, 429, "rate_limit_exceeded", "minute");
}

#[tokio::test]
async fn member_on_a_page_is_not_kept_from_it_but_its_cookie_counts_on_the_api() {
    let world = with(RateLimits { accounts: 2, ..RateLimits::default() }).await;
    let ada = world.member("ada").await;
    let visitor = world.visitor(&ada, "token").await;
    for _ in 0..5 {
        let page = visitor.open("/settings/api-keys").await;
        assert_eq!((page.status, headers(&page)), (200, ["", "", ""]));
    }
    assert_eq!(headers(&visitor.open("/usage/current").await), ["2", "1", "60"]);
    assert_eq!(headers(&visitor.open("/usage/current").await), ["2", "0", "60"]);
    assert_eq!(visitor.open("/usage/current").await.status, 429);
    assert_eq!(visitor.open("/settings/api-keys").await.status, 200);
}

#[tokio::test]
async fn anon_and_services_without_a_limit_have_no_headers_about_it() {
    let world = with(RateLimits { accounts: 1, ..RateLimits::default() }).await;
    let ada = world.member_with("ada", "10").await;
    let service = world.service().await;
    for n in 0..5 {
        let charged = service.caller.post(EVENTS, &prediction(&n.to_string(), &ada)).await;
        assert_eq!((charged.status, headers(&charged)), (200, ["", "", ""]));
    }
    assert_eq!(headers(&world.anon().get("/rate-card").await), ["", "", ""]);
    assert_eq!(headers(&world.anon().get("/usage/current").await), ["", "", ""], "nobody is counted");
}

#[tokio::test]
async fn service_has_the_limit_that_the_configuration_says() {
    let world = with(RateLimits { services: 2, ..RateLimits::default() }).await;
    let ada = world.member_with("ada", "10").await;
    let (service, other) = (world.service().await, world.service().await);
    let answer = service.caller.post(EVENTS, &prediction("a", &ada)).await;
    assert_eq!((answer.status, headers(&answer)), (200, ["2", "1", "60"]));
    let question = json!({"user_id": ada.user_id, "operation": "model.prediction", "quantity": 1});
    assert_eq!(headers(&service.caller.post("/usage/check", &question).await), ["2", "0", "60"]);
    let refused = service.caller.post(EVENTS, &prediction("b", &ada)).await;
    assert_error(&refused, 429, "rate_limit_exceeded", "minute");
    assert_eq!(other.caller.post(EVENTS, &prediction("b", &ada)).await.status, 200, "each for itself");
}
