//! Holds and corrections: what happens to an event before and after it is booked.

use std::sync::Arc;

use ledger::entry::{Entry, EventFacts, Movement, Revision};
use ledger::event::{EventKey, Priced, Report};
use ledger::rate::Price;
use ledger::wallet::{Paid, SettleError, Used};
use ledger::{AccountId, Credits, EventId, HoldId, Quantity};

use super::batch::{Batch, charged};
use super::job::{Charged, Closing, Corrected, Correction, Held, HoldRequest, Refusal, Released, Settlement};
use crate::store::posting::Booked;
use crate::store::{HoldStatus, Payer};

/// An event that a batch may correct.
#[derive(Debug, Clone)]
pub(super) struct History {
    pub account_no: i64,
    pub account: AccountId,
    /// The event's entries.
    pub legs: Vec<Entry>,
    /// The entries of each correction, the oldest first.
    pub corrections: Vec<Vec<Entry>>,
}

impl History {
    /// The event as it stands.
    fn standing(&self) -> Option<&EventFacts> {
        let last = self.corrections.last().unwrap_or(&self.legs);
        last.first()?.event.as_ref()
    }

    /// Who has paid for what it costs.
    pub fn paid(&self) -> Paid {
        let mut paid = Paid::of(&self.legs);
        let given_back = self.corrections.iter().flatten().filter(|entry| entry.movement.gives_back());
        for entry in given_back {
            paid.give_back(entry.amount);
        }
        paid
    }
}

impl<'c> Batch<'c> {
    /// The order of checks is that of an event.
    pub fn hold(&mut self, request: &'c HoldRequest) -> Result<Held, Refusal> {
        let HoldRequest { report, payer, service_key, lasts } = request;
        if !self.cache.service_key_is_active(service_key) {
            return Err(Refusal::ServiceKeyRevoked);
        }
        let account = self.cache.payer(payer).map(|row| row.account);
        if let Some(booked) = self.booked(&report.key) {
            return held_before(request, account, booked);
        }
        let row = self.may_spend(payer)?;
        let (no, account, api_key) =
            (row.account_no, row.account, row.key.as_ref().map(|key| key.id.clone()));
        let at = self.open(no).ok_or(Refusal::Failed)?;
        let (price, price_version) = self.price(&report.operation, at)?;
        let credits = self.remembered.positions.cost(no, price, at, report.quantity)?;
        if row.has_limits {
            self.must_be_within_limits(no, api_key.as_ref(), at, credits)?;
        }
        let priced = Priced { credits, price_version, api_key, service_key: Some(service_key.clone()) };
        let wallet = self.wallets.get_mut(&no).ok_or(Refusal::Failed)?;
        let seq = wallet.seq;
        let entries = wallet
            .hold(at, report.clone().into_facts(priced), at.saturating_add(*lasts))
            .map_err(|shortfall| Refusal::Insufficient { shortfall, seq })?;
        let booked = self.book(no, account, report, entries);
        held(report, booked, false).ok_or(Refusal::Failed)
    }

    /// Makes an event of a hold.
    pub fn settle(&mut self, closing: &Closing, settlement: &Settlement) -> Result<Charged, Refusal> {
        let no = self.open_hold(closing)?;
        let key = (no, closing.hold.seq);
        if let Some(act) = self.closed.get(&key) {
            return settled_before(closing.hold, settlement, act);
        }
        let wallet = self.wallets.get(&no).ok_or(Refusal::Failed)?;
        let open =
            wallet.holds().iter().find(|open| open.seq == closing.hold.seq).ok_or(Refusal::UnknownHold)?;
        if settlement.quantity > open.event.quantity && !settlement.allow_over {
            return Err(Refusal::AboveHold { held: open.event.quantity });
        }
        let price = self.price_of(&open.event)?;
        let credits = quote(price, settlement.before, settlement.quantity)?;
        if credits > open.event.credits {
            let row = self.may_spend(&Payer::Account(closing.hold.account))?;
            if row.has_limits {
                let more = credits.saturating_sub(open.event.credits);
                self.must_be_within_limits(no, open.event.api_key.as_ref(), open.recorded_at, more)?;
            }
        }
        let used = Used { quantity: settlement.quantity, credits, by: Some(closing.service_key.clone()) };
        let (seq, at) = (wallet.seq, self.now.max(wallet.recorded_at));
        let wallet = self.wallets.get_mut(&no).ok_or(Refusal::Failed)?;
        let entries = wallet.settle(at, closing.hold.seq, used).map_err(|error| match error {
            SettleError::NotOpen => Refusal::UnknownHold,
            SettleError::Shortfall(shortfall) => Refusal::Insufficient { shortfall, seq },
        })?;
        let answer = settled(closing.hold.account, &entries, false).ok_or(Refusal::Failed)?;
        self.record(no, entries);
        Ok(answer)
    }

    /// Gives a hold back.
    pub fn release(&mut self, closing: &Closing) -> Result<Released, Refusal> {
        let no = self.open_hold(closing)?;
        if let Some(act) = self.closed.get(&(no, closing.hold.seq)) {
            return match status(act) {
                HoldStatus::Released => released(closing.hold, act, true).ok_or(Refusal::Failed),
                status => Err(Refusal::HoldClosed { status }),
            };
        }
        let at =
            self.wallets.get(&no).map(|wallet| self.now.max(wallet.recorded_at)).ok_or(Refusal::Failed)?;
        let wallet = self.wallets.get_mut(&no).ok_or(Refusal::Failed)?;
        let entries = wallet
            .release(at, closing.hold.seq, Some(closing.service_key.clone()))
            .map_err(|_| Refusal::UnknownHold)?;
        let answer = released(closing.hold, &entries, false).ok_or(Refusal::Failed)?;
        self.record(no, entries);
        Ok(answer)
    }

    /// Opens the books of a hold's account, in which the hold may reach its deadline.
    fn open_hold(&mut self, closing: &Closing) -> Result<i64, Refusal> {
        if !self.cache.service_key_is_active(&closing.service_key) {
            return Err(Refusal::ServiceKeyRevoked);
        }
        let no = self.cache.number(closing.hold.account).ok_or(Refusal::UnknownHold)?;
        self.open(no).ok_or(Refusal::Failed)?;
        Ok(no)
    }

    /// Gives an event a smaller quantity.
    pub fn correct(&mut self, correction: &Correction) -> Result<Corrected, Refusal> {
        if !self.cache.service_key_is_active(&correction.service_key) {
            return Err(Refusal::ServiceKeyRevoked);
        }
        let history = self.histories.get(&correction.event).ok_or(Refusal::UnknownEvent)?;
        let (no, account) = (history.account_no, history.account);
        let same_id = |act: &&Vec<Entry>| {
            let revises = act.first().and_then(|first| first.revises.as_ref());
            revises.and_then(|revises| revises.correction.as_deref()) == Some(correction.id.as_str())
        };
        if let Some(act) = history.corrections.iter().find(same_id) {
            return corrected_before(correction, account, act);
        }
        let at = self.open(no).ok_or(Refusal::Failed)?;
        let history = self.histories.get_mut(&correction.event).ok_or(Refusal::UnknownEvent)?;
        let first = history.legs.first().ok_or(Refusal::Failed)?;
        let (of, booked_at) = (first.seq, first.recorded_at);
        let event = history.standing().ok_or(Refusal::Failed)?.clone();
        if correction.quantity >= event.quantity {
            return Err(Refusal::NotBelow { quantity: event.quantity });
        }
        let mut paid = history.paid();
        let price = self.price_of(&event)?;
        let revises = Revision {
            of,
            quantity: event.quantity,
            credits: event.credits,
            correction: Some(correction.id.clone()),
        };
        let corrected = EventFacts {
            quantity: correction.quantity,
            credits: quote(price, correction.before, correction.quantity)?.min(event.credits),
            occurred_at: Some(event.event_time(booked_at)),
            service_key: Some(correction.service_key.clone()),
            ..event
        };
        let wallet = self.wallets.get_mut(&no).ok_or(Refusal::Failed)?;
        let entries = wallet.correct(at, corrected, revises, correction.reason.clone(), &mut paid);
        if let Some(history) = self.histories.get_mut(&correction.event) {
            history.corrections.push(entries.clone());
        }
        let answer = corrected_as(correction, account, &entries, false).ok_or(Refusal::Failed)?;
        self.record(no, entries);
        Ok(answer)
    }

    /// By the version that the event was priced with.
    fn price_of(&self, event: &EventFacts) -> Result<&Price, Refusal> {
        let card = self.cache.cards().and_then(|cards| cards.version(event.price_version));
        card.and_then(|card| card.price(&event.operation)).ok_or(Refusal::Failed)
    }
}

fn quote(price: &Price, before: Quantity, quantity: Quantity) -> Result<Credits, Refusal> {
    price.quote_after(before, quantity).map(|quote| quote.credits).map_err(|_| Refusal::TooDear)
}

/// The answer to a hold whose name is in the books.
fn held_before(request: &HoldRequest, account: Option<AccountId>, booked: &Booked) -> Result<Held, Refusal> {
    let HoldRequest { report, lasts, .. } = request;
    let Some(event) = &booked.entry.event else { return Err(Refusal::Failed) };
    if booked.entry.movement != Movement::Hold {
        return Err(Refusal::Conflict { fields: vec!["id"] });
    }
    let mut fields = report.differences(account, booked.account, event);
    let lasted = booked.entry.deadline.map(|deadline| deadline.saturating_since(booked.entry.recorded_at));
    if lasted != Some(*lasts) {
        fields.push("expires_in_s");
    }
    if fields.is_empty() {
        held(report, booked, true).ok_or(Refusal::Failed)
    } else {
        Err(Refusal::Conflict { fields })
    }
}

fn held(report: &Report, booked: &Booked, replayed: bool) -> Option<Held> {
    let event = booked.entry.event.as_ref()?;
    Some(Held {
        hold_id: HoldId { account: booked.account, seq: booked.entry.seq },
        source: report.key.source().to_owned(),
        id: report.key.id().to_owned(),
        credits: event.credits,
        balance: booked.balance,
        seq: booked.last_seq,
        expires_at: booked.entry.deadline?,
        replayed,
        price_version: event.price_version,
    })
}

fn status(act: &[Entry]) -> HoldStatus {
    HoldStatus::of(act.first())
}

/// The answer to a settlement of a hold that is closed.
fn settled_before(hold: HoldId, settlement: &Settlement, act: &[Entry]) -> Result<Charged, Refusal> {
    match status(act) {
        HoldStatus::Settled => {
            let event = act.first().and_then(|first| first.event.as_ref()).ok_or(Refusal::Failed)?;
            if event.quantity != settlement.quantity {
                return Err(Refusal::Conflict { fields: vec!["quantity"] });
            }
            settled(hold.account, act, true).ok_or(Refusal::Failed)
        }
        status => Err(Refusal::HoldClosed { status }),
    }
}

fn settled(account: AccountId, act: &[Entry], replayed: bool) -> Option<Charged> {
    let (first, last) = (act.first()?, act.last()?);
    let event = first.event.as_ref()?;
    let key = EventKey::parse(&event.source, &event.id).ok()?;
    let entry = Arc::new(first.clone());
    let booked = Booked { account, entry, last_seq: last.seq, balance: last.available_after };
    Some(charged(&key, &booked, replayed))
}

fn released(hold: HoldId, act: &[Entry], replayed: bool) -> Option<Released> {
    let last = act.last()?;
    let back = act.iter().filter(|entry| entry.movement == Movement::Release).map(|entry| entry.amount);
    Some(Released {
        hold_id: hold,
        credits: Credits::sum(back)?,
        balance: last.available_after,
        seq: last.seq,
        replayed,
    })
}

/// The answer to a correction whose id is in the books.
fn corrected_before(
    correction: &Correction,
    account: AccountId,
    act: &[Entry],
) -> Result<Corrected, Refusal> {
    let first = act.first().ok_or(Refusal::Failed)?;
    let quantity = first.event.as_ref().map(|event| event.quantity);
    let checks = [
        ("quantity", quantity != Some(correction.quantity)),
        ("reason", first.reason.as_deref() != Some(correction.reason.as_str())),
    ];
    let fields: Vec<_> = checks.into_iter().filter_map(|(field, differs)| differs.then_some(field)).collect();
    if fields.is_empty() {
        corrected_as(correction, account, act, true).ok_or(Refusal::Failed)
    } else {
        Err(Refusal::Conflict { fields })
    }
}

fn corrected_as(
    correction: &Correction,
    account: AccountId,
    act: &[Entry],
    replayed: bool,
) -> Option<Corrected> {
    let (first, last) = (act.first()?, act.last()?);
    let (event, revises) = (first.event.as_ref()?, first.revises.as_ref()?);
    Some(Corrected {
        event_id: EventId { account, seq: revises.of },
        source: event.source.clone(),
        id: event.id.clone(),
        correction_id: correction.id.clone(),
        quantity: event.quantity,
        credits: event.credits,
        refunded: revises.credits.saturating_sub(event.credits),
        balance: last.available_after,
        seq: last.seq,
        replayed,
        entries: act.to_vec(),
    })
}
