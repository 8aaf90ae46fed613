//! The usage explorer: where did the credits go?
//!
//! What is asked for is the address's query, as it is: the server reads it, and says with the answer what every control
//! of the page shows and where every link leads. So a link, a form without scripts and a form with them mean the same.

use serde::{Deserialize, Serialize};

use super::overview::{ActivityRow, ChartView, LabelsView};
#[cfg(feature = "ssr")]
use super::{ConsoleError, Viewer};

/// Where the page is.
pub const USAGE_PATH: &str = "/usage";
/// Events on one page of the list.
pub const EVENTS: usize = 25;

/// What the usage page needs.
#[cfg(feature = "ssr")]
#[async_trait::async_trait]
pub trait UsagePort: Send + Sync {
    /// The page for the query of its address. What can't be used of it is left out; [`UsageForm::problem`] says so.
    async fn usage(&self, viewer: &Viewer, search: &str) -> Result<UsageView, ConsoleError>;
}

/// Everything on the page, as of entry `seq`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageView {
    /// The account's last entry; live messages up to here are already in this view.
    pub seq: u64,
    /// The server's clock, milliseconds since 1970. The browser's clock may be wrong.
    pub now_ms: i64,
    /// The query it answers.
    pub search: String,
    pub form: UsageForm,
    pub chart: ChartView,
    /// It ends with now, so the clock makes it old.
    pub is_open: bool,
    /// The one operation that it is about.
    pub operation: Option<String>,
    /// The id of the one key that it is about; empty for what was reported without a key.
    pub api_key: Option<String>,
    /// Newest first, at most [`EVENTS`].
    pub events: Vec<ActivityRow>,
    /// How many events there are in all.
    pub count: u64,
    /// The list starts with the newest, so it goes on at the top.
    pub is_newest: bool,
    /// This page without a place in the list; a place follows as `before=SEQ`.
    pub here: String,
    /// Older events are found before this seq, if there may be any.
    pub before: Option<u64>,
    /// The same events as a file.
    pub csv: String,
    pub labels: LabelsView,
}

/// What the controls show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageForm {
    /// The ready ranges; their values are addresses.
    pub ranges: Vec<Choice>,
    pub granularities: Vec<Choice>,
    pub groups: Vec<Choice>,
    pub operations: Vec<Choice>,
    pub keys: Vec<Choice>,
    /// What the filters carry along, by name.
    pub span: Vec<Choice>,
    /// The first and the last day, as typed or as shown: `2026-11-16`.
    pub from: String,
    pub to: String,
    /// Why they can't be shown: a whole sentence.
    pub problem: Option<String>,
}

/// One of several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    pub value: String,
    pub name: String,
    pub is_chosen: bool,
}

/// What is sent for "all": nothing, and for a choice of several the value of the chosen one.
pub fn chosen(choices: &[Choice]) -> &str {
    choices.iter().find(|choice| choice.is_chosen).map_or("", |choice| choice.value.as_str())
}
