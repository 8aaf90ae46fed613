//! The database goes away and comes back, and servers hang: nothing that was answered is lost, nobody needs a restart.

use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Pair;
use super::cluster::Cluster;
use super::load::Load;
use crate::crash::{Log, send_again};
use crate::harness::PATIENCE;
use crate::harness::client::{Caller, assert_error};
use crate::harness::events::EVENTS;
use crate::harness::process::{Serving, Site, ended};
use crate::harness::raw::Raw;
use crate::harness::sse::Reader;

/// Asks `/readyz` until it has this status.
async fn until_ready(server: &Caller, status: u16) {
    let began = Instant::now();
    while server.get("/readyz").await.status != status {
        assert!(began.elapsed() < PATIENCE, "/readyz is never {status}");
    }
}

/// A command on a database that is not the site's own.
async fn json_at(site: &Site, url: &str, words: &[&str]) -> Value {
    let mut command = site.command(&[words, &["--json"]].concat());
    command.env("DATABASE_URL", url);
    let ended = ended(command).await;
    assert_eq!(ended.code, Some(0), "{words:?}: {}", ended.stderr);
    ended.json()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_goes_away_and_comes_back_needs_no_restart_and_loses_nothing() {
    let (site, cluster) = (super::empty_site().await, Cluster::start().await);
    let url = cluster.url();
    let run = async |words: &[&str]| json_at(&site, &url, words).await;
    let words = ["user", "create", "--email", "ada@example.com", "--name", "ada", "--username", "ada"];
    let user = run(&[&words[..], &["--password", "correct horse", "--verified"]].concat()).await;
    let users = [user["user_id"].clone()];
    let words =
        ["grant", "--email", "ada@example.com", "--credits", "1000000", "--kind", "promo", "--reason", "t"];
    run(&words).await;
    let key = run(&["service-key", "create", "--name", "s"]).await["key"].as_str().expect("a key").to_owned();
    let words =
        ["api-key", "create", "--email", "ada@example.com", "--name", "k", "--permission", "read_only"];
    let member = run(&words).await["key"].as_str().expect("a key").to_owned();
    let serving = site.serve_with(&[("DATABASE_URL", &url)]).await;
    let (service, member) = (Caller::new(&serving.url, Some(&key)), Caller::new(&serving.url, Some(&member)));
    let mut reader = Reader::open(&member, "", None).await;
    let mut last = reader.group().await[0].id.expect("a seq");
    let log = Arc::new(Mutex::new(Log::default()));
    for round in 0..2 {
        let mut load = Load::start(&round.to_string(), 4, std::slice::from_ref(&service), &users, &log);
        load.answers(30).await;
        cluster.stop_at_once().await;
        until_ready(&service, 503).await;
        let refused = service.post(EVENTS, &json!({"id": "x", "source": "nodes"})).await;
        assert_error(&refused, 503, "service_unavailable", "busy");
        assert!(!refused.header("retry-after").is_empty());
        cluster.start_again().await;
        until_ready(&service, 200).await;
        load.answers(30).await;
        load.stop().await;
    }
    // Whoever listened is cut off at worst, and resumes without a gap.
    let mut seqs = vec![];
    let current = member.get("/usage/current").await.ok();
    let end = current["seq"].as_u64();
    while end.is_some() && Some(last) != end {
        match reader.next().await {
            Some(message) => {
                seqs.extend(message.body["seq"].as_u64().filter(|_| message.event == "entry"));
                last = message.id.unwrap_or(last);
            }
            None => reader = Reader::open(&member, &format!("?after={last}"), None).await,
        }
    }
    assert!(seqs.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{seqs:?}");
    let log = std::mem::take(&mut *log.lock().unwrap());
    send_again(&service, &log).await;
    assert_eq!(run(&["stats"]).await["events"], log.sent.len());
    assert_eq!(run(&["verify"]).await["ok"], true);
    assert_eq!(serving.terminate().await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_falls_silent_is_given_up_and_found_again() {
    let (site, cluster) = (super::empty_site().await, Cluster::start().await);
    let url = cluster.url();
    let run = async |words: &[&str]| json_at(&site, &url, words).await;
    let words = ["user", "create", "--email", "ada@example.com", "--name", "ada", "--username", "ada"];
    let user = run(&[&words[..], &["--password", "correct horse", "--verified"]].concat()).await;
    let key = run(&["service-key", "create", "--name", "s"]).await["key"].as_str().expect("a key").to_owned();
    let serving = site.serve_with(&[("DATABASE_URL", &url)]).await;
    let service = Caller::new(&serving.url, Some(&key));
    let event = |id: &str| {
        json!({
            "id": id, "source": "nodes", "user_id": user["user_id"], "operation": "model.prediction",
            "quantity": "1",
        })
    };
    service.post(EVENTS, &event("before")).await.ok();
    cluster.fall_silent().await;
    for _ in 0..2 {
        let refused = service.post(EVENTS, &event("meanwhile")).await;
        assert_error(&refused, 503, "service_unavailable", "busy");
        assert_eq!(service.get("/readyz").await.status, 503);
    }
    cluster.speak_again().await;
    until_ready(&service, 200).await;
    service.post(EVENTS, &event("meanwhile")).await.ok();
    service.post(EVENTS, &event("after")).await.ok();
    assert_eq!(run(&["stats"]).await["events"], 3);
    assert_eq!(run(&["verify"]).await["ok"], true);
    assert_eq!(serving.terminate().await, Some(0));
}

/// Stops or continues a process.
fn signal(serving: &Serving, name: &str) {
    let id = serving.id().to_string();
    assert!(Command::new("kill").args([name, &id]).status().expect("the kill command").success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_with_accounts_locked_stalls_others_for_seconds_only() {
    let pair = Pair::start().await;
    let (user, _) = pair.member("ada").await;
    pair.site.grant("ada@example.com", "100000").await;
    let users = [user];
    let log = Arc::new(Mutex::new(Log::default()));
    let mut load = Load::start("hang", 4, &[pair.service(0)], &users, &log);
    load.answers(20).await;
    let mut raw = Raw::open(&pair.site.database()).await;
    // Stopped at an instant when it has the account.
    let locked = "SELECT CAST(count(*) AS TEXT) FROM pg_stat_activity a JOIN pg_locks l ON l.pid = a.pid \
                  WHERE a.datname = current_database() AND a.state = 'idle in transaction' \
                  AND l.relation = CAST('accounts' AS REGCLASS) AND l.mode = 'RowShareLock'";
    let began = Instant::now();
    loop {
        signal(&pair.nodes[0], "-STOP");
        if raw.texts(locked).await[0] != "0" {
            break;
        }
        signal(&pair.nodes[0], "-CONT");
        load.answers(1).await;
        assert!(began.elapsed() < PATIENCE, "never stopped inside a transaction");
    }
    let asked = Instant::now();
    let event = json!({
        "id": "other", "source": "nodes", "user_id": users[0], "operation": "model.prediction", "quantity": "1",
    });
    pair.service(1).post(EVENTS, &event).await.ok();
    assert!(asked.elapsed() < Duration::from_secs(9), "{:?}", asked.elapsed());
    signal(&pair.nodes[0], "-CONT");
    load.answers(10).await;
    load.stop().await;
    let log = std::mem::take(&mut *log.lock().unwrap());
    send_again(&pair.service(0), &log).await;
    pair.end().await;
}
