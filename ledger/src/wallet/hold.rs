//! Credits that are reserved for work that has begun.

use super::act::{Act, Lead};
use super::{Shortfall, Wallet};
use crate::credits::{Credits, Quantity};
use crate::entry::{Entry, EventFacts, Movement, Revision};
use crate::ids::KeyId;
use crate::time::Timestamp;

/// An open hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Of its leg 0.
    pub seq: u64,
    pub recorded_at: Timestamp,
    /// When it is released by itself.
    pub deadline: Timestamp,
    /// The event that may come of it: quantity and credits are what is held for it.
    pub event: EventFacts,
    /// What it took from grants, in burn order.
    pub lots: Vec<Lot>,
}

/// A part of a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lot {
    /// By the `seq` that issued it.
    pub grant: u64,
    pub amount: Credits,
}

impl Hold {
    /// From its entries: leg 0 and those that follow. `None` when they are no hold.
    pub fn of(legs: &[Entry]) -> Option<Self> {
        let first = legs.first().filter(|first| first.movement == Movement::Hold)?;
        let lots = legs.iter().filter_map(|leg| Some(Lot { grant: leg.grant?, amount: leg.amount }));
        Some(Self {
            seq: first.seq,
            recorded_at: first.recorded_at,
            deadline: first.deadline?,
            event: first.event.clone()?,
            lots: lots.collect(),
        })
    }

    /// How many entries made it: one where it holds nothing.
    pub fn legs(&self) -> u64 {
        u64::try_from(self.lots.len()).unwrap_or(u64::MAX).max(1)
    }

    /// The event as it is once `by` has closed the hold.
    fn closed(&self, quantity: Quantity, credits: Credits, by: Option<KeyId>) -> EventFacts {
        let occurred_at = Some(self.recorded_at);
        EventFacts { quantity, credits, occurred_at, service_key: by, ..self.event.clone() }
    }

    fn revision(&self) -> Revision {
        Revision {
            of: self.seq,
            quantity: self.event.quantity,
            credits: self.event.credits,
            correction: None,
        }
    }
}

/// What came of a hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Used {
    pub quantity: Quantity,
    /// What that costs, which may be more than was held.
    pub credits: Credits,
    /// The service key that settles it.
    pub by: Option<KeyId>,
}

/// Why a hold can't be settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SettleError {
    #[error("no such open hold")]
    NotOpen,
    #[error(transparent)]
    Shortfall(#[from] Shortfall),
}

impl Wallet {
    /// Takes an event's credits out of the grants, until the hold is closed.
    pub fn hold(
        &mut self,
        at: Timestamp,
        event: EventFacts,
        deadline: Timestamp,
    ) -> Result<Vec<Entry>, Shortfall> {
        let required = event.credits;
        self.can_pay(at, required)?;
        let lead = Lead { event: Some(event), deadline: Some(deadline), ..Lead::default() };
        let mut act = Act::begin(self, at, lead);
        act.draw(Movement::Hold, required);
        let entries = act.finish_with(Movement::Hold);
        self.holds.extend(Hold::of(&entries));
        Ok(entries)
    }

    /// Makes an event of a hold.
    pub fn settle(&mut self, at: Timestamp, hold: u64, used: Used) -> Result<Vec<Entry>, SettleError> {
        let Used { quantity, credits, by } = used;
        let open = self.holds.iter().find(|open| open.seq == hold).ok_or(SettleError::NotOpen)?;
        let over = credits.saturating_sub(open.event.credits);
        self.can_pay(at, over)?;
        let open = self.take_hold(hold).ok_or(SettleError::NotOpen)?;
        let event = open.closed(quantity, credits, by);
        let lead = Lead { event: Some(event), revises: Some(open.revision()), ..Lead::default() };
        let mut act = Act::begin(self, at, lead);
        let mut due = credits;
        let mut rest = vec![];
        for Lot { grant, amount } in open.lots {
            let settled = due.min(amount);
            due = due.saturating_sub(settled);
            if !settled.is_zero() {
                act.step(Movement::Settle, settled, Some(grant));
            }
            rest.push((grant, amount.saturating_sub(settled)));
        }
        act.at_least_one(Movement::Settle);
        for (grant, amount) in rest.into_iter().filter(|(_, amount)| !amount.is_zero()) {
            act.step(Movement::Release, amount, Some(grant));
        }
        act.draw(Movement::Charge, over);
        Ok(act.finish_inflow())
    }

    /// Gives an open hold back; `by` is the service key that asks for it, `None` at the deadline. Errors: it isn't open.
    pub fn release(
        &mut self,
        at: Timestamp,
        hold: u64,
        by: Option<KeyId>,
    ) -> Result<Vec<Entry>, SettleError> {
        let open = self.take_hold(hold).ok_or(SettleError::NotOpen)?;
        let nothing = open.closed(Quantity::ZERO, Credits::ZERO, by);
        let lead = Lead { event: Some(nothing), revises: Some(open.revision()), ..Lead::default() };
        let mut act = Act::begin(self, at, lead);
        for Lot { grant, amount } in open.lots {
            act.step(Movement::Release, amount, Some(grant));
        }
        act.at_least_one(Movement::Release);
        Ok(act.finish_inflow())
    }
}
