//! How an account spends: the weeks it has lived through, each set against what could be expected when it began.
//!
//! The level of a week is an exponentially weighted mean of the weeks before it. A week to come is one of the past weeks,
//! drawn at random, hour for hour, as much above or below the present level as that one was above or below its own; the level
//! then follows what was drawn. So weekday and hour, bursts of days, growth and its doubts come from the account's own past
//! (Hyndman et al., "Forecasting with Exponential Smoothing", 2008, ch. 6: simulation with resampled errors).

use super::random::Random;
use crate::hours::WEEK;

/// Weeks that make the first level; they are not drawn.
const FIRST: usize = 2;
/// The fewest weeks that can be drawn from.
const FEWEST: usize = 4;
/// Weeks that an outlook needs at least.
pub const NEEDED: usize = FIRST + FEWEST;
/// The latest weeks that are drawn from: half a year.
const POOL: usize = 26;
/// One part in so many of a week goes into the level: which of these would have foretold the weeks
/// that are drawn from with the smallest squares. The first is slow enough for a mean.
const WEIGHTS: [i64; 4] = [32, 8, 4, 2];
/// A week moves the level as if it were at most so many times as large, or small, as expected.
const CLIP: i64 = 2;
/// Of so many weeks, each is taken this far beyond its distance from their mean.
const SPREAD: i64 = 3;
/// The level never falls below this part of the mean of all weeks so far: after a pause, weeks aren't infinitely many times
/// what was expected.
const FLOOR: i64 = 16;
/// Factors are integers of 2^-20.
const UNIT_BITS: u32 = 20;

/// A week that can be drawn.
#[derive(Debug, Clone)]
struct Lived<'a> {
    /// Micro-credits of its hours.
    hours: &'a [i64],
    days: [i64; 7],
    total: i64,
    /// The level it is set against.
    expected: i64,
}

/// Weeks to draw from, and where the account stands.
#[derive(Debug, Clone)]
pub(super) struct Habit<'a> {
    lived: Vec<Lived<'a>>,
    level: i64,
    weight: i64,
}

/// A week that was drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Drawn<'a> {
    hours: &'a [i64],
    days: [i64; 7],
    total: i64,
    factor: i64,
}

impl Drawn<'_> {
    pub fn total(&self) -> i64 {
        times(self.total, self.factor)
    }

    pub fn day(&self, day: usize) -> i64 {
        times(self.days[day % 7], self.factor)
    }

    /// Hour of the week, from 0.
    pub fn hour(&self, hour: usize) -> i64 {
        times(self.hours[hour % WEEK], self.factor)
    }
}

impl<'a> Habit<'a> {
    /// From complete hours, the last one just over. `None` with fewer than [`NEEDED`] weeks.
    pub fn of(hours: &'a [i64]) -> Option<Self> {
        let (_, weeks) = hours.as_rchunks::<WEEK>();
        if weeks.len() < NEEDED {
            return None;
        }
        let totals: Vec<i64> = weeks.iter().map(|week| sum(week)).collect();
        let first = weeks.len().saturating_sub(POOL).max(FIRST);
        let levels = WEIGHTS.map(|weight| (weight, levels(&totals, weight)));
        let missed = |levels: &[i64]| {
            let of = totals.iter().zip(levels).skip(first);
            of.fold(0_u128, |sum, (total, level)| {
                let missed = u128::from(total.abs_diff(*level));
                sum.saturating_add(missed.saturating_mul(missed))
            })
        };
        let (weight, levels) = levels.into_iter().min_by_key(|(_, levels)| missed(levels))?;
        let lived = weeks.iter().zip(&totals).zip(&levels).skip(first);
        let mut lived: Vec<Lived> =
            lived.map(|((hours, total), expected)| Lived::new(hours, *total, *expected)).collect();
        spread(&mut lived);
        Some(Self { lived, level: *levels.last()?, weight })
    }

    /// One of the ways in which it may go on, without an end.
    pub fn path(&'a self, seed: u64, stream: u64) -> impl Iterator<Item = Drawn<'a>> {
        let mut random = Random::new(seed, stream);
        let mut level = self.level;
        std::iter::from_fn(move || {
            let Lived { hours, days, total, expected } = self.lived.get(random.below(self.lived.len()))?;
            let drawn = Drawn { hours, days: *days, total: *total, factor: ratio(level, *expected) };
            level = follow(level, drawn.total(), self.weight);
            Some(drawn)
        })
    }
}

impl<'a> Lived<'a> {
    fn new(hours: &'a [i64], total: i64, expected: i64) -> Self {
        let mut days = [0; 7];
        for (day, hours) in days.iter_mut().zip(hours.chunks(24)) {
            *day = sum(hours);
        }
        Self { hours, days, total, expected }
    }
}

/// What was expected of each week, and of the next. The first [`FIRST`] expect themselves.
fn levels(totals: &[i64], weight: i64) -> Vec<i64> {
    let mut so_far = sum(&totals[..FIRST]);
    let mut level = (so_far / 2).max(1);
    let mut levels = vec![level; FIRST];
    for (total, weeks) in totals.iter().skip(FIRST).zip(2_i64..) {
        levels.push(level);
        so_far = so_far.saturating_add(*total);
        let mean = so_far.checked_div(weeks.saturating_add(1)).unwrap_or(0);
        // With few weeks behind it, the level is their mean.
        level = follow(level, *total, weight.min(weeks.saturating_add(1))).max(mean / FLOOR);
    }
    levels.push(level);
    levels
}

/// The level after a week.
fn follow(level: i64, total: i64, weight: i64) -> i64 {
    let total = total.clamp(level / CLIP, level.saturating_mul(CLIP));
    let step = total.saturating_sub(level).checked_div(weight).unwrap_or(0);
    level.saturating_add(step).max(1)
}

/// Few weeks show less than all that weeks can be: each is taken further from their mean, the fewer the further.
fn spread(lived: &mut [Lived]) {
    let count = i64::try_from(lived.len()).unwrap_or(i64::MAX);
    let ratios: Vec<i64> = lived.iter().map(|week| ratio(week.total, week.expected)).collect();
    let mean = sum(&ratios).checked_div(count).unwrap_or(0);
    for (week, ratio) in lived.iter_mut().zip(ratios).filter(|(_, ratio)| *ratio > 0) {
        let further = ratio.saturating_sub(mean).saturating_mul(SPREAD).checked_div(count).unwrap_or(0);
        let ratio = ratio.saturating_add(further).max(ratio / 2).max(1);
        let expected = (i128::from(week.total) << UNIT_BITS).checked_div(i128::from(ratio)).unwrap_or(1);
        week.expected = i64::try_from(expected).unwrap_or(i64::MAX).max(1);
    }
}

fn sum(parts: &[i64]) -> i64 {
    parts.iter().fold(0, |sum, part| sum.saturating_add(*part))
}

/// `level` ÷ `expected`, which is at least 1, in parts of 2^-20.
fn ratio(level: i64, expected: i64) -> i64 {
    let parts = i128::from(level) << UNIT_BITS;
    i64::try_from(parts.checked_div(i128::from(expected)).unwrap_or(0)).unwrap_or(i64::MAX)
}

fn times(amount: i64, factor: i64) -> i64 {
    let product = i128::from(amount).saturating_mul(i128::from(factor)) >> UNIT_BITS;
    i64::try_from(product).unwrap_or(i64::MAX)
}
