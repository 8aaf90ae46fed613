//! OpenID Connect: where an issuer is, what it is asked, and the keys by which it is known.

use std::sync::{Arc, Mutex, PoisonError};

use jsonwebtoken::jwk::Jwk;
use ledger::Timestamp;
use ledger::time::SECOND;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use url::Url;

use super::id_token::{Claims, Distrust, Expected, Profile, Truth, check};
use super::web::Web;
use super::{Arrival, Fault, Person, Trip, challenge, tidy_email};
use crate::config::{ProviderSettings, is_loopback};
use crate::store::Identity;

/// What an issuer says about itself, and its keys, are asked for anew after an hour.
const KEPT: i64 = 3_600 * SECOND;
/// What `application/x-www-form-urlencoded` leaves as it is.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'*');

/// What is known of an issuer.
#[derive(Debug, Default)]
pub(super) struct Issuer {
    metadata: Kept<Metadata>,
    keys: Kept<Vec<Jwk>>,
}

/// What an issuer says about itself (OpenID Connect Discovery, 3).
#[derive(Debug, Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// Keys that can't be read are others' business.
#[derive(Deserialize)]
struct KeySet {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
    access_token: Option<String>,
}

#[derive(Deserialize)]
struct UserInfo {
    sub: String,
    #[serde(flatten)]
    profile: Profile,
}

impl Issuer {
    pub(super) async fn way_there(
        &self,
        web: &Web,
        settings: &ProviderSettings,
        issuer: &str,
        trip: &Trip<'_>,
        now: Timestamp,
    ) -> Result<String, Fault> {
        let metadata = self.metadata(web, issuer, now).await?;
        let mut url = endpoint(&metadata.authorization_endpoint, issuer)?;
        let mut query = url.query_pairs_mut();
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &settings.client_id)
            .append_pair("redirect_uri", trip.redirect_uri)
            .append_pair("scope", "openid email profile")
            .append_pair("state", trip.state)
            .append_pair("nonce", trip.nonce)
            .append_pair("code_challenge", &challenge(trip.verifier))
            .append_pair("code_challenge_method", "S256");
        if trip.is_fresh {
            query.append_pair("prompt", "login").append_pair("max_age", "0");
        }
        drop(query);
        Ok(url.into())
    }

    pub(super) async fn who_came(
        &self,
        web: &Web,
        settings: &ProviderSettings,
        issuer: &str,
        (trip, arrival): (&Trip<'_>, Arrival<'_>),
        now: Timestamp,
    ) -> Result<Person, Fault> {
        let metadata = self.metadata(web, issuer, now).await?;
        // A code that another issuer has made is not shown to this one (RFC 9207, 2.4).
        let is_from_it = match arrival.issuer {
            Some(from) => from == issuer,
            None => !metadata.authorization_response_iss_parameter_supported,
        };
        if !is_from_it {
            return Err(Fault::Untrusted("somebody else has sent the browser back"));
        }
        let tokens = exchange(web, settings, &metadata, issuer, trip, arrival.code).await?;
        let expected = Expected { issuer, client_id: &settings.client_id, nonce: trip.nonce, now };
        let claims = self.believed(web, &metadata, &tokens.id_token, &expected).await?;
        let profile = match (&tokens.access_token, &metadata.userinfo_endpoint) {
            (Some(token), Some(place)) if claims.profile.email.is_none() => {
                user_info(web, (place, issuer), token, &claims.sub).await?
            }
            _ => claims.profile.clone(),
        };
        Ok(person(issuer, claims, profile))
    }

    /// What a token says. When its key is unknown the keys are asked for once more: issuers change them.
    async fn believed(
        &self,
        web: &Web,
        metadata: &Metadata,
        token: &str,
        expected: &Expected<'_>,
    ) -> Result<Claims, Fault> {
        let kept = self.keys.get(expected.now);
        let is_old = kept.is_some();
        let keys = match kept {
            Some(keys) => keys,
            None => self.fetch_keys(web, metadata, expected).await?,
        };
        let found = match check(token, &keys, expected) {
            Err(Distrust::UnknownKey) if is_old => {
                check(token, &self.fetch_keys(web, metadata, expected).await?, expected)
            }
            found => found,
        };
        found.map_err(|distrust| match distrust {
            Distrust::UnknownKey => Fault::Untrusted("its token is signed by a key that is not its own"),
            Distrust::Wrong(reason) => Fault::Untrusted(reason),
        })
    }

    async fn fetch_keys(
        &self,
        web: &Web,
        metadata: &Metadata,
        expected: &Expected<'_>,
    ) -> Result<Arc<Vec<Jwk>>, Fault> {
        let place = endpoint(&metadata.jwks_uri, expected.issuer)?;
        let KeySet { keys } = web.ask(web.client().await?.get(place)).await?;
        let keys = keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect();
        Ok(self.keys.put(keys, expected.now))
    }

    async fn metadata(&self, web: &Web, issuer: &str, now: Timestamp) -> Result<Arc<Metadata>, Fault> {
        if let Some(metadata) = self.metadata.get(now) {
            return Ok(metadata);
        }
        let place = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let metadata: Metadata = web.ask(web.client().await?.get(place)).await?;
        if metadata.issuer != issuer {
            return Err(Fault::Untrusted("it calls itself by another name than the settings"));
        }
        Ok(self.metadata.put(metadata, now))
    }
}

/// An address that an issuer names: encrypted, unless the issuer itself is on this machine.
fn endpoint(text: &str, issuer: &str) -> Result<Url, Fault> {
    let url = Url::parse(text).map_err(|_| Fault::Untrusted("an address that it names is none"))?;
    let is_here = Url::parse(issuer).is_ok_and(|issuer| is_loopback(&issuer));
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_here && is_loopback(&url) => Ok(url),
        _ => Err(Fault::Untrusted("an address that it names is not encrypted")),
    }
}

/// A code for tokens.
async fn exchange(
    web: &Web,
    settings: &ProviderSettings,
    metadata: &Metadata,
    issuer: &str,
    trip: &Trip<'_>,
    code: &str,
) -> Result<Tokens, Fault> {
    let place = endpoint(&metadata.token_endpoint, issuer)?;
    let mut fields = vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", trip.redirect_uri),
        ("code_verifier", trip.verifier),
    ];
    let request = web.client().await?.post(place);
    let secret = settings.client_secret.as_ref().map(crate::config::Secret::as_str);
    // What an issuer takes that does not say (OpenID Connect Discovery, 3).
    let methods = metadata.token_endpoint_auth_methods_supported.as_deref();
    let is_basic = methods.is_none_or(|all| all.iter().any(|method| method == "client_secret_basic"));
    let request = match secret {
        Some(secret) if is_basic => request.basic_auth(escaped(&settings.client_id), Some(escaped(secret))),
        Some(secret) => {
            fields.extend([("client_id", settings.client_id.as_str()), ("client_secret", secret)]);
            request
        }
        None => {
            fields.push(("client_id", &settings.client_id));
            request
        }
    };
    web.ask(request.form(&fields)).await
}

/// As RFC 6749, 2.3.1 wants names and secrets before they are put together.
fn escaped(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string().replace("%20", "+")
}

async fn user_info(
    web: &Web,
    (place, issuer): (&str, &str),
    access_token: &str,
    subject: &str,
) -> Result<Profile, Fault> {
    let place = endpoint(place, issuer)?;
    let told: UserInfo = web.ask(web.client().await?.get(place).bearer_auth(access_token)).await?;
    // An access token may be somebody else's (OpenID Connect Core, 5.3.2).
    if told.sub == subject { Ok(told.profile) } else { Err(Fault::Untrusted("it speaks of two people")) }
}

fn person(issuer: &str, claims: Claims, profile: Profile) -> Person {
    let Profile { email, email_verified, name, preferred_username, zoneinfo } = profile;
    let is_verified = email_verified.as_ref().is_some_and(Truth::is_true);
    let label = email.clone().or_else(|| preferred_username.clone()).unwrap_or_else(|| claims.sub.clone());
    Person {
        identity: Identity { issuer: issuer.to_owned(), subject: claims.sub, label: super::label(&label) },
        verified_email: tidy_email(email.filter(|_| is_verified)),
        name,
        user_name: preferred_username,
        time_zone: zoneinfo,
        signed_in_at: claims.auth_time.map(|at| Timestamp::from_micros(at.saturating_mul(SECOND))),
    }
}

/// A value and when it was asked for.
#[derive(Debug)]
struct Kept<T>(Mutex<Option<(Timestamp, Arc<T>)>>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T> Kept<T> {
    /// The value, unless it is old.
    fn get(&self, now: Timestamp) -> Option<Arc<T>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().filter(|(at, _)| now.saturating_since(*at) < KEPT).map(|(_, value)| Arc::clone(value))
    }

    fn put(&self, value: T, now: Timestamp) -> Arc<T> {
        let value = Arc::new(value);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, Arc::clone(&value)));
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_encrypted_unless_the_issuer_is_on_this_machine() {
        for (text, issuer, is_right) in [
            ("https://id.example.com/token", "https://id.example.com", true),
            ("https://other.example.com/token?x=1", "https://id.example.com", true),
            ("http://id.example.com/token", "https://id.example.com", false),
            ("http://127.0.0.1/token", "https://id.example.com", false),
            ("http://127.0.0.1:4/token", "http://127.0.0.1:4", true),
            ("http://id.example.com/token", "http://127.0.0.1:4", false),
            ("file:///etc/passwd", "http://127.0.0.1:4", false),
            ("/token", "https://id.example.com", false),
        ] {
            assert_eq!(endpoint(text, issuer).is_ok(), is_right, "{text} of {issuer}");
        }
    }

    #[test]
    fn names_and_secrets_are_escaped_before_they_are_put_together() {
        assert_eq!(escaped("a b:c%+ä"), "a+b%3Ac%25%2B%C3%A4");
    }
}
