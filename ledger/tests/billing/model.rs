//! What an account owes and gets, reckoned in another way: each day of a period is its share of that day's plan.

use ledger::Day;
use ledger::plan::{Next, OfferId, Plans, Subscription};

/// A sum that was rounded now and then: exact in billionths, and by how much it may be off.
#[derive(Debug, Default, Clone, Copy)]
pub struct Rounded {
    billionths: i128,
    slack: i128,
}

impl Rounded {
    fn add(&mut self, whole: i64, days: i64, of: i64) {
        self.billionths += i128::from(whole) * 1_000_000_000 * i128::from(days) / i128::from(of);
    }

    pub fn holds(&self, sum: i64) -> bool {
        let apart = (i128::from(sum) * 1_000_000_000 - self.billionths).abs();
        apart <= self.slack * 1_000_000_000
    }
}

/// What an account owes and gets, reckoned anew: each day of a period is its share of that day's plan. It knows nothing of
/// lines and segments.
#[derive(Debug, Default)]
pub struct Model {
    pub price: Rounded,
    pub credits: Rounded,
    pub free: i64,
    /// Since when the plan in force is paid for, and the last day after it.
    open: Option<(OfferId, Day, Day, i64)>,
}

impl Model {
    /// A new period has followed on the one before.
    pub fn follow(&mut self, now: &Subscription, plans: &Plans) {
        self.open = None;
        let Some(current) = &now.current else { return };
        let period = &current.period;
        self.begin(&current.plan, period.first, period.end, period.end.since(period.first), plans);
        if current.terms.price.is_zero() {
            self.free += current.granted.micros();
        }
    }

    fn begin(&mut self, id: &OfferId, first: Day, end: Day, of: i64, plans: &Plans) {
        let plan = plans.get(id).unwrap();
        if !plan.is_free() {
            self.price.add(plan.price.minor(), end.since(first), of);
            self.credits.add(plan.credits.micros(), end.since(first), of);
            self.open = Some((id.clone(), first, end, of));
        }
        self.slack();
    }

    /// Takes back the days from `today` on.
    fn cut(&mut self, today: Day, plans: &Plans) {
        if let Some((id, _, end, of)) = self.open.take() {
            let plan = plans.get(&id).unwrap();
            self.price.add(-plan.price.minor(), end.since(today), of);
            self.credits.add(-plan.credits.micros(), end.since(today), of);
        }
        self.slack();
    }

    fn slack(&mut self) {
        self.price.slack += 1;
        self.credits.slack += 1;
    }

    pub fn changed(&mut self, before: &Subscription, after: &Subscription, plans: &Plans, today: Day) {
        let Some(new) = &after.current else { return };
        let old = before.current.as_ref();
        if old.is_some_and(|old| old.plan == new.plan && old.period == new.period) {
            return;
        }
        self.cut(today, plans);
        if new.period.part > 0 {
            let period = &new.period;
            self.begin(&new.plan, today, period.end, period.end.since(period.first), plans);
            assert_eq!(new.next, Next::Renew);
        } else {
            self.follow(after, plans);
        }
    }
}
