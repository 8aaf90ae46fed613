//! What becomes of events and of the batches they are committed in.

use std::time::Duration;

use super::Counter;
use super::histogram::{DURATIONS_US, Histogram, SIZES};
use super::labelled::Labelled;
use crate::console::Error;
use crate::sequencer::job::{Charged, Refusal};

/// Counted by the sequencer, but for events that never reach it.
#[derive(Debug)]
pub struct Charges {
    pub accepted: Counter,
    pub replayed: Counter,
    /// By the code of the error that the caller was given.
    pub refused: Labelled<Counter>,
    /// Micro-credits of accepted events.
    pub charged_micros: Counter,
    pub commit_us: Histogram,
    /// Tasks that were committed together.
    pub commit_tasks: Histogram,
}

impl Default for Charges {
    fn default() -> Self {
        Self {
            accepted: Counter::default(),
            replayed: Counter::default(),
            refused: Labelled::default(),
            charged_micros: Counter::default(),
            commit_us: Histogram::new(DURATIONS_US),
            commit_tasks: Histogram::new(SIZES),
        }
    }
}

impl Charges {
    /// An event that the sequencer has decided, and, if it was accepted, committed.
    pub fn decided(&self, outcome: &Result<Charged, Refusal>) {
        match outcome {
            Ok(charged) if charged.replayed => self.replayed.add(1),
            Ok(charged) => {
                self.accepted.add(1);
                self.charged_micros.add(charged.credits.micros().unsigned_abs());
            }
            Err(refusal) => self.refused(&refusal.clone().into()),
        }
    }

    /// An event that was refused before anybody decided about it.
    pub fn refused(&self, error: &Error) {
        self.refused.count(error.code(), |refused| refused.add(1));
    }

    /// Events that were turned away or whose outcome is not known: their callers come again.
    pub fn turned_away(&self, count: usize) {
        let busy = Error::Unavailable { retry_after_s: 1 };
        self.refused.count(busy.code(), |refused| refused.add(u64::try_from(count).unwrap_or(u64::MAX)));
    }

    /// A batch that is on disk, and how long that took from when it was taken.
    pub fn committed(&self, tasks: usize, took: Duration) {
        self.commit_us.observe(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        self.commit_tasks.observe(u64::try_from(tasks).unwrap_or(u64::MAX));
    }
}
