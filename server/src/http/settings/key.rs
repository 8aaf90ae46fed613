//! The forms of a key's own page.

use app::backend::Viewer;
use app::backend::api_keys::{ApiKeysPort, KeyChangeForm, LimitForm, RotationForm};
use axum::Router;
use axum::extract::rejection::FormRejection;
use axum::extract::{Extension, Form, Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::post;
use serde::Deserialize;

use super::{page, pairs, refused, shown_once, to_sign_in, unreadable};
use crate::http::pages::{Site, Visit};

pub(super) fn router() -> Router<Site> {
    Router::new().route("/settings/api-keys/{key_id}", post(change))
}

/// The page of a key. What can't be an id is one that nobody has.
fn path_of(key_id: &str) -> String {
    let is_plain = key_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    format!("/settings/api-keys/{}", if is_plain { key_id } else { "key_" })
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ChangeFields {
    name: String,
    expiration_days: String,
    limit: String,
    limit_period: String,
    limit_mode: String,
}

async fn change(
    State(site): State<Site>,
    Extension(Visit(viewer)): Extension<Visit>,
    Path(key_id): Path<String>,
    fields: Result<Form<ChangeFields>, FormRejection>,
) -> Response {
    let here = path_of(&key_id);
    let Some(viewer) = viewer else { return to_sign_in(&here) };
    let Ok(Form(fields)) = fields else {
        return page(&site, viewer, &here, refused(unreadable(), vec![])).await;
    };
    let ChangeFields { name, expiration_days, limit, limit_period, limit_mode } = fields;
    let typed = pairs([
        ("name", &name),
        ("expiration_days", &expiration_days),
        ("limit", &limit),
        ("limit_period", &limit_period),
        ("limit_mode", &limit_mode),
    ]);
    let limit = LimitForm { amount: limit, period: limit_period, mode: limit_mode };
    let form = KeyChangeForm { name, expiration_days, limit };
    match ApiKeysPort::change_api_key(&site.console, &viewer, &key_id, form).await {
        Ok(()) => Redirect::to(&format!("{here}?saved=1")).into_response(),
        Err(error) => page(&site, viewer, &here, refused(error, typed)).await,
    }
}

/// Puts another key in the place of one. The secret stands in the answer itself, so that it is in no address and in no cache: on the
/// list of keys, to which the form is sent, since scripts take over the page of the address that they find. A refusal is
/// answered with the page of the key, which needs none.
pub(super) async fn rotate(site: &Site, viewer: Viewer, key_id: &str, form: RotationForm) -> Response {
    let here = path_of(key_id);
    let typed = pairs([("overlap_s", &form.overlap_s)]);
    match ApiKeysPort::rotate_api_key(&site.console, &viewer, key_id, form).await {
        Ok(made) => shown_once(site, viewer, made).await,
        Err(error) => {
            let (status, mut form) = refused(error, typed);
            // All of them stand above this form, and none in the other one.
            let said: Vec<String> = form.errors.drain(..).map(|(_, sentence)| sentence).collect();
            form.errors.push(("rotate".to_owned(), said.join(" ")));
            page(site, viewer, &here, (status, form)).await
        }
    }
}
