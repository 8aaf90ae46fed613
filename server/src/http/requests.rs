//! What is noted of every request: a span that its log lines stand in, one line when it is answered, and a count.
//!
//! The route is its pattern: paths may hold ids and queries may hold secrets, and there are as many of them as callers
//! like. Headers and bodies are never written. An answer that streams is timed until it begins.

use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::StatusCode;
use tracing::Instrument as _;

use super::frame::RequestId;
use crate::console::Console;

/// The route of a path that leads nowhere.
const NOWHERE: &str = "none";

/// Opens the span of a request, and writes its line in the end: failures as warnings, refusals as information, all other
/// answers for those who ask for them (`RUST_LOG=info,server::http::requests=debug`).
pub async fn observe(State(console): State<Console>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map_or(NOWHERE, MatchedPath::as_str);
    let id = request.extensions().get::<RequestId>().cloned();
    let request_id = id.as_ref().map_or("", RequestId::text);
    let span = tracing::info_span!("request", request_id, method = %request.method(), route);
    let response = next.run(request).instrument(span.clone()).await;
    let (status, took) = (response.status(), began.elapsed());
    span.in_scope(|| write(status, took));
    console.meters.requests.answered(route, status, took);
    response
}

fn write(status: StatusCode, took: Duration) {
    let status = status.as_u16();
    let duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    match status {
        500..503 | 504.. => tracing::warn!(status, duration_us, "answered"),
        // Asked to come back: a refusal, whose cause is in the log where it is more than too much to do.
        400.. => tracing::info!(status, duration_us, "answered"),
        _ => tracing::debug!(status, duration_us, "answered"),
    }
}
