//! The key that seals what must be read again.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// 32 bytes, written in base64.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretKey([u8; 32]);

/// What it must be; ends a sentence.
pub(super) const RIGHT: &str = "32 bytes in base64, as `openssl rand -base64 32` prints them";

impl SecretKey {
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<[u8; 32]> for SecretKey {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl FromStr for SecretKey {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let bytes = STANDARD.decode(text.trim()).map_err(|_| ())?;
        bytes.try_into().map(Self).map_err(|_| ())
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("…")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_32_bytes_and_is_not_printed() {
        let key: SecretKey = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".parse().unwrap();
        assert_eq!((key.bytes()[31], format!("{key:?}").as_str()), (31, "…"));
        for wrong in ["", "secret", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==", "-_"] {
            assert_eq!(wrong.parse::<SecretKey>(), Err(()), "{wrong}");
        }
    }
}
