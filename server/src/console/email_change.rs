//! Another e-mail: asked for by somebody who has proved lately who they are, and changed once the present and the new address
//! have both said yes to it. Whether the new one is somebody's already does not show (docs/decisions/0007).

use std::net::IpAddr;

use app::backend::Viewer;
use app::backend::security::EmailChangeView;
use ledger::time::DAY;

use super::labels::zone_of;
use super::sign_up::email_of;
use super::{Console, Error};
use crate::auth::Customer;
use crate::auth::recent::Recent;
use crate::auth::tokens::hash;
use crate::mail::Letter;
use crate::random::alphanumeric;
use crate::store::{
    Access, EmailChangeRow, EmailConfirmation, EmailConfirmed, NewEmailChange, StoreError, UserRow,
};

/// How long both addresses have to say yes.
const LIFETIME: i64 = DAY;
/// Letters and digits of a token.
const LEN: usize = 40;

/// Why a link about another e-mail does nothing. `Display` is a public sentence.
#[derive(Debug, thiserror::Error)]
pub enum EmailChangeError {
    #[error(
        "This link opens nothing any more: the change is done, was cancelled or asked for anew, or a day has passed."
    )]
    Gone,
    /// Somebody else has shown to own the new address since.
    #[error("This e-mail belongs to another account by now, so nothing was changed.")]
    Taken,
    #[error(transparent)]
    Failed(#[from] Error),
}

impl From<StoreError> for EmailChangeError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

/// A wish, as its link shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedEmailChange {
    pub row: EmailChangeRow,
    /// The link was sent to the new address.
    pub is_new: bool,
}

impl Console {
    /// Writes to the present and to the new address of somebody who wants another e-mail. What they have asked for before is off.
    ///
    /// Errors in this order: a suspended account (403), an unverified e-mail (403), no e-mail or the present one (422), too many
    /// letters (429).
    pub async fn ask_email_change(
        &self,
        recent: &Recent,
        new_email: &str,
        address: IpAddr,
    ) -> Result<(), Error> {
        let user = recent.user();
        let caller = Customer::on_page(user.clone());
        caller.must_write()?;
        // Who only claims an e-mail signs up with another one.
        caller.must_be_verified()?;
        let named = |error| match error {
            Error::Validation(_) => {
                Error::field("new_email", "must be an e-mail address such as ada@example.com")
            }
            other => other,
        };
        let new_email = email_of(new_email).map_err(named)?;
        if new_email == user.email {
            return Err(Error::field("new_email", "is the one that you have"));
        }
        let now = self.clock.now();
        let too_many = |retry_after_s| Error::RateLimited { retry_after_s };
        self.letters.attempt(&new_email, address, now).map_err(too_many)?;
        let owner = self.store.candidates(&new_email).await?.owner;
        let [old_token, new_token] = [(); 2].map(|()| alphanumeric(&*self.random, LEN));
        let mails = [
            self.compose_mail(&user.email, &self.letter_to_old(user, &new_email, &old_token)),
            self.compose_mail(&new_email, &self.letter_to_new(user, owner, &new_token)),
        ];
        let change = NewEmailChange {
            user_id: user.id,
            access: self.access(user.id, Access::EmailChangeAsked, &new_email),
            new_email,
            old_token_hash: hash(&old_token),
            new_token_hash: hash(&new_token),
            created_at: now,
            expires_at: now.saturating_add(LIFETIME),
            mails,
        };
        self.store.insert_email_change(&change).await?;
        change.mails.iter().for_each(|mail| self.mail_written(mail));
        Ok(())
    }

    fn letter_to_old(&self, user: &UserRow, new_email: &str, token: &str) -> Letter {
        let (name, link) = (user.name.clone(), self.link_to(&format!("/change-email?token={token}")));
        Letter::ConfirmLeaving { name, new_email: new_email.to_owned(), link }
    }

    /// The owner of a known address is told, and gets no link.
    fn letter_to_new(&self, user: &UserRow, owner: Option<UserRow>, token: &str) -> Letter {
        match owner {
            Some(owner) => Letter::EmailWanted { name: owner.name, sign_in_link: self.link_to("/sign-in") },
            None => Letter::ConfirmNewEmail {
                name: user.name.clone(),
                link: self.link_to(&format!("/change-email?token={token}")),
            },
        }
    }

    /// What a link is about, if it still does something. Nothing is changed by looking.
    pub async fn get_email_change(&self, token: &str) -> Result<AskedEmailChange, EmailChangeError> {
        let found = self.store.find_email_change(hash(token), self.clock.now()).await?;
        let (row, is_new) = found.ok_or(EmailChangeError::Gone)?;
        Ok(AskedEmailChange { row, is_new })
    }

    /// The address that this link was sent to says yes. With the second one the e-mail changes, all other sessions than the one that
    /// asks (`session_token`, when it is theirs) end, and both addresses are told.
    pub async fn confirm_email_change(
        &self,
        token: &str,
        session_token: Option<&str>,
    ) -> Result<(AskedEmailChange, EmailConfirmed), EmailChangeError> {
        let asked = self.get_email_change(token).await?;
        let (user, new_email) = (&asked.row.user, &asked.row.new_email);
        let letter = Letter::EmailChanged { name: user.name.clone(), new_email: new_email.clone() };
        let yes = EmailConfirmation {
            token_hash: hash(token),
            now: self.clock.now(),
            kept_session: session_token.map(hash),
            mails: [&user.email, new_email].map(|email| self.compose_mail(email, &letter)),
            access: self.access(user.id, Access::EmailChanged, new_email),
        };
        let confirmed = match self.store.confirm_email_change(&yes).await {
            Ok(EmailConfirmed::Gone) => return Err(EmailChangeError::Gone),
            Ok(confirmed) => confirmed,
            Err(error) if error.violated_unique().as_deref() == Some("users.email") => {
                return Err(EmailChangeError::Taken);
            }
            Err(error) => return Err(error.into()),
        };
        if confirmed == EmailConfirmed::Done {
            self.live.access_changed(user.account_id);
            yes.mails.iter().for_each(|mail| self.mail_written(mail));
        }
        Ok((asked, confirmed))
    }

    /// Somebody who reads one of both mailboxes says no.
    pub async fn refuse_email_change(&self, token: &str) -> Result<(), EmailChangeError> {
        let asked = self.get_email_change(token).await?;
        Ok(self.cancel_email_change(&asked.row.user).await?)
    }

    /// Takes back what a user has asked for, if it is not done yet.
    pub async fn cancel_email_change(&self, user: &UserRow) -> Result<(), Error> {
        self.store.cancel_email_change(&self.access(user.id, Access::EmailChangeCancelled, "")).await?;
        Ok(())
    }

    /// What the viewer has asked for.
    pub(super) async fn email_change_view(&self, viewer: &Viewer) -> Result<Option<EmailChangeView>, Error> {
        let found = self.store.pending_email_change(viewer.user_id, self.clock.now()).await?;
        Ok(found.map(|row| EmailChangeView {
            until: zone_of(viewer).format(row.expires_at, "%-d %b %Y, %H:%M"),
            new_email: row.new_email,
            old_confirmed: row.old_confirmed,
            new_confirmed: row.new_confirmed,
        }))
    }
}
