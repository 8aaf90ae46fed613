//! Properties of plans over random calendars: real time zones with their changes of clocks, any day and time, random plans, and
//! customers who change their minds. `PLEXE_CALENDARS` says how many (usually 1 000).
#![expect(clippy::arithmetic_side_effects, reason = "sums kept by hand, to hold the checked ones against")]

mod account;
mod model;

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use ledger::grant::GrantKind;
use ledger::invoice::{Act as InvoiceAct, Draft, LineKind, Party};
use ledger::plan::{Chooser, Step};
use ledger::tax::{PricesAre, TaxRate, TaxRules};
use ledger::time::DAY;
use ledger::wallet::Wallet;
use ledger::{AccountId, Credits, Money, Timestamp, Zone};
use proptest::prelude::*;
use uuid::Uuid;

use self::account::{Account, Act, Place, ZONES, beginning, id, life, offers, plans, rising_offers};
use self::model::Model;

fn calendars() -> u32 {
    std::env::var("PLEXE_CALENDARS").ok().and_then(|count| count.parse().ok()).unwrap_or(1_000)
}

/// What can be spent at an instant, when the grants were issued as they were ordered and nothing was spent.
fn available(account: &Account, at: Timestamp) -> Credits {
    let mut wallet = Wallet::new(AccountId::new(Uuid::from_u128(1)));
    for grant in account.grants() {
        // One that was caught up late is issued late, and may have expired by then; `renew` leaves those out.
        let issued_at = grant.facts.effective_at.max(wallet.recorded_at);
        wallet.advance(issued_at);
        if grant.facts.expires_at.is_some_and(|expires_at| expires_at > issued_at) {
            wallet.issue(issued_at, grant.amount, grant.facts.clone()).unwrap();
        }
    }
    wallet.advance(at);
    wallet.available(at)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: calendars(), ..ProptestConfig::default() })]

    #[test]
    fn it_makes_no_difference_when_and_how_often_somebody_looks(
        offers in offers(),
        has_default in any::<bool>(),
        zone in 0..ZONES.len(),
        start in beginning(),
        life in life(true),
        looks in proptest::collection::vec(0..1_000_i64, 0..6),
    ) {
        let (plans, zone) = (plans(&offers, has_default), Place::nth(zone));
        let mut always = Account::new(&plans, &zone);
        let mut seldom = Account::new(&plans, &zone);
        let mut at = start;
        for (gap, act) in &life {
            for thousandths in &looks {
                // Looks that find nothing, and looks into the past of what was seen already.
                seldom.look(at.saturating_add(gap / 1_000 * thousandths));
            }
            at = at.saturating_add(*gap);
            always.live_until(at);
            seldom.look(at);
            prop_assert_eq!(always.act(at, act), seldom.act(at, act));
            prop_assert_eq!(&always.now, &seldom.now);
        }
        prop_assert_eq!(always.lapses, seldom.lapses);
        prop_assert!(always.missed.is_empty());
        // Whoever looks seldom has the same steps, but for those that nobody could have used any more.
        let missed: BTreeSet<u32> = seldom.missed.iter().copied().collect();
        let useful: Vec<&Step> = always.steps.iter().filter(|step| step.part > 0 || !missed.contains(&step.period)).collect();
        prop_assert_eq!(useful, seldom.steps.iter().collect::<Vec<_>>());
        for later in [0, 20 * DAY, 70 * DAY, 500 * DAY] {
            let then = at.saturating_add(later);
            prop_assert_eq!(available(&always, then), available(&seldom, then));
        }
        let ids: BTreeSet<String> = always.steps.iter().map(Step::id).collect();
        prop_assert_eq!(ids.len(), always.steps.len(), "a step's id stands twice");
        for (grant, step) in always.steps.iter().flat_map(|step| step.grants.iter().map(move |grant| (grant, step))) {
            prop_assert_eq!(&grant.facts.source, &step.id());
            prop_assert!(grant.facts.expires_at.is_some_and(|expires_at| expires_at > grant.facts.effective_at));
        }
    }

    #[test]
    fn no_period_is_skipped_or_comes_twice_and_each_ends_on_its_day(
        yearly in any::<bool>(),
        rollover in 0..6_u8,
        zone in 0..ZONES.len(),
        start in beginning(),
        looks in proptest::collection::vec(0..90 * DAY, 1..20),
    ) {
        let (plans, zone) = (plans(&[(0, 0, false, 0), (4_900, 5_000, yearly, rollover)], true), Place::nth(zone));
        let mut account = Account::new(&plans, &zone);
        account.act(start, &Act::Choose(1)).unwrap();
        let anchor = zone.day(start);
        let length = if yearly { 12 } else { 1 };
        let mut ends = vec![account.now.current.as_ref().unwrap().period.ends_at];
        let mut at = start;
        for gap in looks {
            at = at.saturating_add(gap);
            while let Some(due_at) = account.now.due_at(&plans).filter(|due_at| *due_at <= at) {
                account.look(due_at);
                let period = account.now.current.as_ref().unwrap().period;
                prop_assert_eq!(period.starts_at, *ends.last().unwrap());
                prop_assert!(period.starts_at <= due_at && due_at < period.ends_at);
                ends.push(period.ends_at);
            }
        }
        let period = account.now.current.as_ref().unwrap().period;
        prop_assert!(at < period.ends_at);
        prop_assert_eq!(usize::try_from(period.number).unwrap(), ends.len());
        prop_assert_eq!(account.steps.len(), ends.len());
        for (nth, end) in (1..).zip(&ends) {
            // By the calendar of jiff: so many months after the first day, or that month's last day.
            let (year, month, day) = anchor.date();
            let first = Date::new(year.try_into().unwrap(), month.try_into().unwrap(), day.try_into().unwrap()).unwrap();
            let last = first.checked_add(jiff::Span::new().months(nth * length)).unwrap();
            let midnight = last.to_zoned(zone.0.clone()).unwrap().timestamp().as_microsecond();
            prop_assert_eq!(end.micros(), midnight);
        }
        // What is left of a period can be spent for so many periods more, to the instant.
        for (nth, step) in account.steps.iter().enumerate() {
            if let Some(end) = ends.get(nth + usize::from(rollover)) {
                prop_assert_eq!(step.grants[0].facts.expires_at, Some(*end));
            }
        }
    }

    #[test]
    fn days_are_paid_for_and_credited_once_whatever_plans_they_were_spent_in(
        offers in rising_offers(),
        zone in 0..ZONES.len(),
        start in beginning(),
        life in life(false),
    ) {
        let (plans, zone) = (plans(&offers, true), Place::nth(zone));
        let mut account = Account::new(&plans, &zone);
        let mut model = Model::default();
        let mut at = start;
        for (gap, act) in &life {
            at = at.saturating_add(*gap);
            while let Some(due_at) = account.now.due_at(&plans).filter(|due_at| *due_at <= at) {
                account.look(due_at);
                model.follow(&account.now, &plans);
            }
            let before = account.now.clone();
            if account.act(at, act).is_ok() {
                model.changed(&before, &account.now, &plans, zone.day(at));
            }
            let paid: i64 = account.steps.iter().filter_map(Step::due).map(Money::minor).sum();
            let given = |kind| account.grants().filter(|grant| grant.facts.kind == kind).map(|grant| grant.amount.micros()).sum::<i64>();
            prop_assert!(model.price.holds(paid), "paid {} for {:?}", paid, model);
            prop_assert!(model.credits.holds(given(GrantKind::Plan)), "given {} for {:?}", given(GrantKind::Plan), model);
            prop_assert_eq!(model.free, given(GrantKind::Free));
        }
    }

    #[test]
    fn no_change_of_plan_makes_credits_or_money_out_of_nothing(
        offers in offers(),
        zone in 0..ZONES.len(),
        start in beginning(),
        life in life(true),
    ) {
        let (plans, zone) = (plans(&offers, true), Place::nth(zone));
        let mut account = Account::new(&plans, &zone);
        let mut at = start;
        for (gap, act) in &life {
            at = at.saturating_add(*gap);
            account.live_until(at);
            let _ = account.act(at, act);
        }
        let mut periods: BTreeMap<u32, Vec<&Step>> = BTreeMap::new();
        for step in &account.steps {
            prop_assert!(step.due().is_none_or(|due| !due.is_negative()), "{:?}", step);
            periods.entry(step.period).or_default().push(step);
        }
        for steps in periods.values() {
            let held = || steps.iter().filter_map(|step| plans.get(&step.plan));
            let given: i64 = steps.iter().flat_map(|step| &step.grants).map(|grant| grant.amount.micros()).sum();
            prop_assert!(given <= held().map(|plan| plan.credits.micros()).max().unwrap_or(0));
            // Nobody pays more in a period than its plans would have cost one beside the other.
            let paid: i64 = steps.iter().filter_map(|step| step.due()).map(Money::minor).sum();
            prop_assert!(paid <= held().map(|plan| plan.price.minor()).sum());
        }
        // Credits given for nothing never overlap.
        let free = account.grants().filter(|grant| grant.facts.kind == GrantKind::Free);
        let mut until = Timestamp::from_micros(i64::MIN);
        for grant in free {
            prop_assert!(grant.facts.effective_at >= until);
            until = grant.facts.expires_at.unwrap();
        }
    }

    #[test]
    fn what_a_preview_says_is_invoiced_to_the_cent(
        offers in offers(),
        zone in 0..ZONES.len(),
        start in beginning(),
        life in life(false),
        millionths in 0..300_000_u32,
        is_inclusive in any::<bool>(),
    ) {
        let (plans, zone) = (plans(&offers, true), Place::nth(zone));
        let prices = if is_inclusive { PricesAre::Inclusive } else { PricesAre::Exclusive };
        let tax = TaxRules { name: "VAT".into(), rate: TaxRate::from_millionths(millionths).unwrap(), prices, reverse_charge: None };
        let party = Party { name: "Somebody".into(), address: vec![], country: None, email: None, tax_id: None };
        let mut account = Account::new(&plans, &zone);
        let mut at = start;
        for (gap, act) in &life {
            at = at.saturating_add(*gap);
            account.live_until(at);
            if let Act::Choose(nth) = act {
                // Looked at earlier on the same day, by the account's clock, it is the same.
                let plan = id(nth % plans.all().len());
                let midnight = zone.start(zone.day(at)).max(at.saturating_add(-DAY / 2));
                let preview = account.now.choose(&plans, &zone, &plan, Chooser::Customer, midnight);
                let chosen = account.now.choose(&plans, &zone, &plan, Chooser::Customer, at);
                if let (Ok(preview), Ok(chosen)) = (preview, chosen) {
                    let lines = |steps: &[Step]| steps.iter().flat_map(|step| step.lines.clone()).collect::<Vec<_>>();
                    prop_assert_eq!(lines(&preview.steps), lines(&chosen.steps));
                }
            }
            let _ = account.act(at, act);
        }
        for step in account.steps.iter().filter(|step| !step.lines.is_empty()) {
            let draft = Draft::new(party.clone(), party.clone(), step.lines.clone(), Some(&tax)).unwrap();
            let totals = draft.totals();
            let invoice = draft.issue("INV-2026-000001".into(), zone.day(step.at), zone.day(step.at));
            prop_assert_eq!(invoice.totals.gross, totals.gross);
            prop_assert_eq!(totals.net.checked_add(totals.tax), Ok(totals.gross));
            prop_assert_eq!(Money::sum(invoice.currency, invoice.line_nets()), Ok(totals.net));
            prop_assert_eq!(Some(if is_inclusive { totals.gross } else { totals.net }), step.due());
            prop_assert!(step.lines.iter().all(|line| (line.kind == LineKind::UnusedPlan) == line.amount.is_negative() || line.amount.is_zero()));
            let granted: i64 = step.grants.iter().map(|grant| grant.amount.micros()).sum();
            let said: i64 = step.lines.iter().filter_map(|line| line.credits).map(Credits::micros).sum();
            prop_assert_eq!(granted, said);
            if !invoice.totals.gross.is_zero() {
                prop_assert!(invoice.after(InvoiceAct::Pay).is_ok());
            }
        }
    }
}
