//! What ends with a session: its pages, its server functions, its streams.

use http::Method;

use crate::harness::World;
use crate::harness::client::{Caller, assert_error};
use crate::harness::forms::{PASSWORD, cookie, encoded, get_with, page, sign_in, submit};
use crate::harness::raw::Raw;
use crate::harness::sse::Reader;

async fn listen(caller: &Caller, cookie: &str) -> Reader {
    let request = caller.request(Method::GET, "/usage/stream").header("cookie", cookie);
    let mut reader = Reader::listen(request).await;
    reader.group().await;
    reader
}

#[tokio::test]
async fn member_signs_out_in_one_tab_and_the_others_end() {
    let world = World::start().await;
    world.user("ada", PASSWORD).await;
    let anon = world.anon();
    let here = cookie(&sign_in(&anon, "ada@example.com", PASSWORD).await);
    let phone = cookie(&sign_in(&anon, "ada@example.com", PASSWORD).await);
    let (mut tab, mut other) = (listen(&anon, &here).await, listen(&anon, &phone).await);
    assert_eq!(submit(&anon, "/sign-out", &[], &[("cookie", &here)]).await.status, 303);
    assert_eq!(tab.next().await, None, "the stream of the other tab is over");
    assert_eq!(page(&anon, "/", &here).await.header("location"), "/sign-in");
    assert_eq!(get_with(&anon, "/api/app/api/session/frame", &[("cookie", &here)]).await.status, 401);
    assert_error(&get_with(&anon, "/usage/stream", &[("cookie", &here)]).await, 401, "unauthorized", "key");
    let user = world.console.get_user_by_email("ada@example.com").await.unwrap();
    world.console.store.verify_account(user.account_no, user.account_id).await.unwrap();
    let form = server::console::grants::GrantForm {
        credits: ledger::Credits::whole(1),
        kind: ledger::grant::GrantKind::Promo,
        reason: "to be heard".to_owned(),
        effective_at: None,
        expires_at: None,
        priority: None,
    };
    world.console.grant(user.account_id, form).await.unwrap();
    assert_eq!(other.group().await.last().unwrap().body["balance"], 101, "the phone goes on");
}

#[tokio::test]
async fn member_goes_back_after_signing_out_and_finds_nothing_kept() {
    let world = World::start().await;
    world.user("ada", PASSWORD).await;
    let anon = world.anon();
    let cookie = cookie(&sign_in(&anon, "ada@example.com", PASSWORD).await);
    for path in ["/", "/api/app/api/session/frame", "/forgot-password", "/no-such-page"] {
        let shown = page(&anon, path, &cookie).await;
        assert_eq!(shown.header("cache-control"), "no-store", "{path}: {}", shown.status);
    }
    submit(&anon, "/sign-out", &[], &[("cookie", &cookie)]).await;
    let back = page(&anon, "/", &cookie).await;
    assert_eq!((back.status, back.header("location")), (303, "/sign-in"));
}

#[tokio::test]
async fn the_file_holds_no_cookie() {
    let world = World::start().await;
    world.user("ada", PASSWORD).await;
    let anon = world.anon();
    let cookie = cookie(&sign_in(&anon, "ada@example.com", PASSWORD).await);
    let token = cookie.split_once('=').unwrap().1;
    let hex = encoded(token).replace('%', "");
    let mut raw = Raw::open(&world.database()).await;
    let hashes = raw.texts("SELECT hex(token_hash) FROM sessions").await;
    assert!(hashes.len() == 1 && hashes[0].len() == 64 && !hex.contains(&hashes[0]));
}
