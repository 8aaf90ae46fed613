//! What protects pages: headers, and the refusal of changes that another site asks for.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, ORIGIN, REFERER, REFERRER_POLICY, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::config::BaseUrl;
use crate::console::{Console, Error};

const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// The policy of a page whose inline scripts and styles carry `nonce`; `None` for an answer without any.
///
/// The chart's tooltip sets style attributes, hence `style-src-attr`.
pub fn content_security_policy(nonce: Option<&str>) -> Result<HeaderValue, Error> {
    let nonce = nonce.map_or_else(String::new, |nonce| format!(" 'nonce-{nonce}'"));
    let policy = format!(
        "default-src 'self'; script-src 'self'{nonce} 'wasm-unsafe-eval'; style-src 'self'{nonce}; \
         style-src-attr 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; \
         frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).map_err(Error::internal)
}

/// For pages and server functions: refuses changes that another site asks for, and adds the headers of a page. A policy
/// with a nonce that the page has set itself stays.
pub async fn page(State(console): State<Console>, request: Request, next: Next) -> Result<Response, Error> {
    must_be_same_site(request.method(), request.headers(), &console.config.base_url)?;
    let mut response = next.run(request).await;
    let is_html =
        response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let headers = response.headers_mut();
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
    if is_html {
        if !headers.contains_key(CONTENT_SECURITY_POLICY) {
            headers.insert(CONTENT_SECURITY_POLICY, content_security_policy(None)?);
        }
        headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        // Leptos redirects forms to their referer, so it must reach our own origin.
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        headers.insert(OPENER_POLICY, HeaderValue::from_static("same-origin"));
        headers
            .insert(PERMISSIONS_POLICY, HeaderValue::from_static("camera=(), geolocation=(), microphone=()"));
    }
    Ok(response)
}

/// Refuses a change that a page of another origin asked for: by Fetch Metadata, else by `Origin`. Programs send neither.
fn must_be_same_site(method: &Method, headers: &HeaderMap, base_url: &BaseUrl) -> Result<(), Error> {
    const FOREIGN: Error = Error::Forbidden("Another site asked for this change; it was refused.");
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    let is_ours = match headers.get("sec-fetch-site") {
        Some(site) => matches!(site.as_bytes(), b"same-origin" | b"none"),
        None => headers.get(ORIGIN).is_none_or(|origin| is_own_origin(origin, headers, base_url)),
    };
    if is_ours { Ok(()) } else { Err(FOREIGN) }
}

/// Whether another site sent the browser here (Fetch Metadata). Browsers that don't say are taken at their word.
pub fn is_cross_site(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| !matches!(site.as_bytes(), b"same-origin" | b"none"))
}

/// Whether a page of ours led the browser here: by Fetch Metadata, else by `Referer`, which our pages send to our own origin. For
/// what a GET does that no other site may begin.
pub fn is_from_own_page(headers: &HeaderMap, base_url: &BaseUrl) -> bool {
    match headers.get("sec-fetch-site") {
        Some(site) => site.as_bytes() == b"same-origin",
        None => headers.get(REFERER).is_some_and(|from| {
            let rest = from.as_bytes().strip_prefix(base_url.as_str().as_bytes());
            rest.is_some_and(|rest| rest.starts_with(b"/"))
        }),
    }
}

/// The base URL, or in development the host that the browser asked.
fn is_own_origin(origin: &HeaderValue, headers: &HeaderMap, base_url: &BaseUrl) -> bool {
    if origin.as_bytes() == base_url.as_str().as_bytes() {
        return true;
    }
    let asked = origin.as_bytes().strip_prefix(b"http://");
    !base_url.is_https() && asked.is_some() && asked == headers.get(HOST).map(HeaderValue::as_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(method: &Method, base_url: &str, pairs: &[(&'static str, &'static str)]) -> bool {
        let headers: HeaderMap = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        must_be_same_site(method, &headers, &base_url.parse().unwrap()).is_ok()
    }

    #[test]
    fn changes_come_from_our_own_pages() {
        let here = "https://console.example";
        let post = |pairs: &[_]| allows(&Method::POST, here, pairs);
        assert!(post(&[("sec-fetch-site", "same-origin")]));
        assert!(post(&[("origin", "https://console.example")]));
        assert!(post(&[]));
        assert!(!post(&[("sec-fetch-site", "cross-site")]));
        assert!(!post(&[("sec-fetch-site", "same-site"), ("origin", "https://console.example")]));
        assert!(!post(&[("origin", "https://evil.example")]));
        assert!(!post(&[("origin", "null")]));
        assert!(!post(&[("origin", "http://evil.example"), ("host", "evil.example")]));
        assert!(allows(&Method::GET, here, &[("sec-fetch-site", "cross-site")]));
    }

    #[test]
    fn what_only_our_pages_may_begin_is_begun_by_them() {
        let is_ours = |pairs: &[(&'static str, &'static str)]| {
            let headers: HeaderMap = pairs
                .iter()
                .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
                .collect();
            is_from_own_page(&headers, &"https://console.example".parse().unwrap())
        };
        assert!(is_ours(&[("sec-fetch-site", "same-origin")]));
        assert!(is_ours(&[("referer", "https://console.example/settings/security")]));
        for site in ["cross-site", "same-site", "none"] {
            assert!(!is_ours(&[("sec-fetch-site", site), ("referer", "https://console.example/")]), "{site}");
        }
        assert!(!is_ours(&[]));
        assert!(!is_ours(&[("referer", "https://console.example.evil.example/")]));
        assert!(!is_ours(&[("referer", "https://evil.example/https://console.example/")]));
    }

    #[test]
    fn a_developer_may_use_another_name_of_this_machine() {
        let post = |pairs: &[_]| allows(&Method::POST, "http://localhost:3000", pairs);
        assert!(post(&[("origin", "http://127.0.0.1:3000"), ("host", "127.0.0.1:3000")]));
        assert!(!post(&[("origin", "http://127.0.0.1:4000"), ("host", "127.0.0.1:3000")]));
    }

    #[test]
    fn the_policy_names_the_nonce() {
        let policy = content_security_policy(Some("abc")).unwrap();
        let policy = policy.to_str().unwrap();
        assert!(policy.contains("script-src 'self' 'nonce-abc' 'wasm-unsafe-eval';"), "{policy}");
        assert!(policy.contains("style-src 'self' 'nonce-abc';"), "{policy}");
    }
}
