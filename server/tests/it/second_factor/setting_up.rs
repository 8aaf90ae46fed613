//! An app is set up and taken away, and what is sensitive is confirmed by its code.

use ledger::time::SECOND;

use super::{App, EMAIL, SET_UP, STEP, answer, halfway, protected, recovery_codes, turn_on};
use crate::harness::World;
use crate::harness::forms::{PASSWORD, assert_refused, sign_up};

const OFF: &str = "/settings/security/second-step/off";
const CODES: &str = "/settings/security/second-step/codes";
const CONFIRM: &str = "/confirm?next=/settings/security%3Fsaid%3Dconfirmed";
const BACK: &str = "/settings/security?said=confirmed";
const TEN_MINUTES: i64 = 600 * SECOND;

#[tokio::test]
async fn member_sets_up_an_app_with_its_first_code() {
    let world = World::start().await;
    world.user("ada", PASSWORD).await;
    let mut browser = world.browser();
    browser.sign_in(EMAIL, PASSWORD).await;
    let settings = browser.follow("/settings/security").await;
    assert!(settings.text.contains("Set up an authenticator app"), "{}", settings.text);
    let page = browser.follow(SET_UP).await;
    let policy = page.header("content-security-policy");
    assert!(
        page.text.contains("<svg class=\"qr\"") && policy.contains("default-src 'self'"),
        "{}",
        page.text
    );
    assert_eq!(page.header("cache-control"), "no-store");
    let app = App::of(&page.text);
    assert_eq!(App::of(&browser.follow(SET_UP).await.text).0, app.0, "looking again changes nothing");
    let mut elsewhere = world.browser();
    assert_eq!(elsewhere.sign_in(EMAIL, PASSWORD).await.header("location"), "/", "it is not in force yet");
    for wrong in [app.wrong(&world).as_str(), "", "12345", "<script>"] {
        let refused = browser.submit(SET_UP, &[("code", wrong)]).await;
        assert_refused(&refused, 403, "This code is not right");
        assert_eq!(App::of(&refused.text).0, app.0, "the same to scan");
    }
    let on = browser.submit(SET_UP, &[("code", &app.code(&world))]).await;
    assert_eq!((on.status, on.header("cache-control")), (200, "no-store"));
    let codes = recovery_codes(&on.text);
    assert_eq!((codes.len(), codes[0].len()), (10, 29), "{codes:?}");
    assert_eq!(
        browser.submit(SET_UP, &[("code", &app.code(&world))]).await.header("location"),
        SET_UP,
        "sent twice it shows no other codes"
    );
    assert_eq!(browser.follow(SET_UP).await.header("location"), "/settings/security?said=second-step-before");
    let settings = browser.follow("/settings/security?said=second-step-before").await;
    for shown in ["Set up 22 Nov 2026", "10 recovery codes are left.", "An app is set up already."] {
        assert!(settings.text.contains(shown), "{shown}: {}", settings.text);
    }
    assert_eq!(world.mails(EMAIL).await[0].0, "second_factor_on");
}

#[tokio::test]
async fn member_s_secret_that_was_left_unused_is_replaced_after_a_while() {
    let world = World::start().await;
    world.user("ada", PASSWORD).await;
    let mut browser = world.browser();
    browser.sign_in(EMAIL, PASSWORD).await;
    let app = App::of(&browser.follow(SET_UP).await.text);
    world.clock.advance(1_800 * SECOND);
    browser.sign_in(EMAIL, PASSWORD).await;
    assert_ne!(App::of(&browser.follow(SET_UP).await.text).0, app.0);
    assert_refused(
        &browser.submit(SET_UP, &[("code", &app.code(&world))]).await,
        403,
        "This code is not right",
    );
}

#[tokio::test]
async fn member_who_signed_in_a_while_ago_confirms_first() {
    let world = World::start().await;
    let (mut browser, app, _) = protected(&world).await;
    world.clock.advance(TEN_MINUTES);
    let mut other = world.browser();
    world.user("bob", PASSWORD).await;
    other.sign_in("bob@example.com", PASSWORD).await;
    world.clock.advance(TEN_MINUTES);
    let led = other.follow(SET_UP).await;
    assert_eq!((led.status, led.header("location")), (303, "/confirm?next=/settings/security/second-step"));
    for path in [OFF, CODES] {
        let led = browser.submit(path, &[]).await;
        assert_eq!((led.status, led.header("location")), (303, CONFIRM), "{path}");
    }
    let asked = browser.follow(CONFIRM).await;
    assert!(
        asked.text.contains("Code of your app") && asked.text.contains("type=\"password\""),
        "{}",
        asked.text
    );
    assert!(!other.follow("/confirm").await.text.contains("Code of your app"));
    let wrong = app.wrong(&world);
    let refused = browser.submit("/confirm", &[("code", &wrong), ("next", BACK)]).await;
    assert_refused(&refused, 403, "This code is not right");
    let before = browser.cookie("plexe_session").unwrap().to_owned();
    let code = app.code(&world);
    let confirmed = browser.submit("/confirm", &[("code", &code), ("next", BACK)]).await;
    assert_eq!((confirmed.status, confirmed.header("location")), (303, BACK), "{}", confirmed.text);
    let mut old = world.browser();
    old.keep("plexe_session", &before);
    assert_eq!(old.who().await, None, "the session from before is over");
    assert_refused(&answer(&mut halfway(&world).await, &code).await, 403, "or it was used before");
    assert_eq!(browser.submit(CODES, &[]).await.status, 200);
    let bobs = other.submit("/confirm", &[("code", &app.code(&world)), ("next", BACK)]).await;
    assert_refused(&bobs, 403, "This code is not right");
}

#[tokio::test]
async fn member_makes_new_recovery_codes_and_the_old_ones_end() {
    let world = World::start().await;
    let (mut browser, _, old) = protected(&world).await;
    let made = browser.submit(CODES, &[]).await;
    assert_eq!((made.status, made.header("cache-control")), (200, "no-store"));
    let new = recovery_codes(&made.text);
    assert!(new.len() == 10 && new.iter().all(|code| !old.contains(code)));
    let mut signing_in = halfway(&world).await;
    assert_refused(&answer(&mut signing_in, &old[0]).await, 403, "This code is not right");
    assert_eq!(answer(&mut signing_in, &new[0]).await.status, 303);
    assert!(world.mails(EMAIL).await.iter().any(|(kind, _)| kind == "recovery_codes_made"));
}

#[tokio::test]
async fn member_turns_it_off_and_signs_in_with_one_step() {
    let world = World::start().await;
    let (mut browser, app, codes) = protected(&world).await;
    let mut before = halfway(&world).await;
    assert_eq!(browser.submit(OFF, &[]).await.header("location"), "/settings/security?said=second-step-off");
    assert_eq!(world.mails(EMAIL).await[0].0, "second_factor_off");
    assert_refused(&answer(&mut before, &app.code(&world)).await, 410, "Please sign in again.");
    let mut anon = world.browser();
    assert_eq!(anon.sign_in(EMAIL, PASSWORD).await.header("location"), "/");
    assert_eq!(browser.submit(OFF, &[]).await.header("location"), "/settings/security?said=second-step-gone");
    assert_eq!(
        browser.submit(CODES, &[]).await.header("location"),
        "/settings/security?said=second-step-gone"
    );
    world.clock.advance(TEN_MINUTES);
    for code in [app.code(&world), codes[0].clone()] {
        assert_refused(&browser.submit("/confirm", &[("code", &code)]).await, 403, "This code is not right");
    }
    anon.sign_in(EMAIL, PASSWORD).await;
    let (other, _) = turn_on(&world, &mut anon).await;
    assert_ne!(other.0, app.0, "set up again it is another one");
}

#[tokio::test]
async fn anon_and_unverified_set_up_nothing() {
    let world = World::start().await;
    let mut anon = world.browser();
    for path in [SET_UP, OFF, CODES] {
        let led = anon.submit(path, &[("code", "123456")]).await;
        assert_eq!((led.status, led.header("location")), (303, "/sign-in?next=/settings/security"), "{path}");
    }
    assert_eq!(anon.follow(STEP).await.header("location"), "/sign-in");
    sign_up(&world.anon(), EMAIL, "ada", PASSWORD).await;
    anon.sign_in(EMAIL, PASSWORD).await;
    assert_eq!(anon.follow(SET_UP).await.status, 403);
    let settings = anon.follow("/settings/security").await;
    assert!(settings.text.contains("Once your e-mail is verified you can protect"), "{}", settings.text);
}
