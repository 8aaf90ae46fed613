//! Random bytes, as a parameter: secrets and ids are drawn from here.

use std::sync::Arc;

use ledger::{AccountId, KeyId, Timestamp, UserId};
use uuid::Uuid;

/// A source of bytes that nobody can guess.
pub trait Random: Send + Sync + std::fmt::Debug {
    fn fill(&self, bytes: &mut [u8]);
}

/// Shared by all that need randomness.
pub type SharedRandom = Arc<dyn Random>;

/// The operating system's generator.
#[derive(Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    /// # Panics
    /// When the operating system has no randomness to give: nothing secret can be made then.
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system gives random bytes");
    }
}

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// `length` letters and digits, evenly drawn (5.95 bits each).
pub fn alphanumeric(random: &dyn Random, length: usize) -> String {
    let mut text = String::with_capacity(length);
    let mut bytes = [0; 64];
    while text.len() < length {
        random.fill(&mut bytes);
        // 248 = 4 × 62: larger bytes would favour the first letters.
        let drawn =
            bytes.iter().filter(|byte| **byte < 248).map(|byte| char::from(ALPHABET[usize::from(byte % 62)]));
        text.extend(drawn.take(length - text.len()));
    }
    text
}

/// A number from 0 to `bound` − 1, evenly drawn but for what 2^64 leaves over; 0 for no bound.
pub fn number_below(random: &dyn Random, bound: u64) -> u64 {
    let mut bytes = [0; 8];
    random.fill(&mut bytes);
    u64::from_le_bytes(bytes).checked_rem(bound).unwrap_or_default()
}

/// A `UUIDv7` (RFC 9562): ids made later sort later.
fn uuid(random: &dyn Random, now: Timestamp) -> Uuid {
    let mut bytes = [0; 10];
    random.fill(&mut bytes);
    let millis = u64::try_from(now.micros() / 1_000).unwrap_or_default();
    uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
}

pub fn account_id(random: &dyn Random, now: Timestamp) -> AccountId {
    AccountId::new(uuid(random, now))
}

pub fn user_id(random: &dyn Random, now: Timestamp) -> UserId {
    UserId::new(uuid(random, now))
}

/// # Panics
/// Never: twelve letters or digits are a key id.
pub fn key_id(random: &dyn Random) -> KeyId {
    let text = format!("{}{}", KeyId::PREFIX, alphanumeric(random, KeyId::LEN));
    text.parse().expect("twelve letters or digits are a key id")
}
