//! When each row is sent: as fast as the server takes them, or at a multiple of the recorded speed.

use std::ops::Range;
use std::str::FromStr;
use std::time::Duration;

use futures::Stream;
use futures::stream::unfold;
use tokio::time::{Instant, sleep_until};

use super::trace::Row;

/// How many times as fast as recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speed {
    Times(u32),
    Max,
}

/// The largest factor.
const MOST: u32 = 1_000_000;

impl FromStr for Speed {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "max" {
            return Ok(Self::Max);
        }
        let factor = text.parse().ok().filter(|factor| (1..=MOST).contains(factor));
        factor.map(Self::Times).ok_or("must be max or a whole number from 1 to 1000000")
    }
}

/// Cuts the rows into batches.
#[derive(Debug)]
pub struct Pace {
    /// After the start, for each row; never before the row above it. Empty: at once.
    due: Vec<Duration>,
    rows: usize,
    batch: usize,
}

impl Pace {
    /// `batch`: rows in one request, ≥ 1.
    pub fn new(rows: &[Row], speed: Speed, batch: usize) -> Self {
        let due = match speed {
            Speed::Max => vec![],
            Speed::Times(factor) => due_times(rows, factor),
        };
        Self { due, rows: rows.len(), batch: batch.max(1) }
    }

    /// Places of rows to send together, each batch when its first row is due. The clock starts with the first poll; who
    /// polls late gets larger batches.
    pub fn batches(self) -> impl Stream<Item = Range<usize>> {
        unfold((self, 0, None), |(pace, next, started)| async move {
            if next == pace.rows {
                return None;
            }
            let started = started.unwrap_or_else(Instant::now);
            if let Some(due) = pace.due.get(next) {
                sleep_until(started + *due).await;
            }
            let end = pace.end(next, started.elapsed());
            Some((next..end, (pace, end, Some(started))))
        })
    }

    /// The end of the batch that starts at row `next`, `elapsed` after the start.
    fn end(&self, next: usize, elapsed: Duration) -> usize {
        let most = self.rows.min(next + self.batch);
        if self.due.is_empty() {
            return most;
        }
        let due = self.due[next..most].partition_point(|due| *due <= elapsed);
        next + due.max(1)
    }
}

fn due_times(rows: &[Row], factor: u32) -> Vec<Duration> {
    let first = rows.first().map_or(0, |row| row.at.micros());
    let mut latest = 0;
    let mut due = Vec::with_capacity(rows.len());
    for row in rows {
        latest = u64::try_from(row.at.micros().saturating_sub(first)).unwrap_or_default().max(latest);
        due.push(Duration::from_micros(latest) / factor);
    }
    due
}

#[cfg(test)]
mod tests {
    use futures::StreamExt as _;
    use ledger::{Quantity, Timestamp};

    use super::*;

    fn rows(seconds: &[i64]) -> Vec<Row> {
        let row =
            |second: &i64| Row { at: Timestamp::from_micros(second * 1_000_000), quantity: Quantity::ZERO };
        seconds.iter().map(row).collect()
    }

    #[test]
    fn a_speed_is_a_factor_or_max() {
        assert_eq!("max".parse(), Ok(Speed::Max));
        assert_eq!("60".parse(), Ok(Speed::Times(60)));
        for text in ["", "0", "-1", "1.5", "1000001", "Max", "60x"] {
            assert!(text.parse::<Speed>().is_err(), "{text:?}");
        }
    }

    #[tokio::test]
    async fn at_full_speed_batches_are_full() {
        let batches: Vec<_> = Pace::new(&rows(&[1, 2, 3, 4, 5]), Speed::Max, 2).batches().collect().await;
        assert_eq!(batches, [0..2, 2..4, 4..5]);
    }

    #[test]
    fn a_batch_holds_what_is_due() {
        let pace = Pace::new(&rows(&[100, 160, 220, 130, 400]), Speed::Times(60), 10);
        let seconds: Vec<u64> = pace.due.iter().map(Duration::as_secs).collect();
        assert_eq!(seconds, [0, 1, 2, 2, 5]);
        assert_eq!(pace.end(0, Duration::ZERO), 1);
        assert_eq!(pace.end(1, Duration::from_secs(2)), 4);
        assert_eq!(pace.end(4, Duration::from_secs(5)), 5);
        assert_eq!(pace.end(4, Duration::ZERO), 5);
    }

    #[tokio::test]
    async fn rows_wait_for_their_time() {
        let started = Instant::now();
        let batches: Vec<_> =
            Pace::new(&rows(&[0, 0, 40]), Speed::Times(1_000), 10).batches().collect().await;
        assert_eq!(batches, [0..2, 2..3]);
        assert!(started.elapsed() >= Duration::from_millis(40));
    }
}
