//! The console's cookie: a random token, kept hashed.

use http::header::{HeaderMap, HeaderValue};
use ledger::Timestamp;
use ledger::time::{DAY, SECOND};

use super::cookies::Cookie;
use super::tokens::{LEN, hash};
use crate::config::BaseUrl;
use crate::console::{Console, Error};
use crate::random::{Random, alphanumeric};
use crate::store::SessionRow;

/// A session ends this long after signing in.
pub const LIFETIME: i64 = 30 * DAY;
/// How exact `last_seen_at` is.
const SEEN_EVERY: i64 = 300 * SECOND;

const COOKIE: Cookie = Cookie { secure_name: "__Host-plexe_session", plain_name: "plexe_session" };

pub fn new_token(random: &dyn Random) -> String {
    alphanumeric(random, LEN)
}

/// The `Set-Cookie` that signs in.
pub fn cookie(base_url: &BaseUrl, token: &str) -> Result<HeaderValue, Error> {
    COOKIE.set(base_url, token, LIFETIME / SECOND)
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
    let now = console.clock.now();
    let found = console.store.find_session(hash(token), now).await?;
    if let Some(session) = &found {
        touch(console, token, session.last_seen_at, now).await;
    }
    Ok(found)
}

async fn touch(console: &Console, token: &str, last_seen_at: Timestamp, now: Timestamp) {
    if now.saturating_since(last_seen_at) < SEEN_EVERY {
        return;
    }
    if let Err(error) = console.store.touch_session(hash(token), now).await {
        tracing::warn!(%error, "a session's last use was not noted");
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
        let cookie = |url: &str| cookie(&base_url(url), "t0ken").unwrap().to_str().unwrap().to_owned();
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
