//! The bytes of an entry and the hash that ties it to the one before. The table of fields is in `ledger/README.md`.

use std::collections::BTreeMap;
use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::entry::{Entry, EventFacts, Revision};
use crate::grant::GrantFacts;
use crate::ids::AccountId;

/// The version of the byte layout, the first byte of every entry: of entries without debt, deadline and revision.
pub const FORMAT: u8 = 1;
/// Of entries with any of them; they follow what version 1 has.
pub const FORMAT_2: u8 = 2;

/// A SHA-256 hash (FIPS 180-4), 32 bytes; printed as lower-case hex.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// `None` unless exactly 32 bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Reads 64 lower-case hex digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

/// What stands before an account's first entry.
pub fn genesis(account: AccountId) -> Digest {
    let mut hasher = Sha256::new();
    hasher.update(b"plexe-ledger/1");
    hasher.update(account.to_string().as_bytes());
    Digest(hasher.finalize().into())
}

/// The hash of `entry` after `previous`. The entry's own `hash` field is not read.
pub fn link(previous: Digest, account: AccountId, entry: &Entry) -> Digest {
    let mut bytes = Bytes(Vec::with_capacity(384));
    bytes.digest(previous);
    bytes.entry(account, entry);
    Digest(Sha256::digest(&bytes.0).into())
}

/// The digest that stands for an event's dimensions: count, then key and value of each pair, sorted by key.
pub fn dimensions_digest(pairs: &BTreeMap<String, String>) -> Digest {
    let mut bytes = Bytes::default();
    bytes.length(pairs.len());
    for (key, value) in pairs {
        bytes.text(key);
        bytes.text(value);
    }
    Digest(Sha256::digest(&bytes.0).into())
}

/// The hashed bytes of an entry, without the previous hash.
pub fn entry_bytes(account: AccountId, entry: &Entry) -> Vec<u8> {
    let mut bytes = Bytes(Vec::with_capacity(256));
    bytes.entry(account, entry);
    bytes.0
}

/// Integers big-endian, text with its length (u32) before it, an absent value as a 0 byte and a present one after a 1.
#[derive(Default)]
struct Bytes(Vec<u8>);

impl Bytes {
    fn entry(&mut self, account: AccountId, entry: &Entry) {
        let is_plain = entry.debt_after.is_zero() && entry.deadline.is_none() && entry.revises.is_none();
        self.0.push(if is_plain { FORMAT } else { FORMAT_2 });
        self.text(account.write(&mut [0; AccountId::LEN]));
        self.unsigned(entry.seq);
        self.unsigned(u64::from(entry.leg));
        self.0.push(entry.movement.code());
        self.signed(entry.amount.micros());
        self.optional(entry.grant, Self::unsigned);
        self.signed(entry.available_after.micros());
        self.signed(entry.held_after.micros());
        self.signed(entry.recorded_at.micros());
        self.optional(entry.event.as_ref(), Self::event);
        self.optional(entry.issued.as_ref(), Self::issued);
        self.optional(entry.reason.as_deref(), Self::text);
        if !is_plain {
            self.signed(entry.debt_after.micros());
            self.optional(entry.deadline, |bytes, at| bytes.signed(at.micros()));
            self.optional(entry.revises.as_ref(), Self::revision);
        }
    }

    fn unsigned(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    fn signed(&mut self, value: i64) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    fn length(&mut self, value: usize) {
        let value = u32::try_from(value).unwrap_or(u32::MAX);
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    fn text(&mut self, text: &str) {
        self.length(text.len());
        self.0.extend_from_slice(text.as_bytes());
    }

    fn digest(&mut self, digest: Digest) {
        self.0.extend_from_slice(&digest.0);
    }

    fn optional<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.0.push(u8::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }

    fn event(&mut self, event: &EventFacts) {
        self.text(&event.source);
        self.text(&event.id);
        self.text(&event.operation);
        self.signed(event.quantity.micros());
        self.signed(event.credits.micros());
        self.optional(event.occurred_at, |bytes, at| bytes.signed(at.micros()));
        self.optional(event.api_key.as_ref(), |bytes, key| bytes.text(key.as_str()));
        self.optional(event.service_key.as_ref(), |bytes, key| bytes.text(key.as_str()));
        self.unsigned(u64::from(event.price_version));
        self.optional(event.dimensions, Self::digest);
    }

    fn revision(&mut self, revision: &Revision) {
        self.unsigned(revision.of);
        self.signed(revision.quantity.micros());
        self.signed(revision.credits.micros());
        self.optional(revision.correction.as_deref(), Self::text);
    }

    fn issued(&mut self, facts: &GrantFacts) {
        self.0.push(facts.kind.code());
        self.unsigned(u64::from(facts.priority));
        self.signed(facts.effective_at.micros());
        self.optional(facts.expires_at, |bytes, at| bytes.signed(at.micros()));
        self.text(&facts.source);
        self.text(&facts.reason);
    }
}
