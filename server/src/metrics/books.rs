//! Where all credits are. The sums of what has moved are kept from scrape to scrape and only ever read on, since reading
//! ten million entries each time would take seconds.

use std::time::Duration;

use ledger::entry::Movement;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::console::Console;
use crate::store::{BookSums, Resting, StoreError};

/// How long one scrape reads on; the first one after a start may not come to the end.
const PATIENCE: Duration = Duration::from_secs(1);
/// Entries that one statement reads, so that it is over soon.
const STEP: u32 = 50_000;

/// The sums so far.
#[derive(Debug, Default)]
pub struct Books(Mutex<BookSums>);

/// Micro-credits by where they are, all of one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    pub issued: i64,
    pub debt: i64,
    /// Everything that was issued or is owed is in one of them.
    pub parts: [(&'static str, i64); 7],
}

impl Books {
    /// `None` while there are entries that no scrape has come to yet.
    pub async fn read(&self, console: &Console) -> Result<Option<Places>, StoreError> {
        let mut sums = self.0.lock().await;
        let given_up = Instant::now() + PATIENCE;
        while Instant::now() < given_up {
            let resting = console.store.follow_books(&mut sums, STEP, console.clock.now()).await?;
            if let Some(resting) = resting {
                return Ok(Some(Places::new(&sums, resting)));
            }
        }
        Ok(None)
    }
}

impl Places {
    fn new(sums: &BookSums, resting: Resting) -> Self {
        let Resting { available, pending, lapsed, held, debt } = resting;
        let used = [Movement::Charge, Movement::Settle, Movement::Owe];
        let given_back = [Movement::Correct, Movement::Forgive];
        let sum = |movements: &[Movement]| {
            movements.iter().map(|one| sums.moved(*one)).fold(0, i64::saturating_add)
        };
        Self {
            issued: sums.moved(Movement::Issue),
            debt,
            parts: [
                ("available", available),
                ("pending", pending),
                ("lapsed", lapsed),
                ("held", held),
                ("spent", sum(&used).saturating_sub(sum(&given_back))),
                ("expired", sums.moved(Movement::Expire)),
                ("voided", sums.moved(Movement::Void)),
            ],
        }
    }

    /// Zero, or the books are wrong.
    pub fn difference(&self) -> i64 {
        self.parts
            .iter()
            .fold(self.issued.saturating_add(self.debt), |rest, (_, part)| rest.saturating_sub(*part))
    }
}
