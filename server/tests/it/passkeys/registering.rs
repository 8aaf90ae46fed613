//! Passkeys are made, named and removed.

use std::sync::Arc;

use ledger::time::SECOND;
use server::clock::ManualClock;

use super::{
    Device, EMAIL, REGISTER, REMOVE, RENAME, SECURITY, ask, bytes, owner, question, register, send, sign_in,
    text, texts,
};
use crate::harness::forms::{PASSWORD, assert_refused, sign_up};
use crate::harness::issuer::{ADA, Issuer};
use crate::harness::place::Place;
use crate::harness::{START, World};

/// Where those are led first who signed in a while ago.
const FIRST: &str = "/confirm?next=/settings/security%3Fsaid%3Dconfirmed";

#[tokio::test]
async fn member_registers_several_and_sees_them() {
    let world = World::start().await;
    let (mut browser, phone) = owner(&world, "ada").await;
    let asked = question(&mut browser, "register").await;
    assert_eq!((asked["rp_id"].as_str(), asked["timeout_ms"].as_i64()), (Some("localhost"), Some(300_000)));
    assert_eq!(asked["known"], serde_json::json!([text(&phone.id)]));
    assert_eq!((asked["user"]["name"].as_str(), bytes(&asked["user"]["id"]).len()), (Some(EMAIL), 32));
    let mut laptop = Device::new(&world, "laptop");
    register(&mut browser, &mut laptop).await;
    assert_eq!(laptop.handle, phone.handle, "one name for one user");
    let page = browser.follow("/settings/security?said=passkey-added").await;
    for shown in [
        "Your passkey is registered",
        "Phone",
        "Added 22 Nov 2026, not used yet",
        "data-passkey=\"register\"",
    ] {
        assert!(page.text.contains(shown), "{shown}: {}", page.text);
    }
    let mails = world.mails(EMAIL).await;
    assert_eq!(mails.iter().map(|(kind, _)| kind.as_str()).collect::<Vec<_>>(), ["way_added", "way_added"]);
    let id = texts(&world, "SELECT u.id FROM users u JOIN passkeys p ON p.user_id = u.id").await;
    assert!(!String::from_utf8_lossy(&phone.handle).contains(&id[0]), "the handle says nothing about them");
    let mut anon = world.browser();
    assert_eq!(sign_in(&mut anon, &mut laptop).await.header("location"), "/");
    let page = anon.follow(SECURITY).await;
    assert!(page.text.contains("last used"), "{}", page.text);
}

#[tokio::test]
async fn member_names_them_and_nobody_else_does() {
    let world = World::start().await;
    let (mut browser, phone) = owner(&world, "ada").await;
    let (mut bobs, _) = owner(&world, "bob").await;
    let fields = |name: &str| vec![("credential", text(&phone.id)), ("name", name.to_owned())];
    let renamed = send(&mut browser, RENAME, &fields("<b>Key</b> on my desk")).await;
    assert_eq!(renamed.header("location"), "/settings/security?said=passkey-renamed");
    let page = browser.follow(SECURITY).await.text;
    assert!(page.contains("&lt;b&gt;Key&lt;/b&gt; on my desk") && !page.contains("<b>Key"), "{page}");
    for wrong in ["x".repeat(101), "a\nb".to_owned()] {
        assert_refused(
            &send(&mut browser, RENAME, &fields(&wrong)).await,
            422,
            "must be one line of 1 to 100",
        );
    }
    let foreign = send(&mut bobs, RENAME, &fields("mine")).await;
    assert_eq!(foreign.header("location"), "/settings/security?said=passkey-gone");
    let foreign = send(&mut bobs, REMOVE, &fields("")).await;
    assert_eq!(foreign.header("location"), "/settings/security?said=passkey-gone");
    assert_eq!(texts(&world, "SELECT name FROM passkeys WHERE name LIKE '%desk'").await.len(), 1);
    let mut anon = world.browser();
    for path in [RENAME, REMOVE, REGISTER] {
        let led = send(&mut anon, path, &fields("x")).await;
        assert_eq!(led.header("location"), "/sign-in?next=/settings/security", "{path}");
    }
}

#[tokio::test]
async fn member_removes_one_and_it_signs_in_no_more() {
    let world = World::start().await;
    let (mut browser, mut phone) = owner(&world, "ada").await;
    let fields = [("credential", text(&phone.id))];
    let removed = send(&mut browser, REMOVE, &fields).await;
    assert_eq!(removed.header("location"), "/settings/security?said=passkey-removed");
    assert_eq!(world.mails(EMAIL).await[0].0, "way_removed");
    let mut anon = world.browser();
    assert_refused(&sign_in(&mut anon, &mut phone).await, 401, "This passkey is not known here.");
    assert_eq!(
        send(&mut browser, REMOVE, &fields).await.header("location"),
        "/settings/security?said=passkey-gone"
    );
}

#[tokio::test]
async fn member_keeps_the_last_way_in() {
    let clock = Arc::new(ManualClock::at(START));
    let issuer = Issuer::start(Arc::clone(&clock)).await;
    let providers = issuer.settings();
    let world = World::open(Place::new().await, clock, |config| config.providers = providers).await;
    let mut browser = world.browser();
    browser.round(&issuer, "/sign-in/acme", &ADA).await;
    let mut phone = Device::new(&world, "phone");
    register(&mut browser, &mut phone).await;
    let unlink = [("issuer", issuer.url.clone()), ("subject", ADA.subject.to_owned())];
    let unlinked = send(&mut browser, "/settings/security/unlink", &unlink).await;
    assert_eq!(unlinked.header("location"), "/settings/security?said=unlinked", "the passkey is a way in");
    assert!(browser.follow(SECURITY).await.text.contains("Your only way in"));
    let kept = send(&mut browser, REMOVE, &[("credential", text(&phone.id))]).await;
    assert_eq!(kept.header("location"), "/settings/security?said=last");
    let mut laptop = Device::new(&world, "laptop");
    register(&mut browser, &mut laptop).await;
    let removed = send(&mut browser, REMOVE, &[("credential", text(&phone.id))]).await;
    assert_eq!(removed.header("location"), "/settings/security?said=passkey-removed");
    let mut anon = world.browser();
    assert_eq!(sign_in(&mut anon, &mut laptop).await.header("location"), "/");
}

#[tokio::test]
async fn member_who_signed_in_a_while_ago_confirms_first_and_a_claim_registers_nothing() {
    let world = World::start().await;
    let (mut browser, mut phone) = owner(&world, "ada").await;
    let asked = question(&mut browser, "register").await;
    world.clock.advance(600 * SECOND);
    assert_eq!(ask(&mut browser, "register").await["first"], FIRST);
    for path in [REGISTER, REMOVE] {
        let fields = phone.make(&asked);
        assert_eq!(send(&mut browser, path, &fields).await.header("location"), FIRST, "{path}");
    }
    let mut claim = world.browser();
    sign_up(&world.anon(), "eve@example.com", "eve", PASSWORD).await;
    claim.sign_in("eve@example.com", PASSWORD).await;
    let refused = ask(&mut claim, "register").await["refused"].clone();
    assert!(refused.as_str().unwrap().contains("not verified"), "{refused}");
    assert!(
        claim.follow(SECURITY).await.text.contains("Once your e-mail is verified you can register passkeys.")
    );
}

#[tokio::test]
async fn member_has_twenty_at_most_and_no_id_twice() {
    let world = World::start().await;
    let (mut browser, _) = owner(&world, "ada").await;
    let mut same = Device::new(&world, "ada's phone");
    assert_refused(&register(&mut browser, &mut same).await, 409, "This passkey is registered already.");
    world.user("bob", PASSWORD).await;
    let mut bobs = world.browser();
    bobs.sign_in("bob@example.com", PASSWORD).await;
    assert_refused(&register(&mut bobs, &mut same).await, 409, "This passkey is registered already.");
    for n in 1..20 {
        let mut device = Device::new(&world, &format!("device {n}"));
        assert_eq!(register(&mut browser, &mut device).await.status, 303);
    }
    let mut one_more = Device::new(&world, "one more");
    assert_refused(&register(&mut browser, &mut one_more).await, 409, "You have 20 passkeys.");
}

#[tokio::test]
async fn on_an_ip_address_there_are_none_and_the_settings_say_why() {
    let world = World::with(|config| config.base_url = "https://10.0.0.5".parse().unwrap()).await;
    let anon = world.browser().follow("/sign-in").await;
    assert!(!anon.text.contains("data-passkey") && !anon.text.contains("passkeys.js"), "{}", anon.text);
    let refused = ask(&mut world.browser(), "sign_in").await["refused"].clone();
    assert!(refused.as_str().unwrap().contains("reached by an IP address"), "{refused}");
    world.user("ada", PASSWORD).await;
    let mut browser = world.browser();
    browser.sign_in(EMAIL, PASSWORD).await;
    let settings = browser.follow(SECURITY).await;
    assert!(settings.text.contains("This console is reached by an IP address"), "{}", settings.text);
}
