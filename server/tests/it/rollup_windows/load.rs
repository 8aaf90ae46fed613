//! Events of every kind, at random.

use ledger::time::DAY;
use ledger::{Quantity, Timestamp};
use serde_json::{Map, Value, json};
use server::calendar::Rfc3339;
use server::store::{Permission, Scope, Scopes};

use super::{before, minutes};
use crate::harness::client::Caller;
use crate::harness::events::{EVENTS, with};
use crate::harness::trace::Random;
use crate::harness::{Member, World};

const OPERATIONS: [&str; 5] =
    ["model.prediction", "model.inference", "model.build", "data.storage", "account.read"];
/// Among them one that looks like what is not named, some that are hard to write, and one that says nothing.
const TEAMS: [&str; 8] = ["blue", "green", "other", "größe 🦀", "a\"b'c\\d", "bell\u{7}", " ", ""];

const SOURCE: &str = "windows";

/// Below so many millionths, and not nothing.
fn quantity(random: &mut Random, below: u64) -> Value {
    let micros = i64::try_from(1 + random.below(below)).expect("a quantity");
    json!(Quantity::from_micros(micros).expect("countable").to_string())
}

/// Makes an event smaller; `None` when nobody answers any more.
pub async fn correct(caller: &Caller, random: &mut Random, event: &Value) -> Option<()> {
    let micros = Quantity::parse(event["quantity"].as_str()?).expect("a quantity").micros();
    let less = random.below(u64::try_from(micros).expect("a quantity"));
    let less = Quantity::from_micros(i64::try_from(less).expect("less")).expect("countable").to_string();
    let body = json!({"id": "c", "quantity": less, "reason": "counted twice"});
    let id = event["id"].as_str()?;
    done(caller, &format!("{EVENTS}/{SOURCE}/{id}/corrections"), &body).await.map(drop)
}

/// Makes a hold and says which.
pub async fn hold(caller: &Caller, event: &Value) -> Option<String> {
    Some(done(caller, "/usage/holds", event).await?["hold_id"].as_str()?.to_owned())
}

/// Makes an event of a hold, smaller or larger than was held for, or gives it back.
pub async fn close(caller: &Caller, random: &mut Random, hold: &str) -> Option<()> {
    let (act, body) = match random.below(4) {
        0 => ("release", json!({})),
        _ => ("settle", json!({"quantity": quantity(random, 3_500_000), "allow_over": true})),
    };
    done(caller, &format!("/usage/holds/{hold}/{act}"), &body).await.map(drop)
}

/// A request that succeeds unless the server dies over it.
async fn done(caller: &Caller, path: &str, body: &Value) -> Option<Value> {
    let response = caller.request(http::Method::POST, path).json(body).send().await.ok()?;
    let status = response.status();
    let text = response.text().await.ok()?;
    assert_eq!(status, 200, "{path} {body}: {text}");
    serde_json::from_str(&text).ok()
}

/// What a random event is made of.
pub struct Mix {
    /// Fields that say who pays.
    pub payers: Vec<Value>,
    pub sent: u64,
}

impl Mix {
    /// One that is booked at `now`, up to 35 days late.
    pub fn event(&mut self, random: &mut Random, now: Timestamp) -> Value {
        let event = self.timeless(random);
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

    /// One that happens when it is booked, or that a hold can be made of.
    pub fn timeless(&mut self, random: &mut Random) -> Value {
        self.sent += 1;
        let payer = &self.payers[place(random, self.payers.len())];
        let mut event = with(payer, "id", json!(self.sent.to_string()));
        event["source"] = json!(SOURCE);
        event["operation"] = json!(OPERATIONS[place(random, OPERATIONS.len())]);
        event["quantity"] = quantity(random, 3_000_000);
        event["dimensions"] = Self::dimensions(random);
        event
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
    /// Holds to close.
    open: Vec<String>,
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
        let secret = world.service_with(Scopes::of(Scope::ALL), None).await.secret;
        let service = world.caller(&secret);
        Self { mix: Mix { payers, sent: 0 }, secret, service, open: vec![], clock: world.clock.clone() }
    }

    /// The server has another address.
    pub fn moved(&mut self, world: &World) {
        self.service = world.caller(&self.secret);
    }

    /// Some events, singly and in lists, booked from `now` on; holds that are closed minutes later, or fall due; corrections.
    pub async fn send(&mut self, random: &mut Random, now: Timestamp) {
        self.clock.set(now);
        for size in [1, 240, 3, 160] {
            self.clock.advance(minutes(7));
            let now = server::clock::Clock::now(&*self.clock);
            let events: Vec<Value> = (0..size).map(|_| self.mix.event(random, now)).collect();
            let answer = self.service.post(EVENTS, &json!(events)).await.ok();
            assert_eq!(answer["accepted"], size, "{answer}");
            for hold in std::mem::take(&mut self.open) {
                close(&self.service, random, &hold).await.expect("an answer");
            }
            for kept in [true, true, true, false] {
                let hold = hold(&self.service, &self.mix.timeless(random)).await.expect("an answer");
                self.open.extend(kept.then_some(hold));
            }
            for event in events.iter().step_by(17) {
                correct(&self.service, random, event).await.expect("an answer");
            }
        }
        // The next events come after their deadlines.
        self.open.clear();
    }
}
