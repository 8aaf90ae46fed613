//! Whether charts say what the books say: a stretch of one account's time, picked at random, is counted again.
//!
//! The rollups are read together with the number of the last entry that is in them; the entries up to that number never
//! change, so that events which arrive meanwhile disturb nothing. What is looked at is bounded: of an account whose
//! window would take more entries than that, the latest are.

use std::collections::BTreeMap;

use ledger::dimensions::{DimensionKey, DimensionSeries};
use ledger::event::{MAX_AGE, MAX_LEAD};
use ledger::series::{BUCKET, BucketKey, Series, Totals};
use ledger::time::DAY;
use ledger::{AccountId, Timestamp};

use super::{Console, Error};
use crate::random::number_below;
use crate::store::{AsOf, KeptAccount, Stretch, Window};

/// Entries that one check looks at.
const MOST: u64 = 200_000;
/// Buckets on either side of the entry that a window is picked by: a day.
const REACH: u64 = 96;
/// An entry is recorded a little after the instant by which its event's time was judged, more so when the machine's
/// clock was set back.
const SLACK: i64 = DAY;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RollupCheck {
    Match,
    Mismatch(Box<RollupMismatch>),
    /// There was nothing to compare.
    Empty,
}

/// A bucket in which charts and books differ.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("account {account}: the bucket of {operation:?} at {start} µs ({value:?}) has {stored:?}, its events give {events:?}",
    operation = bucket.operation, start = bucket.start.micros())]
pub struct RollupMismatch {
    pub account: AccountId,
    pub window: Window,
    pub bucket: BucketKey,
    /// Of a dimension: its name and the value.
    pub value: Option<(String, String)>,
    pub stored: Option<Totals>,
    pub events: Option<Totals>,
}

impl Console {
    /// Checks a random window of a random account.
    pub async fn check_rollups(&self) -> Result<RollupCheck, Error> {
        self.check_rollups_within(MOST).await
    }

    /// As [`Console::check_rollups`], looking at about so many entries at most.
    pub async fn check_rollups_within(&self, most: u64) -> Result<RollupCheck, Error> {
        let Some(last) = self.store.last_kept_account().await? else { return Ok(RollupCheck::Empty) };
        let pick = number_below(&*self.random, last.unsigned_abs().saturating_add(1));
        let Some(account) = self.store.find_kept_account(pick.cast_signed()).await? else {
            return Ok(RollupCheck::Empty);
        };
        let Some(mut window) = self.random_window(account).await? else { return Ok(RollupCheck::Empty) };
        let (first, last) = self.entries_of(account, window).await?;
        if last.saturating_sub(first) >= most {
            let Some(latest) = self.latest_window(account, most).await? else {
                return Ok(RollupCheck::Empty);
            };
            window = latest;
        }
        self.compare(account, window).await
    }

    /// Around the time of some entry, so that busy times are checked most.
    async fn random_window(&self, account: KeptAccount) -> Result<Option<Window>, Error> {
        let seq = number_below(&*self.random, account.seq).saturating_add(1);
        let Some(times) = self.store.find_entry_times(account.no, seq).await? else { return Ok(None) };
        let [before, after] = [(); 2].map(|()| number_below(&*self.random, REACH));
        Ok(Some(window_around(times.event_time, before, after)))
    }

    /// From where all events are among the last `most` entries.
    async fn latest_window(&self, account: KeptAccount, most: u64) -> Result<Option<Window>, Error> {
        let seq = account.seq.saturating_sub(most).max(1);
        let Some(times) = self.store.find_entry_times(account.no, seq).await? else { return Ok(None) };
        let from = times.recorded_at.saturating_add(MAX_LEAD).floor(BUCKET).saturating_add(BUCKET);
        Ok(Some(window_around(from, 0, REACH)))
    }

    /// The first and the last entry that can be an event of the window.
    async fn entries_of(&self, account: KeptAccount, window: Window) -> Result<(u64, u64), Error> {
        let earliest = window.from.saturating_add(-MAX_LEAD);
        let latest = window.to.saturating_add(MAX_AGE).saturating_add(SLACK);
        let first = self.store.first_seq_since(account.no, earliest).await?;
        let after = self.store.first_seq_since(account.no, latest).await?;
        Ok((first, after.saturating_sub(1)))
    }

    async fn compare(&self, account: KeptAccount, window: Window) -> Result<RollupCheck, Error> {
        let stored = self.store.rollups_as_of(account.no, window).await?;
        let (first, last) = self.entries_of(account, window).await?;
        let stretch = Stretch { first, last: last.min(stored.seq), corrected_up_to: stored.seq };
        let events = self.store.series_of_entries(account.no, window, stretch).await?;
        if stored.series.is_empty() && events.is_empty() {
            return Ok(RollupCheck::Empty);
        }
        let mut found = first_difference(&stored.series, &events).map(|found| (found, None));
        if found.is_none() {
            let values = self.store.values_of_entries(account.no, window, stretch, &stored.values).await?;
            found = first_value(&stored, &values, window);
        }
        let Some(((bucket, stored, events), value)) = found else { return Ok(RollupCheck::Match) };
        let account = account.id;
        Ok(RollupCheck::Mismatch(Box::new(RollupMismatch { account, window, bucket, value, stored, events })))
    }
}

/// A bucket, and what it holds by the rollups and by the events.
type Difference = (BucketKey, Option<Totals>, Option<Totals>);

/// The first difference in the rollups of dimensions, with the dimension and the value.
fn first_value(
    stored: &AsOf,
    events: &DimensionSeries,
    window: Window,
) -> Option<(Difference, Option<(String, String)>)> {
    let is_inside = |key: &&DimensionKey| window.from <= key.bucket.start && key.bucket.start < window.to;
    let inside = stored.values.sums.iter().filter(|(key, _)| is_inside(key));
    let inside: BTreeMap<_, _> = inside.map(|(key, totals)| (key.clone(), *totals)).collect();
    let key = events.first_difference(&inside, &stored.series)?;
    let totals = (inside.get(&key).copied(), events.at(&key));
    Some(((key.bucket, totals.0, totals.1), Some((key.dimension, key.group))))
}

/// The bucket of `at`, and so many before and after it.
fn window_around(at: Timestamp, before: u64, after: u64) -> Window {
    let buckets = |count: u64| BUCKET.saturating_mul(i64::try_from(count).unwrap_or(i64::MAX));
    let bucket = at.floor(BUCKET);
    Window {
        from: bucket.saturating_add(-buckets(before)),
        to: bucket.saturating_add(buckets(after.saturating_add(1))),
    }
}

fn first_difference(stored: &Series, events: &Series) -> Option<Difference> {
    let mut both: BTreeMap<&BucketKey, [Option<Totals>; 2]> = BTreeMap::new();
    for (place, series) in [stored, events].into_iter().enumerate() {
        for (key, totals) in series.buckets() {
            both.entry(key).or_default()[place] = Some(*totals);
        }
    }
    let (key, [stored, events]) = both.into_iter().find(|(_, [stored, events])| stored != events)?;
    Some((key.clone(), stored, events))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_has_whole_buckets_and_the_one_it_is_picked_by() {
        let at = Timestamp::from_micros(10 * BUCKET + 7);
        let window = |before, after| {
            let Window { from, to } = window_around(at, before, after);
            (from.micros() / BUCKET, to.micros() / BUCKET, from.micros() % BUCKET, to.micros() % BUCKET)
        };
        assert_eq!(window(0, 0), (10, 11, 0, 0));
        assert_eq!(window(3, 95), (7, 106, 0, 0));
    }
}
