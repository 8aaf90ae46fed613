//! `GET` and `POST /sign-up`: strangers become users, and nobody learns who is one already.

use futures::future::join;
use server::console::users::UserForm;

use crate::harness::World;
use crate::harness::client::{Answer, assert_error};
use crate::harness::forms::{PASSWORD, assert_refused, cookie, page, sign_in, sign_up, submit, value};
use crate::harness::raw::Raw;

const TABLES: [&str; 6] = ["accounts", "users", "memberships", "one_time_links", "mails", "sessions"];

/// Everything that signing up can cost, but for the time it takes: rows of each table, committed changes, hashes.
#[derive(Debug, PartialEq)]
struct Work(Vec<String>, u64, u64);

async fn work(world: &World) -> Work {
    let mut raw = Raw::open(&world.database()).await;
    let mut rows = vec![];
    for table in TABLES {
        rows.extend(raw.texts(&format!("SELECT '{table} ' || count(*) FROM {table}")).await);
    }
    Work(rows, world.changes().await, world.console.passwords_hashed())
}

/// The page without what differs between any two pages.
fn plain(answer: &Answer, email: &str) -> String {
    let nonce = answer.text.split("nonce=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or("");
    answer.text.replace(nonce, "NONCE").replace(email, "EMAIL")
}

#[tokio::test]
async fn anon_signs_up_confirms_the_mail_and_has_the_credits() {
    let world = World::start().await;
    let anon = world.anon();
    let form = page(&anon, "/sign-up", "").await;
    assert_eq!(form.status, 200);
    assert!(!form.text.contains(".wasm"), "public pages load no wasm");
    assert_eq!(value(&form.text, "time_zone"), "UTC", "without scripts");
    assert!(form.text.contains("100 free credits for 30 days"), "{}", form.text);
    assert_eq!(form.header("cache-control"), "no-store");
    let sent = sign_up(&anon, " Ada@Example.com ", "Ada", PASSWORD).await;
    assert_eq!(sent.status, 200, "{}", sent.text);
    assert!(sent.text.contains("Check your mail") && sent.text.contains("ada@example.com"), "{}", sent.text);
    assert!(sent.text.contains("Send again") && sent.header("set-cookie").is_empty());
    let mails = world.mails("ada@example.com").await;
    assert_eq!((mails.len(), mails[0].0.as_str()), (1, "verify_email"));

    let confirmed = world.verify_email(&anon, "ada@example.com").await;
    assert_eq!(confirmed.status, 200, "{}", confirmed.text);
    assert!(confirmed.text.contains("Your e-mail is verified"), "{}", confirmed.text);
    assert_eq!(value(&confirmed.text, "email"), "ada@example.com");
    let entered = sign_in(&anon, "ada@example.com", PASSWORD).await;
    assert_eq!((entered.status, entered.header("location")), (303, "/"));
    let overview = page(&anon, "/", &cookie(&entered)).await;
    assert!(overview.text.contains("100") && !overview.text.contains("not verified"), "{}", overview.text);
    let user = world.console.get_user_by_email("ada@example.com").await.unwrap();
    assert_eq!((user.user_name.as_str(), user.time_zone.as_str()), ("ada", "Europe/Berlin"));
    assert_eq!((user.name.as_str(), user.is_claim), ("Ada Lovelace", false));
    let wallet = world.console.wallet(user.account_no, user.account_id).await.unwrap();
    assert_eq!(wallet.available, ledger::Credits::whole(100));
    world.console.store.verify_account(user.account_no, user.account_id).await.expect("books in order");
}

#[tokio::test]
async fn anon_learns_nothing_about_a_known_e_mail() {
    let world = World::start().await;
    let anon = world.anon();
    world.user("ada", PASSWORD).await;
    let mut costs = vec![];
    let mut pages = vec![];
    for (email, user_name) in [("ada@example.com", "one"), ("bob@example.com", "two")] {
        let before = work(&world).await;
        let sent = sign_up(&anon, email, user_name, "a long enough secret").await;
        assert_eq!(sent.status, 200, "{}", sent.text);
        let after = work(&world).await;
        let rows: Vec<i64> =
            (before.0.iter().zip(&after.0)).map(|(before, after)| count(after) - count(before)).collect();
        costs.push((rows, after.1 - before.1, after.2 - before.2));
        pages.push((sent.status, plain(&sent, email).replace(user_name, "USER")));
    }
    assert_eq!(costs[0], costs[1]);
    assert_eq!(costs[0], (vec![1, 1, 1, 1, 1, 0], 1, 1), "one of each, in one change, and one hash");
    assert_eq!(pages[0], pages[1], "the very same answer");
    assert_eq!(world.mails("ada@example.com").await[0].0, "already_registered", "only the owner is told");
    assert_eq!(world.mails("bob@example.com").await[0].0, "verify_email");
}

fn count(row: &str) -> i64 {
    row.rsplit(' ').next().and_then(|count| count.parse().ok()).expect("a count")
}

#[tokio::test]
async fn anon_who_claims_an_e_mail_sees_the_same_whether_or_not_it_is_somebodys() {
    let world = World::start().await;
    let anon = world.anon();
    world.user("ada", PASSWORD).await;
    let mut seen = vec![];
    for (email, user_name) in [("ada@example.com", "one"), ("bob@example.com", "two")] {
        sign_up(&anon, email, user_name, "a long enough secret").await;
        let before = world.console.passwords_hashed();
        let entered = sign_in(&anon, email, "a long enough secret").await;
        let hashes = world.console.passwords_hashed() - before;
        let overview = page(&anon, "/", &cookie(&entered)).await;
        assert!(overview.text.contains("not verified yet") && overview.text.contains("/verify-email/again"));
        seen.push((entered.status, hashes, overview.status));
        let wrong = world.console.passwords_hashed();
        assert_eq!(sign_in(&anon, email, "nobody's").await.status, 401);
        assert_eq!(world.console.passwords_hashed() - wrong, 2);
        let fields =
            [("name", "E"), ("user_name", user_name), ("email", "eve@example.com"), ("password", PASSWORD)];
        let taken = submit(&anon, "/sign-up", &fields, &[]).await;
        assert_refused(&taken, 409, "The username is taken");
    }
    assert_eq!(seen[0], seen[1]);
    let owner = sign_in(&anon, "ada@example.com", PASSWORD).await;
    let overview = page(&anon, "/", &cookie(&owner)).await;
    assert!(!overview.text.contains("not verified yet"), "the owner comes in as ever");
    world.clock.advance(31 * ledger::time::DAY);
    world.console.forget_old_sign_ups().await.unwrap();
    assert!(world.console.get_user_by_email("bob@example.com").await.is_err(), "forgotten");
    assert_eq!(sign_in(&anon, "ada@example.com", PASSWORD).await.status, 303);
}

#[tokio::test]
async fn anon_types_what_is_no_answer_and_keeps_it() {
    let world = World::start().await;
    let anon = world.anon();
    let before = work(&world).await;
    let long = "x".repeat(1_000);
    let good = [
        ("name", "Ada"),
        ("user_name", "ada"),
        ("email", "ada@example.com"),
        ("password", PASSWORD),
        ("form", "f"),
    ];
    for (field, typed, says) in [
        ("name", "", "The name must be one line of 1 to 100 characters."),
        ("name", "   ", "The name must be one line"),
        ("name", long.as_str(), "The name must be one line"),
        ("name", "a\nb", "The name must be one line"),
        ("user_name", "", "The username must have 1 to 64 letters"),
        ("user_name", "a b", "The username must have"),
        ("user_name", "<script>alert(1)</script>", "The username must have"),
        ("user_name", long.as_str(), "The username must have"),
        ("email", "", "The e-mail must be an e-mail address"),
        ("email", "ada", "The e-mail must be"),
        ("email", "ada@", "The e-mail must be"),
        ("email", "a@b@c", "The e-mail must be"),
        ("email", "\"><script>alert(1)</script>@example.com", "The e-mail must be"),
        ("password", "", "The password must have 8 to 200 characters."),
        ("password", "short", "The password must have 8 to 200"),
        ("password", long.as_str(), "The password must have 8 to 200"),
        ("password", "password1", "The password is one of those most used"),
        ("password", "iloveyou", "in every list of leaked passwords"),
        ("password", "ada@example.com", "your own name or address"),
    ] {
        let fields = good.map(|(name, value)| (name, if name == field { typed } else { value }));
        let refused = submit(&anon, "/sign-up", &fields, &[]).await;
        assert_refused(&refused, 422, says);
        assert!(refused.text.contains(&format!("id=\"{field}-error\"")), "beside its field");
        assert!(refused.text.contains("<title>Error: Sign up"), "{}", refused.text);
        assert!(!refused.text.contains("<script>alert"), "typed text is no markup: {}", refused.text);
        if field != "password" && !typed.contains(['"', '<', '\n']) {
            assert_eq!(value(&refused.text, field), typed, "what was typed is kept");
        }
        assert_eq!(value(&refused.text, "password"), "", "and a password is not");
        assert!(!refused.text.contains(PASSWORD));
    }
    let all = submit(&anon, "/sign-up", &[], &[]).await;
    for field in ["name", "user_name", "email", "password"] {
        assert_refused(&all, 422, &format!("id=\"{field}-error\""));
    }
    assert_eq!(work(&world).await, before, "nothing is written, nothing is hashed");
}

#[tokio::test]
async fn a_script_in_a_name_is_text_on_every_page() {
    let world = World::start().await;
    let anon = world.anon();
    let name = "<script>alert(1)</script>";
    let fields = [("name", name), ("user_name", "eve"), ("email", "eve@example.com"), ("password", PASSWORD)];
    assert_eq!(submit(&anon, "/sign-up", &fields, &[]).await.status, 200);
    let button = page(&anon, &world.link("eve@example.com").await, "").await;
    assert!(button.text.contains("&lt;script") && !button.text.contains("<script>alert"), "{}", button.text);
    world.verify_email(&anon, "eve@example.com").await;
    let entered = sign_in(&anon, "eve@example.com", PASSWORD).await;
    let overview = page(&anon, "/", &cookie(&entered)).await;
    assert_eq!(overview.status, 200);
    assert!(!overview.text.contains("<script>alert"), "{}", overview.text);
}

#[tokio::test]
async fn anon_is_told_that_a_user_name_is_taken_before_anything_is_written() {
    let world = World::start().await;
    let anon = world.anon();
    world.user("ada", PASSWORD).await;
    let before = work(&world).await;
    for typed in ["ada", "ADA", " Ada "] {
        let refused = sign_up(&anon, "eve@example.com", typed, PASSWORD).await;
        assert_refused(&refused, 409, "The username is taken");
        assert_eq!(value(&refused.text, "email"), "eve@example.com");
    }
    assert_eq!(work(&world).await, before);
}

#[tokio::test]
async fn anon_sends_the_form_twice_and_has_one_account() {
    let world = World::start().await;
    let anon = world.anon();
    let (first, second) = join(
        sign_up(&anon, "ada@example.com", "ada", PASSWORD),
        sign_up(&anon, "ada@example.com", "ada", PASSWORD),
    )
    .await;
    let third = sign_up(&anon, "ada@example.com", "ada", PASSWORD).await;
    for sent in [&first, &second, &third] {
        assert_eq!(sent.status, 200, "{}", sent.text);
        assert_eq!(plain(sent, "-"), plain(&first, "-"));
    }
    assert_eq!(world.mails("ada@example.com").await.len(), 1);
    assert_eq!(world.books().await.users, 1);
    assert_eq!(world.books().await.accounts, 1);
}

#[tokio::test]
async fn anon_goes_back_to_correct_the_address() {
    let world = World::start().await;
    let anon = world.anon();
    let sent = sign_up(&anon, "ada@exampel.com", "ada", PASSWORD).await;
    assert!(sent.text.contains("Correct it"));
    let wrong = world.link("ada@exampel.com").await;
    let sent = sign_up(&anon, "ada@example.com", "ada", PASSWORD).await;
    assert_eq!(sent.status, 200, "the user name is still theirs: {}", sent.text);
    assert_refused(&page(&anon, &wrong, "").await, 410, "another one has taken its place");
    assert_eq!(sign_in(&anon, "ada@exampel.com", PASSWORD).await.status, 401);
    assert_eq!(world.verify_email(&anon, "ada@example.com").await.status, 200);
    assert_eq!(sign_in(&anon, "ada@example.com", PASSWORD).await.status, 303);
}

#[tokio::test]
async fn anon_in_an_unknown_zone_is_in_utc() {
    let world = World::start().await;
    let anon = world.anon();
    for (number, (sent, kept)) in
        [("Asia/Kathmandu", "Asia/Kathmandu"), ("Mars/Olympus", "UTC"), ("<script>", "UTC"), ("", "UTC")]
            .into_iter()
            .enumerate()
    {
        let (email, user_name) = (format!("u{number}@example.com"), format!("u{number}"));
        let fields = [
            ("name", "U"),
            ("user_name", user_name.as_str()),
            ("email", email.as_str()),
            ("password", PASSWORD),
            ("time_zone", sent),
        ];
        assert_eq!(submit(&anon, "/sign-up", &fields, &[]).await.status, 200);
        assert_eq!(world.console.get_user_by_email(&email).await.unwrap().time_zone, kept, "{sent}");
    }
}

#[tokio::test]
async fn anon_who_signs_up_one_e_mail_again_and_again_waits_and_others_do_not() {
    let world = World::start().await;
    let anon = world.anon();
    for n in 0..5 {
        assert_eq!(sign_up(&anon, "ada@example.com", &format!("a{n}"), PASSWORD).await.status, 200);
    }
    let before = work(&world).await;
    let refused = sign_up(&anon, "ada@example.com", "a5", PASSWORD).await;
    assert_refused(&refused, 429, "Too many attempts");
    assert_eq!(refused.header("retry-after"), "3600");
    assert_eq!(work(&world).await, before);
    assert_eq!(sign_up(&anon, "bob@example.com", "bob", PASSWORD).await.status, 200);
    world.clock.advance(3_600 * ledger::time::SECOND);
    assert_eq!(sign_up(&anon, "ada@example.com", "a5", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn operator_may_set_any_password_of_sane_length() {
    let world = World::start().await;
    let form = |password: &str| UserForm {
        email: "ada@example.com".to_owned(),
        name: "Ada".to_owned(),
        user_name: "ada".to_owned(),
        password: password.to_owned(),
        is_verified: false,
        is_operator: false,
    };
    assert!(world.console.create_user(form("short")).await.is_err());
    assert!(world.console.create_user(form("engine no. 1")).await.is_ok());
    let anon = world.anon();
    let entered = sign_in(&anon, "ada@example.com", "engine no. 1").await;
    let overview = page(&anon, "/", &cookie(&entered)).await;
    assert!(overview.text.contains("not verified yet"), "{}", overview.text);
    sign_up(&anon, "ada@example.com", "other", PASSWORD).await;
    assert_eq!(world.mails("ada@example.com").await[0].0, "already_registered");
}

#[tokio::test]
async fn another_site_signs_nobody_up() {
    let world = World::start().await;
    let before = work(&world).await;
    let fields = [("name", "A"), ("user_name", "a"), ("email", "a@example.com"), ("password", PASSWORD)];
    for path in ["/sign-up", "/verify-email", "/verify-email/again", "/forgot-password", "/reset-password"] {
        let refused = submit(&world.anon(), path, &fields, &[("sec-fetch-site", "cross-site")]).await;
        assert_error(&refused, 403, "forbidden", "Another site");
    }
    assert_eq!(work(&world).await, before);
}

#[tokio::test]
async fn member_has_no_use_for_the_form() {
    let world = World::start().await;
    let anon = world.anon();
    world.user("ada", PASSWORD).await;
    let cookie = cookie(&sign_in(&anon, "ada@example.com", PASSWORD).await);
    let led = page(&anon, "/sign-up", &cookie).await;
    assert_eq!((led.status, led.header("location")), (303, "/"));
}
