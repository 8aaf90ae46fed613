//! Who has proved a short while ago who they are. What is sensitive asks for a [`Recent`], which nobody else can make: a
//! session that was left open somewhere can then do none of it.

use http::HeaderMap;
use ledger::time::SECOND;

use super::sessions;
use super::tokens::SecretHash;
use crate::console::{Console, Error};
use crate::store::{SessionRow, UserRow};

/// Somebody signed in who has proved lately who they are.
#[derive(Debug, Clone)]
pub struct Recent {
    user: UserRow,
    session: SecretHash,
}

/// Why somebody may not do what is sensitive just now.
#[derive(Debug, thiserror::Error)]
pub enum NotRecent {
    #[error("Please sign in.")]
    Nobody,
    /// They are to prove it once more.
    #[error("Please confirm that it is you.")]
    LongAgo,
    #[error(transparent)]
    Failed(#[from] Error),
}

impl Recent {
    /// Whoever holds the request's session. Proving anew who one is opens a new session, so its age says it all.
    pub async fn of(console: &Console, headers: &HeaderMap) -> Result<Self, NotRecent> {
        let session = sessions::find(console, headers).await?.ok_or(NotRecent::Nobody)?;
        let age = console.clock.now().saturating_since(session.created_at);
        if age < i64::from(console.config.confirm_after_minutes) * 60 * SECOND {
            Ok(Self::just_now(session))
        } else {
            Err(NotRecent::LongAgo)
        }
    }

    /// For those who have proved it with this very request.
    pub(crate) fn just_now(session: SessionRow) -> Self {
        Self { user: session.user, session: session.token_hash }
    }

    pub fn user(&self) -> &UserRow {
        &self.user
    }

    /// SHA-256 of the session's token.
    pub fn session(&self) -> SecretHash {
        self.session
    }
}
