//! Two servers at the same accounts at once: one charge for each event, never more than there is, and nobody waits in a
//! circle.

use futures::StreamExt as _;
use futures::stream;
use serde_json::{Value, json};

use super::{Pair, empty_site};
use crate::harness::client::amount;
use crate::harness::credits;
use crate::harness::events::EVENTS;
use crate::harness::process::Site;
use crate::harness::raw::Raw;
use crate::harness::{PATIENCE, World};

fn event(id: &str, user: &Value, quantity: &str) -> Value {
    json!({"id": id, "source": "race", "user_id": user, "operation": "model.prediction", "quantity": quantity})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_sent_to_both_servers_at_once_is_charged_by_one() {
    let pair = Pair::start().await;
    let (user, _) = pair.member("ada").await;
    pair.site.grant("ada@example.com", "1000").await;
    let nodes = [pair.service(0), pair.service(1)];
    let both = stream::iter(0..1_000).map(|n| {
        let event = event(&n.to_string(), &user, "1");
        let nodes = &nodes;
        async move {
            let (one, two) = tokio::join!(nodes[0].post(EVENTS, &event), nodes[1].post(EVENTS, &event));
            (one.ok(), two.ok())
        }
    });
    let answers: Vec<(Value, Value)> = both.buffer_unordered(16).collect().await;
    for (one, two) in answers {
        assert_eq!(one["event_id"], two["event_id"]);
        assert_eq!(one["seq"], two["seq"]);
        assert!((one["replayed"] == true) != (two["replayed"] == true), "{one} {two}");
    }
    let stats = pair.site.json(&["stats"]).await;
    assert_eq!((&stats["events"], amount(&stats["spent"])), (&json!(1_000), credits("100")));
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_takes_the_last_credits_is_charged_however_often_and_where_it_is_sent() {
    let pair = Pair::start().await;
    let nodes = [pair.service(0), pair.service(1)];
    for round in 0..40 {
        let (user, _) = pair.member(&format!("u{round}")).await;
        // All that the sign-up has given.
        let last = event(&format!("last{round}"), &user, "1000");
        let sent = stream::iter(0..8).map(|n| nodes[n % 2].post(EVENTS, &last)).buffer_unordered(8);
        let answers: Vec<Value> = sent.map(|answer| answer.ok()).collect().await;
        assert_eq!(answers.iter().filter(|answer| answer["replayed"] == false).count(), 1, "{answers:?}");
    }
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_for_many_are_charged_while_users_and_keys_change_all_the_time() {
    let pair = Pair::start().await;
    let mut users = vec![];
    for n in 0..30 {
        users.push(pair.member(&format!("u{n}")).await.0);
    }
    let operator = async {
        loop {
            let words = ["service-key", "create", "--name", "s"];
            pair.site.json(&words).await;
        }
    };
    let service = async {
        for list in 0..40 {
            let events: Vec<Value> =
                users.iter().map(|user| event(&format!("{list}-{user}"), user, "1")).collect();
            let answer = pair.service(list % 2).post(EVENTS, &json!(events)).await.ok();
            assert!(answer["results"].as_array().unwrap().iter().all(|result| result["replayed"] == false));
        }
    };
    tokio::select! {
        () = service => {}
        () = operator => unreachable!("it goes on"),
    }
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stampede_through_two_servers_spends_what_there_is_and_no_more() {
    let pair = Pair::start().await;
    let (user, _) = pair.member("ada").await;
    // 100 from the sign-up; of these, a part runs out while it is fought for.
    pair.site.grant("ada@example.com", "300").await;
    let soon = server::clock::Clock::now(&server::clock::SystemClock).saturating_add(2_000_000);
    let soon = server::calendar::Rfc3339(soon).to_string();
    let words =
        ["grant", "--email", "ada@example.com", "--credits", "200", "--kind", "promo", "--reason", "t"];
    pair.site.json(&[&words[..], &["--expires-at", &soon]].concat()).await;
    let nodes = [pair.service(0), pair.service(1)];
    let lists = stream::iter(0..100).map(|list| {
        let events: Vec<Value> = (0..20).map(|n| event(&format!("{list}-{n}"), &user, "10")).collect();
        let node = &nodes[list % 2];
        async move { node.post(EVENTS, &json!(events)).await }
    });
    let answers: Vec<_> = lists.buffer_unordered(12).collect().await;
    let mut accepted = 0;
    for answer in answers {
        // A list of which nothing could be paid is refused as a whole.
        assert!(matches!(answer.status, 200 | 402), "{}", answer.text);
        accepted += answer.body["accepted"].as_i64().unwrap_or_default();
    }
    // What ran out is in the books once somebody looks.
    let last = pair.service(0).post(EVENTS, &event("last", &user, "10")).await;
    assert_eq!(last.status, 402, "{}", last.text);
    let stats = pair.site.json(&["stats"]).await;
    let [issued, spent, expired] = ["issued", "spent", "expired"].map(|sum| amount(&stats[sum]).micros());
    assert_eq!(spent, accepted * 1_000_000);
    assert_eq!(issued, 600_000_000);
    assert!(spent + expired <= issued && issued - spent - expired < 1_000_000, "{stats}");
    pair.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_about_the_same_accounts_in_opposite_order_never_deadlock() {
    const ACCOUNTS: usize = 50;
    drop(empty_site().await);
    let world = World::start().await;
    let mut users = vec![];
    for n in 0..ACCOUNTS {
        users.push(json!(world.member_with(&format!("user{n}"), "1000").await.user_id.to_string()));
    }
    let key = world.service().await.secret;
    let site = Site::at(world.close().await);
    let pair = Pair { nodes: [site.serve().await, site.serve().await], site, key };
    let write = async |node: usize| {
        let service = pair.service(node);
        let rounds = stream::iter(0..40).map(|round| {
            let mut events: Vec<Value> = users
                .iter()
                .enumerate()
                .map(|(n, user)| event(&format!("{node}-{round}-{n}"), user, "1"))
                .collect();
            if node == 1 {
                events.reverse();
            }
            let service = service.clone();
            async move { service.post(EVENTS, &json!(events)).await.ok() }
        });
        let answers: Vec<Value> = rounds.buffer_unordered(4).collect().await;
        assert!(answers.iter().all(|answer| answer["accepted"] == ACCOUNTS), "{answers:?}");
    };
    tokio::join!(write(0), write(1));
    let Pair { site, nodes, .. } = pair;
    assert_eq!(site.json(&["verify"]).await["ok"], true);
    for node in nodes {
        assert_eq!(node.terminate().await, Some(0));
    }
    let mut raw = Raw::open(&site.database()).await;
    assert_eq!(deadlocks(&mut raw).await, 0);
}

/// How many the database has found. Its processes say so at their end: they are waited for.
async fn deadlocks(raw: &mut Raw) -> u64 {
    let others = "SELECT CAST(count(*) AS TEXT) FROM pg_stat_activity \
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let gone = async { while raw.texts(others).await != ["0"] {} };
    tokio::time::timeout(PATIENCE, gone).await.expect("the servers' connections end");
    let found = "SELECT CAST(deadlocks AS TEXT) FROM pg_stat_database WHERE datname = current_database()";
    raw.texts(found).await[0].parse().expect("a number")
}

#[tokio::test]
async fn deadlocks_are_seen_where_there_are_any() {
    let site = empty_site().await;
    let mut raw = Raw::open(&site.database()).await;
    raw.run("CREATE TABLE two (no BIGINT)").await;
    raw.run("INSERT INTO two VALUES (1), (2)").await;
    let lock = async |first: u8, met: &tokio::sync::Barrier| {
        let mut raw = Raw::open(&site.database()).await;
        raw.run("BEGIN").await;
        raw.run(&format!("SELECT * FROM two WHERE no = {first} FOR UPDATE")).await;
        met.wait().await;
        raw.try_run(&format!("SELECT * FROM two WHERE no = {} FOR UPDATE", 3 - first)).await
    };
    let met = tokio::sync::Barrier::new(2);
    let (one, two) = tokio::join!(lock(1, &met), lock(2, &met));
    assert!(one.is_err() || two.is_err());
    assert_eq!(deadlocks(&mut raw).await, 1);
}
