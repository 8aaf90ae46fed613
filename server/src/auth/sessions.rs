//! The console's cookie: a random token, kept hashed.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use http::header::{HeaderMap, HeaderValue};
use ledger::Timestamp;
use ledger::time::SECOND;
use sha2::{Digest as _, Sha256};

use super::Whence;
use super::cookies::Cookie;
use super::tokens::{LEN, SecretHash, hash};
use crate::config::BaseUrl;
use crate::console::{Console, Error};
use crate::random::{Random, alphanumeric};
use crate::store::{Seen, SessionRow};

/// How exact `last_seen_at` is.
const SEEN_EVERY: i64 = 60 * SECOND;
/// Sessions whose use waits to be written; past them it is noted at their next use.
const MANY: usize = 100_000;

const COOKIE: Cookie = Cookie { secure_name: "__Host-plexe_session", plain_name: "plexe_session" };

pub fn new_token(random: &dyn Random) -> String {
    alphanumeric(random, LEN)
}

/// The `Set-Cookie` that signs in.
pub fn cookie(console: &Console, token: &str) -> Result<HeaderValue, Error> {
    cookie_for(&console.config.base_url, token, console.config.account_life.session())
}

/// The same, for so many microseconds.
pub fn cookie_for(base_url: &BaseUrl, token: &str, lifetime: i64) -> Result<HeaderValue, Error> {
    COOKIE.set(base_url, token, lifetime / SECOND)
}

/// The `Set-Cookie` that signs out.
pub fn removal(base_url: &BaseUrl) -> Result<HeaderValue, Error> {
    COOKIE.set(base_url, "", 0)
}

/// The token in the request's cookie; a cookie that can't hold one is none.
pub fn presented_token<'a>(base_url: &BaseUrl, headers: &'a HeaderMap) -> Option<&'a str> {
    COOKIE.token(base_url, headers)
}

/// The session of the request's cookie; `None` when there is no cookie or its session has ended.
pub async fn find(console: &Console, headers: &HeaderMap) -> Result<Option<SessionRow>, Error> {
    let Some(token) = presented_token(&console.config.base_url, headers) else { return Ok(None) };
    let found = find_by_hash(console, hash(token)).await?;
    if let Some(session) = &found {
        console.seen.note(session, console.clock.now());
    }
    Ok(found)
}

/// The session with this token's hash; nothing is noted about its use.
pub async fn find_by_hash(console: &Console, token: SecretHash) -> Result<Option<SessionRow>, Error> {
    let now = console.clock.now();
    Ok(console.store.find_session(token, now, idle_since(console)).await?)
}

/// Sessions that were not used since are over.
pub fn idle_since(console: &Console) -> Timestamp {
    console.clock.now().saturating_add(-console.config.account_life.session_idle())
}

/// When a session ends if nobody uses it any more.
pub fn end(console: &Console, session: &SessionRow) -> Timestamp {
    let idle = session.last_seen_at.saturating_add(console.config.account_life.session_idle());
    idle.min(session.expires_at)
}

/// What a session is called where its token is no one's business; the same each time.
pub fn public_id(token: SecretHash) -> String {
    let digest = Sha256::new().chain_update(b"session").chain_update(token).finalize();
    let hex = digest.iter().take(12).map(|byte| format!("{byte:02x}"));
    hex.collect()
}

/// Sessions that were used, until that is written: no request waits for it.
#[derive(Debug, Default)]
pub struct SeenSessions(Mutex<HashMap<SecretHash, Seen>>);

impl SeenSessions {
    fn note(&self, session: &SessionRow, now: Timestamp) {
        if now.saturating_since(session.last_seen_at) < SEEN_EVERY {
            return;
        }
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() < MANY || seen.contains_key(&session.token_hash) {
            seen.insert(session.token_hash, Seen { at: now, whence: Whence::here() });
        }
    }

    /// All that were used since the last time.
    pub fn take(&self) -> Vec<(SecretHash, Seen)> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *seen).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use http::header::COOKIE;

    use super::*;

    fn base_url(text: &str) -> BaseUrl {
        text.parse().unwrap()
    }

    #[test]
    fn https_gets_a_host_cookie_and_localhost_a_plain_one() {
        let lifetime = 30 * ledger::time::DAY;
        let cookie =
            |url: &str| cookie_for(&base_url(url), "t0ken", lifetime).unwrap().to_str().unwrap().to_owned();
        assert_eq!(
            cookie("https://console.example"),
            "__Host-plexe_session=t0ken; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax; Secure"
        );
        assert_eq!(
            cookie("http://localhost:3000"),
            "plexe_session=t0ken; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax"
        );
    }

    #[test]
    fn the_token_is_found_among_other_cookies() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("a=b; xplexe_session=no"));
        headers.append(COOKIE, HeaderValue::from_static("theme=dark;plexe_session=short; c=d"));
        assert_eq!(presented_token(&base_url("http://localhost:3000"), &headers), None, "no token's length");
        let cookie =
            HeaderValue::from_static("c=d; plexe_session=0123456789abcdefghijABCDEFGHIJ0123456789;e=f");
        headers.append(COOKIE, cookie);
        let token = Some("0123456789abcdefghijABCDEFGHIJ0123456789");
        assert_eq!(presented_token(&base_url("http://localhost:3000"), &headers), token);
        assert_eq!(presented_token(&base_url("https://console.example"), &headers), None);
    }
}
