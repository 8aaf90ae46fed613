//! `GET` and `POST /forgot-password`, `GET` and `POST /reset-password`. The first never says whether the e-mail is known.

use app::ssr::{FormView, Screen};
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde::Deserialize;

use super::super::client_address::ClientAddress;
use super::super::pages::Site;
use super::{Asked, refused, show, unreadable};
use crate::console::Error;
use crate::console::links::LinkError;
use crate::store::LinkKind;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ForgotFields {
    email: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Fields {
    token: String,
    password: String,
}

pub(super) async fn forgot_page(State(site): State<Site>) -> Response {
    show(&site, FormView::new(Screen::ForgotPassword), StatusCode::OK).await
}

pub(super) async fn forgot(
    State(site): State<Site>,
    ClientAddress(address): ClientAddress,
    fields: Result<Form<ForgotFields>, FormRejection>,
) -> Result<Response, Error> {
    let Ok(Form(ForgotFields { email })) = fields else {
        return Ok(unreadable(&site, Screen::ForgotPassword).await);
    };
    match site.console.forgot_password(&email, address).await {
        Ok(()) => {
            let sent = FormView::new(Screen::ResetSent).with("email", email.trim());
            Ok(show(&site, sent, StatusCode::OK).await)
        }
        Err(error) => refused(&site, FormView::new(Screen::ForgotPassword).with("email", email), error).await,
    }
}

pub(super) async fn page(State(site): State<Site>, uri: Uri) -> Result<Response, Error> {
    let token = Asked::of(&uri).token;
    match site.console.get_link(LinkKind::ResetPassword, &token).await {
        Ok(link) => {
            let form =
                FormView::new(Screen::ResetPassword).with("token", token).with("email", link.user.email);
            Ok(show(&site, form, StatusCode::OK).await)
        }
        Err(error) => dead(&site, error).await,
    }
}

pub(super) async fn submit(
    State(site): State<Site>,
    fields: Result<Form<Fields>, FormRejection>,
) -> Result<Response, Error> {
    let Ok(Form(Fields { token, password })) = fields else {
        return Ok(unreadable(&site, Screen::ForgotPassword).await);
    };
    match site.console.reset_password(&token, password).await {
        Ok(user) => {
            let form = FormView::new(Screen::SignIn)
                .with("email", user.email)
                .with_notice("Your password is changed. Sign in with it.");
            Ok(show(&site, form, StatusCode::OK).await)
        }
        Err(LinkError::Failed(error)) => {
            // The link still opens; only what was typed is refused.
            let email =
                site.console.get_link(LinkKind::ResetPassword, &token).await.map(|link| link.user.email);
            let form = FormView::new(Screen::ResetPassword).with("token", token);
            refused(&site, form.with("email", email.unwrap_or_default()), error).await
        }
        Err(error) => dead(&site, error).await,
    }
}

/// Says why a link opens nothing, and offers another one.
async fn dead(site: &Site, error: LinkError) -> Result<Response, Error> {
    let status = match error {
        LinkError::Failed(error) => return Err(error),
        LinkError::Unknown => StatusCode::NOT_FOUND,
        LinkError::Used { .. } | LinkError::Expired | LinkError::Taken => StatusCode::GONE,
    };
    let form = FormView::new(Screen::ForgotPassword).with_error(error.to_string());
    Ok(show(site, form, status).await)
}
