//! Who hears what happens on an account: a channel per account that somebody listens to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use app::backend::live::{EntryMessage, EventFacts};
use bytes::Bytes;
use ledger::entry::Entry;
use ledger::{AccountId, EventId, GrantId};
use tokio::sync::broadcast;

use crate::calendar::Rfc3339;

/// Commits a listener may fall behind before it is dropped; it resumes from the store.
const BACKLOG: usize = 256;

/// The entries that one commit added to one account, in order of `seq`.
#[derive(Debug, Clone)]
pub struct Commit {
    pub account: AccountId,
    pub entries: Arc<[Entry]>,
    /// What its readers are sent.
    text: Arc<OnceLock<Bytes>>,
}

impl Commit {
    pub fn new(account: AccountId, entries: Vec<Entry>) -> Self {
        Self { account, entries: entries.into(), text: Arc::default() }
    }

    /// What its readers are sent: written by the first of them, however many there are.
    pub fn text(&self, write: impl FnOnce(&Self) -> Bytes) -> Bytes {
        self.text.get_or_init(|| write(self)).clone()
    }
}

/// An entry as pages hear of it.
pub(crate) fn entry_message(account: AccountId, entry: &Entry) -> EntryMessage {
    EntryMessage {
        seq: entry.seq,
        movement: entry.movement.name().to_owned(),
        leg: u32::from(entry.leg),
        amount: entry.amount,
        grant_id: entry.grant.map(|seq| GrantId { account, seq }),
        event: entry.begun_event().map(|event| EventFacts {
            event_id: EventId { account, seq: entry.seq },
            source: event.source.clone(),
            id: event.id.clone(),
            operation: event.operation.clone(),
            quantity: event.quantity,
            credits: event.credits,
            occurred_at: event.occurred_at.map(|at| Rfc3339(at).to_string()),
            api_key_id: event.api_key.clone(),
        }),
        available_after: entry.available_after,
        held_after: entry.held_after,
        recorded_at: Rfc3339(entry.recorded_at).to_string(),
    }
}

/// What the listeners of an account hear.
#[derive(Debug, Clone)]
pub enum News {
    Commit(Commit),
    /// A session or key of the account has ended, or the account was suspended or let in again.
    Access,
}

/// Passes news to the streams of their account. Publishing never waits.
#[derive(Debug, Default)]
pub struct LiveBus(Mutex<HashMap<AccountId, broadcast::Sender<News>>>);

impl LiveBus {
    /// Hears all news of an account from now on.
    pub fn subscribe(&self, account: AccountId) -> broadcast::Receiver<News> {
        let mut channels = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        channels.retain(|_, sender| sender.receiver_count() > 0);
        channels.entry(account).or_insert_with(|| broadcast::channel(BACKLOG).0).subscribe()
    }

    /// Whether anybody listens to the account.
    pub fn is_heard(&self, account: AccountId) -> bool {
        let channels = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        channels.get(&account).is_some_and(|sender| sender.receiver_count() > 0)
    }

    /// How many listen, to whatever account.
    pub fn listeners(&self) -> usize {
        let channels = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        channels.values().map(broadcast::Sender::receiver_count).sum()
    }

    pub fn publish(&self, commit: Commit) {
        self.tell(commit.account, News::Commit(commit));
    }

    /// Who may listen to the account has changed, and the change is stored: its streams look at once who they serve.
    pub fn access_changed(&self, account: AccountId) {
        self.tell(account, News::Access);
    }

    fn tell(&self, account: AccountId, news: News) {
        let channels = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = channels.get(&account) {
            // Nobody left to hear it: they left between the two lines.
            let _ = sender.send(news);
        }
    }

    /// Ends all streams, so that the server can stop.
    pub fn close(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
