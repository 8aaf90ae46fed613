//! What one server does, the other knows: at once where money is spent, within a second where it is shown.

use std::time::{Duration, Instant};

use ledger::time::SECOND;
use serde_json::{Value, json};

use server::calendar::Rfc3339;
use server::clock::{Clock as _, SystemClock};

use super::Pair;
use crate::harness::client::{Answer, Caller, assert_error};
use crate::harness::events::EVENTS;
use crate::harness::raw::Raw;
use crate::harness::sse::Reader;

/// In which a page must move, and a read must know. A machine that compiles beside the test gets as much again.
const SOON: Duration = Duration::from_secs(2);

fn prediction(id: &str, user: &Value) -> Value {
    json!({"id": id, "source": "test", "user_id": user, "operation": "model.prediction", "quantity": "1"})
}

/// The `seq`s of the entries of the next groups, up to one.
async fn seqs_up_to(reader: &mut Reader, last: u64) -> Vec<u64> {
    let mut seqs = vec![];
    while seqs.last() != Some(&last) {
        let group = reader.group().await;
        let entries = group.iter().filter(|message| message.event == "entry");
        seqs.extend(entries.map(|message| message.body["seq"].as_u64().expect("a seq")));
    }
    seqs
}

/// Asks until the answer has this status, and no longer than it may take.
async fn soon(caller: &Caller, path: &str, status: u16) -> Answer {
    let began = Instant::now();
    loop {
        let answer = caller.get(path).await;
        if answer.status == status {
            return answer;
        }
        assert!(began.elapsed() < SOON, "after {:?} still {}", began.elapsed(), answer.text);
    }
}

#[tokio::test]
async fn a_charge_through_one_server_moves_the_stream_open_on_the_other() {
    let pair = Pair::start().await;
    let (user, key) = pair.member("ada").await;
    let mut reader = Reader::open(&pair.caller(1, &key), "", None).await;
    assert_eq!(reader.group().await[0].body["balance"], 100);
    for n in 0..10 {
        let began = Instant::now();
        pair.service(0).post(EVENTS, &prediction(&n.to_string(), &user)).await.ok();
        let group = reader.group().await;
        assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
        assert_eq!(group.last().unwrap().id, Some(n + 2));
    }
    pair.end().await;
}

#[tokio::test]
async fn streams_hear_what_both_servers_write_once_and_in_order() {
    let pair = Pair::start().await;
    let (user, key) = pair.member("ada").await;
    let mut readers = vec![];
    for node in [0, 1] {
        readers.push(Reader::open(&pair.caller(node, &key), "", None).await);
        assert_eq!(readers[node].group().await[0].id, Some(1));
    }
    let write = async |node: usize| {
        for n in 0..150 {
            pair.service(node).post(EVENTS, &prediction(&format!("{node}-{n}"), &user)).await.ok();
        }
    };
    let ((), (), first, second) = {
        let (one, two) = readers.split_at_mut(1);
        tokio::join!(write(0), write(1), seqs_up_to(&mut one[0], 301), seqs_up_to(&mut two[0], 301))
    };
    let all: Vec<u64> = (2..=301).collect();
    assert_eq!(first, all);
    assert_eq!(second, all);
    pair.end().await;
}

#[tokio::test]
async fn a_command_beside_the_servers_moves_their_streams() {
    let pair = Pair::start().await;
    let (_, key) = pair.member("ada").await;
    let mut reader = Reader::open(&pair.caller(0, &key), "", None).await;
    reader.group().await;
    pair.site.grant("ada@example.com", "5").await;
    assert_eq!(reader.group().await.last().unwrap().body["balance"], 105);
    pair.end().await;
}

#[tokio::test]
async fn a_key_revoked_through_one_server_is_refused_by_the_other() {
    let pair = Pair::start().await;
    let (_, owner) = pair.member("ada").await;
    let owners = pair.caller(0, &owner);
    let made = owners.post("/auth/api-keys", &json!({"name": "k", "permission_level": "read_write"})).await;
    let secret = made.body["key"].as_str().expect("a secret").to_owned();
    let key_id = made.body["key_id"].as_str().expect("an id").to_owned();
    let elsewhere = pair.caller(1, &secret);
    let event = |id: &str| json!({"id": id, "source": "test", "api_key": secret, "operation": "model.prediction", "quantity": "1"});
    pair.service(1).post(EVENTS, &event("before")).await.ok();
    soon(&elsewhere, "/usage/current", 200).await;
    let mut reader = Reader::open(&elsewhere, "", None).await;
    reader.group().await;

    owners.delete(&format!("/auth/api-keys/{key_id}")).await.ok();
    let refused = pair.service(1).post(EVENTS, &event("after")).await;
    assert_error(&refused, 404, "not_found", "api_key");
    let began = Instant::now();
    while reader.next().await.is_some() {}
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    assert_error(&soon(&elsewhere, "/usage/current", 401).await, 401, "revoked_key", "revoked");
    pair.end().await;
}

#[tokio::test]
async fn what_others_say_on_the_channel_makes_servers_look_and_nothing_else() {
    let pair = Pair::start().await;
    let (user, key) = pair.member("ada").await;
    let (_, doomed) = pair.member("bob").await;
    let mut reader = Reader::open(&pair.caller(1, &key), "", None).await;
    reader.group().await;
    let bobs = pair.caller(1, &doomed);
    bobs.get("/usage/current").await.ok();
    let mut raw = Raw::open(&pair.site.database()).await;
    for lie in ["epoch 18446744073709551615", "epoch 0", "moved 1:9999999,2:9999999,3:9999999", "moved 1:0"] {
        raw.run(&format!("NOTIFY plexe_console, '{lie}'")).await;
    }
    // A copy that lacks the last changes counts them again.
    raw.run("UPDATE epoch SET number = 1").await;
    for id in ["a", "b"] {
        pair.service(0).post(EVENTS, &prediction(id, &user)).await.ok();
    }
    assert_eq!(seqs_up_to(&mut reader, 3).await, [2, 3]);
    let bobs_here = pair.caller(0, &doomed);
    let list = bobs_here.get("/auth/api-keys").await.ok();
    let path = format!("/auth/api-keys/{}", list["keys"][0]["key_id"].as_str().expect("an id"));
    bobs_here.delete(&path).await.ok();
    soon(&bobs, "/usage/current", 401).await;
    pair.end().await;
}

#[tokio::test]
async fn an_account_suspended_beside_the_servers_spends_nothing_on_any() {
    let pair = Pair::start().await;
    let (user, key) = pair.member("ada").await;
    let mut readers = vec![];
    for node in [0, 1] {
        pair.service(node).post(EVENTS, &prediction(&node.to_string(), &user)).await.ok();
        let mut reader = Reader::open(&pair.caller(node, &key), "", None).await;
        reader.group().await;
        readers.push(reader);
    }
    let set = async |word| pair.site.json(&["user", word, "--email", "ada@example.com"]).await;
    set("suspend").await;
    for (node, reader) in readers.iter_mut().enumerate() {
        let refused = pair.service(node).post(EVENTS, &prediction("later", &user)).await;
        assert_error(&refused, 403, "account_suspended", "suspended");
        let mut told = reader.next().await.expect("an alert");
        while told.event != "alert" {
            told = reader.next().await.expect("an alert");
        }
        assert_eq!(told.body, json!({"alert": "account_suspended", "active": true}));
    }
    set("activate").await;
    for node in [0, 1] {
        pair.service(node).post(EVENTS, &prediction(&format!("again-{node}"), &user)).await.ok();
    }
    pair.end().await;
}

#[tokio::test]
async fn a_rate_card_imported_beside_the_servers_prices_on_all() {
    let pair = Pair::start().await;
    let (user, _) = pair.member("ada").await;
    let in_seconds = |seconds: i64| Rfc3339(SystemClock.now().saturating_add(seconds * SECOND)).to_string();
    let event = |id: &str| {
        json!({
            "id": id, "source": "test", "user_id": user, "operation": "brand.new", "quantity": "1",
            "occurred_at": in_seconds(200),
        })
    };
    for node in [0, 1] {
        let refused = pair.service(node).post(EVENTS, &event("early")).await;
        assert_error(&refused, 422, "validation_failed", "operation");
    }
    let card = format!(
        "effective_from = \"{}\"\n[[price]]\noperation = \"brand.new\"\nunit = \"call\"\ncredits_per_unit = \"2\"\n",
        in_seconds(100)
    );
    std::fs::write(pair.site.path().join("prices.toml"), card).expect("a file");
    pair.site.json(&["rate-card", "import", "prices.toml"]).await;
    for node in [0, 1] {
        let charged = pair.service(node).post(EVENTS, &event(&node.to_string())).await.ok();
        assert_eq!((&charged["credits"], &charged["price_version"]), (&json!(2), &json!(2)));
    }
    pair.end().await;
}
