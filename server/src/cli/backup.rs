//! `backup`: a copy of the database, checked before it gets its name.
//!
//! Whoever has the database open copies it into `FILE.partial`: the running server, or this process. The rest is done here,
//! beside the server: the structure of the copy is checked, its books are recomputed, it is sealed, and renamed.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde::Serialize;
use tokio::task::spawn_blocking;

use super::command::{AdminCommand, Verdict};
use super::verify::verify;
use super::{Failure, expect_console, perform};
use crate::config::Config;
use crate::store::Store;
use crate::store::backup::{self, BadFile, Inspected};

/// Why there is no backup; each is one sentence.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("{} exists already; a backup never replaces a file", .0.display())]
    Exists(PathBuf),
    #[error("{} is no folder to write into", .0.display())]
    NoFolder(PathBuf),
    #[error("cannot write {file}: {cause}", file = .file.display())]
    File { file: PathBuf, cause: std::io::Error },
    #[error("another backup to {} is being made", .0.display())]
    Taken(PathBuf),
    #[error("the copy {cause}; nothing was kept")]
    Bad { cause: BadFile },
    #[error(
        "the server is of an older version (schema {found}, this binary knows {known}); use the binary that serves"
    )]
    Older { found: i64, known: i64 },
    #[error("interrupted; nothing was kept")]
    Interrupted,
}

/// What was backed up.
#[derive(Debug, Serialize)]
struct BackupView {
    path: PathBuf,
    bytes: u64,
    schema_version: i64,
    accounts: u64,
    entries: u64,
}

pub async fn run(config: &Config, file: &Path, json: bool) -> Result<ExitCode, Failure> {
    backup::embedded_file(&config.database_url)?;
    expect_console(config)?;
    let named = |cause| BackupError::File { file: file.to_owned(), cause };
    // The server has a working directory of its own.
    let path = std::path::absolute(file).map_err(named)?;
    if path.symlink_metadata().is_ok() {
        return Err(BackupError::Exists(path).into());
    }
    let folder = backup::folder(&path);
    if !folder.is_dir() {
        return Err(BackupError::NoFolder(folder.to_owned()).into());
    }
    let partial = path.with_added_extension("partial");
    let view = tokio::select! {
        made = make(config, &path, &partial) => made,
        _ = tokio::signal::ctrl_c() => {
            backup::remove(&partial).map_err(named)?;
            return Err(BackupError::Interrupted.into());
        }
    }?;
    if json {
        println!("{}", serde_json::to_string(&view)?);
    } else {
        let BackupView { path, bytes, schema_version, accounts, entries } = view;
        println!("backup   {}\nbytes    {bytes}\nschema   {schema_version}", path.display());
        println!("books    in order: {accounts} accounts, {entries} entries");
    }
    Ok(ExitCode::SUCCESS)
}

async fn make(config: &Config, path: &Path, partial: &Path) -> Result<BackupView, Failure> {
    let copied = perform(config, AdminCommand::CopyStore { to: partial.to_owned() }).await;
    // Until it has its name, the copy is ours alone, and so it may be removed; a server that died has left it unlocked.
    let locked = File::open(partial).map(|file| file.try_lock().map(|()| file));
    match (copied, locked) {
        (Err(failure), Ok(Ok(_lock))) => {
            drop(backup::remove(partial));
            Err(failure)
        }
        (Err(failure), _) => Err(failure),
        (Ok(_), Ok(Ok(_lock))) => {
            let published = publish(path, partial).await;
            if published.is_err() {
                drop(backup::remove(partial));
            }
            published
        }
        (Ok(_), Ok(Err(_))) => Err(BackupError::Taken(path.to_owned()).into()),
        (Ok(_), Err(cause)) => Err(BackupError::File { file: partial.to_owned(), cause }.into()),
    }
}

/// Gives the copy its name once it is known to be whole.
async fn publish(path: &Path, partial: &Path) -> Result<BackupView, Failure> {
    let failed = |cause| BackupError::File { file: path.to_owned(), cause };
    let Inspected { schema_version, known, bytes } = inspect(partial).await?;
    if schema_version < known {
        return Err(BackupError::Older { found: schema_version, known }.into());
    }
    let store = Store::open_still(partial).await?;
    let verdict = verify(&store, None).await;
    store.close().await;
    drop(store);
    let Verdict { accounts, entries, .. } = in_order(partial, verdict)?;
    backup::seal(partial).map_err(failed)?;
    backup::publish_new(partial, path).map_err(|cause| match cause.kind() {
        ErrorKind::AlreadyExists => BackupError::Exists(path.to_owned()),
        _ => failed(cause),
    })?;
    Ok(BackupView { path: path.to_owned(), bytes, schema_version, accounts, entries })
}

async fn inspect(partial: &Path) -> Result<Inspected, Failure> {
    let file = partial.to_owned();
    let inspected = spawn_blocking(move || backup::inspect(&file)).await;
    let inspected = inspected.map_err(|error| Failure::Refused(error.to_string()))?;
    Ok(inspected.map_err(|cause| BackupError::Bad { cause })?)
}

/// The figures of books without a mismatch.
pub fn in_order(file: &Path, verdict: Result<Verdict, super::admin::AdminError>) -> Result<Verdict, Failure> {
    let verdict = verdict.map_err(|error| Failure::Refused(error.to_string()))?;
    match &verdict.mismatch {
        None => Ok(verdict),
        Some(found) => Err(Failure::Mismatch {
            file: file.to_owned(),
            mismatch: format!("{} entry {}: {}", found.account_id, found.seq, found.fault),
        }),
    }
}
