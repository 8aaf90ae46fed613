//! What the team does in an hour, event by event.

use std::collections::BTreeMap;

use ledger::Timestamp;
use ledger::time::SECOND;

use super::chance::Chance;
use super::rhythm::{Hour, LAUNCH};

const HOUR: i64 = 3_600 * SECOND;
const MINUTE: i64 = 60 * SECOND;
/// Millionths, the unit of quantities.
const WHOLE: u64 = 1_000_000;
/// The first deployment, and the tests that run every night, in thousandths of the story.
const FIRST_DEPLOYMENT: u64 = 110;
const NIGHTLY_TESTS: u64 = 550;

/// With which of its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// Of the product.
    Production,
    /// Of the people.
    Notebook,
    /// Of the tests.
    Nightly,
}

/// One unit of work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub at: Timestamp,
    pub id: String,
    pub operation: &'static str,
    /// Millionths of the operation's unit.
    pub quantity_micros: u64,
    /// `None`: the platform reports it for the account.
    pub key: Option<Key>,
    pub dimensions: BTreeMap<String, String>,
}

/// Lives hour by hour. What it has begun (a build of several iterations) goes on in the next.
#[derive(Debug)]
pub struct Team<'a> {
    chance: &'a Chance,
    counts: BTreeMap<&'static str, u64>,
    coming: Vec<Event>,
}

impl<'a> Team<'a> {
    pub fn new(chance: &'a Chance) -> Self {
        Self { chance, counts: BTreeMap::new(), coming: vec![] }
    }

    /// The events of an hour, the earliest first.
    pub fn live(&mut self, hour: &Hour) -> Vec<Event> {
        self.product(hour);
        self.desk(hour);
        self.platform(hour);
        let end = hour.from.saturating_add(HOUR);
        let (mut now, coming) =
            std::mem::take(&mut self.coming).into_iter().partition::<Vec<_>, _>(|event| event.at < end);
        self.coming = coming;
        now.sort_by(|one, other| (one.at, &one.id).cmp(&(other.at, &other.id)));
        now
    }

    /// Calls from the product's own users.
    fn product(&mut self, hour: &Hour) {
        let users = hour.users();
        for _ in 0..self.chance.about(users * 4) {
            let tokens = self.chance.skewed(180, 9_000);
            self.inference("call", hour, tokens, Key::Production);
        }
        for _ in 0..self.chance.about(users * 2) {
            let (at, calls) = (self.within(hour), self.chance.skewed(1, 40));
            self.add("score", at, "model.prediction", calls * WHOLE, Some(Key::Production));
        }
    }

    /// People who try things, and build models in sittings of several iterations.
    fn desk(&mut self, hour: &Hour) {
        for _ in 0..self.chance.about(hour.desk() * 12 / 10) {
            let tokens = self.chance.skewed(400, 14_000);
            self.inference("try", hour, tokens, Key::Notebook);
        }
        let sittings = hour.desk() * (600 + hour.growth()) / 48_000;
        for _ in 0..self.chance.about(sittings) {
            let model = ["churn", "pricing", "fraud", "demand"][self.pick(4)];
            let mut at = self.within(hour);
            for iteration in 1..=self.chance.between(2, 6) {
                self.add("build", at, "model.build", WHOLE, Some(Key::Notebook));
                self.describe("model", model.to_owned());
                self.describe("iteration", iteration.to_string());
                at = at.saturating_add(micros(self.chance.between(7, 26)) * MINUTE);
            }
        }
    }

    /// What runs by itself: storage by the day, deployments by the hour, tests by night.
    fn platform(&mut self, hour: &Hour) {
        let minute = |minute: i64| hour.from.saturating_add(minute * MINUTE);
        if hour.clock == 0 {
            let megabytes = 260 + hour.progress * 22 / 10 + self.chance.below(90);
            self.add("storage", minute(5), "data.storage", megabytes * WHOLE, None);
        }
        for (name, since) in [("churn-api", FIRST_DEPLOYMENT), ("pricing-api", LAUNCH)] {
            if hour.progress >= since {
                self.add(name, minute(0), "deployment.hour", WHOLE, None);
                self.describe("deployment", name.to_owned());
            }
        }
        if hour.clock == 2 && hour.is_workday() && hour.progress >= NIGHTLY_TESTS {
            let calls = self.chance.between(90, 160);
            self.add("read", minute(10), "account.read", WHOLE, Some(Key::Nightly));
            self.add("nightly", minute(12), "model.prediction", calls * WHOLE, Some(Key::Nightly));
        }
    }

    fn inference(&mut self, name: &'static str, hour: &Hour, tokens: u64, key: Key) {
        let at = self.within(hour);
        self.add(name, at, "model.inference", tokens * WHOLE / 1_000, Some(key));
    }

    fn add(
        &mut self,
        name: &'static str,
        at: Timestamp,
        operation: &'static str,
        quantity_micros: u64,
        key: Option<Key>,
    ) {
        let count = self.counts.entry(name).or_default();
        *count += 1;
        let id = format!("{name}-{count:06}");
        self.coming.push(Event { at, id, operation, quantity_micros, key, dimensions: BTreeMap::new() });
    }

    /// Adds to the event that was added last.
    fn describe(&mut self, name: &str, value: String) {
        if let Some(event) = self.coming.last_mut() {
            event.dimensions.insert(name.to_owned(), value);
        }
    }

    fn within(&self, hour: &Hour) -> Timestamp {
        hour.from
            .saturating_add(micros(self.chance.below(3_600)) * SECOND + micros(self.chance.below(1_000_000)))
    }

    fn pick(&self, count: u64) -> usize {
        usize::try_from(self.chance.below(count)).unwrap_or_default()
    }
}

fn micros(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::parse_rfc3339;

    /// A year, as the story tells it.
    fn year(seed: u64) -> Vec<Event> {
        let chance = Chance::new(seed);
        let mut team = Team::new(&chance);
        let (from, zone) = (parse_rfc3339("2025-11-24T00:00:00Z").unwrap(), "Europe/Berlin".parse().unwrap());
        let hour = |n: i64| {
            Hour::new(from.saturating_add(n * HOUR), &zone, u64::try_from(n * 1_000 / 8_760).unwrap())
        };
        (0..8_760).flat_map(|n| team.live(&hour(n))).collect()
    }

    #[test]
    fn a_year_has_tens_of_thousands_of_events_in_order_and_no_name_twice() {
        let events = year(1);
        assert!((20_000..80_000).contains(&events.len()), "{}", events.len());
        assert!(events.is_sorted_by_key(|event| event.at));
        let names: std::collections::BTreeSet<&str> = events.iter().map(|event| event.id.as_str()).collect();
        assert_eq!(names.len(), events.len());
        for operation in
            ["model.build", "model.inference", "model.prediction", "data.storage", "deployment.hour"]
        {
            assert!(events.iter().filter(|event| event.operation == operation).count() > 100, "{operation}");
        }
    }

    #[test]
    fn the_same_seed_lives_the_same_year() {
        assert_eq!(year(3), year(3));
        assert_ne!(year(3), year(4));
    }
}
