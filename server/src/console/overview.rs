//! What the pages show: the wallet in every page's frame, and the overview.

mod chart;
mod runway;
mod spend;

use std::sync::Arc;

use app::backend::overview::{BalanceView, LotView, OverviewPort, OverviewView, Range, RunwayView};
use app::backend::session::{FrameView, SessionPort};
use app::backend::{Backend, ConsoleError, Viewer};
use async_trait::async_trait;
use ledger::rate::RateCards;
use ledger::time::SECOND;
use ledger::{AccountId, GrantId, Timestamp};

use super::charts::millis;
use super::labels::{self, LABELLED_KEYS, Rows, zone_of};
use super::{Console, Error};
use crate::calendar::Zone;
use crate::store::{
    AccountStatus, ApiKeyRow, BookedEvent, BucketRow, EventFilter, KeyFilter, RollupFilter, WalletView,
};

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
        let mut moment = Box::pin(self.read_moment(account_no, viewer)).await?;
        for _ in 1..STILL_MOMENTS {
            let wallet = self.store.wallet(account_no, moment.now).await?;
            if wallet.seq == moment.wallet.seq {
                break;
            }
            moment = Box::pin(self.read_moment(account_no, viewer)).await?;
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

    /// The viewer's name and live balance, as the top bar of every page shows them.
    pub async fn read_frame(&self, viewer: &Viewer) -> Result<FrameView, Error> {
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
        let moment = Box::pin(self.moment(viewer)).await?;
        Ok(moment.view(viewer.account_id, range, self.config.base_url.to_string()))
    }
}

impl Moment {
    fn view(&self, account: AccountId, range: Range, base_url: String) -> OverviewView {
        let windows = chart::windows(&self.zone, self.now, range);
        let rows = Rows::new(account, &self.zone, self.now, &self.cards, &self.keys);
        let latest = self.latest.iter().filter_map(|event| rows.row(event)).collect();
        OverviewView {
            range,
            balance: balance(account, &self.wallet),
            today: spend::today(&self.zone, self.now, &self.rows),
            last_7_days: spend::last_7_days(&self.zone, self.now, &self.rows),
            last_30_days: spend::last_30_days(&self.zone, self.now, &self.rows, &self.earlier),
            runway: self.runway(account),
            chart: chart::view(&self.zone, windows, range, &self.rows),
            compared_until_ms: millis(self.now.saturating_add(COMPARED)),
            latest,
            labels: rows.labels,
            own_key: self.keys.iter().find(|key| self.is_usable(key)).map(labels::key_label),
            base_url,
        }
    }

    fn is_usable(&self, key: &ApiKeyRow) -> bool {
        key.revoked_at.is_none() && key.expires_at.is_none_or(|expires_at| expires_at > self.now)
    }

    fn runway(&self, account: AccountId) -> RunwayView {
        let pace = runway::pace(&self.zone, self.now, &self.rows, !self.earlier.is_nothing());
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
