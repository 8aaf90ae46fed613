//! Plays the steps of an example over the wire and looks at each answer.

use std::collections::HashMap;

use http::Method;
use ledger::grant::GrantKind;
use ledger::time::SECOND;
use ledger::{Credits, GrantId, Month, Timestamp};
use serde_json::{Value, json};
use server::calendar::Rfc3339;
use server::clock::Clock as _;
use server::console::grants::GrantForm;

use super::table::{Example, Step};
use crate::harness::client::{Answer, Caller, amount, answer, assert_error};
use crate::harness::events::{EVENTS, event, with};
use crate::harness::{Member, Service, World, credits};

/// An example on an account of its own.
pub struct Play<'w> {
    world: &'w World,
    service: &'w Service,
    pub member: Member,
    pub reader: Caller,
    pub example: &'w Example,
    /// By their names.
    grants: HashMap<&'w str, GrantId>,
    holds: HashMap<&'w str, String>,
    /// Events that were charged, as they were reported and answered.
    charged: Vec<(Value, Value)>,
}

impl<'w> Play<'w> {
    pub fn new(
        world: &'w World,
        service: &'w Service,
        member: Member,
        reader: Caller,
        example: &'w Example,
    ) -> Self {
        let (grants, holds, charged) = (HashMap::new(), HashMap::new(), vec![]);
        Self { world, service, member, reader, example, grants, holds, charged }
    }

    pub async fn all_steps(&mut self) {
        assert!(!self.example.by_hand.is_empty(), "{}", self.example.what);
        let mut before = ["0", "0", "0"].map(str::to_owned);
        for (place, step) in self.example.steps.iter().enumerate() {
            let what = format!("{}: step {}", self.example.what, place + 1);
            self.step(step, &what).await;
            let current = self.reader.get("/usage/current").await.ok();
            let stands = ["credits", "held", "debt"].map(|field| amount(&current[field]).to_string());
            assert_eq!(stands, step.stands, "{what}: available, held, owed");
            assert!(step.pass_s.is_none() || stands != before, "{what}: nothing tells that time has passed");
            before = stands;
        }
        for (report, charged) in &self.charged {
            let again = self.service.caller.post(EVENTS, report).await.ok();
            assert_eq!(
                again,
                with(charged, "replayed", json!(true)),
                "{}: reported again",
                self.example.what
            );
        }
    }

    async fn step(&mut self, step: &'w Step, what: &str) {
        if let Some(name) = &step.grant {
            self.grant(name, step).await;
        } else if let Some(id) = &step.charge {
            self.charge(id, step, what).await;
        } else if let Some(id) = &step.hold {
            self.hold(id, step, what).await;
        } else if let Some(id) = &step.settle {
            let body = json!({"quantity": step.quantity(), "allow_over": step.over});
            judge(self.close(id, "settle", &body).await, step, what);
        } else if let Some(id) = &step.release {
            let released = self.close(id, "release", &json!({})).await.ok();
            assert_eq!(Some(amount(&released["credits"]).to_string()), step.back, "{what}: given back");
        } else if let Some(id) = &step.correct {
            self.correct(id, step, what).await;
        } else if let Some(name) = &step.void {
            let voided = self.world.console.void_grant(self.grants[name.as_str()], "taken back").await;
            voided.expect("a grant with something left");
        } else {
            self.world.clock.advance(step.pass_s.expect("an act") * SECOND);
        }
    }

    async fn grant(&mut self, name: &'w str, step: &Step) {
        let after = |seconds: i64| self.world.clock.now().saturating_add(seconds * SECOND);
        let form = GrantForm {
            credits: credits(step.credits.as_deref().expect("an amount")),
            kind: GrantKind::from_name(step.kind.as_deref().unwrap_or("promo")).expect("a kind"),
            reason: name.to_owned(),
            effective_at: step.from_s.map(after),
            expires_at: step.until_s.map(after),
            priority: step.priority,
        };
        let granted = self.world.console.grant(self.member.account, form).await.expect("a grant");
        self.grants.insert(name, granted.grant_id);
    }

    async fn charge(&mut self, id: &str, step: &Step, what: &str) {
        let mut report = self.report(id, step);
        if step.owe {
            report = with(&report, "on_insufficient", json!("debt"));
        }
        if let Some(at) = self.occurred_at(step) {
            report = with(&report, "occurred_at", json!(Rfc3339(at).to_string()));
        }
        if let Some(charged) = judge(self.service.caller.post(EVENTS, &report).await, step, what) {
            self.charged.push((report, charged));
        }
    }

    async fn hold(&mut self, id: &'w str, step: &Step, what: &str) {
        let mut asked = self.report(id, step);
        if let Some(lasts_s) = step.lasts_s {
            asked = with(&asked, "expires_in_s", json!(lasts_s));
        }
        if let Some(held) = judge(self.service.caller.post("/usage/holds", &asked).await, step, what) {
            self.holds.insert(id, held["hold_id"].as_str().expect("an id").to_owned());
        }
    }

    async fn close(&self, id: &str, act: &str, body: &Value) -> Answer {
        self.service.caller.post(&format!("/usage/holds/{}/{act}", self.holds[id]), body).await
    }

    async fn correct(&self, id: &str, step: &Step, what: &str) {
        let body = json!({
            "id": format!("to-{}", step.quantity()), "quantity": step.quantity(), "reason": "counted twice",
        });
        let path = format!("{EVENTS}/{}/{id}/corrections", self.source());
        let corrected =
            judge(self.service.caller.post(&path, &body).await, step, what).expect("a correction");
        let back = corrected["entries"].as_array().expect("entries").iter().filter_map(|entry| {
            let gives_back = ["correct", "forgive"].contains(&entry["movement"].as_str()?);
            let amount = amount(&entry["amount"]);
            let moves = gives_back && amount != Credits::ZERO;
            moves.then(|| format!("{} {amount}", self.grant_name(&entry["grant_id"])))
        });
        assert_eq!(Some(back.collect::<Vec<_>>().join(" + ")), step.back, "{what}: given back");
    }

    fn report(&self, id: &str, step: &Step) -> Value {
        let operation = step.of.as_deref().expect("an operation");
        let report = event(id, &self.member, operation, step.quantity());
        with(&report, "source", json!(self.source()))
    }

    /// Ids are unique within their source; a source for each example keeps them apart.
    fn source(&self) -> String {
        self.member.user_id.to_string()
    }

    fn occurred_at(&self, step: &Step) -> Option<Timestamp> {
        let now = self.world.clock.now();
        let ahead = step.ahead_s.map(|seconds| now.saturating_add(seconds * SECOND));
        ahead.or_else(|| step.from_month_us.map(|micros| Month::of(now).start().saturating_add(micros)))
    }

    /// `owed` for none.
    pub fn grant_name(&self, id: &Value) -> &str {
        let Some(id) = id.as_str() else { return "owed" };
        let named = self.grants.iter().find(|(_, grant)| grant.to_string() == id);
        named.expect("a grant of the example").0
    }

    pub async fn receipt(&self, id: &str) -> Value {
        self.reader.get(&format!("{EVENTS}/{}/{id}", self.source())).await.ok()
    }

    /// All books as the browser gets them.
    pub async fn file(&self) -> String {
        answer(self.reader.request(Method::GET, "/credits/entries.ndjson")).await.text
    }
}

/// The answer, where it is no refusal; both as the step says.
fn judge(answer: Answer, step: &Step, what: &str) -> Option<Value> {
    if let Some(missing) = &step.missing {
        assert_error(&answer, 402, "insufficient_credits", "missing");
        let said = amount(&answer.body["error"]["details"]["missing"]).to_string();
        assert_eq!(&said, missing, "{what}: missing");
        return None;
    }
    let body = answer.ok();
    assert_eq!(Some(amount(&body["credits"]).to_string()), step.costs, "{what}: costs");
    assert_eq!(amount(&body["balance"]).to_string(), step.stands[0], "{what}: balance");
    Some(body)
}
