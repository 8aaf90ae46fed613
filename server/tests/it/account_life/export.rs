//! All of somebody's data as one archive.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};

use http::Method;
use ledger::time::SECOND;
use serde_json::{Value, json};
use server::store::Permission;
use zip::ZipArchive;

use super::{EMAIL, as_member, logged, member, signed_in};
use crate::harness::World;
use crate::harness::browser::Browser;
use crate::harness::events::{EVENTS, event, with};
use crate::harness::forms::{PASSWORD, assert_refused, sign_up, submit};

const EXPORT: &str = "/settings/account/export";
const DATA: &str = "/settings/account/data";

/// Names and texts of the archive's files.
async fn archive(world: &World, browser: &Browser) -> BTreeMap<String, String> {
    let request = world.anon().request(Method::POST, EXPORT).header("cookie", browser.cookies());
    let answer = request.header("sec-fetch-site", "same-origin").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/zip");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert_eq!(answer.headers()["content-disposition"], "attachment; filename=\"plexe-console.zip\"");
    let bytes = answer.bytes().await.unwrap().to_vec();
    let mut archive = ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut files = BTreeMap::new();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).unwrap();
        let (name, mut text) = (file.name().unwrap().into_owned(), String::new());
        file.read_to_string(&mut text).unwrap();
        files.insert(name, text);
    }
    files
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[tokio::test]
async fn member_takes_everything_along_and_no_secret() {
    let (world, mut browser) = member().await;
    let ada = as_member(&world).await;
    let key = world.key(&ada, Permission::ReadWrite).await;
    let service = world.service().await;
    let events: Vec<Value> = (0..1_200)
        .map(|n| event(&format!("=e{n}"), &ada, "model.prediction", "0.001"))
        .map(|event| with(&event, "dimensions", json!({"model": "churn"})))
        .collect();
    for events in events.chunks(600) {
        service.caller.post(EVENTS, &json!(events)).await.ok();
    }
    let files = archive(&world, &browser).await;
    assert_eq!(
        files.keys().map(String::as_str).collect::<Vec<_>>(),
        [
            "README.txt",
            "access-log.ndjson",
            "api-keys.json",
            "entries.ndjson",
            "events.csv",
            "grants.json",
            "identities.json",
            "profile.json",
            "sessions.json"
        ]
    );
    for name in files.keys().filter(|name| *name != "README.txt") {
        assert!(files["README.txt"].contains(name.as_str()), "{name}");
    }
    let profile = parsed(&files["profile.json"]);
    assert_eq!((&profile["email"], &profile["account_status"]), (&json!(EMAIL), &json!("active")));
    assert_eq!(parsed(&files["api-keys.json"])[0]["key_id"], key.key.id.to_string());
    assert_eq!(parsed(&files["grants.json"]).as_array().unwrap().len(), 1, "those of signing up");
    assert_eq!(parsed(&files["sessions.json"])[0]["address"], "127.0.0.1");
    assert_eq!(parsed(&files["identities.json"]), json!([]));
    let entries: Vec<Value> = files["entries.ndjson"].lines().map(parsed).collect();
    assert_eq!((entries.len(), &entries[1_200]["seq"]), (1_201, &json!(1_201)));
    assert_eq!(files["events.csv"].lines().count(), 1_201, "a header and its rows");
    assert!(files["events.csv"].contains(",'=e7,") && files["events.csv"].contains("churn"));
    let log: Vec<Value> = files["access-log.ndjson"].lines().map(parsed).collect();
    assert_eq!((&log[0]["what"], &log[2]["what"]), (&json!("exported"), &json!("signed_in")));
    let token = browser.cookie("plexe_session").unwrap();
    for (name, text) in &files {
        assert!(!text.contains(key.secret.as_str()) && !text.contains(token), "{name}");
        assert!(!text.contains("argon2"), "{name}");
    }
    assert_eq!(logged(&mut browser).await[0], "Downloaded all data");
}

#[tokio::test]
async fn member_proves_who_they_are_first_and_comes_back_to_the_button() {
    let (world, mut browser) = member().await;
    world.clock.advance(600 * SECOND);
    let led = browser.submit(EXPORT, &[]).await;
    assert_eq!((led.status, led.header("location")), (303, "/confirm?next=/settings/account/data"));
    let confirmed = browser.submit("/confirm", &[("password", PASSWORD), ("next", DATA)]).await;
    assert_eq!(confirmed.header("location"), DATA);
    let shown = browser.follow(DATA).await.text;
    assert!(shown.contains("Download the archive") && shown.contains("Delete my account"), "{shown}");
    assert!(!shown.contains("wasm"), "nothing moves in it");
    assert_eq!(archive(&world, &browser).await.len(), 9);
}

#[tokio::test]
async fn member_takes_it_five_times_an_hour() {
    let (world, mut browser) = member().await;
    for _ in 0..5 {
        archive(&world, &browser).await;
    }
    let refused = browser.submit(EXPORT, &[]).await;
    assert_refused(&refused, 429, "Too many attempts.");
    assert_eq!(refused.header("retry-after"), "3600");
    world.clock.advance(3_600 * SECOND);
    let browser = signed_in(&world).await;
    archive(&world, &browser).await;
}

#[tokio::test]
async fn nobody_takes_what_is_not_theirs() {
    let (world, browser) = member().await;
    for (path, next) in [(EXPORT, "/sign-in?next=/settings/account/data")] {
        let anon = submit(&world.anon(), path, &[], &[]).await;
        assert_eq!((anon.status, anon.header("location")), (303, next));
    }
    let anon = world.browser().follow(DATA).await;
    assert_eq!(anon.header("location"), "/sign-in?next=/settings/account/data");
    let cookies = browser.cookies();
    let foreign = [("cookie", cookies.as_str()), ("sec-fetch-site", "cross-site")];
    assert_eq!(submit(&world.anon(), EXPORT, &[], &foreign).await.status, 403);
    sign_up(&world.anon(), "eve@example.com", "eve", PASSWORD).await;
    let mut eve = world.browser();
    eve.sign_in("eve@example.com", PASSWORD).await;
    let files = archive(&world, &eve).await;
    assert!(files.values().all(|text| !text.contains(EMAIL)), "{files:?}");
    assert_eq!(parsed(&files["profile.json"])["email"], "eve@example.com");
}
