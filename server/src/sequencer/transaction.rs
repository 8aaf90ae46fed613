//! One batch, one transaction: read what the tasks need, decide each in order, write everything, commit.
//!
//! On a file the names of new events are not looked up first, which would cost almost as much as writing them: the index that
//! keeps them unique refuses a name that is in the books, and the names of whatever is refused are looked up before anybody
//! hears of it. If any is known, the batch begins again with all names looked up. And entries of a large batch are written
//! while its later tasks are decided.

use std::collections::HashMap;

use ledger::AccountId;
use ledger::entry::Entry;

use super::batch::Batch;
use super::cache::{Cache, Remembered};
use super::{Answer, Task};
use crate::clock::Clock;
use crate::live::{Commit, LiveBus};
use crate::store::posting::{Changes, Posting};
use crate::store::{Store, StoreError};

/// A batch of more tasks is written while it is decided. Below, that gains less than starting a thread costs.
const LARGE: usize = 48;

/// Why a batch as a whole has no answers.
#[derive(Debug)]
pub(super) enum Failure {
    /// A statement failed, or what it needed can't be read; nothing is written, and some of the tasks may succeed
    /// without the others.
    Statement(StoreError),
    /// Another server came first; nothing is written, and the same batch may succeed.
    Race(StoreError),
    /// The store failed; whether the batch is written is not known.
    Store(StoreError),
}

impl Failure {
    fn cause(&self) -> &StoreError {
        let (Self::Statement(cause) | Self::Race(cause) | Self::Store(cause)) = self;
        cause
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let concerns_all = error.is_systemic() && !error.is_unreadable();
        if error.is_race() {
            Self::Race(error)
        } else if concerns_all {
            Self::Store(error)
        } else {
            Self::Statement(error)
        }
    }
}

/// What has become of a batch.
pub(super) struct Decided {
    pub answers: Vec<Answer>,
    pub changes: Changes,
    pub remembered: Remembered,
}

/// Decides the tasks and makes the outcome durable. When this returns, it is on disk. See [`Store::begin_posting`].
pub(super) async fn post(
    store: &Store,
    cache: &mut Cache,
    clock: &dyn Clock,
    tasks: &[Task],
    keeps_changes_out: bool,
) -> Result<Decided, Failure> {
    let mut posting = store.begin_posting(keeps_changes_out).await.map_err(Failure::Store)?;
    let trusts_names = cache.trusts_names(&posting);
    let mut written = write(&mut posting, cache, clock, tasks, trusts_names).await;
    if let Err(Failure::Statement(StoreError::Known)) = written {
        // Still nobody else may write.
        posting.undo();
        written = write(&mut posting, cache, clock, tasks, false).await;
    }
    match written {
        Ok(decided) if decided.changes.entries.is_empty() => {
            posting.rollback().await.map_err(Failure::Store)?;
            Ok(decided)
        }
        Ok(decided) => {
            posting.commit().await.map_err(Failure::Store)?;
            Ok(decided)
        }
        Err(failure) => {
            posting.give_up(failure.cause()).await.map_err(Failure::Store)?;
            Err(failure)
        }
    }
}

/// Decides the tasks and writes the outcome, without making it durable. [`StoreError::Known`]: a trusted name is in the books.
async fn write(
    posting: &mut Posting<'_>,
    cache: &mut Cache,
    clock: &dyn Clock,
    tasks: &[Task],
    trusts_names: bool,
) -> Result<Decided, Failure> {
    let loaded = cache.load(posting, tasks, clock, trusts_names).await?;
    let knows_some = !loaded.booked.is_empty();
    let mut batch = Batch::new(cache, loaded, tasks.len());
    let is_large = tasks.len() > LARGE && posting.is_alone();
    let answers = if is_large {
        posting.begin().map_err(Failure::Store)?;
        posting.write_beside(|write| batch.decide_in_parts(tasks, write))?
    } else {
        tasks.iter().map(|task| batch.decide(task)).collect()
    };
    if trusts_names {
        let doubtful = batch.refused_names(tasks, &answers);
        if !doubtful.is_empty() && !posting.find_booked(&doubtful).await?.is_empty() {
            return Err(StoreError::Known.into());
        }
    }
    let (changes, remembered) = batch.finish();
    if is_large {
        posting.write_states(&changes)?;
    } else if !changes.entries.is_empty() {
        posting.begin().map_err(Failure::Store)?;
        posting.write(&changes).await?;
    }
    cache.note_names(knows_some);
    Ok(Decided { answers, changes, remembered })
}

/// What those who listen are to be told. Comes after the commit.
pub(super) fn news(live: &LiveBus, changes: &Changes) -> Vec<Commit> {
    if let Some(sharing) = live.sharing().filter(|_| !changes.wallets.is_empty()) {
        sharing.moved(changes.wallets.iter().map(|(account_no, wallet)| (*account_no, wallet.seq)));
    }
    let heard = changes.wallets.iter().filter(|(_, wallet)| live.is_heard(wallet.account));
    let mut heard: HashMap<i64, (AccountId, Vec<Entry>)> =
        heard.map(|(account_no, wallet)| (*account_no, (wallet.account, vec![]))).collect();
    if heard.is_empty() {
        return vec![];
    }
    for (account_no, entry) in &changes.entries {
        if let Some((_, entries)) = heard.get_mut(account_no) {
            entries.push((**entry).clone());
        }
    }
    heard.into_values().map(|(account, entries)| Commit::new(account, entries)).collect()
}
