//! What an invoice is about.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::credits::Credits;
use crate::day::Day;
use crate::money::Money;
use crate::plan::{OfferId, Plan};

/// What a line is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    /// A plan, for a period or the rest of one.
    Plan,
    /// What was paid for days of a plan that another one has taken the place of; below zero.
    UnusedPlan,
    /// A pack of credits.
    Pack,
    /// An amount of credits that the customer chose.
    Credits,
    /// Credits that were bought because few were left.
    TopUp,
}

/// Days that a line is about, the last one with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Days {
    pub first: Day,
    pub last: Day,
}

impl Days {
    /// The days before `end`.
    pub fn until(first: Day, end: Day) -> Self {
        Self { first, last: end.plus_days(-1) }
    }
}

impl fmt::Display for Days {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} to {}", self.first, self.last)
    }
}

/// One line of an invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    pub kind: LineKind,
    /// The plan or pack.
    pub offer: Option<OfferId>,
    /// Its name when the line was made.
    pub name: String,
    pub days: Option<Days>,
    /// What is granted for it.
    pub credits: Option<Credits>,
    /// As prices are given: without tax, or with it.
    pub amount: Money,
}

impl Line {
    /// A plan at its price, for days to be said.
    pub fn of_plan(plan: &Plan) -> Self {
        Self {
            kind: LineKind::Plan,
            offer: Some(plan.id.clone()),
            name: plan.name.clone(),
            days: None,
            credits: Some(plan.credits),
            amount: plan.price,
        }
    }

    /// What stands on the invoice: `Professional, 2026-11-14 to 2026-12-13, 5000 credits`.
    pub fn text(&self) -> String {
        let mut text = match self.kind {
            LineKind::UnusedPlan => format!("Unused time of {}", self.name),
            _ => self.name.clone(),
        };
        if let Some(days) = &self.days {
            text = format!("{text}, {days}");
        }
        match self.credits.filter(|credits| !credits.is_zero()) {
            Some(credits) => format!("{text}, {credits} credits"),
            None => text,
        }
    }
}
