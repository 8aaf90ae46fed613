//! What an account may spend, and the entries that a decision leaves behind.
//!
//! A [`Wallet`] is the account's state after its last entry. Every method that changes it is one act: it returns the entries
//! to store, and when it returns an error, nothing changed.

mod act;
mod correction;
mod due;
mod hold;

use self::act::{Act, Lead};
pub use self::correction::Paid;
pub use self::hold::{Hold, Lot, SettleError};
use crate::chain::{Digest, genesis};
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
    pub debt: Credits,
    /// `recorded_at` of the last entry.
    pub recorded_at: Timestamp,
    /// Grants with something left, and those that something may come back to; in burn order.
    grants: Vec<Grant>,
    /// Open holds, the oldest first.
    holds: Vec<Hold>,
}

/// What a wallet can't pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{required} credits are needed and {balance} are available")]
pub struct Shortfall {
    pub balance: Credits,
    pub required: Credits,
    /// What would have to come in: the debt as well, since that is repaid first.
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
            debt: Credits::ZERO,
            recorded_at: Timestamp::from_micros(0),
            grants: vec![],
            holds: vec![],
        }
    }

    /// The same books with the grants that have something left, in any order.
    #[must_use]
    pub fn with_grants(mut self, mut grants: Vec<Grant>) -> Self {
        grants.sort_by_key(Grant::burn_key);
        self.grants = grants;
        self
    }

    /// The same books with the open holds, in any order; the grants must hold all that they took from.
    #[must_use]
    pub fn with_holds(mut self, mut holds: Vec<Hold>) -> Self {
        holds.sort_by_key(|hold| hold.seq);
        self.holds = holds;
        self
    }

    /// Adds a grant that something may come back to, unless it is here.
    pub fn remember(&mut self, grant: Grant) {
        if self.grant(grant.seq).is_none() {
            let position = self.grants.partition_point(|other| other.burn_key() < grant.burn_key());
            self.grants.insert(position, grant);
        }
    }

    /// Drops the grants that neither have anything left nor are held from.
    pub fn forget_used(&mut self) {
        let holds = &self.holds;
        self.grants.retain(|grant| {
            !grant.remaining.is_zero()
                || holds.iter().any(|hold| hold.lots.iter().any(|lot| lot.grant == grant.seq))
        });
    }

    /// In burn order: grants with something left, and maybe some without.
    pub fn grants(&self) -> &[Grant] {
        &self.grants
    }

    /// The grant that entry `seq` issued, if it is known here.
    pub fn grant(&self, seq: u64) -> Option<&Grant> {
        self.grants.iter().find(|grant| grant.seq == seq)
    }

    /// Open holds, the oldest first.
    pub fn holds(&self) -> &[Hold] {
        &self.holds
    }

    /// What is left of the grant that entry `seq` issued.
    pub fn remaining(&self, seq: u64) -> Credits {
        self.grant(seq).map_or(Credits::ZERO, |grant| grant.remaining)
    }

    /// What can be spent at an instant: the rest of all grants that are effective and not expired.
    pub fn available(&self, at: Timestamp) -> Credits {
        let spendable =
            self.grants.iter().filter(|grant| grant.is_spendable(at)).map(|grant| grant.remaining);
        // `issue` keeps the sum of all grants countable.
        Credits::sum(spendable).unwrap_or(Credits::MAX)
    }

    /// Whether `required` credits are there to be spent; nothing can be spent while something is owed.
    pub fn can_pay(&self, at: Timestamp, required: Credits) -> Result<(), Shortfall> {
        let balance = self.available(at);
        let needed = required.checked_add(self.debt).unwrap_or(Credits::MAX);
        match needed.checked_sub(balance).filter(|missing| !missing.is_zero() && !required.is_zero()) {
            Some(missing) => Err(Shortfall { balance, required, missing }),
            None => Ok(()),
        }
    }

    /// Takes an event's credits from the grants in burn order: one entry for each grant used, one without a grant when
    /// it costs nothing. With a limit, what isn't available is owed, as long as the account's debt stays within it.
    pub fn charge(
        &mut self,
        at: Timestamp,
        event: EventFacts,
        debt_limit: Option<Credits>,
    ) -> Result<Vec<Entry>, Shortfall> {
        let required = event.credits;
        let owed = match (self.can_pay(at, required), debt_limit) {
            (Ok(()), _) => Credits::ZERO,
            (Err(shortfall), None) => return Err(shortfall),
            (Err(shortfall), Some(limit)) => {
                let owed = required.saturating_sub(shortfall.balance);
                let debt = self.debt.checked_add(owed).filter(|debt| *debt <= limit);
                debt.map(|_| owed).ok_or(shortfall)?
            }
        };
        let mut act = Act::begin(self, at, Lead { event: Some(event), ..Lead::default() });
        act.draw(Movement::Charge, required.saturating_sub(owed));
        if !owed.is_zero() {
            act.step(Movement::Owe, owed, None);
        }
        Ok(act.finish_with(Movement::Charge))
    }

    /// Adds a lot of credits.
    pub fn issue(
        &mut self,
        at: Timestamp,
        amount: Credits,
        facts: GrantFacts,
    ) -> Result<Vec<Entry>, GrantError> {
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
        self.remember(Grant { remaining: Credits::ZERO, ..Grant::new(seq, amount, facts.clone()) });
        let mut act = Act::begin(self, at, Lead { issued: Some(facts), ..Lead::default() });
        act.step(Movement::Issue, amount, Some(seq));
        Ok(act.finish_inflow())
    }

    /// Takes back what is left of a grant.
    pub fn void(&mut self, at: Timestamp, grant: u64, reason: String) -> Result<Vec<Entry>, VoidError> {
        let amount = self.remaining(grant);
        if amount.is_zero() {
            return Err(VoidError::NothingLeft);
        }
        let mut act = Act::begin(self, at, Lead::default());
        act.void(amount, grant, reason);
        Ok(act.finish())
    }
}
