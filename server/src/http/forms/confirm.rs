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
use super::{Asked, CONFIRM, UNREADABLE, come_back, show_to};
use crate::auth::recent::{NotRecent, Recent};
use crate::auth::sessions;
use crate::console::Error;
use crate::console::sign_in::SignInError;
use crate::store::{Purpose, SessionRow};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Fields {
    password: String,
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
async fn form(site: &Site, session: &SessionRow, next: &str) -> Result<FormView, Error> {
    let user = &session.user;
    let linked = site.console.confirming_providers(user).await?;
    let mut form = FormView::new(Screen::Confirm).with("next", next).with("email", user.email.clone());
    form.ways = linked.into_iter().map(|(id, name)| (way(CONFIRM, &id, next), name)).collect();
    Ok(if user.password_hash.is_some() { form.with("has_password", "1") } else { form })
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
    let Ok(Form(Fields { password, next })) = fields else {
        let form = form(&site, &session, "").await?.with_error(UNREADABLE);
        return Ok(show_to(&site, form, StatusCode::UNPROCESSABLE_ENTITY, visit).await);
    };
    let again = form(&site, &session, &next).await?;
    match site.console.confirm((token, session), password, address).await {
        Ok(signed_in) => {
            let cookie = sessions::cookie(&site.console, &signed_in.token)?;
            Ok(([(SET_COOKIE, cookie)], go_on(&site, &next, &visit).await).into_response())
        }
        Err(SignInError::Wrong) => {
            let form = again.with_error("This is not your password.");
            Ok(show_to(&site, form, StatusCode::FORBIDDEN, visit).await)
        }
        Err(error @ SignInError::TooMany { retry_after_s }) => {
            let form = again.with_error(error.to_string());
            let shown = show_to(&site, form, StatusCode::TOO_MANY_REQUESTS, visit).await;
            Ok(come_back(shown, Some(retry_after_s)))
        }
        Err(SignInError::Failed(error)) => Err(error),
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
