//! What an account owns and how it came to that: its grants in their burn order, and its books entry by entry.

use ledger::entry::Entry;
use ledger::grant::Grant;
use ledger::receipt::BurnReason;
use ledger::{AccountId, Credits, Timestamp};

use super::receipt::Page;
use super::{Console, Error};
use crate::store::OwnedGrant;

/// Entries that one statement of a file reads.
const FILE_STEP: u32 = 1_000;

/// What a grant is good for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantStatus {
    /// Comes into force later.
    Pending,
    /// Can be spent.
    Active,
    /// Nothing is left: all of it was spent or is held.
    Used,
    /// The rest of it ran out.
    Expired,
    /// The rest of it was taken back.
    Voided,
}

impl GrantStatus {
    pub const ALL: [Self; 5] = [Self::Pending, Self::Active, Self::Used, Self::Expired, Self::Voided];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Used => "used",
            Self::Expired => "expired",
            Self::Voided => "voided",
        }
    }

    fn of(owned: &OwnedGrant, now: Timestamp) -> Self {
        let OwnedGrant { grant, expired, voided, .. } = owned;
        match grant {
            grant if grant.remaining.is_zero() && !voided.is_zero() => Self::Voided,
            grant if grant.remaining.is_zero() && expired.is_zero() => Self::Used,
            grant if grant.remaining.is_zero() || grant.is_expired(now) => Self::Expired,
            grant if grant.is_spendable(now) => Self::Active,
            _ => Self::Pending,
        }
    }
}

/// Where an active grant stands in the burn order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BurnPlace {
    /// 1 burns next.
    pub position: usize,
    /// The first rule that puts it before the next one, and that one; `None` for the last.
    pub before: Option<(BurnReason, Grant)>,
}

/// A grant as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantState {
    pub owned: OwnedGrant,
    pub status: GrantStatus,
    /// Of active grants.
    pub burn: Option<BurnPlace>,
}

impl GrantState {
    /// What was spent of it, or has repaid what was spent before.
    pub fn used(&self) -> Credits {
        let OwnedGrant { grant, expired, voided, held, .. } = &self.owned;
        [grant.remaining, *expired, *voided, *held].into_iter().fold(grant.amount, Credits::saturating_sub)
    }
}

/// Part of the entries, the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntriesPage {
    pub entries: Vec<Entry>,
    /// Of the whole list; not said for a cursor.
    pub total: Option<u64>,
    pub has_more: bool,
}

/// Goes through an account's entries, the oldest first, up to the one that was last when it started.
#[derive(Debug)]
pub struct Reading {
    account_no: i64,
    /// Everything up to here has been read.
    after: u64,
    pub last_seq: u64,
}

/// What each grant is good for at an instant, in the order in which they are given.
pub fn states(grants: Vec<OwnedGrant>, now: Timestamp) -> Vec<GrantState> {
    let mut order: Vec<Grant> = grants
        .iter()
        .filter(|owned| GrantStatus::of(owned, now) == GrantStatus::Active)
        .map(|owned| owned.grant.clone())
        .collect();
    order.sort_by_key(Grant::burn_key);
    let state = |owned: OwnedGrant| {
        let index = order.iter().position(|grant| grant.seq == owned.grant.seq);
        let burn = index.map(|index| BurnPlace {
            position: index + 1,
            before: order.get(index + 1).map(|next| (BurnReason::between(&owned.grant, next), next.clone())),
        });
        GrantState { status: GrantStatus::of(&owned, now), burn, owned }
    };
    grants.into_iter().map(state).collect()
}

impl Console {
    /// A page of an account's grants, the newest first, and how many there are in all; those of one status, or all.
    pub async fn list_grant_states(
        &self,
        account_no: i64,
        account: AccountId,
        status: Option<GrantStatus>,
        (limit, offset): (u32, u64),
    ) -> Result<(Vec<GrantState>, u64), Error> {
        let wallet = self.wallet(account_no, account).await?;
        let now = self.clock.now().max(wallet.recorded_at);
        let mut grants = states(self.store.list_owned_grants(account_no).await?, now);
        grants.retain(|grant| status.is_none_or(|status| grant.status == status));
        let total = u64::try_from(grants.len()).unwrap_or(u64::MAX);
        let (skip, take) =
            (usize::try_from(offset).unwrap_or(usize::MAX), usize::try_from(limit).unwrap_or(usize::MAX));
        Ok((grants.into_iter().skip(skip).take(take).collect(), total))
    }

    /// A page of an account's entries, the newest first.
    pub async fn list_entries(
        &self,
        account_no: i64,
        account: AccountId,
        page: Page,
        limit: u32,
    ) -> Result<EntriesPage, Error> {
        let last = self.wallet(account_no, account).await?.seq;
        // Entries have no gaps, so a position is a `seq`.
        let (before, total) = match page {
            Page::Offset(offset) => (last.saturating_add(1).saturating_sub(offset.into()), Some(last)),
            Page::Before(seq) => (seq, None),
        };
        let entries = self.store.entries_before(account_no, before, limit).await?;
        let has_more = entries.last().is_some_and(|entry| entry.seq > 1);
        Ok(EntriesPage { entries, total, has_more })
    }

    /// A reading of all entries after entry `after`.
    pub async fn read_entries(
        &self,
        account_no: i64,
        account: AccountId,
        after: u64,
    ) -> Result<Reading, Error> {
        let last_seq = self.wallet(account_no, account).await?.seq;
        Ok(Reading { account_no, after, last_seq })
    }

    /// The next entries of a reading; none at its end. Each call is one short statement.
    pub async fn next_entries(&self, reading: &mut Reading) -> Result<Vec<Entry>, Error> {
        if reading.after >= reading.last_seq {
            return Ok(vec![]);
        }
        let mut entries = self.store.entries_after(reading.account_no, reading.after, FILE_STEP).await?;
        entries.retain(|entry| entry.seq <= reading.last_seq);
        // Without rows where there should be some, the end is here: whoever checks finds them missing.
        reading.after = entries.last().map_or(reading.last_seq, |last| last.seq);
        Ok(entries)
    }
}

#[cfg(test)]
mod tests;
