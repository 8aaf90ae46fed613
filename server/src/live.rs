//! Who hears what happens on an account: a channel per account that somebody listens to.

mod sharing;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use app::backend::live::{EntryMessage, EventFacts};
use bytes::Bytes;
use ledger::entry::Entry;
use ledger::{AccountId, EventId, GrantId};
use tokio::sync::broadcast;

use self::sharing::Place;
pub use self::sharing::{Behind, Sharing};
use crate::calendar::Rfc3339;

/// Commits a listener may fall behind before it is dropped; it resumes from the store. Each account that is listened to
/// holds as many places.
const BACKLOG: usize = 128;
/// Entries of one group of those that are read from the books, give or take the last event's legs.
pub(crate) const GROUP: usize = 100;

/// The entries that one commit added to one account, in order of `seq`; its readers share them.
#[derive(Debug)]
pub struct Commit {
    pub account: AccountId,
    pub entries: Vec<Entry>,
    /// What its readers are sent.
    text: OnceLock<Bytes>,
}

impl Commit {
    pub fn new(account: AccountId, entries: Vec<Entry>) -> Self {
        Self { account, entries, text: OnceLock::new() }
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

/// Cuts entries where an event ends, into groups of about [`GROUP`].
pub fn groups(entries: &[Entry]) -> impl Iterator<Item = &[Entry]> {
    let mut rest = entries;
    std::iter::from_fn(move || {
        let tail = rest.get(GROUP..).unwrap_or_default();
        let further_legs = tail.iter().take_while(|entry| entry.leg > 0).count();
        let (group, after) = rest.split_at((GROUP + further_legs).min(rest.len()));
        rest = after;
        (!group.is_empty()).then_some(group)
    })
}

/// What the listeners of an account hear.
#[derive(Debug, Clone)]
pub enum News {
    Commit(Arc<Commit>),
    /// A session or key of the account has ended, or the account was suspended or let in again.
    Access,
}

/// Passes news to the streams of their account. Publishing never waits.
#[derive(Debug, Default)]
pub struct LiveBus {
    channels: Mutex<Channels>,
    /// Where other servers write as well.
    sharing: Option<Sharing>,
}

#[derive(Debug, Default)]
struct Channels {
    by_account: HashMap<AccountId, Channel>,
    /// Of the accounts whose listeners have a place in the books.
    by_number: HashMap<i64, AccountId>,
}

#[derive(Debug)]
struct Channel {
    sender: broadcast::Sender<News>,
    place: Place,
}

impl LiveBus {
    /// For a store that other servers write to as well: `nodes` must tell it what they do.
    pub fn shared() -> Self {
        Self { sharing: Some(Sharing::default()), ..Self::default() }
    }

    /// What is between this bus and those of other servers; `None`: there are none.
    pub fn sharing(&self) -> Option<&Sharing> {
        self.sharing.as_ref()
    }

    /// Hears all news of an account from now on. Where the books are shared, commits come once somebody has said where
    /// listening [begins](Self::begin).
    pub fn subscribe(&self, account: AccountId) -> broadcast::Receiver<News> {
        let mut channels = self.channels();
        channels.forget_left();
        let channel = channels.by_account.entry(account);
        channel.or_insert_with(Channel::new).sender.subscribe()
    }

    /// A listener has read the account's books up to this `seq`, after it subscribed.
    pub fn begin(&self, account: AccountId, account_no: i64, seq: u64) {
        let Some(sharing) = &self.sharing else { return };
        let mut channels = self.channels();
        let Some(channel) = channels.by_account.get_mut(&account) else { return };
        if channel.place.published.is_none() {
            channel.place.published = Some((account_no, seq));
            channels.by_number.insert(account_no, account);
            sharing.has_more();
        }
    }

    /// Whether anybody listens to the account.
    pub fn is_heard(&self, account: AccountId) -> bool {
        let channels = self.channels();
        channels.by_account.get(&account).is_some_and(|channel| channel.sender.receiver_count() > 0)
    }

    /// How many listen, to whatever account.
    pub fn listeners(&self) -> usize {
        self.channels().by_account.values().map(|channel| channel.sender.receiver_count()).sum()
    }

    /// Numbers of the accounts whose listeners have a place in the books, and the last entry that was published of each.
    pub fn places(&self) -> Vec<(i64, u64)> {
        let mut channels = self.channels();
        channels.forget_left();
        channels.by_account.values().filter_map(|channel| channel.place.published).collect()
    }

    pub fn publish(&self, commit: Commit) {
        let mut channels = self.channels();
        let Some(channel) = channels.by_account.get_mut(&commit.account) else { return };
        let Some(sharing) = &self.sharing else { return channel.tell(News::Commit(Arc::new(commit))) };
        let new = channel.place.advance(&commit.entries);
        if new.len() == commit.entries.len() {
            return channel.tell(News::Commit(Arc::new(commit)));
        }
        if !new.is_empty() {
            channel.tell(News::Commit(Arc::new(Commit::new(commit.account, new.to_vec()))));
        }
        if channel.place.behind(commit.account).is_some() {
            sharing.has_more();
        }
    }

    /// Somebody says that these accounts (by number) have entries up to this `seq`: reason enough to read.
    pub fn heard_of(&self, moved: &[(i64, u64)]) {
        let Some(sharing) = &self.sharing else { return };
        let mut channels = self.channels();
        let Channels { by_account, by_number } = &mut *channels;
        for (no, seq) in moved {
            let Some(account) = by_number.get(no) else { continue };
            let Some(channel) = by_account.get_mut(account) else { continue };
            channel.place.known = channel.place.known.max(*seq);
            if channel.place.behind(*account).is_some() {
                sharing.has_more();
            }
        }
    }

    /// The database says how far these accounts are, of which so much had been published when it was asked. One that has less is
    /// an older copy: streams that have heard more end, so that their readers come again and are told what is true now.
    pub fn found(&self, asked: &[(i64, u64)], seqs: &HashMap<i64, u64>) {
        for (no, published) in asked {
            match seqs.get(no).copied().unwrap_or_default() {
                seq if seq < *published => self.channels().close(*no),
                seq => self.heard_of(&[(*no, seq)]),
            }
        }
    }

    /// The books have nothing to follow on what was published, whatever was said.
    pub fn found_nothing(&self, behind: Behind) {
        if let Some(channel) = self.channels().by_account.get_mut(&behind.account) {
            channel.place.nothing_follows(behind);
        }
    }

    /// The accounts whose listeners have not heard all that is said to be in the books.
    pub fn behind(&self) -> Vec<Behind> {
        let channels = self.channels();
        let behind = |(account, channel): (&AccountId, &Channel)| channel.place.behind(*account);
        channels.by_account.iter().filter_map(behind).collect()
    }

    /// Who may listen to the account has changed, and the change is stored: its streams look at once who they serve.
    pub fn access_changed(&self, account: AccountId) {
        if let Some(channel) = self.channels().by_account.get(&account) {
            channel.tell(News::Access);
        }
    }

    /// Ends all streams, so that the server can stop.
    pub fn close(&self) {
        *self.channels() = Channels::default();
    }

    fn channels(&self) -> MutexGuard<'_, Channels> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Channels {
    /// Ends the streams of an account, by its number.
    fn close(&mut self, no: i64) {
        if let Some(account) = self.by_number.remove(&no) {
            self.by_account.remove(&account);
        }
    }

    /// Forgets the accounts that nobody listens to any more.
    fn forget_left(&mut self) {
        let Self { by_account, by_number } = self;
        by_account.retain(|_, channel| channel.sender.receiver_count() > 0);
        by_number.retain(|_, account| by_account.contains_key(account));
    }
}

impl Channel {
    fn new() -> Self {
        Self { sender: broadcast::channel(BACKLOG).0, place: Place::default() }
    }

    fn tell(&self, news: News) {
        // Nobody left to hear it: they left between the two lines.
        let _ = self.sender.send(news);
    }
}

#[cfg(test)]
mod tests;
