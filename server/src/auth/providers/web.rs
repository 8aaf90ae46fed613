//! How providers are asked: over TLS, within a few seconds, for answers that are not large.

use std::time::Duration;

use reqwest::{Client, RequestBuilder, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;
use url::Url;

use super::Fault;
use crate::config::{ProviderSettings, is_loopback};

const CONNECT: Duration = Duration::from_secs(4);
const ANSWER: Duration = Duration::from_secs(8);
/// The largest answer, in bytes.
const LARGEST: usize = 1 << 20;

/// A client for one provider. It is made when it is first needed: that reads the system's certificates.
#[derive(Debug)]
pub(super) struct Web {
    client: OnceCell<Client>,
    is_here: bool,
}

/// An error in the words of OAuth (RFC 6749, 5.2); GitHub sends it with a 200.
#[derive(Deserialize)]
struct Complaint {
    error: String,
}

impl Web {
    pub(super) fn new(settings: &ProviderSettings) -> Self {
        let is_here = Url::parse(&settings.issuer()).is_ok_and(|url| is_loopback(&url));
        Self { client: OnceCell::new(), is_here }
    }

    pub(super) async fn client(&self) -> Result<&Client, Fault> {
        self.client.get_or_try_init(async || self.build()).await
    }

    fn build(&self) -> Result<Client, Fault> {
        let builder = Client::builder()
            .user_agent("plexe-console")
            .connect_timeout(CONNECT)
            .timeout(ANSWER)
            // Where a provider is stands in the settings, and nobody leads us elsewhere.
            .redirect(reqwest::redirect::Policy::none());
        // A proxy of the system's is for the way out.
        let builder = if self.is_here { builder.no_proxy() } else { builder };
        builder.build().map_err(unreachable)
    }

    /// The answer to a request, as JSON.
    pub(super) async fn ask<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, Fault> {
        let mut response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > LARGEST {
                return Err(Fault::Untrusted("an answer is too long"));
            }
            body.extend_from_slice(&chunk);
        }
        read(status, &body)
    }
}

fn read<T: DeserializeOwned>(status: StatusCode, body: &[u8]) -> Result<T, Fault> {
    if let Ok(Complaint { error }) = serde_json::from_slice(body) {
        return Err(Fault::Refused(word(&error)));
    }
    match status {
        StatusCode::OK | StatusCode::CREATED => {
            serde_json::from_slice(body).map_err(|_| Fault::Untrusted("an answer is not what it must be"))
        }
        status if status.is_client_error() => Err(Fault::Refused(format!("status {}", status.as_u16()))),
        status => Err(Fault::Unreachable(format!("status {}", status.as_u16()))),
    }
}

/// A code of theirs, as far as it looks like one: what is written into the log is not theirs to choose.
pub(crate) fn word(text: &str) -> String {
    let is_plain = |letter: &char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.');
    text.chars().filter(is_plain).take(64).collect()
}

/// Addresses may hold what was asked, so they are left out.
fn unreachable(error: reqwest::Error) -> Fault {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    Fault::Unreachable(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_whatever_its_status() {
        let told =
            |status, body: &str| read::<serde_json::Value>(status, body.as_bytes()).unwrap_err().to_string();
        assert_eq!(
            told(StatusCode::OK, r#"{"error":"bad_verification_code"}"#),
            "it refuses: bad_verification_code"
        );
        assert_eq!(
            told(StatusCode::BAD_REQUEST, r#"{"error":"invalid_grant"}"#),
            "it refuses: invalid_grant"
        );
        assert_eq!(told(StatusCode::UNAUTHORIZED, "<html>"), "it refuses: status 401");
        assert_eq!(told(StatusCode::BAD_GATEWAY, "<html>"), "it cannot be reached: status 502");
        assert_eq!(told(StatusCode::FOUND, ""), "it cannot be reached: status 302");
        assert!(told(StatusCode::OK, "<html>").starts_with("it cannot be believed"));
        assert_eq!(told(StatusCode::OK, r#"{"error":"a\nb <script>"}"#), "it refuses: abscript");
    }
}
