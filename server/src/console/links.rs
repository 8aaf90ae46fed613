//! Links that open something once: made for a mail, and found when somebody follows them.

use ledger::time::SECOND;
use ledger::{Timestamp, UserId};

use super::{Console, Error};
use crate::auth::tokens::hash;
use crate::random::alphanumeric;
use crate::store::{LinkKind, LinkRow, NewLink};

/// Letters and digits of a token.
const LEN: usize = 40;
const HOUR: i64 = 3_600 * SECOND;
/// What ran out is remembered this long, so that a late click is told why it opens nothing.
pub(super) const REMEMBERED: i64 = 30 * ledger::time::DAY;

impl LinkKind {
    /// How long it works, in microseconds.
    const fn lifetime(self) -> i64 {
        match self {
            Self::VerifyEmail => 24 * HOUR,
            Self::ResetPassword => HOUR,
        }
    }

    /// The page that it leads to.
    const fn path(self) -> &'static str {
        match self {
            Self::VerifyEmail => "/verify-email",
            Self::ResetPassword => "/reset-password",
        }
    }
}

/// Why a link opens nothing. `Display` is a public sentence.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    #[error("This link is not complete, or not one of ours.")]
    Unknown,
    /// By this link or by another one that ended it; the user's e-mail may be verified by now.
    #[error("This link was used already, or another one has taken its place.")]
    Used { is_verified: bool },
    #[error("This link has expired.")]
    Expired,
    /// Somebody else has shown to own the e-mail since.
    #[error("This e-mail belongs to another account by now. Sign in to that one.")]
    Taken,
    #[error(transparent)]
    Failed(#[from] Error),
}

impl Console {
    /// A new link for somebody (`None`: for nobody, and never sent), and its address.
    pub(super) fn new_link(
        &self,
        kind: LinkKind,
        user_id: Option<UserId>,
        now: Timestamp,
    ) -> (NewLink, String) {
        let token = alphanumeric(&*self.random, LEN);
        let expires_at = now.saturating_add(kind.lifetime());
        let link = NewLink { token_hash: hash(&token), kind, user_id, created_at: now, expires_at };
        (link, self.link_to(&format!("{}?token={token}", kind.path())))
    }

    /// A path of this console as mails name it.
    pub(super) fn link_to(&self, path: &str) -> String {
        format!("{}{path}", self.config.base_url.as_str())
    }

    /// Whose link it is, if it still opens something. Nothing is changed by looking.
    pub async fn get_link(&self, kind: LinkKind, token: &str) -> Result<LinkRow, LinkError> {
        let found = self.store.find_link(hash(token), kind).await.map_err(Error::from)?;
        let link = found.ok_or(LinkError::Unknown)?;
        if link.used_at.is_some() {
            return Err(LinkError::Used { is_verified: link.user.verified_at.is_some() });
        }
        if link.expires_at <= self.clock.now() {
            return Err(LinkError::Expired);
        }
        Ok(link)
    }
}
