//! The whole router.

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{any, get};

use super::{assets, frame, health, pages, rest};
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
    let probes = Router::new().route("/healthz", get(health::healthz)).route("/readyz", get(health::readyz));
    let site = pages::router(console.clone()).merge(assets::router());
    api(console.clone())
        .merge(probes.with_state(console.clone()))
        .merge(site)
        .layer(from_fn_with_state(console, frame::every_answer))
}

/// The REST routes at `/…` and the same at `/v1/…`.
fn api(console: Console) -> Router {
    let routes = rest::router();
    let mut api = routes.clone().nest("/v1", routes);
    for root in API_ROOTS {
        api = api.route(root, any(no_such_route));
    }
    api.method_not_allowed_fallback(no_such_method).layer(from_fn(frame::api_answer)).with_state(console)
}

async fn no_such_route() -> Error {
    Error::not_found()
}

async fn no_such_method() -> Error {
    Error::MethodNotAllowed
}
