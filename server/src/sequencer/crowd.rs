//! How much may wait for the sequencer before others are asked to come back: about what it does within [`WAIT`], so that
//! whoever is let in is answered soon, however many ask.
//!
//! By Little's law what is inside, over what leaves per second, is how long each of them stays. Work is counted in
//! events, and a job of any size counts [`JOB`] more: each is a request to read and an answer to write.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long whoever is let in stays inside, on average.
const WAIT: Duration = Duration::from_millis(20);
/// What a job costs beside its events.
const JOB: u64 = 15;
/// May be inside however slow the disk is: 256 single events, or four lists of a thousand.
const LEAST: u64 = 4_096;
/// Speed is measured over at least this long.
const WINDOW: Duration = Duration::from_millis(250);

/// What is inside, and how fast it leaves.
#[derive(Debug)]
pub(super) struct Crowd {
    inside: AtomicU64,
    /// From here on it is full.
    full: AtomicU64,
    /// Work that has left since the window began.
    left: AtomicU64,
    window: Mutex<Instant>,
}

impl Default for Crowd {
    fn default() -> Self {
        Self {
            inside: AtomicU64::new(0),
            full: AtomicU64::new(LEAST),
            left: AtomicU64::new(0),
            window: Mutex::new(Instant::now()),
        }
    }
}

impl Crowd {
    pub fn is_full(&self) -> bool {
        self.inside.load(Ordering::Relaxed) >= self.full.load(Ordering::Relaxed)
    }

    /// A job of so many events comes in, and leaves when its place is dropped.
    pub fn enter(crowd: &Arc<Self>, events: u32) -> Place {
        let work = u64::from(events) + JOB;
        crowd.inside.fetch_add(work, Ordering::Relaxed);
        Place { crowd: Arc::clone(crowd), work }
    }

    fn leave(&self, work: u64, now: Instant) {
        self.inside.fetch_sub(work, Ordering::Relaxed);
        self.left.fetch_add(work, Ordering::Relaxed);
        // Somebody else is at it, or the next one will be.
        let Ok(mut began) = self.window.try_lock() else { return };
        let window = now.saturating_duration_since(*began);
        if window >= WINDOW {
            *began = now;
            let left = self.left.swap(0, Ordering::Relaxed);
            let full = full(self.full.load(Ordering::Relaxed), left, window);
            self.full.store(full, Ordering::Relaxed);
        }
    }
}

/// What may be inside, after so much has left within a window. A slow window takes back an eighth at most: it may only
/// have had little to do.
fn full(before: u64, left: u64, window: Duration) -> u64 {
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let measured = left.saturating_mul(micros(WAIT)) / micros(window).max(1);
    measured.max(before - before / 8).max(LEAST)
}

/// A job inside.
#[derive(Debug)]
pub(super) struct Place {
    crowd: Arc<Crowd>,
    work: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.crowd.leave(self.work, Instant::now());
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
    fn the_faster_it_is_the_more_may_wait() {
        let second = Duration::from_secs(1);
        assert_eq!(full(LEAST, 1_000_000, second), 20_000, "20 ms of a million a second");
        assert_eq!(full(LEAST, 500_000, second / 2), 20_000);
        assert_eq!(full(LEAST, 10, second), LEAST);
        assert_eq!(full(20_000, 10, second), 17_500);
        assert_eq!(full(20_000, 1_000_000, second), 20_000);
    }

    #[test]
    fn a_window_ends_with_the_first_job_that_leaves_after_it() {
        let crowd = Crowd::default();
        crowd.inside.store(1_000_000, Ordering::Relaxed);
        let began = *crowd.window.lock().unwrap();
        crowd.leave(400_000, began + WINDOW / 2);
        assert_eq!(crowd.full.load(Ordering::Relaxed), LEAST);
        crowd.leave(100_000, began + WINDOW);
        assert_eq!(crowd.full.load(Ordering::Relaxed), 40_000);
        assert_eq!(crowd.left.load(Ordering::Relaxed), 0);
    }
}
