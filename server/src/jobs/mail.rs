//! Sends what is in the outbox: at once when something was written, and whenever something is due again.

use std::time::Duration;

use ledger::time::{DAY, SECOND};

use super::Stopping;
use crate::console::Console;
use crate::mail::Sender;
use crate::store::StoreError;

/// The outbox is looked into at least so often.
const LONGEST: Duration = Duration::from_mins(1);
const SHORTEST: Duration = Duration::from_secs(1);
/// After the mail server, or the store, could not be used.
const RECOVERY: Duration = Duration::from_secs(30);
/// How long one can still ask whether a mail was delivered.
const KEPT: i64 = 30 * DAY;

/// Runs until the server stops. A mail that is on its way to the mail server then is still handed over and noted.
pub async fn run(console: Console, sender: Sender, mut stopping: Stopping) {
    loop {
        let goes_on = || !stopping.is_given();
        let pause = match sender.send_due(&console, goes_on).await {
            Ok(round) if round.interrupted => Ok(RECOVERY),
            Ok(_) => until_next(&console).await,
            Err(error) => Err(error),
        };
        let pause = pause.unwrap_or_else(|error| {
            tracing::error!(%error, "the outbox could not be read or written");
            RECOVERY
        });
        tokio::select! {
            () = stopping.wait() => return,
            () = console.bell.heard() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

async fn until_next(console: &Console) -> Result<Duration, StoreError> {
    let Some(next) = console.store.next_mail_at().await? else { return Ok(LONGEST) };
    let seconds = next.saturating_since(console.clock.now()).div_euclid(SECOND).saturating_add(1);
    Ok(Duration::from_secs(u64::try_from(seconds).unwrap_or_default()).clamp(SHORTEST, LONGEST))
}

/// Erases what mails said that were not sent in time, and forgets old ones.
pub async fn tidy(console: Console) {
    let now = console.clock.now();
    match console.store.expire_mails(now).await {
        Ok(0) => {}
        Ok(count) => tracing::info!(count, "mails were not sent in time and are erased"),
        Err(error) => tracing::warn!(%error, "old mails could not be erased"),
    }
    if let Err(error) = console.store.delete_old_mails(now.saturating_add(-KEPT)).await {
        tracing::warn!(%error, "old mails could not be forgotten");
    }
}
