//! A SQLite file that is copied into a Postgres.

use super::empty_site;
use crate::harness::process::{Ended, Site, ended};
use crate::harness::raw::Raw;

/// The same words about a file in the site's folder.
async fn on_file(site: &Site, words: &[&str]) -> Ended {
    let mut command = site.command(words);
    command.env("DATABASE_URL", format!("sqlite://{}", site.path().join("console.db").display()));
    ended(command).await
}

#[tokio::test]
async fn operator_copies_a_file_once_and_goes_on_where_it_ended() {
    let site = empty_site().await;
    let create = ["user", "create", "--email", "ada@example.com", "--name", "Ada Ä\\n", "--username", "ada"];
    let made = on_file(&site, &[&create[..], &["--password", "correct horse", "--verified"]].concat()).await;
    assert_eq!(made.code, Some(0), "{made:?}");
    let url = site.url();
    let before = on_file(&site, &["stats", "--json"]).await.json();
    let copied = on_file(&site, &["copy", "--to", &url, "--json"]).await.json();
    assert_eq!((&copied["accounts"], &copied["entries"]), (&1.into(), &1.into()));
    assert_eq!(site.json(&["stats"]).await, before);
    for words in [&["copy", "--to", &url][..], &["serve"], &["stats"]] {
        let again = on_file(&site, words).await;
        assert!(again.refusal(1).contains("were copied to another database"), "{again:?}");
    }
    let mut raw = Raw::of_file(&site.path().join("console.db")).await;
    raw.run("PRAGMA application_id = 0").await;
    let again = on_file(&site, &["copy", "--to", &url]).await;
    assert!(again.refusal(1).contains("copy into an empty one"), "{again:?}");
    assert_eq!(
        on_file(&site, &["stats", "--json"]).await.json(),
        before,
        "a copy that was refused marks nothing"
    );
    // Numbers go on after those that came over.
    site.user("bob").await;
    assert_eq!(site.grant("ada@example.com", "5").await["balance"], 105);
    assert_eq!(site.json(&["verify"]).await["accounts"], 2);
    let back = site.run(&["copy", "--to", &url]).await;
    assert!(back.refusal(1).contains("copy moves a SQLite file"), "{back:?}");
}

#[tokio::test]
async fn operator_is_told_that_the_file_is_wrong_before_anything_is_copied() {
    let site = empty_site().await;
    let create = ["user", "create", "--email", "ada@example.com", "--name", "Ada", "--username", "ada"];
    on_file(&site, &[&create[..], &["--password", "correct horse", "--verified"]].concat()).await;
    let mut raw = Raw::of_file(&site.path().join("console.db")).await;
    raw.unlock_entries().await;
    raw.run("UPDATE entries SET available_after = available_after - 1").await;
    drop(raw);
    let url = site.url();
    let refused = on_file(&site, &["copy", "--to", &url]).await;
    assert!(refused.refusal(1).contains("the file is not in order"), "{refused:?}");
    assert_eq!(site.json(&["stats"]).await["users"], 0);
}
