//! Why an event cost what it cost: replays its arithmetic from the entry, the price version and the grants.

use crate::chain::Digest;
use crate::credits::{Credits, Quantity};
use crate::entry::{Entry, EventFacts};
use crate::grant::{Grant, GrantFacts};
use crate::ids::{AccountId, EventId, GrantId};
use crate::rate::{Price, Quote, RateCard};
use crate::time::Timestamp;

/// The whole explanation of one charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    pub event_id: EventId,
    /// Of the last leg; with `hash` the event's place in the chain.
    pub seq: u64,
    pub hash: Digest,
    pub recorded_at: Timestamp,
    pub event: EventFacts,
    /// The price that was in force.
    pub price: Price,
    pub quote: Quote,
    pub grants: Vec<GrantUse>,
    pub balance_before: Credits,
    pub balance_after: Credits,
}

/// What one grant paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantUse {
    pub grant_id: GrantId,
    pub facts: GrantFacts,
    pub credits: Credits,
    /// Why it was burnt before the next one in this receipt; `None` for the last.
    pub before_next: Option<BurnReason>,
}

/// The first rule of the burn order that tells two grants apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BurnReason {
    LowerPriority,
    ExpiresSooner,
    KindBurnsFirst,
    Older,
}

impl BurnReason {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LowerPriority => "lower_priority",
            Self::ExpiresSooner => "expires_sooner",
            Self::KindBurnsFirst => "kind_burns_first",
            Self::Older => "older",
        }
    }

    /// Why `first` burns before `second`.
    pub fn between(first: &Grant, second: &Grant) -> Self {
        let (a, b) = (first.burn_key(), second.burn_key());
        if a.0 != b.0 {
            Self::LowerPriority
        } else if a.1 != b.1 {
            Self::ExpiresSooner
        } else if a.2 != b.2 {
            Self::KindBurnsFirst
        } else {
            Self::Older
        }
    }
}

/// Why the books don't explain a charge.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    #[error("the entries are not the legs of one event")]
    NotOneEvent,
    #[error("rate card version {0} does not price this operation")]
    NoPrice(u32),
    #[error("grant {0} is missing")]
    NoGrant(u64),
    #[error("the arithmetic gives {computed} credits and {booked} were booked")]
    Differs { computed: Credits, booked: Credits },
}

/// Explains the event whose legs, in order, are `legs`. `grants` holds at least the grants they used. `before` is the sum of
/// the quantities of all events of the same account, operation and calendar month (UTC, of event time) that were booked
/// before this one; only graduated prices look at it.
pub fn explain(
    account: AccountId,
    legs: &[Entry],
    card: &RateCard,
    grants: &[Grant],
    before: Quantity,
) -> Result<Receipt, ReceiptError> {
    let (Some(first), Some(last)) = (legs.first(), legs.last()) else {
        return Err(ReceiptError::NotOneEvent);
    };
    let event = first.event.clone().ok_or(ReceiptError::NotOneEvent)?;
    let price = card.price(&event.operation).ok_or(ReceiptError::NoPrice(card.version))?.clone();
    let booked = Credits::sum(legs.iter().map(|leg| leg.amount)).ok_or(ReceiptError::NotOneEvent)?;
    let quote = price.quote_after(before, event.quantity).map_err(|_| ReceiptError::NoPrice(card.version))?;
    if quote.credits != booked || event.credits != booked {
        return Err(ReceiptError::Differs { computed: quote.credits, booked });
    }
    Ok(Receipt {
        event_id: EventId { account, seq: first.seq },
        seq: last.seq,
        hash: last.hash,
        recorded_at: first.recorded_at,
        grants: grant_uses(account, legs, grants)?,
        balance_before: first.available_after.checked_add(first.amount).ok_or(ReceiptError::NotOneEvent)?,
        balance_after: last.available_after,
        event,
        price,
        quote,
    })
}

fn grant_uses(account: AccountId, legs: &[Entry], grants: &[Grant]) -> Result<Vec<GrantUse>, ReceiptError> {
    let find = |seq: u64| grants.iter().find(|grant| grant.seq == seq).ok_or(ReceiptError::NoGrant(seq));
    let paid: Vec<(&Grant, Credits)> = legs
        .iter()
        .filter_map(|leg| leg.grant.map(|seq| find(seq).map(|grant| (grant, leg.amount))))
        .collect::<Result<_, _>>()?;
    let next = paid.iter().skip(1).map(|(grant, _)| Some(*grant)).chain([None]);
    Ok(paid
        .iter()
        .zip(next)
        .map(|((grant, credits), next)| GrantUse {
            grant_id: GrantId { account, seq: grant.seq },
            facts: grant.facts.clone(),
            credits: *credits,
            before_next: next.map(|next| BurnReason::between(grant, next)),
        })
        .collect())
}
