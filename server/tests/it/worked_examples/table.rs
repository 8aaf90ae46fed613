//! The examples as they are written; `end2end/examples/README.md` says what each word means.

use std::collections::BTreeMap;
use std::path::Path;

use ledger::rate::Price;
use serde::Deserialize;
use serde::de::DeserializeOwned;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    pub what: String,
    pub by_hand: Vec<String>,
    /// Why it can't be played in real time.
    #[serde(rename = "not_in_browser")]
    _not_in_browser: Option<String>,
    pub steps: Vec<Step>,
    /// By the name of the grant, in credits; the same for what expired and what was voided, where anything did.
    pub left: BTreeMap<String, String>,
    #[serde(default)]
    pub expired: BTreeMap<String, String>,
    #[serde(default)]
    pub voided: BTreeMap<String, String>,
    /// `issue 100 a`: movement, credits and grant of each entry.
    pub books: Option<Vec<String>>,
}

/// Somebody's act: one of `grant`, `charge`, `hold`, `settle`, `release`, `correct`, `void` or `pass_s` says which.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Step {
    pub grant: Option<String>,
    pub credits: Option<String>,
    pub kind: Option<String>,
    pub priority: Option<u16>,
    pub from_s: Option<i64>,
    pub until_s: Option<i64>,

    pub charge: Option<String>,
    pub of: Option<String>,
    pub quantity: Option<String>,
    pub owe: bool,
    pub ahead_s: Option<i64>,
    pub from_month_us: Option<i64>,

    pub hold: Option<String>,
    pub lasts_s: Option<i64>,
    pub settle: Option<String>,
    pub over: bool,
    pub release: Option<String>,
    pub correct: Option<String>,
    pub back: Option<String>,
    pub void: Option<String>,
    pub pass_s: Option<i64>,

    pub costs: Option<String>,
    pub missing: Option<String>,
    pub price: Option<String>,
    pub paid: Option<String>,
    /// Available, held and owed, in credits.
    pub stands: [String; 3],
}

impl Step {
    pub fn quantity(&self) -> &str {
        self.quantity.as_deref().expect("a quantity")
    }

    /// The event that it makes.
    pub fn makes(&self) -> Option<&str> {
        let name = self.charge.as_deref().or(self.settle.as_deref());
        name.filter(|_| self.missing.is_none())
    }
}

pub fn examples(file: &str) -> Vec<Example> {
    read(file)
}

pub fn prices() -> Vec<Price> {
    read("rate-card")
}

fn read<T: DeserializeOwned>(file: &str) -> T {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../end2end/examples");
    let text = std::fs::read_to_string(folder.join(format!("{file}.json"))).expect("a file of examples");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{file}.json: {error}"))
}
