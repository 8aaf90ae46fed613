//! What happens by itself while the server runs. Each job waits its time, does its work, and ends when the server
//! stops; a failure is logged and the next round tries again.

pub mod demo;
mod expiry;
mod mail;
pub mod rollups;
mod stopping;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use self::expiry::Sweeps;
pub use self::stopping::{Stop, Stopping, signal};
use crate::auth::sessions::idle_since;
use crate::console::Console;
use crate::mail::Sender;

/// Between two looks for grants that ran out. Reads and spends post theirs at once, so this only keeps idle accounts
/// from carrying them for long.
const EXPIRY: Duration = Duration::from_secs(5);
/// Between two moves of the write-ahead log into the file.
const CHECKPOINT: Duration = Duration::from_secs(1);
/// Between two writes of the keys' request counts, of sessions' last use and of what waits for the access log.
const KEY_REQUESTS: Duration = Duration::from_secs(10);
/// Between two deletions of sessions, links, claims and accounts that are over.
const SESSIONS: Duration = Duration::from_hours(1);
/// Between two looks for mails that nobody sent in time; what they say is erased then.
const MAILS: Duration = Duration::from_mins(1);
/// Between two looks for credits that are owed for signing up. They are given at once; this is for what a crash or a
/// full queue has left undone.
const SIGN_UP_CREDITS: Duration = Duration::from_secs(10);
/// Between two comparisons of a random window of charts with the books.
const ROLLUPS: Duration = Duration::from_secs(30);

/// Starts all jobs. They end with the signal. Without a `sender` mails stay in the outbox.
pub fn start(console: &Console, sender: Option<Sender>, stopping: &Stopping) -> JoinSet<()> {
    let mut jobs = JoinSet::new();
    let of = || (console.clone(), stopping.clone());
    let (console, signal) = of();
    let sweeps = Arc::<Sweeps>::default();
    jobs.spawn(every(EXPIRY, signal, move || expiry::sweep(console.clone(), Arc::clone(&sweeps))));
    let (console, signal) = of();
    jobs.spawn(every(CHECKPOINT, signal, move || checkpoint(console.clone())));
    let (console, signal) = of();
    jobs.spawn(every(KEY_REQUESTS, signal, move || write_key_requests(console.clone())));
    let (console, signal) = of();
    jobs.spawn(every(SESSIONS, signal, move || forget_sessions(console.clone())));
    let (console, signal) = of();
    jobs.spawn(every(MAILS, signal, move || mail::tidy(console.clone())));
    let (console, signal) = of();
    jobs.spawn(demo::run(console, signal));
    if let Some(sender) = sender {
        let (console, signal) = of();
        jobs.spawn(mail::run(console, sender, signal));
    }
    let (console, signal) = of();
    jobs.spawn(every(ROLLUPS, signal, move || rollups::check(console.clone())));
    let (console, signal) = of();
    jobs.spawn(every(SIGN_UP_CREDITS, signal, move || give_due_credits(console.clone())));
    jobs
}

/// Runs `job` each `period`, the first time after one; a round that takes longer delays the next.
async fn every<F: Future<Output = ()>>(period: Duration, mut stopping: Stopping, job: impl Fn() -> F) {
    let mut rounds = tokio::time::interval(period);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick of an interval is due at once.
    rounds.tick().await;
    loop {
        tokio::select! {
            () = stopping.wait() => return,
            _ = rounds.tick() => job().await,
        }
    }
}

async fn checkpoint(console: Console) {
    if let Err(error) = console.store.checkpoint().await {
        tracing::warn!(%error, "the write-ahead log could not be moved into the database");
    }
}

/// Also done once at the end, so that nothing counted is lost.
pub async fn write_key_requests(console: Console) {
    console.write_key_requests().await;
    console.write_seen_sessions().await;
    console.write_accesses().await;
}

async fn give_due_credits(console: Console) {
    if let Err(error) = console.give_due_credits().await {
        tracing::warn!(%error, "credits for signing up have to wait");
    }
}

async fn forget_sessions(console: Console) {
    match console.store.delete_ended_sessions(console.clock.now(), idle_since(&console)).await {
        Ok(count) => tracing::debug!(count, "deleted ended sessions"),
        Err(error) => tracing::warn!(%error, "ended sessions could not be deleted"),
    }
    if let Err(error) = console.store.delete_ended_rounds(console.clock.now()).await {
        tracing::warn!(%error, "rounds to providers that nobody came back from could not be deleted");
    }
    if let Err(error) = console.store.delete_ended_second_steps(console.clock.now()).await {
        tracing::warn!(%error, "sign-ins that nobody went on with could not be deleted");
    }
    if let Err(error) = console.store.delete_ended_challenges(console.clock.now()).await {
        tracing::warn!(%error, "what nobody has signed with a passkey could not be deleted");
    }
    if let Err(error) = console.forget_old_sign_ups().await {
        tracing::warn!(%error, "old links and claims could not be deleted");
    }
    if let Err(error) = console.store.delete_old_email_changes(console.clock.now()).await {
        tracing::warn!(%error, "changes of an e-mail that nobody confirmed could not be deleted");
    }
    if let Err(error) = console.erase_closed_accounts().await {
        tracing::warn!(%error, "deleted accounts could not be erased");
    }
    if let Err(error) = console.forget_old_accesses().await {
        tracing::warn!(%error, "old rows of the access log could not be deleted");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_job_runs_each_period_until_the_server_stops() {
        let (stop, stopping) = signal();
        let (ran, rounds) = tokio::sync::mpsc::unbounded_channel();
        let count = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&count);
        let job = tokio::spawn(every(Duration::from_millis(1), stopping, move || {
            counted.fetch_add(1, Ordering::SeqCst);
            let _ = ran.send(());
            std::future::ready(())
        }));
        let mut rounds = rounds;
        for _ in 0..3 {
            rounds.recv().await.unwrap();
        }
        stop.now();
        job.await.unwrap();
        let at_the_end = count.load(Ordering::SeqCst);
        assert!(at_the_end >= 3);
        assert!(rounds.recv().await.is_none() || count.load(Ordering::SeqCst) == at_the_end);
    }

    #[tokio::test]
    async fn a_job_ends_with_the_sender_of_the_signal() {
        let (stop, stopping) = signal();
        let job = tokio::spawn(every(Duration::from_hours(1), stopping, || std::future::ready(())));
        drop(stop);
        job.await.unwrap();
    }
}
