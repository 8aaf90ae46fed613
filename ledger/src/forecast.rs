//! When are the credits gone? A plain extrapolation: one pace, and the grants that begin and end on the way.
//!
//! A guess by whole numbers, the same on the server and in the browser; nothing is decided by it.

use crate::credits::Credits;
use crate::time::Timestamp;

/// How fast credits go: what was spent in a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    pub spent: Credits,
    /// Microseconds. A stretch of no length has no pace.
    pub over: i64,
}

/// A grant, as far as a forecast needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lot {
    pub remaining: Credits,
    pub effective_at: Timestamp,
    /// `None`: never.
    pub expires_at: Option<Timestamp>,
}

/// When nothing can be spent any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    At(Timestamp),
    /// Not at this pace.
    Never,
}

/// What will become of a wallet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forecast {
    pub end: End,
    /// What can be spent, as the corners of a line that falls from the instant of the forecast to its end. An expiry is
    /// two corners at one instant.
    pub curve: Vec<(Timestamp, Credits)>,
    /// What expires before it is used, in order of time.
    pub unused: Vec<(Timestamp, Credits)>,
}

impl Pace {
    /// What goes in `micros` microseconds, rounded down.
    fn burnt_in(self, micros: i64) -> Credits {
        let burnt = i128::from(self.spent.micros()).saturating_mul(i128::from(micros));
        let burnt = burnt.checked_div(i128::from(self.over)).unwrap_or(0);
        i64::try_from(burnt).ok().and_then(Credits::from_micros).unwrap_or(Credits::MAX)
    }

    /// How long `credits` last in microseconds, rounded up; `None`: for ever.
    fn time_for(self, credits: Credits) -> Option<i64> {
        if self.spent.is_zero() || self.over <= 0 {
            return None;
        }
        let spent = i128::from(self.spent.micros());
        let needed = i128::from(credits.micros()).saturating_mul(i128::from(self.over));
        let micros = needed.saturating_add(spent.saturating_sub(1)).checked_div(spent)?;
        Some(i64::try_from(micros).unwrap_or(i64::MAX))
    }
}

impl Lot {
    fn is_expired(&self, at: Timestamp) -> bool {
        self.expires_at.is_some_and(|expires_at| expires_at <= at)
    }

    fn is_spendable(&self, at: Timestamp) -> bool {
        self.effective_at <= at && !self.is_expired(at)
    }

    /// The next instant at which this lot begins or ends.
    fn next(&self, after: Timestamp) -> Option<Timestamp> {
        if self.remaining.is_zero() {
            return None;
        }
        let ends = self.expires_at.filter(|end| *end > after);
        if self.effective_at > after { Some(self.effective_at) } else { ends }
    }
}

/// Follows the wallet from `now` on at one pace. `lots` stand in burn order.
pub fn forecast(now: Timestamp, lots: &[Lot], pace: Pace) -> Forecast {
    let mut lots: Vec<Lot> = lots.iter().filter(|lot| !lot.is_expired(now)).copied().collect();
    let (mut curve, mut unused) = (vec![], vec![]);
    let mut at = now;
    let end = loop {
        let available = available(&lots, at);
        corner(&mut curve, at, available);
        if available.is_zero() {
            break End::At(at);
        }
        let gone = pace.time_for(available).map(|micros| at.saturating_add(micros));
        let next = lots.iter().filter_map(|lot| lot.next(at)).min();
        let next = match (gone, next) {
            (Some(gone), next) if next.is_none_or(|next| gone <= next) => {
                corner(&mut curve, gone, Credits::ZERO);
                break End::At(gone);
            }
            (_, None) => break End::Never,
            (_, Some(next)) => next,
        };
        burn(&mut lots, at, pace.burnt_in(next.saturating_since(at)));
        corner(&mut curve, next, self::available(&lots, at));
        for lot in lots.iter_mut().filter(|lot| lot.is_expired(next) && !lot.remaining.is_zero()) {
            unused.push((next, lot.remaining));
            lot.remaining = Credits::ZERO;
        }
        at = next;
    };
    Forecast { end, curve, unused }
}

fn available(lots: &[Lot], at: Timestamp) -> Credits {
    let spendable = lots.iter().filter(|lot| lot.is_spendable(at));
    Credits::sum(spendable.map(|lot| lot.remaining)).unwrap_or(Credits::MAX)
}

/// Takes `amount` from what can be spent at `at`, in burn order.
fn burn(lots: &mut [Lot], at: Timestamp, amount: Credits) {
    let mut rest = amount;
    for lot in lots.iter_mut().filter(|lot| lot.is_spendable(at)) {
        let taken = rest.min(lot.remaining);
        lot.remaining = lot.remaining.saturating_sub(taken);
        rest = rest.saturating_sub(taken);
    }
}

fn corner(curve: &mut Vec<(Timestamp, Credits)>, at: Timestamp, available: Credits) {
    if curve.last() != Some(&(at, available)) {
        curve.push((at, available));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::DAY;

    fn day(days: i64) -> Timestamp {
        Timestamp::from_micros(days.saturating_mul(DAY))
    }

    fn lot(credits: u32, expires: Option<i64>) -> Lot {
        Lot { remaining: Credits::whole(credits), effective_at: day(0), expires_at: expires.map(day) }
    }

    /// Ten credits a day, measured over a week.
    fn ten_a_day() -> Pace {
        Pace { spent: Credits::whole(70), over: DAY.saturating_mul(7) }
    }

    fn corners(forecast: &Forecast) -> Vec<(i64, i64)> {
        let corner = |(at, credits): &(Timestamp, Credits)| (at.micros() / DAY, credits.micros() / 1_000_000);
        forecast.curve.iter().map(corner).collect()
    }

    #[test]
    fn a_steady_pace_ends_when_everything_is_used() {
        let found = forecast(day(1), &[lot(100, None)], ten_a_day());
        assert_eq!(found.end, End::At(day(11)));
        assert_eq!(corners(&found), [(1, 100), (11, 0)]);
        assert_eq!(found.unused, []);
    }

    #[test]
    fn without_a_pace_nothing_ends_but_what_expires() {
        for pace in [Pace { spent: Credits::ZERO, over: DAY }, Pace { spent: Credits::whole(1), over: 0 }] {
            let found = forecast(day(1), &[lot(100, None)], pace);
            assert_eq!((found.end, corners(&found)), (End::Never, vec![(1, 100)]));
            let found = forecast(day(1), &[lot(40, Some(5)), lot(60, Some(9))], pace);
            assert_eq!(found.end, End::At(day(9)));
            assert_eq!(corners(&found), [(1, 100), (5, 100), (5, 60), (9, 60), (9, 0)]);
            assert_eq!(found.unused, [(day(5), Credits::whole(40)), (day(9), Credits::whole(60))]);
        }
    }

    #[test]
    fn what_expires_on_the_way_shortens_it() {
        let found = forecast(day(0), &[lot(50, Some(2)), lot(50, None)], ten_a_day());
        assert_eq!(corners(&found), [(0, 100), (2, 80), (2, 50), (7, 0)]);
        assert_eq!(found.unused, [(day(2), Credits::whole(30))]);
        assert_eq!(found.end, End::At(day(7)));
    }

    #[test]
    fn what_is_used_before_it_expires_is_not_missed() {
        let found = forecast(day(0), &[lot(20, Some(2)), lot(30, None)], ten_a_day());
        assert_eq!(corners(&found), [(0, 50), (2, 30), (5, 0)]);
        assert_eq!(found.unused, []);
    }

    #[test]
    fn a_grant_that_begins_later_helps_only_when_it_comes_in_time() {
        let later = |from| Lot { effective_at: day(from), ..lot(50, None) };
        let found = forecast(day(0), &[lot(20, None), later(1)], ten_a_day());
        assert_eq!(corners(&found), [(0, 20), (1, 10), (1, 60), (7, 0)]);
        let found = forecast(day(0), &[lot(20, None), later(3)], ten_a_day());
        assert_eq!(found.end, End::At(day(2)));
        let found = forecast(day(0), &[later(3)], ten_a_day());
        assert_eq!((found.end, corners(&found)), (End::At(day(0)), vec![(0, 0)]));
    }

    #[test]
    fn an_expired_lot_and_an_empty_wallet_end_now() {
        for lots in [vec![], vec![lot(10, Some(1))], vec![lot(0, None)]] {
            assert_eq!(forecast(day(1), &lots, ten_a_day()).end, End::At(day(1)));
        }
    }

    #[test]
    fn the_largest_wallet_at_the_slowest_pace_does_not_overflow() {
        let all = Lot { remaining: Credits::MAX, ..lot(0, None) };
        let drop = Pace { spent: Credits::from_micros(1).unwrap(), over: i64::MAX };
        assert_eq!(forecast(day(1), &[all], drop).end, End::At(Timestamp::from_micros(i64::MAX)));
        let flood = Pace { spent: Credits::MAX, over: 1 };
        assert_eq!(forecast(day(1), &[all], flood).end, End::At(day(1).saturating_add(1)));
        let found = forecast(day(1), &[Lot { expires_at: Some(day(2)), ..all }, all], drop);
        assert_eq!(found.end, End::At(Timestamp::from_micros(i64::MAX)));
    }
}
