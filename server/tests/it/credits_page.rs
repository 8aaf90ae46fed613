//! `/credits`: the page as it is without scripts.

use crate::harness::client::answer;
use crate::harness::events::{EVENTS, prediction};
use crate::harness::{START, World};
use ledger::time::DAY;

/// The text of the first element that starts with `start`, up to the next tag.
#[track_caller]
fn text_after<'a>(page: &'a str, start: &str) -> &'a str {
    let (_, rest) = page.split_once(start).unwrap_or_else(|| panic!("no {start:?} in {page}"));
    let (_, rest) = rest.split_once('>').expect("a whole tag");
    rest.split('<').next().unwrap_or_default()
}

#[tokio::test]
async fn member_sees_what_runs_out_what_burns_next_and_every_movement() {
    let world = World::start().await;
    let ada = world.member("ada").await;
    world.grant(&ada, "100").await;
    world.grant_until(&ada, "20", Some(START.saturating_add(16 * DAY))).await;
    let voided = world.grant(&ada, "7").await;
    world.console.void_grant(voided.grant_id, "given <twice>").await.unwrap();
    world.service().await.caller.post(EVENTS, &prediction("a", &ada)).await.ok();
    let page = world.visitor(&ada, "token").await.open("/credits").await;
    assert_eq!(page.status, 200, "{}", page.text);
    let title = text_after(&page.text, "id=\"lots-title\"");
    assert_eq!(title, "19.9 credits run out on 8 Dec 2026, unless they are spent first");
    assert_eq!(text_after(&page.text, "id=\"books-title\""), "Your books: 5 entries");
    for said in [
        "Burns next: it runs out before what follows.",
        "Burns last.",
        "7 credits taken back (given &lt;twice&gt;); nothing was spent.",
        "model.prediction",
        "−0.1",
        "+100",
        "Taken back",
        "left:0.0%;right:10.0%",
    ] {
        assert!(page.text.contains(said), "{said:?} is not in {}", page.text);
    }
    let receipt = format!("/receipts/evt_{}5", &ada.account.to_string()["acct_".len()..]);
    assert!(page.text.contains(&receipt), "a charge leads to its receipt");
    assert!(!page.text.contains("<twice>"));
}

#[tokio::test]
async fn member_goes_through_the_books_page_by_page() {
    let world = World::start().await;
    let ada = world.member_with("ada", "100").await;
    let items: serde_json::Value = (0..59).map(|n| prediction(&n.to_string(), &ada)).collect();
    assert_eq!(world.service().await.caller.post(EVENTS, &items).await.ok()["accepted"], 59);
    let browser = world.visitor(&ada, "token").await;
    let mut path = "/credits".to_owned();
    let mut rows = vec![];
    loop {
        let page = browser.open(&path).await.text;
        rows.push(page.matches("№ ").count());
        let Some((_, rest)) = page.split_once("/credits?before=") else { break };
        let before = rest.split('"').next().expect("an attribute's end");
        assert_eq!(page.contains(">Newest<"), rows.len() > 1);
        path = format!("/credits?before={before}");
    }
    assert_eq!(rows, [25, 25, 10]);
}

#[tokio::test]
async fn member_without_grants_and_with_nonsense_in_the_address_sees_a_whole_page() {
    let world = World::start().await;
    let ada = world.member("ada").await;
    let browser = world.visitor(&ada, "token").await;
    for path in ["/credits", "/credits?before=%3Cscript%3E", "/credits?before=0&x=1"] {
        let page = browser.open(path).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(page.text.contains("There are no credits that you can spend now"), "{path}");
        assert!(page.text.contains("Nothing is in your books yet"), "{path}");
    }
}

#[tokio::test]
async fn anon_is_led_to_the_form_and_back() {
    let world = World::start().await;
    let request = world.anon().request(http::Method::GET, "/credits?before=9");
    let page = answer(request.header("accept", "text/html")).await;
    assert_eq!((page.status, page.header("location")), (303, "/sign-in?next=/credits%3Fbefore%3D9"));
}
