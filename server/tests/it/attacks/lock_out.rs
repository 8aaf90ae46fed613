//! Nobody is locked out of their account by what strangers do elsewhere.

use crate::harness::World;
use crate::harness::client::{Answer, Caller};
use crate::harness::forms::{PASSWORD, page, submit};

const VICTIM: &str = "ada@example.com";

/// Signs in from an address, which a proxy tells.
async fn from(caller: &Caller, address: &str, password: &str) -> Answer {
    let fields = [("email", VICTIM), ("password", password)];
    submit(caller, "/sign-in", &fields, &[("x-forwarded-for", address)]).await
}

#[tokio::test]
async fn strangers_fail_for_somebody_s_e_mail_from_many_places_and_the_owner_comes_in() {
    let world = World::start().await;
    world.user("ada", PASSWORD).await;
    let anon = world.anon();
    for place in 0..60 {
        let v4 = format!("203.0.113.{place}");
        for _ in 0..3 {
            assert_eq!(from(&anon, &v4, "wrong").await.status, 401);
        }
    }
    for _ in 0..12 {
        from(&anon, "2001:db8:bad::1", "wrong").await;
    }
    assert_eq!(from(&anon, "2001:db8:bad::1", PASSWORD).await.status, 429, "who guesses waits");
    for home in ["198.51.100.7", "2001:db8:900d::1"] {
        assert_eq!(from(&anon, home, PASSWORD).await.status, 303, "{home}");
    }
}

#[tokio::test]
async fn a_stranger_has_letters_sent_to_somebody_and_they_still_get_theirs() {
    let world = World::start().await;
    world.user("ada", PASSWORD).await;
    let anon = world.anon();
    let asks = async |address: &str| {
        submit(&anon, "/forgot-password", &[("email", VICTIM)], &[("x-forwarded-for", address)]).await.status
    };
    for _ in 0..5 {
        assert_eq!(asks("203.0.113.1").await, 200);
    }
    assert_eq!(asks("203.0.113.1").await, 429, "who asks often waits");
    assert_eq!(asks("198.51.100.7").await, 200);
    assert_eq!(world.mails(VICTIM).await.len(), 6);
    let newest = world.link(VICTIM).await;
    assert_eq!(page(&anon, &newest, "").await.status, 200, "and the link works");
}
