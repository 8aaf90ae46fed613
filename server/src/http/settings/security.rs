//! `POST /settings/security` (the password), `POST /settings/security/unlink`, `GET /settings/security/link/{provider}`.

use app::backend::ConsoleError;
use axum::Router;
use axum::extract::rejection::FormRejection;
use axum::extract::{Extension, Form, Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;

use super::super::client_address::ClientAddress;
use super::super::forms::{LINK, leave};
use super::super::pages::{Site, Visit};
use super::super::{recent, security};
use super::{page, refused, to_sign_in, unreadable};
use crate::auth::sessions;
use crate::console::Error;
use crate::console::security::PasswordError;
use crate::store::Unlinked;

const SECURITY: &str = "/settings/security";
/// The page, once somebody has proved who they are.
const CONFIRMED: &str = "/settings/security?said=confirmed";

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
        return Ok(page(&site, viewer, SECURITY, refused(unreadable(), vec![])).await);
    };
    match site.console.change_password(session, (current, password), address).await {
        Ok(()) => Ok(Redirect::to("/settings/security?said=password").into_response()),
        Err(error) => Ok(page(&site, viewer, SECURITY, refused(spoken(error), vec![])).await),
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
        Err(error) => return page(&site, viewer, SECURITY, refused(error.into(), vec![])).await,
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
