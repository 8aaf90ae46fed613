//! Automatic top-up: buying credits before they run out.
//!
//! [`decide`] is asked within the transaction that has just spent credits, with the setting and the state as they are there; so
//! of many charges at once that cross the threshold one starts a payment and the others find it in flight.

use serde::{Deserialize, Serialize};

use crate::credits::{Credits, MICROS};
use crate::day::{Day, Zone};
use crate::invoice::LineKind;
use crate::money::{Currency, Money};
use crate::purchase::{AmountError, CustomAmount, Order};
use crate::time::{SECOND, Timestamp};

/// The least time between the starts of two payments, also when the first one failed.
pub const COOLDOWN: i64 = 15 * 60 * SECOND;
/// After so many declined payments in a row nothing is tried until the user acts.
pub const MAX_DECLINES: u8 = 3;

/// What a customer has set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// Credits are bought when fewer than this can be spent.
    pub threshold: Credits,
    /// So many that afterwards this much can be spent.
    pub target: Credits,
    /// The most that may be paid for it in a calendar month of the account's zone, as prices are given.
    pub monthly_cap: Money,
}

/// Why a setting is refused, in the customer's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    #[error("the threshold must be more than zero")]
    NoThreshold,
    #[error("the target must be more than the threshold")]
    LowTarget,
    #[error("the target must be at most {0} credits, which can be bought at once")]
    HighTarget(Credits),
    #[error("the monthly cap must be in {0}")]
    Currency(Currency),
    #[error("the monthly cap must be at least {0}, which is the least that can be bought")]
    LowCap(Money),
}

impl Setting {
    pub fn check(&self, prices: &CustomAmount) -> Result<(), SettingError> {
        if self.threshold.is_zero() {
            return Err(SettingError::NoThreshold);
        }
        if self.target <= self.threshold {
            return Err(SettingError::LowTarget);
        }
        if self.target > prices.maximum {
            return Err(SettingError::HighTarget(prices.maximum));
        }
        if self.monthly_cap.currency() != prices.price.currency() {
            return Err(SettingError::Currency(prices.price.currency()));
        }
        match prices.price_of(prices.minimum) {
            Some(least) if self.monthly_cap.minor() < least.minor() => Err(SettingError::LowCap(least)),
            _ => Ok(()),
        }
    }
}

/// What has happened so far; one for each account, changed in the same transaction as what it is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// What the payment that is under way costs.
    pub in_flight: Option<Money>,
    pub last_started_at: Option<Timestamp>,
    /// Declined payments since the last one that succeeded, or since the user acted.
    pub declines: u8,
    /// What was paid, and is being paid, in a month.
    pub month: Option<Month>,
}

/// A calendar month of the account's zone and what was paid in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Month {
    pub first: Day,
    pub paid: Money,
}

/// What an account has at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Funds {
    pub available: Credits,
    /// Is repaid first, and so bought as well.
    pub debt: Credits,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Start a payment of this; the state to be stored with it is [`State::started`].
    Start(Order),
    Nothing(Quiet),
}

/// Why nothing is bought, in order of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quiet {
    Enough,
    InFlight,
    /// Three payments were declined; the user must look at it.
    Stopped,
    CoolingDown {
        until: Timestamp,
    },
    /// What the cap leaves this month buys less than the least amount.
    CapReached {
        left: Money,
    },
}

/// Whether to buy credits now, and how many: what is missing to the target, in whole credits, but not less than the least amount
/// on sale, and not more than the largest or than the cap leaves.
pub fn decide(
    setting: &Setting,
    state: &State,
    prices: &CustomAmount,
    funds: Funds,
    zone: &dyn Zone,
    now: Timestamp,
) -> Verdict {
    if funds.available >= setting.threshold && funds.debt.is_zero() {
        return Verdict::Nothing(Quiet::Enough);
    }
    if state.in_flight.is_some() {
        return Verdict::Nothing(Quiet::InFlight);
    }
    if state.declines >= MAX_DECLINES {
        return Verdict::Nothing(Quiet::Stopped);
    }
    let cool_at = state.last_started_at.map(|last| last.saturating_add(COOLDOWN));
    if let Some(until) = cool_at.filter(|until| *until > now) {
        return Verdict::Nothing(Quiet::CoolingDown { until });
    }
    let paid = state.paid_in(zone.day(now).first_of_month(), prices.price.currency());
    let left = setting.monthly_cap.checked_sub(paid).unwrap_or(Money::zero(prices.price.currency()));
    let gap = setting.target.saturating_sub(funds.available).checked_add(funds.debt).unwrap_or(Credits::MAX);
    let wanted = whole_credits_up(gap).max(prices.minimum).min(prices.maximum).min(prices.affordable(left));
    match prices.order_as(LineKind::TopUp, wanted) {
        Ok(order) => Verdict::Start(order),
        Err(AmountError::NotWhole | AmountError::TooFew(_) | AmountError::TooMany(_)) => {
            Verdict::Nothing(Quiet::CapReached { left })
        }
    }
}

fn whole_credits_up(credits: Credits) -> Credits {
    let rest = credits.micros().checked_rem(MICROS).unwrap_or(0);
    let up = if rest == 0 { 0 } else { MICROS.saturating_sub(rest) };
    Credits::from_micros(credits.micros().saturating_add(up)).unwrap_or(credits)
}

impl State {
    /// After a payment was started. Its price counts for the month in which it was.
    #[must_use]
    pub fn started(&self, order: &Order, zone: &dyn Zone, now: Timestamp) -> Self {
        let price = order.line.amount;
        let first = zone.day(now).first_of_month();
        let paid = self.paid_in(first, price.currency());
        let paid = paid.checked_add(price).unwrap_or(paid);
        Self {
            in_flight: Some(price),
            last_started_at: Some(now),
            month: Some(Month { first, paid }),
            declines: self.declines,
        }
    }

    /// After the payment succeeded.
    #[must_use]
    pub fn succeeded(&self) -> Self {
        Self { in_flight: None, declines: 0, ..self.clone() }
    }

    /// After the payment was declined, or needs the user's confirmation, which nobody is there to give: it is waited as long as
    /// after one that succeeded.
    #[must_use]
    pub fn declined(&self) -> Self {
        Self { declines: self.declines.saturating_add(1), ..self.failed() }
    }

    /// After the payment failed for a reason that is not the customer's: the provider could not be reached. It is waited, and
    /// not counted. Not for a payment whose outcome is unknown: that stays in flight until the provider says.
    #[must_use]
    pub fn failed(&self) -> Self {
        let price = self.in_flight;
        let month = self.month.map(|month| {
            let paid = price.and_then(|price| month.paid.checked_sub(price).ok()).unwrap_or(month.paid);
            Month { paid, ..month }
        });
        Self { in_flight: None, month, ..self.clone() }
    }

    /// After the user has saved the setting, changed the method, or bought something: it may be tried again.
    #[must_use]
    pub fn user_acted(&self) -> Self {
        Self { declines: 0, ..self.clone() }
    }

    fn paid_in(&self, first: Day, currency: Currency) -> Money {
        let month = self.month.filter(|month| month.first == first && month.paid.currency() == currency);
        month.map_or(Money::zero(currency), |month| month.paid)
    }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails")]
mod tests;
