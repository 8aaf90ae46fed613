//! What a page is made of is read once and sent once, however deep its parts are nested.

use ledger::time::DAY;
use serde_json::json;
use server::store::{Permission, Scope, Scopes};

use super::harness::World;
use super::harness::events::{EVENTS, event};
use super::usage_page::title;

#[tokio::test]
async fn member_opens_pages_that_carry_their_data_once() {
    let world = World::start().await;
    let ada = world.member_with("ada", "10").await;
    let visitor = world.visitor(&ada, "token").await;
    for path in ["/", "/usage", "/credits", "/settings/account", "/settings/api-keys", "/receipts/nothing"] {
        let page = visitor.open(path).await.text;
        // The frame's, and that of the page inside.
        assert_eq!(page.matches("__RESOLVED_RESOURCES[").count(), 2, "{path}");
    }
}

#[tokio::test]
async fn member_opens_the_overview_again_and_sees_what_has_changed_meanwhile() {
    let world = World::start().await;
    let (ada, bob) = (world.member_with("ada", "1000").await, world.member_with("bob", "1000").await);
    let (browser, other) = (world.visitor(&ada, "ada").await, world.visitor(&bob, "bob").await);
    let service = world.service_with(Scopes::of(Scope::ALL), None).await.caller;
    let build = |id: &str| event(id, &ada, "model.build", "1");
    service.post(EVENTS, &build("a")).await.ok();
    let said = async || title(&browser.open("/").await).to_owned();
    let week =
        |credits: &str| format!("You spent {credits} credits in the last 7 days, all of it on model builds");
    for _ in 0..2 {
        assert_eq!(said().await, week("50"));
        assert!(!other.open("/").await.text.contains("model builds"), "nobody sees another account");
    }
    service.post(EVENTS, &json!([build("b"), build("c")])).await.ok();
    assert_eq!(said().await, week("150"), "an entry more");
    let correction = json!({"id": "less", "quantity": 0, "reason": "none was made"});
    service.post("/usage/events/test/c/corrections", &correction).await.ok();
    assert_eq!(said().await, week("100"), "a correction");
    let key = world.key(&ada, Permission::ReadWrite).await.key;
    assert!(browser.open("/").await.text.contains(&key.key_suffix), "a key more");
    world.clock.advance(8 * DAY);
    let later = world.visitor(&ada, "later").await;
    assert_ne!(title(&later.open("/").await), week("100"), "another day");
}
