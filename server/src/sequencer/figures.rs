//! What accounts have and what they have used, for whoever asks: as fresh as the last commit, without asking the store.
//!
//! Nobody but the sequencer moves wallets and rollups, and it brings these figures up to date after each commit, before
//! it answers anybody: whatever was answered is in every figure that is read afterwards. An account gets here by being
//! read from the store once; a reader that a commit has overtaken meanwhile keeps nothing.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ledger::grant::Grant;
use ledger::series::Totals;
use ledger::wallet::Wallet;
use ledger::{Credits, Timestamp};

use crate::store::WalletView;
use crate::store::posting::Changes;

/// Accounts that are kept at most; past it all are forgotten and read again as needed.
const LIMIT: usize = 100_000;

/// An account's figures at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Current {
    /// Of the last entry; 0 before the first.
    pub seq: u64,
    /// What can be spent.
    pub available: Credits,
    pub held: Credits,
    pub debt: Credits,
    /// Used from `period_start` until `period_end`, by the events' own time.
    pub consumption: Credits,
    pub period_start: Timestamp,
    pub period_end: Timestamp,
}

/// The figures of the accounts that somebody has asked for.
#[derive(Debug, Default)]
pub struct Figures {
    state: Mutex<State>,
    /// Other servers move wallets as well, so that nothing may be kept.
    is_shared: bool,
}

/// A reading of the store that has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    account: i64,
    ticket: u64,
}

#[derive(Debug, Default)]
struct State {
    places: HashMap<i64, Place>,
    tickets: u64,
}

#[derive(Debug)]
enum Place {
    /// Somebody is reading the account, and no commit has touched it since.
    Reading(u64),
    Kept(Kept),
}

#[derive(Debug)]
struct Kept {
    seq: u64,
    held: Credits,
    debt: Credits,
    recorded_at: Timestamp,
    /// When the first of the open holds is released by itself.
    next_deadline: Option<Timestamp>,
    grants: Vec<Grant>,
    consumption: Credits,
    period_start: Timestamp,
    period_end: Timestamp,
}

impl Figures {
    /// Of a store that other servers write to as well: every reader reads it.
    pub fn of_shared() -> Self {
        Self { is_shared: true, ..Self::default() }
    }

    /// The figures at `now`. `None` when they are not here, when they are of another month, or when something has
    /// fallen due that is not in the books yet.
    pub fn find(&self, account: i64, now: Timestamp) -> Option<Current> {
        match self.state().places.get(&account)? {
            Place::Reading(_) => None,
            Place::Kept(kept) => kept.at(now),
        }
    }

    /// Comes before the store is read.
    pub fn begin(&self, account: i64) -> Reading {
        let mut state = self.state();
        if state.places.len() >= LIMIT {
            state.places.clear();
        }
        state.tickets += 1;
        let ticket = state.tickets;
        state.places.insert(account, Place::Reading(ticket));
        Reading { account, ticket }
    }

    /// Keeps what was read, unless a commit has come between.
    pub fn keep(
        &self,
        reading: Reading,
        wallet: WalletView,
        consumption: Credits,
        period: (Timestamp, Timestamp),
    ) {
        if self.is_shared {
            return;
        }
        let mut state = self.state();
        let Some(place) = state.places.get_mut(&reading.account) else { return };
        if !matches!(place, Place::Reading(ticket) if *ticket == reading.ticket) {
            return;
        }
        let WalletView { seq, held, debt, recorded_at, next_deadline, grants, .. } = wallet;
        let (period_start, period_end) = period;
        *place = Place::Kept(Kept {
            seq,
            held,
            debt,
            recorded_at,
            next_deadline,
            grants,
            consumption,
            period_start,
            period_end,
        });
    }

    /// Takes a commit over. Comes after it is on disk and before anybody is told.
    pub(super) fn follow(&self, changes: &Changes) {
        let mut state = self.state();
        if state.places.is_empty() {
            return;
        }
        // A commit can be read from the moment it is on disk: then it has been counted by the reader.
        let is_news =
            |kept: &Kept, account| changes.wallets.get(account).is_some_and(|now| now.seq > kept.seq);
        for ((account, bucket), totals) in &changes.rollups {
            match state.places.get_mut(account) {
                Some(Place::Kept(kept)) if is_news(kept, account) => kept.count(bucket.start, *totals),
                _ => {}
            }
        }
        for ((account, bucket), totals) in &changes.taken_back {
            match state.places.get_mut(account) {
                Some(Place::Kept(kept)) if is_news(kept, account) => kept.take_back(bucket.start, *totals),
                _ => {}
            }
        }
        for (account, wallet) in &changes.wallets {
            match state.places.get_mut(account) {
                Some(Place::Kept(kept)) if is_news(kept, account) => kept.follow(wallet),
                Some(Place::Reading(_)) => {
                    state.places.remove(account);
                }
                Some(Place::Kept(_)) | None => {}
            }
        }
    }

    /// After a commit of which nobody knows whether it is on disk.
    pub(super) fn forget(&self) {
        self.state().places.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn at(&self, now: Timestamp) -> Option<Current> {
        if now < self.period_start || self.period_end <= now {
            return None;
        }
        // An entry may be recorded a moment ahead of this clock's answer; what it made available is available.
        let at = now.max(self.recorded_at);
        let has_left = |grant: &&Grant| !grant.remaining.is_zero();
        let is_due = |grant: &Grant| grant.is_expired(at) || !self.debt.is_zero() && grant.is_spendable(at);
        if self.next_deadline.is_some_and(|deadline| deadline <= at)
            || self.grants.iter().filter(has_left).any(is_due)
        {
            return None;
        }
        let spendable =
            self.grants.iter().filter(|grant| grant.is_spendable(at)).map(|grant| grant.remaining);
        Some(Current {
            seq: self.seq,
            available: Credits::sum(spendable).unwrap_or(Credits::MAX),
            held: self.held,
            debt: self.debt,
            consumption: self.consumption,
            period_start: self.period_start,
            period_end: self.period_end,
        })
    }

    /// `start` is the bucket's; a month begins with a bucket.
    fn count(&mut self, start: Timestamp, totals: Totals) {
        if self.period_start <= start && start < self.period_end {
            self.consumption = self.consumption.checked_add(totals.credits).unwrap_or(Credits::MAX);
        }
    }

    /// The same for what a correction lowers.
    fn take_back(&mut self, start: Timestamp, totals: Totals) {
        if self.period_start <= start && start < self.period_end {
            self.consumption = self.consumption.saturating_sub(totals.credits);
        }
    }

    fn follow(&mut self, wallet: &Wallet) {
        self.seq = wallet.seq;
        self.held = wallet.held;
        self.debt = wallet.debt;
        self.next_deadline = wallet.holds().iter().map(|hold| hold.deadline).min();
        self.recorded_at = wallet.recorded_at;
        self.grants.clear();
        self.grants.extend_from_slice(wallet.grants());
    }
}

#[cfg(test)]
mod tests {
    use ledger::AccountId;
    use ledger::series::BucketKey;

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_000);
    const PERIOD: (Timestamp, Timestamp) = (Timestamp::from_micros(0), Timestamp::from_micros(2_000));

    fn read(seq: u64) -> WalletView {
        WalletView {
            seq,
            available: Credits::ZERO,
            held: Credits::ZERO,
            debt: Credits::ZERO,
            next_deadline: None,
            recorded_at: NOW,
            is_due: false,
            lots: vec![],
            grants: vec![],
        }
    }

    fn commit(account: i64, seq: u64) -> Changes {
        let id: AccountId = "acct_01900000000070008000000000000001".parse().unwrap();
        let mut changes = Changes::default();
        let mut wallet = Wallet::new(id);
        wallet.seq = seq;
        changes.wallets.insert(account, wallet);
        changes
    }

    fn seq(figures: &Figures, account: i64) -> Option<u64> {
        figures.find(account, NOW).map(|current| current.seq)
    }

    #[test]
    fn a_reader_that_a_commit_has_overtaken_keeps_nothing() {
        let figures = Figures::default();
        let reading = figures.begin(1);
        figures.follow(&commit(1, 8));
        figures.keep(reading, read(7), Credits::ZERO, PERIOD);
        assert_eq!(seq(&figures, 1), None);
        let reading = figures.begin(1);
        figures.follow(&commit(2, 1));
        figures.keep(reading, read(8), Credits::ZERO, PERIOD);
        assert_eq!(seq(&figures, 1), Some(8), "another account's commit is no matter");
        figures.follow(&commit(1, 9));
        assert_eq!(seq(&figures, 1), Some(9));
        figures.forget();
        assert_eq!(seq(&figures, 1), None);
    }

    #[test]
    fn a_commit_that_was_read_before_it_was_announced_is_counted_once() {
        let mut changes = commit(1, 8);
        let bucket = BucketKey { start: PERIOD.0, operation: "o".to_owned(), api_key: None };
        let totals = Totals { credits: Credits::whole(5), ..Totals::default() };
        changes.rollups.insert((1, bucket), totals);
        let figures = Figures::default();
        figures.keep(figures.begin(1), read(8), Credits::whole(5), PERIOD);
        figures.follow(&changes);
        assert_eq!(figures.find(1, NOW).map(|current| current.consumption), Some(Credits::whole(5)));
        changes.wallets.extend(commit(1, 9).wallets);
        figures.follow(&changes);
        assert_eq!(figures.find(1, NOW).map(|current| current.consumption), Some(Credits::whole(10)));
    }

    #[test]
    fn of_two_readers_the_later_one_keeps_what_it_read() {
        let figures = Figures::default();
        let (first, second) = (figures.begin(1), figures.begin(1));
        figures.keep(second, read(8), Credits::ZERO, PERIOD);
        figures.keep(first, read(7), Credits::ZERO, PERIOD);
        assert_eq!(seq(&figures, 1), Some(8));
    }

    #[test]
    fn figures_are_of_one_month() {
        let figures = Figures::default();
        figures.keep(figures.begin(1), read(8), Credits::whole(5), PERIOD);
        assert_eq!(figures.find(1, NOW).map(|current| current.consumption), Some(Credits::whole(5)));
        assert_eq!(figures.find(1, Timestamp::from_micros(2_000)), None);
        assert_eq!(figures.find(1, Timestamp::from_micros(-1)), None);
    }
}
