//! `GET /settings/account/data`, `POST /settings/account/export`, `…/delete` and `…/keep`: what becomes of somebody's data.

use app::backend::Viewer;
use app::backend::form::FormState;
use app::ssr::Content;
use axum::Router;
use axum::extract::rejection::FormRejection;
use axum::extract::{Extension, Form, Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;

use super::super::archive::{self, Source};
use super::super::pages::{self, DATA, Site, Visit};
use super::super::recent;
use super::{pairs, refused, to_sign_in};
use crate::auth::sessions;
use crate::console::Error;

/// The page that this stands in the place of.
const ACCOUNT: &str = "/settings/account";

pub(super) fn router() -> Router<Site> {
    Router::new()
        .route(DATA, get(page))
        .route("/settings/account/export", post(export))
        .route("/settings/account/delete", post(delete))
        .route("/settings/account/keep", post(keep))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    said: String,
}

async fn page(
    State(site): State<Site>,
    Extension(Visit(viewer)): Extension<Visit>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Error> {
    let Some(viewer) = viewer else { return Ok(pages::to_the_form(&uri)) };
    let Query(Asked { said }) = Query::try_from_uri(&uri).unwrap_or_default();
    shown(&site, viewer, &headers, (StatusCode::OK, FormState::default()), &said).await
}

async fn shown(
    site: &Site,
    viewer: Viewer,
    headers: &HeaderMap,
    (status, form): (StatusCode, FormState),
    said: &str,
) -> Result<Response, Error> {
    let session = sessions::find(&site.console, headers).await?.ok_or(Error::Unauthorized)?;
    let view = site.console.leaving_view(&viewer, &session.user).await?;
    let content = Content(app::pages::settings::leaving::content(&view, &form, said));
    Ok(pages::still_page_for(site, viewer, ACCOUNT, status, content).await)
}

/// The archive, for somebody who has proved lately who they are.
async fn export(
    State(site): State<Site>,
    Extension(Visit(viewer)): Extension<Visit>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let Some(viewer) = viewer else { return Ok(to_sign_in(DATA)) };
    let recent = match recent::must_be(&site, &headers, (DATA, DATA)).await {
        Ok(recent) => recent,
        Err(led) => return Ok(led),
    };
    let turn = match site.console.begin_export(&recent).await {
        Ok(turn) => turn,
        Err(error) => {
            let retry_after_s = error.retry_after_s();
            let refused = refused(error.into(), vec![]);
            let mut response = shown(&site, viewer, &headers, refused, "").await?;
            let retry = retry_after_s.map(|seconds| (RETRY_AFTER, HeaderValue::from(seconds)));
            response.headers_mut().extend(retry);
            return Ok(response);
        }
    };
    let source = Source { console: site.console.clone(), user: recent.user().clone(), turn };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/zip")),
        (CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"plexe-console.zip\"")),
    ];
    Ok((headers, archive::body(source)).into_response())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct DeleteFields {
    email: String,
}

async fn delete(
    State(site): State<Site>,
    Extension(Visit(viewer)): Extension<Visit>,
    headers: HeaderMap,
    fields: Result<Form<DeleteFields>, FormRejection>,
) -> Result<Response, Error> {
    let Some(viewer) = viewer else { return Ok(to_sign_in(DATA)) };
    let recent = match recent::must_be(&site, &headers, (DATA, DATA)).await {
        Ok(recent) => recent,
        Err(led) => return Ok(led),
    };
    let Form(DeleteFields { email }) = fields.unwrap_or_default();
    match site.console.close_account(&recent, &email).await {
        Ok(()) => Ok(Redirect::to(DATA).into_response()),
        Err(error) => {
            let refused = refused(error.into(), pairs([("email", &email)]));
            shown(&site, viewer, &headers, refused, "").await
        }
    }
}

/// Whoever is signed in has proved that it is them since the account was closed, or closed it.
async fn keep(State(site): State<Site>, headers: HeaderMap) -> Result<Response, Error> {
    let Some(own) = sessions::find(&site.console, &headers).await? else { return Ok(to_sign_in(DATA)) };
    site.console.keep_account(&own.user).await?;
    Ok(Redirect::to("/settings/account/data?said=kept").into_response())
}
