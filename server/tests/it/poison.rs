//! An event whose statement fails is refused alone; its neighbours are charged. The failure is a real one: a trigger in
//! the test's database raises for some ids.

use serde_json::{Value, json};

use crate::harness::client::{amount, assert_error, assert_refusal};
use crate::harness::events::{EVENTS, event, prediction};
use crate::harness::raw::Raw;
use crate::harness::trace::{ROWS, calls};
use crate::harness::{World, credits};

const POISON: &str = "NEW.event_id LIKE 'poison%'";

#[tokio::test]
async fn service_sends_one_event_that_cannot_be_stored() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "10").await, world.service().await);
    let mut raw = Raw::open(&world.database()).await;
    raw.fail_inserts("entries", POISON).await;
    let before = world.books().await;
    let refused = service.caller.post(EVENTS, &prediction("poison", &ada)).await;
    assert_error(&refused, 500, "server_error", "our side");
    assert!(!refused.text.contains("statement"), "{}", refused.text);
    assert_eq!(world.books().await, before);
    service.caller.post(EVENTS, &prediction("next", &ada)).await.ok();
    raw.let_insert("entries").await;
    let charged = service.caller.post(EVENTS, &prediction("poison", &ada)).await.ok();
    assert_eq!(charged["replayed"], false, "once the cause is gone the same id succeeds");
    assert_eq!(world.balance(&ada).await, credits("9.8"));
    world.verify(&ada).await;
}

#[tokio::test]
async fn service_sends_a_list_with_poison_in_it_and_all_others_are_charged() {
    let world = World::start().await;
    let (ada, bob) = (world.member_with("ada", "100").await, world.member_with("bob", "100").await);
    let service = world.service().await;
    Raw::open(&world.database()).await.fail_inserts("entries", POISON).await;
    let poisonous = [0, 137, 138, 500, 999];
    let item = |n: usize| {
        let id = if poisonous.contains(&n) { format!("poison-{n}") } else { format!("good-{n}") };
        prediction(&id, if n.is_multiple_of(2) { &ada } else { &bob })
    };
    let answer = service.caller.post(EVENTS, &(0..1_000).map(item).collect::<Value>()).await.ok();
    assert_eq!((&answer["accepted"], &answer["rejected"]), (&json!(995), &json!(5)));
    for (n, result) in answer["results"].as_array().unwrap().iter().enumerate() {
        if poisonous.contains(&n) {
            assert_refusal(&result["error"], 500, "server_error", "our side");
        } else {
            assert_eq!(result["status"], 200, "{result}");
        }
    }
    assert_eq!(world.books().await.events, 995);
    let left = amount(&json!(200)).checked_sub(credits("99.5"));
    assert_eq!(world.balance(&ada).await.checked_add(world.balance(&bob).await), left);
    for member in [&ada, &bob] {
        world.verify(member).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_share_a_commit_with_poison_and_never_notice() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "1000").await, world.service().await);
    Raw::open(&world.database()).await.fail_inserts("entries", POISON).await;
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..32 {
        let (caller, ada) = (service.caller.clone(), ada.clone());
        clients.spawn(async move {
            for n in 0..20 {
                let is_poison = client % 8 == 0 && n % 5 == 0;
                let id = format!("{}-{client}-{n}", if is_poison { "poison" } else { "good" });
                let answer = caller.post(EVENTS, &prediction(&id, &ada)).await;
                assert_eq!(answer.status, if is_poison { 500 } else { 200 }, "{}", answer.text);
            }
        });
    }
    clients.join_all().await;
    assert_eq!(world.books().await.events, 32 * 20 - 4 * 4);
    world.verify(&ada).await;
}

#[tokio::test]
async fn operator_grants_while_the_store_refuses_and_nothing_is_half_done() {
    let world = World::start().await;
    let ada = world.member_with("ada", "10").await;
    let mut raw = Raw::open(&world.database()).await;
    raw.fail_inserts("grants", "NEW.amount > 0").await;
    let before = world.books().await;
    let form = server::console::grants::GrantForm {
        credits: credits("5"),
        kind: ledger::grant::GrantKind::Promo,
        reason: "a test".to_owned(),
        effective_at: None,
        expires_at: None,
        priority: None,
    };
    let refused = world.console.grant(ada.account, form).await.unwrap_err();
    assert_eq!(refused.status(), 500);
    assert_eq!(world.books().await, before);
    raw.let_insert("grants").await;
    world.grant(&ada, "5").await;
    assert_eq!(world.balance(&ada).await, credits("15"));
    world.verify(&ada).await;
}

#[tokio::test]
async fn service_replays_a_whole_trace_twice_and_nothing_moves_the_second_time() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "5000").await, world.service().await);
    let calls = calls(ROWS);
    let cost: i64 = calls.iter().map(|call| call.micro_credits()).sum();
    for round in ["accepted", "replayed"] {
        let mut count = 0;
        for (part, calls) in calls.chunks(1_000).enumerate() {
            let item = |(place, call): (usize, &crate::harness::trace::Call)| {
                event(&(part * 1_000 + place).to_string(), &ada, "model.inference", &call.quantity())
            };
            let items: Value = calls.iter().enumerate().map(item).collect();
            count += service.caller.post(EVENTS, &items).await.ok()[round].as_u64().unwrap();
        }
        assert_eq!(count, ROWS as u64, "{round}");
        assert_eq!(world.balance(&ada).await.micros(), 5_000_000_000 - cost, "{round}");
    }
    world.verify(&ada).await;
}
