//! `GET /credits/verify`: the books, recomputed.

use serde_json::json;

use super::credits_entries::eventful;
use crate::harness::World;
use crate::harness::client::assert_error;
use crate::harness::raw::Raw;

const VERIFY: &str = "/credits/verify";

#[tokio::test]
async fn member_has_the_books_recomputed() {
    let (world, _, caller) = eventful().await;
    let list = caller.get("/credits/entries?limit=1").await.ok();
    let verdict = caller.get(VERIFY).await.ok();
    assert_eq!(verdict, json!({"ok": true, "entries": 10, "head": list["entries"][0]["hash"]}));
    let bob = world.member("bob").await;
    let verdict = world.as_member(&bob).await.get(VERIFY).await.ok();
    let genesis = ledger::chain::genesis(bob.account).to_string();
    assert_eq!(verdict, json!({"ok": true, "entries": 0, "head": genesis}));
}

#[tokio::test]
async fn member_learns_the_first_entry_that_is_wrong() {
    let (world, _, caller) = eventful().await;
    let mut raw = Raw::open(&world.database()).await;
    raw.unlock_entries().await;
    raw.run("UPDATE entries SET amount = amount + 1 WHERE seq IN (5, 7)").await;
    let verdict = caller.get(VERIFY).await.ok();
    let fault = "the hash is not that of its content after the entry before";
    assert_eq!(verdict, json!({"ok": false, "mismatch": {"seq": 5, "fault": fault}}));
}

#[tokio::test]
async fn member_waits_for_the_verification_that_runs() {
    let (world, ada, caller) = eventful().await;
    let bob = world.as_member(&world.member("bob").await).await;
    let turn = world.console.verifications.begin(ada.account_no).expect("nobody else verifies");
    let answer = caller.get(VERIFY).await;
    assert_error(&answer, 429, "rate_limit_exceeded", "one verification runs at a time");
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(bob.get(VERIFY).await.ok()["ok"], true, "another account's");
    drop(turn);
    assert_eq!(caller.get(VERIFY).await.ok()["ok"], true);
    assert_eq!(caller.get(VERIFY).await.ok()["ok"], true, "each gives its turn back");
}

#[tokio::test]
async fn anon_service_and_unknown_parameters_are_refused() {
    let world = World::start().await;
    assert_error(&world.anon().get(VERIFY).await, 401, "unauthorized", "key");
    let service = world.service().await;
    assert_error(&service.caller.get(VERIFY).await, 403, "insufficient_permissions", "service key");
    let caller = world.as_member(&world.member("ada").await).await;
    let others = caller.get(&format!("{VERIFY}?account=acct_1")).await;
    assert_error(&others, 422, "validation_failed", "account");
}
