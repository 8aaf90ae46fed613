//! `GET` and `POST /verify-email`, `POST /verify-email/again`. Opening the link changes nothing: mail scanners do that too.

use app::ssr::{FormView, Screen};
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use serde::Deserialize;

use super::super::client_address::ClientAddress;
use super::super::pages::{Site, onward_to};
use super::{Asked, refused, show, unreadable};
use crate::auth::sessions;
use crate::console::Error;
use crate::console::links::LinkError;
use crate::console::sign_up::Means;
use crate::store::LinkKind;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Fields {
    token: String,
    email: String,
    form: String,
}

/// The button, for a link that opens something; else the form that asks for another link.
pub(super) async fn page(State(site): State<Site>, uri: Uri) -> Result<Response, Error> {
    let token = Asked::of(&uri).token;
    if token.is_empty() {
        return Ok(show(&site, FormView::new(Screen::SendAgain), StatusCode::OK).await);
    }
    match site.console.get_link(LinkKind::VerifyEmail, &token).await {
        Ok(link) => {
            let form = FormView::new(Screen::VerifyEmail)
                .with("token", token)
                .with("email", link.user.email)
                .with("name", link.user.name)
                .with("user_name", link.user.user_name);
            Ok(show(&site, form, StatusCode::OK).await)
        }
        Err(error) => dead(&site, token, error).await,
    }
}

/// The button was pressed.
pub(super) async fn submit(
    State(site): State<Site>,
    headers: HeaderMap,
    fields: Result<Form<Fields>, FormRejection>,
) -> Result<Response, Error> {
    let Ok(Form(Fields { token, .. })) = fields else {
        return Ok(unreadable(&site, Screen::SendAgain).await);
    };
    let session = sessions::presented_token(&site.console.config.base_url, &headers);
    let user = match site.console.verify_email(&token, session).await {
        Ok(user) => user,
        Err(error) => return dead(&site, token, error).await,
    };
    let viewer = site.console.viewer(&headers).await?;
    if viewer.is_some_and(|viewer| viewer.user_id == user.id) {
        return Ok(onward_to(None));
    }
    let form = FormView::new(Screen::SignIn)
        .with("email", user.email)
        .with_notice("Your e-mail is verified. Sign in to see your credits.");
    Ok(show(&site, form, StatusCode::OK).await)
}

/// Says why a link opens nothing, and offers another one.
async fn dead(site: &Site, token: String, error: LinkError) -> Result<Response, Error> {
    let status = match &error {
        LinkError::Unknown => StatusCode::NOT_FOUND,
        LinkError::Used { .. } | LinkError::Expired | LinkError::Taken => StatusCode::GONE,
        LinkError::Failed(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    let sentence = match error {
        LinkError::Failed(error) => return Err(error),
        LinkError::Used { is_verified: true } => {
            "This link was used already, and the e-mail is verified. Sign in.".to_owned()
        }
        other => other.to_string(),
    };
    // The link says whose it was; the address has to be typed, since whoever holds an old link may be anybody.
    let form = FormView::new(Screen::SendAgain).with("token", token).with_error(sentence);
    Ok(show(site, form, status).await)
}

pub(super) async fn send_again(
    State(site): State<Site>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    fields: Result<Form<Fields>, FormRejection>,
) -> Result<Response, Error> {
    let Ok(Form(Fields { token, email, form })) = fields else {
        return Ok(unreadable(&site, Screen::SendAgain).await);
    };
    let viewer = site.console.viewer(&headers).await?;
    let means = match viewer {
        _ if !form.is_empty() => Means::Form(&form),
        _ if !token.is_empty() => Means::Link(&token),
        Some(viewer) => Means::Viewer(viewer.user_id),
        None => Means::Email,
    };
    let sent = site.console.send_again(&email, means, address).await;
    let again = |screen| FormView::new(screen).with("email", email.trim()).with("form", form.clone());
    match sent {
        Ok(()) => {
            let sent = again(Screen::CheckMail).with_notice("Sent again. Earlier links still work.");
            Ok(show(&site, sent, StatusCode::OK).await)
        }
        Err(error) => refused(&site, again(Screen::SendAgain).with("token", token.clone()), error).await,
    }
}
