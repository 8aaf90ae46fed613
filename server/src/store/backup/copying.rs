//! A copy of the file as it is at one moment, made while others write.
//!
//! SQLite's backup interface copies pages. Without a transaction around its steps it begins again whenever another
//! connection has written, which under load is always; so one reading transaction spans them. docs/decisions/0016 says
//! what that costs and what else was tried.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use sqlx::sqlite::SqliteConnection;

use super::super::{OpenError, SqliteStore, Store};
use super::{NotEmbedded, durable, seal};

/// Pages of 4 KiB that are copied and synced at a time, so that the writer's own syncs never wait behind gigabytes.
const STEP_PAGES: i32 = 2_048;

/// Why no copy was made; each is one sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    #[error("cannot write {path}: {cause}", path = .path.display())]
    File { path: PathBuf, cause: std::io::Error },
    #[error(transparent)]
    NotEmbedded(#[from] NotEmbedded),
    #[error("another backup is being made; give the command again when it is done")]
    Busy,
    #[error("cannot copy the database: {0}")]
    Copy(#[from] rusqlite::Error),
    #[error("the copy was given up")]
    GivenUp,
    #[error("the thread that copied ended early: {0}")]
    Thread(#[from] tokio::task::JoinError),
}

/// Tells the copying thread that nobody waits for it any more.
struct Waiting(Arc<AtomicBool>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Store {
    /// Copies the database into a new file `to`, synced, for its owner alone to read: all that was committed before this
    /// was called, and of each later transaction all or nothing. Others go on writing. When it fails, or nobody waits
    /// for it any more, the file is removed.
    pub async fn copy_to(&self, to: PathBuf) -> Result<(), CopyError> {
        let Self::Sqlite(sqlite) = self else { return Err(CopyError::NotEmbedded(NotEmbedded)) };
        let turn = sqlite.begin_copy().ok_or(CopyError::Busy)?;
        let from = sqlite.path().to_owned();
        let waiting = Waiting(Arc::new(AtomicBool::new(false)));
        let is_over = Arc::clone(&waiting.0);
        let copying = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            copy(&from, &to, &is_over)
        });
        let copied = copying.await?;
        drop(waiting);
        copied
    }
}

fn copy(from: &Path, to: &Path, is_over: &AtomicBool) -> Result<(), CopyError> {
    let failed = |cause| CopyError::File { path: to.to_owned(), cause };
    // A folder may be reached by a link, the file itself never.
    let folder = durable::folder(to).canonicalize().map_err(failed)?;
    let to = &folder.join(to.file_name().unwrap_or_default());
    clear(to)?;
    let file = File::options().create_new(true).write(true).mode(0o600).open(to).map_err(failed)?;
    file.try_lock().map_err(|_| CopyError::Busy)?;
    let copied = copy_pages(from, to, &file, is_over);
    if copied.is_err()
        && let Err(error) = durable::remove(to)
    {
        tracing::warn!(%error, file = %to.display(), "what was copied could not be removed");
    }
    copied
}

/// Removes what has the name, unless another backup is at work on it. Nothing is ever written to a file that somebody else has
/// made, nor through a link to one.
fn clear(to: &Path) -> Result<(), CopyError> {
    let failed = |cause| CopyError::File { path: to.to_owned(), cause };
    let found = match to.symlink_metadata() {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    if found.is_dir() {
        return Err(failed(ErrorKind::IsADirectory.into()));
    }
    // What is exchanged meanwhile is opened to be read, and no more.
    let at_work = if found.is_file() { File::open(to).ok() } else { None };
    if at_work.is_some_and(|file| file.try_lock().is_err()) {
        return Err(CopyError::Busy);
    }
    durable::remove(to).map_err(failed)
}

fn copy_pages(from: &Path, to: &Path, file: &File, is_over: &AtomicBool) -> Result<(), CopyError> {
    let failed = |cause| CopyError::File { path: to.to_owned(), cause };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source = Connection::open_with_flags(from, flags)?;
    source.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema")?;
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let mut target = Connection::open_with_flags(to, flags)?;
    target.execute_batch("PRAGMA synchronous = OFF")?;
    let backup = Backup::new(&source, &mut target)?;
    loop {
        if is_over.load(Ordering::SeqCst) {
            return Err(CopyError::GivenUp);
        }
        match backup.step(STEP_PAGES)? {
            StepResult::Done => break,
            // Nobody else has the target, and readers of a write-ahead log wait for nobody.
            StepResult::Busy | StepResult::Locked => return Err(CopyError::Busy),
            _ => file.sync_data().map_err(failed)?,
        }
    }
    drop(backup);
    source.execute_batch("COMMIT")?;
    // One file that can be read where nothing can be written, instead of one that wants a log beside it.
    target.execute_batch("PRAGMA journal_mode = DELETE")?;
    target.close().map_err(|(_, error)| error)?;
    file.sync_all().map_err(failed)
}

/// Keeps a compact, sealed copy of the file beside it before a migration to schema `known` changes it.
pub async fn keep_before_migration(
    store: &Path,
    writer: &mut SqliteConnection,
    known: i64,
    now_us: i64,
) -> Result<(), OpenError> {
    let failed = |cause: std::io::Error| OpenError::Backup(sqlx::Error::Io(cause));
    let name = store.with_added_extension(format!("before-{known:04}-{now_us}"));
    let partial = name.with_added_extension("partial");
    durable::remove(&partial).map_err(failed)?;
    // SQLite may fill a file that is there and empty.
    File::options().create_new(true).write(true).mode(0o600).open(&partial).map_err(failed)?;
    let into = partial.to_string_lossy().into_owned();
    let copied =
        sqlx::query("VACUUM INTO $1").bind(into).execute(&mut *writer).await.map_err(OpenError::Backup);
    let kept =
        copied.and_then(|_| seal(&partial).and_then(|()| durable::publish(&partial, &name)).map_err(failed));
    if kept.is_err() {
        durable::remove(&partial).map_err(failed)?;
    }
    kept
}

impl SqliteStore {
    /// The turn to copy; `None` while another copy is made.
    fn begin_copy(&self) -> Option<tokio::sync::OwnedMutexGuard<()>> {
        Arc::clone(self.copying()).try_lock_owned().ok()
    }
}
