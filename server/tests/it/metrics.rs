//! `GET /metrics`, on an address of its own: names, values, and that it is nowhere else.

use http::Method;
use ledger::entry::Movement;
use ledger::grant::GrantKind;
use ledger::time::DAY;
use serde_json::json;
use server::console::grants::GrantForm;
use server::jobs::{Stop, signal};
use server::metrics::listener;
use server::store::{BookSums, Scope, Scopes};
use tokio::net::TcpListener;

use crate::harness::client::{Caller, answer};
use crate::harness::events::{EVENTS, event, prediction, with};
use crate::harness::forms::{PASSWORD, sign_up};
use crate::harness::process::{Site, ended};
use crate::harness::raw::Raw;
use crate::harness::sse::Reader;
use crate::harness::{Member, START, World, credits};

/// Whoever watches a console.
struct Watcher {
    caller: Caller,
    /// Ends the listener when dropped.
    _stop: Stop,
}

impl Watcher {
    async fn of(world: &World) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound port"));
        let (stop, stopping) = signal();
        tokio::spawn(listener::serve(listener, world.console.clone(), stopping));
        Self { caller: Caller::new(&url, None), _stop: stop }
    }

    async fn scrape(&self) -> Scraped {
        let answer = self.caller.get("/metrics").await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        Scraped(answer.text)
    }
}

/// The text of one scrape.
struct Scraped(String);

impl Scraped {
    fn find(&self, sample: &str) -> Option<&str> {
        self.0.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '))
    }

    /// The value of `name{labels}`.
    #[track_caller]
    fn value(&self, sample: &str) -> &str {
        self.find(sample).unwrap_or_else(|| panic!("no {sample}: {}", self.0))
    }

    #[track_caller]
    fn has(&self, samples: &[(&str, &str)]) {
        for (sample, value) in samples {
            assert_eq!(self.value(sample), *value, "{sample}");
        }
    }
}

#[tokio::test]
async fn operator_watches_what_becomes_of_events() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "0.25").await, world.service().await);
    let watcher = Watcher::of(&world).await;
    let before = watcher.scrape().await;
    before
        .has(&[("plexe_events_total{outcome=\"accepted\"}", "0"), ("plexe_charged_microcredits_total", "0")]);
    service.caller.post(EVENTS, &prediction("a", &ada)).await.ok();
    service.caller.post(EVENTS, &prediction("a", &ada)).await.ok();
    let list = json!([
        prediction("b", &ada),
        event("dear", &ada, "model.build", "1"),
        with(&prediction("c", &ada), "quantity", json!(-1)),
        with(&prediction("a", &ada), "quantity", json!(2)),
        7,
    ]);
    service.caller.post(EVENTS, &list).await.ok();
    service.caller.post(EVENTS, &with(&prediction("d", &ada), "operation", json!("no.such"))).await;
    service.caller.post(EVENTS, &with(&prediction("e", &ada), "user_id", json!("user_nope"))).await;
    // Nobody's events.
    world.anon().post(EVENTS, &prediction("f", &ada)).await;
    let after = watcher.scrape().await;
    let refused = |code: &str| format!("plexe_events_total{{outcome=\"refused\",code=\"{code}\"}}");
    after.has(&[
        ("plexe_events_total{outcome=\"accepted\"}", "2"),
        ("plexe_events_total{outcome=\"replayed\"}", "1"),
        (&refused("insufficient_credits"), "1"),
        (&refused("validation_failed"), "2"),
        (&refused("conflict"), "1"),
        (&refused("invalid_request"), "1"),
        (&refused("not_found"), "1"),
        ("plexe_charged_microcredits_total", "200000"),
        ("plexe_queue_tasks", "0"),
        ("plexe_queue_capacity_tasks", "8192"),
        // The grant, the first event, the list.
        ("plexe_commit_duration_seconds_count", "3"),
        ("plexe_commit_tasks_count", "3"),
        ("plexe_commit_tasks_sum", "5.0"),
        ("plexe_commit_tasks_bucket{le=\"1.0\"}", "2"),
        ("plexe_commit_tasks_bucket{le=\"4.0\"}", "3"),
        ("plexe_commit_tasks_bucket{le=\"+Inf\"}", "3"),
        ("plexe_http_requests_total{route=\"/usage/events\",status=\"2xx\"}", "3"),
        ("plexe_http_requests_total{route=\"/usage/events\",status=\"4xx\"}", "3"),
        ("plexe_http_request_duration_seconds_count{route=\"/usage/events\"}", "6"),
    ]);
    assert_eq!(after.find(&refused("unauthorized")), None);
}

#[tokio::test]
async fn operator_watches_routes_and_never_what_callers_make_up() {
    let world = World::start().await;
    let watcher = Watcher::of(&world).await;
    for path in ["/made-up", "/usage/made-up", "/usage/events/made-up/x", "/usage/current?made-up"] {
        world.anon().get(path).await;
    }
    answer(world.anon().request("MADEUP".parse::<Method>().unwrap(), "/usage/current")).await;
    let scraped = watcher.scrape().await;
    scraped.has(&[
        ("plexe_http_requests_total{route=\"none\",status=\"4xx\"}", "1"),
        ("plexe_http_requests_total{route=\"/usage/{*rest}\",status=\"4xx\"}", "1"),
        ("plexe_http_requests_total{route=\"/usage/events/{source}/{id}\",status=\"4xx\"}", "1"),
        ("plexe_http_requests_total{route=\"/usage/current\",status=\"4xx\"}", "2"),
    ]);
    assert!(!scraped.0.to_lowercase().contains("made"), "{}", scraped.0);
}

/// A grant of 5 credits.
async fn grant(
    world: &World,
    member: &Member,
    effective_in: Option<i64>,
    expires_in: Option<i64>,
) -> ledger::GrantId {
    let form = GrantForm {
        credits: credits("5"),
        kind: GrantKind::Promo,
        reason: "for a test".to_owned(),
        effective_at: effective_in.map(|after| START.saturating_add(after)),
        expires_at: expires_in.map(|after| START.saturating_add(after)),
        priority: None,
    };
    world.console.grant(member.account, form).await.expect("a grant").grant_id
}

#[tokio::test]
async fn operator_finds_every_credit_in_one_place() {
    let world = World::start().await;
    let (ada, bob, service) =
        (world.member_with("ada", "10").await, world.member("bob").await, world.service().await);
    let watcher = Watcher::of(&world).await;
    grant(&world, &ada, Some(30 * DAY), None).await;
    let voided = grant(&world, &bob, None, None).await;
    grant(&world, &bob, None, Some(DAY)).await;
    grant(&world, &ada, None, Some(2 * DAY)).await;
    service.caller.post(EVENTS, &event("a", &bob, "model.prediction", "10")).await.ok();
    let place = |place: &str| format!("plexe_books_place_microcredits{{place=\"{place}\"}}");
    watcher.scrape().await.has(&[
        ("plexe_books_followed", "1"),
        ("plexe_books_issued_microcredits", "30000000"),
        (&place("available"), "24000000"),
        (&place("pending"), "5000000"),
        (&place("spent"), "1000000"),
        (&place("expired"), "0"),
        (&place("voided"), "0"),
        ("plexe_books_difference_microcredits", "0"),
    ]);
    world.console.void_grant(voided, "a mistake").await.expect("a void");
    world.clock.advance(DAY);
    // Bob's rest of 4 credits has run out, which the books don't say yet.
    watcher.scrape().await.has(&[
        (&place("available"), "15000000"),
        (&place("lapsed"), "4000000"),
        (&place("voided"), "5000000"),
        ("plexe_books_difference_microcredits", "0"),
    ]);
    world.balance(&bob).await;
    watcher.scrape().await.has(&[
        (&place("lapsed"), "0"),
        (&place("expired"), "4000000"),
        (&place("held"), "0"),
        ("plexe_books_issued_microcredits", "30000000"),
        ("plexe_books_difference_microcredits", "0"),
    ]);
    Raw::open(&world.database())
        .await
        .run("UPDATE grants SET remaining = remaining - 7 WHERE remaining > 7")
        .await;
    assert_ne!(watcher.scrape().await.value("plexe_books_difference_microcredits"), "0");
}

#[tokio::test]
async fn long_books_are_read_in_steps_and_come_to_the_same() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "10").await, world.service().await);
    let list: serde_json::Value = (0..10).map(|n| prediction(&format!("e{n}"), &ada)).collect();
    service.caller.post(EVENTS, &list).await.ok();
    let store = &world.console.store;
    let (mut steps, mut whole) = (BookSums::default(), BookSums::default());
    let resting = store.follow_books(&mut whole, 100, START).await.unwrap();
    let mut rounds = 1;
    let stepped = loop {
        match store.follow_books(&mut steps, 4, START).await.unwrap() {
            Some(resting) => break resting,
            None => rounds += 1,
        }
    };
    assert_eq!(Some(stepped), resting);
    for (movement, moved) in [(Movement::Issue, 10_000_000), (Movement::Charge, 1_000_000)] {
        assert_eq!((steps.moved(movement), whole.moved(movement)), (moved, moved));
    }
    // Where others write, entries that may not be settled yet are read at once.
    assert!(rounds == 3 || store.is_shared() && rounds < 3, "{rounds}");
}

#[tokio::test]
async fn operator_watches_streams_mails_and_checks() {
    let world = World::start().await;
    let ada = world.member_with("ada", "1").await;
    let watcher = Watcher::of(&world).await;
    watcher.scrape().await.has(&[("plexe_sse_streams", "0"), ("plexe_mails_waiting", "0")]);
    sign_up(&world.anon(), "new@example.com", "new", PASSWORD).await;
    let member = world.as_member(&ada).await;
    let mut stream = Reader::open(&member, "", None).await;
    stream.next().await;
    server::jobs::rollups::check(world.console.clone()).await;
    watcher.scrape().await.has(&[
        ("plexe_sse_streams", "1"),
        ("plexe_mails_waiting", "1"),
        ("plexe_rollup_checks_total{result=\"empty\"}", "1"),
        ("plexe_rollup_checks_total{result=\"mismatch\"}", "0"),
    ]);
}

#[tokio::test]
async fn operator_finds_what_is_held_and_owed() {
    let world = World::start().await;
    let (ada, bob) = (world.member_with("ada", "10").await, world.member("bob").await);
    let service = world.service_that_may_owe(Scopes::of(Scope::ALL), None, Some("9")).await;
    service.caller.post("/usage/holds", &event("h", &ada, "model.prediction", "30")).await.ok();
    let owing = with(&event("o", &bob, "model.prediction", "60"), "on_insufficient", json!("debt"));
    service.caller.post(EVENTS, &owing).await.ok();
    let correction = json!({"id": "c", "quantity": 40, "reason": "for a test"});
    service.caller.post("/usage/events/test/o/corrections", &correction).await.ok();
    let place = |place: &str| format!("plexe_books_place_microcredits{{place=\"{place}\"}}");
    Watcher::of(&world).await.scrape().await.has(&[
        ("plexe_books_issued_microcredits", "10000000"),
        ("plexe_books_debt_microcredits", "4000000"),
        (&place("available"), "7000000"),
        (&place("held"), "3000000"),
        (&place("spent"), "4000000"),
        ("plexe_books_difference_microcredits", "0"),
    ]);
}

/// What the format asks for: <https://prometheus.io/docs/specs/om/open_metrics_spec/>.
#[tokio::test]
async fn every_sample_has_a_type_and_a_help_and_counters_end_in_total() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "1").await, world.service().await);
    service.caller.post(EVENTS, &prediction("a", &ada)).await.ok();
    let watcher = Watcher::of(&world).await;
    let answer = watcher.caller.get("/metrics").await;
    assert_eq!(answer.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(answer.text.ends_with("# EOF\n"), "{}", answer.text);
    let mut kind = ("", "");
    for line in answer.text.lines().filter(|line| *line != "# EOF") {
        if let Some(described) = line.strip_prefix("# ") {
            let (about, rest) = described.split_once(' ').expect("a word");
            let (name, rest) = rest.split_once(' ').expect("a name");
            assert!(name.starts_with("plexe_") && !rest.is_empty(), "{line}");
            match about {
                "HELP" => kind = (name, ""),
                "TYPE" => kind.1 = rest,
                _ => assert!(about == "UNIT" && name.ends_with(rest), "{line}"),
            }
            assert_eq!(kind.0, name, "{line}");
            continue;
        }
        let suffix = line.strip_prefix(kind.0).unwrap_or_else(|| panic!("{line} has no type"));
        let suffix = suffix.split(['{', ' ']).next().unwrap_or_default();
        let may_be: &[&str] = match kind.1 {
            "counter" => &["_total"],
            "gauge" => &[""],
            "histogram" => &["_bucket", "_sum", "_count"],
            other => panic!("{other} is no type of ours"),
        };
        assert!(may_be.contains(&suffix), "{line}");
    }
}

#[tokio::test]
async fn anon_finds_no_metrics_where_people_come() {
    let world = World::start().await;
    for path in ["/metrics", "/v1/metrics"] {
        assert_eq!(world.anon().get(path).await.status, 404);
    }
    let watcher = Watcher::of(&world).await;
    for path in ["/", "/usage/current", "/healthz"] {
        assert_eq!(watcher.caller.get(path).await.status, 404, "{path}");
    }
    assert_eq!(watcher.caller.post("/metrics", &json!({})).await.status, 405);
}

#[tokio::test]
async fn operator_turns_metrics_on_by_an_address() {
    let site = Site::new().await;
    let serving =
        site.serve_logging(&[("CONSOLE_METRICS_ADDR", "127.0.0.1:0"), ("CONSOLE_LOG_FORMAT", "json")]).await;
    let log = site.log();
    let url = log.split("metrics are on ").nth(1).and_then(|rest| rest.split("/metrics").next());
    let watcher = Caller::new(url.unwrap_or_else(|| panic!("no address in {log}")), None);
    let scraped = watcher.get("/metrics").await;
    assert!(scraped.text.contains("plexe_events_total"), "{}", scraped.text);
    assert_eq!(serving.terminate().await, Some(0));
}

#[tokio::test]
async fn operator_is_told_which_address_is_wrong() {
    let taken = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let taken = taken.local_addr().expect("a bound port").to_string();
    for (value, says) in [
        ("9464", "CONSOLE_METRICS_ADDR is \"9464\"; it must be an address and port such as 127.0.0.1:9464"),
        ("localhost:9464", "CONSOLE_METRICS_ADDR is \"localhost:9464\"; it must be"),
        (&taken, "CONSOLE_METRICS_ADDR picks another address"),
    ] {
        let site = Site::new().await;
        let mut command = site.command(&["serve"]);
        command.env("CONSOLE_METRICS_ADDR", value).env("RUST_LOG", "error");
        let refused = ended(command).await;
        assert!(refused.refusal(1).contains(says), "{refused:?}");
    }
}
