//! Reads `text/event-stream` (WHATWG HTML, section 9.2) as a browser would.

use futures::StreamExt as _;
use futures::stream::BoxStream;
use http::Method;
use serde_json::Value;
use tokio::time::timeout;

use super::PATIENCE;
use super::client::Caller;

/// One message of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    pub event: String,
    pub id: Option<u64>,
    pub body: Value,
}

/// An open stream.
pub struct Reader {
    chunks: BoxStream<'static, reqwest::Result<bytes::Bytes>>,
    text: String,
    /// The server's `retry:` in milliseconds, once it came.
    pub retry_ms: Option<u64>,
}

impl Reader {
    /// Opens `/usage/stream` with this query and, as a browser that comes again would, this `Last-Event-ID`.
    pub async fn open(caller: &Caller, query: &str, last_event_id: Option<&str>) -> Self {
        let mut request = caller.request(Method::GET, &format!("/usage/stream{query}"));
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        Self::listen(request).await
    }

    /// Opens the stream that a request asks for.
    pub async fn listen(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.expect("a stream");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        Self { chunks: response.bytes_stream().boxed(), text: String::new(), retry_ms: None }
    }

    /// The next message; `None` once the server has ended the stream.
    pub async fn next(&mut self) -> Option<Message> {
        timeout(PATIENCE, self.read()).await.expect("a message in time")
    }

    async fn read(&mut self) -> Option<Message> {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                if let Some(message) = self.message(&block) {
                    return Some(message);
                }
            }
            // A connection that is cut ends the stream too.
            let chunk = self.chunks.next().await?.ok()?;
            self.text.push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
        }
    }

    /// A block's message; `None` for comments and for `retry`.
    fn message(&mut self, block: &str) -> Option<Message> {
        let mut message = Message { event: String::new(), id: None, body: Value::Null };
        for line in block.lines() {
            match line.split_once(": ") {
                Some(("event", name)) => name.clone_into(&mut message.event),
                Some(("id", id)) => message.id = Some(id.parse().expect("a seq")),
                Some(("data", json)) => message.body = serde_json::from_str(json).expect("JSON"),
                Some(("retry", wait)) => self.retry_ms = Some(wait.parse().expect("milliseconds")),
                _ => assert!(line.starts_with(':'), "what is {line:?}?"),
            }
        }
        (!message.event.is_empty()).then_some(message)
    }

    /// All messages up to and including the next one with an id.
    pub async fn group(&mut self) -> Vec<Message> {
        let mut group = vec![];
        loop {
            let message = self.next().await.expect("the stream goes on");
            let is_last = message.id.is_some();
            group.push(message);
            if is_last {
                return group;
            }
        }
    }
}
