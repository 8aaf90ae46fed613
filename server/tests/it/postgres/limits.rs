//! Limits on two servers at once: what a key may spend is exact, how often an account may ask is so within a moment.

use std::time::Instant;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{Pair, empty_site};
use crate::harness::PATIENCE;
use crate::harness::client::{Answer, Caller, assert_error};
use crate::harness::events::EVENTS;

const KEYS: &str = "/auth/api-keys";

fn prediction(id: &str, key: &Value) -> Value {
    json!({"id": id, "source": "test", "api_key": key["key"], "operation": "model.prediction", "quantity": "1"})
}

async fn limited(owner: &Caller, amount: &str) -> Value {
    let spend_limit = json!({"amount": amount, "period": "month"});
    let body = json!({"name": "k", "permission_level": "read_write", "spend_limit": spend_limit});
    owner.post(KEYS, &body).await.ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_spend_one_limit_to_the_last_credit_and_never_above() {
    let pair = Pair::start().await;
    let (_, owner) = pair.member("ada").await;
    let owner = pair.caller(0, &owner);
    let mut keys = vec![];
    for _ in 0..3 {
        keys.push(limited(&owner, "2.5").await);
    }
    let mut clients = JoinSet::new();
    for n in 0..192_usize {
        let (service, key) = (pair.service(n % 2), keys[n % 3].clone());
        clients.spawn(async move { (n % 3, service.post(EVENTS, &prediction(&n.to_string(), &key)).await) });
    }
    let answers = clients.join_all().await;
    for (place, key) in keys.iter().enumerate() {
        let of_key: Vec<&Answer> =
            answers.iter().filter(|(of, _)| *of == place).map(|(_, answer)| answer).collect();
        assert_eq!(of_key.iter().filter(|answer| answer.status == 200).count(), 25);
        for refused in of_key.into_iter().filter(|answer| answer.status != 200) {
            assert_error(refused, 402, "spend_limit_reached", "limit");
        }
        for node in [0, 1] {
            let path = format!("{KEYS}/{}", key["key_id"].as_str().expect("an id"));
            let shown = pair.caller(node, owner_of(&keys)).get(&path).await.ok();
            assert_eq!(shown["spend_limit"]["spent"], json!(2.5));
        }
    }
    pair.end().await;
}

/// Any key of the account may look.
fn owner_of(keys: &[Value]) -> &str {
    keys[0]["key"].as_str().expect("a secret")
}

#[tokio::test]
async fn a_limit_changed_through_one_server_holds_on_the_other_with_the_next_event() {
    let pair = Pair::start().await;
    let (_, owner) = pair.member("ada").await;
    let owner = pair.caller(0, &owner);
    let key = limited(&owner, "0.1").await;
    let path = format!("{KEYS}/{}", key["key_id"].as_str().expect("an id"));
    pair.service(1).post(EVENTS, &prediction("a", &key)).await.ok();
    for n in 2..12_usize {
        let refused = pair.service(1).post(EVENTS, &prediction(&format!("{n}-b"), &key)).await;
        assert_error(&refused, 402, "spend_limit_reached", "limit");
        let raised = json!({"spend_limit": {"amount": format!("{}.{}", n / 10, n % 10), "period": "month"}});
        owner.patch(&path, &raised).await.ok();
        pair.service(n % 2).post(EVENTS, &prediction(&format!("{n}-a"), &key)).await.ok();
    }
    pair.end().await;
}

#[tokio::test]
async fn ten_keys_an_hour_are_ten_on_both_servers_together() {
    let pair = Pair::start().await;
    let (_, owner) = pair.member("ada").await;
    let mut clients = JoinSet::new();
    for n in 0..24_usize {
        let owner = pair.caller(n % 2, &owner);
        let body = json!({"name": n.to_string(), "permission_level": "read_only"});
        clients.spawn(async move { owner.post(KEYS, &body).await });
    }
    let answers = clients.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 10);
    let refused = answers.iter().filter(|answer| answer.status != 200);
    refused.for_each(|answer| assert_error(answer, 429, "rate_limited", "minutes"));
    pair.end().await;
}

fn number(answer: &Answer, name: &str) -> u64 {
    answer.header(name).parse().unwrap_or_else(|_| panic!("no {name}: {}", answer.text))
}

/// Requests of an account through one server are counted by the other a moment later. Within one minute of the clock: whoever
/// is overtaken by the next one begins again.
#[tokio::test]
async fn requests_through_one_server_are_counted_by_the_other() {
    let limited = [("CONSOLE_RATE_LIMIT", "600")];
    let site = empty_site().await;
    let key = site.service_key().await;
    let nodes = [site.serve_with(&limited).await, site.serve_with(&limited).await];
    let pair = Pair { site, nodes, key };
    let (_, owner) = pair.member("ada").await;
    let (first, second) = (pair.caller(0, &owner), pair.caller(1, &owner));
    let anybody = Caller::new(&pair.nodes[1].url, None);
    let began = Instant::now();
    'minutes: loop {
        assert!(began.elapsed() < 3 * PATIENCE, "the other server has not heard of it");
        let mut reset = 60;
        for _ in 0..200 {
            let answer = first.get("/usage/current").await;
            if number(&answer, "ratelimit-reset") > reset {
                continue 'minutes;
            }
            reset = number(&answer, "ratelimit-reset");
        }
        for asked in 1..400 {
            // Counted for nobody; they give the other server time to say what it has counted.
            for _ in 0..4 {
                anybody.get("/rate-card").await.ok();
            }
            let answer = second.get("/usage/current").await;
            if number(&answer, "ratelimit-reset") > reset {
                continue 'minutes;
            }
            reset = number(&answer, "ratelimit-reset");
            // What it has counted itself is less than what it says is gone.
            if 600 - number(&answer, "ratelimit-remaining") >= asked + 200 {
                break 'minutes;
            }
        }
        panic!("it counts for itself alone");
    }
    pair.end().await;
}
