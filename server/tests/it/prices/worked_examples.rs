//! Prices worked out by hand: what was charged and what the receipt shows must both be as written here.

use ledger::Credits;
use ledger::rate::{Price, Rounding};
use serde_json::{Value, json};

use super::{PLENTY, price, with_minimum, world_with};
use crate::harness::client::amount;
use crate::harness::events::{EVENTS, event, with};
use crate::harness::{Member, Service, World};

/// Events of one operation and one account, in the order in which they are reported.
struct Example {
    what: &'static str,
    price: Price,
    events: &'static [Event],
}

/// When it happened (empty: now, which is 10 December), quantity, the steps on the receipt, credits.
type Event = (&'static str, &'static str, &'static str, &'static str);

/// 1 credit up to 10 calls, 0.5 up to 100, then 0.1.
const STEPS: &str = r#"{"tiers": [{"up_to": 10, "credits_per_unit": 1}, {"up_to": 100, "credits_per_unit": 0.5}, {"credits_per_unit": 0.1}]}"#;

fn graduated() -> Price {
    price("graduated", &format!("{{\"graduated\": {STEPS}}}"))
}

/// A millionth of a credit per call.
fn tiny(rounding: Rounding) -> Price {
    Price { rounding, ..price(rounding.name(), r#"{"flat": {"credits_per_unit": 0.000001}}"#) }
}

fn tiers_across() -> Vec<Example> {
    vec![
        Example {
            what: "one event over all three tiers: 10 + 45 + 2",
            price: graduated(),
            events: &[("", "120", "after 0: 10 × 1 + 90 × 0.5 + 20 × 0.1", "57")],
        },
        Example {
            what: "two events over a bound: 8 of the first tier, then its last 2 and 3 of the next",
            price: graduated(),
            events: &[
                ("", "8", "after 0: 8 × 1", "8"),
                ("", "5", "after 8: 2 × 1 + 3 × 0.5", "3.5"),
                ("", "0", "after 13: ", "0"),
            ],
        },
        Example {
            what: "to the bound exactly, and the least there is past it: 10.0000005 rounds to 10.000001",
            price: graduated(),
            events: &[
                ("", "10", "after 0: 10 × 1", "10"),
                ("", "0.000001", "after 10: 0.000001 × 0.5", "0.000001"),
            ],
        },
        Example {
            what: "over a month's end: each month begins at the first tier",
            price: graduated(),
            events: &[
                ("2026-11-30T23:59:59.999999Z", "10", "after 0: 10 × 1", "10"),
                ("2026-12-01T00:00:00Z", "10", "after 0: 10 × 1", "10"),
                ("2026-12-01T00:00:00Z", "4", "after 10: 4 × 0.5", "2"),
            ],
        },
        Example {
            what: "a late event of the month before goes on where that month stood, and moves no other month",
            price: graduated(),
            events: &[
                ("2026-11-28T09:00:00Z", "4", "after 0: 4 × 1", "4"),
                ("", "9", "after 0: 9 × 1", "9"),
                ("2026-11-29T09:00:00Z", "9", "after 4: 6 × 1 + 3 × 0.5", "7.5"),
                ("", "2", "after 9: 1 × 1 + 1 × 0.5", "1.5"),
            ],
        },
        Example {
            what: "a late event of this month is priced in the order of reports, not of times",
            price: graduated(),
            events: &[
                ("2026-12-09T00:00:00Z", "10", "after 0: 10 × 1", "10"),
                ("2026-12-02T00:00:00Z", "10", "after 10: 10 × 0.5", "5"),
            ],
        },
    ]
}

fn by_event() -> Vec<Example> {
    vec![
        Example {
            what: "volume: at the bound all of it costs 1, just past it 0.5, far past it 0.1",
            price: price("volume", &format!("{{\"volume\": {STEPS}}}")),
            events: &[
                ("", "10", "10 × 1", "10"),
                ("", "10.000001", "10.000001 × 0.5", "5.000001"),
                ("", "100", "100 × 0.5", "50"),
                ("", "120", "120 × 0.1", "12"),
                ("", "0", "0 × 1", "0"),
            ],
        },
        Example {
            what: "packages of 100 for 3: what is begun is paid",
            price: price("package", r#"{"package": {"size": 100, "credits_per_package": 3}}"#),
            events: &[
                ("", "0", "0 packages of 100 × 3", "0"),
                ("", "0.000001", "1 packages of 100 × 3", "3"),
                ("", "100", "1 packages of 100 × 3", "3"),
                ("", "100.000001", "2 packages of 100 × 3", "6"),
                ("", "250", "3 packages of 100 × 3", "9"),
            ],
        },
        Example {
            what: "at least 0.25: 2.5 × 0.1 is just as much, nothing costs nothing",
            price: with_minimum(price("least", r#"{"flat": {"credits_per_unit": 0.1}}"#), "0.25"),
            events: &[
                ("", "1", "1 × 0.1, at least 0.25", "0.25"),
                ("", "2.5", "2.5 × 0.1", "0.25"),
                ("", "3", "3 × 0.1", "0.3"),
                ("", "0", "0 × 0.1", "0"),
            ],
        },
        Example {
            what: "a free part of the month with a minimum: 3 free calls cost 0.01, the sixth call costs 1",
            price: with_minimum(
                price(
                    "first-free",
                    r#"{"graduated": {"tiers": [{"up_to": 5, "credits_per_unit": 0}, {"credits_per_unit": 1}]}}"#,
                ),
                "0.01",
            ),
            events: &[
                ("", "3", "after 0: 3 × 0, at least 0.01", "0.01"),
                ("", "3", "after 3: 2 × 0 + 1 × 1", "1"),
            ],
        },
        Example {
            what: "a free operation",
            price: price("free", "\"free\""),
            events: &[("", "1000000000", "", "0")],
        },
    ]
}

fn rounded() -> Vec<Example> {
    vec![
        Example {
            what: "halves up",
            price: tiny(Rounding::HalfUp),
            events: &[
                ("", "0.5", "0.5 × 0.000001", "0.000001"),
                ("", "1.5", "1.5 × 0.000001", "0.000002"),
                ("", "0.499999", "0.499999 × 0.000001", "0"),
            ],
        },
        Example {
            what: "any part up",
            price: tiny(Rounding::Up),
            events: &[
                ("", "0.5", "0.5 × 0.000001", "0.000001"),
                ("", "1.000001", "1.000001 × 0.000001", "0.000002"),
                ("", "2", "2 × 0.000001", "0.000002"),
            ],
        },
        Example {
            what: "any part down",
            price: tiny(Rounding::Down),
            events: &[
                ("", "0.5", "0.5 × 0.000001", "0"),
                ("", "1.999999", "1.999999 × 0.000001", "0.000001"),
            ],
        },
        Example {
            what: "halves to the even neighbour",
            price: tiny(Rounding::HalfEven),
            events: &[
                ("", "0.5", "0.5 × 0.000001", "0"),
                ("", "1.5", "1.5 × 0.000001", "0.000002"),
                ("", "2.5", "2.5 × 0.000001", "0.000002"),
                ("", "2.500001", "2.500001 × 0.000001", "0.000003"),
            ],
        },
        Example {
            what: "a month of halves: its cost goes 0.5, 1, 1.5 millionths, rounded 1, 1, 2, so 1, 0 and 1 are charged",
            price: price("halves", r#"{"graduated": {"tiers": [{"credits_per_unit": 0.000001}]}}"#),
            events: &[
                ("", "0.5", "after 0: 0.5 × 0.000001", "0.000001"),
                ("", "0.5", "after 0.5: 0.5 × 0.000001", "0"),
                ("", "0.5", "after 1: 0.5 × 0.000001", "0.000001"),
            ],
        },
    ]
}

fn large() -> Vec<Example> {
    vec![
        Example {
            what: "the largest quantity at the largest price that can be paid for it",
            price: price("dear", r#"{"flat": {"credits_per_unit": 9.007199}}"#),
            events: &[("", "1000000000", "1000000000 × 9.007199", "9007199000")],
        },
        Example {
            what: "months hold more than one event may: 10^9 at a millionth, then 1 and 10^9 − 1 at two",
            price: price(
                "long",
                r#"{"graduated": {"tiers": [{"up_to": 1000000000, "credits_per_unit": 0.000001}, {"credits_per_unit": 0.000002}]}}"#,
            ),
            events: &[
                ("", "1000000000", "after 0: 1000000000 × 0.000001", "1000"),
                ("", "1", "after 1000000000: 1 × 0.000002", "0.000002"),
                ("", "999999999", "after 1000000001: 999999999 × 0.000002", "1999.999998"),
            ],
        },
    ]
}

#[tokio::test]
async fn service_charges_what_was_worked_out_by_hand_and_member_reads_every_step() {
    let examples: Vec<Example> =
        [tiers_across(), by_event(), rounded(), large()].into_iter().flatten().collect();
    // An operation of its own for each.
    let operation = |(number, example): (usize, &Example)| Price {
        operation: format!("example-{number}"),
        ..example.price.clone()
    };
    let world = world_with(examples.iter().enumerate().map(operation).collect()).await;
    let service = world.service().await;
    for (number, example) in examples.iter().enumerate() {
        let member = world.member_with(&format!("member-{number}"), PLENTY).await;
        charge(&service, &member, number, example).await;
        read(&world, &member, number, example).await;
        world.verify(&member).await;
    }
}

async fn charge(service: &Service, member: &Member, number: usize, example: &Example) {
    for (place, (at, quantity, _, credits)) in example.events.iter().enumerate() {
        let id = format!("{number}-{place}");
        let mut report = event(&id, member, &format!("example-{number}"), quantity);
        if !at.is_empty() {
            report = with(&report, "occurred_at", json!(at));
        }
        let charged = service.caller.post(EVENTS, &report).await.ok();
        let what = example.what;
        assert_eq!(amount(&charged["credits"]).to_string(), *credits, "{what}: event {place}");
        let again = service.caller.post(EVENTS, &report).await.ok();
        assert_eq!((&again["replayed"], &again["credits"]), (&json!(true), &charged["credits"]), "{what}");
    }
}

/// Receipts are read when all events are booked: each must still know how things stood when its own was.
async fn read(world: &World, member: &Member, number: usize, example: &Example) {
    let caller = world.as_member(member).await;
    for (place, (_, _, steps, credits)) in example.events.iter().enumerate() {
        let receipt = caller.get(&format!("{EVENTS}/test/{number}-{place}")).await.ok();
        let what = example.what;
        assert_eq!(amount(&receipt["credits"]).to_string(), *credits, "{what}: receipt {place}");
        assert_eq!(steps_of(&receipt), *steps, "{what}: receipt {place}");
        recompute(&receipt, what);
    }
}

/// `after 8: 2 × 1 + 3 × 0.5, at least 2`
fn steps_of(receipt: &Value) -> String {
    let slice = |slice: &Value| match slice.get("packages") {
        Some(packages) => format!(
            "{} packages of {} × {}",
            number(packages),
            number(&slice["units_per_package"]),
            number(&slice["credits_per_package"])
        ),
        None => format!("{} × {}", number(&slice["quantity"]), number(&slice["credits_per_unit"])),
    };
    let slices: Vec<_> = receipt["slices"].as_array().unwrap().iter().map(slice).collect();
    let after = receipt.get("month").map(|month| format!("after {}: ", number(&month["before"]["quantity"])));
    let least = receipt.get("minimum_applied").map(|least| format!(", at least {}", number(least)));
    format!("{}{}{}", after.unwrap_or_default(), slices.join(" + "), least.unwrap_or_default())
}

/// From the receipt's own lines to its charge.
fn recompute(receipt: &Value, what: &str) {
    let rounded = amount(&receipt["rounding"]["credits"]);
    let charged = amount(&receipt["credits"]);
    if let Some(month) = receipt.get("month") {
        let (before, after) = (amount(&month["before"]["credits"]), amount(&month["after"]["credits"]));
        assert_eq!(after.checked_sub(before), Some(rounded), "{what}: {month}");
    }
    match receipt.get("minimum_applied") {
        Some(least) => assert!(amount(least) == charged && charged > rounded, "{what}: {receipt}"),
        None => assert_eq!(charged, rounded, "{what}"),
    }
    let paid = receipt["grants"].as_array().unwrap().iter().map(|grant| amount(&grant["credits"]));
    assert_eq!(Credits::sum(paid), Some(charged), "{what}");
}

fn number(value: &Value) -> String {
    Credits::parse(&value.to_string()).expect("a number").to_string()
}

#[tokio::test]
async fn service_cannot_charge_more_than_can_be_counted() {
    let dear = r#"{"flat": {"credits_per_unit": 9.1}}"#;
    let package = r#"{"package": {"size": 0.001, "credits_per_package": 1}}"#;
    let world = world_with(vec![price("dear", dear), price("package", package)]).await;
    let (ada, service) = (world.member_with("ada", PLENTY).await, world.service().await);
    for operation in ["dear", "package"] {
        let refused = service.caller.post(EVENTS, &event("a", &ada, operation, "1000000000")).await;
        crate::harness::client::assert_error(&refused, 422, "validation_failed", "quantity");
    }
    assert_eq!(world.balance(&ada).await.to_string(), PLENTY);
}
