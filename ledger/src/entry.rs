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
    /// grant → held
    Hold = 5,
    /// held → usage
    Settle = 6,
    /// held → grant
    Release = 7,
    /// debt → usage
    Owe = 8,
    /// grant → debt
    Repay = 9,
    /// usage → grant
    Correct = 10,
    /// usage → debt
    Forgive = 11,
}

impl Movement {
    pub const ALL: [Self; 11] = [
        Self::Issue,
        Self::Charge,
        Self::Expire,
        Self::Void,
        Self::Hold,
        Self::Settle,
        Self::Release,
        Self::Owe,
        Self::Repay,
        Self::Correct,
        Self::Forgive,
    ];

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
            Self::Hold => "hold",
            Self::Settle => "settle",
            Self::Release => "release",
            Self::Owe => "owe",
            Self::Repay => "repay",
            Self::Correct => "correct",
            Self::Forgive => "forgive",
        }
    }

    /// Whether it moves credits into usage. Leg 0 of such an act is an event.
    pub const fn uses(self) -> bool {
        matches!(self, Self::Charge | Self::Settle | Self::Owe)
    }

    /// Whether it takes credits back out of usage.
    pub const fn gives_back(self) -> bool {
        matches!(self, Self::Correct | Self::Forgive)
    }
}

/// A movement as it stands in an account's books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Position in the account's books, from 1, without gaps.
    pub seq: u64,
    /// Position within its act, which is one decision; leg 0 begins it.
    pub leg: u16,
    pub movement: Movement,
    pub amount: Credits,
    /// The `seq` that issued the grant moved from or to; `None` where debt is, or where nothing moves.
    pub grant: Option<u64>,
    /// What could be spent right after this entry.
    pub available_after: Credits,
    pub held_after: Credits,
    pub debt_after: Credits,
    pub recorded_at: Timestamp,
    /// On leg 0 of an event, of a hold, and of what revises them.
    pub event: Option<EventFacts>,
    /// On leg 0 of a hold: when it is released by itself.
    pub deadline: Option<Timestamp>,
    /// On leg 0 of what settles or releases a hold, or corrects an event.
    pub revises: Option<Revision>,
    /// On the entry that issues a grant.
    pub issued: Option<GrantFacts>,
    /// Why a grant was voided, or an event corrected.
    pub reason: Option<String>,
    /// `SHA-256(previous hash ‖ bytes of this entry)`, see [`crate::chain`].
    pub hash: Digest,
}

impl Entry {
    /// The event that this entry begins, if it does.
    pub fn begun_event(&self) -> Option<&EventFacts> {
        self.event.as_ref().filter(|_| self.movement.uses())
    }
}

/// What stood in the books before an act put something else in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// The `seq` of leg 0 of the hold or event.
    pub of: u64,
    pub quantity: Quantity,
    pub credits: Credits,
    /// A correction's own id.
    pub correction: Option<String>,
}

/// An event, as it was reported and priced; of a hold, as it may become; of a correction, as it is after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFacts {
    pub source: String,
    pub id: String,
    pub operation: String,
    pub quantity: Quantity,
    /// The whole charge, over all legs.
    pub credits: Credits,
    /// `None` when the service sent none; `recorded_at` counts then. Of what revises, the time of what it revises.
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
