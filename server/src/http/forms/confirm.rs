//! `GET` and `POST /confirm`, `GET /confirm/{provider}`: somebody who is signed in shows once more that it is them, and goes
//! back to what they wanted to do (`auth/recent.rs`).

use app::ssr::{FormView, Screen};
use axum::extract::rejection::FormRejection;
use axum::extract::{Extension, Form, Path, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::super::client_address::ClientAddress;
use super::super::pages::{self, Site, Visit, to_the_form};
use super::super::security;
use super::rounds::{go_on, leave, way};
use super::second_step::outcome;
use super::{Asked, CONFIRM, UNREADABLE, come_back, passkeys, show_to};
use crate::auth::recent::{NotRecent, Recent};
use crate::auth::sessions;
use crate::console::Error;
use crate::console::second_factor::CodeError;
use crate::console::sign_in::SignInError;
use crate::store::{Purpose, SessionRow};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Fields {
    password: String,
    /// Of the authenticator app, or a recovery code; instead of the password.
    code: String,
    next: String,
}

pub(super) async fn page(
    State(site): State<Site>,
    Extension(visit): Extension<Visit>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Error> {
    let next = Asked::of(&uri).next;
    match Recent::of(&site.console, &headers).await {
        Ok(_) => return Ok(go_on(&site, &next, &visit).await),
        Err(NotRecent::Nobody) => return Ok(to_the_form(&uri)),
        Err(NotRecent::LongAgo) => {}
        Err(NotRecent::Failed(error)) => return Err(error),
    }
    let Some(session) = sessions::find(&site.console, &headers).await? else { return Ok(to_the_form(&uri)) };
    let form = form(&site, &session, &next).await?;
    Ok(show_to(&site, form, StatusCode::OK, visit).await)
}

/// The question, with the ways to answer it that this user has.
pub(super) async fn form(site: &Site, session: &SessionRow, next: &str) -> Result<FormView, Error> {
    let user = &session.user;
    let linked = site.console.confirming_providers(user).await?;
    let mut form = FormView::new(Screen::Confirm).with("next", next).with("email", user.email.clone());
    form.ways = linked.into_iter().map(|(id, name)| (way(CONFIRM, &id, next), name)).collect();
    if user.password_hash.is_some() {
        form = form.with("has_password", "1");
    }
    if site.console.has_second_factor(user).await? {
        form = form.with("has_app", "1");
    }
    let has_passkey = !site.console.passkeys_of(user).await?.is_empty();
    Ok(if has_passkey { passkeys::offered(site, form) } else { form })
}

pub(super) async fn submit(
    State(site): State<Site>,
    Extension(visit): Extension<Visit>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    fields: Result<Form<Fields>, FormRejection>,
) -> Result<Response, Error> {
    let base_url = &site.console.config.base_url;
    let session = sessions::find(&site.console, &headers).await?;
    let found = sessions::presented_token(base_url, &headers).zip(session);
    let Some((token, session)) = found else { return Ok(to_the_form(&Uri::from_static(CONFIRM))) };
    let Ok(Form(Fields { password, code, next })) = fields else {
        let form = form(&site, &session, "").await?.with_error(UNREADABLE);
        return Ok(show_to(&site, form, StatusCode::UNPROCESSABLE_ENTITY, visit).await);
    };
    let again = form(&site, &session, &next).await?;
    let confirmed = if code.is_empty() {
        site.console.confirm((token, session), password, address).await.map_err(spoken)
    } else {
        site.console.confirm_by_code((token, session), &code, address).await.map_err(spoken_of_code)
    };
    match confirmed {
        Ok(signed_in) => {
            let cookie = sessions::cookie(&site.console, &signed_in.token)?;
            Ok(([(SET_COOKIE, cookie)], go_on(&site, &next, &visit).await).into_response())
        }
        Err(Refusal::Failed(error)) => Err(error),
        Err(Refusal::Said { sentence, status, retry_after_s }) => {
            let shown = show_to(&site, again.with_error(sentence), status, visit).await;
            Ok(come_back(shown, retry_after_s))
        }
    }
}

/// Why somebody has not shown that it is them.
enum Refusal {
    Failed(Error),
    Said { sentence: String, status: StatusCode, retry_after_s: Option<u64> },
}

fn spoken(error: SignInError) -> Refusal {
    let (sentence, status, retry_after_s) = match error {
        SignInError::Failed(error) => return Refusal::Failed(error),
        SignInError::Wrong => ("This is not your password.".to_owned(), StatusCode::FORBIDDEN, None),
        SignInError::TooMany { retry_after_s } => {
            (error.to_string(), StatusCode::TOO_MANY_REQUESTS, Some(retry_after_s))
        }
    };
    Refusal::Said { sentence, status, retry_after_s }
}

fn spoken_of_code(error: CodeError) -> Refusal {
    let (status, retry_after_s) = outcome(&error);
    match error {
        CodeError::Failed(error) => Refusal::Failed(error),
        other => Refusal::Said { sentence: other.to_string(), status, retry_after_s },
    }
}

/// Sends somebody to a provider that they have linked.
pub(super) async fn begin(
    State(site): State<Site>,
    Path(provider): Path<String>,
    Extension(visit): Extension<Visit>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Error> {
    let next = Asked::of(&uri).next;
    let next = pages::local(&next);
    let Visit(Some(viewer)) = &visit else { return Ok(to_the_form(&uri)) };
    if !security::is_from_own_page(&headers, &site.console.config.base_url) {
        return Ok(Redirect::to(CONFIRM).into_response());
    }
    let purpose = Purpose::Confirm(viewer.user_id);
    let begun = site.console.begin_round(&provider, purpose, (next, "UTC"), address).await;
    leave(&site, begun, Some(&visit)).await
}
