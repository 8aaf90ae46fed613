//! What the access log holds, who reads it, and how long.

use ledger::time::DAY;
use serde_json::json;
use server::store::Permission;

use super::{EMAIL, LOG, SECURITY, as_member, logged, member, signed_in};
use crate::harness::events::{EVENTS, event, with, without};
use crate::harness::forms::{PASSWORD, sign_in, submit};
use crate::harness::raw::Raw;

#[tokio::test]
async fn member_reads_who_signed_in_out_and_not() {
    let (world, mut browser) = member().await;
    assert_eq!(sign_in(&world.anon(), EMAIL, "a wrong one").await.status, 401);
    let mut other = signed_in(&world).await;
    other.submit("/sign-out", &[]).await;
    assert_eq!(
        logged(&mut browser).await,
        [
            "Signed out",
            "Signed in with password",
            "Sign-in failed: wrong password",
            "Signed in with password"
        ]
    );
    let shown = browser.follow(LOG).await.text;
    assert!(shown.contains("127.0.0.1") && shown.contains("Failed") && shown.contains("90 days"), "{shown}");
    assert!(!shown.contains("wasm"), "nothing moves in it");
    let beside = browser.follow(SECURITY).await.text;
    assert!(beside.contains("Sign-in failed") && beside.contains("href=\"/settings/security/log\""));
}

#[tokio::test]
async fn stranger_s_attempts_with_an_unknown_e_mail_leave_nothing() {
    let (world, mut browser) = member().await;
    sign_in(&world.anon(), "nobody@example.com", "a wrong one").await;
    assert_eq!(logged(&mut browser).await.len(), 1);
    let mut raw = Raw::open(&world.database()).await;
    assert_eq!(raw.texts("SELECT kind FROM access_log").await, ["signed_in"]);
}

#[tokio::test]
async fn member_reads_what_was_changed() {
    let (world, mut browser) = member().await;
    let fields = [("current", PASSWORD), ("password", "nine patient anvils")];
    browser.submit(SECURITY, &fields).await;
    world.clock.advance(3_600_000_000);
    browser.submit("/confirm", &[("password", "nine patient anvils"), ("next", "/")]).await;
    assert_eq!(
        logged(&mut browser).await[..2],
        ["Confirmed who you are with password", "Changed the password"]
    );
    submit(&world.anon(), "/forgot-password", &[("email", EMAIL)], &[]).await;
    let token = world.token(EMAIL).await;
    submit(&world.anon(), "/reset-password", &[("token", &token), ("password", PASSWORD)], &[]).await;
    let mut browser = signed_in(&world).await;
    assert_eq!(logged(&mut browser).await[1], "Set a password by mail");
}

#[tokio::test]
async fn member_reads_the_life_of_a_key_by_whichever_way() {
    let (world, mut browser) = member().await;
    let user = world.console.get_user_by_email(EMAIL).await.unwrap();
    let form = server::console::api_keys::ApiKeyForm {
        name: "laptop".to_owned(),
        permission: Permission::ReadWrite,
        expiration_days: None,
        limit: None,
    };
    let first = world.console.create_api_key(&user, form).await.unwrap();
    let caller = world.caller(first.secret.as_str());
    let body = json!({"name": "ci", "permission_level": "read_only"});
    let made = caller.post("/auth/api-keys", &body).await.ok();
    let path = format!("/auth/api-keys/{}", made["key_id"].as_str().unwrap());
    caller.patch(&path, &json!({"name": "cd"})).await.ok();
    caller.post(&format!("{path}/rotate"), &json!({})).await.ok();
    for _ in 0..2 {
        caller.delete(&path).await.ok();
    }
    let label = |prefix: &str, suffix: &str| format!("{prefix}…{suffix}");
    let (one, two) = (
        label(&first.key.key_prefix, &first.key.key_suffix),
        label(&made["key"].as_str().unwrap()[..11], &made["key"].as_str().unwrap()[47 - 4..]),
    );
    assert_eq!(
        logged(&mut browser).await[..6],
        [
            format!("Revoked the API key {two}"),
            format!("Rotated the API key {two}"),
            format!("Changed the API key {two}"),
            format!("Made the API key {two}"),
            format!("First use that day of the API key {one}"),
            format!("Made the API key {one}"),
        ]
    );
    let shown = browser.follow(LOG).await.text;
    assert_eq!(shown.matches("127.0.0.1").count(), 6, "all but what the operator did: {shown}");
}

#[tokio::test]
async fn member_reads_the_first_use_of_a_key_of_each_day_also_by_a_service() {
    let (world, mut browser) = member().await;
    let ada = as_member(&world).await;
    let key = world.key(&ada, Permission::ReadWrite).await;
    let service = world.service().await;
    let charge = without(&event("one", &ada, "model.prediction", "1"), "user_id");
    let charge = with(&charge, "api_key", json!(key.secret.as_str()));
    let uses = "First use that day of the API key";
    let count = |rows: Vec<String>| rows.iter().filter(|row| row.starts_with(uses)).count();
    for _ in 0..3 {
        service.caller.post(EVENTS, &charge).await.ok();
    }
    assert_eq!(count(logged(&mut browser).await), 1, "by the service");
    let caller = world.caller(key.secret.as_str());
    for _ in 0..3 {
        caller.get("/usage/current").await.ok();
    }
    assert_eq!(count(logged(&mut browser).await), 2, "and from an address");
    let world = world.restart().await;
    let mut browser = signed_in(&world).await;
    let caller = world.caller(key.secret.as_str());
    caller.get("/usage/current").await.ok();
    assert_eq!(count(logged(&mut browser).await), 2, "it is in the log already");
    world.clock.advance(DAY);
    caller.get("/usage/current").await.ok();
    assert_eq!(count(logged(&mut browser).await), 3);
}

#[tokio::test]
async fn member_goes_back_page_by_page_and_nobody_else_sees_it() {
    let (world, mut browser) = member().await;
    let user = world.console.get_user_by_email(EMAIL).await.unwrap();
    for n in 0..120 {
        world.console.note_access_later(user.id, server::store::Access::ProviderLinked, &format!("n{n}"));
    }
    let first = browser.follow(LOG).await.text;
    assert_eq!(super::rows(&first).len(), 50);
    let older = first.split("?before=").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let second = browser.follow(&format!("{LOG}?before={older}")).await.text;
    let rows = super::rows(&second);
    assert_eq!((rows.len(), rows[0].as_str(), rows[49].as_str()), (50, "Linked n69", "Linked n20"));
    assert!(
        browser.follow(&format!("{LOG}?before=x")).await.text.contains("Linked n119"),
        "no number is none"
    );
    world.user("bob", PASSWORD).await;
    let mut bob = world.browser();
    bob.sign_in("bob@example.com", PASSWORD).await;
    assert_eq!(logged(&mut bob).await, ["Signed in with password"]);
    let anon = world.browser().follow(LOG).await;
    assert_eq!((anon.status, anon.header("location")), (303, "/sign-in?next=/settings/security/log"));
}

#[tokio::test]
async fn rows_are_never_changed_and_go_with_age() {
    let (world, mut browser) = member().await;
    let mut raw = Raw::open(&world.database()).await;
    raw.try_run("UPDATE access_log SET address = 'x'").await.unwrap_err();
    world.clock.advance(DAY);
    signed_in(&world).await;
    world.clock.advance(89 * DAY + 1);
    world.console.forget_old_accesses().await.unwrap();
    assert_eq!(raw.texts("SELECT kind FROM access_log").await.len(), 1);
    browser.sign_in(EMAIL, PASSWORD).await;
    assert_eq!(logged(&mut browser).await.len(), 2);
}

#[tokio::test]
async fn member_is_let_in_when_the_log_cannot_be_written() {
    let (world, _) = member().await;
    let mut raw = Raw::open(&world.database()).await;
    raw.fail_inserts("access_log", "NEW.kind <> ''").await;
    let mut browser = signed_in(&world).await;
    assert_eq!(browser.who().await.as_deref(), Some(EMAIL));
    raw.let_insert("access_log").await;
    assert_eq!(logged(&mut browser).await.len(), 2, "it was written later");
}
