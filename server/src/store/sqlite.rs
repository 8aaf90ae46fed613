//! The embedded driver: one file, one process that owns it, one writer, several readers.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use sqlx::migrate::{Migrate, MigrateError, Migrator};
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions, Sqlite};
use tokio::sync::{Mutex, MutexGuard};

use super::backup;
use super::error::{OpenError, StoreError};
use crate::clock::Clock;

pub(super) static MIGRATOR: Migrator = sqlx::migrate!("migrations/sqlite");

/// Connections that read side by side.
const READERS: u32 = 4;
/// Past this size the write-ahead log is cut back to nothing (TRUNCATE), in bytes.
const WAL_LIMIT: i64 = 64 << 20;

/// A SQLite file in WAL mode. The writer syncs each commit (`synchronous = FULL`): an answered charge is on disk.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    readers: SqlitePool,
    writer: Mutex<SqliteConnection>,
    /// Moves the log into the file, off the hot path.
    checkpointer: Mutex<SqliteConnection>,
    epoch: AtomicU64,
    stopped: AtomicBool,
    /// The last attempt to write failed for a reason that concerns every write: the disk is full, say.
    in_trouble: AtomicBool,
    /// Taken while a copy of the file is made.
    copying: Arc<Mutex<()>>,
    /// Held as long as this process owns the file.
    _owner: File,
}

impl SqliteStore {
    pub(super) async fn open(path: &Path, clock: &dyn Clock) -> Result<Self, OpenError> {
        let owner = own(path)?;
        backup::finish(path)?;
        let unreadable = |cause| OpenError::Unreadable { path: path.to_owned(), cause };
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(5))
            .pragma("wal_autocheckpoint", "0")
            .pragma("cache_size", "-65536")
            .pragma("temp_store", "MEMORY");
        let mut writer = options.connect().await.map_err(unreadable)?;
        migrate(path, &mut writer, clock).await?;
        Self::connect(path, &options, writer, owner).await.map_err(unreadable)
    }

    /// Opens a file that nobody changes, to read it.
    pub(super) async fn open_still(path: &Path) -> Result<Self, OpenError> {
        let unreadable = |cause| OpenError::Unreadable { path: path.to_owned(), cause };
        let owner = File::open(path).map_err(|cause| unreadable(cause.into()))?;
        let options = SqliteConnectOptions::new().filename(path).read_only(true);
        let writer = options.connect().await.map_err(unreadable)?;
        Self::connect(path, &options, writer, owner).await.map_err(unreadable)
    }

    async fn connect(
        path: &Path,
        options: &SqliteConnectOptions,
        writer: SqliteConnection,
        owner: File,
    ) -> Result<Self, sqlx::Error> {
        let reading = options.clone().pragma("query_only", "1").pragma("cache_size", "-16384");
        Ok(Self {
            path: path.to_owned(),
            readers: SqlitePoolOptions::new().max_connections(READERS).connect_with(reading).await?,
            writer: Mutex::new(writer),
            checkpointer: Mutex::new(options.connect().await?),
            epoch: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            in_trouble: AtomicBool::new(false),
            copying: Arc::default(),
            _owner: owner,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn copying(&self) -> &Arc<Mutex<()>> {
        &self.copying
    }

    pub(super) async fn reader(&self) -> Result<PoolConnection<Sqlite>, StoreError> {
        Ok(self.readers.acquire().await?)
    }

    pub(super) async fn writer(&self) -> Result<MutexGuard<'_, SqliteConnection>, StoreError> {
        let writer = self.writer.lock().await;
        if self.stopped.load(Ordering::SeqCst) { Err(StoreError::Stopped) } else { Ok(writer) }
    }

    /// After a failed commit nobody knows what is on disk: nothing more is written until the next start recovers it.
    pub(super) fn stop_writing(&self) {
        self.stopped.store(true, Ordering::SeqCst);
    }

    /// Takes note of how a commit ended. A full disk leaves nothing behind; after any other failure see
    /// [`SqliteStore::stop_writing`].
    pub(super) fn committed(&self, result: &Result<(), sqlx::Error>) {
        self.in_trouble.store(result.is_err(), Ordering::SeqCst);
        if result.as_ref().is_err_and(|error| !is_full(error)) {
            self.stop_writing();
        }
    }

    /// Takes note of why a transaction was given up.
    pub(super) fn gave_up(&self, error: &StoreError) {
        if error.is_systemic() {
            self.in_trouble.store(true, Ordering::SeqCst);
        }
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::SeqCst)
    }

    pub(super) fn forget_cached(&self) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) async fn is_ready(&self) -> bool {
        let answers = sqlx::query("SELECT 1").execute(&self.readers).await.is_ok();
        let in_trouble = self.in_trouble.load(Ordering::SeqCst) && !self.can_write().await;
        answers && !in_trouble && !self.stopped.load(Ordering::SeqCst)
    }

    /// Whether what failed before succeeds again: some pages are written to the disk and freed.
    async fn can_write(&self) -> bool {
        let Ok(mut writer) = self.writer().await else { return false };
        let probe = "BEGIN IMMEDIATE; CREATE TABLE probe (bytes BLOB) STRICT; \
            INSERT INTO probe VALUES (zeroblob(65536)); DROP TABLE probe; COMMIT";
        let written = sqlx::raw_sql(probe).execute(&mut *writer).await.is_ok();
        if !written {
            // Nothing is left to undo where SQLite has done so by itself.
            sqlx::query("ROLLBACK").execute(&mut *writer).await.ok();
        }
        self.in_trouble.store(!written, Ordering::SeqCst);
        written
    }

    pub(super) async fn close(&self) {
        self.readers.close().await;
        self.stop_writing();
        // Leaves one file behind instead of three.
        let mut checkpointer = self.checkpointer.lock().await;
        let cut = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut *checkpointer).await;
        if let Err(error) = cut {
            tracing::warn!(%error, "the write-ahead log stays beside the database");
        }
    }

    /// Copies the log into the file, and cuts the log once it is large. Cutting keeps writers waiting until nobody reads
    /// what is older: not while a copy is made, and of a log that has grown meanwhile most is copied before.
    pub(super) async fn checkpoint(&self) -> Result<(), StoreError> {
        let log =
            self.path.with_file_name(format!("{}-wal", self.path.file_name().unwrap_or_default().display()));
        let size = std::fs::metadata(log).map_or(0, |log| i64::try_from(log.len()).unwrap_or(i64::MAX));
        let mut checkpointer = self.checkpointer.lock().await;
        let mut moved =
            sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").execute(&mut *checkpointer).await.map(drop);
        if size > WAL_LIMIT
            && moved.is_ok()
            && let Ok(_nobody_copies) = self.copying.try_lock()
        {
            let cut = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut *checkpointer).await;
            moved = cut.map(drop);
        }
        if moved.as_ref().is_err_and(is_io_error) {
            // Pages may be lost that a second attempt would take for written.
            self.stop_writing();
        }
        Ok(moved?)
    }
}

/// The disk is full: the transaction is undone and a later one may succeed. Codes: <https://www.sqlite.org/rescode.html>.
fn is_full(error: &sqlx::Error) -> bool {
    has_code(error, 13)
}

/// Reading, writing or syncing failed (`SQLITE_IOERR`).
fn is_io_error(error: &sqlx::Error) -> bool {
    has_code(error, 10)
}

/// The low byte of SQLite's code says what kind of failure it is.
fn has_code(error: &sqlx::Error, primary: u32) -> bool {
    let sqlx::Error::Database(error) = error else { return false };
    error.code().and_then(|code| code.parse::<u32>().ok()).is_some_and(|code| code & 0xff == primary)
}

/// Takes the lock that says whose file this is.
pub(super) fn own(path: &Path) -> Result<File, OpenError> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let failed = |cause| OpenError::Directory { path: directory.to_owned(), cause };
    std::fs::create_dir_all(directory).map_err(failed)?;
    let lock = path.with_added_extension("lock");
    let file = File::options().create(true).truncate(false).write(true).open(lock).map_err(failed)?;
    file.try_lock().map_err(|_| OpenError::Owned(path.to_owned()))?;
    Ok(file)
}

async fn migrate(path: &Path, writer: &mut SqliteConnection, clock: &dyn Clock) -> Result<(), OpenError> {
    let unreadable = |cause| OpenError::Unreadable { path: path.to_owned(), cause };
    let failed = |cause| OpenError::Migrate { database: path.display().to_string(), cause };
    sqlx::query("PRAGMA schema_version").execute(&mut *writer).await.map_err(unreadable)?;
    writer.ensure_migrations_table(&MIGRATOR.table_name).await.map_err(failed)?;
    let applied = writer.list_applied_migrations(&MIGRATOR.table_name).await.map_err(failed)?;
    let found = applied.iter().map(|migration| migration.version).max().unwrap_or(0);
    let known = MIGRATOR.iter().map(|migration| migration.version).max().unwrap_or(0);
    if found > known {
        return Err(OpenError::Newer { database: path.display().to_string(), found, known });
    }
    if found > 0 && found < known {
        backup::keep_before_migration(path, writer, known, clock.now().micros()).await?;
    }
    run_migrations(writer).await.map_err(|error| match error {
        MigrateError::VersionMissing(version) => {
            OpenError::Newer { database: path.display().to_string(), found: version, known }
        }
        error => failed(error),
    })
}

/// A table that others refer to can be made anew only while nobody looks at what refers to it.
pub(super) async fn run_migrations(writer: &mut SqliteConnection) -> Result<(), MigrateError> {
    pragma(writer, "foreign_keys = OFF").await?;
    MIGRATOR.run_direct(None, writer, false).await?;
    Ok(pragma(writer, "foreign_keys = ON").await?)
}

async fn pragma(writer: &mut SqliteConnection, pragma: &'static str) -> Result<(), sqlx::Error> {
    sqlx::query(sqlx::AssertSqlSafe(format!("PRAGMA {pragma}"))).execute(writer).await.map(drop)
}
