//! Turns away what the sequencer would be asked, while more waits for it than is served soon: before anybody looks at who
//! asks, and without reading what. A refusal costs a fraction of a charge, so that those who are let in are answered as
//! fast as ever.

use std::time::{Duration, Instant};

use axum::body::{Body, HttpBody as _};
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures::StreamExt as _;
use http::{Method, StatusCode, header};

use super::frame;
use super::json::MAX_BODY;
use crate::console::{Console, Error};
use crate::sequencer::job::Busy;

/// How long a body that nobody reads may take to arrive.
const DEADLINE: Duration = Duration::from_secs(15);

/// Middleware for all routes, right inside the frame.
pub async fn keep(State(console): State<Console>, request: Request, next: Next) -> Response {
    if !is_for_the_sequencer(&request) || !console.sequencer.is_crowded() {
        return next.run(request).await;
    }
    let began = Instant::now();
    console.sequencer.charges().turned_away(1);
    let route = request.extensions().get::<MatchedPath>().cloned();
    pass_over(request).await;
    let mut response = Error::from(Busy::Full).into_response();
    frame::mark_as_api(response.headers_mut());
    // Not in the log: a line for each would cost more than the refusal.
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    console.meters.requests.answered(route, StatusCode::SERVICE_UNAVAILABLE, began.elapsed());
    response
}

/// Charges, checks, holds, what closes them, and corrections.
fn is_for_the_sequencer(request: &Request) -> bool {
    let path = request.uri().path();
    request.method() == Method::POST && path.strip_prefix("/v1").unwrap_or(path).starts_with("/usage/")
}

/// Takes in the body and forgets it: the connection serves the next request then, and the client hears the answer, which
/// it might not while it still sends. Larger ones than would ever be read, and those that the client holds back until it
/// is told to go on, are left where they are, and their connection ends.
async fn pass_over(request: Request) {
    if request.body().is_end_stream() || request.headers().contains_key(header::EXPECT) {
        return;
    }
    let passed = async {
        let mut chunks = Body::into_data_stream(request.into_body());
        let mut length = 0;
        while let Some(Ok(chunk)) = chunks.next().await {
            length += chunk.len();
            if length > MAX_BODY {
                break;
            }
        }
    };
    // Too slow is too large.
    let _ = tokio::time::timeout(DEADLINE, passed).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_usage_goes_to_the_sequencer() {
        let is = |method: &str, path: &str| {
            let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
            is_for_the_sequencer(&request)
        };
        for path in ["/usage/events", "/v1/usage/events", "/usage/holds/hold_1/settle", "/usage/check?x=1"] {
            assert!(is("POST", path), "{path}");
            assert!(!is("GET", path), "{path}");
        }
        for path in
            ["/", "/usage", "/v1", "/auth/api-keys", "/v1/auth/api-keys", "/v2/usage/events", "/usages/"]
        {
            assert!(!is("POST", path), "{path}");
        }
    }
}
