//! `GET /usage/export.csv`: the account's events as a file.

use std::collections::BTreeMap;

use serde_json::json;
use server::store::Permission;

use crate::harness::client::{Caller, assert_error};
use crate::harness::events::{EVENTS, event, prediction, with, without};
use crate::harness::{Member, World};

const EXPORT: &str = "/usage/export.csv";

/// Rows as column → cell.
async fn rows(caller: &Caller, query: &str) -> Vec<BTreeMap<String, String>> {
    let answer = caller.get(&format!("{EXPORT}{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    csv::Reader::from_reader(answer.text.as_bytes()).deserialize().collect::<Result<_, _>>().expect("a table")
}

async fn ids(caller: &Caller, query: &str) -> Vec<String> {
    rows(caller, query).await.into_iter().map(|row| row["id"].clone()).collect()
}

async fn charged(world: &World) -> (Member, Caller) {
    let (ada, service) = (world.member_with("ada", "1000").await, world.service().await);
    let first =
        with(&event("job,1", &ada, "model.build", "2.5"), "dimensions", json!({"model": "=cmd|' /C"}));
    let first = with(&first, "occurred_at", json!("2026-11-20T10:00:00.25Z"));
    let items = json!([first, event("=1+1", &ada, "model.inference", "4.8185"), prediction("@\"q\"", &ada)]);
    assert_eq!(service.caller.post(EVENTS, &items).await.ok()["accepted"], 3);
    (ada.clone(), world.as_member(&ada).await)
}

#[tokio::test]
async fn member_exports_what_the_list_shows() {
    let world = World::start().await;
    let (_, caller) = charged(&world).await;
    let answer = caller.get(EXPORT).await;
    assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8; header=present");
    assert_eq!(answer.header("content-disposition"), "attachment; filename=\"usage.csv\"");
    let header =
        "event_id,source,id,operation,quantity,dimensions,credits,occurred_at,recorded_at,api_key_id,seq\r\n";
    assert!(answer.text.starts_with(header), "{}", answer.text);
    assert!(answer.text.ends_with("\r\n"));
    let (rows, list) = (rows(&caller, "").await, caller.get(EVENTS).await.ok());
    let events = list["events"].as_array().unwrap();
    assert_eq!(rows.len(), events.len());
    for (row, event) in rows.iter().zip(events) {
        for field in ["event_id", "source", "operation", "quantity", "credits", "recorded_at", "seq"] {
            let plain = event[field].as_str().map_or_else(|| event[field].to_string(), str::to_owned);
            assert_eq!(row[field], plain, "{field}");
        }
    }
    let build = &rows[2];
    assert_eq!((build["id"].as_str(), build["occurred_at"].as_str()), ("job,1", "2026-11-20T10:00:00.25Z"));
    assert_eq!(build["dimensions"], r#"{"model":"=cmd|' /C"}"#);
    assert_eq!((rows[1]["occurred_at"].as_str(), rows[1]["api_key_id"].as_str()), ("", ""));
}

#[tokio::test]
async fn member_opens_the_file_in_a_spreadsheet_and_nothing_is_computed() {
    let world = World::start().await;
    let (_, caller) = charged(&world).await;
    assert_eq!(ids(&caller, "").await, ["'@\"q\"", "'=1+1", "job,1"]);
}

#[tokio::test]
async fn member_exports_with_the_filters_of_the_list() {
    let world = World::start().await;
    let (ada, caller) = charged(&world).await;
    let key = world.key(&ada, Permission::ReadWrite).await;
    let keyed = with(&without(&prediction("keyed", &ada), "user_id"), "api_key", json!(key.secret.as_str()));
    world.service().await.caller.post(EVENTS, &keyed).await.ok();
    let id = &key.key.id;
    assert_eq!(ids(&caller, &format!("?api_key={id}")).await, ["keyed"]);
    assert_eq!(ids(&caller, "?api_key=none").await.len(), 3);
    assert_eq!(ids(&caller, "?operation=model.build").await, ["job,1"]);
    assert_eq!(ids(&caller, &format!("?operation=model.build&api_key={id}")).await, Vec::<String>::new());
    assert_eq!(ids(&caller, "?from=2026-11-20T10:00:00Z&to=2026-11-20T10:00:00.25Z").await.len(), 0);
    assert_eq!(ids(&caller, "?from=2026-11-20T10:00:00.25Z&to=2026-11-20T10:00:01Z").await, ["job,1"]);
    assert_eq!(ids(&caller, "?to=2026-11-21T00:00:00Z").await, ["job,1"]);
    assert_eq!(ids(&caller, "?from=2030-01-01T00:00:00Z").await.len(), 0);
    for (query, field) in
        [("from=now", "from"), ("api_key=key_1", "api_key"), ("limit=5", "limit"), ("cursor=5", "cursor")]
    {
        assert_error(&caller.get(&format!("{EXPORT}?{query}")).await, 422, "validation_failed", field);
    }
    let backwards = "?from=2026-11-22T00:00:00Z&to=2026-11-22T00:00:00Z";
    assert_error(&caller.get(&format!("{EXPORT}{backwards}")).await, 422, "validation_failed", "to");
}

#[tokio::test]
async fn member_exports_more_than_one_stretch_and_each_event_once() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "0.15").await, world.service().await);
    world.grant(&ada, "1000").await;
    for part in 0..3 {
        let items: serde_json::Value = (0..900).map(|n| prediction(&format!("{part}.{n}"), &ada)).collect();
        assert_eq!(service.caller.post(EVENTS, &items).await.ok()["accepted"], 900);
    }
    let found = ids(&world.as_member(&ada).await, "").await;
    let wanted: Vec<String> =
        (0..3).rev().flat_map(|part| (0..900).rev().map(move |n| format!("{part}.{n}"))).collect();
    assert_eq!(found, wanted);
}

#[tokio::test]
async fn member_exports_nothing_of_others_and_a_new_account_only_the_header() {
    let world = World::start().await;
    charged(&world).await;
    let bob = world.member("bob").await;
    let answer = world.as_member(&bob).await.get(EXPORT).await;
    assert_eq!((answer.status, answer.text.lines().count()), (200, 1), "{}", answer.text);
}

#[tokio::test]
async fn anon_and_service_export_nothing() {
    let world = World::start().await;
    assert_error(&world.anon().get(EXPORT).await, 401, "unauthorized", "key");
    let service = world.service().await;
    assert_error(&service.caller.get(EXPORT).await, 403, "insufficient_permissions", "service key");
}
