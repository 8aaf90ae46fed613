//! Tells other servers which accounts have moved: after the commit, on a connection of its own, and never waited for. While
//! one message is on its way the next gathers; what can't be told is found by looking. On the same connection it says now and
//! then how many requests were counted here.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use crate::auth::rates::Counted;
use crate::console::Console;
use crate::jobs::Stopping;
use crate::store::{StoreError, Telling};

/// After a failure.
const PAUSE: Duration = Duration::from_millis(500);
/// Between two sayings of how many requests were counted: what an account can send to several servers meanwhile is above its
/// limit.
const COUNTS: Duration = Duration::from_millis(250);
/// How long a message may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What there is to tell.
enum News {
    /// Accounts, and the `seq` of their last entries.
    Moved(HashMap<i64, u64>),
    Counted(Counted),
}

/// Runs until the server stops.
pub async fn run(console: Console, mut stopping: Stopping) {
    let Some(sharing) = console.live.sharing() else { return };
    let mut telling = None;
    let mut counts = interval(COUNTS);
    counts.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let news = tokio::select! {
            () = stopping.wait() => return,
            moved = sharing.to_tell() => (!moved.is_empty()).then_some(News::Moved(moved)),
            _ = counts.tick() => console.rates.untold(console.clock.now()).map(News::Counted),
        };
        let Some(news) = news else { continue };
        let told = timeout(PATIENCE, tell(&console, &mut telling, news)).await;
        if matches!(told, Ok(Ok(()))) {
            continue;
        }
        telling = None;
        if let Ok(Err(error)) = told {
            tracing::debug!(%error, "other servers were not told what has happened here");
        }
        tokio::select! {
            () = stopping.wait() => return,
            () = sleep(PAUSE) => {}
        }
    }
}

async fn tell(console: &Console, telling: &mut Option<Telling>, news: News) -> Result<(), StoreError> {
    if telling.is_none() {
        *telling = console.store.telling().await?;
    }
    match telling {
        Some(telling) => match news {
            News::Moved(moved) => telling.tell(moved).await,
            News::Counted(counted) => telling.tell_counts(counted).await,
        },
        None => Ok(()),
    }
}
