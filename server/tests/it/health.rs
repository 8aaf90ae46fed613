//! `/healthz` and `/readyz`: whether the process and its store work.

use serde_json::json;

use crate::harness::World;
use crate::harness::client::assert_error;

#[tokio::test]
async fn anon_asks_whether_the_process_and_its_store_work() {
    let world = World::start().await;
    assert_eq!(world.anon().get("/healthz").await.ok(), json!({"status": "ok"}));
    assert_eq!(world.anon().get("/readyz").await.ok(), json!({"status": "ready"}));
}

#[tokio::test]
async fn anon_is_told_when_the_store_is_closed_and_the_process_still_answers() {
    let world = World::start().await;
    world.console.store.close().await;
    let refused = world.anon().get("/readyz").await;
    assert_error(&refused, 503, "service_unavailable", "");
    assert!(refused.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0));
    world.anon().get("/healthz").await.ok();
}
