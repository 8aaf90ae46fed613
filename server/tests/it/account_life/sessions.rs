//! The list of sessions, what ends one, and how long one lasts.

use ledger::time::{DAY, SECOND};

use super::{EMAIL, SECURITY, logged, member, signed_in};
use crate::harness::browser::Browser;
use crate::harness::forms::{PASSWORD, submit, value};
use crate::harness::raw::Raw;
use crate::harness::sse::Reader;
use crate::harness::{World, forms};

const END: &str = "/settings/security/sessions/end";
const END_OTHERS: &str = "/settings/security/sessions/end-others";
const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";

/// Signs in with a browser that says what it is, behind a proxy that says where it is.
async fn phone(world: &World) -> Browser {
    let fields = [("email", EMAIL), ("password", PASSWORD)];
    let headers = [("user-agent", FIREFOX), ("x-forwarded-for", "192.0.2.7")];
    let signed_in = submit(&world.anon(), "/sign-in", &fields, &headers).await;
    let cookie = forms::cookie(&signed_in);
    let (name, token) = cookie.split_once('=').unwrap();
    let mut browser = world.browser();
    browser.keep(name, token);
    browser
}

/// The id of the only other session.
async fn other(browser: &mut Browser) -> String {
    value(&browser.follow(SECURITY).await.text, "session").to_owned()
}

#[tokio::test]
async fn member_sees_where_they_are_signed_in_and_signs_one_out() {
    let (world, mut browser) = member().await;
    let mut phone = phone(&world).await;
    let shown = browser.follow(SECURITY).await.text;
    for says in ["This device", "Firefox on Linux", "192.0.2.7", "Sign out all others"] {
        assert!(shown.contains(says), "{says}: {shown}");
    }
    assert_eq!(shown.matches("This device").count(), 1);
    let id = other(&mut browser).await;
    let token = phone.cookie("plexe_session").unwrap();
    assert!(!shown.contains(token) && id.len() == 24, "{id}");
    let mut raw = Raw::open(&world.database()).await;
    for hash in raw.texts("SELECT hex(token_hash) FROM sessions").await {
        assert!(!shown.to_uppercase().contains(&hash), "no hash of a token is shown");
    }
    let ended = browser.submit(END, &[("session", &id)]).await;
    assert_eq!((ended.status, ended.header("location")), (303, "/settings/security?said=ended"));
    assert_eq!(phone.who().await, None);
    assert_eq!(browser.who().await.as_deref(), Some(EMAIL));
    assert_eq!(logged(&mut browser).await[0], "Signed out another device: Firefox on Linux");
    let again = browser.submit(END, &[("session", &id)]).await;
    assert_eq!(again.status, 404, "it is over");
}

#[tokio::test]
async fn member_signs_out_all_others_and_their_streams_end() {
    let (world, mut browser) = member().await;
    let mut phone = phone(&world).await;
    let request = world.anon().request(http::Method::GET, "/usage/stream");
    let mut stream = Reader::listen(request.header("cookie", phone.cookies())).await;
    stream.group().await;
    let ended = browser.submit(END_OTHERS, &[]).await;
    assert_eq!((ended.status, ended.header("location")), (303, "/settings/security?said=ended-others"));
    assert_eq!(stream.next().await, None);
    assert_eq!(phone.who().await, None);
    let shown = browser.follow("/settings/security?said=ended-others").await.text;
    assert!(shown.contains("You are signed out everywhere else."));
    assert!(shown.contains("This device") && !shown.contains("Sign out all others"), "{shown}");
    assert_eq!(logged(&mut browser).await[0], "Signed out all other devices");
}

#[tokio::test]
async fn nobody_ends_what_is_not_theirs() {
    let (world, mut browser) = member().await;
    let _phone = phone(&world).await;
    let id = other(&mut browser).await;
    world.user("bob", PASSWORD).await;
    let mut bob = world.browser();
    bob.sign_in("bob@example.com", PASSWORD).await;
    let mut raw = Raw::open(&world.database()).await;
    let hash = raw.texts("SELECT hex(token_hash) FROM sessions").await.remove(0);
    for session in [id.as_str(), hash.as_str(), "", "x"] {
        let refused = bob.submit(END, &[("session", session)]).await;
        assert_eq!(refused.status, 404, "{session}: {}", refused.text);
    }
    assert_eq!(bob.submit(END_OTHERS, &[]).await.status, 303);
    let anon = submit(&world.anon(), END, &[("session", &id)], &[]).await;
    assert_eq!((anon.status, anon.header("location")), (303, "/sign-in?next=/settings/security"));
    let cookies = browser.cookies();
    let foreign = [("cookie", cookies.as_str()), ("sec-fetch-site", "cross-site")];
    for path in [END, END_OTHERS] {
        assert_eq!(submit(&world.anon(), path, &[("session", &id)], &foreign).await.status, 403);
    }
    assert_eq!(raw.texts("SELECT 'x' FROM sessions").await.len(), 3);
}

#[tokio::test]
async fn member_who_ends_the_session_they_look_with_signs_in_again() {
    let (world, mut browser) = member().await;
    let mut phone = phone(&world).await;
    let id = other(&mut phone).await;
    let ended = browser.submit(END, &[("session", &id)]).await;
    assert_eq!((ended.status, ended.header("location")), (303, "/sign-in?next=/settings/security"));
    assert_eq!((browser.who().await, phone.who().await.as_deref()), (None, Some(EMAIL)));
}

#[tokio::test]
async fn member_s_session_ends_when_nobody_uses_it() {
    let (world, mut browser) = member().await;
    world.clock.advance(14 * DAY - 60 * SECOND);
    assert_eq!(browser.who().await.as_deref(), Some(EMAIL));
    world.console.write_seen_sessions().await;
    world.clock.advance(14 * DAY - 1);
    assert_eq!(browser.who().await.as_deref(), Some(EMAIL), "it was used since");
    world.console.write_seen_sessions().await;
    world.clock.advance(14 * DAY);
    assert_eq!(browser.who().await, None);
    let mut raw = Raw::open(&world.database()).await;
    let forget = server::auth::sessions::idle_since(&world.console);
    let now = server::clock::Clock::now(&*world.clock);
    assert_eq!(world.console.store.delete_ended_sessions(now, forget).await.unwrap(), 1);
    assert!(raw.texts("SELECT 'x' FROM sessions").await.is_empty());
}

#[tokio::test]
async fn member_s_session_ends_however_much_it_is_used() {
    let (world, mut browser) = member().await;
    for _ in 0..8 {
        world.clock.advance(10 * DAY);
        assert_eq!(browser.who().await.as_deref(), Some(EMAIL));
        world.console.write_seen_sessions().await;
    }
    world.clock.advance(10 * DAY);
    assert_eq!(browser.who().await, None);
}

#[tokio::test]
async fn operator_sets_how_long_sessions_last() {
    let world = World::with(|config| {
        config.account_life.session_idle_days = 1;
        config.account_life.session_days = 3;
    })
    .await;
    world.user("ada", PASSWORD).await;
    let mut browser = world.browser();
    let signed_in = browser.sign_in(EMAIL, PASSWORD).await;
    assert!(signed_in.header("set-cookie").contains("Max-Age=259200;"), "{}", signed_in.header("set-cookie"));
    world.clock.advance(DAY);
    assert_eq!(browser.who().await, None);
}

#[tokio::test]
async fn member_s_use_is_noted_once_a_minute_and_no_request_writes_it() {
    let (world, mut browser) = member().await;
    let mut raw = Raw::open(&world.database()).await;
    let seen = "SELECT CAST(last_seen_at - created_at AS TEXT) FROM sessions";
    world.clock.advance(60 * SECOND - 1);
    browser.who().await;
    world.console.write_seen_sessions().await;
    assert_eq!(raw.texts(seen).await, ["0"]);
    world.clock.advance(1);
    browser.who().await;
    assert_eq!(raw.texts(seen).await, ["0"], "not by the request");
    world.console.write_seen_sessions().await;
    assert_eq!(raw.texts(seen).await, ["60000000"]);
}

#[tokio::test]
async fn member_s_other_sessions_end_with_another_password() {
    let (world, mut browser) = member().await;
    let mut other = signed_in(&world).await;
    let fields = [("current", PASSWORD), ("password", "nine patient anvils")];
    assert_eq!(browser.submit(SECURITY, &fields).await.status, 303);
    assert_eq!((browser.who().await.as_deref(), other.who().await), (Some(EMAIL), None));
    submit(&world.anon(), "/forgot-password", &[("email", EMAIL)], &[]).await;
    let token = world.token(EMAIL).await;
    let fields = [("token", token.as_str()), ("password", "seven careful lanterns")];
    submit(&world.anon(), "/reset-password", &fields, &[]).await;
    assert_eq!(browser.who().await, None, "a link by mail ends all");
}
