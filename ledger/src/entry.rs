//! One movement of credits between exactly two places. An amount that leaves one place without reaching another can't be written.

use crate::chain::Digest;
use crate::credits::{Credits, Quantity};
use crate::grant::GrantFacts;
use crate::ids::KeyId;
use crate::time::Timestamp;

/// From where to where. The discriminant is the stored and hashed code and never changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Movement {
    /// issuer → grant
    Issue = 1,
    /// grant → usage
    Charge = 2,
    /// grant → expired
    Expire = 3,
    /// grant → void
    Void = 4,
}

impl Movement {
    pub const ALL: [Self; 4] = [Self::Issue, Self::Charge, Self::Expire, Self::Void];

    pub const fn code(self) -> u8 {
        self as u8
    }

    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|movement| movement.code() == code)
    }

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Issue => "issue",
            Self::Charge => "charge",
            Self::Expire => "expire",
            Self::Void => "void",
        }
    }
}

/// A movement as it stands in an account's books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Position in the account's books, from 1, without gaps.
    pub seq: u64,
    /// Position within its event; 0 for all that stand alone. The entry of leg 0 is the event itself.
    pub leg: u16,
    pub movement: Movement,
    pub amount: Credits,
    /// The `seq` that issued the grant moved from or to; `None` for an event that cost nothing.
    pub grant: Option<u64>,
    /// What could be spent right after this entry.
    pub available_after: Credits,
    pub held_after: Credits,
    pub recorded_at: Timestamp,
    /// On leg 0 of an event.
    pub event: Option<EventFacts>,
    /// On the entry that issues a grant.
    pub issued: Option<GrantFacts>,
    /// Why an operator voided a grant.
    pub reason: Option<String>,
    /// `SHA-256(previous hash ‖ bytes of this entry)`, see [`crate::chain`].
    pub hash: Digest,
}

/// The event, as it was reported and priced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFacts {
    pub source: String,
    pub id: String,
    pub operation: String,
    pub quantity: Quantity,
    /// The whole charge: the sum of its legs.
    pub credits: Credits,
    /// `None` when the service sent none; `recorded_at` counts then.
    pub occurred_at: Option<Timestamp>,
    pub api_key: Option<KeyId>,
    pub service_key: Option<KeyId>,
    /// The version of the rate card that priced it.
    pub price_version: u32,
    /// Digest of the dimensions, `None` without any.
    pub dimensions: Option<Digest>,
}

impl EventFacts {
    /// The instant that picks the price version and the chart bucket.
    pub fn event_time(&self, recorded_at: Timestamp) -> Timestamp {
        self.occurred_at.unwrap_or(recorded_at)
    }
}
