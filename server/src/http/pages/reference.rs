//! `GET /docs`: the API reference. What stands on it is made once, from the document that `/openapi.json` is.

use std::sync::OnceLock;

use app::pages::reference;
use app::shell;
use axum::Extension;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use http::header::CONTENT_SECURITY_POLICY;
use leptos::nonce::{provide_nonce, use_nonce};
use leptos::prelude::{Owner, RenderHtml, provide_context};
use serde_json::Value;

use super::{Site, Visit};
use crate::console::Error;
use crate::http::{openapi, security};

pub async fn show(
    State(site): State<Site>,
    Extension(Visit(viewer)): Extension<Visit>,
) -> Result<Response, Error> {
    let (article, placeholder) = article()?;
    let article = article.replace(placeholder, site.console.config.base_url.as_str());
    let owner = Owner::new_root(None);
    owner.with(|| {
        provide_nonce();
        provide_context(site.assets.as_ref().clone());
        provide_context(viewer);
        let nonce = use_nonce().ok_or_else(|| Error::internal("a page without a nonce"))?;
        let policy = security::content_security_policy(Some(&nonce))?;
        let html = shell::reference(article).to_html();
        Ok(([(CONTENT_SECURITY_POLICY, policy)], Html(html)).into_response())
    })
}

/// The article, and what stands in it for the address of the console.
fn article() -> Result<(&'static str, &'static str), Error> {
    static ARTICLE: OnceLock<(String, String)> = OnceLock::new();
    if let Some((article, base)) = ARTICLE.get() {
        return Ok((article, base));
    }
    let document: Value = serde_json::from_slice(openapi::TEXT).map_err(Error::internal)?;
    let base = document["x-base"].as_str().unwrap_or_default().to_owned();
    let article = Owner::new_root(None).with(|| reference::article(&document));
    let (article, base) = ARTICLE.get_or_init(|| (article, base));
    Ok((article, base))
}
