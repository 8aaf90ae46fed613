//! Settings › API keys: the account's keys, made and revoked.

use std::fmt;
use std::str::FromStr;

use ledger::{Credits, KeyId};
use serde::{Deserialize, Serialize};

use super::form::FormState;
#[cfg(feature = "ssr")]
use super::{ConsoleError, Viewer};

/// What the page needs. All of it is about the viewer's own account.
#[cfg(feature = "ssr")]
#[async_trait::async_trait]
pub trait ApiKeysPort: Send + Sync {
    /// The newest keys of one kind.
    async fn api_keys(&self, viewer: &Viewer, show: Show) -> Result<ApiKeysView, ConsoleError>;

    /// Makes a key. Refused: fields out of range, an unverified e-mail, a suspended account, more than ten an hour,
    /// the same form again.
    async fn create_api_key(&self, viewer: &Viewer, form: ApiKeyForm) -> Result<CreatedView, ConsoleError>;

    /// Revokes a key for good; again changes nothing.
    async fn revoke_api_key(&self, viewer: &Viewer, key_id: &str) -> Result<(), ConsoleError>;

    /// One key whole. Refused: none, or another account's.
    async fn api_key(&self, viewer: &Viewer, key_id: &str) -> Result<KeyPageView, ConsoleError>;

    /// Changes name, expiry and limit. Refused: fields out of range, a revoked key, a suspended account.
    async fn change_api_key(
        &self,
        viewer: &Viewer,
        key_id: &str,
        form: KeyChangeForm,
    ) -> Result<(), ConsoleError>;

    /// Makes a key in a key's place, which still works for a while. Refused: as for a new key, and one that has ended or
    /// has a successor.
    async fn rotate_api_key(
        &self,
        viewer: &Viewer,
        key_id: &str,
        form: RotationForm,
    ) -> Result<CreatedView, ConsoleError>;
}

/// Which keys are listed. In URLs: `active`, `revoked`, `all`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Show {
    /// Neither revoked nor expired.
    #[default]
    Active,
    Revoked,
    All,
}

impl Show {
    pub const ALL: [Self; 3] = [Self::Active, Self::Revoked, Self::All];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Revoked => "revoked",
            Self::All => "all",
        }
    }
}

impl fmt::Display for Show {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// A text that is none of [`Show::ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be one of active, revoked and all")]
pub struct UnknownShow;

impl FromStr for Show {
    type Err = UnknownShow;

    fn from_str(text: &str) -> Result<Self, UnknownShow> {
        Self::ALL.into_iter().find(|show| show.as_str() == text).ok_or(UnknownShow)
    }
}

/// The whole page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKeysView {
    /// A [`Show`] by its name.
    pub show: String,
    /// The keys as HTML that the server has written: the wasm has no code for it.
    pub list: String,
    /// Of these keys, those that can be revoked.
    pub revocable: Vec<RevocableView>,
    /// The id of the key that the form makes: the same form sent twice makes one key.
    pub next_id: KeyId,
    /// Where this console is reached, without a trailing slash.
    pub base_url: String,
    /// When the page answers a form that was sent without scripts.
    pub form: FormState,
    /// The same, when a key was made.
    pub created: Option<CreatedView>,
}

/// A key, as far as the question before it is revoked needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevocableView {
    pub key_id: KeyId,
    pub name: String,
    /// `plx_sk_9f2a…k3Qd`
    pub label: String,
    /// Whether and how much it is used, and what ends with it; whole sentences.
    pub use_of_it: String,
}

/// A page about one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPageView {
    pub key: ApiKeyView,
    /// The id of the key that rotating makes.
    pub next_id: KeyId,
    /// As it came back.
    pub form: FormState,
}

/// A key as lists show it. Times are in the viewer's zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeyView {
    pub key_id: KeyId,
    pub name: String,
    /// `plx_sk_9f2a…k3Qd`
    pub label: String,
    pub may_write: bool,
    pub standing: Standing,
    /// Whether it has a successor.
    pub is_replaced: bool,
    pub created: WhenView,
    /// When it was revoked, else when it expires.
    pub ends: WhenView,
    pub last_used: WhenView,
    /// Requests in the last 30 days.
    pub requests: u64,
    pub limit: Option<LimitView>,
    /// The label of the key that it was made with.
    pub made_with: Option<String>,
    /// How many usable keys were made with it and end with it.
    pub made: usize,
    /// What would make it safer, in a few words each.
    pub hints: Vec<&'static str>,
}

/// Whether a key may still be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Active,
    /// By itself.
    Expired,
    Revoked,
}

/// Where a key is with its limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitView {
    pub amount: Credits,
    /// In the period so far, with what is held.
    pub spent: Credits,
    /// `day`, `week` or `month`.
    pub period: &'static str,
    /// Whether what is above it is refused.
    pub is_hard: bool,
    pub is_reached: bool,
    /// Of the amount, in whole percent, at most 100.
    pub percent: u8,
    /// When it begins anew.
    pub anew: WhenView,
}

/// An instant, short and whole; `never` and nothing when there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WhenView {
    /// `21 Nov 2026`
    pub label: String,
    /// `Sat 21 Nov 2026, 12:04:31.482 Europe/Berlin`
    pub exact: String,
}

/// A key that has just been made.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatedView {
    pub name: String,
    /// The whole secret, this once.
    pub secret: String,
    pub may_write: bool,
}

/// The secret is never logged.
impl fmt::Debug for CreatedView {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "CreatedView({:?})", self.name)
    }
}

/// As typed and chosen.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct ApiKeyForm {
    /// See [`ApiKeysView::next_id`].
    pub key_id: String,
    pub name: String,
    /// `read_only` or `read_write`.
    pub permission: String,
    /// Whole days from now; empty: never.
    pub expiration_days: String,
    pub limit: LimitForm,
}

/// A limit as typed and chosen.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct LimitForm {
    /// Credits; empty: none.
    pub amount: String,
    /// `day`, `week` or `month`; empty: `month`.
    pub period: String,
    /// `hard` or `notify`; empty: `hard`.
    pub mode: String,
}

/// What to change about a key, as typed.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct KeyChangeForm {
    pub name: String,
    /// Whole days from now; empty: as it is.
    pub expiration_days: String,
    /// Without an amount: none.
    pub limit: LimitForm,
}

/// How to rotate a key, as typed and chosen.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct RotationForm {
    /// See [`KeyPageView::next_id`].
    pub next_id: String,
    /// How long the old one still works, in seconds.
    pub overlap_s: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_of_keys_is_read_back_from_its_name_and_nothing_else() {
        for show in Show::ALL {
            assert_eq!(show.to_string().parse(), Ok(show));
        }
        assert_eq!("Active".parse::<Show>(), Err(UnknownShow));
    }

    #[test]
    fn a_secret_is_in_no_log() {
        let created =
            CreatedView { name: "ci".to_owned(), secret: "plx_sk_secret".to_owned(), may_write: true };
        assert!(!format!("{created:?}").contains("secret"));
    }
}
