//! Numbers without gaps.
//!
//! A series is the prefix and the year of issue; the store keeps the last number of each, and takes the next one in the
//! transaction that stores the invoice. A draft has none, so what is never issued leaves no gap, and an invoice that is void
//! keeps its own.

use crate::day::Day;

/// How invoices, or credit notes, are numbered: `INV-2026-000001`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbering {
    prefix: String,
}

/// Why a prefix is refused, in the operator's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 16 capital letters, digits or '-', and not end with a digit")]
pub struct NumberingError;

impl Numbering {
    /// Invoices and credit notes need prefixes that differ.
    pub fn new(prefix: &str) -> Result<Self, NumberingError> {
        let allowed = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-';
        let fits = (1..=16).contains(&prefix.len()) && prefix.bytes().all(allowed);
        let ends_with_digit = prefix.ends_with(|last: char| last.is_ascii_digit());
        if fits && !ends_with_digit { Ok(Self { prefix: prefix.to_owned() }) } else { Err(NumberingError) }
    }

    /// The series of what is issued on a day of the seller's zone.
    pub fn series(&self, issued_on: Day) -> Series {
        let (year, ..) = issued_on.date();
        Series(format!("{}{year:04}-", self.prefix))
    }
}

/// Numbers from 1 upwards, without gaps.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Series(String);

impl Series {
    /// Under which the store keeps the last number: `INV-2026-`.
    pub fn key(&self) -> &str {
        &self.0
    }

    /// The number of the nth document, from 1. Numbers sort as text up to a million a year, and stay unique beyond.
    pub fn number(&self, nth: u64) -> String {
        format!("{}{nth:06}", self.0)
    }

    /// The first of the numbers 1, 2, 3 … that is missing, or stands twice, where numbers of the series are given in the order
    /// in which they were taken; also one that isn't of this series.
    pub fn find_gap<'n>(&self, numbers: impl IntoIterator<Item = &'n str>) -> Option<String> {
        let mut nth: u64 = 0;
        for number in numbers {
            nth = nth.saturating_add(1);
            let expected = self.number(nth);
            if number != expected {
                return Some(expected);
            }
        }
        None
    }
}
