//! `/settings/api-keys/{key_id}`: one key, its limit changed and another put in its place, by plain forms.

use http::Method;
use serde_json::json;
use server::store::Permission;

use crate::harness::client::{Answer, answer, assert_error};
use crate::harness::visitor::{Visitor, whole_token};
use crate::harness::{Member, World};

const KEYS: &str = "/settings/api-keys";
const SCRIPT: &str = "<script>alert(1)</script>";

async fn ready() -> (World, Member, Visitor, String) {
    let world = World::start().await;
    let ada = world.member_with("ada", "10").await;
    let visitor = world.visitor(&ada, "token").await;
    let key = world.key(&ada, Permission::ReadWrite).await;
    (world, ada, visitor, format!("{KEYS}/{}", key.key.id))
}

fn change<'a>(
    name: &'a str,
    days: &'a str,
    limit: &'a str,
    period: &'a str,
    mode: &'a str,
) -> [(&'a str, &'a str); 5] {
    [
        ("name", name),
        ("expiration_days", days),
        ("limit", limit),
        ("limit_period", period),
        ("limit_mode", mode),
    ]
}

/// The 40 letters and digits of a secret that stands on a page.
fn secret(page: &Answer) -> Option<String> {
    let parts = page.text.split("plx_sk_").skip(1);
    let mut tails =
        parts.map(|part| part.chars().take_while(char::is_ascii_alphanumeric).collect::<String>());
    tails.find(|tail| tail.len() == 40).map(|tail| format!("plx_sk_{tail}"))
}

#[tokio::test]
async fn member_changes_name_expiry_and_limit_without_scripts() {
    let (world, _, visitor, page) = ready().await;
    let shown = visitor.open(&page).await;
    assert_eq!((shown.status, shown.header("cache-control")), (200, "no-store"));
    assert!(shown.text.contains("no expiry · no spend limit") && shown.text.contains("Rotate key"));
    let saved = visitor.submit(&page, &change(" ci ", "30", "2.5", "week", "hard")).await;
    assert_eq!((saved.status, saved.header("location")), (303, format!("{page}?saved=1").as_str()));
    let shown = visitor.open(saved.header("location")).await;
    for part in ["Your changes are saved.", "0 of 2.5 a week", "22 Dec 2026", "value=\"2.5\"", "value=\"ci\""]
    {
        assert!(shown.text.contains(part), "{part}: {}", shown.text);
    }
    assert!(shown.text.contains("value=\"week\" selected"));
    assert!(visitor.open(KEYS).await.text.contains("0 of 2.5 a week"));
    let freed = visitor.submit(&page, &change("ci", "", "", "month", "hard")).await;
    assert_eq!(freed.status, 303);
    let shown = visitor.open(&page).await;
    assert!(
        shown.text.contains("22 Dec 2026") && shown.text.contains("no spend limit"),
        "an empty expiry stays"
    );
    world.clock.advance(30 * ledger::time::DAY);
    let visitor = world.visitor(&world.member("bob").await, "bob").await;
    assert_eq!(visitor.open(&page).await.status, 404, "another account's");
}

#[tokio::test]
async fn member_is_told_beside_each_field_what_is_wrong_with_a_key() {
    let (_world, _, visitor, page) = ready().await;
    for (fields, field, reason) in [
        (change("", "", "", "", ""), "name", "Name must be one line"),
        (change("ci", "0", "", "", ""), "expiration_days", "Expiry must be 1 to 3650."),
        (change("ci", "soon", "", "", ""), "expiration_days", "Expiry must be a whole number"),
        (change("ci", "", "0", "day", "hard"), "limit", "Spend limit must be an amount of credits above 0"),
        (change("ci", "", SCRIPT, "day", "hard"), "limit", "Spend limit must be"),
        (change("ci", "", "5", "year", "hard"), "limit", "Spend limit must be"),
    ] {
        let refused = visitor.submit(&page, &fields).await;
        assert_eq!(refused.status, 422, "{fields:?}");
        let (_, rest) = refused.text.split_once(&format!("id=\"{field}-error\"")).expect("a place for it");
        let said = rest.split_once('>').map(|(_, rest)| rest.split('<').next().unwrap_or_default());
        assert!(said.is_some_and(|said| said.trim().starts_with(reason)), "{fields:?}: {said:?}");
        assert!(!refused.text.contains(SCRIPT));
    }
}

#[tokio::test]
async fn member_rotates_a_key_without_scripts_and_sees_the_new_secret_once() {
    let (world, ada, visitor, page) = ready().await;
    let id = page.rsplit('/').next().expect("an id").to_owned();
    let fields = |next: &'static str, overlap: &'static str| {
        [("rotates", id.as_str()), ("key_id", next), ("overlap_s", overlap)]
    };
    let refused = visitor.submit(KEYS, &fields("", "60")).await;
    assert!(refused.status == 422 && refused.text.contains("load the page again"), "{}", refused.text);
    for overlap in ["", "x", "604801", "-1"] {
        let refused = visitor.submit(KEYS, &fields("key_000000000001", overlap)).await;
        assert!(
            refused.status == 422 && refused.text.contains("Overlap must"),
            "{overlap}: {}",
            refused.text
        );
    }
    let made = visitor.submit(KEYS, &fields("key_000000000001", "3600")).await;
    assert_eq!((made.status, made.header("cache-control"), made.header("location")), (200, "no-store", ""));
    let secret = secret(&made).expect("a secret");
    world.caller(&secret).get("/usage/current").await.ok();
    let again = visitor.submit(KEYS, &fields("key_000000000001", "3600")).await;
    assert_eq!(again.status, 409, "a form that is sent twice makes one key");
    let again = visitor.submit(KEYS, &fields("key_000000000002", "3600")).await;
    assert!(again.status == 409 && again.text.contains("has been rotated before"), "{}", again.text);
    let list = visitor.open(KEYS).await;
    assert!(list.text.contains(">Rotated<") && !list.text.contains(&secret));
    assert!(!visitor.open(&page).await.text.contains("Rotate key"));
    let keys = world.caller(&secret).get("/auth/api-keys").await.ok();
    assert_eq!(keys["pagination"]["total"], json!(2));
    world.clock.advance(3_600 * ledger::time::SECOND);
    assert_eq!(world.console.get_user_by_email("ada@example.com").await.unwrap().id, ada.user_id);
    let old = visitor.open(&page).await;
    assert!(old.text.contains(">Expired<"), "{}", old.text);
}

#[tokio::test]
async fn member_sees_what_ends_with_a_key_before_it_is_revoked() {
    let (world, ada, visitor, _) = ready().await;
    let maker = world.key(&ada, Permission::ReadWrite).await;
    let holder = world.caller(maker.secret.as_str());
    for name in ["one", "two"] {
        holder.post("/auth/api-keys", &json!({"name": name, "permission_level": "read_only"})).await.ok();
    }
    let asked = visitor.open(&format!("{KEYS}?revoke={}", maker.key.id)).await;
    assert!(asked.text.contains("The 2 keys that were made with it are revoked as well."), "{}", asked.text);
    let page = visitor.open(&format!("{KEYS}/{}", maker.key.id)).await;
    assert!(page.text.contains("2 keys") && page.text.contains("Keys made with it end when it ends."));
}

#[tokio::test]
async fn member_sees_that_a_key_is_idle_after_thirty_days() {
    let (world, ada, visitor, page) = ready().await;
    assert!(!visitor.open(&page).await.text.contains("not used for 30 days"));
    world.clock.advance(30 * ledger::time::DAY);
    let visitor = world.visitor(&ada, "later").await;
    assert!(visitor.open(&page).await.text.contains("not used for 30 days"));
    assert!(visitor.open(KEYS).await.text.contains("not used for 30 days"));
}

#[tokio::test]
async fn anon_and_another_site_change_no_key() {
    let (world, ada, _, page) = ready().await;
    world.visitor(&ada, "second").await;
    let form = change("mine", "", "", "", "");
    let sent = answer(world.anon().request(Method::POST, &page).form(&form)).await;
    assert_eq!((sent.status, sent.header("location")), (303, format!("/sign-in?next={page}").as_str()));
    let cookie = format!("plexe_session={}", whole_token("second"));
    let request = world.anon().request(Method::POST, &page).header("cookie", cookie);
    let sent = answer(request.header("sec-fetch-site", "cross-site").form(&form)).await;
    assert_error(&sent, 403, "forbidden", "Another site");
    let anon = answer(world.anon().request(Method::GET, &page).header("accept", "text/html")).await;
    assert_eq!((anon.status, anon.header("location")), (303, format!("/sign-in?next={page}").as_str()));
    let visitor = world.visitor(&ada, "third").await;
    for nobody in ["key_000000000000", "nothing", "%3Cscript%3E"] {
        let rotation = [("rotates", nobody), ("key_id", "key_000000000009"), ("overlap_s", "60")];
        let changed = visitor.submit(&format!("{KEYS}/{nobody}"), &form).await;
        for sent in [changed, visitor.submit(KEYS, &rotation).await] {
            assert_eq!(
                (sent.status, sent.text.contains("There is no such key")),
                (404, true),
                "{}",
                sent.text
            );
        }
    }
    assert_eq!(world.as_member(&ada).await.get("/auth/api-keys").await.ok()["pagination"]["total"], 2);
}
