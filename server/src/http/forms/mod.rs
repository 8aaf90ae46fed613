//! Pages that are one plain form: each is shown and answered here, works without scripts, and is shown again with what was
//! typed (never a password) when something is wrong with it. They load no wasm, whoever looks.

mod change_email;
mod confirm;
mod passkeys;
mod reset_password;
mod rounds;
mod second_factor;
mod second_step;
mod sign_in;
mod sign_up;
mod verify_email;

use std::borrow::Cow;

use app::shell::shell;
use app::ssr::{FormView, Screen};
use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Query, Request};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::{Redirect, Response};
use axum::routing::{get, post};
use leptos::prelude::provide_context;
use leptos_axum::render_app_async_with_context;
use serde::Deserialize;

pub(super) use self::rounds::{LINK, leave};
use self::second_step::SECOND_STEP;
use super::pages::{Site, Visit, provide};
use crate::console::{Error, Reasons};

pub const SIGN_IN: &str = "/sign-in";
pub const SIGN_UP: &str = "/sign-up";
const VERIFY_EMAIL: &str = "/verify-email";
const SEND_AGAIN: &str = "/verify-email/again";
const FORGOT_PASSWORD: &str = "/forgot-password";
/// Where somebody shows once more that it is them.
const CONFIRM: &str = "/confirm";
const RESET_PASSWORD: &str = "/reset-password";
const CHANGE_EMAIL: &str = "/change-email";
/// Paths whose pages are shown by the handlers here.
pub const PATHS: [&str; 5] = [SIGN_IN, SIGN_UP, VERIFY_EMAIL, FORGOT_PASSWORD, RESET_PASSWORD];

/// The largest form, in bytes; what was typed is sent back with it.
const LARGEST: usize = 64 * 1024;
const UNREADABLE: &str = "This form could not be read. Please fill it in once more.";

/// The forms, and signing out.
pub(super) fn router() -> Router<Site> {
    let to_the_form = async || Redirect::to(VERIFY_EMAIL);
    let to_the_settings = async || Redirect::to("/settings/security");
    Router::new()
        .route(SIGN_IN, get(sign_in::page).post(sign_in::submit))
        .route("/sign-in/{provider}", get(rounds::begin))
        .route("/sign-in/{provider}/callback", get(rounds::finish))
        .route(CONFIRM, get(confirm::page).post(confirm::submit))
        .route("/confirm/{provider}", get(confirm::begin))
        .route(CHANGE_EMAIL, get(change_email::page).post(change_email::confirm))
        .route("/change-email/refuse", get(to_the_settings).post(change_email::refuse))
        .route(SECOND_STEP, get(second_step::page).post(second_step::submit))
        .merge(second_factor::router())
        .merge(passkeys::router())
        .route("/sign-out", post(sign_in::sign_out))
        .route(SIGN_UP, get(sign_up::page).post(sign_up::submit))
        .route(VERIFY_EMAIL, get(verify_email::page).post(verify_email::submit))
        .route(SEND_AGAIN, get(to_the_form).post(verify_email::send_again))
        .route(FORGOT_PASSWORD, get(reset_password::forgot_page).post(reset_password::forgot))
        .route(RESET_PASSWORD, get(reset_password::page).post(reset_password::submit))
        .layer(DefaultBodyLimit::max(LARGEST))
}

/// What a form's address may say; anything that can't be read is nothing.
#[derive(Debug, Default, Deserialize)]
struct Asked {
    #[serde(default)]
    token: String,
    #[serde(default)]
    form: String,
    #[serde(default)]
    next: String,
}

impl Asked {
    fn of(uri: &Uri) -> Self {
        Query::<Self>::try_from_uri(uri).map(|Query(asked)| asked).unwrap_or_default()
    }
}

/// The page with this form, for nobody in particular: even somebody signed in gets it without wasm.
async fn show(site: &Site, mut form: FormView, status: StatusCode) -> Response {
    if matches!(form.screen, Screen::SignIn | Screen::SignUp) {
        form.ways = rounds::ways(&site.console, &form.value("next"));
    }
    if form.screen == Screen::SignIn {
        form = passkeys::offered(site, form);
    }
    show_to(site, form, status, Visit(None)).await
}

/// The same, for whoever looks.
async fn show_to(site: &Site, form: FormView, status: StatusCode, visit: Visit) -> Response {
    let path = match form.screen {
        // They have no page of their own: what shows forms shows them too.
        Screen::SignIn
        | Screen::Confirm
        | Screen::SecondStep
        | Screen::SetUpSecondStep
        | Screen::RecoveryCodes
        | Screen::Onward
        | Screen::RoundFailed
        | Screen::ChangeEmail
        | Screen::EmailChange => SIGN_IN,
        Screen::SignUp => SIGN_UP,
        Screen::CheckMail | Screen::VerifyEmail | Screen::SendAgain => VERIFY_EMAIL,
        Screen::ForgotPassword | Screen::ResetSent => FORGOT_PASSWORD,
        Screen::ResetPassword => RESET_PASSWORD,
    };
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = Uri::from_static(path);
    request.extensions_mut().insert(visit);
    let site = site.clone();
    let context = move || {
        provide(&site);
        provide_context(form.clone());
    };
    let mut response = render_app_async_with_context(context, shell)(request).await;
    *response.status_mut() = status;
    response
}

/// The form again, for fields that never arrived.
async fn unreadable(site: &Site, screen: Screen) -> Response {
    show(site, FormView::new(screen).with_error(UNREADABLE), StatusCode::UNPROCESSABLE_ENTITY).await
}

/// The form again, with what is wrong about it. What is our fault is no form's business.
async fn refused(site: &Site, form: FormView, error: Error) -> Result<Response, Error> {
    if let Error::Internal(_) = error {
        return Err(error);
    }
    let (status, retry_after_s) = (status_of(&error), error.retry_after_s());
    let form = match error {
        Error::Validation(reasons) | Error::ResourceExists { details: reasons } => {
            form.with_errors(sentences(reasons))
        }
        other => form.with_error(other.to_string()),
    };
    Ok(come_back(show(site, form, status).await, retry_after_s))
}

fn status_of(error: &Error) -> StatusCode {
    StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Says after how many seconds another attempt makes sense.
fn come_back(mut response: Response, retry_after_s: Option<u64>) -> Response {
    response.headers_mut().extend(retry_after_s.map(|seconds| (RETRY_AFTER, HeaderValue::from(seconds))));
    response
}

/// Reasons as whole sentences, beside the fields that they are about.
fn sentences(reasons: Reasons) -> impl Iterator<Item = (Cow<'static, str>, String)> {
    reasons.into_iter().map(|(field, reason)| {
        let subject = match &*field {
            "email" => "The e-mail",
            "name" => "The name",
            "user_name" => "The username",
            "password" => "The password",
            other => other,
        };
        let sentence = format!("{subject} {reason}.");
        (field, sentence)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_becomes_a_sentence_beside_its_field() {
        let reasons = Reasons::from([("user_name".into(), "is taken".into()), ("x".into(), "is y".into())]);
        let found: Vec<_> = sentences(reasons).collect();
        assert_eq!(found[0], ("user_name".into(), "The username is taken.".to_owned()));
        assert_eq!(found[1].1, "x is y.");
    }

    #[test]
    fn an_address_is_read_as_far_as_it_goes() {
        let asked = |uri: &'static str| Asked::of(&Uri::from_static(uri));
        assert_eq!(asked("/verify-email?token=abc&x=1").token, "abc");
        assert_eq!(asked("/verify-email?token=a&token=b").token, "");
        assert_eq!(asked("/verify-email").token, "");
    }
}
