//! Keeps the sample account spending a little while somebody looks, and hardly anything while nobody does. Of servers that
//! share a database one does so, by who looks at its own pages.

use std::time::Duration;

use ledger::event::{Dimensions, EventKey, Report};
use ledger::{Credits, Quantity};

use super::Stopping;
use crate::console::Console;
use crate::demo::chance::Chance;
use crate::demo::{account::SOURCE, purse::purchase};
use crate::sequencer::job::{Refusal, Submission};
use crate::store::{DemoRow, Payer};

/// Seconds between two calls while a page of the account is open.
const WATCHED: (u64, u64) = (5, 13);
/// And while none is.
const ALONE: (u64, u64) = (240, 420);
/// Tokens of a call, least and most.
const TOKENS: (u64, u64) = (40, 900);
/// Below so many credits it buys more.
const LOW: Credits = Credits::whole(40);
const BOUGHT: u64 = 500;

/// Ends at once without a sample account: one can only be made while no server runs.
pub async fn run(console: Console, mut stopping: Stopping) {
    let demo = match console.store.find_demo().await {
        Ok(Some(demo)) if demo.is_complete => demo,
        Ok(_) => return,
        Err(error) => {
            tracing::warn!(%error, "the sample account could not be looked for");
            return;
        }
    };
    let chance = Chance::new(u64::try_from(console.clock.now().micros()).unwrap_or_default());
    loop {
        let (least, most) = if console.live.is_heard(demo.account_id) { WATCHED } else { ALONE };
        // Looked at often, so that a page that opens sees something soon.
        let mut left = chance.between(least, most);
        while left > 0 {
            tokio::select! {
                () = stopping.wait() => return,
                () = tokio::time::sleep(Duration::from_secs(1)) => left -= 1,
            }
            if console.live.is_heard(demo.account_id) {
                left = left.min(WATCHED.1);
            }
        }
        if console.store.leads() {
            spend(&console, &demo, &chance).await;
        }
    }
}

/// One call, and a purchase when little is left. The sample may miss one; the next comes soon.
pub async fn spend(console: &Console, demo: &DemoRow, chance: &Chance) {
    let now = console.clock.now();
    let Ok(key) = EventKey::parse(SOURCE, &format!("live-{}", now.micros())) else { return };
    let tokens = i64::try_from(chance.skewed(TOKENS.0, TOKENS.1)).unwrap_or_default();
    let report = Report {
        key,
        operation: "model.inference".to_owned(),
        // Thousands of tokens, in millionths.
        quantity: Quantity::from_micros(tokens * 1_000).unwrap_or(Quantity::ZERO),
        dimensions: Dimensions::default(),
        occurred_at: None,
    };
    let payer = Payer::ApiKey(demo.api_key_hash);
    let submission = Submission { report, payer, service_key: demo.service_key.clone(), debt_limit: None };
    let outcome =
        console.sequencer.charge(vec![submission]).await.ok().and_then(|mut outcomes| outcomes.pop());
    let is_low = match outcome {
        Some(Ok(charged)) => charged.balance < LOW,
        Some(Err(Refusal::Insufficient { .. })) => true,
        _ => false,
    };
    if is_low {
        let bought =
            console.sequencer.issue(demo.account_id, purchase(now, BOUGHT, "Automatic top-up")).await;
        tracing::debug!(?bought, "the sample account bought credits");
    }
}
