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
use sqlx::{ConnectOptions, Connection as _, Sqlite};
use tokio::sync::{Mutex, MutexGuard};

use super::backup;
use super::book_writer::{self, BookWriter};
use super::error::{self, OpenError, StoreError};
use crate::clock::Clock;

pub(super) static MIGRATOR: Migrator = sqlx::migrate!("migrations/sqlite");

/// Connections that read side by side.
const READERS: u32 = 4;
/// Past so many pages (64 MiB) the write-ahead log begins anew.
const LONG_LOG: i64 = 16_384;
/// Pages that may be left to move while nobody may write (4 MiB).
const FEW_PAGES: i64 = 1_024;
/// Rounds of moving and syncing, at most, before the log begins anew with whatever is left: each is shorter than the one
/// before while the disk is faster than who writes.
const ROUNDS: usize = 8;
/// What the log keeps of the disk when it begins anew, in bytes: it grows no more then, and growing makes every sync wait for
/// the file system.
pub(super) const LOG_SIZE: &str = "268435456";
/// How long nobody writes because somebody reads what is older than the log is to be. Next time is soon.
const READERS_PATIENCE: Duration = Duration::from_millis(20);

/// `PRAGMA application_id` of a file whose books were moved elsewhere: "plxm".
const MOVED: i32 = 0x706c_786d;

/// A SQLite file in WAL mode. The writer syncs each commit (`synchronous = FULL`): an answered charge is on disk.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    /// How a reader connects.
    reading: SqliteConnectOptions,
    readers: SqlitePool,
    writers: Mutex<Writers>,
    /// Moves the log into the file, off the hot path.
    checkpointer: Mutex<SqliteConnection>,
    /// A transaction of sqlx's writer is open, or was when whoever began it left.
    begun: AtomicBool,
    epoch: AtomicU64,
    stopped: AtomicBool,
    /// The last attempt to write failed for a reason that concerns every write: the disk is full, say.
    in_trouble: AtomicBool,
    /// Taken while a copy of the file is made.
    copying: Arc<Mutex<()>>,
    /// A read failed for a reason that may concern every read.
    cannot_read: AtomicBool,
    /// The file once more, to sync it beside those who write. Closing it would drop SQLite's own locks on the file, so it is open
    /// as long as the store.
    file: Arc<File>,
    /// Held as long as this process owns the file.
    _owner: File,
}

/// The two connections that write. Whoever holds them is the only one who does, so that they never wait for each other.
#[derive(Debug)]
pub struct Writers {
    /// For all but the books, and for what a batch reads that is not known yet.
    pub(super) any: SqliteConnection,
    pub(super) books: BookWriter,
}

impl SqliteStore {
    pub(super) async fn open(path: &Path, clock: &dyn Clock) -> Result<Self, OpenError> {
        let owner = own(path)?;
        backup::finish(path)?;
        let unreadable = |cause| OpenError::of(path, cause);
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(book_writer::PATIENCE)
            .pragma("wal_autocheckpoint", "0")
            .pragma("journal_size_limit", LOG_SIZE)
            .pragma("cache_size", "-65536")
            .pragma("temp_store", "MEMORY");
        let mut writer = options.connect().await.map_err(unreadable)?;
        // What a failed sync has left in the log may be read and still be nowhere on the disk. Moved into the file it is
        // written and synced again, before anything is acknowledged that comes after it in the log.
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut writer).await.map_err(unreadable)?;
        let (mark,): (i32,) =
            sqlx::query_as("PRAGMA application_id").fetch_one(&mut writer).await.map_err(unreadable)?;
        if mark == MOVED {
            return Err(OpenError::Moved(path.to_owned()));
        }
        migrate(path, &mut writer, clock).await?;
        let books = BookWriter::open(path, false).map_err(|cause| OpenError::Store(cause.into()))?;
        let writers = Writers { any: writer, books };
        Self::connect(path, &options, writers, owner).await.map_err(unreadable)
    }

    /// Opens a file that nobody changes, to read it.
    pub(super) async fn open_still(path: &Path) -> Result<Self, OpenError> {
        let unreadable = |cause| OpenError::Unreadable { path: path.to_owned(), cause };
        let owner = File::open(path).map_err(|cause| unreadable(cause.into()))?;
        let options = SqliteConnectOptions::new().filename(path).read_only(true);
        let books = BookWriter::open(path, true).map_err(|cause| OpenError::Store(cause.into()))?;
        let writers = Writers { any: options.connect().await.map_err(unreadable)?, books };
        Self::connect(path, &options, writers, owner).await.map_err(unreadable)
    }

    async fn connect(
        path: &Path,
        options: &SqliteConnectOptions,
        writers: Writers,
        owner: File,
    ) -> Result<Self, sqlx::Error> {
        let reading = options.clone().pragma("query_only", "1").pragma("cache_size", "-16384");
        // All at once and for good: a process that has run out of descriptors could open none later.
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .min_connections(READERS)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(reading.clone())
            .await?;
        let checkpointing = options.clone().busy_timeout(READERS_PATIENCE);
        Ok(Self {
            path: path.to_owned(),
            reading,
            readers,
            writers: Mutex::new(writers),
            checkpointer: Mutex::new(checkpointing.connect().await?),
            begun: AtomicBool::new(false),
            epoch: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            in_trouble: AtomicBool::new(false),
            cannot_read: AtomicBool::new(false),
            copying: Arc::default(),
            file: Arc::new(File::open(path)?),
            _owner: owner,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Marks the file as one whose books go on elsewhere: [`SqliteStore::open`] refuses it from then on.
    pub async fn mark_moved(&self) -> Result<(), StoreError> {
        let mut writers = self.writer().await?;
        let mark = format!("application_id = {MOVED}");
        Ok(pragma(&mut writers.any, mark).await?)
    }

    pub(super) fn copying(&self) -> &Arc<Mutex<()>> {
        &self.copying
    }

    pub(super) async fn reader(&self) -> Result<PoolConnection<Sqlite>, StoreError> {
        Ok(self.readers.acquire().await?)
    }

    pub(super) async fn writer(&self) -> Result<MutexGuard<'_, Writers>, StoreError> {
        let mut writers = self.writers.lock().await;
        if self.stopped.load(Ordering::SeqCst) {
            return Err(StoreError::Stopped);
        }
        // Whoever began may have left in the middle.
        if self.begun.swap(false, Ordering::SeqCst) {
            sqlx::query("ROLLBACK").execute(&mut writers.any).await.ok();
        }
        writers.books.roll_back();
        Ok(writers)
    }

    /// Begins a transaction that writes. Not one of sqlx's: those never notice that SQLite has undone them by itself, as it
    /// does on a full disk, and keep the connection from beginning another.
    pub(super) async fn begin(&self, writer: &mut SqliteConnection) -> Result<(), StoreError> {
        self.begun.store(true, Ordering::SeqCst);
        let begun = sqlx::query("BEGIN IMMEDIATE").execute(writer).await.map_err(StoreError::from);
        begun.map(drop).inspect_err(|error| self.take_note(error))
    }

    /// Makes everything durable. After an error nobody knows whether it is: see [`StoreError::Stopped`].
    pub(super) async fn commit(&self, writer: &mut SqliteConnection) -> Result<(), StoreError> {
        let committed = sqlx::query("COMMIT").execute(&mut *writer).await.map(drop).map_err(StoreError::from);
        self.take_note_of_commit(&committed);
        if committed.is_err() {
            self.roll_back(writer).await;
        }
        self.begun.store(false, Ordering::SeqCst);
        committed
    }

    /// [`SqliteStore::begin`] for the books. This and the next block until SQLite is done.
    pub(super) fn begin_books(&self, books: &mut BookWriter) -> Result<(), StoreError> {
        books.begin().map_err(StoreError::from).inspect_err(|error| self.take_note(error))
    }

    /// [`SqliteStore::commit`] for the books.
    pub(super) fn commit_books(&self, books: &mut BookWriter) -> Result<(), StoreError> {
        let committed = books.commit().map_err(StoreError::from);
        self.take_note_of_commit(&committed);
        committed
    }

    /// [`SqliteStore::give_up`] for the books.
    pub(super) fn give_up_books(&self, books: &BookWriter, error: &StoreError) {
        self.take_note(error);
        books.roll_back();
    }

    fn take_note_of_commit(&self, committed: &Result<(), StoreError>) {
        self.in_trouble.store(committed.is_err(), Ordering::SeqCst);
        // A full disk leaves nothing behind.
        if let Err(error) = committed
            && !error.sqlite_code().is_some_and(is_full)
        {
            tracing::error!(%error, "a commit failed: nothing is written until the next start");
            self.stop_writing();
        }
    }

    /// Undoes everything, because of `error`.
    pub(super) async fn give_up(&self, writer: &mut SqliteConnection, error: &StoreError) {
        self.take_note(error);
        self.roll_back(writer).await;
    }

    pub(super) async fn roll_back(&self, writer: &mut SqliteConnection) {
        // SQLite has rolled back by itself after some errors; there is nothing left to undo then.
        sqlx::query("ROLLBACK").execute(writer).await.ok();
        self.begun.store(false, Ordering::SeqCst);
    }

    /// After a failed commit nobody knows what is on disk: nothing more is written until the next start recovers it.
    pub(super) fn stop_writing(&self) {
        self.stopped.store(true, Ordering::SeqCst);
    }

    /// Takes note of why a transaction failed before its commit.
    fn take_note(&self, error: &StoreError) {
        if error.is_systemic() {
            self.in_trouble.store(true, Ordering::SeqCst);
        }
        // One that outgrows the cache writes before it commits.
        if error.sqlite_code().is_some_and(may_lose_writes) {
            tracing::error!(%error, "a write failed: nothing is written until the next start");
            self.stop_writing();
        }
    }

    /// Takes note of why a read was given up.
    pub(super) fn could_not_read(&self, error: &StoreError) {
        if error.is_systemic() {
            self.cannot_read.store(true, Ordering::SeqCst);
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
        let reads = !self.cannot_read.load(Ordering::SeqCst) || self.can_read().await;
        let writes = !self.in_trouble.load(Ordering::SeqCst) || self.can_write().await;
        answers && reads && writes && !self.stopped.load(Ordering::SeqCst)
    }

    /// Whether reading succeeds again, for somebody who has read nothing before: from the head of the file to its latest
    /// entry.
    async fn can_read(&self) -> bool {
        let reading = async {
            let mut reader = self.reading.connect().await?;
            sqlx::query("SELECT max(no) FROM entries").execute(&mut reader).await?;
            reader.close().await
        };
        let read = reading.await.is_ok();
        self.cannot_read.store(!read, Ordering::SeqCst);
        read
    }

    /// Whether what failed before succeeds again: some pages are written to the disk and freed.
    async fn can_write(&self) -> bool {
        let probing = async {
            let mut writers = self.writer().await?;
            let writer = &mut writers.any;
            self.begin(writer).await?;
            let probe = "CREATE TABLE probe (bytes BLOB) STRICT; INSERT INTO probe VALUES (zeroblob(65536)); \
                DROP TABLE probe";
            match sqlx::raw_sql(probe).execute(&mut *writer).await.map_err(StoreError::from) {
                Ok(_) => self.commit(writer).await,
                Err(error) => {
                    self.give_up(writer, &error).await;
                    Err(error)
                }
            }
        };
        probing.await.is_ok()
    }

    pub(super) async fn close(&self) {
        self.readers.close().await;
        if self.stopped.swap(true, Ordering::SeqCst) {
            // The next start recovers what is on the disk.
            return;
        }
        // Leaves one file behind instead of three.
        let mut checkpointer = self.checkpointer.lock().await;
        let cut = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut *checkpointer).await;
        if let Err(error) = cut {
            tracing::warn!(%error, "the write-ahead log stays beside the database");
        }
    }

    /// Moves the log into the file, and lets it begin anew once it is long.
    pub(super) async fn checkpoint(&self) -> Result<(), StoreError> {
        let mut checkpointer = self.checkpointer.lock().await;
        let moved = self.move_log(&mut checkpointer).await;
        if let Err(error) = &moved
            && error.sqlite_code().is_some_and(may_lose_writes)
        {
            // A second attempt would take for written what is lost.
            tracing::error!(%error, "a write failed: nothing is written until the next start");
            self.stop_writing();
        }
        moved
    }

    /// To begin the log anew SQLite keeps writers waiting until all of it is moved and synced and nobody reads what is older: so
    /// nearly all of it is moved and synced before, and not while a copy is made.
    async fn move_log(&self, checkpointer: &mut SqliteConnection) -> Result<(), StoreError> {
        let mut length = move_pages(checkpointer).await?;
        if length < LONG_LOG {
            return Ok(());
        }
        let Ok(_nobody_copies) = self.copying.try_lock() else { return Ok(()) };
        for _ in 0..ROUNDS {
            self.sync_file().await?;
            let moved = std::mem::replace(&mut length, move_pages(checkpointer).await?);
            if length - moved <= FEW_PAGES {
                break;
            }
        }
        let _nobody_writes = self.writers.lock().await;
        sqlx::query("PRAGMA wal_checkpoint(RESTART)").execute(checkpointer).await?;
        Ok(())
    }

    /// SQLite syncs only what is moved while nobody may write.
    async fn sync_file(&self) -> Result<(), StoreError> {
        let file = Arc::clone(&self.file);
        let synced = tokio::task::spawn_blocking(move || file.sync_data());
        synced.await?.map_err(|error| {
            // What of it is on the disk nobody knows, and SQLite's next sync would succeed.
            tracing::error!(%error, "a sync failed: nothing is written until the next start");
            self.stop_writing();
            sqlx::Error::Io(error).into()
        })
    }
}

/// Moves what is in the log by now into the file; how many pages that were, since it began.
async fn move_pages(checkpointer: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    let (_busy, pages, _moved): (i64, i64, i64) =
        sqlx::query_as("PRAGMA wal_checkpoint(PASSIVE)").fetch_one(checkpointer).await?;
    Ok(pages)
}

/// No room for the log (`SQLITE_FULL`) or for its index in memory (`SQLITE_IOERR_SHMSIZE`), which nothing durable hangs on: the
/// transaction is undone and a later one may succeed.
fn is_full(code: u32) -> bool {
    matches!(code, 13 | 4_874)
}

/// Something that SQLite handed to the disk may not be there (`SQLITE_IOERR`, unless it could only not be read).
fn may_lose_writes(code: u32) -> bool {
    code & 0xff == 10 && !error::failed_to_read(code) && !is_full(code)
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
    let unreadable = |cause| OpenError::of(path, cause);
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

async fn pragma(
    writer: &mut SqliteConnection,
    pragma: impl std::fmt::Display + Send,
) -> Result<(), sqlx::Error> {
    sqlx::query(sqlx::AssertSqlSafe(format!("PRAGMA {pragma}"))).execute(writer).await.map(drop)
}

#[cfg(test)]
mod tests {
    use ledger::Timestamp;

    use super::*;
    use crate::clock::ManualClock;

    #[tokio::test]
    async fn what_a_dead_process_has_left_in_the_log_is_in_the_file_before_anything_else_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let clock = ManualClock::at(Timestamp::from_micros(0));
        let dead = SqliteStore::open(&path("dead.db"), &clock).await.unwrap();
        let mut writers = dead.writer().await.unwrap();
        sqlx::raw_sql("CREATE TABLE left_behind (bytes BLOB) STRICT")
            .execute(&mut writers.any)
            .await
            .unwrap();
        for (from, to) in [("dead.db", "next.db"), ("dead.db-wal", "next.db-wal")] {
            std::fs::copy(path(from), path(to)).unwrap();
        }
        assert!(std::fs::metadata(path("next.db-wal")).unwrap().len() > 0);
        let next = SqliteStore::open(&path("next.db"), &clock).await.unwrap();
        assert_eq!(std::fs::metadata(path("next.db-wal")).unwrap().len(), 0);
        let mut reader = next.reader().await.unwrap();
        sqlx::query("SELECT * FROM left_behind").execute(&mut *reader).await.unwrap();
    }

    #[tokio::test]
    async fn who_leaves_in_the_middle_of_a_transaction_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(Timestamp::from_micros(0));
        let store = SqliteStore::open(&folder.path().join("console.db"), &clock).await.unwrap();
        let mut writers = store.writer().await.unwrap();
        store.begin(&mut writers.any).await.unwrap();
        sqlx::raw_sql("CREATE TABLE left_behind (bytes BLOB) STRICT")
            .execute(&mut writers.any)
            .await
            .unwrap();
        drop(writers);
        let mut writers = store.writer().await.unwrap();
        store.begin_books(&mut writers.books).unwrap();
        drop(writers);
        let mut writers = store.writer().await.unwrap();
        store.begin(&mut writers.any).await.unwrap();
        sqlx::query("SELECT * FROM left_behind").execute(&mut writers.any).await.unwrap_err();
        store.commit(&mut writers.any).await.unwrap();
    }
}
