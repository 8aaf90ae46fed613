//! Books to measure on: a database of the usual schema with accounts that can pay for everything.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ledger::event::{Dimensions, EventKey, Report};
use ledger::grant::{DEFAULT_PRIORITY, GrantFacts, GrantKind};
use ledger::{AccountId, Credits, KeyId, Quantity, Timestamp};
use server::auth::tokens::Secret;
use server::clock::{SharedClock, SystemClock};
use server::config::{Config, RateLimits};
use server::console::Console;
use server::console::api_keys::ApiKeyForm;
use server::console::service_keys::ServiceKeyForm;
use server::live::LiveBus;
use server::random::{self, SystemRandom};
use server::sequencer::Sequencer;
use server::sequencer::job::{NewGrant, Submission};
use server::store::{DatabaseUrl, NewUser, Payer, Permission, Scopes, Store};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::Outcome;

pub const SOURCE: &str = "bench";
pub const OPERATION: &str = "model.inference";
/// Requests are counted, and none is refused.
const COUNTED: RateLimits = RateLimits { accounts: u32::MAX, basic: u32::MAX, pro: u32::MAX, services: 0 };

/// Charged 0.15 credits by the example card.
pub const QUANTITY: &str = "1.5";
/// Credits of each account: more than any benchmark spends, and for 1 000 accounts no more than can be added up.
const GRANTED: u32 = 8_000_000;

/// A folder on the disk that the build uses, so never in memory.
pub fn folder() -> std::io::Result<TempDir> {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))
}

/// A database, its accounts (numbers 1, 2, …, each with one grant of `seq` 1) and what opens it from outside.
pub struct Books {
    /// Where programs that open it run, and where the file lies if it is one.
    folder: TempDir,
    database: DatabaseUrl,
    pub accounts: Vec<AccountId>,
    pub service_key: KeyId,
    pub service_secret: String,
    /// Of a key of the first account that may only read.
    pub customer_secret: String,
}

/// Books with their writer.
pub struct OpenBooks {
    pub store: Arc<Store>,
    pub sequencer: Sequencer,
    writer: JoinHandle<()>,
    clock: SharedClock,
}

impl Books {
    /// Makes `count` accounts in a new SQLite file and closes it.
    pub async fn new(count: usize) -> Outcome<Self> {
        Self::begun(count, Arc::new(SystemClock)).await
    }

    /// The same by another clock than the machine's.
    pub async fn begun(count: usize, clock: SharedClock) -> Outcome<Self> {
        let folder = folder()?;
        let database = DatabaseUrl::Sqlite(folder.path().join("console.db"));
        Self::make(folder, database, count, clock).await
    }

    /// The same in an empty Postgres database.
    pub async fn on_postgres(url: &str, count: usize) -> Outcome<Self> {
        Self::make(folder()?, DatabaseUrl::parse(url)?, count, Arc::new(SystemClock)).await
    }

    async fn make(folder: TempDir, database: DatabaseUrl, count: usize, clock: SharedClock) -> Outcome<Self> {
        let open = OpenBooks::open(&database, Arc::clone(&clock)).await?;
        let mut accounts = Vec::with_capacity(count);
        for number in 1..=count {
            let user = user(number, &clock);
            open.store.insert_user(&user).await?;
            accounts.push(user.account_id);
        }
        let grants = accounts.iter().map(|account| open.sequencer.issue(*account, grant()));
        for granted in futures::future::join_all(grants).await {
            granted??;
        }
        let form =
            ServiceKeyForm { name: "bench".into(), scopes: Scopes::usual(), source: None, debt_limit: None };
        let service = open.console().create_service_key(form).await.map_err(|error| error.to_string())?;
        let customer = open.customer_key(1, Permission::ReadOnly).await?;
        open.close().await?;
        Ok(Self {
            folder,
            database,
            accounts,
            service_key: service.key_id,
            service_secret: service.secret.as_str().to_owned(),
            customer_secret: customer.as_str().to_owned(),
        })
    }

    /// The secret of a new key of each account, while nobody serves the database.
    pub async fn customer_secrets(&self, permission: Permission) -> Outcome<Vec<String>> {
        let open = self.open().await?;
        let mut secrets = Vec::with_capacity(self.accounts.len());
        for number in 1..=self.accounts.len() {
            secrets.push(open.customer_key(number, permission).await?.as_str().to_owned());
        }
        open.close().await?;
        Ok(secrets)
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Of books that are a file.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("console.db")
    }

    /// As `DATABASE_URL` has it.
    pub fn url(&self) -> String {
        match &self.database {
            DatabaseUrl::Sqlite(path) => format!("sqlite://{}", path.display()),
            DatabaseUrl::Postgres(url) => url.as_str().to_owned(),
        }
    }

    pub async fn open(&self) -> Outcome<OpenBooks> {
        self.open_at(Arc::new(SystemClock)).await
    }

    /// By another clock than the machine's.
    pub async fn open_at(&self, clock: SharedClock) -> Outcome<OpenBooks> {
        OpenBooks::open(&self.database, clock).await
    }

    /// What a service reports for event `number`; the events go round the first `accounts` accounts.
    pub fn submission(&self, number: usize, accounts: usize) -> Outcome<Submission> {
        let report = Report {
            key: EventKey::parse(SOURCE, &event_id(number))?,
            operation: OPERATION.to_owned(),
            quantity: Quantity::parse(QUANTITY)?,
            dimensions: Dimensions::default(),
            occurred_at: None,
        };
        let payer = Payer::Account(self.accounts[number % accounts]);
        Ok(Submission { report, payer, service_key: self.service_key.clone(), debt_limit: None })
    }
}

impl OpenBooks {
    async fn open(database: &DatabaseUrl, clock: SharedClock) -> Outcome<Self> {
        let store = Arc::new(Store::open(database, &*clock).await?);
        let live = Arc::new(LiveBus::default());
        let (sequencer, writer) = Sequencer::start(Arc::clone(&store), live, Arc::clone(&clock), 8_192);
        Ok(Self { store, sequencer, writer, clock })
    }

    pub fn console(&self) -> Console {
        Console::new(
            Arc::new(Config { rate_limits: COUNTED, ..Config::default() }),
            Arc::clone(&self.store),
            self.sequencer.clone(),
            Arc::new(LiveBus::default()),
            Arc::clone(&self.clock),
            Arc::new(SystemRandom),
        )
    }

    /// The secret of a new key of account `number`.
    pub async fn customer_key(&self, number: usize, permission: Permission) -> Outcome<Secret> {
        let email = format!("user{number}@example.org");
        let user = self.store.find_user_by_email(&email).await?.ok_or("a user is missing")?;
        let form = ApiKeyForm { name: "bench".into(), permission, expiration_days: None, limit: None };
        let made = self.console().create_api_key(&user, form).await.map_err(|error| error.to_string())?;
        Ok(made.secret)
    }

    pub async fn close(self) -> Outcome {
        self.sequencer.stop();
        self.writer.await?;
        self.store.close().await;
        Ok(())
    }
}

/// The name of event `number`; later ones sort later, as those of a service usually do.
pub fn event_id(number: usize) -> String {
    format!("job-{number:012}")
}

fn user(number: usize, clock: &SharedClock) -> NewUser {
    let now = clock.now();
    NewUser {
        id: random::user_id(&SystemRandom, now),
        account_id: random::account_id(&SystemRandom, now),
        email: format!("user{number}@example.org"),
        name: format!("User {number}"),
        user_name: format!("user{number}"),
        password_hash: None,
        // A verified user would be owed the credits for signing up, which nobody wants to measure.
        verified_at: None,
        is_operator: false,
        time_zone: "UTC".to_owned(),
        created_at: now,
    }
}

fn grant() -> NewGrant {
    let facts = GrantFacts {
        kind: GrantKind::Promo,
        priority: DEFAULT_PRIORITY,
        effective_at: Timestamp::from_micros(0),
        expires_at: None,
        source: "operator".to_owned(),
        reason: "to be measured".to_owned(),
    };
    NewGrant { amount: Credits::whole(GRANTED), facts }
}
