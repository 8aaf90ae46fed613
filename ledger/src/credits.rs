//! Amounts of credits and quantities of work: integers of millionths, read from and written to decimal text.
//!
//! Neither ever passes through a float: JSON numbers are taken as the text they arrived in.

use std::fmt;

use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// Micro-credits in one credit, and micro-units in one unit of quantity.
pub const MICROS: i64 = 1_000_000;

/// The number of decimals that [`MICROS`] keeps.
const DECIMALS: usize = 6;

/// Why a text is not an amount. The messages end a sentence that begins with the field's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    #[error("must be a decimal number such as 12 or 0.25")]
    NotANumber,
    #[error("must not be negative")]
    Negative,
    #[error("must have at most 6 decimals")]
    TooPrecise,
    #[error("is too large")]
    TooLarge,
}

/// An amount of credits, in micro-credits: 1 credit = 1 000 000. Never negative, below 2^53 so that JSON and charts are exact.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Credits(i64);

impl Credits {
    pub const ZERO: Self = Self(0);
    pub const MAX: Self = Self((1 << 53) - 1);

    /// Micro-credits; `None` when negative or above [`Credits::MAX`].
    pub const fn from_micros(micros: i64) -> Option<Self> {
        if micros < 0 || micros > Self::MAX.0 { None } else { Some(Self(micros)) }
    }

    /// Whole credits, for constants and examples.
    ///
    /// # Panics
    /// When the amount is above [`Credits::MAX`].
    pub const fn whole(credits: u32) -> Self {
        let micros = (credits as i64).checked_mul(MICROS);
        match micros {
            Some(micros) if micros <= Self::MAX.0 => Self(micros),
            _ => panic!("amount of credits above 2^53 micro-credits"),
        }
    }

    pub const fn micros(self) -> i64 {
        self.0
    }

    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(micros) => Self::from_micros(micros),
            None => None,
        }
    }

    /// `None` when `other` is larger: an amount is never negative.
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(micros) => Self::from_micros(micros),
            None => None,
        }
    }

    /// What is left of `self` after `other`, or zero.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        match self.checked_sub(other) {
            Some(rest) => rest,
            None => Self::ZERO,
        }
    }

    /// The sum, or `None` past [`Credits::MAX`].
    pub fn sum(amounts: impl IntoIterator<Item = Self>) -> Option<Self> {
        amounts.into_iter().try_fold(Self::ZERO, Self::checked_add)
    }

    /// Reads decimal text in any spelling (`1`, `1.0`, `1e0`).
    pub fn parse(text: &str) -> Result<Self, DecimalError> {
        Self::from_micros(parse_micros(text)?).ok_or(DecimalError::TooLarge)
    }
}

/// How much was done, in millionths of the operation's unit. One report holds at most 10^9 units; sums may hold more.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(i64);

impl Quantity {
    pub const ZERO: Self = Self(0);
    /// The largest quantity of one report.
    pub const MAX: Self = Self(1_000_000_000 * MICROS);

    /// Micro-units; `None` when negative.
    pub const fn from_micros(micros: i64) -> Option<Self> {
        if micros < 0 { None } else { Some(Self(micros)) }
    }

    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum, held at the end of the range.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, held at zero.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        if other.0 >= self.0 { Self::ZERO } else { Self(self.0.saturating_sub(other.0)) }
    }

    /// `None` past the end of the range.
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(micros) => Some(Self(micros)),
            None => None,
        }
    }

    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Reads decimal text in any spelling (`1`, `1.0`, `1e0`), up to [`Quantity::MAX`].
    pub fn parse(text: &str) -> Result<Self, DecimalError> {
        Self::from_micros(parse_micros(text)?)
            .filter(|quantity| *quantity <= Self::MAX)
            .ok_or(DecimalError::TooLarge)
    }

    /// Reads decimal text that may be a sum of reports, and so above [`Quantity::MAX`].
    pub fn parse_sum(text: &str) -> Result<Self, DecimalError> {
        Self::from_micros(parse_micros(text)?).ok_or(DecimalError::TooLarge)
    }
}

/// Reads a decimal (RFC 8259 number, leading `+` and zeros tolerated) as millionths.
fn parse_micros(text: &str) -> Result<i64, DecimalError> {
    let (negative, unsigned) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], parse_exponent(&unsigned[at.saturating_add(1)..])?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !all_digits || (fraction.is_empty() && mantissa.contains('.')) {
        return Err(DecimalError::NotANumber);
    }
    let digits = [whole, fraction].concat();
    let significant = digits.trim_start_matches('0');
    if significant.is_empty() {
        return Ok(0);
    }
    if negative {
        return Err(DecimalError::Negative);
    }
    // value = significant × 10^shift millionths
    let fraction_len = i64::try_from(fraction.len()).map_err(|_| DecimalError::TooPrecise)?;
    let shift = exponent.saturating_sub(fraction_len).saturating_add(6);
    scale(significant, shift)
}

/// Exponents past these bounds cannot change the outcome, only the time it takes.
fn parse_exponent(text: &str) -> Result<i64, DecimalError> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(DecimalError::NotANumber);
    }
    let magnitude = digits
        .trim_start_matches('0')
        .parse::<i64>()
        .unwrap_or(if digits.trim_start_matches('0').is_empty() { 0 } else { i64::MAX });
    Ok(if text.starts_with('-') { magnitude.saturating_neg() } else { magnitude })
}

fn scale(significant: &str, shift: i64) -> Result<i64, DecimalError> {
    let trimmed = significant.trim_end_matches('0');
    let dropped = significant.len().saturating_sub(trimmed.len());
    let shift = shift.saturating_add(i64::try_from(dropped).map_err(|_| DecimalError::TooLarge)?);
    if shift < 0 {
        return Err(DecimalError::TooPrecise);
    }
    let base: i64 = trimmed.parse().map_err(|_| DecimalError::TooLarge)?;
    let power = u32::try_from(shift)
        .ok()
        .and_then(|shift| 10_i64.checked_pow(shift))
        .ok_or(DecimalError::TooLarge)?;
    base.checked_mul(power).ok_or(DecimalError::TooLarge)
}

/// Writes millionths as the shortest exact decimal: `12`, `0.25`, `0.000001`.
fn write_micros(micros: i64, out: &mut fmt::Formatter<'_>) -> fmt::Result {
    let whole = micros.div_euclid(MICROS);
    let rest = micros.rem_euclid(MICROS);
    if rest == 0 {
        return write!(out, "{whole}");
    }
    let fraction = format!("{rest:0DECIMALS$}");
    write!(out, "{whole}.{}", fraction.trim_end_matches('0'))
}

macro_rules! decimal_text {
    ($type:ident, $parse:path) => {
        impl fmt::Display for $type {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_micros(self.0, out)
            }
        }

        /// A JSON number, printed from the integer. JSON only: other formats have no numbers of arbitrary precision.
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                RawValue::from_string(self.to_string()).map_err(S::Error::custom)?.serialize(serializer)
            }
        }

        /// A JSON number or a string of one, read from its text.
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let raw = Box::<RawValue>::deserialize(deserializer)?;
                let text = raw.get();
                let text = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
                $parse(text).map_err(D::Error::custom)
            }
        }
    };
}

decimal_text!(Credits, Credits::parse);
decimal_text!(Quantity, Quantity::parse_sum);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_of_quantities_is_read_back_and_one_report_is_held_to_its_bound() {
        let sum = Quantity::MAX.saturating_add(Quantity(1));
        let text = serde_json::to_string(&sum).unwrap();
        assert_eq!(text, "1000000000.000001");
        assert_eq!(serde_json::from_str::<Quantity>(&text).unwrap(), sum);
        assert_eq!(Quantity::parse(&text), Err(DecimalError::TooLarge));
    }

    #[test]
    fn every_spelling_of_a_number_is_the_same_quantity() {
        for text in
            ["1", "1.0", "1e0", "1.000000", "1.0000000000", "10e-1", "0.1E+1", "0.01e2", "001", "+1", "1e00"]
        {
            assert_eq!(Quantity::parse(text), Ok(Quantity(MICROS)), "{text}");
        }
    }

    #[test]
    fn bounds_are_exact() {
        assert_eq!(Quantity::parse("1000000000"), Ok(Quantity::MAX));
        assert_eq!(Quantity::parse("1e9"), Ok(Quantity::MAX));
        assert_eq!(Quantity::parse("1000000000.000001"), Err(DecimalError::TooLarge));
        assert_eq!(Quantity::parse("0.000001"), Ok(Quantity(1)));
        assert_eq!(Quantity::parse("0.0000001"), Err(DecimalError::TooPrecise));
        assert_eq!(Quantity::parse("1e-7"), Err(DecimalError::TooPrecise));
        assert_eq!(Quantity::parse("1e400"), Err(DecimalError::TooLarge));
        assert_eq!(Quantity::parse("1e99999999999999999999"), Err(DecimalError::TooLarge));
        assert_eq!(Quantity::parse("1e-99999999999999999999"), Err(DecimalError::TooPrecise));
        assert_eq!(Quantity::parse("99999999999999999999999"), Err(DecimalError::TooLarge));
        assert_eq!(Credits::parse("9007199254.740991"), Ok(Credits::MAX));
        assert_eq!(Credits::parse("9007199254.740992"), Err(DecimalError::TooLarge));
    }

    #[test]
    fn zero_has_no_sign_and_no_size() {
        for text in ["0", "-0", "0.0000000000", "0e999999999999999999999", "-0e-9"] {
            assert_eq!(Quantity::parse(text), Ok(Quantity::ZERO), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_number_is_refused() {
        for text in [
            "", "-", "+", ".", "1.", ".5", "e5", "1e", "1e+", "1e1.5", "0x10", "1_000", "NaN", "Infinity",
            " 1", "1 ", "１",
        ] {
            assert_eq!(Quantity::parse(text), Err(DecimalError::NotANumber), "{text:?}");
        }
        assert_eq!(Quantity::parse("-1"), Err(DecimalError::Negative));
        assert_eq!(Quantity::parse("-0.000001"), Err(DecimalError::Negative));
    }

    #[test]
    fn json_is_the_exact_text() {
        let amount = Credits::from_micros(1_830_587_000).unwrap();
        assert_eq!(serde_json::to_string(&amount).unwrap(), "1830.587");
        assert_eq!(serde_json::from_str::<Credits>("1830.587").unwrap(), amount);
        assert_eq!(serde_json::from_str::<Credits>("\"1830.587\"").unwrap(), amount);
        assert_eq!(serde_json::to_string(&Credits::MAX).unwrap(), "9007199254.740991");
    }

    #[test]
    fn amounts_never_wrap_or_go_negative() {
        assert_eq!(Credits::MAX.checked_add(Credits(1)), None);
        assert_eq!(Credits::ZERO.checked_sub(Credits(1)), None);
        assert_eq!(Credits(3).saturating_sub(Credits(5)), Credits::ZERO);
        assert_eq!(Credits::sum([Credits(1), Credits(2)]), Some(Credits(3)));
        assert_eq!(Credits::sum([Credits::MAX, Credits(1)]), None);
    }
}
