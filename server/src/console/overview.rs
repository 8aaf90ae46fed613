//! What the pages show: the wallet in every page's frame, and the overview.

mod chart;
mod recent;
mod runway;
mod spend;

use std::sync::Arc;

use app::backend::overview::{BalanceView, LotView, OverviewPort, OverviewView, Range, RunwayView};
use app::backend::session::{FrameView, SessionPort};
use app::backend::{Backend, ConsoleError, Viewer};
use async_trait::async_trait;
use ledger::time::SECOND;
use ledger::{AccountId, GrantId, Timestamp};

pub(super) use self::recent::Recent;
use self::recent::{AsOf, Facts};
use super::charts::millis;
use super::labels::{self, LABELLED_KEYS, Rows, zone_of};
use super::{Console, Error};
use crate::calendar::Zone;
use crate::store::{AccountStatus, ApiKeyRow, EventFilter, KeyFilter, RollupFilter, WalletView};

/// Rows of latest activity.
const LATEST: u32 = 10;
/// Readings of a page during which nothing was committed are tried this often. An account that is written to all the
/// time is then shown as it was read; its page reads again when it notices.
pub(super) const STILL_MOMENTS: usize = 3;

/// What was spent today is set against other days up to this time of day; an open page reads anew after this long.
const COMPARED: i64 = 900 * SECOND;

/// Everything of one account that the overview is made of, as it was at one instant.
struct Moment {
    now: Timestamp,
    zone: Zone,
    wallet: WalletView,
    facts: Arc<Facts>,
}

impl Console {
    /// The ports that the pages ask.
    pub fn backend(&self) -> Backend {
        let ports = Arc::new(self.clone());
        Backend {
            session: ports.clone(),
            overview: ports.clone(),
            pricing: ports.clone(),
            account: ports.clone(),
            api_keys: ports.clone(),
            usage: ports.clone(),
            receipt: ports.clone(),
            credits: ports,
        }
    }

    pub(super) async fn account_no(&self, account: AccountId) -> Result<i64, Error> {
        let found = self.store.find_account(account).await?;
        found.map(|account| account.no).ok_or(Error::Unauthorized)
    }

    /// Reads until nothing was committed while reading, so that live messages follow on what the page shows.
    async fn moment(&self, viewer: &Viewer) -> Result<Moment, Error> {
        let account_no = self.account_no(viewer.account_id).await?;
        let zone = zone_of(viewer);
        for attempt in 1.. {
            let epoch = self.store.epoch();
            let wallet = self.wallet(account_no, viewer.account_id).await?;
            let now = self.clock.now().max(wallet.recorded_at);
            let as_of = AsOf::new(account_no, epoch, &wallet, &zone, now);
            if let Some(facts) = self.overviews.find(&as_of) {
                return Ok(Moment { now, zone, wallet, facts });
            }
            let facts = Arc::new(Box::pin(self.read_facts(account_no, &zone, now)).await?);
            let is_still = self.store.wallet(account_no, now).await?.seq == wallet.seq;
            if is_still && self.store.epoch() == epoch {
                self.overviews.keep(as_of, Arc::clone(&facts));
            }
            if is_still || attempt == STILL_MOMENTS {
                return Ok(Moment { now, zone, wallet, facts });
            }
        }
        Err(Error::internal("attempts have no end"))
    }

    async fn read_facts(&self, account_no: i64, zone: &Zone, now: Timestamp) -> Result<Facts, Error> {
        let (from, to) = chart::longest(zone, now);
        let buckets = RollupFilter { account: account_no, from, to, operation: None, api_key: None };
        let newest = EventFilter { account: account_no, limit: LATEST, ..EventFilter::default() };
        let (rows, earlier, latest, cards, keys) = futures::try_join!(
            self.store.rollups(buckets),
            spend::Earlier::read(&self.store, account_no, zone, now),
            self.store.list_events(newest),
            self.store.rate_cards(),
            self.store.list_api_keys(account_no, KeyFilter::All, LABELLED_KEYS, 0),
        )?;
        Ok(Facts { rows, earlier, latest, cards, keys: keys.0 })
    }

    /// The viewer's name and live balance, as the top bar of every page shows them.
    pub async fn read_frame(&self, viewer: &Viewer) -> Result<FrameView, Error> {
        let account = self.store.find_account(viewer.account_id).await?.ok_or(Error::Unauthorized)?;
        let wallet = self.wallet(account.no, viewer.account_id).await?;
        Ok(FrameView {
            viewer: viewer.clone(),
            balance: balance(viewer.account_id, &wallet),
            suspended: account.status != AccountStatus::Active,
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
        let moment = Box::pin(self.moment(viewer)).await?;
        Ok(moment.view(viewer.account_id, range, self.config.base_url.to_string()))
    }
}

impl Moment {
    fn view(&self, account: AccountId, range: Range, base_url: String) -> OverviewView {
        let Facts { rows, earlier, latest, cards, keys } = &*self.facts;
        let windows = chart::windows(&self.zone, self.now, range);
        let activity = Rows::new(account, &self.zone, self.now, cards, keys);
        let latest = latest.iter().filter_map(|event| activity.row(event)).collect();
        OverviewView {
            range,
            balance: balance(account, &self.wallet),
            today: spend::today(&self.zone, self.now, rows),
            last_7_days: spend::last_7_days(&self.zone, self.now, rows),
            last_30_days: spend::last_30_days(&self.zone, self.now, rows, earlier),
            runway: self.runway(account),
            chart: chart::view(&self.zone, windows, range, rows),
            compared_until_ms: millis(self.now.saturating_add(COMPARED)),
            latest,
            labels: activity.labels,
            own_key: keys.iter().find(|key| self.is_usable(key)).map(labels::key_label),
            base_url,
        }
    }

    fn is_usable(&self, key: &ApiKeyRow) -> bool {
        key.revoked_at.is_none() && key.expires_at.is_none_or(|expires_at| expires_at > self.now)
    }

    fn runway(&self, account: AccountId) -> RunwayView {
        let Facts { rows, earlier, .. } = &*self.facts;
        let pace = runway::pace(&self.zone, self.now, rows, !earlier.is_nothing());
        let grants = runway::less_debt(&self.wallet.grants, self.wallet.debt);
        runway::view(account, &self.zone, self.now, &grants, pace)
    }
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
        debt: wallet.debt,
        lots: wallet.lots.iter().map(lot).collect(),
    }
}
