//! What a browser shows when a page could not be made: a page, where programs get an envelope.
//!
//! It is rendered by itself, without the application's router, so that what broke the page cannot break this one.

use std::time::Duration;

use app::shell;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use leptos::nonce::{provide_nonce, use_nonce};
use leptos::prelude::{Owner, RenderHtml, provide_context};

use super::frame::{self, RequestId};
use super::{assets, pages, security};
use crate::console::Error;

/// How long a page may take to be ready for its first byte.
const READY: Duration = Duration::from_secs(if cfg!(test) { 2 } else { 15 });

/// Gives browsers a page for what would be an envelope. The status and the other headers stay.
pub async fn as_pages(request: Request, next: Next) -> Response {
    let for_browser = pages::wants_html(request.headers());
    let id = request.extensions().get::<RequestId>().cloned();
    if !for_browser {
        return next.run(request).await;
    }
    let mut response = if pages::reads(request.method()) {
        // A page waits for its data. What reads them may have died, and then nobody would ever answer.
        let late = |_| Error::internal("a page was not ready in time").into_response();
        tokio::time::timeout(READY, next.run(request)).await.unwrap_or_else(late)
    } else {
        // What changes something runs to its end (`uncut`).
        next.run(request).await
    };
    let Some(error) = frame::take_failure(&mut response) else { return response };
    let id = id.as_ref().map_or("unknown", RequestId::text);
    frame::log(&error, id);
    match page(&error, id) {
        Ok((body, policy)) => {
            let (mut parts, _) = response.into_parts();
            parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
            parts.headers.insert(CONTENT_SECURITY_POLICY, policy);
            parts.headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            Response::from_parts(parts, Body::from(body))
        }
        // A nonce that is no header value cannot be; the envelope says as much.
        Err(error) => error.into_response(),
    }
}

/// The document, and the policy with its nonce.
fn page(error: &Error, incident: &str) -> Result<(String, HeaderValue), Error> {
    let owner = Owner::new_root(None);
    owner.with(|| {
        provide_nonce();
        provide_context(assets::manifest());
        let nonce = use_nonce().ok_or_else(|| Error::internal("a page without a nonce"))?;
        let policy = security::content_security_policy(Some(&nonce))?;
        let html = shell::failure(error.status(), error.to_string(), incident.to_owned()).to_html();
        Ok((html, policy))
    })
}

#[cfg(test)]
mod tests {
    use app::backend::ConsoleError;
    use axum::Router;
    use axum::middleware::from_fn;
    use axum::routing::get;
    use http::StatusCode;
    use leptos::prelude::*;
    use leptos_axum::render_app_async_with_context;
    use tower::ServiceExt as _;
    use tower_http::catch_panic::CatchPanicLayer;

    use super::*;
    use crate::console::Error;

    async fn dies() -> Result<String, ConsoleError> {
        tokio::task::yield_now().await;
        panic!("SELECT secret")
    }

    /// A page whose data never comes, since what reads it panics on the way.
    fn dead_page() -> impl IntoView {
        let data = Resource::new_blocking(|| (), |()| dies());
        view! { <Suspense>{move || Suspend::new(async move { data.await.ok() })}</Suspense> }
    }

    async fn ask(path: &str, accept: &'static str) -> (StatusCode, String, Response<()>) {
        let broken = get(async || -> Response { panic!("SELECT secret") });
        let busy = get(async || Error::Unavailable { retry_after_s: 3 });
        let dead = get(render_app_async_with_context(|| {}, dead_page));
        let router = Router::new()
            .route("/broken", broken)
            .route("/busy", busy)
            .route("/dead", dead)
            .layer(CatchPanicLayer::custom(frame::panicked))
            .layer(from_fn(as_pages));
        let mut request = Request::builder().uri(path).header("accept", accept).body(Body::empty()).unwrap();
        request.extensions_mut().insert(RequestId::from_static("req_1"));
        let response = router.oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        (parts.status, String::from_utf8(body.to_vec()).unwrap(), Response::from_parts(parts, ()))
    }

    #[tokio::test]
    async fn a_page_that_panics_shows_its_incident_and_nothing_else() {
        for path in ["/broken", "/dead"] {
            let (status, page, response) = ask(path, "text/html,*/*").await;
            assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "{path}");
            assert!(page.starts_with("<!DOCTYPE html>") && page.contains("req_1"), "{page}");
            assert!(page.contains("Something went wrong on our side."), "{page}");
            assert!(!page.contains("SELECT") && !page.contains("panic"), "{page}");
            assert!(response.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().contains("'nonce-"));
        }
    }

    #[tokio::test]
    async fn a_busy_server_says_when_to_come_back() {
        let (status, page, response) = ask("/busy", "text/html").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(page.contains("The server is busy") && response.headers()["retry-after"] == "3", "{page}");
        let (status, body, _) = ask("/busy", "application/json").await;
        assert_eq!(
            (status, body.as_str()),
            (StatusCode::SERVICE_UNAVAILABLE, ""),
            "the envelope is the frame's"
        );
    }
}
