//! What happens on the account while the page is open.
//!
//! Pure: messages in, arrivals out. [`connection`] (browser only) fills an [`Inbox`] from the stream, which [`sharing`]
//! lets one tab hold for all; [`feed`] keeps the overview true. Loss, repetition and gaps on the way are noticed here
//! and mended by reading the page's data again.

#[cfg(feature = "hydrate")]
pub mod clock;
#[cfg(feature = "hydrate")]
pub mod connection;
pub mod credits;
pub mod feed;
pub mod note;
#[cfg(feature = "hydrate")]
pub mod page;
pub mod sharing;
#[cfg(feature = "hydrate")]
mod tabs;
pub mod usage;

use ledger::Credits;
use leptos::prelude::*;

use crate::backend::live::{AlertMessage, BalanceMessage, EntryMessage, UsageMessage, name};
use crate::backend::overview::BalanceView;

/// One message of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    Entry(EntryMessage),
    Usage(UsageMessage),
    Balance(BalanceMessage),
    Reset(BalanceMessage),
    Alert(AlertMessage),
}

impl Message {
    /// Reads the data of the SSE event called `event`. `None` for events this page has no use for.
    pub fn parse(event: &str, data: &str) -> Option<Result<Self, serde_json::Error>> {
        Some(match event {
            name::ENTRY => serde_json::from_str(data).map(Self::Entry),
            name::USAGE => serde_json::from_str(data).map(Self::Usage),
            name::BALANCE => serde_json::from_str(data).map(Self::Balance),
            name::RESET => serde_json::from_str(data).map(Self::Reset),
            name::ALERT => serde_json::from_str(data).map(Self::Alert),
            _ => return None,
        })
    }
}

/// Everything that one commit (or several, when resuming) did to the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    pub entries: Vec<EntryMessage>,
    pub usage: Vec<UsageMessage>,
    pub balance: BalanceMessage,
}

/// What pages listen to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arrival {
    Commit(Commit),
    /// Too much was missed to say it in steps: read everything again.
    Reset(Wallet),
}

impl Arrival {
    /// The wallet after it.
    pub fn wallet(&self) -> Wallet {
        match self {
            Self::Commit(commit) => (&commit.balance).into(),
            Self::Reset(wallet) => *wallet,
        }
    }
}

/// Collects the messages of a commit until its `balance` closes it.
#[derive(Debug, Default)]
pub struct Inbox {
    entries: Vec<EntryMessage>,
    usage: Vec<UsageMessage>,
}

impl Inbox {
    pub fn take(&mut self, message: Message) -> Option<Arrival> {
        match message {
            Message::Entry(entry) => self.entries.push(entry),
            Message::Usage(usage) => self.usage.push(usage),
            Message::Balance(balance) => {
                let Self { entries, usage } = std::mem::take(self);
                return Some(Arrival::Commit(Commit { entries, usage, balance }));
            }
            Message::Reset(balance) => {
                *self = Self::default();
                return Some(Arrival::Reset((&balance).into()));
            }
            // Of no commit; between commits.
            Message::Alert(_) => {}
        }
        None
    }

    /// Forgets a commit that was cut off; the stream sends the whole of it again.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

/// The account's wallet, as the top bar shows it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Wallet {
    pub seq: u64,
    pub available: Credits,
    pub held: Credits,
    pub debt: Credits,
}

impl Wallet {
    /// Takes over what is newer; an answer that was overtaken changes nothing.
    pub fn refresh(&mut self, newer: Self) {
        if newer.seq >= self.seq {
            *self = newer;
        }
    }
}

impl From<&BalanceMessage> for Wallet {
    fn from(message: &BalanceMessage) -> Self {
        Self { seq: message.seq, available: message.available, held: message.held, debt: message.debt }
    }
}

impl From<&BalanceView> for Wallet {
    fn from(view: &BalanceView) -> Self {
        Self { seq: view.seq, available: view.available, held: view.held, debt: view.debt }
    }
}

/// How well the page is in touch with the server.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    /// Not yet, or without scripts never: the page is as old as its loading.
    #[default]
    Off,
    Live,
    /// The numbers on the page may be old, and the page says so.
    Reconnecting,
}

/// The live state that all pages share, in context from [`crate::app::App`] down.
#[derive(Debug, Clone, Copy)]
pub struct Live {
    pub wallet: RwSignal<Wallet>,
    pub connection: RwSignal<Connection>,
    /// The account is suspended: nothing is charged and nothing can be changed.
    pub suspended: RwSignal<bool>,
    /// Nobody has shown that the user's e-mail is theirs.
    pub unverified: RwSignal<bool>,
    /// What has just arrived, in order. A listener that misses one batch finds a gap in the seqs and reads again.
    pub arrivals: RwSignal<Vec<Arrival>>,
}

impl Live {
    pub fn new() -> Self {
        Self {
            wallet: RwSignal::new(Wallet::default()),
            connection: RwSignal::new(Connection::default()),
            suspended: RwSignal::new(false),
            unverified: RwSignal::new(false),
            arrivals: RwSignal::new(Vec::new()),
        }
    }

    /// Hands a batch to the top bar and the page.
    pub fn publish(self, arrivals: Vec<Arrival>) {
        if arrivals.is_empty() {
            return;
        }
        self.wallet.update(|wallet| {
            for arrival in &arrivals {
                match arrival {
                    Arrival::Commit(_) => wallet.refresh(arrival.wallet()),
                    // Also backwards: the server's books were restored from a copy.
                    Arrival::Reset(now) => *wallet = *now,
                }
            }
        });
        self.arrivals.set(arrivals);
    }
}

impl Default for Live {
    fn default() -> Self {
        Self::new()
    }
}
