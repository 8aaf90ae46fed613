//! `GET /usage/stream`: what happens on the account, while it happens.

use std::time::Duration;

use http::Method;
use ledger::grant::GrantKind;
use ledger::time::DAY;
use serde_json::{Value, json};
use server::auth::Whence;
use server::auth::tokens::hash;
use server::console::grants::GrantForm;
use server::store::{AccountStatus, NewSession, Permission};

use crate::harness::client::assert_error;
use crate::harness::events::{EVENTS, event, prediction, with};
use crate::harness::forms::sign_up;
use crate::harness::raw::Raw;
use crate::harness::sse::{Message, Reader};
use crate::harness::visitor::whole_token;
use crate::harness::{Member, START, World, credits};

fn names(group: &[Message]) -> Vec<&str> {
    group.iter().map(|message| message.event.as_str()).collect()
}

/// Messages are in order and only the last one has an id, which is its seq.
#[track_caller]
fn assert_whole(group: &[Message]) {
    let (last, others) = group.split_last().expect("a group");
    assert_eq!(last.event, "balance");
    assert_eq!(Some(last.body["seq"].as_u64().unwrap()), last.id);
    assert!(others.iter().all(|message| message.id.is_none()), "{group:?}");
    let entries = names(group).iter().take_while(|name| **name == "entry").count();
    assert!(others[entries..].iter().all(|message| message.event == "usage"), "{:?}", names(group));
}

#[tokio::test]
async fn member_hears_the_balance_first_and_then_every_commit_whole() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "0.15").await, world.service().await);
    let mut reader = Reader::open(&world.as_member(&ada).await, "", None).await;
    let first = reader.group().await;
    assert_eq!(names(&first), ["balance"]);
    assert_eq!(reader.retry_ms, Some(2_000));
    assert_eq!((&first[0].body["balance"], first[0].id), (&json!(0.15), Some(1)));
    world.grant(&ada, "10").await;
    let granted = reader.group().await;
    assert_eq!(names(&granted), ["entry", "balance"]);
    assert_eq!(
        (&granted[0].body["movement"], &granted[1].body["available"]),
        (&json!("issue"), &json!(10.15))
    );
    let items = json!([prediction("a", &ada), prediction("b", &ada), event("c", &ada, "account.read", "2")]);
    let answer = service.caller.post(EVENTS, &items).await.ok();
    let charged = reader.group().await;
    assert_whole(&charged);
    assert_eq!(names(&charged), ["entry", "entry", "entry", "entry", "usage", "usage", "balance"]);
    let legs: Vec<&Value> = charged[..4].iter().map(|message| &message.body["leg"]).collect();
    assert_eq!(json!(legs), json!([0, 0, 1, 0]), "b is paid by two grants");
    assert_eq!(charged[1].body["event"]["event_id"], answer["results"][1]["event_id"]);
    assert_eq!(charged[2].body["event"], Value::Null);
    let free = &charged[4].body;
    assert_eq!(
        (&free["operation"], &free["credits"], &free["count"]),
        (&json!("account.read"), &json!(0), &json!(1))
    );
    let paid = &charged[5].body;
    assert_eq!(
        (&paid["operation"], &paid["credits"], &paid["count"]),
        (&json!("model.prediction"), &json!(0.2), &json!(2))
    );
    assert_eq!(paid["start"], "2026-11-22T12:00:00Z");
    assert_eq!((&charged[6].body["balance"], charged[6].id), (&json!(9.95), Some(6)));
}

#[tokio::test]
async fn member_hears_of_an_expiry_before_the_charge_that_found_it() {
    let world = World::start().await;
    let (ada, service) = (world.member("ada").await, world.service().await);
    world.grant_until(&ada, "5", Some(START.saturating_add(10))).await;
    world.grant(&ada, "1").await;
    let mut reader = Reader::open(&world.as_member(&ada).await, "", None).await;
    reader.group().await;
    world.clock.advance(10);
    service.caller.post(EVENTS, &prediction("a", &ada)).await.ok();
    let group = reader.group().await;
    let movements: Vec<&Value> = group.iter().filter_map(|message| message.body.get("movement")).collect();
    assert_eq!(json!(movements), json!(["expire", "charge"]));
    assert_eq!(group.last().unwrap().body["balance"], 0.9);
}

#[tokio::test]
async fn member_is_shown_the_balance_anew_when_a_grant_comes_into_force() {
    let world = World::start().await;
    let ada = world.member_with("ada", "1").await;
    let later = async |amount: &str, micros: i64| {
        let form = GrantForm {
            credits: credits(amount),
            kind: GrantKind::Promo,
            reason: "for later".to_owned(),
            effective_at: Some(START.saturating_add(micros)),
            expires_at: None,
            priority: None,
        };
        world.console.grant(ada.account, form).await.expect("a grant");
    };
    later("5", 20).await;
    let mut reader = Reader::open(&world.as_member(&ada).await, "", None).await;
    assert_eq!(reader.group().await[0].body["balance"], 1);
    later("2", 10).await;
    assert_eq!(reader.group().await.last().unwrap().body["balance"], 1);
    for (micros, balance) in [(10, 3), (20, 8)] {
        world.clock.set(START.saturating_add(micros));
        let group = reader.group().await;
        assert_eq!((names(&group), group[0].id), (vec!["reset"], Some(3)));
        assert_eq!(group[0].body["balance"], balance);
    }
}

#[tokio::test]
async fn member_resumes_after_what_was_read_by_header_or_address() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "100").await, world.service().await);
    let caller = world.as_member(&ada).await;
    for id in ["a", "b", "c"] {
        service.caller.post(EVENTS, &prediction(id, &ada)).await.ok();
    }
    for (query, header) in [("?after=2", None), ("", Some("2")), ("?after=0", Some("2"))] {
        let mut reader = Reader::open(&caller, query, header).await;
        let missed = reader.group().await;
        assert_whole(&missed);
        let seqs: Vec<&Value> = missed
            .iter()
            .filter(|message| message.event == "entry")
            .map(|message| &message.body["seq"])
            .collect();
        assert_eq!(json!(seqs), json!([3, 4]), "{query} {header:?}");
        assert_eq!(missed.last().unwrap().id, Some(4));
    }
    let mut reader = Reader::open(&caller, "?after=4", None).await;
    service.caller.post(EVENTS, &prediction("d", &ada)).await.ok();
    assert_eq!(reader.group().await.last().unwrap().id, Some(5), "nothing was missed, nothing is repeated");
}

#[tokio::test]
async fn member_resumes_within_a_thousand_entries_and_is_reset_past_them() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "1000").await, world.service().await);
    let caller = world.as_member(&ada).await;
    let items: Value = (0..1_000).map(|n| prediction(&n.to_string(), &ada)).collect();
    service.caller.post(EVENTS, &items).await.ok();
    let mut reader = Reader::open(&caller, "?after=1", None).await;
    let (mut entries, mut last) = (0, None);
    while last != Some(1_001) {
        let group = reader.group().await;
        assert_whole(&group);
        entries += names(&group).iter().filter(|name| **name == "entry").count();
        last = group.last().unwrap().id;
    }
    assert_eq!(entries, 1_000);
    for (query, header) in
        [("?after=0", None), ("?after=1002", None), ("", Some("not a seq")), ("", Some("-1"))]
    {
        let mut reader = Reader::open(&caller, query, header).await;
        let reset = reader.next().await.unwrap();
        assert_eq!((reset.event.as_str(), reset.id), ("reset", Some(1_001)), "{query} {header:?}");
        assert_eq!(reset.body["balance"], 900);
        service.caller.post(EVENTS, &prediction("0", &ada)).await.ok();
    }
}

#[tokio::test]
async fn member_who_is_cut_off_loses_and_repeats_nothing() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "100").await, world.service().await);
    let caller = world.as_member(&ada).await;
    let (mut heard, mut last) = (vec![], 1);
    for round in 0..20 {
        let mut reader = Reader::open(&caller, &format!("?after={last}"), None).await;
        let items: Value = (0..5).map(|n| prediction(&format!("{round}-{n}"), &ada)).collect();
        service.caller.post(EVENTS, &items).await.ok();
        if round % 2 == 0 {
            let group = reader.group().await;
            heard.extend(
                group
                    .iter()
                    .filter(|message| message.event == "entry")
                    .map(|message| message.body["seq"].clone()),
            );
            last = group.last().unwrap().id.unwrap();
        }
    }
    let mut reader = Reader::open(&caller, &format!("?after={last}"), None).await;
    let group = reader.group().await;
    heard.extend(
        group.iter().filter(|message| message.event == "entry").map(|message| message.body["seq"].clone()),
    );
    assert_eq!(json!(heard), (2..=101).collect::<Value>());
}

#[tokio::test]
async fn member_hears_nothing_of_others() {
    let world = World::start().await;
    let (ada, bob) = (world.member_with("ada", "1").await, world.member_with("bob", "1").await);
    let service = world.service().await;
    let mut reader = Reader::open(&world.as_member(&ada).await, "", None).await;
    reader.group().await;
    service.caller.post(EVENTS, &json!([prediction("b", &bob), prediction("a", &ada)])).await.ok();
    let group = reader.group().await;
    let ids: Vec<&Value> = group.iter().filter_map(|message| message.body["event"].get("id")).collect();
    assert_eq!(json!(ids), json!(["a"]));
}

#[tokio::test]
async fn member_with_a_revoked_or_expired_key_hears_no_more() {
    let world = World::start().await;
    let ada = world.member_with("ada", "1").await;
    let revoked = world.key(&ada, Permission::ReadOnly).await;
    let expired = world.key_for(&ada, Permission::ReadOnly, Some(1)).await;
    let kept = world.key(&ada, Permission::ReadOnly).await;
    let mut readers = vec![];
    for key in [&revoked, &expired, &kept] {
        let mut reader = Reader::open(&world.caller(key.secret.as_str()), "", None).await;
        reader.group().await;
        readers.push(reader);
    }
    let owner = world.as_member(&ada).await;
    owner.delete(&format!("/auth/api-keys/{}", revoked.key.id)).await.ok();
    world.clock.advance(ledger::time::DAY);
    let mut kept = readers.pop().unwrap();
    for mut ended in readers {
        assert_eq!(ended.next().await, None);
    }
    world.grant(&ada, "1").await;
    assert_eq!(kept.group().await.last().unwrap().body["balance"], 2);
}

/// A stream that is opened with the cookie of a new session.
async fn with_session(world: &World, member: &Member, token: &str) -> Reader {
    let token = whole_token(token);
    let session = NewSession {
        token_hash: hash(&token),
        user_id: member.user_id,
        created_at: START,
        expires_at: START.saturating_add(DAY),
        whence: Whence::default(),
    };
    world.console.store.insert_session(&session).await.expect("a session");
    let request = world.anon().request(Method::GET, "/usage/stream");
    let mut reader = Reader::listen(request.header("cookie", format!("plexe_session={token}"))).await;
    reader.group().await;
    reader
}

#[tokio::test]
async fn member_who_signs_out_hears_no_more_within_a_second() {
    let world = World::start().await;
    let ada = world.member_with("ada", "1").await;
    let mut ended = with_session(&world, &ada, "one").await;
    let mut kept = with_session(&world, &ada, "two").await;
    world.console.sign_out(&whole_token("one")).await.unwrap();
    let end = tokio::time::timeout(Duration::from_secs(1), ended.next()).await;
    assert_eq!(end, Ok(None));
    world.grant(&ada, "1").await;
    assert_eq!(kept.group().await.last().unwrap().body["balance"], 2, "another browser's session goes on");
}

#[tokio::test]
async fn member_listens_on_while_keys_and_sessions_cannot_be_read() {
    let world = World::start().await;
    let (ada, bob) = (world.member_with("ada", "1").await, world.member("bob").await);
    let mut by_key = Reader::open(&world.as_member(&ada).await, "", None).await;
    by_key.group().await;
    let mut by_session = with_session(&world, &ada, "one").await;
    let mut raw = Raw::open(&world.database()).await;
    raw.run("ALTER TABLE api_keys RENAME TO kept_keys").await;
    world.console.set_user_status(&bob.row.email, AccountStatus::Suspended).await.unwrap();
    world.console.live.access_changed(ada.account);
    // Heard after the look that has failed by then.
    world.grant(&ada, "1").await;
    for reader in [&mut by_key, &mut by_session] {
        assert_eq!(reader.group().await.last().unwrap().body["balance"], 2);
    }
    raw.run("ALTER TABLE kept_keys RENAME TO api_keys").await;
    world.console.set_user_status(&ada.row.email, AccountStatus::Suspended).await.unwrap();
    for reader in [&mut by_key, &mut by_session] {
        assert_eq!(reader.next().await.unwrap().event, "alert", "and is looked at again");
    }
}

#[tokio::test]
async fn member_is_told_when_the_account_is_suspended_and_let_in_again() {
    let world = World::start().await;
    let ada = world.member_with("ada", "1").await;
    let caller = world.as_member(&ada).await;
    let mut reader = Reader::open(&caller, "", None).await;
    reader.group().await;
    let alert = |active: bool| json!({"alert": "account_suspended", "active": active});
    let set = async |status| world.console.set_user_status("ada@example.com", status).await.unwrap();
    set(AccountStatus::Suspended).await;
    let told = reader.next().await.unwrap();
    assert_eq!((told.event.as_str(), told.id, &told.body), ("alert", None, &alert(true)));

    let mut later = Reader::open(&caller, "?after=1", None).await;
    assert_eq!(later.next().await.unwrap().body, alert(true), "whoever connects is told again");

    set(AccountStatus::Active).await;
    for reader in [&mut reader, &mut later] {
        assert_eq!(reader.next().await.unwrap().body, alert(false));
    }
    world.grant(&ada, "1").await;
    assert_eq!(reader.next().await.unwrap().event, "entry");
}

#[tokio::test]
async fn member_is_told_when_the_e_mail_is_verified_elsewhere() {
    let world = World::start().await;
    let anon = world.anon();
    sign_up(&anon, "bob@example.com", "bob", "crowded lantern orbit 9").await;
    let row = world.console.get_user_by_email("bob@example.com").await.unwrap();
    let bob = Member { user_id: row.id, account: row.account_id, account_no: row.account_no, row };
    let mut reader = Reader::open(&world.as_member(&bob).await, "", None).await;
    assert_eq!(names(&reader.group().await), ["balance"]);
    let alert = |active: bool| json!({"alert": "email_unverified", "active": active});
    assert_eq!(reader.next().await.unwrap().body, alert(true));
    assert_eq!(world.verify_email(&anon, "bob@example.com").await.status, 200);
    let mut told = vec![];
    while told.last() != Some(&alert(false)) {
        told.push(reader.next().await.expect("an alert").body);
    }
    assert!(told.iter().any(|body| body["movement"] == "issue"), "the free credits: {told:?}");
}

#[tokio::test]
async fn member_hears_the_end_when_the_server_stops() {
    let world = World::start().await;
    let ada = world.member_with("ada", "1").await;
    let mut reader = Reader::open(&world.as_member(&ada).await, "", None).await;
    reader.group().await;
    world.console.live.close();
    assert_eq!(reader.next().await, None);
}

#[tokio::test]
async fn member_opens_a_stream_with_bad_input() {
    let world = World::start().await;
    let caller = world.as_member(&world.member("ada").await).await;
    for (query, field) in
        [("after=last", "after"), ("after=-1", "after"), ("since=1", "since"), ("after=1&after=2", "after")]
    {
        assert_error(&caller.get(&format!("/usage/stream?{query}")).await, 422, "validation_failed", field);
    }
}

#[tokio::test]
async fn anon_and_service_hear_nothing() {
    let world = World::start().await;
    assert_error(&world.anon().get("/usage/stream").await, 401, "unauthorized", "key");
    let service = world.service().await;
    assert_error(&service.caller.get("/usage/stream").await, 403, "insufficient_permissions", "service key");
}

#[tokio::test]
async fn a_reader_that_never_reads_slows_nobody() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "100000").await, world.service().await);
    let caller = world.as_member(&ada).await;
    let lazy = Reader::open(&caller, "", None).await;
    let long = json!({"note": "x".repeat(900)});
    for round in 0..20 {
        let item = |n: usize| with(&prediction(&format!("{round}-{n}"), &ada), "dimensions", long.clone());
        let answer = service.caller.post(EVENTS, &(0..500).map(item).collect::<Value>()).await.ok();
        assert_eq!(answer["accepted"], 500);
    }
    drop(lazy);
    assert_eq!(world.books().await.events, 10_000);
}
