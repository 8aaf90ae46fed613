//! A SQLite file that is copied into a Postgres.

use super::empty_site;
use crate::harness::process::{Ended, Site, ended};

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
    let url = site
        .command(&[])
        .get_envs()
        .find(|(name, _)| *name == "DATABASE_URL")
        .and_then(|(_, url)| url.map(|url| url.to_str().unwrap().to_owned()))
        .unwrap();
    let before = on_file(&site, &["stats", "--json"]).await.json();
    let copied = on_file(&site, &["copy", "--to", &url, "--json"]).await.json();
    assert_eq!((&copied["accounts"], &copied["entries"]), (&1.into(), &1.into()));
    assert_eq!(site.json(&["stats"]).await, before);
    let again = on_file(&site, &["copy", "--to", &url]).await;
    assert!(again.refusal(1).contains("copy into an empty one"), "{again:?}");
    // Numbers go on after those that came over.
    site.user("bob").await;
    assert_eq!(site.grant("ada@example.com", "5").await["balance"], 105);
    assert_eq!(site.json(&["verify"]).await["accounts"], 2);
    let back = site.run(&["copy", "--to", &url]).await;
    assert!(back.refusal(1).contains("copy moves a SQLite file"), "{back:?}");
}
