//! Posts what has fallen due (expiries, deadlines of holds, repayments) and no read or spend has posted yet.

use futures::future::join_all;

use crate::console::Console;
use crate::sequencer::job::Busy;

/// Accounts that are looked for at a time; what they have due shares a commit.
const STEP: u32 = 200;

/// Goes on until nothing is due, or the sequencer has better things to do.
pub async fn sweep(console: Console) {
    loop {
        let due = match console.store.accounts_with_dues(console.clock.now(), STEP).await {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(%error, "what has fallen due could not be looked for");
                return;
            }
        };
        let full = due.len() == usize::try_from(STEP).unwrap_or_default();
        let posted = join_all(due.into_iter().map(|account| console.sequencer.post_dues(account))).await;
        match posted.into_iter().collect::<Result<Vec<()>, Busy>>() {
            Ok(posted) if full => tracing::debug!(accounts = posted.len(), "posted what had fallen due"),
            Ok(_) => return,
            Err(busy) => {
                tracing::debug!(%busy, "what has fallen due waits for the next round");
                return;
            }
        }
    }
}
