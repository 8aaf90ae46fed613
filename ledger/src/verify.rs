//! Replays an account's books from the first entry and names the first that is wrong.
//!
//! Each act is decided again from what its leg 0 says, by the code that decides acts ([`Wallet`]), and must come out as it
//! stands in the books, entry by entry, hash by hash. The books of an account that were written by other rules fail here.

mod act;
mod events;

use std::collections::{BTreeMap, BTreeSet};

pub use self::events::Watch;
use self::events::Watched;
use crate::chain::{Digest, genesis};
use crate::credits::Credits;
use crate::entry::Entry;
use crate::grant::Grant;
use crate::ids::AccountId;
use crate::series::Series;
use crate::time::Timestamp;
use crate::wallet::Wallet;

/// The first place where the books disagree with themselves.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{account} entry {seq}: {fault}")]
pub struct Mismatch {
    pub account: AccountId,
    pub seq: u64,
    pub fault: Fault,
}

/// What is wrong with an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("expected here, found entry {found}")]
    Gap { found: u64 },
    #[error("the hash is not that of its content after the entry before")]
    Hash,
    #[error("recorded before the entry before it")]
    TimeRunsBack,
    #[error("something had fallen due before and is not in the books")]
    Overdue,
    #[error("is not the leg its act needs here")]
    Leg,
    #[error("has facts that don't belong to its movement, or lacks those that do")]
    Shape,
    #[error("moves credits from or to a grant that doesn't have or take them then")]
    Grant,
    #[error("closes a hold that isn't open, or opens one that can't be")]
    Hold,
    #[error("doesn't correct its event as it stands")]
    Correction,
    #[error("burns a grant out of order")]
    BurnOrder,
    #[error("moves {booked}, its act needs {computed} here")]
    Amount { booked: Credits, computed: Credits },
    #[error("available_after is {booked}, the entries give {computed}")]
    Available { booked: Credits, computed: Credits },
    #[error("held_after is {booked}, the entries give {computed}")]
    Held { booked: Credits, computed: Credits },
    #[error("debt_after is {booked}, the entries give {computed}")]
    Debt { booked: Credits, computed: Credits },
    #[error("is missing: its act has more legs than are here")]
    Unfinished,
    #[error("the stored wallet is not what the last entry left")]
    Head,
    #[error("the stored rest or facts of the grant issued here differ from the entries")]
    StoredGrant,
    #[error("the stored open holds differ from the entries, first in the one made here")]
    StoredHold,
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
    pub held: Credits,
    pub debt: Credits,
    pub recorded_at: Timestamp,
    /// All grants ever issued.
    pub grants: Vec<Grant>,
    /// Deadlines of the open holds, by the `seq` of their leg 0.
    pub holds: BTreeMap<u64, Timestamp>,
    pub series: Series,
}

/// What was found in order. Issued and debt together are what is left, held, spent, expired and voided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    pub entries: u64,
    pub head: Digest,
    pub issued: Credits,
    /// What went into usage, less what came back.
    pub spent: Credits,
    pub expired: Credits,
    pub voided: Credits,
    pub held: Credits,
    pub debt: Credits,
}

/// Takes the entries of one account in order.
#[derive(Debug)]
pub struct Verifier {
    wallet: Wallet,
    sums: Verified,
    /// All grants; those that the wallet has forgotten may yet be given back to.
    grants: BTreeMap<u64, Grant>,
    events: Watched,
    /// The legs so far of the act that has begun.
    open: Vec<Entry>,
    /// `seq` of the last entry taken.
    last: u64,
    series: Series,
}

impl Verifier {
    pub fn new(account: AccountId, watch: Watch) -> Self {
        let zero = Credits::ZERO;
        let sums = Verified {
            entries: 0,
            head: genesis(account),
            issued: zero,
            spent: zero,
            expired: zero,
            voided: zero,
            held: zero,
            debt: zero,
        };
        Self {
            wallet: Wallet::new(account),
            sums,
            grants: BTreeMap::new(),
            events: Watched::new(watch),
            open: vec![],
            last: 0,
            series: Series::default(),
        }
    }

    /// Checks the next entry against all before it. What only shows with the legs after it is said when they are there.
    pub fn push(&mut self, entry: Entry) -> Result<(), Mismatch> {
        let seq = self.last.saturating_add(1);
        if entry.seq != seq {
            self.close()?;
            return Err(self.mismatch(seq, Fault::Gap { found: entry.seq }));
        }
        if entry.leg == 0 {
            self.close()?;
        } else if usize::from(entry.leg) != self.open.len() || self.open.is_empty() {
            let is_forged = self.is_forged(&entry);
            if !is_forged {
                self.close()?;
            }
            return Err(self.mismatch(seq, if is_forged { Fault::Hash } else { Fault::Leg }));
        }
        self.open.push(entry);
        self.last = seq;
        Ok(())
    }

    /// What the entries gave so far, for readers who have nothing but the entries. Fails where the last act lacks legs.
    pub fn sums(&mut self) -> Result<Verified, Mismatch> {
        self.close()?;
        Ok(self.sums)
    }

    /// Compares what the entries gave with what the store says.
    pub fn finish(mut self, stored: &Stored) -> Result<Verified, Mismatch> {
        let last = self.sums()?.entries;
        let wallet = &self.wallet;
        let is_same =
            (stored.held, stored.debt, stored.recorded_at) == (wallet.held, wallet.debt, wallet.recorded_at);
        if stored.seq != last || stored.head != self.sums.head || !is_same {
            return Err(self.mismatch(last.max(stored.seq), Fault::Head));
        }
        let by_seq: BTreeMap<u64, &Grant> = stored.grants.iter().map(|grant| (grant.seq, grant)).collect();
        let seqs: BTreeSet<u64> = self.grants.keys().chain(by_seq.keys()).copied().collect();
        for seq in seqs {
            if self.grants.get(&seq) != by_seq.get(&seq).copied() {
                return Err(self.mismatch(seq, Fault::StoredGrant));
            }
        }
        let open: BTreeMap<u64, Timestamp> =
            wallet.holds().iter().map(|hold| (hold.seq, hold.deadline)).collect();
        let seqs: BTreeSet<u64> = open.keys().chain(stored.holds.keys()).copied().collect();
        if let Some(seq) = seqs.into_iter().find(|seq| open.get(seq) != stored.holds.get(seq)) {
            return Err(self.mismatch(seq, Fault::StoredHold));
        }
        if stored.series != self.series {
            return Err(self.mismatch(last, Fault::Rollup));
        }
        Ok(self.sums)
    }

    fn mismatch(&self, seq: u64, fault: Fault) -> Mismatch {
        Mismatch { account: self.wallet.account, seq, fault }
    }
}
