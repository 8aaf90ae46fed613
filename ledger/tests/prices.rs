//! Properties of prices: of every kind, over random tiers, quantities and cuts.
#![expect(clippy::arithmetic_side_effects, reason = "sums kept by hand, to hold the checked ones against")]

use ledger::rate::{Price, Pricing, Rounding, Tier, Tiers};
use ledger::{Credits, Quantity};
use proptest::prelude::*;

fn price(pricing: Pricing) -> Price {
    Price { operation: "op".into(), unit: "unit".into(), pricing, rounding: Rounding::HalfUp, minimum: None }
}

fn any_tiers() -> impl Strategy<Value = Tiers> {
    let steps = proptest::collection::vec((1..3_000_000_i64, 0..5_000_000_i64), 0..6);
    (steps, 1..5_000_000_i64).prop_map(|(steps, last)| {
        let mut end = 0;
        let mut tiers: Vec<Tier> = steps
            .into_iter()
            .map(|(width, micros)| {
                end += width;
                Tier {
                    up_to: Quantity::from_micros(end),
                    credits_per_unit: Credits::from_micros(micros).unwrap(),
                }
            })
            .collect();
        tiers.push(Tier { up_to: None, credits_per_unit: Credits::from_micros(last).unwrap() });
        Tiers::new(tiers).unwrap()
    })
}

fn any_price() -> impl Strategy<Value = Price> {
    let rounding = (0..Rounding::ALL.len()).prop_map(|index| Rounding::ALL[index]);
    let credits = |micros: i64| Credits::from_micros(micros).unwrap();
    let pricing = prop_oneof![
        (1..9_000_000_i64).prop_map(move |micros| Pricing::Flat { credits_per_unit: credits(micros) }),
        any_tiers().prop_map(|tiers| Pricing::Graduated { tiers }),
        any_tiers().prop_map(|tiers| Pricing::Volume { tiers }),
        (1_000..5_000_000_i64, 1..9_000_000_i64).prop_map(move |(size, micros)| Pricing::Package {
            size: Quantity::from_micros(size).unwrap(),
            credits_per_package: credits(micros),
        }),
    ];
    let minimum = proptest::option::of((1..2_000_000_i64).prop_map(credits));
    (pricing, rounding, minimum).prop_map(|(pricing, rounding, minimum)| Price {
        rounding,
        minimum,
        ..price(pricing)
    })
}

fn quantity(micros: i64) -> Quantity {
    Quantity::from_micros(micros).unwrap()
}

proptest! {
    /// But for volume prices, which are made to give more for less.
    #[test]
    fn more_never_costs_less(price in any_price(), before in 0..9_000_000_i64, q in 0..9_000_000_i64, more in 0..9_000_000_i64) {
        prop_assume!(!matches!(price.pricing, Pricing::Volume { .. }));
        let cost = |q| price.quote_after(quantity(before), quantity(q)).unwrap().credits;
        prop_assert!(cost(q) <= cost(q + more));
    }

    #[test]
    fn within_a_tier_a_greater_volume_never_costs_less(tiers in any_tiers(), q in 0..9_000_000_i64, more in 0..9_000_000_i64) {
        let price = price(Pricing::Volume { tiers });
        let (less, greater) = (price.quote(quantity(q)).unwrap(), price.quote(quantity(q + more)).unwrap());
        prop_assume!(less.slices[0].part == greater.slices[0].part);
        prop_assert!(less.credits <= greater.credits);
    }

    /// However a month's quantity is cut into events, and whichever comes first, its sum is the price of the whole.
    #[test]
    fn graduated_events_add_up_to_the_price_of_the_whole(
        tiers in any_tiers(),
        parts in proptest::collection::vec(0..2_000_000_i64, 0..12),
        rule in 0..4_usize,
    ) {
        let price = Price { rounding: Rounding::ALL[rule], ..price(Pricing::Graduated { tiers }) };
        let add_up = |parts: &mut dyn Iterator<Item = &i64>| {
            parts.fold((0, 0), |(before, sum), part| {
                let quote = price.quote_after(quantity(before), quantity(*part)).unwrap();
                (before + part, sum + quote.credits.micros())
            })
        };
        let (whole, sum) = add_up(&mut parts.iter());
        prop_assert_eq!(sum, price.quote(quantity(whole)).unwrap().credits.micros());
        prop_assert_eq!(add_up(&mut parts.iter().rev()), (whole, sum));
    }

    #[test]
    fn the_slices_are_the_whole_quantity_and_the_whole_cost(price in any_price(), before in 0..9_000_000_i64, q in 0..9_000_000_i64) {
        let quote = price.quote_after(quantity(before), quantity(q)).unwrap();
        if !matches!(price.pricing, Pricing::Package { .. }) {
            prop_assert_eq!(quote.slices.iter().map(|slice| slice.quantity.micros()).sum::<i64>(), q);
        }
        if let Some(month) = quote.month {
            prop_assert_eq!(month.after_picos - month.before_picos, quote.exact_picos());
            prop_assert_eq!((month.before, month.after), (quantity(before), quantity(before + q)));
        } else {
            prop_assert_eq!(i128::from(quote.rounded.micros()), price.rounding.round(quote.exact_picos()));
        }
        prop_assert_eq!(quote.credits, quote.minimum.unwrap_or(quote.rounded));
        prop_assert!(quote.minimum.is_none_or(|least| Some(least) == price.minimum && least > quote.rounded));
    }

    #[test]
    fn no_quantity_and_no_price_can_panic(price in any_price(), before in 0..=i64::MAX, q in 0..=i64::MAX, dear in any::<bool>()) {
        let pricing = if dear { Pricing::Flat { credits_per_unit: Credits::MAX } } else { price.pricing.clone() };
        let _ = Price { pricing, ..price }.quote_after(quantity(before), quantity(q));
    }
}
