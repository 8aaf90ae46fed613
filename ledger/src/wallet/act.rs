//! One decision in the making: moves credits between places and writes an entry for each move.

use super::Wallet;
use crate::chain::link;
use crate::credits::Credits;
use crate::entry::{Entry, EventFacts, Movement, Revision};
use crate::grant::GrantFacts;
use crate::time::Timestamp;

/// What only leg 0 carries.
#[derive(Debug, Default)]
pub(super) struct Lead {
    pub event: Option<EventFacts>,
    pub deadline: Option<Timestamp>,
    pub revises: Option<Revision>,
    pub issued: Option<GrantFacts>,
    pub reason: Option<String>,
}

/// An open act. The caller has checked that what it moves is there.
pub(super) struct Act<'w> {
    pub wallet: &'w mut Wallet,
    at: Timestamp,
    available: Credits,
    lead: Lead,
    entries: Vec<Entry>,
}

impl<'w> Act<'w> {
    pub fn begin(wallet: &'w mut Wallet, at: Timestamp, lead: Lead) -> Self {
        let available = wallet.available(at);
        // Most acts are one entry.
        Self { wallet, at, available, lead, entries: Vec::with_capacity(1) }
    }

    /// One movement, and its entry.
    pub fn step(&mut self, movement: Movement, amount: Credits, grant: Option<u64>) {
        let reason = self.lead.reason.take();
        self.write(movement, amount, grant, reason);
    }

    /// Takes back credits of a grant, which is void from then on.
    pub fn void(&mut self, amount: Credits, grant: u64, reason: String) {
        self.write(Movement::Void, amount, Some(grant), Some(reason.clone()));
        if let Some(grant) = self.wallet.grants.iter_mut().find(|other| other.seq == grant) {
            grant.void_reason = Some(reason);
        }
    }

    /// Takes `required` from the spendable grants in burn order.
    pub fn draw(&mut self, movement: Movement, required: Credits) {
        let mut missing = required;
        // Steps change what is left of grants, neither their number nor their order.
        for place in 0..self.wallet.grants.len() {
            let Some(grant) = self.wallet.grants.get(place).filter(|grant| grant.is_spendable(self.at))
            else {
                continue;
            };
            let (seq, amount) = (grant.seq, missing.min(grant.remaining));
            if !amount.is_zero() {
                missing = missing.saturating_sub(amount);
                self.step(movement, amount, Some(seq));
            }
            if missing.is_zero() {
                break;
            }
        }
    }

    /// The act's entries.
    pub fn finish(self) -> Vec<Entry> {
        self.entries
    }

    /// The act's entries; one that moves nothing when nothing was to be moved.
    pub fn finish_with(mut self, movement: Movement) -> Vec<Entry> {
        self.at_least_one(movement);
        self.entries
    }

    pub fn at_least_one(&mut self, movement: Movement) {
        if self.entries.is_empty() {
            self.step(movement, Credits::ZERO, None);
        }
    }

    /// What follows from credits that came into grants, then the act's entries: what came to a void or expired grant is lost
    /// again, and what is owed is repaid.
    pub fn finish_inflow(mut self) -> Vec<Entry> {
        let inflows: Vec<(u64, Credits)> = self
            .entries
            .iter()
            .filter(|entry| matches!(entry.movement, Movement::Issue | Movement::Release | Movement::Correct))
            .filter_map(|entry| Some((entry.grant?, entry.amount)))
            .collect();
        for (seq, amount) in inflows {
            let Some(grant) = self.wallet.grant(seq) else { continue };
            if let Some(reason) = grant.void_reason.clone() {
                self.void(amount, seq, reason);
            } else if grant.is_expired(self.at) {
                self.step(Movement::Expire, amount, Some(seq));
            }
        }
        self.repay();
        self.entries
    }

    /// Repays what is owed from what can be spent.
    pub fn repay(&mut self) {
        if !self.wallet.debt.is_zero() {
            self.draw(Movement::Repay, self.wallet.debt.min(self.available));
        }
    }

    fn write(&mut self, movement: Movement, amount: Credits, grant: Option<u64>, reason: Option<String>) {
        self.shift(movement, amount, grant);
        let wallet = &mut *self.wallet;
        wallet.seq = wallet.seq.saturating_add(1);
        wallet.recorded_at = self.at;
        let mut entry = Entry {
            seq: wallet.seq,
            leg: u16::try_from(self.entries.len()).unwrap_or(u16::MAX),
            movement,
            amount,
            grant,
            available_after: self.available,
            held_after: wallet.held,
            debt_after: wallet.debt,
            recorded_at: self.at,
            event: self.lead.event.take(),
            deadline: self.lead.deadline.take(),
            revises: self.lead.revises.take(),
            issued: self.lead.issued.take(),
            reason,
            hash: wallet.head,
        };
        entry.hash = link(wallet.head, wallet.account, &entry);
        wallet.head = entry.hash;
        self.entries.push(entry);
    }

    /// Takes the amount from one place and adds it to the other.
    fn shift(&mut self, movement: Movement, amount: Credits, grant: Option<u64>) {
        let wallet = &mut *self.wallet;
        let plus = |sum: Credits| sum.checked_add(amount).unwrap_or(Credits::MAX);
        match movement {
            Movement::Hold => wallet.held = plus(wallet.held),
            Movement::Settle | Movement::Release => wallet.held = wallet.held.saturating_sub(amount),
            Movement::Owe => wallet.debt = plus(wallet.debt),
            Movement::Repay | Movement::Forgive => wallet.debt = wallet.debt.saturating_sub(amount),
            Movement::Issue | Movement::Charge | Movement::Expire | Movement::Void | Movement::Correct => {}
        }
        let Some(grant) = grant.and_then(|seq| wallet.grants.iter_mut().find(|other| other.seq == seq))
        else {
            return;
        };
        let is_spendable = grant.is_spendable(self.at);
        match movement {
            Movement::Issue | Movement::Release | Movement::Correct => {
                grant.remaining = plus(grant.remaining);
                if is_spendable {
                    self.available = plus(self.available);
                }
            }
            Movement::Charge | Movement::Expire | Movement::Void | Movement::Hold | Movement::Repay => {
                grant.remaining = grant.remaining.saturating_sub(amount);
                if is_spendable {
                    self.available = self.available.saturating_sub(amount);
                }
            }
            Movement::Settle | Movement::Owe | Movement::Forgive => {}
        }
        if movement == Movement::Repay {
            grant.repaid = plus(grant.repaid);
        }
    }
}
