//! When credits are bought by themselves, how many, and when no more.

use proptest::prelude::*;

use super::*;
use crate::day::Utc;

fn prices() -> CustomAmount {
    CustomAmount {
        minimum: Credits::whole(100),
        maximum: Credits::whole(50_000),
        price: "10.00 EUR".parse().unwrap(),
        per_credits: Credits::whole(1_000),
        expires_after_days: None,
    }
}

fn setting() -> Setting {
    Setting {
        threshold: Credits::whole(500),
        target: Credits::whole(2_000),
        monthly_cap: "50.00 EUR".parse().unwrap(),
    }
}

/// 2026-12-01T00:00:00Z and so many minutes.
fn at(minutes: i64) -> Timestamp {
    Timestamp::from_micros((1_796_083_200 + minutes * 60) * SECOND)
}

fn having(credits: &str) -> Funds {
    Funds { available: Credits::parse(credits).unwrap(), debt: Credits::ZERO }
}

fn ask(state: &State, funds: Funds, now: Timestamp) -> Verdict {
    decide(&setting(), state, &prices(), funds, &Utc, now)
}

fn bought(verdict: Verdict) -> Order {
    match verdict {
        Verdict::Start(order) => order,
        Verdict::Nothing(quiet) => panic!("nothing is bought: {quiet:?}"),
    }
}

#[test]
fn the_gap_is_bought_in_whole_credits_when_fewer_than_the_threshold_are_left() {
    let none = State::default();
    assert_eq!(ask(&none, having("500"), at(0)), Verdict::Nothing(Quiet::Enough));
    let order = bought(ask(&none, having("499.999999"), at(0)));
    assert_eq!((order.credits, order.line.amount.to_string()), (Credits::whole(1_501), "15.01 EUR".into()));
    assert_eq!(order.line.kind, LineKind::TopUp);
    let owing = Funds { available: Credits::ZERO, debt: Credits::whole(300) };
    assert_eq!(bought(ask(&none, owing, at(0))).credits, Credits::whole(2_300));
    let small = Setting { target: Credits::whole(501), ..setting() };
    let verdict = decide(&small, &none, &prices(), having("450"), &Utc, at(0));
    assert_eq!(bought(verdict).credits, Credits::whole(100));
}

#[test]
fn one_payment_is_in_flight_and_the_next_one_waits_for_the_cooldown() {
    let order = bought(ask(&State::default(), having("0"), at(0)));
    let started = State::default().started(&order, &Utc, at(0));
    assert_eq!(ask(&started, having("0"), at(600)), Verdict::Nothing(Quiet::InFlight));
    for after in [started.succeeded(), started.declined(), started.failed()] {
        let until = at(15);
        assert_eq!(ask(&after, having("0"), at(14)), Verdict::Nothing(Quiet::CoolingDown { until }));
        assert!(matches!(ask(&after, having("0"), at(15)), Verdict::Start(_)));
    }
}

#[test]
fn three_declined_payments_in_a_row_stop_it_until_the_user_acts() {
    let mut state = State::default();
    let mut attempts = 0;
    for minutes in 0..10_000 {
        if let Verdict::Start(order) = ask(&state, having("0"), at(minutes)) {
            state = state.started(&order, &Utc, at(minutes)).declined();
            attempts += 1;
        }
    }
    assert_eq!((attempts, ask(&state, having("0"), at(10_000))), (3, Verdict::Nothing(Quiet::Stopped)));
    assert_eq!(state.month.map(|month| month.paid.to_string()).as_deref(), Some("0.00 EUR"));
    assert!(matches!(ask(&state.user_acted(), having("0"), at(10_000)), Verdict::Start(_)));
}

#[test]
fn what_the_cap_leaves_is_bought_and_then_nothing_until_the_month_is_over() {
    let mut state = State::default();
    let mut amounts = vec![];
    for minutes in (0..31 * 24 * 60).step_by(60) {
        if let Verdict::Start(order) = ask(&state, having("0"), at(minutes)) {
            state = state.started(&order, &Utc, at(minutes)).succeeded();
            amounts.push(order.line.amount.decimal());
        }
    }
    assert_eq!(amounts, ["20.00", "20.00", "10.00"]);
    let left = Money::zero("EUR".parse().unwrap());
    assert_eq!(ask(&state, having("0"), at(31 * 24 * 60 - 1)), Verdict::Nothing(Quiet::CapReached { left }));
    assert!(matches!(ask(&state, having("0"), at(31 * 24 * 60)), Verdict::Start(_)));
}

#[test]
fn a_setting_that_could_not_work_is_refused() {
    let said = |setting: Setting| setting.check(&prices()).unwrap_err().to_string();
    assert_eq!(setting().check(&prices()), Ok(()));
    assert_eq!(
        said(Setting { threshold: Credits::ZERO, ..setting() }),
        "the threshold must be more than zero"
    );
    assert_eq!(
        said(Setting { target: Credits::whole(500), ..setting() }),
        "the target must be more than the threshold"
    );
    assert_eq!(
        said(Setting { target: Credits::whole(50_001), ..setting() }),
        "the target must be at most 50000 credits, which can be bought at once"
    );
    assert_eq!(
        said(Setting { monthly_cap: "50 USD".parse().unwrap(), ..setting() }),
        "the monthly cap must be in EUR"
    );
    assert_eq!(
        said(Setting { monthly_cap: "0.99 EUR".parse().unwrap(), ..setting() }),
        "the monthly cap must be at least 1.00 EUR, which is the least that can be bought"
    );
}

/// What comes next, in a life with a card that may fail.
#[derive(Debug, Clone)]
enum Turn {
    Spend { percent: i64, minutes: i64 },
    Outcome(u8),
    Act,
}

fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        6 => (0..130_i64, 0..3_000_i64).prop_map(|(percent, minutes)| Turn::Spend { percent, minutes }),
        4 => (0..3_u8).prop_map(Turn::Outcome),
        1 => Just(Turn::Act),
    ]
}

proptest! {
    #[test]
    fn no_month_costs_more_than_the_cap_and_no_more_than_three_declines_follow_each_other(
        turns in proptest::collection::vec(turn(), 1..120),
        cap in 100..20_000_i64,
    ) {
        let setting = Setting { monthly_cap: Money::new(cap, "EUR".parse().unwrap()).unwrap(), ..setting() };
        let mut state = State::default();
        let mut balance = Credits::whole(3_000);
        let mut now = at(0);
        let mut waiting: Option<(Order, Day)> = None;
        let mut paid: std::collections::BTreeMap<Day, i64> = std::collections::BTreeMap::new();
        let mut declines = 0;
        for turn in turns {
            match turn {
                Turn::Spend { percent, minutes } => {
                    now = now.saturating_add(minutes * 60 * SECOND);
                    let left = balance.micros() - balance.micros() / 100 * percent.min(100);
                    balance = Credits::from_micros(left).unwrap();
                }
                Turn::Outcome(which) => {
                    if let Some((order, month)) = waiting.take() {
                        state = match which {
                            0 => {
                                balance = balance.checked_add(order.credits).unwrap();
                                *paid.entry(month).or_default() += order.line.amount.minor();
                                declines = 0;
                                state.succeeded()
                            }
                            1 => {
                                declines += 1;
                                state.declined()
                            }
                            _ => state.failed(),
                        };
                    }
                }
                Turn::Act => {
                    declines = 0;
                    state = state.user_acted();
                }
            }
            let funds = Funds { available: balance, debt: Credits::ZERO };
            if let Verdict::Start(order) = decide(&setting, &state, &prices(), funds, &Utc, now) {
                prop_assert!(waiting.is_none() && balance < setting.threshold && declines < 3);
                prop_assert!(order.credits >= prices().minimum && order.credits <= prices().maximum);
                state = state.started(&order, &Utc, now);
                waiting = Some((order, Utc.day(now).first_of_month()));
            }
            prop_assert!(paid.values().all(|sum| *sum <= cap), "{:?}", paid);
        }
    }
}
