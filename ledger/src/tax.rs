//! The tax on an invoice: one, by configuration.
//!
//! Tax is reckoned once for an invoice, on the sum of its lines, and rounded half up to the minor unit; never line by line. So
//! net, tax and gross always add up, and none is off by the roundings of many lines.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::money::Money;

/// A rate: whole millionths, so 19 % is 190 000 and Quebec's 9.975 % is exact. Written in percent: `19`, `9.975`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaxRate(u32);

/// A text that is no rate. The message ends a sentence that begins with the field's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a number of percent such as 19 or 9.975, from 0 to 100, with at most 4 decimals")]
pub struct TaxRateError;

/// One, in the millionths of a rate.
const WHOLE: u32 = 1_000_000;

impl TaxRate {
    pub const ZERO: Self = Self(0);

    /// Millionths; `None` above one.
    pub const fn from_millionths(millionths: u32) -> Option<Self> {
        if millionths > WHOLE { None } else { Some(Self(millionths)) }
    }

    pub const fn millionths(self) -> u32 {
        self.0
    }
}

impl fmt::Display for TaxRate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (percent, rest) = (self.0.div_euclid(10_000), self.0.rem_euclid(10_000));
        if rest == 0 {
            return write!(out, "{percent}");
        }
        write!(out, "{percent}.{}", format!("{rest:04}").trim_end_matches('0'))
    }
}

impl FromStr for TaxRate {
    type Err = TaxRateError;

    fn from_str(text: &str) -> Result<Self, TaxRateError> {
        let (percent, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(percent) || !is_number(fraction) || percent.len() > 3 || fraction.len() > 4 {
            return Err(TaxRateError);
        }
        let millionths = format!("{percent}{fraction:0<4}").parse().map_err(|_| TaxRateError)?;
        Self::from_millionths(millionths).ok_or(TaxRateError)
    }
}

impl Serialize for TaxRate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TaxRate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// Whether prices are given with their tax.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PricesAre {
    /// Tax comes on top.
    Exclusive,
    /// It is in them.
    Inclusive,
}

impl PricesAre {
    pub const ALL: [Self; 2] = [Self::Exclusive, Self::Inclusive];

    /// The name in settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exclusive => "exclusive",
            Self::Inclusive => "inclusive",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|prices| prices.name() == name)
    }
}

/// How an operator taxes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaxRules {
    /// As it stands on invoices: `VAT`, `Sales tax`.
    pub name: String,
    pub rate: TaxRate,
    pub prices: PricesAre,
    /// Whose customers owe the tax themselves.
    pub reverse_charge: Option<ReverseCharge>,
}

/// Customers who owe the tax themselves: those with a tax id, in one of these countries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReverseCharge {
    /// Two capital letters each (ISO 3166-1).
    pub countries: Vec<String>,
    /// What must stand on their invoices.
    pub note: String,
}

/// Why tax rules are refused, in the operator's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TaxRulesError {
    #[error("tax.name must be 1 to 40 characters on one line")]
    Name,
    #[error("tax.reverse_charge.countries must be two capital letters each, such as DE; {0:?} is not")]
    Country(String),
    #[error("tax.reverse_charge.countries must name at least one country")]
    NoCountry,
    #[error("tax.reverse_charge.note must be 1 to 200 characters on one line")]
    Note,
}

/// Two capital letters, as ISO 3166-1 has them. Whether there is such a country is not looked at.
pub fn is_country(code: &str) -> bool {
    code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase())
}

impl TaxRules {
    /// Refuses what could not stand on an invoice.
    pub fn check(&self) -> Result<(), TaxRulesError> {
        if !is_line(&self.name, 40) {
            return Err(TaxRulesError::Name);
        }
        let Some(reverse) = &self.reverse_charge else { return Ok(()) };
        if reverse.countries.is_empty() {
            return Err(TaxRulesError::NoCountry);
        }
        if let Some(country) = reverse.countries.iter().find(|country| !is_country(country)) {
            return Err(TaxRulesError::Country(country.clone()));
        }
        if is_line(&reverse.note, 200) { Ok(()) } else { Err(TaxRulesError::Note) }
    }

    /// The tax for a customer in a country, with a tax id or without.
    pub fn apply(&self, country: Option<&str>, has_tax_id: bool) -> AppliedTax {
        let listed = |reverse: &&ReverseCharge| {
            has_tax_id
                && country.is_some_and(|country| reverse.countries.iter().any(|listed| listed == country))
        };
        let reversed = self.reverse_charge.as_ref().filter(listed);
        AppliedTax {
            name: self.name.clone(),
            rate: self.rate,
            prices: self.prices,
            reverse_charge: reversed.map(|reverse| reverse.note.clone()),
        }
    }
}

fn is_line(text: &str, most: usize) -> bool {
    !text.trim().is_empty() && text.chars().count() <= most && !text.chars().any(char::is_control)
}

/// The tax of one invoice, as it was when that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppliedTax {
    pub name: String,
    pub rate: TaxRate,
    pub prices: PricesAre,
    /// The note of a customer who owes the tax; then none is charged.
    pub reverse_charge: Option<String>,
}

/// What a sum of prices comes to: `net + tax = gross`, always.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taxed {
    pub net: Money,
    pub tax: Money,
    /// What is paid.
    pub gross: Money,
}

impl AppliedTax {
    /// Tax on a sum of prices as they are given. Of prices with tax, a customer who owes the tax pays what is left without it.
    /// `None` past what can be counted.
    pub fn on(&self, prices: Money) -> Option<Taxed> {
        let currency = prices.currency();
        let rate = i128::from(self.rate.0);
        let whole = i128::from(WHOLE);
        let of = |numerator: i128, denominator: i128| {
            let part = half_up(i128::from(prices.minor()).checked_mul(numerator)?, denominator)?;
            Money::new(i64::try_from(part).ok()?, currency)
        };
        let is_reversed = self.reverse_charge.is_some();
        let (net, tax) = match self.prices {
            PricesAre::Exclusive if is_reversed => (prices, Money::zero(currency)),
            PricesAre::Exclusive => (prices, of(rate, whole)?),
            PricesAre::Inclusive => {
                let tax = of(rate, whole.checked_add(rate)?)?;
                let net = prices.checked_sub(tax).ok()?;
                (net, if is_reversed { Money::zero(currency) } else { tax })
            }
        };
        Some(Taxed { net, tax, gross: net.checked_add(tax).ok()? })
    }
}

/// Rounded to the next whole number, halves away from zero.
fn half_up(numerator: i128, denominator: i128) -> Option<i128> {
    let size = numerator.checked_abs()?;
    let rounded = size.checked_mul(2)?.checked_add(denominator)?.checked_div(denominator.checked_mul(2)?)?;
    Some(if numerator < 0 { rounded.checked_neg()? } else { rounded })
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn applied(rate: &str, prices: PricesAre, reverse_charge: Option<&str>) -> AppliedTax {
        let reverse_charge = reverse_charge.map(str::to_owned);
        AppliedTax { name: "VAT".into(), rate: rate.parse().unwrap(), prices, reverse_charge }
    }

    fn on(tax: &AppliedTax, prices: &str) -> [String; 3] {
        let taxed = tax.on(prices.parse().unwrap()).unwrap();
        [taxed.net, taxed.tax, taxed.gross].map(Money::decimal)
    }

    #[test]
    fn rates_are_read_in_percent_and_written_back() {
        for (text, millionths) in
            [("19", 190_000), ("9.975", 99_750), ("0", 0), ("100", WHOLE), ("0.0001", 1), ("7.7", 77_000)]
        {
            let rate: TaxRate = text.parse().unwrap();
            assert_eq!((rate.millionths(), rate.to_string().as_str()), (millionths, text));
        }
        for text in ["", "-1", "19%", "100.0001", "101", "1.00001", "1.", ".5", "1e1", "0019"] {
            assert_eq!(text.parse::<TaxRate>(), Err(TaxRateError), "{text}");
        }
    }

    #[test]
    fn tax_comes_on_top_or_is_within_or_is_the_customers() {
        let exclusive = applied("19", PricesAre::Exclusive, None);
        assert_eq!(on(&exclusive, "49.00 EUR"), ["49.00", "9.31", "58.31"]);
        let inclusive = applied("19", PricesAre::Inclusive, None);
        assert_eq!(on(&inclusive, "49.00 EUR"), ["41.18", "7.82", "49.00"]);
        let reversed = applied("19", PricesAre::Exclusive, Some("Reverse charge"));
        assert_eq!(on(&reversed, "49.00 EUR"), ["49.00", "0.00", "49.00"]);
        let reversed = applied("19", PricesAre::Inclusive, Some("Reverse charge"));
        assert_eq!(on(&reversed, "49.00 EUR"), ["41.18", "0.00", "41.18"]);
        assert_eq!(on(&exclusive, "-49.00 EUR"), ["-49.00", "-9.31", "-58.31"]);
        // 0.025 and 0.5: halves go up.
        assert_eq!(on(&applied("5", PricesAre::Exclusive, None), "0.50 EUR"), ["0.50", "0.03", "0.53"]);
        assert_eq!(on(&applied("10", PricesAre::Exclusive, None), "5 JPY"), ["5", "1", "6"]);
    }

    #[test]
    fn who_owes_the_tax_has_a_tax_id_and_is_in_a_listed_country() {
        let rules = TaxRules {
            name: "VAT".into(),
            rate: "19".parse().unwrap(),
            prices: PricesAre::Exclusive,
            reverse_charge: Some(ReverseCharge { countries: vec!["FR".into()], note: "You owe it".into() }),
        };
        assert_eq!(rules.check(), Ok(()));
        let note = |country: Option<&str>, has_tax_id| rules.apply(country, has_tax_id).reverse_charge;
        assert_eq!(note(Some("FR"), true).as_deref(), Some("You owe it"));
        assert_eq!((note(Some("FR"), false), note(Some("DE"), true), note(None, true)), (None, None, None));
    }

    #[test]
    fn rules_that_could_not_be_printed_are_refused() {
        let rules = |name: &str, countries: &[&str], note: &str| {
            let countries = countries.iter().map(|country| (*country).to_owned()).collect();
            TaxRules {
                name: name.into(),
                rate: TaxRate::ZERO,
                prices: PricesAre::Exclusive,
                reverse_charge: Some(ReverseCharge { countries, note: note.into() }),
            }
            .check()
        };
        assert_eq!(rules("", &["FR"], "note"), Err(TaxRulesError::Name));
        assert_eq!(rules("VAT\n", &["FR"], "note"), Err(TaxRulesError::Name));
        assert_eq!(rules("VAT", &[], "note"), Err(TaxRulesError::NoCountry));
        assert_eq!(rules("VAT", &["fr"], "note"), Err(TaxRulesError::Country("fr".into())));
        assert_eq!(rules("VAT", &["FR"], " "), Err(TaxRulesError::Note));
    }

    proptest! {
        #[test]
        fn net_and_tax_are_gross_and_tax_is_within_half_a_unit(
            minor in -10_000_000_000_i64..10_000_000_000,
            millionths in 0..=WHOLE,
            inclusive in any::<bool>(),
        ) {
            let prices = if inclusive { PricesAre::Inclusive } else { PricesAre::Exclusive };
            let tax = AppliedTax { rate: TaxRate::from_millionths(millionths).unwrap(), ..applied("0", prices, None) };
            let sum = Money::new(minor, "EUR".parse().unwrap()).unwrap();
            let taxed = tax.on(sum).unwrap();
            prop_assert_eq!(taxed.net.checked_add(taxed.tax), Ok(taxed.gross));
            prop_assert_eq!(if inclusive { taxed.gross } else { taxed.net }, sum);
            // |tax - base × rate| ≤ 1/2, in whole numbers; with inclusive prices the base is rounded as well.
            let exact = i128::from(taxed.net.minor()) * i128::from(millionths);
            let apart = (i128::from(taxed.tax.minor()) * i128::from(WHOLE) - exact).abs();
            let most = if inclusive { i128::from(WHOLE) } else { i128::from(WHOLE) / 2 };
            prop_assert!(apart <= most);
        }
    }
}
