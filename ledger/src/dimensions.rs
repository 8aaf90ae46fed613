//! Consumption by what services say about their work: for each dimension that an operator has declared, what its values
//! came to in each bucket.
//!
//! An account's day (UTC, by event time) has names for the first [`MOST_VALUES`] values of a dimension, in the order of
//! booking; all others count as [`OTHER`]. A value that has its name keeps it, and one that came too late stays without,
//! so that where an event counts follows from the entries alone.

use std::collections::BTreeSet;
use std::sync::Arc;

/// Dimensions that can be declared at most.
pub const MOST_DIMENSIONS: usize = 4;
/// Values of one dimension that have a name of their own in an account's day.
pub const MOST_VALUES: usize = 50;
/// The group of all other values; a value that is called so itself counts here as well.
pub const OTHER: &str = "other";

/// The values of one dimension that have a name in an account's day. Cheap to clone.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct NamedValues(Arc<BTreeSet<String>>);

impl NamedValues {
    /// The group that `value` counts in, which has its name from then on if there is room for it.
    pub fn group<'v>(&mut self, value: &'v str) -> &'v str {
        if self.0.contains(value) {
            return value;
        }
        if value == OTHER || self.0.len() >= MOST_VALUES {
            return OTHER;
        }
        Arc::make_mut(&mut self.0).insert(value.to_owned());
        value
    }

    /// Bytes of all values.
    pub fn bytes(&self) -> usize {
        self.0.iter().map(String::len).fold(0, usize::saturating_add)
    }
}

impl FromIterator<String> for NamedValues {
    /// Values that have been named before.
    fn from_iter<I: IntoIterator<Item = String>>(values: I) -> Self {
        Self(Arc::new(values.into_iter().filter(|value| value != OTHER).collect()))
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
