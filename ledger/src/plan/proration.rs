//! What a change of plan in the middle of a period costs and gives.
//!
//! Days are what is counted: the day of the change is the first of the new plan. So all that somebody is shown on a day is
//! what is invoiced on that day.

use super::Plan;
use super::subscription::{Beginning, Current, Next, Refusal, Segment, Step, Subscription, Terms};
use crate::credits::Credits;
use crate::day::{Day, Zone};
use crate::invoice::{Days, Line, LineKind};
use crate::money::Money;
use crate::shares::share;
use crate::time::Timestamp;

/// What of a segment lies ahead.
struct Unused {
    price: Money,
    credits: Credits,
}

/// How many days of a period lie ahead, today with them, and how many it has. At least one lies ahead.
struct Left {
    today: Day,
    days: i64,
    of: i64,
}

impl Left {
    fn of(current: &Current, zone: &dyn Zone, now: Timestamp) -> Self {
        let period = &current.period;
        // In another zone than the period's it may be the day before or after it.
        let today = zone.day(now).min(period.end.plus_days(-1)).max(current.segment.first);
        Self { today, days: period.end.since(today), of: period.end.since(period.first) }
    }
}

impl Unused {
    fn of(segment: &Segment, end: Day, today: Day) -> Self {
        let (left, whole) = (end.since(today), end.since(segment.first));
        Self {
            price: money_share(segment.price, left, whole),
            credits: credits_share(segment.credits, left, whole),
        }
    }

    /// What of it is given back to somebody who gets `credits` for the same days: all, unless the old plan has given more
    /// than that. Credits that can't count towards the new ones stay, and so does what was paid for them.
    fn back(&self, credits: Credits) -> Money {
        let counted = self.credits.min(credits);
        if counted == self.credits {
            return self.price;
        }
        money_share(self.price, counted.micros(), self.credits.micros())
    }
}

/// Another plan for the rest of the same period. What the old plan was paid for these days is given back, what the new one
/// costs for them is charged; and what the new one gives for them, less what the old one has given for them, is granted.
pub(super) fn prorate(
    before: &Subscription,
    current: &Current,
    zone: &dyn Zone,
    plan: &Plan,
    now: Timestamp,
) -> Result<(Subscription, Step), Refusal> {
    let left = Left::of(current, zone, now);
    let end = current.period.end;
    let old = Unused::of(&current.segment, end, left.today);
    let price = money_share(plan.price, left.days, left.of);
    let credits = credits_share(plan.credits, left.days, left.of);
    // Rounding may not make the period give more than the better plan alone would have given.
    let room = plan.credits.saturating_sub(current.granted);
    let granted = credits.saturating_sub(old.credits).min(room);
    let mut after = current.clone();
    after.plan = plan.id.clone();
    after.name.clone_from(&plan.name);
    after.terms = Terms { price: plan.price, credits: plan.credits, every: plan.every };
    after.period.part = current.period.part.saturating_add(1);
    after.granted = current.granted.checked_add(granted).ok_or(Refusal::TooLarge)?;
    after.next = Next::Renew;
    let days = Days::until(left.today, end);
    let new = Line { days: Some(days), credits: Some(granted), amount: price, ..Line::of_plan(plan) };
    let back = old.back(credits).min(price);
    // What was not given back is paid for credits that stay; should a better plan follow, they count towards its own.
    let kept = old.price.checked_sub(back)?;
    let price = price.checked_add(kept)?;
    after.segment = Segment { first: left.today, price, credits: credits.max(old.credits) };
    let lines = with_unused(current, new, back, days);
    let step = after.step(zone, plan, now, lines, granted);
    Ok((Subscription { current: Some(after), ..before.clone() }, step))
}

/// Another plan with a period of its own, from today. Of the old plan is given back what was paid for the days ahead, and
/// the credits that it gave for them count towards the new ones. What was given for nothing stays.
pub(super) fn begin_today(
    before: &Subscription,
    current: &Current,
    zone: &dyn Zone,
    plan: &Plan,
    now: Timestamp,
) -> (Subscription, Step) {
    let left = Left::of(current, zone, now);
    let (after, step) = before.begun(zone, plan, Beginning::today(zone, now));
    let Some(begun) = after.current.as_ref().filter(|_| !current.segment.price.is_zero()) else {
        return (after, step);
    };
    let old = Unused::of(&current.segment, current.period.end, left.today);
    let granted = plan.credits.saturating_sub(old.credits);
    let days = Days::until(begun.period.first, begun.period.end);
    let new = Line { days: Some(days), credits: Some(granted), ..Line::of_plan(plan) };
    let back = old.back(plan.credits).min(plan.price);
    let lines = with_unused(current, new, back, Days::until(left.today, current.period.end));
    let step = begun.step(zone, plan, now, lines, granted);
    (after, step)
}

/// The line of the new plan, and one that gives something back of the old one. It is never more than the new one costs, which
/// rounding alone could bring about.
fn with_unused(old: &Current, new: Line, back: Money, days: Days) -> Vec<Line> {
    if back.is_zero() {
        return vec![new];
    }
    let unused = Line {
        kind: LineKind::UnusedPlan,
        offer: Some(old.plan.clone()),
        name: old.name.clone(),
        days: Some(days),
        credits: None,
        amount: back.negated(),
    };
    vec![new, unused]
}

fn money_share(whole: Money, days: i64, of: i64) -> Money {
    // A part of what can be counted can be counted.
    Money::new(share(whole.minor(), days, of), whole.currency()).unwrap_or(whole)
}

fn credits_share(whole: Credits, days: i64, of: i64) -> Credits {
    Credits::from_micros(share(whole.micros(), days, of)).unwrap_or(whole)
}
