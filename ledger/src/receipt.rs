//! Why an event cost what it cost: replays its arithmetic from the entry, the price version and the grants.

use crate::chain::Digest;
use crate::credits::{Credits, Quantity};
use crate::entry::{Entry, EventFacts, Movement};
use crate::grant::{Grant, GrantFacts};
use crate::ids::{AccountId, EventId, GrantId, HoldId};
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
    /// As it was booked; see `corrections` for what became of it.
    pub event: EventFacts,
    /// The price that was in force.
    pub price: Price,
    pub quote: Quote,
    /// The hold that it was settled from.
    pub hold: Option<HeldBefore>,
    pub grants: Vec<GrantUse>,
    /// What couldn't be paid then.
    pub owed: Credits,
    pub balance_before: Credits,
    pub balance_after: Credits,
    /// In the order in which they were booked.
    pub corrections: Vec<Corrected>,
}

impl Receipt {
    /// What the event costs after its corrections.
    pub fn credits(&self) -> Credits {
        self.corrections.last().map_or(self.event.credits, |last| last.credits)
    }

    /// What counts as used after its corrections.
    pub fn quantity(&self) -> Quantity {
        self.corrections.last().map_or(self.event.quantity, |last| last.quantity)
    }
}

/// What was held for an event before it was settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldBefore {
    pub hold_id: HoldId,
    pub quantity: Quantity,
    pub credits: Credits,
}

/// A correction of the event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Corrected {
    pub id: String,
    pub reason: String,
    pub recorded_at: Timestamp,
    /// Of the first entry.
    pub seq: u64,
    /// What the event counts with and costs from then on.
    pub quantity: Quantity,
    pub credits: Credits,
    /// The price of that quantity; the event costs no more than before, even where this says so.
    pub quote: Quote,
    /// What went back, in order.
    pub back: Vec<GivenBack>,
}

/// Where a part of a correction went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GivenBack {
    /// `None`: it is no longer owed.
    pub grant_id: Option<GrantId>,
    pub credits: Credits,
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

/// What a receipt is made from.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'s> {
    /// The event's entries, in order.
    pub legs: &'s [Entry],
    /// The entries of its corrections, in order.
    pub corrections: &'s [Entry],
    /// The version of the rate card that priced it.
    pub card: &'s RateCard,
    /// At least the grants that they used.
    pub grants: &'s [Grant],
    /// What had been used in the month before it, see ledger/README.md; only graduated prices look at it.
    pub before: Quantity,
}

/// Explains an event of an account.
pub fn explain(account: AccountId, sources: Sources<'_>) -> Result<Receipt, ReceiptError> {
    let Sources { legs, card, grants, before, .. } = sources;
    let (Some(first), Some(last)) = (legs.first(), legs.last()) else {
        return Err(ReceiptError::NotOneEvent);
    };
    let event = first.begun_event().cloned().ok_or(ReceiptError::NotOneEvent)?;
    let price = card.price(&event.operation).ok_or(ReceiptError::NoPrice(card.version))?.clone();
    let sum = |wanted: fn(Movement) -> bool| {
        let amounts = legs.iter().filter(|leg| wanted(leg.movement)).map(|leg| leg.amount);
        Credits::sum(amounts).ok_or(ReceiptError::NotOneEvent)
    };
    let booked = sum(Movement::uses)?;
    let quote = price.quote_after(before, event.quantity).map_err(|_| ReceiptError::NoPrice(card.version))?;
    if quote.credits != booked || event.credits != booked {
        return Err(ReceiptError::Differs { computed: quote.credits, booked });
    }
    let taken = if first.movement == Movement::Charge { first.amount } else { Credits::ZERO };
    let hold = first.revises.as_ref().map(|before| HeldBefore {
        hold_id: HoldId { account, seq: before.of },
        quantity: before.quantity,
        credits: before.credits,
    });
    Ok(Receipt {
        event_id: EventId { account, seq: first.seq },
        seq: last.seq,
        hash: last.hash,
        recorded_at: first.recorded_at,
        hold,
        grants: grant_uses(account, legs, grants)?,
        owed: sum(|movement| movement == Movement::Owe)?,
        balance_before: first.available_after.checked_add(taken).ok_or(ReceiptError::NotOneEvent)?,
        balance_after: last.available_after,
        corrections: corrections(account, &price, sources)?,
        event,
        price,
        quote,
    })
}

fn corrections(
    account: AccountId,
    price: &Price,
    sources: Sources<'_>,
) -> Result<Vec<Corrected>, ReceiptError> {
    let mut corrections: Vec<Corrected> = vec![];
    for entry in sources.corrections.iter().filter(|entry| entry.movement.gives_back()) {
        if let (Some(event), Some(revises)) = (&entry.event, &entry.revises) {
            let quote = price
                .quote_after(sources.before, event.quantity)
                .map_err(|_| ReceiptError::NoPrice(event.price_version))?;
            if quote.credits.min(revises.credits) != event.credits {
                return Err(ReceiptError::Differs { computed: quote.credits, booked: event.credits });
            }
            corrections.push(Corrected {
                id: revises.correction.clone().unwrap_or_default(),
                reason: entry.reason.clone().unwrap_or_default(),
                recorded_at: entry.recorded_at,
                seq: entry.seq,
                quantity: event.quantity,
                credits: event.credits,
                quote,
                back: vec![],
            });
        }
        let correction = corrections.last_mut().ok_or(ReceiptError::NotOneEvent)?;
        if !entry.amount.is_zero() {
            let grant_id = entry.grant.map(|seq| GrantId { account, seq });
            correction.back.push(GivenBack { grant_id, credits: entry.amount });
        }
    }
    Ok(corrections)
}

fn grant_uses(account: AccountId, legs: &[Entry], grants: &[Grant]) -> Result<Vec<GrantUse>, ReceiptError> {
    let find = |seq: u64| grants.iter().find(|grant| grant.seq == seq).ok_or(ReceiptError::NoGrant(seq));
    let paid: Vec<(&Grant, Credits)> = legs
        .iter()
        .filter(|leg| leg.movement.uses())
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
