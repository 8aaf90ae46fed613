//! What an issuer says, and whether it is believed.

use ledger::time::SECOND;

use super::{count, ready};
use crate::harness::forms::assert_refused;
use crate::harness::issuer::{ADA, Lie, Someone};

const UNTRUSTED: &str = "What Acme said about you cannot be trusted";

#[tokio::test]
async fn nobody_is_let_in_by_a_token_with_anything_wrong_about_it() {
    let (world, issuer) = ready().await;
    let mut believed = Vec::new();
    for lie in [
        Lie::Nonce,
        Lie::NoNonce,
        Lie::Audience,
        Lie::Party,
        Lie::Issuer,
        Lie::Signature,
        Lie::Expired,
        Lie::NoExpiry,
        Lie::Future,
        Lie::Unsigned,
        Lie::SharedSecret,
        Lie::NobodyNamed,
    ] {
        issuer.lie(lie);
        let mut browser = world.browser();
        let refused = browser.round(&issuer, "/sign-in/acme", &ADA).await;
        if refused.status == 502 && browser.who().await.is_none() {
            assert_refused(&refused, 502, UNTRUSTED);
        } else {
            believed.push(lie);
        }
    }
    assert_eq!(believed, []);
    assert_eq!((count(&world, "users").await, count(&world, "sessions").await), (0, 0));
    issuer.lie(Lie::None);
    assert_eq!(world.browser().round(&issuer, "/sign-in/acme", &ADA).await.status, 303);
}

#[tokio::test]
async fn what_a_token_does_not_say_is_asked_for_and_must_be_about_the_same_person() {
    let (world, issuer) = ready().await;
    issuer.say_little();
    issuer.lie(Lie::OtherPerson);
    assert_refused(&world.browser().round(&issuer, "/sign-in/acme", &ADA).await, 502, UNTRUSTED);
    issuer.lie(Lie::None);
    let unverified = Someone { is_verified: false, ..ADA };
    let refused = world.browser().round(&issuer, "/sign-in/acme", &unverified).await;
    assert_refused(&refused, 403, "an e-mail address which it has verified");
    assert_eq!(world.browser().round(&issuer, "/sign-in/acme", &ADA).await.status, 303);
    assert_eq!(world.console.get_user_by_email("ada@example.com").await.unwrap().name, "Ada Lovelace");
}

#[tokio::test]
async fn keys_are_asked_for_once_and_again_when_there_is_a_new_one() {
    let (world, issuer) = ready().await;
    let enter = async || world.browser().round(&issuer, "/sign-in/acme", &ADA).await.status;
    assert_eq!((enter().await, enter().await, enter().await), (303, 303, 303));
    assert_eq!((issuer.asked("configuration"), issuer.asked("keys")), (1, 1));
    issuer.change_key("second");
    assert_eq!((enter().await, enter().await), (303, 303));
    assert_eq!((issuer.asked("configuration"), issuer.asked("keys")), (1, 2));
    // Another key under a name that is known is no key of the issuer's until the old ones are an hour old.
    issuer.change_key("second");
    assert_eq!(enter().await, 502);
    world.clock.advance(3_600 * SECOND);
    assert_eq!(enter().await, 303);
    assert_eq!((issuer.asked("configuration"), issuer.asked("keys")), (2, 3));
}
