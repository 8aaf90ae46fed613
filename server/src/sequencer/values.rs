//! What events are about, by the dimensions that are declared: which of an account's day's values have names, and what each
//! came to. Costs nothing while none is declared.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use ledger::Timestamp;
use ledger::dimensions::{DimensionKey, NamedValues, said};
use ledger::entry::Entry;
use ledger::series::{BucketKey, Totals};
use ledger::time::DAY;
use ledger::wallet::Wallet;

use super::Task;
use super::cache::Cache;
use crate::store::posting::Posting;
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

    /// Adds `totals` of the event of an entry to what its values came to.
    pub fn count(
        &mut self,
        account_no: i64,
        entry: &Entry,
        (bucket, totals): (&BucketKey, Totals),
        sums: &mut BTreeMap<(i64, DimensionKey), Totals>,
    ) {
        let Some(pairs) = self.said.get(&(account_no, entry.seq)) else { return };
        let start = bucket.start.floor(DAY);
        for (place, dimension) in self.declared.iter().enumerate() {
            let Some(value) = said(pairs, dimension) else { continue };
            let named = self.days.entry(Day { account_no, place, start }).or_default();
            let group = named.group(value).to_owned();
            let key = DimensionKey { dimension: dimension.clone(), bucket: bucket.clone(), group };
            let sum = sums.entry((account_no, key)).or_default();
            *sum = sum.plus(totals);
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

impl Cache {
    /// What the tasks may need: copies to work on. `wallets` says when each account's next entry is recorded.
    pub(super) async fn load_values(
        &mut self,
        posting: &mut Posting<'_>,
        tasks: &[Task],
        wallets: &HashMap<i64, Wallet>,
        now: Timestamp,
    ) -> Result<Values, StoreError> {
        let declared = Arc::clone(&self.values.declared);
        let mut needed = Values { declared, ..Values::default() };
        if needed.is_empty() {
            return Ok(needed);
        }
        let mut missing = HashSet::new();
        for task in tasks {
            let Some((account_no, start)) = self.day_of(task, wallets, now) else { continue };
            for place in 0..needed.declared.len() {
                let day = Day { account_no, place, start };
                match self.values.days.get(&day) {
                    Some(known) => drop(needed.days.insert(day, known.clone())),
                    None => drop(missing.insert(day)),
                }
            }
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
        if !asked.is_empty() {
            let found = posting.named_values(&asked).await?;
            needed.days.extend(missing.into_iter().zip(found));
        }
        Ok(needed)
    }

    /// The day that the event of a task is counted on.
    fn day_of(
        &self,
        task: &Task,
        wallets: &HashMap<i64, Wallet>,
        now: Timestamp,
    ) -> Option<(i64, Timestamp)> {
        let Task::Charge(submission) = task else { return None };
        let report = &submission.report;
        report.check_time(now).ok()?;
        let account_no = self.payer(&submission.payer)?.account_no;
        let at = now.max(wallets.get(&account_no)?.recorded_at);
        Some((account_no, report.event_time(at).floor(DAY)))
    }
}
