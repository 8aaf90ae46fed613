//! Replays an account's books from the first entry and names the first that is wrong.

use std::collections::BTreeMap;

use crate::chain::{Digest, genesis, link};
use crate::credits::Credits;
use crate::entry::{Entry, Movement};
use crate::grant::Grant;
use crate::ids::AccountId;
use crate::series::Series;
use crate::time::Timestamp;

/// The first place where the books disagree with themselves.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{account} entry {seq}: {fault}")]
pub struct Mismatch {
    pub account: AccountId,
    pub seq: u64,
    pub fault: Fault,
}

/// What is wrong with an entry, in the order in which it is looked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("expected here, found entry {found}")]
    Gap { found: u64 },
    #[error("the hash is not that of its content after the entry before")]
    Hash,
    #[error("recorded before the entry before it")]
    TimeRunsBack,
    #[error("is not the leg its event needs here")]
    Leg,
    #[error("has facts that don't belong to its movement, or lacks those that do")]
    Shape,
    #[error("moves credits from or to a grant that doesn't have or take them then")]
    Grant,
    #[error("burns a grant out of order")]
    BurnOrder,
    #[error("available_after is {booked}, the entries give {computed}")]
    Available { booked: Credits, computed: Credits },
    #[error("held_after is {booked}, the entries give {computed}")]
    Held { booked: Credits, computed: Credits },
    #[error("is missing: the legs before it sum to less than their event cost")]
    Unfinished,
    #[error("the stored wallet is not what the last entry left")]
    Head,
    #[error("the stored rest or facts of the grant issued here differ from the entries")]
    StoredGrant,
    #[error("the stored rollups differ from the events, first in the bucket of this entry or the last")]
    Rollup,
    #[error("the stored dimensions are not those that were hashed")]
    Dimensions,
    #[error(
        "the stored rollups of the dimension {dimension} differ from the events, first for {group:?} in the bucket at {start} µs"
    )]
    DimensionRollup { dimension: String, group: String, start: i64 },
}

/// Where the account's books stand by the store's own word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub seq: u64,
    pub head: Digest,
    /// All grants ever issued.
    pub grants: Vec<Grant>,
    pub series: Series,
}

/// What was found in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    pub entries: u64,
    pub head: Digest,
    pub issued: Credits,
    pub spent: Credits,
    pub expired: Credits,
    pub voided: Credits,
}

/// Takes the entries of one account in order.
#[derive(Debug)]
pub struct Verifier {
    account: AccountId,
    at: Timestamp,
    sums: Verified,
    grants: BTreeMap<u64, Grant>,
    /// What the legs to come must still move, and the number of the next.
    open: Option<(Credits, u16)>,
    series: Series,
}

impl Verifier {
    pub fn new(account: AccountId) -> Self {
        let zero = Credits::ZERO;
        let sums = Verified {
            entries: 0,
            head: genesis(account),
            issued: zero,
            spent: zero,
            expired: zero,
            voided: zero,
        };
        let at = Timestamp::from_micros(0);
        Self { account, at, sums, grants: BTreeMap::new(), open: None, series: Series::default() }
    }

    /// Checks the next entry against all before it.
    pub fn push(&mut self, entry: &Entry) -> Result<(), Mismatch> {
        let seq = self.sums.entries.saturating_add(1);
        self.check(seq, entry).map_err(|fault| Mismatch { account: self.account, seq, fault })
    }

    fn check(&mut self, seq: u64, entry: &Entry) -> Result<(), Fault> {
        if entry.seq != seq {
            return Err(Fault::Gap { found: entry.seq });
        }
        if link(self.sums.head, self.account, entry) != entry.hash {
            return Err(Fault::Hash);
        }
        if entry.recorded_at < self.at {
            return Err(Fault::TimeRunsBack);
        }
        self.at = entry.recorded_at;
        self.check_leg(entry)?;
        self.apply(entry)?;
        let computed = self.available();
        if computed != entry.available_after {
            return Err(Fault::Available { booked: entry.available_after, computed });
        }
        if !entry.held_after.is_zero() {
            return Err(Fault::Held { booked: entry.held_after, computed: Credits::ZERO });
        }
        self.series.count(entry);
        self.sums.entries = seq;
        self.sums.head = entry.hash;
        Ok(())
    }

    fn check_leg(&mut self, entry: &Entry) -> Result<(), Fault> {
        let (rest, leg) = match (&entry.event, self.open) {
            (Some(event), None) => (event.credits, 0),
            (None, Some((rest, leg))) if entry.movement == Movement::Charge => (rest, leg),
            (None, None) if entry.movement != Movement::Charge => (entry.amount, 0),
            _ => return Err(Fault::Leg),
        };
        if entry.leg != leg {
            return Err(Fault::Leg);
        }
        let rest = rest.checked_sub(entry.amount).ok_or(Fault::Leg)?;
        self.open = (!rest.is_zero()).then_some((rest, leg.saturating_add(1)));
        Ok(())
    }

    fn apply(&mut self, entry: &Entry) -> Result<(), Fault> {
        let shape = (entry.event.is_some(), entry.issued.is_some(), entry.reason.is_some());
        match entry.movement {
            Movement::Issue if matches!(shape, (false, true, false)) => self.issue(entry),
            Movement::Charge if !shape.1 && !shape.2 => self.charge(entry),
            Movement::Expire if matches!(shape, (false, false, false)) => {
                let due = |grant: &Grant| grant.is_expired(entry.recorded_at);
                self.sums.expired = self.close(entry, due, self.sums.expired)?;
                Ok(())
            }
            Movement::Void if matches!(shape, (false, false, true)) => {
                self.sums.voided = self.close(entry, |_| true, self.sums.voided)?;
                Ok(())
            }
            _ => Err(Fault::Shape),
        }
    }

    fn issue(&mut self, entry: &Entry) -> Result<(), Fault> {
        let facts = entry.issued.clone().ok_or(Fault::Shape)?;
        if entry.grant != Some(entry.seq) || entry.amount.is_zero() {
            return Err(Fault::Shape);
        }
        self.sums.issued = self.sums.issued.checked_add(entry.amount).ok_or(Fault::Grant)?;
        let grant = Grant { seq: entry.seq, amount: entry.amount, remaining: entry.amount, facts };
        self.grants.insert(entry.seq, grant);
        Ok(())
    }

    fn charge(&mut self, entry: &Entry) -> Result<(), Fault> {
        let Some(seq) = entry.grant else {
            return if entry.amount.is_zero() { Ok(()) } else { Err(Fault::Shape) };
        };
        let spendable =
            self.grants.values().filter(|grant| !grant.remaining.is_zero() && grant.is_spendable(self.at));
        let first = spendable.min_by_key(|grant| grant.burn_key()).map(|grant| grant.seq);
        let grant = self
            .grants
            .get_mut(&seq)
            .filter(|grant| grant.is_spendable(entry.recorded_at))
            .ok_or(Fault::Grant)?;
        if entry.amount.is_zero() {
            return Err(Fault::Shape);
        }
        grant.remaining = grant.remaining.checked_sub(entry.amount).ok_or(Fault::Grant)?;
        if first != Some(seq) {
            return Err(Fault::BurnOrder);
        }
        self.sums.spent = self.sums.spent.checked_add(entry.amount).ok_or(Fault::Grant)?;
        Ok(())
    }

    /// Takes the rest of a grant away, as expired or void.
    fn close(&mut self, entry: &Entry, may: impl Fn(&Grant) -> bool, sum: Credits) -> Result<Credits, Fault> {
        let grant = entry.grant.and_then(|seq| self.grants.get_mut(&seq)).ok_or(Fault::Grant)?;
        if !may(grant) || grant.remaining != entry.amount || entry.amount.is_zero() {
            return Err(Fault::Grant);
        }
        grant.remaining = Credits::ZERO;
        sum.checked_add(entry.amount).ok_or(Fault::Grant)
    }

    fn available(&self) -> Credits {
        let spendable =
            self.grants.values().filter(|grant| grant.is_spendable(self.at)).map(|grant| grant.remaining);
        Credits::sum(spendable).unwrap_or(Credits::MAX)
    }

    /// What the entries gave so far, for readers who have nothing but the entries. Fails where an event lacks legs.
    pub fn sums(&self) -> Result<Verified, Mismatch> {
        let seq = self.sums.entries.saturating_add(1);
        match self.open {
            Some(_) => Err(Mismatch { account: self.account, seq, fault: Fault::Unfinished }),
            None => Ok(self.sums),
        }
    }

    /// Compares what the entries gave with what the store says.
    pub fn finish(self, stored: &Stored) -> Result<Verified, Mismatch> {
        let mismatch = |seq: u64, fault: Fault| Mismatch { account: self.account, seq, fault };
        let last = self.sums()?.entries;
        if stored.seq != last || stored.head != self.sums.head {
            return Err(mismatch(last.max(stored.seq), Fault::Head));
        }
        let by_seq: BTreeMap<u64, &Grant> = stored.grants.iter().map(|grant| (grant.seq, grant)).collect();
        for seq in self.grants.keys().chain(by_seq.keys()) {
            if self.grants.get(seq) != by_seq.get(seq).copied() {
                return Err(mismatch(*seq, Fault::StoredGrant));
            }
        }
        if stored.series != self.series {
            return Err(mismatch(last, Fault::Rollup));
        }
        Ok(self.sums)
    }
}
