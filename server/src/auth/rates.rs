//! How many requests an account, or a service key, makes in a minute: counted in the minutes of the clock, a number for each that
//! asks in this one, so that an hour later nothing of it is left. On a database that servers share each tells the others how
//! many it has counted (`nodes`), whole numbers that may be told twice or get lost: a server refuses by its own count and
//! the last that it has heard of.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ledger::time::SECOND;
use ledger::{KeyId, Timestamp};

/// Microseconds in a minute.
const MINUTE: i64 = 60 * SECOND;

/// Who is counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// By its number: all keys and sessions of the account together.
    Account(i64),
    Service(KeyId),
}

/// In messages between servers.
impl fmt::Display for Subject {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(no) => write!(out, "{no}"),
            Self::Service(key) => write!(out, "{key}"),
        }
    }
}

impl FromStr for Subject {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text.parse() {
            Ok(no) => Ok(Self::Account(no)),
            Err(_) => text.parse().map(Self::Service).map_err(|_| ()),
        }
    }
}

/// Where somebody is with a limit, after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowed {
    /// Requests in a minute.
    pub limit: u32,
    /// Requests that are left in this one.
    pub remaining: u32,
    /// Until the next one, 1 to 60.
    pub reset_s: u64,
}

/// What a server has counted in a minute, for the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// Since 1970.
    pub minute: i64,
    /// The server.
    pub node: u64,
    pub counts: Vec<(Subject, u32)>,
}

/// Whole numbers of this minute.
#[derive(Debug, Default)]
struct Count {
    own: u32,
    /// The last own number that others were told.
    told: u32,
    /// What other servers have said, by server.
    others: Vec<(u64, u32)>,
}

impl Count {
    fn all(&self) -> u32 {
        self.others.iter().fold(self.own, |sum, (_, count)| sum.saturating_add(*count))
    }
}

#[derive(Debug, Default)]
struct Minute {
    /// Since 1970.
    number: i64,
    counts: HashMap<Subject, Count>,
}

impl Minute {
    /// Turns the page when the minute is over. One that a clock has gone back to is as good as this one.
    fn turn(&mut self, now: Timestamp) {
        let number = now.floor(MINUTE).micros() / MINUTE;
        if number > self.number {
            self.number = number;
            // With its memory, which a busy minute has made large.
            self.counts = HashMap::new();
        }
    }
}

/// See the module's text.
#[derive(Debug)]
pub struct Rates {
    node: u64,
    minute: Mutex<Minute>,
}

impl Rates {
    /// `node` is another number on each server.
    pub fn new(node: u64) -> Self {
        Self { node, minute: Mutex::default() }
    }

    /// Counts a request where there is a limit (0: there is none). Errors: there were as many as may be.
    pub fn take(&self, subject: Subject, limit: u32, now: Timestamp) -> Option<Result<Allowed, Allowed>> {
        if limit == 0 {
            return None;
        }
        let mut minute = self.minute(now);
        let ends = minute.number.saturating_add(1).saturating_mul(MINUTE);
        let left = u64::try_from(ends.saturating_sub(now.micros())).unwrap_or_default();
        let reset_s = left.div_ceil(SECOND.unsigned_abs()).clamp(1, 60);
        let count = minute.counts.entry(subject).or_default();
        let before = count.all();
        if before >= limit {
            return Some(Err(Allowed { limit, remaining: 0, reset_s }));
        }
        count.own = count.own.saturating_add(1);
        Some(Ok(Allowed { limit, remaining: limit - before - 1, reset_s }))
    }

    /// What others are to be told: the numbers that have grown since.
    pub fn untold(&self, now: Timestamp) -> Option<Counted> {
        let mut minute = self.minute(now);
        let number = minute.number;
        let grown = minute.counts.iter_mut().filter(|(_, count)| count.own > count.told);
        let counts: Vec<(Subject, u32)> = grown
            .map(|(subject, count)| {
                count.told = count.own;
                (subject.clone(), count.own)
            })
            .collect();
        if counts.is_empty() { None } else { Some(Counted { minute: number, node: self.node, counts }) }
    }

    /// Takes note of what another server has counted. Of another minute than this one it is too late, or too early.
    pub fn heard_of(&self, counted: Counted, now: Timestamp) {
        if counted.node == self.node {
            return;
        }
        let mut minute = self.minute(now);
        if counted.minute != minute.number {
            return;
        }
        for (subject, number) in counted.counts {
            let others = &mut minute.counts.entry(subject).or_default().others;
            match others.iter_mut().find(|(node, _)| *node == counted.node) {
                Some((_, known)) => *known = number.max(*known),
                None => others.push((counted.node, number)),
            }
        }
    }

    fn minute(&self, now: Timestamp) -> MutexGuard<'_, Minute> {
        let mut minute = self.minute.lock().unwrap_or_else(PoisonError::into_inner);
        minute.turn(now);
        minute
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: Subject = Subject::Account(7);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * SECOND)
    }

    fn take(rates: &Rates, seconds: i64) -> Result<u32, u64> {
        let taken = rates.take(ADA, 3, at(seconds)).expect("a limit");
        taken.map(|allowed| allowed.remaining).map_err(|refused| refused.reset_s)
    }

    #[test]
    fn a_minute_has_as_many_requests_as_may_be_and_the_next_one_again() {
        let rates = Rates::new(1);
        assert_eq!((take(&rates, 0), take(&rates, 20), take(&rates, 59)), (Ok(2), Ok(1), Ok(0)));
        assert_eq!(take(&rates, 59), Err(1));
        assert_eq!(
            rates.take(Subject::Account(8), 3, at(59)).map(|taken| taken.is_ok()),
            Some(true),
            "of others"
        );
        assert_eq!(take(&rates, 60), Ok(2));
        assert_eq!(rates.take(ADA, 0, at(60)), None, "without a limit nothing is counted");
        assert_eq!(take(&rates, 90), Ok(1));
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing_twice() {
        let rates = Rates::new(1);
        assert!((0..3).all(|_| take(&rates, 120).is_ok()));
        assert_eq!(take(&rates, 119), Err(60), "of the minute that it has come to");
    }

    #[test]
    fn what_others_count_is_counted_once_however_often_it_is_said() {
        let (here, there) = (Rates::new(1), Rates::new(2));
        assert_eq!((take(&there, 0), take(&there, 1)), (Ok(2), Ok(1)));
        let said = there.untold(at(1)).expect("something to say");
        assert_eq!(there.untold(at(1)), None, "nothing has changed since");
        here.heard_of(said.clone(), at(1));
        here.heard_of(said.clone(), at(2));
        there.heard_of(said.clone(), at(2));
        assert_eq!((take(&here, 2), take(&here, 2)), (Ok(0), Err(58)));
        assert_eq!(take(&there, 2), Ok(0), "until it hears of the other one");
        here.heard_of(said, at(60));
        assert_eq!(take(&here, 60), Ok(2), "what was of another minute");
    }

    #[test]
    fn a_subject_is_read_back_from_what_it_prints() {
        let service: KeyId = "key_9fA2k3QdZt8w".parse().unwrap();
        for subject in [ADA, Subject::Service(service)] {
            assert_eq!(subject.to_string().parse(), Ok(subject));
        }
        assert_eq!("key_short".parse::<Subject>(), Err(()));
    }
}
