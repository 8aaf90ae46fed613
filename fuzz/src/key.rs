//! Keys, as requests present them in `Authorization` and `x-api-key`.

use http::header::{AUTHORIZATION, HeaderMap, HeaderName};
use server::auth::credentials::presented_key;
use server::auth::tokens::Family;

use crate::request::append;

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Reads each line as a header of the same request: one that begins with `x` as `x-api-key`, another as `Authorization`,
/// both without that first letter.
///
/// # Panics
/// Where a rule is broken.
pub fn check(bytes: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        match line.split_first() {
            Some((b'x', value)) => append(&mut headers, API_KEY, value),
            Some((_, value)) => append(&mut headers, AUTHORIZATION, value),
            None => {}
        }
    }
    match presented_key(&headers) {
        Ok(None) => assert!(headers.is_empty(), "a key was passed over: {headers:?}"),
        Ok(Some(key)) => {
            check_headers(&headers, key);
            check_family(key);
            check_again(key);
        }
        Err(error) => assert_eq!((error.status(), error.code()), (401, "invalid_key"), "{error}"),
    }
}

/// Every header presents this key and no other.
fn check_headers(headers: &HeaderMap, key: &str) {
    assert_eq!(key, key.trim());
    for (name, value) in headers {
        let value = value.to_str().expect("a key is text").trim();
        if name == API_KEY {
            assert_eq!(value, key);
        } else {
            let (scheme, rest) = value.split_at("bearer".len());
            assert!(scheme.eq_ignore_ascii_case("bearer") && rest.starts_with(' '), "{value:?}");
            assert_eq!(rest.trim(), key);
        }
    }
}

/// A key that belongs to a family has the form of its keys.
fn check_family(key: &str) {
    let is_secret = |prefix: &str| {
        let secret = key.strip_prefix(prefix).unwrap_or_default();
        secret.len() == 40 && secret.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    let expected = [Family::Customer, Family::Service].into_iter().find(|family| is_secret(family.prefix()));
    assert_eq!(Family::of(key), expected, "{key:?}");
}

/// The same key in its usual place, and in both places, is the same key.
fn check_again(key: &str) {
    if key.is_empty() {
        return;
    }
    let mut headers = HeaderMap::new();
    append(&mut headers, AUTHORIZATION, format!("Bearer {key}").as_bytes());
    assert_eq!(presented_key(&headers).ok(), Some(Some(key)));
    append(&mut headers, API_KEY, key.as_bytes());
    assert_eq!(presented_key(&headers).ok(), Some(Some(key)));
    append(&mut headers, API_KEY, format!("{key}x").as_bytes());
    assert!(presented_key(&headers).is_err(), "two keys");
}
