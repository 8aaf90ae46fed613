//! Requests as a handler gets them, and what every refusal of one must be.

use std::cell::OnceCell;

use axum::body::Body;
use axum::extract::{FromRequest as _, FromRequestParts as _};
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use server::console::Error;
use server::http::query::Query;
use server::http::rest::cloud_events::ReportBody;
use tokio::runtime::{Builder, Runtime};

thread_local! {
    static RUNTIME: OnceCell<Runtime> = const { OnceCell::new() };
}

/// What an extractor answers.
fn answer<T>(future: impl Future<Output = T>) -> T {
    RUNTIME.with(|runtime| {
        let build = || Builder::new_current_thread().enable_time().build().expect("a runtime");
        runtime.get_or_init(build).block_on(future)
    })
}

/// The body of `POST /usage/events` under a content type.
pub fn report_body(content_type: &'static str, bytes: &[u8]) -> Result<ReportBody, Error> {
    let mut request = Request::new(Body::from(bytes.to_vec()));
    request.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer(ReportBody::from_request(request, &()))
}

/// The parameters of a request; `None` for a query string that no HTTP server takes.
pub fn query(text: &[u8]) -> Option<Result<Query, Error>> {
    let uri = [b"/x?", text].concat();
    let (mut parts, ()) = Request::get(uri.as_slice()).body(()).ok()?.into_parts();
    Some(answer(Query::from_request_parts(&mut parts, &())))
}

/// Appends a header; bytes that no HTTP server takes are left out.
pub fn append(headers: &mut HeaderMap, name: HeaderName, value: &[u8]) {
    if let Ok(value) = HeaderValue::from_bytes(value) {
        headers.append(name, value);
    }
}

/// A refusal of what was sent: it has the status of one, says something, and names what it can name.
pub fn must_be_a_refusal(error: &Error) {
    match error {
        Error::InvalidRequest(sentence) => assert!(sentence.ends_with('.'), "no sentence: {sentence:?}"),
        Error::PayloadTooLarge(_) => {}
        Error::Validation(reasons) => {
            assert!(!reasons.is_empty(), "refused without a reason");
            assert!(reasons.values().all(|reason| !reason.is_empty()), "no reason: {reasons:?}");
            let is_short = |name: &str| name.chars().count() <= "data.".len() + 65;
            assert!(reasons.keys().all(|name| is_short(name)), "repeats too much: {reasons:?}");
        }
        other => panic!("not a refusal of what was sent: {other:?}"),
    }
}
