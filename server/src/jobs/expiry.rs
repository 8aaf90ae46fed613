//! Posts what has fallen due (expiries, deadlines of holds, repayments) and no read or spend has posted yet.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use futures::future::join_all;
use ledger::time::{DAY, SECOND};
use ledger::{AccountId, Timestamp};

use crate::console::Console;
use crate::sequencer::job::Busy;

/// Accounts that are looked for at a time; what they have due shares a commit.
const STEP: u32 = 200;

/// Grants that ran out longer ago have been posted by earlier rounds, or are by the next whole one.
const RECENT: i64 = DAY;
/// Between two rounds that look at all grants that ever ran out.
const WHOLE: i64 = 3_600 * SECOND;

/// What earlier rounds have done.
#[derive(Debug)]
pub struct Sweeps {
    /// When the last whole round ended with nothing due; in microseconds since 1970.
    whole_at: AtomicI64,
}

impl Default for Sweeps {
    fn default() -> Self {
        Self { whole_at: AtomicI64::new(i64::MIN) }
    }
}

/// One round: goes on until nothing is due, a step has changed nothing, or the sequencer has better things to do.
pub async fn sweep(console: Console, sweeps: Arc<Sweeps>) {
    let now = console.clock.now();
    let is_whole = now.micros().saturating_sub(sweeps.whole_at.load(Ordering::Relaxed)) >= WHOLE;
    let since = if is_whole { Timestamp::from_micros(i64::MIN) } else { now.saturating_add(-RECENT) };
    let is_done = post_all(&console, since).await;
    if is_whole && is_done {
        sweeps.whole_at.store(now.micros(), Ordering::Relaxed);
    }
}

/// Whether nothing is due any more.
async fn post_all(console: &Console, since: Timestamp) -> bool {
    let mut before = HashSet::new();
    loop {
        let due = match console.store.accounts_with_dues(&*console.clock, since, STEP).await {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(%error, "what has fallen due could not be looked for");
                return false;
            }
        };
        let accounts: HashSet<AccountId> = due.into_iter().collect();
        if accounts == before {
            // Nobody gains by asking again at once.
            return accounts.is_empty();
        }
        let full = accounts.len() == usize::try_from(STEP).unwrap_or_default();
        let posted = join_all(accounts.iter().map(|account| console.sequencer.post_dues(*account))).await;
        match posted.into_iter().collect::<Result<Vec<()>, Busy>>() {
            Ok(posted) if full => tracing::debug!(accounts = posted.len(), "posted what had fallen due"),
            Ok(_) => return true,
            Err(busy) => {
                tracing::debug!(%busy, "what has fallen due waits for the next round");
                return false;
            }
        }
        before = accounts;
    }
}
