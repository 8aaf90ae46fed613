//! What every answer has: a request id, an error's envelope, and HSTS over https; and for answers of the API, CORS.
//!
//! Handlers answer with a [`Error`]; its response carries the error itself, and the frame writes the envelope with the
//! request's id and logs what is our fault, once.

use std::any::Any;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER,
    STRICT_TRANSPORT_SECURITY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;

use crate::console::error::Details;
use crate::console::{Console, Error};
use crate::random::alphanumeric;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const MAX_REQUEST_ID: usize = 128;
/// For how long browsers come by https alone, once they have come by it.
const A_YEAR: HeaderValue = HeaderValue::from_static("max-age=31536000; includeSubDomains");

/// The error that an answer is about, for [`every_answer`].
#[derive(Debug, Clone)]
struct Failure(Arc<Error>);

/// The request's id, in its extensions.
#[derive(Debug, Clone)]
pub struct RequestId(HeaderValue);

impl RequestId {
    #[cfg(test)]
    pub const fn from_static(id: &'static str) -> Self {
        Self(HeaderValue::from_static(id))
    }

    pub fn text(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }
}

/// Takes the error out of an answer that has no envelope yet; whoever takes it shows and logs it.
pub fn take_failure(response: &mut Response) -> Option<Arc<Error>> {
    response.extensions_mut().remove().map(|Failure(error)| error)
}

/// Says once in the log what is our fault.
pub fn log(error: &Error, request_id: &str) {
    if let Error::Internal(cause) = error {
        tracing::error!(request_id, cause = ?cause, "a request failed");
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after_s() {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(Failure(Arc::new(self)));
        response
    }
}

/// `{"error": {"code", "message", "status", …}}`
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Envelope<'a> {
    error: ErrorView<'a>,
}

/// An error as the wire shows it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ErrorView<'a> {
    code: &'static str,
    message: String,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Details<'a>>,
}

impl<'a> ErrorView<'a> {
    pub fn new(error: &'a Error, request_id: Option<&'a str>) -> Self {
        let (code, message, status) = (error.code(), error.to_string(), error.status());
        Self { code, message, status, request_id, details: error.details() }
    }
}

/// Gives every answer the request's id, and every error its envelope; no browser guesses what an answer is, and over https they
/// hear that there is nothing else.
pub async fn every_answer(State(console): State<Console>, mut request: Request, next: Next) -> Response {
    let id = request_id(request.headers(), &console);
    request.extensions_mut().insert(RequestId(id.clone()));
    let mut response = next.run(request).await;
    if let Some(error) = take_failure(&mut response) {
        response = with_envelope(response, &error, &id);
    }
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if console.config.base_url.is_https() {
        headers.insert(STRICT_TRANSPORT_SECURITY, A_YEAR);
    }
    response
}

/// The caller's own id where it can be echoed, else a new one.
fn request_id(headers: &HeaderMap, console: &Console) -> HeaderValue {
    let given = headers.get(REQUEST_ID).filter(|id| {
        (1..=MAX_REQUEST_ID).contains(&id.len())
            && id.as_bytes().iter().all(|byte| (0x21..=0x7e).contains(byte))
    });
    let made = || HeaderValue::from_str(&format!("req_{}", alphanumeric(&*console.random, 16)));
    given.cloned().map_or_else(made, Ok).unwrap_or(HeaderValue::from_static("req_unknown"))
}

fn with_envelope(response: Response, error: &Error, id: &HeaderValue) -> Response {
    let request_id = id.to_str().unwrap_or_default();
    log(error, request_id);
    let envelope = Envelope { error: ErrorView::new(error, Some(request_id)) };
    let (mut parts, _) = response.into_parts();
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    match serde_json::to_vec(&envelope) {
        Ok(body) => Response::from_parts(parts, body.into()),
        Err(cause) => {
            tracing::error!(request_id, %cause, "an error's envelope could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// For routes of the API: preflights, CORS, and an envelope also for what the framework itself refuses.
pub async fn api_answer(request: Request, next: Next) -> Response {
    let mut response =
        if request.method() == Method::OPTIONS { preflight() } else { next.run(request).await };
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    if is_error && response.extensions().get::<Failure>().is_none() {
        let allowed = response.headers_mut().remove(http::header::ALLOW);
        response = refusal_of_the_framework(status).into_response();
        response.headers_mut().extend(allowed.map(|allowed| (http::header::ALLOW, allowed)));
    }
    mark_as_api(response.headers_mut());
    response
}

/// What every answer of the API says to browsers and caches.
pub fn mark_as_api(headers: &mut HeaderMap) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

const EXPOSED: HeaderValue = HeaderValue::from_static(
    "x-request-id, retry-after, ratelimit-limit, ratelimit-remaining, ratelimit-reset",
);

fn preflight() -> Response {
    let headers = [
        (
            ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
        ),
        (ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("content-type, x-api-key, authorization")),
        (ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400")),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

fn refusal_of_the_framework(status: StatusCode) -> Error {
    match status {
        StatusCode::NOT_FOUND => Error::not_found(),
        StatusCode::METHOD_NOT_ALLOWED => Error::MethodNotAllowed,
        StatusCode::PAYLOAD_TOO_LARGE => Error::PayloadTooLarge("The request is too large."),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            Error::UnsupportedMediaType("The body's type is not supported.")
        }
        status if status.is_client_error() => Error::InvalidRequest("The request can't be read.".into()),
        status => Error::internal(format!("an answer of status {status} without a cause")),
    }
}

/// For a handler that panicked; the message is logged and not shown.
#[expect(clippy::needless_pass_by_value, reason = "the signature that CatchPanicLayer calls")]
pub fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
    Error::internal(format!("panic: {text}")).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::Reasons;

    #[test]
    fn an_envelope_has_code_message_status_and_details() {
        let error = Error::Validation(Reasons::from([("quantity".into(), "must not be negative".into())]));
        let envelope = Envelope { error: ErrorView::new(&error, Some("req_1")) };
        assert_eq!(
            serde_json::to_string(&envelope).unwrap(),
            r#"{"error":{"code":"validation_failed","message":"quantity must not be negative.","status":422,"request_id":"req_1","details":{"quantity":"must not be negative"}}}"#
        );
    }

    #[test]
    fn an_error_tells_when_to_come_back_and_how_to_identify_oneself() {
        let response = Error::RateLimited { retry_after_s: 61 }.into_response();
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()[RETRY_AFTER], "61");
        assert_eq!(Error::Unauthorized.into_response().headers()[WWW_AUTHENTICATE], "Bearer");
    }
}
