//! `GET`, `POST /change-email` and `POST /change-email/refuse`: what the links in letters about another e-mail lead to.

use app::ssr::{FormView, Screen};
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use serde::Deserialize;

use super::super::pages::Site;
use super::{Asked, show, unreadable};
use crate::auth::sessions;
use crate::console::Error;
use crate::console::email_change::{AskedEmailChange, EmailChangeError};
use crate::store::EmailConfirmed;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Fields {
    token: String,
}

/// The buttons, for a link that still does something.
pub(super) async fn page(State(site): State<Site>, uri: Uri) -> Result<Response, Error> {
    let token = Asked::of(&uri).token;
    match site.console.get_email_change(&token).await {
        Ok(AskedEmailChange { row, .. }) => {
            let form = FormView::new(Screen::ChangeEmail)
                .with("token", token)
                .with("name", row.user.name)
                .with("user_name", row.user.user_name)
                .with("email", row.user.email)
                .with("new_email", row.new_email);
            Ok(show(&site, form, StatusCode::OK).await)
        }
        Err(error) => dead(&site, error).await,
    }
}

pub(super) async fn confirm(
    State(site): State<Site>,
    headers: HeaderMap,
    fields: Result<Form<Fields>, FormRejection>,
) -> Result<Response, Error> {
    let Ok(Form(Fields { token })) = fields else { return Ok(unreadable(&site, Screen::EmailChange).await) };
    let session = sessions::presented_token(&site.console.config.base_url, &headers);
    let notice = match site.console.confirm_email_change(&token, session).await {
        Ok((AskedEmailChange { row, .. }, EmailConfirmed::Done)) => {
            format!("The e-mail of your account is {} from now on.", row.new_email)
        }
        Ok((AskedEmailChange { row, is_new }, _)) => {
            let other = if is_new { row.user.email } else { row.new_email };
            format!("Thank you. Your e-mail changes once the link in the letter to {other} is confirmed too.")
        }
        Err(error) => return dead(&site, error).await,
    };
    let form = FormView::new(Screen::EmailChange).with_notice(notice);
    Ok(show(&site, form, StatusCode::OK).await)
}

pub(super) async fn refuse(
    State(site): State<Site>,
    fields: Result<Form<Fields>, FormRejection>,
) -> Result<Response, Error> {
    let Ok(Form(Fields { token })) = fields else { return Ok(unreadable(&site, Screen::EmailChange).await) };
    if let Err(error) = site.console.refuse_email_change(&token).await {
        return dead(&site, error).await;
    }
    let notice =
        "The change is off: the e-mail stays as it is. If you did not ask for it, choose a new password.";
    let form = FormView::new(Screen::EmailChange).with_notice(notice);
    Ok(show(&site, form, StatusCode::OK).await)
}

/// Says why a link does nothing.
async fn dead(site: &Site, error: EmailChangeError) -> Result<Response, Error> {
    let status = match &error {
        EmailChangeError::Gone => StatusCode::GONE,
        EmailChangeError::Taken => StatusCode::CONFLICT,
        EmailChangeError::Failed(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    let sentence = match error {
        EmailChangeError::Failed(error) => return Err(error),
        other => other.to_string(),
    };
    let form = FormView::new(Screen::EmailChange).with_error(sentence);
    Ok(show(site, form, status).await)
}
