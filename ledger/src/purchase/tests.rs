//! Prices of credits, what a payment gives, and what a chargeback takes.

use proptest::prelude::*;

use super::*;
use crate::day::Utc;

fn pack(id: &str) -> Pack {
    Pack {
        id: id.parse().unwrap(),
        name: "Large pack".into(),
        credits: Credits::whole(10_000),
        bonus: Credits::whole(500),
        price: "90.00 EUR".parse().unwrap(),
        expires_after_days: Some(365),
    }
}

fn custom() -> CustomAmount {
    CustomAmount {
        minimum: Credits::whole(100),
        maximum: Credits::whole(100_000),
        price: "9.99 EUR".parse().unwrap(),
        per_credits: Credits::whole(1_000),
        expires_after_days: None,
    }
}

fn said(packs: Vec<Pack>, custom: Option<CustomAmount>) -> String {
    Shop::new(packs, custom, Some("EUR".parse().unwrap())).unwrap_err().to_string()
}

#[test]
fn each_thing_that_is_wrong_with_a_shop_is_named() {
    assert_eq!(said(vec![pack("large"), pack("large")], None), "pack large stands twice");
    let free = Money::zero("EUR".parse().unwrap());
    for (bad, message) in [
        (
            Pack { price: free, ..pack("large") },
            "price must be more than zero: credits that cost nothing are given by a plan or an operator",
        ),
        (
            Pack { price: "9 USD".parse().unwrap(), ..pack("large") },
            "price must be in EUR like the others, not in USD",
        ),
        (Pack { credits: Credits::ZERO, ..pack("large") }, "credits must be more than zero"),
        (Pack { bonus: Credits::MAX, ..pack("large") }, "credits and bonus are more than can be counted"),
        (Pack { expires_after_days: Some(0), ..pack("large") }, "expires_after_days must be 1 to 3650"),
        (Pack { name: String::new(), ..pack("large") }, "name must be 1 to 100 characters on one line"),
    ] {
        assert_eq!(said(vec![bad], None), format!("pack large: {message}"));
    }
    let half = Credits::from_micros(500_000).unwrap();
    for (bad, message) in [
        (
            CustomAmount { price: free, ..custom() },
            "price must be more than zero: credits that cost nothing are given by a plan or an operator",
        ),
        (
            CustomAmount { per_credits: half, ..custom() },
            "per_credits must be a whole number of credits, more than zero",
        ),
        (
            CustomAmount { minimum: half, ..custom() },
            "minimum must be at least 1 credit and at most the maximum, in whole credits",
        ),
        (
            CustomAmount { maximum: Credits::whole(99), ..custom() },
            "minimum must be at least 1 credit and at most the maximum, in whole credits",
        ),
        (
            CustomAmount { per_credits: Credits::whole(1_000_000), ..custom() },
            "the minimum of 100 credits would cost nothing",
        ),
        (
            CustomAmount { price: "900000000.00 EUR".parse().unwrap(), ..custom() },
            "the maximum of 100000 credits would cost more than can be charged",
        ),
    ] {
        assert_eq!(said(vec![], Some(bad)), format!("custom_amount: {message}"));
    }
    let shop = Shop::new(vec![pack("large")], Some(custom()), None).unwrap();
    assert!(shop.pack(&"large".parse().unwrap()).is_some() && shop.pack(&"small".parse().unwrap()).is_none());
}

#[test]
fn an_amount_is_bought_within_bounds_and_rounded_half_up() {
    let price = |credits: u32| custom().order(Credits::whole(credits)).unwrap().line.amount.to_string();
    assert_eq!([price(100), price(1_000), price(1_501)], ["1.00 EUR", "9.99 EUR", "14.99 EUR"]);
    let refused = |credits: &str| custom().order(Credits::parse(credits).unwrap()).unwrap_err().to_string();
    assert_eq!(refused("100.5"), "must be a whole number of credits");
    assert_eq!(refused("99"), "must be at least 100 credits");
    assert_eq!(refused("100001"), "must be at most 100000 credits");
}

#[test]
fn a_payment_gives_its_credits_and_its_bonus_under_names_of_their_own() {
    let paid_at = Timestamp::from_micros(1_796_083_200_000_000 + 1); // 2026-12-01T00:00:00.000001Z
    let grants = pack("large").order().grants("pay_1", &Utc, paid_at);
    let shown: Vec<_> =
        grants.iter().map(|grant| (grant.amount, grant.facts.kind, grant.facts.source.as_str())).collect();
    assert_eq!(
        shown,
        [
            (Credits::whole(10_000), GrantKind::Purchase, "payment:pay_1"),
            (Credits::whole(500), GrantKind::Promo, "payment:pay_1:bonus"),
        ]
    );
    // 365 whole days after 1 December 2026: up to the end of 1 December 2027.
    let expires_at = grants[0].facts.expires_at.unwrap();
    assert_eq!(Utc.day(expires_at).to_string(), "2027-12-02");
    assert_eq!(Utc.start(Utc.day(expires_at)), expires_at);
    let order = custom().order(Credits::whole(100)).unwrap();
    assert_eq!(order.grants("pay_2", &Utc, paid_at).len(), 1);
    let text = serde_json::to_string(&order).unwrap();
    assert_eq!(serde_json::from_str::<Order>(&text).unwrap(), order);
}

#[test]
fn a_chargeback_voids_what_remains_and_makes_debt_of_what_was_used() {
    let whole: Money = "90.00 EUR".parse().unwrap();
    let bought = GrantUse {
        amount: Credits::whole(100),
        remaining: Credits::whole(30),
        held: Credits::whole(10),
        expired: Credits::ZERO,
        voided: Credits::ZERO,
    };
    assert_eq!(
        bought.claw_back(whole, whole),
        ClawBack { void: Credits::whole(30), owe: Credits::whole(60) }
    );
    // A third was charged back: what remains is nearly enough.
    let third = "30.00 EUR".parse().unwrap();
    let back = bought.claw_back(third, whole);
    assert_eq!(back.void, Credits::whole(30));
    assert_eq!(back.owe.to_string(), "3.333333");
    let expired =
        GrantUse { remaining: Credits::ZERO, expired: Credits::whole(90), held: Credits::ZERO, ..bought };
    assert_eq!(expired.claw_back(whole, whole), ClawBack { void: Credits::ZERO, owe: Credits::whole(10) });
}

proptest! {
    #[test]
    fn more_never_costs_less_and_what_is_affordable_can_be_paid(
        one in 100..100_000_u32,
        other in 100..100_000_u32,
        money in 0..100_000_i64,
    ) {
        let price = |credits: u32| custom().price_of(Credits::whole(credits)).unwrap().minor();
        prop_assert!(price(one.min(other)) <= price(one.max(other)));
        let money = Money::new(money, "EUR".parse().unwrap()).unwrap();
        let affordable = custom().affordable(money);
        prop_assert!(custom().price_of(affordable).unwrap().minor() <= money.minor());
        let more = affordable.checked_add(Credits::whole(2)).unwrap();
        prop_assert!(custom().price_of(more).unwrap().minor() >= money.minor());
    }

    #[test]
    fn a_chargeback_takes_what_was_given_and_no_more(
        parts in proptest::array::uniform5(0..1_000_000_i64),
        back in 0..=9_000_i64,
    ) {
        let [remaining, held, expired, voided, used] = parts.map(|micros| Credits::from_micros(micros).unwrap());
        let amount = Credits::sum([remaining, held, expired, voided, used]).unwrap();
        let bought = GrantUse { amount, remaining, held, expired, voided };
        prop_assert_eq!(bought.used(), used);
        let euros = |minor| Money::new(minor, "EUR".parse().unwrap()).unwrap();
        let taken = bought.claw_back(euros(back), euros(9_000));
        prop_assert!(taken.void <= remaining && taken.owe <= used);
        if back == 9_000 {
            prop_assert_eq!((taken.void, taken.owe), (remaining, used));
        }
    }
}
