//! GitHub: OAuth 2, and two questions to its API. Its own number for somebody is who they are; names and addresses change.

use reqwest::RequestBuilder;
use serde::Deserialize;
use url::Url;

use super::web::Web;
use super::{Fault, Person, Trip, challenge, tidy_email};
use crate::config::{ProviderSettings, Secret};
use crate::store::Identity;

#[derive(Deserialize)]
struct Token {
    access_token: String,
}

#[derive(Deserialize)]
struct User {
    id: u64,
    login: String,
    name: Option<String>,
}

#[derive(Deserialize)]
struct Email {
    #[serde(rename = "email")]
    address: String,
    primary: bool,
    verified: bool,
}

pub(super) fn way_there(
    settings: &ProviderSettings,
    authorize_url: &str,
    trip: &Trip<'_>,
) -> Result<String, Fault> {
    let mut url = Url::parse(authorize_url).map_err(|_| Fault::Untrusted("its address is none"))?;
    url.query_pairs_mut()
        .append_pair("client_id", &settings.client_id)
        .append_pair("redirect_uri", trip.redirect_uri)
        .append_pair("scope", "read:user user:email")
        .append_pair("state", trip.state)
        .append_pair("code_challenge", &challenge(trip.verifier))
        .append_pair("code_challenge_method", "S256");
    Ok(url.into())
}

pub(super) async fn who_came(
    web: &Web,
    settings: &ProviderSettings,
    (token_url, api_url): (&str, &str),
    trip: &Trip<'_>,
    code: &str,
) -> Result<Person, Fault> {
    let client = web.client().await?;
    let fields = [
        ("client_id", settings.client_id.as_str()),
        ("client_secret", settings.client_secret.as_ref().map_or("", Secret::as_str)),
        ("code", code),
        ("redirect_uri", trip.redirect_uri),
        ("code_verifier", trip.verifier),
    ];
    let exchange = client.post(token_url).header("accept", "application/json").form(&fields);
    let Token { access_token } = web.ask(exchange).await?;
    let question = |path: &str| -> RequestBuilder {
        let place = format!("{}{path}", api_url.trim_end_matches('/'));
        client.get(place).bearer_auth(&access_token).header("accept", "application/vnd.github+json")
    };
    let User { id, login, name } = web.ask(question("/user")).await?;
    let emails: Vec<Email> = web.ask(question("/user/emails?per_page=100")).await?;
    let verified = emails.into_iter().find(|email| email.primary && email.verified);
    Ok(Person {
        identity: Identity {
            issuer: settings.issuer(),
            subject: id.to_string(),
            label: super::label(&login),
        },
        verified_email: tidy_email(verified.map(|email| email.address)),
        name: name.or_else(|| Some(login.clone())),
        user_name: Some(login),
        time_zone: None,
        signed_in_at: None,
    })
}
