//! Entries of the ledger on the wire, written by the server (`GET /credits/entries` and `entries.ndjson`) and read by
//! the browser, which recomputes the chain from them.
//!
//! Every hashed field is here; ledger/README.md says in which order they enter the hash. Amounts are decimal numbers of
//! credits and times RFC 3339 in UTC, both to the last millionth.

use ledger::chain::Digest;
use ledger::entry::{Entry, EventFacts, Movement, Revision};
use ledger::grant::{GrantFacts, GrantKind};
use ledger::{Credits, EventId, GrantId, KeyId, Quantity, Timestamp};
use serde::{Deserialize, Serialize};

use crate::format;

/// Where all entries are streamed from, the oldest first.
pub const FILE_PATH: &str = "/credits/entries.ndjson";
/// The header of that stream that names the account, whose id is hashed with each entry.
pub const ACCOUNT_HEADER: &str = "ledger-account-id";
/// The header that names the last entry of the stream.
pub const LAST_SEQ_HEADER: &str = "ledger-last-seq";

/// One movement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(schemars::JsonSchema))]
pub struct EntryLine {
    pub seq: u64,
    pub leg: u16,
    /// As the ledger names it.
    #[cfg_attr(feature = "ssr", schemars(extend("enum" = Movement::ALL.map(Movement::name))))]
    pub movement: String,
    pub amount: Credits,
    pub grant_id: Option<GrantId>,
    /// The running balance.
    pub available_after: Credits,
    pub held_after: Credits,
    pub debt_after: Credits,
    pub recorded_at: String,
    /// On leg 0 of an event, of a hold, and of what revises them.
    pub event: Option<EventLine>,
    /// On leg 0 of a hold: when it is released by itself.
    pub deadline: Option<String>,
    /// On leg 0 of what settles or releases a hold, or corrects an event.
    pub revises: Option<RevisionLine>,
    /// On the entry that issues a grant.
    pub issued: Option<IssuedLine>,
    /// Why a grant was voided or an event corrected.
    pub reason: Option<String>,
    /// 64 hex digits.
    pub hash: String,
}

/// The event, as it was reported and priced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(schemars::JsonSchema))]
pub struct EventLine {
    /// `None` on holds and their release, which are no event.
    pub event_id: Option<EventId>,
    pub source: String,
    pub id: String,
    pub operation: String,
    pub quantity: Quantity,
    /// The whole charge, over all legs.
    pub credits: Credits,
    pub occurred_at: Option<String>,
    pub api_key_id: Option<KeyId>,
    pub service_key_id: Option<KeyId>,
    pub price_version: u32,
    /// 64 hex digits, of the names and texts that were reported with it.
    pub dimensions_hash: Option<String>,
}

/// What stood there before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(schemars::JsonSchema))]
pub struct RevisionLine {
    /// Of leg 0 of the hold or event.
    pub seq: u64,
    pub quantity: Quantity,
    pub credits: Credits,
    pub correction_id: Option<String>,
}

/// What never changes about a grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(schemars::JsonSchema))]
pub struct IssuedLine {
    #[cfg_attr(feature = "ssr", schemars(extend("enum" = GrantKind::ALL.map(GrantKind::name))))]
    pub kind: String,
    pub priority: u16,
    pub effective_at: String,
    pub expires_at: Option<String>,
    pub source: String,
    pub reason: String,
}

impl EntryLine {
    /// As the ledger has it; `None` when a field can't be one of the ledger's.
    pub fn into_entry(self) -> Option<Entry> {
        Some(Entry {
            seq: numbered(self.seq)?,
            leg: self.leg,
            movement: Movement::ALL.into_iter().find(|movement| movement.name() == self.movement)?,
            amount: self.amount,
            grant: self.grant_id.map(|id| id.seq),
            available_after: self.available_after,
            held_after: self.held_after,
            debt_after: self.debt_after,
            recorded_at: instant(&self.recorded_at)?,
            event: match self.event {
                Some(event) => Some(event.into_facts()?),
                None => None,
            },
            deadline: match self.deadline {
                Some(text) => Some(instant(&text)?),
                None => None,
            },
            revises: match self.revises {
                Some(revises) => Some(revises.into_revision()?),
                None => None,
            },
            issued: match self.issued {
                Some(issued) => Some(issued.into_facts()?),
                None => None,
            },
            reason: self.reason,
            hash: Digest::from_hex(&self.hash)?,
        })
    }
}

impl EventLine {
    fn into_facts(self) -> Option<EventFacts> {
        Some(EventFacts {
            source: self.source,
            id: self.id,
            operation: self.operation,
            quantity: self.quantity,
            credits: self.credits,
            occurred_at: match self.occurred_at {
                Some(text) => Some(instant(&text)?),
                None => None,
            },
            api_key: self.api_key_id,
            service_key: self.service_key_id,
            price_version: self.price_version,
            dimensions: match self.dimensions_hash {
                Some(text) => Some(Digest::from_hex(&text)?),
                None => None,
            },
        })
    }
}

impl RevisionLine {
    fn into_revision(self) -> Option<Revision> {
        let Self { seq, quantity, credits, correction_id: correction } = self;
        Some(Revision { of: numbered(seq)?, quantity, credits, correction })
    }
}

impl IssuedLine {
    fn into_facts(self) -> Option<GrantFacts> {
        Some(GrantFacts {
            kind: GrantKind::from_name(&self.kind)?,
            priority: self.priority,
            effective_at: instant(&self.effective_at)?,
            expires_at: match self.expires_at {
                Some(text) => Some(instant(&text)?),
                None => None,
            },
            source: self.source,
            reason: self.reason,
        })
    }
}

/// Entries are numbered from 1.
fn numbered(seq: u64) -> Option<u64> {
    (seq > 0).then_some(seq)
}

/// What is below a millionth is in no hash: whoever wrote it did not mean this entry.
fn instant(rfc3339: &str) -> Option<Timestamp> {
    let micros = format::instant_micros(rfc3339)?;
    (rfc3339.len() <= "2026-11-22T12:04:31.482000Z".len()).then(|| Timestamp::from_micros(micros))
}
