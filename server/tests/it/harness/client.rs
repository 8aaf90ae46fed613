//! A small HTTP client: one caller with one credential, and answers that tests can look at.

use http::{HeaderMap, Method};
use ledger::Credits;
use reqwest::RequestBuilder;
use serde_json::Value;

use super::PATIENCE;
use super::contract::{self, Asked};

/// Somebody who calls the API.
#[derive(Clone)]
pub struct Caller {
    http: reqwest::Client,
    url: String,
    key: Option<String>,
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
    /// Null when the body is no JSON.
    pub body: Value,
}

impl Caller {
    pub fn new(url: &str, key: Option<&str>) -> Self {
        Self::of(Self::client(), url, key)
    }

    /// A client that goes where it is told, by no proxy.
    pub fn client() -> reqwest::ClientBuilder {
        let redirects = reqwest::redirect::Policy::none();
        reqwest::Client::builder().no_proxy().redirect(redirects).timeout(PATIENCE)
    }

    pub fn of(client: reqwest::ClientBuilder, url: &str, key: Option<&str>) -> Self {
        let http = client.build().expect("a client");
        Self { http, url: url.to_owned(), key: key.map(str::to_owned) }
    }

    /// A request with the credential, to add to.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        answer(self.request(Method::POST, path).json(body)).await
    }

    /// JSON as the test wrote it, which may be none.
    pub async fn post_text(&self, path: &str, body: impl Into<String>) -> Answer {
        let request = self.request(Method::POST, path).header("content-type", "application/json");
        answer(request.body(body.into())).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        answer(self.request(Method::PATCH, path).json(body)).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        answer(self.request(Method::DELETE, path)).await
    }
}

/// Sends a request and reads the whole answer, which must be as the API is described.
pub async fn answer(request: RequestBuilder) -> Answer {
    let (client, request) = request.build_split();
    let request = request.expect("a request");
    let asked = Asked::of(&request);
    let response = client.execute(request).await.expect("an answer");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.expect("a whole body");
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    let answer = Answer { status, headers, text, body };
    contract::hold(&asked, &answer);
    answer
}

impl Answer {
    /// The body of a success.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text);
        self.body
    }

    /// A header as text; empty when it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("printable"))
    }
}

/// A number of the wire as credits, exactly.
#[track_caller]
pub fn amount(value: &Value) -> Credits {
    assert!(value.is_number(), "{value} is no number");
    Credits::parse(&value.to_string()).expect("an amount of credits")
}

/// The envelope of an error: status, code, a sentence, the request's id; `mentions` stands in the sentence or in the
/// details.
#[track_caller]
pub fn assert_error(answer: &Answer, status: u16, code: &str, mentions: &str) {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert_eq!(answer.header("content-type"), "application/json");
    let error = &answer.body["error"];
    assert_refusal(error, status, code, mentions);
    assert_eq!(error["request_id"], answer.header("x-request-id"), "{error}");
}

/// The `error` of an envelope, or of one item of an array.
#[track_caller]
pub fn assert_refusal(error: &Value, status: u16, code: &str, mentions: &str) {
    assert_eq!(error["status"], status, "{error}");
    assert_eq!(error["code"], code, "{error}");
    let message = error["message"].as_str().expect("a sentence");
    assert!(message.len() > 10 && message.ends_with('.'), "no sentence: {message:?}");
    assert!(
        message.contains(mentions) || error["details"].to_string().contains(mentions),
        "{mentions:?} is named nowhere: {error}"
    );
    for internal in ["sqlx", "SELECT", "INSERT", "panicked", ".rs"] {
        assert!(!error.to_string().contains(internal), "{internal} leaks: {error}");
    }
}
