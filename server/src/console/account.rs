//! An account's balance and what it has used in the current period.

use ledger::AccountId;

use super::{Console, Error};
use crate::auth::Customer;
use crate::calendar::{Step, Zone};
use crate::sequencer::figures::Current;
use crate::store::{UserRow, WalletView};

/// Who somebody is, for `/auth/user` and `/usage/profile`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    pub user: UserRow,
    pub usage: Current,
    /// Neither revoked nor expired.
    pub has_api_key: bool,
}

impl Console {
    /// What the account can spend now. What has fallen due is posted first.
    pub async fn wallet(&self, account_no: i64, account: AccountId) -> Result<WalletView, Error> {
        let wallet = self.store.wallet(account_no, self.clock.now()).await?;
        if !wallet.is_due {
            return Ok(wallet);
        }
        self.sequencer.post_dues(account).await?;
        Ok(self.store.wallet(account_no, self.clock.now()).await?)
    }

    /// Balance, and consumption of the calendar month (UTC) that holds now. What has fallen due is posted first.
    pub async fn current_usage(&self, account_no: i64, account: AccountId) -> Result<Current, Error> {
        let figures = self.sequencer.figures();
        let month = Zone::utc();
        // Once: another machine's clock may say that nothing is due yet.
        let mut has_posted = false;
        loop {
            let now = self.clock.now();
            if let Some(current) = figures.find(account_no, now) {
                return Ok(current);
            }
            let period = (month.floor(now, Step::Month), month.ceil_after(now, Step::Month));
            let reading = figures.begin(account_no);
            let (wallet, consumption) = self.store.wallet_and_consumption(account_no, now, period).await?;
            if wallet.is_due && !has_posted {
                self.sequencer.post_dues(account).await?;
                has_posted = true;
                continue;
            }
            let current = Current {
                seq: wallet.seq,
                available: wallet.available,
                held: wallet.held,
                debt: wallet.debt,
                consumption,
                period_start: period.0,
                period_end: period.1,
            };
            figures.keep(reading, wallet, consumption, period);
            return Ok(current);
        }
    }

    /// The user behind a key or session, with the account's usage.
    pub async fn profile(&self, customer: &Customer) -> Result<Profile, Error> {
        let user = self.store.find_user(customer.user_id).await?.ok_or_else(Error::not_found)?;
        let usage = self.current_usage(customer.account_no, customer.account).await?;
        let has_api_key = self.store.has_api_key(customer.account_no, self.clock.now()).await?;
        Ok(Profile { user, usage, has_api_key })
    }
}
