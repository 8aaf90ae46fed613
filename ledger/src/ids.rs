//! How things are named on the wire.
//!
//! Accounts and users are UUIDs with a prefix. What the ledger itself makes (grants, events) is named by its account
//! and the `seq` of the entry that made it, so such a name needs no index of its own.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// A text that is not an id of the wanted kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an id that starts with {prefix}")]
pub struct IdError {
    /// What ids of this kind start with, `acct_` for example.
    pub prefix: &'static str,
}

fn parse_uuid(hex: &str) -> Option<Uuid> {
    let lower_case = hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if hex.len() == 32 && lower_case { Uuid::try_parse(hex).ok() } else { None }
}

macro_rules! text_id {
    ($type:ident) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    };
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $type:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(Uuid);

        impl $type {
            pub const PREFIX: &'static str = $prefix;
            /// Bytes of its text.
            pub const LEN: usize = $prefix.len() + 32;

            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// Its text, in a buffer of the caller's.
            pub fn write<'b>(&self, buffer: &'b mut [u8; Self::LEN]) -> &'b str {
                let (prefix, hex) = buffer.split_at_mut(Self::PREFIX.len());
                prefix.copy_from_slice(Self::PREFIX.as_bytes());
                self.0.simple().encode_lower(hex);
                std::str::from_utf8(buffer).unwrap_or_default()
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(self.write(&mut [0; Self::LEN]))
            }
        }

        impl FromStr for $type {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let uuid = text.strip_prefix(Self::PREFIX).and_then(parse_uuid);
                uuid.map(Self).ok_or(IdError { prefix: Self::PREFIX })
            }
        }

        text_id!($type);
    };
}

macro_rules! entry_id {
    ($(#[$doc:meta])* $type:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type {
            pub account: AccountId,
            /// The `seq` of the entry that made it, from 1.
            pub seq: u64,
        }

        impl $type {
            pub const PREFIX: &'static str = $prefix;
        }

        impl fmt::Display for $type {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(out, "{}{}{:x}", Self::PREFIX, self.account.0.simple(), self.seq)
            }
        }

        impl FromStr for $type {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let parse = || {
                    let (account, seq) = text.strip_prefix(Self::PREFIX)?.split_at_checked(32)?;
                    let canonical = !seq.starts_with(['0', '+']) && !seq.bytes().any(|byte| byte.is_ascii_uppercase());
                    let seq = u64::from_str_radix(seq, 16).ok().filter(|_| canonical)?;
                    Some(Self { account: AccountId(parse_uuid(account)?), seq })
                };
                parse().ok_or(IdError { prefix: Self::PREFIX })
            }
        }

        text_id!($type);
    };
}

uuid_id!(
    /// `acct_` + 32 hex digits: who owns a wallet.
    AccountId,
    "acct_"
);
uuid_id!(
    /// `user_` + 32 hex digits: a person, member of accounts.
    UserId,
    "user_"
);
entry_id!(
    /// `grant_` + 32 hex digits of the account + the hex `seq` of the entry that issued it.
    GrantId,
    "grant_"
);
entry_id!(
    /// `evt_` + 32 hex digits of the account + the hex `seq` of the event's leg 0.
    EventId,
    "evt_"
);
entry_id!(
    /// `hold_` + 32 hex digits of the account + the hex `seq` of the hold's leg 0.
    HoldId,
    "hold_"
);

/// `key_` + 12 letters or digits: a customer's API key, or a service key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(String);

impl KeyId {
    pub const PREFIX: &'static str = "key_";
    /// Letters and digits after the prefix.
    pub const LEN: usize = 12;

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl FromStr for KeyId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let tail = text.strip_prefix(Self::PREFIX).unwrap_or_default();
        if tail.len() == Self::LEN && tail.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdError { prefix: Self::PREFIX })
        }
    }
}

text_id!(KeyId);

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: AccountId = AccountId::new(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001));

    #[test]
    fn ids_are_read_back_from_what_they_print() {
        assert_eq!(ACCOUNT.to_string(), "acct_01900000000070008000000000000001");
        assert_eq!(ACCOUNT.to_string().parse(), Ok(ACCOUNT));
        for seq in [1, 15, 16, u64::MAX] {
            let event = EventId { account: ACCOUNT, seq };
            assert_eq!(event.to_string().parse(), Ok(event));
        }
    }

    #[test]
    fn a_thing_has_one_name_only() {
        let name = EventId { account: ACCOUNT, seq: 10 }.to_string();
        for other in [
            name.replace("evt_", "grant_"),
            name.replace("evt_", "EVT_"),
            name.replace('a', "A"),
            format!("{name} "),
        ] {
            assert!(other.parse::<EventId>().is_err(), "{other}");
        }
        assert!("evt_0190000000007000800000000000000100a".parse::<EventId>().is_err());
        assert!("evt_01900000000070008000000000000001".parse::<EventId>().is_err());
        assert!("acct_01900000-0000-7000-8000-000000000001".parse::<AccountId>().is_err());
    }

    #[test]
    fn key_ids_have_twelve_letters_or_digits() {
        assert!("key_9fA2k3QdZt8w".parse::<KeyId>().is_ok());
        for bad in ["key_", "key_short", "key_9fA2k3QdZt8w1", "key_9fA2k3QdZt8-", "9fA2k3QdZt8w"] {
            assert!(bad.parse::<KeyId>().is_err(), "{bad}");
        }
    }
}
