//! Reads that fail: whoever needed them is refused, everybody else is told the truth, and `/readyz` says no while it
//! lasts.

use std::sync::{Arc, Mutex};

use serde_json::json;

use super::asked;
use super::load::{Books, assert_not_ready, assert_unavailable, send};
use super::plan::{DATABASE, EIO, Fault, LOG, Operation, Plan};
use crate::crash::Log;
use crate::harness::client::{Answer, Caller, answer, assert_error, assert_refusal};
use crate::harness::events::EVENTS;
use crate::harness::process::{Serving, Site};

/// Reading calls that fail, one after the other; `PLEXE_FAULT_READS` says how many.
const USUAL: usize = 12;
/// What a customer may look at, and what does not change while nothing happens to the account.
pub const ROUTES: [&str; 9] = [
    "/auth/user",
    "/usage/profile",
    "/usage/events?limit=100",
    "/usage/events/faults/early-0-0",
    "/usage/history?granularity=hour",
    "/credits/grants",
    "/credits/entries?limit=100",
    "/credits/verify",
    "/rate-card",
];

fn read(before: usize, times: i64) -> Fault {
    let before = i64::try_from(before).expect("a number of calls");
    Fault { operation: Operation::Read, error: EIO, files: DATABASE | LOG, before, times }
}

/// What is sent while it is read.
const STREAMS: [&str; 2] = ["/usage/export.csv", "/credits/entries.ndjson"];

/// A stream to its end; nothing where it was cut off, which its reader notices.
async fn stream(customer: &Caller, route: &str) -> Option<Answer> {
    let response = customer.request(http::Method::GET, route).send().await.ok()?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.ok()?;
    let body = serde_json::from_str(&text).unwrap_or_default();
    Some(Answer { status, headers, text, body })
}

/// What the customer is told on every route.
pub async fn look(customer: &Caller) -> Vec<Answer> {
    let mut answers = vec![];
    for route in ROUTES {
        answers.push(customer.get(route).await);
    }
    answers
}

/// Either the same as before, or a refusal with an id that finds its cause in the log. Whether it was one.
#[track_caller]
pub fn same_or_refused(before: &Answer, after: &Answer) -> bool {
    if after.status == 200 {
        assert_eq!(before.text, after.text, "a wrong answer");
        return false;
    }
    if after.status == 503 {
        assert_unavailable(after);
    } else {
        assert_error(after, 500, "server_error", "our side");
    }
    true
}

/// Books in which ada has some events and then bob, served from a disk that obeys the plan.
async fn served() -> (Arc<Books>, Plan, Serving, Mutex<Log>) {
    let books = Arc::new(Books::on(Site::new().await).await);
    let log = Mutex::new(Log::default());
    let serving = books.site.serve().await;
    for n in 0..30 {
        assert!(send(&books.service(&serving), &books.events("early", n), &log).await);
    }
    assert_eq!(serving.terminate().await, Some(0));
    let plan = Plan::new(&books.site.file());
    let serving = books.site.serve_logging(&plan.settings()).await;
    (books, plan, serving, log)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_fails_refuses_whoever_needed_it_and_nobody_is_told_anything_wrong() {
    let (books, plan, serving, log) = served().await;
    let (customer, service) = (books.customer(&serving, 0), books.service(&serving));
    let anon = Caller::new(&serving.url, None);
    let before = look(&customer).await;
    assert!(before.iter().all(|answer| answer.status == 200), "{before:?}");
    let mut streams = vec![];
    for route in STREAMS {
        streams.push(customer.get(route).await);
    }
    let (mut failed, mut refused) = (0, 0);
    let all = asked("PLEXE_FAULT_READS");
    for n in 0..all.unwrap_or(USUAL) {
        let call = if all.is_some() { n } else { n * n };
        // A commit makes every reader read anew.
        let event = json!({
            "id": format!("late-{n}"), "source": "faults", "user_id": books.users[1], "operation": "model.prediction",
            "quantity": 1,
        });
        assert!(send(&service, &[event], &log).await, "{}", books.site.log());
        plan.arm(read(call, 1));
        for (before, after) in before.iter().zip(look(&customer).await) {
            refused += i64::from(same_or_refused(before, &after));
        }
        failed += plan.failed();
        for (before, route) in streams.iter().zip(STREAMS) {
            plan.arm(read(call, 1));
            let after = stream(&customer, route).await;
            refused += i64::from(after.is_none_or(|after| same_or_refused(before, &after)));
            failed += plan.failed();
        }
        plan.disarm();
        assert_eq!(anon.get("/readyz").await.ok(), json!({"status": "ready"}), "one failure does not last");
        for (before, after) in before.iter().zip(look(&customer).await) {
            assert!(!same_or_refused(before, &after), "{}", after.text);
        }
    }
    assert!(failed > 5 && refused > failed / 2, "{refused} of {failed} reads that failed were seen");
    println!("{failed} reads failed, {refused} requests were refused, none was told anything wrong");
    assert!(!books.site.log().contains("panicked"), "{}", books.site.log());
    serving.kill();
    books.check_after(&log.into_inner().unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_charge_whose_read_fails_is_refused_and_can_be_sent_again() {
    let (mut failed, mut refused) = (0, 0);
    // Which of the reads are the sequencer's is up to what else the server does at the time.
    for n in 0..40 {
        if failed > 5 && refused > 1 {
            break;
        }
        let (books, plan, serving, log) = served().await;
        let service = books.service(&serving);
        let events = books.events("late", 4);
        // The sequencer has not read anything yet. One read fails for the list, one for its half, one for a single event.
        plan.arm(read(n, 3));
        let answer = service.post(EVENTS, &json!(events)).await;
        failed += plan.failed();
        plan.disarm();
        if answer.status == 200 {
            for result in answer.body["results"].as_array().unwrap() {
                if !result["event_id"].is_string() {
                    assert_refusal(&result["error"], 500, "server_error", "our side");
                    refused += 1;
                }
            }
        } else {
            assert_unavailable(&answer);
            refused += 1;
        }
        assert!(send(&service, &events, &log).await, "{}", books.site.log());
        serving.kill();
        books.check_after(&log.into_inner().unwrap()).await;
    }
    assert!(failed > 5 && refused > 1, "{refused} of {failed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_that_keep_failing_make_the_server_not_ready_until_they_stop() {
    let (books, plan, serving, log) = served().await;
    let customer = books.customer(&serving, 0);
    let before = look(&customer).await;
    // A commit makes every reader read anew.
    assert!(send(&books.service(&serving), &books.events("late", 1), &log).await);
    plan.arm(read(0, i64::MAX));
    let refused = answer(customer.request(http::Method::GET, "/credits/entries?limit=100")).await;
    assert!(same_or_refused(&before[6], &refused), "{}", refused.text);
    assert_not_ready(&serving.url).await;
    assert_not_ready(&serving.url).await;
    plan.disarm();
    Caller::new(&serving.url, None).get("/readyz").await.ok();
    assert!(send(&books.service(&serving), &books.events("late", 0), &log).await, "{}", books.site.log());
    assert!(look(&customer).await.iter().all(|answer| answer.status == 200));
    serving.kill();
    books.check_after(&log.into_inner().unwrap()).await;
}
