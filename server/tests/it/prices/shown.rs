//! Every kind of price as people and programs read it: the list, the pages, the receipt's page.

use http::Method;
use ledger::rate::{Price, Rounding};
use serde_json::json;

use super::{PLENTY, price, with_minimum, world_with};
use crate::harness::World;
use crate::harness::client::answer;
use crate::harness::events::{EVENTS, event};

fn card() -> Vec<Price> {
    let tiers = r#"{"tiers": [{"up_to": 1000, "credits_per_unit": 0.1}, {"up_to": 10000, "credits_per_unit": 0.08}, {"credits_per_unit": 0.05}]}"#;
    let package = r#"{"package": {"size": 100, "credits_per_package": 5}}"#;
    let package = price("by.package", package);
    vec![
        with_minimum(price("by.month", &format!("{{\"graduated\": {tiers}}}")), "0.5"),
        price("by.event", &format!("{{\"volume\": {tiers}}}")),
        Price { rounding: Rounding::HalfEven, ..package },
    ]
}

async fn page(world: &World, path: &str) -> String {
    let page = answer(world.anon().request(Method::GET, path).header("accept", "text/html")).await;
    assert_eq!(page.status, 200, "{path}: {}", page.text);
    page.text
}

/// The words of a page, without its tags.
fn words(page: &str) -> String {
    let mut text = String::new();
    for part in page.split('<').filter_map(|part| part.split_once('>')) {
        text.push_str(part.1);
        text.push(' ');
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn anon_reads_every_kind_of_price_in_the_list() {
    let world = world_with(card()).await;
    let list = world.anon().get("/rate-card").await.ok();
    let tiers = json!([
        {"up_to": 1000, "credits_per_unit": 0.1}, {"up_to": 10000, "credits_per_unit": 0.08},
        {"up_to": null, "credits_per_unit": 0.05},
    ]);
    assert_eq!(
        list["operations"],
        json!([
            {
                "operation": "by.month", "unit": "call", "model": "graduated", "tiers": tiers, "minimum": 0.5,
                "rounding": "half_up",
            },
            {"operation": "by.event", "unit": "call", "model": "volume", "tiers": tiers, "rounding": "half_up"},
            {
                "operation": "by.package", "unit": "call", "model": "package",
                "package": {"units": 100, "credits": 5}, "rounding": "half_even",
            },
        ])
    );
}

#[tokio::test]
async fn anon_reads_every_kind_of_price_on_the_pages() {
    let world = world_with(card()).await;
    let pricing = words(&page(&world, "/pricing?by.month=1500&by.event=1500&by.package=101").await);
    for said in [
        "By what you use in a calendar month (UTC) up to 1,000 calls: 0.1 per call above that, up to 10,000 calls: 0.08 \
         per call above that: 0.05 per call at least 0.5 credits per event",
        "By the quantity of one event, all of it at one price",
        "5 for each 100 calls begun in an event",
        "it is the first event of the month",
        "140", // 1,000 × 0.1 + 500 × 0.08
        "120", // 1,500 × 0.08
        "270 credits",
    ] {
        assert!(pricing.contains(said), "{said:?} is not in {pricing}");
    }
    let docs = words(&page(&world, "/docs/billing").await);
    for said in [
        "1,200 calls of by.month, all of a month: 1,000 × 0.1 + 200 × 0.08 = 116 credits.",
        "1,200 calls of by.event: 1,200 × 0.08 = 96 credits.",
        "120 calls of by.package: 2 packages × 5 = 10 credits.",
        "0.5 credits for by.month, however small the quantity",
        "halves up (by.month, by.event); to the nearest millionth, halves to the even one (by.package).",
    ] {
        assert!(docs.contains(said), "{said:?} is not in {docs}");
    }
}

#[tokio::test]
async fn member_reads_why_a_graduated_event_cost_what_it_cost() {
    let world = world_with(card()).await;
    let (ada, service) = (world.member_with("ada", PLENTY).await, world.service().await);
    service.caller.post(EVENTS, &event("a", &ada, "by.month", "995")).await.ok();
    let charged = service.caller.post(EVENTS, &event("b", &ada, "by.month", "7.5")).await.ok();
    let browser = world.visitor(&ada, "ada").await;
    let path = format!("/receipts/{}", charged["event_id"].as_str().unwrap());
    let lines = words(&browser.open(&path).await.text);
    for said in [
        "Used before 995 calls in December 2026 (UTC)",
        "5 × 0.1 = 0.5 up to 1,000 calls",
        "2.5 × 0.08 = 0.2 above 1,000 calls, up to 10,000 calls",
        "Charged 0.7 credits",
    ] {
        assert!(lines.contains(said), "{said:?} is not in {lines}");
    }
}
