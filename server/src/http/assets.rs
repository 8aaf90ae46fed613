//! The browser's files, out of the binary.
//!
//! `server/build.rs` embeds them with their content's hash and with compressed copies. A file answers under two names:
//! `/pkg/console.<hash>.js`, which may be kept for ever, and `/pkg/console.js`, which is asked again each time and is
//! what files that name each other (wasm-bindgen's snippets) use. Files outside `pkg/` come from `public/`.

use axum::{
    Router,
    body::Body,
    extract::Path,
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{
            ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG,
            IF_NONE_MATCH, VARY,
        },
    },
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;

/// One embedded file and its stored forms.
#[derive(Clone, Copy, Debug)]
pub(super) struct File {
    /// Path below the site's root, with `/` between its parts.
    pub(super) path: &'static str,
    /// Hex digits of the content's SHA-256, part of the lasting name.
    pub(super) hash: &'static str,
    pub(super) identity: &'static [u8],
    pub(super) brotli: Option<&'static [u8]>,
    pub(super) gzip: Option<&'static [u8]>,
}

static FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// A name with the content's hash in it never means anything else.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// A plain name may mean new content after an update; the `ETag` makes asking again cheap.
pub(super) const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");
/// Icons and the like: a stale one does no harm for an hour.
const AN_HOUR: HeaderValue = HeaderValue::from_static("public, max-age=3600");

/// The URL paths that a page's head needs.
#[must_use]
pub fn manifest() -> app::ssr::Assets {
    if watched_site().is_some() {
        return manifest_of(&[]);
    }
    manifest_of(FILES)
}

/// Routes for `/pkg/…` and for each file of `public/`.
pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    match watched_site() {
        Some(site) => watching_router(&site),
        None => router_of(FILES),
    }
}

fn manifest_of(files: &'static [File]) -> app::ssr::Assets {
    let url = |name: &str| {
        let path = format!("pkg/{name}");
        match files.iter().find(|file| file.path == path) {
            Some(file) => format!("/{}", lasting_name(file)),
            None => format!("/{path}"),
        }
    };
    app::ssr::Assets {
        script: url("console.js"),
        wasm: url("console.wasm"),
        style: url("console.css"),
        charts: url("charts.js"),
        passkeys: url("passkeys.js"),
    }
}

fn router_of<S: Clone + Send + Sync + 'static>(files: &'static [File]) -> Router<S> {
    let mut router = Router::new().route(
        "/pkg/{*path}",
        get(move |Path(path): Path<String>, headers: HeaderMap| async move {
            match find_in_pkg(files, &path) {
                Some((file, cache)) => answer(file, &headers, cache),
                None => StatusCode::NOT_FOUND.into_response(),
            }
        }),
    );
    for file in files.iter().filter(|file| !file.path.starts_with("pkg/")) {
        let handler = move |headers: HeaderMap| async move { answer(file, &headers, AN_HOUR) };
        router = router.route(&format!("/{}", file.path), get(handler));
    }
    router
}

fn find_in_pkg(files: &'static [File], path: &str) -> Option<(&'static File, HeaderValue)> {
    let wanted = format!("pkg/{path}");
    files.iter().find_map(|file| {
        if file.path == wanted {
            Some((file, ASK_AGAIN))
        } else if file.path.starts_with("pkg/") && lasting_name(file) == wanted {
            Some((file, FOR_EVER))
        } else {
            None
        }
    })
}

/// `pkg/console.js` → `pkg/console.<hash>.js`.
fn lasting_name(file: &File) -> String {
    match file.path.rsplit_once('.') {
        Some((stem, extension)) => format!("{stem}.{}.{extension}", file.hash),
        None => format!("{}.{}", file.path, file.hash),
    }
}

pub(super) fn answer(file: &'static File, headers: &HeaderMap, cache: HeaderValue) -> Response {
    let (body, encoding) = stored_form(file, accepted(headers));
    let tag = format!("\"{}{}\"", file.hash, encoding.map_or(String::new(), |name| format!("-{name}")));
    let fresh = known_tags(headers).any(|known| known == "*" || known.trim_start_matches("W/") == tag);
    let mut response = if fresh {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let mut response = Body::from(Bytes::from_static(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type(file.path)));
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        if let Some(encoding) = encoding {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        response
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, cache);
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(tag) = HeaderValue::try_from(tag) {
        headers.insert(ETAG, tag);
    }
    response
}

/// The smallest stored form that the client takes, and its name in Content-Encoding.
fn stored_form(file: &'static File, accepted: Accepted) -> (&'static [u8], Option<&'static str>) {
    match (file.brotli, file.gzip) {
        (Some(body), _) if accepted.brotli => (body, Some("br")),
        (_, Some(body)) if accepted.gzip => (body, Some("gzip")),
        _ => (file.identity, None),
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Accepted {
    brotli: bool,
    gzip: bool,
}

/// Reads Accept-Encoding (RFC 9110, 12.5.3): a coding with `q=0` is refused, `*` stands for those not named.
fn accepted(headers: &HeaderMap) -> Accepted {
    let (mut brotli, mut gzip, mut others) = (None, None, false);
    let values = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    for item in values.flat_map(|value| value.split(',')) {
        let mut parts = item.split(';').map(str::trim);
        let coding = parts.next().unwrap_or_default().to_ascii_lowercase();
        let taken = !parts.any(is_zero_weight);
        match coding.as_str() {
            "br" => brotli = Some(taken),
            "gzip" | "x-gzip" => gzip = Some(taken),
            "*" => others = taken,
            _ => {}
        }
    }
    Accepted { brotli: brotli.unwrap_or(others), gzip: gzip.unwrap_or(others) }
}

/// `q=0`, `q=0.0`, `q=0.00` or `q=0.000`.
fn is_zero_weight(parameter: &str) -> bool {
    parameter.split_once('=').filter(|(name, _)| name.trim().eq_ignore_ascii_case("q")).is_some_and(
        |(_, weight)| weight.trim().starts_with('0') && !weight.contains(|c| matches!(c, '1'..='9')),
    )
}

fn known_tags(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "wasm" => "application/wasm",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

/// The folder that `cargo leptos watch` keeps fresh, in debug builds that it started.
fn watched_site() -> Option<std::path::PathBuf> {
    if !cfg!(debug_assertions) || std::env::var_os("LEPTOS_WATCH").is_none() {
        return None;
    }
    std::env::var_os("LEPTOS_SITE_ROOT").map(Into::into)
}

/// While somebody edits: from disk, never kept.
fn watching_router<S: Clone + Send + Sync + 'static>(site: &std::path::Path) -> Router<S> {
    let serve = async |file: std::path::PathBuf| match tokio::fs::read(&file).await {
        Ok(body) => {
            let kind = content_type(file.to_str().unwrap_or_default());
            ([(CACHE_CONTROL, "no-store"), (CONTENT_TYPE, kind)], body).into_response()
        }
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    };
    let pkg = site.join("pkg");
    let mut router = Router::new().route(
        "/pkg/{*path}",
        get(move |Path(path): Path<String>| async move {
            if path.split('/').any(|part| part == "..") {
                return StatusCode::NOT_FOUND.into_response();
            }
            serve(pkg.join(path)).await
        }),
    );
    for name in ["favicon.svg", "robots.txt"] {
        let file = site.join(name);
        router = router.route(&format!("/{name}"), get(move || serve(file.clone())));
    }
    router
}

#[cfg(test)]
#[path = "assets_tests.rs"]
mod tests;
