//! `plexe-console restore FILE`.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::clients::Clients;
use super::names;
use crate::harness::client::{Caller, amount};
use crate::harness::credits;
use crate::harness::events::EVENTS;
use crate::harness::process::Site;
use crate::harness::raw::Raw;

const ADA: &str = "ada@example.com";

/// A site with one backup of two entries, `old.db`, and a third entry since.
async fn site_with_backup() -> Site {
    let site = Site::new().await;
    site.user("ada").await;
    site.grant(ADA, "1").await;
    site.json(&["backup", "old.db"]).await;
    site.grant(ADA, "2").await;
    site
}

async fn issued(site: &Site) -> i64 {
    amount(&site.json(&["stats"]).await["issued"]).micros() / 1_000_000
}

fn kept(view: &Value) -> PathBuf {
    PathBuf::from(view["kept"].as_str().expect("a path"))
}

#[tokio::test]
async fn a_restore_brings_the_backup_back_and_keeps_what_was_there() {
    let site = site_with_backup().await;
    let view = site.json(&["restore", "old.db"]).await;
    assert_eq!((&view["entries"], &view["schema_version"]), (&json!(2), &json!(15)));
    assert_eq!(issued(&site).await, 101);
    let kept = kept(&view);
    assert!(kept.exists());
    let back = site.run(&["restore", kept.to_str().unwrap()]).await;
    assert!(back.stdout.contains("books    in order: 1 accounts, 3 entries"), "{back:?}");
    assert_eq!(issued(&site).await, 103, "nothing was lost");
    assert_eq!(site.json(&["verify"]).await["ok"], true);
    let serving = site.serve().await;
    site.grant(ADA, "4").await;
    assert_eq!(serving.terminate().await, Some(0));
    assert_eq!(issued(&site).await, 107);
}

#[tokio::test]
async fn a_restore_needs_no_database_before() {
    let site = site_with_backup().await;
    let new = Site::new().await;
    let file = site.path().join("old.db");
    let view = new.json(&["restore", file.to_str().unwrap()]).await;
    assert_eq!(view["kept"], Value::Null);
    assert_eq!(issued(&new).await, 101);
}

#[tokio::test]
async fn a_restore_while_a_server_runs_is_refused() {
    let site = site_with_backup().await;
    let serving = site.serve().await;
    let refused = site.run(&["restore", "old.db"]).await;
    assert!(refused.refusal(1).contains("stop it first"), "{refused:?}");
    assert_eq!(issued(&site).await, 103);
    assert_eq!(serving.terminate().await, Some(0));
    site.json(&["restore", "old.db"]).await;
}

/// A log that is found beside another database is taken for its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_of_a_server_that_was_killed_stays_with_its_own_database() {
    let site = Site::new().await;
    let user = site.user("ada").await;
    site.grant(ADA, "100000").await;
    let key = site.service_key().await;
    site.json(&["backup", "old.db"]).await;
    let serving = site.serve().await;
    let mut clients = Clients::start(&serving.url, &key, &user, "a");
    clients.wait_for(100).await;
    serving.kill();
    let answered = clients.stop().await.len();
    assert!(site.names().contains(&"console.db-wal".to_owned()), "{:?}", site.names());
    let view = site.json(&["restore", "old.db"]).await;
    assert_eq!(site.json(&["stats"]).await["events"], 0);
    let kept = kept(&view);
    assert!(kept.with_file_name(format!("{}-wal", kept.file_name().unwrap().display())).exists());
    site.json(&["restore", kept.to_str().unwrap()]).await;
    let events = site.json(&["stats"]).await["events"].as_u64().unwrap();
    assert!(usize::try_from(events).unwrap() >= answered, "{events} of {answered}");
    assert_eq!(site.json(&["verify"]).await["ok"], true);
}

#[tokio::test]
async fn an_event_charged_after_the_backup_is_charged_again_when_it_is_sent_again() {
    let site = Site::new().await;
    let user = site.user("ada").await;
    let key = site.service_key().await;
    let event = |id: &str| json!({"id": id, "source": "s", "user_id": user["user_id"], "operation": "model.prediction", "quantity": 1});
    let serving = site.serve().await;
    let caller = Caller::new(&serving.url, Some(&key));
    caller.post(EVENTS, &event("before")).await.ok();
    site.json(&["backup", "old.db"]).await;
    caller.post(EVENTS, &event("after")).await.ok();
    assert_eq!(serving.terminate().await, Some(0));
    site.json(&["restore", "old.db"]).await;
    let serving = site.serve().await;
    let caller = Caller::new(&serving.url, Some(&key));
    assert_eq!(caller.post(EVENTS, &event("before")).await.ok()["replayed"], true);
    assert_eq!(caller.post(EVENTS, &event("after")).await.ok()["replayed"], false);
    assert_eq!(amount(&site.json(&["stats"]).await["spent"]), credits("0.2"));
    assert_eq!(serving.terminate().await, Some(0));
}

/// A hand-made copy of the database, after somebody has done something to it.
async fn changed(site: &Site, name: &str, sql: &[&str]) {
    let file = site.path().join(name);
    std::fs::copy(site.file(), &file).unwrap();
    let mut raw = Raw::of_file(&file).await;
    for statement in sql {
        raw.run(statement).await;
    }
    raw.run("PRAGMA journal_mode = DELETE").await;
    raw.close().await;
}

#[tokio::test]
async fn a_file_that_cannot_be_trusted_is_refused_with_the_reason_and_nothing_changes() {
    let site = site_with_backup().await;
    let sealed = std::fs::read(site.path().join("old.db")).unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(site.path().join(name), bytes).unwrap();
    write("empty", b"");
    write("text", "SQLite format 4, and more words than a header has bytes. ".repeat(9).as_bytes());
    write("short", &sealed[..sealed.len() - 1]);
    write("half", &sealed[..sealed.len() / 2]);
    let mut flipped = sealed.clone();
    flipped[sealed.len() / 2] ^= 0x10;
    write("flipped", &flipped);
    let mut longer = sealed.clone();
    longer.extend([0; 4_096]);
    write("longer", &longer);
    let mut foreign = Raw::create(&site.path().join("foreign")).await;
    foreign.run("CREATE TABLE _sqlx_migrations (version INTEGER, checksum BLOB)").await;
    foreign.run("INSERT INTO _sqlx_migrations VALUES (1, x'00')").await;
    foreign.close().await;
    let mut other = Raw::create(&site.path().join("other")).await;
    other.run("CREATE TABLE entries (no INTEGER PRIMARY KEY)").await;
    other.close().await;
    changed(&site, "marked", &["PRAGMA application_id = 77"]).await;
    let newer = "INSERT INTO _sqlx_migrations SELECT 9999, 'later', installed_on, 1, x'00', 1 FROM _sqlx_migrations LIMIT 1";
    changed(&site, "newer", &[newer]).await;
    let unlocked =
        ["DROP TRIGGER entries_never_change", "UPDATE entries SET amount = amount + 1 WHERE seq = 2"];
    changed(&site, "unlocked", &unlocked[..1]).await;
    let trigger = site_trigger(&site).await;
    changed(&site, "forged", &[unlocked[0], unlocked[1], &trigger]).await;
    let before = names(&site);
    for (file, reason) in [
        ("missing", "cannot be read"),
        (".", "cannot be read"),
        ("empty", "is not a SQLite database"),
        ("text", "is not a SQLite database"),
        ("short", "is cut off"),
        ("half", "is cut off"),
        ("flipped", "bytes of it have changed"),
        ("longer", "bytes of it have changed"),
        ("foreign", "not one of plexe-console"),
        ("other", "not one of plexe-console"),
        ("marked", "not one of plexe-console"),
        ("newer", "newer version of plexe-console (schema 9999"),
        ("unlocked", "its trigger entries_never_change is not as"),
        ("forged", "entry 2"),
    ] {
        let refused = site.run(&["restore", file]).await;
        assert!(refused.refusal(1).contains(reason), "{file}: {refused:?}");
        assert!(refused.stderr.contains(file), "{file}: {refused:?}");
    }
    assert_eq!(names(&site), before);
    assert_eq!(issued(&site).await, 103);
}

async fn site_trigger(site: &Site) -> String {
    let sql = "SELECT sql FROM sqlite_schema WHERE name = 'entries_never_change'";
    Raw::of_file(&site.file()).await.texts(sql).await.remove(0)
}

#[tokio::test]
async fn a_restored_database_is_its_owner_s_alone_whatever_the_backup_was() {
    use std::os::unix::fs::PermissionsExt as _;
    let site = site_with_backup().await;
    let backup = site.path().join("old.db");
    for mode in [0o400, 0o644] {
        std::fs::set_permissions(&backup, std::fs::Permissions::from_mode(mode)).unwrap();
        site.json(&["restore", "old.db"]).await;
        assert_eq!(std::fs::metadata(site.file()).unwrap().permissions().mode() & 0o777, 0o600);
        site.grant(ADA, "1").await;
    }
}
