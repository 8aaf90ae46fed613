//! Holds, debt and corrections as the pages show them without scripts.

use ledger::time::{DAY, SECOND};
use serde_json::{Value, json};

use super::{correct, hold, release, service, settle};
use crate::harness::client::Answer;
use crate::harness::events::{EVENTS, event, with};
use crate::harness::{Member, START, Service, World};

/// Tags taken out, so that a sentence over several elements is one.
fn words(page: &Answer) -> String {
    assert_eq!(page.status, 200, "{}", page.text);
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

#[track_caller]
fn assert_says(page: &Answer, said: &[&str]) {
    let words = words(page);
    for said in said {
        assert!(words.contains(said), "{said:?} is not said: {words}");
    }
}

#[track_caller]
fn assert_silent(page: &Answer, unsaid: &[&str]) {
    let words = words(page);
    for unsaid in unsaid {
        assert!(!words.contains(unsaid), "{unsaid:?} is said: {words}");
    }
}

async fn charge(service: &Service, member: &Member, id: &str, quantity: &str) -> Value {
    service.caller.post(EVENTS, &event(id, member, "model.build", quantity)).await.ok()
}

async fn owe(service: &Service, member: &Member, id: &str, quantity: &str) -> Value {
    let owing = with(&event(id, member, "model.build", quantity), "on_insufficient", json!("debt"));
    service.caller.post(EVENTS, &owing).await.ok()
}

/// How often the page leads to the receipt of the event that begins with entry `seq`.
fn links(page: &Answer, member: &Member, seq: u64) -> usize {
    let account = &member.account.to_string()["acct_".len()..];
    page.text.matches(&format!("href=\"/receipts/evt_{account}{seq:x}\"")).count()
}

#[tokio::test]
async fn member_sees_what_is_in_flight_until_it_is_settled() {
    let world = World::start().await;
    let (ada, service) = (world.member("ada").await, service(&world).await);
    world.grant_until(&ada, "20", Some(START.saturating_add(16 * DAY))).await;
    world.grant(&ada, "100").await;
    let browser = world.visitor(&ada, "ada").await;
    assert_silent(&browser.open("/credits").await, &["In flight"]);

    let held = hold(&service, "job-1", &ada, "model.build", "1.5").await.ok();
    let page = browser.open("/credits").await;
    assert_says(
        &page,
        &[
            "In flight: 75 credits",
            "1.5 iterations",
            "test · job-1",
            "12:15:00",
            "Nothing else is left. 20 credits of it are in flight.",
            "Burns next; there is nothing else. 55 credits of it are in flight.",
            "Held for model.build",
            "rest of № 3",
            "−55",
        ],
    );
    assert!(page.text.contains("Sun 22 Nov 2026, 12:15:00.000 UTC"), "the deadline as a whole instant");
    assert_says(&browser.open("/").await, &["In flight 75.00"]);

    settle(&service, &held, "1").await.ok();
    let page = browser.open("/credits").await;
    assert_silent(&page, &["In flight", "in flight"]);
    assert_says(
        &page,
        &["Settled: model.build", "rest of № 5", "Given back, rest of № 5", "+25", "All of it was spent."],
    );
    assert_eq!(links(&page, &ada, 5), 3, "both legs and what came back lead to the receipt");
}

#[tokio::test]
async fn member_sees_what_was_given_back_and_whether_the_deadline_did_it() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "100").await, service(&world).await);
    let browser = world.visitor(&ada, "ada").await;
    let held = hold(&service, "a", &ada, "model.build", "1").await.ok();
    release(&service, &held).await.ok();
    hold(&service, "b", &ada, "model.build", "2").await.ok();
    assert_says(&browser.open("/").await, &["All your credits are in flight. 100 credits are held"]);
    world.clock.set(START.saturating_add(900 * SECOND));
    let page = browser.open("/credits").await;
    assert_says(&page, &["Given back: model.build", "Given back at the deadline: model.build", "+100"]);
    assert_silent(&page, &["In flight"]);
}

#[tokio::test]
async fn member_who_owes_is_told_how_much_and_what_repays_it() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "30").await, service(&world).await);
    let browser = world.visitor(&ada, "ada").await;
    let owed = owe(&service, &ada, "a", "1").await;
    owe(&service, &ada, "b", "0.1").await;
    let page = browser.open("/credits").await;
    assert_says(
        &page,
        &[
            "You owe 25 credits. Work was done that your credits did not cover. Whatever comes in next repays it first",
            "Owed, rest of № 2",
            "Owed: model.build",
        ],
    );
    let overview = browser.open("/").await;
    assert_says(&overview, &["You owe 25 credits. The next credits repay that first.", "Owed 25.00"]);
    let receipt = format!("/receipts/{}", owed["event_id"].as_str().unwrap());
    assert_says(
        &browser.open(&receipt).await,
        &[
            "1 iteration of model.build cost 50 credits",
            "20 credits could not be paid then and became owed; what comes in after that repays it first.",
        ],
    );
    world.grant(&ada, "30").await;
    let page = browser.open("/credits").await;
    assert_says(&page, &["Repaid what was owed, with № 5", "−25"]);
    assert_silent(&page, &["You owe"]);
}

#[tokio::test]
async fn member_sees_a_correction_on_the_receipt_in_the_books_and_in_the_lists() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "100").await, service(&world).await);
    let browser = world.visitor(&ada, "ada").await;
    let charged = charge(&service, &ada, "job", "1.5").await;
    let receipt = format!("/receipts/{}", charged["event_id"].as_str().unwrap());
    assert_silent(&browser.open(&receipt).await, &["corrected", "Corrected", "held for"]);
    correct(&service, "job", "c1", "1").await.ok();
    let page = browser.open(&receipt).await;
    assert_says(
        &page,
        &[
            "1 iteration of model.build cost 50 credits",
            "It has been corrected: at first 1.5 iterations of model.build cost 75 credits.",
            "1.5 iterations as it was booked; corrected since",
            "1.5 × 50= 75",
            "Corrected to 1 iteration: 25 credits came back",
            "counted twice as c1",
            "1 × 50= 50",
            "Costs now50 credits 75 before",
            "Came back25 credits to Promotion: for a test",
            "Entry 3",
        ],
    );
    correct(&service, "job", "c2", "0").await.ok();
    let page = browser.open(&receipt).await;
    assert_says(
        &page,
        &["0 iterations of model.build cost nothing", "Taken back whole: 50 credits came back", "50 before"],
    );

    let books = browser.open("/credits").await;
    assert_says(&books, &["Corrected: model.build (counted twice)", "+25", "+50"]);
    assert_eq!(links(&books, &ada, 2), 3, "the event and its corrections");
    for path in ["/", "/usage"] {
        let page = browser.open(path).await;
        assert_says(&page, &["model.buildcorrected", "0 iterations"]);
    }
}

#[tokio::test]
async fn member_reads_on_a_receipt_what_was_held_and_what_no_longer_is_owed() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "100").await, service(&world).await);
    let browser = world.visitor(&ada, "ada").await;
    let held = hold(&service, "h", &ada, "model.build", "2").await.ok();
    let settled = settle(&service, &held, "1.8").await.ok();
    let page = browser.open(&format!("/receipts/{}", settled["event_id"].as_str().unwrap())).await;
    assert_says(
        &page,
        &[
            "Before, 100 credits were held for 2 iterations: 10 credits came back when it was settled.",
            "when it was held for",
            "Entries 3 to 4",
            "Balance 0 before, 10 credits after",
        ],
    );
    let owed = owe(&service, &ada, "o", "1").await;
    world.grant(&ada, "15").await;
    correct(&service, "o", "c", "0.2").await.ok();
    let page = browser.open(&format!("/receipts/{}", owed["event_id"].as_str().unwrap())).await;
    assert_says(
        &page,
        &["No longer owed25 credits", "Came back15 credits to a grant that had repaid what was owed"],
    );
}

#[tokio::test]
async fn lists_file_and_charts_agree_after_corrections_and_settlements() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "500").await, service(&world).await);
    let reader = world.as_member(&ada).await;
    charge(&service, &ada, "a", "1.5").await;
    charge(&service, &ada, "b", "1").await;
    let held = hold(&service, "h", &ada, "model.build", "3").await.ok();
    settle(&service, &held, "2").await.ok();
    hold(&service, "open", &ada, "model.build", "1").await.ok();
    correct(&service, "a", "c1", "1").await.ok();
    correct(&service, "a", "c2", "0.5").await.ok();
    correct(&service, "h", "c", "1.9").await.ok();
    let listed = reader.get(EVENTS).await.ok();
    let rows = listed["events"].as_array().unwrap();
    let row = |row: &Value| ["id", "quantity", "credits"].map(|field| row[field].to_string()).join(" ");
    assert_eq!(rows.iter().map(row).collect::<Vec<_>>(), ["\"h\" 1.9 95", "\"b\" 1 50", "\"a\" 0.5 25"]);
    let history = reader.get("/usage/history?from=2026-11-22T00:00:00Z").await.ok();
    assert_eq!(history["total"], json!(170));
    let file = reader.get("/usage/export.csv").await.text;
    let last_row = file.lines().last().unwrap();
    assert!(last_row.contains(",test,a,model.build,0.5,,25,"), "{file}");
    let browser = world.visitor(&ada, "ada").await;
    assert_says(&browser.open("/usage").await, &["You spent 170 credits in the last 7 days", "3 events"]);
}

#[tokio::test]
async fn member_gets_the_whole_story_of_an_event_as_json() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "90").await, service(&world).await);
    let reader = world.as_member(&ada).await;
    let held = hold(&service, "job", &ada, "model.build", "1.8").await.ok();
    settle(&service, &held, "1").await.ok();
    let corrected = correct(&service, "job", "c1", "0.5").await.ok();
    let receipt = reader.get(&format!("{EVENTS}/test/job")).await.ok();
    assert_eq!((&receipt["quantity"], &receipt["credits"]), (&json!(1), &json!(50)), "as it was booked");
    assert_eq!(receipt["current"], json!({"quantity": 0.5, "credits": 25}));
    assert_eq!(receipt["hold"], json!({"hold_id": held["hold_id"], "quantity": 1.8, "credits": 90}));
    assert_eq!(receipt["owed"], 0);
    let grant = &receipt["grants"][0]["grant_id"];
    assert_eq!(
        receipt["corrections"],
        json!([{
            "id": "c1", "reason": "counted twice", "recorded_at": "2026-11-22T12:00:00Z", "seq": corrected["seq"],
            "quantity": 0.5, "credits": 25, "back": [{"grant_id": grant, "credits": 25}],
        }])
    );
    let other = owe(&service, &ada, "owed", "2").await;
    let receipt = reader.get(&format!("{EVENTS}/{}", other["event_id"].as_str().unwrap())).await.ok();
    assert_eq!((&receipt["hold"], &receipt["owed"]), (&Value::Null, &json!(35)));
    assert_eq!((&receipt["corrections"], &receipt["current"]["credits"]), (&json!([]), &json!(100)));
    correct(&service, "owed", "c", "1.5").await.ok();
    let receipt = reader.get(&format!("{EVENTS}/test/owed")).await.ok();
    assert_eq!(receipt["corrections"][0]["back"], json!([{"grant_id": null, "credits": 25}]));
}
