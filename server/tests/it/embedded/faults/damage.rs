//! The file is damaged while it is served: a page is overwritten, or the end is cut off. Nobody is told anything wrong,
//! those who need what is damaged are refused, and `verify` finds it.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Mutex;

use serde_json::{Value, json};

use super::load::{Books, assert_not_ready, send};
use super::reads::{look, same_or_refused};
use crate::crash::Log;
use crate::harness::client::{Caller, assert_error, assert_refusal};
use crate::harness::events::EVENTS;
use crate::harness::process::Site;
use crate::harness::raw::Raw;

/// Events of each customer, ada's before bob's, so that pages are the one's or the other's.
const EVENTS_EACH: usize = 300;

/// Charges both customers and closes the books.
async fn books() -> Books {
    let books = Books::on(Site::new().await).await;
    let serving = books.site.serve().await;
    for (name, user) in ["early", "bob"].into_iter().zip(&books.users) {
        let events: Vec<Value> = (0..EVENTS_EACH).map(|n| event(&format!("{name}-{n}-0"), user)).collect();
        let answer = books.service(&serving).post(EVENTS, &json!(events)).await.ok();
        assert_eq!(answer["accepted"], EVENTS_EACH);
    }
    assert_eq!(serving.terminate().await, Some(0));
    books
}

fn event(id: &str, user: &Value) -> Value {
    json!({"id": id, "source": "faults", "user_id": user, "operation": "model.prediction", "quantity": 1})
}

/// A page of entries and whose events are on it.
struct Page {
    /// Where it begins in the file, and how long it is.
    at: u64,
    size: usize,
    ids: Vec<String>,
}

/// The second page of entries, which are in the order of writing: all of it is ada's.
async fn page_of_ada(database: &Path) -> Page {
    let mut raw = Raw::of_file(database).await;
    let leaves = "FROM dbstat WHERE name = 'entries' AND pagetype = 'leaf' ORDER BY path LIMIT 2";
    let numbers =
        |texts: Vec<String>| -> Vec<u64> { texts.iter().map(|text| text.parse().unwrap()).collect() };
    let pages = numbers(raw.texts(&format!("SELECT CAST(pageno AS TEXT) {leaves}")).await);
    let cells = numbers(raw.texts(&format!("SELECT CAST(ncell AS TEXT) {leaves}")).await);
    let size = numbers(raw.texts("SELECT CAST(page_size AS TEXT) FROM pragma_page_size").await)[0];
    let ids = format!("SELECT event_id FROM entries ORDER BY no LIMIT {} OFFSET {}", cells[1], cells[0]);
    let ids = raw.texts(&ids).await;
    assert!(ids.len() > 3 && ids.iter().all(|id| id.starts_with("early-")), "{ids:?}");
    Page { at: (pages[1] - 1) * size, size: usize::try_from(size).unwrap(), ids }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_is_overwritten_refuses_whoever_needs_it_and_the_others_go_on() {
    let first = books().await;
    for filling in [0x00, 0xa5] {
        let books = first.copy().await;
        let page = page_of_ada(&books.site.file()).await;
        let serving = books.site.serve_logging(&[]).await;
        let file = File::options().write(true).open(books.site.file()).expect("the database");
        file.write_all_at(&vec![filling; page.size], page.at).expect("damage");
        let (service, ada) = (books.service(&serving), books.customer(&serving, 0));
        for (round, id) in page.ids.iter().enumerate() {
            // One sends an event again whose entry is on that page; others share its batch.
            let again = event(id, &books.users[0]);
            let new: Vec<Value> =
                (0..6).map(|n| event(&format!("new-{round}-{n}"), &books.users[1])).collect();
            let again = service.post(EVENTS, &again);
            let others = futures::future::join_all(new.iter().map(|event| service.post(EVENTS, event)));
            let (again, others) = futures::future::join(again, others).await;
            assert_error(&again, 500, "server_error", "our side");
            for other in others {
                assert_eq!(other.ok()["replayed"], false);
            }
        }
        // In a list as well it is only the one.
        let list = [
            event("new-bob", &books.users[1]),
            event(&page.ids[0], &books.users[0]),
            event("new", &books.users[0]),
        ];
        let answer = service.post(EVENTS, &json!(list)).await.ok();
        assert_eq!((&answer["accepted"], &answer["rejected"]), (&json!(2), &json!(1)), "{answer}");
        assert_refusal(&answer["results"][1]["error"], 500, "server_error", "our side");
        let receipt = ada.get(&format!("/usage/events/faults/{}", page.ids[0])).await;
        assert!(receipt.status >= 500 && receipt.body["error"]["request_id"].is_string(), "{}", receipt.text);
        books.customer(&serving, 1).get("/usage/events/faults/bob-12-0").await.ok();
        ada.get("/usage/current").await.ok();
        let verdict = ada.get("/credits/verify").await;
        assert!(verdict.status >= 500 || verdict.body["ok"] == false, "{}", verdict.text);
        Caller::new(&serving.url, None).get("/readyz").await.ok();
        assert!(!books.site.log().contains("panicked"), "{}", books.site.log());
        assert_eq!(serving.terminate().await, Some(0));
        assert_ne!(books.site.run(&["verify"]).await.code, Some(0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_cut_short_is_never_read_as_if_it_were_whole() {
    let first = books().await;
    for tenths in [1, 5, 9] {
        let books = first.copy().await;
        let serving = books.site.serve_logging(&[]).await;
        let customer = books.customer(&serving, 0);
        let before = look(&customer).await;
        assert!(before.iter().all(|answer| answer.status == 200), "{before:?}");
        let file = File::options().write(true).open(books.site.file()).expect("the database");
        let size = file.metadata().expect("a size").len();
        file.set_len(size / 10 * tenths).expect("a shorter file");
        let log = Mutex::new(Log::default());
        let charged = send(&books.service(&serving), &books.events("late", 0), &log).await;
        for (before, after) in before.iter().zip(look(&customer).await) {
            assert!(same_or_refused(before, &after), "{}", after.text);
        }
        assert!(!charged);
        assert_not_ready(&serving.url).await;
        assert!(!books.site.log().contains("panicked"), "{}", books.site.log());
        serving.kill();
        assert_ne!(books.site.run(&["verify"]).await.code, Some(0));
    }
}
