//! Servers that are killed, and connections that are cut, while events arrive at two of them at once.

use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::empty_site;
use super::load::Load;
use crate::crash::{Log, send_again};
use crate::harness::client::{Caller, amount};
use crate::harness::process::Site;
use crate::harness::raw::Raw;

const CLIENTS: usize = 8;
const ANSWERS: usize = 60;

fn rounds() -> usize {
    std::env::var("PLEXE_NODES_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(3)
}

/// Ends all connections to the database but the one that says so.
async fn cut_connections(site: &Site) {
    let mut raw = Raw::open(&site.database()).await;
    let cut = "SELECT CAST(pg_terminate_backend(pid) AS TEXT) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    assert!(!raw.texts(cut).await.is_empty());
}

/// Two servers' life under load, in which one dies, loses its connections, or both.
async fn round(site: &Site, round: usize, key: &str, users: &[Value], log: &Arc<Mutex<Log>>) {
    let mut nodes = vec![site.serve().await, site.serve().await];
    let callers: Vec<Caller> = nodes.iter().map(|node| Caller::new(&node.url, Some(key))).collect();
    let mut load = Load::start(&round.to_string(), CLIENTS, &callers, users, log);
    load.answers(ANSWERS + 37 * (round % 7)).await;
    if !round.is_multiple_of(3) {
        cut_connections(site).await;
    }
    if round % 3 != 1 {
        nodes.swap_remove(round % 2).kill();
    }
    load.answers(ANSWERS).await;
    load.stop().await;
    for node in nodes {
        assert_eq!(node.terminate().await, Some(0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_die_side_by_side_keep_every_answer_and_charge_nothing_twice() {
    let site = empty_site().await;
    let mut users = vec![];
    for name in ["ada", "bob"] {
        users.push(site.user(name).await["user_id"].clone());
        site.grant(&format!("{name}@example.com"), "1000000").await;
    }
    let key = site.service_key().await;
    let log = Arc::new(Mutex::new(Log::default()));
    for number in 0..rounds() {
        round(&site, number, &key, &users, &log).await;
        let verdict = site.json(&["verify"]).await;
        assert_eq!(verdict["ok"], true, "round {number}: {verdict}");
    }
    let nodes = [site.serve().await, site.serve().await];
    let log = std::mem::take(&mut *log.lock().unwrap());
    assert!(log.answered.len() > ANSWERS * rounds());
    for node in &nodes {
        send_again(&Caller::new(&node.url, Some(&key)), &log).await;
    }
    let stats = site.json(&["stats"]).await;
    assert_eq!(stats["events"], log.sent.len());
    let units: u64 = log.sent.values().map(|event| event["quantity"].as_u64().unwrap()).sum();
    assert_eq!(amount(&stats["spent"]).micros(), i64::try_from(units).unwrap() * 100_000);
    assert_eq!(site.json(&["verify"]).await["ok"], true);
}
