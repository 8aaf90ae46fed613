//! The process runs out of descriptors: those who are connected go on, others wait, and nothing ends.

use serde_json::json;
use tokio::net::TcpStream;

use super::load::{Books, send};
use crate::crash::Log;
use crate::harness::client::Caller;
use crate::harness::process::Site;
use std::sync::Mutex;

/// Descriptors that the server may have, and connections that nobody needs.
const LIMIT: usize = 64;
const IDLE: usize = 2 * LIMIT;
/// Customers who read at once; as many as the store has readers.
const READERS: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_without_descriptors_serves_who_is_connected_and_the_others_later() {
    let mut books = Books::on(Site::new().await).await;
    let limited = format!("ulimit -n {LIMIT}; exec \"$0\" \"$@\"");
    books.site.run_through(["sh", "-c", &limited]);
    let serving = books.site.serve_logging(&[]).await;
    let (service, log) = (books.service(&serving), Mutex::new(Log::default()));
    assert!(send(&service, &books.events("first", 0), &log).await);
    let readers: Vec<Caller> = (0..READERS).map(|reader| books.customer(&serving, reader % 2)).collect();
    for reader in &readers {
        // Connects, and reads nothing yet.
        reader.get("/healthz").await.ok();
    }
    let address = serving.url.trim_start_matches("http://").to_owned();
    let idle = futures::future::join_all((0..IDLE).map(|_| TcpStream::connect(&address))).await;
    let mut n = 0;
    while !books.site.log().contains("could not be accepted") {
        assert!(send(&service, &books.events("crowded", n), &log).await);
        n += 1;
    }
    for _ in 0..10 {
        let reads = readers.iter().map(|reader| reader.get("/usage/events?limit=100"));
        for answer in futures::future::join_all(reads).await {
            answer.ok();
        }
        assert!(send(&service, &books.events("crowded", n), &log).await);
        n += 1;
    }
    drop(idle);
    assert_eq!(Caller::new(&serving.url, None).get("/readyz").await.ok(), json!({"status": "ready"}));
    assert!(!books.site.log().contains("panicked"), "{}", books.site.log());
    assert_eq!(serving.terminate().await, Some(0));
    books.check_after(&log.into_inner().unwrap()).await;
}
