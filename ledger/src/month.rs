//! Calendar months in UTC, which graduated prices count by.

use std::fmt;

use crate::day::{date_from_days, days_from_date};
use crate::time::{DAY, Timestamp};

/// A calendar month in UTC. Written `2026-11`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    year: i64,
    /// From 1.
    month: i64,
}

impl Month {
    /// The month that holds an instant.
    pub fn of(at: Timestamp) -> Self {
        let (year, month, _) = date_from_days(at.micros().div_euclid(DAY));
        Self { year, month }
    }

    /// Its first instant, held at the ends of the range.
    pub fn start(self) -> Timestamp {
        Timestamp::from_micros(days_from_date(self.year, self.month, 1).saturating_mul(DAY))
    }

    /// The first instant after it.
    pub fn end(self) -> Timestamp {
        self.next().start()
    }

    fn next(self) -> Self {
        if self.month == 12 {
            Self { year: self.year.saturating_add(1), month: 1 }
        } else {
            Self { month: self.month.saturating_add(1), ..self }
        }
    }
}

impl fmt::Display for Month {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:04}-{:02}", self.year, self.month)
    }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(seconds: i64) -> Month {
        Month::of(Timestamp::from_micros(seconds * 1_000_000))
    }

    #[test]
    fn months_begin_and_end_at_midnight_utc() {
        // 2026-12-01T00:00:00Z
        let december = 1_796_083_200;
        assert_eq!(of(december).to_string(), "2026-12");
        assert_eq!(of(december - 1).to_string(), "2026-11");
        assert_eq!(of(december).start().micros(), december * 1_000_000);
        assert_eq!(of(december - 1).end().micros(), december * 1_000_000);
        assert_eq!(of(december).end().micros(), (december + 31 * 86_400) * 1_000_000);
    }

    #[test]
    fn leap_days_belong_to_february() {
        for (seconds, month, days) in [
            (1_709_251_199, "2024-02", 29), // 2024-02-29T23:59:59Z
            (1_709_251_200, "2024-03", 31),
            (4_107_542_400 - 1, "2100-02", 28), // 2100 is no leap year
            (951_868_800 - 1, "2000-02", 29),
            (0, "1970-01", 31),
            (-1, "1969-12", 31),
        ] {
            let found = of(seconds);
            assert_eq!(found.to_string(), month);
            assert_eq!(found.end().saturating_since(found.start()), days * DAY, "{month}");
        }
    }

    proptest! {
        #[test]
        fn every_instant_is_in_its_month(micros in any::<i64>()) {
            let at = Timestamp::from_micros(micros);
            let month = Month::of(at);
            prop_assert!(month.start() <= at && (at < month.end() || month.end().micros() == i64::MAX));
            prop_assert_eq!(Month::of(month.end().saturating_add(-1)), month);
            prop_assert!((28..=31).contains(&(month.end().saturating_since(month.start()) / DAY))
                || month.start().micros() == i64::MIN || month.end().micros() == i64::MAX);
        }
    }
}
