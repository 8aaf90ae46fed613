//! Who is asked for a code, and what it takes.

use std::sync::Arc;

use ledger::time::SECOND;
use server::clock::ManualClock;

use super::{EMAIL, STEP, answer, halfway, protected, texts};
use crate::harness::browser::Browser;
use crate::harness::forms::{PASSWORD, assert_refused};
use crate::harness::issuer::{ADA, Issuer};
use crate::harness::place::Place;
use crate::harness::raw::Raw;
use crate::harness::{START, World};

const WRONG: &str = "This code is not right, or it was used before.";
const AGAIN: &str = "Please sign in again.";

#[tokio::test]
async fn member_with_an_app_is_asked_for_its_code_and_goes_on() {
    let world = World::start().await;
    let (_, app, _) = protected(&world).await;
    let mut browser = world.browser();
    let fields = [("email", EMAIL), ("password", PASSWORD), ("next", "/usage?range=7d")];
    let asked = browser.submit("/sign-in", &fields).await;
    assert_eq!((asked.status, asked.header("location")), (303, STEP));
    assert!(browser.cookie("plexe_session").is_none(), "nobody is in yet");
    let set: Vec<_> = asked.headers.get_all("set-cookie").iter().map(|set| set.to_str().unwrap()).collect();
    assert!(
        set[0].starts_with("plexe_step=")
            && set[0].ends_with("; Path=/; Max-Age=600; HttpOnly; SameSite=Lax"),
        "{set:?}"
    );
    let page = browser.follow(STEP).await;
    assert!(page.status == 200 && page.text.contains("one-time-code"), "{}", page.text);
    assert!(!page.text.contains(EMAIL), "it says nothing about whoever it is: {}", page.text);
    let refused = answer(&mut browser, &app.wrong(&world)).await;
    assert_refused(&refused, 403, WRONG);
    assert_eq!(browser.who().await, None);
    let entered = answer(&mut browser, &app.code(&world)).await;
    assert_eq!((entered.status, entered.header("location")), (303, "/usage?range=7d"), "{}", entered.text);
    assert_eq!(browser.who().await.as_deref(), Some(EMAIL));
    assert!(browser.cookie("plexe_step").is_none(), "the question is over");
}

#[tokio::test]
async fn member_is_never_led_to_another_site() {
    let world = World::start().await;
    let (_, app, _) = protected(&world).await;
    for next in ["https://evil.example", "//evil.example", "/\\evil.example"] {
        let mut browser = world.browser();
        browser.submit("/sign-in", &[("email", EMAIL), ("password", PASSWORD), ("next", next)]).await;
        assert_eq!(answer(&mut browser, &app.code(&world)).await.header("location"), "/", "{next}");
        world.clock.advance(30 * SECOND);
    }
}

#[tokio::test]
async fn member_s_code_counts_once_and_none_before_it_does() {
    let world = World::start().await;
    let (_, app, _) = protected(&world).await;
    let now = server::clock::Clock::now(&*world.clock);
    let (before, code, next) =
        (app.at(now.saturating_add(-30 * SECOND)), app.at(now), app.at(now.saturating_add(30 * SECOND)));
    let mut first = halfway(&world).await;
    assert_eq!(answer(&mut first, &code).await.status, 303);
    let mut second = halfway(&world).await;
    for used in [&code, &before] {
        assert_refused(&answer(&mut second, used).await, 403, WRONG);
    }
    assert_eq!(answer(&mut second, &next).await.status, 303, "a phone's clock may be ahead");
    let mut third = halfway(&world).await;
    world.clock.advance(60 * SECOND);
    assert_refused(&answer(&mut third, &next).await, 403, WRONG);
    let late = app.at(server::clock::Clock::now(&*world.clock));
    world.clock.advance(30 * SECOND);
    assert_eq!(answer(&mut third, &late).await.status, 303, "or behind");
    let mut fourth = halfway(&world).await;
    let far = app.at(server::clock::Clock::now(&*world.clock).saturating_add(60 * SECOND));
    assert_refused(&answer(&mut fourth, &far).await, 403, WRONG);
}

#[tokio::test]
async fn two_browsers_with_one_code_get_one_session() {
    let world = World::start().await;
    let (_, app, _) = protected(&world).await;
    let code = app.code(&world);
    let (mut one, mut other) = (halfway(&world).await, halfway(&world).await);
    let (one, other) = tokio::join!(answer(&mut one, &code), answer(&mut other, &code));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 403]);
}

#[tokio::test]
async fn anon_who_is_halfway_is_nobody_and_only_in_that_browser() {
    let world = World::start().await;
    let (_, app, _) = protected(&world).await;
    let mut browser = halfway(&world).await;
    assert_eq!(browser.who().await, None);
    for path in ["/", "/settings/security", "/confirm"] {
        let led = browser.follow(path).await;
        assert!(led.status == 303 && led.header("location").starts_with("/sign-in"), "{path}");
    }
    let token = browser.cookie("plexe_step").unwrap().to_owned();
    let mut as_session = world.browser();
    as_session.keep("plexe_session", &token);
    assert_eq!(as_session.who().await, None, "it is no session");
    let mut stranger = world.browser();
    assert_eq!(stranger.follow(STEP).await.header("location"), "/sign-in");
    assert_refused(&answer(&mut stranger, &app.code(&world)).await, 410, AGAIN);
    stranger.keep("plexe_step", &"0".repeat(40));
    assert_eq!(stranger.follow(STEP).await.header("location"), "/sign-in");
    assert_refused(&answer(&mut stranger, &app.code(&world)).await, 410, AGAIN);
    assert_eq!(answer(&mut browser, &app.code(&world)).await.status, 303, "nobody has used it up");
    browser.keep("plexe_step", &token);
    world.clock.advance(30 * SECOND);
    assert_refused(&answer(&mut browser, &app.code(&world)).await, 410, AGAIN);
}

#[tokio::test]
async fn member_has_ten_minutes_and_five_tries() {
    let world = World::start().await;
    let (_, app, _) = protected(&world).await;
    let mut late = halfway(&world).await;
    world.clock.advance(600 * SECOND);
    assert_eq!(late.clone().follow(STEP).await.header("location"), "/sign-in");
    assert_refused(&answer(&mut late, &app.code(&world)).await, 410, AGAIN);
    let mut browser = halfway(&world).await;
    let wrong = app.wrong(&world);
    for _ in 0..4 {
        assert_refused(&answer(&mut browser, &wrong).await, 403, WRONG);
    }
    assert_refused(&answer(&mut browser, &wrong).await, 410, AGAIN);
    assert_eq!(texts(&world, "SELECT next FROM second_steps WHERE tries > 0").await.len(), 0);
    assert_refused(&answer(&mut browser, &app.code(&world)).await, 410, AGAIN);
}

#[tokio::test]
async fn guesses_are_counted_by_place_and_in_a_row_and_recovery_codes_still_open() {
    let world = World::start().await;
    let (_, app, codes) = protected(&world).await;
    for _ in 0..2 {
        let mut browser = halfway(&world).await;
        for _ in 0..5 {
            answer(&mut browser, &app.wrong(&world)).await;
        }
    }
    let mut browser = halfway(&world).await;
    let refused = answer(&mut browser, &app.code(&world)).await;
    assert_refused(&refused, 429, "Too many attempts");
    assert_eq!(refused.header("retry-after"), "900");
    let kinds: Vec<String> = world.mails(EMAIL).await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["codes_refused", "second_factor_on"], "the owner hears of it once");
    world.clock.advance(900 * SECOND);
    Raw::open(&world.database()).await.run("UPDATE totp_secrets SET failed = 100").await;
    let mut browser = halfway(&world).await;
    let refused = answer(&mut browser, &app.code(&world)).await;
    assert_refused(&refused, 403, "Too many wrong codes were typed for this account");
    assert_eq!(answer(&mut browser, &codes[0]).await.status, 303);
    let mut browser = halfway(&world).await;
    assert_eq!(answer(&mut browser, &app.code(&world)).await.status, 303, "it counts anew");
}

#[tokio::test]
async fn guesses_that_come_at_once_are_counted_too() {
    let world = World::start().await;
    let (_, app, _) = protected(&world).await;
    let browser = halfway(&world).await;
    let wrong = app.wrong(&world);
    let guess = |mut browser: Browser| {
        let wrong = wrong.clone();
        async move { answer(&mut browser, &wrong).await.status }
    };
    let guesses = (0..20).map(|_| guess(browser.clone()));
    let statuses = futures::future::join_all(guesses).await;
    assert_eq!(statuses.iter().filter(|status| **status == 403).count(), 4, "{statuses:?}");
    let failed = texts(&world, "SELECT CAST(failed AS TEXT) FROM totp_secrets").await;
    assert_eq!(failed, ["5"]);
}

#[tokio::test]
async fn member_s_recovery_code_opens_once() {
    let world = World::start().await;
    let (mut settings, _, codes) = protected(&world).await;
    let mut browser = halfway(&world).await;
    let spoken = codes[3].to_uppercase().replace('-', " ");
    assert_eq!(answer(&mut browser, &spoken).await.status, 303);
    assert_eq!(browser.who().await.as_deref(), Some(EMAIL));
    let mut again = halfway(&world).await;
    assert_refused(&answer(&mut again, &codes[3]).await, 403, WRONG);
    assert_eq!(answer(&mut again, &codes[4]).await.status, 303);
    let kinds: Vec<String> = world.mails(EMAIL).await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["recovery_code_used", "recovery_code_used", "second_factor_on"]);
    assert!(settings.follow("/settings/security").await.text.contains("8 recovery codes are left."));
}

#[tokio::test]
async fn member_whose_password_is_reset_or_changed_is_asked_all_the_same() {
    let world = World::start().await;
    let (mut settings, app, _) = protected(&world).await;
    let mut before = halfway(&world).await;
    let mut anon = world.browser();
    anon.submit("/forgot-password", &[("email", EMAIL)]).await;
    let token = world.token(EMAIL).await;
    let reset =
        anon.submit("/reset-password", &[("token", &token), ("password", "seven lazy kettles")]).await;
    assert_eq!(reset.status, 200, "{}", reset.text);
    assert_refused(&answer(&mut before, &app.code(&world)).await, 410, AGAIN);
    assert_eq!(settings.who().await, None);
    let asked = anon.sign_in(EMAIL, "seven lazy kettles").await;
    assert_eq!((asked.status, asked.header("location")), (303, STEP));
    assert_eq!(anon.who().await, None);
    assert_eq!(answer(&mut anon, &app.code(&world)).await.status, 303);
    let mut before = world.browser();
    before.sign_in(EMAIL, "seven lazy kettles").await;
    let fields = [("current", "seven lazy kettles"), ("password", PASSWORD)];
    assert_eq!(anon.submit("/settings/security", &fields).await.status, 303);
    world.clock.advance(30 * SECOND);
    assert_refused(&answer(&mut before, &app.code(&world)).await, 410, AGAIN);
    halfway(&world).await;
}

#[tokio::test]
async fn member_who_comes_by_a_provider_is_asked_as_well() {
    let clock = Arc::new(ManualClock::at(START));
    let issuer = Issuer::start(Arc::clone(&clock)).await;
    let providers = issuer.settings();
    let world = World::open(Place::new().await, clock, |config| config.providers = providers).await;
    let (mut settings, app, _) = protected(&world).await;
    assert_eq!(settings.round(&issuer, "/settings/security/link/acme", &ADA).await.status, 303);
    let mut browser = world.browser();
    let asked = browser.round(&issuer, "/sign-in/acme?next=/usage", &ADA).await;
    assert_eq!((asked.status, asked.header("location")), (303, STEP), "{}", asked.text);
    assert_eq!(browser.who().await, None);
    let entered = answer(&mut browser, &app.code(&world)).await;
    assert_eq!((entered.status, entered.header("location")), (303, "/usage"));
    assert_eq!(browser.who().await.as_deref(), Some(EMAIL));
}
