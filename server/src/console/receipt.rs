//! What an account was charged for: the list of its events, and the whole explanation of one.

use ledger::entry::Entry;
use ledger::event::EventKey;
use ledger::rate::{Pricing, RateCard};
use ledger::receipt::{Receipt, ReceiptError, Sources, explain};
use ledger::series::BUCKET;
use ledger::{AccountId, EventId, Month, Quantity, Timestamp};

use super::{Console, Error};
use crate::store::{BookedEvent, EventFilter, MonthOf, RollupFilter};

/// A page of a list: by position, or from a cursor on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// Leaves out the first `offset` rows.
    Offset(u32),
    /// Only events before this one (the `seq` of its leg 0); the place stays the same while events arrive.
    Before(u64),
}

/// Which events to list; times are event times, `from ≤ time < to`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventsQuery {
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    pub operation: Option<String>,
    pub api_key: Option<String>,
    pub page: Page,
    /// At least 1.
    pub limit: u32,
}

/// Events, the newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct EventsPage {
    pub events: Vec<BookedEvent>,
    /// Of the whole list; not counted for a cursor.
    pub total: Option<u64>,
    pub has_more: bool,
}

/// A receipt with what the ledger itself does not hold.
#[derive(Debug, Clone, PartialEq)]
pub struct BookedReceipt {
    pub receipt: Receipt,
    /// The version of the rate card that priced it.
    pub card: RateCard,
    /// Names and texts as reported; `None` without any, or once they are erased.
    pub dimensions: Option<serde_json::Value>,
}

impl Console {
    /// A page of the events of the account with number `account`.
    pub async fn list_events(&self, account: i64, query: EventsQuery) -> Result<EventsPage, Error> {
        let filter = EventFilter {
            account,
            from: query.from,
            to: query.to,
            operation: query.operation,
            api_key: query.api_key,
            from_seq: None,
            before_seq: match query.page {
                Page::Before(seq) => Some(seq),
                Page::Offset(_) => None,
            },
            // One more tells whether there is a next page.
            limit: query.limit.saturating_add(1),
            offset: match query.page {
                Page::Offset(offset) => offset,
                Page::Before(_) => 0,
            },
        };
        let total = match query.page {
            Page::Offset(_) => Some(self.count(&filter).await?),
            Page::Before(_) => None,
        };
        let mut events = self.store.list_events(filter).await?;
        let wanted = usize::try_from(query.limit).unwrap_or(usize::MAX);
        let has_more = events.len() > wanted;
        events.truncate(wanted);
        Ok(EventsPage { events, total, has_more })
    }

    /// From the rollups, however many there are, unless a time that is asked for lies inside a bucket.
    async fn count(&self, filter: &EventFilter) -> Result<u64, Error> {
        let is_edge = |at: Timestamp| at.floor(BUCKET) == at;
        if filter.from.into_iter().chain(filter.to).all(is_edge) {
            let buckets = RollupFilter {
                account: filter.account,
                from: filter.from.unwrap_or(Timestamp::from_micros(i64::MIN)),
                to: filter.to.unwrap_or(Timestamp::from_micros(i64::MAX)),
                operation: filter.operation.clone(),
                api_key: filter.api_key.clone(),
            };
            return Ok(self.store.count_in_buckets(&buckets).await?);
        }
        Ok(self.store.count_events(filter).await?)
    }

    /// Why an event of this account cost what it cost.
    ///
    /// # Errors
    /// [`Error::NotFound`] for what isn't there and for events of other accounts.
    pub async fn receipt(
        &self,
        account_no: i64,
        account: AccountId,
        event: EventId,
    ) -> Result<BookedReceipt, Error> {
        if event.account != account {
            return Err(Error::not_found());
        }
        // A `seq` that no entry can have.
        let Some(after) = event.seq.checked_add(1).filter(|after| i64::try_from(*after).is_ok()) else {
            return Err(Error::not_found());
        };
        let filter = EventFilter {
            account: account_no,
            from_seq: Some(event.seq),
            before_seq: Some(after),
            limit: 1,
            ..EventFilter::default()
        };
        let booked = self.store.list_events(filter).await?.pop();
        let (Some(booked), legs) = (booked, self.store.act(account_no, event.seq).await?) else {
            return Err(Error::not_found());
        };
        let facts = booked.entry.event.as_ref().ok_or_else(|| Error::internal(ReceiptError::NotOneEvent))?;
        let cards = self.store.rate_cards().await?;
        let missing = || Error::internal(ReceiptError::NoPrice(facts.price_version));
        let card = cards.version(facts.price_version).ok_or_else(missing)?.clone();
        let grants = self.store.list_grants(account_no).await?;
        let before = self.used_before(account_no, &booked.entry, &card).await?;
        let corrections = self.store.revising_entries(account_no, event.seq).await?;
        let sources =
            Sources { legs: &legs, corrections: &corrections, card: &card, grants: &grants, before };
        let receipt = explain(account, sources).map_err(Error::internal)?;
        Ok(BookedReceipt { receipt, card, dimensions: booked.dimensions })
    }

    /// The same for an event by the name its service gave it.
    pub async fn receipt_by_name(
        &self,
        account_no: i64,
        account: AccountId,
        source: &str,
        id: &str,
    ) -> Result<BookedReceipt, Error> {
        // What can't name an event names none.
        let key = EventKey::parse(source, id).map_err(|_| Error::not_found())?;
        let seq = self.store.find_event_seq(account_no, key.source(), key.id()).await?;
        let event = EventId { account, seq: seq.ok_or_else(Error::not_found)? };
        self.receipt(account_no, account, event).await
    }

    /// Where a graduated price went on from when it priced the event that `entry` begins; other prices don't ask.
    pub(super) async fn used_before(
        &self,
        account_no: i64,
        entry: &Entry,
        card: &RateCard,
    ) -> Result<Quantity, Error> {
        let Some(event) = &entry.event else { return Ok(Quantity::ZERO) };
        match card.price(&event.operation).map(|price| &price.pricing) {
            Some(Pricing::Graduated { .. }) => {
                let month = Month::of(event.event_time(entry.recorded_at));
                let of = MonthOf { account_no, operation: event.operation.clone(), month };
                let booked = entry.revises.as_ref().map_or(entry.seq, |hold| hold.of);
                Ok(self.store.used_before(&of, booked).await?)
            }
            _ => Ok(Quantity::ZERO),
        }
    }
}

/// Credits before rounding, given in millionths of a micro-credit (10^-12), with all their decimals.
pub fn exact_text(picos: i128) -> String {
    const PICOS: i128 = 1_000_000_000_000;
    let (whole, rest) = (picos.div_euclid(PICOS), picos.rem_euclid(PICOS));
    let fraction = format!("{rest:012}");
    match fraction.trim_end_matches('0') {
        "" => whole.to_string(),
        fraction => format!("{whole}.{fraction}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_rounded_is_shown_with_all_its_decimals() {
        for (picos, text) in [
            (0, "0"),
            (1, "0.000000000001"),
            (481_800_000_000, "0.4818"),
            (150_000_000_000_000, "150"),
            (1_000_000_500_000, "1.0000005"),
        ] {
            assert_eq!(exact_text(picos), text);
        }
    }
}
