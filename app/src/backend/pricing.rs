//! What operations cost and what a new account gets: the numbers on the public pages.
//!
//! These pages are made on the server and stay as they are, so the views never travel; only the prices do, into the
//! calculator.

use ledger::Credits;
use ledger::rate::Price;

#[cfg(feature = "ssr")]
use super::ConsoleError;

/// What the public pages need.
#[cfg(feature = "ssr")]
#[async_trait::async_trait]
pub trait PricingPort: Send + Sync {
    /// The price list in force, what will follow it, and the settings that readers should know.
    async fn pricing(&self) -> Result<PricingView, ConsoleError>;
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PricingView {
    /// In force now.
    pub card: CardView,
    /// In force next, when that is known.
    pub next: Option<CardView>,
    /// `None` when signing up brings nothing.
    pub sign_up: Option<SignUpView>,
    /// Where people reach the console, without a trailing slash.
    pub base_url: String,
}

/// One version of the price list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardView {
    pub version: u32,
    /// `None`: from the beginning.
    pub since: Option<InstantView>,
    pub prices: Vec<Price>,
}

/// An instant for people and for programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstantView {
    /// RFC 3339.
    pub instant: String,
    /// `22 November 2026, 12:00 UTC`
    pub label: String,
}

/// What a verified e-mail address brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignUpView {
    pub credits: Credits,
    /// How long they last.
    pub days: u32,
}
