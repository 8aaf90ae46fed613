//! A sync that fails, at each call: from then on nothing is acknowledged, and the next start recovers what was.

use std::sync::{Arc, Mutex};

use super::asked;
use super::load::{Books, assert_not_ready, assert_unavailable, send};
use super::plan::{ALL, DATABASE, EIO, ENOSPC, ETIMEDOUT, Fault, INDEX, LOG, Operation, Plan};
use crate::crash::Log;
use crate::harness::client::Caller;
use crate::harness::process::{Ended, Serving, Site};

/// The calls that fail usually; `PLEXE_FAULT_SYNCS=100` takes all up to that one.
const USUAL: [i64; 12] = [1, 2, 3, 4, 5, 8, 13, 21, 34, 55, 80, 100];
const CLIENTS: usize = 4;

fn calls() -> Vec<i64> {
    match asked("PLEXE_FAULT_SYNCS") {
        Some(last) => (1..=i64::try_from(last).expect("a number of calls")).collect(),
        None => USUAL.to_vec(),
    }
}

fn sync(files: i64, call: i64) -> Fault {
    Fault { operation: Operation::Sync, error: EIO, files, before: call - 1, times: 1 }
}

/// One sentence for the operator, after whatever was logged.
#[track_caller]
fn assert_one_sentence(ended: &Ended) {
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let errors: Vec<&str> = ended.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
    let [sentence] = errors[..] else { panic!("{ended:?}") };
    assert_eq!(ended.stderr.lines().last(), Some(sentence), "{ended:?}");
    assert!(sentence.contains("the database") && !ended.stderr.contains("panicked"), "{ended:?}");
}

/// After the failure: no acknowledgement, not ready, reads go on.
async fn assert_stopped(books: &Books, serving: &Serving) {
    assert_not_ready(&serving.url).await;
    for customer in 0..2 {
        books.customer(serving, customer).get("/usage/current").await.ok();
    }
    let change = serde_json::json!({"name": "Ada"});
    assert_unavailable(&books.customer(serving, 0).patch("/auth/user", &change).await);
    assert_not_ready(&serving.url).await;
}

/// A server whose disk fails in this way while it is charged, and the next one.
async fn live_with(books: &Arc<Books>, fault: Fault, kill: bool) -> usize {
    let plan = Plan::new(&books.site.file());
    let serving = books.site.serve_logging(&plan.settings()).await;
    plan.arm(fault);
    let log = Arc::new(Mutex::new(Log::default()));
    books.charge_until_refused(&serving, CLIENTS, &log).await;
    assert_eq!(plan.failed(), 1, "{}", books.site.log());
    assert_stopped(books, &serving).await;
    if kill {
        serving.kill();
    } else {
        assert_eq!(serving.terminate().await, Some(0));
    }
    assert!(!books.site.log().contains("panicked"), "{}", books.site.log());
    let log = std::mem::take(&mut *log.lock().unwrap());
    books.check_after(&log).await;
    log.answered.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failed_sync_nothing_is_acknowledged_and_the_next_start_is_clean() {
    let books = Books::on(Site::new().await).await;
    for call in calls() {
        let answered = live_with(&Arc::new(books.copy().await), sync(ALL, call), call % 2 == 0).await;
        println!("sync {call} failed after {answered} acknowledged events; nothing lost");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_sync_of_the_database_itself_stops_the_writing_as_well() {
    let books = Books::on(Site::new().await).await;
    // Only moving the log into the database syncs it.
    for (call, kill) in [(1, true), (2, false)] {
        live_with(&Arc::new(books.copy().await), sync(DATABASE, call), kill).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_write_stops_the_writing() {
    let books = Books::on(Site::new().await).await;
    for (files, before) in [(LOG, 0), (LOG, 17), (DATABASE, 3)] {
        let fault = Fault { operation: Operation::Write, error: EIO, files, before, times: 1 };
        live_with(&Arc::new(books.copy().await), fault, before % 2 == 0).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_start_whose_sync_fails_says_so_and_the_next_one_works() {
    let usual = asked("PLEXE_FAULT_SYNCS").is_none();
    let mut call = 1;
    loop {
        let site = Site::new().await;
        let plan = Plan::new(&site.file());
        plan.arm(sync(ALL, call));
        match site.try_serve(&plan.settings()).await {
            Ok(serving) => {
                assert_eq!(plan.failed(), 0, "sync {call} failed and the server started");
                assert_eq!(serving.terminate().await, Some(0));
                break;
            }
            Err(ended) => assert_one_sentence(&ended),
        }
        let serving = site.serve().await;
        Caller::new(&serving.url, None).get("/readyz").await.ok();
        assert_eq!(serving.terminate().await, Some(0));
        assert_eq!(site.json(&["verify"]).await["ok"], true);
        call += if usual { 9 } else { 1 };
    }
    assert!(call > 9, "a first start syncs more than {call} times");
    println!("a first start syncs fewer than {call} times; each of them may fail");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_whose_index_finds_no_room_is_a_full_disk_and_no_failed_one() {
    let books = Books::on(Site::new().await).await;
    let plan = Plan::new(&books.site.file());
    let serving = books.site.serve_logging(&plan.settings()).await;
    let log = Mutex::new(Log::default());
    // The index grows by a block for about 4 000 pages of the log; nothing is moved out of it for that long.
    plan.arm(Fault {
        operation: Operation::Write,
        error: ENOSPC,
        files: INDEX | DATABASE,
        before: 0,
        times: i64::MAX,
    });
    let mut n = 0;
    while send(&books.service(&serving), &books.events("before", n), &log).await {
        n += 1;
    }
    assert!(plan.failed() > 0);
    assert_not_ready(&serving.url).await;
    plan.disarm();
    Caller::new(&serving.url, None).get("/readyz").await.ok();
    let events = books.events("afterwards", 0);
    assert!(send(&books.service(&serving), &events, &log).await, "{}", books.site.log());
    serving.kill();
    books.check_after(&log.into_inner().unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_sync_while_it_is_tried_whether_there_is_room_again_stops_the_writing() {
    let books = Books::on(Site::new().await).await;
    let plan = Plan::new(&books.site.file());
    let serving = books.site.serve_logging(&plan.settings()).await;
    let (service, log) = (books.service(&serving), Mutex::new(Log::default()));
    assert!(send(&service, &books.events("before", 0), &log).await);
    plan.arm(Fault { operation: Operation::Write, error: ENOSPC, files: LOG, before: 0, times: i64::MAX });
    assert!(!send(&service, &books.events("full", 0), &log).await);
    plan.arm(sync(LOG, 1));
    assert_not_ready(&serving.url).await;
    assert_eq!(plan.failed(), 1);
    assert_not_ready(&serving.url).await;
    assert!(!send(&service, &books.events("after", 0), &log).await);
    serving.kill();
    books.check_after(&log.into_inner().unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_cannot_be_moved_into_the_database_for_now_stops_nothing() {
    let full =
        Fault { operation: Operation::Write, error: ENOSPC, files: DATABASE, before: 0, times: i64::MAX };
    let unreadable =
        Fault { operation: Operation::Read, error: ETIMEDOUT, files: LOG, before: 0, times: i64::MAX };
    let books = Books::on(Site::new().await).await;
    for fault in [full, unreadable] {
        let books = books.copy().await;
        let plan = Plan::new(&books.site.file());
        let serving = books.site.serve_logging(&plan.settings()).await;
        let (service, log) = (books.service(&serving), Mutex::new(Log::default()));
        // What the writer needs of both customers it has read.
        assert!(send(&service, &books.events("before", 4), &log).await);
        plan.arm(fault);
        let mut n = 0;
        while !books.site.log().contains("could not be moved") {
            assert!(send(&service, &books.events("while", n), &log).await, "{}", books.site.log());
            n += 1;
        }
        assert!(plan.failed() > 0);
        plan.disarm();
        Caller::new(&serving.url, None).get("/readyz").await.ok();
        assert!(send(&service, &books.events("after", 0), &log).await, "{}", books.site.log());
        serving.kill();
        books.check_after(&log.into_inner().unwrap()).await;
    }
}
