//! Session fixation: a session that somebody else has put into a browser never becomes that of whoever signs in there.

use std::sync::Arc;

use server::clock::ManualClock;

use crate::harness::browser::Browser;
use crate::harness::client::assert_error;
use crate::harness::forms::{PASSWORD, get_with};
use crate::harness::issuer::{ADA, Issuer};
use crate::harness::place::Place;
use crate::harness::visitor::whole_token;
use crate::harness::{START, World};

const SESSION: &str = "plexe_session";

/// Two users with passwords, and an issuer that knows one of them.
async fn ready() -> (World, Issuer) {
    let clock = Arc::new(ManualClock::at(START));
    let issuer = Issuer::start(Arc::clone(&clock)).await;
    let providers = issuer.settings();
    let world = World::open(Place::new().await, clock, |config| config.providers = providers).await;
    world.user("ada", PASSWORD).await;
    world.user("eve", PASSWORD).await;
    (world, issuer)
}

/// A browser into which somebody has put this token.
fn planted(world: &World, token: &str) -> Browser {
    let mut browser = world.browser();
    browser.keep(SESSION, token);
    browser
}

/// Nobody is known by this token.
async fn is_nobodys(world: &World, token: &str) {
    let found = get_with(&world.anon(), "/auth/user", &[("cookie", &format!("{SESSION}={token}"))]).await;
    assert_error(&found, 401, "unauthorized", "key");
}

#[tokio::test]
async fn member_signs_in_where_somebody_has_planted_a_token_and_it_is_worth_nothing() {
    let (world, _issuer) = ready().await;
    let made_up = whole_token("chosen");
    let mut eve = world.browser();
    eve.sign_in("eve@example.com", PASSWORD).await;
    let eves = eve.cookie(SESSION).expect("a session").to_owned();
    for token in [made_up, eves] {
        let mut browser = planted(&world, &token);
        assert_eq!(browser.sign_in("ada@example.com", PASSWORD).await.status, 303);
        assert_eq!(browser.who().await.as_deref(), Some("ada@example.com"));
        assert_ne!(browser.cookie(SESSION), Some(token.as_str()));
        is_nobodys(&world, &token).await;
    }
}

#[tokio::test]
async fn member_comes_by_a_provider_where_somebody_has_planted_a_token_and_it_is_worth_nothing() {
    let (world, issuer) = ready().await;
    let token = whole_token("chosen");
    let mut browser = planted(&world, &token);
    let someone = crate::harness::issuer::Someone { email: "new@example.com", ..ADA };
    assert_eq!(browser.round(&issuer, "/sign-in/acme", &someone).await.status, 303);
    assert_eq!(browser.who().await.as_deref(), Some("new@example.com"));
    is_nobodys(&world, &token).await;
}

#[tokio::test]
async fn member_proves_once_more_who_they_are_and_a_stolen_token_does_not() {
    let (world, _issuer) = ready().await;
    let mut browser = world.browser();
    browser.sign_in("ada@example.com", PASSWORD).await;
    let stolen = browser.cookie(SESSION).expect("a session").to_owned();
    world.clock.advance(3_600_000_000);
    assert_eq!(browser.submit("/confirm", &[("password", PASSWORD), ("next", "/")]).await.status, 303);
    assert_eq!(browser.who().await.as_deref(), Some("ada@example.com"));
    is_nobodys(&world, &stolen).await;
}
