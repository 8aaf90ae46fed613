//! How well the outlook would have done: at the end of each past week, with what was known then.

use super::band;
use super::habit::{Habit, NEEDED};
use crate::hours::WEEK;

/// Weeks that are looked ahead.
const AHEAD: usize = 4;
/// Looks back at most: a year.
const MOST: usize = 52;
/// With fewer, a share says nothing.
const FEWEST: usize = 8;
/// Ways that are gone from each.
const PATHS: u64 = 100;
/// An error of ten times what came is as bad as any.
const WORST: i64 = 10_000;

/// The account's own past, foretold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backtest {
    /// Of each look ahead.
    pub days: usize,
    /// How often it was looked ahead.
    pub looks: usize,
    /// How often what was then spent lay between p10 and p90.
    pub inside: usize,
    /// The median distance of p50 from what was then spent, in thousandths of that.
    pub error_permille: i64,
    /// The same of "as in the last 7 days".
    pub naive_error_permille: i64,
}

impl Backtest {
    pub(super) fn of(hours: &[i64], seed: u64) -> Option<Self> {
        let (_, weeks) = hours.as_rchunks::<WEEK>();
        let totals: Vec<i64> =
            weeks.iter().map(|week| week.iter().fold(0_i64, |sum, hour| sum.saturating_add(*hour))).collect();
        let first = hours.len().checked_sub(weeks.len().saturating_mul(WEEK))?;
        let looks = totals.len().checked_sub(NEEDED.saturating_add(AHEAD))?.saturating_add(1).min(MOST);
        if looks < FEWEST {
            return None;
        }
        let (mut inside, mut errors, mut naive_errors) = (0_usize, vec![], vec![]);
        let last = totals.len().saturating_sub(AHEAD);
        for known in (last.saturating_add(1).saturating_sub(looks)..=last).filter(|known| *known >= NEEDED) {
            let came =
                totals[known..].iter().take(AHEAD).fold(0_i64, |sum, total| sum.saturating_add(*total));
            let until = first.saturating_add(known.saturating_mul(WEEK));
            let habit = Habit::of(hours.get(..until)?)?;
            let stream = u64::try_from(known).unwrap_or(0).saturating_mul(PATHS);
            let path = |path: u64| {
                let weeks = habit.path(seed, stream.saturating_add(path)).take(AHEAD);
                weeks.fold(0_i64, |sum, week| sum.saturating_add(week.total()))
            };
            let found = band((0..PATHS).map(path).collect());
            inside = inside.saturating_add(usize::from(found.p10 <= came && came <= found.p90));
            errors.push(error(found.p50, came));
            let naive = totals.get(known.checked_sub(1)?).map_or(0, |week| week.saturating_mul(4));
            naive_errors.push(error(naive, came));
        }
        Some(Self {
            days: AHEAD.saturating_mul(7),
            looks: errors.len(),
            inside,
            error_permille: band(errors).p50,
            naive_error_permille: band(naive_errors).p50,
        })
    }
}

fn error(foretold: i64, came: i64) -> i64 {
    let distance = i128::from(foretold.abs_diff(came)).saturating_mul(1_000);
    match distance.checked_div(i128::from(came)) {
        Some(permille) => i64::try_from(permille).unwrap_or(WORST).min(WORST),
        None if distance == 0 => 0,
        None => WORST,
    }
}
