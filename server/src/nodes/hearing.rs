//! Hears what other servers have committed, as long as the connection for it is known to be good.

use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use crate::console::Console;
use crate::jobs::Stopping;
use crate::store::{Listening, Look, Store, StoreError, Told};

/// Between two looks at the epoch. Several fit into the second for which an answer counts.
const LOOK: Duration = Duration::from_millis(250);
/// Every so many looks ask where the accounts are that are listened to here.
const LOOKS_AT_ACCOUNTS: u32 = 3;
/// The shortest time between two looks, however many messages ask for one.
const BETWEEN: Duration = Duration::from_millis(20);
/// A connection that takes longer to answer is a lost one.
const LOOK_LIMIT: Duration = Duration::from_secs(2);
/// Between two attempts to connect: from, and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// Runs until the server stops. A connection that is lost is made anew.
pub async fn run(console: Console, listening: Listening, mut stopping: Stopping) {
    let mut listening = Some(listening);
    let mut pause = PAUSES.0;
    loop {
        if let Some(mut open) = listening.take() {
            tokio::select! {
                () = stopping.wait() => {
                    console.store.hears_nothing();
                    return open.close().await;
                }
                lost = hear(&console, &mut open) => {
                    console.store.hears_nothing();
                    tracing::warn!(cause = %lost, "other servers can't be heard; nothing is answered from memory meanwhile");
                    pause = PAUSES.0;
                }
            }
        }
        tokio::select! {
            () = stopping.wait() => return,
            () = sleep(pause) => {}
        }
        pause = (pause * 2).min(PAUSES.1);
        tokio::select! {
            () = stopping.wait() => return,
            connected = console.store.listen() => match connected {
                Ok(connected) => listening = connected,
                Err(error) => tracing::debug!(%error, "other servers still can't be heard"),
            },
        }
    }
}

/// Listens until the connection is lost; how that was found out. A message only makes us look, or read: what it says may be
/// untrue, or of a database that was put back since.
async fn hear(console: &Console, listening: &mut Listening) -> StoreError {
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut round = 0_u32;
    loop {
        let began = tokio::time::Instant::now();
        let with_accounts = round.is_multiple_of(LOOKS_AT_ACCOUNTS);
        if let Err(error) = look(console, listening, with_accounts).await {
            return error;
        }
        round = round.wrapping_add(1);
        // A look is due when the wait for messages is over.
        loop {
            tokio::select! {
                _ = looks.tick() => break,
                told = listening.next() => match told {
                    Ok(Some(Told::Changed(number))) => {
                        if console.store.is_news(number) {
                            looks.reset_at(began + BETWEEN);
                        }
                    }
                    Ok(Some(Told::Moved(moved))) => console.live.heard_of(&moved),
                    Ok(Some(Told::Counted(counted))) => console.rates.heard_of(counted, console.clock.now()),
                    Ok(None) => return StoreError::Lost("it was closed"),
                    Err(error) => return error,
                },
            }
        }
    }
}

/// Asks the database where it is, and believes in what is cached for a while.
async fn look(console: &Console, listening: &mut Listening, with_accounts: bool) -> Result<(), StoreError> {
    let store: &Store = &console.store;
    let places = if with_accounts { console.live.places() } else { vec![] };
    let accounts: Vec<i64> = places.iter().map(|(no, _)| *no).collect();
    let asked = Instant::now();
    let asking = async {
        let look = listening.look(&accounts).await?;
        if with_accounts && !store.leads() && listening.try_to_lead().await? {
            store.lead();
        }
        Ok::<Look, StoreError>(look)
    };
    let look =
        timeout(LOOK_LIMIT, asking).await.unwrap_or_else(|_| Err(StoreError::Lost("no answer in time")))?;
    store.heard_of(look.epoch);
    console.live.found(&places, &look.seqs);
    store.hears(asked);
    Ok(())
}
