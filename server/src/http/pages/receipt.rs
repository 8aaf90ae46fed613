//! `POST /receipts/{event_id}`: the report of a problem, a plain form.

use app::backend::Viewer;
use app::backend::receipt::RefusedReport;
use app::shell::shell;
use axum::body::Body;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, Request, State};
use axum::http::header::RETRY_AFTER;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use leptos::prelude::provide_context;
use leptos_axum::render_app_async_with_context;
use serde::Deserialize;

use super::{Site, Visit, provide, to_the_form};
use crate::console::Error;
use crate::console::problem_reports::ReportError;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Fields {
    #[serde(default)]
    text: String,
}

/// Keeps the report and leads back to the receipt, so that loading it again sends nothing again.
pub(super) async fn report(
    State(site): State<Site>,
    Path(event_id): Path<String>,
    parts: Parts,
    fields: Result<Form<Fields>, FormRejection>,
) -> Result<Response, Error> {
    let here = parts.uri.path().to_owned();
    let Some(Visit(Some(viewer))) = parts.extensions.get::<Visit>().cloned() else {
        return Ok(to_the_form(&here.parse().unwrap_or(Uri::from_static("/"))));
    };
    // A form that can't be read has said nothing.
    let text = fields.map(|Form(fields)| fields.text).unwrap_or_default();
    match keep(&site, &viewer, &event_id, &text).await {
        Ok(()) => Ok(Redirect::to(&format!("{here}#reports")).into_response()),
        Err(ReportError::Failed(error)) => Err(error),
        Err(refusal) => Ok(again(&site, parts, &refusal, text).await),
    }
}

async fn keep(site: &Site, viewer: &Viewer, event_id: &str, text: &str) -> Result<(), ReportError> {
    site.console.report_problem(viewer, event_id, text).await
}

/// The receipt with what was typed.
async fn again(site: &Site, parts: Parts, refusal: &ReportError, text: String) -> Response {
    let (status, retry_after_s) = match refusal {
        ReportError::TooMany { retry_after_s } => (StatusCode::TOO_MANY_REQUESTS, Some(*retry_after_s)),
        _ => (StatusCode::UNPROCESSABLE_ENTITY, None),
    };
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = parts.uri;
    *request.method_mut() = Method::GET;
    *request.extensions_mut() = parts.extensions;
    let (site, refused) = (site.clone(), RefusedReport { text, problem: refusal.to_string() });
    let context = move || {
        provide(&site);
        provide_context(refused.clone());
    };
    let mut response = render_app_async_with_context(context, shell)(request).await;
    *response.status_mut() = status;
    response.headers_mut().extend(retry_after_s.map(|seconds| (RETRY_AFTER, HeaderValue::from(seconds))));
    response
}
