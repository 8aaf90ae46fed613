//! The one writer of the books, where HTTP would only be in the way.

use std::sync::Arc;

use ledger::event::{Dimensions, EventKey, Report};
use ledger::{KeyId, Quantity};
use server::sequencer::Sequencer;
use server::sequencer::job::{Busy, Refusal, Submission};
use server::store::Payer;

use crate::harness::raw::Raw;
use crate::harness::{Member, START, World, credits};

fn submission(id: &str, member: &Member, service_key: &KeyId) -> Submission {
    Submission {
        report: Report {
            key: EventKey::parse("test", id).unwrap(),
            operation: "model.prediction".to_owned(),
            quantity: Quantity::parse("1").unwrap(),
            dimensions: Dimensions::default(),
            occurred_at: None,
        },
        payer: Payer::Account(member.account),
        service_key: service_key.clone(),
        debt_limit: None,
    }
}

fn submissions(name: &str, count: usize, member: &Member, service_key: &KeyId) -> Vec<Submission> {
    (0..count).map(|n| submission(&format!("{name}-{n}"), member, service_key)).collect()
}

#[tokio::test]
async fn a_full_queue_says_so_at_once_and_takes_jobs_again_when_it_is_not() {
    let world = World::with(|config| config.queue_capacity = 1_000).await;
    let (ada, service) = (world.member_with("ada", "1000").await, world.service().await);
    let sequencer = &world.console.sequencer;
    // Nothing can be committed while somebody else keeps everybody from writing.
    let mut raw = Raw::open(&world.database()).await;
    raw.keep_from_writing().await;
    let waiting = sequencer.charge(submissions("waits", 1_000, &ada, &service.key_id));
    let refused = async {
        let refused = sequencer.charge(submissions("refused", 1, &ada, &service.key_id)).await;
        raw.let_write().await;
        refused
    };
    let (waited, refused) = tokio::join!(waiting, refused);
    assert_eq!(refused, Err(Busy::Full));
    assert!(waited.unwrap().iter().all(Result::is_ok));
    let after = sequencer.charge(submissions("after", 1, &ada, &service.key_id)).await.unwrap();
    assert!(after[0].is_ok());
    assert_eq!(world.books().await.events, 1_001);
    assert_eq!(world.balance(&ada).await, credits("899.9"));
}

#[tokio::test]
async fn a_service_is_told_to_come_back_when_the_queue_is_full() {
    let world = World::with(|config| config.queue_capacity = 1_000).await;
    let (ada, service) = (world.member_with("ada", "1000").await, world.service().await);
    let mut raw = Raw::open(&world.database()).await;
    raw.keep_from_writing().await;
    let waiting = world.console.sequencer.charge(submissions("waits", 1_000, &ada, &service.key_id));
    let refused = async {
        let event = crate::harness::events::prediction("refused", &ada);
        let refused = service.caller.post(crate::harness::events::EVENTS, &event).await;
        raw.let_write().await;
        refused
    };
    let (waited, refused) = tokio::join!(waiting, refused);
    crate::harness::client::assert_error(&refused, 503, "service_unavailable", "again is safe");
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(waited.unwrap().len(), 1_000);
}

#[tokio::test]
async fn what_waits_when_it_stops_is_committed_and_answered() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "1000").await, world.service().await);
    let store = Arc::clone(&world.console.store);
    // A second sequencer on a store whose first one is idle; it has a handle to wait for.
    let (sequencer, ended) =
        Sequencer::start(store, Arc::clone(&world.console.live), world.clock.clone(), 8_192);
    let mut jobs = tokio::task::JoinSet::new();
    for n in 0..100 {
        let (sequencer, events) = (sequencer.clone(), submissions(&n.to_string(), 5, &ada, &service.key_id));
        jobs.spawn(async move { sequencer.charge(events).await });
    }
    // All of them are in the queue once every task has run up to its answer.
    tokio::task::yield_now().await;
    sequencer.stop();
    ended.await.unwrap();
    let (mut charged, mut stopped) = (0, 0);
    for answer in jobs.join_all().await {
        match answer {
            Ok(outcomes) => charged += outcomes.iter().filter(|outcome| outcome.is_ok()).count() as u64,
            Err(Busy::Stopping) => stopped += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(charged, 500 - 5 * stopped);
    assert!(charged > 0);
    assert_eq!(world.books().await.events, charged, "what was answered is in the books, and nothing else");
    let late = sequencer.charge(submissions("late", 1, &ada, &service.key_id)).await;
    assert_eq!(late, Err(Busy::Stopping));
    world.verify(&ada).await;
}

#[tokio::test]
async fn a_clock_that_runs_backwards_keeps_the_order_of_time() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "100").await, world.service().await);
    let mut clock = START.micros();
    for (n, step) in [5, -1_000_000, 2, -3_600_000_000, 0, 7_200_000_000, -1].into_iter().enumerate() {
        clock += step;
        world.clock.set(ledger::Timestamp::from_micros(clock));
        world
            .console
            .sequencer
            .charge(vec![submission(&n.to_string(), &ada, &service.key_id)])
            .await
            .unwrap();
    }
    let entries = world.console.store.entries_after(ada.account_no, 0, 100).await.unwrap();
    let times: Vec<i64> = entries.iter().map(|entry| entry.recorded_at.micros() - START.micros()).collect();
    let highest = 3_599_000_007;
    assert_eq!(times, [0, 5, 5, 5, 5, 5, highest, highest]);
    world.verify(&ada).await;
}

#[tokio::test]
async fn an_expiry_is_posted_exactly_before_the_charge_at_its_instant() {
    let world = World::start().await;
    let (ada, service) = (world.member("ada").await, world.service().await);
    world.grant_until(&ada, "0.5", Some(START.saturating_add(10))).await;
    let sequencer = &world.console.sequencer;
    world.clock.advance(9);
    let before = sequencer.charge(vec![submission("before", &ada, &service.key_id)]).await.unwrap();
    assert_eq!(before[0].as_ref().unwrap().balance, credits("0.4"));
    world.clock.advance(1);
    let at = sequencer.charge(vec![submission("at", &ada, &service.key_id)]).await.unwrap();
    let Err(Refusal::Insufficient { shortfall, seq }) = &at[0] else { panic!("{at:?}") };
    assert_eq!((shortfall.balance, *seq), (credits("0"), 3), "the expiry is entry 3 and is kept");
    let found = world.console.store.verify_account(ada.account_no, ada.account).await.unwrap();
    assert_eq!((found.entries, found.spent, found.expired), (3, credits("0.1"), credits("0.4")));
}

#[tokio::test]
async fn expiries_are_posted_once_and_in_order() {
    let world = World::start().await;
    let ada = world.member("ada").await;
    for deadline in [30, 10, 20] {
        world.grant_until(&ada, "1", Some(START.saturating_add(deadline))).await;
    }
    world.clock.advance(25);
    for _ in 0..3 {
        world.console.sequencer.post_dues(ada.account).await.unwrap();
    }
    let entries = world.console.store.entries_after(ada.account_no, 3, 100).await.unwrap();
    let closed: Vec<Option<u64>> = entries.iter().map(|entry| entry.grant).collect();
    assert_eq!(closed, [Some(2), Some(3)]);
    assert_eq!(world.balance(&ada).await, credits("1"));
}

#[tokio::test]
async fn a_name_in_the_books_is_found_in_small_and_large_batches_and_takes_nothing_from_its_neighbours() {
    let world = World::start().await;
    let (ada, bob) = (world.member_with("ada", "0.5").await, world.member_with("bob", "1000").await);
    let service = world.service().await;
    let charge =
        async |batch: Vec<Submission>| world.console.sequencer.charge(batch).await.expect("an answer");
    charge(submissions("known", 3, &ada, &service.key_id)).await;
    let mut others = 0;
    for (round, padding) in [0, 200, 64, 0, 65, 1].into_iter().enumerate() {
        // Long enough without a repeated name for names to be trusted again.
        for n in 0..20 {
            charge(submissions(&format!("apart-{round}-{n}"), 1, &bob, &service.key_id)).await;
        }
        let mut batch = submissions(&format!("before-{round}"), padding, &bob, &service.key_id);
        batch.push(submission("known-1", &ada, &service.key_id));
        batch.push(submission(&format!("new-{round}"), &ada, &service.key_id));
        batch.push(submission(&format!("new-{round}"), &ada, &service.key_id));
        batch.push(submission("known-1", &ada, &service.key_id));
        batch.extend(submissions(&format!("after-{round}"), padding, &bob, &service.key_id));
        let answers = charge(batch).await;
        for answer in [&answers[padding], &answers[padding + 3]] {
            let known = answer.as_ref().expect("a receipt, whatever ada has left by now");
            assert_eq!(
                (known.replayed, known.seq, known.balance),
                (true, 3, credits("0.3")),
                "round {round}"
            );
        }
        let new = (&answers[padding + 1], &answers[padding + 2]);
        if round < 2 {
            let (first, second) = (new.0.as_ref().unwrap(), new.1.as_ref().unwrap());
            assert_eq!(
                (first.replayed, second.replayed, second.seq),
                (false, true, first.seq),
                "round {round}"
            );
        } else {
            assert!(matches!(new, (Err(Refusal::Insufficient { .. }), Err(Refusal::Insufficient { .. }))));
        }
        others += 20 + 2 * padding as u64;
        let charged = answers.iter().filter(|answer| answer.is_ok()).count();
        assert_eq!(charged, 2 * padding + if round < 2 { 4 } else { 2 }, "round {round}");
    }
    assert_eq!(world.books().await.events, 3 + 2 + others);
    assert_eq!(world.balance(&ada).await, credits("0"));
    world.verify(&ada).await;
    world.verify(&bob).await;
}

#[tokio::test]
async fn a_service_key_is_looked_at_again_when_its_event_is_posted() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "100").await, world.service().await);
    let key: KeyId = service.key_id.clone();
    world.console.revoke_service_key(&key).await.unwrap();
    let outcome = world.console.sequencer.charge(vec![submission("a", &ada, &key)]).await.unwrap();
    assert_eq!(outcome, [Err(Refusal::ServiceKeyRevoked)]);
    assert_eq!(world.books().await.events, 0);
}

#[tokio::test]
async fn a_grant_is_known_to_the_next_charge_even_in_the_same_commit() {
    let world = World::start().await;
    let (ada, service) = (world.member("ada").await, world.service().await);
    for round in 0..50 {
        let charge =
            world.console.sequencer.charge(vec![submission(&round.to_string(), &ada, &service.key_id)]);
        let (_, charged) = tokio::join!(world.grant(&ada, "0.1"), charge);
        assert!(charged.unwrap()[0].is_ok(), "round {round}: the grant came first");
    }
    assert_eq!(world.balance(&ada).await, credits("0"));
    world.verify(&ada).await;
}
