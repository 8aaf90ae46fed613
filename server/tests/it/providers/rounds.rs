//! The way there and back: who may finish it, how often, until when, and where it leads.

use futures::future::join_all;
use server::config::Speaks;

use super::{count, ready};
use crate::harness::World;
use crate::harness::forms::{assert_refused, encoded, get_with};
use crate::harness::issuer::{ADA, Issuer, Lie, SECRET};
use crate::harness::process::Site;
use crate::harness::raw::Raw;

const STALE: &str = "This took more than ten minutes, was begun in another browser, or was finished before.";

/// The value of a parameter.
fn parameter(address: &str, name: &str) -> String {
    let url =
        url::Url::parse(address).or_else(|_| url::Url::parse(&format!("http://here{address}"))).unwrap();
    let found = url.query_pairs().find(|(key, _)| key == name);
    found.map(|(_, value)| value.into_owned()).unwrap_or_default()
}

#[tokio::test]
async fn anon_comes_back_without_a_state_that_we_gave_and_is_nobody() {
    let (world, issuer) = ready().await;
    let mut browser = world.browser();
    let back = issuer.consent(&browser.leave("/sign-in/acme").await, &ADA);
    let code = parameter(&back, "code");
    for query in [
        String::new(),
        "?code=x".to_owned(),
        format!("?code={code}"),
        format!("?code={code}&state="),
        format!("?code={code}&state={}", "x".repeat(40)),
        format!("?code={code}&state=a&state=b"),
    ] {
        let refused = browser.clone().arrive(&format!("/sign-in/acme/callback{query}")).await;
        assert_refused(&refused, 410, STALE);
        assert_eq!(browser.who().await, None);
    }
    assert_eq!(issuer.asked("keys"), 0, "nobody was asked about it");
    assert_eq!(count(&world, "users").await, 0);
}

#[tokio::test]
async fn another_browser_can_not_finish_what_this_one_began() {
    let (world, issuer) = ready().await;
    let mut browser = world.browser();
    let back = issuer.consent(&browser.leave("/sign-in/acme").await, &ADA);
    let mut eves = world.browser();
    assert_refused(&eves.arrive(&back).await, 410, STALE);
    eves.leave("/sign-in/acme").await;
    eves.follow("/sign-in/acme").await;
    assert_refused(&eves.arrive(&back).await, 410, STALE);
    assert_eq!((eves.who().await, count(&world, "users").await), (None, 0));
    assert_eq!(browser.arrive(&back).await.status, 303, "and did not end it");
}

#[tokio::test]
async fn anon_comes_back_twice_and_is_let_in_once() {
    let (world, issuer) = ready().await;
    let mut browser = world.browser();
    let back = issuer.consent(&browser.leave("/sign-in/acme").await, &ADA);
    let mut again = browser.clone();
    assert_eq!(browser.arrive(&back).await.status, 303);
    assert_refused(&again.arrive(&back).await, 410, STALE);
    assert_eq!(again.who().await, None);

    let mut browser = world.browser();
    let back = issuer.consent(&browser.leave("/sign-in/acme").await, &ADA);
    let mut all: Vec<_> = (0..6).map(|_| browser.clone()).collect();
    let answers = join_all(all.iter_mut().map(|browser| browser.arrive(&back))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 303).count(), 1, "at once as well");
}

#[tokio::test]
async fn anon_takes_ten_minutes_and_no_longer() {
    let (world, issuer) = ready().await;
    let mut browser = world.browser();
    let back = issuer.consent(&browser.leave("/sign-in/acme").await, &ADA);
    world.clock.advance(600_000_000 - 1);
    assert_eq!(browser.clone().arrive(&back).await.status, 303);
    let mut browser = world.browser();
    let back = issuer.consent(&browser.leave("/sign-in/acme").await, &ADA);
    world.clock.advance(600_000_000);
    assert_refused(&browser.arrive(&back).await, 410, STALE);
    assert_eq!(count(&world, "provider_rounds").await, 1);
    let now = server::clock::Clock::now(&*world.clock);
    assert_eq!(world.console.store.delete_ended_rounds(now).await.unwrap(), 1);
}

#[tokio::test]
async fn anon_comes_back_from_another_provider_than_they_went_to() {
    let (world, issuer) = ready().await;
    let mut browser = world.browser();
    let back = issuer.consent(&browser.leave("/sign-in/acme").await, &ADA);
    let mixed_up = back.replace("/sign-in/acme/", "/sign-in/github/");
    assert_refused(&browser.clone().arrive(&mixed_up).await, 410, STALE);
    let mut browser = world.browser();
    let back = issuer.consent(&browser.leave("/sign-in/acme").await, &ADA);
    let foreign = format!("{back}&iss={}", encoded("https://evil.example"));
    assert_refused(&browser.clone().arrive(&foreign).await, 502, "cannot be trusted");
    let mut browser = world.browser();
    let back = issuer.consent(&browser.leave("/sign-in/acme").await, &ADA);
    let right = format!("{back}&iss={}", encoded(&issuer.url));
    assert_eq!(browser.arrive(&right).await.status, 303);
}

#[tokio::test]
async fn anon_who_refuses_there_reads_so_in_plain_words() {
    let (world, _issuer) = ready().await;
    for (error, status, says) in [
        ("access_denied", 403, "You did not let Acme tell us who you are"),
        ("server_error", 502, "Acme cannot be reached right now"),
        ("<script>alert(1)</script>", 502, "Acme cannot be reached right now"),
    ] {
        let mut browser = world.browser();
        let state = parameter(&browser.leave("/sign-in/acme").await, "state");
        let path = format!("/sign-in/acme/callback?error={}&state={state}", encoded(error));
        let told = browser.arrive(&path).await;
        assert_refused(&told, status, says);
        assert!(told.text.contains("/sign-in") && !told.text.contains("alert(1)"), "{}", told.text);
        assert_refused(&browser.arrive(&path).await, 410, STALE);
    }
}

#[tokio::test]
async fn anon_is_told_when_a_provider_is_down() {
    let (world, issuer) = ready().await;
    issuer.lie(Lie::Down);
    for (name, provider) in [("Acme", "acme"), ("GitHub", "github")] {
        let mut browser = world.browser();
        let told = browser.round(&issuer, &format!("/sign-in/{provider}"), &ADA).await;
        assert_refused(&told, 502, &format!("{name} cannot be reached right now"));
        // A code that it does not know.
        let state = parameter(&browser.leave(&format!("/sign-in/{provider}")).await, "state");
        issuer.lie(Lie::None);
        let told = browser.arrive(&format!("/sign-in/{provider}/callback?code=x&state={state}")).await;
        assert_refused(&told, 502, &format!("{name} cannot be reached right now"));
        issuer.lie(Lie::Down);
    }
    assert_eq!(count(&world, "users").await, 0);
    let nowhere = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", nowhere.local_addr().unwrap());
    drop(nowhere);
    let mut settings = issuer.settings();
    settings[0].speaks = Speaks::OpenId { issuer: url, dates_sign_ins: true };
    let world = World::with(|config| config.providers = settings).await;
    let mut browser = world.browser();
    assert_refused(&browser.follow("/sign-in/acme").await, 502, "Acme cannot be reached right now");
    assert_eq!(count(&world, "provider_rounds").await, 0);
}

#[tokio::test]
async fn member_is_never_led_to_another_site() {
    let (world, issuer) = ready().await;
    for next in [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "",
    ] {
        let mut browser = world.browser();
        let start = format!("/sign-in/acme?next={}", encoded(next));
        let entered = browser.round(&issuer, &start, &ADA).await;
        assert_eq!((entered.status, entered.header("location")), (303, "/"), "{next:?}");
        assert_eq!(browser.follow(&start).await.header("location"), "/", "{next:?}");
    }
    let mut browser = world.browser();
    let start = format!("/sign-in/acme?next={}", encoded("/usage?range=7d"));
    assert_eq!(browser.round(&issuer, &start, &ADA).await.header("location"), "/usage?range=7d");
}

#[tokio::test]
async fn another_site_begins_no_round() {
    let (world, _issuer) = ready().await;
    let mut browser = world.browser();
    let shown = browser.arrive("/sign-in/acme").await;
    assert_eq!((shown.status, shown.header("location")), (303, "/sign-in"));
    assert_eq!((count(&world, "provider_rounds").await, browser.cookies()), (0, String::new()));
}

#[tokio::test]
async fn anon_from_one_place_begins_200_rounds_and_waits() {
    let (world, _issuer) = ready().await;
    let mut browser = world.browser();
    for _ in 0..200 {
        assert_eq!(browser.follow("/sign-in/github").await.status, 303);
    }
    let refused = browser.follow("/sign-in/github").await;
    assert_refused(&refused, 429, "Too many attempts. Try again in 10 minutes.");
    assert_eq!(refused.header("retry-after"), "600");
    world.clock.advance(600_000_000);
    assert_eq!(browser.follow("/sign-in/github").await.status, 303);
}

#[tokio::test]
async fn the_browser_s_token_is_for_this_host_and_ten_minutes_and_the_file_holds_nothing_of_it() {
    let (world, issuer) = ready().await;
    let mut browser = world.browser();
    let sent = browser.follow("/sign-in/acme").await;
    let cookie = sent.header("set-cookie");
    assert!(
        cookie.starts_with("plexe_round=") && cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"),
        "{cookie}"
    );
    assert!(cookie.contains("Path=/;") && cookie.contains("Max-Age=600"), "{cookie}");
    let address = sent.header("location");
    let mut raw = Raw::open(&world.database()).await;
    let row = raw
        .texts(
            "SELECT hex(state_hash) || hex(browser_hash) || provider || purpose || next FROM provider_rounds",
        )
        .await;
    for secret in
        [browser.cookie("plexe_round").unwrap(), &parameter(address, "state"), &parameter(address, "nonce")]
    {
        assert!(secret.len() >= 40 && !row[0].contains(secret), "{row:?}");
        assert!(!row[0].contains(&encoded(secret).replace('%', "")), "{row:?}");
    }
    assert_ne!(
        browser.cookie("plexe_round").unwrap(),
        parameter(address, "state"),
        "the provider never sees it"
    );
    let back = browser.arrive(&issuer.consent(address, &ADA)).await;
    assert_eq!((back.status, browser.cookie("plexe_round")), (303, None));

    let https = World::with(|config| {
        config.base_url = "https://console.example".parse().unwrap();
        config.providers = issuer.settings();
    })
    .await;
    let sent = get_with(&https.anon(), "/sign-in/acme", &[]).await;
    let cookie = sent.header("set-cookie");
    assert!(cookie.starts_with("__Host-plexe_round=") && cookie.contains("; Secure"), "{cookie}");
    assert!(
        sent.header("location")
            .contains("redirect_uri=https%3A%2F%2Fconsole.example%2Fsign-in%2Facme%2Fcallback")
    );
}

#[tokio::test]
async fn a_server_with_providers_in_its_environment_logs_failures_and_no_secret() {
    let clock = std::sync::Arc::new(server::clock::ManualClock::at(crate::harness::START));
    let issuer = Issuer::start(clock).await;
    let list = format!(
        "[{{ id = \"acme\", name = \"Acme\", issuer = \"{}\", client_id = \"console\", client_secret = \"{SECRET}\" }}]",
        issuer.url
    );
    let site = Site::new().await;
    let settings = [("CONSOLE_OIDC_PROVIDERS", list.as_str()), ("RUST_LOG", "debug,hyper=info,sqlx=info")];
    let serving = site.serve_logging(&settings).await;
    let mut browser =
        crate::harness::browser::Browser::of(crate::harness::client::Caller::new(&serving.url, None));
    let address = browser.leave("/sign-in/acme").await;
    let back = issuer.consent(&address, &ADA);
    // By the machine's clock the token has expired long ago, or comes from the future.
    let refused = browser.arrive(&back).await;
    assert_refused(&refused, 502, "What Acme said about you cannot be trusted");
    let log = site.log();
    assert!(log.contains("a provider did not say who somebody is") && log.contains("acme"), "{log}");
    let code = parameter(&back, "code");
    for secret in [SECRET, &code, &parameter(&address, "state"), &parameter(&address, "nonce"), "access-0"] {
        assert!(!log.contains(secret), "{secret} is in the log: {log}");
    }
}
