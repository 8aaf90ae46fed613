//! The headers that say where a caller is with the limit of requests. Who calls, and that they are counted, is found out by the
//! handlers' extractors (`auth/caller.rs`), which leave it in the request's [`Place`].

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderName, HeaderValue};

use crate::auth::Place;
use crate::auth::rates::Allowed;

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// Middleware for routes whose callers may have a limit.
pub async fn said(mut request: Request, next: Next) -> Response {
    let place = Place::default();
    request.extensions_mut().insert(place.clone());
    let mut response = next.run(request).await;
    if let Some(Allowed { limit, remaining, reset_s }) = place.get() {
        let headers = response.headers_mut();
        headers.insert(LIMIT, HeaderValue::from(limit));
        headers.insert(REMAINING, HeaderValue::from(remaining));
        headers.insert(RESET, HeaderValue::from(reset_s));
    }
    response
}
