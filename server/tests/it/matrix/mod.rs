//! Every route and server function, asked by everybody: `rows.txt` says what each of them is answered. [`every_route_has_a_row`]
//! compares that list with what the router has.

mod cast;
mod router;
mod table;

use std::collections::BTreeSet;
use std::path::Path;

use http::Method;
use ledger::time::SECOND;
use leptos::server_fn::axum::server_fn_paths;
use serde_json::Value;

use self::cast::{Cast, SERVICES};
use self::table::{Outcome, Row, rows};
use crate::harness::World;
use crate::harness::client::{Answer, Caller};
use crate::harness::forms::encoded;

/// Pages know nobody by a key, so whoever comes with one is nobody there.
fn is_api(path: &str) -> bool {
    ["/auth/", "/usage/", "/credits/", "/rate-card", "/openapi.json"]
        .iter()
        .any(|root| path.starts_with(root))
}

/// Files that anybody may have need no row.
fn is_public_file(route: &str) -> bool {
    let public = Path::new(env!("CARGO_MANIFEST_DIR")).join("../public");
    route.strip_prefix("GET /").is_some_and(|path| !path.is_empty() && public.join(path).is_file())
}

#[tokio::test]
async fn every_route_has_a_row() {
    let world = World::start().await;
    let routes = router::routes(&server::http::router(world.console.clone()));
    let functions: BTreeSet<String> =
        server_fn_paths().map(|(path, method)| format!("{method} {path}")).collect();
    assert!(functions.len() > 5 && functions.is_subset(&routes), "{functions:?} are not all in the router");
    let (aliases, routes): (BTreeSet<String>, BTreeSet<String>) =
        routes.into_iter().partition(|route| route.contains(" /v1/") && !route.ends_with("{*rest}"));
    let listed: BTreeSet<String> = rows().iter().map(Row::route).collect();
    let missing: Vec<&String> = routes.difference(&listed).filter(|route| !is_public_file(route)).collect();
    assert!(
        missing.is_empty(),
        "These have no row in server/tests/it/matrix/rows.txt; add one for each, under what everybody is answered: {missing:#?}"
    );
    let stale: Vec<&String> = listed.difference(&routes).collect();
    assert!(stale.is_empty(), "These rows of server/tests/it/matrix/rows.txt have no route: {stale:#?}");
    let expected: BTreeSet<String> = rows()
        .iter()
        .filter(|row| is_api(&row.path) && row.method != "ANY")
        .map(|row| format!("{} /v1{}", row.method, row.path))
        .collect();
    assert_eq!(aliases, expected, "what is under /v1 is the API and nothing else");
}

#[tokio::test]
async fn everybody_is_answered_by_the_api_as_the_list_says() {
    all_hold(rows().into_iter().filter(|row| is_api(&row.path))).await;
}

#[tokio::test]
async fn everybody_is_answered_by_pages_as_the_list_says() {
    all_hold(rows().into_iter().filter(|row| !is_api(&row.path) && !row.path.starts_with("/api/"))).await;
}

#[tokio::test]
async fn everybody_is_answered_by_server_functions_as_the_list_says() {
    all_hold(rows().into_iter().filter(|row| row.path.starts_with("/api/"))).await;
}

/// Where a provider is, to which some rows lead.
const PROVIDERS: &str = "https://github.com/login/oauth/authorize?";
/// Where nobody may be led, in every way of spelling it that browsers understand.
const ELSEWHERE: [&str; 9] = [
    "https://evil.example",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "https:evil.example",
    "javascript:alert(1)",
    "/\r\nset-cookie: x=1",
];

#[tokio::test]
async fn nobody_is_led_to_another_site_by_any_route() {
    let cast = Cast::new().await;
    let anon = cast.world.anon();
    for row in rows().into_iter().filter(|row| !is_api(&row.path) && row.method != "ANY") {
        for (identity, next) in
            ["anonymous", "owner"].into_iter().flat_map(|who| ELSEWHERE.map(|next| (who, next)))
        {
            cast.world.clock.advance(3_601 * SECOND);
            let encoded = encoded(next);
            let named = ["next", "return", "return_to", "redirect", "redirect_uri", "url", "continue"];
            let fields = named.map(|name| format!("{name}={encoded}")).join("&");
            let mut row = row.clone();
            row.body = match (row.method.as_str(), row.body.as_str()) {
                ("GET", body) => format!("?{}&{fields}", body.trim_start_matches('?')),
                (_, body) => format!("{body}&{fields}"),
            };
            let (answer, _) = ask(&cast, &anon, "", &row, identity).await;
            let location = answer.header("location");
            let stays = location.is_empty()
                || location.starts_with('/') && !location.starts_with("//") && !location.contains('\\');
            let said = format!("{} as {identity} with {next:?}", row.route());
            assert!(stays || location.starts_with(PROVIDERS), "{said} leads to {location:?}");
            for before in ["href=\"", "action=\"", "url=", "name=\"next\" value=\""] {
                assert!(!answer.text.contains(&format!("{before}{next}")), "{said} shows {before}{next}");
            }
            assert!(
                answer.headers.get_all("set-cookie").iter().all(|set| !set.as_bytes().starts_with(b"x=")),
                "{said}"
            );
        }
    }
}

#[tokio::test]
async fn every_answer_has_the_headers_that_protect_it() {
    let cast = Cast::new().await;
    let anon = cast.world.anon();
    for row in rows() {
        for identity in ["anonymous", "owner", "other", "read_write"] {
            let (answer, _) = ask(&cast, &anon, "", &row, identity).await;
            let said = format!("{} as {identity}: {} {:?}", row.route(), answer.status, answer.headers);
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{said}");
            let is_of_nobody = ["/healthz", "/readyz", "/openapi.json"].contains(&row.path.as_str());
            assert!(
                answer.header("cache-control") == "no-store" || is_of_nobody || row.path.starts_with("/pkg/"),
                "{said}"
            );
            if !answer.header("content-type").starts_with("text/html") {
                continue;
            }
            let policy = answer.header("content-security-policy");
            for part in [
                "default-src 'self';",
                "object-src 'none';",
                "base-uri 'none';",
                "form-action 'self';",
                "frame-ancestors 'none'",
            ] {
                assert!(policy.contains(part), "{part} is missing: {said}");
            }
            let (_, scripts) = policy.split_once("script-src ").expect("a word about scripts");
            let scripts = scripts.split(';').next().unwrap_or_default();
            assert!(!scripts.contains("unsafe-inline") && !scripts.contains("'unsafe-eval'"), "{said}");
            assert_eq!(answer.header("x-frame-options"), "DENY", "{said}");
            assert_eq!(answer.header("referrer-policy"), "same-origin", "{said}");
            assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin", "{said}");
        }
    }
}

/// Sends each row as each identity, and tells all that is answered otherwise.
async fn all_hold(rows: impl Iterator<Item = Row>) {
    let cast = Cast::new().await;
    let anon = cast.world.anon();
    let mut wrong = vec![];
    let mut cells = 0;
    for row in rows {
        // Nobody has made ten keys in this hour, or asked for too many letters.
        cast.world.clock.advance(3_601 * SECOND);
        let roots: &[&str] = if is_api(&row.path) && row.method != "ANY" { &["", "/v1"] } else { &[""] };
        for (root, (identity, outcome)) in
            roots.iter().flat_map(|root| row.outcomes.iter().map(move |cell| (root, cell)))
        {
            cells += 1;
            let (answer, sent) = ask(&cast, &anon, root, &row, identity).await;
            let problem = differs(outcome, &answer).or_else(|| tells(&cast, identity, &answer, &sent));
            wrong.extend(
                problem.map(|problem| format!("{} {root}{} as {identity}: {problem}", row.method, row.path)),
            );
        }
    }
    assert!(wrong.is_empty(), "{} of {cells} cells:\n{}", wrong.len(), wrong.join("\n"));
}

async fn ask(cast: &Cast, anon: &Caller, root: &str, row: &Row, identity: &str) -> (Answer, String) {
    let (path, body) = cast.fill(&row.path, &row.body).await;
    let query = if body.starts_with('?') { body.as_str() } else { "" };
    let method = if row.method == "ANY" { "GET" } else { &row.method };
    let method: Method = method.parse().expect("a method");
    let mut request = anon.request(method.clone(), &format!("{root}{path}{query}"));
    if body.starts_with('{') {
        request = request.header("content-type", "application/json").body(body.clone());
    } else if method != Method::GET {
        request = request.header("content-type", "application/x-www-form-urlencoded").body(body.clone());
    }
    if !is_api(&path) {
        let accept = if path.starts_with("/api/") { "application/json" } else { "text/html" };
        request = request.header("accept", accept).header("sec-fetch-site", "same-origin");
    }
    // Everybody comes from a place of their own, so that nobody waits for what others did.
    let from = cast.number().to_be_bytes();
    request = request.header("x-forwarded-for", format!("10.{}.{}.{}", from[5], from[6], from[7]));
    if let Some((name, value)) = cast.header(identity).await {
        request = request.header(name, value);
    }
    (whole(request).await, format!("{path}{body}"))
}

/// An answer; of one that does not end, its beginning.
async fn whole(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.expect("an answer");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let is_stream = headers.get("content-type").is_some_and(|kind| kind == "text/event-stream");
    let text = if is_stream { String::new() } else { response.text().await.expect("a whole body") };
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Answer { status, headers, text, body }
}

/// What is wrong about an answer.
fn differs(outcome: &Outcome, answer: &Answer) -> Option<String> {
    let Outcome { status, says } = outcome;
    let location = answer.header("location");
    let leads = || {
        location.strip_prefix(says.as_str()).is_some_and(|rest| {
            says.ends_with('/') && says.len() > 1
                || rest.is_empty()
                || rest.starts_with('?')
                || rest.starts_with('#')
        })
    };
    let is_said = match answer.body["error"]["code"].as_str() {
        Some(code) => code == says,
        None if (300..400).contains(status) => leads(),
        None => answer.text.contains(says.as_str()),
    };
    if answer.status == *status && is_said {
        return None;
    }
    let beginning: String = answer.text.chars().take(200).collect();
    Some(format!("{} {location:?} {beginning:?} instead of {status} {says:?}", answer.status))
}

/// What an answer tells somebody about the owner whom it does not concern.
fn tells(cast: &Cast, identity: &str, answer: &Answer, sent: &str) -> Option<String> {
    let concerns = ["owner", "read_only", "read_write"].contains(&identity) || SERVICES.contains(&identity);
    let marks = cast.owners_marks();
    let told = marks.iter().find(|mark| !sent.contains(*mark) && answer.text.contains(*mark));
    told.filter(|_| !concerns).map(|mark| format!("the answer has {mark:?}, which is the owner's"))
}
