//! When an account's credits will be gone, what will expire unused, and how sure that is.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use ledger::hours::Hours;
use ledger::outlook::{Lot, NotEnough, Outlook, Question, outlook};
use ledger::time::{DAY, HOUR};
use ledger::{AccountId, Credits, Timestamp};

use super::{Console, Error};
use crate::store::WalletView;

/// Days of the past that are read.
const DAYS_BACK: i64 = 371;
/// Days that one statement reads, so that none takes long.
const STEP: i64 = 53;
/// Accounts whose past is kept, of 70 KiB at most each.
const MOST: usize = 64;

/// What is foreseen for an account.
#[derive(Debug, Clone)]
pub struct Forecast {
    /// From when on.
    pub now: Timestamp,
    /// Of the last entry that is in it.
    pub seq: u64,
    pub available: Credits,
    pub debt: Credits,
    /// The hours that it goes by: where they begin and end, and how many whole weeks they are.
    pub from: Timestamp,
    pub to: Timestamp,
    pub weeks: usize,
    /// The grants by the `seq` that issued them, in the order that [`ledger::outlook::Unused::lot`] counts.
    pub grants: Vec<u64>,
    pub outlook: Result<Outlook, NotEnough>,
}

/// The hours of accounts that were asked about lately, as they were when their last hour had ended. Late events and
/// corrections of older ones are in the next hour's.
#[derive(Debug, Default)]
pub struct Pasts(Mutex<VecDeque<(i64, Arc<Hours>)>>);

impl Pasts {
    fn find(&self, account_no: i64, end: Timestamp) -> Option<Arc<Hours>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.iter().find(|(no, hours)| *no == account_no && hours.end() == end);
        found.map(|(_, hours)| Arc::clone(hours))
    }

    /// Instead of older ones of the account; the oldest give way.
    fn keep(&self, account_no: i64, hours: &Arc<Hours>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(no, _)| *no != account_no);
        kept.push_back((account_no, Arc::clone(hours)));
        while kept.len() > MOST {
            kept.pop_front();
        }
    }
}

impl Console {
    /// Foresees the account from now on, with a burn-down of so many days. The same account with the same past and the same
    /// grants gets the same answer.
    pub async fn forecast(
        &self,
        account_no: i64,
        account: AccountId,
        days: usize,
    ) -> Result<Forecast, Error> {
        let wallet = self.wallet(account_no, account).await?;
        let now = self.clock.now().max(wallet.recorded_at);
        let hours = self.past(account_no, now).await?;
        let seed = u64::try_from(account_no).unwrap_or_default();
        // A few milliseconds of arithmetic, in which nobody else should wait.
        let foreseen = tokio::task::spawn_blocking(move || foresee(now, &wallet, &hours, days, seed));
        foreseen.await.map_err(Error::internal)
    }

    async fn past(&self, account_no: i64, now: Timestamp) -> Result<Arc<Hours>, Error> {
        let end = now.floor(HOUR);
        if let Some(hours) = self.pasts.find(account_no, end) {
            return Ok(hours);
        }
        let mut spent = vec![];
        for step in (0..DAYS_BACK / STEP).rev() {
            let to = end.saturating_add(-step * STEP * DAY);
            let found = self.store.hourly_credits(account_no, to.saturating_add(-STEP * DAY), to).await?;
            spent.extend(found);
        }
        let hours = Arc::new(Hours::new(end, spent));
        self.pasts.keep(account_no, &hours);
        Ok(hours)
    }
}

fn foresee(now: Timestamp, wallet: &WalletView, hours: &Hours, days: usize, seed: u64) -> Forecast {
    let lots: Vec<Lot> = wallet.grants.iter().map(Lot::of).collect();
    let question = Question { now, lots: &lots, debt: wallet.debt, days, seed };
    Forecast {
        now,
        seq: wallet.seq,
        available: wallet.available,
        debt: wallet.debt,
        from: hours.from(),
        to: hours.end(),
        weeks: hours.weeks(),
        grants: wallet.grants.iter().map(|grant| grant.seq).collect(),
        outlook: outlook(hours, &question),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(end_hour: i64) -> Arc<Hours> {
        let end = Timestamp::from_micros(end_hour * HOUR);
        Arc::new(Hours::new(end, [(end.saturating_add(-HOUR), Credits::whole(1))]))
    }

    #[test]
    fn a_past_holds_for_its_hour_and_the_oldest_give_way() {
        let (pasts, end) = (Pasts::default(), |hour: i64| Timestamp::from_micros(hour * HOUR));
        pasts.keep(1, &hours(5));
        assert!(pasts.find(1, end(5)).is_some());
        assert!(pasts.find(1, end(6)).is_none() && pasts.find(2, end(5)).is_none());
        pasts.keep(1, &hours(6));
        assert!(pasts.find(1, end(5)).is_none() && pasts.find(1, end(6)).is_some());
        for account_no in 2..=i64::try_from(MOST).unwrap() {
            pasts.keep(account_no, &hours(6));
        }
        assert!(pasts.find(1, end(6)).is_some());
        pasts.keep(1_000, &hours(6));
        assert!(pasts.find(1, end(6)).is_none() && pasts.find(2, end(6)).is_some());
    }
}
