//! What an account was charged for, as lists: a page for a reader, all of it for a file.
//!
//! A filter may let through one event in a million. Lists therefore go through the books by ranges of `seq`, so that no
//! statement reads for long, and start where the time that is asked for can begin.

use ledger::Timestamp;
use ledger::event::{MAX_AGE, MAX_LEAD};
use ledger::time::DAY;

use super::{Console, Error};
use crate::store::{BookedEvent, EventFilter};

/// Entries that one statement of an export looks at; it may find as many events.
const EXPORT_STEP: u64 = 1_000;
/// The same for a page, which takes few of them.
const PAGE_STEP: u64 = 20_000;
/// How much further to look than the rules on event times say: clocks have been set back.
const SLACK: i64 = DAY;
/// Statements that a page waits for before it shows what it has got.
const PAGE_STEPS: usize = 25;

/// Which events; times are event times, `from ≤ time < to`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventsAsked {
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    pub operation: Option<String>,
    /// A key's id; `""` for what was reported without a key.
    pub api_key: Option<String>,
}

/// Goes through an account's books backwards, from what was last when it started.
#[derive(Debug)]
pub struct Walk {
    account: i64,
    asked: EventsAsked,
    /// The first entry that can be an event in time.
    first: u64,
    /// Everything from here on has been looked at.
    before: u64,
}

/// Part of a walk.
#[derive(Debug, Default)]
pub struct Stretch {
    /// The newest (last booked) first.
    pub events: Vec<BookedEvent>,
    /// Where the next stretch starts, when there may be more: the `seq` before which nothing has been looked at.
    pub next: Option<u64>,
}

impl Console {
    /// A walk from the newest event, or from the newest before `before`.
    pub async fn walk(
        &self,
        account_no: i64,
        asked: EventsAsked,
        before: Option<u64>,
    ) -> Result<Walk, Error> {
        // What happened at t was recorded between 5 minutes before and 35 days after it.
        let first = match asked.from {
            Some(from) => {
                self.store.first_seq_since(account_no, from.saturating_add(-MAX_LEAD - SLACK)).await?
            }
            None => 1,
        };
        let latest =
            asked.to.map_or(Timestamp::from_micros(i64::MAX), |to| to.saturating_add(MAX_AGE + SLACK));
        let end = self.store.first_seq_since(account_no, latest).await?;
        let before = before.map_or(end, |before| before.min(end));
        Ok(Walk { account: account_no, asked, first, before })
    }

    /// The next events of an export; `None` at the end. A stretch may be empty.
    pub async fn next_for_export(&self, walk: &mut Walk) -> Result<Option<Vec<BookedEvent>>, Error> {
        if walk.is_over() {
            return Ok(None);
        }
        let filter = walk.filter(EXPORT_STEP, u32::MAX);
        walk.before = filter.from_seq.unwrap_or_default();
        Ok(Some(self.store.list_events(filter).await?))
    }

    /// Up to `limit` events, of which there are `left` at most.
    pub async fn next_for_page(&self, walk: &mut Walk, limit: u32, left: u64) -> Result<Stretch, Error> {
        let wanted = left.min(u64::from(limit));
        let mut found = Stretch::default();
        for _ in 0..PAGE_STEPS {
            let missing = wanted.saturating_sub(count(&found.events));
            if missing == 0 || walk.is_over() {
                break;
            }
            let missing = u32::try_from(missing).unwrap_or(limit);
            let filter = walk.filter(PAGE_STEP, missing);
            let from = filter.from_seq.unwrap_or_default();
            let mut events = self.store.list_events(filter).await?;
            let is_full = events.len() >= usize::try_from(missing).unwrap_or(usize::MAX);
            walk.before = events.last().filter(|_| is_full).map_or(from, |last| last.entry.seq);
            found.events.append(&mut events);
        }
        let may_go_on = !walk.is_over() && count(&found.events) < left;
        found.next = may_go_on.then_some(walk.before);
        Ok(found)
    }
}

fn count(events: &[BookedEvent]) -> u64 {
    u64::try_from(events.len()).unwrap_or(u64::MAX)
}

impl Walk {
    fn is_over(&self) -> bool {
        self.before <= self.first
    }

    fn filter(&self, step: u64, limit: u32) -> EventFilter {
        let EventsAsked { from, to, operation, api_key } = self.asked.clone();
        EventFilter {
            account: self.account,
            from,
            to,
            operation,
            api_key,
            from_seq: Some(self.before.saturating_sub(step).max(self.first)),
            before_seq: Some(self.before),
            limit,
            offset: 0,
        }
    }
}
