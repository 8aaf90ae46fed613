//! What keys with a limit have spent in the periods that charges fall into: what decides whether a charge stays within it.
//!
//! Accounts none of whose keys has a limit are not here, and their charges ask for nothing. What is known of the others is
//! taken out of memory for a batch, as wallets are, so that a batch that fails leaves nothing behind.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ledger::spend_limit::LimitPeriod;
use ledger::wallet::Wallet;
use ledger::{Credits, KeyId, Timestamp};

use super::Task;
use super::cache::Cache;
use super::job::LimitReached;
use crate::calendar::{Step, Zone};
use crate::store::posting::Posting;
use crate::store::{KeyFamilies, Payer, StoreError};

/// Sums of an account that are kept at most; past it they are read again as needed.
const MANY: usize = 64;

/// By account number.
#[derive(Debug, Default)]
pub(super) struct Spending(HashMap<i64, Purse>);

/// What is known of an account.
#[derive(Debug)]
struct Purse {
    families: Arc<KeyFamilies>,
    zone: Zone,
    sums: Vec<Sum>,
}

/// What was spent and is held for a line of keys, in a period.
#[derive(Debug, Clone)]
struct Sum {
    line: KeyId,
    from: Timestamp,
    to: Timestamp,
    spent: Credits,
}

/// Why a key may not spend something.
#[derive(Debug)]
pub(super) enum Refused {
    Limit(LimitReached),
    /// Nobody has asked for the sum that decides.
    Unknown,
}

/// The start and the end of the period that holds an instant, by the calendar of a zone.
pub fn period(zone: &Zone, period: LimitPeriod, at: Timestamp) -> (Timestamp, Timestamp) {
    let step = match period {
        LimitPeriod::Day => Step::Day,
        LimitPeriod::Week => Step::Week,
        LimitPeriod::Month => Step::Month,
    };
    (zone.floor(at, step), zone.ceil_after(at, step))
}

impl Purse {
    fn of(families: KeyFamilies) -> Self {
        // Zones are checked when they are set; one that IANA has dropped since is UTC.
        let zone = families.time_zone.parse().unwrap_or_else(|_| Zone::utc());
        Self { families: Arc::new(families), zone, sums: vec![] }
    }

    fn find(&self, line: &KeyId, (from, to): (Timestamp, Timestamp)) -> Option<&Sum> {
        self.sums.iter().find(|sum| (sum.from, sum.to) == (from, to) && sum.line == *line)
    }
}

impl Spending {
    /// Everything, of users and keys as of prices: whenever one of them changes.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// What these accounts have spent; others may have moved them.
    pub fn forget(&mut self, accounts: &HashSet<i64>) {
        if !self.0.is_empty() {
            self.0.retain(|no, _| !accounts.contains(no));
        }
    }

    /// Takes back what a batch has worked with.
    pub fn keep(&mut self, mut other: Self) {
        other.0.values_mut().filter(|purse| purse.sums.len() > MANY).for_each(|purse| purse.sums.clear());
        self.0.extend(other.0);
    }

    /// Whether a key of the account may spend so much more on something that happens at `at`.
    pub fn check(
        &self,
        account_no: i64,
        key: Option<&KeyId>,
        at: Timestamp,
        more: Credits,
    ) -> Result<(), Refused> {
        let (Some(purse), Some(key)) = (self.0.get(&account_no), key) else { return Ok(()) };
        for (whose, line, limit) in purse.families.hard_limits(key) {
            let of = period(&purse.zone, limit.period, at);
            let spent = purse.find(line, of).ok_or(Refused::Unknown)?.spent;
            if let Err(missing) = limit.allows(spent, more) {
                let (from, to) = of;
                return Err(Refused::Limit(LimitReached {
                    key: whose.clone(),
                    limit,
                    spent,
                    missing,
                    from,
                    to,
                }));
            }
        }
        Ok(())
    }

    /// Counts an event or hold: what it costs now instead of what it cost before.
    pub fn count(
        &mut self,
        account_no: i64,
        key: Option<&KeyId>,
        at: Timestamp,
        before: Credits,
        now: Credits,
    ) {
        if self.0.is_empty() {
            return;
        }
        let (Some(purse), Some(key)) = (self.0.get_mut(&account_no), key) else { return };
        for sum in purse.sums.iter_mut().filter(|sum| sum.from <= at && at < sum.to) {
            if purse.families.counts_for(key, &sum.line) {
                sum.spent = sum.spent.saturating_sub(before).checked_add(now).unwrap_or(Credits::MAX);
            }
        }
    }
}

impl Cache {
    /// What the tasks may need, and what is known of all accounts that the batch may move: taken out of memory. `limited` are the
    /// accounts that have a limit and that something is spent from.
    pub(super) async fn load_spending(
        &mut self,
        posting: &mut Posting<'_>,
        tasks: &[Task],
        limited: &HashSet<i64>,
        wallets: &HashMap<i64, Wallet>,
        now: Timestamp,
    ) -> Result<Spending, StoreError> {
        let mut needed = Spending::default();
        if limited.is_empty() && self.spending.0.is_empty() {
            return Ok(needed);
        }
        for no in wallets.keys() {
            if let Some(purse) = self.spending.0.remove(no) {
                needed.0.insert(*no, purse);
            } else if limited.contains(no) {
                needed.0.insert(*no, Purse::of(posting.key_families(*no).await?));
            }
        }
        if limited.is_empty() {
            return Ok(needed);
        }
        for task in tasks {
            let Some((no, key, at)) = self.spender(task, wallets, now) else { continue };
            let (Some(purse), Some(wallet)) = (needed.0.get_mut(&no), wallets.get(&no)) else { continue };
            purse.load(posting, no, &key, at, wallet).await?;
        }
        Ok(needed)
    }

    /// Whose key spends when, where that may be refused.
    fn spender(
        &self,
        task: &Task,
        wallets: &HashMap<i64, Wallet>,
        now: Timestamp,
    ) -> Option<(i64, KeyId, Timestamp)> {
        let (payer, occurred_at) = match task {
            Task::Charge(submission) => {
                submission.report.check_time(now).ok()?;
                (&submission.payer, submission.report.occurred_at)
            }
            Task::Check { payer, .. } => (payer, None),
            Task::Hold(request) => (&request.payer, None),
            Task::Settle(closing, _) => {
                let row = self.payer(&Payer::Account(closing.hold.account)).filter(|row| row.has_limits)?;
                let holds = wallets.get(&row.account_no)?.holds();
                let hold = holds.iter().find(|hold| hold.seq == closing.hold.seq)?;
                return Some((row.account_no, hold.event.api_key.clone()?, hold.recorded_at));
            }
            _ => return None,
        };
        let row = self.payer(payer).filter(|row| row.has_limits)?;
        let at = now.max(wallets.get(&row.account_no)?.recorded_at);
        Some((row.account_no, row.key.as_ref()?.id.clone(), occurred_at.unwrap_or(at)))
    }
}

impl Purse {
    /// Reads the sums that are not known yet of all limits that a key spends under.
    async fn load(
        &mut self,
        posting: &mut Posting<'_>,
        account_no: i64,
        key: &KeyId,
        at: Timestamp,
        wallet: &Wallet,
    ) -> Result<(), StoreError> {
        let families = Arc::clone(&self.families);
        for (_, line, limit) in families.hard_limits(key) {
            let (from, to) = period(&self.zone, limit.period, at);
            if self.find(line, (from, to)).is_some() {
                continue;
            }
            let used = posting.used_by_keys(account_no, from, to).await?;
            let holds =
                wallet.holds().iter().filter(|hold| from <= hold.recorded_at && hold.recorded_at < to);
            let held = holds
                .filter(|hold| hold.event.api_key.as_ref().is_some_and(|key| families.counts_for(key, line)));
            let spent = held.map(|hold| hold.event.credits).chain([families.spent_for(line, &used)]);
            let spent = Credits::sum(spent).unwrap_or(Credits::MAX);
            self.sums.push(Sum { line: line.clone(), from, to, spent });
        }
        Ok(())
    }
}
