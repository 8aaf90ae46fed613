//! `GET /metrics`, on an address of its own: whoever reaches it may read it, so it stays off unless it is asked for.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use tokio::net::TcpListener;

use super::books::Books;
use super::text::{self, Scrape};
use crate::console::Console;
use crate::http::connections;
use crate::jobs::Stopping;

/// Answers until the server stops.
pub async fn serve(listener: TcpListener, console: Console, mut stopping: Stopping) {
    let books = Arc::new(Books::default());
    let router = Router::new().route("/metrics", get(scrape)).with_state((console, books));
    connections::serve(listener, router, async move { stopping.wait().await }).await;
}

/// What can't be read is missing; the rest says what it can.
async fn scrape(State((console, books)): State<(Console, Arc<Books>)>) -> Response {
    let unread = |error| tracing::warn!(%error, "the store could not be read for /metrics");
    let books = books.read(&console).await.map_err(unread).unwrap_or_default();
    let mails_waiting = console.store.count_waiting_mails().await.map_err(unread).ok();
    match (Scrape { console, books, mails_waiting }).text() {
        Ok(text) => ([(CONTENT_TYPE, text::CONTENT_TYPE)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "/metrics could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
