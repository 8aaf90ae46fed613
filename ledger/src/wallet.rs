//! What an account may spend, and the entries a spend leaves behind.
//!
//! A [`Wallet`] is the account's state after its last entry. Every method that changes it returns the entries to store;
//! when it returns an error, nothing changed.

use crate::chain::{Digest, genesis, link};
use crate::credits::Credits;
use crate::entry::{Entry, EventFacts, Movement};
use crate::grant::{Grant, GrantError, GrantFacts, MAX_PRIORITY};
use crate::ids::AccountId;
use crate::time::Timestamp;

/// An account's books, as far as the next entry needs them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wallet {
    pub account: AccountId,
    /// `seq` of the last entry, 0 before the first.
    pub seq: u64,
    /// Hash of the last entry, or the account's genesis.
    pub head: Digest,
    pub held: Credits,
    /// `recorded_at` of the last entry.
    pub recorded_at: Timestamp,
    /// Grants with something left, in burn order.
    grants: Vec<Grant>,
}

/// A charge that the wallet can't pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the charge needs {required} credits and {balance} are available")]
pub struct Shortfall {
    pub balance: Credits,
    pub required: Credits,
    pub missing: Credits,
}

/// Why a grant can't be voided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VoidError {
    #[error("no such grant, or nothing is left of it")]
    NothingLeft,
}

impl Wallet {
    /// The wallet of an account without entries.
    pub fn new(account: AccountId) -> Self {
        Self {
            account,
            seq: 0,
            head: genesis(account),
            held: Credits::ZERO,
            recorded_at: Timestamp::from_micros(0),
            grants: vec![],
        }
    }

    /// The same books with the grants that have something left, in any order.
    #[must_use]
    pub fn with_grants(mut self, mut grants: Vec<Grant>) -> Self {
        grants.sort_by_key(Grant::burn_key);
        self.grants = grants;
        self
    }

    /// Grants with something left, in burn order.
    pub fn grants(&self) -> &[Grant] {
        &self.grants
    }

    /// What is left of the grant that entry `seq` issued.
    pub fn remaining(&self, seq: u64) -> Credits {
        self.grants.iter().find(|grant| grant.seq == seq).map_or(Credits::ZERO, |grant| grant.remaining)
    }

    /// What can be spent at an instant: the rest of all grants that are effective and not expired.
    pub fn available(&self, at: Timestamp) -> Credits {
        let spendable =
            self.grants.iter().filter(|grant| grant.is_spendable(at)).map(|grant| grant.remaining);
        // `issue` keeps the sum of all grants countable.
        Credits::sum(spendable).unwrap_or(Credits::MAX)
    }

    /// Whether `required` credits are there to be spent.
    pub fn can_pay(&self, at: Timestamp, required: Credits) -> Result<(), Shortfall> {
        let balance = self.available(at);
        match required.checked_sub(balance).filter(|missing| !missing.is_zero()) {
            Some(missing) => Err(Shortfall { balance, required, missing }),
            None => Ok(()),
        }
    }

    /// Opens the books at `now`: the instant to record with (never before the last entry's) and the entries of the
    /// expiries that are due. Comes before every read and every change.
    pub fn advance(&mut self, now: Timestamp) -> (Timestamp, Vec<Entry>) {
        let at = now.max(self.recorded_at);
        let mut due: Vec<(Timestamp, u64)> = self
            .grants
            .iter()
            .filter(|grant| grant.is_expired(at))
            .filter_map(|grant| Some((grant.facts.expires_at?, grant.seq)))
            .collect();
        due.sort_unstable();
        let entries = due.into_iter().map(|(_, seq)| self.close(at, seq, Movement::Expire, None)).collect();
        (at, entries)
    }

    /// Takes an event's credits from the grants in burn order: one entry for each grant used, one without a grant when
    /// it costs nothing.
    pub fn charge(&mut self, at: Timestamp, event: EventFacts) -> Result<Vec<Entry>, Shortfall> {
        let required = event.credits;
        self.can_pay(at, required)?;
        let balance = self.available(at);
        let mut draws = self.draw(at, required).into_iter();
        let (grant, amount) =
            draws.next().map_or((None, Credits::ZERO), |(grant, amount)| (Some(grant), amount));
        let mut available = balance.saturating_sub(amount);
        let mut leg = 0_u16;
        let first = Draft {
            leg,
            movement: Movement::Charge,
            amount,
            grant,
            available,
            event: Some(event),
            issued: None,
            reason: None,
        };
        let mut entries = vec![self.append(at, first)];
        for (grant, amount) in draws {
            available = available.saturating_sub(amount);
            leg = leg.saturating_add(1);
            let draft = Draft { leg, available, ..Draft::of(Movement::Charge, amount, grant) };
            entries.push(self.append(at, draft));
        }
        Ok(entries)
    }

    /// Takes `required` from the spendable grants in burn order. The caller has checked that it is there.
    fn draw(&mut self, at: Timestamp, required: Credits) -> Vec<(u64, Credits)> {
        let mut missing = required;
        let mut draws = vec![];
        for grant in self.grants.iter_mut().filter(|grant| grant.is_spendable(at)) {
            if missing.is_zero() {
                break;
            }
            let amount = missing.min(grant.remaining);
            grant.remaining = grant.remaining.saturating_sub(amount);
            missing = missing.saturating_sub(amount);
            draws.push((grant.seq, amount));
        }
        self.grants.retain(|grant| !grant.remaining.is_zero());
        draws
    }

    /// Adds a lot of credits.
    pub fn issue(&mut self, at: Timestamp, amount: Credits, facts: GrantFacts) -> Result<Entry, GrantError> {
        if amount.is_zero() {
            return Err(GrantError::Nothing);
        }
        if facts.priority > MAX_PRIORITY {
            return Err(GrantError::Priority);
        }
        if facts.expires_at.is_some_and(|expires_at| expires_at <= facts.effective_at.max(at)) {
            return Err(GrantError::AlreadyExpired);
        }
        let owned = self.grants.iter().map(|grant| grant.remaining).chain([self.held, amount]);
        Credits::sum(owned).ok_or(GrantError::TooLarge)?;
        let seq = self.seq.saturating_add(1);
        let grant = Grant { seq, amount, remaining: amount, facts: facts.clone() };
        let position = self.grants.partition_point(|other| other.burn_key() < grant.burn_key());
        self.grants.insert(position, grant);
        let draft = Draft {
            issued: Some(facts),
            available: self.available(at),
            ..Draft::of(Movement::Issue, amount, seq)
        };
        Ok(self.append(at, draft))
    }

    /// Takes back what is left of a grant.
    pub fn void(&mut self, at: Timestamp, grant: u64, reason: String) -> Result<Entry, VoidError> {
        if self.remaining(grant).is_zero() {
            return Err(VoidError::NothingLeft);
        }
        Ok(self.close(at, grant, Movement::Void, Some(reason)))
    }

    fn close(&mut self, at: Timestamp, grant: u64, movement: Movement, reason: Option<String>) -> Entry {
        let amount = self.remaining(grant);
        self.grants.retain(|other| other.seq != grant);
        let draft = Draft { reason, available: self.available(at), ..Draft::of(movement, amount, grant) };
        self.append(at, draft)
    }

    /// Numbers and chains an entry.
    fn append(&mut self, at: Timestamp, draft: Draft) -> Entry {
        self.seq = self.seq.saturating_add(1);
        self.recorded_at = at;
        let mut entry = Entry {
            seq: self.seq,
            leg: draft.leg,
            movement: draft.movement,
            amount: draft.amount,
            grant: draft.grant,
            available_after: draft.available,
            held_after: self.held,
            recorded_at: at,
            event: draft.event,
            issued: draft.issued,
            reason: draft.reason,
            hash: self.head,
        };
        entry.hash = link(self.head, self.account, &entry);
        self.head = entry.hash;
        entry
    }
}

/// An entry before it is numbered.
struct Draft {
    leg: u16,
    movement: Movement,
    amount: Credits,
    grant: Option<u64>,
    available: Credits,
    event: Option<EventFacts>,
    issued: Option<GrantFacts>,
    reason: Option<String>,
}

impl Draft {
    fn of(movement: Movement, amount: Credits, grant: u64) -> Self {
        Self {
            leg: 0,
            movement,
            amount,
            grant: Some(grant),
            available: Credits::ZERO,
            event: None,
            issued: None,
            reason: None,
        }
    }
}
