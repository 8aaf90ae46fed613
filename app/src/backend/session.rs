//! Who is looking at the page.
//!
//! Signing in and out are plain forms that the server answers itself (`POST /sign-in`, `POST /sign-out`), so that they
//! work without scripts and keep what was typed; there is no port for them.

use ledger::{AccountId, UserId};
use serde::{Deserialize, Serialize};

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
    /// IANA name such as `Europe/Berlin`; days and labels are in this zone.
    pub time_zone: String,
}
