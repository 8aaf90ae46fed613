//! Whose account it is that somebody comes to.

use ledger::Credits;
use server::store::AccountStatus;

use super::{count, ready};
use crate::harness::World;
use crate::harness::client::assert_error;
use crate::harness::forms::{PASSWORD, assert_refused, get_with, sign_in, sign_up, value};
use crate::harness::issuer::{ADA, Someone};

const EMAIL: &str = "ada@example.com";

#[tokio::test]
async fn anon_signs_up_by_either_provider_and_comes_back_to_the_same_account() {
    let (world, issuer) = ready().await;
    let grace =
        Someone { subject: "7", email: "grace@example.com", name: "Grace Hopper", user_name: "grace", ..ADA };
    for (start, someone, email, issued) in
        [("/sign-in/acme", &ADA, EMAIL, 100), ("/sign-in/github", &grace, "grace@example.com", 200)]
    {
        let mut browser = world.browser();
        let entered = browser.round(&issuer, start, someone).await;
        assert_eq!((entered.status, entered.header("location")), (303, "/"), "{}", entered.text);
        let user = get_with(&world.anon(), "/auth/user", &[("cookie", &browser.cookies())]).await.ok();
        assert_eq!((&user["email"], &user["credits"]), (&email.into(), &100.into()));
        assert_eq!(user["name"], someone.name);
        assert_eq!(user["user_name"], someone.user_name.to_lowercase());
        let made = world.console.get_user_by_email(email).await.unwrap();
        assert!(made.verified_at.is_some() && made.password_hash.is_none() && !made.is_claim);
        let overview = browser.follow("/").await;
        assert!(overview.status == 200 && !overview.text.contains("not verified yet"));

        let mut phone = world.browser();
        assert_eq!(phone.round(&issuer, start, someone).await.status, 303);
        assert_eq!(phone.who().await.as_deref(), Some(email));
        assert_eq!(world.books().await.issued, Credits::whole(issued), "once");
    }
    assert_eq!(count(&world, "users").await, 2);
    assert_eq!(count(&world, "identities").await, 2);
}

#[tokio::test]
async fn anon_brings_their_time_zone_and_a_name_that_is_taken() {
    let (world, issuer) = ready().await;
    world.member("ada").await;
    let someone = Someone { email: "lovelace@example.com", name: " ", ..ADA };
    let mut browser = world.browser();
    browser.round(&issuer, "/sign-in/acme?time_zone=Europe/Berlin", &someone).await;
    let made = world.console.get_user_by_email("lovelace@example.com").await.unwrap();
    assert_eq!((made.time_zone.as_str(), made.name.as_str()), ("Europe/Berlin", "Ada"));
    assert!(made.user_name.starts_with("ada-") && made.user_name.len() == 8, "{}", made.user_name);
}

#[tokio::test]
async fn anon_whose_address_the_provider_has_not_verified_gets_nothing() {
    let (world, issuer) = ready().await;
    world.user("ada", PASSWORD).await;
    for email in [EMAIL, "new@example.com", "no address", ""] {
        let someone = Someone { email, is_verified: email == "no address", ..ADA };
        for start in ["/sign-in/acme", "/sign-in/github"] {
            let mut browser = world.browser();
            let refused = browser.round(&issuer, start, &someone).await;
            assert_refused(
                &refused,
                403,
                "does not say that you have an e-mail address which it has verified",
            );
            assert_eq!(browser.who().await, None);
        }
    }
    assert_eq!(count(&world, "users").await, 1);
    assert_eq!(count(&world, "identities").await, 0);
}

#[tokio::test]
async fn anon_whose_e_mail_has_an_account_signs_in_to_it_once_and_links() {
    let (world, issuer) = ready().await;
    world.user("ada", PASSWORD).await;
    let mut browser = world.browser();
    let asked = browser.round(&issuer, "/sign-in/acme", &ADA).await;
    assert_refused(&asked, 409, "ada@example.com has an account here already.");
    assert_eq!(browser.who().await, None, "nobody is signed in silently");
    assert_eq!(count(&world, "identities").await, 0);
    assert_eq!(
        (value(&asked.text, "email"), value(&asked.text, "next")),
        (EMAIL, "/settings/security?said=link")
    );

    let fields = [("email", EMAIL), ("password", PASSWORD), ("next", value(&asked.text, "next"))];
    let led = browser.submit("/sign-in", &fields).await;
    let page = browser.follow(led.header("location")).await;
    assert!(page.text.contains("Now link the account that you came with"), "{}", page.text);
    let linked = browser.round(&issuer, "/settings/security/link/acme", &ADA).await;
    assert_eq!(linked.header("location"), "/settings/security?said=linked");
    let mut phone = world.browser();
    assert_eq!(phone.round(&issuer, "/sign-in/acme", &ADA).await.status, 303);
    assert_eq!(phone.who().await.as_deref(), Some(EMAIL));
    assert_eq!(count(&world, "users").await, 1);
}

#[tokio::test]
async fn the_account_is_the_identity_s_whatever_its_address_becomes() {
    let (world, issuer) = ready().await;
    world.browser().round(&issuer, "/sign-in/acme", &ADA).await;
    let moved = Someone { email: "elsewhere@example.com", is_verified: false, ..ADA };
    let mut browser = world.browser();
    assert_eq!(browser.round(&issuer, "/sign-in/acme", &moved).await.status, 303);
    assert_eq!(browser.who().await.as_deref(), Some(EMAIL));
    let other = Someone { subject: "another", ..ADA };
    let mut stranger = world.browser();
    let refused = stranger.round(&issuer, "/sign-in/acme", &other).await;
    assert_refused(&refused, 409, "has an account here already");
    assert_eq!(stranger.who().await, None);
}

#[tokio::test]
async fn a_stranger_who_only_claims_the_e_mail_has_nothing_of_it() {
    let (world, issuer) = ready().await;
    let eve = world.anon();
    sign_up(&eve, EMAIL, "eve", "what eve has typed").await;
    let mut eves = world.browser();
    assert_eq!(eves.sign_in(EMAIL, "what eve has typed").await.status, 303);
    let eves_token = world.token(EMAIL).await;

    let mut browser = world.browser();
    assert_eq!(browser.round(&issuer, "/sign-in/acme", &ADA).await.status, 303);
    assert_eq!(eves.who().await, None, "her session has ended");
    assert_eq!(sign_in(&eve, EMAIL, "what eve has typed").await.status, 401);
    let late = crate::harness::forms::submit(&eve, "/verify-email", &[("token", &eves_token)], &[]).await;
    assert_eq!(late.status, 410);
    let made = world.console.get_user_by_email(EMAIL).await.unwrap();
    assert_eq!((made.user_name.as_str(), made.is_claim), ("ada", false));
    assert_eq!(world.books().await.issued, Credits::whole(100));
}

#[tokio::test]
async fn member_of_a_suspended_account_comes_in_as_with_a_password_and_changes_nothing() {
    let (world, issuer) = ready().await;
    let mut browser = world.browser();
    browser.round(&issuer, "/sign-in/acme", &ADA).await;
    world.console.set_user_status(EMAIL, AccountStatus::Suspended).await.unwrap();
    let mut phone = world.browser();
    assert_eq!(phone.round(&issuer, "/sign-in/acme", &ADA).await.status, 303);
    assert_eq!(phone.who().await.as_deref(), Some(EMAIL));
    let refused = phone.follow("/settings/security/link/github").await;
    assert_refused(&refused, 403, "This account is suspended.");
}

#[tokio::test]
async fn member_s_cookie_from_before_is_worth_nothing_after() {
    let (world, issuer) = ready().await;
    world.user("eve", PASSWORD).await;
    world.browser().round(&issuer, "/sign-in/acme", &ADA).await;
    // Somebody has given their own cookie to this browser, and waits.
    let mut eves = world.browser();
    eves.sign_in("eve@example.com", PASSWORD).await;
    let planted = eves.cookie("plexe_session").unwrap().to_owned();
    let mut browser = world.browser();
    let back = issuer.consent(&browser.leave("/sign-in/acme").await, &ADA);
    browser.keep("plexe_session", &planted);
    assert_eq!(browser.arrive(&back).await.status, 303);
    assert_eq!(browser.who().await.as_deref(), Some(EMAIL));
    assert_ne!(browser.cookie("plexe_session"), Some(planted.as_str()));
    let cookie = format!("plexe_session={planted}");
    let worthless = get_with(&world.anon(), "/auth/user", &[("cookie", &cookie)]).await;
    assert_error(&worthless, 401, "unauthorized", "key");
}

#[tokio::test]
async fn somebody_new_who_comes_twice_at_once_is_one_user() {
    let (world, issuer) = ready().await;
    let mut rounds = Vec::new();
    for _ in 0..4 {
        let mut browser = world.browser();
        let back = issuer.consent(&browser.leave("/sign-in/acme").await, &ADA);
        rounds.push((browser, back));
    }
    let arrivals = rounds.iter_mut().map(|(browser, back)| browser.arrive(back));
    for entered in futures::future::join_all(arrivals).await {
        assert_eq!(entered.status, 303, "{}", entered.text);
    }
    assert_eq!(count(&world, "users").await, 1);
    assert_eq!(world.books().await.issued, Credits::whole(100));
}

#[tokio::test]
async fn anon_sees_buttons_only_where_providers_are_configured() {
    let (world, _issuer) = ready().await;
    for path in ["/sign-in", "/sign-up"] {
        let page = get_with(&world.anon(), path, &[("accept", "text/html")]).await;
        assert!(page.text.contains("Continue with Acme") && page.text.contains("/sign-in/github"), "{path}");
    }
    let page = get_with(&world.anon(), "/sign-in?next=/usage%3Frange%3D7d", &[("accept", "text/html")]).await;
    assert!(page.text.contains("href=\"/sign-in/acme?next=/usage%3Frange%3D7d\""), "{}", page.text);
    let without = World::start().await;
    for path in ["/sign-in", "/sign-up"] {
        let page = get_with(&without.anon(), path, &[("accept", "text/html")]).await;
        assert!(!page.text.contains("Continue with") && !page.text.contains("class=\"or"), "{path}");
    }
    let gone = get_with(&without.anon(), "/sign-in/google", &[("accept", "text/html")]).await;
    assert_eq!(gone.status, 404);
}
