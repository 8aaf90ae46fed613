//! Instants as integers. Nothing in this crate asks what time it is; the caller says.

use serde::{Deserialize, Serialize};

/// Microseconds in one second.
pub const SECOND: i64 = 1_000_000;
/// Microseconds in one hour.
pub const HOUR: i64 = 3_600 * SECOND;
/// Microseconds in one day.
pub const DAY: i64 = 86_400 * SECOND;

/// An instant: microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The instant `micros` later (earlier when negative), held at the ends of the range.
    #[must_use]
    pub const fn saturating_add(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// Microseconds from `earlier` to `self`, held at the ends of the range.
    pub const fn saturating_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The start of the step of `width` microseconds (> 0) that holds this instant, counted from 1970 in UTC.
    #[must_use]
    pub const fn floor(self, width: i64) -> Self {
        match self.0.checked_rem_euclid(width) {
            Some(rest) => Self(self.0.saturating_sub(rest)),
            None => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floor_rounds_towards_the_past_on_both_sides_of_1970() {
        assert_eq!(Timestamp(14).floor(10), Timestamp(10));
        assert_eq!(Timestamp(-1).floor(10), Timestamp(-10));
        assert_eq!(Timestamp(20).floor(10), Timestamp(20));
        assert_eq!(Timestamp(20).floor(0), Timestamp(20));
    }
}
