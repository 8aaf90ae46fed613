//! What can be asked of the sequencer, and its answers.

use ledger::entry::Entry;
use ledger::event::{EventKey, FieldError, Report};
use ledger::grant::{GrantError, GrantFacts};
use ledger::spend_limit::SpendLimit;
use ledger::wallet::Shortfall;
use ledger::{Credits, EventId, GrantId, HoldId, KeyId, Quantity, Timestamp};

use crate::store::{HoldStatus, Payer};

/// One event to charge, parsed and its reporter authenticated.
#[derive(Debug, Clone)]
pub struct Submission {
    pub report: Report,
    pub payer: Payer,
    /// The service key that reports it; looked at again in the posting transaction.
    pub service_key: KeyId,
    /// Up to which debt of the account what can't be paid is owed; `None`: it is refused.
    pub debt_limit: Option<Credits>,
}

/// Credits to reserve, parsed and the service authenticated.
#[derive(Debug, Clone)]
pub struct HoldRequest {
    /// The event that may come of it; it happens when the hold is made, so it names no time.
    pub report: Report,
    pub payer: Payer,
    pub service_key: KeyId,
    /// Until it is released by itself, in microseconds.
    pub lasts: i64,
}

/// The durable outcome of a [`HoldRequest`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub hold_id: HoldId,
    pub source: String,
    pub id: String,
    pub credits: Credits,
    /// What could be spent right after.
    pub balance: Credits,
    pub seq: u64,
    pub expires_at: Timestamp,
    pub replayed: bool,
    pub price_version: u32,
}

/// A hold to close, and the key that asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    pub hold: HoldId,
    pub service_key: KeyId,
}

/// What a hold becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settlement {
    pub quantity: Quantity,
    /// Whether it may be more than is held for.
    pub allow_over: bool,
    /// What had been used in the month before the hold; only graduated prices look at it.
    pub before: Quantity,
}

/// A hold that was given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released {
    pub hold_id: HoldId,
    /// What was held.
    pub credits: Credits,
    pub balance: Credits,
    pub seq: u64,
    pub replayed: bool,
}

/// An event to make smaller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    pub event: EventKey,
    /// Its own id, unique among the corrections of the event.
    pub id: String,
    /// The whole quantity from then on.
    pub quantity: Quantity,
    pub reason: String,
    pub service_key: KeyId,
    /// What had been used in the month before the event; only graduated prices look at it.
    pub before: Quantity,
}

/// The durable outcome of a [`Correction`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Corrected {
    pub event_id: EventId,
    pub source: String,
    pub id: String,
    pub correction_id: String,
    pub quantity: Quantity,
    /// What the event costs from then on.
    pub credits: Credits,
    /// What it cost less than before.
    pub refunded: Credits,
    pub balance: Credits,
    pub seq: u64,
    pub replayed: bool,
    /// What was booked for it.
    pub entries: Vec<Entry>,
}

/// The durable outcome of a [`Submission`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charged {
    pub event_id: EventId,
    pub source: String,
    pub id: String,
    pub credits: Credits,
    /// What could be spent right after.
    pub balance: Credits,
    /// Of the event's last leg.
    pub seq: u64,
    /// Whether the same report had been charged before; this is that charge then.
    pub replayed: bool,
    pub price_version: u32,
}

/// Why an event was not charged, in order of precedence. Nothing was written for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the service key has been revoked")]
    ServiceKeyRevoked,
    /// The same name was charged with other content; the fields that differ.
    #[error("an event with this source and id exists with other content")]
    Conflict { fields: Vec<&'static str> },
    #[error("no such hold")]
    UnknownHold,
    #[error("no such event")]
    UnknownEvent,
    /// Another act has closed the hold before.
    #[error("the hold is {}", status.name())]
    HoldClosed { status: HoldStatus },
    #[error("the quantity is above the {held} that are held for")]
    AboveHold { held: Quantity },
    #[error("the quantity is not below the {quantity} that the event counts with")]
    NotBelow { quantity: Quantity },
    /// The payer's field: `user_id`, `account_id` or `api_key`.
    #[error("no such payer")]
    UnknownPayer { field: &'static str },
    #[error("a read-only key can't spend")]
    ReadOnlyKey,
    #[error("the account is suspended")]
    Suspended,
    #[error(transparent)]
    Time(FieldError),
    #[error("the rate card has no operation {operation:?}")]
    UnknownOperation { operation: String },
    #[error("the event costs more credits than can be counted")]
    TooDear,
    #[error("{0}")]
    LimitReached(Box<OverLimit>),
    /// `seq` is the account's last entry when the charge was refused.
    #[error("{shortfall}")]
    Insufficient { shortfall: Shortfall, seq: u64 },
    /// The store failed on this event alone.
    #[error("the event could not be stored")]
    Failed,
}

/// A limit that a key would go above.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitReached {
    /// The key whose limit it is: the one that pays, or one that it was made with.
    pub key: KeyId,
    pub limit: SpendLimit,
    /// In the period so far, with what is held.
    pub spent: Credits,
    /// By how much the limit is too low.
    pub missing: Credits,
    /// The period.
    pub from: Timestamp,
    pub to: Timestamp,
}

/// What was refused at a limit, and the account at that moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{required} credits are above the limit of {}", reached.key)]
pub struct OverLimit {
    pub reached: LimitReached,
    pub required: Credits,
    pub balance: Credits,
    /// Of the account's last entry.
    pub seq: u64,
}

/// Why a charge would be refused for what it costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unaffordable {
    Limit(Box<OverLimit>),
    Funds(Shortfall),
}

/// Whether an event would be charged now; nothing is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quoted {
    pub allowed: Result<(), Unaffordable>,
    pub credits: Credits,
    pub balance: Credits,
    pub seq: u64,
}

/// A lot of credits to give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewGrant {
    pub amount: Credits,
    pub facts: GrantFacts,
}

/// A grant that is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    pub grant_id: GrantId,
    pub amount: Credits,
    pub facts: GrantFacts,
    /// What can be spent right after.
    pub balance: Credits,
    pub seq: u64,
}

/// A grant whose rest was taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voided {
    pub grant_id: GrantId,
    /// What was left of it.
    pub credits: Credits,
    pub balance: Credits,
    pub seq: u64,
}

/// Why a grant was not given or voided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GrantRefusal {
    #[error("no such account")]
    UnknownAccount,
    #[error("no such grant, or nothing is left of it")]
    NothingLeft,
    /// Asked for once, and given before.
    #[error("the account has been given this grant before")]
    GivenBefore,
    #[error(transparent)]
    Grant(#[from] GrantError),
    #[error("the grant could not be stored")]
    Failed,
}

/// Why the sequencer didn't take a job at all; asking again later is safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Busy {
    #[error("the queue is full")]
    Full,
    #[error("the outcome is not known, the same request again will tell")]
    Unknown,
    #[error("the server is stopping")]
    Stopping,
}
