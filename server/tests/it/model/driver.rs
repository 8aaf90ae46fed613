//! Asks a real console what the model was asked: events, holds and corrections over HTTP, as services send them, what
//! operators do by their own calls.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};
use server::store::Permission;

use super::books::KINDS;
use super::operations::{Lot, Name, Operation, Payer, Report};
use super::reference::{Key, Model, Service};
use super::replies::{Fact, Reply};
use super::wire::{decimal, instant, micros};
use crate::harness::client::{Answer, Caller};
use crate::harness::operator::{PlainGrant, Told};
use crate::harness::{Member, World};

/// A console with members, customers' keys and services, and who calls it.
pub struct Driver {
    pub world: World,
    pub members: Vec<Member>,
    pub customers: Vec<Caller>,
    services: Vec<Caller>,
    secrets: Vec<String>,
    /// By the number that the model gives them.
    holds: Vec<String>,
}

/// Status, code, and the body or the refusal's details.
#[derive(Debug)]
pub struct Heard {
    status: u16,
    code: String,
    body: Value,
}

impl Driver {
    /// A new console as the model begins, and the model.
    pub async fn start() -> (Self, Model) {
        let world = World::start().await;
        let model = Model::new(world.now_micros());
        let (mut members, mut customers) = (vec![], vec![]);
        for account in 0..model.accounts.len() {
            let member = world.member(&format!("member-{account}")).await;
            customers.push(world.as_member(&member).await);
            members.push(member);
        }
        let (mut secrets, mut services) = (vec![], vec![]);
        for Key { account, read_only, revoked } in model.keys.iter().copied() {
            let permission = if read_only { Permission::ReadOnly } else { Permission::ReadWrite };
            let made = world.key(&members[account], permission).await;
            if revoked {
                customers[account].delete(&format!("/auth/api-keys/{}", made.key.id)).await.ok();
            }
            secrets.push(made.secret.as_str().to_owned());
        }
        for Service { source, debt_limit } in model.services.iter().copied() {
            services.push(world.service_plain(source, debt_limit).await.caller);
        }
        (Self { world, members, customers, services, secrets, holds: vec![] }, model)
    }

    pub async fn perform(&mut self, operation: &Operation, model: &Model) -> Vec<Heard> {
        let one = match operation {
            Operation::Report { service, report } => {
                self.services[*service].post("/usage/events", &self.event(report)).await.into()
            }
            Operation::Reports { service, reports } => {
                let body = reports.iter().map(|report| self.event(report)).collect::<Value>();
                let answer = self.services[*service].post("/usage/events", &body).await.ok();
                return answer["results"].as_array().expect("results").iter().map(Heard::item).collect();
            }
            Operation::Check { payer, operation, quantity } => {
                let body = self.question(*payer, operation, *quantity);
                self.services[0].post("/usage/check", &Value::Object(body)).await.into()
            }
            Operation::Hold { service, report, expires_in_s } => {
                let mut body = self.event(report);
                body.as_object_mut().expect("an object").remove("on_insufficient");
                if let Some(seconds) = expires_in_s {
                    body["expires_in_s"] = json!(seconds);
                }
                let told = Heard::from(self.services[*service].post("/usage/holds", &body).await);
                self.remember(&told);
                told
            }
            Operation::Settle { hold, quantity, allow_over } => {
                let mut body = json!({"quantity": decimal(*quantity)});
                if *allow_over {
                    body["allow_over"] = json!(true);
                }
                self.services[0].post(&self.hold_path(*hold, "settle"), &body).await.into()
            }
            Operation::Release { hold } => {
                self.services[1].post(&self.hold_path(*hold, "release"), &json!({})).await.into()
            }
            Operation::Correct { name: Name { source, id: event }, id, quantity, reason } => {
                let body = json!({"id": id, "quantity": decimal(*quantity), "reason": reason});
                let path = format!("/usage/events/{source}/{event}/corrections");
                self.services[1].post(&path, &body).await.into()
            }
            _ => self.operate(operation, model).await.into(),
        };
        vec![one]
    }

    /// What operators and the clock do.
    async fn operate(&self, operation: &Operation, model: &Model) -> Told {
        let world = &self.world;
        match operation {
            Operation::Grant { account, lot } => {
                let Lot { amount, kind, priority, effective_at, expires_at } = *lot;
                let grant = PlainGrant { amount, kind: KINDS[kind], priority, effective_at, expires_at };
                world.give_plain(&self.members[*account], grant).await
            }
            Operation::Void { account, grant } => {
                let seq = model.accounts[*account].grants.get(*grant).map_or(1_000_000, |grant| grant.seq);
                world.void_plain(&self.members[*account], seq).await
            }
            Operation::Suspend { account, suspended } => {
                world.suspend_plain(&self.members[*account], *suspended).await
            }
            Operation::Import { card } => world.import_plain(card.from, &card.json()).await,
            Operation::Wait { micros } => {
                world.clock.advance(*micros);
                Ok(json!({}))
            }
            asked => unreachable!("{asked:?} is asked over HTTP"),
        }
    }

    fn question(&self, payer: Payer, operation: &str, quantity: i64) -> Map<String, Value> {
        let mut fields = Map::new();
        let (field, value) = match payer {
            Payer::User(account) => ("user_id", self.members[account].user_id.to_string()),
            Payer::Account(account) => ("account_id", self.members[account].account.to_string()),
            Payer::Key(key) => ("api_key", self.secrets[key].clone()),
            Payer::Nobody => ("user_id", format!("user_{}", "0".repeat(32))),
        };
        fields.insert(field.to_owned(), value.into());
        fields.insert("operation".to_owned(), operation.into());
        // As text, so that it is exact.
        fields.insert("quantity".to_owned(), decimal(quantity).into());
        fields
    }

    fn event(&self, report: &Report) -> Value {
        let mut body = Value::Object(self.question(report.payer, report.operation, report.quantity));
        (body["source"], body["id"]) = (json!(report.name.source), json!(report.name.id));
        if let Some(at) = report.occurred_at {
            body["occurred_at"] = json!(instant(at));
        }
        if let Some(model) = report.dimensions {
            body["dimensions"] = json!({"model": model});
        }
        if report.may_owe {
            body["on_insufficient"] = json!("debt");
        }
        body
    }

    fn hold_path(&self, hold: usize, act: &str) -> String {
        let unknown = || format!("hold_{}ff", "0".repeat(32));
        format!("/usage/holds/{}/{act}", self.holds.get(hold).cloned().unwrap_or_else(unknown))
    }

    fn remember(&mut self, told: &Heard) {
        if let Some(hold) = told.body["hold_id"].as_str()
            && !self.holds.iter().any(|known| known == hold)
        {
            self.holds.push(hold.to_owned());
        }
    }

    /// Whether a value is the id of what this entry began, in one of the accounts.
    fn is_id(&self, value: &Value, kind: &str, seq: u64) -> bool {
        let digits = |member: &Member| member.account.to_string().trim_start_matches("acct_").to_owned();
        self.members.iter().any(|member| *value == format!("{kind}_{}{seq:x}", digits(member)))
    }

    /// Where an answer says something else than expected, in words; empty when it doesn't.
    pub fn differences(&self, expected: &Reply, told: &Heard) -> String {
        let mut found = String::new();
        if (expected.status, expected.code) != (told.status, &*told.code) {
            let Reply { status, code, .. } = expected;
            let _ = writeln!(found, "  expected {status} {code}, not {} {}", told.status, told.code);
            return found;
        }
        for (field, fact) in &expected.fields {
            let value = told.field(field);
            if !self.says(value, fact) {
                let _ = writeln!(found, "  {field}: expected {fact:?}, not {value}");
            }
        }
        found
    }

    fn says(&self, value: &Value, fact: &Fact) -> bool {
        match fact {
            Fact::Micros(expected) => micros(value) == Some(*expected),
            Fact::Count(expected) => match value {
                Value::Array(list) => list.len() as u64 == *expected,
                number => number.as_u64() == Some(*expected),
            },
            Fact::Flag(expected) => value.as_bool() == Some(*expected),
            Fact::Text(expected) => value == expected,
            Fact::Names(expected) => *value == json!(expected),
            Fact::Id(kind, seq) => self.is_id(value, kind, *seq),
            Fact::Nothing => value.is_null(),
        }
    }
}

impl Heard {
    fn item(item: &Value) -> Self {
        let status = item["status"].as_u64().and_then(|status| u16::try_from(status).ok()).expect("a status");
        Self::of(status, item)
    }

    pub fn of(status: u16, body: &Value) -> Self {
        let code = body["error"]["code"].as_str().unwrap_or_default().to_owned();
        let body = if status == 200 { body } else { &body["error"]["details"] };
        Self { status, code, body: body.clone() }
    }

    fn field(&self, name: &str) -> &Value {
        let value = &self.body[name];
        if value.is_null() { &self.body["details"][name] } else { value }
    }
}

impl From<Answer> for Heard {
    fn from(answer: Answer) -> Self {
        Self::of(answer.status, &answer.body)
    }
}

impl From<Told> for Heard {
    fn from(told: Told) -> Self {
        match told {
            Ok(body) => Self { status: 200, code: String::new(), body },
            Err((status, code)) => Self { status, code: code.to_owned(), body: Value::Null },
        }
    }
}
