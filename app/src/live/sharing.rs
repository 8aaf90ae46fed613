//! One stream for all tabs of a browser: which tab holds it, and what the tabs tell each other.
//!
//! HTTP/1.1 allows a browser six connections to a server; a stream in each of six tabs would leave none for anything
//! else. So one tab, the holder of a lock, keeps the stream and hands every commit on; the others follow. When the
//! holder closes or crashes the browser gives the lock to the next tab, and a follower to whom the holder does not
//! answer takes it: either goes on after the last commit that it has seen itself, so nothing depends on what the old
//! holder managed to say.
//!
//! Pure: a [`Tab`] is told what happened and answers with what to do. [`super::connection`] does it.

use std::collections::VecDeque;

use super::note::Note;
use super::{Arrival, Connection, Wallet};

/// The first pause before another attempt; doubles up to [`LONGEST_PAUSE_MS`].
const PAUSE_MS: u32 = 1_000;
const LONGEST_PAUSE_MS: u32 = 30_000;
/// A holder that leaves this many questions in a row without an answer is frozen.
const UNANSWERED: u8 = 2;
/// How much the holder keeps of what arrived last, for tabs that open or wake up: bytes.
const KEPT: usize = 256 << 10;

/// What a tab is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happened {
    /// The lock is ours.
    Elected,
    /// Another tab took the lock from us.
    Deposed,
    /// Our stream is open.
    Opened,
    /// Our stream has ended or says what can't be read.
    Cut,
    /// The server knows us; the wallet of this moment.
    Known(Wallet),
    /// The session has ended.
    Refused,
    /// The server could not be asked.
    Unreachable,
    /// A pause that we made is over.
    PauseOver,
    /// A few seconds have passed. Followers that nobody looks at need not care.
    Tick { visible: bool },
    /// The page can be seen again, or the network has come back; then what was open may be dead without knowing it.
    Awake { doubtful: bool },
    /// Another tab of this account said something.
    Heard(Note),
}

/// What a tab has to do, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Open a stream after this entry.
    Open(u64),
    Close,
    /// Ask the server who we are.
    Ask,
    /// Wait about as long, then say [`Happened::PauseOver`].
    Pause {
        ms: u32,
    },
    /// Tell the other tabs.
    Say(Note),
    /// Read the messages that the holder has handed on.
    Read(String),
    /// Take the lock from a holder that does not answer.
    Seize,
    Show(Connection),
    /// Too much was missed: the pages read again.
    Reset(Wallet),
    /// To the sign-in form.
    Leave,
}

/// How it stands with the stream that this tab holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Opening,
    Open,
    /// Cut; the server is being asked whether it knows us.
    Asking,
    /// Cut; waiting before the next question.
    Waiting,
}

/// One tab.
#[derive(Debug)]
pub struct Tab {
    /// The last commit that arrived whole.
    seq: u64,
    /// Of the holder; `None` in followers.
    line: Option<Line>,
    /// Attempts in a row that led to nothing.
    failures: u32,
    /// Questions in a row that the holder has not answered.
    unanswered: u8,
    /// A follower is asking the server for what it has missed.
    catching_up: bool,
    /// The last commits, each with its seq, the oldest first.
    recent: VecDeque<(u64, String)>,
    /// The session has ended: nothing matters any more.
    over: bool,
}

impl Tab {
    /// A follower that knows everything up to `seq`.
    pub fn new(seq: u64) -> Self {
        Self {
            seq,
            line: None,
            failures: 0,
            unanswered: 0,
            catching_up: false,
            recent: VecDeque::new(),
            over: false,
        }
    }

    /// What a new tab says to the others.
    pub fn greeting(&self) -> Note {
        Note::Ask(self.seq)
    }

    pub fn is_holder(&self) -> bool {
        self.line.is_some()
    }

    pub fn on(&mut self, what: Happened) -> Vec<Act> {
        if self.over {
            return vec![];
        }
        match (self.line, what) {
            (_, Happened::Refused) => {
                self.over = true;
                vec![Act::Close, Act::Say(Note::Gone), Act::Leave]
            }
            (_, Happened::Heard(Note::Gone)) => {
                self.over = true;
                vec![Act::Close, Act::Leave]
            }
            (None, Happened::Elected) => {
                self.line = Some(Line::Opening);
                self.failures = 0;
                vec![Act::Open(self.seq)]
            }
            (Some(line), what) => self.hold(line, what),
            (None, what) => self.follow(what),
        }
    }

    fn hold(&mut self, line: Line, what: Happened) -> Vec<Act> {
        match (line, what) {
            (_, Happened::Deposed) => {
                self.line = None;
                self.unanswered = 0;
                self.recent.clear();
                vec![Act::Close, Act::Say(self.greeting())]
            }
            (_, Happened::Opened) => {
                self.line = Some(Line::Open);
                vec![Act::Show(Connection::Live), Act::Say(self.state())]
            }
            (Line::Opening | Line::Open, Happened::Cut) => {
                let next = self.again();
                vec![Act::Close, Act::Show(Connection::Reconnecting), Act::Say(self.state()), next]
            }
            (Line::Asking, Happened::Known(_)) => {
                self.line = Some(Line::Opening);
                vec![Act::Open(self.seq)]
            }
            (Line::Asking, Happened::Unreachable) => vec![self.again()],
            (Line::Waiting, Happened::PauseOver | Happened::Awake { .. }) => {
                self.line = Some(Line::Asking);
                vec![Act::Ask]
            }
            (Line::Open, Happened::Awake { doubtful: true }) => {
                self.line = Some(Line::Asking);
                vec![Act::Close, Act::Ask]
            }
            // It has held for a while: the next cut is a new one.
            (Line::Open, Happened::Tick { .. }) => {
                self.failures = 0;
                vec![]
            }
            (_, Happened::Heard(Note::Ask(seq))) => {
                let missed = self.recent.iter().filter(|(last, _)| *last > seq);
                let missed = missed.map(|(_, text)| Act::Say(Note::Commit(text.clone())));
                missed.chain([Act::Say(self.state())]).collect()
            }
            _ => vec![],
        }
    }

    fn follow(&mut self, what: Happened) -> Vec<Act> {
        match what {
            Happened::Tick { visible: true } if self.unanswered >= UNANSWERED => {
                self.unanswered = 0;
                vec![Act::Seize]
            }
            Happened::Tick { visible: true } | Happened::Awake { .. } => {
                self.unanswered += 1;
                vec![Act::Say(self.greeting())]
            }
            Happened::Heard(Note::Commit(text)) => {
                self.unanswered = 0;
                vec![Act::Read(text)]
            }
            Happened::Heard(Note::State { live, seq }) => {
                self.unanswered = 0;
                let connection = if live { Connection::Live } else { Connection::Reconnecting };
                let mut acts = vec![Act::Show(connection)];
                // The holder hands on in order; what it no longer keeps the server knows.
                if seq > self.seq && !self.catching_up {
                    self.catching_up = true;
                    acts.push(Act::Ask);
                }
                acts
            }
            Happened::Known(wallet) if self.catching_up => {
                self.catching_up = false;
                if wallet.seq <= self.seq {
                    return vec![];
                }
                self.seq = wallet.seq;
                vec![Act::Reset(wallet)]
            }
            Happened::Unreachable => {
                self.catching_up = false;
                vec![]
            }
            _ => vec![],
        }
    }

    /// At once after the first failure, then after pauses that grow.
    fn again(&mut self) -> Act {
        let earlier = self.failures;
        self.failures = earlier.saturating_add(1);
        if earlier == 0 {
            self.line = Some(Line::Asking);
            return Act::Ask;
        }
        self.line = Some(Line::Waiting);
        let ms = PAUSE_MS.saturating_mul(1 << (earlier - 1).min(5)).min(LONGEST_PAUSE_MS);
        Act::Pause { ms }
    }

    fn state(&self) -> Note {
        Note::State { live: self.line == Some(Line::Open), seq: self.seq }
    }

    /// A commit has arrived whole, as `text`. What is to be told to the other tabs, and what the pages hear of it:
    /// nothing when they know it, a reset when something before it is missing.
    pub fn arrived(&mut self, arrival: Arrival, text: String) -> (Option<Note>, Option<Arrival>) {
        let wallet = arrival.wallet();
        let first = match &arrival {
            // Known; the stream repeats what it isn't sure of.
            Arrival::Commit(_) if wallet.seq <= self.seq => return (None, None),
            Arrival::Commit(commit) => commit.entries.first().map(|entry| entry.seq),
            Arrival::Reset(_) => None,
        };
        let follows = first.is_some_and(|first| first <= self.seq + 1);
        self.seq = wallet.seq;
        let note = self.is_holder().then(|| self.keep(text));
        (note, Some(if follows { arrival } else { Arrival::Reset(wallet) }))
    }

    fn keep(&mut self, text: String) -> Note {
        self.failures = 0;
        self.recent.push_back((self.seq, text.clone()));
        let mut kept: usize = self.recent.iter().map(|(_, text)| text.len()).sum();
        while kept > KEPT {
            let Some((_, oldest)) = self.recent.pop_front() else { break };
            kept -= oldest.len();
        }
        Note::Commit(text)
    }
}

#[cfg(test)]
mod tests;
