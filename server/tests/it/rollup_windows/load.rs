//! Events of every kind, at random.

use ledger::time::DAY;
use ledger::{Quantity, Timestamp};
use serde_json::{Map, Value, json};
use server::calendar::Rfc3339;
use server::store::Permission;

use super::{before, minutes};
use crate::harness::client::Caller;
use crate::harness::events::{EVENTS, with};
use crate::harness::trace::Random;
use crate::harness::{Member, World};

const OPERATIONS: [&str; 5] =
    ["model.prediction", "model.inference", "model.build", "data.storage", "account.read"];
/// Among them one that looks like what is not named, some that are hard to write, and one that says nothing.
const TEAMS: [&str; 8] = ["blue", "green", "other", "größe 🦀", "a\"b'c\\d", "nul\u{0}", " ", ""];

/// What a random event is made of.
pub struct Mix {
    /// Fields that say who pays.
    pub payers: Vec<Value>,
    pub sent: u64,
}

impl Mix {
    /// One that is booked at `now`, up to 35 days late.
    pub fn event(&mut self, random: &mut Random, now: Timestamp) -> Value {
        self.sent += 1;
        let payer = &self.payers[place(random, self.payers.len())];
        let quantity = i64::try_from(random.below(3_000_000)).expect("a quantity");
        let mut event = with(payer, "id", json!(self.sent.to_string()));
        event["source"] = json!("windows");
        event["operation"] = json!(OPERATIONS[place(random, OPERATIONS.len())]);
        event["quantity"] = json!(Quantity::from_micros(quantity).expect("countable").to_string());
        event["dimensions"] = Self::dimensions(random);
        let late = match random.below(6) {
            0 => return event,
            1 => i64::try_from(random.below(35 * 1_440)).expect("minutes"),
            // Many on one day, so that there are more values than names.
            2 | 3 => 5 * 1_440 + i64::try_from(random.below(600)).expect("minutes"),
            _ => i64::try_from(random.below(2 * 1_440)).expect("minutes") - 4,
        };
        let odd = i64::try_from(random.below(1_000_000)).expect("micros");
        let exact = if random.below(8) == 0 { now.floor(minutes(15)) } else { before(now, odd) };
        let at = before(exact, minutes(late)).max(before(now, 35 * DAY));
        with(&event, "occurred_at", json!(Rfc3339(at).to_string()))
    }

    /// Few values are frequent and many are rare.
    fn dimensions(random: &mut Random) -> Value {
        let mut pairs = Map::new();
        if random.below(5) > 0 {
            let many = if random.below(4) > 0 { 400 } else { 6 };
            pairs.insert("model".to_owned(), json!(format!("m{}", random.below(many))));
        }
        if random.below(2) == 0 {
            pairs.insert("team".to_owned(), json!(TEAMS[place(random, TEAMS.len())]));
        }
        if random.below(3) == 0 {
            pairs.insert("region".to_owned(), json!("not declared"));
        }
        Value::Object(pairs)
    }
}

pub fn place(random: &mut Random, of: usize) -> usize {
    usize::try_from(random.below(of as u64)).expect("a place")
}

/// A service that reports for two accounts.
pub struct Load {
    mix: Mix,
    secret: String,
    service: Caller,
    clock: std::sync::Arc<server::clock::ManualClock>,
}

impl Load {
    pub async fn new(world: &World, ada: &Member, bob: &Member) -> Self {
        let mut payers = vec![];
        for member in [ada, ada, bob] {
            payers.push(json!({"user_id": member.user_id.to_string()}));
        }
        for _ in 0..2 {
            let key = world.key(ada, Permission::ReadWrite).await;
            payers.push(json!({"api_key": key.secret.as_str()}));
        }
        let secret = world.service().await.secret;
        let service = world.caller(&secret);
        Self { mix: Mix { payers, sent: 0 }, secret, service, clock: world.clock.clone() }
    }

    /// The server has another address.
    pub fn moved(&mut self, world: &World) {
        self.service = world.caller(&self.secret);
    }

    /// Some events, singly and in lists, booked from `now` on.
    pub async fn send(&mut self, random: &mut Random, now: Timestamp) {
        self.clock.set(now);
        for size in [1, 240, 3, 160] {
            self.clock.advance(minutes(7));
            let now = server::clock::Clock::now(&*self.clock);
            let events: Vec<Value> = (0..size).map(|_| self.mix.event(random, now)).collect();
            let answer = self.service.post(EVENTS, &json!(events)).await.ok();
            assert_eq!(answer["accepted"], size, "{answer}");
        }
    }
}
