//! Whether an ID token may be believed (OpenID Connect Core, 3.1.3.7).

use jsonwebtoken::jwk::{Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header};
use ledger::Timestamp;
use ledger::time::SECOND;
use serde::Deserialize;

use super::signatures::{self, ALGORITHMS};

/// How much clocks may differ, in seconds.
const LEEWAY: i64 = 60;
/// In bytes (OpenID Connect Core, 2).
const LONGEST_SUBJECT: usize = 255;

/// What a token must say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    pub issuer: &'a str,
    pub client_id: &'a str,
    pub nonce: &'a str,
    pub now: Timestamp,
}

/// Why a token is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Distrust {
    /// It is signed by a key that we have not seen; there may be a new one.
    UnknownKey,
    Wrong(&'static str),
}

/// What a token says about somebody.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Claims {
    pub sub: String,
    #[expect(dead_code, reason = "one text, never a list: only that it can be read")]
    iss: String,
    exp: i64,
    iat: Option<i64>,
    nbf: Option<i64>,
    nonce: Option<String>,
    azp: Option<String>,
    aud: Audience,
    pub auth_time: Option<i64>,
    #[serde(flatten)]
    pub profile: Profile,
}

/// What is said about somebody in tokens and by the user info endpoint.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Profile {
    pub email: Option<String>,
    pub email_verified: Option<Truth>,
    pub name: Option<String>,
    pub preferred_username: Option<String>,
    pub zoneinfo: Option<String>,
}

/// Some write it as text.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Truth {
    Word(bool),
    Text(String),
}

impl Truth {
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Word(is_true) => *is_true,
            Self::Text(text) => text == "true",
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// Reads a token that one of these keys has signed.
pub(super) fn check(token: &str, keys: &[Jwk], expected: &Expected<'_>) -> Result<Claims, Distrust> {
    signatures::install();
    let header = decode_header(token).map_err(|_| Distrust::Wrong("its token is none"))?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err(Distrust::Wrong("its token is signed in a way that proves nothing"));
    }
    let mut candidates = keys.iter().filter(|key| may_sign(key, &header)).peekable();
    if candidates.peek().is_none() {
        return Err(Distrust::UnknownKey);
    }
    let validation = validation(header.alg, expected);
    let mut reason = "its token is signed by a key that cannot be used";
    for key in candidates {
        let Ok(key) = DecodingKey::from_jwk(key) else { continue };
        match decode::<Claims>(token, &key, &validation) {
            Ok(token) => return believed(token.claims, expected),
            Err(error) => reason = why(&error),
        }
    }
    Err(Distrust::Wrong(reason))
}

/// Whether a key may have signed a token with this header.
fn may_sign(key: &Jwk, header: &Header) -> bool {
    let is_named = header.kid.is_none() || header.kid == key.common.key_id;
    let is_for_signing = matches!(key.common.public_key_use, None | Some(PublicKeyUse::Signature));
    let is_of_kind = DecodingKey::from_jwk(key).is_ok_and(|key| key.family() == header.alg.family());
    let is_meant = key.common.key_algorithm.is_none_or(|meant| meant == KeyAlgorithm::from(header.alg));
    is_named && is_for_signing && is_of_kind && is_meant
}

/// Signature, issuer and audience. Times are ours to look at: the library would ask the machine's clock.
fn validation(algorithm: Algorithm, expected: &Expected<'_>) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.set_issuer(&[expected.issuer]);
    validation.set_audience(&[expected.client_id]);
    validation.validate_exp = false;
    validation
}

fn why(error: &jsonwebtoken::errors::Error) -> &'static str {
    use jsonwebtoken::errors::ErrorKind;

    match error.kind() {
        ErrorKind::InvalidSignature => "the signature of its token is wrong",
        ErrorKind::InvalidIssuer => "its token is somebody else's",
        ErrorKind::InvalidAudience => "its token is meant for somebody else",
        _ => "its token does not say what it must",
    }
}

fn believed(claims: Claims, expected: &Expected<'_>) -> Result<Claims, Distrust> {
    let now = expected.now.micros().div_euclid(SECOND);
    if claims.exp.saturating_add(LEEWAY) <= now {
        return Err(Distrust::Wrong("its token has expired"));
    }
    let is_ahead = |at: Option<i64>| at.is_some_and(|at| at > now.saturating_add(LEEWAY));
    if is_ahead(claims.iat) || is_ahead(claims.nbf) {
        return Err(Distrust::Wrong("its token is from the future"));
    }
    if claims.nonce.as_deref() != Some(expected.nonce) {
        return Err(Distrust::Wrong("its token was made for another sign-in"));
    }
    let parties = match &claims.aud {
        Audience::One(one) => std::slice::from_ref(one),
        Audience::Many(all) => all,
    };
    let is_shared = parties.iter().any(|party| party != expected.client_id);
    let is_ours = claims.azp.as_deref().map_or(!is_shared, |party| party == expected.client_id);
    if !is_ours {
        return Err(Distrust::Wrong("its token was made for another party"));
    }
    if claims.sub.is_empty() || claims.sub.len() > LONGEST_SUBJECT {
        return Err(Distrust::Wrong("its token names nobody"));
    }
    Ok(claims)
}
