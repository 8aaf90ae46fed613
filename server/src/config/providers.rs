//! Who else may say who somebody is: Google, GitHub, and any OpenID Connect issuers.

use std::fmt;
use std::path::Path;

use serde::Deserialize;
use url::Url;

use super::document;

/// Google's issuer, as its own documents spell it.
const GOOGLE: &str = "https://accounts.google.com";
const GITHUB_AUTHORIZE: &str = "https://github.com/login/oauth/authorize";
const GITHUB_TOKEN: &str = "https://github.com/login/oauth/access_token";
const GITHUB_API: &str = "https://api.github.com";
/// Letters of a provider's id and of its name.
const LONGEST_ID: usize = 32;
const LONGEST_NAME: usize = 40;

const RIGHT_URL: &str = "an https URL without a query, or http on this machine";
const RIGHT_LIST: &str = "a list such as [{ id = \"acme\", name = \"Acme\", issuer = \"https://id.example.com\", client_id = \"console\", \
                          client_secret = \"…\" }]";

/// A provider that people can sign in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderSettings {
    /// In its paths: `/sign-in/{id}`.
    pub id: String,
    /// As its button calls it.
    pub name: String,
    pub client_id: String,
    /// `None`: a public client, which PKCE alone protects.
    pub client_secret: Option<Secret>,
    pub speaks: Speaks,
}

/// What a provider understands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Speaks {
    OpenId {
        issuer: String,
        /// Whether its tokens say when somebody last signed in there, once they are asked to.
        dates_sign_ins: bool,
    },
    /// OAuth 2, and questions to an API.
    GitHub { authorize_url: String, token_url: String, api_url: String },
}

impl ProviderSettings {
    /// Under whose name the identities of this provider are kept. Two providers never share it.
    pub fn issuer(&self) -> String {
        match &self.speaks {
            Speaks::OpenId { issuer, .. } => issuer.clone(),
            Speaks::GitHub { authorize_url, .. } => Url::parse(authorize_url)
                .map_or_else(|_| authorize_url.clone(), |url| url.origin().ascii_serialization()),
        }
    }
}

/// Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("…")
    }
}

/// What is wrong: the key or variable, the value unless it may be secret, and what would be right.
#[derive(Debug)]
pub(super) struct Wrong {
    pub key: String,
    pub value: String,
    pub right: String,
}

impl Wrong {
    fn new(key: impl Into<String>, value: impl Into<String>, right: impl Into<String>) -> Self {
        Self { key: key.into(), value: value.into(), right: right.into() }
    }
}

/// One OpenID Connect issuer, as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    id: String,
    name: String,
    issuer: String,
    client_id: String,
    client_secret: Option<String>,
}

/// The list alone, as a variable has it.
#[derive(Deserialize)]
struct List {
    oidc_providers: Vec<Written>,
}

/// A key of the file, as the environment or the file has it: its name there, and its value.
pub(super) type Pick<'a> = &'a dyn Fn(&'static str, &'static str) -> Option<(&'static str, String)>;

/// All providers: Google and GitHub first.
pub(super) fn resolve(
    pick: Pick<'_>,
    variable: Option<String>,
    written: Option<Vec<Written>>,
) -> Result<Vec<ProviderSettings>, Wrong> {
    let mut providers: Vec<ProviderSettings> = Vec::new();
    providers.extend(google(pick)?);
    providers.extend(github(pick)?);
    let (key, written) = match variable {
        Some(text) => ("CONSOLE_OIDC_PROVIDERS", parsed(&text)?),
        None => ("oidc_providers", written.unwrap_or_default()),
    };
    for one in written {
        let provider = open_id(key, one)?;
        let is_taken =
            |other: &ProviderSettings| other.id == provider.id || other.issuer() == provider.issuer();
        if providers.iter().any(is_taken) {
            return Err(Wrong::new(key, &provider.id, "a list in which each id and each issuer stands once"));
        }
        providers.push(provider);
    }
    Ok(providers)
}

fn google(pick: Pick<'_>) -> Result<Option<ProviderSettings>, Wrong> {
    let client = client(
        ("google_client_id", pick("google_client_id", "GOOGLE_CLIENT_ID")),
        ("google_client_secret", pick("google_client_secret", "GOOGLE_CLIENT_SECRET")),
    )?;
    // Not trimmed: tokens name the issuer to the letter.
    let issuer = url(pick("google_issuer", "GOOGLE_ISSUER"), GOOGLE)?;
    Ok(client.map(|(client_id, secret)| ProviderSettings {
        id: "google".to_owned(),
        name: "Google".to_owned(),
        client_id,
        client_secret: Some(secret),
        // Google's tokens never say when somebody signed in.
        speaks: Speaks::OpenId { issuer, dates_sign_ins: false },
    }))
}

fn github(pick: Pick<'_>) -> Result<Option<ProviderSettings>, Wrong> {
    let client = client(
        ("github_client_id", pick("github_client_id", "GITHUB_CLIENT_ID")),
        ("github_client_secret", pick("github_client_secret", "GITHUB_CLIENT_SECRET")),
    )?;
    let authorize_url = url(pick("github_authorize_url", "GITHUB_AUTHORIZE_URL"), GITHUB_AUTHORIZE)?;
    let token_url = url(pick("github_token_url", "GITHUB_TOKEN_URL"), GITHUB_TOKEN)?;
    let api_url = url(pick("github_api_url", "GITHUB_API_URL"), GITHUB_API)?;
    Ok(client.map(|(client_id, secret)| ProviderSettings {
        id: "github".to_owned(),
        name: "GitHub".to_owned(),
        client_id,
        client_secret: Some(secret),
        speaks: Speaks::GitHub { authorize_url, token_url, api_url },
    }))
}

type Given = Option<(&'static str, String)>;

/// Both or neither.
fn client(
    (id_key, id): (&str, Given),
    (secret_key, secret): (&str, Given),
) -> Result<Option<(String, Secret)>, Wrong> {
    match (id, secret) {
        (None, None) => Ok(None),
        (Some((_, id)), Some((_, secret))) => Ok(Some((id, Secret(secret)))),
        (Some((key, _)), None) => {
            Err(Wrong::new(secret_key, "", format!("the secret that belongs to {key}")))
        }
        (None, Some((key, _))) => Err(Wrong::new(id_key, "", format!("the id that belongs to {key}"))),
    }
}

fn url(given: Given, usual: &str) -> Result<String, Wrong> {
    match given {
        None => Ok(usual.to_owned()),
        Some((_, value)) if is_url(&value) => Ok(value),
        Some((key, value)) => Err(Wrong::new(key, value, RIGHT_URL)),
    }
}

/// Encrypted, or on this machine, without anything that a path could not be added to.
fn is_url(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let is_here = is_loopback(&url);
    let is_plain = url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    is_plain && url.has_host() && (url.scheme() == "https" || (url.scheme() == "http" && is_here))
}

/// Whether a URL leads to this machine.
pub fn is_loopback(url: &Url) -> bool {
    matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
}

fn open_id(key: &str, written: Written) -> Result<ProviderSettings, Wrong> {
    let Written { id, name, issuer, client_id, client_secret } = written;
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if id.is_empty() || id.len() > LONGEST_ID || !id.bytes().all(is_letter) {
        return Err(Wrong::new(format!("id in {key}"), id, "1 to 32 lower-case letters, digits or hyphens"));
    }
    let name = name.trim().to_owned();
    if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(Wrong::new(format!("name in {key}"), name, "one line of 1 to 40 characters"));
    }
    if !is_url(&issuer) {
        return Err(Wrong::new(format!("issuer in {key}"), issuer, RIGHT_URL));
    }
    if client_id.is_empty() {
        return Err(Wrong::new(
            format!("client_id in {key}"),
            client_id,
            "what the issuer calls this console",
        ));
    }
    let client_secret = client_secret.filter(|secret| !secret.is_empty()).map(Secret);
    let speaks = Speaks::OpenId { issuer, dates_sign_ins: true };
    Ok(ProviderSettings { id, name, client_id, client_secret, speaks })
}

/// The variable holds the list as the file would; what is wrong in it is not repeated, since it holds secrets.
fn parsed(text: &str) -> Result<Vec<Written>, Wrong> {
    let list: Result<List, _> =
        document::parse(Path::new("CONSOLE_OIDC_PROVIDERS"), &format!("oidc_providers = {text}"));
    list.map(|list| list.oidc_providers).map_err(|_| Wrong::new("CONSOLE_OIDC_PROVIDERS", "…", RIGHT_LIST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(env: &[(&str, &str)]) -> Result<Vec<ProviderSettings>, String> {
        let find =
            |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let pick = |_: &'static str, name: &'static str| find(name).map(|value| (name, value));
        resolve(&pick, find("CONSOLE_OIDC_PROVIDERS"), None)
            .map_err(|Wrong { key, value, right }| format!("{key} {value} {right}"))
    }

    const ACME: &str = r#"[{ id = "acme", name = "Acme", issuer = "https://id.example.com/", client_id = "c", client_secret = "hunter2" }]"#;

    #[test]
    fn nobody_is_trusted_unless_named() {
        assert_eq!(resolved(&[]).unwrap(), vec![]);
        assert_eq!(resolved(&[("GOOGLE_ISSUER", "https://accounts.example.com")]).unwrap(), vec![]);
    }

    #[test]
    fn each_provider_has_a_name_and_an_issuer_of_its_own() {
        let providers = resolved(&[
            ("GOOGLE_CLIENT_ID", "g"),
            ("GOOGLE_CLIENT_SECRET", "s"),
            ("GITHUB_CLIENT_ID", "h"),
            ("GITHUB_CLIENT_SECRET", "s"),
            ("CONSOLE_OIDC_PROVIDERS", ACME),
        ])
        .unwrap();
        let known: Vec<_> = providers.iter().map(|one| (one.name.as_str(), one.issuer())).collect();
        assert_eq!(
            known,
            [
                ("Google", "https://accounts.google.com".to_owned()),
                ("GitHub", "https://github.com".to_owned()),
                ("Acme", "https://id.example.com/".to_owned())
            ]
        );
        assert!(!format!("{providers:?}").contains("hunter2"));
    }

    #[test]
    fn what_is_wrong_is_named_without_secrets() {
        let two = ACME.replace(
            "}]",
            r#"}, { id = "b", name = "B", issuer = "https://id.example.com/", client_id = "c" }]"#,
        );
        for (env, part) in [
            (
                &[("GOOGLE_CLIENT_ID", "g")][..],
                "google_client_secret  the secret that belongs to GOOGLE_CLIENT_ID",
            ),
            (&[("GITHUB_CLIENT_SECRET", "hunter2")], "github_client_id  the id that"),
            (
                &[("GITHUB_API_URL", "http://api.example.com")],
                "GITHUB_API_URL http://api.example.com an https URL",
            ),
            (&[("GOOGLE_ISSUER", "https://u:p@example.com")], "an https URL"),
            (&[("CONSOLE_OIDC_PROVIDERS", "hunter2")], "CONSOLE_OIDC_PROVIDERS … a list such as"),
            (&[("CONSOLE_OIDC_PROVIDERS", &ACME.replace("acme", "A B"))], "id in CONSOLE_OIDC_PROVIDERS A B"),
            (&[("CONSOLE_OIDC_PROVIDERS", &ACME.replace("https", "ftp"))], "issuer in"),
            (&[("CONSOLE_OIDC_PROVIDERS", &ACME.replace("\"Acme\"", "\" \""))], "name in"),
            (&[("CONSOLE_OIDC_PROVIDERS", &two)], "each issuer stands once"),
        ] {
            let error = resolved(env).unwrap_err();
            assert!(error.contains(part) && !error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn providers_on_this_machine_may_be_without_tls() {
        for (text, is_right) in [
            ("http://127.0.0.1:4000", true),
            ("http://localhost:4000/oidc", true),
            ("https://id.example.com/realms/a", true),
            ("http://id.example.com", false),
            ("https://id.example.com?x=1", false),
            ("id.example.com", false),
            ("javascript:alert(1)", false),
        ] {
            assert_eq!(is_url(text), is_right, "{text}");
        }
    }
}
