//! `replay FILE.csv`: a recorded trace through the public API.

use serde_json::{Value, json};

use crate::harness::client::{Caller, amount};
use crate::harness::credits;
use crate::harness::process::{Serving, Site};
use crate::harness::trace::{Call, ROWS, calls, csv};

const ADA: &str = "ada@example.com";

/// A serving site where ada has the sign-up credits, and the trace in `trace.csv`.
async fn ready(rows: usize) -> (Site, Serving, Vec<Call>) {
    let site = Site::new().await;
    let calls = calls(rows);
    std::fs::write(site.path().join("trace.csv"), csv(&calls)).expect("a file");
    let serving = site.serve().await;
    site.user("ada").await;
    (site, serving, calls)
}

/// Replays with these further words; exit code and report.
async fn replay(site: &Site, serving: &Serving, words: &[&str]) -> (Option<i32>, Value) {
    let usual = ["replay", "trace.csv", "--email", ADA, "--source", "trace", "--url", &serving.url, "--json"];
    let ended = site.run(&[&usual[..], words].concat()).await;
    (ended.code, ended.json())
}

#[tokio::test]
async fn operator_replays_a_whole_trace_and_again_and_the_second_time_nothing_moves() {
    let (site, serving, calls) = ready(ROWS).await;
    site.grant(ADA, "5000").await;
    let cost = ledger::Credits::from_micros(calls.iter().map(|call| call.micro_credits()).sum()).unwrap();
    let (code, report) = replay(&site, &serving, &[]).await;
    assert_eq!(code, Some(0), "{report}");
    assert_eq!(
        (&report["sent"], &report["accepted"], &report["rejected"]),
        (&json!(ROWS), &json!(ROWS), &json!(0))
    );
    assert_eq!(amount(&report["credits"]), cost);
    let before = site.json(&["stats"]).await;
    assert_eq!(amount(&before["spent"]), cost);
    let (code, report) = replay(&site, &serving, &["--batch", "1000"]).await;
    assert_eq!(code, Some(0), "{report}");
    assert_eq!(
        (&report["accepted"], &report["replayed"], &report["credits"]),
        (&json!(0), &json!(ROWS), &json!(0))
    );
    assert_eq!(site.json(&["stats"]).await, before);
    let made =
        site.json(&["api-key", "create", "--email", ADA, "--name", "k", "--permission", "read_only"]).await;
    let member = Caller::new(&serving.url, made["key"].as_str());
    assert_eq!(amount(&member.get("/usage/history").await.ok()["total"]), cost);
    let keys = site.json(&["service-key", "list"]).await;
    assert!(keys["keys"].as_array().unwrap().iter().all(|key| key["status"] == "revoked"), "{keys}");
    assert_eq!(site.json(&["verify"]).await["ok"], true);
}

#[tokio::test]
async fn operator_replays_more_than_the_grant_pays_and_the_exit_says_so() {
    let (site, serving, _) = ready(600).await;
    let (code, report) = replay(&site, &serving, &["--batch", "50"]).await;
    assert_eq!(code, Some(3), "{report}");
    let count = |name: &str| report[name].as_u64().expect("a count");
    assert_eq!(count("accepted") + count("rejected"), 600);
    assert_eq!(count("rejected"), report["rejections"]["insufficient_credits"].as_u64().unwrap());
    let stats = site.json(&["stats"]).await;
    assert_eq!(amount(&stats["spent"]), amount(&report["credits"]));
    assert_eq!(amount(&stats["spent"]).checked_add(amount(&stats["remaining"])), Some(credits("100")));
}

#[tokio::test]
async fn operator_replays_from_a_time_and_with_a_key() {
    let (site, serving, _) = ready(20).await;
    let key = site.service_key().await;
    let long_ago = replay(&site, &serving, &["--key", &key, "--start", "2001-01-01T00:00:00Z"]).await;
    assert_eq!((long_ago.0, &long_ago.1["rejections"]), (Some(3), &json!({"validation_failed": 20})));
    let (code, report) = replay(&site, &serving, &["--key", &key, "--speed", "1000000"]).await;
    assert_eq!((code, &report["accepted"]), (Some(0), &json!(20)), "{report}");
    assert_eq!(site.json(&["service-key", "list"]).await["keys"][0]["status"], "active");
}

#[tokio::test]
async fn operator_replays_with_bad_input() {
    let (site, serving, _) = ready(5).await;
    std::fs::write(site.path().join("bad.csv"), "TIMESTAMP,ContextTokens,GeneratedTokens\nnow,1,1\n")
        .unwrap();
    let entries = site.json(&["stats"]).await["entries"].clone();
    let usual = [("--email", ADA), ("--source", "trace"), ("--url", serving.url.as_str())];
    for (code, file, word, value, mentions) in [
        (1, "nowhere.csv", "--batch", "5", "nowhere.csv"),
        (1, "bad.csv", "--batch", "5", "line 2"),
        (1, "trace.csv", "--email", "eve@example.com", "email is unknown"),
        (1, "trace.csv", "--source", "a b", "source"),
        (2, "trace.csv", "--batch", "1001", "batch"),
        (2, "trace.csv", "--speed", "0", "speed"),
        (1, "trace.csv", "--key", "plx_svc_0", "invalid_key"),
        (1, "trace.csv", "--url", "https://example.com", "http://"),
    ] {
        let mut words = vec!["replay", file];
        for (name, usual) in usual.iter().filter(|(name, _)| *name != word) {
            words.extend([*name, *usual]);
        }
        words.extend([word, value]);
        let refused = site.run(&words).await;
        assert!(refused.refusal(code).contains(mentions), "{words:?}: {refused:?}");
    }
    assert_eq!(site.json(&["stats"]).await["entries"], entries);
}
