//! The messages of `GET /usage/stream?after=SEQ`, written by the server and read by the browser.
//!
//! For every commit of an account: `entry`* then `usage`* then one `balance`. Only `balance` and `reset` carry an SSE
//! `id` (= their seq), so a cut never loses half a commit. `reset` comes instead of a gap that is too long to replay.
//! `alert` says how the account stands; what is active is said again to everybody who connects.

use ledger::{Credits, EventId, GrantId, KeyId, Quantity};
use serde::{Deserialize, Serialize};

/// Where the stream is served.
pub const STREAM_PATH: &str = "/usage/stream";

/// SSE event names.
pub mod name {
    pub const ENTRY: &str = "entry";
    pub const USAGE: &str = "usage";
    pub const BALANCE: &str = "balance";
    pub const RESET: &str = "reset";
    pub const ALERT: &str = "alert";
}

/// `entry`: one movement of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(schemars::JsonSchema))]
pub struct EntryMessage {
    pub seq: u64,
    /// `charge`, `issue`, `expire`, `void`, … as the ledger names it.
    pub movement: String,
    /// 0 for the first entry of an event or grant, then 1, 2, …
    pub leg: u32,
    pub amount: Credits,
    pub grant_id: Option<GrantId>,
    /// On leg 0 of a reported event.
    pub event: Option<EventFacts>,
    pub available_after: Credits,
    pub held_after: Credits,
    /// RFC 3339, UTC.
    pub recorded_at: String,
}

/// What a service reported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(schemars::JsonSchema))]
pub struct EventFacts {
    pub event_id: EventId,
    pub source: String,
    pub id: String,
    pub operation: String,
    pub quantity: Quantity,
    /// The whole charge, over all legs.
    pub credits: Credits,
    /// RFC 3339, UTC; absent when the service sent none.
    pub occurred_at: Option<String>,
    pub api_key_id: Option<KeyId>,
}

/// `usage`: what a commit added to one 15-minute bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(schemars::JsonSchema))]
pub struct UsageMessage {
    /// The bucket's start: RFC 3339, UTC.
    pub start: String,
    pub operation: String,
    pub api_key_id: Option<KeyId>,
    pub credits: Credits,
    pub quantity: Quantity,
    pub count: u32,
}

/// `balance`, and the snapshot in `reset`: the wallet after entry `seq`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(schemars::JsonSchema))]
pub struct BalanceMessage {
    pub seq: u64,
    pub balance: Credits,
    /// The same number as `balance`, by the name `/auth/user` gives it.
    pub credits: Credits,
    /// The same number as `balance`, by the name the ledger gives it.
    pub available: Credits,
    pub held: Credits,
    pub debt: Credits,
    /// RFC 3339, UTC.
    pub recorded_at: String,
}

/// Names of alerts.
pub mod alert {
    /// The account is suspended: nothing is charged and nothing can be changed.
    pub const SUSPENDED: &str = "account_suspended";
    /// Nobody has shown that the user's e-mail is theirs.
    pub const UNVERIFIED: &str = "email_unverified";
}

/// `alert`: something about the account that is no entry has begun or is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(schemars::JsonSchema))]
pub struct AlertMessage {
    /// One of [`alert`]; readers pass over those they don't know.
    pub alert: String,
    pub active: bool,
}
