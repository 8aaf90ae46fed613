//! `/receipts/{event_id}`: the page, and the report of a problem.

use serde_json::{Value, json};

use crate::harness::World;
use crate::harness::client::{Answer, amount, answer};
use crate::harness::events::{EVENTS, event, with};
use crate::harness::raw::Raw;
use crate::harness::visitor::Visitor;
use crate::harness::{Member, START};

async fn charged(world: &World, member: &Member, event: &Value) -> String {
    let answer = world.service().await.caller.post(EVENTS, event).await.ok();
    assert!(
        amount(&answer["credits"])
            <= world.console.wallet(member.account_no, member.account).await.unwrap().available
    );
    format!("/receipts/{}", answer["event_id"].as_str().expect("an id"))
}

/// Tags taken out, so that a sentence over several elements is one.
fn words(page: &Answer) -> String {
    let mut text = String::new();
    let mut in_tag = false;
    for character in page.text.chars() {
        match character {
            '<' => in_tag = true,
            '>' => in_tag = false,
            character if !in_tag => text.push(character),
            _ => {}
        }
    }
    text
}

async fn ready() -> (World, Visitor, Member, String) {
    let world = World::start().await;
    let ada = world.member_with("ada", "100").await;
    let browser = world.visitor(&ada, "ada").await;
    let sooner = world.grant_until(&ada, "0.3", Some(START.saturating_add(ledger::time::DAY))).await;
    assert_eq!(sooner.amount.to_string(), "0.3");
    let sent =
        with(&event("job-1", &ada, "model.inference", "4.8185"), "dimensions", json!({"model": "churn"}));
    let sent = with(&sent, "occurred_at", json!("2026-11-22T11:00:00Z"));
    let path = charged(&world, &ada, &sent).await;
    (world, browser, ada, path)
}

#[tokio::test]
async fn member_reads_the_whole_arithmetic_in_words() {
    let (_world, browser, _, path) = ready().await;
    let page = browser.open(&path).await;
    assert_eq!(page.status, 200, "{}", page.text);
    let words = words(&page);
    for said in [
        "4,818.5 tokens of model.inference cost 0.48185 credits",
        "0.1 credits per 1 000 tokens",
        "version 1 of the rate card",
        "4.8185 × 0.1",
        "= 0.48185",
        "nothing to round",
        "Promotion: for a test",
        "as it expires sooner (23 November 2026; the next one:",
        "Next in the burn order; it paid the rest.",
        "Sun 22 Nov 2026, 11:00:00.000 UTC",
        "Entries 3 to 4",
        "churn",
        "as job-1",
        "no key",
        "Balance 100.3 before, 99.81815 credits after",
    ] {
        assert!(words.contains(said), "{said:?} is not said: {words}");
    }
}

#[tokio::test]
async fn member_reads_the_receipt_of_a_free_event_and_of_a_rounded_one() {
    let (world, browser, ada, _) = ready().await;
    let free = charged(&world, &ada, &event("free", &ada, "account.read", "3")).await;
    let page = words(&browser.open(&free).await);
    assert!(
        page.contains("3 calls of account.read cost nothing") && page.contains("Nothing: it cost nothing.")
    );
    let tiny = charged(&world, &ada, &event("tiny", &ada, "model.prediction", "0.000015")).await;
    let page = words(&browser.open(&tiny).await);
    assert!(page.contains("0.0000015 → 0.000002"), "{page}");
}

#[tokio::test]
async fn member_asks_for_receipts_that_are_not_there_or_not_theirs() {
    let (world, browser, ada, path) = ready().await;
    let eve = world.visitor(&world.member("eve").await, "eve").await;
    let granted = format!("/receipts/evt_{}1", &ada.account.to_string()["acct_".len()..]);
    for (somebody, path) in [
        (&eve, path.as_str()),
        (&browser, granted.as_str()),
        (&browser, "/receipts/evt_"),
        (&browser, "/receipts/x"),
    ] {
        let page = somebody.open(path).await;
        assert_eq!(page.status, 404, "{path}");
        assert!(page.text.contains("There is no such receipt"), "{path}");
    }
    let sent = eve.submit(&path, &[("text", "mine")]).await;
    assert_eq!(sent.status, 404, "{}", sent.text);
}

#[tokio::test]
async fn member_reports_a_problem_once_however_often_it_is_sent() {
    let (world, browser, _, path) = ready().await;
    let text = "I asked for 4 000 tokens.\r\n<script>alert(1)</script>";
    for _ in 0..2 {
        let sent = browser.submit(&path, &[("text", text)]).await;
        assert_eq!((sent.status, sent.header("location")), (303, format!("{path}#reports").as_str()));
    }
    let page = browser.open(&path).await;
    assert_eq!(page.text.matches("class=\"report\"").count(), 1);
    // As text, and in the data that the page wakes with.
    assert_eq!(page.text.matches("I asked for 4 000 tokens.").count(), 2);
    assert!(
        page.text.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && !page.text.contains("<script>alert")
    );
    assert!(words(&page).contains("Sent Sun 22 Nov 2026, 12:00:00.000 UTC"));
    let listed = world.console.list_problem_reports().await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (listed[0].email.as_str(), listed[0].event_id.to_string()),
        ("ada@example.com", path["/receipts/".len()..].to_owned())
    );
    assert!(listed[0].text.starts_with("I asked for 4 000 tokens.\n<script>"));
}

#[tokio::test]
async fn member_reports_a_problem_in_as_many_characters_as_fit_whatever_they_are() {
    let (world, browser, _, path) = ready().await;
    // Three bytes each, in an order that cannot be said in fewer.
    let mut state = 1_u32;
    let text: String = (0..2_000)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            char::from_u32(0x4e00 + (state >> 16) % 0x5000).expect("a character")
        })
        .collect();
    for _ in 0..2 {
        assert_eq!(browser.submit(&path, &[("text", &text)]).await.status, 303);
    }
    let listed = world.console.list_problem_reports().await.unwrap();
    assert_eq!(listed.iter().map(|report| &report.text).collect::<Vec<_>>(), [&text]);
}

#[tokio::test]
async fn member_sends_what_is_no_report_and_keeps_what_was_typed() {
    let (world, browser, _, path) = ready().await;
    for (text, problem) in [
        (" ".to_owned(), "Please write what is wrong."),
        ("é".repeat(2_001), "Please keep it within 2000 characters; these are 2001."),
        ("bell \u{7} bell".to_owned(), "Please write plain text"),
    ] {
        let page = browser.submit(&path, &[("text", &text)]).await;
        assert_eq!(page.status, 422, "{problem}");
        assert!(page.text.contains(problem), "{problem}");
        assert!(page.text.contains(&text), "what was typed stays");
        assert!(page.text.contains("tokens of model.inference"), "and so does the receipt");
    }
    assert_eq!(browser.submit(&path, &[]).await.status, 422);
    assert_eq!(world.console.list_problem_reports().await.unwrap().len(), 0);
    for n in 0..20 {
        assert_eq!(browser.submit(&path, &[("text", &n.to_string())]).await.status, 303);
    }
    let page = browser.submit(&path, &[("text", "one more")]).await;
    assert_eq!((page.status, page.header("retry-after")), (429, "3600"));
    assert!(page.text.contains("one more"));
}

#[tokio::test]
async fn anon_reports_nothing_and_is_led_to_the_form() {
    let (world, _, _, path) = ready().await;
    let form = world.anon().request(http::Method::POST, &path).header("accept", "text/html");
    let sent = answer(form.header("content-type", "application/x-www-form-urlencoded").body("text=x")).await;
    assert_eq!(sent.status, 303);
    assert_eq!(sent.header("location"), format!("/sign-in?next={path}"));
    let mut raw = Raw::open(&world.database()).await;
    assert_eq!(raw.texts("SELECT text FROM problem_reports").await, Vec::<String>::new());
}
