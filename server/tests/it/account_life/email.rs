//! Another e-mail: both addresses confirm it, and nothing says whether it is somebody's.

use ledger::time::{DAY, SECOND};

use super::{EMAIL, SECURITY, logged, member, signed_in};
use crate::harness::World;
use crate::harness::browser::Browser;
use crate::harness::forms::{PASSWORD, assert_refused, sign_in, sign_up, submit};
use crate::harness::raw::Raw;

const CHANGE: &str = "/settings/security/email";
const CANCEL: &str = "/settings/security/email/cancel";
const NEW: &str = "ada@lovelace.example";

async fn ask(browser: &mut Browser, email: &str) {
    let asked = browser.submit(CHANGE, &[("new_email", email)]).await;
    assert_eq!(
        (asked.status, asked.header("location")),
        (303, "/settings/security?said=email"),
        "{}",
        asked.text
    );
}

/// The token of the newest letter of a kind.
async fn token(world: &World, email: &str, kind: &str) -> String {
    let mails = world.mails(email).await;
    let (_, link) = mails.iter().find(|(of, _)| of == kind).unwrap_or_else(|| panic!("{kind}: {mails:?}"));
    link.split_once("/change-email?token=").expect("a link with a token").1.to_owned()
}

/// Those of both letters, to the present address and to the new one.
async fn tokens(world: &World) -> [String; 2] {
    [token(world, EMAIL, "confirm_leaving").await, token(world, NEW, "confirm_new_email").await]
}

async fn press(browser: &mut Browser, token: &str) -> crate::harness::client::Answer {
    let shown = browser.follow(&format!("/change-email?token={token}")).await;
    assert_eq!(shown.status, 200, "{}", shown.text);
    browser.submit("/change-email", &[("token", token)]).await
}

#[tokio::test]
async fn member_moves_once_both_addresses_have_confirmed() {
    let (world, mut browser) = member().await;
    let mut other = signed_in(&world).await;
    ask(&mut browser, " Ada@Lovelace.example ").await;
    let shown = browser.follow(SECURITY).await.text;
    assert!(shown.contains(NEW) && shown.matches("Not yet").count() == 2, "{shown}");
    let [old, new] = tokens(&world).await;
    let half = press(&mut browser, &old).await;
    assert!(
        half.status == 200 && half.text.contains(&format!("the letter to {NEW} is confirmed too")),
        "{}",
        half.text
    );
    assert_eq!(press(&mut browser, &old).await.status, 200, "again changes nothing");
    assert_eq!(browser.who().await.as_deref(), Some(EMAIL));
    let shown = browser.follow(SECURITY).await.text;
    assert!(shown.contains("Not yet") && shown.contains(">Confirmed<"), "{shown}");
    let page = world.browser().follow(&format!("/change-email?token={new}")).await.text;
    assert!(page.contains(EMAIL) && page.contains(NEW) && page.contains("Refuse it"), "{page}");
    let done = press(&mut browser, &new).await;
    assert!(done.status == 200 && done.text.contains(&format!("is {NEW} from now on")), "{}", done.text);
    assert_eq!(browser.who().await.as_deref(), Some(NEW), "who has confirmed goes on");
    assert_eq!(other.who().await, None, "other devices don't");
    assert_eq!(
        logged(&mut browser).await[..2],
        [format!("Changed the e-mail to {NEW}"), format!("Asked to change the e-mail to {NEW}")]
    );
    for address in [EMAIL, NEW] {
        assert_eq!(world.mails(address).await[0].0, "email_changed", "{address} is told");
    }
    assert_eq!(sign_in(&world.anon(), EMAIL, PASSWORD).await.status, 401);
    assert_eq!(sign_in(&world.anon(), NEW, PASSWORD).await.status, 303);
    let user = world.console.get_user_by_email(NEW).await.unwrap();
    assert!(user.verified_at.is_some() && !user.is_claim);
    for used in [old, new] {
        let gone = browser.follow(&format!("/change-email?token={used}")).await;
        assert_refused(&gone, 410, "opens nothing any more");
    }
    sign_up(&world.anon(), EMAIL, "somebody", "nine patient anvils").await;
    world.verify_email(&world.anon(), EMAIL).await;
    assert!(world.console.get_user_by_email(EMAIL).await.unwrap().verified_at.is_some(), "it is free");
}

#[tokio::test]
async fn member_confirms_the_new_one_first_on_another_device() {
    let (world, mut browser) = member().await;
    ask(&mut browser, NEW).await;
    let [old, new] = tokens(&world).await;
    let mut phone = world.browser();
    assert_eq!(press(&mut phone, &new).await.status, 200);
    assert_eq!(press(&mut phone, &old).await.status, 200);
    assert_eq!(
        browser.who().await,
        None,
        "only the device that has confirmed goes on, and it was not signed in"
    );
    assert_eq!(sign_in(&world.anon(), NEW, PASSWORD).await.status, 303);
}

#[tokio::test]
async fn member_learns_nothing_about_an_address_that_is_somebody_s() {
    let (world, mut browser) = member().await;
    world.user("bob", PASSWORD).await;
    let taken = browser.submit(CHANGE, &[("new_email", "bob@example.com")]).await;
    let shown_taken = browser.follow(SECURITY).await.text;
    let free = browser.submit(CHANGE, &[("new_email", "bob@example.org")]).await;
    let shown_free = browser.follow(SECURITY).await.text;
    assert_eq!((taken.status, taken.header("location")), (free.status, free.header("location")));
    let without = |page: String| {
        let card = page.split("email-title").nth(2).unwrap_or_default().to_owned();
        let card = card.split("</section>").next().unwrap_or_default().to_owned();
        card.replace("bob@example.com", "").replace("bob@example.org", "")
    };
    assert_eq!(without(shown_taken), without(shown_free));
    assert_eq!(world.mails("bob@example.com").await[0].0, "email_wanted");
    assert_eq!(world.mails("bob@example.com").await.len(), 1, "and no link that does something");
    assert_eq!(world.mails("bob@example.org").await[0].0, "confirm_new_email");
}

#[tokio::test]
async fn member_whose_new_address_becomes_somebody_s_meanwhile_keeps_the_old_one() {
    let (world, mut browser) = member().await;
    ask(&mut browser, "bob@example.com").await;
    let old = token(&world, EMAIL, "confirm_leaving").await;
    let new = token(&world, "bob@example.com", "confirm_new_email").await;
    world.user("bob", PASSWORD).await;
    press(&mut browser, &old).await;
    assert_refused(&press(&mut browser, &new).await, 409, "belongs to another account by now");
    assert_eq!(browser.who().await.as_deref(), Some(EMAIL));
    assert_eq!(sign_in(&world.anon(), "bob@example.com", PASSWORD).await.status, 303);
}

#[tokio::test]
async fn member_has_one_wish_at_a_time_and_takes_it_back() {
    let (world, mut browser) = member().await;
    ask(&mut browser, "first@example.com").await;
    let first = token(&world, "first@example.com", "confirm_new_email").await;
    ask(&mut browser, NEW).await;
    assert_refused(&browser.follow(&format!("/change-email?token={first}")).await, 410, "asked for anew");
    let [old, new] = tokens(&world).await;
    press(&mut browser, &old).await;
    let cancelled = browser.submit(CANCEL, &[]).await;
    assert_eq!(cancelled.header("location"), "/settings/security?said=email-cancelled");
    assert_refused(&browser.submit("/change-email", &[("token", &new)]).await, 410, "was cancelled");
    assert_eq!(logged(&mut browser).await[0], "Cancelled the change of the e-mail");
    browser.submit(CANCEL, &[]).await;
    assert_eq!(logged(&mut browser).await.len(), 4, "there was nothing to cancel");
    assert_eq!(browser.who().await.as_deref(), Some(EMAIL));
}

#[tokio::test]
async fn whoever_reads_the_present_mailbox_refuses_it() {
    let (world, mut browser) = member().await;
    ask(&mut browser, NEW).await;
    let [old, new] = tokens(&world).await;
    press(&mut browser, &new).await;
    let refused = submit(&world.anon(), "/change-email/refuse", &[("token", &old)], &[]).await;
    assert!(refused.status == 200 && refused.text.contains("The change is off"), "{}", refused.text);
    assert_refused(&submit(&world.anon(), "/change-email", &[("token", &old)], &[]).await, 410, "");
    assert_eq!(browser.who().await.as_deref(), Some(EMAIL));
}

#[tokio::test]
async fn another_password_ends_a_wish() {
    let (world, mut browser) = member().await;
    ask(&mut browser, NEW).await;
    let [old, _] = tokens(&world).await;
    browser.submit(SECURITY, &[("current", PASSWORD), ("password", "nine patient anvils")]).await;
    assert_refused(&browser.follow(&format!("/change-email?token={old}")).await, 410, "");
    ask(&mut browser, NEW).await;
    let [old, _] = tokens(&world).await;
    submit(&world.anon(), "/forgot-password", &[("email", EMAIL)], &[]).await;
    let link = world.token(EMAIL).await;
    let reset = [("token", link.as_str()), ("password", PASSWORD)];
    assert_eq!(submit(&world.anon(), "/reset-password", &reset, &[]).await.status, 200);
    assert_refused(&browser.follow(&format!("/change-email?token={old}")).await, 410, "");
}

#[tokio::test]
async fn a_wish_lasts_a_day() {
    let (world, mut browser) = member().await;
    ask(&mut browser, NEW).await;
    let [old, new] = tokens(&world).await;
    press(&mut browser, &old).await;
    world.clock.advance(DAY);
    assert_refused(&browser.submit("/change-email", &[("token", &new)]).await, 410, "a day has passed");
    assert!(browser.follow(SECURITY).await.text.contains("New e-mail"));
    let now = server::clock::Clock::now(&*world.clock);
    world.console.store.delete_old_email_changes(now).await.unwrap();
    assert!(Raw::open(&world.database()).await.texts("SELECT user_id FROM email_changes").await.is_empty());
}

#[tokio::test]
async fn member_is_told_what_is_wrong_with_what_they_typed() {
    let (world, mut browser) = member().await;
    for (typed, says) in [
        ("", "New e-mail must be an e-mail address such as ada@example.com."),
        ("a@b@c", "New e-mail must be an e-mail address"),
        (EMAIL, "New e-mail is the one that you have."),
        ("\"><script>alert(1)</script>", "New e-mail must be"),
    ] {
        let refused = browser.submit(CHANGE, &[("new_email", typed)]).await;
        assert_refused(&refused, 422, says);
        assert!(!refused.text.contains("<script>alert"));
    }
    assert!(browser.submit(CHANGE, &[("new_email", "a@b@c")]).await.text.contains("value=\"a@b@c\""));
    for n in 0..5 {
        ask(&mut browser, NEW).await;
        assert_eq!(world.mails(NEW).await.len(), n + 1);
    }
    let refused = browser.submit(CHANGE, &[("new_email", NEW)]).await;
    assert_refused(&refused, 429, "Too many attempts.");
    world.clock.advance(600 * SECOND);
    let led = browser.submit(CHANGE, &[("new_email", NEW)]).await;
    assert_eq!(led.header("location"), "/confirm?next=/settings/security%3Fsaid%3Dconfirmed");
}

#[tokio::test]
async fn nobody_changes_an_e_mail_that_is_not_theirs_to_change() {
    let world = World::start().await;
    let anon = submit(&world.anon(), CHANGE, &[("new_email", NEW)], &[]).await;
    assert_eq!(anon.header("location"), "/sign-in?next=/settings/security");
    for path in ["/change-email", "/change-email/refuse"] {
        for token in ["", "x", &"x".repeat(40)] {
            assert_refused(&submit(&world.anon(), path, &[("token", token)], &[]).await, 410, "");
        }
    }
    sign_up(&world.anon(), EMAIL, "ada", PASSWORD).await;
    let mut claimant = world.browser();
    claimant.sign_in(EMAIL, PASSWORD).await;
    let refused = claimant.submit(CHANGE, &[("new_email", NEW)]).await;
    assert_eq!(refused.status, 403, "{}", refused.text);
    assert!(claimant.follow(SECURITY).await.text.contains("Verify it first."));
    world.user("bob", PASSWORD).await;
    let mut bob = world.browser();
    bob.sign_in("bob@example.com", PASSWORD).await;
    let status = server::store::AccountStatus::Suspended;
    world.console.set_user_status("bob@example.com", status).await.unwrap();
    assert_refused(&bob.submit(CHANGE, &[("new_email", NEW)]).await, 403, "suspended");
    let foreign = [("cookie", bob.cookies()), ("sec-fetch-site", "cross-site".to_owned())];
    let foreign = foreign.each_ref().map(|(name, value)| (*name, value.as_str()));
    for path in [CHANGE, CANCEL, "/change-email"] {
        assert_eq!(submit(&world.anon(), path, &[("new_email", NEW)], &foreign).await.status, 403);
    }
}
