//! Secrets that have to be read again, encrypted with a key that is not in the database (AES-256-GCM): a copy of the database alone
//! opens nothing.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use crate::config::SecretKey;
use crate::random::Random;

/// A nonce, and what `plain` is encrypted to. It opens only as what it was sealed for (`about`); nonces are random, and a key seals
/// far less than the 2^32 texts for which that does. `None`: it could not be encrypted.
pub fn seal(key: &SecretKey, about: &str, plain: &[u8], random: &dyn Random) -> Option<Vec<u8>> {
    let mut nonce = [0; NONCE_LEN];
    random.fill(&mut nonce);
    let mut text = plain.to_vec();
    cipher(key)?
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(about), &mut text)
        .ok()?;
    Some([nonce.as_slice(), &text].concat())
}

/// What was sealed; `None`: with another key, for something else, or it was changed since.
pub fn open(key: &SecretKey, about: &str, sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, text) = sealed.split_at_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut text = text.to_vec();
    let plain = cipher(key)?.open_in_place(nonce, Aad::from(about), &mut text).ok()?;
    Some(plain.to_vec())
}

fn cipher(key: &SecretKey) -> Option<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, key.bytes()).ok().map(LessSafeKey::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SystemRandom;

    #[test]
    fn only_the_same_key_opens_it_for_the_same_thing_and_unchanged() {
        let key = |byte| SecretKey::from([byte; 32]);
        let sealed = seal(&key(1), "ada", b"secret", &SystemRandom).unwrap();
        assert!(!sealed.windows(6).any(|six| six == b"secret"));
        assert_eq!(open(&key(1), "ada", &sealed).as_deref(), Some(&b"secret"[..]));
        assert_eq!(open(&key(2), "ada", &sealed), None);
        assert_eq!(open(&key(1), "bob", &sealed), None);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert_eq!(open(&key(1), "ada", &changed), None, "byte {at}");
        }
        assert_eq!(open(&key(1), "ada", b"short"), None);
        assert_ne!(seal(&key(1), "ada", b"secret", &SystemRandom), Some(sealed), "never the same twice");
    }
}
