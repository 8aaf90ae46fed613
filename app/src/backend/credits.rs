//! The credits page: what does the account own, what burns next and why, and how did it come to that?
//!
//! As with the usage explorer, what is asked for is the address's query as it is.

use ledger::{Credits, EventId, GrantId};
use serde::{Deserialize, Serialize};

use super::live::EntryMessage;
#[cfg(feature = "ssr")]
use super::{ConsoleError, Viewer};

/// Where the page is.
pub const CREDITS_PATH: &str = "/credits";
/// Entries on one page of the books.
pub const ENTRIES: usize = 25;

/// What the credits page needs.
#[cfg(feature = "ssr")]
#[async_trait::async_trait]
pub trait CreditsPort: Send + Sync {
    /// The page for the query of its address; what can't be used of it is left out.
    async fn credits(&self, viewer: &Viewer, search: &str) -> Result<CreditsView, ConsoleError>;
}

/// Everything on the page, as of entry `seq`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreditsView {
    /// The account's last entry; live messages up to here are already in this view.
    pub seq: u64,
    /// The server's clock, milliseconds since 1970.
    pub now_ms: i64,
    /// From when on the clock alone makes it old: a new day, a grant that comes into force or runs out, a hold whose deadline
    /// is reached.
    pub until_ms: i64,
    /// The query it answers.
    pub search: String,
    pub time_zone: String,
    /// What is owed; nothing can be spent until it is repaid.
    pub debt: Credits,
    /// What is held and neither settled nor released, the oldest first.
    pub holds: Vec<HoldRow>,
    /// What can be spent in burn order, then what comes into force later, then what is gone, the newest first.
    pub grants: Vec<GrantRow>,
    /// Older grants that are not shown.
    pub hidden_grants: u64,
    /// What the axis of the timeline says at its start and after each quarter of its length.
    pub axis: Vec<String>,
    /// Newest first, at most [`ENTRIES`].
    pub entries: Vec<EntryRow>,
    /// The list starts with the newest, so it goes on at the top.
    pub is_newest: bool,
    /// Older entries are found before this seq, if there are any.
    pub before: Option<u64>,
    /// An entry and its hash as the server keeps them beside the books; a verification must come past it.
    pub head_seq: u64,
    pub head: String,
}

/// Credits that are held for work under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldRow {
    pub hold_id: String,
    pub operation: String,
    /// `3 iterations`
    pub quantity: String,
    /// Who holds it, and under which name: `builder · job-42`.
    pub name: String,
    pub credits: Credits,
    /// Since when, and when it is released by itself; in the viewer's zone, as rows of events have them.
    pub since_label: String,
    pub since_exact: String,
    pub until_label: String,
    pub until_exact: String,
}

/// A grant and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantRow {
    pub grant_id: GrantId,
    /// `free`, `plan`, `purchase`, `promo` or `adjustment`.
    pub kind: String,
    /// `Promotion: welcome`
    pub name: String,
    /// `active`, `pending`, `used`, `expired` or `voided`.
    pub status: String,
    pub amount: Credits,
    pub remaining: Credits,
    /// What open holds have of it.
    pub held: Credits,
    pub priority: u16,
    /// When it runs out: `8 Dec 2026`; empty: never.
    pub expires: String,
    /// What its place is and why, or what became of it: a whole sentence.
    pub why: String,
    /// Where its bar begins and ends on the timeline, in thousandths of its length; 1 000 is open.
    pub from: u16,
    pub to: u16,
}

/// One line of the books.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryRow {
    pub entry: EntryMessage,
    /// What it was, in a few words.
    pub what: String,
    /// The event that it belongs to or corrects.
    pub event_id: Option<EventId>,
    /// The name of the grant that it moves from or to; may be empty.
    pub grant: String,
    /// In the viewer's zone, as rows of events have them.
    pub at_label: String,
    pub exact_label: String,
}

impl GrantRow {
    /// Whether something is left of it, now or later.
    pub fn is_open(&self) -> bool {
        self.status == "active" || self.status == "pending"
    }

    /// Whether nothing will ever be left of it.
    pub fn is_gone(&self) -> bool {
        !self.is_open() && self.held.is_zero()
    }
}
