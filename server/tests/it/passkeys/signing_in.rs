//! Signing in and confirming with a passkey.

use ledger::time::SECOND;

use super::{CONFIRM, Device, EMAIL, SIGN_IN, ask, owner, question, register, send, sign_in, text, texts};
use crate::harness::World;
use crate::harness::forms::{PASSWORD, assert_refused};

#[tokio::test]
async fn member_signs_in_with_a_passkey_alone_and_goes_on() {
    let world = World::start().await;
    let (_, mut phone) = owner(&world, "ada").await;
    let mut browser = world.browser();
    let page = browser.follow("/sign-in").await;
    assert!(
        page.text.contains("data-passkey=\"sign_in\" hidden") && page.text.contains("/pkg/passkeys."),
        "{}",
        page.text
    );
    let asked = browser.submit("/passkeys/question", &[("purpose", "sign_in")]).await;
    let set = asked.header("set-cookie").to_owned();
    assert!(
        set.starts_with("plexe_passkey=") && set.ends_with("; Path=/; Max-Age=300; HttpOnly; SameSite=Lax"),
        "{set}"
    );
    assert_eq!(asked.header("cache-control"), "no-store");
    assert_eq!(asked.body["question"]["known"], serde_json::json!([]), "it says nobody's");
    let mut fields = phone.sign(&asked.body["question"]);
    fields.push(("next", "/usage?range=7d".to_owned()));
    let entered = send(&mut browser, SIGN_IN, &fields).await;
    assert_eq!((entered.status, entered.header("location")), (303, "/usage?range=7d"), "{}", entered.text);
    assert_eq!(browser.who().await.as_deref(), Some(EMAIL));
    assert!(browser.cookie("plexe_passkey").is_none());
    for next in ["https://evil.example", "//evil.example"] {
        let mut browser = world.browser();
        let asked = question(&mut browser, "sign_in").await;
        let mut fields = phone.sign(&asked);
        fields.push(("next", next.to_owned()));
        assert_eq!(send(&mut browser, SIGN_IN, &fields).await.header("location"), "/", "{next}");
    }
}

#[tokio::test]
async fn member_with_an_app_is_not_asked_for_its_code() {
    let world = World::start().await;
    let (mut settings, mut phone) = owner(&world, "ada").await;
    crate::second_factor::turn_on(&world, &mut settings).await;
    assert_eq!(world.browser().sign_in(EMAIL, PASSWORD).await.header("location"), "/second-step");
    let mut browser = world.browser();
    assert_eq!(sign_in(&mut browser, &mut phone).await.header("location"), "/");
    assert_eq!(browser.who().await.as_deref(), Some(EMAIL));
}

#[tokio::test]
async fn member_s_session_from_before_ends() {
    let world = World::start().await;
    let (mut browser, mut phone) = owner(&world, "ada").await;
    let mut before = browser.clone();
    sign_in(&mut browser, &mut phone).await;
    assert_eq!((before.who().await, browser.who().await.as_deref()), (None, Some(EMAIL)));
}

#[tokio::test]
async fn member_confirms_with_a_passkey_of_theirs() {
    let world = World::start().await;
    let (mut browser, mut phone) = owner(&world, "ada").await;
    let (_, mut bobs) = owner(&world, "bob").await;
    world.clock.advance(600 * SECOND);
    let page = browser.follow("/confirm?next=/settings/security").await;
    assert!(page.text.contains("Use a passkey"), "{}", page.text);
    let asked = question(&mut browser, "confirm").await;
    assert_eq!(asked["known"], serde_json::json!([text(&phone.id)]));
    let refused = send(&mut browser, CONFIRM, &bobs.sign(&asked)).await;
    assert_refused(&refused, 403, "That passkey is not one of yours");
    assert_eq!(ask(&mut browser, "register").await["question"], serde_json::Value::Null, "still");
    let before = browser.clone();
    // A device that is asked for a certain key need not say whose it is.
    phone.handle = Vec::new();
    let asked = question(&mut browser, "confirm").await;
    let mut fields = phone.sign(&asked);
    fields.push(("next", "/settings/security?said=confirmed".to_owned()));
    let confirmed = send(&mut browser, CONFIRM, &fields).await;
    assert_eq!((confirmed.status, confirmed.header("location")), (303, "/settings/security?said=confirmed"));
    assert_eq!(before.clone().who().await, None);
    assert_eq!(register(&mut browser, &mut Device::new(&world, "laptop")).await.status, 303);
    let mut without = world.browser();
    world.user("eve", PASSWORD).await;
    without.sign_in("eve@example.com", PASSWORD).await;
    world.clock.advance(600 * SECOND);
    assert!(!without.follow("/confirm").await.text.contains("Use a passkey"));
    let anon = ask(&mut world.browser(), "confirm").await;
    assert_eq!(anon["first"], "/sign-in?next=/confirm");
}

#[tokio::test]
async fn member_s_device_that_counts_goes_on_counting() {
    let world = World::start().await;
    let (_, mut phone) = owner(&world, "ada").await;
    for counter in [0, 0, 7, 9] {
        phone.counter = counter;
        let mut browser = world.browser();
        assert_eq!(sign_in(&mut browser, &mut phone).await.status, 303, "{counter}");
    }
    for counter in [9, 8, 0] {
        phone.counter = counter;
        let mut browser = world.browser();
        let refused = sign_in(&mut browser, &mut phone).await;
        assert_refused(&refused, 403, "somebody may have a copy of it");
        assert_eq!(browser.who().await, None, "{counter}");
    }
    assert_eq!(texts(&world, "SELECT CAST(counter AS TEXT) FROM passkeys").await, ["9"]);
}
