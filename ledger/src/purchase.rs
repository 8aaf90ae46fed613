//! Buying credits: packs, and amounts that the customer chooses; and taking back what was not paid for in the end.

use serde::{Deserialize, Serialize};

use crate::credits::{Credits, MICROS};
use crate::day::Zone;
use crate::grant::{DEFAULT_PRIORITY, GrantFacts, GrantKind};
use crate::invoice::{Line, LineKind};
use crate::money::{Currency, Money};
use crate::plan::{GrantOrder, OfferId, Problem, check_name, check_price};
use crate::shares::share;
use crate::time::Timestamp;

/// The longest that bought credits may last before they never expire, in days.
pub const MAX_EXPIRY_DAYS: u16 = 3_650;

/// An amount of credits at a price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pack {
    pub id: OfferId,
    /// 1 to 100 characters, as it stands on invoices.
    pub name: String,
    /// More than zero.
    pub credits: Credits,
    /// Given with it, as a grant of its own of kind `promo`; may be none.
    pub bonus: Credits,
    /// More than zero.
    pub price: Money,
    /// For how many whole days after the day of payment its credits last; `None`: for ever.
    pub expires_after_days: Option<u16>,
}

/// Any whole number of credits within bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CustomAmount {
    pub minimum: Credits,
    pub maximum: Credits,
    /// What `per_credits` cost, so that a credit may cost less than a cent.
    pub price: Money,
    pub per_credits: Credits,
    pub expires_after_days: Option<u16>,
}

/// What credits an operator sells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shop {
    packs: Vec<Pack>,
    custom: Option<CustomAmount>,
}

/// Why a shop is refused, in the operator's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShopError {
    #[error("pack {0} stands twice")]
    Twice(OfferId),
    #[error("pack {pack}: {problem}")]
    Pack { pack: OfferId, problem: Problem },
    #[error("custom_amount: {0}")]
    Custom(Problem),
}

/// Why an amount can't be bought, in the customer's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    #[error("must be a whole number of credits")]
    NotWhole,
    #[error("must be at least {0} credits")]
    TooFew(Credits),
    #[error("must be at most {0} credits")]
    TooMany(Credits),
}

/// What a customer has chosen to buy; it is stored with the payment, so that a new price changes nothing about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    pub line: Line,
    pub credits: Credits,
    pub bonus: Credits,
    pub expires_after_days: Option<u16>,
}

impl Shop {
    /// What an operator wrote. `currency` is that of the plans, if there are any.
    pub fn new(
        packs: Vec<Pack>,
        custom: Option<CustomAmount>,
        currency: Option<Currency>,
    ) -> Result<Self, ShopError> {
        let first = packs.first().map(|pack| pack.price.currency());
        let currency = currency.or(first).or(custom.map(|custom| custom.price.currency()));
        for (index, pack) in packs.iter().enumerate() {
            if packs.iter().take(index).any(|earlier| earlier.id == pack.id) {
                return Err(ShopError::Twice(pack.id.clone()));
            }
            check_pack(pack, currency.unwrap_or(pack.price.currency()))
                .map_err(|problem| ShopError::Pack { pack: pack.id.clone(), problem })?;
        }
        if let Some(custom) = &custom {
            custom.check(currency.unwrap_or(custom.price.currency())).map_err(ShopError::Custom)?;
        }
        Ok(Self { packs, custom })
    }

    /// In the operator's order.
    pub fn packs(&self) -> &[Pack] {
        &self.packs
    }

    pub fn pack(&self, id: &OfferId) -> Option<&Pack> {
        self.packs.iter().find(|pack| pack.id == *id)
    }

    pub const fn custom(&self) -> Option<&CustomAmount> {
        self.custom.as_ref()
    }
}

fn check_pack(pack: &Pack, currency: Currency) -> Result<(), Problem> {
    check_name(&pack.name)?;
    check_price(pack.price, currency)?;
    if pack.price.is_zero() {
        return Err(Problem::Free);
    }
    if pack.credits.is_zero() {
        return Err(Problem::NoCredits);
    }
    pack.credits.checked_add(pack.bonus).ok_or(Problem::ManyCredits)?;
    check_expiry(pack.expires_after_days)
}

fn check_expiry(days: Option<u16>) -> Result<(), Problem> {
    let fits = days.is_none_or(|days| (1..=MAX_EXPIRY_DAYS).contains(&days));
    if fits { Ok(()) } else { Err(Problem::Expiry(MAX_EXPIRY_DAYS)) }
}

const fn is_whole(credits: Credits) -> bool {
    matches!(credits.micros().checked_rem(MICROS), Some(0))
}

impl Pack {
    pub fn order(&self) -> Order {
        let line = Line {
            kind: LineKind::Pack,
            offer: Some(self.id.clone()),
            name: self.name.clone(),
            days: None,
            credits: self.credits.checked_add(self.bonus),
            amount: self.price,
        };
        Order { line, credits: self.credits, bonus: self.bonus, expires_after_days: self.expires_after_days }
    }
}

impl CustomAmount {
    fn check(&self, currency: Currency) -> Result<(), Problem> {
        check_price(self.price, currency)?;
        if self.price.is_zero() {
            return Err(Problem::Free);
        }
        if self.per_credits.is_zero() || !is_whole(self.per_credits) {
            return Err(Problem::PerCredits);
        }
        let is_range = !self.minimum.is_zero() && self.minimum <= self.maximum;
        if !is_range || !is_whole(self.minimum) || !is_whole(self.maximum) {
            return Err(Problem::Bounds);
        }
        let least = self.price_of(self.minimum).filter(|price| !price.is_zero());
        least.ok_or(Problem::LowMinimum(self.minimum))?;
        let most = self.price_of(self.maximum).filter(|most| check_price(*most, currency).is_ok());
        most.ok_or(Problem::HighMaximum(self.maximum))?;
        check_expiry(self.expires_after_days)
    }

    /// What an amount costs, rounded half up to the minor unit: more never costs less. `None` past what can be counted.
    pub fn price_of(&self, credits: Credits) -> Option<Money> {
        let (amount, per) = (i128::from(credits.micros()), i128::from(self.per_credits.micros()));
        let twice = amount.checked_mul(i128::from(self.price.minor()))?.checked_mul(2)?;
        let minor = twice.checked_add(per)?.checked_div(per.checked_mul(2)?)?;
        Money::new(i64::try_from(minor).ok()?, self.price.currency())
    }

    /// The most whole credits that can be bought for an amount of money, bounds aside.
    pub fn affordable(&self, money: Money) -> Credits {
        let whole = || {
            let (money, price) = (i128::from(money.minor()), i128::from(self.price.minor()));
            let micros = money.checked_mul(i128::from(self.per_credits.micros()))?.checked_div(price)?;
            let micros = i64::try_from(micros.max(0)).ok()?;
            Credits::from_micros(micros.checked_sub(micros.checked_rem(MICROS)?)?)
        };
        whole().unwrap_or(self.maximum)
    }

    pub fn order(&self, credits: Credits) -> Result<Order, AmountError> {
        self.order_as(LineKind::Credits, credits)
    }

    pub(crate) fn order_as(&self, kind: LineKind, credits: Credits) -> Result<Order, AmountError> {
        if !is_whole(credits) {
            return Err(AmountError::NotWhole);
        }
        if credits < self.minimum {
            return Err(AmountError::TooFew(self.minimum));
        }
        let price = self.price_of(credits).filter(|_| credits <= self.maximum);
        let amount = price.ok_or(AmountError::TooMany(self.maximum))?;
        let name = if kind == LineKind::TopUp { "Automatic top-up" } else { "Credits" };
        let line =
            Line { kind, offer: None, name: name.to_owned(), days: None, credits: Some(credits), amount };
        Ok(Order { line, credits, bonus: Credits::ZERO, expires_after_days: self.expires_after_days })
    }
}

impl Order {
    /// The grants of a payment, to be issued in the transaction in which it succeeds: their `source` has the payment's id, so
    /// that a payment gives them once, whatever is told how often.
    pub fn grants(&self, payment: &str, zone: &dyn Zone, paid_at: Timestamp) -> Vec<GrantOrder> {
        let expires_at = self.expires_after_days.map(|days| {
            let after = zone.day(paid_at).plus_days(i64::from(days).saturating_add(1));
            zone.start(after).max(paid_at.saturating_add(1))
        });
        let grant = |amount: Credits, kind, source, reason: &str| GrantOrder {
            amount,
            facts: GrantFacts {
                kind,
                priority: DEFAULT_PRIORITY,
                effective_at: paid_at,
                expires_at,
                source,
                reason: reason.to_owned(),
            },
        };
        let bonus = format!("Bonus of {}", self.line.name);
        let both = [
            grant(self.credits, GrantKind::Purchase, format!("payment:{payment}"), &self.line.name),
            grant(self.bonus, GrantKind::Promo, format!("payment:{payment}:bonus"), &bonus),
        ];
        both.into_iter().filter(|grant| !grant.amount.is_zero()).collect()
    }
}

/// Where the credits of one grant have gone, by its entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GrantUse {
    pub amount: Credits,
    pub remaining: Credits,
    pub held: Credits,
    pub expired: Credits,
    pub voided: Credits,
}

/// What is taken back of a grant that was not paid for in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClawBack {
    /// To be voided.
    pub void: Credits,
    /// To be owed: what was spent, or has repaid what was owed.
    pub owe: Credits,
}

impl GrantUse {
    /// What has been used up: spent, or paid towards what was owed, and not given back since.
    pub fn used(&self) -> Credits {
        let elsewhere = [self.remaining, self.held, self.expired, self.voided];
        elsewhere.into_iter().fold(self.amount, Credits::saturating_sub)
    }

    /// Takes back the credits for `back` of the `whole` that was paid: first what remains, and then what was used becomes debt.
    /// What expired unused is nobody's debt. What is held comes back void or, settled, as used: see decision 27.
    pub fn claw_back(&self, back: Money, whole: Money) -> ClawBack {
        let wanted = share(self.amount.micros(), back.minor(), whole.minor());
        let wanted = Credits::from_micros(wanted).unwrap_or(self.amount);
        let void = self.remaining.min(wanted);
        ClawBack { void, owe: self.used().min(wanted.saturating_sub(void)) }
    }
}

#[cfg(test)]
mod tests;
