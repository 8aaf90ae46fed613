//! Random questions to `/usage/history`, and their answers compared with the books.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use ledger::{Quantity, Timestamp};
use serde_json::{Value, json};
use server::calendar::{Rfc3339, parse_rfc3339};

use super::books::{Books, Sum, Used};
use crate::harness::client::{Caller, amount};
use crate::harness::trace::Random;

/// Zones with odd offsets, odd changes of clocks, days without a midnight, both ends of the world.
const ZONES: [&str; 24] = [
    "UTC",
    "Europe/Berlin",
    "Europe/Dublin",
    "America/New_York",
    "America/St_Johns",
    "America/Sao_Paulo",
    "America/Havana",
    "America/Santiago",
    "America/Nuuk",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Tehran",
    "Australia/Adelaide",
    "Australia/Eucla",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
    "Pacific/Marquesas",
    "Pacific/Pago_Pago",
    "Antarctica/Troll",
];
/// Granularities, with about how long one is in minutes.
const GRANULARITIES: [(&str, u64); 5] =
    [("15m", 15), ("hour", 60), ("day", 1_440), ("week", 10_080), ("month", 43_920)];
/// The server's limit is 2 000, and a window is rounded outwards.
const MOST_POINTS: u64 = 1_990;
const MINUTE: i64 = 60_000_000;

/// What is known to stand in the books.
pub struct Known<'b> {
    pub books: &'b Books,
    /// First and last instant to ask about.
    pub span: (Timestamp, Timestamp),
    pub operations: Vec<String>,
    /// Ids, and `none`.
    pub keys: Vec<String>,
    pub dimensions: &'b [&'b str],
    /// All zones that there are.
    pub zones: Vec<String>,
}

/// One question.
#[derive(Debug)]
pub struct Question {
    from: Timestamp,
    to: Timestamp,
    granularity: &'static str,
    zone: String,
    group_by: String,
    operation: Option<String>,
    /// A key's id, or `none`.
    key: Option<String>,
}

fn pick<T: Clone>(random: &mut Random, of: &[T]) -> T {
    of[usize::try_from(random.below(of.len() as u64)).expect("a place")].clone()
}

impl<'b> Known<'b> {
    pub fn new(books: &'b Books, dimensions: &'b [&'b str]) -> Self {
        let times = || books.0.iter().map(|used| used.at);
        let keys: BTreeSet<_> = books.0.iter().map(key).collect();
        let operations: BTreeSet<_> = books.0.iter().map(|used| used.operation.clone()).collect();
        let zones =
            jiff::tz::db().available().map(|name| name.to_string()).filter(|name| name != "Etc/Unknown");
        Self {
            books,
            span: (times().min().expect("events"), times().max().expect("events")),
            operations: operations.into_iter().collect(),
            keys: keys.into_iter().collect(),
            dimensions,
            zones: zones.collect(),
        }
    }

    pub fn question(&self, random: &mut Random) -> Question {
        let (granularity, minutes) = pick(random, &GRANULARITIES);
        let (first, last) = self.span;
        let whole = u64::try_from(last.saturating_since(first) / MINUTE).expect("a span");
        // Starting near some event, before it or after it; sometimes on the very instant.
        let event = pick(random, &self.books.0.iter().map(|used| used.at).collect::<Vec<_>>());
        let most = match random.below(12) {
            0..4 => 3,
            4..8 => 40,
            8..11 => 300.min(MOST_POINTS),
            _ => (whole / minutes).clamp(1, MOST_POINTS - 1),
        };
        let units = 1 + random.below(most);
        let length = (units * minutes).min(whole.max(minutes));
        let shift = i64::try_from(random.below(length + 1)).expect("a shift") * MINUTE;
        let jitter = [0, 0, -1, 1, 7_654_321][usize::try_from(random.below(5)).expect("a place")];
        let from = event.saturating_add(jitter - shift);
        let to = from.saturating_add((i64::try_from(length).expect("a length") * MINUTE - jitter).max(1));
        let mut groups: Vec<String> = ["none", "operation", "api_key"].map(str::to_owned).into();
        groups.extend(self.dimensions.iter().flat_map(|name| [format!("dim:{name}"), format!("dim:{name}")]));
        Question {
            from,
            to,
            granularity,
            zone: if random.below(2) == 0 {
                pick(random, &self.zones)
            } else {
                pick(random, &ZONES).to_owned()
            },
            group_by: pick(random, &groups),
            operation: (random.below(3) == 0).then(|| pick(random, &self.operations)),
            key: (random.below(3) == 0).then(|| pick(random, &self.keys)),
        }
    }
}

/// As a filter names it.
fn key(used: &Used) -> String {
    used.key.clone().unwrap_or_else(|| "none".to_owned())
}

/// A unit of the time axis as the wall says it.
fn name(zone: &TimeZone, granularity: &str, at: Timestamp) -> String {
    let wall = jiff::Timestamp::from_microsecond(at.micros()).expect("an instant").to_zoned(zone.clone());
    match granularity {
        "15m" => {
            format!("{} {:02}:{:02} {}", wall.date(), wall.hour(), wall.minute() / 15 * 15, wall.offset())
        }
        "hour" => format!("{} {:02}h {}", wall.date(), wall.hour(), wall.offset()),
        "day" => wall.date().to_string(),
        "week" => {
            let iso = wall.date().iso_week_date();
            format!("{}-W{:02}", iso.year(), iso.week())
        }
        _ => format!("{}-{:02}", wall.year(), wall.month()),
    }
}

impl Question {
    fn path(&self) -> String {
        let Self { from, to, granularity, zone, group_by, operation, key } = self;
        let zone = zone.replace('+', "%2B");
        let [operation, key] = [("operation", operation), ("api_key", key)].map(|(name, filter)| {
            filter.as_ref().map_or_else(String::new, |value| format!("&{name}={value}"))
        });
        let (from, to) = (Rfc3339(*from), Rfc3339(*to));
        format!(
            "/usage/history?from={from}&to={to}&granularity={granularity}&tz={zone}&group_by={group_by}{operation}{key}"
        )
    }

    /// By group and unit, as the raw rows have it.
    fn wanted(&self, books: &Books) -> Groups {
        let zone = TimeZone::get(&self.zone).expect("a zone");
        let unit = |at| name(&zone, self.granularity, at);
        let ends = [unit(self.from), unit(self.to.saturating_add(-1))];
        let mut wanted: BTreeMap<_, BTreeMap<_, Sum>> = BTreeMap::new();
        // No unit is longer than this, so that what lies further away need not be named.
        let near = |at: Timestamp| {
            at.saturating_since(self.to) <= 32 * 1_440 * MINUTE
                && self.from.saturating_since(at) <= 32 * 1_440 * MINUTE
        };
        for used in books.0.iter().filter(|used| near(used.at)) {
            let is_other_operation = self.operation.as_ref().is_some_and(|wanted| *wanted != used.operation);
            let is_other_key = self.key.as_ref().is_some_and(|wanted| *wanted != key(used));
            if is_other_operation || is_other_key {
                continue;
            }
            let unit = unit(used.at);
            let is_inside = self.from <= used.at && used.at < self.to;
            if !is_inside && !ends.contains(&unit) {
                continue;
            }
            let group = match self.group_by.as_str() {
                "none" => None,
                "operation" => Some(used.operation.clone()),
                "api_key" => used.key.clone(),
                dimension => used.groups.get(&dimension["dim:".len()..]).cloned(),
            };
            let sum = wanted.entry(group).or_default().entry(unit).or_default();
            *sum = (sum.0 + used.sum.0, sum.1 + used.sum.1, sum.2 + used.sum.2);
        }
        if self.group_by == "none" {
            wanted.entry(None).or_default();
        }
        if self.group_by.starts_with("dim:") { at_most_fifty(wanted) } else { wanted }
    }

    /// Asks, and compares every figure; how many were there to compare.
    pub async fn compare(&self, caller: &Caller, books: &Books) -> usize {
        let path = self.path();
        let history = caller.get(&path).await.ok();
        let wanted = self.wanted(books);
        let mut found = BTreeMap::new();
        let mut totals = vec![];
        let mut axis: Option<Vec<String>> = None;
        for series in history["series"].as_array().expect("series") {
            let points = series["points"].as_array().expect("points");
            let starts = points.iter().map(|point| &point["start"]);
            // One has the same axis as the other, which is looked at once.
            if let Some(axis) = &axis {
                assert!(axis.iter().eq(starts), "{path}: points of another axis");
            } else {
                self.check_axis(&history, points);
                axis = Some(starts.map(|start| start.as_str().expect("a time").to_owned()).collect());
            }
            let (sums, total) = self.sums(points);
            totals.push(total);
            let group = series["group"].as_str().map(str::to_owned);
            assert!(found.insert(group, sums).is_none(), "{path}: a group stands twice");
        }
        assert!(totals.is_sorted_by(|a, b| a >= b), "{path}: the dearest comes first");
        assert_eq!(found, wanted, "{path}");
        assert_eq!(amount(&history["total"]).micros(), totals.iter().sum::<i64>(), "{path}");
        wanted.values().map(BTreeMap::len).sum()
    }

    /// Points that are not zero, by unit, and their credits in all.
    fn sums(&self, points: &[Value]) -> (BTreeMap<String, Sum>, i64) {
        let zone = TimeZone::get(&self.zone).expect("a zone");
        let mut sums = BTreeMap::new();
        let mut total = 0;
        let zero = json!(0);
        for point in points {
            let figures = [&point["credits"], &point["quantity"], &point["count"]];
            if figures == [&zero; 3] {
                continue;
            }
            let [credits, quantity, count] = figures;
            let quantity = Quantity::parse(&quantity.to_string()).expect("a quantity").micros();
            let sum = (amount(credits).micros(), quantity, count.as_i64().expect("a count"));
            total += sum.0;
            sums.insert(name(&zone, self.granularity, start(point)), sum);
        }
        (sums, total)
    }

    /// The points are all units that the window touches, each from its first instant, and nothing else.
    fn check_axis(&self, history: &Value, points: &[Value]) {
        let path = self.path();
        let zone = TimeZone::get(&self.zone).expect("a zone");
        let unit = |at| name(&zone, self.granularity, at);
        let time = |field: &str| parse_rfc3339(history[field].as_str().expect("a time")).expect("a time");
        let mut edges: Vec<Timestamp> = points.iter().map(start).collect();
        assert_eq!(edges.first(), Some(&time("from")), "{path}");
        assert!(edges[0] <= self.from && self.to <= time("to"), "{path}");
        edges.push(time("to"));
        let before = |at: Timestamp| at.saturating_add(-1);
        assert_eq!(unit(edges[0]), unit(self.from), "{path}");
        assert_eq!(unit(before(time("to"))), unit(before(self.to)), "{path}");
        assert_ne!(unit(before(edges[0])), unit(edges[0]), "{path}");
        for pair in edges.windows(2) {
            assert_eq!(unit(before(pair[1])), unit(pair[0]), "{path}: a gap");
            assert_ne!(unit(pair[1]), unit(pair[0]), "{path}: a unit in two");
        }
    }
}

type Groups = BTreeMap<Option<String>, BTreeMap<String, Sum>>;

/// All values but the 50 that cost most, and of those that cost the same come first by name, are one group.
fn at_most_fifty(groups: Groups) -> Groups {
    let (mut named, mut kept): (Vec<_>, Groups) = (vec![], BTreeMap::new());
    for (group, sums) in groups {
        if group.as_ref().is_some_and(|value| value != "other") {
            named.push((sums.values().map(|sum| -sum.0).sum::<i64>(), group, sums));
        } else {
            kept.insert(group, sums);
        }
    }
    named.sort();
    for (place, (_, group, sums)) in named.into_iter().enumerate() {
        let group = if place < 50 { group } else { Some("other".to_owned()) };
        for (unit, added) in sums {
            let sum = kept.entry(group.clone()).or_default().entry(unit).or_default();
            *sum = (sum.0 + added.0, sum.1 + added.1, sum.2 + added.2);
        }
    }
    kept
}

fn start(point: &Value) -> Timestamp {
    parse_rfc3339(point["start"].as_str().expect("a time")).expect("a time")
}
