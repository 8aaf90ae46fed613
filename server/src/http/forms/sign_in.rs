//! `GET`, `POST /sign-in` and `POST /sign-out`.

use app::ssr::{FormView, Screen};
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::super::client_address::ClientAddress;
use super::super::pages::{self, Site, onward_to};
use super::{Asked, SIGN_IN, come_back, second_step, show, status_of, unreadable};
use crate::auth::sessions;
use crate::console::Error;
use crate::console::second_factor::Entered;
use crate::console::sign_in::SignInError;

/// The form, as it comes. Nothing missing is an error of its own: an empty password is a wrong one.
#[derive(Debug, Default, Deserialize)]
pub struct Fields {
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    next: String,
}

pub(super) async fn page(State(site): State<Site>, uri: Uri) -> Response {
    let form = FormView::new(Screen::SignIn).with("next", Asked::of(&uri).next);
    show(&site, form, StatusCode::OK).await
}

pub(super) async fn submit(
    State(site): State<Site>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    fields: Result<Form<Fields>, FormRejection>,
) -> Result<Response, Error> {
    let Ok(Form(Fields { email, password, next })) = fields else {
        return Ok(unreadable(&site, Screen::SignIn).await);
    };
    let base_url = &site.console.config.base_url;
    let old_token = sessions::presented_token(base_url, &headers);
    match site.console.sign_in(&email, password, address, (pages::local(&next), old_token)).await {
        Ok(Entered::In(signed_in)) => {
            let cookie = sessions::cookie(&site.console, &signed_in.token)?;
            Ok(([(SET_COOKIE, cookie)], onward_to(Some(&next))).into_response())
        }
        Ok(Entered::Halfway { token }) => second_step::ask(&site.console, &token),
        Err(SignInError::Failed(error @ Error::Internal(_))) => Err(error),
        Err(error) => {
            let (status, retry_after_s) = outcome(&error);
            let form = FormView::new(Screen::SignIn).with("email", email).with("next", next);
            Ok(come_back(show(&site, form.with_error(error.to_string()), status).await, retry_after_s))
        }
    }
}

/// The status, and after how many seconds another attempt makes sense.
fn outcome(error: &SignInError) -> (StatusCode, Option<u64>) {
    match error {
        SignInError::Wrong => (StatusCode::UNAUTHORIZED, None),
        SignInError::TooMany { retry_after_s } => (StatusCode::TOO_MANY_REQUESTS, Some(*retry_after_s)),
        SignInError::Failed(error) => (status_of(error), error.retry_after_s()),
    }
}

pub(super) async fn sign_out(State(site): State<Site>, headers: HeaderMap) -> Result<Response, Error> {
    let base_url = &site.console.config.base_url;
    if let Some(token) = sessions::presented_token(base_url, &headers) {
        site.console.sign_out(token).await?;
    }
    let cookie = sessions::removal(base_url)?;
    Ok(([(SET_COOKIE, cookie)], Redirect::to(SIGN_IN)).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_has_its_status() {
        assert_eq!(outcome(&SignInError::Wrong).0, 401);
        assert_eq!(
            outcome(&SignInError::TooMany { retry_after_s: 60 }),
            (StatusCode::TOO_MANY_REQUESTS, Some(60))
        );
        assert_eq!(outcome(&SignInError::Failed(Error::Unavailable { retry_after_s: 2 })).0, 503);
    }
}
