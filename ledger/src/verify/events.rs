//! Events that a correction may come back to.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::credits::{Credits, Quantity};
use crate::entry::{Entry, EventFacts, Revision};
use crate::time::Timestamp;
use crate::wallet::Paid;

/// Which events are kept in mind for the corrections that may follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Watch {
    /// For readers who know nothing but the entries: takes about a hundred bytes for each event.
    All,
    /// Those that are corrected, by the `seq` of their leg 0, as the caller has looked up. A correction of another is a fault.
    Only(HashSet<u64>),
}

/// An event as it stands.
#[derive(Debug)]
pub(super) struct Standing {
    /// Of all facts that a correction leaves as they are.
    facts: u64,
    quantity: Quantity,
    credits: Credits,
    pub paid: Paid,
}

#[derive(Debug)]
pub(super) struct Watched {
    watch: Watch,
    events: HashMap<u64, Standing>,
}

impl Watched {
    pub fn new(watch: Watch) -> Self {
        Self { watch, events: HashMap::new() }
    }

    /// Keeps the event that an act's entries begin, if they do.
    pub fn keep(&mut self, legs: &[Entry]) {
        let Some(first) = legs.first() else { return };
        let Some(event) = first.begun_event() else { return };
        let is_wanted = match &self.watch {
            Watch::All => true,
            Watch::Only(seqs) => seqs.contains(&first.seq),
        };
        if is_wanted {
            let standing = Standing {
                facts: fixed(event, event.event_time(first.recorded_at)),
                quantity: event.quantity,
                credits: event.credits,
                paid: Paid::of(legs),
            };
            self.events.insert(first.seq, standing);
        }
    }

    /// The event that is corrected, put to what it is after it. `None` when it doesn't stand as `revises` says or doesn't get
    /// smaller.
    pub fn correct(&mut self, event: &EventFacts, revises: &Revision) -> Option<&mut Standing> {
        let standing = self.events.get_mut(&revises.of)?;
        let is_as_said = standing.quantity == revises.quantity
            && standing.credits == revises.credits
            && standing.facts == fixed(event, event.occurred_at?);
        if !is_as_said || event.quantity >= revises.quantity || event.credits > revises.credits {
            return None;
        }
        standing.quantity = event.quantity;
        standing.credits = event.credits;
        Some(standing)
    }
}

fn fixed(event: &EventFacts, time: Timestamp) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&event.source, &event.id, &event.operation, event.api_key.as_ref().map(crate::KeyId::as_str))
        .hash(&mut hasher);
    (event.price_version, event.dimensions, time.micros()).hash(&mut hasher);
    hasher.finish()
}
