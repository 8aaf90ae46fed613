//! The guard before what is sensitive: who has not proved lately who they are is led to `/confirm`, and back.

use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Redirect, Response};

use super::pages::{Site, escaped, to_the_form};
use crate::auth::recent::{NotRecent, Recent};

/// Whoever asks, if they have proved lately who they are; else where they are led first. `page` is where they come back to: the
/// page with what they wanted to do.
pub(super) async fn must_be(
    site: &Site,
    headers: &HeaderMap,
    page: &'static str,
) -> Result<Recent, Response> {
    Recent::of(&site.console, headers).await.map_err(|error| match error {
        NotRecent::Nobody => to_the_form(&Uri::from_static(page)),
        NotRecent::LongAgo => {
            let back = format!("{page}?said=confirmed");
            Redirect::to(&format!("/confirm?next={}", escaped(&back))).into_response()
        }
        NotRecent::Failed(error) => error.into_response(),
    })
}
