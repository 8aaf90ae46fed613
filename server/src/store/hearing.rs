//! Which changes of identities and prices this server has heard of, and whether it would have heard of all.
//!
//! What was cached is old once a change was heard of. Nothing that is cached counts while changes may go unheard: trust
//! lasts a second from when the database was asked for its epoch and answered, also for a process that was stopped meanwhile.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long an answer of the database counts.
pub(super) const TRUST: Duration = Duration::from_secs(1);
/// No change has this number: none was heard of.
const NONE: u64 = u64::MAX;

/// Changes as far as they are heard of.
#[derive(Debug)]
pub(super) struct Hearing {
    since: Instant,
    /// In microseconds after `since`: until then no change goes unheard for longer than [`TRUST`].
    until: AtomicU64,
    /// Number of the change that `epoch` has moved for last. Not the highest: a database that was put back counts again.
    heard: AtomicU64,
    /// This server's own count; what was cached under another one is old.
    epoch: AtomicU64,
}

impl Default for Hearing {
    fn default() -> Self {
        Self {
            since: Instant::now(),
            until: AtomicU64::new(0),
            heard: AtomicU64::new(NONE),
            epoch: AtomicU64::new(0),
        }
    }
}

impl Hearing {
    /// What caches go by; never the same twice while changes may go unheard.
    pub(super) fn epoch(&self) -> u64 {
        if self.micros(Instant::now()) < self.until.load(Ordering::SeqCst) {
            self.epoch.load(Ordering::SeqCst)
        } else {
            self.epoch.fetch_add(1, Ordering::SeqCst) + 1
        }
    }

    /// The database says, or our own commit, that this is the number of the last change.
    pub(super) fn heard_of(&self, number: u64) {
        if self.is_news(number) {
            // In this order: whoever finds the number finds the epoch moved.
            self.epoch.fetch_add(1, Ordering::SeqCst);
            self.heard.store(number, Ordering::SeqCst);
        }
    }

    /// Whether that would move the epoch.
    pub(super) fn is_news(&self, number: u64) -> bool {
        number != self.heard.load(Ordering::SeqCst)
    }

    /// Everything up to this instant, when the database was asked, has been heard of, and what follows will be.
    pub(super) fn trust(&self, asked: Instant) {
        self.until.fetch_max(self.micros(asked + TRUST), Ordering::SeqCst);
    }

    /// Changes may go unheard from now on, and numbers come from another database.
    pub(super) fn distrust(&self) {
        self.until.store(0, Ordering::SeqCst);
        self.heard.store(NONE, Ordering::SeqCst);
    }

    fn micros(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.since).as_micros()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cached_counts_for_a_second_after_the_database_answered() {
        let hearing = Hearing::default();
        assert_ne!(hearing.epoch(), hearing.epoch(), "nothing is heard yet");
        hearing.trust(Instant::now());
        let epoch = hearing.epoch();
        assert_eq!(hearing.epoch(), epoch);
        hearing.distrust();
        assert_ne!(hearing.epoch(), epoch);
        hearing.trust(Instant::now().checked_sub(TRUST).unwrap());
        assert_ne!(hearing.epoch(), hearing.epoch(), "the answer is too old");
    }

    #[test]
    fn a_change_makes_everything_old_once() {
        let hearing = Hearing::default();
        hearing.trust(Instant::now());
        let before = hearing.epoch();
        hearing.heard_of(7);
        let after = hearing.epoch();
        assert_ne!(before, after);
        hearing.heard_of(7);
        assert_eq!(hearing.epoch(), after);
    }

    #[test]
    fn numbers_that_go_back_are_news_as_well() {
        let hearing = Hearing::default();
        hearing.trust(Instant::now());
        let moves = |number| {
            let before = hearing.epoch();
            hearing.heard_of(number);
            hearing.epoch() != before
        };
        assert!(moves(9));
        assert!(moves(3), "the database is a copy that lacks the last changes");
        assert!(!moves(3) && moves(4));
        hearing.distrust();
        hearing.trust(Instant::now());
        assert!(moves(4), "on another connection the same number may be another change");
    }
}
