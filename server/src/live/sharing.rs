//! Listening where other servers write as well: what is published is in order of `seq`, without a gap and once, whoever
//! wrote it. A commit of ours that follows directly on what was published goes out as it is; anything else is a hint that
//! there is more in the books, which `nodes` reads and hands in.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ledger::AccountId;
use ledger::entry::Entry;
use tokio::sync::Notify;

/// Accounts that others are still to be told of, at most; past it they find out by looking.
const UNTOLD: usize = 100_000;

/// What a bus keeps besides its channels.
#[derive(Debug, Default)]
pub struct Sharing {
    /// `seq` of the last entry of accounts that others are to be told of, by number.
    untold: Mutex<HashMap<i64, u64>>,
    to_tell: Notify,
    to_read: Notify,
}

/// Where the listeners of an account are in its books.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    /// The account's number and the last entry that was published; `None`: nobody has read a balance yet.
    pub published: Option<(i64, u64)>,
    /// The last entry that is said to be in the books.
    pub known: u64,
}

/// An account whose listeners have not heard all that is in its books.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Behind {
    pub account: AccountId,
    pub account_no: i64,
    /// The last entry that they have heard.
    pub seq: u64,
    /// The last one that there is said to be.
    pub known: u64,
}

impl Place {
    /// What of these entries, in order of `seq`, is to be published now: those that follow on what was.
    pub fn advance<'e>(&mut self, entries: &'e [Entry]) -> &'e [Entry] {
        let Some(last) = entries.last() else { return &[] };
        self.known = self.known.max(last.seq);
        let Some((_, published)) = &mut self.published else { return &[] };
        let new = &entries[entries.partition_point(|entry| entry.seq <= *published)..];
        match new.first() {
            Some(first) if first.seq == *published + 1 => {
                *published = last.seq;
                new
            }
            _ => &[],
        }
    }

    pub fn behind(&self, account: AccountId) -> Option<Behind> {
        let (account_no, seq) = self.published?;
        (seq < self.known).then_some(Behind { account, account_no, seq, known: self.known })
    }

    /// Nothing was found to follow; what was said since then is still to be looked for.
    pub fn nothing_follows(&mut self, behind: Behind) {
        if let Some((_, published)) = self.published
            && self.known == behind.known
        {
            self.known = published;
        }
    }
}

impl Sharing {
    /// Others are to be told that these accounts have entries up to this `seq`.
    pub(crate) fn moved(&self, accounts: impl IntoIterator<Item = (i64, u64)>) {
        let mut untold = self.untold();
        if untold.len() > UNTOLD {
            untold.clear();
        }
        untold.extend(accounts);
        drop(untold);
        self.to_tell.notify_one();
    }

    /// What gathers until others can be told; empty when there is nothing to tell after all.
    pub async fn to_tell(&self) -> HashMap<i64, u64> {
        self.to_tell.notified().await;
        std::mem::take(&mut *self.untold())
    }

    /// Ends when there may be listeners who have not heard everything.
    pub async fn to_read(&self) {
        self.to_read.notified().await;
    }

    pub(super) fn has_more(&self) {
        self.to_read.notify_one();
    }

    fn untold(&self) -> MutexGuard<'_, HashMap<i64, u64>> {
        self.untold.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
