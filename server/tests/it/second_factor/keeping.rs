//! What of it the database tells.

use server::config::SecretKey;

use super::{App, EMAIL, answer, halfway, protected, texts};
use crate::harness::World;
use crate::harness::forms::assert_refused;

fn hex(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    digits.concat()
}

async fn kept(world: &World) -> String {
    texts(world, "SELECT hex(secret) FROM totp_secrets").await.concat()
}

#[tokio::test]
async fn a_copy_of_the_database_does_not_tell_what_is_sealed() {
    let world = World::with(|config| config.secret_key = Some(SecretKey::from([7; 32]))).await;
    let (_, App(secret), codes) = protected(&world).await;
    let found = kept(&world).await;
    assert!(!found.contains(&hex(&secret)) && found.len() == 2 * (12 + 20 + 16), "{found}");
    let hashes = texts(&world, "SELECT hex(code_hash) FROM recovery_codes").await;
    assert!(hashes.len() == 10 && hashes.iter().all(|hash| hash.len() == 64));
    let plain: Vec<String> = codes.iter().map(|code| hex(code.replace('-', "").as_bytes())).collect();
    assert!(hashes.iter().all(|hash| !plain.contains(hash)));
    let app = App(secret);
    assert_eq!(answer(&mut halfway(&world).await, &app.code(&world)).await.status, 303);
}

#[tokio::test]
async fn without_a_key_it_lies_there_as_it_is_and_is_still_read_with_one() {
    let world = World::start().await;
    let (_, app, _) = protected(&world).await;
    assert_eq!(kept(&world).await, hex(&app.0));
    let world = world.restart_with(|config| config.secret_key = Some(SecretKey::from([7; 32]))).await;
    assert_eq!(answer(&mut halfway(&world).await, &app.code(&world)).await.status, 303);
}

#[tokio::test]
async fn with_another_key_recovery_codes_are_what_opens() {
    let world = World::with(|config| config.secret_key = Some(SecretKey::from([7; 32]))).await;
    let (_, app, codes) = protected(&world).await;
    let world = world.restart_with(|config| config.secret_key = Some(SecretKey::from([8; 32]))).await;
    let mut browser = halfway(&world).await;
    let refused = answer(&mut browser, &app.code(&world)).await;
    assert_refused(&refused, 503, "Use one of your recovery codes.");
    assert_eq!(answer(&mut browser, &codes[0]).await.status, 303);
    assert_eq!(browser.who().await.as_deref(), Some(EMAIL));
}
