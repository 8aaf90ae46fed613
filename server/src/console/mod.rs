//! Use cases: one method, one transaction. REST handlers, pages and commands all end here.
//!
//! | module | does |
//! |---|---|
//! | [`users`] | makes users |
//! | [`sign_up`], [`verify_email`], [`links`] | lets strangers become users |
//! | [`sign_in`], [`provider_rounds`], [`reset_password`] | lets them in and out |
//! | [`passkeys`] | keys of their devices |
//! | [`second_factor`] | what they show besides a password |
//! | [`security`], [`email_change`] | how users sign in, and what they change about that |
//! | [`access_log`], [`sessions`] | what was done to an account, and where its user is signed in |
//! | [`exports`], [`closing`] | all of somebody's data for them to take along, and the end of an account |
//! | [`profile`] | what users change about themselves |
//! | [`api_keys`], [`service_keys`] | makes, lists and revokes keys |
//! | [`charging`] | takes what services report |
//! | [`account`] | balance and consumption |
//! | [`forecast`] | when an account's credits will be gone |
//! | [`grants`], [`rate_card`] | what an operator gives, takes back and charges |
//! | [`outbox`] | writes letters, and shows those that were not sent |
//! | [`pricing`] | what anybody may know: prices, what a list of operations would cost |
//! | [`problem_reports`] | takes what customers find wrong with a charge |
//! | [`rollup_check`] | compares charts with the books |
//! | [`statement`], [`verification`] | what an account owns, its books entry by entry, and the proof that they are whole |
//! | [`overview`], `usage`, `credits_page`, [`history`], [`events`], [`receipt`] | what pages and readers of the API are shown |

pub mod access_log;
pub mod account;
pub mod api_keys;
pub mod charging;
mod charts;
pub mod closing;
mod credits_page;
pub mod email_change;
pub mod error;
pub mod events;
pub mod exports;
pub mod forecast;
pub mod grants;
pub mod history;
pub mod holds;
mod keys_page;
mod labels;
pub mod links;
pub mod outbox;
pub mod overview;
pub mod passkeys;
pub mod pricing;
pub mod problem_reports;
pub mod profile;
pub mod provider_rounds;
pub mod rate_card;
pub mod receipt;
mod receipt_arithmetic;
mod receipt_page;
pub mod reset_password;
pub mod rollup_check;
pub mod second_factor;
pub mod security;
pub mod service_keys;
pub mod sessions;
mod settings;
pub mod sign_in;
pub mod sign_up;
pub mod statement;
pub mod usage;
pub mod users;
pub mod verification;
pub mod verify_email;

use std::ops::Deref;
use std::sync::Arc;

pub use error::{Error, Reasons};

use crate::auth::keys::KeyCache;
use crate::auth::passwords::Passwords;
use crate::auth::providers::Providers;
use crate::auth::rates::Rates;
use crate::auth::sessions::SeenSessions;
use crate::auth::standing::Standings;
use crate::auth::throttle::{Allowance, LetterThrottle, RoundThrottle, SignInThrottle};
use crate::clock::SharedClock;
use crate::config::Config;
use crate::live::LiveBus;
use crate::mail::Bell;
use crate::metrics::Meters;
use crate::random::SharedRandom;
use crate::sequencer::Sequencer;
use crate::store::Store;
use verification::Verifications;

/// Everything a use case needs. Cheap to clone: one pointer.
#[derive(Debug, Clone)]
pub struct Console(Arc<Parts>);

/// What a [`Console`] is made of; reached through it (`console.store`).
#[derive(Debug)]
pub struct Parts {
    pub config: Arc<Config>,
    pub store: Arc<Store>,
    pub sequencer: Sequencer,
    pub live: Arc<LiveBus>,
    pub clock: SharedClock,
    pub random: SharedRandom,
    pub(crate) passwords: Passwords,
    pub(crate) keys: KeyCache,
    pub(crate) standings: Standings,
    /// Uses of sessions that wait to be written.
    pub(crate) seen: SeenSessions,
    /// Rows of the access log that wait to be written.
    pub(super) accesses: access_log::Accesses,
    /// Archives of somebody's data.
    pub(super) exports: exports::Exports,
    /// Requests in this minute.
    pub(crate) rates: Rates,
    overviews: overview::Recent,
    pasts: forecast::Pasts,
    pub(crate) sign_ins: SignInThrottle,
    /// Who else may say who somebody is.
    pub providers: Providers,
    pub(crate) rounds: RoundThrottle,
    /// Rung when a mail is in the outbox.
    pub(crate) bell: Bell,
    /// Forms that make us write to somebody.
    pub(crate) letters: LetterThrottle,
    /// Problems that an account may still report this hour.
    pub(crate) reports: Allowance<i64>,
    /// What is counted for whoever watches the server.
    pub meters: Meters,
    pub verifications: Verifications,
}

impl Deref for Console {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Console {
    pub fn new(
        config: Arc<Config>,
        store: Arc<Store>,
        sequencer: Sequencer,
        live: Arc<LiveBus>,
        clock: SharedClock,
        random: SharedRandom,
    ) -> Self {
        let providers = Providers::new(&config.providers);
        let mut node = [0; 8];
        random.fill(&mut node);
        Self(Arc::new(Parts {
            config,
            store,
            sequencer,
            live,
            clock,
            random,
            passwords: Passwords::default(),
            keys: KeyCache::default(),
            standings: Standings::default(),
            seen: SeenSessions::default(),
            accesses: access_log::Accesses::default(),
            exports: exports::Exports::default(),
            rates: Rates::new(u64::from_be_bytes(node)),
            overviews: overview::Recent::default(),
            pasts: forecast::Pasts::default(),
            sign_ins: SignInThrottle::default(),
            providers,
            rounds: RoundThrottle::default(),
            bell: Bell::default(),
            letters: LetterThrottle::default(),
            reports: Allowance::new(problem_reports::REPORTS_AN_HOUR, 3_600 * ledger::time::SECOND),
            meters: Meters::default(),
            verifications: Verifications::default(),
        }))
    }

    /// Passwords hashed or compared since the start: what must be the same whether or not somebody exists.
    pub fn passwords_hashed(&self) -> u64 {
        self.passwords.done()
    }
}
