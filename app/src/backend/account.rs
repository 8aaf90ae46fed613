//! Settings › Account: who somebody is, and what of it they may change themselves.

use serde::{Deserialize, Serialize};

#[cfg(feature = "ssr")]
use super::ConsoleError;
use super::Viewer;
use super::form::FormState;

/// What the page needs.
#[cfg(feature = "ssr")]
#[async_trait::async_trait]
pub trait AccountPort: Send + Sync {
    /// The viewer as stored.
    async fn account(&self, viewer: &Viewer) -> Result<AccountView, ConsoleError>;

    /// Changes what is in the form and returns the viewer as stored then. Refused: fields out of range, a taken
    /// username, a suspended account.
    async fn change_account(&self, viewer: &Viewer, form: AccountForm) -> Result<AccountView, ConsoleError>;
}

/// The whole page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountView {
    pub viewer: Viewer,
    /// The e-mail address is known to be theirs.
    pub is_verified: bool,
    /// A suspended account can't spend or change anything.
    pub is_active: bool,
    /// In the viewer's zone: `22 November 2026`.
    pub since: String,
    /// Every zone there is to choose from, by IANA name; the viewer's is among them.
    pub time_zones: Vec<String>,
    /// When the page answers a form that was sent without scripts.
    pub form: FormState,
}

/// As typed.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct AccountForm {
    pub name: String,
    pub user_name: String,
    /// An IANA name.
    pub time_zone: String,
}
