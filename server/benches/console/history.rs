//! Books with a history: a quarter of a year of many accounts, lived through the sequencer by a clock set by hand, up to now.
//!
//! Events of four operations, some late, some with dimensions, some paid by a key, some free; small grants that come every
//! day, are used up in the middle of a charge, or expire with something left.

use std::collections::BTreeMap;
use std::sync::Arc;

use ledger::event::{Dimensions, EventKey, Report};
use ledger::grant::{DEFAULT_PRIORITY, GrantFacts, GrantKind};
use ledger::time::{DAY, SECOND};
use ledger::{Credits, KeyId, Quantity};
use server::clock::{Clock, ManualClock, SystemClock};
use server::sequencer::job::{NewGrant, Submission};
use server::store::{Payer, Permission};

use crate::Outcome;
use crate::books::{Books, OpenBooks, SOURCE, event_id};

/// Events in one call of the sequencer.
const GROUP: usize = 1_000;
/// How long the history is, in microseconds.
pub const LENGTH: i64 = 90 * DAY;
/// How many small grants each account gets, if there are events enough.
const GRANTS: usize = 90;
/// Credits that are soon used up, and credits of which some are left when they expire.
const LITTLE: u32 = 2;
const MUCH: u32 = 20_000;
/// Groups between two checkpoints.
const CHECKPOINT: usize = 20;
/// How late a late event is, in microseconds.
const LATE: i64 = 5_400 * SECOND;

/// Makes books of so many accounts, and lets `events` happen (numbers 0, 1, …), in turns of the accounts.
pub async fn books(accounts: usize, events: usize) -> Outcome<Books> {
    let clock = Arc::new(ManualClock::at(SystemClock.now().saturating_add(-LENGTH)));
    let books = Books::begun(accounts, Arc::clone(&clock) as _).await?;
    live(&books, events, clock).await?;
    Ok(books)
}

async fn live(books: &Books, events: usize, clock: Arc<ManualClock>) -> Outcome {
    let open = books.open_at(Arc::clone(&clock) as _).await?;
    let payers = payers(books, &open).await?;
    let groups = events.div_ceil(GROUP);
    let pause = LENGTH / i64::try_from(groups.max(1))?;
    let mut given = 0_usize;
    for group in 0..groups {
        if group % groups.div_ceil(GRANTS) == 0 {
            let amount = if given.is_multiple_of(3) { MUCH } else { LITTLE };
            give(books, &open, &clock, amount).await?;
            given += 1;
        }
        let numbers = group * GROUP..events.min((group + 1) * GROUP);
        let reported: Result<Vec<_>, _> =
            numbers.map(|number| event(&payers, &books.service_key, number, &clock)).collect();
        for charged in open.sequencer.charge(reported?).await? {
            charged?;
        }
        clock.advance(pause);
        if group % CHECKPOINT == 0 {
            open.store.checkpoint().await?;
        }
    }
    open.store.checkpoint().await?;
    open.close().await
}

/// Who pays: each account by itself and by a key.
async fn payers(books: &Books, open: &OpenBooks) -> Outcome<Vec<[Payer; 2]>> {
    let mut payers = Vec::with_capacity(books.accounts.len());
    for (place, account) in books.accounts.iter().enumerate() {
        let key = open.customer_key(place + 1, Permission::ReadWrite).await?;
        payers.push([Payer::Account(*account), Payer::ApiKey(key.hash())]);
    }
    Ok(payers)
}

/// Credits for each account, for a day.
async fn give(books: &Books, open: &OpenBooks, clock: &ManualClock, amount: u32) -> Outcome {
    let facts = GrantFacts {
        kind: GrantKind::Free,
        priority: DEFAULT_PRIORITY,
        effective_at: clock.now(),
        expires_at: Some(clock.now().saturating_add(DAY)),
        source: "operator".to_owned(),
        reason: "for today".to_owned(),
    };
    let grant = NewGrant { amount: Credits::whole(amount), facts };
    let given = books.accounts.iter().map(|account| open.sequencer.issue(*account, grant.clone()));
    for given in futures::future::join_all(given).await {
        given??;
    }
    Ok(())
}

/// Event `number`. Divisors without common factors, so that every mixture comes.
fn event(
    payers: &[[Payer; 2]],
    service_key: &KeyId,
    number: usize,
    clock: &ManualClock,
) -> Outcome<Submission> {
    let (operation, quantity) = match number / payers.len() % 11 {
        0..7 => ("model.inference", format!("{}.{:03}", number % 8, number % 997)),
        7 | 8 => ("model.prediction", "1".to_owned()),
        9 => ("data.storage", format!("{}", number % 512)),
        _ => ("account.read", "1".to_owned()),
    };
    let described = number.is_multiple_of(13);
    let model = ("model".to_owned(), format!("churn-{}", number % 17));
    let pairs = if described { BTreeMap::from([model]) } else { BTreeMap::new() };
    let report = Report {
        key: EventKey::parse(SOURCE, &event_id(number))?,
        operation: operation.to_owned(),
        quantity: Quantity::parse(&quantity)?,
        dimensions: Dimensions::parse(pairs)?,
        occurred_at: number.is_multiple_of(5).then(|| clock.now().saturating_add(-LATE)),
    };
    let payer = payers[number % payers.len()][usize::from(number.is_multiple_of(3))].clone();
    Ok(Submission { report, payer, service_key: service_key.clone(), debt_limit: None })
}
