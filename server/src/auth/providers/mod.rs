//! People whom somebody else vouches for: Google, GitHub, any OpenID Connect issuer (docs/decisions/0019).
//!
//! | module | does |
//! |---|---|
//! | `web` | asks them over HTTP, within bounds |
//! | `openid` | OpenID Connect: discovery, code, token, keys |
//! | `id_token` | whether a token may be believed |
//! | `signatures` | whether a signature is right |
//! | `github` | GitHub, which speaks OAuth 2 and an API of its own |

mod github;
mod id_token;
mod openid;
mod signatures;
mod web;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ledger::Timestamp;
use sha2::{Digest as _, Sha256};
use tokio::time::timeout;

use self::openid::Issuer;
use self::web::Web;
pub(crate) use self::web::word;
use crate::config::{ProviderSettings, Speaks};
use crate::store::Identity;

/// How long somebody who comes back may wait for what the provider says about them.
const LONGEST: Duration = Duration::from_secs(10);
/// Letters of what somebody is called there.
const LONGEST_LABEL: usize = 254;

/// Everybody who may say who somebody is, as the settings name them.
#[derive(Debug)]
pub struct Providers(Vec<Provider>);

impl Providers {
    pub fn new(settings: &[ProviderSettings]) -> Self {
        Self(settings.iter().cloned().map(Provider::new).collect())
    }

    /// In the order of the settings.
    pub fn all(&self) -> &[Provider] {
        &self.0
    }

    /// The one with this id.
    pub fn find(&self, id: &str) -> Option<&Provider> {
        self.0.iter().find(|provider| provider.settings.id == id)
    }

    /// The one whose word these identities are.
    pub fn of_issuer(&self, issuer: &str) -> Option<&Provider> {
        self.0.iter().find(|provider| provider.settings.issuer() == issuer)
    }
}

/// One who may say who somebody is.
#[derive(Debug)]
pub struct Provider {
    pub settings: ProviderSettings,
    web: Web,
    issuer: Issuer,
}

/// What a way to a provider and back is made of.
#[derive(Clone, Copy)]
pub struct Trip<'a> {
    /// Where the provider sends the browser back to.
    pub redirect_uri: &'a str,
    /// Comes back with the browser.
    pub state: &'a str,
    /// Comes back inside the token.
    pub nonce: &'a str,
    /// Shown once the browser is back; its hash goes there with it (PKCE, RFC 7636).
    pub verifier: &'a str,
    /// Whether they are to show there anew who they are.
    pub is_fresh: bool,
}

/// What a browser brings back.
#[derive(Clone, Copy)]
pub struct Arrival<'a> {
    pub code: &'a str,
    /// Who says to have sent it (RFC 9207).
    pub issuer: Option<&'a str>,
}

/// Somebody, in the words of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub identity: Identity,
    /// In lower case, and shown to be theirs.
    pub verified_email: Option<String>,
    pub name: Option<String>,
    pub user_name: Option<String>,
    /// As they call it there; may be none that there is.
    pub time_zone: Option<String>,
    /// When they last showed there who they are.
    pub signed_in_at: Option<Timestamp>,
}

/// Why a provider did not say who somebody is. The text is for the log and holds no secret.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// It does not answer, or that something is wrong on its side.
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    /// It does not take the code, or our credentials.
    #[error("it refuses: {0}")]
    Refused(String),
    /// It answers what it never should.
    #[error("it cannot be believed: {0}")]
    Untrusted(&'static str),
}

impl Provider {
    fn new(settings: ProviderSettings) -> Self {
        let web = Web::new(&settings);
        Self { settings, web, issuer: Issuer::default() }
    }

    /// The address that the browser is sent to.
    pub async fn way_there(&self, trip: &Trip<'_>, now: Timestamp) -> Result<String, Fault> {
        let way = async {
            match &self.settings.speaks {
                Speaks::OpenId { issuer, .. } => {
                    self.issuer.way_there(&self.web, &self.settings, issuer, trip, now).await
                }
                Speaks::GitHub { authorize_url, .. } => {
                    github::way_there(&self.settings, authorize_url, trip)
                }
            }
        };
        timeout(LONGEST, way).await.unwrap_or_else(|_| Err(late()))
    }

    /// Who it is that came back.
    pub async fn who_came(
        &self,
        trip: &Trip<'_>,
        arrival: Arrival<'_>,
        now: Timestamp,
    ) -> Result<Person, Fault> {
        let who = async {
            match &self.settings.speaks {
                Speaks::OpenId { issuer, .. } => {
                    self.issuer.who_came(&self.web, &self.settings, issuer, (trip, arrival), now).await
                }
                Speaks::GitHub { token_url, api_url, .. } => {
                    github::who_came(&self.web, &self.settings, (token_url, api_url), trip, arrival.code)
                        .await
                }
            }
        };
        timeout(LONGEST, who).await.unwrap_or_else(|_| Err(late()))
    }

    /// Whether it says when somebody last showed who they are, once it is asked to.
    pub fn dates_sign_ins(&self) -> bool {
        matches!(self.settings.speaks, Speaks::OpenId { dates_sign_ins: true, .. })
    }
}

fn late() -> Fault {
    Fault::Unreachable(format!("no answer within {} s", LONGEST.as_secs()))
}

/// What is sent ahead for a verifier (RFC 7636, 4.2).
fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
}

/// A text that nobody can guess who does not know `secret`, and that says nothing about it: 43 letters, digits, - and _.
pub fn derived(label: &str, secret: &str) -> String {
    let hash = Sha256::new().chain_update(label).chain_update([0]).chain_update(secret).finalize();
    URL_SAFE_NO_PAD.encode(hash)
}

/// What somebody is called elsewhere, in one line that is not long.
fn label(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(LONGEST_LABEL).collect()
}

/// An e-mail that may be somebody's here, as we write them.
fn tidy_email(email: Option<String>) -> Option<String> {
    email.map(|email| email.trim().to_lowercase()).filter(|email| crate::console::users::is_email(email))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_that_of_the_standard() {
        // RFC 7636, appendix B.
        let challenge = challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn what_is_derived_for_one_thing_is_of_no_use_for_another() {
        let (nonce, verifier) = (derived("nonce", "secret"), derived("verifier", "secret"));
        assert_ne!(nonce, verifier);
        assert_eq!((nonce.len(), verifier.len()), (43, 43));
        assert_eq!(nonce, derived("nonce", "secret"));
        assert_ne!(derived("a", "bc"), derived("ab", "c"));
    }
}
