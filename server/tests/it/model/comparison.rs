//! One run: operation after operation, the model's answer beside the console's, and then their books.

use serde_json::{Value, json};

use super::books::Books;
use super::driver::{Driver, Heard};
use super::generator::Generator;
use super::operations::Operation;
use super::reference::Model;
use super::replies::{Fact, done};
use super::wire::{DAY, decimal, instant, micros, month};
use crate::harness::trace::Random;

/// Of the lists that are read.
const PAGE: usize = 100;
/// An account, and who asks for it.
type At<'d> = (usize, &'d Driver);
/// How much of what happened is told when something differs.
const TOLD: usize = 12;

pub struct Run {
    seed: u64,
    operations: usize,
    step: usize,
    /// What was done so far, and to which account; `None`: to all.
    done: Vec<(Option<usize>, String)>,
}

impl Run {
    pub const fn new(seed: u64, operations: usize) -> Self {
        Self { seed, operations, step: 0, done: vec![] }
    }

    /// Panics where the console and the model differ.
    pub async fn finish(mut self) {
        let (mut driver, mut model) = Driver::start().await;
        let (mut generator, mut looks) = (Generator::new(self.seed), Random(!self.seed));
        while self.step < self.operations {
            let operation = generator.next(&model);
            self.perform(&operation, &mut driver, &mut model).await;
            // Not always: a look books what is due, which the next operation must do as well.
            let account = usize::try_from(looks.below(model.accounts.len() as u64)).expect("a place");
            match looks.below(100) {
                0..30 => self.compare_current((account, &driver), &mut model).await,
                30..40 => self.compare_grants((account, &driver), &mut model).await,
                40..45 => self.compare_holds((account, &driver), &mut model).await,
                _ => {}
            }
        }
        for account in 0..model.accounts.len() {
            let at = (account, &driver);
            self.compare_current(at, &mut model).await;
            self.compare_grants(at, &mut model).await;
            self.compare_holds(at, &mut model).await;
            self.compare_entries(at, &model).await;
            self.compare_history(at, &model).await;
            driver.world.assert_reprices(&driver.members[account]).await;
        }
        driver.world.close().await;
    }

    async fn perform(&mut self, operation: &Operation, driver: &mut Driver, model: &mut Model) {
        self.step += 1;
        let at = instant(model.now);
        let expected = model.apply(operation);
        let account = account_of(operation, model);
        self.done.push((account, format!("{:>4} {at} {operation:?}\n     → {expected:?}", self.step)));
        let heard = driver.perform(operation, model).await;
        assert_eq!(heard.len(), expected.len(), "an answer for each item");
        for (expected, heard) in expected.iter().zip(&heard) {
            let differences = driver.differences(expected, heard);
            if !differences.is_empty() {
                self.fail(account, &format!("{differences}  in {heard:?}\n"));
            }
        }
    }

    /// Fails unless what was read says what is expected, field by field.
    fn compare(
        &self,
        (account, driver): At<'_>,
        what: &str,
        found: &Value,
        expected: Vec<(&'static str, Fact)>,
    ) {
        let differences = driver.differences(&done(expected), &Heard::of(200, found));
        if !differences.is_empty() {
            self.fail(Some(account), &format!("{differences}  in {what}: {found}\n"));
        }
    }

    async fn compare_current(&self, at: At<'_>, model: &mut Model) {
        let found = at.1.customers[at.0].get("/usage/current").await.ok();
        let now = model.now;
        let books = model.account(at.0);
        let expected = vec![
            ("credits", Fact::Micros(books.available(now))),
            ("held", Fact::Micros(books.held)),
            ("debt", Fact::Micros(books.debt)),
            ("consumption", Fact::Micros(books.consumption(month(now)))),
            ("seq", Fact::Count(books.seq())),
        ];
        self.compare(at, "/usage/current", &found, expected);
    }

    async fn compare_grants(&self, at: At<'_>, model: &mut Model) {
        let grants = &model.account(at.0).grants;
        for (page, grants) in grants.rchunks(PAGE).enumerate() {
            let path = format!("/credits/grants?limit={PAGE}&offset={}", page * PAGE);
            let found = at.1.customers[at.0].get(&path).await.ok();
            let found = found["grants"].as_array().expect("grants");
            assert_eq!(found.len(), grants.len(), "{path}");
            for (grant, found) in grants.iter().rev().zip(found) {
                let expected = vec![
                    ("grant_id", Fact::Id("grant", grant.seq)),
                    ("amount", Fact::Micros(grant.amount)),
                    ("remaining", Fact::Micros(grant.rest)),
                ];
                self.compare(at, "/credits/grants", found, expected);
            }
        }
    }

    async fn compare_holds(&self, at: At<'_>, model: &mut Model) {
        let path = format!("/usage/holds?status=active&limit={PAGE}");
        let found = at.1.customers[at.0].get(&path).await.ok();
        let holds = model.account(at.0).holds.iter().rev().filter(|hold| hold.end.is_none());
        let total = Fact::Count(holds.clone().count() as u64);
        self.compare(at, &path, &found["pagination"], vec![("total", total)]);
        for (hold, found) in holds.zip(found["holds"].as_array().expect("holds")) {
            let expected = vec![
                ("id", Fact::Text(hold.content.id.clone())),
                ("credits", Fact::Micros(hold.cost)),
                ("quantity", Fact::Micros(hold.content.quantity)),
                ("expires_at", Fact::Text(instant(hold.deadline))),
            ];
            self.compare(at, &path, found, expected);
        }
    }

    /// Entry by entry, and that their chain is whole.
    async fn compare_entries(&self, at: At<'_>, model: &Model) {
        let customer = &at.1.customers[at.0];
        let found = customer.get("/credits/entries.ndjson").await.text;
        let books = &model.accounts[at.0];
        for (seq, (entry, line)) in (1..).zip(books.entries.iter().zip(found.lines())) {
            let found: Value = serde_json::from_str(line).expect("JSON");
            let grant = entry.grant.map(|grant| Fact::Id("grant", books.grants[grant].seq));
            let expected = vec![
                ("seq", Fact::Count(seq)),
                ("leg", Fact::Count(entry.leg)),
                ("movement", Fact::Text(entry.movement.to_owned())),
                ("amount", Fact::Micros(entry.amount)),
                ("grant_id", grant.unwrap_or(Fact::Nothing)),
                ("available_after", Fact::Micros(entry.available)),
                ("held_after", Fact::Micros(entry.held)),
                ("debt_after", Fact::Micros(entry.debt)),
                ("recorded_at", Fact::Text(instant(entry.at))),
            ];
            self.compare(at, "entries", &found, expected);
            if let Some(carried) = &entry.carried {
                let expected = vec![
                    ("operation", Fact::Text(carried.operation.to_owned())),
                    ("quantity", Fact::Micros(carried.quantity)),
                    ("credits", Fact::Micros(carried.credits)),
                    ("price_version", Fact::Count(carried.version)),
                ];
                self.compare(at, &format!("entry {seq}"), &found["event"], expected);
            }
        }
        let verdict = customer.get("/credits/verify").await.ok();
        let expected = vec![("ok", Fact::Flag(true)), ("entries", Fact::Count(books.seq()))];
        self.compare(at, "/credits/verify", &verdict, expected);
    }

    /// What the charts add up to is what was spent.
    async fn compare_history(&self, at: At<'_>, model: &Model) {
        let books = &model.accounts[at.0];
        let from = books.events.iter().map(|event| event.content.at).min().unwrap_or(model.now);
        let (from, to) = (instant(from), instant(model.now + DAY));
        let path = format!("/usage/history?from={from}&to={to}&granularity=month&tz=UTC&group_by=operation");
        let found = at.1.customers[at.0].get(&path).await.ok();
        self.compare(at, &path, &found, vec![("total", Fact::Micros(books.spent()))]);
        for series in found["series"].as_array().expect("series") {
            let events = books.events.iter().filter(|event| series["group"] == event.content.operation);
            let expected = vec![
                ("credits", Fact::Micros(events.clone().map(|event| event.cost).sum())),
                ("quantity", Fact::Micros(events.clone().map(|event| event.quantity).sum())),
                ("count", Fact::Count(events.count() as u64)),
            ];
            self.compare(at, &path, &summed(&series["points"]), expected);
        }
    }

    fn fail(&self, account: Option<usize>, differences: &str) -> ! {
        let concerns = |of: Option<usize>| account.is_none() || of.is_none() || of == account;
        let done: Vec<&str> =
            self.done.iter().filter(|(of, _)| concerns(*of)).map(|(_, text)| text.as_str()).collect();
        let last = &done[done.len().saturating_sub(TOLD)..];
        let (seed, step) = (self.seed, self.step);
        panic!(
            "seed {seed}, step {step}, account {account:?}:\n{differences}after\n{}\n\nagain: PLEXE_MODEL_SEED={seed} cargo test -p server --test it model::",
            last.join("\n")
        );
    }
}

/// The points of a series as one.
fn summed(points: &Value) -> Value {
    let points = || points.as_array().expect("points").iter();
    let sum = |field: &str| -> i64 { points().map(|point| micros(&point[field]).expect("a number")).sum() };
    let number = |field: &str| serde_json::from_str::<Value>(&decimal(sum(field))).expect("a number");
    let count: u64 = points().map(|point| point["count"].as_u64().expect("a count")).sum();
    json!({"credits": number("credits"), "quantity": number("quantity"), "count": count})
}

/// Whom an operation is about; `None`: everybody, or several.
fn account_of(operation: &Operation, model: &Model) -> Option<usize> {
    let of_hold = |number: usize| {
        let has = |books: &Books| books.holds.iter().any(|hold| hold.number == number);
        model.accounts.iter().position(has)
    };
    match operation {
        Operation::Report { report, .. } | Operation::Hold { report, .. } => model.account_of(report.payer),
        Operation::Check { payer, .. } => model.account_of(*payer),
        Operation::Settle { hold, .. } | Operation::Release { hold } => of_hold(*hold),
        Operation::Grant { account, .. }
        | Operation::Void { account, .. }
        | Operation::Suspend { account, .. } => Some(*account),
        Operation::Correct { name, .. } => model.accounts.iter().position(|books| {
            books
                .events
                .iter()
                .any(|event| event.content.source == name.source && event.content.id == name.id)
        }),
        Operation::Reports { .. } | Operation::Import { .. } | Operation::Wait { .. } => None,
    }
}
