//! Whatever is not signed here, now, by the one who is meant, opens nothing.

use ledger::time::SECOND;

use super::{
    ATTESTED, CONFIRM, Device, EMAIL, PRESENT, REGISTER, SIGN_IN, VERIFIED, owner, question, register, send,
    sign_in, text, texts,
};
use crate::harness::World;
use crate::harness::browser::Browser;
use crate::harness::forms::{PASSWORD, assert_refused};

const UNTRUSTED: &str = "What your device signed cannot be trusted";
const STALE: &str = "was finished before. Please try again.";

/// Makes a device say something else.
type Change = fn(&mut Device);

const CHANGES: [(&str, Change, &str); 9] = [
    ("another origin", |device| "https://evil.example".clone_into(&mut device.origin), UNTRUSTED),
    ("another port", |device| "http://localhost:1".clone_into(&mut device.origin), UNTRUSTED),
    ("a relying party above", |device| "host".clone_into(&mut device.rp_id), UNTRUSTED),
    ("another relying party", |device| "evil.example".clone_into(&mut device.rp_id), UNTRUSTED),
    ("another ceremony", |device| device.kind = Some("payment.get"), UNTRUSTED),
    ("inside another page", |device| device.is_framed = true, UNTRUSTED),
    ("nobody was there", |device| device.flags = VERIFIED, UNTRUSTED),
    ("nobody showed who it is", |device| device.flags = PRESENT, "did not ask you for a PIN"),
    ("no flag at all", |device| device.flags = 0, UNTRUSTED),
];

#[tokio::test]
async fn anon_is_not_let_in_by_what_was_signed_for_something_else() {
    let world = World::start().await;
    let (_, mut phone) = owner(&world, "ada").await;
    for (what, change, says) in CHANGES {
        let mut device = Device::new(&world, "ada's phone");
        std::mem::swap(&mut device.pair, &mut phone.pair);
        device.handle.clone_from(&phone.handle);
        change(&mut device);
        let mut browser = world.browser();
        let refused = sign_in(&mut browser, &mut device).await;
        assert_refused(&refused, 403, says);
        assert_eq!(browser.who().await, None, "{what}");
        std::mem::swap(&mut device.pair, &mut phone.pair);
    }
    assert_eq!(sign_in(&mut world.browser(), &mut phone).await.status, 303, "unchanged it is let in");
}

#[tokio::test]
async fn member_registers_nothing_that_was_made_for_something_else() {
    let world = World::start().await;
    let (mut browser, _) = owner(&world, "ada").await;
    for (what, change, says) in CHANGES {
        let mut device = Device::new(&world, "another");
        change(&mut device);
        let refused = register(&mut browser, &mut device).await;
        assert_refused(&refused, 403, says);
        assert_eq!(texts(&world, "SELECT name FROM passkeys").await.len(), 1, "{what}");
    }
    let mut device = Device::new(&world, "another");
    for (field, value) in [
        ("credential", text(b"some other id")),
        ("credential", String::new()),
        ("public_key", text(b"no key")),
        ("public_key", String::new()),
        ("authenticator_data", text(&device.head(PRESENT | VERIFIED))),
        ("authenticator_data", text(&device.head(PRESENT | VERIFIED | ATTESTED))),
        ("authenticator_data", "not base64!".to_owned()),
        ("client_data", text(b"{}")),
        ("client_data", text(b"\xff")),
    ] {
        let asked = question(&mut browser, "register").await;
        let mut fields = device.make(&asked);
        fields.retain(|(name, _)| *name != field);
        fields.push((field, value));
        assert_refused(&send(&mut browser, REGISTER, &fields).await, 403, UNTRUSTED);
    }
    let wrong_name = {
        let asked = question(&mut browser, "register").await;
        let mut fields = device.make(&asked);
        fields.retain(|(name, _)| *name != "name");
        fields.push(("name", "x".repeat(101)));
        send(&mut browser, REGISTER, &fields).await
    };
    assert_refused(&wrong_name, 422, "must be one line of 1 to 100 characters");
    assert_eq!(texts(&world, "SELECT name FROM passkeys").await, ["Phone"]);
}

#[tokio::test]
async fn a_challenge_counts_once_soon_and_in_its_browser() {
    let world = World::start().await;
    let (_, mut phone) = owner(&world, "ada").await;
    let mut browser = world.browser();
    let asked = question(&mut browser, "sign_in").await;
    let kept = browser.cookie("plexe_passkey").unwrap().to_owned();
    let fields = phone.sign(&asked);
    let mut other = world.browser();
    assert_refused(&send(&mut other, SIGN_IN, &fields).await, 410, STALE);
    question(&mut other, "sign_in").await;
    assert_refused(&send(&mut other, SIGN_IN, &fields).await, 403, UNTRUSTED);
    assert_eq!(send(&mut browser, SIGN_IN, &fields).await.status, 303);
    let mut again = world.browser();
    again.keep("plexe_passkey", &kept);
    assert_refused(&send(&mut again, SIGN_IN, &fields).await, 410, STALE);
    let mut late = world.browser();
    let asked = question(&mut late, "sign_in").await;
    world.clock.advance(300 * SECOND);
    assert_refused(&send(&mut late, SIGN_IN, &phone.sign(&asked)).await, 410, STALE);
    assert_eq!(
        texts(&world, "SELECT purpose FROM passkey_challenges WHERE purpose = 'sign_in'").await.len(),
        1
    );
}

#[tokio::test]
async fn a_challenge_is_for_one_thing_and_one_user() {
    let world = World::start().await;
    let (mut browser, mut phone) = owner(&world, "ada").await;
    let asked = question(&mut browser, "sign_in").await;
    assert_refused(&send(&mut browser, CONFIRM, &phone.sign(&asked)).await, 410, STALE);
    let asked = question(&mut browser, "confirm").await;
    let mut elsewhere = world.browser();
    elsewhere.keep("plexe_passkey", browser.cookie("plexe_passkey").unwrap());
    assert_refused(&send(&mut elsewhere, SIGN_IN, &phone.sign(&asked)).await, 410, STALE);
    let asked = question(&mut browser, "sign_in").await;
    let fields = Device::new(&world, "x").make(&serde_json::json!({
        "challenge": asked["challenge"], "user": { "id": text(&phone.handle) },
    }));
    assert_refused(&send(&mut browser, REGISTER, &fields).await, 410, STALE);
    world.user("bob", PASSWORD).await;
    let mut bobs = world.browser();
    bobs.sign_in("bob@example.com", PASSWORD).await;
    let asked = question(&mut browser, "register").await;
    bobs.keep("plexe_passkey", browser.cookie("plexe_passkey").unwrap());
    let fields = Device::new(&world, "bob's").make(&asked);
    assert_refused(&send(&mut bobs, REGISTER, &fields).await, 410, STALE);
}

#[tokio::test]
async fn anon_with_somebody_else_s_key_or_name_is_not_let_in() {
    let world = World::start().await;
    let (_, mut adas) = owner(&world, "ada").await;
    let (_, mut bobs) = owner(&world, "bob").await;
    let refuse = async |device: &mut Device, status, says| {
        let mut browser: Browser = world.browser();
        assert_refused(&sign_in(&mut browser, device).await, status, says);
        assert_eq!(browser.who().await, None);
    };
    let mut unknown = Device::new(&world, "never registered");
    unknown.handle.clone_from(&adas.handle);
    refuse(&mut unknown, 401, "This passkey is not known here.").await;
    std::mem::swap(&mut adas.id, &mut bobs.id);
    refuse(&mut bobs, 403, UNTRUSTED).await;
    std::mem::swap(&mut adas.handle, &mut bobs.handle);
    refuse(&mut bobs, 403, UNTRUSTED).await;
    std::mem::swap(&mut adas.id, &mut bobs.id);
    refuse(&mut bobs, 403, UNTRUSTED).await;
    bobs.handle = Vec::new();
    refuse(&mut bobs, 403, UNTRUSTED).await;
    std::mem::swap(&mut adas.handle, &mut bobs.handle);
    assert_eq!(texts(&world, "SELECT name FROM passkeys WHERE last_used_at IS NOT NULL").await.len(), 0);
}

#[tokio::test]
async fn a_signature_that_was_touched_opens_nothing() {
    let world = World::start().await;
    let (_, mut phone) = owner(&world, "ada").await;
    for field in ["signature", "authenticator_data", "client_data"] {
        let mut browser = world.browser();
        let asked = question(&mut browser, "sign_in").await;
        let mut fields = phone.sign(&asked);
        for (name, value) in &mut fields {
            if *name == field {
                let mut bytes = base64::Engine::decode(&super::URL_SAFE_NO_PAD, &*value).unwrap();
                // The counter, a word of the client data that nobody looks at, or the last byte of the signature.
                let unread = bytes.windows(4).position(|four| four == b"come");
                let at = unread.unwrap_or(bytes.len() - 1);
                bytes[at] ^= 1;
                *value = text(&bytes);
            }
        }
        assert_refused(&send(&mut browser, SIGN_IN, &fields).await, 403, UNTRUSTED);
        assert_eq!(browser.who().await, None, "{field}");
    }
    assert_refused(&send(&mut world.browser(), SIGN_IN, &[]).await, 410, STALE);
    let mut browser = world.browser();
    question(&mut browser, "sign_in").await;
    assert_refused(&send(&mut browser, SIGN_IN, &[]).await, 401, "not known here");
    assert_eq!(browser.sign_in(EMAIL, PASSWORD).await.status, 303);
}

#[tokio::test]
async fn questions_are_counted_by_place() {
    let world = World::start().await;
    for _ in 0..200 {
        question(&mut world.browser(), "sign_in").await;
    }
    let refused = super::ask(&mut world.browser(), "sign_in").await["refused"].clone();
    assert_eq!(refused, "Too many attempts. Try again in 10 minutes.");
    let wrong = world.browser().submit("/passkeys/question", &[("purpose", "x")]).await;
    assert_eq!(wrong.status, 422);
}
