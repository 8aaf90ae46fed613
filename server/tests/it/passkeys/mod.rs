//! Passkeys: `/passkeys/…` and `/settings/security/passkeys…`, with an authenticator made of a key and the words of the standard.

mod refusals;
mod registering;
mod signing_in;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::harness::World;
use crate::harness::browser::Browser;
use crate::harness::client::Answer;
use crate::harness::forms::PASSWORD;
use crate::harness::raw::Raw;

const EMAIL: &str = "ada@example.com";
const SECURITY: &str = "/settings/security";
const REGISTER: &str = "/settings/security/passkeys";
const RENAME: &str = "/settings/security/passkeys/rename";
const REMOVE: &str = "/settings/security/passkeys/remove";
const SIGN_IN: &str = "/passkeys/sign-in";
const CONFIRM: &str = "/passkeys/confirm";

const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
const ATTESTED: u8 = 0x40;

/// A device with one key. What it says can be made wrong.
pub struct Device {
    id: Vec<u8>,
    pair: EcdsaKeyPair,
    handle: Vec<u8>,
    counter: u32,
    origin: String,
    rp_id: String,
    flags: u8,
    kind: Option<&'static str>,
    is_framed: bool,
}

impl Device {
    fn new(world: &World, id: &str) -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).expect("a key");
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), &random);
        Self {
            id: id.as_bytes().to_vec(),
            pair: pair.expect("a key pair"),
            handle: Vec::new(),
            counter: 0,
            origin: world.console.config.base_url.as_str().to_owned(),
            rp_id: "localhost".to_owned(),
            flags: PRESENT | VERIFIED,
            kind: None,
            is_framed: false,
        }
    }

    fn client_data(&self, kind: &str, challenge: &str) -> Vec<u8> {
        let (kind, origin, is_framed) = (self.kind.unwrap_or(kind), &self.origin, self.is_framed);
        let data = serde_json::json!({
            "type": kind, "challenge": challenge, "origin": origin, "crossOrigin": is_framed, "more": ["to", "come"],
        });
        data.to_string().into_bytes()
    }

    fn head(&self, flags: u8) -> Vec<u8> {
        let hash = Sha256::digest(self.rp_id.as_bytes());
        [hash.as_slice(), &[flags], &self.counter.to_be_bytes()].concat()
    }

    /// What `getPublicKey()` gives.
    fn public_key(&self) -> Vec<u8> {
        const HEAD: &str = "3059301306072a8648ce3d020106082a8648ce3d030107034200";
        let digits: Vec<u8> =
            (0..HEAD.len()).step_by(2).map(|at| u8::from_str_radix(&HEAD[at..at + 2], 16).unwrap()).collect();
        [digits.as_slice(), self.pair.public_key().as_ref()].concat()
    }

    /// The fields of a form that registers it.
    fn make(&mut self, question: &Value) -> Vec<(&'static str, String)> {
        self.handle = bytes(&question["user"]["id"]);
        let length = u16::try_from(self.id.len()).unwrap().to_be_bytes();
        let data =
            [&self.head(self.flags | ATTESTED), [0; 16].as_slice(), &length, &self.id, b"its key in CBOR"]
                .concat();
        vec![
            ("credential", text(&self.id)),
            ("client_data", text(&self.client_data("webauthn.create", word(&question["challenge"])))),
            ("authenticator_data", text(&data)),
            ("public_key", text(&self.public_key())),
            ("name", "Phone".to_owned()),
        ]
    }

    /// The fields of a form that signs with it.
    fn sign(&mut self, question: &Value) -> Vec<(&'static str, String)> {
        let client_data = self.client_data("webauthn.get", word(&question["challenge"]));
        let data = self.head(self.flags);
        let signed = [data.as_slice(), &Sha256::digest(&client_data)].concat();
        let signature = self.pair.sign(&SystemRandom::new(), &signed).expect("a signature");
        vec![
            ("credential", text(&self.id)),
            ("client_data", text(&client_data)),
            ("authenticator_data", text(&data)),
            ("signature", text(signature.as_ref())),
            ("user_handle", text(&self.handle)),
        ]
    }
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn bytes(value: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(word(value)).expect("base64url")
}

fn word(value: &Value) -> &str {
    value.as_str().expect("text")
}

/// What the script asks.
async fn ask(browser: &mut Browser, purpose: &str) -> Value {
    let asked = browser.submit("/passkeys/question", &[("purpose", purpose)]).await;
    assert_eq!(asked.status, 200, "{}", asked.text);
    asked.body
}

async fn question(browser: &mut Browser, purpose: &str) -> Value {
    let asked = ask(browser, purpose).await;
    assert!(asked["question"].is_object(), "{asked}");
    asked["question"].clone()
}

/// Sends the form that a script has filled in.
async fn send(browser: &mut Browser, path: &str, fields: &[(&'static str, String)]) -> Answer {
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    browser.submit(path, &fields).await
}

async fn register(browser: &mut Browser, device: &mut Device) -> Answer {
    let question = question(browser, "register").await;
    let fields = device.make(&question);
    send(browser, REGISTER, &fields).await
}

async fn sign_in(browser: &mut Browser, device: &mut Device) -> Answer {
    let question = question(browser, "sign_in").await;
    let fields = device.sign(&question);
    send(browser, SIGN_IN, &fields).await
}

/// Somebody with a password, signed in, with a passkey.
async fn owner(world: &World, name: &str) -> (Browser, Device) {
    world.user(name, PASSWORD).await;
    let mut browser = world.browser();
    browser.sign_in(&format!("{name}@example.com"), PASSWORD).await;
    let device = add(world, &mut browser, &format!("{name}'s phone")).await;
    (browser, device)
}

/// Adds a passkey to whoever is signed in in this browser.
pub async fn add(world: &World, browser: &mut Browser, id: &str) -> Device {
    let mut device = Device::new(world, id);
    let added = register(browser, &mut device).await;
    assert_eq!(added.header("location"), "/settings/security?said=passkey-added", "{}", added.text);
    device
}

async fn texts(world: &World, sql: &str) -> Vec<String> {
    Raw::open(&world.database()).await.texts(sql).await
}
