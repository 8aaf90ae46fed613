//! What a request presents: a key in one of two headers.

use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderValue};

use crate::console::Error;

const API_KEY: &str = "x-api-key";
const DIFFERENT: Error =
    Error::InvalidKey("Authorization and x-api-key hold different keys. Send one of them.");
const NOT_BEARER: Error = Error::InvalidKey("The Authorization header must be `Bearer <key>`.");
const NOT_TEXT: Error = Error::InvalidKey("This is not a key of this console.");

/// The key in `Authorization: Bearer` or `x-api-key`; `None` when neither is there.
pub fn presented_key(headers: &HeaderMap) -> Result<Option<&str>, Error> {
    let bearers = headers.get_all(AUTHORIZATION).iter().map(bearer);
    let others = headers.get_all(API_KEY).iter().map(text);
    let mut presented = None;
    for key in bearers.chain(others) {
        let key = key?;
        if presented.is_some_and(|known| known != key) {
            return Err(DIFFERENT);
        }
        presented = Some(key);
    }
    Ok(presented)
}

/// The scheme's name is read in any case (RFC 9110, 11.1).
fn bearer(value: &HeaderValue) -> Result<&str, Error> {
    let (scheme, key) = text(value)?.split_once(' ').ok_or(NOT_BEARER)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(key.trim()) } else { Err(NOT_BEARER) }
}

fn text(value: &HeaderValue) -> Result<&str, Error> {
    value.to_str().map(str::trim).map_err(|_| NOT_TEXT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presented(pairs: &[(&'static str, &'static str)]) -> Result<Option<String>, &'static str> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        presented_key(&headers).map(|key| key.map(str::to_owned)).map_err(|error| error.code())
    }

    #[test]
    fn both_headers_are_read_and_must_agree() {
        assert_eq!(presented(&[]), Ok(None));
        for scheme in ["Bearer k", "bearer k", "BEARER  k "] {
            assert_eq!(presented(&[("authorization", scheme)]), Ok(Some("k".into())), "{scheme:?}");
        }
        assert_eq!(presented(&[("x-api-key", "k")]), Ok(Some("k".into())));
        assert_eq!(presented(&[("authorization", "Bearer k"), ("x-api-key", "k")]), Ok(Some("k".into())));
        assert_eq!(presented(&[("authorization", "Bearer k"), ("x-api-key", "l")]), Err("invalid_key"));
        assert_eq!(presented(&[("x-api-key", "k"), ("x-api-key", "l")]), Err("invalid_key"));
    }

    #[test]
    fn another_scheme_is_no_key() {
        for value in ["Basic YTpi", "k", "", "Bearer"] {
            assert_eq!(presented(&[("authorization", value)]), Err("invalid_key"), "{value:?}");
        }
    }
}
