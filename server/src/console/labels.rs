//! What pages call things: keys, units, instants; and the rows of events that are made of them.

use app::backend::Viewer;
use app::backend::overview::{ActivityRow, KeyLabel, LabelsView, UnitLabel};
use ledger::entry::EventFacts;
use ledger::rate::RateCards;
use ledger::{AccountId, EventId, KeyId, Timestamp};

use crate::calendar::{Rfc3339, Zone};
use crate::store::{ApiKeyRow, BookedEvent};

/// The newest keys that are labelled; older ones are looked up when a page asks again.
pub(super) const LABELLED_KEYS: u32 = 1_000;

/// Zones are checked when they are set; one that IANA has dropped since is UTC.
pub(super) fn zone_of(viewer: &Viewer) -> Zone {
    viewer.time_zone.parse().unwrap_or_else(|_| Zone::utc())
}

/// Makes rows for one reader.
pub(super) struct Rows<'a> {
    account: AccountId,
    zone: &'a Zone,
    now: Timestamp,
    cards: &'a RateCards,
    pub labels: LabelsView,
}

impl<'a> Rows<'a> {
    pub fn new(
        account: AccountId,
        zone: &'a Zone,
        now: Timestamp,
        cards: &'a RateCards,
        keys: &[ApiKeyRow],
    ) -> Self {
        let keys = keys.iter().map(|key| KeyLabel { key_id: key.id.clone(), label: key_label(key) });
        let labels = LabelsView { units: units(cards), keys: keys.collect() };
        Self { account, zone, now, cards, labels }
    }

    /// `None` for an entry that is no event.
    pub fn row(&self, booked: &BookedEvent) -> Option<ActivityRow> {
        let event = booked.entry.event.as_ref()?;
        let happened = event.event_time(booked.entry.recorded_at);
        Some(ActivityRow {
            event_id: EventId { account: self.account, seq: booked.entry.seq },
            seq: booked.last_seq,
            operation: event.operation.clone(),
            quantity: booked.quantity,
            unit: unit_of(self.cards, event),
            api_key: event.api_key.as_ref().map(|key| self.key(key)),
            credits: booked.credits,
            is_corrected: booked.is_corrected(),
            balance_after: booked.balance_after,
            at: Rfc3339(happened).to_string(),
            at_label: at_label(self.zone, self.now, happened),
            exact_label: exact_label(self.zone, happened),
        })
    }

    /// A key's label; its id when it is too old to be labelled.
    pub fn key(&self, id: &KeyId) -> String {
        let label = self.labels.keys.iter().find(|label| label.key_id == *id);
        label.map_or_else(|| id.to_string(), |label| label.label.clone())
    }
}

/// The unit of the price version that priced an event.
pub(super) fn unit_of(cards: &RateCards, event: &EventFacts) -> String {
    let price = cards.version(event.price_version).and_then(|card| card.price(&event.operation));
    price.map_or_else(String::new, |price| price.unit.clone())
}

/// `plx_sk_9f2a…k3Qd`
pub(super) fn key_label(key: &ApiKeyRow) -> String {
    format!("{}…{}", key.key_prefix, key.key_suffix)
}

/// Every operation of every version, with its newest unit, in the order in which they came to the card: an operation
/// keeps its place, and so its colour, when the card changes.
pub(super) fn units(cards: &RateCards) -> Vec<UnitLabel> {
    let mut units: Vec<UnitLabel> = vec![];
    for price in cards.versions().iter().flat_map(|card| &card.prices) {
        match units.iter_mut().find(|known| known.operation == price.operation) {
            Some(known) => known.unit.clone_from(&price.unit),
            None => units.push(UnitLabel { operation: price.operation.clone(), unit: price.unit.clone() }),
        }
    }
    units
}

/// After as many days a date without its year could be this year's.
const MANY_DAYS: u16 = 300;

/// `12:04:31` today, `21 Nov 12:04` earlier, `21 Nov 2025` long ago.
pub(super) fn at_label(zone: &Zone, now: Timestamp, at: Timestamp) -> String {
    let pattern = if at >= zone.days_before(now, 0) {
        "%H:%M:%S"
    } else if at >= zone.days_before(now, MANY_DAYS) {
        "%-d %b %H:%M"
    } else {
        "%-d %b %Y"
    };
    zone.format(at, pattern)
}

/// `Sun 22 Nov 2026, 12:04:31.482 Europe/Berlin`
pub(super) fn exact_label(zone: &Zone, at: Timestamp) -> String {
    format!("{} {}", zone.format(at, "%a %-d %b %Y, %H:%M:%S%.3f"), zone.name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::parse_rfc3339;

    #[test]
    fn rows_say_when_in_the_viewers_zone() {
        let zone: Zone = "Europe/Berlin".parse().unwrap();
        let at = |text: &str| parse_rfc3339(text).unwrap();
        let now = at("2026-11-22T23:30:00Z");
        assert_eq!(at_label(&zone, now, at("2026-11-22T23:04:31.482Z")), "00:04:31");
        assert_eq!(at_label(&zone, now, at("2026-11-22T22:59:59Z")), "22 Nov 23:59");
        assert_eq!(at_label(&zone, now, at("2025-12-01T12:00:00Z")), "1 Dec 2025");
        let label = exact_label(&zone, at("2026-11-22T11:04:31.482Z"));
        assert_eq!(label, "Sun 22 Nov 2026, 12:04:31.482 Europe/Berlin");
        assert!(exact_label(&zone, at("2026-11-22T11:04:31Z")).starts_with("Sun 22 Nov 2026, 12:04:31.000 "));
    }

    #[test]
    fn units_are_those_of_the_newest_card() {
        let mut later = ledger::rate::RateCard::example();
        later.version = 2;
        later.effective_from = Timestamp::from_micros(1);
        later.prices.retain(|price| price.operation == "model.build");
        later.prices[0].unit = "epoch".to_owned();
        let cards = RateCards::new(vec![ledger::rate::RateCard::example(), later]).unwrap();
        let units = units(&cards);
        assert_eq!(units.len(), 6);
        assert_eq!(units[1].operation, "model.inference", "in the card's order");
        assert!(units.contains(&UnitLabel { operation: "model.build".to_owned(), unit: "epoch".to_owned() }));
    }
}
