//! The sample account: a history that is the same each time, in books that are in order.

use std::sync::Arc;

use ledger::{AccountId, Credits};
use serde_json::json;
use server::demo::chance::Chance;
use server::demo::{EMAIL, Plan, Told, tell};
use server::jobs::demo::spend;

use crate::harness::process::Site;
use crate::harness::raw::Raw;
use crate::harness::{START, World};

async fn told(seed: u64, days: u16) -> (World, Told) {
    let world = World::start().await;
    let plan = Plan { seed, days, until: START };
    let told = tell(&world.console, Arc::clone(&world.clock), plan, |_| ()).await.expect("a story");
    (world, told)
}

async fn hashes(world: &World) -> Vec<String> {
    Raw::open(&world.database()).await.texts("SELECT hex(hash) FROM entries ORDER BY account, seq").await
}

async fn assert_in_order(world: &World, account: AccountId) {
    let no = world.console.store.find_account(account).await.unwrap().expect("the account").no;
    world.console.store.verify_account(no, account).await.expect("books without a mismatch");
}

#[tokio::test]
async fn the_same_seed_and_end_make_the_same_hashes() {
    let ((one, first), (other, second)) = (told(1, 12).await, told(1, 12).await);
    let history = hashes(&one).await;
    assert!(history.len() > 500, "{}", history.len());
    assert_eq!(history, hashes(&other).await);
    assert_ne!(first.password, second.password, "a seed that everybody knows makes no secret");
    let (another, _) = told(2, 12).await;
    assert_ne!(history, hashes(&another).await);
}

#[tokio::test]
async fn the_books_of_a_sample_are_in_order_and_end_when_they_should() {
    let (world, told) = told(1, 25).await;
    assert_in_order(&world, told.account_id).await;
    assert_eq!((told.until, told.refused), (START, 0));
    assert!(told.balance > Credits::whole(50), "{}", told.balance);
    let mut raw = Raw::open(&world.database()).await;
    let late = raw.texts(
        "SELECT event_id FROM entries WHERE recorded_at > 1795348800000000 OR occurred_at > recorded_at",
    );
    assert_eq!(late.await, [] as [String; 0]);
    let keys = raw.texts("SELECT name FROM api_keys WHERE last_used_at IS NOT NULL ORDER BY name").await;
    assert_eq!(keys, ["Nightly tests", "Notebooks", "Production"]);
}

#[tokio::test]
async fn a_sample_goes_on_spending_a_little_and_buys_more_when_little_is_left() {
    let (world, told) = told(1, 3).await;
    let demo = world.console.store.find_demo().await.unwrap().expect("a sample account");
    assert!(demo.is_complete && demo.account_id == told.account_id);
    let chance = Chance::new(7);
    let before = world.books().await;
    world.clock.advance(1);
    spend(&world.console, &demo, &chance).await;
    let after = world.books().await;
    assert_eq!((after.events, after.issued), (before.events + 1, before.issued));
    // Nearly nothing left: the next call is followed by a purchase.
    let mut raw = Raw::open(&world.database()).await;
    let grants = raw.texts("SELECT CAST(seq AS TEXT) FROM grants WHERE remaining > 0 ORDER BY seq").await;
    for seq in grants {
        let grant = ledger::GrantId { account: told.account_id, seq: seq.parse().unwrap() };
        world.console.void_grant(grant, "for a test").await.unwrap();
    }
    world.clock.advance(1);
    spend(&world.console, &demo, &chance).await;
    let bought = before.issued.checked_add(Credits::whole(500));
    assert_eq!(Some(world.books().await.issued), bought);
    world.clock.advance(1);
    spend(&world.console, &demo, &chance).await;
    assert_eq!(world.books().await.events, before.events + 2);
    assert_in_order(&world, told.account_id).await;
}

#[tokio::test]
async fn operator_makes_a_sample_once() {
    let site = Site::new().await;
    let future = site.run(&["demo", "--until", "2999-01-01T00:00:00Z"]).await;
    assert_eq!(future.refusal(1), "error: --until must not be later than now");
    let made = site.json(&["demo", "--days", "3"]).await;
    assert_eq!((&made["email"], &made["existed"]), (&json!(EMAIL), &json!(false)));
    assert_eq!(made["password"].as_str().map(str::len), Some(16));
    assert!(made["events"].as_u64() > Some(50), "{made}");
    assert_eq!(site.json(&["verify"]).await["ok"], true);

    let again = site.json(&["demo"]).await;
    assert_eq!((&again["existed"], &again["password"]), (&json!(true), &json!(null)));
    let serving = site.serve().await;
    let served = site.run(&["demo"]).await;
    assert!(served.stdout.starts_with("the demo account exists already: demo@example.com"), "{served:?}");
    serving.kill();
}
