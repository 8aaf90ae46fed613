//! What happens by itself as time goes on.

use super::act::{Act, Lead};
use super::{Hold, Wallet};
use crate::entry::{Entry, Movement};
use crate::time::Timestamp;

/// In the order in which things that fall due at the same instant are booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    /// A hold by the `seq` of its leg 0.
    Deadline(u64),
    /// A grant.
    Expiry(u64),
    /// A grant that comes into force while something is owed.
    Repayment(u64),
}

impl Wallet {
    /// Opens the books at `now`: the instant to record with (never before the last entry's), and the entries of what has
    /// fallen due, each recorded at the instant at which it did. Comes before every read and every change.
    pub fn advance(&mut self, now: Timestamp) -> (Timestamp, Vec<Entry>) {
        let until = now.max(self.recorded_at);
        let mut entries = vec![];
        while let Some((due_at, due)) = self.next_due().filter(|(due_at, _)| *due_at <= until) {
            let at = due_at.max(self.recorded_at);
            entries.extend(match due {
                Due::Deadline(hold) => self.release(at, hold, None).unwrap_or_default(),
                Due::Expiry(grant) => self.expire(at, grant),
                Due::Repayment(_) => self.repay(at),
            });
        }
        (now.max(self.recorded_at), entries)
    }

    /// The instant from which [`Wallet::advance`] has something to book.
    pub fn next_due_at(&self) -> Option<Timestamp> {
        self.next_due().map(|(at, _)| at)
    }

    fn next_due(&self) -> Option<(Timestamp, Due)> {
        let deadlines = self.holds.iter().map(|hold| (hold.deadline, Due::Deadline(hold.seq)));
        let left = || self.grants.iter().filter(|grant| !grant.remaining.is_zero());
        let expiries = left().filter_map(|grant| Some((grant.facts.expires_at?, Due::Expiry(grant.seq))));
        let repayments = left()
            .filter(|grant| {
                !self.debt.is_zero() && grant.is_spendable(grant.facts.effective_at.max(self.recorded_at))
            })
            .map(|grant| (grant.facts.effective_at, Due::Repayment(grant.seq)));
        deadlines.chain(expiries).chain(repayments).min()
    }

    /// Books the rest of a grant as expired, which it is.
    pub(crate) fn expire(&mut self, at: Timestamp, grant: u64) -> Vec<Entry> {
        let amount = self.remaining(grant);
        let mut act = Act::begin(self, at, Lead::default());
        act.step(Movement::Expire, amount, Some(grant));
        act.finish()
    }

    /// Repays what is owed from the grants that have come into force.
    pub(crate) fn repay(&mut self, at: Timestamp) -> Vec<Entry> {
        let mut act = Act::begin(self, at, Lead::default());
        act.repay();
        act.finish()
    }

    /// Takes an open hold out of the wallet.
    pub(super) fn take_hold(&mut self, seq: u64) -> Option<Hold> {
        let index = self.holds.iter().position(|hold| hold.seq == seq)?;
        Some(self.holds.remove(index))
    }
}
