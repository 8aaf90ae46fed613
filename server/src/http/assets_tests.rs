//! What `assets` promises to browsers and caches, over a table of our own so that no build of the front is needed.

use super::*;
use axum::http::{Request, request};
use tower::ServiceExt as _;

static TABLE: &[File] = &[
    File { path: "favicon.svg", hash: "aaaaaaaaaa", identity: b"<svg/>", brotli: None, gzip: None },
    File {
        path: "pkg/console.js",
        hash: "bbbbbbbbbb",
        identity: b"identity",
        brotli: Some(b"brotli"),
        gzip: Some(b"gzip"),
    },
    File {
        path: "pkg/console.wasm",
        hash: "cccccccccc",
        identity: b"\0asm",
        brotli: None,
        gzip: Some(b"gz"),
    },
    File {
        path: "pkg/snippets/app-1/inline0.js",
        hash: "dddddddddd",
        identity: b"snippet",
        brotli: None,
        gzip: None,
    },
];

async fn send(request: request::Builder) -> Response {
    let request = request.body(Body::empty()).expect("a well-formed request");
    router_of::<()>(TABLE).oneshot(request).await.expect("the router never fails")
}

async fn get_with(path: &str, accept_encoding: &str) -> Response {
    send(Request::get(path).header(ACCEPT_ENCODING, accept_encoding)).await
}

async fn body(response: Response) -> Bytes {
    axum::body::to_bytes(response.into_body(), 1 << 20).await.expect("a body in memory")
}

fn header(response: &Response, name: impl axum::http::header::AsHeaderName) -> &str {
    response.headers().get(name).map_or("", |value| value.to_str().expect("printable"))
}

#[tokio::test]
async fn the_name_with_the_hash_may_be_kept_for_ever() {
    let response = get_with("/pkg/console.bbbbbbbbbb.js", "identity").await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(header(&response, CACHE_CONTROL), "public, max-age=31536000, immutable");
    assert_eq!(header(&response, CONTENT_TYPE), "text/javascript; charset=utf-8");
    assert_eq!(body(response).await, "identity");
}

#[tokio::test]
async fn the_plain_name_answers_too_but_is_asked_again() {
    let response = get_with("/pkg/console.js", "").await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(header(&response, CACHE_CONTROL), "no-cache");
    let snippet = get_with("/pkg/snippets/app-1/inline0.js", "br").await;
    assert_eq!(body(snippet).await, "snippet");
}

#[tokio::test]
async fn the_smallest_accepted_form_is_sent_and_named() {
    for (accept, encoding, content) in [
        ("gzip, deflate, br, zstd", "br", "brotli"),
        ("gzip", "gzip", "gzip"),
        ("x-gzip", "gzip", "gzip"),
        ("BR", "br", "brotli"),
        ("*", "br", "brotli"),
        ("br;q=0, gzip;q=0.5", "gzip", "gzip"),
        ("br;q=0.000, *", "gzip", "gzip"),
        ("br;q=0, gzip; q=0", "", "identity"),
        ("deflate", "", "identity"),
        ("", "", "identity"),
    ] {
        let response = get_with("/pkg/console.bbbbbbbbbb.js", accept).await;
        assert_eq!(header(&response, CONTENT_ENCODING), encoding, "for {accept:?}");
        assert_eq!(header(&response, VARY), "accept-encoding");
        assert_eq!(header(&response, CONTENT_LENGTH), content.len().to_string());
        assert_eq!(body(response).await, content, "for {accept:?}");
    }
}

#[tokio::test]
async fn wasm_has_the_type_that_streaming_compilation_asks_for() {
    let response = get_with("/pkg/console.cccccccccc.wasm", "br").await;
    assert_eq!(header(&response, CONTENT_TYPE), "application/wasm");
    assert_eq!(header(&response, CONTENT_ENCODING), "");
}

#[tokio::test]
async fn a_known_tag_is_answered_without_a_body_and_each_form_has_its_own() {
    let first = get_with("/pkg/console.js", "br").await;
    let tag = header(&first, ETAG).to_owned();
    assert_eq!(tag, "\"bbbbbbbbbb-br\"");
    let again = Request::get("/pkg/console.js").header(ACCEPT_ENCODING, "br");
    let again = send(again.header(IF_NONE_MATCH, format!("\"other\", W/{tag}"))).await;
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(header(&again, ETAG), tag);
    assert!(body(again).await.is_empty());
    let other_form = send(Request::get("/pkg/console.js").header(IF_NONE_MATCH, tag)).await;
    assert_eq!(other_form.status(), StatusCode::OK);
}

#[tokio::test]
async fn head_tells_the_length_without_the_body() {
    let response = send(Request::head("/pkg/console.js").header(ACCEPT_ENCODING, "gzip")).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(header(&response, CONTENT_LENGTH), "4");
    assert!(body(response).await.is_empty());
}

#[tokio::test]
async fn files_of_public_are_kept_for_an_hour() {
    let response = get_with("/favicon.svg", "br").await;
    assert_eq!(header(&response, CACHE_CONTROL), "public, max-age=3600");
    assert_eq!(header(&response, CONTENT_TYPE), "image/svg+xml");
}

#[tokio::test]
async fn unknown_names_and_stale_hashes_are_not_found() {
    for path in
        ["/pkg/console.0000000000.js", "/pkg/none.js", "/pkg/../favicon.svg", "/pkg/favicon.aaaaaaaaaa.svg"]
    {
        assert_eq!(get_with(path, "br").await.status(), StatusCode::NOT_FOUND, "for {path}");
    }
}

#[test]
fn the_manifest_names_hashes_and_falls_back_to_plain_names() {
    let assets = manifest_of(TABLE);
    assert_eq!(assets.script, "/pkg/console.bbbbbbbbbb.js");
    assert_eq!(assets.wasm, "/pkg/console.cccccccccc.wasm");
    assert_eq!(assets.style, "/pkg/console.css");
    assert_eq!(assets.charts, "/pkg/charts.js");
}
