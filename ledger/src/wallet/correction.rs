//! What an event took, and how it goes back.

use super::Wallet;
use super::act::{Act, Lead};
use crate::credits::Credits;
use crate::entry::{Entry, EventFacts, Movement, Revision};
use crate::time::Timestamp;

/// Who paid for an event, in the order of its legs, less what corrections have given back: a grant by the `seq` that issued it,
/// or debt (`None`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Paid(Vec<(Option<u64>, Credits)>);

impl Paid {
    /// From the event's entries.
    pub fn of(legs: &[Entry]) -> Self {
        let used = legs.iter().filter(|leg| leg.movement.uses() && !leg.amount.is_zero());
        Self(used.map(|leg| (leg.grant.filter(|_| leg.movement != Movement::Owe), leg.amount)).collect())
    }

    /// Takes `amount` off the end: what goes back, and where, the last leg first.
    pub fn give_back(&mut self, amount: Credits) -> Vec<(Option<u64>, Credits)> {
        let mut missing = amount;
        let mut back = vec![];
        while let Some((from, paid)) = self.0.pop() {
            let part = missing.min(paid);
            if !part.is_zero() {
                back.push((from, part));
            }
            missing = missing.saturating_sub(part);
            let rest = paid.saturating_sub(part);
            if !rest.is_zero() {
                self.0.push((from, rest));
            }
            if missing.is_zero() {
                break;
            }
        }
        back
    }

    /// The grants that paid.
    pub fn grants(&self) -> impl Iterator<Item = u64> {
        self.0.iter().filter_map(|(grant, _)| *grant)
    }

    /// Whether a part of it was owed.
    pub fn was_owed(&self) -> bool {
        self.0.iter().any(|(grant, _)| grant.is_none())
    }
}

impl Wallet {
    /// Gives back what an event costs less: `event` is as it is from now on, `revises` as it was, and `paid` who paid for it
    /// until now. The wallet must know the grants that paid and, where it was owed, those that have repaid.
    pub fn correct(
        &mut self,
        at: Timestamp,
        event: EventFacts,
        revises: Revision,
        reason: String,
        paid: &mut Paid,
    ) -> Vec<Entry> {
        let back = paid.give_back(revises.credits.saturating_sub(event.credits));
        let lead =
            Lead { event: Some(event), revises: Some(revises), reason: Some(reason), ..Lead::default() };
        let mut act = Act::begin(self, at, lead);
        for (from, amount) in back {
            match from {
                Some(grant) => act.step(Movement::Correct, amount, Some(grant)),
                None => act.forgive(amount),
            }
        }
        act.at_least_one(Movement::Correct);
        act.finish_inflow()
    }
}

impl Act<'_> {
    /// Takes debt away as long as there is any; what has been repaid goes to the grants that did, the last issued first.
    fn forgive(&mut self, amount: Credits) {
        let forgiven = amount.min(self.wallet.debt);
        if !forgiven.is_zero() {
            self.step(Movement::Forgive, forgiven, None);
        }
        let mut rest = amount.saturating_sub(forgiven);
        let mut repaid: Vec<(u64, Credits)> =
            self.wallet.grants.iter().map(|grant| (grant.seq, grant.repaid)).collect();
        repaid.sort_unstable_by_key(|(seq, _)| std::cmp::Reverse(*seq));
        for (seq, repaid) in repaid {
            let part = rest.min(repaid);
            if part.is_zero() {
                continue;
            }
            rest = rest.saturating_sub(part);
            if let Some(grant) = self.wallet.grants.iter_mut().find(|grant| grant.seq == seq) {
                grant.repaid = grant.repaid.saturating_sub(part);
            }
            self.step(Movement::Correct, part, Some(seq));
        }
    }
}
