//! Somebody else who says who people are: a small OpenID Connect issuer that holds to the standard (codes work once, for one
//! client, address and verifier), and beside it what GitHub answers. It can be made to lie, in one way at a time.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use server::clock::{Clock as _, ManualClock};
use server::config::{ProviderSettings, Speaks};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

const CLIENT: &str = "console";
/// With what must be escaped on the way.
pub const SECRET: &str = "s3cret:with+signs%";

/// What is wrong with what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    None,
    Nonce,
    NoNonce,
    Audience,
    /// Meant for two, and made for the other one.
    Party,
    Issuer,
    Signature,
    Expired,
    NoExpiry,
    Future,
    /// `alg: none`.
    Unsigned,
    /// Signed with a secret that everybody knows: the public key.
    SharedSecret,
    NobodyNamed,
    /// The user info is about somebody else.
    OtherPerson,
    /// Signed in there a while ago.
    OldSignIn,
    /// Does not say when.
    NoSignInTime,
    /// Something is wrong on its side.
    Down,
}

/// Somebody, as the issuer knows them.
#[derive(Debug, Clone)]
pub struct Someone {
    pub subject: &'static str,
    pub email: &'static str,
    pub is_verified: bool,
    pub name: &'static str,
    pub user_name: &'static str,
}

pub const ADA: Someone = Someone {
    subject: "248289761001",
    email: "Ada@Example.com",
    is_verified: true,
    name: "Ada Lovelace",
    user_name: "Ada",
};

/// A code that was given to a browser.
#[derive(Debug, Clone)]
struct Grant {
    someone: Someone,
    redirect_uri: String,
    challenge: String,
    nonce: String,
}

struct Inner {
    url: String,
    clock: Arc<ManualClock>,
    lie: Lie,
    /// E-mail and name are told by the user info endpoint alone.
    is_silent: bool,
    key: Key,
    codes: HashMap<String, Grant>,
    tokens: HashMap<String, Someone>,
    /// How often each thing was asked for.
    asked: BTreeMap<&'static str, u32>,
}

struct Key {
    id: String,
    pair: EcdsaKeyPair,
}

impl Key {
    fn new(id: &str) -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random);
        Self { id: id.to_owned(), pair: pair.expect("a key") }
    }

    fn public(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        let part = |range: std::ops::Range<usize>| URL_SAFE_NO_PAD.encode(&point[range]);
        json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.id, "x": part(1..33), "y": part(33..65)})
    }

    fn sign(&self, text: &str) -> String {
        let signature = self.pair.sign(&SystemRandom::new(), text.as_bytes()).expect("a signature");
        URL_SAFE_NO_PAD.encode(signature.as_ref())
    }
}

type Shared = Arc<Mutex<Inner>>;

/// Gone when dropped.
pub struct Issuer {
    pub url: String,
    inner: Shared,
    serving: JoinHandle<()>,
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Issuer {
    pub async fn start(clock: Arc<ManualClock>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound port"));
        let inner = Inner {
            url: url.clone(),
            clock,
            lie: Lie::None,
            is_silent: false,
            key: Key::new("first"),
            codes: HashMap::new(),
            tokens: HashMap::new(),
            asked: BTreeMap::new(),
        };
        let inner = Arc::new(Mutex::new(inner));
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(configuration))
            .route("/jwks", get(keys))
            .route("/token", post(token))
            .route("/userinfo", get(user_info))
            .route("/login/oauth/access_token", post(github_token))
            .route("/user", get(github_user))
            .route("/user/emails", get(github_emails))
            .with_state(Arc::clone(&inner));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.expect("an issuer") });
        Self { url, inner, serving }
    }

    /// As the console's settings name it: an issuer, and GitHub.
    pub fn settings(&self) -> Vec<ProviderSettings> {
        let of = |id: &str, name: &str, speaks| ProviderSettings {
            id: id.to_owned(),
            name: name.to_owned(),
            client_id: CLIENT.to_owned(),
            client_secret: Some(SECRET.to_owned().into()),
            speaks,
        };
        let github = Speaks::GitHub {
            // Another name for this machine, so that it is somebody else.
            authorize_url: format!("{}/login/oauth/authorize", self.url.replace("127.0.0.1", "localhost")),
            token_url: format!("{}/login/oauth/access_token", self.url),
            api_url: self.url.clone(),
        };
        let acme = Speaks::OpenId { issuer: self.url.clone(), dates_sign_ins: true };
        vec![of("acme", "Acme", acme), of("github", "GitHub", github)]
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("nobody panics here")
    }

    pub fn lie(&self, lie: Lie) {
        self.inner().lie = lie;
    }

    /// From now on tokens say nothing but who it is.
    pub fn say_little(&self) {
        self.inner().is_silent = true;
    }

    /// Signs with another key from now on.
    pub fn change_key(&self, id: &str) {
        self.inner().key = Key::new(id);
    }

    pub fn asked(&self, what: &str) -> u32 {
        self.inner().asked.get(what).copied().unwrap_or_default()
    }

    /// Somebody who was sent here signs in and agrees: where on the console's site their browser goes on.
    #[track_caller]
    pub fn consent(&self, location: &str, someone: &Someone) -> String {
        let url = Url::parse(location).expect("an address");
        let query: HashMap<String, String> = url.query_pairs().into_owned().collect();
        let value = |name: &str| query.get(name).cloned().unwrap_or_default();
        assert_eq!((value("client_id"), value("code_challenge_method")), (CLIENT.into(), "S256".into()));
        assert_eq!(value("code_challenge").len(), 43, "{location}");
        if url.path() == "/authorize" {
            assert_eq!(
                (value("response_type"), value("scope")),
                ("code".into(), "openid email profile".into())
            );
            assert!(value("nonce").len() >= 32, "{location}");
        }
        let mut inner = self.inner();
        let code = format!("code-{}-{}", someone.subject, inner.codes.len());
        let grant = Grant {
            someone: someone.clone(),
            redirect_uri: value("redirect_uri"),
            challenge: value("code_challenge"),
            nonce: value("nonce"),
        };
        inner.codes.insert(code.clone(), grant);
        let back = Url::parse(&value("redirect_uri")).expect("an address to come back to");
        format!("{}?code={code}&state={}", back.path(), value("state"))
    }
}

async fn configuration(State(inner): State<Shared>) -> Json<Value> {
    let mut inner = inner.lock().expect("whole");
    *inner.asked.entry("configuration").or_default() += 1;
    let url = &inner.url;
    Json(json!({
        "issuer": url,
        "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/token"),
        "jwks_uri": format!("{url}/jwks"),
        "userinfo_endpoint": format!("{url}/userinfo"),
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
    }))
}

async fn keys(State(inner): State<Shared>) -> Json<Value> {
    let mut inner = inner.lock().expect("whole");
    *inner.asked.entry("keys").or_default() += 1;
    Json(json!({"keys": [{"kty": "of a kind that nobody knows", "kid": "odd"}, 7, inner.key.public()]}))
}

type Fields = HashMap<String, String>;

/// The grant of a code, which is over with that; nothing unless all belongs together.
fn redeem(inner: &mut Inner, fields: &Fields) -> Option<Grant> {
    let grant = inner.codes.remove(fields.get("code")?)?;
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(fields.get("code_verifier")?));
    let is_right = challenge == grant.challenge && *fields.get("redirect_uri")? == grant.redirect_uri;
    is_right.then_some(grant)
}

async fn token(
    State(inner): State<Shared>,
    headers: HeaderMap,
    Form(fields): Form<Fields>,
) -> (StatusCode, Json<Value>) {
    let mut inner = inner.lock().expect("whole");
    if inner.lie == Lie::Down {
        return (StatusCode::SERVICE_UNAVAILABLE, Json(Value::Null));
    }
    let expected = format!("Basic {}", STANDARD.encode(encoded(CLIENT) + ":" + &encoded(SECRET)));
    if headers.get("authorization").is_none_or(|sent| sent.as_bytes() != expected.as_bytes()) {
        return (StatusCode::UNAUTHORIZED, Json(json!({"error": "invalid_client"})));
    }
    let is_code = fields.get("grant_type").is_some_and(|kind| kind == "authorization_code");
    let Some(grant) = redeem(&mut inner, &fields).filter(|_| is_code) else {
        return (StatusCode::BAD_REQUEST, Json(json!({"error": "invalid_grant"})));
    };
    let access_token = format!("access-{}", inner.tokens.len());
    inner.tokens.insert(access_token.clone(), grant.someone.clone());
    let id_token = id_token(&inner, &grant);
    (
        StatusCode::OK,
        Json(json!({"access_token": access_token, "token_type": "Bearer", "id_token": id_token})),
    )
}

/// Escaped as forms are.
fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn id_token(inner: &Inner, grant: &Grant) -> String {
    let Grant { someone, nonce, .. } = grant;
    let now = inner.clock.now().micros() / 1_000_000;
    let mut claims = json!({
        "iss": inner.url, "sub": someone.subject, "aud": CLIENT, "exp": now + 300, "iat": now, "nonce": nonce,
        "auth_time": now,
    });
    if !inner.is_silent {
        claims["email"] = someone.email.into();
        claims["email_verified"] = someone.is_verified.into();
        claims["name"] = someone.name.into();
        claims["preferred_username"] = someone.user_name.into();
    }
    let mut remove = |claim: &str| drop(claims.as_object_mut().expect("an object").remove(claim));
    match inner.lie {
        Lie::NoNonce => remove("nonce"),
        Lie::NoExpiry => remove("exp"),
        Lie::NoSignInTime => remove("auth_time"),
        Lie::Nonce => claims["nonce"] = "another".into(),
        Lie::Audience => claims["aud"] = "somebody else".into(),
        Lie::Party => {
            claims["aud"] = json!([CLIENT, "other"]);
            claims["azp"] = "other".into();
        }
        Lie::Issuer => claims["iss"] = "https://evil.example".into(),
        Lie::Expired => claims["exp"] = (now - 61).into(),
        Lie::Future => claims["iat"] = (now + 3_600).into(),
        Lie::NobodyNamed => claims["sub"] = "".into(),
        Lie::OldSignIn => claims["auth_time"] = (now - 3_600).into(),
        _ => {}
    }
    let algorithm = match inner.lie {
        Lie::Unsigned => "none",
        Lie::SharedSecret => "HS256",
        _ => "ES256",
    };
    let header = json!({"alg": algorithm, "typ": "JWT", "kid": inner.key.id});
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(&header), part(&claims));
    let signature = match inner.lie {
        Lie::Unsigned => String::new(),
        Lie::Signature => Key::new("first").sign(&text),
        Lie::SharedSecret => {
            let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, inner.key.pair.public_key().as_ref());
            URL_SAFE_NO_PAD.encode(ring::hmac::sign(&key, text.as_bytes()).as_ref())
        }
        _ => inner.key.sign(&text),
    };
    format!("{text}.{signature}")
}

fn bearer(inner: &Inner, headers: &HeaderMap) -> Option<Someone> {
    let token = headers.get("authorization")?.to_str().ok()?.strip_prefix("Bearer ")?;
    inner.tokens.get(token).cloned()
}

async fn user_info(State(inner): State<Shared>, headers: HeaderMap) -> (StatusCode, Json<Value>) {
    let inner = inner.lock().expect("whole");
    let Some(someone) = bearer(&inner, &headers) else {
        return (StatusCode::UNAUTHORIZED, Json(json!({"error": "invalid_token"})));
    };
    let subject = if inner.lie == Lie::OtherPerson { "somebody else" } else { someone.subject };
    (
        StatusCode::OK,
        Json(json!({
            "sub": subject, "email": someone.email, "email_verified": someone.is_verified.to_string(), "name": someone.name,
        })),
    )
}

/// GitHub says what is wrong with a 200.
async fn github_token(State(inner): State<Shared>, Form(fields): Form<Fields>) -> (StatusCode, Json<Value>) {
    let mut inner = inner.lock().expect("whole");
    if inner.lie == Lie::Down {
        return (StatusCode::SERVICE_UNAVAILABLE, Json(Value::Null));
    }
    let is_client = fields.get("client_id").is_some_and(|id| id == CLIENT)
        && fields.get("client_secret").is_some_and(|secret| secret == SECRET);
    let Some(grant) = redeem(&mut inner, &fields).filter(|_| is_client) else {
        return (StatusCode::OK, Json(json!({"error": "bad_verification_code"})));
    };
    let token = format!("gho_{}", inner.tokens.len());
    inner.tokens.insert(token.clone(), grant.someone);
    (
        StatusCode::OK,
        Json(json!({"access_token": token, "token_type": "bearer", "scope": "read:user,user:email"})),
    )
}

async fn github_user(State(inner): State<Shared>, headers: HeaderMap) -> (StatusCode, Json<Value>) {
    let inner = inner.lock().expect("whole");
    let is_named = headers.contains_key("user-agent");
    let Some(someone) = bearer(&inner, &headers).filter(|_| is_named) else {
        return (StatusCode::UNAUTHORIZED, Json(json!({"message": "Requires authentication"})));
    };
    let id: u64 = someone.subject.parse().expect("a number");
    (StatusCode::OK, Json(json!({"id": id, "login": someone.user_name, "name": someone.name, "email": null})))
}

async fn github_emails(State(inner): State<Shared>, headers: HeaderMap) -> (StatusCode, Json<Value>) {
    let inner = inner.lock().expect("whole");
    let Some(someone) = bearer(&inner, &headers) else {
        return (StatusCode::UNAUTHORIZED, Json(json!({"message": "Requires authentication"})));
    };
    let other = json!({"email": "other@example.com", "primary": false, "verified": true, "visibility": null});
    let main = json!({"email": someone.email, "primary": true, "verified": someone.is_verified});
    (StatusCode::OK, Json(json!([other, main])))
}
