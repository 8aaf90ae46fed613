//! Random questions of the kind that find mistakes: few ids, so that they come again; few amounts, so that wallets are
//! emptied exactly; instants at which something falls due.

use super::books::{Books, Event, Grant, Hold, KINDS};
use super::operations::{Lot, Name, Operation, Payer, Report};
use super::prices::{Card, ONE, Price, Pricing, Rounding, Tier};
use super::reference::Model;
use super::replies::LARGEST;
use super::wire::{DAY, SECOND};
use crate::harness::trace::Random;

/// Some are on the first card, too.
const OPERATIONS: [&str; 8] = [
    "model.build",
    "model.inference",
    "model.prediction",
    "data.storage",
    "deployment.hour",
    "account.read",
    "of.ours",
    "no.such",
];
const SOURCES: [&str; 2] = ["a", "b"];
const REASONS: [&str; 2] = ["measured wrongly", "a favour"];
const WAITS: [i64; 9] =
    [1, SECOND, 60 * SECOND, 900 * SECOND, 3_600 * SECOND, DAY, 2 * DAY, 7 * DAY, 20 * DAY];

pub struct Generator {
    random: Random,
    /// What was sent, to be sent again.
    sent: Vec<Report>,
    ids: u64,
}

impl Generator {
    pub fn new(seed: u64) -> Self {
        Self { random: Random(seed), sent: vec![], ids: 0 }
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.random.below(limit as u64)).expect("a small number")
    }

    /// True in so many of a hundred cases.
    fn percent(&mut self, percent: u64) -> bool {
        self.random.below(100) < percent
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// What is asked next; of a new console, two operations that bring prices of all kinds into force.
    pub fn next(&mut self, model: &Model) -> Operation {
        match model.cards.as_slice() {
            [_] => return Operation::Import { card: self.card(model, model.now + 60 * SECOND) },
            [_, card] if card.from > model.now => return Operation::Wait { micros: 60 * SECOND },
            _ => {}
        }
        if let Some(operation) = self.percent(12).then(|| self.around_a_hold(model)).flatten() {
            return operation;
        }
        match self.below(100) {
            0..29 => self.event(model),
            29..33 => self.events(model),
            33..36 => self.check(model),
            36..48 => self.hold(model),
            48..60 => self.settle(model),
            60..63 => Operation::Release { hold: self.a_hold(model) },
            63..75 => self.correct(model),
            75..85 => self.grant(model),
            85..88 => self.void(model),
            88 => self.suspend(model),
            89 => self.import(model),
            _ => self.wait(model),
        }
    }

    /// Most often one that may report for any source; some of those may let an account owe.
    fn service(&mut self) -> usize {
        self.one(&[0, 0, 0, 0, 0, 0, 1, 1, 1, 2])
    }

    fn event(&mut self, model: &Model) -> Operation {
        let service = self.service();
        Operation::Report { service, report: self.report(model, service) }
    }

    /// Something that is in the way when the credits of an open hold come back; then they do.
    fn around_a_hold(&mut self, model: &Model) -> Option<Operation> {
        let costly = open_holds(model, |_, hold| hold.cost > 0);
        let number = *costly.get(self.below(costly.len().max(1)))?;
        let (account, hold) = find_hold(model, number)?;
        let (books, part) = (&model.accounts[account], hold.parts.first()?);
        let back_by =
            books.grants[part.grant].expires_at.filter(|end| *end > model.now && *end < hold.deadline);
        match (self.below(3), back_by) {
            _ if is_odd(books, hold) => {
                let quantity = self.one(&[0, 1, hold.content.quantity / 2]);
                Some(Operation::Settle { hold: number, quantity, allow_over: false })
            }
            (0, _) => Some(Operation::Void { account, grant: part.grant }),
            (1, Some(end)) => Some(Operation::Wait { micros: end - model.now }),
            _ => Some(Operation::Report { service: 0, report: self.owing(model, account)? }),
        }
    }

    /// An event that costs more than an account has.
    fn owing(&mut self, model: &Model, account: usize) -> Option<Report> {
        let prices = &model.card_at(model.now).prices;
        let (operation, per_unit) = prices.iter().find_map(|price| match price.pricing {
            Pricing::Flat(per_unit) => Some((price.operation, per_unit)),
            _ => None,
        })?;
        let books = &model.accounts[account];
        let room = model.services[0].debt_limit.unwrap_or(0) - books.debt;
        let wanted = books.available(model.now) + self.one(&[1, 10 * ONE, room, room, room + 1]);
        let quantity = quantity_for(wanted, per_unit);
        let payer = Payer::User(account);
        Some(Report { payer, operation, quantity, occurred_at: None, may_owe: true, ..self.fresh(model, 0) })
    }

    fn events(&mut self, model: &Model) -> Operation {
        let (service, count) = (self.service(), 2 + self.below(5));
        let mut reports: Vec<Report> = (0..count).map(|_| self.report(model, service)).collect();
        if self.percent(30) {
            reports.push(reports[0].clone());
        }
        Operation::Reports { service, reports }
    }

    fn payer(&mut self, model: &Model) -> Payer {
        let account = self.below(model.accounts.len());
        match self.below(40) {
            0..26 => Payer::User(account),
            26..34 => Payer::Account(account),
            34..39 => Payer::Key(self.below(model.keys.len())),
            _ => Payer::Nobody,
        }
    }

    fn fresh(&mut self, model: &Model, service: usize) -> Report {
        self.ids += 1;
        let name = Name { source: self.one(&SOURCES), id: self.ids.to_string() };
        let payer = self.payer(model);
        let operation = self.operation();
        Report {
            name,
            payer,
            operation,
            quantity: self.quantity(model, payer, operation),
            occurred_at: self.occurred_at(model.now),
            dimensions: self.one(&[None, None, Some("churn"), Some("sales")]),
            may_owe: self.percent(if service == 0 { 40 } else { 2 }),
        }
    }

    fn operation(&mut self) -> &'static str {
        let known = if self.percent(3) { OPERATIONS.len() } else { OPERATIONS.len() - 1 };
        OPERATIONS[self.below(known)]
    }

    /// A new one, one that was sent before, or one with that name and something else.
    fn report(&mut self, model: &Model, service: usize) -> Report {
        let mut report = self.fresh(model, service);
        if !self.sent.is_empty() && self.percent(18) {
            let latest = self.sent.len().min(30);
            let back = 1 + self.below(latest);
            let before = self.sent[self.sent.len() - back].clone();
            match self.below(10) {
                0 => report.name = before.name,
                1 => report = Report { payer: report.payer, ..before },
                2 => report = Report { quantity: before.quantity + 1, ..before },
                3 => report = Report { dimensions: report.dimensions, may_owe: report.may_owe, ..before },
                4 => report = Report { occurred_at: report.occurred_at, ..before },
                _ => report = before,
            }
        }
        self.sent.push(report.clone());
        report
    }

    fn occurred_at(&mut self, now: i64) -> Option<i64> {
        if self.percent(60) {
            return None;
        }
        let ago =
            [0, SECOND, 3_600 * SECOND, DAY, 9 * DAY, 20 * DAY, 34 * DAY, 35 * DAY, -SECOND, -300 * SECOND];
        let beyond = [35 * DAY + 1, -300 * SECOND - 1];
        Some(now - if self.percent(4) { self.one(&beyond) } else { self.one(&ago) })
    }

    fn quantity(&mut self, model: &Model, payer: Payer, operation: &str) -> i64 {
        let price = model.card_at(model.now).price(operation).map(|price| &price.pricing);
        match (self.below(10), price) {
            (0..3, Some(Pricing::Flat(per_unit))) => {
                let books = &model.accounts[model.account_of(payer).unwrap_or(0)];
                let balance = books.available(model.now) + self.one(&[0, 0, 1, 10 * ONE, 20 * ONE]);
                quantity_for(balance, *per_unit)
            }
            (0..3, Some(Pricing::Volume(tiers) | Pricing::Graduated(tiers))) => {
                let bound = self.one(tiers).up_to.unwrap_or(50 * ONE);
                bound + self.one(&[0, 0, 1])
            }
            (9, _) if self.percent(20) => LARGEST,
            _ => {
                let usual =
                    [0, 1, ONE / 2, ONE, 3 * ONE / 2, 2 * ONE, 3 * ONE, 4 * ONE + 333_333, 7 * ONE, 11 * ONE];
                self.one(&usual)
            }
        }
    }

    fn check(&mut self, model: &Model) -> Operation {
        let (payer, operation) = (self.payer(model), self.operation());
        Operation::Check { payer, operation, quantity: self.quantity(model, payer, operation) }
    }

    fn hold(&mut self, model: &Model) -> Operation {
        let service = self.service();
        let mut report = self.report(model, service);
        (report.occurred_at, report.may_owe) = (None, false);
        if report.quantity <= 1 && self.percent(80) {
            report.quantity = 6 * ONE;
        }
        let known = model.accounts.iter().flat_map(|books| &books.holds);
        let same =
            known.filter(|hold| hold.content.id == report.name.id).map(|hold| hold.expires_in / SECOND);
        let usual = [None, None, Some(1), Some(60), Some(3_600), Some(86_400), Some(86_400)];
        let expires_in_s = match same.max() {
            Some(before) if self.percent(80) => Some(before),
            _ if self.percent(3) => self.one(&[Some(0), Some(86_401)]),
            _ => self.one(&usual),
        };
        Operation::Hold { service, report, expires_in_s }
    }

    /// Most often one that is open; sometimes one that never was.
    fn a_hold(&mut self, model: &Model) -> usize {
        let open = open_holds(model, |_, _| true);
        if !open.is_empty() && self.percent(80) {
            return self.one(&open);
        }
        if self.percent(8) { model.holds } else { model.holds.saturating_sub(1 + self.below(6)) }
    }

    fn settle(&mut self, model: &Model) -> Operation {
        if open_holds(model, |_, _| true).is_empty() && self.percent(75) {
            return self.hold(model);
        }
        let number = self.a_hold(model);
        let held = find_hold(model, number).map_or(ONE, |(_, hold)| hold.content.quantity);
        let quantity = match self.below(10) {
            0..2 => held,
            2..4 => 0,
            4..6 => held / 2,
            6 => (held - 1).max(0),
            7 => held + 1,
            8 => held * 2,
            _ => held * 2 + 20 * ONE,
        };
        Operation::Settle { hold: number, quantity, allow_over: self.percent(70) }
    }

    fn correct(&mut self, model: &Model) -> Operation {
        let books = &model.accounts[self.below(model.accounts.len())];
        let id = self.one(&["c1", "c2", "c3", "c4"]).to_owned();
        let reason = self.one(&REASONS);
        if books.events.is_empty() || self.percent(4) {
            // A hold that is no event, or nothing at all.
            let held = books.holds.last().map(|hold| (hold.content.source, hold.content.id.clone()));
            let (source, id_of) = held.unwrap_or((SOURCES[0], "nothing".to_owned()));
            return Operation::Correct { name: Name { source, id: id_of }, id, quantity: 0, reason };
        }
        let latest: Vec<&Event> = books.events.iter().rev().take(12).collect();
        let costly: Vec<&Event> = latest.iter().copied().filter(|event| event.cost > 0).collect();
        let event = if costly.is_empty() || self.percent(20) { self.one(&latest) } else { self.one(&costly) };
        let name = Name { source: event.content.source, id: event.content.id.clone() };
        if let Some(known) = event.corrections.last().filter(|_| self.percent(25)) {
            let (id, quantity) = (known.id.clone(), known.quantity);
            return Operation::Correct { name, id, quantity, reason: known.reason };
        }
        let present = event.quantity;
        let smaller = [
            0,
            0,
            present / 2,
            present / 2,
            present / 3,
            present / 3,
            present - 1,
            present - 1,
            present - ONE,
        ];
        let quantity = if self.percent(6) { present + self.one(&[0, 1]) } else { self.one(&smaller) };
        Operation::Correct { name, id, quantity: quantity.max(0), reason }
    }

    fn grant(&mut self, model: &Model) -> Operation {
        let now = model.now;
        let amounts = [1, ONE / 2, ONE, 3 * ONE, 10 * ONE, 10 * ONE, 25 * ONE, 25 * ONE, 60 * ONE];
        let amount = if self.percent(3) { 0 } else { self.one(&amounts) };
        let effective_at = match self.below(10) {
            0..5 => None,
            5 => Some(now - DAY),
            _ => Some(now + self.moment(model)),
        };
        let from = effective_at.unwrap_or(now).max(now);
        let expires_at = match self.below(10) {
            0..4 => None,
            4 if self.percent(30) => Some(effective_at.unwrap_or(now)),
            _ => Some(from + self.moment(model)),
        };
        let priority = self.one(&[100, 100, 100, 0, 200, 1_000, 1_001]);
        let priority = if priority > 1_000 && self.percent(80) { 100 } else { priority };
        let account = self.below(model.accounts.len());
        let kind = self.below(KINDS.len());
        Operation::Grant { account, lot: Lot { amount, kind, priority, effective_at, expires_at } }
    }

    /// How long from now until something falls due, or one of a few durations.
    fn moment(&mut self, model: &Model) -> i64 {
        let instants: Vec<i64> = model.accounts.iter().flat_map(instants).collect();
        let next = instants.into_iter().filter(|at| *at > model.now).min();
        match next {
            Some(next) if self.percent(30) => next - model.now,
            _ if self.percent(70) => self.one(&WAITS[1..6]),
            _ => self.one(&WAITS),
        }
    }

    fn void(&mut self, model: &Model) -> Operation {
        let account = self.below(model.accounts.len());
        let grants = &model.accounts[account].grants;
        let full: Vec<usize> = (0..grants.len()).filter(|grant| grants[*grant].rest > 0).collect();
        let any = full.is_empty() || self.percent(20);
        let grant = if any { self.below(grants.len() + 1) } else { self.one(&full) };
        Operation::Void { account, grant }
    }

    fn suspend(&mut self, model: &Model) -> Operation {
        let suspended: Vec<usize> =
            (0..model.accounts.len()).filter(|account| model.accounts[*account].suspended).collect();
        match suspended.first() {
            Some(account) if self.percent(85) => Operation::Suspend { account: *account, suspended: false },
            _ => Operation::Suspend { account: self.below(model.accounts.len()), suspended: true },
        }
    }

    fn wait(&mut self, model: &Model) -> Operation {
        if let Some(account) = model.accounts.iter().position(|books| books.suspended)
            && self.percent(60)
        {
            return Operation::Suspend { account, suspended: false };
        }
        let micros = if self.percent(45) {
            (self.moment(model) + self.one(&[0, 0, 0, -1, 1])).max(1)
        } else {
            let short = if self.percent(85) { 5 } else { WAITS.len() };
            WAITS[self.below(short)]
        };
        Operation::Wait { micros }
    }

    fn import(&mut self, model: &Model) -> Operation {
        let after = self.one(&[60 * SECOND, 61 * SECOND, DAY, 59 * SECOND]);
        Operation::Import { card: self.card(model, model.now + after) }
    }

    /// The next version: other prices for most operations, some of them gone.
    fn card(&mut self, model: &Model, from: i64) -> Card {
        let version = model.cards.len() as u64 + 1;
        let known = &OPERATIONS[..OPERATIONS.len() - 1];
        let mut prices: Vec<Price> = vec![];
        for operation in known {
            if prices.is_empty() || !self.percent(8) {
                prices.push(self.price(operation));
            }
        }
        Card { version, from, prices }
    }

    fn price(&mut self, operation: &'static str) -> Price {
        let per_unit = [1, 100_000, 333_333, 500_000, ONE, ONE, 2_500_000, 7 * ONE];
        let pricing = match self.below(10) {
            0 => Pricing::Free,
            1..4 => Pricing::Flat(self.one(&per_unit)),
            4..6 => Pricing::Volume(self.tiers()),
            6 => Pricing::Package { size: self.one(&[1_000, ONE, 4 * ONE]), credits: self.one(&per_unit) },
            _ => Pricing::Graduated(self.tiers()),
        };
        let least = [None, None, None, Some(1), Some(250_000), Some(2 * ONE)];
        let minimum = if pricing == Pricing::Free { None } else { self.one(&least) };
        Price { operation, pricing, rounding: self.one(&Rounding::ALL), minimum }
    }

    fn tiers(&mut self) -> Vec<Tier> {
        let last = self.one(&[1, 100_000, 333_333, ONE, ONE]);
        let mut tiers = vec![Tier { up_to: None, per_unit: last }];
        for bound in [10 * ONE, 4 * ONE, ONE] {
            if self.percent(60) {
                let per_unit = self.one(&[0, 1, 250_000, ONE, 3 * ONE]);
                tiers.insert(0, Tier { up_to: Some(bound), per_unit });
            }
        }
        tiers
    }
}

/// How much can be had for so much.
fn quantity_for(credits: i64, per_unit: i64) -> i64 {
    let units = i128::from(credits) * i128::from(ONE) / i128::from(per_unit);
    i64::try_from(units).unwrap_or(0).min(LARGEST)
}

/// A hold and its account.
fn find_hold(model: &Model, number: usize) -> Option<(usize, &Hold)> {
    let accounts = model.accounts.iter().enumerate();
    let mut holds = accounts.flat_map(|(account, books)| books.holds.iter().map(move |hold| (account, hold)));
    holds.find(|(_, hold)| hold.number == number)
}

/// Holds that can be settled and are of this kind.
fn open_holds(model: &Model, is: impl Fn(&Books, &Hold) -> bool) -> Vec<usize> {
    let holds = model.accounts.iter().flat_map(|books| books.holds.iter().map(move |hold| (books, hold)));
    let open = holds.filter(|(_, hold)| hold.end.is_none() && hold.deadline > model.now);
    open.filter(|(books, hold)| is(books, hold)).map(|(_, hold)| hold.number).collect()
}

/// What comes back won't stay: something is owed, or a grant is void or used up by its expiry.
fn is_odd(books: &Books, hold: &Hold) -> bool {
    let is_gone = |grant: &Grant| grant.voided || (grant.rest == 0 && grant.expires_at.is_some());
    books.debt > 0 || hold.parts.iter().any(|part| is_gone(&books.grants[part.grant]))
}

/// When something falls due or has.
fn instants(books: &Books) -> Vec<i64> {
    let grants = books.grants.iter().filter(|grant| grant.rest > 0);
    let grants = grants.flat_map(|grant| [Some(grant.effective_at), grant.expires_at]);
    let holds = books.holds.iter().filter(|hold| hold.end.is_none()).map(|hold| Some(hold.deadline));
    grants.chain(holds).flatten().collect()
}
