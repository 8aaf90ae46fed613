//! Requests that change something run to their end, also when the client has hung up.
//!
//! The web server drops the work of a request whose connection is gone. A change that is cut between its commit and the
//! moment when caches forget what they knew would be on disk and not in force: a revoked key would go on spending.

use std::panic::resume_unwind;

use axum::extract::Request;
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;

use crate::auth::Whence;
use crate::console::Error;

/// Middleware for all routes that change something by themselves. Charges don't need it: the sequencer finishes what it
/// has taken, whoever waits for it.
pub async fn to_the_end(request: Request, next: Next) -> Result<Response, Error> {
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(next.run(request).await);
    }
    whole(next.run(request)).await
}

/// Work that runs to its end whoever waits for it; for the few that change something although they only read by their method.
pub async fn whole<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Result<T, Error> {
    // What it writes into the log stands under its request all the same, and it still comes from where that does.
    let work = Whence::here().while_answering(work);
    match tokio::spawn(work.in_current_span()).await {
        Ok(done) => Ok(done),
        Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
        // The runtime is going down.
        Err(_) => Err(Error::Unavailable { retry_after_s: 1 }),
    }
}
