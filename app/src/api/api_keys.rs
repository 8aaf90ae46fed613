//! Settings › API keys: listed, made and revoked.

use leptos::prelude::*;
use leptos::server_fn::codec::{GetUrl, PostUrl};

use super::json::Answer;
use crate::backend::ConsoleError;
#[cfg(feature = "ssr")]
use crate::backend::api_keys::{ApiKeyForm, LimitForm, Show, UnknownShow};
use crate::backend::api_keys::{ApiKeysView, CreatedView, KeyPageView};

/// The account's newest keys of one kind (`active`, `revoked` or `all`); with the form as it came back, when the page answers one.
#[server(input = GetUrl, output = Answer)]
pub async fn api_keys(show: String) -> Result<ApiKeysView, ConsoleError> {
    let result = async {
        let (viewer, backend) = super::caller()?;
        let show: Show = show.parse().map_err(|error: UnknownShow| super::invalid("show", &error))?;
        let (form, created) = (super::sent_form(), use_context());
        let view = backend.api_keys.api_keys(&viewer, show).await?;
        Ok(ApiKeysView { form, created, ..view })
    };
    super::answer(result.await)
}

/// Makes a key; its secret is in this answer and nowhere else.
#[server(input = PostUrl, output = Answer)]
pub async fn create_api_key(
    key_id: String,
    name: String,
    permission: String,
    expiration_days: String,
    #[server(default)] limit: String,
    #[server(default)] limit_period: String,
    #[server(default)] limit_mode: String,
) -> Result<CreatedView, ConsoleError> {
    let result = async {
        let (viewer, backend) = super::caller()?;
        let limit = LimitForm { amount: limit, period: limit_period, mode: limit_mode };
        let form = ApiKeyForm { key_id, name, permission, expiration_days, limit };
        backend.api_keys.create_api_key(&viewer, form).await
    };
    super::answer(result.await)
}

/// Revokes a key for good.
#[server(input = PostUrl, output = Answer)]
pub async fn revoke_api_key(key_id: String) -> Result<(), ConsoleError> {
    let result = async {
        let (viewer, backend) = super::caller()?;
        backend.api_keys.revoke_api_key(&viewer, &key_id).await
    };
    super::answer(result.await)
}

/// One key, for its page, which no browser makes; with the form as it came back.
#[cfg(feature = "ssr")]
pub async fn api_key(key_id: String) -> Result<KeyPageView, ConsoleError> {
    let result = async {
        let (viewer, backend) = super::caller()?;
        let form = super::sent_form();
        Ok(KeyPageView { form, ..backend.api_keys.api_key(&viewer, &key_id).await? })
    };
    super::answer(result.await)
}

/// Nowhere else is there anybody to ask.
#[cfg(not(feature = "ssr"))]
pub async fn api_key(_: String) -> Result<KeyPageView, ConsoleError> {
    Err(ConsoleError::Unavailable)
}
