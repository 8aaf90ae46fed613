//! Everything that can be asked for.

use super::prices::Card;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    pub source: &'static str,
    pub id: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payer {
    User(usize),
    Account(usize),
    /// Place in [`Model::keys`].
    Key(usize),
    Nobody,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub name: Name,
    pub payer: Payer,
    pub operation: &'static str,
    pub quantity: i64,
    pub occurred_at: Option<i64>,
    /// The value of the one dimension there is.
    pub dimensions: Option<&'static str>,
    /// `on_insufficient: "debt"`
    pub may_owe: bool,
}

/// A grant to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lot {
    pub amount: i64,
    pub kind: usize,
    pub priority: u16,
    pub effective_at: Option<i64>,
    pub expires_at: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    Report { service: usize, report: Report },
    Reports { service: usize, reports: Vec<Report> },
    Check { payer: Payer, operation: &'static str, quantity: i64 },
    Hold { service: usize, report: Report, expires_in_s: Option<i64> },
    Settle { hold: usize, quantity: i64, allow_over: bool },
    Release { hold: usize },
    Correct { name: Name, id: String, quantity: i64, reason: &'static str },
    Grant { account: usize, lot: Lot },
    Void { account: usize, grant: usize },
    Suspend { account: usize, suspended: bool },
    Import { card: Card },
    Wait { micros: i64 },
}
