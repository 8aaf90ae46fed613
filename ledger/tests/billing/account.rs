//! Zones, plans and customers as chance has them, and an account that lives through it.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use ledger::plan::{
    Availability, Chooser, Every, GrantOrder, OfferId, Plan, Plans, Refusal, Step, Subscription,
};
use ledger::time::{DAY, SECOND};
use ledger::{Credits, Day, Money, Timestamp, Zone};
use proptest::prelude::*;

/// Zones whose clocks skip midnight, change by half an hour, in winter, not at all, or have skipped a whole day.
pub const ZONES: [&str; 10] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "America/Santiago",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Kiritimati",
];

/// As the server has it.
#[derive(Debug, Clone)]
pub struct Place(pub TimeZone);

impl Place {
    pub fn nth(nth: usize) -> Self {
        Self(TimeZone::get(ZONES[nth % ZONES.len()]).unwrap())
    }
}

impl Zone for Place {
    fn day(&self, at: Timestamp) -> Day {
        let at = jiff::Timestamp::from_microsecond(at.micros()).unwrap();
        let date = at.to_zoned(self.0.clone()).date();
        Day::of_date(date.year().into(), date.month().into(), date.day().into()).unwrap()
    }

    fn start(&self, day: Day) -> Timestamp {
        let (year, month, day) = day.date();
        let date = Date::new(year.try_into().unwrap(), month.try_into().unwrap(), day.try_into().unwrap());
        Timestamp::from_micros(date.unwrap().to_zoned(self.0.clone()).unwrap().timestamp().as_microsecond())
    }
}

/// What may happen to an account, each so long after what happened before.
#[derive(Debug, Clone)]
pub enum Act {
    Choose(usize),
    Cancel,
    Resume,
    Fail,
    Settle,
    Look,
}

pub type Life = Vec<(i64, Act)>;

pub fn life(with_failures: bool) -> impl Strategy<Value = Life> {
    let failures = u32::from(with_failures);
    let act = prop_oneof![
        6 => (0..8_usize).prop_map(Act::Choose),
        2 => Just(Act::Cancel),
        2 => Just(Act::Resume),
        1 + failures => Just(Act::Look),
        1 => Just(if with_failures { Act::Fail } else { Act::Look }),
        1 => Just(if with_failures { Act::Settle } else { Act::Look }),
    ];
    // Often on the same day or the next, sometimes not for months.
    let gap = prop_oneof![2 => 0..2 * DAY, 3 => 0..40 * DAY, 1 => 0..400 * DAY];
    proptest::collection::vec((gap, act), 1..14)
}

/// An instant from 2000 to 2090, more often than by chance at the end of a month or in February.
pub fn beginning() -> impl Strategy<Value = Timestamp> {
    let month_end = (2_000..2_090_i64, 1..=12_i64, 0..4_i64, 0..DAY).prop_map(|(year, month, back, time)| {
        let first = Day::of_date(year, month, 1).unwrap().plus_months(1);
        Timestamp::from_micros(first.plus_days(-1 - back).since_1970() * DAY + time)
    });
    prop_oneof![(946_684_800 * SECOND..3_786_912_000 * SECOND).prop_map(Timestamp::from_micros), month_end,]
}

pub fn id(nth: usize) -> OfferId {
    format!("plan-{nth}").parse().unwrap()
}

/// Plan 0 is free and the default; the others cost and give what is said, in minor units and micro-credits.
pub fn plans(offers: &[(i64, i64, bool, u8)], has_default: bool) -> Plans {
    let plan = |(nth, (price, credits, yearly, rollover)): (usize, &(i64, i64, bool, u8))| Plan {
        id: id(nth),
        name: format!("Plan {nth}"),
        availability: Availability::Open,
        credits: Credits::from_micros(*credits).unwrap(),
        every: if *yearly { Every::Year } else { Every::Month },
        price: Money::new(*price, "EUR".parse().unwrap()).unwrap(),
        rollover: *rollover,
        rate_tier: None,
        quotas: BTreeMap::new(),
        features: vec![],
    };
    let all = offers.iter().enumerate().map(plan).collect();
    Plans::new(all, has_default.then(|| id(0)), 14, &[]).unwrap()
}

/// Any plans, in no order.
pub fn offers() -> impl Strategy<Value = Vec<(i64, i64, bool, u8)>> {
    // Some prices a cent apart, and credits of a few millionths, for what rounding could do.
    let price = prop_oneof![4 => 0..100_000_i64, 1 => 100..110_i64];
    let credits = prop_oneof![4 => 0..9_000_000_000_i64, 1 => 100..110_i64];
    let offer = (price, credits, any::<bool>(), 0..5_u8);
    (0..600_000_000_i64, proptest::collection::vec(offer, 2..7)).prop_map(|(free, mut offers)| {
        offers[0] = (0, free, false, 0);
        offers
    })
}

/// Plans of which the dearer one always gives more.
pub fn rising_offers() -> impl Strategy<Value = Vec<(i64, i64, bool, u8)>> {
    let dearer = prop_oneof![4 => 1..60_000_i64, 1 => 1..3_i64];
    let more = prop_oneof![4 => 1..3_000_000_000_i64, 1 => 1..3_i64];
    let rise = (dearer, more, any::<bool>(), 0..4_u8);
    (0..600_000_000_i64, proptest::collection::vec(rise, 2..6)).prop_map(|(free, rises)| {
        let (mut price, mut credits) = (0, 1_000_000);
        let rising = rises.into_iter().map(|(dearer, more, yearly, rollover)| {
            price += dearer;
            credits += more;
            (price, credits, yearly, rollover)
        });
        std::iter::once((0, free, false, 0)).chain(rising).collect()
    })
}

/// An account, all that was to be carried out for it, and what was missed.
pub struct Account<'p> {
    pub plans: &'p Plans,
    pub zone: &'p Place,
    pub now: Subscription,
    pub steps: Vec<Step>,
    pub missed: Vec<u32>,
    pub lapses: usize,
}

impl<'p> Account<'p> {
    pub fn new(plans: &'p Plans, zone: &'p Place) -> Self {
        Self { plans, zone, now: Subscription::default(), steps: vec![], missed: vec![], lapses: 0 }
    }

    pub fn look(&mut self, at: Timestamp) {
        let renewed = self.now.renew(self.plans, self.zone, at).unwrap();
        self.now = renewed.after;
        self.steps.extend(renewed.steps);
        self.missed.extend(renewed.missed);
        self.lapses += usize::from(renewed.lapsed.is_some());
    }

    /// Looks at every instant at which something falls due.
    pub fn live_until(&mut self, at: Timestamp) {
        while let Some(due_at) = self.now.due_at(self.plans).filter(|due_at| *due_at <= at) {
            self.look(due_at);
        }
    }

    pub fn act(&mut self, at: Timestamp, act: &Act) -> Result<(), Refusal> {
        let decision = match act {
            Act::Choose(nth) => {
                let plan = id(nth % self.plans.all().len());
                self.now.choose(self.plans, self.zone, &plan, Chooser::Customer, at)?
            }
            Act::Cancel => self.now.cancel(self.plans, at)?,
            Act::Resume => self.now.resume(self.plans, at)?,
            Act::Fail => {
                self.now = self.now.payment_failed(at);
                return Ok(());
            }
            Act::Settle => {
                self.now = self.now.payments_settled();
                return Ok(());
            }
            Act::Look => return Ok(()),
        };
        self.now = decision.after;
        self.steps.extend(decision.steps);
        Ok(())
    }

    pub fn grants(&self) -> impl Iterator<Item = &GrantOrder> {
        self.steps.iter().flat_map(|step| &step.grants)
    }
}
