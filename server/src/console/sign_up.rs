//! Signing up: a claim to an e-mail, which whoever reads that mailbox may confirm.
//!
//! Whether an e-mail is known must not show. So each sign-up does the same: one hash, one transaction with the same rows
//! (a user of its own, a link, a mail). Only the mail's words differ, and those go to the owner of the mailbox; see
//! `migrations/…/0004_sign_up.sql`. User names are public, so that one is taken is said, before anything is written.

use std::net::IpAddr;

use ledger::UserId;

use super::users::{UserForm, checked, is_email};
use super::{Console, Error, Reasons};
use crate::auth::tokens::hash;
use crate::calendar::Zone;
use crate::mail::Letter;
use crate::random::{self, alphanumeric};
use crate::store::{LinkKind, NewMail, NewSignUp, NewUser, StoreError, UserRow};

/// Letters and digits of a form's name.
const FORM_NAME: usize = 40;
const TAKEN: &str = "is taken; if it is yours, sign in instead";

/// What was typed to sign up.
#[derive(Clone, Default)]
pub struct SignUpForm {
    pub name: String,
    pub user_name: String,
    pub email: String,
    pub password: String,
    /// As the browser calls it; what is no IANA name becomes UTC.
    pub time_zone: String,
    /// What the form calls itself ([`Console::new_form_name`]); sent twice, it is one user. May be empty.
    pub form: String,
}

impl Console {
    /// A name for a form that is about to be filled in.
    pub fn new_form_name(&self) -> String {
        alphanumeric(&*self.random, FORM_NAME)
    }

    /// Makes a user who claims an e-mail, and writes to that e-mail. The same form again changes nothing.
    ///
    /// Errors in this order: fields out of range or a weak password (422), a taken user name (409), too many (429).
    pub async fn sign_up(&self, form: SignUpForm, address: IpAddr) -> Result<(), Error> {
        let SignUpForm { name, user_name, email, password, time_zone, form } = form;
        let user = UserForm { email, name, user_name, password, is_verified: false, is_operator: false };
        let user = self.checked_for_sign_up(user).await?;
        // The name first: whoever holds it by then is found by the form as well, if it was this form.
        let holder = self.store.find_user_name(&user.user_name).await?;
        let before = self.find_by_form(&form).await?;
        let repeated = before.as_ref().filter(|before| is_filled_in_as(&user, before));
        if holder.is_some() && holder != before.as_ref().map(|before| before.id) {
            return Err(taken());
        }
        let too_many = |retry_after_s| Error::RateLimited { retry_after_s };
        self.letters.attempt(&user.email, address, self.clock.now()).map_err(too_many)?;
        if let Some(repeated) = repeated
            && self.passwords.verify(user.password.clone(), repeated.password_hash.clone()).await?
        {
            return Ok(());
        }
        // Whoever sent the form has gone back to correct something; a claim that was confirmed meanwhile stays.
        let is_final = before.as_ref().is_some_and(|before| !before.is_claim);
        if is_final && holder.is_some() {
            return Err(taken());
        }
        let form_hash = hash(&if form.is_empty() || is_final { self.new_form_name() } else { form });
        let replaced = before.filter(|before| before.is_claim).map(|before| before.id);
        let sign_up = self.new_sign_up(user, &time_zone, form_hash, replaced).await?;
        match self.store.sign_up(&sign_up).await {
            Ok(()) => {
                self.mail_written(&sign_up.mail);
                Ok(())
            }
            Err(error) => self.sent_before(error, form_hash).await,
        }
    }

    /// Who has signed up with the form of this name.
    pub async fn find_by_form(&self, form: &str) -> Result<Option<UserRow>, Error> {
        Ok(self.store.find_user_by_form(hash(form)).await?)
    }

    /// The form with its fields tidied. Errors name every field.
    async fn checked_for_sign_up(&self, form: UserForm) -> Result<UserForm, Error> {
        let theirs = [form.name.clone(), form.user_name.clone(), form.email.clone()];
        let weakness = self.weakness(&form.password, theirs).await?;
        match (checked(form), weakness) {
            (Ok(form), None) => Ok(form),
            (Ok(_), Some(weakness)) => Err(Error::field("password", weakness)),
            (Err(Error::Validation(mut reasons)), Some(weakness)) => {
                reasons.entry("password".into()).or_insert(weakness.into());
                Err(Error::Validation(reasons))
            }
            (Err(error), _) => Err(error),
        }
    }

    async fn new_sign_up(
        &self,
        form: UserForm,
        time_zone: &str,
        form_hash: [u8; 32],
        replaced: Option<UserId>,
    ) -> Result<NewSignUp, Error> {
        let now = self.clock.now();
        let owner = self.store.candidates(&form.email).await?.owner;
        let user = NewUser {
            id: random::user_id(&*self.random, now),
            account_id: random::account_id(&*self.random, now),
            password_hash: Some(self.passwords.hash(form.password, &*self.random).await?),
            email: form.email,
            name: form.name,
            user_name: form.user_name,
            verified_at: None,
            is_operator: false,
            time_zone: time_zone
                .parse()
                .map_or_else(|_| "UTC".to_owned(), |zone: Zone| zone.name().to_owned()),
            created_at: now,
        };
        let (link, address) = self.new_link(LinkKind::VerifyEmail, Some(user.id), now);
        // The owner of a known address is not asked to confirm what somebody else may have typed; that link is never sent.
        let letter = match owner {
            Some(owner) => self.already_registered(owner.name),
            None => Letter::VerifyEmail { name: user.name.clone(), link: address },
        };
        let mail = self.compose_mail(&user.email, &letter);
        Ok(NewSignUp { user, form_hash, replaced, link, mail })
    }

    fn already_registered(&self, name: String) -> Letter {
        let (sign_in_link, reset_link) = (self.link_to("/sign-in"), self.link_to("/forgot-password"));
        Letter::AlreadyRegistered { name, sign_in_link, reset_link }
    }

    /// A form that came twice at once is one sign-up; anything else that is unique is a user name.
    async fn sent_before(&self, error: StoreError, form_hash: [u8; 32]) -> Result<(), Error> {
        match error.violated_unique().as_deref() {
            Some("users.user_name" | "users.sign_up_form") => {}
            _ => return Err(error.into()),
        }
        match self.store.find_user_by_form(form_hash).await? {
            Some(_) => Ok(()),
            None => Err(taken()),
        }
    }

    /// Sends the verification link once more to whoever is meant: by the form they signed up with, by an older link, by
    /// their session (`viewer`), else by the e-mail alone. Nothing in the answer says whether there is anybody.
    ///
    /// Errors: no e-mail (422), too many (429).
    pub async fn send_again(&self, email: &str, means: Means<'_>, address: IpAddr) -> Result<(), Error> {
        let email = email_of(email)?;
        let now = self.clock.now();
        let too_many = |retry_after_s| Error::RateLimited { retry_after_s };
        self.letters.attempt(&email, address, now).map_err(too_many)?;
        let owner = self.store.candidates(&email).await?.owner;
        let user = match self.meant(means).await?.filter(|user| user.email == email) {
            Some(user) => Some(user),
            None => self.store.find_user_by_email(&email).await?,
        };
        let owner = owner.filter(|owner| {
            owner.verified_at.is_some() || user.as_ref().is_some_and(|user| user.id != owner.id)
        });
        let user = user.filter(|_| !self.letters.is_enough(&email, now));
        let (link, address) = self.new_link(LinkKind::VerifyEmail, user.as_ref().map(|user| user.id), now);
        let letter = |user: UserRow| match owner {
            Some(owner) => self.already_registered(owner.name),
            None => Letter::VerifyEmail { name: user.name, link: address },
        };
        let mail: Option<NewMail> = user.map(|user| self.compose_mail(&email, &letter(user)));
        self.store.insert_link(&link, mail.as_ref()).await?;
        if let Some(mail) = &mail {
            self.mail_written(mail);
        }
        Ok(())
    }

    async fn meant(&self, means: Means<'_>) -> Result<Option<UserRow>, Error> {
        Ok(match means {
            Means::Email => None,
            Means::Viewer(id) => self.store.find_user(id).await?,
            Means::Form(form) => self.find_by_form(form).await?,
            Means::Link(token) => {
                self.store.find_link(hash(token), LinkKind::VerifyEmail).await?.map(|link| link.user)
            }
        })
    }
}

/// How somebody says whose link is to be sent again. Of several who claim an e-mail it must be the right one.
#[derive(Debug, Clone, Copy)]
pub enum Means<'a> {
    Email,
    Viewer(UserId),
    Form(&'a str),
    Link(&'a str),
}

/// An e-mail that mail can be sent to, in lower case.
pub(super) fn email_of(typed: &str) -> Result<String, Error> {
    let email = typed.trim().to_lowercase();
    if is_email(&email) {
        Ok(email)
    } else {
        Err(Error::field("email", "must be an e-mail address such as ada@example.com"))
    }
}

/// Whether a form was sent before with the same content, but for the password.
fn is_filled_in_as(form: &UserForm, before: &UserRow) -> bool {
    form.email == before.email && form.name == before.name && form.user_name == before.user_name
}

fn taken() -> Error {
    Error::ResourceExists { details: Reasons::from([("user_name".into(), TAKEN.into())]) }
}
