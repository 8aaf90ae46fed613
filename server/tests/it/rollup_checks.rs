//! The comparison of charts with the books that happens by itself: it finds what is wrong, and nothing else.

use std::cell::Cell;
use std::fs::File;
use std::sync::Arc;

use futures::future::join;
use ledger::time::{DAY, SECOND};
use serde_json::{Value, json};
use server::calendar::Rfc3339;
use server::console::rollup_check::{RollupCheck, RollupMismatch};
use server::jobs::rollups;
use server::store::{Permission, Scope, Scopes};

use crate::harness::events::{EVENTS, event, prediction, with};
use crate::harness::raw::Raw;
use crate::harness::{START, World};
use crate::rollup_windows::declaring;

/// Looks until something is found that is not there to be seen in every window.
async fn found(world: &World) -> Option<RollupMismatch> {
    for _ in 0..200 {
        if let RollupCheck::Mismatch(mismatch) = world.console.check_rollups().await.expect("a check") {
            return Some(*mismatch);
        }
    }
    None
}

#[tokio::test]
async fn operator_is_told_of_every_kind_of_wrong_rollup() {
    for sql in [
        "UPDATE rollups SET credits = credits + 1 WHERE operation = 'model.prediction'",
        "UPDATE rollups SET quantity = quantity + 1 WHERE operation = 'model.prediction'",
        "UPDATE rollups SET count = count + 1 WHERE operation = 'model.prediction'",
        "UPDATE rollups SET operation = 'model.other' WHERE operation = 'model.prediction'",
        "UPDATE rollups SET api_key = 'key_000000000000' WHERE operation = 'model.prediction'",
        "UPDATE rollups SET bucket = bucket - 900000000 WHERE operation = 'model.prediction'",
        "DELETE FROM rollups WHERE operation = 'model.prediction'",
        "INSERT INTO rollups SELECT account, bucket + 900000000, operation, api_key, 1, 1, 1 FROM rollups LIMIT 1",
    ] {
        let world = World::start().await;
        let (ada, service) = (world.member_with("ada", "100").await, world.service().await);
        world.member_with("bob", "100").await;
        let list =
            json!([prediction("a", &ada), prediction("b", &ada), event("c", &ada, "account.read", "3")]);
        service.caller.post(EVENTS, &list).await.ok();
        assert_eq!(found(&world).await, None, "before {sql}");
        assert_eq!(Raw::open(&world.database()).await.run(sql).await, 1, "{sql}");
        let mismatch = found(&world).await.unwrap_or_else(|| panic!("{sql}: not found"));
        assert_eq!(mismatch.account, ada.account, "{sql}");
        assert!(mismatch.window.from <= mismatch.bucket.start && mismatch.bucket.start < mismatch.window.to);
        assert_ne!(mismatch.stored, mismatch.events, "{sql}");
        assert!(mismatch.to_string().contains(&ada.account.to_string()), "{mismatch}");
    }
}

#[tokio::test]
async fn a_correction_months_later_is_no_mismatch() {
    let world = World::start().await;
    let ada = world.member_with("ada", "100").await;
    let service = world.service_with(Scopes::of(Scope::ALL), None).await;
    service.caller.post(EVENTS, &event("a", &ada, "model.prediction", "9")).await.ok();
    let held = service.caller.post("/usage/holds", &event("h", &ada, "model.prediction", "5")).await.ok();
    let settle = format!("/usage/holds/{}/settle", held["hold_id"].as_str().unwrap());
    service.caller.post(&settle, &json!({"quantity": 4})).await.ok();
    world.clock.advance(100 * DAY);
    for (id, quantity) in [("a", 3), ("h", 0)] {
        let body = json!({"id": "c", "quantity": quantity, "reason": "for a test"});
        service.caller.post(&format!("{EVENTS}/test/{id}/corrections"), &body).await.ok();
    }
    assert_eq!(found(&world).await, None);
    Raw::open(&world.database()).await.run("UPDATE rollups SET quantity = quantity + 1").await;
    assert!(found(&world).await.is_some());
}

#[tokio::test]
async fn operator_is_told_of_wrong_rollups_of_a_dimension() {
    let take = |name: &str, from: &str| {
        // Who had the name before goes.
        let go = format!("DELETE FROM dimension_rollups WHERE value = '{name}'");
        vec![go, format!("UPDATE dimension_rollups SET value = '{name}' WHERE value = '{from}'")]
    };
    for statements in [
        vec!["UPDATE dimension_rollups SET credits = credits + 1 WHERE value = 'm7'".to_owned()],
        take("m8", "m7"),
        take("m7", "other"),
        vec!["DELETE FROM dimension_rollups WHERE value = 'm7'".to_owned()],
    ] {
        let world = World::with(|config| config.usage_dimensions = declaring(&["model"])).await;
        let (ada, service) = (world.member_with("ada", "100").await, world.service().await);
        let model = |n: usize| {
            with(&prediction(&n.to_string(), &ada), "dimensions", json!({"model": format!("m{n}")}))
        };
        // More than have names, and later on the same day some that have one.
        let mut list: Vec<Value> = (0..60).map(model).collect();
        list.push(with(&model(7), "id", json!("again")));
        service.caller.post(EVENTS, &json!(list)).await.ok();
        assert_eq!(found(&world).await, None, "before {statements:?}");
        let sql = statements.join("; ");
        for statement in &statements {
            assert!(Raw::open(&world.database()).await.run(statement).await > 0, "{statement}");
        }
        let mismatch = found(&world).await.unwrap_or_else(|| panic!("{sql}: not found"));
        assert_eq!(mismatch.value.map(|(dimension, _)| dimension).as_deref(), Some("model"), "{sql}");
    }
}

#[tokio::test]
async fn a_correction_long_after_its_event_is_no_mismatch() {
    let world = World::with(|config| config.usage_dimensions = declaring(&["model"])).await;
    let (ada, service) =
        (world.member_with("ada", "100").await, world.service_with(Scopes::of(Scope::ALL), None).await);
    let built = with(&event("job", &ada, "model.build", "1"), "dimensions", json!({"model": "churn"}));
    service.caller.post(EVENTS, &built).await.ok();
    world.clock.advance(100 * DAY);
    let body = json!({"id": "c", "quantity": "0.5", "reason": "counted twice"});
    service.caller.post(&format!("{EVENTS}/test/job/corrections"), &body).await.ok();
    for _ in 0..20 {
        assert!(!matches!(world.console.check_rollups().await.unwrap(), RollupCheck::Mismatch(_)));
    }
    Raw::open(&world.database()).await.run("UPDATE dimension_rollups SET credits = credits + 1").await;
    assert!(found(&world).await.is_some());
}

#[tokio::test]
async fn operator_reads_account_and_window_of_a_mismatch_in_the_log_and_sees_it_counted() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "100").await, world.service().await);
    service.caller.post(EVENTS, &prediction("a", &ada)).await.ok();
    let log = world.folder().join("log");
    let lines = tracing_subscriber::fmt().json().with_writer(Arc::new(File::create(&log).expect("a file")));
    let _here = tracing::subscriber::set_default(lines.finish());
    let checks = &world.console.meters.rollup_checks;

    rollups::check(world.console.clone()).await;
    assert_eq!((checks.matched.read(), checks.mismatched.read()), (1, 0));
    assert!(!std::fs::read_to_string(&log).unwrap().contains("MISMATCH"));

    Raw::open(&world.database()).await.run("UPDATE rollups SET credits = 7").await;
    rollups::check(world.console.clone()).await;
    assert_eq!((checks.matched.read(), checks.mismatched.read()), (1, 1));
    let text = std::fs::read_to_string(&log).unwrap();
    let line = text.lines().find(|line| line.contains("MISMATCH")).unwrap_or_else(|| panic!("{text}"));
    let line: Value = serde_json::from_str(line).unwrap();
    let (level, fields) = (&line["level"], &line["fields"]);
    assert_eq!((level, &fields["account"]), (&json!("ERROR"), &json!(ada.account.to_string())));
    assert_eq!(fields["bucket"], Rfc3339(START).to_string());
    for end in ["from", "to"] {
        assert!(fields[end].as_str().is_some_and(|time| time.ends_with('Z')), "{line}");
    }
    assert_eq!(fields["operation"], "model.prediction");

    world.console.store.close().await;
    rollups::check(world.console.clone()).await;
    assert_eq!(checks.failed.read(), 1);
}

#[tokio::test]
async fn nobody_is_told_of_anything_while_events_arrive() {
    let world = World::start().await;
    let service = world.service().await;
    let (ada, bob) = (world.member_with("ada", "100000").await, world.member_with("bob", "100000").await);
    let key = world.key(&bob, Permission::ReadWrite).await.secret.as_str().to_owned();
    let (is_over, matches) = (Cell::new(false), Cell::new(0));
    let charging = async {
        // A busy machine compares less often while as much is charged.
        for round in (0..400_i64).take_while(|round| *round < 40 || matches.get() <= 20) {
            world.clock.advance(7 * 3_600 * SECOND);
            let now = server::clock::Clock::now(&*world.clock);
            let item = |n: i64| {
                let one = prediction(&format!("{round}-{n}"), if n % 3 == 0 { &ada } else { &bob });
                // Late ones, up to the last moment, and some that are ahead.
                let late =
                    now.saturating_add(300 * SECOND - n * 35 * DAY / 49).max(now.saturating_add(-35 * DAY));
                let one = with(&one, "occurred_at", json!(Rfc3339(late).to_string()));
                if n % 5 == 0 {
                    let mut one = with(&one, "api_key", json!(key));
                    one.as_object_mut().unwrap().remove("user_id");
                    return one;
                }
                one
            };
            let list: Value = (0..50).map(item).collect();
            assert_eq!(service.caller.post(EVENTS, &list).await.ok()["accepted"], 50);
        }
        is_over.set(true);
    };
    let checking = async {
        for round in (0..).take_while(|_| !is_over.get()) {
            // Whole books at times, and at times so few that only their end is looked at.
            let most = if round % 2 == 0 { 200_000 } else { 100 };
            match world.console.check_rollups_within(most).await.expect("a check") {
                RollupCheck::Match => matches.set(matches.get() + 1),
                RollupCheck::Empty => {}
                RollupCheck::Mismatch(mismatch) => panic!("{mismatch}"),
            }
        }
    };
    join(charging, checking).await;
    assert!(matches.get() > 20, "{} comparisons were of something", matches.get());
    assert_eq!(found(&world).await, None);
    world.verify(&ada).await;
    world.verify(&bob).await;
}

#[tokio::test]
async fn a_console_without_entries_has_nothing_to_compare() {
    let world = World::start().await;
    world.member("ada").await;
    assert_eq!(world.console.check_rollups().await.unwrap(), RollupCheck::Empty);
}

#[tokio::test]
async fn of_long_books_the_end_is_compared() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "1000").await, world.service().await);
    for hour in 0..10 {
        let list: Value = (0..20).map(|n| prediction(&format!("{hour}-{n}"), &ada)).collect();
        service.caller.post(EVENTS, &list).await.ok();
        world.clock.advance(3_600 * SECOND);
    }
    let mut raw = Raw::open(&world.database()).await;
    raw.run("UPDATE rollups SET count = count + 1 WHERE bucket = (SELECT max(bucket) FROM rollups)").await;
    let RollupCheck::Mismatch(mismatch) = world.console.check_rollups_within(30).await.unwrap() else {
        panic!("not found")
    };
    assert_eq!(mismatch.bucket.start, START.saturating_add(9 * 3_600 * SECOND));
}
