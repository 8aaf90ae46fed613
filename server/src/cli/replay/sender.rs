//! Sends events over HTTP, again and again until the server has an answer: their ids make that safe.

use std::time::Duration;

use ledger::{Credits, Quantity, Timestamp, UserId};
use reqwest::{Client, Response, StatusCode, Url, header};
use serde::{Deserialize, Serialize};

use super::trace::Row;
use crate::calendar::Rfc3339;

const OPERATION: &str = "model.inference";
/// A request that takes longer is sent again.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The first wait before a request is sent again; doubled each time.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// Sendings of one request, about a minute in all.
const ATTEMPTS: u32 = 17;

/// Why events could not be sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    #[error("cannot listen for signals: {0}")]
    Signals(std::io::Error),
    #[error("--url is {0:?}; it must be http://HOST[:PORT] (this command speaks no https)")]
    Url(String),
    #[error("--key must be a service key, plx_svc_ and letters or digits")]
    Key,
    #[error("cannot send over HTTP: {0}")]
    Client(reqwest::Error),
    #[error("{url} cannot be reached: {cause}")]
    Unreachable { url: Url, cause: String },
    #[error("{url} answered {status}: {message}")]
    Refused { url: Url, status: u16, message: String },
    #[error("{url} did not answer as a Plexe Console does")]
    Foreign { url: Url },
}

/// One event on the wire.
#[derive(Debug, Clone, Serialize)]
pub struct Event {
    id: String,
    source: String,
    user_id: UserId,
    operation: &'static str,
    quantity: Quantity,
    #[serde(skip_serializing_if = "Option::is_none")]
    occurred_at: Option<Rfc3339>,
}

impl Event {
    /// The row at `place` (from 0); with `start` it happened as long after it as the row after `first`.
    pub fn of(
        row: &Row,
        place: usize,
        first: Timestamp,
        start: Option<Timestamp>,
        source: &str,
        user_id: UserId,
    ) -> Self {
        let occurred_at = start.map(|start| Rfc3339(start.saturating_add(row.at.saturating_since(first))));
        let id = (place + 1).to_string();
        Self {
            id,
            source: source.to_owned(),
            user_id,
            operation: OPERATION,
            quantity: row.quantity,
            occurred_at,
        }
    }
}

/// What became of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Accepted(Credits),
    Replayed(Credits),
    Rejected { code: String, message: String },
}

/// The answer to an array of events.
#[derive(Deserialize)]
struct Answer {
    results: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    status: u16,
    credits: Option<Credits>,
    replayed: Option<bool>,
    error: Option<Refusal>,
}

#[derive(Deserialize)]
struct Envelope {
    error: Refusal,
}

#[derive(Deserialize)]
struct Refusal {
    code: String,
    message: String,
}

/// Whether a request has its answer.
enum Attempt {
    Answered(Vec<Item>),
    /// After this wait at least, for this reason.
    Again(Option<Duration>, SendError),
}

/// Sends to one server with one key.
#[derive(Debug)]
pub struct Sender {
    client: Client,
    url: Url,
    key: header::HeaderValue,
}

impl Sender {
    pub fn new(url: &str, key: String) -> Result<Self, SendError> {
        let wrong = || SendError::Url(url.to_owned());
        let base: Url = url.parse().map_err(|_| wrong())?;
        if base.scheme() != "http" {
            return Err(wrong());
        }
        let mut client = Client::builder().timeout(TIMEOUT).tcp_nodelay(true);
        if base.host_str().is_some_and(|host| matches!(host, "localhost" | "127.0.0.1" | "[::1]")) {
            client = client.no_proxy();
        }
        let client = client.build().map_err(SendError::Client)?;
        let mut key = header::HeaderValue::try_from(key).map_err(|_| SendError::Key)?;
        key.set_sensitive(true);
        Ok(Self { client, url: base.join("/usage/events").map_err(|_| wrong())?, key })
    }

    /// Sends one batch until every event has an outcome, in the same order.
    pub async fn send(&self, events: Vec<Event>) -> Result<Vec<Outcome>, SendError> {
        let mut outcomes: Vec<Option<Outcome>> = vec![None; events.len()];
        let mut open: Vec<usize> = (0..events.len()).collect();
        let mut wait = FIRST_WAIT;
        for attempt in 1..=ATTEMPTS {
            let batch: Vec<&Event> = open.iter().map(|place| &events[*place]).collect();
            let (at_least, reason) = match self.attempt(&batch).await? {
                Attempt::Answered(items) => {
                    let busy = self.settle(items, &open, &mut outcomes)?;
                    open.retain(|place| outcomes[*place].is_none());
                    (None, busy)
                }
                Attempt::Again(at_least, reason) => (at_least, Some(reason)),
            };
            match reason {
                None => break,
                Some(reason) if attempt == ATTEMPTS => return Err(reason),
                Some(reason) => {
                    if attempt == 1 {
                        tracing::warn!(%reason, "trying again for a minute");
                    }
                    tokio::time::sleep(at_least.unwrap_or(wait).max(wait)).await;
                    wait = LONGEST_WAIT.min(wait * 2);
                }
            }
        }
        outcomes.into_iter().collect::<Option<Vec<_>>>().ok_or_else(|| self.foreign())
    }

    /// Files the items' outcomes; a reason when some of them must be sent again.
    fn settle(
        &self,
        items: Vec<Item>,
        open: &[usize],
        outcomes: &mut [Option<Outcome>],
    ) -> Result<Option<SendError>, SendError> {
        if items.len() != open.len() {
            return Err(self.foreign());
        }
        let mut busy = None;
        for (item, place) in items.into_iter().zip(open) {
            outcomes[*place] = match (item.error, item.credits) {
                (None, Some(credits)) if item.replayed == Some(true) => Some(Outcome::Replayed(credits)),
                (None, Some(credits)) => Some(Outcome::Accepted(credits)),
                (Some(refusal), _) if matches!(item.status, 429 | 503) => {
                    busy = Some(self.refused(item.status, refusal.message));
                    None
                }
                (Some(refusal), _) => {
                    Some(Outcome::Rejected { code: refusal.code, message: refusal.message })
                }
                (None, None) => return Err(self.foreign()),
            };
        }
        Ok(busy)
    }

    async fn attempt(&self, events: &[&Event]) -> Result<Attempt, SendError> {
        let request = self.client.post(self.url.clone()).header("x-api-key", self.key.clone()).json(events);
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return Ok(Attempt::Again(None, self.unreachable(&error))),
        };
        let status = response.status();
        let retry_after = retry_after(&response);
        let body = match response.bytes().await {
            Ok(body) => body,
            Err(error) => return Ok(Attempt::Again(None, self.unreachable(&error))),
        };
        if status == StatusCode::OK {
            let answer: Answer = serde_json::from_slice(&body).map_err(|_| self.foreign())?;
            return Ok(Attempt::Answered(answer.results));
        }
        let envelope: Option<Envelope> = serde_json::from_slice(&body).ok();
        let message = envelope.map_or_else(String::new, |envelope| {
            format!("{} ({})", envelope.error.message, envelope.error.code)
        });
        let refused = self.refused(status.as_u16(), message);
        match status {
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                Ok(Attempt::Again(retry_after, refused))
            }
            _ => Err(refused),
        }
    }

    fn refused(&self, status: u16, message: String) -> SendError {
        SendError::Refused { url: self.url.clone(), status, message }
    }

    fn foreign(&self) -> SendError {
        SendError::Foreign { url: self.url.clone() }
    }

    fn unreachable(&self, error: &reqwest::Error) -> SendError {
        // The outer texts only say that a request failed.
        let mut cause: &dyn std::error::Error = error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        SendError::Unreachable { url: self.url.clone(), cause: cause.to_string() }
    }
}

fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}
