//! One run: operation after operation, the model's answer beside the console's, and then their books.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::books::{Books, Entry};
use super::driver::Driver;
use super::operations::{Generator, Operation};
use super::reference::Model;
use super::wire::{DAY, decimal, instant, micros, month};
use crate::harness::trace::Random;

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
                0..30 => self.compare_current(account, &driver, &mut model).await,
                30..40 => self.compare_grants(account, &driver, &mut model).await,
                40..45 => self.compare_holds(account, &driver, &mut model).await,
                _ => {}
            }
        }
        for account in 0..model.accounts.len() {
            self.compare_current(account, &driver, &mut model).await;
            self.compare_grants(account, &driver, &mut model).await;
            self.compare_holds(account, &driver, &mut model).await;
            self.compare_entries(account, &driver, &model).await;
            self.compare_history(account, &driver, &model).await;
            let verdict = driver.customers[account].get("/credits/verify").await.ok();
            self.same(account, "/credits/verify", &[("ok", verdict["ok"] == true, &json!("true"), &verdict)]);
        }
        driver.world.close().await;
    }

    async fn perform(&mut self, operation: &Operation, driver: &mut Driver, model: &mut Model) {
        self.step += 1;
        let at = instant(model.now);
        let expected = model.apply(operation);
        let text = format!("{:>4} {at} {operation:?}\n       → {expected:?}", self.step);
        self.done.push((account_of(operation, model), text));
        let heard = driver.perform(operation, model).await;
        let mut differences = String::new();
        for (expected, heard) in expected.iter().zip(&heard) {
            let found = driver.differences(expected, heard);
            if !found.is_empty() {
                let _ = writeln!(differences, "{found}  in {heard:?}");
            }
        }
        if !differences.is_empty() || heard.len() != expected.len() {
            self.fail(account_of(operation, model), &differences);
        }
    }

    /// Checks each field: name, whether it is the same, what was expected, what was found.
    fn same(&self, account: usize, what: &str, fields: &[(&str, bool, &dyn std::fmt::Display, &Value)]) {
        let mut differences = String::new();
        for (field, _, expected, found) in fields.iter().filter(|(_, same, ..)| !same) {
            let _ = writeln!(differences, "  {what} {field}: expected {expected}, not {found}");
        }
        if !differences.is_empty() {
            self.fail(Some(account), &differences);
        }
    }

    fn amounts(&self, account: usize, what: &str, found: &Value, expected: &[(&str, i64)]) {
        for (field, amount) in expected {
            let found = &found[*field];
            self.same(account, what, &[(*field, micros(found) == Some(*amount), &decimal(*amount), found)]);
        }
    }

    fn counts(&self, account: usize, what: &str, found: &Value, expected: &[(&str, u64)]) {
        for (field, count) in expected {
            let found = &found[*field];
            self.same(account, what, &[(*field, found.as_u64() == Some(*count), count, found)]);
        }
    }

    async fn compare_current(&self, account: usize, driver: &Driver, model: &mut Model) {
        let what = "/usage/current";
        let found = driver.customers[account].get(what).await.ok();
        let now = model.now;
        let books = model.account(account);
        let amounts = [
            ("credits", books.available(now)),
            ("held", books.held),
            ("debt", books.debt),
            ("consumption", books.consumption(month(now))),
        ];
        self.amounts(account, what, &found, &amounts);
        self.counts(account, what, &found, &[("seq", books.seq())]);
    }

    async fn compare_grants(&self, account: usize, driver: &Driver, model: &mut Model) {
        let books = model.account(account);
        let mut found: Vec<Value> = vec![];
        while found.len() < books.grants.len() {
            let path = format!("/credits/grants?limit=100&offset={}", found.len());
            let page = driver.customers[account].get(&path).await.ok();
            let page = page["grants"].as_array().expect("grants");
            assert!(!page.is_empty(), "too few grants");
            found.extend(page.iter().cloned());
        }
        for (grant, found) in books.grants.iter().rev().zip(&found) {
            let what = format!("/credits/grants {}", grant.seq);
            self.amounts(account, &what, found, &[("remaining", grant.rest), ("amount", grant.amount)]);
            self.counts(account, &what, found, &[("seq", grant.seq), ("priority", grant.priority.into())]);
        }
    }

    async fn compare_holds(&self, account: usize, driver: &Driver, model: &mut Model) {
        let path = "/usage/holds?status=active&limit=100";
        let found = driver.customers[account].get(path).await.ok();
        let books = model.account(account);
        let mut open: Vec<_> = books.holds.iter().filter(|hold| hold.end.is_none()).collect();
        let total = &found["pagination"]["total"];
        self.same(account, path, &[("total", total == open.len(), &open.len(), total)]);
        open.reverse();
        for (hold, found) in open.iter().zip(found["holds"].as_array().expect("holds")) {
            self.amounts(
                account,
                path,
                found,
                &[("credits", hold.cost), ("quantity", hold.content.quantity)],
            );
            let deadline = instant(hold.deadline);
            let same = found["expires_at"] == deadline;
            self.same(account, path, &[("expires_at", same, &deadline, &found["expires_at"])]);
        }
    }

    /// Entry by entry.
    async fn compare_entries(&self, account: usize, driver: &Driver, model: &Model) {
        let found = driver.customers[account].get("/credits/entries.ndjson").await.text;
        let books = &model.accounts[account];
        let count = found.lines().count();
        self.same(
            account,
            "entries",
            &[("number", count == books.entries.len(), &books.entries.len(), &json!(count))],
        );
        for (seq, (entry, line)) in (1..).zip(books.entries.iter().zip(found.lines())) {
            self.compare_entry(account, seq, entry, &serde_json::from_str(line).expect("JSON"), books);
        }
    }

    fn compare_entry(&self, account: usize, seq: u64, entry: &Entry, found: &Value, books: &Books) {
        let what = format!("entry {seq}");
        self.counts(account, &what, found, &[("seq", seq), ("leg", entry.leg)]);
        let grant = entry.grant.map(|grant| format!("{:x}", books.grants[grant].seq));
        let is_grant = match (&grant, found["grant_id"].as_str()) {
            (Some(seq), Some(id)) => id.get("grant_".len() + 32..) == Some(seq),
            (grant, id) => grant.is_none() && id.is_none(),
        };
        let at = instant(entry.at);
        let fields: [(&str, bool, &dyn std::fmt::Display, &Value); 3] = [
            ("movement", found["movement"] == entry.movement, &entry.movement, &found["movement"]),
            ("grant_id", is_grant, &grant.unwrap_or_default(), &found["grant_id"]),
            ("recorded_at", found["recorded_at"] == at, &at, &found["recorded_at"]),
        ];
        self.same(account, &what, &fields);
        let amounts = [
            ("amount", entry.amount),
            ("available_after", entry.available),
            ("held_after", entry.held),
            ("debt_after", entry.debt),
        ];
        self.amounts(account, &what, found, &amounts);
        if let Some(carried) = &entry.carried {
            let event = &found["event"];
            let amounts = [("quantity", carried.quantity), ("credits", carried.credits)];
            self.amounts(account, &what, event, &amounts);
            self.counts(account, &what, event, &[("price_version", carried.version)]);
        }
    }

    /// What the charts add up to is what was spent.
    async fn compare_history(&self, account: usize, driver: &Driver, model: &Model) {
        let books = &model.accounts[account];
        let (from, to) = (
            instant(books.events.iter().map(|event| event.content.at).min().unwrap_or(model.now)),
            instant(model.now + DAY),
        );
        let path = format!("/usage/history?from={from}&to={to}&granularity=month&tz=UTC&group_by=operation");
        let found = driver.customers[account].get(&path).await.ok();
        self.amounts(
            account,
            "/usage/history",
            &json!({"total": total(&found["total"])}),
            &[("total", books.spent())],
        );
        for series in found["series"].as_array().expect("series") {
            let events = books.events.iter().filter(|event| series["group"] == event.content.operation);
            let quantity: i64 = events.clone().map(|event| event.quantity).sum();
            let points = || series["points"].as_array().expect("points").iter();
            let found: i64 = points().map(|point| micros(&point["quantity"]).expect("a quantity")).sum();
            let counted: u64 = points().map(|point| point["count"].as_u64().expect("a count")).sum();
            let what = format!("/usage/history of {}", series["group"]);
            let (counts, quantity) = (events.count() as u64, decimal(quantity));
            let fields: [(&str, bool, &dyn std::fmt::Display, &Value); 2] = [
                ("quantity", decimal(found) == quantity, &quantity, &json!(decimal(found))),
                ("count", counted == counts, &counts, &json!(counted)),
            ];
            self.same(account, &what, &fields);
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

/// A total on the wire is a number, or a group of them.
fn total(found: &Value) -> &Value {
    if found.is_number() { found } else { &found["credits"] }
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
