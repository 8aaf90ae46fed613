//! Many clients at once: what fits is charged, once, every time.

use std::collections::HashMap;
use std::sync::Arc;

use ledger::Credits;
use serde_json::{Value, json};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::harness::client::{Answer, Caller, amount, assert_error};
use crate::harness::events::{EVENTS, event, prediction, with};
use crate::harness::trace::Random;
use crate::harness::{Member, START, World, credits};

const CLIENTS: usize = 64;
const ROUNDS: usize = 50;

/// Sends all events at once, each from a client of its own; the answers in order.
async fn at_once(caller: &Caller, events: Vec<Value>) -> Vec<Answer> {
    let barrier = Arc::new(Barrier::new(events.len()));
    let mut clients = JoinSet::new();
    for (place, event) in events.into_iter().enumerate() {
        let (caller, barrier) = (caller.clone(), Arc::clone(&barrier));
        clients.spawn(async move {
            barrier.wait().await;
            (place, caller.post(EVENTS, &event).await)
        });
    }
    let mut answers = clients.join_all().await;
    answers.sort_by_key(|(place, _)| *place);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

/// Of 64 predictions at 0.1 credits exactly those pass that fit into the balance; the others are told so.
#[track_caller]
fn assert_what_fits(answers: &[Answer], balance: &str) {
    let balance = credits(balance);
    let fits = usize::try_from(balance.micros() / 100_000).unwrap();
    let mut balances: Vec<i64> = vec![];
    for answer in answers {
        if answer.status == 200 {
            assert_eq!(answer.body["replayed"], false);
            balances.push(amount(&answer.body["balance"]).micros());
        } else {
            assert_error(answer, 402, "insufficient_credits", "0.1");
            assert!(amount(&answer.body["error"]["details"]["balance"]) < credits("0.1"), "{}", answer.text);
        }
    }
    assert_eq!(balances.len(), fits);
    balances.sort_unstable_by(|a, b| b.cmp(a));
    let expected: Vec<i64> =
        (1..=i64::try_from(fits).unwrap()).map(|n| balance.micros() - n * 100_000).collect();
    assert_eq!(balances, expected, "every charge saw the one before it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_race_for_the_last_credits_of_a_wallet() {
    let world = World::start().await;
    let service = world.service().await;
    for round in 0..ROUNDS {
        let member = world.member_with(&format!("member{round}"), "1.75").await;
        service.caller.post(EVENTS, &prediction(&format!("{round}-first"), &member)).await.ok();
        let events = (0..CLIENTS).map(|n| prediction(&format!("{round}-{n}"), &member)).collect();
        let answers = at_once(&service.caller, events).await;
        assert_what_fits(&answers, "1.65");
        assert_eq!(world.balance(&member).await, credits("0.05"), "round {round}");
        world.verify(&member).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_race_for_the_first_charge_of_a_wallet_that_the_server_has_never_seen() {
    let world = World::start().await;
    let mut members = vec![];
    for round in 0..ROUNDS {
        let member = world.member(&format!("member{round}")).await;
        world.grant(&member, "0.25").await;
        world.grant(&member, "0.4").await;
        members.push(member);
    }
    // The new server knows no wallet yet; each is read for the first time by the race.
    let world = world.restart().await;
    let service = world.service().await;
    for (round, member) in members.iter().enumerate() {
        let events = (0..CLIENTS).map(|n| prediction(&format!("{round}-{n}"), member)).collect();
        let answers = at_once(&service.caller, events).await;
        assert_what_fits(&answers, "0.65");
        assert_eq!(world.balance(member).await, credits("0.05"), "round {round}");
        world.verify(member).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_race_for_a_wallet_without_an_entry() {
    let world = World::start().await;
    let service = world.service().await;
    for round in 0..10 {
        let member = world.member(&format!("member{round}")).await;
        let events = (0..CLIENTS).map(|n| {
            let operation = if n % 4 == 0 { "account.read" } else { "model.prediction" };
            event(&format!("{round}-{n}"), &member, operation, "1")
        });
        let answers = at_once(&service.caller, events.collect()).await;
        let passed = answers.iter().filter(|answer| answer.status == 200).count();
        assert_eq!(passed, CLIENTS / 4, "the free ones");
        let seqs = answers.iter().filter_map(|answer| answer.body["seq"].as_u64());
        let mut seqs: Vec<u64> = seqs.collect();
        seqs.sort_unstable();
        assert_eq!(seqs, (1..=16).collect::<Vec<_>>());
        world.verify(&member).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_send_each_id_ten_times_and_it_takes_effect_once() {
    const IDS: usize = 1_000;
    const SENDS: usize = 10;
    let world = World::start().await;
    let service = world.service().await;
    let members = [world.member_with("ada", "1000").await, world.member_with("bob", "1000").await];
    let mut order: Vec<usize> = (0..IDS * SENDS).map(|n| n % IDS).collect();
    let mut random = Random(1);
    for place in (1..order.len()).rev() {
        order.swap(place, usize::try_from(random.below(place as u64 + 1)).unwrap());
    }
    let mut clients = JoinSet::new();
    for share in order.chunks(order.len().div_ceil(CLIENTS)) {
        let (caller, share, members) = (service.caller.clone(), share.to_vec(), members.clone());
        clients.spawn(async move {
            let mut answers = vec![];
            for id in share {
                let sent =
                    event(&id.to_string(), &members[id % 2], "model.prediction", &format!("0.{:04}", id + 1));
                answers.push((id, caller.post(EVENTS, &sent).await.ok()));
            }
            answers
        });
    }
    let mut first: HashMap<usize, Value> = HashMap::new();
    let (mut fresh, mut all) = (0, 0);
    for (id, answer) in clients.join_all().await.into_iter().flatten() {
        all += 1;
        fresh += usize::from(answer["replayed"] == false);
        let plain = with(&answer, "replayed", json!(false));
        assert_eq!(first.entry(id).or_insert(plain.clone()), &plain, "every sending of {id} has one answer");
    }
    assert_eq!((all, fresh, first.len()), (IDS * SENDS, IDS, IDS));
    let books = world.books().await;
    assert_eq!(books.events, 1_000);
    // Quantities 0.0001 to 0.1 sum to 50.05; at 0.1 credits each.
    assert_eq!(books.spent, credits("5.005"));
    for member in &members {
        world.verify(member).await;
    }
}

/// What was charged, counted from the answers.
fn charged(answers: &[Answer]) -> Credits {
    let paid =
        answers.iter().filter(|answer| answer.status == 200).map(|answer| amount(&answer.body["credits"]));
    Credits::sum(paid).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_race_while_grants_expire() {
    let world = World::start().await;
    let service = world.service().await;
    let mut members: Vec<Member> = vec![];
    for round in 0..ROUNDS {
        let now = START.saturating_add(1_000_000 * i64::try_from(round).unwrap());
        world.clock.set(now);
        let member = world.member(&format!("member{round}")).await;
        let deadlines = [10, 20, 30].map(|micros| now.saturating_add(micros));
        for deadline in deadlines {
            world.grant_until(&member, "1.5", Some(deadline)).await;
        }
        world.grant(&member, "1").await;
        let clock = Arc::clone(&world.clock);
        let events = (0..CLIENTS).map(|n| prediction(&format!("{round}-{n}"), &member)).collect();
        let ticking = tokio::spawn(async move {
            for _ in 0..40 {
                clock.advance(1);
                for _ in 0..10 {
                    tokio::task::yield_now().await;
                }
            }
        });
        let answers = at_once(&service.caller, events).await;
        ticking.await.unwrap();
        for answer in &answers {
            assert!(matches!(answer.status, 200 | 402), "{}", answer.text);
        }
        world.clock.set(now.saturating_add(50));
        world.console.sequencer.post_dues(member.account).await.unwrap();
        let found = world.console.store.verify_account(member.account_no, member.account).await.unwrap();
        assert_eq!(found.spent, charged(&answers), "round {round}");
        let left = world.balance(&member).await;
        assert_eq!(Credits::sum([found.spent, found.expired, left]), Some(credits("5.5")), "round {round}");
        members.push(member);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_race_with_grants_that_arrive_and_are_voided() {
    let world = World::start().await;
    let service = world.service().await;
    for round in 0..20 {
        let member = world.member_with(&format!("member{round}"), "1").await;
        let voided = world.grant(&member, "2").await;
        let events = (0..CLIENTS).map(|n| prediction(&format!("{round}-{n}"), &member)).collect();
        let (answers, taken, _) = tokio::join!(
            at_once(&service.caller, events),
            world.console.void_grant(voided.grant_id, "no longer"),
            world.grant(&member, "1.5"),
        );
        let taken = taken.map_or(Credits::ZERO, |void| void.credits);
        let left = world.balance(&member).await;
        assert_eq!(Credits::sum([charged(&answers), taken, left]), Some(credits("4.5")), "round {round}");
        world.verify(&member).await;
    }
}
