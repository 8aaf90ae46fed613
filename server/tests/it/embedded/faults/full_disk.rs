//! A disk that is filled to the last byte while the server is charged, again and again. Refusals say so, `/readyz` too,
//! and everything goes on by itself once there is room.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::asked;
use super::load::{Books, assert_unavailable, send};
use super::space::SmallDisk;
use crate::crash::Log;
use crate::harness::PATIENCE;
use crate::harness::client::Caller;
use crate::harness::process::{Serving, Site};

/// `PLEXE_FAULT_DISK_CYCLES=20` for more.
const USUAL_CYCLES: usize = 3;
const CLIENTS: usize = 6;
/// Room for the books and their log, which under load is not begun anew before it is long: so much, and more for each
/// cycle.
const MEBIBYTES: usize = 8;
const MEBIBYTES_EACH: usize = 3;
/// Requests that are charged between two fillings, and refused while the disk is full.
const CHARGED: usize = 60;
const REFUSED: usize = 60;
/// Changes of a name that may find room on a full disk.
const CHANGES: usize = 1_000;

/// Requests so far.
#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    charged: usize,
    refused: usize,
}

/// Clients that never stop.
struct Load {
    counts: watch::Receiver<Counts>,
    stop: Arc<AtomicBool>,
    clients: JoinSet<()>,
}

impl Load {
    fn start(books: &Arc<Books>, serving: &Serving, log: &Arc<Mutex<Log>>) -> Self {
        let (count, counts) = watch::channel(Counts::default());
        let (count, stop) = (Arc::new(count), Arc::new(AtomicBool::new(false)));
        let mut clients = JoinSet::new();
        for client in 0..CLIENTS {
            let (books, caller, log) = (Arc::clone(books), books.service(serving), Arc::clone(log));
            let (count, stop) = (Arc::clone(&count), Arc::clone(&stop));
            clients.spawn(async move {
                let mut n = 0;
                while !stop.load(Ordering::SeqCst) {
                    let charged = send(&caller, &books.events(&client.to_string(), n), &log).await;
                    // Some send the same again until it is charged, the others leave it for the end.
                    n += usize::from(charged || client % 2 == 0);
                    count.send_modify(|counts| {
                        counts.charged += usize::from(charged);
                        counts.refused += usize::from(!charged);
                    });
                }
            });
        }
        Self { counts, stop, clients }
    }

    /// Waits for so many more.
    async fn until(&mut self, charged: usize, refused: usize) {
        let before = *self.counts.borrow();
        let enough = |counts: &Counts| {
            counts.charged >= before.charged + charged && counts.refused >= before.refused + refused
        };
        let waited = tokio::time::timeout(PATIENCE, self.counts.wait_for(enough)).await;
        waited.expect("the clients go on").expect("clients");
    }

    async fn end(self) -> Counts {
        self.stop.store(true, Ordering::SeqCst);
        self.clients.join_all().await;
        *self.counts.borrow()
    }
}

/// One line that nobody overlooks; where everything has to be tested it is a failure.
fn cannot_run(reason: &str) {
    let line = format!("the full disk is NOT tested: this machine allows no mount of its own ({reason})");
    assert!(std::env::var_os("CI").is_none(), "{line}");
    // Past the capture of what tests print.
    writeln!(std::io::stderr(), "{line}").expect("stderr");
}

/// Fills the disk, watches what is refused, and frees it.
async fn cycle(load: &mut Load, disk: &SmallDisk, anon: &Caller, member: &Caller) -> (usize, usize) {
    load.until(CHARGED, 0).await;
    let filled = disk.fill();
    load.until(0, REFUSED).await;
    let not_ready = async { while anon.get("/readyz").await.status == 200 {} };
    tokio::time::timeout(PATIENCE, not_ready).await.expect("a full disk is not ready");
    assert_unavailable(&anon.get("/readyz").await);
    anon.get("/healthz").await.ok();
    member.get("/usage/current").await.ok();
    let mut changes = 0;
    for change in 0..CHANGES {
        let answer = member.patch("/auth/user", &json!({"name": format!("Ada {change}")})).await;
        if answer.status != 200 {
            assert_unavailable(&answer);
            changes += 1;
            break;
        }
    }
    disk.free();
    load.until(CHARGED, 0).await;
    assert_eq!(anon.get("/readyz").await.ok(), json!({"status": "ready"}));
    member.patch("/auth/user", &json!({"name": "Ada"})).await.ok();
    (filled, changes)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_in_words_and_everything_goes_on_once_there_is_room() {
    let cycles = asked("PLEXE_FAULT_DISK_CYCLES").unwrap_or(USUAL_CYCLES);
    let mut site = Site::new().await;
    let disk = match SmallDisk::mount(site.path(), MEBIBYTES + MEBIBYTES_EACH * cycles) {
        Ok(disk) => disk,
        Err(reason) => return cannot_run(&reason),
    };
    site.run_through(disk.entrance());
    let books = Arc::new(Books::on(site).await);
    let serving = books.site.serve_logging(&[]).await;
    let log = Arc::new(Mutex::new(Log::default()));
    let mut load = Load::start(&books, &serving, &log);
    let (anon, member) = (Caller::new(&serving.url, None), books.customer(&serving, 0));
    let mut refused_changes = 0;
    for number in 1..=cycles {
        let (filled, refused) = cycle(&mut load, &disk, &anon, &member).await;
        refused_changes += refused;
        let Counts { charged, refused } = *load.counts.borrow();
        println!(
            "cycle {number}: {filled} bytes filled; so far {charged} requests charged, {refused} refused"
        );
    }
    assert!(refused_changes > 0, "no change of a name met the full disk");
    let counts = load.end().await;
    assert!(!books.site.log().contains("panicked"), "{}", books.site.log());
    assert_eq!(serving.terminate().await, Some(0));
    let log = std::mem::take(&mut *log.lock().unwrap());
    let unanswered = log.sent.len() - log.answered.len();
    books.check_after(&log).await;
    println!(
        "{cycles} cycles: {} requests charged, {} refused; {} events answered, each there once; {unanswered} unanswered ones settled",
        counts.charged,
        counts.refused,
        log.answered.len(),
    );
}
