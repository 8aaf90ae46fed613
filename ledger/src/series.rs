//! Consumption in steps of 15 minutes, the widest step that divides every time zone's day.

use std::collections::BTreeMap;

use crate::credits::{Credits, Quantity};
use crate::entry::{Entry, EventFacts};
use crate::ids::KeyId;
use crate::time::{SECOND, Timestamp};

/// The width of a bucket in microseconds.
pub const BUCKET: i64 = 900 * SECOND;

/// Where an event is counted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BucketKey {
    /// A multiple of [`BUCKET`].
    pub start: Timestamp,
    pub operation: String,
    pub api_key: Option<KeyId>,
}

impl BucketKey {
    pub fn of(event: &EventFacts, recorded_at: Timestamp) -> Self {
        Self {
            start: event.event_time(recorded_at).floor(BUCKET),
            operation: event.operation.clone(),
            api_key: event.api_key.clone(),
        }
    }
}

/// What was consumed in a bucket.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Totals {
    pub credits: Credits,
    pub quantity: Quantity,
    /// Number of events.
    pub count: u64,
}

impl Totals {
    pub fn of(event: &EventFacts) -> Self {
        Self { credits: event.credits, quantity: event.quantity, count: 1 }
    }

    /// The sum of both, each figure held at the end of its range.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            credits: self.credits.checked_add(other.credits).unwrap_or(Credits::MAX),
            quantity: self.quantity.saturating_add(other.quantity),
            count: self.count.saturating_add(other.count),
        }
    }
}

/// What an entry changes in the series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Counted {
    /// An event.
    Used(BucketKey, Totals),
    /// What a correction lowers; its count is 0.
    TakenBack(BucketKey, Totals),
}

impl Counted {
    /// `None` for entries that are neither an event nor a correction of one.
    pub fn of(entry: &Entry) -> Option<Self> {
        let event = entry.event.as_ref()?;
        let key = || BucketKey::of(event, entry.recorded_at);
        if entry.movement.uses() {
            return Some(Self::Used(key(), Totals::of(event)));
        }
        let before = entry.revises.as_ref().filter(|_| entry.movement.gives_back())?;
        let totals = Totals {
            credits: before.credits.saturating_sub(event.credits),
            quantity: before.quantity.saturating_sub(event.quantity),
            count: 0,
        };
        Some(Self::TakenBack(key(), totals))
    }
}

/// Buckets in order of time.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Series(BTreeMap<BucketKey, Totals>);

impl Series {
    /// Counts the event that an entry begins, or takes away what it corrects; other entries change nothing.
    pub fn count(&mut self, entry: &Entry) {
        match Counted::of(entry) {
            Some(Counted::Used(key, totals)) => self.add(key, totals),
            Some(Counted::TakenBack(key, totals)) => self.take(&key, totals),
            None => {}
        }
    }

    /// Lowers credits and quantity of a bucket; a bucket that isn't there has nothing to lower.
    pub fn take(&mut self, key: &BucketKey, totals: Totals) {
        if let Some(sum) = self.0.get_mut(key) {
            sum.credits = sum.credits.saturating_sub(totals.credits);
            sum.quantity = sum.quantity.saturating_sub(totals.quantity);
        }
    }

    pub fn add(&mut self, key: BucketKey, totals: Totals) {
        let sum = self.0.entry(key).or_default();
        *sum = sum.plus(totals);
    }

    pub fn buckets(&self) -> impl Iterator<Item = (&BucketKey, &Totals)> {
        self.0.iter()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The sum of all buckets.
    pub fn total(&self) -> Totals {
        self.0.values().fold(Totals::default(), |sum, totals| sum.plus(*totals))
    }
}
