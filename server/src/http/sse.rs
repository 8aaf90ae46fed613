//! Server-sent events (WHATWG HTML, section 9.2): the frames of `GET /usage/stream`, and the stream of one reader.
//!
//! All frames of a group leave as one chunk, and only the last of them has an `id`: a reader that is cut off resumes
//! before the group or after it, never inside.

use std::fmt::Write as _;
use std::time::Duration;

use app::backend::live::{AlertMessage, BalanceMessage, UsageMessage, alert, name};
use bytes::Bytes;
use ledger::entry::Entry;
use ledger::series::Series;
use ledger::{AccountId, Credits, Timestamp};
use serde::Serialize;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::auth::Customer;
use crate::calendar::Rfc3339;
use crate::console::{Console, Error};
use crate::live::{Commit, News, entry_message, groups};
use crate::store::WalletView;

/// The longest gap, in entries, that is replayed; a longer one is skipped with a `reset`.
pub const LONGEST_GAP: u64 = 1_000;
/// How often a stream asks whether its reader may still listen.
const CHECK_EVERY: Duration = Duration::from_secs(1);
/// A comment after this many quiet checks keeps proxies from closing the connection.
const QUIET_CHECKS: u32 = 15;
/// How long a cut-off reader waits before it comes again, in milliseconds.
const RETRY: &str = "retry: 2000\n\n";

/// Where a reader wants to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With the balance of now.
    Now,
    /// With what followed on this entry.
    After(u64),
    /// The reader's position means nothing to us.
    Lost,
}

/// One reader.
#[derive(Debug)]
pub struct Stream {
    console: Console,
    reader: Customer,
    news: Receiver<News>,
    /// The last entry that the reader knows.
    seq: u64,
    /// Which of the alerts the reader has been told to be active.
    told: [bool; 2],
    /// When the next grant comes into force: the balance changes then without an entry.
    next_effective: Option<Timestamp>,
    checks: Interval,
    quiet_checks: u32,
}

impl Stream {
    /// Starts to listen, and the first chunk: `retry`, and what the reader has missed.
    pub async fn open(console: Console, reader: Customer, start: Start) -> Result<(Self, Bytes), Error> {
        // Listening comes before reading: what is committed in between comes twice, and is then skipped.
        let news = console.live.subscribe(reader.account);
        let now = console.clock.now();
        let wallet = console.wallet(reader.account_no, reader.account).await?;
        console.live.begin(reader.account, reader.account_no, wallet.seq);
        let mut checks = interval(CHECK_EVERY);
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let seq = wallet.seq;
        let next_effective = next_effective(&wallet, now);
        let mut stream =
            Self { console, reader, news, seq, told: [false; 2], next_effective, checks, quiet_checks: 0 };
        let mut first = Frames::default();
        first.0.push_str(RETRY);
        match start {
            Start::Now => first.snapshot(name::BALANCE, &wallet),
            // A `seq` that there isn't yet: the store was restored from a backup.
            Start::After(seq) if seq <= wallet.seq && wallet.seq - seq <= LONGEST_GAP => {
                stream.catch_up(seq, &mut first).await?;
            }
            Start::After(_) | Start::Lost => first.snapshot(name::RESET, &wallet),
        }
        stream.alert(&mut first);
        Ok((stream, first.into_bytes()))
    }

    /// Says what the reader doesn't know about the account's standing yet.
    fn alert(&mut self, frames: &mut Frames) {
        let standing =
            [(alert::SUSPENDED, self.reader.is_suspended), (alert::UNVERIFIED, !self.reader.is_verified)];
        for ((name, active), told) in standing.into_iter().zip(&mut self.told) {
            if *told != active {
                *told = active;
                frames.push(name::ALERT, None, &AlertMessage { alert: name.to_owned(), active });
            }
        }
    }

    /// Whether the reader may still listen, and what it is to be told about that.
    async fn look_again(&mut self) -> Option<Frames> {
        if !self.reader.may_still_read(&self.console).await {
            return None;
        }
        let mut frames = Frames::default();
        self.alert(&mut frames);
        self.look_for_grants(&mut frames).await;
        Some(frames)
    }

    /// Shows the reader the wallet anew once a grant has come into force.
    async fn look_for_grants(&mut self, frames: &mut Frames) {
        let now = self.console.clock.now();
        if self.next_effective.is_none_or(|at| at > now) {
            return;
        }
        // What can't be read now is looked for again in a second.
        if let Ok(wallet) = self.console.wallet(self.reader.account_no, self.reader.account).await {
            frames.snapshot(name::RESET, &wallet);
            self.seq = self.seq.max(wallet.seq);
            self.next_effective = next_effective(&wallet, now);
        }
    }

    async fn catch_up(&mut self, seq: u64, frames: &mut Frames) -> Result<(), Error> {
        let limit = u32::try_from(LONGEST_GAP).unwrap_or(u32::MAX);
        let entries = self.console.store.entries_after(self.reader.account_no, seq, limit).await?;
        self.seq = entries.last().map_or(seq, |last| last.seq);
        for group in groups(&entries) {
            frames.commit(self.reader.account, group);
        }
        Ok(())
    }

    /// The next chunk; `None` once the stream is over and the reader should come again.
    pub async fn next(&mut self) -> Option<Bytes> {
        loop {
            let mut frames = tokio::select! {
                news = self.news.recv() => match news {
                    Ok(News::Commit(commit)) => match self.follow(&commit) {
                        Followed::Known => continue,
                        Followed::New(chunk) => {
                            self.quiet_checks = 0;
                            return Some(chunk);
                        }
                        Followed::Gap => return None,
                    },
                    Ok(News::Access) => Box::pin(self.look_again()).await?,
                    // Too slow, or the server stops.
                    Err(RecvError::Lagged(_) | RecvError::Closed) => return None,
                },
                _ = self.checks.tick() => {
                    self.quiet_checks += 1;
                    // Most streams wait most of the time: what they rarely do has no room in them.
                    Box::pin(self.look_again()).await?
                }
            };
            if self.quiet_checks >= QUIET_CHECKS {
                frames.0.push_str(":\n\n");
            }
            if !frames.0.is_empty() {
                self.quiet_checks = 0;
                return Some(frames.into_bytes());
            }
        }
    }

    fn follow(&mut self, commit: &Commit) -> Followed {
        let known = commit.entries.partition_point(|entry| entry.seq <= self.seq);
        let entries = &commit.entries[known..];
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return Followed::Known };
        if first.seq != self.seq + 1 {
            return Followed::Gap;
        }
        self.seq = last.seq;
        let issued = entries.iter().filter_map(|entry| Some((entry.issued.as_ref()?.effective_at, entry)));
        let later = issued.filter(|(at, entry)| *at > entry.recorded_at).map(|(at, _)| at);
        self.next_effective = self.next_effective.into_iter().chain(later).min();
        let write = |entries: &[Entry]| {
            let mut frames = Frames::default();
            frames.commit(commit.account, entries);
            frames.into_bytes()
        };
        // Who knows a part of it already is sent the rest; all others share one text.
        Followed::New(if known == 0 { commit.text(|commit| write(&commit.entries)) } else { write(entries) })
    }
}

fn next_effective(wallet: &WalletView, now: Timestamp) -> Option<Timestamp> {
    wallet.grants.iter().map(|grant| grant.facts.effective_at).filter(|at| *at > now).min()
}

enum Followed {
    /// Nothing the reader hasn't got.
    Known,
    New(Bytes),
    /// Something between was never heard.
    Gap,
}

/// `text/event-stream` in the making.
#[derive(Debug, Default)]
struct Frames(String);

impl Frames {
    fn push(&mut self, event: &str, id: Option<u64>, message: &impl Serialize) {
        // Our messages are plain structs with text keys; they always have a JSON form, on one line.
        let json = serde_json::to_string(message).unwrap_or_default();
        let id = id.map_or_else(String::new, |id| format!("id: {id}\n"));
        // Writing into a String cannot fail.
        let _ = write!(self.0, "event: {event}\n{id}data: {json}\n\n");
    }

    /// The wallet of now.
    fn snapshot(&mut self, event: &str, wallet: &WalletView) {
        let message = balance(wallet.seq, wallet.available, wallet.held, wallet.debt, wallet.recorded_at);
        self.push(event, Some(wallet.seq), &message);
    }

    /// `entry`* then `usage`* then `balance`.
    fn commit(&mut self, account: AccountId, entries: &[Entry]) {
        let Some(last) = entries.last() else { return };
        let mut series = Series::default();
        for entry in entries {
            self.push(name::ENTRY, None, &entry_message(account, entry));
            series.count(entry);
        }
        for (bucket, totals) in series.buckets() {
            let message = UsageMessage {
                start: text(bucket.start),
                operation: bucket.operation.clone(),
                api_key_id: bucket.api_key.clone(),
                credits: totals.credits,
                quantity: totals.quantity,
                count: u32::try_from(totals.count).unwrap_or(u32::MAX),
            };
            self.push(name::USAGE, None, &message);
        }
        self.push(
            name::BALANCE,
            Some(last.seq),
            &balance(last.seq, last.available_after, last.held_after, last.debt_after, last.recorded_at),
        );
    }

    fn into_bytes(self) -> Bytes {
        Bytes::from(self.0)
    }
}

fn text(at: Timestamp) -> String {
    Rfc3339(at).to_string()
}

fn balance(
    seq: u64,
    available: Credits,
    held: Credits,
    debt: Credits,
    recorded_at: Timestamp,
) -> BalanceMessage {
    BalanceMessage {
        seq,
        balance: available,
        credits: available,
        available,
        held,
        debt,
        recorded_at: text(recorded_at),
    }
}

#[cfg(test)]
mod tests;
