//! What only an embedded SQLite file can go through: copied while it is written, damaged on its disk, exchanged for another;
//! its disk fills, fails and lies.

mod backup;
mod cli;
mod clients;
mod crowd;
mod damage;
mod demo;
mod faults;
mod killed;
mod migration;
mod restore;
mod upgrade;

use crate::harness::process::Site;
use crate::harness::raw::Raw;

/// Free pages of a database, in bytes, so that copying it takes several steps.
const FREE: u64 = 24 << 20;

/// Puts them into a site's database.
async fn fill(site: &Site) {
    let mut raw = Raw::of_file(&site.file()).await;
    raw.run("CREATE TABLE filler (bytes BLOB)").await;
    raw.run(&format!("INSERT INTO filler VALUES (zeroblob({FREE}))")).await;
    raw.run("DROP TABLE filler").await;
    raw.close().await;
}

/// Names in a site's folder, without what a process that ends may leave beside a database: a log in which nothing is, and
/// that one's index. Whoever opens the database next takes them away.
fn names(site: &Site) -> Vec<String> {
    let is_empty = |name: &str| std::fs::metadata(site.path().join(name)).is_ok_and(|file| file.len() == 0);
    let is_idle = |name: &str| name.ends_with("-shm") || (name.ends_with("-wal") && is_empty(name));
    let mut names = site.names();
    names.retain(|name| !is_idle(name));
    names
}
