//! Cookies that hold a token. Over https the browser itself refuses them from anywhere but this host (RFC 6265bis, `__Host-`);
//! on `http://localhost`, where that prefix is not to be had, they have a plain name.

use http::header::{COOKIE, HeaderMap, HeaderValue};

use super::tokens::is_random;
use crate::config::BaseUrl;
use crate::console::Error;

/// One of our cookies, by its names.
#[derive(Debug, Clone, Copy)]
pub struct Cookie {
    pub secure_name: &'static str,
    pub plain_name: &'static str,
}

impl Cookie {
    const fn name(self, is_https: bool) -> &'static str {
        if is_https { self.secure_name } else { self.plain_name }
    }

    /// The `Set-Cookie` that keeps a token for so many seconds; 0 takes it away.
    pub fn set(self, base_url: &BaseUrl, token: &str, max_age_s: i64) -> Result<HeaderValue, Error> {
        let name = self.name(base_url.is_https());
        let secure = if base_url.is_https() { "; Secure" } else { "" };
        let text = format!("{name}={token}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Lax{secure}");
        HeaderValue::from_str(&text).map_err(Error::internal)
    }

    /// The token in the request's cookie; a cookie that can't hold one is none.
    pub fn token<'a>(self, base_url: &BaseUrl, headers: &'a HeaderMap) -> Option<&'a str> {
        let name = self.name(base_url.is_https());
        let pairs = headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|text| text.split(';'));
        let mut named = pairs.filter_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='));
        named.find(|token| is_random(token))
    }
}
