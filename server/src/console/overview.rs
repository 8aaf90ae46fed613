//! What the pages show: the wallet in every page's frame, and the overview.

mod chart;
mod runway;
mod spend;

use std::sync::Arc;

use app::backend::overview::{
    ActivityRow, BalanceView, KeyLabel, LabelsView, LotView, OverviewPort, OverviewView, Range, RunwayView,
    UnitLabel,
};
use app::backend::session::{FrameView, SessionPort};
use app::backend::{Backend, ConsoleError, Viewer};
use async_trait::async_trait;
use ledger::rate::RateCards;
use ledger::{AccountId, Credits, EventId, GrantId, Timestamp};

use super::{Console, Error};
use crate::calendar::{Rfc3339, Zone};
use crate::store::{
    AccountStatus, ApiKeyRow, BookedEvent, BucketRow, EventFilter, KeyFilter, RollupFilter, WalletView,
};

/// Rows of latest activity.
const LATEST: u32 = 10;
/// The newest keys that are labelled; older ones are looked up when a page asks again.
const LABELLED_KEYS: u32 = 1_000;
/// Readings of a page during which nothing was committed are tried this often. An account that is written to all the
/// time is then shown as it was read; its page reads again when it notices.
const STILL_MOMENTS: usize = 3;

/// Everything of one account that the overview is made of, as it was at one instant.
struct Moment {
    now: Timestamp,
    zone: Zone,
    wallet: WalletView,
    /// Of the longest range that is shown.
    rows: Vec<BucketRow>,
    earlier: spend::Earlier,
    latest: Vec<BookedEvent>,
    cards: RateCards,
    keys: Vec<ApiKeyRow>,
}

impl Console {
    /// The ports that the pages ask.
    pub fn backend(&self) -> Backend {
        let ports = Arc::new(self.clone());
        Backend {
            session: ports.clone(),
            pricing: ports.clone(),
            account: ports.clone(),
            api_keys: ports.clone(),
            overview: ports,
        }
    }

    async fn account_no(&self, account: AccountId) -> Result<i64, Error> {
        let found = self.store.find_account(account).await?;
        found.map(|account| account.no).ok_or(Error::Unauthorized)
    }

    /// Reads until nothing was committed while reading, so that live messages follow on what the page shows.
    async fn moment(&self, viewer: &Viewer) -> Result<Moment, Error> {
        let account_no = self.account_no(viewer.account_id).await?;
        let mut moment = self.read_moment(account_no, viewer).await?;
        for _ in 1..STILL_MOMENTS {
            let wallet = self.store.wallet(account_no, moment.now).await?;
            if wallet.seq == moment.wallet.seq {
                break;
            }
            moment = self.read_moment(account_no, viewer).await?;
        }
        Ok(moment)
    }

    async fn read_moment(&self, account_no: i64, viewer: &Viewer) -> Result<Moment, Error> {
        let zone = zone_of(viewer);
        let wallet = self.wallet(account_no, viewer.account_id).await?;
        let now = self.clock.now().max(wallet.recorded_at);
        let (from, to) = chart::longest(&zone, now);
        let buckets = RollupFilter { account: account_no, from, to, operation: None, api_key: None };
        let newest = EventFilter { account: account_no, limit: LATEST, ..EventFilter::default() };
        let (rows, earlier, latest, cards, keys) = futures::try_join!(
            self.store.rollups(buckets),
            spend::Earlier::read(&self.store, account_no, &zone, now),
            self.store.list_events(newest),
            self.store.rate_cards(),
            self.store.list_api_keys(account_no, KeyFilter::All, LABELLED_KEYS, 0),
        )?;
        Ok(Moment { now, zone, wallet, rows, earlier, latest, cards, keys: keys.0 })
    }

    async fn read_frame(&self, viewer: &Viewer) -> Result<FrameView, Error> {
        let account = self.store.find_account(viewer.account_id).await?.ok_or(Error::Unauthorized)?;
        let wallet = self.wallet(account.no, viewer.account_id).await?;
        Ok(FrameView {
            viewer: viewer.clone(),
            balance: balance(viewer.account_id, &wallet),
            suspended: account.status == AccountStatus::Suspended,
        })
    }
}

#[async_trait]
impl SessionPort for Console {
    async fn frame(&self, viewer: &Viewer) -> Result<FrameView, ConsoleError> {
        Ok(self.read_frame(viewer).await?)
    }
}

#[async_trait]
impl OverviewPort for Console {
    async fn overview(&self, viewer: &Viewer, range: Range) -> Result<OverviewView, ConsoleError> {
        let moment = self.moment(viewer).await?;
        Ok(moment.view(viewer.account_id, range, self.config.base_url.to_string()))
    }
}

impl Moment {
    fn view(&self, account: AccountId, range: Range, base_url: String) -> OverviewView {
        let windows = chart::windows(&self.zone, self.now, range);
        let keys =
            self.keys.iter().map(|key| KeyLabel { key_id: key.id.clone(), label: key_label(key) }).collect();
        let labels = LabelsView { units: units(&self.cards), keys };
        let latest = self.latest.iter().filter_map(|event| self.row(account, event, &labels)).collect();
        OverviewView {
            balance: balance(account, &self.wallet),
            today: spend::today(&self.zone, self.now, &self.rows),
            last_7_days: spend::last_7_days(&self.zone, self.now, &self.rows),
            last_30_days: spend::last_30_days(&self.zone, self.now, &self.rows, &self.earlier),
            runway: self.runway(account),
            chart: chart::view(&self.zone, windows, range, &self.rows),
            latest,
            labels,
            base_url,
        }
    }

    fn runway(&self, account: AccountId) -> RunwayView {
        let pace = runway::pace(&self.zone, self.now, &self.rows, !self.earlier.is_nothing());
        runway::view(account, &self.zone, self.now, &self.wallet.grants, pace)
    }

    fn row(&self, account: AccountId, booked: &BookedEvent, labels: &LabelsView) -> Option<ActivityRow> {
        let event = booked.entry.event.as_ref()?;
        let recorded_at = booked.entry.recorded_at;
        let unit = self.cards.version(event.price_version).and_then(|card| card.price(&event.operation));
        let label = |key: &ledger::KeyId| labels.keys.iter().find(|label| label.key_id == *key);
        Some(ActivityRow {
            event_id: EventId { account, seq: booked.entry.seq },
            seq: booked.last_seq,
            operation: event.operation.clone(),
            quantity: event.quantity,
            unit: unit.map_or_else(String::new, |price| price.unit.clone()),
            api_key: event
                .api_key
                .as_ref()
                .map(|key| label(key).map_or_else(|| key.to_string(), |it| it.label.clone())),
            credits: event.credits,
            balance_after: booked.balance_after,
            recorded_at: Rfc3339(recorded_at).to_string(),
            at_label: at_label(&self.zone, self.now, recorded_at),
            exact_label: exact_label(&self.zone, recorded_at),
        })
    }
}

/// Zones are checked when they are set; one that IANA has dropped since is UTC.
pub(super) fn zone_of(viewer: &Viewer) -> Zone {
    viewer.time_zone.parse().unwrap_or_else(|_| Zone::utc())
}

fn balance(account: AccountId, wallet: &WalletView) -> BalanceView {
    let lot = |lot: &crate::store::Lot| LotView {
        kind: lot.kind.name().to_owned(),
        remaining: lot.remaining,
        grants: lot.grants.iter().map(|seq| GrantId { account, seq: *seq }).collect(),
    };
    BalanceView {
        seq: wallet.seq,
        available: wallet.available,
        held: wallet.held,
        debt: Credits::ZERO,
        lots: wallet.lots.iter().map(lot).collect(),
    }
}

/// `plx_sk_9f2a…k3Qd`
pub(super) fn key_label(key: &ApiKeyRow) -> String {
    format!("{}…{}", key.key_prefix, key.key_suffix)
}

/// Every operation of every version, with its newest unit, in the order in which they came to the card: an operation
/// keeps its place, and so its colour, when the card changes.
fn units(cards: &RateCards) -> Vec<UnitLabel> {
    let mut units: Vec<UnitLabel> = vec![];
    for price in cards.versions().iter().flat_map(|card| &card.prices) {
        match units.iter_mut().find(|known| known.operation == price.operation) {
            Some(known) => known.unit.clone_from(&price.unit),
            None => units.push(UnitLabel { operation: price.operation.clone(), unit: price.unit.clone() }),
        }
    }
    units
}

/// `12:04:31` today, `21 Nov 12:04` earlier.
pub(super) fn at_label(zone: &Zone, now: Timestamp, at: Timestamp) -> String {
    let pattern = if at >= zone.days_before(now, 0) { "%H:%M:%S" } else { "%-d %b %H:%M" };
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
