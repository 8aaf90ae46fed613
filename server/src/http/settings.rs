//! The forms of the settings pages, for browsers without scripts: a refused form is answered with its page, which holds
//! what was typed. With scripts the same use cases are reached through server functions.

mod key;
mod leaving;
pub(super) mod security;

use app::backend::account::{AccountForm, AccountPort as _};
use app::backend::api_keys::{ApiKeyForm, ApiKeysPort, CreatedView, LimitForm, RotationForm};
use app::backend::form::FormState;
use app::backend::{ConsoleError, Viewer};
use axum::Router;
use axum::extract::rejection::FormRejection;
use axum::extract::{Extension, Form, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use leptos::prelude::provide_context;
use serde::Deserialize;

use super::pages::{self, Site, Visit};

const ACCOUNT: &str = "/settings/account";
const API_KEYS: &str = "/settings/api-keys";
const REVOKE: &str = "/settings/api-keys/revoke";

pub(super) fn router() -> Router<Site> {
    Router::new()
        .route("/settings", get(async || Redirect::to(ACCOUNT)))
        .route(ACCOUNT, post(change_account))
        .route(API_KEYS, post(create_api_key))
        .route(REVOKE, post(revoke_api_key))
        .merge(security::router())
        .merge(leaving::router())
        .merge(key::router())
}

/// A field that is missing is an empty one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AccountFields {
    name: String,
    user_name: String,
    time_zone: String,
}

async fn change_account(
    State(site): State<Site>,
    Extension(Visit(viewer)): Extension<Visit>,
    fields: Result<Form<AccountFields>, FormRejection>,
) -> Response {
    let Some(viewer) = viewer else { return to_sign_in(ACCOUNT) };
    let Ok(Form(AccountFields { name, user_name, time_zone })) = fields else {
        return page(&site, viewer, ACCOUNT, refused(unreadable(), vec![])).await;
    };
    let typed = pairs([("name", &name), ("user_name", &user_name), ("time_zone", &time_zone)]);
    let form = AccountForm { name, user_name, time_zone };
    match site.console.change_account(&viewer, form).await {
        Ok(_) => Redirect::to("/settings/account?saved=1").into_response(),
        Err(error) => page(&site, viewer, ACCOUNT, refused(error, typed)).await,
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ApiKeyFields {
    key_id: String,
    name: String,
    permission: String,
    expiration_days: String,
    limit: String,
    limit_period: String,
    limit_mode: String,
    /// The key to put another one in the place of, under `key_id`; with what follows, and without all that stands above.
    rotates: String,
    overlap_s: String,
}

/// The secret stands in the answer itself, so that it is in no address and in no cache.
async fn create_api_key(
    State(site): State<Site>,
    Extension(Visit(viewer)): Extension<Visit>,
    fields: Result<Form<ApiKeyFields>, FormRejection>,
) -> Response {
    let Some(viewer) = viewer else { return to_sign_in(API_KEYS) };
    let Ok(Form(fields)) = fields else {
        return page(&site, viewer, API_KEYS, refused(unreadable(), vec![])).await;
    };
    let ApiKeyFields { key_id, name, permission, expiration_days, limit, limit_period, limit_mode, .. } =
        fields;
    if !fields.rotates.is_empty() {
        let form = RotationForm { next_id: key_id, overlap_s: fields.overlap_s };
        return key::rotate(&site, viewer, &fields.rotates, form).await;
    }
    let typed = pairs([
        ("name", &name),
        ("permission", &permission),
        ("expiration_days", &expiration_days),
        ("limit", &limit),
        ("limit_period", &limit_period),
        ("limit_mode", &limit_mode),
    ]);
    let limit = LimitForm { amount: limit, period: limit_period, mode: limit_mode };
    let form = ApiKeyForm { key_id, name, permission, expiration_days, limit };
    match ApiKeysPort::create_api_key(&site.console, &viewer, form).await {
        Ok(made) => shown_once(&site, viewer, made).await,
        Err(error) => page(&site, viewer, API_KEYS, refused(error, typed)).await,
    }
}

/// The list of keys, and above it the secret of a new one.
async fn shown_once(site: &Site, viewer: Viewer, made: CreatedView) -> Response {
    let context = move || provide_context(made.clone());
    pages::page_for(site, viewer, API_KEYS, StatusCode::OK, context).await
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RevokeFields {
    key_id: String,
}

async fn revoke_api_key(
    State(site): State<Site>,
    Extension(Visit(viewer)): Extension<Visit>,
    fields: Result<Form<RevokeFields>, FormRejection>,
) -> Response {
    let Some(viewer) = viewer else { return to_sign_in(API_KEYS) };
    let Form(RevokeFields { key_id }) = fields.unwrap_or_default();
    match ApiKeysPort::revoke_api_key(&site.console, &viewer, &key_id).await {
        Ok(()) => Redirect::to("/settings/api-keys?revoked=1").into_response(),
        Err(error) => page(&site, viewer, API_KEYS, refused(error, vec![])).await,
    }
}

fn to_sign_in(page: &str) -> Response {
    pages::to_the_form(&page.parse().unwrap_or(Uri::from_static("/")))
}

fn unreadable() -> ConsoleError {
    let sentence = "This form could not be read.".to_owned();
    ConsoleError::Refused { status: 422, reasons: vec![(String::new(), sentence)] }
}

fn pairs<const N: usize>(fields: [(&str, &String); N]) -> Vec<(String, String)> {
    fields.map(|(name, text)| (name.to_owned(), text.clone())).into()
}

/// The refusal, as status and as what the form shows.
fn refused(error: ConsoleError, typed: Vec<(String, String)>) -> (StatusCode, FormState) {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, FormState { typed, errors: error.reasons() })
}

async fn page(site: &Site, viewer: Viewer, path: &str, (status, form): (StatusCode, FormState)) -> Response {
    if status == StatusCode::UNAUTHORIZED {
        return to_sign_in(path);
    }
    pages::page_for(site, viewer, path, status, move || provide_context(form.clone())).await
}
