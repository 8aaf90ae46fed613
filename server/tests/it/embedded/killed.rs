//! `kill -9` in the middle of a backup or a restore leaves whole files.

use std::path::Path;

use super::clients::Clients;
use super::{FREE, fill, names};
use crate::harness::process::{Site, ended};

const ADA: &str = "ada@example.com";
const ROUNDS: u64 = 6;

fn length(file: &Path) -> u64 {
    std::fs::metadata(file).map_or(0, |file| file.len())
}

async fn large_site() -> Site {
    let site = Site::new().await;
    site.user("ada").await;
    fill(&site).await;
    site
}

async fn entries(site: &Site) -> u64 {
    let verdict = site.json(&["verify"]).await;
    assert_eq!(verdict["ok"], true, "{verdict}");
    verdict["entries"].as_u64().unwrap()
}

/// Whether a file is a backup that can be restored.
async fn assert_whole(file: &Path, count: u64) {
    let elsewhere = Site::new().await;
    elsewhere.json(&["restore", file.to_str().unwrap()]).await;
    assert_eq!(entries(&elsewhere).await, count);
}

#[tokio::test]
async fn a_backup_that_is_killed_leaves_no_file_of_its_name_unless_it_is_whole() {
    let site = large_site().await;
    let (file, partial) = (site.path().join("x.db"), site.path().join("x.db.partial"));
    let mut killed = 0;
    for round in 0..ROUNDS {
        let due = 1 + round * FREE / ROUNDS;
        killed += u32::from(site.run_until(&["backup", "x.db"], || length(&partial) >= due).await);
        if !file.exists() {
            site.json(&["backup", "x.db"]).await;
        }
        assert!(!partial.exists(), "what was left is replaced");
        assert_whole(&file, 1).await;
        std::fs::remove_file(&file).unwrap();
    }
    assert!(killed > 0, "at least some were killed");
}

#[tokio::test]
async fn a_backup_whose_server_is_killed_says_so_and_leaves_nothing() {
    let site = large_site().await;
    let (file, partial) = (site.path().join("x.db"), site.path().join("x.db.partial"));
    let mut killed = 0;
    for round in 0..ROUNDS {
        let serving = site.serve().await;
        let backup = tokio::spawn(ended(site.command(&["backup", "x.db"])));
        while length(&partial) <= round * FREE / ROUNDS && !backup.is_finished() && !file.exists() {
            tokio::task::yield_now().await;
        }
        serving.kill();
        let said = backup.await.unwrap();
        if said.code == Some(0) {
            assert_whole(&file, 1).await;
            std::fs::remove_file(&file).unwrap();
        } else {
            assert!(said.refusal(1).contains("the server ended"), "{said:?}");
            killed += 1;
            assert!(!file.exists());
        }
        assert!(!partial.exists(), "round {round}");
        assert_eq!(entries(&site).await, 1);
    }
    assert!(killed > 0, "at least some were killed");
}

#[tokio::test]
async fn a_backup_does_not_keep_a_server_from_ending_in_time() {
    let site = large_site().await;
    let partial = site.path().join("x.db.partial");
    let serving = site.serve().await;
    let backup = tokio::spawn(ended(site.command(&["backup", "x.db"])));
    while !partial.exists() && !backup.is_finished() {
        tokio::task::yield_now().await;
    }
    assert_eq!(serving.terminate().await, Some(0));
    let said = backup.await.unwrap();
    assert_eq!(said.code == Some(0), site.path().join("x.db").exists(), "{said:?}");
    assert!(!partial.exists(), "{said:?}");
}

#[tokio::test]
async fn a_restore_that_is_killed_leaves_one_of_the_two_databases_whole() {
    let site = large_site().await;
    site.json(&["backup", "old.db"]).await;
    site.grant(ADA, "1").await;
    let mut before = entries(&site).await;
    let is_there = |start: &str| site.names().iter().any(|name| name.starts_with(start));
    let prepared = site.path().join("console.db.restoring");
    let mut killed = 0;
    for round in 0..ROUNDS + 3 {
        let was_killed = match round {
            6 => site.run_until(&["restore", "old.db"], || is_there("console.db.restored-")).await,
            7 => site.run_until(&["restore", "old.db"], || is_there("console.db.replaced-")).await,
            8 => site.run_until(&["restore", "old.db"], || is_there("console.db.restoring-journal")).await,
            part => site.run_until(&["restore", "old.db"], || length(&prepared) > part * FREE / ROUNDS).await,
        };
        killed += u32::from(was_killed);
        let now = entries(&site).await;
        let kept: Vec<String> =
            names(&site).into_iter().filter(|name| name.starts_with("console.db.replaced-")).collect();
        if let [kept] = &kept[..] {
            assert_eq!(now, 1, "round {round}: the restored one");
            assert_whole(&site.path().join(kept), before).await;
            std::fs::remove_file(site.path().join(kept)).unwrap();
            site.grant(ADA, "1").await;
            before = 2;
        } else {
            assert_eq!((now, &kept[..]), (before, &[][..]), "round {round}: the one before");
        }
        assert!(!is_there("console.db.restor"), "round {round}: {:?}", site.names());
    }
    assert!(killed > 2, "most were killed");
}

/// A copy of a data directory, as a crash has left it.
async fn copy_of(site: &Site) -> Site {
    let copy = Site::new().await;
    for name in site.names().iter().filter(|name| name.starts_with("console.db")) {
        std::fs::copy(site.path().join(name), copy.path().join(name)).unwrap();
    }
    copy
}

/// After a crash between any two steps of the exchange, the next command finishes it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_that_was_decided_is_finished_by_whoever_opens_the_database_next() {
    let site = Site::new().await;
    let user = site.user("ada").await;
    site.grant(ADA, "1000").await;
    let key = site.service_key().await;
    site.json(&["backup", "old.db"]).await;
    let serving = site.serve().await;
    let mut clients = Clients::start(&serving.url, &key, &user, "a");
    clients.wait_for(50).await;
    serving.kill();
    clients.stop().await;
    assert!(length(&site.path().join("console.db-wal")) > 0, "not all is in the file");
    let before = entries(&copy_of(&site).await).await;
    assert!(before > 50);
    let new = Site::new().await;
    new.json(&["restore", site.path().join("old.db").to_str().unwrap()]).await;

    for done in 0..=4 {
        let crashed = copy_of(&site).await;
        let at = |name: &str| crashed.path().join(name);
        std::fs::copy(new.file(), at("console.db.restored-7")).unwrap();
        let steps = [
            ("console.db", "console.db.replaced-7"),
            ("console.db-wal", "console.db.replaced-7-wal"),
            ("console.db-shm", "gone"),
            ("console.db.restored-7", "console.db"),
        ];
        for (from, to) in &steps[..done] {
            std::fs::rename(at(from), at(to)).unwrap();
        }
        assert_eq!(entries(&crashed).await, 2, "after {done} steps");
        assert!(!at("console.db.restored-7").exists());
        assert_whole(&at("console.db.replaced-7"), before).await;
    }
    let undecided = copy_of(&site).await;
    for name in ["console.db.restoring", "console.db.restoring-wal"] {
        std::fs::write(undecided.path().join(name), "half").unwrap();
    }
    assert_eq!(entries(&undecided).await, before, "what was not decided is cleared away");
    assert!(!undecided.names().iter().any(|name| name.contains("restoring")), "{:?}", undecided.names());
}
