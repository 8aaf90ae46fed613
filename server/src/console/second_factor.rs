//! The second step of signing in: codes of an authenticator app, and recovery codes for who has lost it (docs/decisions/0024).

use std::net::IpAddr;

use data_encoding::BASE32_NOPAD;
use ledger::Timestamp;
use ledger::time::SECOND;

use super::sign_in::SignedIn;
use super::{Console, Error};
use crate::auth::recent::Recent;
use crate::auth::sessions::new_token;
use crate::auth::tokens::{SecretHash, hash};
use crate::auth::totp::{self, Secret};
use crate::auth::{Customer, sealing};
use crate::mail::Letter;
use crate::store::{Access, KeptSecret, NewSecondStep, SessionRow, TotpRow, UserRow};

/// How long somebody may take for the second step, in seconds.
pub const LIFETIME_S: i64 = 600;
/// How long a secret that was shown waits for its first code; then another one is shown.
const SHOWN_FOR: i64 = 1_800 * SECOND;
/// Answers to one question; then it begins with the password again.
const TRIES: u64 = 5;
/// Wrong codes in a row, from wherever, after which only recovery codes are looked at (NIST SP 800-63B, 5.2.2).
const MOST_FAILED: u64 = 100;
/// Wrong codes in a row of which the owner is told.
const TOLD: u64 = 10;
const RECOVERY_CODES: usize = 10;
/// What the access log calls both kinds of codes.
const BY_CODE: &str = "a code, as the second step";
/// Random bytes of one: nobody guesses it, nor finds it by its hash.
const RECOVERY_LEN: usize = 15;

/// What became of somebody who has shown one thing that signs in.
pub enum Entered {
    In(SignedIn),
    /// They are asked for a code; the browser keeps this token meanwhile, which is no session.
    Halfway {
        token: String,
    },
}

/// Why a code opened nothing. `Display` is a public sentence.
#[derive(Debug, thiserror::Error)]
pub enum CodeError {
    #[error(
        "This code is not right, or it was used before. Codes of the app change every 30 seconds: wait for the next one."
    )]
    Wrong,
    #[error("Too many attempts. Try again in {}.", super::error::minutes(*retry_after_s))]
    TooMany { retry_after_s: u64 },
    /// Of the app's codes; whoever guesses has none of the other kind.
    #[error(
        "Too many wrong codes were typed for this account, so codes of the app are not looked at. Use one of your recovery \
         codes."
    )]
    Exhausted,
    /// What the settings seal with is another key than it was.
    #[error("Codes of the app can't be checked right now. Use one of your recovery codes.")]
    Unreadable,
    /// There is no such question: too late, too often, or in another browser.
    #[error(
        "This took more than ten minutes, was begun in another browser, or was tried too often. Please sign in again."
    )]
    Stale,
    #[error(transparent)]
    Failed(#[from] Error),
}

/// What somebody is shown who sets up an app.
pub struct Shown {
    pub secret: Secret,
    pub email: String,
}

/// What the settings say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// When the app was set up; `None`: there is none.
    pub since: Option<Timestamp>,
    pub recovery_codes: u64,
}

impl Console {
    /// Opens a session for somebody who has shown one thing that signs in (`way`, as the access log calls it), or asks for the
    /// second one where an app is set up. `next` is a path of this site, looked at by whoever calls.
    pub(super) async fn enter(
        &self,
        user: UserRow,
        next: &str,
        (old_token, way): (Option<&str>, &str),
    ) -> Result<Entered, Error> {
        if !self.has_second_factor(&user).await? {
            let signed_in = self.open_session(user, old_token).await?;
            self.note_access(signed_in.user.id, Access::SignedIn, way).await;
            return Ok(Entered::In(signed_in));
        }
        let (token, now) = (new_token(&*self.random), self.clock.now());
        let step = NewSecondStep {
            browser_hash: hash(&token),
            user_id: user.id,
            next: super::provider_rounds::path(next),
            created_at: now,
            expires_at: now.saturating_add(LIFETIME_S * SECOND),
        };
        self.store.insert_second_step(&step).await?;
        Ok(Entered::Halfway { token })
    }

    pub async fn has_second_factor(&self, user: &UserRow) -> Result<bool, Error> {
        Ok(self.store.find_totp(user.id).await?.is_some_and(|row| row.confirmed_at.is_some()))
    }

    /// Whether this browser is asked for a code.
    pub async fn is_halfway(&self, token: &str) -> Result<bool, Error> {
        Ok(self.store.find_second_step(hash(token), self.clock.now()).await?.is_some())
    }

    /// Opens a session for a browser that was asked for a code; a path to go on to.
    pub async fn finish_second_step(
        &self,
        token: &str,
        code: &str,
        address: IpAddr,
        old_token: Option<&str>,
    ) -> Result<(SignedIn, String), CodeError> {
        let browser = hash(token);
        let tried = self.store.try_second_step(browser, self.clock.now(), TRIES).await;
        let step = tried.map_err(Error::from)?.ok_or(CodeError::Stale)?;
        let user = self.store.find_user(step.user_id).await.map_err(Error::from)?.ok_or(CodeError::Stale)?;
        let shown = self.must_know_code(&user, code, address).await;
        if matches!(shown, Err(CodeError::Wrong)) && step.tries >= TRIES {
            self.store.delete_second_step(browser).await.map_err(Error::from)?;
            return Err(CodeError::Stale);
        }
        shown?;
        // A password that was changed meanwhile has ended it.
        if !self.store.delete_second_step(browser).await.map_err(Error::from)? {
            return Err(CodeError::Stale);
        }
        let signed_in = self.open_session(user, old_token).await?;
        self.note_access(signed_in.user.id, Access::SignedIn, BY_CODE).await;
        Ok((signed_in, step.next))
    }

    /// Opens a new session for somebody who is signed in and shows a code; the old one ends.
    pub async fn confirm_by_code(
        &self,
        (token, session): (&str, SessionRow),
        code: &str,
        address: IpAddr,
    ) -> Result<SignedIn, CodeError> {
        self.must_know_code(&session.user, code, address).await?;
        let signed_in = self.open_session(session.user, Some(token)).await?;
        self.note_access(signed_in.user.id, Access::Confirmed, BY_CODE).await;
        Ok(signed_in)
    }

    /// Takes a code of the app, or a recovery code. Guesses are counted for each place as passwords are, and those of the app, which
    /// could be guessed, for the account as well.
    async fn must_know_code(&self, user: &UserRow, code: &str, address: IpAddr) -> Result<(), CodeError> {
        let now = self.clock.now();
        let counted = format!("code of {}", user.id);
        self.sign_ins
            .attempt(&counted, address, now)
            .map_err(|retry_after_s| CodeError::TooMany { retry_after_s })?;
        let shown = match (totp::parse(code), recovery_hash(code)) {
            (Some(code), _) => self.take_code(user, code, now).await,
            (None, Some(hash)) => self.take_recovery_code(user, hash, now).await,
            (None, None) => Err(CodeError::Wrong),
        };
        if matches!(shown, Err(CodeError::Wrong)) {
            self.note_access_later(user.id, Access::CodeRefused, "");
        } else {
            self.sign_ins.give_back(&counted, address);
        }
        shown
    }

    async fn take_code(&self, user: &UserRow, code: u32, now: Timestamp) -> Result<(), CodeError> {
        let app = self.store.find_totp(user.id).await.map_err(Error::from)?;
        let app = app.filter(|app| app.confirmed_at.is_some()).ok_or(CodeError::Wrong)?;
        let secret = self.opened(user, &app).ok_or(CodeError::Unreadable)?;
        let counted = self.store.count_code(user.id, MOST_FAILED).await.map_err(Error::from)?;
        let failed = counted.ok_or(CodeError::Exhausted)?;
        if let Some(step) = totp::step_of(&secret, code, now)
            && self.store.take_totp_step(user.id, step).await.map_err(Error::from)?
        {
            return Ok(());
        }
        if failed == TOLD {
            let letter = Letter::CodesRefused { name: user.name.clone() };
            let mail = self.compose_mail(&user.email, &letter);
            self.store.insert_mail(&mail).await.map_err(Error::from)?;
            self.mail_written(&mail);
        }
        Err(CodeError::Wrong)
    }

    async fn take_recovery_code(
        &self,
        user: &UserRow,
        hash: SecretHash,
        now: Timestamp,
    ) -> Result<(), CodeError> {
        let letter = Letter::RecoveryCodeUsed { name: user.name.clone() };
        let mail = self.compose_mail(&user.email, &letter);
        let taken = self.store.take_recovery_code(user.id, hash, (&mail, now)).await.map_err(Error::from)?;
        taken.ok_or(CodeError::Wrong)?;
        self.mail_written(&mail);
        Ok(())
    }

    /// The secret that is shown to whoever sets up an app; the same until it is confirmed, or half an hour old. `None`: an app is in
    /// force.
    ///
    /// Errors: an account that is suspended or whose e-mail is not verified (403).
    pub async fn prepare_second_factor(&self, recent: &Recent) -> Result<Option<Shown>, Error> {
        let user = recent.user();
        let caller = Customer::on_page(user.clone());
        caller.must_write()?;
        // Who only claims an e-mail may lose it to whoever reads that mailbox.
        caller.must_be_verified()?;
        let now = self.clock.now();
        let known = self.store.find_totp(user.id).await?;
        if known.as_ref().is_some_and(|app| app.confirmed_at.is_some()) {
            return Ok(None);
        }
        let email = user.email.clone();
        let fresh = known.filter(|app| now.saturating_since(app.created_at) < SHOWN_FOR);
        if let Some(secret) = fresh.and_then(|app| self.opened(user, &app)) {
            return Ok(Some(Shown { secret, email }));
        }
        let secret = totp::new_secret(&*self.random);
        self.store.prepare_totp(user.id, &self.kept(user, &secret)?, now).await?;
        Ok(Some(Shown { secret, email }))
    }

    /// Puts the app into force whose code this is; its recovery codes, which are shown once and kept as hashes.
    pub async fn confirm_second_factor(&self, recent: &Recent, code: &str) -> Result<Vec<String>, CodeError> {
        let user = recent.user();
        Customer::on_page(user.clone()).must_write()?;
        let now = self.clock.now();
        let app = self.store.find_totp(user.id).await.map_err(Error::from)?.ok_or(CodeError::Stale)?;
        let secret = self.opened(user, &app).ok_or(CodeError::Unreadable)?;
        let step = totp::parse(code).and_then(|code| totp::step_of(&secret, code, now));
        let step = step.ok_or(CodeError::Wrong)?;
        let (codes, hashes) = self.new_recovery_codes();
        let mail = self.compose_mail(&user.email, &Letter::SecondFactorOn { name: user.name.clone() });
        let confirmed = self.store.confirm_totp(user.id, (&app.secret, step), &hashes, (&mail, now)).await;
        if !confirmed.map_err(Error::from)? {
            return Err(CodeError::Stale);
        }
        self.mail_written(&mail);
        self.note_access(user.id, Access::SecondFactorOn, "").await;
        Ok(codes)
    }

    /// Makes other recovery codes; those from before open nothing any more. `None`: there is no app to recover from.
    pub async fn renew_recovery_codes(&self, recent: &Recent) -> Result<Option<Vec<String>>, Error> {
        let user = recent.user();
        Customer::on_page(user.clone()).must_write()?;
        let (codes, hashes) = self.new_recovery_codes();
        let mail = self.compose_mail(&user.email, &Letter::RecoveryCodesMade { name: user.name.clone() });
        if !self.store.replace_recovery_codes(user.id, &hashes, &mail).await? {
            return Ok(None);
        }
        self.mail_written(&mail);
        self.note_access(user.id, Access::RecoveryCodesMade, "").await;
        Ok(Some(codes))
    }

    /// Takes the app away: signing in asks for no code any more. Whether there was one.
    pub async fn remove_second_factor(&self, recent: &Recent) -> Result<bool, Error> {
        let user = recent.user();
        Customer::on_page(user.clone()).must_write()?;
        let mail = self.compose_mail(&user.email, &Letter::SecondFactorOff { name: user.name.clone() });
        let removed = self.store.remove_totp(user.id, &mail).await?;
        if removed {
            self.mail_written(&mail);
            self.note_access(user.id, Access::SecondFactorOff, "").await;
        }
        Ok(removed)
    }

    /// Whether an app is set up, for the settings.
    pub async fn second_factor(&self, user: &UserRow) -> Result<Standing, Error> {
        let since = self.store.find_totp(user.id).await?.and_then(|app| app.confirmed_at);
        let recovery_codes = self.store.count_recovery_codes(user.id).await?;
        Ok(Standing { since, recovery_codes })
    }

    fn new_recovery_codes(&self) -> (Vec<String>, Vec<SecretHash>) {
        let mut codes = Vec::with_capacity(RECOVERY_CODES);
        let mut hashes = Vec::with_capacity(RECOVERY_CODES);
        for _ in 0..RECOVERY_CODES {
            let mut bytes = [0; RECOVERY_LEN];
            self.random.fill(&mut bytes);
            let text = BASE32_NOPAD.encode(&bytes).to_ascii_lowercase();
            let groups: Vec<&str> =
                text.as_bytes().chunks(4).filter_map(|group| str::from_utf8(group).ok()).collect();
            codes.push(groups.join("-"));
            hashes.push(hash(&text));
        }
        (codes, hashes)
    }

    fn kept(&self, user: &UserRow, secret: &Secret) -> Result<KeptSecret, Error> {
        let Some(key) = &self.config.secret_key else {
            return Ok(KeptSecret { bytes: secret.to_vec(), is_sealed: false });
        };
        let bytes = sealing::seal(key, &about(user), secret, &*self.random);
        let bytes = bytes.ok_or_else(|| Error::internal("a secret could not be sealed"))?;
        Ok(KeptSecret { bytes, is_sealed: true })
    }

    /// `None`: it was sealed with another key than that of the settings.
    fn opened(&self, user: &UserRow, app: &TotpRow) -> Option<Secret> {
        let KeptSecret { bytes, is_sealed } = &app.secret;
        let plain = match (&self.config.secret_key, is_sealed) {
            (_, false) => Some(bytes.clone()),
            (Some(key), true) => sealing::open(key, &about(user), bytes),
            (None, true) => None,
        };
        let secret = plain.and_then(|plain| plain.try_into().ok());
        if secret.is_none() {
            tracing::error!(user = %user.id, "the secret of an authenticator app was sealed with another secret_key");
        }
        secret
    }
}

/// What a sealed secret is for.
fn about(user: &UserRow) -> String {
    format!("totp {}", user.id)
}

/// The hash of what may be a recovery code, however it is written; `None`: it can't be one.
fn recovery_hash(text: &str) -> Option<SecretHash> {
    let is_part = |letter: &char| !letter.is_whitespace() && *letter != '-';
    let plain: String = text.chars().filter(is_part).take(64).collect();
    let plain = plain.to_ascii_lowercase();
    let is_code = plain.len() == RECOVERY_LEN * 8 / 5
        && plain.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7'));
    is_code.then(|| hash(&plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recovery_code_is_read_however_it_is_written() {
        let code = recovery_hash("abcd-efgh-2345-wxyz-2345-abcd");
        assert!(code.is_some());
        for same in
            ["ABCDEFGH2345WXYZ2345ABCD", " abcd efgh 2345 wxyz 2345 abcd ", "abcd-efgh-2345-wxyz-2345-abcd\n"]
        {
            assert_eq!(recovery_hash(same), code, "{same}");
        }
        for other in [
            "",
            "abcd-efgh-2345-wxyz-2345-abc",
            "abcd-efgh-2345-wxyz-2345-abc1",
            "abcd-efgh-2345-wxyz-2345-abcdd",
            "äbcdefgh2345wxyz2345abc",
        ] {
            assert_eq!(recovery_hash(other), None, "{other}");
        }
    }
}
