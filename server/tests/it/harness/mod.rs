//! A console of its own for each test: a server in this process on a port of its own, with a database of its own and a
//! clock that only the test moves.

pub mod browser;
pub mod client;
pub mod contract;
pub mod events;
pub mod forms;
pub mod issuer;
pub mod operator;
pub mod place;
pub mod process;
pub mod raw;
mod repricing;
pub mod smtp;
pub mod sse;
pub mod trace;
pub mod visitor;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ledger::grant::GrantKind;
use ledger::{AccountId, Credits, KeyId, Timestamp, UserId};
use server::clock::ManualClock;
use server::config::{Config, RateLimits};
use server::console::Console;
use server::console::api_keys::{ApiKeyCreated, ApiKeyForm};
use server::console::grants::GrantForm;
use server::console::service_keys::ServiceKeyForm;
use server::jobs::{self, Stop};
use server::live::LiveBus;
use server::nodes;
use server::random::{SystemRandom, account_id, user_id};
use server::sequencer::Sequencer;
use server::sequencer::job::Granted;
use server::store::{DatabaseUrl, Listening, NewUser, OpenError, Permission, Scopes, Stats, Store, UserRow};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use self::client::Caller;
use self::place::Place;
use self::raw::Raw;

/// When every test begins: 2026-11-22T12:00:00Z.
pub const START: Timestamp = Timestamp::from_micros(1_795_348_800_000_000);
/// How long anything may take before a test fails instead of hanging.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// Decimal text as credits.
pub fn credits(text: &str) -> Credits {
    Credits::parse(text).expect("a decimal amount")
}

/// A running console.
pub struct World {
    pub console: Console,
    pub clock: Arc<ManualClock>,
    /// `http://127.0.0.1:PORT`
    pub url: String,
    writer: JoinHandle<()>,
    http: JoinHandle<()>,
    /// What hears of other servers, where there may be any.
    nodes: JoinSet<()>,
    stop: Stop,
    place: Place,
}

/// Joins the servers of a database. One that has just ended may be among them for a moment still.
async fn join(store: &Store, dimensions: &[String]) -> Option<Listening> {
    let joining = async {
        loop {
            match store.join(dimensions).await {
                Err(OpenError::OtherDimensions { .. }) => {}
                joined => return joined.expect("declared dimensions"),
            }
        }
    };
    tokio::time::timeout(PATIENCE, joining).await.expect("nobody else who counts by other dimensions")
}

/// A user with a personal account.
#[derive(Debug, Clone)]
pub struct Member {
    pub user_id: UserId,
    pub account: AccountId,
    pub account_no: i64,
    pub row: UserRow,
}

/// A service key, and a client that presents it.
#[derive(Clone)]
pub struct Service {
    pub key_id: KeyId,
    pub secret: String,
    pub caller: Caller,
}

impl World {
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// With other settings than the usual ones.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::open(Place::new().await, Arc::new(ManualClock::at(START)), change).await
    }

    /// On data that is there already.
    pub async fn open(place: Place, clock: Arc<ManualClock>, change: impl FnOnce(&mut Config)) -> Self {
        let (data_dir, database_url) = (place.path().to_owned(), place.database());
        let addr = SocketAddr::from(([127, 0, 0, 1], 0));
        // The clock stands still, so that all of a test's requests are in one minute.
        let rate_limits = RateLimits { accounts: 0, ..RateLimits::default() };
        let mut config = Config { database_url, data_dir, addr, rate_limits, ..Config::default() };
        let listener = TcpListener::bind(addr).await.expect("a free port");
        let addr = listener.local_addr().expect("a bound port");
        config.listens_on(addr);
        change(&mut config);
        let store = Store::open(&config.database_url, &*clock).await.expect("a new database");
        let listening = join(&store, config.usage_dimensions.names()).await;
        let live = if store.is_shared() { LiveBus::shared() } else { LiveBus::default() };
        let (store, live) = (Arc::new(store), Arc::new(live));
        let (sequencer, writer) =
            Sequencer::start(Arc::clone(&store), Arc::clone(&live), clock.clone(), config.queue_capacity);
        let random = Arc::new(SystemRandom);
        let console = Console::new(Arc::new(config), store, sequencer, live, clock.clone(), random);
        let (stop, stopping) = jobs::signal();
        let nodes =
            listening.map(|listening| nodes::start(&console, listening, &stopping)).unwrap_or_default();
        let router = server::http::router(console.clone());
        let http = tokio::spawn(server::http::connections::serve(listener, router, std::future::pending()));
        Self { console, clock, url: format!("http://{addr}"), writer, http, nodes, stop, place }
    }

    /// Ends this server and starts another on the same file.
    pub async fn restart(self) -> Self {
        self.restart_with(|_| {}).await
    }

    /// The same, with other settings than the usual ones.
    pub async fn restart_with(self, change: impl FnOnce(&mut Config)) -> Self {
        let clock = Arc::clone(&self.clock);
        Self::open(self.close().await, clock, change).await
    }

    /// The same after something was done to its file.
    pub async fn restart_after(self, change: impl AsyncFnOnce(&std::path::Path)) -> Self {
        let clock = Arc::clone(&self.clock);
        let place = self.close().await;
        change(&place.file()).await;
        Self::open(place, clock, |_| {}).await
    }

    /// Ends this server; what it kept.
    pub async fn close(self) -> Place {
        let Self { console, writer, http, mut nodes, stop, place, .. } = self;
        http.abort();
        stop.now();
        while nodes.join_next().await.is_some() {}
        console.sequencer.stop();
        writer.await.expect("the writer ends in order");
        console.store.close().await;
        // The file is free once nobody holds the store; connections that are being cut still do.
        let store = Arc::downgrade(&console.store);
        drop((console, http.await));
        tokio::time::timeout(PATIENCE, async {
            while store.strong_count() > 0 {
                tokio::task::yield_now().await;
            }
        })
        .await
        .expect("the old server lets go of its file");
        place
    }

    pub fn database(&self) -> DatabaseUrl {
        self.place.database()
    }

    /// The file of the books, for what is about files.
    pub fn file(&self) -> std::path::PathBuf {
        self.place.file()
    }

    /// The folder of its data.
    pub fn folder(&self) -> &Path {
        self.place.path()
    }

    /// Someone without credentials.
    pub fn anon(&self) -> Caller {
        Caller::new(&self.url, None)
    }

    /// Somebody with this secret.
    pub fn caller(&self, secret: &str) -> Caller {
        Caller::new(&self.url, Some(secret))
    }

    /// A user without credits and without a password.
    pub async fn member(&self, name: &str) -> Member {
        let random = SystemRandom;
        let now = server::clock::Clock::now(&*self.clock);
        let user = NewUser {
            id: user_id(&random, now),
            account_id: account_id(&random, now),
            email: format!("{name}@example.com"),
            name: name.to_owned(),
            user_name: name.to_owned(),
            password_hash: None,
            verified_at: Some(now),
            is_operator: false,
            time_zone: "UTC".to_owned(),
            created_at: now,
        };
        self.console.store.insert_user(&user).await.expect("a new user");
        let row = self.console.get_user_by_email(&user.email).await.expect("the user just made");
        Member { user_id: row.id, account: row.account_id, account_no: row.account_no, row }
    }

    /// A user with one promotional grant that never expires.
    pub async fn member_with(&self, name: &str, amount: &str) -> Member {
        let member = self.member(name).await;
        self.grant(&member, amount).await;
        member
    }

    pub async fn grant(&self, member: &Member, amount: &str) -> Granted {
        self.grant_until(member, amount, None).await
    }

    pub async fn grant_until(&self, member: &Member, amount: &str, expires_at: Option<Timestamp>) -> Granted {
        let form = GrantForm {
            credits: credits(amount),
            kind: GrantKind::Promo,
            reason: "for a test".to_owned(),
            effective_at: None,
            expires_at,
            priority: None,
        };
        self.console.grant(member.account, form).await.expect("a grant")
    }

    /// A key that may check and charge for any source.
    pub async fn service(&self) -> Service {
        self.service_with(Scopes::usual(), None).await
    }

    pub async fn service_with(&self, scopes: Scopes, source: Option<&str>) -> Service {
        self.service_that_may_owe(scopes, source, None).await
    }

    /// With a debt limit, in credits.
    pub async fn service_that_may_owe(
        &self,
        scopes: Scopes,
        source: Option<&str>,
        debt_limit: Option<&str>,
    ) -> Service {
        let form = ServiceKeyForm {
            name: "a service".to_owned(),
            scopes,
            source: source.map(str::to_owned),
            debt_limit: debt_limit.map(|limit| Credits::parse(limit).expect("credits")),
        };
        let made = self.console.create_service_key(form).await.expect("a service key");
        let secret = made.secret.as_str().to_owned();
        Service { key_id: made.key_id, caller: self.caller(&secret), secret }
    }

    /// A customer's key.
    pub async fn key(&self, member: &Member, permission: Permission) -> ApiKeyCreated {
        self.key_for(member, permission, None).await
    }

    pub async fn key_for(&self, member: &Member, permission: Permission, days: Option<u64>) -> ApiKeyCreated {
        let form = ApiKeyForm { name: "a key".to_owned(), permission, expiration_days: days, limit: None };
        self.console.create_api_key(&member.row, form).await.expect("a key")
    }

    /// A client with a new read-write key of this member.
    pub async fn as_member(&self, member: &Member) -> Caller {
        self.caller(self.key(member, Permission::ReadWrite).await.secret.as_str())
    }

    /// What can be spent.
    pub async fn balance(&self, member: &Member) -> Credits {
        self.console.wallet(member.account_no, member.account).await.expect("a wallet").available
    }

    /// Figures over all accounts; equal before and after when nothing was written.
    pub async fn books(&self) -> Stats {
        self.console.store.stats().await.expect("the books' figures")
    }

    /// How many changes that caches must hear of were made.
    pub async fn changes(&self) -> u64 {
        match self.database() {
            DatabaseUrl::Sqlite(_) => self.console.store.epoch(),
            // The store's own number may grow by being read.
            database @ DatabaseUrl::Postgres(_) => {
                let number = Raw::open(&database).await.texts("SELECT CAST(number AS TEXT) FROM epoch").await;
                number[0].parse().expect("a number")
            }
        }
    }

    /// Recomputes the books of one account.
    pub async fn verify(&self, member: &Member) {
        let found = self.console.store.verify_account(member.account_no, member.account).await;
        found.expect("books without a mismatch");
    }
}
