//! `plexe-console backup FILE`.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::clients::Clients;
use super::{fill, names};
use crate::harness::PATIENCE;
use crate::harness::process::{Ended, Site};
use crate::harness::raw::Raw;

const ADA: &str = "ada@example.com";

/// The ids of all events in a file.
async fn events(file: &Path) -> BTreeSet<String> {
    let mut raw = Raw::of_file(file).await;
    raw.texts("SELECT event_id FROM entries WHERE source IS NOT NULL").await.into_iter().collect()
}

async fn entries(file: &Path) -> Value {
    let count = Raw::of_file(file).await.texts("SELECT CAST(count(*) AS TEXT) FROM entries").await;
    json!(count[0].parse::<u64>().unwrap())
}

/// A user and a service key.
async fn site_with_ada() -> (Site, Value, String) {
    let site = Site::new().await;
    let user = site.user("ada").await;
    let key = site.service_key().await;
    (site, user, key)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_taken_while_clients_charge_holds_what_was_answered_before_it_and_only_whole_acts() {
    let (site, user, key) = site_with_ada().await;
    fill(&site).await;
    let serving = site.serve().await;
    for _ in 0..12 {
        // Of these, every second charge takes the rest of one grant and the start of the next.
        site.json(&[
            "grant",
            "--email",
            ADA,
            "--credits",
            "0.35",
            "--kind",
            "free",
            "--reason",
            "a test",
            "--priority",
            "1",
        ])
        .await;
    }
    site.grant(ADA, "1000000").await;
    let mut clients = Clients::start(&serving.url, &key, &user, "a");
    for round in 0..4 {
        clients.wait_for(40).await;
        let before = clients.answered();
        let name = format!("{round}.db");
        let made = tokio::time::timeout(PATIENCE, site.json(&["backup", &name])).await;
        let view = made.expect("charges do not make it begin again and again");
        let file = site.path().join(&name);
        assert_eq!(view["path"], json!(file));
        assert_eq!((&view["schema_version"], &view["accounts"]), (&json!(15), &json!(1)));
        assert_eq!(view["bytes"], std::fs::metadata(&file).unwrap().len());
        assert_eq!(view["entries"], entries(&file).await);
        let held = events(&file).await;
        assert!(held.is_superset(&before), "{:?}", before.difference(&held).collect::<Vec<_>>());
    }
    let answered = clients.stop().await;
    assert!(answered.len() > events(&site.path().join("3.db")).await.len(), "charges went on meanwhile");
    assert_eq!(site.json(&["verify"]).await["ok"], true);
    assert_eq!(serving.terminate().await, Some(0));
    let elsewhere = Site::new().await;
    let first = site.path().join("0.db");
    elsewhere.json(&["restore", first.to_str().unwrap()]).await;
    assert_eq!(elsewhere.json(&["verify"]).await["entries"], entries(&first).await);
    let left = names(&site);
    assert!(!left.iter().any(|name| name.contains("partial") || name.contains("-wal")), "{left:?}");
}

#[tokio::test]
async fn a_backup_is_one_file_for_its_owner_alone_and_needs_no_server() {
    use std::os::unix::fs::PermissionsExt as _;
    let (site, ..) = site_with_ada().await;
    let elsewhere = TempDir::new().unwrap();
    let file = elsewhere.path().join("a backup.db");
    site.json(&["backup", file.to_str().unwrap()]).await;
    let names: Vec<_> =
        std::fs::read_dir(elsewhere.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["a backup.db"]);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let said = site.run(&["backup", "b.db"]).await;
    assert!(said.stdout.contains("in order: 1 accounts, 1 entries"), "{said:?}");
    assert_eq!(std::fs::read(&file).unwrap(), std::fs::read(site.path().join("b.db")).unwrap());
}

#[tokio::test]
async fn a_backup_that_cannot_be_made_says_why_and_leaves_nothing() {
    let (site, ..) = site_with_ada().await;
    let empty = Site::new().await;
    assert!(empty.run(&["backup", "x.db"]).await.refusal(1).contains("no console here"));
    std::fs::write(site.path().join("taken"), "mine").unwrap();
    let before = names(&site);
    for is_served in [false, true] {
        let serving = if is_served { Some(site.serve().await) } else { None };
        for (file, mentions) in [
            ("taken", "exists already"),
            ("console.db", "exists already"),
            (".", "exists already"),
            ("no/such/folder.db", "is no folder"),
            ("taken/x.db", "is no folder"),
            ("/proc/x.db", "cannot write"),
        ] {
            let refused: Ended = site.run(&["backup", file]).await;
            assert!(refused.refusal(1).contains(mentions), "{file}: {refused:?}");
        }
        if let Some(serving) = serving {
            assert_eq!(serving.terminate().await, Some(0));
        }
    }
    assert_eq!(names(&site), before);
    assert_eq!(std::fs::read(site.path().join("taken")).unwrap(), b"mine");
}

#[tokio::test]
async fn a_backup_of_books_that_are_wrong_is_refused_with_the_entry() {
    let (site, ..) = site_with_ada().await;
    let mut raw = Raw::of_file(&site.file()).await;
    raw.unlock_entries().await;
    raw.run("UPDATE entries SET available_after = available_after - 1").await;
    drop(raw);
    let refused = site.run(&["backup", "x.db"]).await;
    assert!(refused.refusal(1).contains("entry 1"), "{refused:?}");
    assert!(!names(&site).iter().any(|name| name.starts_with("x.db")), "{:?}", names(&site));
}

#[tokio::test]
async fn a_second_backup_to_the_same_name_waits_for_nobody_and_harms_nothing() {
    let (site, ..) = site_with_ada().await;
    let at_work = std::fs::File::create(site.path().join("x.db.partial")).unwrap();
    at_work.lock().unwrap();
    let refused = site.run(&["backup", "x.db"]).await;
    assert!(refused.refusal(1).contains("another backup"), "{refused:?}");
    assert!(site.path().join("x.db.partial").exists(), "it belongs to the other one");
    drop(at_work);
    site.json(&["backup", "x.db"]).await;
    assert!(!site.path().join("x.db.partial").exists());
}

#[tokio::test]
async fn a_backup_writes_through_no_link_and_into_no_file_of_somebody_else() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let (site, ..) = site_with_ada().await;
    let at = |name: &str| site.path().join(name);
    std::fs::write(at("mine"), "a file that others need").unwrap();
    symlink(at("mine"), at("x.db.partial")).unwrap();
    symlink(at("console.db"), at("y.db.partial")).unwrap();
    std::fs::write(at("z.db.partial"), "laid out").unwrap();
    std::fs::set_permissions(at("z.db.partial"), std::fs::Permissions::from_mode(0o666)).unwrap();
    std::fs::hard_link(at("z.db.partial"), at("reader")).unwrap();
    let serving = site.serve().await;
    for name in ["x.db", "y.db", "z.db"] {
        site.json(&["backup", name]).await;
        assert_eq!(std::fs::metadata(at(name)).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
        assert!(!std::fs::symlink_metadata(at(name)).unwrap().is_symlink(), "{name}");
    }
    assert_eq!(std::fs::read(at("mine")).unwrap(), b"a file that others need");
    assert_eq!(std::fs::read(at("reader")).unwrap(), b"laid out");
    assert_eq!(site.json(&["verify"]).await["ok"], true);
    assert_eq!(serving.terminate().await, Some(0));
}

#[tokio::test]
async fn a_server_gives_up_a_copy_that_nobody_waits_for() {
    let (site, ..) = site_with_ada().await;
    let mut raw = Raw::of_file(&site.file()).await;
    raw.run("CREATE TABLE filler (bytes BLOB)").await;
    raw.run("INSERT INTO filler VALUES (zeroblob(200000000))").await;
    raw.run("DROP TABLE filler").await;
    raw.close().await;
    let serving = site.serve().await;
    let partial = site.path().join("x.db.partial");
    assert!(site.run_until(&["backup", "x.db"], || partial.exists()).await, "it was killed at work");
    let given_up = async {
        while partial.exists() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, given_up).await.expect("the copy goes");
    assert_eq!(serving.terminate().await, Some(0));
}
