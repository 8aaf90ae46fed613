//! What would it have cost? An account's own past by other prices, and what to buy for as much again.
//!
//! It is priced by the code that charges ([`Price::quote_after`]), in the order in which it was booked: by the account's own
//! versions it comes to what the account was charged, to the micro-credit.

mod offers;

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

pub use self::offers::{Fit, Pack, Plan, fits, per_period};
use crate::credits::{Credits, Quantity};
use crate::entry::{Entry, EventFacts, Movement};
use crate::month::Month;
use crate::rate::{RateCard, RateCards, TooDear};
use crate::time::Timestamp;
use crate::verify::Watch;

/// By which prices.
#[derive(Debug, Clone, Copy)]
pub enum Prices<'a> {
    /// Each event by the version that it was charged by.
    Own(&'a RateCards),
    /// All of them by one card.
    Card(&'a RateCard),
}

/// What one operation comes to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Repriced {
    pub events: u64,
    pub quantity: Quantity,
    /// What was charged.
    pub charged: Credits,
    /// What it would have been; nothing where the card has no price for it.
    pub credits: Credits,
    /// Events that the card has no price for. The account couldn't have them.
    pub unpriced: u64,
}

/// Prices an account's books anew, entry by entry. Entries that are older than what is asked about are needed as far as
/// graduated prices go on from them: from the beginning of the first month, and as far back as events may be late or held.
#[derive(Debug)]
pub struct Repricing<'a> {
    prices: Prices<'a>,
    /// Which events are added up, by their own time.
    asked: Range<Timestamp>,
    /// What had been used of an operation in a month.
    used: HashMap<(Month, String), Quantity>,
    /// Open holds, and events that may be corrected, by the `seq` of their leg 0.
    begun: HashMap<u64, Begun>,
    watch: Watch,
    operations: BTreeMap<String, Repriced>,
}

/// A hold, or an event as it stands.
#[derive(Debug)]
struct Begun {
    /// What had been used before it.
    before: Quantity,
    /// By the prices that are asked about; of a hold nothing.
    credits: Credits,
}

/// An event of a list, without books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    pub operation: String,
    pub quantity: Quantity,
    pub at: Timestamp,
}

impl<'a> Repricing<'a> {
    /// `watch` says which events corrections may come back to, as for [`crate::verify::Verifier`].
    pub fn new(prices: Prices<'a>, asked: Range<Timestamp>, watch: Watch) -> Self {
        let (used, begun, operations) = (HashMap::new(), HashMap::new(), BTreeMap::new());
        Self { prices, asked, used, begun, watch, operations }
    }

    /// The next entry of the books. Of what began before the first one the hold or event isn't known; its revision is then
    /// counted as far as it goes. Errors: it would cost more than can be counted.
    pub fn take(&mut self, entry: &Entry) -> Result<(), TooDear> {
        let Some(event) = &entry.event else { return Ok(()) };
        let at = event.event_time(entry.recorded_at);
        let position = (Month::of(at), event.operation.clone());
        let now = self.used.get(&position).copied().unwrap_or_default();
        let revised = entry.revises.as_ref().map_or(Quantity::ZERO, |revises| revises.quantity);
        self.used.insert(position, now.saturating_sub(revised).saturating_add(event.quantity));
        let opened = entry.revises.as_ref().and_then(|revises| self.begun.remove(&revises.of));
        match entry.movement {
            Movement::Hold => {
                self.begun.insert(entry.seq, Begun { before: now, credits: Credits::ZERO });
            }
            Movement::Charge | Movement::Owe | Movement::Settle => {
                // What was used before it includes the hold itself unless the hold is known.
                let before = opened.map_or_else(|| now.saturating_sub(revised), |hold| hold.before);
                let credits = self.event(event, at, before)?;
                if self.is_watched(entry.seq) {
                    self.begun.insert(entry.seq, Begun { before, credits });
                }
            }
            Movement::Correct | Movement::Forgive => {
                if let (Some(of), Some(stands)) = (&entry.revises, opened) {
                    let less = of.credits.saturating_sub(event.credits);
                    let credits = self.correction(event, at, (revised, less), &stands)?;
                    self.begun.insert(of.of, Begun { credits, ..stands });
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The next event of a list, in the order of booking. What it costs; `None` when there is no price for it.
    pub fn price(&mut self, used: &Use) -> Result<Option<Credits>, TooDear> {
        let position = (Month::of(used.at), used.operation.clone());
        let before = self.used.get(&position).copied().unwrap_or_default();
        self.used.insert(position, before.saturating_add(used.quantity));
        let credits = self.quote(&used.operation, None, used.at, before, used.quantity)?;
        if self.asked.contains(&used.at) {
            let sums = self.operations.entry(used.operation.clone()).or_default();
            sums.count(used.quantity, credits);
        }
        Ok(credits)
    }

    /// By operation.
    pub const fn operations(&self) -> &BTreeMap<String, Repriced> {
        &self.operations
    }

    /// What all of it comes to.
    pub fn total(&self) -> Repriced {
        self.operations.values().fold(Repriced::default(), |sum, of| Repriced {
            events: sum.events.saturating_add(of.events),
            quantity: sum.quantity.saturating_add(of.quantity),
            charged: plus(sum.charged, of.charged),
            credits: plus(sum.credits, of.credits),
            unpriced: sum.unpriced.saturating_add(of.unpriced),
        })
    }

    fn is_watched(&self, seq: u64) -> bool {
        match &self.watch {
            Watch::All => true,
            Watch::Only(seqs) => seqs.contains(&seq),
        }
    }

    fn event(&mut self, event: &EventFacts, at: Timestamp, before: Quantity) -> Result<Credits, TooDear> {
        let credits = self.quote(&event.operation, Some(event.price_version), at, before, event.quantity)?;
        if self.asked.contains(&at) {
            let sums = self.operations.entry(event.operation.clone()).or_default();
            sums.count(event.quantity, credits);
            sums.charged = plus(sums.charged, event.credits);
        }
        Ok(credits.unwrap_or_default())
    }

    /// `was` is the quantity before the correction, and by how much it lowered what was charged.
    fn correction(
        &mut self,
        event: &EventFacts,
        at: Timestamp,
        was: (Quantity, Credits),
        stands: &Begun,
    ) -> Result<Credits, TooDear> {
        let version = Some(event.price_version);
        let quote = self.quote(&event.operation, version, at, stands.before, event.quantity)?;
        let credits = quote.unwrap_or_default().min(stands.credits);
        if self.asked.contains(&at) {
            let sums = self.operations.entry(event.operation.clone()).or_default();
            let less = was.0.saturating_sub(event.quantity);
            sums.quantity = sums.quantity.saturating_sub(less);
            sums.charged = sums.charged.saturating_sub(was.1);
            sums.credits = sums.credits.saturating_sub(stands.credits.saturating_sub(credits));
        }
        Ok(credits)
    }

    fn quote(
        &self,
        operation: &str,
        version: Option<u32>,
        at: Timestamp,
        before: Quantity,
        quantity: Quantity,
    ) -> Result<Option<Credits>, TooDear> {
        let card = match (self.prices, version) {
            (Prices::Card(card), _) => Some(card),
            (Prices::Own(cards), Some(version)) => cards.version(version),
            (Prices::Own(cards), None) => Some(cards.at(at)),
        };
        let Some(price) = card.and_then(|card| card.price(operation)) else { return Ok(None) };
        price.quote_after(before, quantity).map(|quote| Some(quote.credits))
    }
}

impl Repriced {
    fn count(&mut self, quantity: Quantity, credits: Option<Credits>) {
        self.events = self.events.saturating_add(1);
        self.quantity = self.quantity.saturating_add(quantity);
        self.credits = plus(self.credits, credits.unwrap_or_default());
        self.unpriced = self.unpriced.saturating_add(u64::from(credits.is_none()));
    }
}

/// Held at the end of the range.
fn plus(sum: Credits, more: Credits) -> Credits {
    sum.checked_add(more).unwrap_or(Credits::MAX)
}
