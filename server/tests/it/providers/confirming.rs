//! `/confirm`: what is sensitive asks once more who it is, when some time has passed.

use ledger::time::SECOND;

use super::{count, ready};
use crate::harness::World;
use crate::harness::browser::Browser;
use crate::harness::forms::{PASSWORD, assert_refused, encoded};
use crate::harness::issuer::{ADA, Issuer, Lie, Someone};

const LINK: &str = "/settings/security/link/acme";
const UNLINK: &str = "/settings/security/unlink";
const CONFIRM: &str = "/confirm?next=/settings/security%3Fsaid%3Dconfirmed";
/// Where those are led who want to link.
const ASKED: &str = "/confirm?next=/settings/security/link/acme";
const BACK: &str = "/settings/security?said=confirmed";
const TEN_MINUTES: i64 = 600 * SECOND;

/// Somebody with a password and a linked identity, signed in.
async fn linked() -> (World, Issuer, Browser) {
    let (world, issuer) = ready().await;
    world.user("ada", PASSWORD).await;
    let mut browser = world.browser();
    browser.sign_in("ada@example.com", PASSWORD).await;
    assert_eq!(browser.round(&issuer, LINK, &ADA).await.status, 303);
    (world, issuer, browser)
}

#[tokio::test]
async fn member_who_signed_in_a_while_ago_is_asked_and_comes_back() {
    let (world, issuer, mut browser) = linked().await;
    let fields = [("issuer", issuer.url.as_str()), ("subject", ADA.subject)];
    world.clock.advance(TEN_MINUTES - 1);
    assert_eq!(
        browser.clone().submit(UNLINK, &[("subject", "x")]).await.header("location"),
        "/settings/security?said=gone"
    );
    world.clock.advance(1);
    let led = browser.submit(UNLINK, &fields).await;
    assert_eq!((led.status, led.header("location")), (303, CONFIRM));
    let led = browser.follow(LINK).await;
    assert_eq!((led.status, led.header("location")), (303, ASKED));
    assert_eq!(count(&world, "identities").await, 1);
    let asked = browser.follow(CONFIRM).await;
    for shown in ["Confirm that it is you", "ada@example.com", "Confirm with Acme", "type=\"password\""] {
        assert!(asked.text.contains(shown), "{shown}: {}", asked.text);
    }
    assert!(!asked.text.contains("GitHub"), "only what is linked: {}", asked.text);
    for wrong in ["wrong", ""] {
        let refused = browser.submit("/confirm", &[("password", wrong), ("next", BACK)]).await;
        assert_refused(&refused, 403, "This is not your password.");
    }
    assert_eq!(browser.follow(LINK).await.header("location"), ASKED, "still");
    let before = browser.cookie("plexe_session").unwrap().to_owned();
    let confirmed = browser.submit("/confirm", &[("password", PASSWORD), ("next", BACK)]).await;
    assert_eq!((confirmed.status, confirmed.header("location")), (303, BACK));
    assert!(browser.follow(BACK).await.text.contains("For the next minutes you can change how you sign in."));
    let mut old = world.browser();
    old.keep("plexe_session", &before);
    assert_eq!(old.who().await, None, "the session from before is over");
    assert_eq!(browser.submit(UNLINK, &fields).await.header("location"), "/settings/security?said=unlinked");
}

#[tokio::test]
async fn member_confirms_by_a_provider_that_asks_them_anew() {
    let (world, issuer, mut browser) = linked().await;
    world.clock.advance(TEN_MINUTES);
    let start = "/confirm/acme?next=/settings/security%3Fsaid%3Dconfirmed";
    let address = browser.leave(start).await;
    assert!(address.contains("prompt=login") && address.contains("max_age=0"), "{address}");
    let before = browser.cookie("plexe_session").unwrap().to_owned();
    let confirmed = browser.arrive(&issuer.consent(&address, &ADA)).await;
    assert_eq!((confirmed.status, confirmed.header("location")), (303, BACK), "{}", confirmed.text);
    assert_ne!(browser.cookie("plexe_session"), Some(before.as_str()));
    assert_eq!(browser.follow("/settings/security/link/github").await.status, 303);
    assert_eq!(browser.follow(CONFIRM).await.header("location"), BACK, "there is nothing to confirm");
}

#[tokio::test]
async fn member_who_wants_to_link_goes_on_there_from_a_page_of_ours() {
    let (world, issuer, mut browser) = linked().await;
    world.clock.advance(TEN_MINUTES);
    let next = "/settings/security/link/github";
    let by_provider = browser.round(&issuer, &format!("/confirm/acme?next={next}"), &ADA).await;
    world.clock.advance(TEN_MINUTES);
    let by_password = browser.submit("/confirm", &[("password", PASSWORD), ("next", next)]).await;
    for on in [by_provider, by_password] {
        assert_eq!((on.status, on.header("location")), (200, ""), "no form leads to another site");
        assert!(on.text.contains("content=\"0; url=/settings/security/link/github\""), "{}", on.text);
    }
    let sent = browser.follow(next).await;
    assert!(sent.header("location").contains("/login/oauth/authorize"), "{}", sent.header("location"));
    let evil = "/settings/security/link/\"><script>alert(1)</script>";
    let on = browser.submit("/confirm", &[("password", PASSWORD), ("next", evil)]).await;
    assert!(on.status == 200 && !on.text.contains("<script>alert"), "{}", on.text);
}

#[tokio::test]
async fn nobody_is_confirmed_by_an_old_sign_in_there_or_as_somebody_else() {
    let (world, issuer, mut browser) = linked().await;
    let mut bob = world.browser();
    let bobs = Someone { subject: "7", email: "bob@example.com", ..ADA };
    bob.round(&issuer, "/sign-in/acme", &bobs).await;
    world.clock.advance(TEN_MINUTES);
    for (lie, someone, says) in [
        (Lie::OldSignIn, &ADA, "Acme did not ask you again who you are."),
        (Lie::NoSignInTime, &ADA, "Acme did not ask you again who you are."),
        (Lie::None, &bobs, "is not linked to yours"),
        (Lie::None, &Someone { subject: "nobody's", ..ADA }, "is not linked to yours"),
    ] {
        issuer.lie(lie);
        let refused = browser.round(&issuer, "/confirm/acme", someone).await;
        assert_refused(&refused, 403, says);
        assert!(refused.text.contains("Back to your settings"));
        assert_eq!(browser.follow(LINK).await.header("location"), ASKED, "{lie:?}");
        assert_eq!(browser.who().await.as_deref(), Some("ada@example.com"));
    }
}

#[tokio::test]
async fn member_confirms_by_github_which_says_no_time() {
    let (world, issuer, mut with_password) = linked().await;
    let work = Someone { subject: "42", ..ADA };
    with_password.round(&issuer, "/settings/security/link/github", &work).await;
    let grace = Someone { subject: "43", email: "grace@example.com", ..ADA };
    let mut browser = world.browser();
    browser.round(&issuer, "/sign-in/github", &grace).await;
    world.clock.advance(TEN_MINUTES);
    assert!(
        !with_password.follow(CONFIRM).await.text.contains("GitHub"),
        "who has something better uses that"
    );
    let refused = with_password.round(&issuer, "/confirm/github", &work).await;
    assert_refused(&refused, 403, "GitHub did not ask you again who you are.");
    assert_eq!(with_password.follow(LINK).await.header("location"), ASKED);
    let asked = browser.follow(CONFIRM).await;
    assert!(
        asked.text.contains("Confirm with GitHub") && !asked.text.contains("type=\"password\""),
        "{}",
        asked.text
    );
    let confirmed = browser.round(&issuer, "/confirm/github", &grace).await;
    assert_eq!((confirmed.status, confirmed.header("location")), (303, "/"));
    assert_eq!(browser.submit(UNLINK, &[]).await.header("location"), "/settings/security?said=gone");
}

#[tokio::test]
async fn member_is_never_led_to_another_site() {
    let (world, issuer, browser) = linked().await;
    for next in ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"] {
        let path = format!("/confirm?next={}", encoded(next));
        assert_eq!(browser.clone().follow(&path).await.header("location"), "/", "{next}");
    }
    world.clock.advance(TEN_MINUTES);
    for next in ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"] {
        let mut browser = world.browser();
        browser.sign_in("ada@example.com", PASSWORD).await;
        world.clock.advance(TEN_MINUTES);
        let asked = browser.follow(&format!("/confirm?next={}", encoded(next))).await;
        assert!(
            asked.status == 200 && !asked.text.contains("evil") && !asked.text.contains("javascript:"),
            "{next}"
        );
        let by_provider = format!("/confirm/acme?next={}", encoded(next));
        assert_eq!(
            browser.clone().round(&issuer, &by_provider, &ADA).await.header("location"),
            "/",
            "{next}"
        );
    }
    let mut browser = world.browser();
    browser.sign_in("ada@example.com", PASSWORD).await;
    let sent = browser.submit("/confirm", &[("password", PASSWORD), ("next", "//evil.example")]).await;
    assert_eq!((sent.status, sent.header("location")), (303, "/"));
}

#[tokio::test]
async fn anon_is_led_to_sign_in_and_guesses_are_counted() {
    let (world, _issuer, mut browser) = linked().await;
    let mut anon = world.browser();
    assert_eq!(anon.follow("/confirm").await.header("location"), "/sign-in?next=/confirm");
    assert_eq!(
        anon.submit("/confirm", &[("password", PASSWORD)]).await.header("location"),
        "/sign-in?next=/confirm"
    );
    assert_eq!(anon.follow("/confirm/acme").await.header("location"), "/sign-in?next=/confirm/acme");
    let sent = browser.arrive("/confirm/acme").await;
    assert_eq!((sent.status, sent.header("location")), (303, "/confirm"), "no other site begins it");
    for _ in 0..10 {
        assert_eq!(browser.submit("/confirm", &[("password", "wrong")]).await.status, 403);
    }
    let refused = browser.submit("/confirm", &[("password", PASSWORD)]).await;
    assert_refused(&refused, 429, "Too many attempts");
    assert_eq!(refused.header("retry-after"), "900");
}

#[tokio::test]
async fn operator_says_after_how_long() {
    let (world, issuer, _) = linked().await;
    let providers = issuer.settings();
    let world = world
        .restart_with(|config| {
            config.confirm_after_minutes = 1;
            config.providers = providers;
        })
        .await;
    let mut browser = world.browser();
    browser.sign_in("ada@example.com", PASSWORD).await;
    world.clock.advance(60 * SECOND - 1);
    assert_ne!(browser.clone().follow(LINK).await.header("location"), ASKED);
    world.clock.advance(1);
    assert_eq!(browser.follow(LINK).await.header("location"), ASKED);
}
