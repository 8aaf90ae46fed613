//! Reads from the books what the listeners of this server have not heard, and publishes it.

use std::time::Duration;

use futures::StreamExt as _;
use futures::stream;
use ledger::entry::Entry;
use tokio::time::sleep;

use crate::console::Console;
use crate::jobs::Stopping;
use crate::live::{Behind, Commit, groups};
use crate::store::StoreError;

/// Entries that one statement reads.
const STEP: u32 = 1_000;
/// Accounts that are read side by side; fewer than there are connections for reading.
const SIDE_BY_SIDE: usize = 4;
/// After a failure.
const PAUSE: Duration = Duration::from_millis(250);

/// Runs until the server stops.
pub async fn run(console: Console, mut stopping: Stopping) {
    let Some(sharing) = console.live.sharing() else { return };
    loop {
        tokio::select! {
            () = stopping.wait() => return,
            () = sharing.to_read() => {}
        }
        while !stopping.is_given() && !catch_up(&console).await {}
    }
}

/// One step for each account that is behind; whether none is any more.
async fn catch_up(console: &Console) -> bool {
    let behind = console.live.behind();
    let steps = stream::iter(behind).map(|behind| step(console, behind)).buffer_unordered(SIDE_BY_SIDE);
    let results: Vec<Result<(), StoreError>> = steps.collect().await;
    if let Some(error) = results.iter().find_map(|result| result.as_ref().err()) {
        tracing::debug!(%error, "what other servers wrote could not be read");
        sleep(PAUSE).await;
    }
    results.is_empty()
}

async fn step(console: &Console, behind: Behind) -> Result<(), StoreError> {
    let Behind { account, account_no, seq, .. } = behind;
    let entries = console.store.entries_after(account_no, seq, STEP).await?;
    if entries.first().is_none_or(|first| first.seq != seq + 1) {
        // Whoever said that there is more was wrong; a look finds what comes.
        console.live.found_nothing(behind);
    }
    for group in groups(whole_acts(&entries)) {
        console.live.publish(Commit::new(account, group.to_vec()));
    }
    Ok(())
}

/// Without the last act, where the statement's limit may have cut it.
fn whole_acts(entries: &[Entry]) -> &[Entry] {
    if entries.len() < usize::try_from(STEP).unwrap_or(usize::MAX) {
        return entries;
    }
    match entries.iter().rposition(|entry| entry.leg == 0) {
        Some(last) if last > 0 => &entries[..last],
        _ => entries,
    }
}
