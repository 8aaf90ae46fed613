//! The least a server of the same web stack can do: this program, started again, reads the same JSON and answers as many
//! bytes, and greets. No keys, no books, no disk.

use std::borrow::Cow;
use std::collections::BTreeMap;

use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use crate::Outcome;

/// Asks this program to be the baseline.
pub const ARG: &str = "--baseline";

/// An event as it is reported, read the plain way.
#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "read to be thrown away")]
struct Event {
    id: String,
    source: String,
    account_id: String,
    operation: String,
    quantity: f64,
}

/// As large as the answer to a charge.
#[derive(Debug, Serialize)]
struct Answer {
    event_id: &'static str,
    source: &'static str,
    id: &'static str,
    credits: f64,
    balance: f64,
    seq: u32,
    replayed: bool,
    price_version: u32,
}

const ANSWER: Answer = Answer {
    event_id: "evt_01900000000070008000000000000001ffff",
    source: "bench",
    id: "job-000000000001",
    credits: 0.15,
    balance: 3_999_999_999.85,
    seq: 65_535,
    replayed: false,
    price_version: 1,
};

/// Serves on a port of the system's choice and prints the address.
pub fn serve() -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("listening on http://{},", listener.local_addr()?);
        let listener = listener.tap_io(|connection| {
            // A connection that sends in larger pieces still answers.
            let _ = connection.set_nodelay(true);
        });
        let one = |Json(_): Json<Event>| async { Json(ANSWER) };
        let many = |Json(events): Json<Vec<Event>>| async move {
            let results: Vec<Answer> = events.iter().map(|_| ANSWER).collect();
            Json(BTreeMap::from([("results", results)]))
        };
        let hello = || async { Json(BTreeMap::from([("hello", Cow::Borrowed("world"))])) };
        let router =
            Router::new().route("/one", post(one)).route("/many", post(many)).route("/hello", get(hello));
        Ok(axum::serve(listener, router).await?)
    })
}
