//! Makes users, each with a personal account, and suspends them.

use ledger::{AccountId, UserId};

use super::{Console, Error, Reasons};
use crate::random;
use crate::store::{AccountStatus, NewUser, StoreError, Tier, UserRow};

/// In bytes (RFC 5321).
pub(super) const MAX_EMAIL: usize = 254;
const MAX_NAME: usize = 100;
const MAX_USER_NAME: usize = 64;
const PASSWORD_LENGTH: std::ops::RangeInclusive<usize> = 8..=200;

/// Somebody to make an account for, as typed.
#[derive(Clone)]
pub struct UserForm {
    pub email: String,
    pub name: String,
    pub user_name: String,
    pub password: String,
    /// The e-mail is known to be theirs; gives the sign-up credits.
    pub is_verified: bool,
    pub is_operator: bool,
}

/// A user that has just been made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserCreated {
    pub user_id: UserId,
    pub account_id: AccountId,
}

impl Console {
    /// Makes user, account and membership; a verified user gets the sign-up credits.
    ///
    /// Errors: fields out of range (422), a taken e-mail or user name (409). While the sequencer is busy the credits are
    /// owed, and given by the job.
    pub async fn create_user(&self, form: UserForm) -> Result<UserCreated, Error> {
        let form = checked(form)?;
        let now = self.clock.now();
        let user = NewUser {
            id: random::user_id(&*self.random, now),
            account_id: random::account_id(&*self.random, now),
            password_hash: Some(self.passwords.hash(form.password, &*self.random).await?),
            email: form.email,
            name: form.name,
            user_name: form.user_name,
            verified_at: form.is_verified.then_some(now),
            is_operator: form.is_operator,
            time_zone: "UTC".to_owned(),
            created_at: now,
        };
        self.store.insert_user(&user).await.map_err(taken)?;
        if form.is_verified
            && let Err(error) = self.give_sign_up_credits(user.id, user.account_id).await
        {
            tracing::warn!(%error, user = %user.id, "the credits for signing up have to wait");
        }
        Ok(UserCreated { user_id: user.id, account_id: user.account_id })
    }

    /// The user with this e-mail, in any case. Errors: none (404).
    pub async fn get_user_by_email(&self, email: &str) -> Result<UserRow, Error> {
        let found = self.store.find_user_by_email(email.trim()).await?;
        found.ok_or_else(|| Error::NotFound {
            details: Reasons::from([("email".into(), "is unknown".into())]),
        })
    }

    /// Suspends or activates a user's personal account: a suspended one can't spend or change anything.
    ///
    /// Errors: no such user (404).
    pub async fn set_user_status(&self, email: &str, status: AccountStatus) -> Result<UserRow, Error> {
        let user = self.get_user_by_email(email).await?;
        self.store.set_account_status(user.account_no, status).await?;
        self.live.access_changed(user.account_id);
        Ok(UserRow { account_status: status, ..user })
    }

    /// Puts a user's personal account into a tier, by which its requests are limited; `None`: that of accounts without a plan.
    ///
    /// Errors: no such user (404).
    pub async fn set_user_tier(&self, email: &str, tier: Option<Tier>) -> Result<UserRow, Error> {
        let user = self.get_user_by_email(email).await?;
        self.store.set_account_tier(user.account_no, tier).await?;
        Ok(UserRow { tier, ..user })
    }
}

/// Whether a password has a sane length; the end of a sentence when not.
pub(super) fn password_of(password: &str) -> Result<(), &'static str> {
    let is_sane = PASSWORD_LENGTH.contains(&password.chars().count());
    if is_sane { Ok(()) } else { Err("must have 8 to 200 characters") }
}

/// The form with its fields trimmed, e-mail and user name in lower case.
pub(super) fn checked(form: UserForm) -> Result<UserForm, Error> {
    let mut reasons = Reasons::new();
    let email = form.email.trim().to_lowercase();
    if !is_email(&email) {
        reasons.insert("email".into(), "must be an e-mail address such as ada@example.com".into());
    }
    let name = form.name.trim().to_owned();
    if !is_name(&name) {
        reasons.insert("name".into(), BAD_NAME.into());
    }
    let user_name = form.user_name.trim().to_lowercase();
    if !is_user_name(&user_name) {
        reasons.insert("user_name".into(), BAD_USER_NAME.into());
    }
    if let Err(reason) = password_of(&form.password) {
        reasons.insert("password".into(), reason.into());
    }
    if reasons.is_empty() {
        Ok(UserForm { email, name, user_name, ..form })
    } else {
        Err(Error::Validation(reasons))
    }
}

/// One `@` with something on both sides that mail can be sent to; whether it arrives is what verification is for.
pub(crate) fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let is_plain =
        |byte: u8| byte > b' ' && byte != 0x7f && !matches!(byte, b'@' | b',' | b';' | b'<' | b'>');
    let is_host = !domain.starts_with(['.', '-']) && !domain.ends_with(['.', '-']) && !domain.contains("..");
    text.len() <= MAX_EMAIL && !local.is_empty() && !domain.is_empty() && is_host && {
        local.bytes().chain(domain.bytes()).all(is_plain) && !text.chars().any(char::is_whitespace)
    }
}

/// One line that shows something, and doesn't turn around what is written beside it.
pub(super) fn is_name(text: &str) -> bool {
    let shows_something = text.chars().any(|letter| !letter.is_whitespace() && !is_invisible(letter));
    shows_something
        && text.chars().count() <= MAX_NAME
        && !text.chars().any(|letter| letter.is_control() || is_turning(letter))
}

/// Takes no ink (Unicode: default ignorable, and the blanks that are no white space).
const fn is_invisible(letter: char) -> bool {
    matches!(
        letter,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Embeds or overrides a direction of writing (UAX 9).
const fn is_turning(letter: char) -> bool {
    matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

pub(super) const BAD_NAME: &str = "must be one line of 1 to 100 characters";
pub(super) const BAD_USER_NAME: &str =
    "must have 1 to 64 letters (a-z), digits, dots, hyphens or underscores, and start with a letter or digit";

pub(super) fn is_user_name(text: &str) -> bool {
    let starts_well = text.starts_with(|first: char| first.is_ascii_alphanumeric());
    let is_known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    starts_well && text.len() <= MAX_USER_NAME && text.bytes().all(is_known)
}

/// Which of the unique fields somebody else has.
pub(super) fn taken(error: StoreError) -> Error {
    let field = match error.violated_unique().as_deref() {
        Some("users.email") => "email",
        Some("users.user_name") => "user_name",
        _ => return error.into(),
    };
    Error::ResourceExists { details: Reasons::from([(field.into(), "is taken".into())]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(email: &str, user_name: &str) -> UserForm {
        UserForm {
            email: email.to_owned(),
            name: " Ada Lovelace ".to_owned(),
            user_name: user_name.to_owned(),
            password: "difference".to_owned(),
            is_verified: false,
            is_operator: false,
        }
    }

    #[test]
    fn what_is_typed_is_tidied() {
        let form = checked(form(" Ada@Example.COM ", "Ada")).map_err(|error| error.to_string()).unwrap();
        let UserForm { email, name, user_name, .. } = form;
        assert_eq!(
            (email.as_str(), name.as_str(), user_name.as_str()),
            ("ada@example.com", "Ada Lovelace", "ada")
        );
    }

    #[test]
    fn every_field_that_is_wrong_is_named() {
        let bad = UserForm { name: " ".into(), password: "short".into(), ..form("ada", "a b") };
        let Err(Error::Validation(reasons)) = checked(bad) else { panic!("accepted") };
        assert_eq!(reasons.keys().collect::<Vec<_>>(), ["email", "name", "password", "user_name"]);
    }

    #[test]
    fn a_name_shows_something_and_turns_nothing_around() {
        for name in ["A", "Ada Lovelace", "O’Neil", "李", "👩\u{200d}💻", "عمر", "<script>alert(1)</script>"]
        {
            assert!(is_name(name), "{name:?}");
        }
        for name in
            ["", " ", "\u{a0}", "\u{200b}", "\u{feff}\u{2060}", "\u{3164}", "a\nb", "a\u{0}", "\u{202e}adA"]
        {
            assert!(!is_name(name), "{name:?}");
        }
        assert!(is_name(&"ä".repeat(100)) && !is_name(&"ä".repeat(101)));
    }

    #[test]
    fn e_mail_addresses_are_told_from_other_text() {
        for email in ["a@b", "ada+x@example.co.uk", "grüße@bücher.example", "o'neil@x-y.example"] {
            assert!(is_email(email), "{email}");
        }
        for email in
            ["", "@", "a@", "@b", "a@b@c", "a b@c", "a@.b", "a@b.", "a@b..c", "a@-b", "a@b,c@d", "a@b\n"]
        {
            assert!(!is_email(email), "{email:?}");
        }
        assert!(!is_email(&format!("{}@b", "a".repeat(253))));
    }
}
