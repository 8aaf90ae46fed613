//! `POST /sign-in` and `POST /sign-out`: plain forms, and the cookie they set.

use http::Method;
use serde_json::json;
use server::auth::tokens::hash;
use server::console::users::UserForm;

use crate::harness::World;
use crate::harness::client::{Caller, answer, assert_error};
use crate::harness::forms::{cookie, encoded, get_with, sign_in, submit};
use crate::harness::visitor::whole_token;

const PASSWORD: &str = "correct horse";

/// A console where ada can sign in.
async fn ready(base_url: Option<&str>) -> (World, Caller) {
    let world = World::with(|config| {
        if let Some(url) = base_url {
            config.base_url = url.parse().expect("a base URL");
        }
    })
    .await;
    let form = UserForm {
        email: "ada@example.com".to_owned(),
        name: "Ada".to_owned(),
        user_name: "ada".to_owned(),
        password: PASSWORD.to_owned(),
        is_verified: true,
        is_operator: false,
    };
    world.console.create_user(form).await.expect("a user");
    let anon = world.anon();
    (world, anon)
}

#[tokio::test]
async fn anon_is_led_to_the_form_and_back() {
    let (_world, anon) = ready(None).await;
    let page = get_with(&anon, "/", &[("accept", "text/html")]).await;
    assert_eq!((page.status, page.header("location")), (303, "/sign-in"));
    let page = get_with(&anon, "/sign-in?next=/%3Frange%3D24h", &[("accept", "text/html")]).await;
    assert_eq!(page.status, 200);
    assert!(
        page.text.contains(r#"action="/sign-in""#) && page.text.contains(r#"value="/?range=24h""#),
        "{}",
        page.text
    );
    assert_eq!(page.header("cache-control"), "no-store");
    assert!(page.header("content-security-policy").contains("default-src 'self'"));
}

#[tokio::test]
async fn member_signs_in_in_any_case_and_reads_with_the_cookie() {
    let (_world, anon) = ready(None).await;
    let entered = submit(
        &anon,
        "/sign-in",
        &[("email", " Ada@Example.com "), ("password", PASSWORD), ("next", "/?range=24h")],
        &[],
    )
    .await;
    assert_eq!((entered.status, entered.header("location")), (303, "/?range=24h"));
    let set = entered.header("set-cookie").to_owned();
    assert!(set.starts_with("plexe_session="), "{set}");
    for flag in ["; HttpOnly", "; SameSite=Lax", "; Path=/", "; Max-Age=7776000"] {
        assert!(set.contains(flag), "{set}");
    }
    assert!(!set.contains("Secure") && !set.contains("Domain"), "{set}");
    let cookie = cookie(&entered);
    let user = get_with(&anon, "/auth/user", &[("cookie", &cookie)]).await.ok();
    assert_eq!((&user["email"], &user["credits"]), (&json!("ada@example.com"), &json!(100)));
    let page = get_with(&anon, "/", &[("cookie", &cookie), ("accept", "text/html")]).await;
    assert_eq!(page.status, 200, "{}", page.text);
    assert!(page.text.contains("100"), "the balance is on the page without any script");
    let form = get_with(&anon, "/sign-in", &[("cookie", &cookie), ("accept", "text/html")]).await;
    assert_eq!((form.status, form.header("location")), (303, "/"), "the form is for others");
}

#[tokio::test]
async fn member_of_a_console_on_https_gets_a_cookie_for_this_host_only() {
    let (_world, anon) = ready(Some("https://console.example")).await;
    let entered = sign_in(&anon, "ada@example.com", PASSWORD).await;
    let set = entered.header("set-cookie");
    assert!(
        set.starts_with("__Host-plexe_session=") && set.contains("; Secure") && set.contains("; HttpOnly"),
        "{set}"
    );
    assert_eq!(entered.header("strict-transport-security"), "max-age=31536000; includeSubDomains");
    get_with(&anon, "/auth/user", &[("cookie", &cookie(&entered))]).await.ok();
    let plain = cookie(&entered).replace("__Host-", "");
    assert_error(&get_with(&anon, "/auth/user", &[("cookie", &plain)]).await, 401, "unauthorized", "key");
}

#[tokio::test]
async fn anon_guesses_and_learns_nothing() {
    let (_world, anon) = ready(None).await;
    let wrong = sign_in(&anon, "ada@example.com", "wrong horse").await;
    let unknown = sign_in(&anon, "eve@example.com", "wrong horse").await;
    for answer in [&wrong, &unknown] {
        assert_eq!((answer.status, answer.header("set-cookie")), (401, ""));
        assert!(answer.text.contains("The e-mail address or the password is wrong."), "{}", answer.text);
        assert!(!answer.text.contains("wrong horse"), "a password is not repeated");
    }
    for fields in [
        &[][..],
        &[("email", "ada@example.com")],
        &[("password", PASSWORD)],
        &[("email", ""), ("password", "")],
    ] {
        assert_eq!(submit(&anon, "/sign-in", fields, &[]).await.status, 401, "{fields:?}");
    }
    assert_eq!(sign_in(&anon, "ada@example.com", &"x".repeat(2_000)).await.status, 401);
    assert_eq!(
        sign_in(&anon, "<script>alert(1)</script>", "x").await.text.matches("<script>alert").count(),
        0
    );
}

#[tokio::test]
async fn anon_guesses_ten_times_and_waits() {
    let (world, anon) = ready(None).await;
    for _ in 0..10 {
        assert_eq!(sign_in(&anon, "ada@example.com", "wrong").await.status, 401);
    }
    let refused = sign_in(&anon, "ada@example.com", PASSWORD).await;
    assert_eq!((refused.status, refused.header("set-cookie")), (429, ""));
    assert_eq!(refused.header("retry-after"), "900");
    assert!(refused.text.contains("15 minutes"));
    assert_eq!(sign_in(&anon, "eve@example.com", "wrong").await.status, 401, "others are not locked out");
    world.clock.advance(900_000_000);
    assert_eq!(sign_in(&anon, "ada@example.com", PASSWORD).await.status, 303);
}

#[tokio::test]
async fn anon_behind_a_proxy_is_counted_by_their_own_address() {
    let (world, anon) = ready(None).await;
    let guess = async |from: &str| {
        let fields = [("email", "ada@example.com"), ("password", "wrong")];
        submit(&anon, "/sign-in", &fields, &[("x-forwarded-for", from)]).await.status
    };
    for _ in 0..10 {
        assert_eq!(guess("192.0.2.9, 203.0.113.7").await, 401);
    }
    assert_eq!(guess("198.51.100.1, 203.0.113.7").await, 429, "what stands before it may be made up");
    assert_eq!(guess("203.0.113.8").await, 401, "others are not locked out");
    drop(world);
    let world = World::with(|config| config.trusted_proxies = "".parse().expect("no proxies")).await;
    let stranger = world.anon();
    let fields = [("email", "ada@example.com"), ("password", "wrong")];
    for from in 0..10 {
        let header = format!("203.0.113.{from}");
        let refused = submit(&stranger, "/sign-in", &fields, &[("x-forwarded-for", &header)]).await;
        assert_eq!(refused.status, 401);
    }
    assert_eq!(submit(&stranger, "/sign-in", &fields, &[("x-forwarded-for", "1.1.1.1")]).await.status, 429);
}

#[tokio::test]
async fn anon_guesses_unknown_addresses_and_is_counted_alike() {
    let (_world, anon) = ready(None).await;
    for _ in 0..10 {
        assert_eq!(sign_in(&anon, "eve@example.com", "wrong").await.status, 401);
    }
    assert_eq!(sign_in(&anon, "EVE@example.com", "wrong").await.status, 429);
}

#[tokio::test]
async fn member_signs_in_often_and_is_not_counted() {
    let (_world, anon) = ready(None).await;
    for _ in 0..12 {
        assert_eq!(sign_in(&anon, "ada@example.com", PASSWORD).await.status, 303);
    }
}

#[tokio::test]
async fn member_is_never_sent_to_another_site() {
    let (_world, anon) = ready(None).await;
    for next in [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "",
    ] {
        let fields = [("email", "ada@example.com"), ("password", PASSWORD), ("next", next)];
        assert_eq!(submit(&anon, "/sign-in", &fields, &[]).await.header("location"), "/", "{next:?}");
        let path = format!("/sign-in?next={}", encoded(next));
        let form = get_with(&anon, &path, &[("accept", "text/html")]).await;
        assert!(!form.text.contains("evil.example") && !form.text.contains("javascript:"), "{next:?}");
    }
}

#[tokio::test]
async fn member_signs_out_and_the_cookie_is_worth_nothing() {
    let (_world, anon) = ready(None).await;
    let cookie = cookie(&sign_in(&anon, "ada@example.com", PASSWORD).await);
    let left = submit(&anon, "/sign-out", &[], &[("cookie", &cookie)]).await;
    assert_eq!((left.status, left.header("location")), (303, "/sign-in"));
    assert!(
        left.header("set-cookie").contains("plexe_session=; ")
            && left.header("set-cookie").contains("Max-Age=0")
    );
    assert_error(&get_with(&anon, "/auth/user", &[("cookie", &cookie)]).await, 401, "unauthorized", "key");
    assert_eq!(submit(&anon, "/sign-out", &[], &[]).await.status, 303, "again is no error");
}

#[tokio::test]
async fn anon_signs_out_without_a_session_and_nobodys_caches_hear_of_it() {
    let (world, anon) = ready(None).await;
    let cookie = cookie(&sign_in(&anon, "ada@example.com", PASSWORD).await);
    let made_up = format!("plexe_session={}", whole_token("nobody's"));
    let before = world.changes().await;
    assert_eq!(submit(&anon, "/sign-out", &[], &[("cookie", &made_up)]).await.status, 303);
    assert_eq!(world.changes().await, before);
    assert!(!world.console.store.delete_session(hash(&whole_token("nobody's"))).await.unwrap());
    assert_eq!(world.changes().await, before, "nothing was deleted");
    submit(&anon, "/sign-out", &[], &[("cookie", &cookie)]).await;
    assert_eq!(world.changes().await, before + 1, "a session that ends is news");
    submit(&anon, "/sign-out", &[], &[("cookie", &cookie)]).await;
    assert_eq!(world.changes().await, before + 1);
}

#[tokio::test]
async fn member_signs_in_again_and_the_old_session_ends() {
    let (_world, anon) = ready(None).await;
    let first = cookie(&sign_in(&anon, "ada@example.com", PASSWORD).await);
    let fields = [("email", "ada@example.com"), ("password", PASSWORD)];
    let second = cookie(&submit(&anon, "/sign-in", &fields, &[("cookie", &first)]).await);
    assert_ne!(first, second);
    assert_error(&get_with(&anon, "/auth/user", &[("cookie", &first)]).await, 401, "unauthorized", "key");
    get_with(&anon, "/auth/user", &[("cookie", &second)]).await.ok();
}

#[tokio::test]
async fn member_stays_signed_in_for_fourteen_days_without_looking() {
    let (world, anon) = ready(None).await;
    let cookie = cookie(&sign_in(&anon, "ada@example.com", PASSWORD).await);
    world.clock.advance(14 * ledger::time::DAY - 1);
    get_with(&anon, "/auth/user", &[("cookie", &cookie)]).await.ok();
    world.clock.advance(1);
    assert_error(&get_with(&anon, "/auth/user", &[("cookie", &cookie)]).await, 401, "unauthorized", "key");
}

#[tokio::test]
async fn a_cookie_changes_nothing_over_the_api() {
    let (_world, anon) = ready(None).await;
    let cookie = cookie(&sign_in(&anon, "ada@example.com", PASSWORD).await);
    let request = anon.request(Method::POST, "/auth/api-keys").header("cookie", &cookie);
    let refused = answer(request.json(&json!({"name": "x", "permission_level": "read_write"}))).await;
    assert_error(&refused, 401, "unauthorized", "key");
    let foreign =
        get_with(&anon, "/auth/user", &[("cookie", &cookie), ("sec-fetch-site", "cross-site")]).await;
    assert_error(&foreign, 401, "unauthorized", "key");
}

#[tokio::test]
async fn another_site_signs_nobody_in_or_out() {
    let (_world, anon) = ready(None).await;
    let fields = [("email", "ada@example.com"), ("password", PASSWORD)];
    for headers in [
        &[("sec-fetch-site", "cross-site")][..],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
    ] {
        for path in ["/sign-in", "/sign-out"] {
            let refused = submit(&anon, path, &fields, headers).await;
            assert_error(&refused, 403, "forbidden", "Another site");
            assert_eq!(refused.header("set-cookie"), "");
        }
    }
    let own = submit(&anon, "/sign-in", &fields, &[("sec-fetch-site", "same-origin")]).await;
    assert_eq!(own.status, 303);
}
