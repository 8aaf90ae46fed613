//! Calendar days, which plans and invoices count by, and the zone that says when a day begins.
//!
//! Where zones change their clocks is knowledge that ages, and it is large; so this crate has none of it. Whoever calls
//! brings a [`Zone`], and everything else is arithmetic of the Gregorian calendar.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::time::{DAY, Timestamp};

/// When days begin, for an account.
pub trait Zone {
    /// The day on which an instant falls.
    fn day(&self, at: Timestamp) -> Day;

    /// The first instant of a day. Where the clocks skip midnight, the one they jump to; of a day that the zone has
    /// skipped as a whole, the first of the day after it. A later day never starts earlier.
    fn start(&self, day: Day) -> Timestamp;
}

/// The zone whose days are those of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Utc;

impl Zone for Utc {
    fn day(&self, at: Timestamp) -> Day {
        Day::in_utc(at)
    }

    fn start(&self, day: Day) -> Timestamp {
        Timestamp::from_micros(day.0.saturating_mul(DAY))
    }
}

/// A calendar day, whatever the zone. Written `2026-11-22`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i64);

/// Days on which the arithmetic below can't overflow: more than 10^9 years each way.
const REACH: i64 = 1 << 40;

/// A text that is no day. The message ends a sentence that begins with the field's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a day such as 2026-11-22")]
pub struct DayError;

impl Day {
    /// The day on which an instant falls in UTC.
    pub const fn in_utc(at: Timestamp) -> Self {
        Self(at.micros().div_euclid(DAY))
    }

    /// Days since 1970-01-01, which is 0.
    pub const fn since_1970(self) -> i64 {
        self.0
    }

    /// The day so many days after 1970-01-01, held where the arithmetic ends.
    pub fn from_1970(days: i64) -> Self {
        Self(days.clamp(-REACH, REACH))
    }

    /// A date of the Gregorian calendar; `None` where it has no such day.
    pub fn of_date(year: i64, month: i64, day: i64) -> Option<Self> {
        let fits = (-9_999..=9_999).contains(&year) && (1..=12).contains(&month);
        let found = Self(days_from_date(year, month, day));
        (fits && (1..=31).contains(&day) && found.date() == (year, month, day)).then_some(found)
    }

    /// Year, month and day, months and days from 1.
    pub fn date(self) -> (i64, i64, i64) {
        date_from_days(self.0)
    }

    /// The same day of the month so many months later, or that month's last day where it has no such day: a month
    /// after 31 January is 28 or 29 February. Counted from the same day, two months after it is 31 March again.
    #[must_use]
    #[expect(
        clippy::arithmetic_side_effects,
        reason = "a day is within 2^40 of 1970 and months are below 2^32"
    )]
    pub fn plus_months(self, months: u32) -> Self {
        let (year, month, day) = self.date();
        let later = year * 12 + (month - 1) + i64::from(months);
        let (year, month) = (later.div_euclid(12), later.rem_euclid(12) + 1);
        let first = days_from_date(year, month, 1);
        let next =
            if month == 12 { days_from_date(year + 1, 1, 1) } else { days_from_date(year, month + 1, 1) };
        Self::from_1970(first + (day - 1).min(next - first - 1))
    }

    /// The day so many days later, or earlier when negative.
    #[must_use]
    pub fn plus_days(self, days: i64) -> Self {
        Self::from_1970(self.0.saturating_add(days))
    }

    /// The first day of its month.
    #[must_use]
    pub fn first_of_month(self) -> Self {
        let (_, _, day) = self.date();
        self.plus_days(day.saturating_sub(1).saturating_neg())
    }

    /// Days from `earlier` to this one.
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// Howard Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`.
#[expect(
    clippy::arithmetic_side_effects,
    reason = "days are within 2^40 of 1970, and an i64 of microseconds within 2^28"
)]
pub(crate) fn date_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// Howard Hinnant, as above, `days_from_civil`.
#[expect(
    clippy::arithmetic_side_effects,
    reason = "years are below 2^32 on both sides, months 1 to 12, days 1 to 31"
)]
pub(crate) fn days_from_date(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

impl fmt::Display for Day {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.date();
        write!(out, "{year:04}-{month:02}-{day:02}")
    }
}

impl FromStr for Day {
    type Err = DayError;

    fn from_str(text: &str) -> Result<Self, DayError> {
        let parse = || {
            let (year, rest) = text.split_at_checked(4)?;
            let (month, day) = rest.strip_prefix('-')?.split_once('-')?;
            Self::of_date(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
        };
        parse().filter(|day| day.to_string() == text).ok_or(DayError)
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    #[test]
    fn a_month_after_the_31st_is_the_last_day_of_a_shorter_month_and_the_31st_comes_back() {
        let anchor = day("2027-10-31");
        let days: Vec<String> = (0..7).map(|months| anchor.plus_months(months).to_string()).collect();
        assert_eq!(
            days,
            [
                "2027-10-31",
                "2027-11-30",
                "2027-12-31",
                "2028-01-31",
                "2028-02-29",
                "2028-03-31",
                "2028-04-30"
            ]
        );
    }

    #[test]
    fn a_leap_day_is_28_february_in_other_years_and_comes_back_in_the_next_leap_year() {
        let anchor = day("2028-02-29");
        let days: Vec<String> = (0..5).map(|years| anchor.plus_months(years * 12).to_string()).collect();
        assert_eq!(days, ["2028-02-29", "2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"]);
        assert_eq!(day("2096-02-29").plus_months(48), day("2100-02-28"));
    }

    #[test]
    fn only_days_of_the_calendar_are_read() {
        assert_eq!(day("1970-01-01").since_1970(), 0);
        assert_eq!(day("2026-12-01").since_1970(), 1_796_083_200 / 86_400);
        for text in
            ["2027-02-29", "2026-13-01", "2026-1-1", "26-01-01", "2026-01-32", "2026-00-01", "+026-01-01", ""]
        {
            assert_eq!(text.parse::<Day>(), Err(DayError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn days_and_dates_are_each_other(days in -3_000_000..3_000_000_i64, months in 0..5_000_u32) {
            let day = Day::from_1970(days);
            let (year, month, date) = day.date();
            prop_assert_eq!(days_from_date(year, month, date), days);
            let later = day.plus_months(months);
            let (later_year, later_month, later_date) = later.date();
            prop_assert_eq!(later_year * 12 + later_month, year * 12 + month + i64::from(months));
            prop_assert!(later_date == date || (later_date < date && later.plus_days(1).date().2 == 1));
            prop_assert_eq!(Utc.day(Utc.start(day)), day);
            prop_assert_eq!(day.first_of_month().date(), (year, month, 1));
        }
    }
}
