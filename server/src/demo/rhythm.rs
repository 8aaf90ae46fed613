//! How much a small team does at some hour: by the clock on its wall, by the day of the week, and more as it grows.

use ledger::Timestamp;

use crate::calendar::Zone;

/// Work at the desk, by hour of the day.
const DESK: [u64; 24] = [0, 0, 0, 0, 0, 0, 1, 3, 10, 16, 18, 15, 8, 14, 18, 17, 13, 7, 3, 2, 1, 1, 0, 0];
/// Monday to Sunday, in percent.
const DESK_DAYS: [u64; 7] = [100, 106, 110, 104, 84, 7, 5];
/// Calls from the product's own users, by hour of the day.
const USERS: [u64; 24] =
    [3, 2, 1, 1, 1, 2, 4, 8, 12, 14, 15, 15, 14, 14, 14, 13, 13, 12, 11, 11, 10, 8, 6, 4];
const USERS_DAYS: [u64; 7] = [100, 101, 103, 101, 96, 62, 57];
/// The product goes public at this point of the story, in thousandths.
pub const LAUNCH: u64 = 450;

/// An hour of the story.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hour {
    pub from: Timestamp,
    /// 0 to 23, by the clock on the wall.
    pub clock: usize,
    /// 0: Monday.
    pub weekday: usize,
    /// Between the years, and in August.
    pub is_quiet: bool,
    /// How much of the story is over, in thousandths.
    pub progress: u64,
}

impl Hour {
    pub fn new(from: Timestamp, zone: &Zone, progress: u64) -> Self {
        let number = |pattern| zone.format(from, pattern).parse::<usize>().unwrap_or_default();
        let (clock, weekday) = (number("%H") % 24, number("%u").saturating_sub(1) % 7);
        let day = number("%m%d");
        Self { from, clock, weekday, is_quiet: matches!(day, 801..=819 | 1223..) || day < 103, progress }
    }

    pub fn is_workday(&self) -> bool {
        self.weekday < 5
    }

    /// Work at the desk in this hour: 0 to about 2 000.
    pub fn desk(&self) -> u64 {
        let quiet = if self.is_quiet { 35 } else { 100 };
        DESK[self.clock] * DESK_DAYS[self.weekday] * quiet / 100
    }

    /// Calls from the product's users in this hour, with their growth: 0 to about 1 700.
    pub fn users(&self) -> u64 {
        let quiet = if self.is_quiet { 80 } else { 100 };
        USERS[self.clock] * USERS_DAYS[self.weekday] * quiet / 100 * self.growth() / 1_000
    }

    /// In thousandths: slow at first, a step at the launch, then steady.
    pub fn growth(&self) -> u64 {
        match self.progress.checked_sub(LAUNCH) {
            None => 200 + self.progress * 6 / 10,
            Some(since) => 640 + since * 8 / 10,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::parse_rfc3339;

    fn hour(text: &str, progress: u64) -> Hour {
        Hour::new(parse_rfc3339(text).unwrap(), &"Europe/Berlin".parse().unwrap(), progress)
    }

    #[test]
    fn the_clock_is_the_one_on_the_wall() {
        let winter = hour("2026-11-24T09:30:00Z", 0);
        assert_eq!((winter.clock, winter.weekday), (10, 1));
        assert_eq!(hour("2026-07-05T22:00:00Z", 0).clock, 0);
        assert_eq!(hour("2026-07-05T22:00:00Z", 0).weekday, 0);
    }

    #[test]
    fn nights_weekends_and_holidays_are_quiet_and_it_grows() {
        let noon = |text: &str| hour(text, 500);
        let workday = noon("2026-11-24T13:00:00Z");
        assert!(noon("2026-11-22T13:00:00Z").desk() < workday.desk() / 5);
        assert!(noon("2026-11-24T02:00:00Z").desk() == 0);
        assert!(noon("2026-12-28T13:00:00Z").desk() < workday.desk() / 2);
        assert!(noon("2026-11-24T02:00:00Z").users() < workday.users() / 4);
        let growth: Vec<u64> =
            (0..=1_000).map(|progress| hour("2026-11-24T13:00:00Z", progress).growth()).collect();
        assert!(growth.is_sorted() && growth[0] * 5 < growth[1_000]);
    }
}
