//! Lets users in and out of the pages.

use std::net::IpAddr;

use app::backend::Viewer;
use http::HeaderMap;
use ledger::UserId;

use super::second_factor::Entered;
use super::users::MAX_EMAIL;
use super::{Console, Error};
use crate::auth::tokens::hash;
use crate::auth::{Whence, sessions};
use crate::store::{Access, Candidates, NewSession, UserRow};

/// Longer ones are no password of ours and not worth the work.
const MAX_PASSWORD_BYTES: usize = 1_024;
/// What the access log calls that way.
pub(super) const PASSWORD: &str = "password";

/// Why somebody was not let in. `Display` is shown above the form, and says the same for every unknown pair.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    #[error("The e-mail address or the password is wrong.")]
    Wrong,
    /// Too many failed attempts from there for this e-mail.
    #[error("Too many attempts. Please try again in {} minutes.", retry_after_s.div_ceil(60))]
    TooMany { retry_after_s: u64 },
    #[error(transparent)]
    Failed(#[from] Error),
}

/// A new session: its token goes into the cookie and is kept nowhere else.
pub struct SignedIn {
    pub token: String,
    pub user: UserRow,
}

/// Whom an e-mail and a password name.
enum Found {
    Right(Box<UserRow>),
    /// Whose password it is not.
    Wrong(Option<UserId>),
}

impl Console {
    /// Checks e-mail (any case) and password, and opens a session or asks for the second step, which leads on to `next`. A session
    /// that the browser had before (`old_token`) ends when another one is opened.
    pub async fn sign_in(
        &self,
        email: &str,
        password: String,
        address: IpAddr,
        (next, old_token): (&str, Option<&str>),
    ) -> Result<Entered, SignInError> {
        let email = email.trim().to_lowercase();
        if email.len() > MAX_EMAIL {
            return Err(SignInError::Wrong);
        }
        let now = self.clock.now();
        let throttled = |retry_after_s| SignInError::TooMany { retry_after_s };
        self.sign_ins.attempt(&email, address, now).map_err(throttled)?;
        let found = self.find_by_password(&email, password).await;
        if !matches!(found, Ok(Found::Wrong(_))) {
            self.sign_ins.give_back(&email, address);
        }
        let user = match found? {
            Found::Right(user) => *user,
            Found::Wrong(meant) => {
                // Later, so that it takes as long as when nobody is meant.
                if let Some(user) = meant {
                    self.note_access_later(user, Access::SignInFailed, "");
                }
                return Err(SignInError::Wrong);
            }
        };
        Ok(self.enter(user, next, (old_token, PASSWORD)).await?)
    }

    /// A new session for somebody who has just proved who they are; the one that the browser had before ends, so that nobody who
    /// knew its token comes in with it.
    pub(super) async fn open_session(
        &self,
        user: UserRow,
        old_token: Option<&str>,
    ) -> Result<SignedIn, Error> {
        if let Some(old_token) = old_token {
            self.end_session(old_token).await?;
        }
        let now = self.clock.now();
        let token = sessions::new_token(&*self.random);
        let session = NewSession {
            token_hash: hash(&token),
            user_id: user.id,
            created_at: now,
            expires_at: now.saturating_add(self.config.account_life.session()),
            whence: Whence::here(),
        };
        self.store.insert_session(&session).await?;
        Ok(SignedIn { token, user })
    }

    /// Whether somebody who is signed in knows the password, counted as when they sign in. Nobody without one does.
    pub(super) async fn knows_password(
        &self,
        user: &UserRow,
        password: String,
        address: IpAddr,
    ) -> Result<(), SignInError> {
        let now = self.clock.now();
        let throttled = |retry_after_s| SignInError::TooMany { retry_after_s };
        self.sign_ins.attempt(&user.email, address, now).map_err(throttled)?;
        let known = if password.len() > MAX_PASSWORD_BYTES {
            Ok(false)
        } else {
            self.passwords.verify(password, user.password_hash.clone()).await
        };
        if !matches!(known, Ok(false)) {
            self.sign_ins.give_back(&user.email, address);
        }
        if known? { Ok(()) } else { Err(SignInError::Wrong) }
    }

    /// Whose e-mail and password these are: the owner's, else those of the latest claim. Two hashes unless the owner has
    /// come in, so that nobody who has claimed an e-mail learns whether it is somebody's.
    async fn find_by_password(&self, email: &str, password: String) -> Result<Found, Error> {
        if password.len() > MAX_PASSWORD_BYTES {
            return Ok(Found::Wrong(None));
        }
        let Candidates { owner, claimant } = self.store.candidates(email).await?;
        let meant = owner.as_ref().or(claimant.as_ref()).map(|user| user.id);
        for candidate in [owner, claimant] {
            let hash = candidate.as_ref().and_then(|user| user.password_hash.clone());
            if self.passwords.verify(password.clone(), hash).await?
                && let Some(user) = candidate
            {
                return Ok(Found::Right(Box::new(user)));
            }
        }
        Ok(Found::Wrong(meant))
    }

    /// Ends the session with this token, and its streams, because its user wants to.
    pub async fn sign_out(&self, token: &str) -> Result<(), Error> {
        if let Some(user) = self.end_session(token).await? {
            self.note_access(user, Access::SignedOut, "").await;
        }
        Ok(())
    }

    /// Ends the session with this token, and its streams; whose it was.
    async fn end_session(&self, token: &str) -> Result<Option<UserId>, Error> {
        let found = sessions::find_by_hash(self, hash(token)).await?;
        // Without a session there is nothing to wait in line for, whatever strangers send.
        let Some(session) = found else { return Ok(None) };
        self.store.delete_session(hash(token)).await?;
        self.live.access_changed(session.user.account_id);
        Ok(Some(session.user.id))
    }

    /// Who the request's cookie says is looking; `None`: nobody is signed in.
    pub async fn viewer(&self, headers: &HeaderMap) -> Result<Option<Viewer>, Error> {
        Ok(sessions::find(self, headers).await?.map(|session| viewer(session.user)))
    }
}

/// A user as pages show them.
pub fn viewer(user: UserRow) -> Viewer {
    let UserRow { id, account_id, email, name, user_name, verified_at, time_zone, .. } = user;
    Viewer { user_id: id, account_id, email, name, user_name, is_verified: verified_at.is_some(), time_zone }
}
