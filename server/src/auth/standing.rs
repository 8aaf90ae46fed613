//! Whether those who listen may go on listening. Each change of identities makes all streams of a server ask; whoever comes
//! first reads for all who wait by then, so that thousands of streams cost a few statements a second.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout};

use crate::store::{Pass, Standing, StoreError};

/// Between the beginnings of two looks. The first one after a while waits for nothing.
const PAUSE: Duration = Duration::from_millis(50);
/// A look that takes longer brings nothing.
const LONGEST: Duration = Duration::from_secs(5);

/// What a look has brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    Stands(Standing),
    /// It was revoked or signed out, or has run out.
    Ended,
    /// The store could not be read.
    Unknown,
}

/// Somebody who waits for the next look.
#[derive(Debug)]
struct Waiting {
    pass: Pass,
    tell: oneshot::Sender<Found>,
}

/// See the module's text.
#[derive(Debug, Default)]
pub struct Standings {
    waiting: Mutex<Vec<Waiting>>,
    /// Held by whoever reads for all; when they began.
    looking: tokio::sync::Mutex<Option<Instant>>,
}

impl Standings {
    /// What a pass is worth, read after this was called: by `read`, for all that are asked about, or by somebody else.
    pub async fn look<F>(&self, pass: Pass, read: impl FnOnce(Vec<Pass>) -> F) -> Found
    where
        F: Future<Output = Result<HashMap<Pass, Standing>, StoreError>>,
    {
        let (tell, mut told) = oneshot::channel();
        self.waiting().push(Waiting { pass, tell });
        tokio::select! {
            biased;
            // Whoever looked for us and left in the middle has told nothing.
            told = &mut told => return told.unwrap_or(Found::Unknown),
            mut began = self.looking.lock() => {
                if let Some(began) = *began {
                    sleep_until(began + PAUSE).await;
                }
                *began = Some(Instant::now());
                let waiting = std::mem::take(&mut *self.waiting());
                if !waiting.is_empty() {
                    answer(waiting, read).await;
                }
            }
        }
        told.await.unwrap_or(Found::Unknown)
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn answer<F>(waiting: Vec<Waiting>, read: impl FnOnce(Vec<Pass>) -> F)
where
    F: Future<Output = Result<HashMap<Pass, Standing>, StoreError>>,
{
    let passes = waiting.iter().map(|waiting| waiting.pass.clone()).collect();
    let found = timeout(LONGEST, read(passes)).await.unwrap_or(Err(StoreError::Lost("no answer in time")));
    if let Err(error) = &found {
        tracing::debug!(%error, "who listens could not be looked at");
    }
    for Waiting { pass, tell } in waiting {
        let of_this = |found: &HashMap<Pass, Standing>| found.get(&pass).copied();
        let answer =
            found.as_ref().map_or(Found::Unknown, |found| of_this(found).map_or(Found::Ended, Found::Stands));
        // They may have left meanwhile.
        let _ = tell.send(answer);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::future::join_all;

    use super::*;

    const STANDING: Standing = Standing { until: None, is_suspended: false, is_verified: true };

    fn pass(n: u16) -> Pass {
        let mut hash = [0; 32];
        hash[..2].copy_from_slice(&n.to_be_bytes());
        Pass::Session(hash)
    }

    /// Everybody's but that of number 7.
    fn all(passes: Vec<Pass>) -> HashMap<Pass, Standing> {
        passes.into_iter().filter(|asked| *asked != pass(7)).map(|pass| (pass, STANDING)).collect()
    }

    #[tokio::test]
    async fn thousands_who_ask_are_answered_by_a_few_statements() {
        let (standings, reads) = (Standings::default(), AtomicUsize::new(0));
        let read = |passes| {
            reads.fetch_add(1, Ordering::SeqCst);
            async {
                tokio::task::yield_now().await;
                Ok(all(passes))
            }
        };
        let found = join_all((0..5_000).map(|n| standings.look(pass(n), read))).await;
        for (n, found) in found.into_iter().enumerate() {
            assert_eq!(found, if n == 7 { Found::Ended } else { Found::Stands(STANDING) });
        }
        let at_once = reads.swap(0, Ordering::SeqCst);
        assert!(at_once <= 2, "{at_once} statements");
        let began = Instant::now();
        for _ in 0..4 {
            standings.look(pass(1), read).await;
        }
        assert!(began.elapsed() >= 3 * PAUSE, "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn a_look_that_fails_or_is_left_says_nothing_about_anybody() {
        let standings = Standings::default();
        let failed = standings.look(pass(1), async |_| Err(StoreError::Lost("for a test"))).await;
        assert_eq!(failed, Found::Unknown);
        let hangs = standings.look(pass(2), async |_| std::future::pending().await);
        let waits = standings.look(pass(1), async |passes| Ok(all(passes)));
        let (left, waited) = tokio::join!(timeout(PAUSE * 2, hangs), waits);
        assert!(left.is_err(), "somebody hangs up while they look");
        assert_eq!(waited, Found::Unknown);
        assert_eq!(standings.look(pass(1), async |passes| Ok(all(passes))).await, Found::Stands(STANDING));
    }
}
