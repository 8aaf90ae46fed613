//! `restore`: puts a backup in the place of the database, once it is known to be whole and its books to be right.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde::Serialize;
use tokio::task::spawn_blocking;

use super::Failure;
use super::backup::in_order;
use super::command::Verdict;
use super::verify::verify;
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::store::backup::{Inspected, Restoring, embedded_file};

/// What was restored.
#[derive(Debug, Serialize)]
struct RestoreView {
    path: PathBuf,
    /// Where it is the database.
    database: PathBuf,
    /// Where the one before is kept.
    kept: Option<PathBuf>,
    bytes: u64,
    /// Before it was brought up to date.
    schema_version: i64,
    accounts: u64,
    entries: u64,
}

pub async fn run(config: &Config, file: &Path, json: bool) -> Result<ExitCode, Failure> {
    let view = restore(embedded_file(&config.database_url)?, file).await?;
    if json {
        println!("{}", serde_json::to_string(&view)?);
        return Ok(ExitCode::SUCCESS);
    }
    println!("restored {}\nfrom     {}", view.database.display(), view.path.display());
    println!("books    in order: {} accounts, {} entries", view.accounts, view.entries);
    if let Some(kept) = view.kept {
        println!("kept     {}, the database before", kept.display());
    }
    Ok(ExitCode::SUCCESS)
}

async fn restore(database: &Path, file: &Path) -> Result<RestoreView, Failure> {
    let (to, from) = (database.to_owned(), file.to_owned());
    let prepared = spawn_blocking(move || Restoring::prepare(&to, &from)).await;
    let (restoring, inspected) = prepared.map_err(|error| Failure::Refused(error.to_string()))??;
    let store = restoring.open().await?;
    let verdict = verify(&store, None).await;
    store.close().await;
    drop(store);
    let Verdict { accounts, entries, .. } = in_order(file, verdict)?;
    let kept = restoring.commit(SystemClock.now())?;
    let Inspected { schema_version, bytes, .. } = inspected;
    let (path, database) = (file.to_owned(), database.to_owned());
    Ok(RestoreView { path, database, kept, bytes, schema_version, accounts, entries })
}
