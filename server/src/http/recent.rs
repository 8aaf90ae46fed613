//! The guard before what is sensitive: who has not proved lately who they are is led to `/confirm`, and back.

use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Redirect, Response};

use super::pages::{Site, escaped, to_the_form};
use crate::auth::recent::{NotRecent, Recent};

/// Whoever asks, if they have proved lately who they are; else where they are led first. They come back to `act`, which does
/// nothing else than what they wanted, or is the `page` with its button; those who are not signed in come to the page.
pub(super) async fn must_be(
    site: &Site,
    headers: &HeaderMap,
    (page, act): (&'static str, &str),
) -> Result<Recent, Response> {
    Recent::of(&site.console, headers).await.map_err(|error| match error {
        NotRecent::Nobody => to_the_form(&Uri::from_static(page)),
        NotRecent::LongAgo => Redirect::to(&format!("/confirm?next={}", escaped(act))).into_response(),
        NotRecent::Failed(error) => error.into_response(),
    })
}
