//! `/forgot-password` and `/reset-password`: another password for whoever reads the mailbox.

use ledger::Credits;
use ledger::time::SECOND;

use crate::harness::World;
use crate::harness::client::Caller;
use crate::harness::forms::{PASSWORD, assert_refused, cookie, page, sign_in, sign_up, submit};
use crate::harness::raw::Raw;

const ADA: &str = "ada@example.com";
const BETTER: &str = "seven lazy kettles";

async fn forgot(caller: &Caller, email: &str) -> crate::harness::client::Answer {
    submit(caller, "/forgot-password", &[("email", email)], &[]).await
}

async fn ready() -> (World, Caller) {
    let world = World::start().await;
    world.user("ada", PASSWORD).await;
    let anon = world.anon();
    (world, anon)
}

#[tokio::test]
async fn member_forgets_the_password_and_sets_another() {
    let (world, anon) = ready().await;
    let old = [sign_in(&anon, ADA, PASSWORD).await, sign_in(&anon, ADA, PASSWORD).await].map(|a| cookie(&a));
    assert_eq!(page(&anon, "/forgot-password", "").await.status, 200);
    let asked = forgot(&anon, " Ada@Example.com ").await;
    assert!(asked.status == 200 && asked.text.contains("Check your mail"), "{}", asked.text);
    let (link, token) = (world.link(ADA).await, world.token(ADA).await);
    let form = page(&anon, &link, "").await;
    assert!(form.status == 200 && form.text.contains(ADA) && !form.text.contains(".wasm"), "{}", form.text);
    assert_eq!(sign_in(&anon, ADA, PASSWORD).await.status, 303, "nothing has changed yet");

    let set = submit(&anon, "/reset-password", &[("token", &token), ("password", BETTER)], &[]).await;
    assert!(set.status == 200 && set.text.contains("Your password is changed"), "{}", set.text);
    assert_eq!(sign_in(&anon, ADA, PASSWORD).await.status, 401);
    assert_eq!(sign_in(&anon, ADA, BETTER).await.status, 303);
    for old in old {
        assert_eq!(page(&anon, "/", &old).await.header("location"), "/sign-in", "all sessions have ended");
    }
    assert_eq!(world.mails(ADA).await[0].0, "password_changed");
    let again = submit(&anon, "/reset-password", &[("token", &token), ("password", PASSWORD)], &[]).await;
    assert_refused(&again, 410, "This link was used already");
    assert_refused(&page(&anon, &link, "").await, 410, "Send the link");
    assert_eq!(sign_in(&anon, ADA, BETTER).await.status, 303);
}

#[tokio::test]
async fn anon_learns_nothing_about_an_unknown_e_mail() {
    let (world, anon) = ready().await;
    let mut seen = vec![];
    for email in [ADA, "bob@example.com"] {
        let before = (world.changes().await, world.console.passwords_hashed());
        let sent = forgot(&anon, email).await;
        assert_eq!((world.changes().await, world.console.passwords_hashed()), before);
        let nonce = sent.text.split("nonce=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        seen.push((sent.status, sent.text.replace(&nonce, "").replace(email, "")));
    }
    assert_eq!(seen[0], seen[1]);
    let links = "SELECT count(*) || '' FROM one_time_links";
    assert_eq!(Raw::open(&world.database()).await.texts(links).await, ["2"], "the same is written");
    assert!(world.mails("bob@example.com").await.is_empty(), "strangers are not written to");
}

#[tokio::test]
async fn member_types_a_weak_password_and_may_try_again() {
    let (world, anon) = ready().await;
    forgot(&anon, ADA).await;
    let token = world.token(ADA).await;
    for (password, says) in [
        ("short", "The password must have 8 to 200 characters."),
        ("password", "in every list of leaked passwords"),
        ("ada@example", "your own name or address"),
    ] {
        let fields = [("token", token.as_str()), ("password", password)];
        let refused = submit(&anon, "/reset-password", &fields, &[]).await;
        assert_refused(&refused, 422, says);
        assert!(refused.text.contains(&token) && refused.text.contains(ADA), "the form is still that form");
    }
    let set = submit(&anon, "/reset-password", &[("token", &token), ("password", BETTER)], &[]).await;
    assert_eq!(set.status, 200, "{}", set.text);
}

#[tokio::test]
async fn anon_follows_a_link_that_opens_nothing_and_is_offered_another() {
    let (world, anon) = ready().await;
    forgot(&anon, ADA).await;
    let link = world.link(ADA).await;
    for mangled in ["/reset-password", "/reset-password?token=x", &link[..link.len() - 1]] {
        assert_refused(&page(&anon, mangled, "").await, 404, "This link is not complete");
    }
    let verify = link.replace("reset-password", "verify-email");
    assert_refused(&page(&anon, &verify, "").await, 404, "This link is not complete");
    world.clock.advance(3_600 * SECOND);
    let token = link.split_once('=').unwrap().1;
    let fields = [("token", token), ("password", BETTER)];
    for told in [page(&anon, &link, "").await, submit(&anon, "/reset-password", &fields, &[]).await] {
        assert_refused(&told, 410, "This link has expired.");
        assert!(told.text.contains("Send the link"));
    }
    assert_eq!(sign_in(&anon, ADA, PASSWORD).await.status, 303);
}

#[tokio::test]
async fn member_who_never_verified_shows_it_by_resetting() {
    let world = World::start().await;
    let anon = world.anon();
    sign_up(&anon, ADA, "ada", PASSWORD).await;
    forgot(&anon, ADA).await;
    let token = world.token(ADA).await;
    submit(&anon, "/reset-password", &[("token", &token), ("password", BETTER)], &[]).await;
    let entered = sign_in(&anon, ADA, BETTER).await;
    let overview = page(&anon, "/", &cookie(&entered)).await;
    assert!(overview.status == 200 && !overview.text.contains("not verified yet"));
    assert_eq!(world.books().await.issued, Credits::whole(100));
    assert_eq!(sign_in(&anon, ADA, PASSWORD).await.status, 401);
}

#[tokio::test]
async fn anon_who_asks_again_and_again_waits_and_locks_nobody_out() {
    let (world, anon) = ready().await;
    for _ in 0..5 {
        assert_eq!(forgot(&anon, ADA).await.status, 200);
    }
    let refused = forgot(&anon, ADA).await;
    assert_refused(&refused, 429, "Too many attempts");
    assert_eq!(refused.header("retry-after"), "3600");
    assert_eq!(forgot(&anon, "bob@example.com").await.status, 200);
    assert_eq!(sign_in(&anon, ADA, PASSWORD).await.status, 303, "the password works as ever");
    assert_eq!(world.mails(ADA).await.len(), 5);
    let token = world.token(ADA).await;
    let set = submit(&anon, "/reset-password", &[("token", &token), ("password", BETTER)], &[]).await;
    assert_eq!(set.status, 200, "and so do the links that were sent");
}
