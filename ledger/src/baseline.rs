//! What an account usually spends in an hour of its week, and when it spends unusually much: medians and median distances, so
//! that neither a spike of the past nor one that goes on moves what is usual.

use crate::credits::Credits;
use crate::hours::{Hours, WEEK};
use crate::time::{HOUR, Timestamp};

/// The latest weeks that are looked at.
const WEEKS: usize = 8;
/// From so many weeks on each hour of the week has its own figures; with fewer, each hour of the day.
const SEASONAL: usize = 4;
/// With fewer weeks nothing is usual yet.
const FEWEST: usize = 2;
/// How many median distances above the median are unusual: about six standard deviations of a normal distribution.
const DISTANCES: i64 = 9;
/// How many times as much as usual is unusual.
const TIMES: i64 = 2;
/// What one hour in so many is above its median, in all the weeks, is taken so many times. It keeps what happens now and then,
/// in whatever hour, from being called unusual.
const RARE_IN: usize = 50;
const RARE_TIMES: i64 = 2;
/// Hours that must pass calmly before a spike is over.
const CALM: u8 = 24;

/// What is usual, and above which it isn't, by the hour of the week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Baseline {
    /// Median and limit in micro-credits.
    hours: Vec<(i64, i64)>,
}

/// A spend that is out of the ordinary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spike {
    /// When the hour begins.
    pub hour: Timestamp,
    pub spent: Credits,
    pub usual: Credits,
    /// What it is above.
    pub limit: Credits,
}

/// What there is to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crossing {
    Began(Spike),
    /// The first hour after it.
    Ended(Timestamp),
}

/// Whether a spike is going on. Kept between looks; says each crossing once, however often it looks.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct SpikeWatch {
    /// `Some` while it goes on: the hours that have passed calmly.
    pub calm: Option<u8>,
    /// The end of the last complete hour that was looked at.
    pub seen: Option<Timestamp>,
}

impl Baseline {
    /// From the hours before the one that is judged. `None` with fewer than two weeks of them.
    pub fn of(hours: &Hours) -> Option<Self> {
        let weeks = hours.weeks().min(WEEKS);
        if weeks < FEWEST {
            return None;
        }
        let spent = hours.micros();
        let spent = &spent[spent.len().saturating_sub(weeks.saturating_mul(WEEK))..];
        let samples = |hour: usize| if weeks < SEASONAL { of_day(spent, hour) } else { of_week(spent, hour) };
        let first = place(hours.end());
        // By the hour of the week that begins where the history ends, and ended: `place` of its first hour.
        let figures: Vec<(i64, i64)> = (0..WEEK).map(|hour| figures(samples(hour))).collect();
        let rare = rare(spent, &figures);
        let limit = |(usual, distance): (i64, i64)| {
            let above = distance.saturating_mul(DISTANCES);
            let above = above.max(usual.saturating_mul(TIMES.saturating_sub(1))).max(rare);
            (usual, usual.saturating_add(above))
        };
        let mut hours: Vec<(i64, i64)> = figures.into_iter().map(limit).collect();
        hours.rotate_right(first);
        Some(Self { hours })
    }

    /// What is usually spent in the hour that holds an instant.
    pub fn usual(&self, at: Timestamp) -> Credits {
        amount(self.hours[place(at)].0)
    }

    /// What is unusual in that hour, when more than this is spent.
    pub fn limit(&self, at: Timestamp) -> Credits {
        amount(self.hours[place(at)].1)
    }

    /// Halfway between both: a spike is over below it, so that an hour around the limit doesn't begin it again and again.
    fn calm(&self, at: Timestamp) -> Credits {
        let (usual, limit) = self.hours[place(at)];
        amount(usual.saturating_add(limit.saturating_sub(usual) / 2))
    }
}

impl SpikeWatch {
    /// Looks at what was spent since `hour` began, which may still run; `complete` says that it is over. Complete hours are
    /// looked at in their order, each maybe several times.
    pub fn look(
        &mut self,
        baseline: &Baseline,
        hour: Timestamp,
        spent: Credits,
        complete: bool,
    ) -> Option<Crossing> {
        let hour = hour.floor(HOUR);
        let end = hour.saturating_add(HOUR);
        if self.seen.is_some_and(|seen| end <= seen) {
            return None;
        }
        if complete {
            self.seen = Some(end);
        }
        let limit = baseline.limit(hour);
        match self.calm {
            None if spent > limit => {
                self.calm = Some(0);
                Some(Crossing::Began(Spike { hour, spent, usual: baseline.usual(hour), limit }))
            }
            Some(calm) if complete => {
                let calm = if spent > baseline.calm(hour) { 0 } else { calm.saturating_add(1) };
                self.calm = Some(calm).filter(|calm| *calm < CALM);
                self.calm.is_none().then_some(Crossing::Ended(end))
            }
            _ => None,
        }
    }
}

/// The hour of the week of an instant, in UTC, counted from 1970.
fn place(at: Timestamp) -> usize {
    let hour = at.micros().div_euclid(HOUR).rem_euclid(168);
    usize::try_from(hour).unwrap_or(0)
}

/// The same hour of each week and its two neighbours; `hour` counts from where the weeks begin.
fn of_week(spent: &[i64], hour: usize) -> Vec<i64> {
    let around = [hour.saturating_add(WEEK).saturating_sub(1), hour, hour.saturating_add(1)];
    let weeks = spent.chunks_exact(WEEK);
    weeks.flat_map(|week| around.map(|hour| week[hour % WEEK])).collect()
}

/// The same hour of each day.
fn of_day(spent: &[i64], hour: usize) -> Vec<i64> {
    spent.iter().skip(hour % 24).step_by(24).copied().collect()
}

/// The median, and the median distance from it.
fn figures(mut samples: Vec<i64>) -> (i64, i64) {
    let usual = median(&mut samples);
    let mut distances: Vec<i64> =
        samples.iter().map(|sample| sample.saturating_sub(usual).saturating_abs()).collect();
    (usual, median(&mut distances))
}

fn median(samples: &mut [i64]) -> i64 {
    let middle = samples.len() / 2;
    if samples.is_empty() { 0 } else { *samples.select_nth_unstable(middle).1 }
}

/// What is added to the median for hours that are high now and then.
fn rare(spent: &[i64], figures: &[(i64, i64)]) -> i64 {
    let usual = figures.iter().map(|(usual, _)| *usual).cycle();
    let mut above: Vec<i64> =
        spent.iter().zip(usual).map(|(spent, usual)| spent.saturating_sub(usual)).collect();
    let place = above.len().saturating_sub(1).saturating_sub(above.len() / RARE_IN);
    if above.is_empty() { 0 } else { (*above.select_nth_unstable(place).1).max(0).saturating_mul(RARE_TIMES) }
}

fn amount(micros: i64) -> Credits {
    Credits::from_micros(micros.max(0)).unwrap_or(Credits::MAX)
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails")]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_micros(5 * HOUR);

    fn hours(spent: &[i64]) -> Hours {
        let at = |index: usize| START.saturating_add(i64::try_from(index).unwrap() * HOUR);
        let end = at(spent.len());
        Hours::new(end, spent.iter().enumerate().map(|(index, micros)| (at(index), amount(*micros))))
    }

    /// Numbers of 0 to 999 without an order.
    fn dice(seed: u64) -> impl FnMut() -> i64 {
        let mut state = seed * 2 + 1;
        move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            i64::try_from(state >> 33).unwrap() % 1_000
        }
    }

    /// Office hours with noise: 700 to 1 300 an hour by day, 50 to 150 else; on two days of seven as at night.
    fn office(weeks: usize, seed: u64) -> Vec<i64> {
        let mut dice = dice(seed);
        let spent = |hour: usize| {
            let by_day = hour / 24 % 7 < 5 && (9..18).contains(&(hour % 24));
            if by_day { 700 + dice() * 6 / 10 } else { 50 + dice() / 10 }
        };
        (0..weeks * WEEK).map(spent).collect()
    }

    /// Little, and jobs of 100 to 300 times as much on one day in five or so.
    fn bursty(weeks: usize, seed: u64) -> Vec<i64> {
        let (mut dice, mut left, mut size) = (dice(seed), 0_i64, 0_i64);
        let mut spent = vec![];
        for _ in 0..weeks * WEEK {
            if left == 0 && dice() < 9 {
                (left, size) = (4 + dice() / 50, 10_000 + dice() * 20);
            }
            let job = if left > 0 { size } else { 0 };
            left = (left - 1).max(0);
            spent.push(job + 50 + dice() / 10);
        }
        spent
    }

    /// What a watch says of the hours after the first `known`, each looked at several times, with a baseline of
    /// what was known when the day began.
    fn crossings(spent: &[i64], known: usize) -> Vec<(usize, Crossing)> {
        let (mut watch, mut said, all) = (SpikeWatch::default(), vec![], hours(spent));
        let mut baseline = Baseline::of(&all.first(known)).unwrap();
        for (index, micros) in spent.iter().enumerate().skip(known) {
            if index % 24 == 0 {
                baseline = Baseline::of(&all.first(index)).unwrap();
            }
            let at = all.from().saturating_add(i64::try_from(index).unwrap() * HOUR);
            for (share, complete) in [(2, false), (1, true), (1, true)] {
                let crossing = watch.look(&baseline, at, amount(micros / share), complete);
                said.extend(crossing.map(|crossing| (index, crossing)));
            }
        }
        said
    }

    fn is_began(said: &(usize, Crossing)) -> bool {
        matches!(said.1, Crossing::Began(_))
    }

    #[test]
    fn noise_is_no_spike() {
        let steady = |seed| {
            let mut dice = dice(seed);
            (0..14 * WEEK).map(|_| 500 + dice()).collect::<Vec<i64>>()
        };
        for seed in 0..5 {
            for (kind, spent) in
                [("steady", steady(seed)), ("office", office(14, seed)), ("bursty", bursty(14, seed))]
            {
                assert_eq!(crossings(&spent, 10 * WEEK), [], "{kind} {seed}");
            }
        }
    }

    #[test]
    fn a_spike_is_said_once_when_it_begins_and_once_when_it_is_over() {
        for seed in 0..5 {
            let mut spent = office(12, seed);
            let begins = 10 * WEEK + 30;
            for hour in &mut spent[begins..begins + 10] {
                *hour += 9_000;
            }
            // Around the limit for a while: neither over nor begun anew.
            spent[begins + 4] = 100;
            let said = crossings(&spent, 10 * WEEK);
            let at: Vec<usize> = said.iter().map(|said| said.0).collect();
            assert_eq!(at, [begins, begins + 33], "{seed}");
            let Crossing::Began(spike) = said[0].1 else { panic!("{said:?}") };
            assert!(spike.spent > spike.limit && spike.limit >= spike.usual);
            assert_eq!(spike.hour, START.saturating_add(i64::try_from(begins).unwrap() * HOUR));
            let after = START.saturating_add(i64::try_from(begins + 34).unwrap() * HOUR);
            assert_eq!(said[1].1, Crossing::Ended(after));
        }
    }

    #[test]
    fn the_same_amount_is_usual_by_day_and_unusual_at_night() {
        let spent = office(10, 1);
        let baseline = Baseline::of(&hours(&spent)).unwrap();
        let at = |hour: i64| START.saturating_add(hour * HOUR);
        let (noon, night) = (at(12), at(3));
        assert!(baseline.usual(noon) > amount(900) && baseline.usual(night) < amount(110));
        let busy = amount(1_299);
        assert!(busy < baseline.limit(noon) && busy > baseline.limit(night));
        assert!(amount(3_000) > baseline.limit(noon));
    }

    #[test]
    fn a_new_level_is_said_once_a_week_at_most_and_becomes_usual() {
        let mut spent = office(22, 3);
        for hour in &mut spent[11 * WEEK..] {
            *hour *= 6;
        }
        let said = crossings(&spent, 10 * WEEK);
        let weeks: Vec<usize> = said.iter().filter(|said| is_began(said)).map(|said| said.0 / WEEK).collect();
        assert_eq!(weeks.first(), Some(&11));
        assert!(weeks.windows(2).all(|pair| pair[0] < pair[1]) && weeks.len() <= 6, "{weeks:?}");
        assert!(!is_began(said.last().unwrap()), "it is over once it is usual");
    }

    #[test]
    fn a_job_far_larger_than_any_is_a_spike() {
        let mut spent = bursty(12, 4);
        let begins = 11 * WEEK;
        spent[begins] += 400_000;
        assert_eq!(crossings(&spent, 10 * WEEK).iter().filter(|said| is_began(said)).count(), 1);
    }

    #[test]
    fn an_hour_that_still_runs_may_begin_a_spike_and_never_ends_one() {
        let baseline = Baseline::of(&hours(&office(8, 1))).unwrap();
        let (mut watch, at) = (SpikeWatch::default(), START.saturating_add(100 * 7 * crate::time::DAY));
        assert!(matches!(watch.look(&baseline, at, amount(90_000), false), Some(Crossing::Began(_))));
        for _ in 0..9 {
            assert_eq!(watch.look(&baseline, at, amount(90_000), false), None);
        }
        assert_eq!(watch.look(&baseline, at, amount(90_000), true), None);
        let next = at.saturating_add(HOUR);
        for _ in 0..9 {
            assert_eq!(watch.look(&baseline, next, Credits::ZERO, false), None);
        }
        assert_eq!(watch, SpikeWatch { calm: Some(0), seen: Some(next) });
    }

    #[test]
    fn with_little_history_hours_of_the_day_count_and_with_less_nothing_is_usual() {
        assert_eq!(Baseline::of(&hours(&office(1, 1))), None);
        assert_eq!(Baseline::of(&hours(&[])), None);
        let baseline = Baseline::of(&hours(&office(3, 1))).unwrap();
        let at = |hour: i64| START.saturating_add(hour * HOUR);
        assert_eq!(baseline.usual(at(12)), baseline.usual(at(36)), "every day alike");
        assert!(baseline.usual(at(12)) > baseline.usual(at(3)));
    }

    #[test]
    fn the_largest_amounts_do_not_overflow() {
        let most = vec![Credits::MAX.micros(); 8 * WEEK];
        let baseline = Baseline::of(&hours(&most)).unwrap();
        assert_eq!((baseline.usual(START), baseline.limit(START)), (Credits::MAX, Credits::MAX));
        let mut watch = SpikeWatch::default();
        assert_eq!(watch.look(&baseline, Timestamp::from_micros(i64::MAX), Credits::MAX, true), None);
    }
}
