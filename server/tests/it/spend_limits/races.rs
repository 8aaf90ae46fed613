//! Many at once: what fits is spent, to the micro-credit, and no more.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::{limit, limited, predictions, ready, spent};
use crate::harness::client::{Answer, Caller, assert_error};
use crate::harness::events::EVENTS;
use crate::harness::raw::Raw;
use crate::harness::{World, credits};

const CLIENTS: usize = 64;

async fn at_once(caller: &Caller, requests: Vec<(&'static str, Value)>) -> Vec<Answer> {
    let barrier = Arc::new(Barrier::new(requests.len()));
    let mut clients = JoinSet::new();
    for (path, body) in requests {
        let (caller, barrier) = (caller.clone(), Arc::clone(&barrier));
        clients.spawn(async move {
            barrier.wait().await;
            caller.post(path, &body).await
        });
    }
    clients.join_all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_clients_spend_a_limit_to_the_last_credit_and_never_above() {
    let (world, ada, caller, service) = ready().await;
    for round in 0..10 {
        let key = limited(&caller, limit("1.75", "day")).await;
        let mut answers = vec![];
        for wave in 0..2 {
            let event = |n: usize| (EVENTS, predictions(&format!("{round}-{wave}-{n}"), &key, "1"));
            answers.extend(at_once(&service.caller, (0..CLIENTS).map(event).collect()).await);
        }
        let (accepted, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
        assert_eq!((accepted.len(), refused.len()), (17, 2 * CLIENTS - 17));
        for answer in refused {
            assert_error(answer, 402, "spend_limit_reached", "limit");
        }
        assert_eq!(spent(&caller, &key).await, "1.7");
        if round == 8 {
            world.clock.advance(3_600_000_000);
        }
    }
    assert_eq!(world.balance(&ada).await, credits("83"));
    world.verify(&ada).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn charges_and_holds_of_old_and_new_key_race_for_one_limit() {
    let (world, ada, caller, service) = ready().await;
    let old = limited(&caller, limit("3", "month")).await;
    let rotated = caller.post(&format!("{}/rotate", super::path(&old)), &json!({})).await.ok();
    let maker = world.caller(super::secret(&rotated));
    let child = limited(&maker, limit("3", "month")).await;
    let mut requests = vec![];
    for n in 0..CLIENTS {
        let key = [&old, &rotated, &child][n % 3];
        let path = if n % 2 == 0 { EVENTS } else { "/usage/holds" };
        requests.push((path, predictions(&n.to_string(), key, "1")));
    }
    let answers = at_once(&service.caller, requests).await;
    let accepted = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(accepted, 30);
    let refused = answers.iter().filter(|answer| answer.status != 200);
    refused.for_each(|answer| assert_error(answer, 402, "spend_limit_reached", "limit"));
    assert_eq!(spent(&caller, &rotated).await, "3");
    world.verify(&ada).await;
}

#[tokio::test]
async fn operator_s_verify_finds_what_a_key_has_spent_falsified() {
    let (world, ada, caller, service) = ready().await;
    let key = limited(&caller, limit("1", "day")).await;
    service.caller.post(EVENTS, &predictions("a", &key, "10")).await.ok();
    let mut raw = Raw::open(&world.database()).await;
    raw.run("UPDATE rollups SET credits = 0 WHERE api_key <> ''").await;
    assert_eq!(spent(&caller, &key).await, "0", "it is read from there");
    let found = world.console.store.verify_account(ada.account_no, ada.account).await;
    let fault = found.expect_err("the books are falsified").to_string();
    assert!(fault.contains("rollups differ"), "{fault}");
}

/// The same limit whoever remembers what.
#[tokio::test]
async fn a_key_s_limit_is_the_same_after_every_start() {
    let (world, ada, caller, service) = ready().await;
    let key = limited(&caller, limit("1", "day")).await;
    let mut world: World = world;
    for n in 0..4 {
        let service = world.caller(&service.secret);
        service.post(EVENTS, &predictions(&n.to_string(), &key, "3")).await;
        world = world.restart().await;
    }
    let service = world.caller(&service.secret);
    let refused = service.post(EVENTS, &predictions("more", &key, "2")).await;
    assert_error(&refused, 402, "spend_limit_reached", "0.9 are spent");
    service.post(EVENTS, &predictions("more", &key, "1")).await.ok();
    world.verify(&ada).await;
}
