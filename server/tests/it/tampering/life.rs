//! Books in which everything has happened: every movement, holds open, settled, released and run out, debt owed, repaid and
//! forgiven, corrections, dimensions, keys, times of their own.

use std::collections::BTreeMap;

use ledger::event::{Dimensions, EventKey, Report};
use ledger::grant::GrantKind;
use ledger::{KeyId, Quantity};
use server::clock::Clock as _;
use server::console::grants::GrantForm;
use server::sequencer::job::{Charged, Closing, Correction, Held, HoldRequest, Settlement, Submission};
use server::store::{Payer, Permission};

use super::dice::Dice;
use crate::harness::{Member, World, credits};

const SOURCE: &str = "test";
/// Longer than a hold or a grant of these books lasts, in microseconds.
const LONG: i64 = 1_000_000;
const SHORT: i64 = 1_000;

/// An account while it lives.
struct Life<'w> {
    world: &'w World,
    member: &'w Member,
    key: Payer,
    service_key: KeyId,
    dice: &'w mut Dice,
    /// Events so far.
    count: usize,
}

/// Lets `rounds` of everything happen to a member, and leaves holds open and a debt.
pub async fn live(world: &World, member: &Member, service_key: &KeyId, rounds: usize, dice: &mut Dice) {
    let secret = world.key(member, Permission::ReadWrite).await.secret;
    let key = Payer::ApiKey(secret.hash());
    let mut life = Life { world, member, key, service_key: service_key.clone(), dice, count: 0 };
    for _ in 0..rounds {
        life.spend().await;
        life.hold_and_close().await;
        life.take_back().await;
        life.owe_and_repay().await;
    }
    life.issue("1", None).await;
    life.hold(2, LONG * 1_000).await;
    life.hold(3, LONG * 1_000).await;
    life.overspend(7).await;
}

impl Life<'_> {
    /// Two lots, the first of which is used up in the middle of a charge; charges of all kinds, one of them free.
    async fn spend(&mut self) {
        self.issue("0.25", Some(LONG)).await;
        self.issue("20", None).await;
        for _ in 0..self.dice.between(2, 4) {
            let quantity = self.dice.between(1, 4).to_string();
            self.charge("model.prediction", &quantity, None).await;
        }
        self.charge("account.read", "1", None).await;
    }

    /// One hold settled for less, one for more, one released, one that runs out; some after their grant has expired.
    async fn hold_and_close(&mut self) {
        self.issue("0.5", Some(SHORT)).await;
        let less = self.hold(5, LONG).await;
        let more = self.hold(4, LONG).await;
        let back = self.hold(3, LONG).await;
        self.hold(2, SHORT).await;
        self.pass(SHORT).await;
        self.settle(&less, "2").await;
        self.settle(&more, "6").await;
        let closing = self.closing(&back);
        self.world.console.sequencer.release(closing).await.unwrap().expect("released");
    }

    /// A lot that expires, one that is voided while some of it is held, and a correction into what is gone.
    async fn take_back(&mut self) {
        self.issue("0.3", Some(SHORT)).await;
        let event = self.charge("model.prediction", "2", None).await;
        self.pass(SHORT).await;
        self.correct(&event, "1").await;
        let voided = self.issue("0.7", Some(LONG)).await;
        let held = self.hold(3, LONG).await;
        self.world.console.void_grant(voided, "given by mistake").await.expect("voided");
        self.settle(&held, "1").await;
    }

    /// More than is there is owed, forgiven in part, and repaid from the next lot.
    async fn owe_and_repay(&mut self) {
        let (event, all) = self.overspend(30).await;
        self.correct(&event, &(all + 20).to_string()).await;
        self.issue("0.5", None).await;
        self.issue("3", None).await;
        self.correct(&event, &(all + 5).to_string()).await;
    }

    /// Predictions for all that is there and `more`; the charge, and how many could be paid.
    async fn overspend(&mut self, more: i64) -> (Charged, i64) {
        let all = self.world.balance(self.member).await.micros() / 100_000;
        (self.charge("model.prediction", &(all + more).to_string(), Some("100")).await, all)
    }

    /// Lets time pass and books what falls due.
    async fn pass(&mut self, micros: i64) {
        self.world.clock.advance(micros);
        self.world.console.sequencer.post_dues(self.member.account).await.unwrap();
    }

    async fn issue(&mut self, amount: &str, lasts: Option<i64>) -> ledger::GrantId {
        let kind = *self.dice.pick(&GrantKind::ALL);
        let form = GrantForm {
            credits: credits(amount),
            kind,
            reason: format!("for a {}", kind.name()),
            effective_at: None,
            expires_at: lasts.map(|lasts| self.world.clock.now().saturating_add(lasts)),
            priority: self.dice.once_in(3).then_some(if lasts.is_some() { 50 } else { 150 }),
        };
        self.world.console.grant(self.member.account, form).await.expect("a grant").grant_id
    }

    async fn charge(&mut self, operation: &str, quantity: &str, debt_limit: Option<&str>) -> Charged {
        let mut report = self.report(operation, quantity);
        if self.dice.once_in(3) {
            report.occurred_at =
                Some(self.world.clock.now().saturating_add(-self.dice.between(1, 10_000_000_000)));
        }
        let submission = Submission {
            report,
            payer: self.payer(),
            service_key: self.service_key.clone(),
            debt_limit: debt_limit.map(credits),
        };
        let mut charged = self.world.console.sequencer.charge(vec![submission]).await.unwrap();
        charged.remove(0).expect("charged")
    }

    async fn hold(&mut self, quantity: i64, lasts: i64) -> Held {
        let request = HoldRequest {
            report: self.report("model.prediction", &quantity.to_string()),
            payer: self.payer(),
            service_key: self.service_key.clone(),
            lasts,
        };
        self.world.console.sequencer.hold(request).await.unwrap().expect("held")
    }

    async fn settle(&mut self, held: &Held, quantity: &str) {
        let settlement = Settlement {
            quantity: Quantity::parse(quantity).unwrap(),
            allow_over: true,
            before: Quantity::ZERO,
        };
        let closing = self.closing(held);
        self.world.console.sequencer.settle(closing, settlement).await.unwrap().expect("settled");
    }

    fn closing(&self, held: &Held) -> Closing {
        Closing { hold: held.hold_id, service_key: self.service_key.clone() }
    }

    async fn correct(&mut self, event: &Charged, quantity: &str) {
        self.count += 1;
        let correction = Correction {
            event: EventKey::parse(SOURCE, &event.id).unwrap(),
            id: format!("correction-{}", self.count),
            quantity: Quantity::parse(quantity).unwrap(),
            reason: "counted twice".to_owned(),
            service_key: self.service_key.clone(),
            before: Quantity::ZERO,
        };
        self.world.console.sequencer.correct(correction).await.unwrap().expect("corrected");
    }

    /// By a key, or by the account itself.
    fn payer(&mut self) -> Payer {
        if self.dice.once_in(2) { self.key.clone() } else { Payer::Account(self.member.account) }
    }

    /// Some have dimensions, no two the same.
    fn report(&mut self, operation: &str, quantity: &str) -> Report {
        self.count += 1;
        let id = format!("{}-{}", self.member.account_no, self.count);
        let pair = ("job".to_owned(), id.clone());
        let pairs = if self.dice.once_in(2) { BTreeMap::from([pair]) } else { BTreeMap::new() };
        Report {
            key: EventKey::parse(SOURCE, &id).unwrap(),
            operation: operation.to_owned(),
            quantity: Quantity::parse(quantity).unwrap(),
            dimensions: Dimensions::parse(pairs).unwrap(),
            occurred_at: None,
        }
    }
}
