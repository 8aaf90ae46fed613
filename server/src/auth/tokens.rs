//! Secrets: how they are made, shown and kept. Each has over 190 random bits, so a plain SHA-256 hides it.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::random::{Random, alphanumeric};

/// Letters and digits after a secret's prefix, and of a session's token.
pub const LEN: usize = 40;
/// How much of the secret a key's public prefix and suffix show.
const SHOWN: usize = 4;

/// SHA-256 of a secret: all that is kept of it.
pub type SecretHash = [u8; 32];

/// Whose secret it is; its first letters say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// A customer's key.
    Customer,
    /// A platform service's key.
    Service,
}

impl Family {
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Customer => "plx_sk_",
            Self::Service => "plx_svc_",
        }
    }

    /// The family whose secrets have this form: its prefix, and then as many letters and digits as all have.
    pub fn of(secret: &str) -> Option<Self> {
        let is_of = |family: &Self| secret.strip_prefix(family.prefix()).is_some_and(is_random);
        [Self::Customer, Self::Service].into_iter().find(is_of)
    }
}

/// A key's whole secret. Shown once, to whom it was made for; never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    text: String,
    family: Family,
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}…", self.shown_prefix())
    }
}

impl Secret {
    pub fn new(family: Family, random: &dyn Random) -> Self {
        Self { text: format!("{}{}", family.prefix(), alphanumeric(random, LEN)), family }
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn hash(&self) -> SecretHash {
        hash(&self.text)
    }

    /// The family's prefix and four more.
    pub fn shown_prefix(&self) -> &str {
        &self.text[..self.family.prefix().len() + SHOWN]
    }

    /// The last four.
    pub fn shown_suffix(&self) -> &str {
        &self.text[self.text.len() - SHOWN..]
    }
}

/// Whether a text may be what was drawn for a secret or a session; nobody needs to look for another.
pub fn is_random(text: &str) -> bool {
    text.len() == LEN && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

pub fn hash(secret: &str) -> SecretHash {
    Sha256::digest(secret.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SystemRandom;

    #[test]
    fn a_secret_shows_its_ends_only() {
        let secret = Secret::new(Family::Service, &SystemRandom);
        assert_eq!(secret.as_str().len(), 48);
        assert_eq!(secret.shown_prefix(), &secret.as_str()[..12]);
        assert!(secret.as_str().ends_with(secret.shown_suffix()));
        assert!(!format!("{secret:?}").contains(&secret.as_str()[13..]));
        assert_eq!(Family::of(secret.as_str()), Some(Family::Service));
        for other in
            ["sk_live", "plx_sk_", "plx_sk_x", &secret.as_str()[1..], &format!("{}x", secret.as_str())]
        {
            assert_eq!(Family::of(other), None, "{other}");
        }
    }

    #[test]
    fn a_hash_is_sha_256() {
        assert_eq!(hash("abc")[..4], [0xba, 0x78, 0x16, 0xbf]);
    }
}
