//! The copy that is kept before a migration changes a file.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::upgrade::put_back;
use crate::harness::World;
use crate::harness::events::{EVENTS, prediction};
use crate::harness::process::Site;
use crate::harness::raw::Raw;

fn kept(folder: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|file| file.to_string_lossy().contains("before-")).collect()
}

#[tokio::test]
async fn a_migration_keeps_a_whole_copy_of_what_was_there() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "1").await, world.service().await);
    service.caller.post(EVENTS, &prediction("1", &ada)).await.ok();
    let world = world.restart_after(async |database| put_back(database, 7).await).await;
    let copies = kept(world.file().parent().unwrap());
    let [copy] = &copies[..] else { panic!("{copies:?}") };
    let name = copy.file_name().unwrap().to_string_lossy().into_owned();
    assert!(name.starts_with("console.db.before-0015-") && !name.ends_with("partial"), "{name}");
    let mut raw = Raw::of_file(copy).await;
    let found = "SELECT max(version) || ' ' || (SELECT count(*) FROM entries) FROM _sqlx_migrations";
    assert_eq!(raw.texts(found).await, ["7 2"], "the schema and the books before");
    assert_eq!(raw.texts("PRAGMA integrity_check").await, ["ok"]);
    raw.close().await;

    let site = Site::new().await;
    let view = site.json(&["restore", copy.to_str().unwrap()]).await;
    assert_eq!((&view["schema_version"], &view["entries"]), (&json!(7), &json!(2)));
    assert_eq!(kept(site.path()), Vec::<PathBuf>::new(), "the file itself is what was there before");
    assert_eq!(site.json(&["verify"]).await["ok"], true);

    let mut bytes = std::fs::read(copy).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(site.path().join("flipped"), bytes).unwrap();
    assert!(site.run(&["restore", "flipped"]).await.refusal(1).contains("bytes of it have changed"));

    let folder = world.close().await;
    let again = Site::at(folder);
    again.json(&["stats"]).await;
    assert_eq!(kept(again.path()).len(), 1, "no migration, no copy");
}
