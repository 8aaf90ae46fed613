//! `GET /credits/entries.ndjson`: all entries, one a line, the oldest first, for whoever recomputes them.

use app::backend::entries::EntryLine;
use ledger::verify::{Verifier, Watch};
use serde_json::Value;

use super::credits_entries::eventful;
use crate::harness::World;
use crate::harness::client::{Caller, assert_error};
use crate::harness::events::{EVENTS, prediction};

const FILE: &str = "/credits/entries.ndjson";

async fn lines(caller: &Caller, query: &str) -> Vec<Value> {
    let answer = caller.get(&format!("{FILE}{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(answer.text.is_empty() || answer.text.ends_with('\n'));
    answer.text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

#[tokio::test]
async fn member_gets_the_rows_of_the_list_oldest_first() {
    let (_world, ada, caller) = eventful().await;
    let answer = caller.get(FILE).await;
    assert_eq!(answer.header("content-type"), "application/x-ndjson");
    assert_eq!(answer.header("ledger-account-id"), ada.account.to_string());
    assert_eq!(answer.header("ledger-last-seq"), "10");
    let list = caller.get("/credits/entries").await.ok();
    let mut listed = list["entries"].as_array().unwrap().clone();
    listed.reverse();
    assert_eq!(lines(&caller, "").await, listed);
    assert_eq!(lines(&caller, "?after=7").await, listed[7..]);
    assert_eq!(lines(&caller, "?after=10").await.len(), 0);
    assert_eq!(lines(&caller, "?after=18446744073709551615").await.len(), 0);
}

#[tokio::test]
async fn member_recomputes_more_than_one_stretch_and_any_changed_field_is_found() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "0.15").await, world.service().await);
    world.grant(&ada, "1000").await;
    for part in 0..3 {
        let items: Value = (0..900).map(|n| prediction(&format!("{part}.{n}"), &ada)).collect();
        assert_eq!(service.caller.post(EVENTS, &items).await.ok()["accepted"], 900);
    }
    let caller = world.as_member(&ada).await;
    let verify = |lines: &[Value]| {
        let mut verifier = Verifier::new(ada.account, Watch::All);
        for line in lines {
            let line: EntryLine = serde_json::from_str(&line.to_string()).expect("an entry");
            verifier.push(line.into_entry().expect("an entry of the ledger")).map_err(|found| found.seq)?;
        }
        Ok::<_, u64>(verifier)
    };
    let mut lines = lines(&caller, "").await;
    assert_eq!(lines.len(), 2_703, "a grant that two events share is one leg more");
    verify(&lines).expect("books without a mismatch").sums().expect("whole events");
    lines[1_999]["event"]["quantity"] = serde_json::json!(2);
    assert_eq!(verify(&lines).map(drop), Err(2_000));
    lines.remove(1_234);
    assert_eq!(verify(&lines).map(drop), Err(1_235));
}

#[tokio::test]
async fn member_asks_for_a_file_that_cannot_be() {
    let world = World::start().await;
    let caller = world.as_member(&world.member("ada").await).await;
    assert_eq!(lines(&caller, "").await.len(), 0, "a new account has none");
    for (query, field) in
        [("after=-1", "after"), ("after=x", "after"), ("after=1&after=2", "after"), ("limit=5", "limit")]
    {
        assert_error(&caller.get(&format!("{FILE}?{query}")).await, 422, "validation_failed", field);
    }
}

#[tokio::test]
async fn anon_service_and_others_get_nothing() {
    let (world, _, _) = eventful().await;
    assert_error(&world.anon().get(FILE).await, 401, "unauthorized", "key");
    let service = world.service().await;
    assert_error(&service.caller.get(FILE).await, 403, "insufficient_permissions", "service key");
    let bob = world.as_member(&world.member("bob").await).await;
    assert_eq!(lines(&bob, "").await.len(), 0);
}
