//! What an operator watches: counted where it happens, written down when somebody asks.
//!
//! Counting is an addition to an atomic number, so that it costs charges nothing; names, help and text exist only while
//! `/metrics` is answered. Credits are counted in micro-credits, which are whole numbers.
//!
//! | module | does |
//! |---|---|
//! | [`histogram`], [`labelled`] | numbers that many threads add to |
//! | [`charges`] | what becomes of events and of batches; the sequencer counts |
//! | [`requests`] | what becomes of requests |
//! | [`books`] | where all credits are, followed from scrape to scrape |
//! | `text` | names, help, and the format |
//! | [`listener`] | answers `GET /metrics` on an address of its own |

pub mod books;
pub mod charges;
pub mod histogram;
pub mod labelled;
pub mod listener;
pub mod requests;
mod text;

use std::sync::atomic::{AtomicU64, Ordering};

use self::requests::Requests;

/// What is counted outside of the sequencer.
#[derive(Debug, Default)]
pub struct Meters {
    pub requests: Requests,
    pub rollup_checks: RollupChecks,
}

/// Checks of charts against the books, by what they found.
#[derive(Debug, Default)]
pub struct RollupChecks {
    pub matched: Counter,
    pub mismatched: Counter,
    /// There was nothing to compare.
    pub empty: Counter,
    /// The store could not be read.
    pub failed: Counter,
}

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
