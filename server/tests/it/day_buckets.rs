//! Hours, days, weeks and months of the consumption history against a sum over the raw events, for zones whose days
//! start at odd quarters of an hour and across every kind of change of clocks.
//!
//! The sums are made here in the simplest way there is: each event is put under the date on the wall.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use ledger::Timestamp;
use ledger::time::{DAY, SECOND};
use serde_json::{Value, json};
use server::calendar::{Rfc3339, parse_rfc3339};

use crate::harness::client::{Caller, amount};
use crate::harness::events::{EVENTS, event, with};
use crate::harness::trace::Random;
use crate::harness::{Member, World};

const ZONES: [&str; 6] = [
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "America/St_Johns",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
];
/// An event's own time may lie this far back.
const DAYS_BACK: i64 = 34;
/// When events are charged, and the changes of clocks in the days before it.
const ERAS: [(&str, &[&str]); 3] = [
    ("2026-11-22T12:00:00Z", &["2026-10-25T01:00:00Z", "2026-11-01T06:00:00Z"]),
    ("2027-04-10T12:00:00Z", &["2027-03-14T07:00:00Z", "2027-03-28T01:00:00Z", "2027-04-03T15:00:00Z"]),
    ("2027-10-20T12:00:00Z", &["2027-10-02T15:30:00Z"]),
];

/// A raw event: when, and how many micro-credits.
type Charged = (Timestamp, i64);

fn at(text: &str) -> Timestamp {
    parse_rfc3339(text).expect("a time")
}

/// At random moments, around each change of clocks, and on both sides of each midnight.
fn moments(now: Timestamp, changes: &[&str], random: &mut Random) -> Vec<Timestamp> {
    let span = u64::try_from(DAYS_BACK * DAY).expect("a span");
    let back = |micros: u64| now.saturating_add(-i64::try_from(micros).expect("a moment"));
    let mut moments: Vec<Timestamp> = (0..400).map(|_| back(random.below(span))).collect();
    for change in changes {
        for quarter in -16..16 {
            let edge = at(change).saturating_add(quarter * 900 * SECOND);
            moments.extend([edge, edge.saturating_add(-1)]);
        }
    }
    for zone in ZONES {
        let zone = TimeZone::get(zone).expect("a zone");
        let first = instant(back(span)).to_zoned(zone);
        for day in 1..DAYS_BACK {
            let date = first.date().checked_add(jiff::Span::new().days(day)).expect("a date");
            let midnight = date.to_zoned(first.time_zone().clone()).expect("a midnight").timestamp();
            let midnight = Timestamp::from_micros(midnight.as_microsecond());
            moments.extend([midnight, midnight.saturating_add(-1)]);
        }
    }
    moments
}

fn instant(at: Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_microsecond(at.micros()).expect("an instant")
}

async fn charge(
    service: &Caller,
    member: &Member,
    era: usize,
    moments: &[Timestamp],
    random: &mut Random,
) -> Vec<Charged> {
    let mut charged = vec![];
    for (part, moments) in moments.chunks(1_000).enumerate() {
        let mut items = vec![];
        for (place, moment) in moments.iter().enumerate() {
            // 0.1 credits a prediction: ten micro-units make one micro-credit.
            let micros = 1 + i64::try_from(random.below(900_000)).expect("an amount");
            let quantity = ledger::Quantity::from_micros(micros * 10).expect("a quantity").to_string();
            let item = event(&format!("{era}.{part}.{place}"), member, "model.prediction", &quantity);
            items.push(with(&item, "occurred_at", json!(Rfc3339(*moment).to_string())));
            charged.push((*moment, micros));
        }
        let answer = service.post(EVENTS, &json!(items)).await.ok();
        assert_eq!(answer["accepted"], items.len(), "{answer}");
    }
    charged
}

/// What a point of this granularity is called on the wall.
fn name(zone: &TimeZone, granularity: &str, at: Timestamp) -> String {
    let wall = instant(at).to_zoned(zone.clone());
    match granularity {
        "hour" => format!("{} {:02}h {}", wall.date(), wall.hour(), wall.offset()),
        "day" => wall.date().to_string(),
        "week" => {
            let iso = wall.date().iso_week_date();
            format!("{}-W{:02}", iso.year(), iso.week())
        }
        _ => format!("{}-{:02}", wall.year(), wall.month()),
    }
}

async fn compare(caller: &Caller, zone: &str, granularity: &str, now: Timestamp, charged: &[Charged]) {
    let from = Rfc3339(now.saturating_add(-(DAYS_BACK + 1) * DAY));
    let query = format!("?granularity={granularity}&tz={zone}&from={from}&to={}", Rfc3339(now));
    let history = caller.get(&format!("/usage/history{query}")).await.ok();
    let zone_named = TimeZone::get(zone).expect("a zone");
    let mut wanted: BTreeMap<String, i64> = BTreeMap::new();
    for (at, micros) in charged {
        *wanted.entry(name(&zone_named, granularity, *at)).or_default() += micros;
    }
    let mut found: BTreeMap<String, i64> = BTreeMap::new();
    for point in history["series"][0]["points"].as_array().expect("points") {
        let start = at(point["start"].as_str().expect("a time"));
        let micros = amount(&point["credits"]).micros();
        let before = found.insert(name(&zone_named, granularity, start), micros);
        assert_eq!(before, None, "{zone} {granularity}: {point} stands twice");
    }
    found.retain(|_, micros| *micros > 0);
    assert_eq!(found, wanted, "{zone} by {granularity}");
    let sum: i64 = charged.iter().map(|(_, micros)| micros).sum();
    assert_eq!(amount(&history["total"]).micros(), sum, "{zone} {granularity}");
}

#[tokio::test]
async fn hours_days_weeks_and_months_are_exact_in_every_zone_and_over_every_change_of_clocks() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "100000").await, world.service().await);
    let caller = world.as_member(&ada).await;
    let mut random = Random(42);
    for (era, (now, changes)) in ERAS.into_iter().enumerate() {
        world.clock.set(at(now));
        let moments = moments(at(now), changes, &mut random);
        let charged = charge(&service.caller, &ada, era, &moments, &mut random).await;
        for zone in ZONES {
            for granularity in ["hour", "day", "week", "month"] {
                compare(&caller, zone, granularity, at(now), &charged).await;
            }
        }
    }
    world.verify(&ada).await;
}

#[tokio::test]
async fn a_day_that_a_change_of_clocks_makes_longer_or_shorter_is_one_point() {
    let world = World::start().await;
    let ada = world.member("ada").await;
    let caller = world.as_member(&ada).await;
    let starts = async |zone: &str, from: &str, to: &str| -> Vec<String> {
        let history = caller.get(&format!("/usage/history?tz={zone}&from={from}&to={to}")).await.ok();
        let points: Vec<Value> = history["series"][0]["points"].as_array().expect("points").clone();
        points.iter().map(|point| point["start"].as_str().expect("a time").to_owned()).collect()
    };
    let lord_howe = starts("Australia/Lord_Howe", "2026-10-03T00:00:00Z", "2026-10-05T00:00:00Z").await;
    assert_eq!(
        lord_howe,
        ["2026-10-02T13:30:00Z", "2026-10-03T13:30:00Z", "2026-10-04T13:00:00Z"],
        "half an hour is missing"
    );
    let new_york = starts("America/New_York", "2026-10-31T12:00:00Z", "2026-11-02T12:00:00Z").await;
    assert_eq!(new_york, ["2026-10-31T04:00:00Z", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"]);
}
