//! A second reading of the accounting spec (`ledger/README.md`), slow and plain, to hold the server against: who is
//! let through, and what is answered.

use super::books::{Books, Content, End, Event, Grant, Hold};
use super::operations::{Lot, Name, Operation, Payer, Report};
use super::prices::{Card, MOST, ONE};
use super::replies::{
    FORBIDDEN, Fact, INVALID, LARGEST, NOT_FOUND, Reply, SUSPENDED, charged, conflict, corrected, done,
    given, held, released,
};
use super::wire::{DAY, SECOND, month};

/// A customer's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    pub account: usize,
    pub read_only: bool,
    pub revoked: bool,
}

/// A service's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service {
    /// The only source it may report for.
    pub source: Option<&'static str>,
    pub debt_limit: Option<i64>,
}

#[derive(Debug, Clone)]
pub struct Model {
    pub now: i64,
    pub cards: Vec<Card>,
    pub accounts: Vec<Books>,
    pub keys: Vec<Key>,
    pub services: Vec<Service>,
    /// Holds of all accounts so far.
    pub holds: usize,
}

type Outcome = Result<Reply, Reply>;

impl Model {
    /// A new console with two accounts, three keys of each (one can only read, one is revoked), and three services.
    pub fn new(now: i64) -> Self {
        let accounts = vec![Books::default(); 2];
        let kinds = [(false, false), (true, false), (false, true)];
        let keys_of = |account| kinds.map(|(read_only, revoked)| Key { account, read_only, revoked });
        let services = vec![
            Service { source: None, debt_limit: Some(25 * ONE) },
            Service { source: None, debt_limit: None },
            Service { source: Some("a"), debt_limit: None },
        ];
        let keys = (0..accounts.len()).flat_map(keys_of).collect();
        Self { now, cards: vec![Card::first()], accounts, keys, services, holds: 0 }
    }

    /// Does what is asked and answers; a list is answered by one reply for each of its items.
    pub fn apply(&mut self, operation: &Operation) -> Vec<Reply> {
        if let Operation::Reports { service, reports } = operation {
            return reports.iter().map(|report| either(self.report(*service, report))).collect();
        }
        vec![either(self.apply_one(operation))]
    }

    fn apply_one(&mut self, operation: &Operation) -> Outcome {
        match operation {
            Operation::Report { service, report } => self.report(*service, report),
            Operation::Reports { .. } => unreachable!("a list is many"),
            Operation::Check { payer, operation, quantity } => self.check(*payer, operation, *quantity),
            Operation::Hold { service, report, expires_in_s } => self.hold(*service, report, *expires_in_s),
            Operation::Settle { hold, quantity, allow_over } => self.settle(*hold, *quantity, *allow_over),
            Operation::Release { hold } => self.release(*hold),
            Operation::Correct { name, id, quantity, reason } => self.correct(name, id, *quantity, reason),
            Operation::Grant { account, lot } => self.grant(*account, lot),
            Operation::Void { account, grant } => self.void(*account, *grant),
            Operation::Suspend { account, suspended } => {
                self.accounts[*account].suspended = *suspended;
                Ok(done(vec![]))
            }
            Operation::Import { card } => self.import(card),
            Operation::Wait { micros } => {
                self.now += micros;
                Ok(done(vec![]))
            }
        }
    }

    /// The account, with what is due booked.
    pub fn account(&mut self, account: usize) -> &mut Books {
        let books = &mut self.accounts[account];
        books.fall_due(self.now);
        books
    }

    pub fn card_at(&self, at: i64) -> &Card {
        let mut found = &self.cards[0];
        for card in &self.cards {
            if card.from <= at {
                found = card;
            }
        }
        found
    }

    fn card(&self, version: u64) -> &Card {
        self.cards.iter().find(|card| card.version == version).expect("a version that priced something")
    }

    /// The account of a payer, whether or not it may pay.
    pub fn account_of(&self, payer: Payer) -> Option<usize> {
        match payer {
            Payer::User(account) | Payer::Account(account) => Some(account),
            Payer::Key(key) => Some(self.keys[key].account),
            Payer::Nobody => None,
        }
    }

    /// Who pays, if they may.
    fn payer(&self, payer: Payer) -> Result<usize, Reply> {
        let account = self.account_of(payer).ok_or(NOT_FOUND)?;
        if let Payer::Key(key) = payer {
            if self.keys[key].revoked {
                return Err(NOT_FOUND);
            }
            if self.keys[key].read_only {
                return Err(FORBIDDEN);
            }
        }
        if self.accounts[account].suspended { Err(SUSPENDED) } else { Ok(account) }
    }

    fn event_named(&self, source: &str, id: &str) -> Option<(usize, &Event)> {
        let events = self.accounts.iter().enumerate();
        let mut events =
            events.flat_map(|(account, books)| books.events.iter().map(move |event| (account, event)));
        events.find(|(_, event)| event.content.source == source && event.content.id == id)
    }

    fn hold_named(&self, source: &str, id: &str) -> Option<(usize, &Hold)> {
        let holds = self.accounts.iter().enumerate();
        let mut holds =
            holds.flat_map(|(account, books)| books.holds.iter().map(move |hold| (account, hold)));
        holds.find(|(_, hold)| hold.content.source == source && hold.content.id == id)
    }

    /// Prices an event at its time, in this account. Refused: not on the card, or more than can be counted.
    fn priced(&self, account: usize, report: &Report) -> Result<(Content, i64), Reply> {
        let books = &self.accounts[account];
        let at = report.occurred_at.unwrap_or(self.now);
        let card = self.card_at(at);
        let price = card.price(report.operation).ok_or(INVALID)?;
        let month = month(at);
        let before = books.used(report.operation, month, books.seq());
        let cost = price.cost(before, report.quantity).ok_or(INVALID)?;
        let Report { name: Name { source, id }, operation, quantity, dimensions, occurred_at, .. } =
            report.clone();
        let version = card.version;
        Ok((
            Content { source, id, operation, quantity, dimensions, occurred_at, at, month, version, before },
            cost,
        ))
    }

    /// Whether an account can pay now without owing.
    fn funds(&self, account: usize, cost: i64) -> Result<(), Reply> {
        let books = &self.accounts[account];
        let balance = books.available(self.now);
        if cost == 0 || (books.debt == 0 && cost <= balance) {
            return Ok(());
        }
        let fields = vec![
            ("balance", Fact::Micros(balance)),
            ("required", Fact::Micros(cost)),
            ("missing", Fact::Micros(books.debt + cost - balance)),
            ("seq", Fact::Count(books.seq())),
        ];
        Err(Reply { status: 402, code: "insufficient_credits", fields })
    }

    fn report(&mut self, service: usize, report: &Report) -> Outcome {
        let Service { source, debt_limit } = self.services[service];
        if report.quantity > LARGEST {
            return Err(INVALID);
        }
        let Name { source: its_source, id } = &report.name;
        if source.is_some_and(|only| only != *its_source) || (report.may_owe && debt_limit.is_none()) {
            return Err(FORBIDDEN);
        }
        if let Some((account, event)) = self.event_named(its_source, id).filter(|(_, event)| !event.of_hold) {
            let fields = differing(self.account_of(report.payer) == Some(account), &event.content, report);
            let receipt = charged((its_source, id), event.receipt, true, event.content.version);
            return if fields.is_empty() { Ok(receipt) } else { Err(conflict(fields)) };
        }
        if self.hold_named(its_source, id).is_some() {
            return Err(conflict(vec!["id"]));
        }
        let account = self.payer(report.payer)?;
        self.account(account);
        let (earliest, latest) = (self.now - 35 * DAY, self.now + 300 * SECOND);
        if report.occurred_at.is_some_and(|at| at < earliest || at > latest) {
            return Err(INVALID);
        }
        let (content, cost) = self.priced(account, report)?;
        self.funds(account, cost).or_else(|refusal| {
            let books = &self.accounts[account];
            let debt = books.debt + cost - books.available(self.now);
            let allowed = report.may_owe && debt_limit.is_some_and(|limit| debt <= limit);
            if allowed { Ok(()) } else { Err(refusal) }
        })?;
        let version = content.version;
        let receipt = self.accounts[account].charge(self.now, content, cost);
        Ok(charged((its_source, id), receipt, false, version))
    }

    fn check(&mut self, payer: Payer, operation: &'static str, quantity: i64) -> Outcome {
        if quantity > LARGEST {
            return Err(INVALID);
        }
        let account = self.payer(payer)?;
        self.account(account);
        let name = Name { source: "none", id: String::new() };
        let report =
            Report { name, payer, operation, quantity, occurred_at: None, dimensions: None, may_owe: false };
        let (_, cost) = self.priced(account, &report)?;
        let allowed = self.funds(account, cost);
        let mut fields = allowed.as_ref().err().map(|refusal| refusal.fields.clone()).unwrap_or_default();
        fields.retain(|(name, _)| *name == "missing");
        fields.push(("allowed", Fact::Flag(allowed.is_ok())));
        fields.push(("credits", Fact::Micros(cost)));
        fields.push(("balance", Fact::Micros(self.accounts[account].available(self.now))));
        Ok(done(fields))
    }

    fn hold(&mut self, service: usize, report: &Report, expires_in_s: Option<i64>) -> Outcome {
        let expires_in = expires_in_s.unwrap_or(900) * SECOND;
        if !(SECOND..=DAY).contains(&expires_in) || report.quantity > LARGEST {
            return Err(INVALID);
        }
        let Name { source, id } = &report.name;
        if self.services[service].source.is_some_and(|only| only != *source) {
            return Err(FORBIDDEN);
        }
        if let Some((account, hold)) = self.hold_named(source, id) {
            let mut fields = differing(self.account_of(report.payer) == Some(account), &hold.content, report);
            fields.extend((hold.expires_in != expires_in).then_some("expires_in_s"));
            return if fields.is_empty() { Ok(held(hold, true)) } else { Err(conflict(fields)) };
        }
        if self.event_named(source, id).is_some() {
            return Err(conflict(vec!["id"]));
        }
        let account = self.payer(report.payer)?;
        self.account(account);
        let (content, cost) = self.priced(account, report)?;
        self.funds(account, cost)?;
        let number = self.holds;
        self.holds += 1;
        Ok(held(self.accounts[account].hold(self.now, number, content, cost, expires_in), false))
    }

    /// Account and place of a hold, with what is due booked.
    fn find_hold(&mut self, number: usize) -> Result<(usize, usize), Reply> {
        let place = |books: &Books| books.holds.iter().position(|hold| hold.number == number);
        let mut found = self.accounts.iter().enumerate();
        let found = found.find_map(|(account, books)| Some((account, place(books)?)));
        let found = found.ok_or(NOT_FOUND)?;
        self.account(found.0);
        Ok(found)
    }

    fn settle(&mut self, number: usize, quantity: i64, allow_over: bool) -> Outcome {
        if quantity > LARGEST {
            return Err(INVALID);
        }
        let (account, place) = self.find_hold(number)?;
        let hold = self.accounts[account].holds[place].clone();
        let Content { source, id, version, before, operation, .. } = &hold.content;
        match hold.end {
            Some(End::Settled { quantity: settled, receipt }) if settled == quantity => {
                return Ok(charged((source, id), receipt, true, *version));
            }
            Some(End::Settled { .. }) => return Err(conflict(vec!["quantity"])),
            Some(End::Released(_) | End::Expired) => return Err(conflict(vec!["status"])),
            None => {}
        }
        if quantity > hold.content.quantity && !allow_over {
            return Err(INVALID);
        }
        let price = self.card(*version).price(operation).expect("it priced the hold");
        let cost = price.cost(*before, quantity).ok_or(INVALID)?;
        if cost > hold.cost && self.accounts[account].suspended {
            return Err(SUSPENDED);
        }
        self.funds(account, (cost - hold.cost).max(0))?;
        let receipt = self.accounts[account].settle(self.now, place, quantity, cost);
        Ok(charged((source, id), receipt, false, *version))
    }

    fn release(&mut self, number: usize) -> Outcome {
        let (account, place) = self.find_hold(number)?;
        let (now, books) = (self.now, &mut self.accounts[account]);
        let replayed = books.holds[place].end.is_some();
        if !replayed {
            books.release(place, now);
        }
        match books.holds[place].end {
            Some(End::Released(receipt)) => Ok(released(receipt, replayed)),
            _ => Err(conflict(vec!["status"])),
        }
    }

    fn correct(&mut self, name: &Name, id: &str, quantity: i64, reason: &'static str) -> Outcome {
        if quantity > LARGEST {
            return Err(INVALID);
        }
        let Some((account, event)) = self.event_named(name.source, &name.id) else {
            let is_hold = self.hold_named(name.source, &name.id).is_some();
            return Err(if is_hold { conflict(vec!["id"]) } else { NOT_FOUND });
        };
        if let Some(known) = event.corrections.iter().find(|correction| correction.id == id) {
            let differing = [("quantity", known.quantity != quantity), ("reason", known.reason != reason)];
            let differing: Vec<_> =
                differing.iter().filter(|(_, differs)| *differs).map(|(field, _)| *field).collect();
            let again = corrected(event, known, true);
            return if differing.is_empty() { Ok(again) } else { Err(conflict(differing)) };
        }
        if quantity >= event.quantity {
            return Err(INVALID);
        }
        let Content { version, operation, before, .. } = event.content;
        let price = self.card(version).price(operation).expect("it priced the event");
        // What can't be counted costs more than anything.
        let cost = price.cost(before, quantity).unwrap_or(MOST).min(event.cost);
        let seq = event.receipt.first_seq;
        let now = self.now;
        let books = self.account(account);
        let place =
            books.events.iter().position(|event| event.receipt.first_seq == seq).expect("found above");
        books.correct(now, place, (id.to_owned(), quantity, reason), cost);
        let event = &books.events[place];
        Ok(corrected(event, event.corrections.last().expect("the one just made"), false))
    }

    fn grant(&mut self, account: usize, lot: &Lot) -> Outcome {
        let Lot { amount, kind, priority, effective_at, expires_at } = *lot;
        let now = self.now;
        let effective_at = effective_at.unwrap_or(now);
        let books = self.account(account);
        let countable = books.issued().checked_add(amount).is_some_and(|sum| sum <= MOST);
        let lives = expires_at.is_none_or(|end| end > effective_at && end > now);
        if amount == 0 || priority > 1_000 || !lives || !countable {
            return Err(INVALID);
        }
        let (seq, rest, repaid, voided) = (0, 0, 0, false);
        let grant = Grant { seq, kind, priority, effective_at, expires_at, amount, rest, repaid, voided };
        Ok(given(books.issue(now, grant)))
    }

    fn void(&mut self, account: usize, grant: usize) -> Outcome {
        let now = self.now;
        let books = self.account(account);
        if books.grants.get(grant).is_none_or(|grant| grant.rest == 0) {
            return Err(NOT_FOUND);
        }
        Ok(given(books.void(now, grant)))
    }

    fn import(&mut self, card: &Card) -> Outcome {
        let last = self.cards.last().expect("the first card");
        if card.from < self.now + 60 * SECOND || card.from <= last.from {
            return Err(INVALID);
        }
        self.cards.push(card.clone());
        Ok(done(vec![("version", Fact::Count(card.version))]))
    }
}

fn either(outcome: Outcome) -> Reply {
    outcome.unwrap_or_else(|refusal| refusal)
}

/// What stands in the way of a report being the one in the books.
fn differing(same_account: bool, known: &Content, report: &Report) -> Vec<&'static str> {
    let same = [
        ("payer", same_account),
        ("operation", known.operation == report.operation),
        ("quantity", known.quantity == report.quantity),
        ("dimensions", known.dimensions == report.dimensions),
        ("occurred_at", known.occurred_at == report.occurred_at),
    ];
    same.into_iter().filter(|(_, same)| !same).map(|(field, _)| field).collect()
}
