//! With books of some size, what a server does for a charge, a repetition or a page reads entries by index only.

use serde_json::json;

use super::Pair;
use crate::harness::credits;
use crate::harness::events::EVENTS;
use crate::harness::raw::Raw;

/// Entries of somebody else, too few for a planner to shy away from reading all of them if it had a reason to.
const FILL: &str = "INSERT INTO entries \
    (account, seq, leg, movement, amount, grant_seq, available_after, held_after, recorded_at, hash) \
    SELECT (SELECT max(no) FROM accounts), 1000 + n, 0, 1, 1, 1000 + n, 0, 0, n, CAST(repeat('x', 32) AS BYTEA) \
    FROM generate_series(1, 50000) AS n";

async fn scans(raw: &mut Raw) -> String {
    raw.run("SELECT pg_stat_clear_snapshot()").await;
    raw.texts("SELECT CAST(seq_scan AS TEXT) FROM pg_stat_user_tables WHERE relname = 'entries'")
        .await
        .remove(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_read_entries_by_index() {
    let pair = Pair::start().await;
    let (user, key) = pair.member("ada").await;
    pair.member("zoe").await;
    let mut raw = Raw::open(&pair.site.database()).await;
    raw.run(FILL).await;
    raw.run("ANALYZE").await;
    for node in pair.nodes {
        assert_eq!(node.terminate().await, Some(0));
    }
    let before = scans(&mut raw).await;
    let nodes = [pair.site.serve().await, pair.site.serve().await];
    let caller = |node: usize, key: &str| crate::harness::client::Caller::new(&nodes[node].url, Some(key));
    for n in 0..6 {
        let event = json!({
            "id": format!("e{}", n / 2), "source": "plans", "user_id": user, "operation": "model.prediction", "quantity": "1",
        });
        let charged = caller(n % 2, &pair.key).post(EVENTS, &event).await.ok();
        assert_eq!(charged["replayed"], n % 2 == 1);
    }
    let hold = json!({
        "id": "h", "source": "plans", "user_id": user, "operation": "model.prediction", "quantity": "2",
    });
    let trainer = pair.site.json(&["service-key", "create", "--name", "h", "--scopes", "hold"]).await;
    let trainer = trainer["key"].as_str().expect("a key").to_owned();
    let opened = caller(0, &trainer).post("/usage/holds", &hold).await.ok();
    let settle = format!("/usage/holds/{}/settle", opened["hold_id"].as_str().expect("an id"));
    caller(1, &trainer).post(&settle, &json!({"quantity": "1"})).await.ok();
    let member = caller(1, &key);
    for page in [
        "/usage/current",
        "/usage/history",
        "/usage/events",
        "/credits/grants",
        "/credits/entries",
        "/credits/forecast",
    ] {
        member.get(page).await.ok();
    }
    let current = member.get("/usage/current").await.ok();
    assert_eq!(crate::harness::client::amount(&current["credits"]), credits("99.6"));
    for node in nodes {
        assert_eq!(node.terminate().await, Some(0));
    }
    assert_eq!(scans(&mut raw).await, before);
}
