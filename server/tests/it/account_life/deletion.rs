//! The end of an account: closed at once, kept for a while, then erased, and the books stay whole.

use ledger::time::{DAY, SECOND};
use serde_json::json;
use server::store::Permission;

use super::{EMAIL, as_member, logged, signed_in};
use crate::harness::browser::Browser;
use crate::harness::client::assert_error;
use crate::harness::events::{EVENTS, event, prediction, with, without};
use crate::harness::forms::{PASSWORD, assert_refused, sign_in, sign_up, submit};
use crate::harness::raw::Raw;
use crate::harness::{Member, World};
use crate::passkeys;
use crate::rollup_windows::declaring;
use crate::second_factor::turn_on;

const DELETE: &str = "/settings/account/delete";
const KEEP: &str = "/settings/account/keep";
const DATA: &str = "/settings/account/data";

/// Somebody with credits, who is signed in, on a console that counts by models.
async fn member() -> (World, Member, Browser) {
    let world = World::with(|config| config.usage_dimensions = declaring(&["model"])).await;
    world.user("ada", PASSWORD).await;
    let ada = as_member(&world).await;
    let browser = signed_in(&world).await;
    (world, ada, browser)
}

async fn delete(browser: &mut Browser) {
    let closed = browser.submit(DELETE, &[("email", " Ada@Example.com ")]).await;
    assert_eq!((closed.status, closed.header("location")), (303, DATA), "{}", closed.text);
}

#[tokio::test]
async fn member_closes_the_account_and_everything_stops_at_once() {
    let (world, ada, mut browser) = member().await;
    let mut other = signed_in(&world).await;
    let key = world.key(&ada, Permission::ReadWrite).await;
    let service = world.service().await;
    service.caller.post(EVENTS, &prediction("before", &ada)).await.ok();
    delete(&mut browser).await;
    assert_eq!((other.who().await, browser.who().await.as_deref()), (None, Some(EMAIL)));
    for path in ["/", "/usage", "/credits", "/settings/account", "/settings/security", "/settings/api-keys"] {
        assert_eq!(browser.follow(path).await.header("location"), DATA, "{path}");
    }
    let shown = browser.follow(DATA).await.text;
    assert!(
        shown.contains("It is erased on 22 December 2026") && shown.contains("Keep my account"),
        "{shown}"
    );
    let caller = world.caller(key.secret.as_str());
    for path in ["/usage/current", "/auth/api-keys"] {
        assert_error(&caller.get(path).await, 403, "account_suspended", "being deleted");
    }
    for payer in [
        prediction("by-user", &ada),
        with(
            &without(&prediction("by-account", &ada), "user_id"),
            "account_id",
            json!(ada.account.to_string()),
        ),
        with(&without(&prediction("by-key", &ada), "user_id"), "api_key", json!(key.secret.as_str())),
    ] {
        assert_error(&service.caller.post(EVENTS, &payer).await, 403, "account_suspended", "");
    }
    let again = service.caller.post(EVENTS, &prediction("before", &ada)).await.ok();
    assert_eq!(again["replayed"], true, "what was charged stays charged");
    assert_eq!(world.mails(EMAIL).await[0].0, "account_closed");
    let twice = browser.submit(DELETE, &[("email", EMAIL)]).await;
    assert_refused(&twice, 409, "being deleted already");
}

#[tokio::test]
async fn member_signs_in_again_and_keeps_the_account() {
    let (world, ada, mut browser) = member().await;
    let key = world.key(&ada, Permission::ReadOnly).await;
    delete(&mut browser).await;
    world.clock.advance(30 * DAY - 1);
    world.console.erase_closed_accounts().await.unwrap();
    let mut browser = signed_in(&world).await;
    assert_eq!(browser.follow("/").await.header("location"), DATA);
    let kept = browser.submit(KEEP, &[]).await;
    assert_eq!(kept.header("location"), "/settings/account/data?said=kept");
    assert!(
        browser
            .follow("/settings/account/data?said=kept")
            .await
            .text
            .contains("Your account stays as it was.")
    );
    assert_eq!(world.mails(EMAIL).await[0].0, "account_kept");
    browser.submit(KEEP, &[]).await;
    assert_eq!(world.mails(EMAIL).await.len(), 2, "there was nothing to keep it from");
    world.clock.advance(31 * DAY);
    world.console.erase_closed_accounts().await.unwrap();
    world.caller(key.secret.as_str()).get("/usage/current").await.ok();
    let mut browser = signed_in(&world).await;
    assert_eq!(browser.follow("/").await.status, 200);
    let log = logged(&mut browser).await;
    assert!(
        log.contains(&"Kept the account".to_owned()) && log.contains(&"Deleted the account".to_owned()),
        "{log:?}"
    );
}

#[tokio::test]
async fn member_is_erased_and_the_books_are_whole() {
    let (world, ada, mut browser) = member().await;
    let key = world.key(&ada, Permission::ReadWrite).await;
    let service = world.service().await;
    for n in 0..40 {
        let event = event(&format!("e{n}"), &ada, "model.prediction", "1");
        let event = with(&event, "dimensions", json!({"model": format!("secret-model-{n}")}));
        service.caller.post(EVENTS, &event).await.ok();
    }
    let books = world.books().await;
    turn_on(&world, &mut browser).await;
    passkeys::add(&world, &mut browser, "a phone").await;
    delete(&mut browser).await;
    world.clock.advance(30 * DAY);
    world.console.erase_closed_accounts().await.unwrap();
    assert_eq!(browser.who().await, None);
    assert_eq!(sign_in(&world.anon(), EMAIL, PASSWORD).await.status, 401);
    let mut raw = Raw::open(&world.database()).await;
    for table in [
        "sessions",
        "identities",
        "passkeys",
        "passkey_handles",
        "passkey_challenges",
        "totp_secrets",
        "recovery_codes",
        "second_steps",
        "one_time_links",
        "email_changes",
        "access_log",
        "provider_rounds",
        "mails",
        "event_dimensions",
        "dimension_rollups",
        "api_key_requests",
    ] {
        assert!(raw.texts(&format!("SELECT 'x' FROM {table}")).await.is_empty(), "{table}");
    }
    assert_eq!(
        raw.texts("SELECT name || password_hash FROM users WHERE password_hash IS NOT NULL").await.len(),
        0
    );
    assert_eq!(raw.texts("SELECT email FROM users").await, [ada.user_id.to_string()]);
    assert_eq!(raw.texts("SELECT name FROM accounts WHERE name <> ''").await.len(), 0);
    assert_eq!(raw.texts("SELECT name FROM api_keys WHERE name <> '' OR revoked_at IS NULL").await.len(), 0);
    assert_eq!(
        raw.texts("SELECT id FROM accounts WHERE closes_at IS NOT NULL").await.len(),
        0,
        "it is all done"
    );
    world.verify(&ada).await;
    assert_eq!(world.books().await.entries, books.entries, "ids and amounts stay");
    for payer in [
        prediction("after", &ada),
        with(&without(&prediction("after", &ada), "user_id"), "account_id", json!(ada.account.to_string())),
        with(&without(&prediction("after", &ada), "user_id"), "api_key", json!(key.secret.as_str())),
    ] {
        assert_error(&service.caller.post(EVENTS, &payer).await, 404, "not_found", "");
    }
    let secret = key.secret.as_str();
    assert_error(&world.caller(secret).get("/usage/current").await, 401, "revoked_key", "");
    sign_up(&world.anon(), EMAIL, "ada", PASSWORD).await;
    world.verify_email(&world.anon(), EMAIL).await;
    let next = as_member(&world).await;
    assert!(
        next.user_id != ada.user_id && next.row.verified_at.is_some(),
        "the e-mail and the username are free"
    );
    world.clock.advance(30 * DAY);
    world.console.erase_closed_accounts().await.unwrap();
    assert_eq!(as_member(&world).await.user_id, next.user_id);
}

#[tokio::test]
async fn service_corrects_an_event_of_an_erased_account_and_the_books_are_whole() {
    let world = World::with(|config| config.usage_dimensions = declaring(&["model"])).await;
    world.user("ada", PASSWORD).await;
    let (ada, mut browser) = (as_member(&world).await, signed_in(&world).await);
    let service = world.service_with("charge,hold,correct".parse().unwrap(), None).await;
    let charge = with(&event("one", &ada, "model.prediction", "5"), "dimensions", json!({"model": "churn"}));
    service.caller.post(EVENTS, &charge).await.ok();
    delete(&mut browser).await;
    world.clock.advance(30 * DAY);
    world.console.erase_closed_accounts().await.unwrap();
    let correction = json!({"id": "c", "quantity": 2, "reason": "a mistake"});
    let corrected = service.caller.post("/usage/events/test/one/corrections", &correction).await;
    assert!(corrected.status < 500, "{}", corrected.text);
    world.verify(&ada).await;
}

#[tokio::test]
async fn member_types_the_e_mail_and_proves_who_they_are() {
    let (world, _, mut browser) = member().await;
    for typed in ["", "bob@example.com", "<script>alert(1)</script>"] {
        let refused = browser.submit(DELETE, &[("email", typed)]).await;
        assert_refused(&refused, 422, "E-mail must be the one of this account, to show that you mean it.");
        assert!(!refused.text.contains("<script>alert"));
    }
    world.clock.advance(600 * SECOND);
    let led = browser.submit(DELETE, &[("email", EMAIL)]).await;
    assert_eq!(led.header("location"), "/confirm?next=/settings/account/data");
    let cookies = browser.cookies();
    let foreign = [("cookie", cookies.as_str()), ("sec-fetch-site", "cross-site")];
    for path in [DELETE, KEEP] {
        assert_eq!(submit(&world.anon(), path, &[("email", EMAIL)], &foreign).await.status, 403);
        let anon = submit(&world.anon(), path, &[("email", EMAIL)], &[]).await;
        assert_eq!(anon.header("location"), "/sign-in?next=/settings/account/data");
    }
    assert_eq!(browser.follow("/").await.status, 200, "nothing was closed");
}

#[tokio::test]
async fn operator_sets_how_long_a_deleted_account_is_kept() {
    let world = World::with(|config| config.account_life.deletion_grace_days = 1).await;
    world.user("ada", PASSWORD).await;
    let mut browser = signed_in(&world).await;
    assert!(browser.follow(DATA).await.text.contains("For a day you can sign in"));
    delete(&mut browser).await;
    world.clock.advance(DAY);
    world.console.erase_closed_accounts().await.unwrap();
    assert!(world.console.get_user_by_email(EMAIL).await.is_err());
}
