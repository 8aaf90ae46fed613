//! `POST /settings/security`: another password, for whoever knows the one they have.

use server::store::AccountStatus;

use super::ready;
use crate::harness::World;
use crate::harness::browser::Browser;
use crate::harness::forms::{PASSWORD, assert_refused, sign_in, submit};
use crate::harness::issuer::ADA;

const SECURITY: &str = "/settings/security";
const BETTER: &str = "seven lazy kettles";
const EMAIL: &str = "ada@example.com";

async fn member() -> (World, Browser) {
    let world = World::start().await;
    world.user("ada", PASSWORD).await;
    let mut browser = world.browser();
    browser.sign_in(EMAIL, PASSWORD).await;
    (world, browser)
}

async fn change(browser: &mut Browser, current: &str, password: &str) -> crate::harness::client::Answer {
    browser.submit(SECURITY, &[("current", current), ("password", password)]).await
}

#[tokio::test]
async fn member_changes_the_password_and_is_signed_out_everywhere_else() {
    let (world, mut browser) = member().await;
    let mut phone = world.browser();
    phone.sign_in(EMAIL, PASSWORD).await;
    submit(&world.anon(), "/forgot-password", &[("email", EMAIL)], &[]).await;
    let reset = world.token(EMAIL).await;
    // However long ago they signed in: the current password is proof enough.
    world.clock.advance(ledger::time::DAY / 48);
    let changed = change(&mut browser, PASSWORD, BETTER).await;
    assert_eq!((changed.status, changed.header("location")), (303, "/settings/security?said=password"));
    assert!(browser.follow(changed.header("location")).await.text.contains("Your password is changed"));
    assert_eq!((browser.who().await.as_deref(), phone.who().await), (Some(EMAIL), None));
    assert_eq!(sign_in(&world.anon(), EMAIL, PASSWORD).await.status, 401);
    assert_eq!(sign_in(&world.anon(), EMAIL, BETTER).await.status, 303);
    assert_eq!(world.mails(EMAIL).await[0].0, "password_changed");
    let late =
        submit(&world.anon(), "/reset-password", &[("token", &reset), ("password", PASSWORD)], &[]).await;
    assert_eq!(late.status, 410, "a link that was sent before sets no other");
}

#[tokio::test]
async fn member_is_told_beside_each_field_what_is_wrong() {
    let (world, mut browser) = member().await;
    for (current, password, says) in [
        ("wrong", BETTER, "This is not your password."),
        ("", BETTER, "This is not your password."),
        ("wrong", "short", "This is not your password."),
        (PASSWORD, "short", "Password must have 8 to 200 characters."),
        (PASSWORD, "password1", "Password is one of those most used"),
        (PASSWORD, "ada@example.com", "Password is made of your own name or address"),
        (PASSWORD, "", "Password must have"),
    ] {
        let page = change(&mut browser, current, password).await;
        assert_refused(&page, 422, says);
        assert!(page.text.contains("Ways to sign in") && !page.text.contains(BETTER), "{}", page.text);
    }
    assert!(world.mails(EMAIL).await.is_empty());
    assert_eq!(sign_in(&world.anon(), EMAIL, PASSWORD).await.status, 303);
}

#[tokio::test]
async fn whoever_sits_at_an_open_page_guesses_ten_times_and_waits() {
    let (_world, mut browser) = member().await;
    for _ in 0..10 {
        assert_eq!(change(&mut browser, "wrong", BETTER).await.status, 422);
    }
    assert_refused(
        &change(&mut browser, PASSWORD, BETTER).await,
        429,
        "Too many attempts. Try again in 15 minutes.",
    );
}

#[tokio::test]
async fn anon_members_without_a_password_and_suspended_ones_change_none() {
    let (world, mut browser) = member().await;
    let mut anon = world.browser();
    let led = change(&mut anon, PASSWORD, BETTER).await;
    assert_eq!((led.status, led.header("location")), (303, "/sign-in?next=/settings/security"));
    world.console.set_user_status(EMAIL, AccountStatus::Suspended).await.unwrap();
    assert_refused(&change(&mut browser, PASSWORD, BETTER).await, 403, "This account is suspended.");
    drop(world);
    let (world, issuer) = ready().await;
    let mut browser = world.browser();
    browser.round(&issuer, "/sign-in/acme", &ADA).await;
    // The page has no form for them, so nothing of it shows the reason; whoever sends one all the same changes nothing.
    assert_eq!(change(&mut browser, "", BETTER).await.status, 422);
    assert_eq!(sign_in(&world.anon(), EMAIL, BETTER).await.status, 401);
}

#[tokio::test]
async fn member_who_changes_it_twice_at_once_has_one_password() {
    let (world, mut browser) = member().await;
    let mut other = world.browser();
    other.sign_in(EMAIL, PASSWORD).await;
    let (one, two) = futures::join!(
        change(&mut browser, PASSWORD, BETTER),
        change(&mut other, PASSWORD, "nine patient anvils")
    );
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert!(statuses[0] == 303 && statuses[1] != 200, "{statuses:?}");
    let works = [BETTER, "nine patient anvils"].map(|password| sign_in_works(&world, password));
    let works = futures::future::join_all(works).await;
    assert_eq!(works.iter().filter(|works| **works).count(), 1);
}

async fn sign_in_works(world: &World, password: &str) -> bool {
    sign_in(&world.anon(), EMAIL, password).await.status == 303
}
