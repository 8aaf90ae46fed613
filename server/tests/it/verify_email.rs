//! `GET` and `POST /verify-email`, `POST /verify-email/again`: the link in the mail, and the credits that it brings once.

use futures::future::join_all;
use ledger::Credits;
use ledger::time::{DAY, SECOND};
use server::store::{LinkKind, Permission, Redemption, UserRow};

use crate::harness::World;
use crate::harness::client::{Caller, assert_error};
use crate::harness::forms::{PASSWORD, assert_refused, cookie, encoded, page, sign_in, sign_up, submit};
use crate::harness::raw::Raw;

const ADA: &str = "ada@example.com";

async fn signed_up() -> (World, Caller) {
    let world = World::start().await;
    let anon = world.anon();
    assert_eq!(sign_up(&anon, ADA, "ada", PASSWORD).await.status, 200);
    (world, anon)
}

async fn user(world: &World) -> UserRow {
    world.console.get_user_by_email(ADA).await.expect("the user")
}

/// Granted in all, spent or not.
async fn issued(world: &World) -> Credits {
    world.books().await.issued
}

#[tokio::test]
async fn anon_opens_the_link_and_nothing_happens_until_the_button_is_pressed() {
    let (world, anon) = signed_up().await;
    let link = world.link(ADA).await;
    for _ in 0..3 {
        let button = page(&anon, &link, "").await;
        assert_eq!(button.status, 200, "{}", button.text);
        assert!(button.text.contains("Verify this e-mail") && button.text.contains(ADA), "{}", button.text);
        assert!(button.text.contains("Ada Lovelace") && !button.text.contains(".wasm"));
    }
    assert_eq!((user(&world).await.verified_at, issued(&world).await), (None, Credits::ZERO));
    assert_eq!(world.verify_email(&anon, ADA).await.status, 200);
    assert!(user(&world).await.verified_at.is_some());
    assert_eq!(issued(&world).await, Credits::whole(100));
}

#[tokio::test]
async fn anon_presses_the_button_many_times_at_once_and_is_given_credits_once() {
    let (world, anon) = signed_up().await;
    let token = world.token(ADA).await;
    let fields = [("token", token.as_str())];
    let answers = join_all((0..8).map(|_| submit(&anon, "/verify-email", &fields, &[]))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    for late in answers.iter().filter(|answer| answer.status != 200) {
        assert_refused(late, 410, "the e-mail is verified");
    }
    assert_eq!(issued(&world).await, Credits::whole(100));
}

#[tokio::test]
async fn a_crash_between_verifying_and_giving_costs_nobody_the_credits_and_gives_none_twice() {
    let (world, _anon) = signed_up().await;
    let ada = user(&world).await;
    let redemption = Redemption {
        token_hash: server::auth::tokens::hash(&world.token(ADA).await),
        kind: LinkKind::VerifyEmail,
        now: crate::harness::START,
        password_hash: None,
        kept_session: None,
        mail: None,
    };
    assert_eq!(world.console.store.redeem_link(&redemption).await.unwrap(), Some(ada.id));
    assert_eq!(world.console.store.redeem_link(&redemption).await.unwrap(), None);
    let world = world.restart().await;
    assert_eq!(issued(&world).await, Credits::ZERO, "the server died before it gave any");
    let given = join_all((0..4).map(|_| world.console.give_due_credits())).await;
    assert!(given.iter().all(Result::is_ok));
    assert_eq!(issued(&world).await, Credits::whole(100));
    let owed = "SELECT count(*) || '' FROM users WHERE credits_due_at IS NOT NULL";
    let mut raw = Raw::open(&world.database()).await;
    assert_eq!(raw.texts(owed).await, ["0"]);

    // And here it died after it gave them, before it wrote that down.
    raw.run("UPDATE users SET credits_due_at = 1").await;
    let world = world.restart().await;
    world.clock.advance(40 * DAY);
    world.console.wallet(ada.account_no, ada.account_id).await.unwrap();
    world.console.give_due_credits().await.unwrap();
    assert_eq!(issued(&world).await, Credits::whole(100), "also when nothing is left of them");
    assert_eq!(raw.texts(owed).await, ["0"]);
    world.console.store.verify_account(ada.account_no, ada.account_id).await.expect("books in order");
}

#[tokio::test]
async fn a_console_that_gives_nothing_owes_nothing() {
    let world = World::with(|config| config.sign_up_credits = Credits::ZERO).await;
    let anon = world.anon();
    sign_up(&anon, ADA, "ada", PASSWORD).await;
    assert_eq!(world.verify_email(&anon, ADA).await.status, 200);
    assert_eq!(issued(&world).await, Credits::ZERO);
    assert!(world.console.store.list_credits_due(10).await.unwrap().is_empty());
}

#[tokio::test]
async fn anon_follows_a_link_that_opens_nothing_and_is_offered_another() {
    let (world, anon) = signed_up().await;
    let link = world.link(ADA).await;
    for mangled in ["/verify-email?token=x", "/verify-email?token=%20", &link[..link.len() - 1]] {
        let told = page(&anon, mangled, "").await;
        assert_refused(&told, 404, "This link is not complete");
        assert!(told.text.contains("Send again"));
    }
    world.clock.advance(24 * 3_600 * SECOND - 1);
    assert_eq!(page(&anon, &link, "").await.status, 200);
    world.clock.advance(1);
    let token = link.split_once('=').unwrap().1;
    for told in [page(&anon, &link, "").await, submit(&anon, "/verify-email", &[("token", token)], &[]).await]
    {
        assert_refused(&told, 410, "This link has expired.");
        assert!(told.text.contains("Send again"));
    }
    assert_eq!(user(&world).await.verified_at, None);
    let sent = submit(&anon, "/verify-email/again", &[("email", ADA), ("token", token)], &[]).await;
    assert_eq!(sent.status, 200, "{}", sent.text);
    assert_eq!(world.verify_email(&anon, ADA).await.status, 200);
    let used = page(&anon, &world.link(ADA).await, "").await;
    assert_refused(&used, 410, "This link was used already, and the e-mail is verified.");
    assert!(used.text.contains("Send again") && used.text.contains("/sign-in"));
    assert_eq!(issued(&world).await, Credits::whole(100));
}

#[tokio::test]
async fn a_stranger_who_claimed_the_e_mail_first_has_nothing_of_it() {
    let world = World::start().await;
    let (anon, eve) = (world.anon(), world.anon());
    sign_up(&eve, ADA, "eve", "what eve has typed").await;
    let eves_cookie = cookie(&sign_in(&eve, ADA, "what eve has typed").await);
    let eves_link = world.link(ADA).await;
    sign_up(&anon, ADA, "ada", PASSWORD).await;
    assert_eq!(world.verify_email(&anon, ADA).await.status, 200);
    assert_refused(&page(&anon, &eves_link, "").await, 410, "another one has taken its place");
    assert_eq!(sign_in(&eve, ADA, "what eve has typed").await.status, 401);
    assert_eq!(page(&eve, "/", &eves_cookie).await.header("location"), "/sign-in", "her session has ended");
    assert_eq!(sign_in(&anon, ADA, PASSWORD).await.status, 303);
    assert_eq!(user(&world).await.user_name, "ada");
    assert_eq!(issued(&world).await, Credits::whole(100));
}

#[tokio::test]
async fn a_stranger_who_claims_the_e_mail_later_stops_nobody() {
    let (world, anon) = signed_up().await;
    let eve = world.anon();
    sign_up(&eve, ADA, "eve", "what eve has typed").await;
    let again = [("email", ADA), ("form", "form-of-ada")];
    assert_eq!(submit(&anon, "/verify-email/again", &again, &[]).await.status, 200);
    let button = page(&anon, &world.link(ADA).await, "").await;
    assert!(
        button.text.contains("(ada"),
        "the link is for who asked, not for who came last: {}",
        button.text
    );
    assert_eq!(world.verify_email(&anon, ADA).await.status, 200);
    assert_eq!(sign_in(&anon, ADA, PASSWORD).await.status, 303);
    assert_eq!(sign_in(&eve, ADA, "what eve has typed").await.status, 401);
}

#[tokio::test]
async fn member_who_is_signed_in_stays_so_and_other_sessions_end() {
    let (world, anon) = signed_up().await;
    let here = cookie(&sign_in(&anon, ADA, PASSWORD).await);
    let elsewhere = cookie(&sign_in(&anon, ADA, PASSWORD).await);
    let token = world.token(ADA).await;
    let led = submit(&anon, "/verify-email", &[("token", &token)], &[("cookie", &here)]).await;
    assert_eq!((led.status, led.header("location")), (303, "/"));
    let overview = page(&anon, "/", &here).await;
    assert!(overview.status == 200 && !overview.text.contains("not verified yet"));
    assert_eq!(page(&anon, "/", &elsewhere).await.header("location"), "/sign-in");
}

#[tokio::test]
async fn member_asks_again_from_the_banner_and_both_links_work() {
    let (world, anon) = signed_up().await;
    let cookie = cookie(&sign_in(&anon, ADA, PASSWORD).await);
    let first = world.link(ADA).await;
    world.clock.advance(SECOND);
    let sent = submit(&anon, "/verify-email/again", &[("email", ADA)], &[("cookie", &cookie)]).await;
    assert!(sent.status == 200 && sent.text.contains("Sent again"), "{}", sent.text);
    assert_ne!(world.link(ADA).await, first);
    assert_eq!(page(&anon, &first, "").await.status, 200);
    assert_eq!(world.verify_email(&anon, ADA).await.status, 200);
}

#[tokio::test]
async fn anon_asks_again_for_whomever_and_sees_the_same() {
    let (world, anon) = signed_up().await;
    world.user("bob", PASSWORD).await;
    let mut pages = vec![];
    for email in [ADA, "bob@example.com", "nobody@example.com"] {
        let (epoch, hashed) = (world.changes().await, world.console.passwords_hashed());
        let sent = submit(&anon, "/verify-email/again", &[("email", email)], &[]).await;
        assert_eq!((world.changes().await, world.console.passwords_hashed()), (epoch, hashed));
        let nonce = sent.text.split("nonce=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        pages.push((sent.status, sent.text.replace(&nonce, "").replace(email, "")));
    }
    assert!(pages.iter().all(|page| *page == pages[0]));
    let links = "SELECT count(*) || '' FROM one_time_links";
    assert_eq!(Raw::open(&world.database()).await.texts(links).await, ["4"], "one each, and the first");
    assert_eq!(world.mails("bob@example.com").await[0].0, "already_registered");
    assert!(world.mails("nobody@example.com").await.is_empty());
    for bad in ["", "ada", "<script>alert(1)</script>"] {
        let refused = submit(&anon, "/verify-email/again", &[("email", bad)], &[]).await;
        assert_refused(&refused, 422, "The e-mail must be");
        assert!(!refused.text.contains("<script>alert"));
    }
}

#[tokio::test]
async fn anon_who_asks_again_and_again_waits() {
    let (world, anon) = signed_up().await;
    for _ in 0..4 {
        assert_eq!(submit(&anon, "/verify-email/again", &[("email", ADA)], &[]).await.status, 200);
    }
    let refused = submit(&anon, "/verify-email/again", &[("email", ADA)], &[]).await;
    assert_refused(&refused, 429, "Too many attempts");
    assert_eq!(world.mails(ADA).await.len(), 5);
}

#[tokio::test]
async fn member_who_is_not_verified_makes_no_keys() {
    let (world, anon) = signed_up().await;
    let ada = user(&world).await;
    let form = server::console::api_keys::ApiKeyForm {
        name: "by the operator".to_owned(),
        permission: Permission::ReadWrite,
        expiration_days: None,
        limit: None,
    };
    let key = world.console.create_api_key(&ada, form).await.unwrap();
    let member = world.caller(key.secret.as_str());
    let body = serde_json::json!({"name": "mine", "permission_level": "read_only"});
    let refused = member.post("/auth/api-keys", &body).await;
    assert_error(&refused, 403, "email_not_verified", "not verified");
    assert_eq!(member.get("/auth/user").await.ok()["email"], ADA);
    assert_eq!(member.get("/auth/api-keys").await.ok()["keys"][0]["created_by"], ADA);
    world.verify_email(&anon, ADA).await;
    member.post("/auth/api-keys", &body).await.ok();
}

#[tokio::test]
async fn the_file_holds_no_token() {
    let (world, _anon) = signed_up().await;
    let token = world.token(ADA).await;
    let mut raw = Raw::open(&world.database()).await;
    let hex = encoded(&token).replace('%', "");
    assert_eq!(raw.texts("SELECT hex(token_hash) FROM one_time_links").await.len(), 1);
    let found = format!("SELECT kind FROM one_time_links WHERE instr(hex(token_hash), '{hex}') > 0");
    assert!(raw.texts(&found).await.is_empty());
}
