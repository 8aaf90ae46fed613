//! Tells other servers which accounts have moved: after the commit, on a connection of its own, and never waited for. While
//! one message is on its way the next gathers; what can't be told is found by looking.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::console::Console;
use crate::jobs::Stopping;
use crate::store::{StoreError, Telling};

/// After a failure.
const PAUSE: Duration = Duration::from_millis(500);
/// How long a message may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs until the server stops.
pub async fn run(console: Console, mut stopping: Stopping) {
    let Some(sharing) = console.live.sharing() else { return };
    let mut telling = None;
    loop {
        let moved = tokio::select! {
            () = stopping.wait() => return,
            moved = sharing.to_tell() => moved,
        };
        if moved.is_empty() {
            continue;
        }
        let told = timeout(PATIENCE, tell(&console, &mut telling, moved)).await;
        if matches!(told, Ok(Ok(()))) {
            continue;
        }
        telling = None;
        if let Ok(Err(error)) = told {
            tracing::debug!(%error, "other servers were not told what has moved");
        }
        tokio::select! {
            () = stopping.wait() => return,
            () = sleep(PAUSE) => {}
        }
    }
}

async fn tell(
    console: &Console,
    telling: &mut Option<Telling>,
    moved: impl IntoIterator<Item = (i64, u64)>,
) -> Result<(), StoreError> {
    if telling.is_none() {
        *telling = console.store.telling().await?;
    }
    match telling {
        Some(telling) => telling.tell(moved).await,
        None => Ok(()),
    }
}
