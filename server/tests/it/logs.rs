//! What the server writes into its log: a line for each request, and never a secret.

use http::Method;
use serde_json::{Value, json};

use crate::harness::client::{Caller, answer};
use crate::harness::events::EVENTS;
use crate::harness::forms::{PASSWORD, cookie, get_with, page, sign_in, sign_up, submit};
use crate::harness::process::Site;
use crate::harness::raw::Raw;

const JSON: (&str, &str) = ("CONSOLE_LOG_FORMAT", "json");
const ALL_REQUESTS: (&str, &str) = ("RUST_LOG", "info,server::http::requests=debug");

/// The lines of a log as JSON.
fn lines(log: &str) -> Vec<Value> {
    let line = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    log.lines().map(line).collect()
}

/// The line of the request with this id.
#[track_caller]
fn answered<'l>(lines: &'l [Value], request_id: &str) -> &'l Value {
    let mut found =
        lines.iter().filter(|line| line["message"] == "answered" && line["span"]["request_id"] == request_id);
    let line = found.next().unwrap_or_else(|| panic!("no line for {request_id}: {lines:?}"));
    assert!(found.next().is_none(), "one line for each request");
    line
}

async fn ask(caller: &Caller, method: Method, path: &str, id: &str) -> u16 {
    answer(caller.request(method, path).header("x-request-id", id)).await.status
}

#[tokio::test]
async fn operator_reads_one_line_of_json_for_each_request() {
    let site = Site::new().await;
    let serving = site.serve_logging(&[JSON, ALL_REQUESTS]).await;
    let key = site.service_key().await;
    let (anon, service) = (Caller::new(&serving.url, None), Caller::new(&serving.url, Some(&key)));
    let cases = [
        (&anon, "GET", "/healthz", "/healthz", 200, "DEBUG"),
        (&anon, "GET", "/usage/current?secret=hunter2", "/usage/current", 401, "INFO"),
        (&anon, "GET", "/v1/usage/events/hunter2/hunter2", "/v1/usage/events/{source}/{id}", 401, "INFO"),
        (&anon, "DELETE", "/auth/api-keys/hunter2", "/auth/api-keys/{key_id}", 401, "INFO"),
        (&service, "PUT", "/usage/events", "/usage/events", 405, "INFO"),
        (&anon, "GET", "/usage/hunter2/nothing", "/usage/{*rest}", 404, "INFO"),
        (&anon, "GET", "/hunter2", "none", 404, "INFO"),
    ];
    for (number, (caller, method, path, _, status, _)) in cases.iter().enumerate() {
        let id = format!("request-{number}");
        assert_eq!(ask(caller, method.parse().unwrap(), path, &id).await, *status, "{path}");
    }
    let made = anon.get("/healthz").await.header("x-request-id").to_owned();
    serving.terminate().await;
    let log = site.log();
    assert!(!log.contains("hunter2"), "{log}");
    let lines = lines(&log);
    for (number, (_, method, _, route, status, level)) in cases.iter().enumerate() {
        let line = answered(&lines, &format!("request-{number}"));
        assert_eq!(line["span"]["method"], *method, "{line}");
        assert_eq!(line["span"]["route"], *route, "{line}");
        assert_eq!((&line["status"], &line["level"]), (&json!(status), &json!(level)), "{line}");
        assert!(line["duration_us"].is_u64() && line["timestamp"].is_string(), "{line}");
    }
    assert_eq!(answered(&lines, &made)["span"]["route"], "/healthz");
}

#[tokio::test]
async fn operator_is_told_of_refused_requests_only_unless_all_are_asked_for() {
    let site = Site::new().await;
    let serving = site.serve_logging(&[JSON]).await;
    let anon = Caller::new(&serving.url, None);
    ask(&anon, Method::GET, "/healthz", "good").await;
    ask(&anon, Method::GET, "/auth/user", "refused").await;
    serving.terminate().await;
    let lines = lines(&site.log());
    assert_eq!(answered(&lines, "refused")["status"], 401);
    assert!(!lines.iter().any(|line| line["span"]["request_id"] == "good"), "{lines:?}");
}

#[tokio::test]
async fn operator_finds_the_cause_of_a_failure_by_its_request_id() {
    let site = Site::new().await;
    let user = site.user("ada").await;
    let serving = site.serve_logging(&[JSON]).await;
    let key = site.service_key().await;
    let service = Caller::new(&serving.url, Some(&key));
    Raw::open(&site.database()).await.run("DROP TABLE event_dimensions").await;
    let event = json!({
        "id": "a", "source": "s", "user_id": user["user_id"], "operation": "model.prediction", "quantity": 1,
        "dimensions": {"model": "churn"},
    });
    let failed = service.post(EVENTS, &event).await;
    assert_eq!(failed.status, 500, "{}", failed.text);
    serving.terminate().await;
    let id = failed.header("x-request-id");
    let lines = lines(&site.log());
    assert_eq!(answered(&lines, id)["level"], "WARN");
    let cause = lines.iter().find(|line| line["level"] == "ERROR" && line["request_id"] == id);
    assert!(cause.is_some_and(|line| line["cause"].is_string()), "{lines:?}");
}

#[tokio::test]
async fn nobody_finds_a_secret_in_the_log_however_much_is_written() {
    let site = Site::new().await;
    site.user("ada").await;
    let key = site
        .json(&[
            "api-key",
            "create",
            "--email",
            "ada@example.com",
            "--name",
            "k",
            "--permission",
            "read_write",
        ])
        .await;
    let key = key["key"].as_str().unwrap().to_owned();
    // A mail server that isn't there: connecting to it fails, which is logged.
    let smtp = ("SMTP_URL", "smtp://localhost:9?tls=none");
    let serving = site.serve_logging(&[JSON, ("RUST_LOG", "trace"), smtp]).await;
    let service_key = site.service_key().await;
    let anon = Caller::new(&serving.url, None);

    let entered = sign_in(&anon, "ada@example.com", "correct horse").await;
    let session = cookie(&entered);
    assert!(session.len() > 20, "{session}");
    assert_eq!(page(&anon, "/", &session).await.status, 200);
    sign_in(&anon, "ada@example.com", "wrong horse battery").await;
    sign_up(&anon, "new@example.com", "new", PASSWORD).await;
    let link = Raw::open(&site.database()).await.texts("SELECT link FROM mails").await.remove(0);
    let token = link.split_once("token=").expect("a token").1.to_owned();
    page(&anon, &format!("/verify-email?token={token}"), "").await;
    submit(&anon, "/verify-email", &[("token", &token)], &[]).await;

    let member = Caller::new(&serving.url, Some(&key));
    assert_eq!(member.get("/usage/current").await.status, 200);
    get_with(&anon, "/auth/user", &[("x-api-key", &key)]).await;
    get_with(&anon, "/auth/user", &[("authorization", "Bearer plx_sk_thisIsNoKeyOfOurs")]).await;
    let service = Caller::new(&serving.url, Some(&service_key));
    let event =
        json!({"id": "a", "source": "s", "api_key": key, "operation": "model.prediction", "quantity": 1});
    assert_eq!(service.post(EVENTS, &event).await.status, 200);
    service.post_text(EVENTS, format!("{{\"api_key\": \"{key}\" oops")).await;
    serving.terminate().await;

    let log = site.log();
    assert!(log.lines().count() > 50 && log.contains("/verify-email"), "{log}");
    let session = session.split_once('=').expect("a cookie's value").1;
    let secrets = ["correct horse", "wrong horse battery", PASSWORD, "plx_sk_thisIsNoKeyOfOurs"];
    for secret in [&secrets[..], &[session, &token, &key, &service_key]].concat() {
        assert!(!log.contains(secret), "{secret} is in the log");
        // Not in a form's encoding either.
        assert!(!log.contains(&secret.replace(' ', "%20")) && !log.contains(&secret.replace(' ', "+")));
    }
}
