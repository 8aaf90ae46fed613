//! What an account spent, hour by hour: the history that an outlook and a baseline are made of.

use crate::credits::Credits;
use crate::time::{HOUR, Timestamp};

/// Hours in a week.
pub const WEEK: usize = 168;

/// Complete hours without gaps, the last one ending at `end`. They begin with the first hour in which anything was spent,
/// since what was before that is no habit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hours {
    end: Timestamp,
    /// Micro-credits, the oldest first.
    spent: Vec<i64>,
}

impl Hours {
    /// At most this many are looked back, so that nothing is without bounds: two years.
    pub const MOST: usize = 104 * WEEK;

    /// From what was spent at instants before `end`, in any order; `end` is rounded down to the hour. What lies further back
    /// than [`Hours::MOST`] is left out.
    pub fn new(end: Timestamp, spent: impl IntoIterator<Item = (Timestamp, Credits)>) -> Self {
        let end = end.floor(HOUR);
        let mut back: Vec<i64> = vec![];
        for (at, credits) in spent {
            let ago = end.saturating_since(at.floor(HOUR)).checked_div(HOUR).unwrap_or(0);
            let Some(index) = usize::try_from(ago).ok().and_then(|ago| ago.checked_sub(1)) else { continue };
            if index >= Self::MOST || credits.is_zero() {
                continue;
            }
            if back.len() <= index {
                back.resize(index.saturating_add(1), 0);
            }
            back[index] = back[index].saturating_add(credits.micros()).min(Credits::MAX.micros());
        }
        back.reverse();
        Self { end, spent: back }
    }

    /// Where the first hour begins; `end` without any.
    pub fn from(&self) -> Timestamp {
        let hours = i64::try_from(self.spent.len()).unwrap_or(i64::MAX);
        self.end.saturating_add(hours.saturating_mul(HOUR).saturating_neg())
    }

    /// Where the last hour ends.
    pub const fn end(&self) -> Timestamp {
        self.end
    }

    /// Micro-credits of each hour, the oldest first.
    pub fn micros(&self) -> &[i64] {
        &self.spent
    }

    /// What was known at the end of the first `count` hours.
    #[must_use]
    pub fn first(&self, count: usize) -> Self {
        let count = count.min(self.spent.len());
        let hours = i64::try_from(count).unwrap_or(i64::MAX);
        let end = self.from().saturating_add(hours.saturating_mul(HOUR));
        Self { end, spent: self.spent[..count].to_vec() }
    }

    /// Complete weeks, counted back from the end.
    pub fn weeks(&self) -> usize {
        self.spent.len() / WEEK
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(hour: i64) -> Timestamp {
        Timestamp::from_micros(hour.saturating_mul(HOUR))
    }

    #[test]
    fn hours_are_added_up_and_begin_with_the_first_that_spent() {
        let quarter = HOUR / 4;
        let spent = [
            (hour(7), Credits::whole(1)),
            (hour(5).saturating_add(quarter), Credits::whole(2)),
            (hour(5).saturating_add(3 * quarter), Credits::whole(3)),
            (hour(2), Credits::ZERO),
            (hour(9), Credits::whole(9)),
        ];
        let hours = Hours::new(hour(8).saturating_add(quarter), spent);
        assert_eq!((hours.from(), hours.end()), (hour(5), hour(8)), "the hour that runs is not complete");
        assert_eq!(hours.micros(), [5_000_000, 0, 1_000_000]);
        let first = hours.first(1);
        assert_eq!((first.from(), first.end(), first.micros()), (hour(5), hour(6), &[5_000_000][..]));
        let none = Hours::new(hour(8), []);
        assert_eq!((none.from(), none.end(), none.weeks()), (hour(8), hour(8), 0));
    }

    #[test]
    fn they_are_bounded_and_never_wrap() {
        let most = i64::try_from(Hours::MOST).unwrap();
        let far = [
            (hour(0), Credits::whole(1)),
            (hour(0), Credits::MAX),
            (hour(-1), Credits::whole(1)),
            (Timestamp::from_micros(i64::MIN), Credits::MAX),
            (Timestamp::from_micros(i64::MAX), Credits::MAX),
        ];
        let hours = Hours::new(hour(most), far);
        assert_eq!(hours.micros().len(), Hours::MOST);
        assert_eq!(hours.micros().first(), Some(&Credits::MAX.micros()));
        assert_eq!(hours.weeks(), 104);
    }
}
