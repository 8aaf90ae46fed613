//! What the router has. axum lists its routes to nobody, but prints them for debugging: paths by their number, and for each
//! number the methods of its `Allow` header. Whatever is not read here is missed by a row of the list.

use std::collections::{BTreeMap, BTreeSet};

use axum::Router;

/// `GET /usage/events` for everything that is answered, `ANY …` where the method does not matter. What answers GET answers HEAD.
pub fn routes(router: &Router) -> BTreeSet<String> {
    let printed = format!("{router:?}");
    let (answered, _) = printed.split_once(", fallback_router:").expect("what comes after the routes");
    let (handlers, paths) = answered.split_once("node: Node").expect("the routes' paths");
    let paths: BTreeMap<&str, &str> = numbered(paths).map(|(number, text)| (number, quoted(text))).collect();
    let mut found = BTreeSet::new();
    for (number, text) in numbered(handlers) {
        let path = paths.get(number).unwrap_or_else(|| panic!("route {number} has no path"));
        for method in methods(text) {
            found.insert(format!("{method} {path}"));
        }
    }
    found
}

/// Number and text of each `RouteId(7): …`.
fn numbered(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split("RouteId(").skip(1).filter_map(|part| part.split_once("): "))
}

/// What stands between the first quotes.
fn quoted(text: &str) -> &str {
    text.split('"').nth(1).expect("a path in quotes")
}

fn methods(handler: &str) -> Vec<&str> {
    match handler.split_once("allow_header: Bytes(b") {
        Some((_, allowed)) => quoted(allowed).split(',').filter(|method| *method != "HEAD").collect(),
        None => vec!["ANY"],
    }
}

#[test]
fn every_way_to_add_a_route_is_seen() {
    use axum::routing::{any, get, post};
    let one = async || "";
    let layer =
        axum::middleware::from_fn(async |request: axum::extract::Request, next: axum::middleware::Next| {
            next.run(request).await
        });
    let inner: Router = Router::new().route("/b", post(one)).layer(layer);
    let router = Router::new()
        .route("/a", get(one))
        .route("/a", post(one).delete(one))
        .route("/a/{id}", any(one))
        .merge(inner.clone())
        .nest("/v1", inner)
        .fallback(one)
        .method_not_allowed_fallback(one);
    let found = routes(&router);
    let found: Vec<&str> = found.iter().map(String::as_str).collect();
    assert_eq!(found, ["ANY /a/{id}", "DELETE /a", "GET /a", "POST /a", "POST /b", "POST /v1/b"]);
}
