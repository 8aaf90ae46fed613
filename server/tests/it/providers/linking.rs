//! `/settings/security`: what is linked, and that nobody locks themselves out.

use super::{count, ready};
use crate::harness::World;
use crate::harness::browser::Browser;
use crate::harness::forms::{PASSWORD, assert_refused, sign_up, value};
use crate::harness::issuer::{ADA, Issuer, Someone};

const SECURITY: &str = "/settings/security";
const LINK: &str = "/settings/security/link/acme";
const UNLINK: &str = "/settings/security/unlink";

/// Somebody with a password, signed in.
async fn member(world: &World, name: &str) -> Browser {
    world.user(name, PASSWORD).await;
    let mut browser = world.browser();
    assert_eq!(browser.sign_in(&format!("{name}@example.com"), PASSWORD).await.status, 303);
    browser
}

async fn unlink(browser: &mut Browser, issuer: &Issuer, subject: &str) -> String {
    let gone = browser.submit(UNLINK, &[("issuer", &issuer.url), ("subject", subject)]).await;
    assert_eq!(gone.status, 303, "{}", gone.text);
    gone.header("location").to_owned()
}

#[tokio::test]
async fn member_links_both_providers_signs_in_by_each_and_unlinks_one() {
    let (world, issuer) = ready().await;
    let mut browser = member(&world, "ada").await;
    let work = Someone { subject: "42", email: "work@example.com", is_verified: false, ..ADA };
    let linked = browser.round(&issuer, LINK, &ADA).await;
    assert_eq!((linked.status, linked.header("location")), (303, "/settings/security?said=linked"));
    assert_eq!(browser.round(&issuer, "/settings/security/link/github", &work).await.status, 303);
    let again = browser.round(&issuer, LINK, &ADA).await;
    assert_eq!(again.header("location"), "/settings/security?said=before");
    for (start, someone) in [("/sign-in/acme", &ADA), ("/sign-in/github", &work)] {
        let mut other = world.browser();
        other.round(&issuer, start, someone).await;
        assert_eq!(other.who().await.as_deref(), Some("ada@example.com"));
    }
    let page = browser.follow("/settings/security?said=linked").await;
    for shown in ["It is linked", "Acme", "GitHub", "Ada@Example.com", "22 Nov 2026", "Change password"] {
        assert!(page.text.contains(shown), "{shown}: {}", page.text);
    }
    assert_eq!(value(&page.text, "issuer"), issuer.url.as_str());
    let mails: Vec<_> = world.mails("ada@example.com").await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(mails, ["way_added", "way_added"], "not for what was linked before");

    assert_eq!(unlink(&mut browser, &issuer, ADA.subject).await, "/settings/security?said=unlinked");
    assert_eq!(unlink(&mut browser, &issuer, ADA.subject).await, "/settings/security?said=gone");
    assert_eq!(world.mails("ada@example.com").await[0].0, "way_removed");
    let mut stranger = world.browser();
    let refused = stranger.round(&issuer, "/sign-in/acme", &ADA).await;
    assert_refused(&refused, 409, "has an account here already");
}

#[tokio::test]
async fn member_can_not_link_what_is_somebody_else_s() {
    let (world, issuer) = ready().await;
    let mut ada = member(&world, "ada").await;
    ada.round(&issuer, LINK, &ADA).await;
    let mut bob = member(&world, "bob").await;
    let refused = bob.round(&issuer, LINK, &ADA).await;
    assert_refused(&refused, 409, "That account of Acme is linked to another account here.");
    assert!(refused.text.contains("Back to your settings"), "{}", refused.text);
    assert_eq!(bob.who().await.as_deref(), Some("bob@example.com"), "and stays who they are");
    assert_eq!(unlink(&mut bob, &issuer, ADA.subject).await, "/settings/security?said=gone");
    let mut again = world.browser();
    again.round(&issuer, "/sign-in/acme", &ADA).await;
    assert_eq!(again.who().await.as_deref(), Some("ada@example.com"));
}

#[tokio::test]
async fn member_can_not_unlink_the_last_way_in() {
    let (world, issuer) = ready().await;
    let mut browser = world.browser();
    browser.round(&issuer, "/sign-in/acme", &ADA).await;
    let page = browser.follow(SECURITY).await;
    assert!(
        page.text.contains("Your only way in") && page.text.contains("/forgot-password"),
        "{}",
        page.text
    );
    let said = unlink(&mut browser, &issuer, ADA.subject).await;
    assert_eq!(said, "/settings/security?said=last");
    assert!(browser.follow(&said).await.text.contains("It is your only way in, so it stays"));
    assert_eq!(count(&world, "identities").await, 1);

    // With a password, set by the link that a mail brings, there is another.
    browser.submit("/forgot-password", &[("email", "ada@example.com")]).await;
    let token = world.token("ada@example.com").await;
    let set = browser.submit("/reset-password", &[("token", &token), ("password", PASSWORD)]).await;
    assert_eq!(set.status, 200, "{}", set.text);
    assert_eq!(browser.sign_in("ada@example.com", PASSWORD).await.status, 303);
    assert_eq!(unlink(&mut browser, &issuer, ADA.subject).await, "/settings/security?said=unlinked");
    assert_eq!(count(&world, "identities").await, 0);
}

#[tokio::test]
async fn member_who_unlinks_both_at_once_keeps_one() {
    let (world, issuer) = ready().await;
    for round in 0..4 {
        let someone = Someone {
            email: ["a@x", "b@x", "c@x", "d@x"][round],
            subject: ["1", "2", "3", "4"][round],
            ..ADA
        };
        let second = Someone { subject: ["5", "6", "7", "8"][round], ..someone.clone() };
        let mut browser = world.browser();
        browser.round(&issuer, "/sign-in/acme", &someone).await;
        browser.round(&issuer, LINK, &second).await;
        let mut other = browser.clone();
        let said = futures::join!(
            unlink(&mut browser, &issuer, someone.subject),
            unlink(&mut other, &issuer, second.subject)
        );
        let mut said = [said.0, said.1];
        said.sort();
        assert_eq!(said, ["/settings/security?said=last", "/settings/security?said=unlinked"]);
        assert_eq!(count(&world, "identities").await, round + 1);
    }
}

#[tokio::test]
async fn a_provider_that_the_settings_forgot_is_no_way_in() {
    let (world, issuer) = ready().await;
    let mut browser = world.browser();
    browser.round(&issuer, "/sign-in/acme", &ADA).await;
    browser.round(&issuer, "/settings/security/link/github", &Someone { subject: "42", ..ADA }).await;
    let settings = issuer.settings();
    let world = world.restart_with(|config| config.providers = vec![settings[0].clone()]).await;
    let mut after = world.browser();
    after.keep("plexe_session", browser.cookie("plexe_session").unwrap());
    let page = after.follow(SECURITY).await;
    assert!(page.text.contains("This console does not offer it any more."), "{}", page.text);
    assert_eq!(unlink(&mut after, &issuer, ADA.subject).await, "/settings/security?said=last");
    let github = issuer.url.replace("127.0.0.1", "localhost");
    let gone = after.submit(UNLINK, &[("issuer", &github), ("subject", "42")]).await;
    assert_eq!(gone.header("location"), "/settings/security?said=unlinked");
}

#[tokio::test]
async fn another_site_links_and_unlinks_nothing() {
    let (world, issuer) = ready().await;
    let mut browser = member(&world, "ada").await;
    let sent = browser.arrive(LINK).await;
    assert_eq!((sent.status, sent.header("location")), (303, SECURITY));
    assert_eq!(count(&world, "provider_rounds").await, 0);
    // A round that somebody else began for themselves is not finished by who is signed in here.
    let mut eves = member(&world, "eve").await;
    let back = issuer.consent(&eves.leave(LINK).await, &ADA);
    assert_eq!(browser.arrive(&back).await.status, 410);
    browser.keep("plexe_round", eves.cookie("plexe_round").unwrap());
    assert_eq!(browser.arrive(&back).await.status, 410, "not even with the cookie of the round");
    assert_eq!(count(&world, "identities").await, 0);
}

#[tokio::test]
async fn anon_and_those_who_are_not_verified_link_nothing() {
    let (world, issuer) = ready().await;
    let mut browser = world.browser();
    let led = browser.follow(LINK).await;
    assert_eq!((led.status, led.header("location")), (303, "/sign-in?next=/settings/security"));
    let led = browser.submit(UNLINK, &[]).await;
    assert_eq!((led.status, led.header("location")), (303, "/sign-in?next=/settings/security"));
    sign_up(&world.anon(), "eve@example.com", "eve", PASSWORD).await;
    browser.sign_in("eve@example.com", PASSWORD).await;
    assert_refused(&browser.follow(LINK).await, 403, "The e-mail address is not verified yet.");
    assert!(browser.follow(SECURITY).await.text.contains("Once your e-mail is verified you can link"));
    assert_eq!(issuer.asked("configuration"), 0);
}
