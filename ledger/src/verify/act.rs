//! One act at a time: decided again, compared, taken over.

use super::{Fault, Mismatch, Verifier};
use crate::chain::{Digest, link};
use crate::credits::Credits;
use crate::entry::{Entry, EventFacts, Movement};
use crate::grant::Grant;
use crate::wallet::{Due, SettleError, Used};

impl Verifier {
    /// Checks the act that is open; nothing to do without one.
    pub(super) fn close(&mut self) -> Result<(), Mismatch> {
        let mut legs = std::mem::take(&mut self.open);
        if let Some(first) = legs.first() {
            let seq = first.seq;
            let before = self.wallet.head;
            if let Err((place, fault)) = self.check(&legs) {
                let (place, fault) = forged(before, self.wallet.account, &legs)
                    .map_or((place, fault), |place| (place, Fault::Hash));
                let place = u64::try_from(place).unwrap_or(u64::MAX);
                return Err(self.mismatch(seq.saturating_add(place), fault));
            }
            self.take(&legs);
            legs.clear();
        }
        self.open = legs;
        Ok(())
    }

    /// The index of the first leg that is wrong, and what is.
    fn check(&mut self, legs: &[Entry]) -> Result<(), (usize, Fault)> {
        let Some(first) = legs.first() else { return Ok(()) };
        if first.recorded_at < self.wallet.recorded_at {
            return Err((0, Fault::TimeRunsBack));
        }
        self.check_turn(first).map_err(|fault| (0, fault))?;
        let decided = self.decide(legs).map_err(|fault| (0, fault))?;
        for (place, pair) in legs.iter().zip(&decided).enumerate() {
            if let Some(fault) = difference(pair.0, pair.1) {
                return Err((place, fault));
            }
        }
        match legs.len().cmp(&decided.len()) {
            std::cmp::Ordering::Equal => Ok(()),
            std::cmp::Ordering::Less => Err((legs.len(), Fault::Unfinished)),
            std::cmp::Ordering::Greater => Err((decided.len(), Fault::Leg)),
        }
    }

    /// What falls due is booked at its instant, and before anything else. Expiries may be late: books of the first format have such.
    fn check_turn(&self, first: &Entry) -> Result<(), Fault> {
        let at = first.recorded_at;
        let due = self.wallet.next_due().filter(|(due_at, _)| *due_at <= at);
        let is_now = due.as_ref().is_some_and(|(due_at, _)| at == (*due_at).max(self.wallet.recorded_at));
        let is_asked_for = first.event.as_ref().is_some_and(|event| event.service_key.is_some());
        let of = first.revises.as_ref().map_or(0, |revises| revises.of);
        match (first.movement, due) {
            (Movement::Release, Some((_, Due::Deadline(hold)))) if hold == of && is_now && !is_asked_for => {
                Ok(())
            }
            (Movement::Release, None) if is_asked_for => Ok(()),
            (Movement::Release, None) => Err(Fault::Hold),
            (Movement::Repay, Some((_, Due::Repayment(_)))) if is_now => Ok(()),
            (Movement::Repay, None) => Err(Fault::Grant),
            (Movement::Expire, _) | (_, None) => Ok(()),
            (_, Some(_)) => Err(Fault::Overdue),
        }
    }

    /// What the act must be, by what its leg 0 says.
    fn decide(&mut self, legs: &[Entry]) -> Result<Vec<Entry>, Fault> {
        let Some(first) = legs.first() else { return Ok(vec![]) };
        let at = first.recorded_at;
        let event = || first.event.clone().ok_or(Fault::Shape);
        let of = || first.revises.as_ref().map(|revision| revision.of).ok_or(Fault::Shape);
        let wallet = &mut self.wallet;
        match first.movement {
            Movement::Issue => {
                let facts = first.issued.clone().ok_or(Fault::Shape)?;
                wallet.issue(at, first.amount, facts).map_err(|_| Fault::Grant)
            }
            Movement::Charge | Movement::Owe => {
                // Whoever was refused is not in the books, so what isn't available was owed.
                wallet.charge(at, event()?, Some(Credits::MAX)).map_err(|_| Fault::Grant)
            }
            Movement::Expire => {
                let grant = first.grant.and_then(|seq| wallet.grant(seq)).ok_or(Fault::Grant)?;
                if !grant.is_expired(at) || grant.remaining.is_zero() {
                    return Err(Fault::Grant);
                }
                let seq = grant.seq;
                Ok(wallet.expire(at, seq))
            }
            Movement::Void => {
                let reason = first.reason.clone().ok_or(Fault::Shape)?;
                let grant = first.grant.ok_or(Fault::Shape)?;
                wallet.void(at, grant, reason).map_err(|_| Fault::Grant)
            }
            Movement::Hold => {
                let deadline = first.deadline.ok_or(Fault::Shape)?;
                wallet.hold(at, event()?, deadline).map_err(|_| Fault::Grant)
            }
            Movement::Settle => {
                let EventFacts { quantity, credits, service_key: by, .. } = event()?;
                wallet.settle(at, of()?, Used { quantity, credits, by }).map_err(|error| match error {
                    SettleError::NotOpen => Fault::Hold,
                    SettleError::Shortfall(_) => Fault::Grant,
                })
            }
            Movement::Release => wallet.release(at, of()?, event()?.service_key).map_err(|_| Fault::Hold),
            Movement::Repay if !wallet.debt.is_zero() && !wallet.available(at).is_zero() => {
                Ok(wallet.repay(at))
            }
            Movement::Repay => Err(Fault::Grant),
            Movement::Correct | Movement::Forgive => self.decide_correction(first, event()?),
        }
    }

    fn decide_correction(&mut self, first: &Entry, event: EventFacts) -> Result<Vec<Entry>, Fault> {
        let revises = first.revises.clone().filter(|of| of.correction.is_some()).ok_or(Fault::Shape)?;
        let reason = first.reason.clone().ok_or(Fault::Shape)?;
        let standing = self.events.correct(&event, &revises).ok_or(Fault::Correction)?;
        let needed = standing.paid.grants().filter_map(|seq| self.grants.get(&seq));
        let repaid = self.grants.values().filter(|grant| standing.paid.was_owed() && !grant.repaid.is_zero());
        for grant in needed.chain(repaid) {
            self.wallet.remember(grant.clone());
        }
        Ok(self.wallet.correct(first.recorded_at, event, revises, reason, &mut standing.paid))
    }

    /// Takes over an act that is in order.
    fn take(&mut self, legs: &[Entry]) {
        let mut is_used_up = false;
        for leg in legs {
            self.count(leg);
            let Some(seq) = leg.grant else { continue };
            let Some(grant) = self.wallet.grant(seq) else { continue };
            is_used_up |= grant.remaining.is_zero();
            if leg.movement == Movement::Issue {
                self.grants.insert(seq, grant.clone());
            } else if let Some(kept) = self.grants.get_mut(&seq) {
                let Grant { remaining, repaid, void_reason, .. } = grant;
                (kept.remaining, kept.repaid) = (*remaining, *repaid);
                if kept.void_reason.is_none() {
                    kept.void_reason.clone_from(void_reason);
                }
            }
        }
        if is_used_up {
            self.wallet.forget_used();
        }
        self.events.keep(legs);
        if let Some(last) = legs.last() {
            self.sums.entries = last.seq;
            self.sums.head = last.hash;
            (self.sums.held, self.sums.debt) = (last.held_after, last.debt_after);
        }
    }

    fn count(&mut self, leg: &Entry) {
        self.series.count(leg);
        let sums = &mut self.sums;
        let plus = |sum: Credits| sum.checked_add(leg.amount).unwrap_or(Credits::MAX);
        match leg.movement {
            Movement::Issue => sums.issued = plus(sums.issued),
            Movement::Charge | Movement::Settle | Movement::Owe => sums.spent = plus(sums.spent),
            Movement::Correct | Movement::Forgive => sums.spent = sums.spent.saturating_sub(leg.amount),
            Movement::Expire => sums.expired = plus(sums.expired),
            Movement::Void => sums.voided = plus(sums.voided),
            Movement::Hold | Movement::Release | Movement::Repay => {}
        }
    }
}

/// The index of the first leg whose hash is not that of its content after the one before.
fn forged(before: Digest, account: crate::AccountId, legs: &[Entry]) -> Option<usize> {
    let heads = std::iter::once(before).chain(legs.iter().map(|leg| leg.hash));
    legs.iter().zip(heads).position(|(leg, head)| link(head, account, leg) != leg.hash)
}

/// What an entry has that its act doesn't need, the plainest first.
fn difference(booked: &Entry, computed: &Entry) -> Option<Fault> {
    if booked == computed {
        return None;
    }
    Some(if booked.movement != computed.movement {
        Fault::Leg
    } else if booked.grant != computed.grant {
        if booked.grant.is_some() && computed.grant.is_some() { Fault::BurnOrder } else { Fault::Grant }
    } else if booked.amount != computed.amount {
        Fault::Amount { booked: booked.amount, computed: computed.amount }
    } else if booked.available_after != computed.available_after {
        Fault::Available { booked: booked.available_after, computed: computed.available_after }
    } else if booked.held_after != computed.held_after {
        Fault::Held { booked: booked.held_after, computed: computed.held_after }
    } else if booked.debt_after != computed.debt_after {
        Fault::Debt { booked: booked.debt_after, computed: computed.debt_after }
    } else if booked.recorded_at != computed.recorded_at {
        Fault::TimeRunsBack
    } else {
        Fault::Shape
    })
}
