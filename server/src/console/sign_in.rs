//! Lets users in and out of the pages.

use std::net::IpAddr;

use app::backend::Viewer;
use http::HeaderMap;

use super::users::MAX_EMAIL;
use super::{Console, Error};
use crate::auth::sessions;
use crate::auth::tokens::hash;
use crate::store::{NewSession, UserRow};

/// Longer ones are no password of ours and not worth the work.
const MAX_PASSWORD_BYTES: usize = 1_024;

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

impl Console {
    /// Checks e-mail (any case) and password and opens a session. A session that the browser had before
    /// (`old_token`) ends.
    pub async fn sign_in(
        &self,
        email: &str,
        password: String,
        address: IpAddr,
        old_token: Option<&str>,
    ) -> Result<SignedIn, SignInError> {
        let email = email.trim().to_lowercase();
        if email.len() > MAX_EMAIL {
            return Err(SignInError::Wrong);
        }
        let now = self.clock.now();
        let throttled = |retry_after_s| SignInError::TooMany { retry_after_s };
        self.sign_ins.attempt(&email, address, now).map_err(throttled)?;
        let user = self.store.find_user_by_email(&email).await.map_err(Error::from)?;
        let hash_of_user = user.as_ref().and_then(|user| user.password_hash.clone());
        let is_sane = password.len() <= MAX_PASSWORD_BYTES;
        let is_right = is_sane && self.passwords.verify(password, hash_of_user).await?;
        let user = user.filter(|_| is_right).ok_or(SignInError::Wrong)?;
        self.sign_ins.succeeded(&email, address);
        if let Some(old_token) = old_token {
            self.sign_out(old_token).await?;
        }
        let token = sessions::new_token(&*self.random);
        let session = NewSession {
            token_hash: hash(&token),
            user_id: user.id,
            created_at: now,
            expires_at: now.saturating_add(sessions::LIFETIME),
        };
        self.store.insert_session(&session).await.map_err(Error::from)?;
        Ok(SignedIn { token, user })
    }

    /// Ends the session with this token, and its streams.
    pub async fn sign_out(&self, token: &str) -> Result<(), Error> {
        self.store.delete_session(hash(token)).await?;
        Ok(())
    }

    /// Who the request's cookie says is looking; `None`: nobody is signed in.
    pub async fn viewer(&self, headers: &HeaderMap) -> Result<Option<Viewer>, Error> {
        Ok(sessions::find(self, headers).await?.map(|session| viewer(session.user)))
    }
}

/// A user as pages show them.
pub(super) fn viewer(user: UserRow) -> Viewer {
    let UserRow { id, account_id, email, name, user_name, time_zone, .. } = user;
    Viewer { user_id: id, account_id, email, name, user_name, time_zone }
}
