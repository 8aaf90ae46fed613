//! Amounts of money: whole minor units (cents) of one currency. No float ever sees them.

mod currency;

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

pub use self::currency::{Currency, CurrencyError};
use crate::shares::shares;

/// An amount in minor units of its currency: 4 900 of EUR are 49.00 euros, of JPY 4 900 yen. It may be below zero, as a line
/// that gives something back is; |amount| < 2^53, so that any reader of JSON has it exactly.
///
/// As text it is `49.00 EUR`, as JSON `{"amount": "49.00", "currency": "EUR"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

/// Why a text is no amount, or a sum none. The messages end a sentence that begins with the field's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    #[error("must be an amount such as 49.00 EUR")]
    NotAnAmount,
    #[error(transparent)]
    Currency(#[from] CurrencyError),
    #[error("must have at most {1} decimals in {0}")]
    TooPrecise(Currency, u8),
    #[error("is too large")]
    TooLarge,
    #[error("must be in {expected}, not in {found}")]
    OtherCurrency { expected: Currency, found: Currency },
}

impl Money {
    /// The largest amount, and with a minus the smallest, in minor units.
    pub const MAX_MINOR: i64 = (1 << 53) - 1;

    /// `None` beyond ±[`Money::MAX_MINOR`].
    pub const fn new(minor: i64, currency: Currency) -> Option<Self> {
        if minor < -Self::MAX_MINOR || minor > Self::MAX_MINOR {
            None
        } else {
            Some(Self { minor, currency })
        }
    }

    pub const fn zero(currency: Currency) -> Self {
        Self { minor: 0, currency }
    }

    pub const fn minor(self) -> i64 {
        self.minor
    }

    pub const fn currency(self) -> Currency {
        self.currency
    }

    pub const fn is_zero(self) -> bool {
        self.minor == 0
    }

    pub const fn is_negative(self) -> bool {
        self.minor < 0
    }

    /// The same amount with the other sign.
    #[must_use]
    pub const fn negated(self) -> Self {
        Self { minor: self.minor.saturating_neg(), currency: self.currency }
    }

    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        let sum = self.minor.checked_add(other.minor);
        sum.and_then(|minor| Self::new(minor, self.currency)).ok_or(MoneyError::TooLarge)
    }

    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.checked_add(other.negated())
    }

    /// So many times the amount.
    pub fn checked_mul(self, times: i64) -> Result<Self, MoneyError> {
        let product = self.minor.checked_mul(times);
        product.and_then(|minor| Self::new(minor, self.currency)).ok_or(MoneyError::TooLarge)
    }

    /// The sum of amounts in one currency, zero of none.
    pub fn sum(currency: Currency, amounts: impl IntoIterator<Item = Self>) -> Result<Self, MoneyError> {
        amounts.into_iter().try_fold(Self::zero(currency), Self::checked_add)
    }

    /// The smaller of two amounts; `self` when their currencies differ.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        if self.currency == other.currency && other.minor < self.minor { other } else { self }
    }

    /// Cut in proportion to `weights` so that the parts add up to the amount (largest remainder, see [`shares`]).
    pub fn allocate(self, weights: &[i64]) -> Option<Vec<Self>> {
        let parts = shares(self.minor, weights)?;
        parts.into_iter().map(|minor| Self::new(minor, self.currency)).collect()
    }

    /// Refuses an amount in another currency.
    pub fn same_currency(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency {
            return Ok(());
        }
        Err(MoneyError::OtherCurrency { expected: self.currency, found: other.currency })
    }

    /// The number alone, with all decimals of its currency: `49.00`, `-0.05`, `4900` of yen.
    pub fn decimal(self) -> String {
        let digits = usize::from(self.currency.decimals());
        let sign = if self.minor < 0 { "-" } else { "" };
        let text = format!("{:0width$}", self.minor.unsigned_abs(), width = digits.saturating_add(1));
        match text.split_at_checked(text.len().saturating_sub(digits)) {
            Some((whole, fraction)) if !fraction.is_empty() => format!("{sign}{whole}.{fraction}"),
            _ => format!("{sign}{text}"),
        }
    }

    /// Reads a number alone, as people write it in settings: `49`, `49.9`, `49.90`, `-0.05`; no separators, no exponent.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let (negative, unsigned) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let all_digits = whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !all_digits || (fraction.is_empty() && unsigned.contains('.')) {
            return Err(MoneyError::NotAnAmount);
        }
        let decimals = usize::from(currency.decimals());
        let (kept, dropped) = fraction.split_at_checked(decimals).unwrap_or((fraction, ""));
        if dropped.bytes().any(|byte| byte != b'0') {
            return Err(MoneyError::TooPrecise(currency, currency.decimals()));
        }
        let digits = format!("{whole}{kept:0<decimals$}");
        let size: i64 = digits.parse().map_err(|_| MoneyError::TooLarge)?;
        let minor = if negative { size.saturating_neg() } else { size };
        Self::new(minor, currency).ok_or(MoneyError::TooLarge)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.decimal(), self.currency)
    }
}

impl FromStr for Money {
    type Err = MoneyError;

    /// Reads `49.00 EUR`.
    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let (number, code) = text.split_once(' ').ok_or(MoneyError::NotAnAmount)?;
        Self::parse(number, code.parse()?)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    amount: String,
    currency: Currency,
}

impl Serialize for Money {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Written { amount: self.decimal(), currency: self.currency }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Written { amount, currency } = Written::deserialize(deserializer)?;
        Self::parse(&amount, currency).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn currency(code: &str) -> Currency {
        code.parse().unwrap()
    }

    #[test]
    fn decimals_are_those_of_the_currency() {
        for (text, minor) in [
            ("49.00 EUR", 4_900),
            ("-0.05 EUR", -5),
            ("0.00 USD", 0),
            ("4900 JPY", 4_900),
            ("1.234 KWD", 1_234),
            ("0.0001 CLF", 1),
            ("-12345678.90 CHF", -1_234_567_890),
        ] {
            let money: Money = text.parse().unwrap();
            assert_eq!(money.minor(), minor, "{text}");
            assert_eq!(money.to_string(), text);
        }
        assert_eq!("49 EUR".parse::<Money>().unwrap().minor(), 4_900);
        assert_eq!("49.9000 EUR".parse::<Money>().unwrap().minor(), 4_990);
        assert_eq!("4900.000 JPY".parse::<Money>().unwrap().minor(), 4_900);
    }

    #[test]
    fn what_is_no_amount_is_refused_in_words() {
        for text in [
            "",
            "49",
            "EUR 49",
            "49.00EUR",
            "4,900.00 EUR",
            "49. EUR",
            ".5 EUR",
            "1e3 EUR",
            "+1 EUR",
            "- EUR",
            "４９ EUR",
        ] {
            assert!(
                matches!(text.parse::<Money>(), Err(MoneyError::NotAnAmount | MoneyError::Currency(_))),
                "{text}"
            );
        }
        let said = |text: &str| text.parse::<Money>().unwrap_err().to_string();
        assert_eq!(said("0.005 EUR"), "must have at most 2 decimals in EUR");
        assert_eq!(said("0.5 JPY"), "must have at most 0 decimals in JPY");
        assert_eq!(said("90071992547409.92 EUR"), "is too large");
        assert_eq!(said("99999999999999999999999 EUR"), "is too large");
        assert_eq!(said("1 EURO"), "must be a currency of ISO 4217 such as EUR");
        assert_eq!("90071992547409.91 EUR".parse::<Money>().unwrap().minor(), Money::MAX_MINOR);
    }

    #[test]
    fn currencies_do_not_mix_and_sums_do_not_wrap() {
        let (euro, yen) = (currency("EUR"), currency("JPY"));
        let one = Money::new(1, euro).unwrap();
        let other = Money::new(1, yen).unwrap();
        assert_eq!(one.checked_add(other), Err(MoneyError::OtherCurrency { expected: euro, found: yen }));
        let most = Money::new(Money::MAX_MINOR, euro).unwrap();
        assert_eq!(most.checked_add(one), Err(MoneyError::TooLarge));
        assert_eq!(most.negated().checked_sub(one), Err(MoneyError::TooLarge));
        assert_eq!(most.checked_mul(2), Err(MoneyError::TooLarge));
        assert_eq!(Money::new(Money::MAX_MINOR + 1, euro), None);
        assert_eq!(Money::sum(euro, [one, one.negated(), one]), Ok(one));
    }

    #[test]
    fn json_says_amount_and_currency_as_text() {
        let money: Money = "49.90 EUR".parse().unwrap();
        let text = serde_json::to_string(&money).unwrap();
        assert_eq!(text, r#"{"amount":"49.90","currency":"EUR"}"#);
        assert_eq!(serde_json::from_str::<Money>(&text).unwrap(), money);
        for bad in [
            r#"{"amount":49.9,"currency":"EUR"}"#,
            r#"{"amount":"49.90","currency":"eur"}"#,
            r#"{"amount":"1.234","currency":"EUR"}"#,
        ] {
            assert!(serde_json::from_str::<Money>(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_amount_is_read_back(minor in -Money::MAX_MINOR..=Money::MAX_MINOR, code in 0..4_usize) {
            let money = Money::new(minor, currency(["EUR", "JPY", "BHD", "CLF"][code])).unwrap();
            prop_assert_eq!(money.to_string().parse(), Ok(money));
        }

        #[test]
        fn parts_add_up_to_the_amount(minor in -10_000_000..10_000_000_i64, weights in proptest::collection::vec(0..100_i64, 1..9)) {
            let money = Money::new(minor, currency("EUR")).unwrap();
            match money.allocate(&weights) {
                Some(parts) => prop_assert_eq!(Money::sum(money.currency(), parts), Ok(money)),
                None => prop_assert!(weights.iter().all(|weight| *weight == 0)),
            }
        }
    }
}
