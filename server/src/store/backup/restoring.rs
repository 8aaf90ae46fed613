//! Puts a file in the place of the database, so that a crash at any instant leaves one of the two, whole.
//!
//! What is to come in is prepared beside the database. Giving it the name `DATABASE.restored-TIME` is the one step that
//! decides: whoever opens the database next and finds a file of that name, finishes. That takes several renames, since the
//! old database must take its write-ahead log along: a log that is found beside another database is taken for its own.

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use ledger::Timestamp;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{ConnectOptions as _, Connection as _};

use super::super::{OpenError, SqliteStore, Store, sqlite};
use super::durable::{self, beside, rename_if_there};
use super::inspection::{
    BadFile, Inspected, SchemaError, inspect, inspect_header, inspect_schema, inspect_seal,
};
use super::seal::{Seal, unseal};

/// What is being prepared; removed when the database is opened next.
const PREPARED: &str = "restoring";
/// What has been decided.
const RESTORED: &str = "restored-";
/// The database that was there before.
const REPLACED: &str = "replaced-";

/// Why a file was not restored; each is one sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error("a server or another command uses {path}; stop it first", path = .0.display())]
    Owned(PathBuf),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("{path} {cause}", path = .path.display())]
    Bad { path: PathBuf, cause: BadFile },
    #[error("{path} {cause}", path = .path.display())]
    Schema { path: PathBuf, cause: SchemaError },
    #[error("cannot put the file in the place of {path}: {cause}", path = .path.display())]
    Swap { path: PathBuf, cause: std::io::Error },
}

/// A file on its way to become the database, which nobody may open meanwhile. Nothing is left of it when it is dropped
/// before [`Restoring::commit`].
#[derive(Debug)]
pub struct Restoring {
    database: PathBuf,
    file: PathBuf,
    prepared: PathBuf,
    _owner: File,
}

impl Restoring {
    /// Takes the database's lock, copies `file` beside it, and looks whether the copy is whole, ours, and known to this
    /// binary. Takes as long as reading it a few times.
    pub fn prepare(database: &Path, file: &Path) -> Result<(Self, Inspected), RestoreError> {
        let bad = |cause| RestoreError::Bad { path: file.to_owned(), cause };
        let owner = sqlite::own(database).map_err(|error| match error {
            OpenError::Owned(path) => RestoreError::Owned(path),
            other => other.into(),
        })?;
        finish(database)?;
        let log = beside(file, "-wal");
        let has_log = std::fs::metadata(&log).is_ok_and(|log| log.len() > 0);
        inspect_header(file, has_log).map_err(bad)?;
        let prepared = database.with_added_extension(PREPARED);
        let restoring = Self {
            database: database.to_owned(),
            file: file.to_owned(),
            prepared: prepared.clone(),
            _owner: owner,
        };
        let copy = |from: &Path, to: &Path| copy(from, to).map_err(|cause| restoring.swap(cause));
        copy(file, &prepared)?;
        if has_log {
            copy(&log, &beside(&prepared, "-wal"))?;
        }
        // Of the copy, which is what is going to be trusted.
        if inspect_seal(&prepared).map_err(bad)? == Seal::Whole {
            unseal(&prepared).map_err(|cause| restoring.swap(cause))?;
        }
        let inspected = inspect(&prepared).map_err(bad)?;
        Ok((restoring, inspected))
    }

    /// Brings the copy's schema up to date, and opens it to be read: whether its books are right is for the caller to say.
    pub async fn open(&self) -> Result<Store, RestoreError> {
        let failed = |cause| RestoreError::Schema { path: self.file.clone(), cause };
        self.bring_up_to_date().await.map_err(failed)?;
        Ok(Store::open_still(&self.prepared).await?)
    }

    async fn bring_up_to_date(&self) -> Result<(), SchemaError> {
        let options = SqliteConnectOptions::new().filename(&self.prepared);
        let mut writer = options.connect().await?;
        sqlite::run_migrations(&mut writer).await?;
        inspect_schema(&mut writer).await?;
        writer.close().await?;
        // Takes in a log, if there was one, so that one file is all.
        let options = options.journal_mode(SqliteJournalMode::Delete);
        Ok(options.connect().await?.close().await?)
    }

    /// Puts the copy in the place of the database; where that one is kept, if there was one. From the first rename on,
    /// the restored one counts, whatever happens.
    pub fn commit(self, now: Timestamp) -> Result<Option<PathBuf>, RestoreError> {
        let restored = self.database.with_added_extension(format!("{RESTORED}{}", now.micros()));
        durable::publish(&self.prepared, &restored).map_err(|cause| self.swap(cause))?;
        finish(&self.database)?;
        let kept = self.database.with_added_extension(format!("{REPLACED}{}", now.micros()));
        Ok(kept.exists().then_some(kept))
    }

    fn swap(&self, cause: std::io::Error) -> RestoreError {
        RestoreError::Swap { path: self.database.clone(), cause }
    }
}

impl Drop for Restoring {
    fn drop(&mut self) {
        if let Err(error) = durable::remove(&self.prepared) {
            tracing::warn!(%error, file = %self.prepared.display(), "could not be removed");
        }
    }
}

/// Copies what is in a file, and nothing of who may read or write it: a database is its owner's alone.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    let mut new = File::options().create_new(true).write(true).mode(0o600).open(to)?;
    std::io::copy(&mut File::open(from)?, &mut new).map(drop)
}

/// Finishes a restore that was decided, and clears away one that was not. The caller owns the database.
pub fn finish(database: &Path) -> Result<(), OpenError> {
    let failed = |cause| OpenError::Restore { path: database.to_owned(), cause };
    durable::remove(&database.with_added_extension(PREPARED)).map_err(failed)?;
    for time in decided(database).map_err(failed)? {
        put_in_place(database, &time).map_err(failed)?;
    }
    Ok(())
}

/// Each step may have been done before.
fn put_in_place(database: &Path, time: &str) -> std::io::Result<()> {
    let kept = database.with_added_extension(format!("{REPLACED}{time}"));
    rename_if_there(database, &kept)?;
    for suffix in ["-wal", "-journal"] {
        rename_if_there(&beside(database, suffix), &beside(&kept, suffix))?;
    }
    durable::remove_if_there(&beside(database, "-shm"))?;
    durable::sync_folder(database)?;
    std::fs::rename(database.with_added_extension(format!("{RESTORED}{time}")), database)?;
    durable::sync_folder(database)
}

/// The times of restores that were decided and are not finished; oldest first.
fn decided(database: &Path) -> std::io::Result<Vec<String>> {
    let name = database.with_added_extension(RESTORED.trim_end_matches('-'));
    let start = format!("{}-", name.file_name().unwrap_or_default().display());
    let mut times = vec![];
    for entry in std::fs::read_dir(durable::folder(database))? {
        let name = entry?.file_name();
        times.extend(name.to_str().and_then(|name| name.strip_prefix(&start)).map(str::to_owned));
    }
    times.sort();
    Ok(times)
}

/// Whether there is a database, if only one whose restore was cut off.
pub fn exists(database: &Path) -> bool {
    database.exists() || decided(database).is_ok_and(|times| !times.is_empty())
}

impl Store {
    /// Opens a file that nobody changes, to read it.
    pub async fn open_still(file: &Path) -> Result<Self, OpenError> {
        Ok(Self::Sqlite(SqliteStore::open_still(file).await?))
    }
}
