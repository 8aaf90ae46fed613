//! An account's balance and what it has used in the current period.

use ledger::{AccountId, Credits, Timestamp};

use super::{Console, Error};
use crate::auth::Customer;
use crate::calendar::{Step, Zone};
use crate::store::{UserRow, WalletView};

/// The wallet and the calendar month (UTC) that holds now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurrentUsage {
    pub wallet: WalletView,
    /// Used from `period_start` until `period_end`, by the events' own time.
    pub consumption: Credits,
    pub period_start: Timestamp,
    pub period_end: Timestamp,
}

/// Who somebody is, for `/auth/user` and `/usage/profile`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    pub user: UserRow,
    pub usage: CurrentUsage,
    /// Neither revoked nor expired.
    pub has_api_key: bool,
}

impl Console {
    /// What the account can spend now. Grants that have run out are closed in the books first.
    pub async fn wallet(&self, account_no: i64, account: AccountId) -> Result<WalletView, Error> {
        let wallet = self.store.wallet(account_no, self.clock.now()).await?;
        if !wallet.expiry_is_due {
            return Ok(wallet);
        }
        self.sequencer.post_expiries(account).await?;
        Ok(self.store.wallet(account_no, self.clock.now()).await?)
    }

    /// Balance and consumption of the current period.
    pub async fn current_usage(&self, account_no: i64, account: AccountId) -> Result<CurrentUsage, Error> {
        let now = self.clock.now();
        let month = Zone::utc();
        let (period_start, period_end) = (month.floor(now, Step::Month), month.ceil_after(now, Step::Month));
        let wallet = self.wallet(account_no, account).await?;
        let consumption = self.store.consumed(account_no, period_start, period_end).await?;
        Ok(CurrentUsage { wallet, consumption, period_start, period_end })
    }

    /// The user behind a key or session, with the account's usage.
    pub async fn profile(&self, customer: &Customer) -> Result<Profile, Error> {
        let user = self.store.find_user(customer.user_id).await?.ok_or_else(Error::not_found)?;
        let usage = self.current_usage(customer.account_no, customer.account).await?;
        let has_api_key = self.store.has_api_key(customer.account_no, self.clock.now()).await?;
        Ok(Profile { user, usage, has_api_key })
    }
}
