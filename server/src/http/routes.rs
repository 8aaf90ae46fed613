//! The whole router.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{any, get};

use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::RequestBodyTimeoutLayer;

use super::{assets, door, frame, health, pages, requests, rest, security, storable, uncut};
use crate::console::{Console, Error};

/// First segments of the API. Whatever below them is no route answers in the API's way, with a JSON envelope.
const API_ROOTS: [&str; 7] = [
    "/v1/{*rest}",
    "/auth/{*rest}",
    "/usage/{*rest}",
    "/credits/{*rest}",
    "/billing/{*rest}",
    "/rate-card/{*rest}",
    "/v1",
];

/// The largest form, in bytes: a long text in which every character is escaped.
const MAX_FORM: usize = 64 << 10;
/// Between two pieces of a form.
const FORM_PAUSE: Duration = Duration::from_secs(15);

/// Everything the server answers.
pub fn router(console: Console) -> Router {
    let framed = from_fn_with_state(console.clone(), frame::every_answer);
    let observed = from_fn_with_state(console.clone(), requests::observe);
    let turned_away = from_fn_with_state(console.clone(), door::keep);
    let probes = Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .method_not_allowed_fallback(no_such_method);
    let site = pages::router(console.clone()).merge(assets::router());
    let bounded = ServiceBuilder::new()
        .layer(RequestBodyTimeoutLayer::new(FORM_PAUSE))
        .map_request(|request: Request<_>| request.map(Body::new))
        .layer(DefaultBodyLimit::max(MAX_FORM));
    let site = site
        .layer(from_fn(uncut::to_the_end))
        .layer(from_fn(storable::form))
        .layer(bounded)
        .layer(from_fn_with_state(console.clone(), security::page));
    api(console.clone())
        .merge(probes.with_state(console))
        .merge(site)
        .layer(from_fn(storable::address))
        .layer(CatchPanicLayer::custom(frame::panicked))
        .layer(observed)
        .layer(turned_away)
        .layer(framed)
}

/// The REST routes at `/…` and the same at `/v1/…`.
fn api(console: Console) -> Router {
    let routes = rest::router(&console).method_not_allowed_fallback(no_such_method);
    let mut api = routes.clone().nest("/v1", routes);
    for root in API_ROOTS {
        api = api.route(root, any(no_such_route));
    }
    api.layer(from_fn(frame::api_answer)).with_state(console)
}

async fn no_such_route() -> Error {
    Error::not_found()
}

async fn no_such_method() -> Error {
    Error::MethodNotAllowed
}
