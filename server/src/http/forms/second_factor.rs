//! `/settings/security/second-step…`: an authenticator app is set up and taken away, and recovery codes are made. Pages of their
//! own, since what they show is secret and shown once.

use app::ssr::{FormView, Screen};
use axum::Router;
use axum::extract::rejection::FormRejection;
use axum::extract::{Extension, Form, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use qrcode::{Color, EcLevel, QrCode};
use serde::Deserialize;

use super::super::pages::{Site, Visit};
use super::super::recent;
use super::second_step::outcome;
use super::{UNREADABLE, come_back, show_to};
use crate::auth::recent::Recent;
use crate::auth::totp;
use crate::console::Error;
use crate::console::second_factor::{CodeError, Shown};

const SECURITY: &str = "/settings/security";
/// The page, once somebody has proved who they are.
const CONFIRMED: &str = "/settings/security?said=confirmed";
const SET_UP: &str = "/settings/security/second-step";
const NEW_CODES: &str = "/settings/security/second-step/codes";
const OFF: &str = "/settings/security/second-step/off";

pub(super) fn router() -> Router<Site> {
    Router::new()
        .route(SET_UP, get(page).post(confirm))
        .route(NEW_CODES, post(new_codes))
        .route(OFF, post(turn_off))
}

/// Shows what an app is to know. That changes nothing yet, whoever leads the browser here.
async fn page(
    State(site): State<Site>,
    Extension(visit): Extension<Visit>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    match recent::must_be(&site, &headers, (SECURITY, SET_UP)).await {
        Ok(recent) => set_up(&site, &visit, &recent, None).await,
        Err(led) => Ok(led),
    }
}

/// The page with the secret, and with what is wrong about a code.
async fn set_up(
    site: &Site,
    visit: &Visit,
    recent: &Recent,
    error: Option<CodeError>,
) -> Result<Response, Error> {
    let Some(Shown { secret, email }) = site.console.prepare_second_factor(recent).await? else {
        return Ok(said("second-step-before"));
    };
    let form = FormView::new(Screen::SetUpSecondStep)
        .with("secret", totp::spelled(&secret))
        .with("qr", picture(&totp::uri(&secret, &email))?);
    let (status, retry_after_s) = error.as_ref().map_or((StatusCode::OK, None), outcome);
    let form = match error {
        Some(error) => form.with_error(error.to_string()),
        None => form,
    };
    Ok(come_back(show_to(site, form, status, visit.clone()).await, retry_after_s))
}

/// A QR code as SVG: dark squares on a white ground, with the border that scanners need.
fn picture(text: &str) -> Result<String, Error> {
    const BORDER: usize = 4;
    let code = QrCode::with_error_correction_level(text, EcLevel::M).map_err(Error::internal)?;
    let width = code.width();
    let squares = code.to_colors().into_iter().enumerate().filter(|(_, color)| *color == Color::Dark);
    let path: Vec<String> =
        squares.map(|(at, _)| format!("M{} {}h1v1h-1z", at % width + BORDER, at / width + BORDER)).collect();
    let path = path.concat();
    let side = width + 2 * BORDER;
    Ok(format!(
        "<svg class=\"qr\" viewBox=\"0 0 {side} {side}\" role=\"img\" aria-label=\"QR code for your authenticator app\">\
         <path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/><path fill=\"#000\" shape-rendering=\"crispEdges\" d=\"{path}\"/></svg>"
    ))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Fields {
    code: String,
}

/// The first code puts the app into force; the answer itself shows the recovery codes, so that they are in no cache.
async fn confirm(
    State(site): State<Site>,
    Extension(visit): Extension<Visit>,
    headers: HeaderMap,
    fields: Result<Form<Fields>, FormRejection>,
) -> Result<Response, Error> {
    let recent = match recent::must_be(&site, &headers, (SECURITY, SET_UP)).await {
        Ok(recent) => recent,
        Err(led) => return Ok(led),
    };
    let Ok(Form(Fields { code })) = fields else {
        let form = FormView::new(Screen::RoundFailed).with("settings", "1").with_error(UNREADABLE);
        return Ok(show_to(&site, form, StatusCode::UNPROCESSABLE_ENTITY, visit).await);
    };
    match site.console.confirm_second_factor(&recent, &code).await {
        Ok(codes) => {
            Ok(shown_once(&site, visit, &codes, "It is on. From now on you are asked for a code.").await)
        }
        Err(CodeError::Failed(error)) => Err(error),
        // Another one was shown since, or is in force; the page knows which.
        Err(CodeError::Stale) => Ok(Redirect::to(SET_UP).into_response()),
        Err(error) => set_up(&site, &visit, &recent, Some(error)).await,
    }
}

async fn shown_once(site: &Site, visit: Visit, codes: &[String], notice: &str) -> Response {
    let form = FormView::new(Screen::RecoveryCodes).with("codes", codes.join(" ")).with_notice(notice);
    show_to(site, form, StatusCode::OK, visit).await
}

async fn new_codes(
    State(site): State<Site>,
    Extension(visit): Extension<Visit>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let recent = match recent::must_be(&site, &headers, (SECURITY, CONFIRMED)).await {
        Ok(recent) => recent,
        Err(led) => return Ok(led),
    };
    match site.console.renew_recovery_codes(&recent).await? {
        Some(codes) => {
            let notice = "These are new. Those from before open nothing any more.";
            Ok(shown_once(&site, visit, &codes, notice).await)
        }
        None => Ok(said("second-step-gone")),
    }
}

async fn turn_off(State(site): State<Site>, headers: HeaderMap) -> Result<Response, Error> {
    let recent = match recent::must_be(&site, &headers, (SECURITY, CONFIRMED)).await {
        Ok(recent) => recent,
        Err(led) => return Ok(led),
    };
    let was_on = site.console.remove_second_factor(&recent).await?;
    Ok(said(if was_on { "second-step-off" } else { "second-step-gone" }))
}

/// Back on the settings page, which says what became of it.
fn said(what: &str) -> Response {
    Redirect::to(&format!("{SECURITY}?said={what}")).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_squares_and_nothing_that_was_typed() {
        let picture = picture("otpauth://totp/x:a%22%3E?secret=GEZD").unwrap();
        assert!(picture.starts_with("<svg") && picture.ends_with("</svg>"), "{picture}");
        assert!(picture.contains("M4 4h1v1h-1z") && !picture.contains("secret"), "{picture}");
    }
}
