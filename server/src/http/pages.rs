//! Pages and their server functions, rendered by `app`. Pages that are one plain form have handlers in [`forms`].

mod receipt;
mod reference;

use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

use app::app::App;
use app::backend::Viewer;
use app::backend::form::FormState;
use app::backend::session::FrameView;
use app::pages::forms::local_path;
use app::shell::shell;
use app::ssr::{Assets, Content, Respond, Wake};
use axum::Router;
use axum::body::Body;
use axum::extract::{FromRef, MatchedPath, Query, Request, State};
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use axum::http::request::Parts;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use leptos::config::LeptosOptions;
use leptos::nonce::use_nonce;
use leptos::prelude::{provide_context, use_context};
use leptos_axum::{
    AxumRouteListing, LeptosRoutes, ResponseOptions, generate_route_list_with_exclusions,
    render_app_async_with_context,
};
use serde::Deserialize;
use tower_http::catch_panic::CatchPanicLayer;

use super::forms::{self, SIGN_IN, SIGN_UP};
use super::settings::security::{self as security_page, SECURITY};
use super::{assets, client_address, failures, frame, security, settings};
use crate::auth::sessions;
use crate::console::sign_in::viewer;
use crate::console::{Console, Error};
use crate::store::{AccountStatus, SessionRow};

/// The page with the calculator.
const PRICING: &str = "/pricing";
/// Pages that anybody may see, besides the forms.
const PUBLIC: [&str; 2] = [PRICING, "/docs/billing"];

/// Somebody's data; all that is left to see of an account that is being deleted.
pub(super) const DATA: &str = "/settings/account/data";

/// Pages of one key each, plain forms in the frame of those who are signed in.
const KEY: &str = "/settings/api-keys/";

/// What every page is made with.
#[derive(Debug, Clone)]
pub(super) struct Site {
    pub(super) console: Console,
    assets: Arc<Assets>,
    options: LeptosOptions,
}

impl FromRef<Site> for LeptosOptions {
    fn from_ref(site: &Site) -> Self {
        site.options.clone()
    }
}

impl Site {
    /// Where this build's files are.
    pub(super) fn assets(&self) -> &Assets {
        &self.assets
    }
}

/// Who looks at the page; `None` is nobody we know. In the request's extensions.
#[derive(Debug, Clone)]
pub(super) struct Visit(pub(super) Option<Viewer>);

/// The pages, and as fallback the page for paths that lead nowhere.
pub fn router(console: Console) -> Router {
    let options = LeptosOptions::builder().output_name("console").build();
    let site = Site { console: console.clone(), assets: Arc::new(assets::manifest()), options };
    let context = site.clone();
    Router::new()
        .merge(forms::router())
        .merge(settings::router())
        .route("/receipts/{event_id}", post(receipt::report))
        .route(app::pages::reference::PATH, get(reference::show))
        .leptos_routes_with_context(&site, page_routes(), move || provide(&context), shell)
        .fallback(no_such_page)
        .method_not_allowed_fallback(async || Error::MethodNotAllowed)
        .layer(from_fn_with_state(site.clone(), with_viewer))
        .layer(from_fn_with_state(console.clone(), client_address::keep))
        .layer(from_fn(unkept))
        .layer(CatchPanicLayer::custom(frame::panicked))
        .layer(from_fn(failures::as_pages))
        .layer(from_fn_with_state(console, security::page))
        .with_state(site)
}

/// Listing the routes renders the application; the list is the same each time.
fn page_routes() -> Vec<AxumRouteListing> {
    static ROUTES: OnceLock<Vec<AxumRouteListing>> = OnceLock::new();
    let own = || Some(forms::PATHS.map(str::to_owned).to_vec());
    ROUTES.get_or_init(|| generate_route_list_with_exclusions(App, own())).clone()
}

/// The context of pages and of server functions.
pub(super) fn provide(site: &Site) {
    let extensions = use_context::<Parts>().map(|parts| parts.extensions).unwrap_or_default();
    provide_context(extensions.get::<Visit>().and_then(|Visit(viewer)| viewer.clone()));
    if let Some(frame) = extensions.get::<FrameView>() {
        provide_context(frame.clone());
    }
    if let Some(content) = extensions.get::<Content>() {
        provide_context(content.clone());
    }
    provide_context(extensions.get::<MatchedPath>().map_or(Wake::Never, |page| wake(page.as_str())));
    provide_context(site.console.backend());
    provide_context(Assets::clone(&site.assets));
    let Some(response) = use_context::<ResponseOptions>() else { return };
    if let Some(Ok(policy)) = use_nonce().map(|nonce| security::content_security_policy(Some(&nonce))) {
        response.insert_header(CONTENT_SECURITY_POLICY, policy);
    }
    provide_context(Respond::new(move |status| {
        response.set_status(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    }));
}

#[derive(Debug, Default, Deserialize)]
struct Onward {
    next: Option<String>,
}

/// What is shown, and where somebody is led, is kept by no cache. Also without a viewer: a page that is kept would repeat its
/// nonce.
async fn unkept(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Finds out who looks. Whoever isn't signed in is sent to sign in, and whoever is has no use for that.
async fn with_viewer(State(site): State<Site>, mut request: Request, next: Next) -> Result<Response, Error> {
    let session = sessions::find(&site.console, request.headers()).await?;
    let viewer = session.as_ref().map(|session| viewer(session.user.clone()));
    let page = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    match (page, &viewer) {
        (Some(SIGN_IN | SIGN_UP), Some(_)) if reads(request.method()) => {
            let Query(onward) = Query::<Onward>::try_from_uri(request.uri()).unwrap_or_default();
            return Ok(onward_to(onward.next.as_deref()));
        }
        (Some(page), None) if reads(request.method()) && is_private(page) => {
            return Ok(to_the_form(request.uri()));
        }
        (Some(page), Some(_)) if is_closing(session.as_ref()) && is_private(page) => {
            return Ok(Redirect::to(DATA).into_response());
        }
        (Some(page), Some(viewer)) if is_private(page) => {
            let frame = site.console.read_frame(viewer).await?;
            if let Some(session) = session.as_ref().filter(|_| page == SECURITY) {
                let form = FormState::default();
                let content = security_page::content(&site, viewer, session, request.uri(), &form).await?;
                request.extensions_mut().insert(content);
            }
            request.extensions_mut().insert(frame);
        }
        _ => {}
    }
    request.extensions_mut().insert(Visit(viewer));
    Ok(next.run(request).await)
}

/// Whether they have deleted their account: they can keep it, and see nothing else.
fn is_closing(session: Option<&SessionRow>) -> bool {
    session.is_some_and(|session| session.user.account_status == AccountStatus::Closing)
}

pub(super) fn reads(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// Whether it is a page (not a server function) for those who are signed in.
fn is_private(page: &str) -> bool {
    let is_public = PUBLIC.contains(&page) || forms::PATHS.contains(&page);
    !is_public && page_routes().iter().any(|route| route.path() == page)
}

/// When the wasm of a page starts.
fn wake(page: &str) -> Wake {
    match page {
        PRICING => Wake::AtFirstEdit,
        page if page.starts_with(KEY) => Wake::Never,
        page if is_private(page) => Wake::Now,
        _ => Wake::Never,
    }
}

/// Leads to the form, which leads back to `here`.
pub(super) fn to_the_form(here: &Uri) -> Response {
    let here = here.path_and_query().map_or("/", PathAndQuery::as_str);
    let path = if here == "/" { SIGN_IN.to_owned() } else { format!("{SIGN_IN}?next={}", escaped(here)) };
    Redirect::to(&path).into_response()
}

/// As a value in a query string (RFC 3986, 2.1).
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(char::from(byte));
            }
            byte => {
                // Writing into a String cannot fail.
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

/// A path of this site: `next` if it is one.
pub(super) fn local(next: &str) -> &str {
    local_path(next)
}

/// Leads to a path of this site and nowhere else.
pub(super) fn onward_to(next: Option<&str>) -> Response {
    Redirect::to(local_path(next.unwrap_or_default())).into_response()
}

async fn no_such_page(State(site): State<Site>, request: Request) -> Response {
    if !reads(request.method()) || !wants_html(request.headers()) {
        return Error::not_found().into_response();
    }
    let mut response = render_app_async_with_context(move || provide(&site), shell)(request).await;
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

/// Browsers name `text/html` when they go to an address; programs don't.
pub(super) fn wants_html(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|kind| kind.trim_start().starts_with("text/html"))
}

/// A page for somebody who is signed in, in answer to a form; `context` says what became of it.
pub(super) async fn page_for(
    site: &Site,
    viewer: Viewer,
    path: &str,
    status: StatusCode,
    context: impl Fn() + Clone + Send + Sync + 'static,
) -> Response {
    woken_page_for(site, viewer, (path, wake(path)), status, context).await
}

/// The same for what has no page of its own and stands in the place of the content of that at `path`: the wasm, which takes over the
/// page of the address that it finds, is not started.
pub(super) async fn still_page_for(
    site: &Site,
    viewer: Viewer,
    path: &str,
    status: StatusCode,
    content: Content,
) -> Response {
    woken_page_for(site, viewer, (path, Wake::Never), status, move || provide_context(content.clone())).await
}

async fn woken_page_for(
    site: &Site,
    viewer: Viewer,
    (path, wake): (&str, Wake),
    status: StatusCode,
    context: impl Fn() + Clone + Send + Sync + 'static,
) -> Response {
    let frame = match site.console.read_frame(&viewer).await {
        Ok(frame) => frame,
        Err(error) => return error.into_response(),
    };
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = path.parse().unwrap_or(Uri::from_static("/"));
    request.extensions_mut().insert(frame);
    request.extensions_mut().insert(Visit(Some(viewer)));
    let site = site.clone();
    let context = move || {
        provide(&site);
        provide_context(wake);
        context();
    };
    let mut response = render_app_async_with_context(context, shell)(request).await;
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_get_pages_and_programs_get_json() {
        let wants = |accept: &'static str| {
            let headers: HeaderMap = [(ACCEPT, HeaderValue::from_static(accept))].into_iter().collect();
            wants_html(&headers)
        };
        assert!(wants("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"));
        assert!(wants("application/json, text/html"));
        assert!(!wants("*/*"));
        assert!(!wants("application/json"));
        assert!(!wants_html(&HeaderMap::new()));
    }

    #[test]
    fn nobody_is_sent_to_another_site() {
        let location = |next| onward_to(next).headers()["location"].to_str().unwrap().to_owned();
        assert_eq!(location(None), "/");
        assert_eq!(location(Some("/?range=24h")), "/?range=24h");
        for elsewhere in ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
        {
            assert_eq!(location(Some(elsewhere)), "/", "{elsewhere}");
        }
    }

    #[test]
    fn the_form_knows_the_way_back() {
        let location = |here: &'static str| {
            to_the_form(&Uri::from_static(here)).headers()["location"].to_str().unwrap().to_owned()
        };
        assert_eq!(location("/"), "/sign-in");
        assert_eq!(location("/?range=24h&x=%2B"), "/sign-in?next=/%3Frange%3D24h%26x%3D%252B");
        let uri = location("/?range=24h&x=%2B").parse().unwrap();
        let Query(onward) = Query::<Onward>::try_from_uri(&uri).unwrap();
        assert_eq!(onward.next.as_deref(), Some("/?range=24h&x=%2B"));
    }

    #[test]
    fn pages_are_private_unless_they_say_otherwise() {
        assert!(is_private("/"));
        assert!(forms::PATHS.into_iter().all(|form| !is_private(form)));
        assert!(!is_private("/api/overview"));
    }

    #[test]
    fn only_private_pages_start_their_wasm_at_once() {
        assert_eq!(wake("/"), Wake::Now);
        assert_eq!(wake("/settings/api-keys"), Wake::Now);
        assert_eq!(wake("/settings/api-keys/{key_id}"), Wake::Never);
        assert_eq!(wake(PRICING), Wake::AtFirstEdit);
        for still in [SIGN_IN, "/docs/billing", "/api/overview", "/nowhere"] {
            assert_eq!(wake(still), Wake::Never, "{still}");
        }
    }
}
