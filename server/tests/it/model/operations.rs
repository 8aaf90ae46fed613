//! Everything that can be asked for, and random questions of the kind that find mistakes: few ids, so that they come
//! again; few amounts, so that wallets are emptied exactly; instants at which something falls due.

use super::books::{Books, KINDS};
use super::prices::{Card, ONE, Price, Pricing, Rounding, Tier};
use super::reference::{LARGEST, Model};
use super::wire::{DAY, SECOND};
use crate::harness::trace::Random;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    pub source: &'static str,
    pub id: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payer {
    User(usize),
    Account(usize),
    /// Place in [`Model::keys`].
    Key(usize),
    Nobody,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub name: Name,
    pub payer: Payer,
    pub operation: &'static str,
    pub quantity: i64,
    pub occurred_at: Option<i64>,
    /// The value of the one dimension there is.
    pub dimensions: Option<&'static str>,
    /// `on_insufficient: "debt"`
    pub may_owe: bool,
}

/// A grant to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lot {
    pub amount: i64,
    pub kind: usize,
    pub priority: u16,
    pub effective_at: Option<i64>,
    pub expires_at: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    Report { service: usize, report: Report },
    Reports { service: usize, reports: Vec<Report> },
    Check { payer: Payer, operation: &'static str, quantity: i64 },
    Hold { service: usize, report: Report, expires_in_s: Option<i64> },
    Settle { hold: usize, quantity: i64, allow_over: bool },
    Release { hold: usize },
    Correct { name: Name, id: String, quantity: i64, reason: &'static str },
    Grant { account: usize, lot: Lot },
    Void { account: usize, grant: usize },
    Suspend { account: usize, suspended: bool },
    Import { card: Card },
    Wait { micros: i64 },
}

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

    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.random.below(limit as u64)).expect("a small number")
    }

    /// True in so many of a hundred cases.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.random.below(100) < percent
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    pub fn next(&mut self, model: &Model) -> Operation {
        match self.below(100) {
            0..29 => Operation::Report { service: self.service(), report: self.report(model) },
            29..33 => self.reports(model),
            33..36 => self.check(model),
            36..48 => self.hold(model),
            48..58 => self.settle(model),
            58..62 => Operation::Release { hold: self.a_hold(model) },
            62..73 => self.correct(model),
            73..81 => self.grant(model),
            81..84 => self.void(model),
            84..86 => self.suspend(model),
            86 => self.import(model),
            _ => self.wait(model),
        }
    }

    fn service(&mut self) -> usize {
        self.one(&[0, 0, 0, 1, 1, 2])
    }

    fn reports(&mut self, model: &Model) -> Operation {
        let count = 2 + self.below(5);
        let mut reports: Vec<Report> = (0..count).map(|_| self.report(model)).collect();
        if self.percent(30) {
            reports.push(reports[0].clone());
        }
        Operation::Reports { service: self.service(), reports }
    }

    fn payer(&mut self, model: &Model) -> Payer {
        let account = self.below(model.accounts.len());
        match self.below(20) {
            0..12 => Payer::User(account),
            12..15 => Payer::Account(account),
            15..19 => Payer::Key(self.below(model.keys.len())),
            _ if self.percent(30) => Payer::Nobody,
            _ => Payer::User(account),
        }
    }

    fn fresh(&mut self, model: &Model) -> Report {
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
            may_owe: self.percent(40),
        }
    }

    fn operation(&mut self) -> &'static str {
        let known = if self.percent(3) { OPERATIONS.len() } else { OPERATIONS.len() - 1 };
        OPERATIONS[self.below(known)]
    }

    /// A new one, one that was sent before, or one with that name and something else.
    fn report(&mut self, model: &Model) -> Report {
        let mut report = self.fresh(model);
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
        let ago = [0, SECOND, 3_600 * SECOND, DAY, 9 * DAY, 20 * DAY, 34 * DAY, 35 * DAY, -SECOND, -300 * SECOND];
        let beyond = [35 * DAY + 1, -300 * SECOND - 1];
        Some(now - if self.percent(4) { self.one(&beyond) } else { self.one(&ago) })
    }

    fn quantity(&mut self, model: &Model, payer: Payer, operation: &str) -> i64 {
        let price = model.card_at(model.now).price(operation).map(|price| &price.pricing);
        match (self.below(10), price) {
            (0..3, Some(Pricing::Flat(per_unit))) => {
                let books = &model.accounts[model.account_of(payer).unwrap_or(0)];
                let balance = books.available(model.now) + self.one(&[0, 0, 0, 1, 20 * ONE]);
                let units = i128::from(balance) * i128::from(ONE) / i128::from(*per_unit);
                i64::try_from(units).unwrap_or(0).min(LARGEST)
            }
            (0..3, Some(Pricing::Volume(tiers) | Pricing::Graduated(tiers))) => {
                let bound = self.one(tiers).up_to.unwrap_or(50 * ONE);
                bound + self.one(&[0, 0, 1])
            }
            (9, _) if self.percent(20) => LARGEST,
            _ => {
                let usual = [0, 1, ONE / 2, ONE, 3 * ONE / 2, 2 * ONE, 3 * ONE, 4 * ONE + 333_333, 7 * ONE, 11 * ONE];
                self.one(&usual)
            }
        }
    }

    fn check(&mut self, model: &Model) -> Operation {
        let (payer, operation) = (self.payer(model), self.operation());
        Operation::Check { payer, operation, quantity: self.quantity(model, payer, operation) }
    }

    fn hold(&mut self, model: &Model) -> Operation {
        let mut report = self.report(model);
        (report.occurred_at, report.may_owe) = (None, false);
        let known = model.accounts.iter().flat_map(|books| &books.holds);
        let same = known.filter(|hold| hold.content.id == report.name.id).map(|hold| hold.expires_in / SECOND);
        let usual = [None, Some(1), Some(60), Some(3_600), Some(86_400)];
        let expires_in_s = match same.last() {
            Some(before) if self.percent(80) => Some(before),
            _ if self.percent(3) => self.one(&[Some(0), Some(86_401)]),
            _ => self.one(&usual),
        };
        Operation::Hold { service: self.service(), report, expires_in_s }
    }

    /// Most often one that is open; sometimes one that never was.
    fn a_hold(&mut self, model: &Model) -> usize {
        let holds = || model.accounts.iter().flat_map(|books| &books.holds);
        let open: Vec<usize> = holds().filter(|hold| hold.end.is_none()).map(|hold| hold.number).collect();
        if !open.is_empty() && self.percent(80) {
            return self.one(&open);
        }
        if self.percent(5) { model.holds } else { model.holds.saturating_sub(1 + self.below(6)) }
    }

    fn settle(&mut self, model: &Model) -> Operation {
        let number = self.a_hold(model);
        let mut holds = model.accounts.iter().flat_map(|books| &books.holds);
        let held = holds.find(|hold| hold.number == number).map_or(ONE, |hold| hold.content.quantity);
        let quantity = match self.below(8) {
            0..3 => held,
            3 => 0,
            4 => held / 2,
            5 => (held - 1).max(0),
            6 => held + 1,
            _ => held * 2,
        };
        Operation::Settle { hold: number, quantity, allow_over: self.percent(50) }
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
        let latest = books.events.len().min(12);
        let event = &books.events[books.events.len() - 1 - self.below(latest)];
        let name = Name { source: event.content.source, id: event.content.id.clone() };
        if let Some(known) = event.corrections.last().filter(|_| self.percent(25)) {
            let (id, quantity) = (known.id.clone(), known.quantity);
            return Operation::Correct { name, id, quantity, reason: known.reason };
        }
        let present = event.quantity;
        let smaller = [0, present / 2, present / 2, present / 3, present - 1, present - ONE, present, present + 1];
        Operation::Correct { name, id, quantity: self.one(&smaller).max(0), reason }
    }

    fn grant(&mut self, model: &Model) -> Operation {
        let now = model.now;
        let amounts = [1, ONE / 2, ONE, 3 * ONE, 10 * ONE, 25 * ONE, 100 * ONE, 700 * ONE];
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
            _ => self.one(&WAITS),
        }
    }

    fn void(&mut self, model: &Model) -> Operation {
        let account = self.below(model.accounts.len());
        let grants = model.accounts[account].grants.len();
        Operation::Void { account, grant: self.below(grants + 1) }
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
        if let Some(account) = model.accounts.iter().position(|books| books.suspended) {
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
    pub fn card(&mut self, model: &Model, from: i64) -> Card {
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
        let per_unit = [1, 3, 100_000, 333_333, 500_000, ONE, ONE, 2_500_000, 7 * ONE];
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
        let last = self.one(&[1, 100_000, 333_333, ONE]);
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

/// When something falls due or has.
fn instants(books: &Books) -> Vec<i64> {
    let grants = books.grants.iter().filter(|grant| grant.rest > 0);
    let grants = grants.flat_map(|grant| [Some(grant.effective_at), grant.expires_at]);
    let holds = books.holds.iter().filter(|hold| hold.end.is_none()).map(|hold| Some(hold.deadline));
    grants.chain(holds).flatten().collect()
}
