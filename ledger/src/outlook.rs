//! When will the credits be gone, what will expire unused, and how sure is that: many ways in which the account may go on
//! spending as it used to, each taken through the burn order of its grants.
//!
//! Whole numbers and a seed, so that the same account gets the same answer everywhere; nothing is decided by it.
//! [`crate::forecast`] is the plain extrapolation that goes without a history.

mod backtest;
mod burning;
mod habit;
mod random;

pub use self::backtest::Backtest;
use self::burning::{Burning, edges};
use self::habit::Habit;
pub use self::habit::NEEDED as WEEKS_NEEDED;
use crate::credits::Credits;
use crate::grant::{BurnKey, Grant};
use crate::hours::Hours;
use crate::time::{DAY, Timestamp};

/// Ways in which it may go on.
const PATHS: u64 = 400;
/// Days that are looked ahead for the end.
pub const HORIZON: usize = 366;

/// A grant, as far as an outlook needs it. What comes later, a renewal for example, is one that begins later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lot {
    pub burns: BurnKey,
    pub remaining: Credits,
    pub effective_at: Timestamp,
    /// `None`: never.
    pub expires_at: Option<Timestamp>,
}

impl Lot {
    pub fn of(grant: &Grant) -> Self {
        Self {
            burns: grant.burn_key(),
            remaining: grant.remaining,
            effective_at: grant.facts.effective_at,
            expires_at: grant.facts.expires_at,
        }
    }
}

/// Of a hundred ways, ten come below `p10` and ten above `p90`; of instants, before and after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Band<T> {
    pub p10: T,
    pub p50: T,
    pub p90: T,
}

/// What of a lot is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unused {
    /// Which of the lots, in the order in which they were given.
    pub lot: usize,
    pub expires_at: Timestamp,
    pub credits: Band<Credits>,
}

/// What can be spent at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    pub at: Timestamp,
    pub credits: Band<Credits>,
}

/// What will become of a wallet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlook {
    /// When nothing can be spent for the first time; `None`: not within [`HORIZON`] days.
    pub runs_out: Band<Option<Timestamp>>,
    /// Where one way in ten or more leaves something, in order of time.
    pub unused: Vec<Unused>,
    /// Now, and after each day.
    pub burn_down: Vec<Level>,
    /// What the account wants to spend in the days of `burn_down`, whether or not it has it.
    pub demand: Band<Credits>,
    /// How well the same would have done so far; `None` with too little history to tell.
    pub backtest: Option<Backtest>,
}

/// There is too little history for more than a guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an outlook needs {needed} weeks of history; there are {weeks}")]
pub struct NotEnough {
    pub weeks: usize,
    pub needed: usize,
}

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    pub now: Timestamp,
    /// Everything that can be spent now or later, in any order. What is held counts as spent.
    pub lots: &'a [Lot],
    /// What is owed; it is repaid from what comes in.
    pub debt: Credits,
    /// Days of the burn-down, at most [`HORIZON`].
    pub days: usize,
    pub seed: u64,
}

/// Follows the wallet along the ways in which the account may go on.
pub fn outlook(hours: &Hours, question: &Question) -> Result<Outlook, NotEnough> {
    let Some(habit) = Habit::of(hours.micros()) else {
        return Err(NotEnough { weeks: hours.weeks(), needed: WEEKS_NEEDED });
    };
    let mut order: Vec<usize> = (0..question.lots.len()).collect();
    order.sort_by_key(|place| question.lots[*place].burns);
    let lots: Vec<Lot> = order.iter().map(|place| question.lots[*place]).collect();
    let paths = Paths::run(&habit, &lots, question);
    let unused = lots.iter().zip(order).zip(&paths.unused).filter_map(|((lot, place), amounts)| {
        let credits = band(amounts.clone()).map(credits);
        Some(Unused { lot: place, expires_at: lot.expires_at?, credits })
    });
    let mut unused: Vec<Unused> = unused.filter(|unused| !unused.credits.p90.is_zero()).collect();
    unused.sort_by_key(|unused| (unused.expires_at, unused.lot));
    let burn_down = paths.balances.into_iter().zip(0..).map(|(balances, days)| Level {
        at: question.now.saturating_add(DAY.saturating_mul(days)),
        credits: band(balances).map(credits),
    });
    Ok(Outlook {
        runs_out: band(paths.out).map(|at| Some(at).filter(|at| *at < NEVER)),
        unused,
        burn_down: burn_down.collect(),
        demand: band(paths.demand).map(credits),
        backtest: Backtest::of(hours.micros(), question.seed),
    })
}

const NEVER: Timestamp = Timestamp::from_micros(i64::MAX);

/// What came of each way.
struct Paths {
    out: Vec<Timestamp>,
    /// By lot.
    unused: Vec<Vec<i64>>,
    /// By day.
    balances: Vec<Vec<i64>>,
    demand: Vec<i64>,
}

impl Paths {
    /// `lots` stand in burn order.
    fn run(habit: &Habit, lots: &[Lot], question: &Question) -> Self {
        let days = question.days.min(HORIZON);
        let mut paths = Self {
            out: vec![],
            unused: vec![vec![]; lots.len()],
            balances: vec![vec![]; days],
            demand: vec![],
        };
        let horizon = DAY.saturating_mul(i64::try_from(HORIZON).unwrap_or(i64::MAX));
        let edges = edges(lots, question.now, question.now.saturating_add(horizon));
        let start = Burning::new(lots, question.debt.micros(), question.now, &edges);
        for stream in 0..PATHS {
            paths.one(habit.path(question.seed, stream), start.clone(), question.now, days);
        }
        paths.balances.insert(0, vec![start.available()]);
        paths
    }

    fn one<'a>(
        &mut self,
        weeks: impl Iterator<Item = habit::Drawn<'a>>,
        mut burning: Burning,
        now: Timestamp,
        days: usize,
    ) {
        let (mut start, mut demand, mut passed) = (now, 0_i64, 0);
        'path: for week in weeks {
            for day in 0..7_usize {
                let is_shown = passed < days;
                if passed >= HORIZON || (!is_shown && burning.is_over()) {
                    break 'path;
                }
                let total = week.day(day);
                burning.day(start, total, |hour| week.hour(day.saturating_mul(24).saturating_add(hour)));
                start = start.saturating_add(DAY);
                burning.reach(start);
                if is_shown {
                    self.balances[passed].push(burning.available());
                    demand = demand.saturating_add(total);
                }
                passed = passed.saturating_add(1);
            }
        }
        self.out.push(burning.out.unwrap_or(NEVER));
        self.demand.push(demand);
        for (all, unused) in self.unused.iter_mut().zip(burning.unused) {
            all.push(unused);
        }
    }
}

impl<T> Band<T> {
    pub fn map<U>(self, of: impl Fn(T) -> U) -> Band<U> {
        Band { p10: of(self.p10), p50: of(self.p50), p90: of(self.p90) }
    }
}

fn credits(micros: i64) -> Credits {
    Credits::from_micros(micros).unwrap_or(if micros < 0 { Credits::ZERO } else { Credits::MAX })
}

/// The tenths of at least one value: the smallest that so many parts of all are not above.
fn band<T: Copy + Ord>(mut values: Vec<T>) -> Band<T> {
    values.sort_unstable();
    let place = |percent: usize| {
        let rank = values.len().saturating_mul(percent).div_ceil(100);
        values[rank.saturating_sub(1)]
    };
    Band { p10: place(10), p50: place(50), p90: place(90) }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails")]
mod tests {
    use super::*;
    use crate::grant::{GrantFacts, GrantKind};
    use crate::hours::WEEK;
    use crate::time::HOUR;

    const NOW: Timestamp = Timestamp::from_micros(60 * 7 * DAY);

    fn day(days: i64) -> Timestamp {
        NOW.saturating_add(days * DAY)
    }

    /// So many weeks before now, with what an hour spends, counted from the first.
    fn history(weeks: usize, spent: impl Fn(usize) -> i64) -> Hours {
        let hours = weeks * WEEK;
        let start = NOW.saturating_add(-i64::try_from(hours).unwrap() * HOUR);
        let at = |hour: usize| start.saturating_add(i64::try_from(hour).unwrap() * HOUR);
        Hours::new(NOW, (0..hours).map(|hour| (at(hour), credits(spent(hour)))))
    }

    fn lot(seq: u64, amount: i64, from: i64, expires_day: Option<i64>) -> Lot {
        let facts = GrantFacts {
            kind: GrantKind::Free,
            priority: 100,
            effective_at: day(from),
            expires_at: expires_day.map(day),
            source: String::new(),
            reason: String::new(),
        };
        Lot::of(&Grant::new(seq, credits(amount), facts))
    }

    fn ask(lots: &[Lot]) -> Question<'_> {
        Question { now: NOW, lots, debt: Credits::ZERO, days: 10, seed: 1 }
    }

    fn alike<T: Copy>(value: T) -> Band<T> {
        Band { p10: value, p50: value, p90: value }
    }

    /// 24 a day, one an hour.
    fn even() -> Hours {
        history(8, |_| 1)
    }

    #[test]
    fn who_always_spends_the_same_runs_out_at_one_instant() {
        let lots = [lot(1, 240, 0, None)];
        let found = outlook(&even(), &ask(&lots)).unwrap();
        assert_eq!(found.runs_out, alike(Some(day(10))));
        let left: Vec<i64> = found.burn_down.iter().map(|level| level.credits.p50.micros()).collect();
        assert_eq!(left, (0..=10).map(|day| 240 - 24 * day).collect::<Vec<i64>>());
        assert_eq!((found.burn_down[0].at, found.burn_down[10].at), (NOW, day(10)));
        assert_eq!((found.demand, found.unused), (alike(credits(240)), vec![]));
    }

    #[test]
    fn what_expires_and_what_begins_later_are_on_the_way() {
        // In no order: the last one burns first.
        let lots = [lot(1, 100, 0, None), lot(2, 1_000, 2, None), lot(3, 60, 0, Some(1))];
        let found = outlook(&even(), &ask(&lots)).unwrap();
        assert_eq!(found.unused, [Unused { lot: 2, expires_at: day(1), credits: alike(credits(36)) }]);
        let left: Vec<i64> = found.burn_down.iter().take(4).map(|level| level.credits.p50.micros()).collect();
        assert_eq!(left, [160, 100, 1_076, 1_052]);
        assert_eq!(found.runs_out, alike(Some(day(2).saturating_add(1_076 * HOUR))));
    }

    #[test]
    fn a_renewal_that_comes_too_late_is_not_in_time() {
        let lots = [lot(1, 24, 0, None), lot(2, 1_000, 2, None)];
        let found = outlook(&even(), &ask(&lots)).unwrap();
        assert_eq!(found.runs_out, alike(Some(day(1))));
        assert_eq!(found.burn_down[3].credits.p50, credits(976), "and yet it is there afterwards");
        let renewed: Vec<Lot> = (0..14).map(|month| lot(1, 30 * 24, month * 30, None)).collect();
        let found = outlook(&even(), &ask(&renewed)).unwrap();
        assert_eq!(found.runs_out, alike(Some(day(30))), "to the last hour and no further");
        let renewed: Vec<Lot> = (0..14).map(|month| lot(1, 31 * 24, month * 30, None)).collect();
        assert_eq!(outlook(&even(), &ask(&renewed)).unwrap().runs_out, alike(None));
    }

    #[test]
    fn what_is_owed_comes_out_of_what_comes_in() {
        let lots = [lot(1, 500, 1, None)];
        let question = Question { debt: credits(300), ..ask(&lots) };
        let found = outlook(&even(), &question).unwrap();
        assert_eq!(found.burn_down[1].credits.p50, credits(200));
        assert_eq!(found.runs_out, alike(Some(NOW)), "nothing can be spent now");
    }

    #[test]
    fn who_stopped_spending_never_runs_out() {
        let stopped = history(40, |hour| i64::from(hour < 3 * WEEK));
        let lots = [lot(1, 5, 0, None), lot(2, 7, 0, Some(5))];
        let found = outlook(&stopped, &ask(&lots)).unwrap();
        assert_eq!((found.runs_out, found.demand), (alike(None), alike(Credits::ZERO)));
        assert_eq!(found.unused[0].credits, alike(credits(7)));
    }

    #[test]
    fn hours_of_the_week_keep_their_share() {
        // All of a week in its fifth hour; the history ends where a week begins.
        let weekly = history(8, |hour| if hour % WEEK == 5 { 700 } else { 0 });
        let lots = [lot(1, 1_000, 0, None)];
        let found = outlook(&weekly, &ask(&lots)).unwrap();
        let left: Vec<i64> = found.burn_down.iter().map(|level| level.credits.p50.micros()).collect();
        assert_eq!(left, [1_000, 300, 300, 300, 300, 300, 300, 300, 0, 0, 0]);
        let end = found.runs_out.p50.unwrap();
        assert!(day(7).saturating_add(5 * HOUR) < end && end < day(7).saturating_add(6 * HOUR));
    }

    #[test]
    fn too_little_history_is_no_outlook() {
        for (weeks, known) in [(0, 0), (1, 1), (5, 5)] {
            let not_enough = NotEnough { weeks: known, needed: 6 };
            assert_eq!(outlook(&history(weeks, |_| 1), &ask(&[])), Err(not_enough));
        }
        let found = outlook(&history(6, |_| 1), &ask(&[])).unwrap();
        assert_eq!((found.runs_out, found.backtest), (alike(Some(NOW)), None));
        assert_eq!(
            outlook(&history(17, |_| 1), &ask(&[])).unwrap().backtest.map(|found| found.looks),
            Some(8)
        );
    }

    #[test]
    fn one_seed_has_one_answer_and_another_a_similar_one() {
        let mut random = random::Random::new(1, 1);
        let noise: Vec<i64> =
            (0..20 * WEEK).map(|_| 500 + i64::try_from(random.below(1_000)).unwrap()).collect();
        let hours = history(20, |hour| noise[hour]);
        let lots = [lot(1, 1_000_000, 0, None)];
        let of = |seed| outlook(&hours, &Question { seed, ..ask(&lots) }).unwrap();
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
        let (one, other) = (of(1).runs_out.p50.unwrap(), of(2).runs_out.p50.unwrap());
        assert!(one.saturating_since(other).abs() < DAY, "{one:?} {other:?}");
    }

    #[test]
    fn the_largest_figures_do_not_overflow() {
        let most = history(60, |_| Credits::MAX.micros());
        let all = Lot { remaining: Credits::MAX, ..lot(1, 0, 0, Some(1_000)) };
        let question = Question {
            debt: Credits::MAX,
            days: usize::MAX,
            now: Timestamp::from_micros(i64::MAX),
            ..ask(&[])
        };
        assert_eq!(
            outlook(&most, &Question { lots: &[all, all], ..question }).unwrap().burn_down.len(),
            HORIZON + 1
        );
        assert_eq!(outlook(&most, &ask(&[all, all])).unwrap().demand, alike(Credits::MAX));
    }
}
