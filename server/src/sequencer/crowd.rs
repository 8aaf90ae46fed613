//! How much may wait for the sequencer before others are asked to come back: what it does within [`WAIT`], so that whoever
//! is let in is answered soon, however many ask.
//!
//! By Little's law what is inside, over what leaves per second, is how long each of them stays. Work is counted in
//! events, and a job of any size counts [`JOB`] more: each is a request to read and an answer to write.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long whoever is let in stays inside, on average, in microseconds; where no job has ever been faster than half of
/// that, twice as long as the fastest.
const WAIT: u64 = 20_000;
/// What a job costs beside its events.
const JOB: u64 = 15;
/// May be inside while nobody knows better: 256 single events, or four lists of a thousand.
const USUAL: u64 = 4_096;
/// May be inside however slow it is.
const LEAST: u64 = 1_024;
/// Speed is measured over at least this long.
const WINDOW: Duration = Duration::from_millis(250);

/// What is inside, and how fast it leaves.
#[derive(Debug)]
pub(super) struct Crowd {
    inside: AtomicU64,
    /// From here on it is full.
    full: AtomicU64,
    /// The shortest that a job has stayed, in microseconds.
    fastest: AtomicU64,
    /// Work that has left since the window began.
    left: AtomicU64,
    /// Whether somebody found it full since then.
    was_full: AtomicBool,
    window: Mutex<Instant>,
}

impl Default for Crowd {
    fn default() -> Self {
        Self {
            inside: AtomicU64::new(0),
            full: AtomicU64::new(USUAL),
            fastest: AtomicU64::new(u64::MAX),
            left: AtomicU64::new(0),
            was_full: AtomicBool::new(false),
            window: Mutex::new(Instant::now()),
        }
    }
}

impl Crowd {
    pub fn is_full(&self) -> bool {
        let is_full = self.inside.load(Ordering::Relaxed) >= self.full.load(Ordering::Relaxed);
        if is_full {
            self.was_full.store(true, Ordering::Relaxed);
        }
        is_full
    }

    /// A job of so many events comes in, and leaves when its place is dropped.
    pub fn enter(crowd: &Arc<Self>, events: u32) -> Place {
        let work = u64::from(events) + JOB;
        crowd.inside.fetch_add(work, Ordering::Relaxed);
        Place { crowd: Arc::clone(crowd), work, since: Instant::now() }
    }

    fn leave(&self, work: u64, since: Instant, now: Instant) {
        self.inside.fetch_sub(work, Ordering::Relaxed);
        self.left.fetch_add(work, Ordering::Relaxed);
        self.fastest.fetch_min(micros(now.saturating_duration_since(since)), Ordering::Relaxed);
        // Somebody else is at it, or the next one will be.
        let Ok(mut began) = self.window.try_lock() else { return };
        let window = now.saturating_duration_since(*began);
        if window >= WINDOW {
            *began = now;
            let wait = WAIT.max(2 * self.fastest.load(Ordering::Relaxed));
            let measured = self.left.swap(0, Ordering::Relaxed).saturating_mul(wait) / micros(window);
            let was_full = self.was_full.swap(false, Ordering::Relaxed);
            let full = next(self.full.load(Ordering::Relaxed), measured, was_full);
            self.full.store(full, Ordering::Relaxed);
        }
    }
}

/// What may be inside from now on. Where there was more to do than could be done, what was done tells; where not, it may
/// have been all there was to do. Either way it falls and recovers by an eighth at a time.
fn next(before: u64, measured: u64, was_full: bool) -> u64 {
    let otherwise = if was_full { before - before / 8 } else { before.max(USUAL.min(before + before / 8)) };
    measured.max(otherwise).max(LEAST)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// A job inside.
#[derive(Debug)]
pub(super) struct Place {
    crowd: Arc<Crowd>,
    work: u64,
    since: Instant,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.crowd.leave(self.work, self.since, Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_full_with_256_single_events_or_four_long_lists_and_not_when_one_of_them_has_left() {
        for (jobs, events) in [(256, 1), (4, 1_010)] {
            let crowd = Arc::new(Crowd::default());
            let mut inside = vec![];
            for _ in 0..jobs {
                assert!(!crowd.is_full());
                inside.push(Crowd::enter(&crowd, events));
            }
            assert!(crowd.is_full());
            inside.pop();
            assert!(!crowd.is_full());
        }
    }

    #[test]
    fn what_may_wait_follows_what_is_done_while_it_is_full_and_recovers_afterwards() {
        assert_eq!(next(USUAL, 20_000, true), 20_000);
        assert_eq!(next(USUAL, 20_000, false), 20_000);
        assert_eq!(next(20_000, 10, true), 17_500);
        assert_eq!(next(20_000, 10, false), 20_000);
        assert_eq!(next(1_100, 10, true), LEAST);
        assert_eq!(next(LEAST, 10, false), 1_152);
        assert_eq!(next(4_000, 10, false), USUAL);
    }

    /// What may be inside after this much has left in one window, each part of it after such a stay.
    fn full_after(work: u64, stay: Duration) -> u64 {
        let crowd = Crowd::default();
        crowd.inside.store(work, Ordering::Relaxed);
        let began = *crowd.window.lock().unwrap();
        let halves = [began + WINDOW / 2, began + WINDOW];
        for now in halves {
            crowd.leave(work / 2, now.checked_sub(stay).unwrap(), now);
        }
        assert_eq!(crowd.left.load(Ordering::Relaxed), 0);
        crowd.full.load(Ordering::Relaxed)
    }

    #[test]
    fn as_much_may_wait_as_is_done_in_20_ms() {
        assert_eq!(full_after(500_000, Duration::from_millis(1)), 40_000);
        assert_eq!(full_after(500, Duration::from_millis(1)), USUAL);
    }

    #[test]
    fn where_the_disk_is_slow_as_much_may_wait_as_two_commits_do() {
        let slow = Duration::from_millis(100);
        assert_eq!(full_after(5_000, slow), USUAL);
        assert_eq!(full_after(50_000, slow), 40_000);
    }
}
