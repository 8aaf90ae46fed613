//! The console's cookie, as requests present it.

use http::HeaderMap;
use http::header::COOKIE;
use server::auth::sessions::{cookie_for, presented_token, removal};
use server::config::BaseUrl;

use crate::request::append;

/// How long a session lasts, in microseconds.
const LIFETIME: i64 = ledger::time::DAY;

/// Reads each line as one `Cookie` header of the same request.
///
/// # Panics
/// Where a rule is broken.
pub fn check(bytes: &[u8]) {
    let mut headers = HeaderMap::new();
    bytes.split(|byte| *byte == b'\n').for_each(|line| append(&mut headers, COOKIE, line));
    let sites =
        [("http://localhost:3000", "plexe_session"), ("https://console.example", "__Host-plexe_session")];
    for (site, name) in sites {
        let base_url: BaseUrl = site.parse().expect("a base URL");
        let token = presented_token(&base_url, &headers);
        assert_eq!(token, by_another_hand(&headers, name), "{headers:?}");
        if let Some(token) = token {
            check_token(&base_url, token);
        }
        let ended = removal(&base_url).expect("a header");
        assert_eq!(presented_token(&base_url, &sent_back(ended.as_bytes())), None);
    }
}

/// The first cookie of exactly this name that holds what a token is made of.
fn by_another_hand<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let is_token = |text: &str| text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    for line in headers.get_all(COOKIE) {
        let Ok(line) = line.to_str() else { continue };
        for pair in line.split(';').map(str::trim) {
            let value = pair.strip_prefix(name).and_then(|rest| rest.strip_prefix('='));
            if let Some(value) = value.filter(|value| is_token(value)) {
                return Some(value);
            }
        }
    }
    None
}

/// A browser that was given this token presents it.
fn check_token(base_url: &BaseUrl, token: &str) {
    let given = cookie_for(base_url, token, LIFETIME).expect("letters and digits are a header");
    assert_eq!(presented_token(base_url, &sent_back(given.as_bytes())), Some(token));
}

/// What a browser sends after this `Set-Cookie`.
fn sent_back(set_cookie: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let pair = set_cookie.split(|byte| *byte == b';').next().unwrap_or_default();
    append(&mut headers, COOKIE, pair);
    headers
}
