//! Who is looking at the page, and what every page shows of them.
//!
//! Signing up, in and out are plain forms that the server answers itself (`pages/forms`, `POST /sign-out`), so that they
//! work without scripts and keep what was typed; the port has no method for them.

use ledger::{AccountId, UserId};
use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
use super::ConsoleError;
use super::overview::BalanceView;

/// What the frame around every page needs.
#[cfg(feature = "ssr")]
#[async_trait::async_trait]
pub trait SessionPort: Send + Sync {
    /// The viewer's name and live balance, as the top bar of every page shows them.
    async fn frame(&self, viewer: &Viewer) -> Result<FrameView, ConsoleError>;
}

/// The frame: navigation, balance, account menu.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameView {
    pub viewer: Viewer,
    /// The live stream starts after `balance.seq`.
    pub balance: BalanceView,
    /// Of the account: nothing is charged and nothing can be changed.
    pub suspended: bool,
}

/// The signed-in user, as the session cookie says. `None` in context means nobody is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Viewer {
    pub user_id: UserId,
    /// The account whose credits the pages show.
    pub account_id: AccountId,
    pub email: String,
    /// What the user is called, as typed: `Ada Lovelace`.
    pub name: String,
    /// The short unique name: `ada`.
    pub user_name: String,
    /// Whether the e-mail has been shown to be theirs.
    pub is_verified: bool,
    /// IANA name such as `Europe/Berlin`; days and labels are in this zone.
    pub time_zone: String,
}
