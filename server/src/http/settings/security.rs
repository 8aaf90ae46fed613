//! `POST /settings/security` (the password), `POST /settings/security/unlink`, `GET /settings/security/link/{provider}`; `POST
//! /settings/security/sessions/end` and `…/end-others`; `GET /settings/security/log`; `POST /settings/security/email` and
//! `…/cancel`.

use app::backend::form::FormState;
use app::backend::{ConsoleError, Viewer};
use app::ssr::Content;
use axum::Router;
use axum::extract::rejection::FormRejection;
use axum::extract::{Extension, Form, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use leptos::prelude::provide_context;
use serde::Deserialize;

use super::super::client_address::ClientAddress;
use super::super::forms::{LINK, leave};
use super::super::pages::{self, Site, Visit};
use super::super::{recent, security};
use super::{pairs, refused, to_sign_in, unreadable};
use crate::auth::sessions;
use crate::console::Error;
use crate::console::security::PasswordError;
use crate::console::sessions::{Ended, LOGGED};
use crate::store::{SessionRow, Unlinked};

/// The page that has its content from here.
pub(in super::super) const SECURITY: &str = "/settings/security";
/// The page, once somebody has proved who they are.
const CONFIRMED: &str = "/settings/security?said=confirmed";

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    said: String,
    /// A page of the log goes on before this row.
    before: Option<i64>,
}

impl Asked {
    fn of(uri: &Uri) -> Self {
        Query::<Self>::try_from_uri(uri).map(|Query(asked)| asked).unwrap_or_default()
    }
}

/// What the page shows: how the viewer signs in and where they are, what was done before (as its address says), and what is wrong
/// with a form.
pub(in super::super) async fn content(
    site: &Site,
    viewer: &Viewer,
    session: &SessionRow,
    uri: &Uri,
    form: &FormState,
) -> Result<Content, Error> {
    let said = Asked::of(uri).said;
    let view = site.console.security_view(viewer, session).await?;
    Ok(Content(app::pages::settings::security::content(&view, form, (&said, &site.assets().passkeys))))
}

/// The page again, with what is wrong, in answer to the form of its own address.
async fn again(site: &Site, viewer: Viewer, headers: &HeaderMap, error: ConsoleError) -> Response {
    match shown_again(site, &viewer, headers, refused(error, vec![])).await {
        Ok((status, content)) => {
            pages::page_for(site, viewer, SECURITY, status, move || provide_context(content.clone())).await
        }
        Err(error) => error.into_response(),
    }
}

/// The same in answer to a form of another address, at which no wasm would know the page.
async fn still_again(
    site: &Site,
    viewer: Viewer,
    headers: &HeaderMap,
    refused: (StatusCode, FormState),
) -> Response {
    match shown_again(site, &viewer, headers, refused).await {
        Ok((status, content)) => pages::still_page_for(site, viewer, SECURITY, status, content).await,
        Err(error) => error.into_response(),
    }
}

async fn shown_again(
    site: &Site,
    viewer: &Viewer,
    headers: &HeaderMap,
    (status, form): (StatusCode, FormState),
) -> Result<(StatusCode, Content), Error> {
    let session = sessions::find(&site.console, headers).await?.ok_or(Error::Unauthorized)?;
    Ok((status, content(site, viewer, &session, &Uri::from_static(SECURITY), &form).await?))
}

pub(super) fn router() -> Router<Site> {
    Router::new()
        .route(SECURITY, post(change_password))
        .route("/settings/security/unlink", post(unlink))
        .route("/settings/security/link/{provider}", get(link))
        .route("/settings/security/sessions/end", post(end_session))
        .route("/settings/security/sessions/end-others", post(end_other_sessions))
        .route("/settings/security/log", get(log))
        .route("/settings/security/email", post(change_email))
        .route("/settings/security/email/cancel", post(cancel_email_change))
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
        return Ok(again(&site, viewer, &headers, unreadable()).await);
    };
    match site.console.change_password(session, (current, password), address).await {
        Ok(()) => Ok(Redirect::to("/settings/security?said=password").into_response()),
        Err(error) => Ok(again(&site, viewer, &headers, spoken(error)).await),
    }
}

fn spoken(error: PasswordError) -> ConsoleError {
    let refused = |status, field: &str| {
        let reasons = vec![(field.to_owned(), error.to_string())];
        ConsoleError::Refused { status, reasons }
    };
    match error {
        PasswordError::Wrong => refused(422, "current"),
        PasswordError::None => refused(422, ""),
        PasswordError::TooMany { .. } => refused(429, ""),
        PasswordError::Failed(error) => error.into(),
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
        Err(error) => return still_again(&site, viewer, &headers, refused(error.into(), vec![])).await,
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

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SessionFields {
    session: String,
}

/// Ends one of the viewer's sessions. No proof that it is them: whoever ends one gains nothing.
async fn end_session(
    State(site): State<Site>,
    headers: HeaderMap,
    fields: Result<Form<SessionFields>, FormRejection>,
) -> Result<Response, Error> {
    let Some(own) = sessions::find(&site.console, &headers).await? else { return Ok(to_sign_in(SECURITY)) };
    let Form(SessionFields { session }) = fields.unwrap_or_default();
    Ok(match site.console.end_session_of(&own, &session).await? {
        Ended::Other => Redirect::to("/settings/security?said=ended").into_response(),
        Ended::Own => to_sign_in(SECURITY),
    })
}

async fn end_other_sessions(State(site): State<Site>, headers: HeaderMap) -> Result<Response, Error> {
    let Some(own) = sessions::find(&site.console, &headers).await? else { return Ok(to_sign_in(SECURITY)) };
    site.console.end_other_sessions(&own).await?;
    Ok(Redirect::to("/settings/security?said=ended-others").into_response())
}

/// A page of the access log, without wasm: nothing in it moves.
async fn log(
    State(site): State<Site>,
    Extension(Visit(viewer)): Extension<Visit>,
    uri: Uri,
) -> Result<Response, Error> {
    let Some(viewer) = viewer else { return Ok(pages::to_the_form(&uri)) };
    let (rows, next) = site.console.accesses_view(&viewer, Asked::of(&uri).before, LOGGED).await?;
    let days = site.console.config.account_life.access_log_days;
    let content = Content(app::pages::settings::access_log::page(&rows, next, days));
    Ok(pages::still_page_for(&site, viewer, SECURITY, StatusCode::OK, content).await)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct EmailFields {
    new_email: String,
}

/// Writes to both addresses.
async fn change_email(
    State(site): State<Site>,
    Extension(Visit(viewer)): Extension<Visit>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    fields: Result<Form<EmailFields>, FormRejection>,
) -> Response {
    let Some(viewer) = viewer else { return to_sign_in(SECURITY) };
    let recent = match recent::must_be(&site, &headers, (SECURITY, CONFIRMED)).await {
        Ok(recent) => recent,
        Err(led) => return led,
    };
    let Form(EmailFields { new_email }) = fields.unwrap_or_default();
    match site.console.ask_email_change(&recent, &new_email, address).await {
        Ok(()) => Redirect::to("/settings/security?said=email").into_response(),
        Err(error) => {
            let (status, mut form) = refused(error.into(), pairs([("new_email", &new_email)]));
            // What is about nothing in particular stands beside the only field.
            for (field, _) in form.errors.iter_mut().filter(|(field, _)| field.is_empty()) {
                "new_email".clone_into(field);
            }
            still_again(&site, viewer, &headers, (status, form)).await
        }
    }
}

/// Takes the wish back. No proof that it is them: the e-mail stays as it is.
async fn cancel_email_change(State(site): State<Site>, headers: HeaderMap) -> Result<Response, Error> {
    let Some(own) = sessions::find(&site.console, &headers).await? else { return Ok(to_sign_in(SECURITY)) };
    site.console.cancel_email_change(&own.user).await?;
    Ok(Redirect::to("/settings/security?said=email-cancelled").into_response())
}
