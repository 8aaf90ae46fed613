//! Lives a year, hour by hour, through the ledger. The clock is set by hand; nothing else may write meanwhile.

use std::sync::Arc;

use ledger::event::{Dimensions, EventKey, FieldError, Report};
use ledger::time::{DAY, SECOND};
use ledger::{AccountId, Credits, Quantity, Timestamp, UserId};

use super::account::{Account, EMAIL, Keys, SOURCE, TIME_ZONE};
use super::chance::Chance;
use super::purse::{Given, Purse};
use super::rhythm::Hour;
use super::team::{Event, Key, Team};
use crate::calendar::Zone;
use crate::clock::ManualClock;
use crate::console::{Console, Error};
use crate::sequencer::job::{Busy, GrantRefusal, Refusal, Submission};
use crate::store::{Payer, StoreError};

const HOUR: i64 = 3_600 * SECOND;
/// Reported one by one, as they happened; what was before came in by the hour.
const DETAILED: i64 = 2 * DAY;
/// Uses of keys are counted for a month only.
const COUNTED: i64 = 30 * DAY;
/// Days of story after which the notebooks and the nightly tests get a key of their own, in thousandths.
const KEYS: [(Key, u64); 3] = [(Key::Production, 0), (Key::Notebook, 20), (Key::Nightly, 540)];

/// What to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    pub seed: u64,
    pub days: u16,
    /// The last instant.
    pub until: Timestamp,
}

/// What was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub email: &'static str,
    /// Shown this once.
    pub password: String,
    pub user_id: UserId,
    pub account_id: AccountId,
    pub from: Timestamp,
    pub until: Timestamp,
    pub events: u64,
    /// Not charged for want of credits.
    pub refused: u64,
    pub spent: Credits,
    pub balance: Credits,
}

/// Why a story ended early.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error(transparent)]
    Console(#[from] Error),
    #[error("the store failed: {0}")]
    Store(#[from] StoreError),
    #[error(transparent)]
    Busy(#[from] Busy),
    #[error("an event was refused: {0}")]
    Event(#[from] Refusal),
    #[error("a grant was refused: {0}")]
    Grant(#[from] GrantRefusal),
    #[error("an event is misshapen: {0}")]
    Field(#[from] FieldError),
    #[error("{TIME_ZONE} is no time zone here")]
    Zone,
}

/// Everything that is alive while the story is told.
struct Teller<'a> {
    console: &'a Console,
    clock: Arc<ManualClock>,
    chance: &'a Chance,
    account: Account,
    keys: Keys,
    purse: Purse,
    told: Told,
}

/// Makes the sample account and its history. `clock` must be the console's. `heard` is told how many hours are over.
pub async fn tell(
    console: &Console,
    clock: Arc<ManualClock>,
    plan: Plan,
    heard: impl Fn(u64),
) -> Result<Told, DemoError> {
    let from = plan.until.saturating_add(-i64::from(plan.days) * DAY).floor(HOUR);
    let zone: Zone = TIME_ZONE.parse().map_err(|_| DemoError::Zone)?;
    let chance = Chance::new(plan.seed);
    clock.set(from);
    let account = Account::open(console, &chance).await?;
    let (password, user_id, account_id) = (account.password.clone(), account.user_id, account.id);
    let (spent, balance) = (Credits::ZERO, Credits::ZERO);
    let told = Told {
        email: EMAIL,
        password,
        user_id,
        account_id,
        from,
        until: plan.until,
        events: 0,
        refused: 0,
        spent,
        balance,
    };
    let (keys, purse) = (Keys::new(), Purse::new());
    let mut teller = Teller { console, clock, chance: &chance, account, keys, purse, told };
    teller.begin(from).await?;
    let mut team = Team::new(&chance);
    let span = plan.until.saturating_since(from).max(1);
    let mut hours = 0;
    let mut at = from;
    while at < plan.until {
        let progress =
            u64::try_from(at.saturating_since(from).saturating_mul(1_000) / span).unwrap_or_default();
        teller.hour(&Hour::new(at, &zone, progress), &zone, &mut team).await?;
        at = at.saturating_add(HOUR);
        hours += 1;
        heard(hours);
    }
    teller.end().await
}

impl Teller<'_> {
    /// The first key, the flag, the first credits.
    async fn begin(&mut self, from: Timestamp) -> Result<(), DemoError> {
        let (id, hash) = self.account.add_key(self.console, self.chance, Key::Production).await?;
        self.keys.insert(Key::Production, hash);
        self.console.store.insert_demo(self.account.no, &self.account.service_key, &id).await?;
        let config = &self.console.config;
        let first = self.purse.first(from, config.sign_up_credits, config.sign_up_credits_days);
        self.give(first).await
    }

    async fn hour(&mut self, hour: &Hour, zone: &Zone, team: &mut Team<'_>) -> Result<(), DemoError> {
        self.clock.set(hour.from);
        for (key, since) in KEYS {
            if hour.progress >= since && !self.keys.contains_key(&key) {
                let (_, hash) = self.account.add_key(self.console, self.chance, key).await?;
                self.keys.insert(key, hash);
            }
        }
        let on_the_wall = |pattern| zone.format(hour.from, pattern);
        let given = self.purse.comes_in(hour, &on_the_wall("%Y-%m"), &on_the_wall("%Y-%m-%d"));
        self.give(given).await?;
        let until = self.told.until;
        let events: Vec<Event> = team.live(hour).into_iter().filter(|event| event.at < until).collect();
        if until.saturating_since(hour.from) <= DETAILED {
            for event in events {
                self.clock.set(event.at);
                self.charge(vec![event], false).await?;
            }
        } else {
            self.clock.set(hour.from.saturating_add(HOUR));
            self.charge(events, true).await?;
        }
        Ok(())
    }

    async fn give(&mut self, given: Vec<Given>) -> Result<(), DemoError> {
        for grant in given {
            let granted = self.console.sequencer.issue(self.account.id, grant).await??;
            self.holds(granted.balance);
        }
        Ok(())
    }

    /// Charges events in one commit; `late` ones say when they were.
    async fn charge(&mut self, events: Vec<Event>, late: bool) -> Result<(), DemoError> {
        let ats: Vec<(Timestamp, Option<Key>)> = events.iter().map(|event| (event.at, event.key)).collect();
        let submissions: Result<Vec<_>, _> =
            events.into_iter().map(|event| self.submission(event, late)).collect();
        let outcomes = self.console.sequencer.charge(submissions?).await?;
        for ((at, key), outcome) in ats.into_iter().zip(outcomes) {
            match outcome {
                Ok(charged) => {
                    self.told.events += 1;
                    self.told.spent = self.told.spent.checked_add(charged.credits).unwrap_or(Credits::MAX);
                    self.purse.spent(charged.credits);
                    self.holds(charged.balance);
                    self.count(at, key).await?;
                }
                Err(Refusal::Insufficient { .. }) => {
                    self.told.refused += 1;
                    self.purse.refused(at);
                }
                // The operator's own price list may lack it.
                Err(Refusal::UnknownOperation { .. }) => {}
                Err(refusal) => return Err(refusal.into()),
            }
        }
        Ok(())
    }

    fn submission(&self, event: Event, late: bool) -> Result<Submission, DemoError> {
        let micros = i64::try_from(event.quantity_micros).unwrap_or(i64::MAX);
        let report = Report {
            key: EventKey::parse(SOURCE, &event.id)?,
            operation: event.operation.to_owned(),
            quantity: Quantity::from_micros(micros).unwrap_or(Quantity::ZERO),
            dimensions: Dimensions::parse(event.dimensions)?,
            occurred_at: late.then_some(event.at),
        };
        let key = event.key.and_then(|key| self.keys.get(&key));
        let payer = key.map_or(Payer::Account(self.account.id), |hash| Payer::ApiKey(*hash));
        Ok(Submission { report, payer, service_key: self.account.service_key.clone(), debt_limit: None })
    }

    /// A key was used.
    async fn count(&self, at: Timestamp, key: Option<Key>) -> Result<(), DemoError> {
        let hash = key.and_then(|key| self.keys.get(&key));
        if let Some(hash) = hash.filter(|_| self.told.until.saturating_since(at) < COUNTED) {
            self.console.keys.note_use(&self.console.store, *hash, at).await?;
        }
        Ok(())
    }

    fn holds(&mut self, balance: Credits) {
        self.told.balance = balance;
        self.purse.holds(balance);
    }

    async fn end(self) -> Result<Told, DemoError> {
        self.clock.set(self.told.until);
        self.console.keys.write_requests(&self.console.store, self.told.until).await?;
        self.console.store.complete_demo(self.account.no, self.told.until).await?;
        Ok(self.told)
    }
}
