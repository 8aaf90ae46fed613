//! Passkeys: made, named and removed by those who are signed in, and signed in with (docs/decisions/0023).
//!
//! What a browser signs (the challenge) is derived from a random token that it keeps, and our row knows the token's hash alone: each
//! is answered once, soon, and by that browser.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ledger::UserId;
use ledger::time::SECOND;
use serde::Serialize;

use super::sign_in::SignedIn;
use super::users::{BAD_NAME, is_name};
use super::{Console, Error};
use crate::auth::Customer;
use crate::auth::passkeys::{Fault, Made, RelyingParty, Signed};
use crate::auth::providers::derived;
use crate::auth::recent::Recent;
use crate::auth::sessions::new_token;
use crate::auth::tokens::hash;
use crate::mail::Letter;
use crate::store::{
    Access, CeremonyFor, Challenge, NewPasskey, PasskeyRow, Registered, SessionRow, Unlinked, UserRow,
};

/// How long somebody may take to sign, in seconds; their browser gives up then too.
pub const LIFETIME_S: i64 = 300;
/// Passkeys of one user.
/// What the access log calls this way.
const PASSKEY: &str = "a passkey";
const MOST: i64 = 20;
/// What a passkey is called that was given no name.
const NAMELESS: &str = "Passkey";

/// Why nothing was signed in, confirmed or kept. `Display` is a public sentence.
#[derive(Debug, thiserror::Error)]
pub enum PasskeyError {
    #[error("This console is reached by an IP address, where browsers know no passkeys.")]
    Off,
    #[error("Too many attempts. Try again in {}.", super::error::minutes(*retry_after_s))]
    TooMany { retry_after_s: u64 },
    /// There is no such challenge: too late, answered before, or another browser's.
    #[error(
        "This took more than five minutes, was begun in another browser, or was finished before. Please try again."
    )]
    Stale,
    #[error("This passkey is not known here. It may have been removed in the settings of its account.")]
    Unknown,
    #[error(
        "Your device did not ask you for a PIN, fingerprint or face, so it does not show that it is you."
    )]
    Unverified,
    #[error("What your device signed cannot be trusted, so nothing was changed. Please try again.")]
    Untrusted,
    /// The counter went back.
    #[error(
        "This passkey was used on another device meanwhile, so somebody may have a copy of it. Sign in in another way, and \
         remove it."
    )]
    Copied,
    #[error("That passkey is not one of yours, so it does not show that it is you.")]
    Stranger,
    #[error("This passkey is registered already.")]
    Taken,
    #[error("You have {MOST} passkeys. Remove one that you don't use first.")]
    Full,
    #[error(transparent)]
    Failed(#[from] Error),
}

/// What a browser is asked to sign, and what it keeps meanwhile.
pub struct Asked {
    pub token: String,
    pub question: Question,
}

/// The question as our script reads it; bytes are base64url.
#[derive(Debug, Serialize)]
pub struct Question {
    challenge: String,
    rp_id: String,
    timeout_ms: i64,
    /// For whom a passkey is made.
    user: Option<Owner>,
    /// Passkeys that may sign, or that need no second one on the same device; empty: any.
    known: Vec<String>,
}

/// Somebody, as their devices show them.
#[derive(Debug, Serialize)]
pub struct Owner {
    id: String,
    name: String,
    display_name: String,
}

impl Console {
    /// Whether there are passkeys here.
    pub fn has_passkeys(&self) -> bool {
        RelyingParty::of(&self.config.base_url).is_some()
    }

    /// Something to sign for somebody who wants to sign in, whoever it will be.
    pub async fn ask_to_sign_in(&self, address: IpAddr) -> Result<Asked, PasskeyError> {
        self.ask(CeremonyFor::SignIn, (None, Vec::new()), address).await
    }

    /// Something to sign for somebody who is signed in and shows once more that it is them.
    pub async fn ask_to_confirm(&self, user: UserId, address: IpAddr) -> Result<Asked, PasskeyError> {
        let known = self.credentials(user).await?;
        self.ask(CeremonyFor::Confirm(user), (None, known), address).await
    }

    /// Something to make a passkey for.
    ///
    /// Errors: an account that is suspended or whose e-mail is not verified (403), and those of every question.
    pub async fn ask_to_register(&self, recent: &Recent, address: IpAddr) -> Result<Asked, PasskeyError> {
        let user = recent.user();
        let caller = Customer::on_page(user.clone());
        caller.must_write()?;
        // Who only claims an e-mail may lose it to whoever reads that mailbox, and with it every way in.
        caller.must_be_verified()?;
        let known = self.credentials(user.id).await?;
        let mut new = [0; 32];
        self.random.fill(&mut new);
        let handle = self.store.passkey_handle(user.id, new).await.map_err(Error::from)?;
        let owner = Owner {
            id: URL_SAFE_NO_PAD.encode(handle),
            name: user.email.clone(),
            display_name: user.name.clone(),
        };
        self.ask(CeremonyFor::Register(user.id), (Some(owner), known), address).await
    }

    async fn credentials(&self, user: UserId) -> Result<Vec<String>, PasskeyError> {
        let rows = self.store.list_passkeys(user).await.map_err(Error::from)?;
        Ok(rows.iter().map(|row| URL_SAFE_NO_PAD.encode(&row.credential_id)).collect())
    }

    async fn ask(
        &self,
        purpose: CeremonyFor,
        (user, known): (Option<Owner>, Vec<String>),
        address: IpAddr,
    ) -> Result<Asked, PasskeyError> {
        let party = RelyingParty::of(&self.config.base_url).ok_or(PasskeyError::Off)?;
        let now = self.clock.now();
        self.rounds.attempt(address, now).map_err(|retry_after_s| PasskeyError::TooMany { retry_after_s })?;
        let token = new_token(&*self.random);
        let challenge = Challenge {
            browser_hash: hash(&token),
            purpose,
            created_at: now,
            expires_at: now.saturating_add(LIFETIME_S * SECOND),
        };
        self.store.insert_passkey_challenge(&challenge).await.map_err(Error::from)?;
        let question = Question {
            challenge: challenge_of(&token),
            rp_id: party.id,
            timeout_ms: LIFETIME_S * 1_000,
            user,
            known,
        };
        Ok(Asked { token, question })
    }

    /// Opens a session for whoever has signed; a passkey is two things at once, so nobody is asked for a code.
    pub async fn sign_in_by_passkey(
        &self,
        signed: &Signed,
        token: Option<&str>,
        old_token: Option<&str>,
    ) -> Result<SignedIn, PasskeyError> {
        let (CeremonyFor::SignIn, token) = self.take_challenge(token).await? else {
            return Err(PasskeyError::Stale);
        };
        let user = self.signer(signed, token, None).await?;
        let user = self.store.find_user(user).await.map_err(Error::from)?.ok_or(PasskeyError::Unknown)?;
        let signed_in = self.open_session(user, old_token).await?;
        self.note_access(signed_in.user.id, Access::SignedIn, PASSKEY).await;
        Ok(signed_in)
    }

    /// Opens a new session for somebody who is signed in and has signed with a passkey of theirs; the old one ends.
    pub async fn confirm_by_passkey(
        &self,
        signed: &Signed,
        token: Option<&str>,
        (session_token, session): (&str, SessionRow),
    ) -> Result<SignedIn, PasskeyError> {
        let (purpose, token) = self.take_challenge(token).await?;
        if purpose != CeremonyFor::Confirm(session.user.id) {
            return Err(PasskeyError::Stale);
        }
        self.signer(signed, token, Some(session.user.id)).await?;
        let signed_in = self.open_session(session.user, Some(session_token)).await?;
        self.note_access(signed_in.user.id, Access::Confirmed, PASSKEY).await;
        Ok(signed_in)
    }

    /// Keeps the passkey that was made.
    pub async fn register_passkey(
        &self,
        recent: &Recent,
        made: &Made,
        name: &str,
        token: Option<&str>,
    ) -> Result<(), PasskeyError> {
        let user = recent.user();
        let caller = Customer::on_page(user.clone());
        caller.must_write()?;
        caller.must_be_verified()?;
        let (purpose, token) = self.take_challenge(token).await?;
        if purpose != CeremonyFor::Register(user.id) {
            return Err(PasskeyError::Stale);
        }
        let name = name_of(name)?;
        let party = RelyingParty::of(&self.config.base_url).ok_or(PasskeyError::Off)?;
        let made = made.verify(&party, &challenge_of(token)).map_err(told)?;
        let letter = Letter::WayAdded { name: user.name.clone(), provider: spoken(name) };
        let mail = self.compose_mail(&user.email, &letter);
        let passkey = NewPasskey {
            credential_id: made.id,
            user_id: user.id,
            name: name.to_owned(),
            public_key: made.public_key,
            counter: made.counter,
            created_at: self.clock.now(),
        };
        match self.store.insert_passkey(&passkey, MOST, &mail).await.map_err(Error::from)? {
            Registered::New => {
                self.mail_written(&mail);
                self.note_access(user.id, Access::PasskeyAdded, name).await;
                Ok(())
            }
            Registered::Taken => Err(PasskeyError::Taken),
            Registered::Full => Err(PasskeyError::Full),
        }
    }

    /// What a browser was asked to sign for; there is none a second time.
    async fn take_challenge<'t>(
        &self,
        token: Option<&'t str>,
    ) -> Result<(CeremonyFor, &'t str), PasskeyError> {
        let token = token.ok_or(PasskeyError::Stale)?;
        let purpose = self.store.take_passkey_challenge(hash(token), self.clock.now()).await;
        Ok((purpose.map_err(Error::from)?.ok_or(PasskeyError::Stale)?, token))
    }

    /// Who has signed the challenge of this token: whoever it is, or this user and nobody else.
    async fn signer(
        &self,
        signed: &Signed,
        token: &str,
        only: Option<UserId>,
    ) -> Result<UserId, PasskeyError> {
        let party = RelyingParty::of(&self.config.base_url).ok_or(PasskeyError::Off)?;
        let id = signed.credential_id().map_err(told)?;
        let found = self.store.find_passkey(&id).await.map_err(Error::from)?.ok_or(PasskeyError::Unknown)?;
        if only.is_some_and(|only| only != found.user_id) {
            return Err(PasskeyError::Stranger);
        }
        let counter = signed.verify(&party, &challenge_of(token), &found.public_key).map_err(told)?;
        // A device that is asked for a certain passkey need not say whose it is.
        let handle = signed.handle().map_err(told)?;
        let says_another = handle != found.handle;
        if says_another && (only.is_none() || !handle.is_empty()) {
            return Err(told(Fault::Credential));
        }
        if !self.store.use_passkey(&id, counter, self.clock.now()).await.map_err(Error::from)? {
            tracing::warn!(user = %found.user_id, "a passkey's counter went back: somebody may have a copy of it");
            return Err(PasskeyError::Copied);
        }
        Ok(found.user_id)
    }

    /// A user's passkeys, the oldest first.
    pub async fn passkeys_of(&self, user: &UserRow) -> Result<Vec<PasskeyRow>, Error> {
        Ok(self.store.list_passkeys(user.id).await?)
    }

    /// Gives a passkey another name; whether there is one.
    pub async fn rename_passkey(&self, user: &UserRow, id: &str, name: &str) -> Result<bool, Error> {
        Customer::on_page(user.clone()).must_write()?;
        let name = name_of(name)?;
        let Ok(id) = URL_SAFE_NO_PAD.decode(id) else { return Ok(false) };
        Ok(self.store.rename_passkey(user.id, &id, name).await?)
    }

    /// Takes a passkey away, unless it is the last way in; a mail says so.
    pub async fn remove_passkey(&self, recent: &Recent, id: &str) -> Result<Unlinked, Error> {
        let user = recent.user();
        Customer::on_page(user.clone()).must_write()?;
        let Ok(id) = URL_SAFE_NO_PAD.decode(id) else { return Ok(Unlinked::Unknown) };
        let all = self.store.list_passkeys(user.id).await?;
        let Some(row) = all.iter().find(|row| row.credential_id == id) else { return Ok(Unlinked::Unknown) };
        let letter = Letter::WayRemoved { name: user.name.clone(), provider: spoken(&row.name) };
        let mail = self.compose_mail(&user.email, &letter);
        let issuers = self.issuers();
        let issuers: Vec<&str> = issuers.iter().map(String::as_str).collect();
        let removed = self.store.remove_passkey(user.id, &id, &issuers, &mail).await?;
        if removed == Unlinked::Done {
            self.mail_written(&mail);
            self.note_access(user.id, Access::PasskeyRemoved, &row.name).await;
        }
        Ok(removed)
    }
}

fn challenge_of(token: &str) -> String {
    derived("passkey", token)
}

/// Writes down what was wrong, and says what of it is for everybody.
fn told(fault: Fault) -> PasskeyError {
    tracing::warn!(%fault, "what a device signed was not believed");
    if fault == Fault::Unverified { PasskeyError::Unverified } else { PasskeyError::Untrusted }
}

/// What it is called in a mail.
fn spoken(name: &str) -> String {
    format!("the passkey \u{201c}{name}\u{201d}")
}

fn name_of(name: &str) -> Result<&str, Error> {
    match name.trim() {
        "" => Ok(NAMELESS),
        name if is_name(name) => Ok(name),
        _ => Err(Error::field("name", BAD_NAME)),
    }
}
