//! `GET /openapi.json`: what every route takes and answers (OpenAPI 3.1), from memory.
//!
//! `description` makes the document from the handlers' types and a test holds it against `server/openapi.json`, which
//! `server/build.rs` puts into the program with compressed copies.

use axum::Router;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;

use super::assets::{ASK_AGAIN, File, answer};

#[cfg(test)]
use super::description::{Area, Caller, Operation};

static DOCUMENT: File = include!(concat!(env!("OUT_DIR"), "/openapi.rs"));

/// The document's text.
pub const TEXT: &[u8] = DOCUMENT.identity;

pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route(
        "/openapi.json",
        get(async |headers: HeaderMap| -> Response { answer(&DOCUMENT, &headers, ASK_AGAIN) }),
    )
}

#[cfg(test)]
pub(super) fn described() -> Vec<Operation> {
    let operation = Operation::get("/openapi.json", "get_description", "This description")
        .about("OpenAPI 3.1, with an `ETag`.")
        .by(Area::Machines, Caller::Anybody);
    vec![operation]
}
