//! What overviews were made of lately, kept while it is true. Reading it costs twenty times as much as the page around it.
//!
//! Buckets and latest events change with an entry of the account only, prices and keys with the store's epoch, and what
//! earlier days are compared with every 15 minutes. As long as all of that is the same, so is what would be read.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use ledger::Timestamp;
use ledger::rate::RateCards;
use ledger::series::BUCKET;

use super::spend::Earlier;
use crate::calendar::Zone;
use crate::store::{ApiKeyRow, BookedEvent, BucketRow, WalletView};

/// Buckets that are kept in all, of about 100 bytes each; an account alone may have more.
const MOST_ROWS: usize = 50_000;
/// Accounts that are kept.
const MOST: usize = 64;

/// What the database says about an account, besides its wallet.
#[derive(Debug)]
pub(super) struct Facts {
    /// Of the longest range that is shown.
    pub rows: Vec<BucketRow>,
    pub earlier: Earlier,
    pub latest: Vec<BookedEvent>,
    pub cards: RateCards,
    pub keys: Vec<ApiKeyRow>,
}

/// What must be the same for facts to be true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AsOf {
    account: i64,
    epoch: u64,
    /// The last entry, and when it was recorded.
    seq: u64,
    recorded_at: Timestamp,
    zone: Zone,
    /// Which 15 minutes it is.
    quarter: Timestamp,
}

impl AsOf {
    pub fn new(account: i64, epoch: u64, wallet: &WalletView, zone: &Zone, now: Timestamp) -> Self {
        let WalletView { seq, recorded_at, .. } = *wallet;
        Self { account, epoch, seq, recorded_at, zone: zone.clone(), quarter: now.floor(BUCKET) }
    }
}

/// Facts of the accounts that were looked at last.
#[derive(Debug, Default)]
pub struct Recent(Mutex<VecDeque<(AsOf, Arc<Facts>)>>);

impl Recent {
    pub(super) fn find(&self, as_of: &AsOf) -> Option<Arc<Facts>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|(known, _)| known == as_of).map(|(_, facts)| Arc::clone(facts))
    }

    /// Keeps them instead of older ones of the account; the oldest give way.
    pub(super) fn keep(&self, as_of: AsOf, facts: Arc<Facts>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(known, _)| known.account != as_of.account);
        kept.push_back((as_of, facts));
        let rows = |kept: &VecDeque<(AsOf, Arc<Facts>)>| -> usize {
            kept.iter().map(|(_, facts)| facts.rows.len()).sum()
        };
        while kept.len() > 1 && (kept.len() > MOST || rows(&kept) > MOST_ROWS) {
            kept.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use ledger::{Credits, Quantity};

    use super::*;

    fn wallet(seq: u64) -> WalletView {
        WalletView {
            seq,
            available: Credits::ZERO,
            held: Credits::ZERO,
            debt: Credits::ZERO,
            recorded_at: Timestamp::from_micros(7),
            next_deadline: None,
            is_due: false,
            lots: vec![],
            grants: vec![],
        }
    }

    fn as_of(account: i64, seq: u64) -> AsOf {
        AsOf::new(account, 1, &wallet(seq), &Zone::utc(), Timestamp::from_micros(BUCKET))
    }

    fn facts(rows: usize) -> Arc<Facts> {
        let row = BucketRow {
            start: Timestamp::from_micros(0),
            operation: "op".to_owned(),
            api_key: None,
            credits: Credits::ZERO,
            quantity: Quantity::ZERO,
            count: 1,
        };
        let cards = RateCards::new(vec![ledger::rate::RateCard::example()]).unwrap();
        Arc::new(Facts {
            rows: vec![row; rows],
            earlier: Earlier::default(),
            latest: vec![],
            cards,
            keys: vec![],
        })
    }

    #[test]
    fn facts_hold_until_anything_they_rest_on_changes() {
        let recent = Recent::default();
        recent.keep(as_of(1, 5), facts(1));
        assert!(recent.find(&as_of(1, 5)).is_some());
        let now = Timestamp::from_micros(2 * BUCKET - 1);
        assert!(
            recent.find(&AsOf::new(1, 1, &wallet(5), &Zone::utc(), now)).is_some(),
            "the same 15 minutes"
        );
        assert!(recent.find(&as_of(1, 6)).is_none(), "another entry");
        assert!(recent.find(&as_of(2, 5)).is_none(), "another account");
        let later = Timestamp::from_micros(2 * BUCKET);
        assert!(recent.find(&AsOf::new(1, 1, &wallet(5), &Zone::utc(), later)).is_none());
        let berlin: Zone = "Europe/Berlin".parse().unwrap();
        let other = [AsOf { epoch: 2, ..as_of(1, 5) }, AsOf { zone: berlin, ..as_of(1, 5) }];
        assert!(other.iter().all(|other| recent.find(other).is_none()));
    }

    #[test]
    fn the_oldest_give_way_and_an_account_is_kept_once() {
        let recent = Recent::default();
        recent.keep(as_of(1, 5), facts(MOST_ROWS - 1));
        recent.keep(as_of(2, 5), facts(1));
        assert!(recent.find(&as_of(1, 5)).is_some());
        recent.keep(as_of(2, 6), facts(1));
        assert!(recent.find(&as_of(1, 5)).is_some() && recent.find(&as_of(2, 5)).is_none());
        recent.keep(as_of(3, 1), facts(1));
        assert!(recent.find(&as_of(1, 5)).is_none() && recent.find(&as_of(2, 6)).is_some());
        recent.keep(as_of(4, 1), facts(MOST_ROWS + 1));
        assert!(recent.find(&as_of(4, 1)).is_some(), "one alone may be larger");
    }
}
