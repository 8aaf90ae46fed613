//! The driver for several servers on one database. Each of them posts in its own transactions: accounts are locked in the
//! order of their numbers, so that any number of servers may serve the same accounts without waiting in a circle.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use sqlx::migrate::{Migrate as _, MigrateError, Migrator};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _, Postgres, Transaction};
use url::Url;

use super::error::{OpenError, StoreError};
use super::hearing::Hearing;

static MIGRATOR: Migrator = sqlx::migrate!("migrations/postgres");

/// Connections that read side by side.
const READERS: u32 = 8;
/// Connections that charge. Nobody else takes them: changes wait for each other while they have a connection.
const POSTERS: u32 = 1;
/// Connections that change users, keys and prices.
const CHANGERS: u32 = 4;
/// How long anybody waits for a connection before the database counts as gone.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// How long a batch may take, which waits up to `lock_timeout` for accounts. A database that is silent for longer has
/// vanished without closing its connections, and those are left behind.
pub(super) const BATCH_PATIENCE: Duration = Duration::from_secs(12);
/// The same for everything else: some of it reads long books.
const WORK_PATIENCE: Duration = Duration::from_mins(1);
/// The lock that changes of users, keys and prices take turns by, on all servers, as they do in SQLite.
const CHANGES: i64 = 0x0070_6c65_7865;
/// Servers bring the schema up to date one after the other, however long that takes.
const OPENING: i64 = 0x0070_6c65_7869;
/// Where servers tell each other what they have committed.
pub(super) const CHANNEL: &str = "plexe_console";

/// A `postgres://` URL. Its password is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl(String);

impl PostgresUrl {
    /// Reads a URL; the error says what would be right.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text)
            .ok()
            .filter(|url| text.parse::<PgConnectOptions>().is_ok() && url.path().len() > 1);
        match url {
            Some(_) => Ok(Self(text.to_owned())),
            None => {
                Err("DATABASE_URL cannot be read; it must be postgres://USER:PASSWORD@HOST/DATABASE, or \
                 postgres:///DATABASE?host=/run/postgresql&user=USER for a socket"
                    .to_owned())
            }
        }
    }

    /// With its password.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn options(&self) -> Result<PgConnectOptions, sqlx::Error> {
        self.0.parse()
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ok(mut url) = Url::parse(&self.0) else { return out.write_str("postgres://") };
        if url.password().is_some() {
            // Only a URL that can't have a password refuses one.
            let _ = url.set_password(Some("***"));
        }
        let pairs: Vec<(String, String)> = url
            .query_pairs()
            .filter(|(name, _)| name != "password")
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        if pairs.is_empty() {
            url.set_query(None);
        } else {
            url.query_pairs_mut().clear().extend_pairs(pairs);
        }
        out.write_str(url.as_str())
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// Connections by what they are for.
#[derive(Debug, Clone)]
struct Pools {
    readers: PgPool,
    posters: PgPool,
    changers: PgPool,
}

impl Pools {
    /// Connects when somebody needs a connection.
    fn of(options: &PgConnectOptions) -> Self {
        let pool = |connections, options| {
            PgPoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(PATIENCE)
                .connect_lazy_with(options)
        };
        // Several statements of one reading transaction see one moment.
        let reading = options.clone().options([
            ("default_transaction_isolation", "repeatable read"),
            ("default_transaction_read_only", "on"),
        ]);
        Self {
            readers: pool(READERS, reading),
            posters: pool(POSTERS, options.clone()),
            changers: pool(CHANGERS, options.clone()),
        }
    }
}

/// A database that any number of servers share.
#[derive(Debug)]
pub struct PostgresStore {
    pools: RwLock<Pools>,
    options: PgConnectOptions,
    pub(super) hearing: Hearing,
    /// This server is the one that does what must not be done by several.
    pub(super) leads: AtomicBool,
    /// The last attempt to write failed for a reason that concerns every write.
    in_trouble: AtomicBool,
}

impl PostgresStore {
    pub(super) async fn open(url: &PostgresUrl) -> Result<Self, OpenError> {
        let unreachable = |cause| OpenError::Unreachable { database: url.to_string(), cause };
        let options = url.options().map_err(unreachable)?.application_name("plexe-console").options([
            ("synchronous_commit", "on"),
            ("lock_timeout", "10s"),
            // What was committed while locks were waited for is seen.
            ("default_transaction_isolation", "read committed"),
            // Statements are short; compiling one costs more than it takes.
            ("jit", "off"),
            // A server that hangs inside a transaction keeps others from its accounts for no longer.
            ("idle_in_transaction_session_timeout", "5s"),
        ]);
        // By itself, since a pool would only say that it waited in vain.
        let mut first =
            options.clone().options([("lock_timeout", "0")]).connect().await.map_err(unreachable)?;
        sqlx::query("SELECT pg_advisory_lock($1)")
            .bind(OPENING)
            .execute(&mut first)
            .await
            .map_err(unreachable)?;
        migrate(url, &mut first).await?;
        first.close().await.map_err(unreachable)?;
        Ok(Self {
            pools: RwLock::new(Pools::of(&options)),
            options,
            hearing: Hearing::default(),
            leads: AtomicBool::new(false),
            in_trouble: AtomicBool::new(false),
        })
    }

    fn pools(&self) -> Pools {
        self.pools.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for work on a connection. What is never answered ends all connections: whoever needs one makes a new one.
    pub(super) async fn answered<T>(
        &self,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.answered_within(WORK_PATIENCE, work).await
    }

    pub(super) async fn answered_within<T>(
        &self,
        patience: Duration,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        if let Ok(answer) = tokio::time::timeout(patience, work).await {
            return answer;
        }
        *self.pools.write().unwrap_or_else(PoisonError::into_inner) = Pools::of(&self.options);
        self.in_trouble.store(true, Ordering::SeqCst);
        Err(StoreError::Lost("it did not answer in time"))
    }

    pub(super) async fn reader(&self) -> Result<PoolConnection<Postgres>, StoreError> {
        Ok(self.pools().readers.acquire().await?)
    }

    /// The transaction of a batch.
    pub(super) async fn begin_batch(&self) -> Result<Transaction<'static, Postgres>, StoreError> {
        self.begin(&self.pools().posters).await
    }

    /// The transaction of something that takes its time beside the batches.
    pub(super) async fn begin_work(&self) -> Result<Transaction<'static, Postgres>, StoreError> {
        self.begin(&self.pools().changers).await
    }

    async fn begin(&self, pool: &PgPool) -> Result<Transaction<'static, Postgres>, StoreError> {
        Ok(pool.begin().await.inspect_err(|_| self.in_trouble.store(true, Ordering::SeqCst))?)
    }

    /// The transaction of any other change: they take turns.
    pub(super) async fn begin_change(&self) -> Result<Transaction<'static, Postgres>, StoreError> {
        let mut transaction = self.begin_work().await?;
        sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(CHANGES).execute(&mut *transaction).await?;
        Ok(transaction)
    }

    /// Commits a change. What concerns caches moves the epoch, of which all servers hear.
    pub(super) async fn commit_change(
        &self,
        mut transaction: Transaction<'static, Postgres>,
        is_cached: bool,
    ) -> Result<(), StoreError> {
        let epoch = if is_cached { Some(move_epoch(&mut transaction).await?) } else { None };
        let committed = transaction.commit().await;
        self.committed(&committed);
        committed?;
        if let Some(epoch) = epoch {
            self.hearing.heard_of(epoch);
        }
        Ok(())
    }

    /// Takes note of how a commit ended.
    pub(super) fn committed(&self, result: &Result<(), sqlx::Error>) {
        self.in_trouble.store(result.is_err(), Ordering::SeqCst);
    }

    /// Takes note of why a transaction was given up.
    pub(super) fn gave_up(&self, error: &StoreError) {
        if error.is_systemic() {
            self.in_trouble.store(true, Ordering::SeqCst);
        }
    }

    /// For connections beside the pools.
    pub(super) fn options(&self) -> &PgConnectOptions {
        &self.options
    }

    /// What caches go by; never the same twice while changes of other servers are not heard of.
    pub(super) fn epoch(&self) -> u64 {
        self.hearing.epoch()
    }

    /// Tells the operator that a database is set not to sync: it may lose what was answered.
    pub(super) async fn warn_of_lost_commits(&self) -> Result<(), StoreError> {
        let (fsync,): (String,) =
            sqlx::query_as("SELECT current_setting('fsync')").fetch_one(&self.pools().readers).await?;
        if fsync != "on" {
            tracing::warn!(
                "this Postgres runs with fsync = {fsync}: charges that were answered may be lost when its machine stops"
            );
        }
        Ok(())
    }

    pub(super) async fn is_ready(&self) -> bool {
        let asked = async { Ok(sqlx::query("SELECT 1").execute(&self.pools().readers).await?) };
        let answers = self.answered_within(PATIENCE, asked).await.is_ok();
        answers && (!self.in_trouble.load(Ordering::SeqCst) || self.can_write().await)
    }

    /// Whether what failed before succeeds again.
    async fn can_write(&self) -> bool {
        let changers = self.pools().changers;
        let writing = async { Ok(sqlx::query("UPDATE epoch SET number = number").execute(&changers).await?) };
        let written = self.answered_within(PATIENCE, writing).await.is_ok();
        self.in_trouble.store(!written, Ordering::SeqCst);
        written
    }

    pub(super) async fn close(&self) {
        let Pools { readers, posters, changers } = self.pools();
        readers.close().await;
        posters.close().await;
        changers.close().await;
    }
}

/// Nobody changes users, keys or prices until the transaction ends.
pub(super) async fn keep_changes_out(transaction: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query("SELECT pg_advisory_xact_lock_shared($1)").bind(CHANGES).execute(transaction).await?;
    Ok(())
}

async fn move_epoch(transaction: &mut PgConnection) -> Result<u64, StoreError> {
    let (number,): (i64,) = sqlx::query_as("UPDATE epoch SET number = number + 1 RETURNING number")
        .fetch_one(&mut *transaction)
        .await?;
    sqlx::query("SELECT pg_notify($1, 'epoch ' || $2)")
        .bind(CHANNEL)
        .bind(number.to_string())
        .execute(transaction)
        .await?;
    Ok(number.cast_unsigned())
}

async fn migrate(url: &PostgresUrl, writer: &mut PgConnection) -> Result<(), OpenError> {
    let failed = |cause| OpenError::Migrate { database: url.to_string(), cause };
    writer.ensure_migrations_table(&MIGRATOR.table_name).await.map_err(failed)?;
    let applied = writer.list_applied_migrations(&MIGRATOR.table_name).await.map_err(failed)?;
    let found = applied.iter().map(|migration| migration.version).max().unwrap_or(0);
    let known = MIGRATOR.iter().map(|migration| migration.version).max().unwrap_or(0);
    let newer = |found| OpenError::Newer { database: url.to_string(), found, known };
    if found > known {
        return Err(newer(found));
    }
    MIGRATOR.run_direct(None, writer, false).await.map_err(|error| match error {
        MigrateError::VersionMissing(version) => newer(version),
        error => failed(error),
    })
}
