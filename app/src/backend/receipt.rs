//! A receipt: why an event cost what it cost, in words; and what its reader has to say about it.

use ledger::Credits;
use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
use super::{ConsoleError, Viewer};

/// Characters of a report.
pub const LONGEST_REPORT: usize = 2_000;

/// What the receipt page needs. Reports are sent with a plain form that the server answers itself
/// (`POST /receipts/{event_id}`), so that they work without scripts and keep what was typed.
#[cfg(feature = "ssr")]
#[async_trait::async_trait]
pub trait ReceiptPort: Send + Sync {
    /// The whole page of one event; [`ConsoleError::NotFound`] also for what is no id.
    async fn receipt(&self, viewer: &Viewer, event_id: &str) -> Result<ReceiptView, ConsoleError>;
}

/// Everything on the page. It never changes, but for corrections and reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptView {
    pub event_id: String,
    /// The finding, as a sentence: `3 iterations of model.build cost 150 credits`.
    pub title: String,
    /// What it was before it was corrected, as a sentence; may be empty.
    pub booked: String,
    /// What was reported, by whom and when.
    pub facts: Vec<Line>,
    /// From the quantity to the charge, step by step, as it was booked.
    pub arithmetic: Vec<Line>,
    /// What it costs after its corrections.
    pub credits: Credits,
    /// In the order in which they were burnt.
    pub grants: Vec<GrantLine>,
    /// What was held before, and what was owed: whole sentences.
    pub aside: Vec<String>,
    pub balance_before: Credits,
    pub balance_after: Credits,
    /// The oldest first.
    pub corrections: Vec<CorrectionView>,
    /// Where it stands in the account's books.
    pub chain: Vec<Line>,
    /// The oldest first.
    pub reports: Vec<ReportView>,
    /// A report that was refused, to be shown again.
    pub refused: Option<RefusedReport>,
}

/// A name and what it stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub name: String,
    pub value: String,
    /// Goes on after the value, in a lower voice; may be empty.
    pub note: String,
}

/// What one grant paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantLine {
    pub grant_id: String,
    /// `Promotion: welcome`
    pub name: String,
    /// Until when it could be spent.
    pub expiry: String,
    /// Why it was its turn: a whole sentence.
    pub why: String,
    pub credits: Credits,
}

/// A smaller quantity, and what came back for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorrectionView {
    /// The finding, as a sentence: `Corrected to 2 iterations, 50 credits came back`.
    pub title: String,
    /// Why, when, the arithmetic, and where the credits went.
    pub lines: Vec<Line>,
}

/// Something the account's people found wrong with the charge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportView {
    pub text: String,
    /// RFC 3339, UTC.
    pub at: String,
    /// In the viewer's zone, whole.
    pub at_label: String,
}

/// A report as it was typed, and why it was not taken: a whole sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedReport {
    pub text: String,
    pub problem: String,
}
