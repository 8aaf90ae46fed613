//! Which plan, and how many packs, are the cheapest that give as many credits as are needed.

use crate::credits::Credits;

/// A plan as far as it is compared: credits for each period, which don't last beyond it. All prices are of one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    pub credits: Credits,
    /// For each period, in the currency's minor units.
    pub price_minor: u64,
}

/// A pack of credits that is bought once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pack {
    pub credits: Credits,
    pub price_minor: u64,
}

/// A way to have enough for a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fit {
    /// Which of the plans; `None`: without one.
    pub plan: Option<usize>,
    /// Which of the packs, and how many; `None`: the plan is enough.
    pub packs: Option<(usize, u64)>,
    pub price_minor: u64,
    /// What is left at the end of the period.
    pub spare: Credits,
}

/// What a period of `period_days` takes when `spent` was spent in `days`, rounded up. Nothing can be said of no days.
pub fn per_period(spent: Credits, days: u32, period_days: u32) -> Option<Credits> {
    let needed = i128::from(spent.micros()).checked_mul(i128::from(period_days))?;
    let needed = needed.checked_add(i128::from(days).checked_sub(1)?)?.checked_div(i128::from(days))?;
    i64::try_from(needed).ok().and_then(Credits::from_micros)
}

/// Everything that is enough, the cheapest first; at the same price what needs fewer packs, then what leaves more. Each is a
/// plan, or none, with packs of one kind.
pub fn fits(needed: Credits, plans: &[Plan], packs: &[Pack]) -> Vec<Fit> {
    let own = plans.iter().enumerate().map(|(place, plan)| (Some(place), *plan));
    let none = (None, Plan { credits: Credits::ZERO, price_minor: 0 });
    let mut found: Vec<Fit> = std::iter::once(none)
        .chain(own)
        .flat_map(|(place, plan)| with_packs(needed, place, plan, packs))
        .collect();
    let count = |fit: &Fit| fit.packs.map_or(0, |(_, count)| count);
    found.sort_by_key(|fit| (fit.price_minor, count(fit), std::cmp::Reverse(fit.spare), fit.plan, fit.packs));
    found
}

fn with_packs(needed: Credits, place: Option<usize>, plan: Plan, packs: &[Pack]) -> Vec<Fit> {
    let missing = needed.saturating_sub(plan.credits);
    if missing.is_zero() {
        let spare = plan.credits.saturating_sub(needed);
        return vec![Fit { plan: place, packs: None, price_minor: plan.price_minor, spare }];
    }
    let fit = |(kind, pack): (usize, &Pack)| {
        let (each, missing) =
            (u64::try_from(pack.credits.micros()).ok()?, u64::try_from(missing.micros()).ok()?);
        let count = if each == 0 { None } else { Some(missing.div_ceil(each)) }?;
        let price_minor = count.checked_mul(pack.price_minor)?.checked_add(plan.price_minor)?;
        let spare = count.checked_mul(each)?.checked_sub(missing)?;
        let spare = i64::try_from(spare).ok().and_then(Credits::from_micros)?;
        Some(Fit { plan: place, packs: Some((kind, count)), price_minor, spare })
    };
    packs.iter().enumerate().filter_map(fit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(credits: u32, price_minor: u64) -> Plan {
        Plan { credits: Credits::whole(credits), price_minor }
    }

    fn pack(credits: u32, price_minor: u64) -> Pack {
        Pack { credits: Credits::whole(credits), price_minor }
    }

    fn cheapest(needed: u32, plans: &[Plan], packs: &[Pack]) -> (Option<usize>, Option<(usize, u64)>, u64) {
        let fit = fits(Credits::whole(needed), plans, packs)[0];
        (fit.plan, fit.packs, fit.price_minor)
    }

    #[test]
    fn the_cheapest_is_what_gives_enough_for_least() {
        let plans = [plan(1_000, 900), plan(10_000, 4_900)];
        let packs = [pack(500, 600), pack(5_000, 4_000)];
        assert_eq!(cheapest(0, &plans, &packs), (None, None, 0));
        assert_eq!(cheapest(400, &plans, &packs), (None, Some((0, 1)), 600));
        assert_eq!(cheapest(501, &plans, &packs), (Some(0), None, 900));
        assert_eq!(cheapest(1_000, &plans, &packs), (Some(0), None, 900));
        assert_eq!(cheapest(1_001, &plans, &packs), (Some(0), Some((0, 1)), 1_500));
        assert_eq!(cheapest(5_000, &plans, &packs), (None, Some((1, 1)), 4_000));
        assert_eq!(cheapest(8_000, &plans, &packs), (Some(1), None, 4_900));
        assert_eq!(cheapest(20_000, &plans, &packs), (Some(1), Some((1, 2)), 12_900));
    }

    #[test]
    fn at_the_same_price_fewer_packs_and_then_more_credits_win() {
        let packs = [pack(50, 100), pack(100, 200), pack(120, 200)];
        assert_eq!(cheapest(100, &[], &packs), (None, Some((2, 1)), 200));
        assert_eq!(cheapest(100, &[plan(100, 200)], &packs), (Some(0), None, 200));
        let spare: Vec<Credits> =
            fits(Credits::whole(100), &[], &packs).iter().map(|fit| fit.spare).collect();
        assert_eq!(spare, [20, 0, 0].map(Credits::whole));
    }

    #[test]
    fn where_nothing_is_enough_nothing_is_recommended() {
        assert_eq!(fits(Credits::whole(2), &[plan(1, 5)], &[]), []);
        assert_eq!(fits(Credits::whole(2), &[], &[pack(0, 5)]), []);
        let dear = [pack(1, u64::MAX)];
        assert_eq!(fits(Credits::MAX, &[], &dear), [], "what can't be paid is no fit");
    }

    #[test]
    fn a_period_takes_its_share_of_the_days_rounded_up() {
        let micros = |micros| Credits::from_micros(micros).unwrap();
        assert_eq!(per_period(micros(100), 30, 30), Some(micros(100)));
        assert_eq!(per_period(micros(100), 30, 31), Some(micros(104)));
        assert_eq!(per_period(micros(90), 30, 1), Some(micros(3)));
        assert_eq!(per_period(micros(90), 0, 30), None);
        assert_eq!(per_period(Credits::MAX, 1, 30), None, "more than can be counted");
    }
}
