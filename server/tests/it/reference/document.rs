//! The document itself: served from memory, complete, and its examples are what its schemas say.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use http::Method;
use serde_json::Value;

use crate::harness::World;
use crate::harness::client::answer;
use crate::harness::contract::CONTRACT;

#[tokio::test]
async fn anon_reads_the_description_and_keeps_it() {
    let world = World::start().await;
    let first = world.anon().get("/openapi.json").await;
    let tag = first.header("etag").to_owned();
    let document = first.ok();
    assert_eq!(document, CONTRACT.document, "what is served is what is reviewed");
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
    for path in ["/openapi.json", "/v1/openapi.json"] {
        let again = answer(world.anon().request(Method::GET, path).header("if-none-match", &tag)).await;
        assert_eq!((again.status, again.text.as_str()), (304, ""), "{path}");
        assert_eq!(again.header("access-control-allow-origin"), "*");
    }
}

#[tokio::test]
async fn anon_reads_the_reference_with_every_operation_and_the_address_of_this_console() {
    let world = World::start().await;
    let request = world.anon().request(Method::GET, "/docs").header("accept", "text/html");
    let page = answer(request).await;
    assert_eq!((page.status, page.header("cache-control")), (200, "no-store"));
    assert!(page.header("content-security-policy").contains("'nonce-"));
    assert!(!page.text.contains(".wasm") && !page.text.contains("<script src"), "it needs no script");
    for route in CONTRACT.routes() {
        let id = route.operation["operationId"].as_str().expect("a name");
        assert!(page.text.contains(&format!("id=\"{id}\"")), "{id} is missing");
    }
    let own = format!("curl \"{}/usage/current\"", world.console.config.base_url.as_str());
    assert!(page.text.contains(&own.replace('"', "&quot;")) || page.text.contains(&own), "{own} is missing");
}

/// Every path that the sources give a handler, as a name in braces or as it is.
fn paths_in_sources() -> BTreeSet<String> {
    let http = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http");
    let rest = fs::read_dir(http.join("rest")).expect("a folder").map(|entry| entry.expect("a file").path());
    let mut found = BTreeSet::new();
    for file in rest.chain([http.join("routes.rs"), http.join("openapi.rs")]) {
        let text = fs::read_to_string(file).expect("a source");
        for part in text.split(".route(").skip(1) {
            if let Some((path, _)) = part.trim_start().strip_prefix('"').and_then(|rest| rest.split_once('"'))
            {
                found.insert(path.to_owned());
            }
        }
    }
    found
}

#[tokio::test]
async fn every_route_and_method_is_described_and_nothing_else() {
    let world = World::start().await;
    let paths = paths_in_sources();
    assert!(paths.len() > 20, "{paths:?}");
    let mut answered = BTreeSet::new();
    for path in paths {
        let example = path.replace("{event_id}", "evt_1").replace(['{', '}'], "");
        // The server itself says which methods a path has.
        let refused = answer(world.anon().request(Method::PUT, &example)).await;
        assert_eq!(refused.status, 405, "{path}");
        let methods = refused.header("allow").split(',').map(|method| method.trim().to_ascii_lowercase());
        answered.extend(methods.filter(|method| method != "head").map(|method| (path.clone(), method)));
    }
    let described: BTreeSet<(String, String)> =
        CONTRACT.routes().map(|route| (route.path.to_owned(), route.method.to_owned())).collect();
    assert_eq!(described, answered);
}

#[test]
fn examples_are_what_their_schemas_say() {
    let mut seen = 0;
    for route in CONTRACT.routes() {
        let answers = format!("{}/responses/200/content", route.pointer);
        let bodies = format!("{}/requestBody/content", route.pointer);
        for at in [answers, bodies] {
            let content = CONTRACT.document.pointer(&at).and_then(Value::as_object);
            for (media_type, content) in content.into_iter().flatten() {
                let example = &content["example"];
                if example.is_null() || example.is_string() {
                    continue;
                }
                let schema = format!("{at}/{}/schema", media_type.replace('/', "~1"));
                assert_eq!(CONTRACT.fault(&schema, example), None, "{} {}", route.method, route.path);
                seen += 1;
            }
        }
    }
    assert!(seen > CONTRACT.routes().count(), "{seen}");
}

#[test]
fn an_answer_with_a_field_too_few_or_too_many_is_found() {
    let route = CONTRACT.routes().find(|route| route.path == "/usage/current").expect("a route");
    let at = format!("{}/responses/200/content/application~1json/schema", route.pointer);
    let example = CONTRACT.document.pointer(&at.replace("/schema", "/example")).expect("an example").clone();
    assert_eq!(CONTRACT.fault(&at, &example), None);
    let mut more = example.clone();
    more["surprise"] = true.into();
    assert!(CONTRACT.fault(&at, &more).is_some_and(|fault| fault.contains("surprise")));
    let mut less = example;
    less.as_object_mut().expect("an object").remove("seq");
    assert!(CONTRACT.fault(&at, &less).is_some_and(|fault| fault.contains("seq")));
}
