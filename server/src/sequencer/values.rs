//! What events are about, by the dimensions that are declared: which of an account's day's values have names, and what each
//! came to. Costs nothing while none is declared.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ledger::Timestamp;
use ledger::dimensions::{DimensionKey, NamedValues, said};
use ledger::entry::Entry;
use ledger::event::EventKey;
use ledger::series::Counted;
use ledger::time::DAY;
use ledger::wallet::Wallet;

use super::Task;
use super::cache::Cache;
use super::holds::History;
use crate::store::posting::{Posting, ValueSums};
use crate::store::{DayOf, Pairs, StoreError};

/// Bytes of named values that are kept at most; past it all are forgotten and read again as needed.
const LIMIT: usize = 16 << 20;
/// What a day takes besides, about.
const ENTRY: usize = 128;

/// A dimension, by its place among the declared ones, on an account's day (UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Day {
    account_no: i64,
    place: usize,
    start: Timestamp,
}

/// The declared dimensions and the values that have names.
#[derive(Debug, Default)]
pub(super) struct Values {
    declared: Arc<[String]>,
    days: HashMap<Day, NamedValues>,
    /// Of all their names.
    bytes: usize,
    /// What was said about events, by account and the `seq` of the entry it was said with.
    said: HashMap<(i64, u64), Pairs>,
}

impl Values {
    /// Of these dimensions, with no names yet.
    pub fn of(declared: Vec<String>) -> Self {
        Self { declared: declared.into(), ..Self::default() }
    }

    /// Whether these are its dimensions, in this order.
    pub fn are_of(&self, declared: &[String]) -> bool {
        *self.declared == *declared
    }

    /// Forgets the names of all days of these accounts.
    pub fn forget(&mut self, accounts: &HashSet<i64>) {
        if !accounts.is_empty() && !self.days.is_empty() {
            self.days.retain(|day, _| !accounts.contains(&day.account_no));
            self.bytes = self.days.values().map(|values| values.bytes() + ENTRY).sum();
        }
    }

    /// Nothing is to be counted.
    pub fn is_empty(&self) -> bool {
        self.declared.is_empty()
    }

    /// Notes what was said about the event or hold that an entry begins; to come before its entries are counted.
    pub fn note(&mut self, account_no: i64, seq: u64, pairs: &Pairs) {
        if self.declared.iter().any(|dimension| said(pairs, dimension).is_some()) {
            self.said.insert((account_no, seq), pairs.clone());
        }
    }

    /// Adds what an entry counts to what its event's values came to.
    pub fn count(&mut self, account_no: i64, entry: &Entry, counted: &Counted, sums: &mut ValueSums) {
        if self.is_empty() {
            return;
        }
        let begins = entry.revises.as_ref().map_or(entry.seq, |revises| revises.of);
        let Some(pairs) = self.said.get(&(account_no, begins)) else { return };
        let (sums, bucket, totals) = match counted {
            Counted::Used(bucket, totals) => (&mut sums.used, bucket, totals),
            Counted::TakenBack(bucket, totals) => (&mut sums.taken_back, bucket, totals),
        };
        let start = bucket.start.floor(DAY);
        for (place, dimension) in self.declared.iter().enumerate() {
            let Some(value) = said(pairs, dimension) else { continue };
            let named = self.days.entry(Day { account_no, place, start }).or_default();
            let group = named.group(value).to_owned();
            let key = DimensionKey { dimension: dimension.clone(), bucket: bucket.clone(), group };
            let sum = sums.entry((account_no, key)).or_default();
            *sum = sum.plus(*totals);
        }
    }

    /// Remembers the names that a batch has given.
    pub fn keep(&mut self, named: Self) {
        for (day, values) in named.days {
            self.bytes = self.bytes.saturating_add(values.bytes() + ENTRY);
            let before = self.days.insert(day, values);
            self.bytes = self.bytes.saturating_sub(before.map_or(0, |values| values.bytes() + ENTRY));
        }
        if self.bytes > LIMIT {
            self.days.clear();
            self.bytes = 0;
        }
    }
}

/// What a task counts, as far as that can be known beforehand.
struct Coming {
    account_no: i64,
    /// When its event happened.
    at: Timestamp,
    /// The entry that begins what it revises, and the one with which that was described.
    revises: Option<(u64, u64)>,
}

impl Cache {
    /// What the tasks may need: copies to work on. `wallets` says when each account's next entry is recorded.
    pub(super) async fn load_values(
        &mut self,
        posting: &mut Posting<'_>,
        tasks: &[Task],
        histories: &HashMap<EventKey, History>,
        wallets: &HashMap<i64, Wallet>,
        now: Timestamp,
    ) -> Result<Values, StoreError> {
        let declared = Arc::clone(&self.values.declared);
        let mut needed = Values { declared, ..Values::default() };
        if needed.is_empty() {
            return Ok(needed);
        }
        let coming: Vec<Coming> =
            tasks.iter().filter_map(|task| self.coming(task, histories, wallets, now)).collect();
        self.load_days(posting, &coming, &mut needed).await?;
        let revised: Vec<_> = coming.iter().filter_map(|one| Some((one.account_no, one.revises?))).collect();
        if !revised.is_empty() {
            let asked: Vec<_> = revised.iter().map(|(no, (_, described))| (*no, *described)).collect();
            let said = posting.find_said(&asked).await?;
            for (no, (begins, described)) in revised {
                if let Some(pairs) = said.get(&(no, described)) {
                    needed.note(no, begins, pairs);
                }
            }
        }
        Ok(needed)
    }

    async fn load_days(
        &self,
        posting: &mut Posting<'_>,
        coming: &[Coming],
        needed: &mut Values,
    ) -> Result<(), StoreError> {
        let mut missing = HashSet::new();
        for Coming { account_no, at, .. } in coming {
            for place in 0..needed.declared.len() {
                let day = Day { account_no: *account_no, place, start: at.floor(DAY) };
                match self.values.days.get(&day) {
                    Some(known) => drop(needed.days.insert(day, known.clone())),
                    None => drop(missing.insert(day)),
                }
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let missing: Vec<Day> = missing.into_iter().collect();
        let asked: Vec<DayOf> = missing
            .iter()
            .map(|day| DayOf {
                account_no: day.account_no,
                dimension: needed.declared[day.place].clone(),
                start: day.start,
            })
            .collect();
        needed.days.extend(missing.into_iter().zip(posting.named_values(&asked).await?));
        Ok(())
    }

    fn coming(
        &self,
        task: &Task,
        histories: &HashMap<EventKey, History>,
        wallets: &HashMap<i64, Wallet>,
        now: Timestamp,
    ) -> Option<Coming> {
        match task {
            Task::Charge(submission) => {
                let report = &submission.report;
                report.check_time(now).ok()?;
                let account_no = self.payer(&submission.payer)?.account_no;
                let at = now.max(wallets.get(&account_no)?.recorded_at);
                Some(Coming { account_no, at: report.event_time(at), revises: None })
            }
            Task::Settle(closing, _) => {
                let account_no = self.number(closing.hold.account)?;
                let wallet = wallets.get(&account_no)?;
                let seq = closing.hold.seq;
                let hold = wallet.holds().iter().find(|hold| hold.seq == seq);
                let at =
                    hold.map_or(now.max(wallet.recorded_at), |hold| hold.event.event_time(hold.recorded_at));
                Some(Coming { account_no, at, revises: Some((seq, seq)) })
            }
            Task::Correct(correction) => {
                let history = histories.get(&correction.event)?;
                let first = history.legs.first()?;
                let at = first.event.as_ref()?.event_time(first.recorded_at);
                let described = first.revises.as_ref().map_or(first.seq, |hold| hold.of);
                Some(Coming { account_no: history.account_no, at, revises: Some((first.seq, described)) })
            }
            _ => None,
        }
    }
}
