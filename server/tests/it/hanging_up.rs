//! A client that goes away in the middle of its request: what it asked for is done whole, or not at all.

use serde_json::json;
use server::store::Permission;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::harness::client::{answer, assert_error};
use crate::harness::events::{EVENTS, prediction, with, without};
use crate::harness::{Member, PATIENCE, World};

/// Sends a whole request that revokes `id`, gives the server `turns` chances to work on it, and hangs up.
async fn revoke_and_leave(world: &World, secret: &str, id: &str, turns: usize) {
    let addr = world.url.strip_prefix("http://").expect("an address");
    let mut connection = TcpStream::connect(addr).await.expect("a connection");
    let request = format!(
        "DELETE /auth/api-keys/{id} HTTP/1.1\r\nhost: {addr}\r\nauthorization: Bearer {secret}\r\n\r\n"
    );
    connection.write_all(request.as_bytes()).await.expect("a request that is taken");
    for _ in 0..turns {
        tokio::task::yield_now().await;
    }
}

/// Whether the books say so; asked of the store itself, which no cache stands in front of.
async fn is_revoked(world: &World, ada: &Member, id: &ledger::KeyId) -> bool {
    let usage = world.console.api_key_usage(ada.account_no, id).await.expect("a key");
    usage.0.revoked_at.is_some()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn member_hangs_up_while_a_key_is_revoked_and_it_never_spends_again() {
    let world = World::start().await;
    let ada = world.member_with("ada", "100").await;
    let service = world.service().await;
    let main = world.key(&ada, Permission::ReadWrite).await;
    let mut keys = vec![];
    for _ in 0..80 {
        keys.push(world.key(&ada, Permission::ReadWrite).await);
    }
    let mut revoked = 0;
    for (n, key) in keys.iter().enumerate() {
        let caller = world.caller(key.secret.as_str());
        caller.get("/usage/current").await.ok();
        revoke_and_leave(&world, main.secret.as_str(), key.key.id.as_str(), n * 8).await;
        // Asking waits for the writer, so a change that has begun is on disk by now. Nothing else that would make
        // caches forget may happen in between.
        if !is_revoked(&world, &ada, &key.key.id).await {
            continue;
        }
        revoked += 1;
        let refused = async {
            loop {
                let answer = caller.get("/usage/current").await;
                if answer.status == 401 {
                    return answer;
                }
                tokio::task::yield_now().await;
            }
        };
        let refused = tokio::time::timeout(PATIENCE, refused).await.expect("a revoked key is refused");
        assert_error(&refused, 401, "revoked_key", "revoked");
        let body = with(
            &without(&prediction(&n.to_string(), &ada), "user_id"),
            "api_key",
            json!(key.secret.as_str()),
        );
        assert_error(&service.caller.post(EVENTS, &body).await, 404, "not_found", "api_key");
    }
    assert!(revoked > 0, "no request got far enough to matter");
}

#[tokio::test]
async fn member_sends_an_object_of_a_hundred_thousand_fields_and_is_refused_at_once() {
    let world = World::start().await;
    let ada = world.member("ada").await;
    let fields: Vec<String> = (0..90_000).map(|n| format!("\"{n:06}\":1")).collect();
    let answer =
        world.as_member(&ada).await.post_text("/auth/api-keys", format!("{{{}}}", fields.join(","))).await;
    assert_error(&answer, 400, "invalid_request", "at most 64 fields");
    assert!(answer.text.len() < 1_000, "the answer repeats what was sent");
}

#[tokio::test]
async fn anon_sends_a_form_larger_than_any_and_is_refused() {
    let world = World::start().await;
    let form = format!("email=ada%40example.com&password={}", "x".repeat(100_000));
    let request = world.anon().request(http::Method::POST, "/sign-in");
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
    let answer = answer(request).await;
    assert!(matches!(answer.status, 413 | 422), "{}", answer.status);
}
