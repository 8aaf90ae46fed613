//! `POST /passkeys/…`: what a browser is to sign, as JSON for `app/js/passkeys.js`, and what it has signed, as forms that the script
//! fills in. `POST /settings/security/passkeys…` keeps, renames and removes them.

use app::ssr::{FormView, Screen};
use axum::extract::rejection::FormRejection;
use axum::extract::{Extension, Form, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use super::super::client_address::ClientAddress;
use super::super::pages::{Site, Visit, onward_to, to_the_form};
use super::super::recent;
use super::rounds::go_on;
use super::{CONFIRM, come_back, show, show_to, status_of};
use crate::auth::cookies::Cookie;
use crate::auth::passkeys::{Made, Signed};
use crate::auth::sessions;
use crate::console::Error;
use crate::console::passkeys::{Asked, LIFETIME_S, PasskeyError, Question};
use crate::store::Unlinked;

const COOKIE: Cookie = Cookie { secure_name: "__Host-plexe_passkey", plain_name: "plexe_passkey" };

const SECURITY: &str = "/settings/security";
/// The page, once somebody has proved who they are.
const CONFIRMED: &str = "/settings/security?said=confirmed";

pub(super) fn router() -> Router<Site> {
    Router::new()
        .route("/passkeys/question", post(question))
        .route("/passkeys/sign-in", post(sign_in))
        .route("/passkeys/confirm", post(confirm))
        .route("/settings/security/passkeys", post(register))
        .route("/settings/security/passkeys/rename", post(rename))
        .route("/settings/security/passkeys/remove", post(remove))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wanted {
    purpose: String,
}

/// A question, or where the browser has to go first, or why there is none.
#[derive(Debug, Default, Serialize)]
struct Answered {
    question: Option<Question>,
    first: Option<String>,
    refused: Option<String>,
}

async fn question(
    State(site): State<Site>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    fields: Result<Form<Wanted>, FormRejection>,
) -> Result<Response, Error> {
    let Form(Wanted { purpose }) = fields.unwrap_or_default();
    let console = &site.console;
    let asked = match purpose.as_str() {
        "sign_in" => console.ask_to_sign_in(address).await,
        "confirm" => match sessions::find(console, &headers).await? {
            Some(session) => console.ask_to_confirm(session.user.id, address).await,
            None => return Ok(first(&to_the_form(&Uri::from_static(CONFIRM)))),
        },
        "register" => match recent::must_be(&site, &headers, (SECURITY, CONFIRMED)).await {
            Ok(recent) => console.ask_to_register(&recent, address).await,
            Err(led) => return Ok(first(&led)),
        },
        _ => return Err(Error::field("purpose", "must be sign_in, confirm or register")),
    };
    match asked {
        Ok(Asked { token, question }) => {
            let cookie = COOKIE.set(&console.config.base_url, &token, LIFETIME_S)?;
            let answered = Answered { question: Some(question), ..Answered::default() };
            Ok(([(SET_COOKIE, cookie)], Json(answered)).into_response())
        }
        Err(PasskeyError::Failed(error @ Error::Internal(_))) => Err(error),
        Err(error) => {
            let answered = Answered { refused: Some(error.to_string()), ..Answered::default() };
            Ok(Json(answered).into_response())
        }
    }
}

/// Where a redirect leads, for a script that goes there itself.
fn first(led: &Response) -> Response {
    let location = led.headers().get("location").and_then(|location| location.to_str().ok());
    let first = Some(location.unwrap_or("/sign-in").to_owned());
    Json(Answered { first, ..Answered::default() }).into_response()
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SignedFields {
    #[serde(flatten)]
    signed: Signed,
    next: String,
}

async fn sign_in(
    State(site): State<Site>,
    headers: HeaderMap,
    fields: Result<Form<SignedFields>, FormRejection>,
) -> Result<Response, Error> {
    let Form(SignedFields { signed, next }) = fields.unwrap_or_default();
    let base_url = &site.console.config.base_url;
    let token = COOKIE.token(base_url, &headers);
    let done = COOKIE.set(base_url, "", 0)?;
    let old_token = sessions::presented_token(base_url, &headers);
    let mut response = match site.console.sign_in_by_passkey(&signed, token, old_token).await {
        Ok(signed_in) => {
            let cookies = AppendHeaders([(SET_COOKIE, sessions::cookie(&site.console, &signed_in.token)?)]);
            (cookies, onward_to(Some(&next))).into_response()
        }
        Err(PasskeyError::Failed(error @ Error::Internal(_))) => return Err(error),
        Err(error) => {
            let (status, retry_after_s) = outcome(&error);
            let form = FormView::new(Screen::SignIn).with("next", next).with_error(error.to_string());
            come_back(show(&site, form, status).await, retry_after_s)
        }
    };
    response.headers_mut().append(SET_COOKIE, done);
    Ok(response)
}

async fn confirm(
    State(site): State<Site>,
    Extension(visit): Extension<Visit>,
    headers: HeaderMap,
    fields: Result<Form<SignedFields>, FormRejection>,
) -> Result<Response, Error> {
    let Form(SignedFields { signed, next }) = fields.unwrap_or_default();
    let base_url = &site.console.config.base_url;
    let session = sessions::find(&site.console, &headers).await?;
    let found = sessions::presented_token(base_url, &headers).zip(session);
    let Some((session_token, session)) = found else { return Ok(to_the_form(&Uri::from_static(CONFIRM))) };
    let again = super::confirm::form(&site, &session, &next).await?;
    let token = COOKIE.token(base_url, &headers);
    let done = COOKIE.set(base_url, "", 0)?;
    let mut response = match site.console.confirm_by_passkey(&signed, token, (session_token, session)).await {
        Ok(signed_in) => {
            let cookies = AppendHeaders([(SET_COOKIE, sessions::cookie(&site.console, &signed_in.token)?)]);
            (cookies, go_on(&site, &next, &visit).await).into_response()
        }
        Err(PasskeyError::Failed(error @ Error::Internal(_))) => return Err(error),
        Err(error) => {
            let (status, retry_after_s) = outcome(&error);
            come_back(show_to(&site, again.with_error(error.to_string()), status, visit).await, retry_after_s)
        }
    };
    response.headers_mut().append(SET_COOKIE, done);
    Ok(response)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct MadeFields {
    #[serde(flatten)]
    made: Made,
    name: String,
}

async fn register(
    State(site): State<Site>,
    Extension(visit): Extension<Visit>,
    headers: HeaderMap,
    fields: Result<Form<MadeFields>, FormRejection>,
) -> Result<Response, Error> {
    let recent = match recent::must_be(&site, &headers, (SECURITY, CONFIRMED)).await {
        Ok(recent) => recent,
        Err(led) => return Ok(led),
    };
    let Form(MadeFields { made, name }) = fields.unwrap_or_default();
    let base_url = &site.console.config.base_url;
    let token = COOKIE.token(base_url, &headers);
    let done = COOKIE.set(base_url, "", 0)?;
    let mut response = match site.console.register_passkey(&recent, &made, &name, token).await {
        Ok(()) => said("passkey-added"),
        Err(PasskeyError::Failed(error @ Error::Internal(_))) => return Err(error),
        Err(error) => failed(&site, visit, &error).await,
    };
    response.headers_mut().append(SET_COOKIE, done);
    Ok(response)
}

/// Why nothing was kept, with the way back to the settings.
async fn failed(site: &Site, visit: Visit, error: &PasskeyError) -> Response {
    let (status, retry_after_s) = outcome(error);
    let form = FormView::new(Screen::RoundFailed).with("settings", "1").with_error(error.to_string());
    come_back(show_to(site, form, status, visit).await, retry_after_s)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct NamedFields {
    credential: String,
    name: String,
}

async fn rename(
    State(site): State<Site>,
    Extension(visit): Extension<Visit>,
    headers: HeaderMap,
    fields: Result<Form<NamedFields>, FormRejection>,
) -> Result<Response, Error> {
    let Some(session) = sessions::find(&site.console, &headers).await? else {
        return Ok(to_the_form(&Uri::from_static(SECURITY)));
    };
    let Form(NamedFields { credential, name }) = fields.unwrap_or_default();
    match site.console.rename_passkey(&session.user, &credential, &name).await {
        Ok(true) => Ok(said("passkey-renamed")),
        Ok(false) => Ok(said("passkey-gone")),
        Err(error @ Error::Internal(_)) => Err(error),
        Err(error) => Ok(failed(&site, visit, &PasskeyError::Failed(error)).await),
    }
}

async fn remove(
    State(site): State<Site>,
    headers: HeaderMap,
    fields: Result<Form<NamedFields>, FormRejection>,
) -> Result<Response, Error> {
    let recent = match recent::must_be(&site, &headers, (SECURITY, CONFIRMED)).await {
        Ok(recent) => recent,
        Err(led) => return Ok(led),
    };
    let Form(NamedFields { credential, .. }) = fields.unwrap_or_default();
    Ok(match site.console.remove_passkey(&recent, &credential).await? {
        Unlinked::Done => said("passkey-removed"),
        Unlinked::Last => said("last"),
        Unlinked::Unknown => said("passkey-gone"),
    })
}

/// Back on the settings page, which says what became of it.
fn said(what: &str) -> Response {
    Redirect::to(&format!("{SECURITY}?said={what}")).into_response()
}

/// The status, and after how many seconds another attempt makes sense.
fn outcome(error: &PasskeyError) -> (StatusCode, Option<u64>) {
    let status = match error {
        PasskeyError::TooMany { retry_after_s } => {
            return (StatusCode::TOO_MANY_REQUESTS, Some(*retry_after_s));
        }
        PasskeyError::Failed(error) => return (status_of(error), error.retry_after_s()),
        PasskeyError::Off => StatusCode::NOT_FOUND,
        PasskeyError::Stale => StatusCode::GONE,
        PasskeyError::Unknown => StatusCode::UNAUTHORIZED,
        PasskeyError::Unverified
        | PasskeyError::Untrusted
        | PasskeyError::Copied
        | PasskeyError::Stranger => StatusCode::FORBIDDEN,
        PasskeyError::Taken | PasskeyError::Full => StatusCode::CONFLICT,
    };
    (status, None)
}

/// What the pages need that offer passkeys; nothing where there are none.
pub(super) fn offered(site: &Site, form: FormView) -> FormView {
    if site.console.has_passkeys() { form.with("passkeys", "1") } else { form }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_its_status() {
        assert_eq!(
            outcome(&PasskeyError::TooMany { retry_after_s: 9 }),
            (StatusCode::TOO_MANY_REQUESTS, Some(9))
        );
        assert_eq!(outcome(&PasskeyError::Stale).0, 410);
        assert_eq!(outcome(&PasskeyError::Unknown).0, 401);
        assert_eq!(outcome(&PasskeyError::Copied).0, 403);
        assert_eq!(outcome(&PasskeyError::Taken).0, 409);
        assert_eq!(outcome(&PasskeyError::Failed(Error::EmailNotVerified)).0, 403);
        assert_eq!(outcome(&PasskeyError::Off).0, 404);
    }
}
