//! `GET` and `POST /second-step`: somebody has shown one thing that signs in, and is asked for a code of their authenticator app.
//! Until they have it they are nobody here: the cookie of the question is no session.

use app::ssr::{FormView, Screen};
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::header::{HeaderValue, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::super::client_address::ClientAddress;
use super::super::pages::{Site, onward_to};
use super::{SIGN_IN, UNREADABLE, come_back, show, status_of};
use crate::auth::cookies::Cookie;
use crate::auth::sessions;
use crate::console::second_factor::{CodeError, LIFETIME_S};
use crate::console::{Console, Error};

pub(super) const SECOND_STEP: &str = "/second-step";

const COOKIE: Cookie = Cookie { secure_name: "__Host-plexe_step", plain_name: "plexe_step" };

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Fields {
    code: String,
}

/// The `Set-Cookie` of a browser that is asked for a code.
pub(super) fn cookie(console: &Console, token: &str) -> Result<HeaderValue, Error> {
    COOKIE.set(&console.config.base_url, token, LIFETIME_S)
}

/// Leads there.
pub(super) fn ask(console: &Console, token: &str) -> Result<Response, Error> {
    Ok(([(SET_COOKIE, cookie(console, token)?)], Redirect::to(SECOND_STEP)).into_response())
}

pub(super) async fn page(State(site): State<Site>, headers: HeaderMap) -> Result<Response, Error> {
    let token = COOKIE.token(&site.console.config.base_url, &headers);
    let is_halfway = match token {
        Some(token) => site.console.is_halfway(token).await?,
        None => false,
    };
    if !is_halfway {
        return Ok(Redirect::to(SIGN_IN).into_response());
    }
    Ok(show(&site, FormView::new(Screen::SecondStep), StatusCode::OK).await)
}

pub(super) async fn submit(
    State(site): State<Site>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    fields: Result<Form<Fields>, FormRejection>,
) -> Result<Response, Error> {
    let base_url = &site.console.config.base_url;
    let Some(token) = COOKIE.token(base_url, &headers) else { return stale(&site).await };
    let Ok(Form(Fields { code })) = fields else {
        let form = FormView::new(Screen::SecondStep).with_error(UNREADABLE);
        return Ok(show(&site, form, StatusCode::UNPROCESSABLE_ENTITY).await);
    };
    let old_token = sessions::presented_token(base_url, &headers);
    match site.console.finish_second_step(token, &code, address, old_token).await {
        Ok((signed_in, next)) => {
            let session = sessions::cookie(&site.console, &signed_in.token)?;
            let done = COOKIE.set(base_url, "", 0)?;
            let cookies = AppendHeaders([(SET_COOKIE, session), (SET_COOKIE, done)]);
            Ok((cookies, onward_to(Some(&next))).into_response())
        }
        Err(CodeError::Stale) => stale(&site).await,
        Err(CodeError::Failed(error @ Error::Internal(_))) => Err(error),
        Err(error) => {
            let (status, retry_after_s) = outcome(&error);
            let form = FormView::new(Screen::SecondStep).with_error(error.to_string());
            Ok(come_back(show(&site, form, status).await, retry_after_s))
        }
    }
}

/// It begins with the password again.
async fn stale(site: &Site) -> Result<Response, Error> {
    let form = FormView::new(Screen::SignIn).with_error(CodeError::Stale.to_string());
    let mut response = show(site, form, StatusCode::GONE).await;
    response.headers_mut().append(SET_COOKIE, COOKIE.set(&site.console.config.base_url, "", 0)?);
    Ok(response)
}

/// The status, and after how many seconds another attempt makes sense.
pub(super) fn outcome(error: &CodeError) -> (StatusCode, Option<u64>) {
    match error {
        CodeError::Wrong | CodeError::Exhausted => (StatusCode::FORBIDDEN, None),
        CodeError::TooMany { retry_after_s } => (StatusCode::TOO_MANY_REQUESTS, Some(*retry_after_s)),
        CodeError::Unreadable => (StatusCode::SERVICE_UNAVAILABLE, None),
        CodeError::Stale => (StatusCode::GONE, None),
        CodeError::Failed(error) => (status_of(error), error.retry_after_s()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_its_status() {
        assert_eq!(outcome(&CodeError::Wrong).0, 403);
        assert_eq!(outcome(&CodeError::Exhausted).0, 403);
        assert_eq!(
            outcome(&CodeError::TooMany { retry_after_s: 9 }),
            (StatusCode::TOO_MANY_REQUESTS, Some(9))
        );
        assert_eq!(outcome(&CodeError::Unreadable).0, 503);
        assert_eq!(outcome(&CodeError::Stale).0, 410);
        assert_eq!(outcome(&CodeError::Failed(Error::AccountSuspended)).0, 403);
    }
}
