//! Consumption by what services say about their work: for each dimension that an operator has declared, what its values
//! came to in each bucket.
//!
//! An account's day (UTC, by event time) has names for the first [`MOST_VALUES`] values of a dimension, in the order of
//! booking; all others count as [`OTHER`]. A value that has its name keeps it, and one that came too late stays without,
//! so that where an event counts follows from the entries alone.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::entry::Entry;
use crate::series::{BucketKey, Counted, Series, Totals};
use crate::time::{DAY, Timestamp};

/// Dimensions that can be declared at most.
pub const MOST_DIMENSIONS: usize = 4;
/// Values of one dimension that have a name of their own in an account's day.
pub const MOST_VALUES: usize = 50;
/// The group of all other values; a value that is called so itself counts here as well.
pub const OTHER: &str = "other";

/// The values of one dimension that have a name in an account's day. Cheap to clone.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct NamedValues {
    values: Arc<BTreeSet<String>>,
    bytes: usize,
}

impl NamedValues {
    /// The group that `value` counts in, which has its name from then on if there is room for it.
    pub fn group<'v>(&mut self, value: &'v str) -> &'v str {
        if self.values.contains(value) {
            return value;
        }
        if value == OTHER || self.values.len() >= MOST_VALUES {
            return OTHER;
        }
        Arc::make_mut(&mut self.values).insert(value.to_owned());
        self.bytes = self.bytes.saturating_add(value.len());
        value
    }

    /// Bytes of all values.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl FromIterator<String> for NamedValues {
    /// Values that have been named before.
    fn from_iter<I: IntoIterator<Item = String>>(values: I) -> Self {
        let values: BTreeSet<_> = values.into_iter().filter(|value| value != OTHER).collect();
        let bytes = values.iter().map(String::len).fold(0, usize::saturating_add);
        Self { values: Arc::new(values), bytes }
    }
}

/// What is said of a dimension; an empty value says nothing.
pub fn said<'p>(pairs: &'p BTreeMap<String, String>, dimension: &str) -> Option<&'p str> {
    pairs.get(dimension).map(String::as_str).filter(|value| !value.is_empty())
}

/// Where a value is counted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DimensionKey {
    pub dimension: String,
    pub bucket: BucketKey,
    /// The value or [`OTHER`].
    pub group: String,
}

impl DimensionKey {
    fn day(&self) -> Timestamp {
        self.bucket.start.floor(DAY)
    }
}

/// What values came to.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct ValueTotals {
    pub used: BTreeMap<DimensionKey, Totals>,
    /// What corrections lower in what was used.
    pub taken_back: BTreeMap<DimensionKey, Totals>,
}

impl ValueTotals {
    pub fn is_empty(&self) -> bool {
        self.used.is_empty() && self.taken_back.is_empty()
    }

    fn at(&self, key: &DimensionKey) -> Option<Totals> {
        let used = self.used.get(key)?;
        let less = self.taken_back.get(key).copied().unwrap_or_default();
        Some(Totals {
            credits: used.credits.saturating_sub(less.credits),
            quantity: used.quantity.saturating_sub(less.quantity),
            count: used.count,
        })
    }
}

/// What one account's values came to, by the entries in their order.
#[derive(Debug, Default, Clone)]
pub struct DimensionSeries {
    declared: Vec<String>,
    /// By the place of the dimension and the day.
    named: HashMap<(usize, Timestamp), NamedValues>,
    sums: ValueTotals,
    /// Days of which some event's dimensions are erased.
    erased: BTreeSet<Timestamp>,
}

impl DimensionSeries {
    pub fn new(declared: Vec<String>) -> Self {
        Self { declared, ..Self::default() }
    }

    /// With the names that are given away already, as `stored` has them: entries may then come in any order, and without
    /// those before them.
    pub fn with_names_of<'k>(declared: Vec<String>, stored: impl Iterator<Item = &'k DimensionKey>) -> Self {
        let mut values: HashMap<(usize, Timestamp), Vec<String>> = HashMap::new();
        for key in stored {
            if let Some(place) = declared.iter().position(|name| *name == key.dimension) {
                values.entry((place, key.day())).or_default().push(key.group.clone());
            }
        }
        let named = values.into_iter().map(|(day, values)| (day, values.into_iter().collect())).collect();
        Self { declared, named, ..Self::default() }
    }

    /// Counts the event that an entry begins, or takes away what it corrects. `pairs` is what was said about the event,
    /// `None` when that is erased.
    pub fn count(&mut self, entry: &Entry, pairs: Option<&BTreeMap<String, String>>) {
        let is_described = entry.event.as_ref().is_some_and(|event| event.dimensions.is_some());
        let Some(counted) = Counted::of(entry).filter(|_| is_described) else { return };
        let (sums, bucket, totals) = match counted {
            Counted::Used(bucket, totals) => (&mut self.sums.used, bucket, totals),
            Counted::TakenBack(bucket, totals) => (&mut self.sums.taken_back, bucket, totals),
        };
        let day = bucket.start.floor(DAY);
        let Some(pairs) = pairs else {
            self.erased.insert(day);
            return;
        };
        for (place, dimension) in self.declared.iter().enumerate() {
            let Some(value) = said(pairs, dimension) else { continue };
            let group = self.named.entry((place, day)).or_default().group(value).to_owned();
            let key = DimensionKey { dimension: dimension.clone(), bucket: bucket.clone(), group };
            let sum = sums.entry(key).or_default();
            *sum = sum.plus(totals);
        }
    }

    /// What a value came to.
    pub fn at(&self, key: &DimensionKey) -> Option<Totals> {
        self.sums.at(key)
    }

    /// What was counted since this was last asked; names are remembered.
    pub fn drain(&mut self) -> ValueTotals {
        std::mem::take(&mut self.sums)
    }

    /// Where `stored` first differs. Of a day on which dimensions are erased nobody knows any more which values were the
    /// first: there it holds at most what `all` does in each bucket.
    pub fn first_difference(
        &self,
        stored: &BTreeMap<DimensionKey, Totals>,
        all: &Series,
    ) -> Option<DimensionKey> {
        let is_known = |key: &&DimensionKey| !self.erased.contains(&key.day());
        let mut keys = self.sums.used.keys().chain(stored.keys()).filter(is_known);
        let differs = keys.find(|key| self.sums.at(key) != stored.get(*key).copied());
        differs.cloned().or_else(|| self.first_excess(stored, all))
    }

    fn first_excess(&self, stored: &BTreeMap<DimensionKey, Totals>, all: &Series) -> Option<DimensionKey> {
        let mut sums: BTreeMap<(&str, &BucketKey), (Totals, &DimensionKey)> = BTreeMap::new();
        for (key, totals) in stored.iter().filter(|(key, _)| self.erased.contains(&key.day())) {
            let (sum, _) = sums.entry((&key.dimension, &key.bucket)).or_insert((Totals::default(), key));
            *sum = sum.plus(*totals);
        }
        let all: BTreeMap<_, _> = all.buckets().collect();
        let is_within = |(_, bucket): &(&str, &BucketKey), sum: &Totals| {
            all.get(bucket).is_some_and(|most| {
                sum.credits <= most.credits && sum.quantity <= most.quantity && sum.count <= most.count
            })
        };
        let excess = sums.iter().find(|(place, (sum, _))| !is_within(place, sum));
        excess.map(|(_, (_, key))| (*key).clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_fifty_values_of_a_day_have_names_for_the_whole_of_it() {
        let mut named = NamedValues::default();
        let values: Vec<String> = (0..60).map(|n| format!("v{n}")).collect();
        for (place, value) in values.iter().enumerate() {
            let group = if place < MOST_VALUES { value.as_str() } else { OTHER };
            assert_eq!(named.group(value), group);
        }
        let read_again: NamedValues = values[..MOST_VALUES].iter().cloned().collect();
        assert_eq!(named, read_again);
        assert_eq!((named.group("v0"), named.group("v50")), ("v0", OTHER));
    }

    #[test]
    fn a_value_called_other_takes_no_place() {
        let mut named = NamedValues::default();
        assert_eq!(named.group(OTHER), OTHER);
        for n in 0..MOST_VALUES {
            let value = n.to_string();
            assert_eq!(named.group(&value), value);
        }
        assert_eq!(named.group("late"), OTHER);
    }
}
