//! Lives of an account, told by its acts, its invoices and its grants.

use std::collections::BTreeMap;

use super::*;
use crate::day::Utc;
use crate::grant::GrantKind;
use crate::plan::{Availability, Renewed};
use crate::time::SECOND;

fn plan(id: &str, credits: u32, price: &str, every: Every, rollover: u8) -> Plan {
    Plan {
        id: id.parse().unwrap(),
        name: id.to_uppercase(),
        availability: Availability::Open,
        credits: Credits::whole(credits),
        every,
        price: price.parse().unwrap(),
        rollover,
        rate_tier: None,
        quotas: BTreeMap::new(),
        features: vec![],
    }
}

fn plans() -> Plans {
    let all = vec![
        plan("free", 500, "0 EUR", Every::Month, 0),
        plan("pro", 5_000, "50 EUR", Every::Month, 3),
        plan("team", 20_000, "150 EUR", Every::Month, 0),
        plan("pro-year", 60_000, "500 EUR", Every::Year, 0),
        plan("lean", 1_000, "60 EUR", Every::Month, 0),
        plan("mid", 3_000, "70 EUR", Every::Month, 0),
        Plan {
            availability: Availability::ByOperator,
            ..plan("enterprise", 100_000, "900 EUR", Every::Month, 0)
        },
        Plan { availability: Availability::Withdrawn, ..plan("old", 4_000, "40 EUR", Every::Month, 0) },
    ];
    Plans::new(all, Some(id("free")), 14, &[]).unwrap()
}

fn id(text: &str) -> OfferId {
    text.parse().unwrap()
}

/// An instant on a day at noon, UTC.
fn noon(day: &str) -> Timestamp {
    Utc.start(day.parse().unwrap()).saturating_add(12 * 3_600 * SECOND)
}

/// An account that somebody acts for.
struct Life(Subscription);

impl Life {
    fn choose(&mut self, plan: &str, now: Timestamp) -> Vec<Step> {
        let decision = self.0.choose(&plans(), &Utc, &id(plan), Chooser::Customer, now).unwrap();
        self.0 = decision.after;
        decision.steps
    }

    fn renew(&mut self, now: Timestamp) -> Renewed {
        let renewed = self.0.renew(&plans(), &Utc, now).unwrap();
        self.0 = renewed.after.clone();
        renewed
    }

    fn refused(&self, plan: &str, now: Timestamp) -> Refusal {
        self.0.choose(&plans(), &Utc, &id(plan), Chooser::Customer, now).unwrap_err()
    }

    fn current(&self) -> &Current {
        self.0.current.as_ref().unwrap()
    }
}

fn lines(step: &Step) -> Vec<String> {
    step.lines.iter().map(|line| format!("{}: {}", line.text(), line.amount)).collect()
}

/// Id, credits, kind, first day and the day that it ends on.
fn grants(steps: &[Step]) -> Vec<String> {
    let orders = steps.iter().flat_map(|step| &step.grants);
    let text = |order: &GrantOrder| {
        let GrantFacts { source, kind, effective_at, expires_at, .. } = &order.facts;
        let days = (Utc.day(*effective_at), Utc.day(expires_at.unwrap()));
        format!("{source} {} {} {} {}", order.amount, kind.name(), days.0, days.1)
    };
    orders.map(text).collect()
}

#[test]
fn the_first_period_begins_at_once_and_later_ones_at_midnight() {
    let mut life = Life(Subscription::default());
    let steps = life.choose("pro", noon("2026-11-14"));
    assert_eq!(lines(&steps[0]), ["PRO, 2026-11-14 to 2026-12-13, 5000 credits: 50.00 EUR"]);
    assert_eq!(steps[0].due().unwrap().to_string(), "50.00 EUR");
    // Three periods longer than its own.
    assert_eq!(grants(&steps), ["plan:1 5000 plan 2026-11-14 2027-03-14"]);
    assert_eq!(steps[0].grants[0].facts.effective_at, noon("2026-11-14"));
    assert_eq!(life.0.due_at(&plans()), Some(Utc.start("2026-12-14".parse().unwrap())));

    assert_eq!(life.renew(noon("2026-12-13")).steps, []);
    let renewed = life.renew(noon("2026-12-14"));
    assert_eq!(lines(&renewed.steps[0]), ["PRO, 2026-12-14 to 2027-01-13, 5000 credits: 50.00 EUR"]);
    assert_eq!(renewed.steps[0].at, Utc.start("2026-12-14".parse().unwrap()));
    assert_eq!(life.renew(noon("2026-12-14")).steps, []);
}

#[test]
fn the_31st_and_the_leap_day_come_back() {
    let mut life = Life(Subscription::default());
    life.choose("pro", noon("2027-12-31"));
    let renewed = life.renew(noon("2028-04-30"));
    let firsts: Vec<String> = renewed.steps.iter().map(|step| Utc.day(step.at).to_string()).collect();
    assert_eq!(firsts, ["2028-01-31", "2028-02-29", "2028-03-31", "2028-04-30"]);
    let mut life = Life(Subscription::default());
    life.choose("pro-year", noon("2028-02-29"));
    life.renew(noon("2029-02-28"));
    assert_eq!(life.current().period.first.to_string(), "2029-02-28");
    life.renew(noon("2032-03-01"));
    assert_eq!(life.current().period.first.to_string(), "2032-02-29");
}

#[test]
fn an_upgrade_is_prorated_by_the_day_and_gives_its_credits_at_once() {
    let mut life = Life(Subscription::default());
    life.choose("pro", noon("2026-11-01"));
    let steps = life.choose("team", noon("2026-11-21"));
    // 10 of 30 days are left: a third of 150 is charged, a third of 50 given back.
    assert_eq!(
        lines(&steps[0]),
        [
            "TEAM, 2026-11-21 to 2026-11-30, 5000 credits: 50.00 EUR",
            "Unused time of PRO, 2026-11-21 to 2026-11-30: -16.67 EUR"
        ]
    );
    // A third of 20 000, less the third of 5 000 that was given for these days already.
    assert_eq!(grants(&steps), ["plan:1.1 5000 plan 2026-11-21 2026-12-01"]);
    let next = life.renew(noon("2026-12-01"));
    assert_eq!(lines(&next.steps[0]), ["TEAM, 2026-12-01 to 2026-12-31, 20000 credits: 150.00 EUR"]);
    assert_eq!(life.current().period.number, 2);
}

#[test]
fn an_upgrade_on_the_first_day_costs_the_difference() {
    let mut life = Life(Subscription::default());
    life.choose("pro", noon("2026-11-01"));
    let steps = life.choose("team", noon("2026-11-01"));
    assert_eq!(steps[0].due().unwrap().to_string(), "100.00 EUR");
    assert_eq!(grants(&steps), ["plan:1.1 15000 plan 2026-11-01 2026-12-01"]);
}

#[test]
fn a_dearer_plan_with_fewer_credits_gives_back_only_what_its_credits_replace() {
    let mut life = Life(Subscription::default());
    life.choose("pro", noon("2026-11-01"));
    let steps = life.choose("lean", noon("2026-11-01"));
    // Of 5 000 credits 1 000 count towards those of the new plan, so a fifth of the price is given back.
    assert_eq!(steps[0].due().unwrap().to_string(), "50.00 EUR");
    assert_eq!(grants(&steps), Vec::<String>::new());
    // 60 and 40 were paid for 5 000 credits, of which 3 000 count: three fifths of 100.
    let mut other = Life(life.0.clone());
    assert_eq!(other.choose("mid", noon("2026-11-01"))[0].due().unwrap().to_string(), "10.00 EUR");
    // What was kept counts when a better plan follows: 150 for 20 000 in all, as if it had been chosen at once.
    let better = life.choose("team", noon("2026-11-01"));
    assert_eq!(better[0].due().unwrap().to_string(), "50.00 EUR");
    assert_eq!(grants(&better), ["plan:1.2 15000 plan 2026-11-01 2026-12-01"]);
}

#[test]
fn rounding_neither_gives_money_back_nor_more_credits_than_the_best_plan() {
    let nearly = |id: &str, price: &str, micros: i64| Plan {
        credits: Credits::from_micros(micros).unwrap(),
        ..plan(id, 0, price, Every::Month, 0)
    };
    let all = vec![nearly("a", "1.00 EUR", 8), nearly("b", "1.25 EUR", 9), nearly("c", "1.26 EUR", 10)];
    let plans = Plans::new(all, None, 14, &[]).unwrap();
    let live = |days: [&str; 3]| {
        let mut now = Subscription::default();
        let mut steps = vec![];
        for (plan, day) in ["a", "b", "c"].into_iter().zip(days) {
            let decision = now.choose(&plans, &Utc, &id(plan), Chooser::Customer, noon(day)).unwrap();
            now = decision.after;
            steps.extend(decision.steps);
        }
        steps
    };
    // Three thirtieths of 1.25 are 0.13, two thirds of which are 0.09; two thirtieths of 1.26 are 0.08.
    let steps = live(["2026-11-01", "2026-11-28", "2026-11-29"]);
    assert_eq!(steps[2].due().unwrap().to_string(), "0.00 EUR");
    // Rounded up at both changes it would be 11 millionths.
    let steps = live(["2027-02-01", "2027-02-03", "2027-02-05"]);
    let given: i64 = steps.iter().flat_map(|step| &step.grants).map(|grant| grant.amount.micros()).sum();
    assert_eq!(given, 10);
}

#[test]
fn a_plan_of_another_length_begins_a_period_today() {
    let mut life = Life(Subscription::default());
    life.choose("pro", noon("2026-11-01"));
    let steps = life.choose("pro-year", noon("2026-11-16"));
    assert_eq!(
        lines(&steps[0]),
        [
            "PRO-YEAR, 2026-11-16 to 2027-11-15, 57500 credits: 500.00 EUR",
            "Unused time of PRO, 2026-11-16 to 2026-11-30: -25.00 EUR"
        ]
    );
    assert_eq!(grants(&steps), ["plan:2 57500 plan 2026-11-16 2027-11-16"]);
}

#[test]
fn leaving_a_free_plan_takes_nothing_and_coming_back_gives_nothing_twice() {
    let mut life = Life(Subscription::default());
    assert_eq!(grants(&life.choose("free", noon("2026-11-01"))), ["plan:1 500 free 2026-11-01 2026-12-01"]);
    let steps = life.choose("pro", noon("2026-11-10"));
    assert_eq!(steps[0].due().unwrap().to_string(), "50.00 EUR");
    assert_eq!(grants(&steps), ["plan:2 5000 plan 2026-11-10 2027-03-10"]);
    life.0 = life.0.cancel(&plans(), noon("2026-11-11")).unwrap().after;
    let back = life.renew(noon("2026-12-10"));
    assert_eq!(grants(&back.steps), ["plan:3 500 free 2026-12-10 2027-01-10"]);
    // Unpaid for a fortnight and free again within the same free period: no more credits until it is over.
    let _ = life.choose("pro", noon("2026-12-11"));
    life.0 = life.0.payment_failed(noon("2026-12-11"));
    let lapsed = life.renew(noon("2026-12-25"));
    assert_eq!(lapsed.lapsed, Some(id("pro")));
    assert_eq!(grants(&lapsed.steps), Vec::<String>::new());
    assert_eq!(life.current().period.end.to_string(), "2027-01-10");
    assert_eq!(grants(&life.renew(noon("2027-01-10")).steps), ["plan:6 500 free 2027-01-10 2027-02-10"]);
}

#[test]
fn a_downgrade_waits_for_the_end_of_the_period_and_can_be_taken_back() {
    let mut life = Life(Subscription::default());
    life.choose("team", noon("2026-10-31"));
    assert_eq!(life.choose("pro", noon("2026-11-05")), []);
    assert_eq!(life.current().next, Next::Change(id("pro")));
    let resumed = life.0.resume(&plans(), noon("2026-11-06")).unwrap();
    assert_eq!(resumed.after.current.unwrap().next, Next::Renew);
    // The same by choosing the plan in force.
    let again = life.0.choose(&plans(), &Utc, &id("team"), Chooser::Customer, noon("2026-11-06")).unwrap();
    assert_eq!(again.after.current.unwrap().next, Next::Renew);
    let renewed = life.renew(noon("2026-12-31"));
    assert_eq!(
        renewed.steps.iter().flat_map(lines).collect::<Vec<_>>(),
        [
            "PRO, 2026-11-30 to 2026-12-30, 5000 credits: 50.00 EUR",
            "PRO, 2026-12-31 to 2027-01-30, 5000 credits: 50.00 EUR"
        ]
    );
}

#[test]
fn a_cancelled_plan_goes_on_to_its_end_and_the_default_plan_follows() {
    let mut life = Life(Subscription::default());
    life.choose("pro", noon("2026-11-14"));
    let cancelled = life.0.cancel(&plans(), noon("2026-11-20")).unwrap();
    assert_eq!(cancelled.effective_at, Utc.start("2026-12-14".parse().unwrap()));
    life.0 = cancelled.after;
    let renewed = life.renew(noon("2026-12-20"));
    assert_eq!(grants(&renewed.steps), ["plan:2 500 free 2026-12-14 2027-01-14"]);
    assert_eq!(renewed.steps[0].due(), None);
    assert_eq!(life.0.cancel(&plans(), noon("2026-12-20")), Err(Refusal::DefaultPlan));

    let alone = Plans::new(vec![plan("pro", 5_000, "50 EUR", Every::Month, 0)], None, 14, &[]).unwrap();
    let begun =
        Subscription::default().choose(&alone, &Utc, &id("pro"), Chooser::Customer, noon("2026-11-14"));
    let cancelled = begun.unwrap().after.cancel(&alone, noon("2026-11-14")).unwrap().after;
    let ended = cancelled.renew(&alone, &Utc, noon("2026-12-14")).unwrap().after;
    assert_eq!((ended.current, ended.periods), (None, 1));
}

#[test]
fn what_was_missed_is_caught_up_unless_nobody_could_use_it_any_more() {
    let mut life = Life(Subscription::default());
    life.choose("free", noon("2026-01-15"));
    let renewed = life.renew(noon("2026-05-20"));
    assert_eq!(grants(&renewed.steps), ["plan:5 500 free 2026-05-15 2026-06-15"]);
    assert_eq!(renewed.missed, [2, 3, 4]);
    // Credits that roll over for three periods are of use three periods longer.
    let mut life = Life(Subscription::default());
    life.choose("pro", noon("2026-01-15"));
    let renewed = life.renew(noon("2026-07-20"));
    let numbers: Vec<u32> = renewed.steps.iter().map(|step| step.period).collect();
    assert_eq!((numbers, renewed.missed), (vec![4, 5, 6, 7], vec![2, 3]));
}

#[test]
fn an_unpaid_plan_goes_on_for_the_days_of_grace_and_no_new_period_begins() {
    let mut life = Life(Subscription::default());
    life.choose("pro", noon("2026-11-25"));
    life.renew(noon("2026-12-25"));
    life.0 = life.0.payment_failed(noon("2026-12-25"));
    // A second failure doesn't make it longer.
    life.0 = life.0.payment_failed(noon("2026-12-30"));
    assert_eq!(life.0.due_at(&plans()), Some(noon("2027-01-08")));
    assert_eq!(life.refused("team", noon("2026-12-30")), Refusal::PastDue);
    assert_eq!(life.renew(noon("2027-01-07")).steps, []);
    let settled = life.0.payments_settled();
    assert_eq!(settled.due_at(&plans()), Some(Utc.start("2027-01-25".parse().unwrap())));
    let lapsed = life.renew(noon("2027-03-01"));
    assert_eq!(lapsed.lapsed, Some(id("pro")));
    // From the instant at which the grace was over, whenever somebody looks.
    assert_eq!(grants(&lapsed.steps), ["plan:4 500 free 2027-02-08 2027-03-08"]);
    assert_eq!(lapsed.missed, [3]);

    // A failure late in the period leaves no time beyond it: what is paid late is paid while it can be used.
    let mut late = Life(Subscription::default());
    let step = late.choose("team", noon("2026-11-25")).remove(0);
    late.0 = late.0.payment_failed(noon("2026-12-20"));
    let ends_at = late.current().period.ends_at;
    assert_eq!((late.0.due_at(&plans()), step.payable_until()), (Some(ends_at), Some(ends_at)));
    let lapsed = late.renew(noon("2026-12-25"));
    assert_eq!(grants(&lapsed.steps), ["plan:2 500 free 2026-12-25 2027-01-25"]);
}

#[test]
fn who_moves_has_the_period_to_its_end_and_the_next_one_by_the_new_zone() {
    struct East;
    impl Zone for East {
        fn day(&self, at: Timestamp) -> Day {
            Utc.day(at.saturating_add(9 * 3_600 * SECOND))
        }
        fn start(&self, day: Day) -> Timestamp {
            Utc.start(day).saturating_add(-9 * 3_600 * SECOND)
        }
    }
    let mut life = Life(Subscription::default());
    life.choose("pro", noon("2026-11-14"));
    let ends_at = life.current().period.ends_at;
    // On the last evening it is the day after the period there: one day is left.
    let evening = ends_at.saturating_add(-3_600 * SECOND);
    let decision = life.0.choose(&plans(), &East, &id("team"), Chooser::Customer, evening).unwrap();
    assert_eq!(lines(&decision.steps[0])[0], "TEAM, 2026-12-13 to 2026-12-13, 500 credits: 5.00 EUR");
    let renewed = life.0.renew(&plans(), &East, ends_at).unwrap();
    let period = renewed.after.current.unwrap().period;
    assert_eq!((period.starts_at, period.first.to_string()), (ends_at, "2026-12-14".to_owned()));
    assert_eq!(period.ends_at, East.start("2027-01-14".parse().unwrap()));
}

#[test]
fn each_refusal_says_why() {
    let mut life = Life(Subscription::default());
    assert_eq!(life.refused("nothing", noon("2026-11-14")), Refusal::UnknownPlan(id("nothing")));
    assert_eq!(life.refused("enterprise", noon("2026-11-14")), Refusal::NotOffered(id("enterprise")));
    assert_eq!(life.refused("old", noon("2026-11-14")), Refusal::NotOffered(id("old")));
    assert_eq!(life.0.cancel(&plans(), noon("2026-11-14")), Err(Refusal::NoPlan));
    assert_eq!(life.0.resume(&plans(), noon("2026-11-14")), Err(Refusal::NoPlan));
    life.choose("pro", noon("2026-11-14"));
    assert_eq!(life.refused("pro", noon("2026-11-15")), Refusal::SamePlan);
    assert_eq!(life.0.resume(&plans(), noon("2026-11-15")), Err(Refusal::NothingPlanned));
    assert_eq!(life.refused("team", noon("2026-12-14")), Refusal::RenewalDue);
    assert_eq!(life.0.cancel(&plans(), noon("2026-12-14")), Err(Refusal::RenewalDue));
    let by_operator = life.0.choose(&plans(), &Utc, &id("enterprise"), Chooser::Operator, noon("2026-11-15"));
    assert_eq!(by_operator.unwrap().after.current.unwrap().plan, id("enterprise"));
    let dollars = Plans::new(vec![plan("usd", 1, "1 USD", Every::Month, 0)], None, 14, &[]).unwrap();
    let other = life.0.choose(&dollars, &Utc, &id("usd"), Chooser::Customer, noon("2026-11-15"));
    assert_eq!(other.unwrap_err().to_string(), "plans in EUR and USD can't be exchanged for each other");
    let gone = life.0.renew(&dollars, &Utc, noon("2026-12-14"));
    assert_eq!(gone.unwrap_err(), Refusal::UnknownPlan(id("pro")));
}

#[test]
fn a_free_plan_gives_grants_of_kind_free() {
    assert_eq!(plan("free", 1, "0 EUR", Every::Month, 0).grant_kind(), GrantKind::Free);
    assert_eq!(plan("pro", 1, "1 EUR", Every::Month, 0).grant_kind(), GrantKind::Plan);
}

#[test]
fn a_subscription_is_stored_as_json_and_read_back() {
    let mut life = Life(Subscription::default());
    life.choose("team", noon("2026-11-14"));
    life.choose("pro", noon("2026-11-15"));
    life.0 = life.0.payment_failed(noon("2026-11-16"));
    let text = serde_json::to_string(&life.0).unwrap();
    assert!(text.contains(r#""next":{"change":"pro"}"#), "{text}");
    assert_eq!(serde_json::from_str::<Subscription>(&text).unwrap(), life.0);
}
