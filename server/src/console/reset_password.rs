//! A forgotten password: a link to the mailbox, and another password for whoever reads it.

use std::net::IpAddr;

use super::links::LinkError;
use super::sign_up::email_of;
use super::users::password_of;
use super::{Console, Error};
use crate::auth::tokens::hash;
use crate::mail::Letter;
use crate::store::{Access, LinkKind, NewMail, Redemption, UserRow};

impl Console {
    /// Writes to an e-mail that has an account, and says nothing about whether it has. One transaction either way.
    ///
    /// Errors: no e-mail (422), too many (429).
    pub async fn forgot_password(&self, email: &str, address: IpAddr) -> Result<(), Error> {
        let email = email_of(email)?;
        let now = self.clock.now();
        let too_many = |retry_after_s| Error::RateLimited { retry_after_s };
        self.letters.attempt(&email, address, now).map_err(too_many)?;
        let found = self.store.find_user_by_email(&email).await?;
        let user = found.filter(|_| !self.letters.is_enough(&email, now));
        let (link, address) = self.new_link(LinkKind::ResetPassword, user.as_ref().map(|user| user.id), now);
        let mail: Option<NewMail> = user
            .map(|user| self.compose_mail(&email, &Letter::ResetPassword { name: user.name, link: address }));
        self.store.insert_link(&link, mail.as_ref()).await?;
        if let Some(mail) = &mail {
            self.mail_written(mail);
        }
        Ok(())
    }

    /// Sets another password. Following the link shows that the e-mail is theirs as well; all sessions end, and a mail
    /// says so.
    ///
    /// Errors in this order: a link that opens nothing, a weak password (422).
    pub async fn reset_password(&self, token: &str, password: String) -> Result<UserRow, LinkError> {
        let user = self.get_link(LinkKind::ResetPassword, token).await?.user;
        let theirs = [user.name.clone(), user.user_name.clone(), user.email.clone()];
        if let Some(weakness) = self.weakness(&password, theirs).await? {
            return Err(Error::field("password", weakness).into());
        }
        let letter = Letter::PasswordChanged { name: user.name.clone() };
        let redemption = Redemption {
            token_hash: hash(token),
            kind: LinkKind::ResetPassword,
            now: self.clock.now(),
            password_hash: Some(self.passwords.hash(password, &*self.random).await?),
            kept_session: None,
            mail: Some(self.compose_mail(&user.email, &letter)),
        };
        self.redeem(&redemption, &user).await?;
        self.live.access_changed(user.account_id);
        if let Some(mail) = &redemption.mail {
            self.mail_written(mail);
        }
        self.note_access(user.id, Access::PasswordReset, "").await;
        Ok(user)
    }

    /// Why a person may not have this password, as the end of a sentence: too short or long, or too easy to guess for
    /// somebody who knows what is `theirs` (name, user name, e-mail). Operators may set any of sane length.
    pub async fn weakness(&self, password: &str, theirs: [String; 3]) -> Result<Option<String>, Error> {
        match password_of(password) {
            Err(reason) => Ok(Some(reason.to_owned())),
            Ok(()) => self.passwords.weakness(password.to_owned(), theirs).await,
        }
    }
}
