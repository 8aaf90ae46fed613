//! `GET /sign-in/{provider}` and `/sign-in/{provider}/callback`: to a provider and back.

use app::ssr::{FormView, Screen};
use axum::extract::{Extension, Path, Query, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::super::client_address::ClientAddress;
use super::super::pages::{self, Site, Visit, onward_to};
use super::super::{security, uncut};
use super::second_step::{self, SECOND_STEP};
use super::{SIGN_IN, come_back, show, show_to, status_of};
use crate::auth::cookies::Cookie;
use crate::auth::sessions;
use crate::console::provider_rounds::{Begun, Finished, LIFETIME_S, Lost, Returned, RoundError};
use crate::console::{Console, Error};
use crate::store::Purpose;

const COOKIE: Cookie = Cookie { secure_name: "__Host-plexe_round", plain_name: "plexe_round" };
/// Where those who have linked something go on.
const SECURITY: &str = "/settings/security";
/// Begins to link; a provider's id follows.
pub(in super::super) const LINK: &str = "/settings/security/link/";
/// Where somebody links what they came by, once they have signed in.
const THEN_LINK: &str = "/settings/security?said=link";

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Way {
    next: String,
    time_zone: String,
}

impl Way {
    fn of(uri: &Uri) -> Self {
        Query::<Self>::try_from_uri(uri).map(|Query(way)| way).unwrap_or_default()
    }
}

/// Sends somebody to a provider, to sign in or up.
pub(super) async fn begin(
    State(site): State<Site>,
    Path(provider): Path<String>,
    Extension(Visit(viewer)): Extension<Visit>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Error> {
    let Way { next, time_zone } = Way::of(&uri);
    let next = pages::local(&next);
    if viewer.is_some() {
        return Ok(onward_to(Some(next)));
    }
    // Nobody is sent off by another site: they are shown the form, and begin themselves.
    if security::is_cross_site(&headers) {
        return Ok(Redirect::to(SIGN_IN).into_response());
    }
    let begun = site.console.begin_round(&provider, Purpose::SignIn, (next, &time_zone), address).await;
    leave(&site, begun, None).await
}

/// Sends somebody off, or says why not.
pub(in super::super) async fn leave(
    site: &Site,
    begun: Result<Begun, RoundError>,
    visit: Option<&Visit>,
) -> Result<Response, Error> {
    match begun {
        Ok(Begun { url, token }) => {
            let cookie = COOKIE.set(&site.console.config.base_url, &token, LIFETIME_S)?;
            Ok(([(SET_COOKIE, cookie)], Redirect::to(&url)).into_response())
        }
        Err(error) => failed(site, error, visit).await,
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Brought {
    state: String,
    code: String,
    error: String,
    iss: Option<String>,
}

/// Takes somebody back. It changes something although it is a GET, so it runs to its end like what is posted.
pub(super) async fn finish(
    State(site): State<Site>,
    Path(provider): Path<String>,
    Extension(visit): Extension<Visit>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Error> {
    let returned = Query::<Brought>::try_from_uri(&uri).map(|Query(query)| query).unwrap_or_default();
    let Brought { state, code, error, iss } = returned;
    let returned = Returned { state, code, error, issuer: iss };
    uncut::whole(async move { back(&site, &provider, &returned, &visit, &headers).await }).await?
}

async fn back(
    site: &Site,
    provider: &str,
    returned: &Returned,
    visit: &Visit,
    headers: &HeaderMap,
) -> Result<Response, Error> {
    let console = &site.console;
    let base_url = &console.config.base_url;
    let token = COOKIE.token(base_url, headers);
    let session = sessions::find(console, headers).await?;
    let session = sessions::presented_token(base_url, headers).zip(session);
    // What was kept for the way is of no use any more, however it ended.
    let done = COOKIE.set(base_url, "", 0)?;
    match console.finish_round(provider, returned, token, session).await {
        Ok(Finished::SignedIn { signed_in, next }) => {
            let cookie = sessions::cookie(console, &signed_in.token)?;
            let cookies = AppendHeaders([(SET_COOKIE, cookie), (SET_COOKIE, done)]);
            Ok((cookies, go_on(site, &next, visit).await).into_response())
        }
        Ok(Finished::Halfway { token }) => {
            let cookie = second_step::cookie(console, &token)?;
            let cookies = AppendHeaders([(SET_COOKIE, cookie), (SET_COOKIE, done)]);
            Ok((cookies, Redirect::to(SECOND_STEP)).into_response())
        }
        Ok(Finished::Linked { before }) => {
            let said = if before { "before" } else { "linked" };
            let next = format!("{SECURITY}?said={said}");
            Ok(([(SET_COOKIE, done)], Redirect::to(&next)).into_response())
        }
        Err(Lost { error, purpose }) => {
            let is_here = matches!(purpose, Some(Purpose::Link(_) | Purpose::Confirm(_)));
            let mut response = failed(site, error, Some(visit).filter(|_| is_here)).await?;
            response.headers_mut().append(SET_COOKIE, done);
            Ok(response)
        }
    }
}

/// Leads on to what somebody wanted to do before they proved who they are. What begins another round is begun by a page of ours:
/// no form may lead away, and nothing that comes from another site may begin it.
pub(super) async fn go_on(site: &Site, next: &str, visit: &Visit) -> Response {
    if !next.starts_with(LINK) {
        return onward_to(Some(next));
    }
    let form = FormView::new(Screen::Onward).with("next", next);
    show_to(site, form, StatusCode::OK, visit.clone()).await
}

/// Why a round came to nothing; for somebody who is signed in and set out from their settings, with the way back there.
async fn failed(site: &Site, error: RoundError, visit: Option<&Visit>) -> Result<Response, Error> {
    let (status, retry_after_s) = outcome(&error);
    let sentence = error.to_string();
    let form = match error {
        RoundError::Unknown => return Err(Error::not_found()),
        RoundError::Failed(error @ Error::Internal(_)) => return Err(error),
        RoundError::EmailTaken { email, .. } => {
            let form = FormView::new(Screen::SignIn).with("email", email).with("next", THEN_LINK);
            return Ok(show(site, form.with_error(sentence), status).await);
        }
        _ => FormView::new(Screen::RoundFailed).with_error(sentence),
    };
    let form = if visit.is_some() { form.with("settings", "1") } else { form };
    let visit = visit.cloned().unwrap_or(Visit(None));
    Ok(come_back(show_to(site, form, status, visit).await, retry_after_s))
}

/// The status, and after how many seconds another attempt makes sense.
fn outcome(error: &RoundError) -> (StatusCode, Option<u64>) {
    let status = match error {
        RoundError::Unknown => StatusCode::NOT_FOUND,
        RoundError::TooMany { retry_after_s } => {
            return (StatusCode::TOO_MANY_REQUESTS, Some(*retry_after_s));
        }
        RoundError::Stale => StatusCode::GONE,
        RoundError::Denied { .. }
        | RoundError::Unverified { .. }
        | RoundError::Stranger { .. }
        | RoundError::NotFresh { .. } => StatusCode::FORBIDDEN,
        RoundError::Unreachable { .. } | RoundError::Untrusted { .. } => StatusCode::BAD_GATEWAY,
        RoundError::EmailTaken { .. } | RoundError::ToAnother { .. } => StatusCode::CONFLICT,
        RoundError::Failed(error) => return (status_of(error), error.retry_after_s()),
    };
    (status, None)
}

/// Path and name of each provider; `next` is a path of this site.
pub(super) fn ways(console: &Console, next: &str) -> Vec<(String, String)> {
    let providers = console.providers.all().iter().map(|provider| &provider.settings);
    providers.map(|settings| (way("/sign-in", &settings.id, next), settings.name.clone())).collect()
}

/// The path that leads to a provider, and on to `next`.
pub(super) fn way(root: &str, provider: &str, next: &str) -> String {
    match pages::local(next) {
        "/" => format!("{root}/{provider}"),
        next => format!("{root}/{provider}?next={}", pages::escaped(next)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_leads_on_to_a_path_of_this_site() {
        assert_eq!(way("/sign-in", "google", "/"), "/sign-in/google");
        assert_eq!(way("/sign-in", "google", "/usage?range=7d"), "/sign-in/google?next=/usage%3Frange%3D7d");
        for elsewhere in ["", "https://evil.example", "//evil.example", "/\\evil.example"] {
            assert_eq!(way("/confirm", "a", elsewhere), "/confirm/a", "{elsewhere}");
        }
    }

    #[test]
    fn each_refusal_has_its_status() {
        let provider = || "Google".to_owned();
        assert_eq!(
            outcome(&RoundError::TooMany { retry_after_s: 9 }),
            (StatusCode::TOO_MANY_REQUESTS, Some(9))
        );
        assert_eq!(outcome(&RoundError::Stale).0, 410);
        assert_eq!(outcome(&RoundError::Unreachable { provider: provider() }).0, 502);
        assert_eq!(outcome(&RoundError::Unverified { provider: provider() }).0, 403);
        assert_eq!(outcome(&RoundError::ToAnother { provider: provider() }).0, 409);
        assert_eq!(outcome(&RoundError::Failed(Error::EmailNotVerified)).0, 403);
    }
}
