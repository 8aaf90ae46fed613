//! `POST /settings/security` (the password), `POST /settings/security/unlink`, `GET /settings/security/link/{provider}`.

use app::backend::form::FormState;
use app::backend::{ConsoleError, Viewer};
use app::ssr::Content;
use axum::Router;
use axum::extract::rejection::FormRejection;
use axum::extract::{Extension, Form, Path, Query, State};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use leptos::prelude::provide_context;
use serde::Deserialize;

use super::super::client_address::ClientAddress;
use super::super::forms::{LINK, leave};
use super::super::pages::{self, Site, Visit};
use super::super::{recent, security};
use super::{refused, to_sign_in, unreadable};
use crate::auth::sessions;
use crate::console::Error;
use crate::console::security::PasswordError;
use crate::store::Unlinked;

/// The page that has its content from here.
pub(in super::super) const SECURITY: &str = "/settings/security";
/// The page, once somebody has proved who they are.
const CONFIRMED: &str = "/settings/security?said=confirmed";

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    said: String,
}

/// What the page shows: how the viewer signs in, what was done before (as its address says), and what is wrong with a form.
pub(in super::super) async fn content(
    site: &Site,
    viewer: &Viewer,
    uri: &Uri,
    form: &FormState,
) -> Result<Content, Error> {
    let Query(Asked { said }) = Query::try_from_uri(uri).unwrap_or_default();
    let view = site.console.security_view(viewer).await?;
    Ok(Content(app::pages::settings::security::content(&view, form, (&said, &site.assets().passkeys))))
}

/// The page again, with what is wrong.
async fn again(site: &Site, viewer: Viewer, error: ConsoleError) -> Response {
    let (status, form) = refused(error, vec![]);
    match content(site, &viewer, &Uri::from_static(SECURITY), &form).await {
        Ok(content) => {
            pages::page_for(site, viewer, SECURITY, status, move || provide_context(content.clone())).await
        }
        Err(error) => error.into_response(),
    }
}

pub(super) fn router() -> Router<Site> {
    Router::new()
        .route(SECURITY, post(change_password))
        .route("/settings/security/unlink", post(unlink))
        .route("/settings/security/link/{provider}", get(link))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PasswordFields {
    current: String,
    password: String,
}

/// Asks for the current password instead of for a recent one: that is as good.
async fn change_password(
    State(site): State<Site>,
    Extension(Visit(viewer)): Extension<Visit>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    fields: Result<Form<PasswordFields>, FormRejection>,
) -> Result<Response, Error> {
    let session = sessions::find(&site.console, &headers).await?;
    let Some((viewer, session)) = viewer.zip(session) else { return Ok(to_sign_in(SECURITY)) };
    let Ok(Form(PasswordFields { current, password })) = fields else {
        return Ok(again(&site, viewer, unreadable()).await);
    };
    match site.console.change_password(session, (current, password), address).await {
        Ok(()) => Ok(Redirect::to("/settings/security?said=password").into_response()),
        Err(error) => Ok(again(&site, viewer, spoken(error)).await),
    }
}

fn spoken(error: PasswordError) -> ConsoleError {
    let (status, field) = match &error {
        PasswordError::Failed(_) => (0, ""),
        PasswordError::Wrong => (422, "current"),
        PasswordError::None => (422, ""),
        PasswordError::TooMany { .. } => (429, ""),
    };
    match error {
        PasswordError::Failed(error) => error.into(),
        other => ConsoleError::Refused { status, reasons: vec![(field.to_owned(), other.to_string())] },
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct UnlinkFields {
    issuer: String,
    subject: String,
}

async fn unlink(
    State(site): State<Site>,
    Extension(Visit(viewer)): Extension<Visit>,
    headers: HeaderMap,
    fields: Result<Form<UnlinkFields>, FormRejection>,
) -> Response {
    let Some(viewer) = viewer else { return to_sign_in(SECURITY) };
    let recent = match recent::must_be(&site, &headers, (SECURITY, CONFIRMED)).await {
        Ok(recent) => recent,
        Err(led) => return led,
    };
    let Form(UnlinkFields { issuer, subject }) = fields.unwrap_or_default();
    let said = match site.console.unlink(&recent, &issuer, &subject).await {
        Ok(Unlinked::Done) => "unlinked",
        Ok(Unlinked::Last) => "last",
        Ok(Unlinked::Unknown) => "gone",
        Err(error) => return again(&site, viewer, error.into()).await,
    };
    Redirect::to(&format!("{SECURITY}?said={said}")).into_response()
}

/// Sends somebody to a provider, to link who they are there. It is a GET, since forms may lead nowhere else, and so it must come
/// from a page of ours: who could begin it from elsewhere could link an account of their own to somebody's.
async fn link(
    State(site): State<Site>,
    Path(provider): Path<String>,
    Extension(visit): Extension<Visit>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
) -> Result<Response, Error> {
    if !security::is_from_own_page(&headers, &site.console.config.base_url) {
        return Ok(Redirect::to(SECURITY).into_response());
    }
    let act = format!("{LINK}{provider}");
    let recent = match recent::must_be(&site, &headers, (SECURITY, &act)).await {
        Ok(recent) => recent,
        Err(led) => return Ok(led),
    };
    let begun = site.console.begin_link(&recent, &provider, SECURITY, address).await;
    leave(&site, begun, Some(&visit)).await
}
