//! The whole router.

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{any, get};

use tower_http::catch_panic::CatchPanicLayer;

use super::{assets, frame, health, pages, rest, security};
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

/// Everything the server answers.
pub fn router(console: Console) -> Router {
    let framed = from_fn_with_state(console.clone(), frame::every_answer);
    let probes = Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .method_not_allowed_fallback(no_such_method);
    let site = pages::router(console.clone()).merge(assets::router());
    let site = site.layer(from_fn_with_state(console.clone(), security::page));
    api(console.clone())
        .merge(probes.with_state(console))
        .merge(site)
        .layer(CatchPanicLayer::custom(frame::panicked))
        .layer(framed)
}

/// The REST routes at `/…` and the same at `/v1/…`.
fn api(console: Console) -> Router {
    let routes = rest::router().method_not_allowed_fallback(no_such_method);
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
