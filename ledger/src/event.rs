//! What a service reports, and when two reports are the same.

use std::collections::BTreeMap;
use std::fmt;

use crate::chain::{Digest, dimensions_digest};
use crate::credits::{Credits, Quantity};
use crate::entry::EventFacts;
use crate::ids::{AccountId, KeyId};
use crate::time::{DAY, SECOND, Timestamp};

/// How late an event may be booked: 35 days, in microseconds.
pub const MAX_AGE: i64 = 35 * DAY;
/// How far a service's clock may run ahead: 5 minutes, in microseconds.
pub const MAX_LEAD: i64 = 300 * SECOND;
/// Seconds after which a hold is released by itself, unless it says otherwise; and the most it may say.
pub const HOLD_S: u64 = 900;
pub const MAX_HOLD_S: u64 = 86_400;

/// Why a text can't name an event or hold a dimension. The messages end a sentence that begins with the field's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error("must have 1 to {max} characters")]
    Length { max: usize },
    #[error("must hold printable ASCII characters without spaces only")]
    Character,
    #[error("must not be '.' or '..'")]
    DotSegment,
}

fn parse_name(text: &str, max: usize) -> Result<String, NameError> {
    if text.is_empty() || text.chars().count() > max {
        return Err(NameError::Length { max });
    }
    if !text.bytes().all(|byte| (0x21..=0x7e).contains(&byte)) {
        return Err(NameError::Character);
    }
    if matches!(text, "." | "..") {
        return Err(NameError::DotSegment);
    }
    Ok(text.to_owned())
}

/// The name of an event: the service's own `id` within its `source`. Unique for ever.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventKey {
    source: String,
    id: String,
}

/// A field and why it was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {reason}")]
pub struct FieldError {
    pub field: &'static str,
    pub reason: String,
}

impl FieldError {
    fn new(field: &'static str, reason: impl fmt::Display) -> Self {
        Self { field, reason: reason.to_string() }
    }
}

impl EventKey {
    pub const MAX_SOURCE: usize = 64;
    pub const MAX_ID: usize = 128;

    pub fn parse(source: &str, id: &str) -> Result<Self, FieldError> {
        Ok(Self {
            source: parse_name(source, Self::MAX_SOURCE)
                .map_err(|reason| FieldError::new("source", reason))?,
            id: parse_name(id, Self::MAX_ID).map_err(|reason| FieldError::new("id", reason))?,
        })
    }

    pub fn source(&self) -> &str {
        &self.source
    }

    pub fn id(&self) -> &str {
        &self.id
    }
}

/// What a service adds about the work: at most 16 pairs of text, 1 KiB in all. Kept beside the ledger, so that they can be
/// erased; the ledger holds their digest.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Dimensions(BTreeMap<String, String>);

impl Dimensions {
    pub const MAX_PAIRS: usize = 16;
    /// Bytes of all keys and values together.
    pub const MAX_BYTES: usize = 1024;

    pub fn parse(pairs: BTreeMap<String, String>) -> Result<Self, FieldError> {
        let bytes = pairs
            .iter()
            .fold(0_usize, |sum, (key, value)| sum.saturating_add(key.len()).saturating_add(value.len()));
        if pairs.len() > Self::MAX_PAIRS {
            return Err(FieldError::new(
                "dimensions",
                format!("must have at most {} pairs", Self::MAX_PAIRS),
            ));
        }
        if bytes > Self::MAX_BYTES {
            return Err(FieldError::new(
                "dimensions",
                format!("must have at most {} bytes in all", Self::MAX_BYTES),
            ));
        }
        if pairs.keys().any(String::is_empty) {
            return Err(FieldError::new("dimensions", "must not have an empty name"));
        }
        Ok(Self(pairs))
    }

    pub fn pairs(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    /// `None` when there are none.
    pub fn digest(&self) -> Option<Digest> {
        if self.0.is_empty() { None } else { Some(dimensions_digest(&self.0)) }
    }
}

/// One unit of work that a service reports for an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub key: EventKey,
    pub operation: String,
    pub quantity: Quantity,
    pub dimensions: Dimensions,
    pub occurred_at: Option<Timestamp>,
}

impl Report {
    /// The instant that picks the price version and the chart bucket.
    pub fn event_time(&self, recorded_at: Timestamp) -> Timestamp {
        self.occurred_at.unwrap_or(recorded_at)
    }

    /// Refuses what is older than [`MAX_AGE`] or further ahead than [`MAX_LEAD`].
    pub fn check_time(&self, now: Timestamp) -> Result<(), FieldError> {
        let Some(occurred_at) = self.occurred_at else { return Ok(()) };
        if now.saturating_since(occurred_at) > MAX_AGE {
            return Err(FieldError::new("occurred_at", "must not be more than 35 days ago"));
        }
        if occurred_at.saturating_since(now) > MAX_LEAD {
            return Err(FieldError::new(
                "occurred_at",
                "must not be more than 5 minutes ahead of the server's clock",
            ));
        }
        Ok(())
    }

    /// The fields in which this report differs from what was booked under the same name; empty for a replay.
    pub fn differences(
        &self,
        account: AccountId,
        booked_for: AccountId,
        booked: &EventFacts,
    ) -> Vec<&'static str> {
        let checks = [
            ("payer", account != booked_for),
            ("operation", self.operation != booked.operation),
            ("quantity", self.quantity != booked.quantity),
            ("dimensions", self.dimensions.digest() != booked.dimensions),
            ("occurred_at", self.occurred_at != booked.occurred_at),
        ];
        checks.into_iter().filter_map(|(field, differs)| differs.then_some(field)).collect()
    }

    /// What is written into the ledger once the price is known.
    pub fn into_facts(self, charge: Priced) -> EventFacts {
        EventFacts {
            dimensions: self.dimensions.digest(),
            source: self.key.source,
            id: self.key.id,
            operation: self.operation,
            quantity: self.quantity,
            credits: charge.credits,
            occurred_at: self.occurred_at,
            api_key: charge.api_key,
            service_key: charge.service_key,
            price_version: charge.price_version,
        }
    }
}

/// What pricing and authentication add to a [`Report`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Priced {
    pub credits: Credits,
    pub price_version: u32,
    /// The customer's key the work was done with.
    pub api_key: Option<KeyId>,
    /// The service's key that reported it.
    pub service_key: Option<KeyId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_at_their_bounds() {
        assert!(EventKey::parse("s", "i").is_ok());
        assert!(EventKey::parse(&"s".repeat(64), &"i".repeat(128)).is_ok());
        assert!(EventKey::parse("a!~", "!~").is_ok());
        let cases = [
            ("", "i", "source"),
            (&"s".repeat(65), "i", "source"),
            ("a b", "i", "source"),
            ("..", "i", "source"),
            ("s", "", "id"),
            ("s", &"i".repeat(129), "id"),
            ("s", "ü", "id"),
            ("s", "a\u{7f}", "id"),
            ("s", ".", "id"),
        ];
        for (source, id, field) in cases {
            assert_eq!(EventKey::parse(source, id).unwrap_err().field, field, "{source:?} {id:?}");
        }
    }

    #[test]
    fn dimensions_are_checked_at_their_bounds() {
        let pairs =
            |count: usize| (0..count).map(|n| (format!("k{n}"), String::new())).collect::<BTreeMap<_, _>>();
        assert!(Dimensions::parse(pairs(16)).is_ok());
        assert!(Dimensions::parse(pairs(17)).is_err());
        assert!(Dimensions::parse(BTreeMap::from([("k".into(), "v".repeat(1023))])).is_ok());
        assert!(Dimensions::parse(BTreeMap::from([("k".into(), "v".repeat(1024))])).is_err());
        assert!(Dimensions::parse(BTreeMap::from([(String::new(), "v".into())])).is_err());
    }

    #[test]
    fn the_time_window_is_inclusive() {
        let now = Timestamp::from_micros(100 * DAY);
        let at = |offset: i64| Report {
            key: EventKey::parse("s", "i").unwrap(),
            operation: "op".into(),
            quantity: Quantity::ZERO,
            dimensions: Dimensions::default(),
            occurred_at: Some(now.saturating_add(offset)),
        };
        assert!(at(-MAX_AGE).check_time(now).is_ok());
        assert!(at(-MAX_AGE - 1).check_time(now).is_err());
        assert!(at(MAX_LEAD).check_time(now).is_ok());
        assert!(at(MAX_LEAD + 1).check_time(now).is_err());
    }
}
