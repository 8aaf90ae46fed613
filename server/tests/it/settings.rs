//! `/settings/…`: the pages' forms without scripts, and the server functions that scripts call instead.

use http::Method;
use server::store::{AccountStatus, NewUser, Permission};

use crate::harness::client::{Answer, answer, assert_error};
use crate::harness::visitor::{Visitor, whole_token};
use crate::harness::{Member, World};

const ACCOUNT: &str = "/settings/account";
const KEYS: &str = "/settings/api-keys";
const REVOKE: &str = "/settings/api-keys/revoke";
const SCRIPT: &str = "<script>alert(1)</script>";

async fn ready() -> (World, Member, Visitor) {
    let world = World::start().await;
    let ada = world.member_with("ada", "10").await;
    let visitor = world.visitor(&ada, "token").await;
    (world, ada, visitor)
}

fn profile<'a>(name: &'a str, user_name: &'a str, time_zone: &'a str) -> [(&'a str, &'a str); 3] {
    [("name", name), ("user_name", user_name), ("time_zone", time_zone)]
}

/// The value that stands in a field of the page.
fn value(page: &Answer, field: &str) -> String {
    let input = page.text.split("<input").find(|input| input.contains(&format!(" name=\"{field}\"")));
    let input = input.unwrap_or_else(|| panic!("no field {field}: {}", page.text));
    let rest = input.split_once(" value=\"").map(|(_, rest)| rest).unwrap_or_default();
    rest.split('"').next().unwrap_or_default().to_owned()
}

/// What stands beside a field as wrong.
fn wrong(page: &Answer, field: &str) -> String {
    let (_, rest) = page.text.split_once(&format!("id=\"{field}-error\"")).expect("a place for errors");
    let (_, rest) = rest.split_once('>').expect("an element");
    rest.split('<').next().unwrap_or_default().trim().to_owned()
}

#[tokio::test]
async fn member_sees_who_they_are() {
    let (_world, ada, visitor) = ready().await;
    let page = visitor.open(ACCOUNT).await;
    assert_eq!(page.status, 200);
    for shown in [
        ada.user_id.to_string(),
        ada.account.to_string(),
        "ada@example.com".into(),
        "22 November 2026".into(),
    ] {
        assert!(page.text.contains(&shown), "{shown} is missing");
    }
    assert_eq!((value(&page, "name"), value(&page, "user_name")), ("ada".into(), "ada".into()));
    assert!(page.text.contains("value=\"UTC\" selected"));
    assert!(page.text.contains(">Verified<") && page.text.contains(">Active<"));
    assert_eq!(page.header("cache-control"), "no-store");
}

#[tokio::test]
async fn member_changes_everything_there_is_without_scripts() {
    let (world, ada, visitor) = ready().await;
    let saved = visitor.submit(ACCOUNT, &profile(" Ada Lovelace ", "Countess.Ada", "asia/kathmandu")).await;
    assert_eq!((saved.status, saved.header("location")), (303, "/settings/account?saved=1"));
    let page = visitor.open(saved.header("location")).await;
    assert!(page.text.contains("Your changes are saved."));
    assert_eq!(value(&page, "name"), "Ada Lovelace");
    assert_eq!(value(&page, "user_name"), "countess.ada");
    assert!(page.text.contains("value=\"Asia/Kathmandu\" selected"), "by the name that IANA writes");
    assert!(page.text.contains(">AL<"), "the frame shows the new initials");
    let user = world.as_member(&ada).await.get("/auth/user").await.ok();
    assert_eq!((&user["name"], &user["user_name"]), (&"Ada Lovelace".into(), &"countess.ada".into()));
    let overview = visitor.open("/").await;
    assert!(overview.text.contains("Asia/Kathmandu"), "charts are in the new zone");
}

#[tokio::test]
async fn member_is_told_beside_each_field_and_keeps_what_was_typed() {
    let (world, _, visitor) = ready().await;
    world.member("bob").await;
    let long = "a".repeat(1_000);
    for (name, user_name, field, status, reason) in [
        ("", "ada", "name", 422, "Name must be one line of 1 to 100 characters."),
        ("   ", "ada", "name", 422, "Name must be"),
        ("\u{200b}", "ada", "name", 422, "Name must be"),
        ("a\nb", "ada", "name", 422, "Name must be"),
        (&long, "ada", "name", 422, "Name must be"),
        ("Ada", "", "user_name", 422, "Username must have 1 to 64 letters"),
        ("Ada", &long, "user_name", 422, "Username must have"),
        ("Ada", "a b", "user_name", 422, "Username must have"),
        ("Ada", SCRIPT, "user_name", 422, "Username must have"),
        ("Ada", "bob", "user_name", 409, "Username is taken."),
        ("Ada", "BOB", "user_name", 409, "Username is taken."),
    ] {
        let page = visitor.submit(ACCOUNT, &profile(name, user_name, "UTC")).await;
        assert_eq!(page.status, status, "{name:?} {user_name:?}");
        assert!(wrong(&page, field).starts_with(reason), "{name:?} {user_name:?}: {}", wrong(&page, field));
        let typed = if field == "name" { name } else { user_name };
        assert_eq!(value(&page, field), typed.replace('<', "&lt;").replace('>', "&gt;"), "kept as typed");
        assert!(!page.text.contains("Your changes are saved."));
    }
    let page = visitor.submit(ACCOUNT, &profile("Ada", "ada", "Mars/Olympus")).await;
    assert_eq!(page.status, 422);
    assert!(wrong(&page, "time_zone").starts_with("Time zone must be an IANA time zone"));
    let page = visitor.submit(ACCOUNT, &[]).await;
    for field in ["name", "user_name", "time_zone"] {
        assert!(!wrong(&page, field).is_empty(), "{field}");
    }
}

#[tokio::test]
async fn member_may_be_called_by_markup_and_nobody_runs_it() {
    let (_world, _, visitor) = ready().await;
    let saved = visitor.submit(ACCOUNT, &profile(SCRIPT, "ada", "UTC")).await;
    assert_eq!(saved.status, 303);
    for path in ["/", ACCOUNT, KEYS] {
        let page = visitor.open(path).await;
        assert!(page.text.contains("&lt;script&gt;alert(1)"), "{path} shows it as text");
        assert!(!page.text.contains(SCRIPT), "{path}");
    }
}

#[tokio::test]
async fn member_changes_by_server_function_with_the_same_answers() {
    let (world, _, visitor) = ready().await;
    world.member("bob").await;
    let change = |name, user_name, zone| {
        let visitor = &visitor;
        async move { visitor.call("account/change_account", &profile(name, user_name, zone)).await }
    };
    let view = change("Ada L", "ADA", "Europe/Berlin").await.ok();
    assert_eq!(view["viewer"]["name"], "Ada L");
    assert_eq!(
        (&view["viewer"]["user_name"], &view["viewer"]["time_zone"]),
        (&"ada".into(), &"Europe/Berlin".into())
    );
    let refused = change(" ", "bob", "x").await;
    assert_eq!(refused.status, 422, "{}", refused.text);
    for field in ["name", "time_zone"] {
        assert!(refused.text.contains(field), "{}", refused.text);
    }
    let taken = change("Ada", "bob", "UTC").await;
    assert_eq!((taken.status, taken.text.contains("Username is taken.")), (409, true), "{}", taken.text);
    assert_eq!(visitor.call("account/change_account", &[("name", "x")]).await.status, 422);
}

#[tokio::test]
async fn anon_is_led_to_sign_in_and_changes_nothing() {
    let (world, ada, _) = ready().await;
    let anon = world.anon();
    for (path, next) in [(ACCOUNT, ACCOUNT), (KEYS, KEYS), (REVOKE, KEYS)] {
        let sent = answer(anon.request(Method::POST, path).form(&profile("Eve", "eve", "UTC"))).await;
        assert_eq!((sent.status, sent.header("location")), (303, format!("/sign-in?next={next}").as_str()));
    }
    for function in ["account/change_account", "api_keys/create_api_key", "api_keys/revoke_api_key"] {
        let fields =
            [("name", "x"), ("user_name", "y"), ("time_zone", "UTC"), ("key_id", "z"), ("permission", "")];
        let fields = [&fields[..], &[("expiration_days", "")]].concat();
        let sent =
            answer(anon.request(Method::POST, &format!("/api/app/api/{function}")).form(&fields)).await;
        assert_eq!(sent.status, 401, "{function}: {}", sent.text);
    }
    for function in ["account/account", "api_keys/api_keys?show=active"] {
        assert_eq!(anon.get(&format!("/api/app/api/{function}")).await.status, 401, "{function}");
    }
    assert_eq!(world.console.get_user_by_email("ada@example.com").await.unwrap(), ada.row);
}

#[tokio::test]
async fn another_site_changes_nothing() {
    let (world, ada, _) = ready().await;
    world.visitor(&ada, "second").await;
    for path in
        [ACCOUNT, KEYS, REVOKE, "/api/app/api/account/change_account", "/api/app/api/api_keys/create_api_key"]
    {
        let request = world
            .anon()
            .request(Method::POST, path)
            .header("cookie", format!("plexe_session={}", whole_token("second")));
        let sent =
            answer(request.header("sec-fetch-site", "cross-site").form(&profile("E", "e", "UTC"))).await;
        assert_error(&sent, 403, "forbidden", "Another site");
    }
}

#[tokio::test]
async fn member_of_a_suspended_account_changes_nothing_and_reads_why() {
    let (world, _, visitor) = ready().await;
    world.console.set_user_status("ada@example.com", AccountStatus::Suspended).await.unwrap();
    let page = visitor.submit(ACCOUNT, &profile("Eve", "ada", "UTC")).await;
    assert_eq!(page.status, 403);
    assert!(page.text.contains("This account is suspended.") && page.text.contains(">Suspended<"));
    assert_eq!(value(&page, "name"), "Eve", "kept as typed");
    let page = visitor.submit(KEYS, &key("ci", "read_only", "", "key_aaaaaaaaaaaa")).await;
    assert_eq!((page.status, page.text.contains("This account is suspended.")), (403, true));
}

fn key<'a>(name: &'a str, permission: &'a str, days: &'a str, id: &'a str) -> [(&'a str, &'a str); 4] {
    [("key_id", id), ("name", name), ("permission", permission), ("expiration_days", days)]
}

/// The secrets that stand on a page.
fn secrets(page: &Answer) -> Vec<String> {
    let parts = page.text.split("plx_sk_").skip(1);
    let secrets = parts.map(|part| part.chars().take_while(char::is_ascii_alphanumeric).collect::<String>());
    let mut secrets: Vec<String> =
        secrets.filter(|part| part.len() == 40).map(|part| format!("plx_sk_{part}")).collect();
    secrets.sort();
    secrets.dedup();
    secrets
}

#[tokio::test]
async fn member_makes_a_key_without_scripts_and_sees_its_secret_once() {
    let (world, _, visitor) = ready().await;
    let form = visitor.open(KEYS).await;
    let id = value(&form, "key_id");
    let made = visitor.submit(KEYS, &key("laptop", "read_only", "30", &id)).await;
    assert_eq!((made.status, made.header("cache-control"), made.header("location")), (200, "no-store", ""));
    let [secret] = &secrets(&made)[..] else { panic!("one secret on the page: {}", made.text) };
    assert!(
        made.text.contains(&format!("curl {}/usage/current", world.console.config.base_url)),
        "a request that works as it stands"
    );
    let current = world.caller(secret).get("/usage/current").await.ok();
    assert_eq!(current["credits"], 10);
    let list = visitor.open(KEYS).await;
    assert!(
        list.text.contains("laptop") && list.text.contains("Read only") && list.text.contains("22 Dec 2026")
    );
    assert!(secrets(&list).is_empty(), "a secret is shown once");
    assert_ne!(value(&list, "key_id"), id, "the next form makes another key");
}

#[tokio::test]
async fn member_sends_the_same_form_twice_and_makes_one_key() {
    let (world, ada, visitor) = ready().await;
    let fields = key("laptop", "read_write", "", "key_000000000001");
    let (one, two) = futures::join!(visitor.submit(KEYS, &fields), visitor.submit(KEYS, &fields));
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    let refused = if one.status == 409 { one } else { two };
    assert!(refused.text.contains("This form was sent before"), "{}", refused.text);
    assert!(secrets(&refused).is_empty());
    let called = visitor.call("api_keys/create_api_key", &fields).await;
    assert_eq!(called.status, 409, "{}", called.text);
    let keys = world.as_member(&ada).await.get("/auth/api-keys").await.ok();
    assert_eq!(keys["pagination"]["total"], 2, "the one, and the one that asks");
}

#[tokio::test]
async fn member_cannot_take_the_id_of_another_account_s_key() {
    let (world, _, visitor) = ready().await;
    let bob = world.member("bob").await;
    let theirs = world.key(&bob, Permission::ReadOnly).await.key.id;
    let refused = visitor.submit(KEYS, &key("mine", "read_only", "", theirs.as_str())).await;
    assert_eq!(refused.status, 409);
    let gone = visitor.submit(REVOKE, &[("key_id", theirs.as_str())]).await;
    assert_eq!(gone.status, 404);
    assert!(world.console.get_api_key(bob.account_no, &theirs).await.unwrap().revoked_at.is_none());
}

#[tokio::test]
async fn member_is_told_what_is_wrong_with_a_key_and_keeps_what_was_typed() {
    let (_world, _, visitor) = ready().await;
    let long = "n".repeat(101);
    for (name, permission, days, field, reason) in [
        ("", "read_only", "", "name", "Name must be one line of 1 to 100 characters."),
        (" ", "read_only", "", "name", "Name must be"),
        (&long, "read_only", "", "name", "Name must be"),
        ("ci", "", "", "permission", "Permission must be chosen."),
        ("ci", "admin", "", "permission", "Permission must be chosen."),
        ("ci", "read_only", "0", "expiration_days", "Expiry must be 1 to 3650."),
        ("ci", "read_only", "3651", "expiration_days", "Expiry must be 1 to 3650."),
        ("ci", "read_only", SCRIPT, "expiration_days", "Expiry must be a whole number"),
    ] {
        let page = visitor.submit(KEYS, &key(name, permission, days, "key_000000000002")).await;
        assert_eq!(page.status, 422, "{name:?} {permission:?} {days:?}");
        assert!(wrong(&page, field).starts_with(reason), "{}", wrong(&page, field));
        assert_eq!(value(&page, "expiration_days"), days.replace('<', "&lt;").replace('>', "&gt;"));
        assert!(!page.text.contains(SCRIPT));
    }
    let page = visitor.submit(KEYS, &key("ci", "read_only", "", "")).await;
    assert_eq!((page.status, page.text.contains("Key is missing; load the page again.")), (422, true));
    assert_eq!(value(&page, "name"), "ci");
}

#[tokio::test]
async fn member_makes_ten_keys_an_hour_and_is_told_when_again() {
    let (world, _, visitor) = ready().await;
    for n in 0..10 {
        let made = visitor.submit(KEYS, &key("k", "read_only", "", &format!("key_{n:012}"))).await;
        assert_eq!(made.status, 200);
    }
    let refused = visitor.submit(KEYS, &key("k", "read_only", "", "key_zzzzzzzzzzzz")).await;
    assert_eq!(refused.status, 429);
    assert!(refused.text.contains("Try again in 60 minutes."), "{}", refused.text);
    assert_eq!(visitor.submit(KEYS, &key("", "", "", "")).await.status, 422, "what is wrong is said first");
    world.clock.advance(3_600_000_000);
    let made = visitor.submit(KEYS, &key("k", "read_only", "", "key_zzzzzzzzzzzz")).await;
    assert_eq!(made.status, 200, "the refused form may be sent again");
}

#[tokio::test]
async fn member_without_a_verified_e_mail_makes_no_key() {
    let (world, ada, _) = ready().await;
    let user = NewUser {
        id: "user_0190000000007000800000000000000e".parse().unwrap(),
        account_id: "acct_0190000000007000800000000000000e".parse().unwrap(),
        email: "eve@example.com".to_owned(),
        name: "Eve".to_owned(),
        user_name: "eve".to_owned(),
        password_hash: None,
        verified_at: None,
        is_operator: false,
        time_zone: "UTC".to_owned(),
        created_at: ada.row.created_at,
    };
    world.console.store.insert_user(&user).await.unwrap();
    let row = world.console.get_user_by_email("eve@example.com").await.unwrap();
    let eve = Member { user_id: row.id, account: row.account_id, account_no: row.account_no, row };
    let visitor = world.visitor(&eve, "eve").await;
    let page = visitor.open(KEYS).await;
    assert!(page.text.contains("Keys can be made once your e-mail address is verified."));
    assert!(!page.text.contains("name=\"key_id\""), "there is no form");
    let refused = visitor.submit(KEYS, &key("k", "read_only", "", "key_000000000003")).await;
    assert_eq!(refused.status, 403);
    let by_script =
        visitor.call("api_keys/create_api_key", &key("k", "read_only", "", "key_000000000003")).await;
    assert_eq!((by_script.status, by_script.text.contains("not verified")), (403, true));
    let by_operator = world.key(&eve, Permission::ReadWrite).await;
    let caller = world.caller(by_operator.secret.as_str());
    let body = serde_json::json!({"name": "x", "permission_level": "read_only"});
    assert_error(&caller.post("/auth/api-keys", &body).await, 403, "email_not_verified", "not verified");
    assert!(visitor.open(ACCOUNT).await.text.contains(">Not verified<"));
}

#[tokio::test]
async fn member_is_asked_before_a_key_is_revoked_and_then_it_is_worth_nothing() {
    let (world, ada, visitor) = ready().await;
    let made = world.key(&ada, Permission::ReadWrite).await;
    let (id, holder) = (made.key.id.to_string(), world.caller(made.secret.as_str()));
    holder.get("/usage/current").await.ok();
    let list = visitor.open(KEYS).await;
    assert!(list.text.contains(&format!("{KEYS}?show=active&amp;revoke={id}")), "a link to the question");
    assert!(!list.text.contains("<dialog"));
    let question = visitor.open(&format!("{KEYS}?revoke={id}")).await;
    assert!(
        question.text.contains("<dialog") && question.text.contains("are refused from their next request on")
    );
    assert_eq!(value(&question, "key_id").len(), 16);
    let revoked = visitor.submit(REVOKE, &[("key_id", &id)]).await;
    assert_eq!((revoked.status, revoked.header("location")), (303, "/settings/api-keys?revoked=1"));
    assert_error(&holder.get("/usage/current").await, 401, "revoked_key", "revoked");
    assert!(visitor.open(revoked.header("location")).await.text.contains("The key is revoked."));
    assert!(visitor.open(&format!("{KEYS}?show=revoked")).await.text.contains("a key"));
    assert_eq!(visitor.submit(REVOKE, &[("key_id", &id)]).await.status, 303, "again changes nothing");
    for nothing in ["", "key_unknown", "key_000000000009", SCRIPT] {
        let page = visitor.submit(REVOKE, &[("key_id", nothing)]).await;
        assert_eq!(page.status, 404, "{nothing:?}");
        let called = visitor.call("api_keys/revoke_api_key", &[("key_id", nothing)]).await;
        assert_eq!(called.status, 404, "{nothing:?}");
    }
}

#[tokio::test]
async fn member_sees_which_keys_are_used_and_which_have_ended() {
    let (world, ada, visitor) = ready().await;
    let short = world.key_for(&ada, Permission::ReadOnly, Some(1)).await;
    let holder = world.caller(short.secret.as_str());
    for _ in 0..3 {
        holder.get("/usage/current").await.ok();
    }
    assert!(visitor.open(KEYS).await.text.contains(">3<"), "requests in the last 30 days");
    world.clock.advance(ledger::time::DAY - 1);
    assert!(visitor.open(KEYS).await.text.contains("a key"));
    world.clock.advance(1);
    let visitor = world.visitor(&ada, "tomorrow").await;
    assert!(visitor.open(KEYS).await.text.contains("No key is active."));
    assert!(visitor.open(&format!("{KEYS}?show=all")).await.text.contains(">Expired<"));
    assert!(visitor.open(&format!("{KEYS}?show=revoked")).await.text.contains("No key has been revoked."));
}

#[tokio::test]
async fn member_finds_settings_by_their_short_name() {
    let (_world, _, visitor) = ready().await;
    let moved = visitor.open("/settings").await;
    assert_eq!((moved.status, moved.header("location")), (303, ACCOUNT));
}
