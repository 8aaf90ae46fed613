//! Amounts and quantities: what is read is what is written there, to the last digit.

use ledger::credits::{DecimalError, MICROS};
use ledger::{Credits, Quantity};

/// Reads the bytes as an amount of credits, a quantity, a sum of quantities, and as JSON of each.
///
/// # Panics
/// Where a rule is broken.
pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let written = Decimal::read(text);
    let most = [Credits::MAX.micros(), Quantity::MAX.micros(), i64::MAX];
    let read = [
        Credits::parse(text).map(Credits::micros),
        Quantity::parse(text).map(Quantity::micros),
        Quantity::parse_sum(text).map(Quantity::micros),
    ];
    for (read, most) in read.into_iter().zip(most) {
        assert_eq!(read, expected(written.as_ref(), most), "{text:?} up to {most}");
    }
    if let Ok(credits) = Credits::parse(text) {
        check_written(text, &credits.to_string(), credits.micros());
        assert_eq!(Credits::parse(&credits.to_string()), Ok(credits), "{text:?}");
        let json = serde_json::to_string(&credits).expect("a number");
        assert_eq!(serde_json::from_str::<Credits>(&json).ok(), Some(credits), "{json}");
        check_sums(credits);
    }
    if let Ok(quantity) = Quantity::parse_sum(text) {
        check_written(text, &quantity.to_string(), quantity.micros());
        assert_eq!(Quantity::parse_sum(&quantity.to_string()), Ok(quantity), "{text:?}");
    }
    check_json(text);
}

/// A text that is JSON as well is the same amount there, as a number and as a string.
fn check_json(text: &str) {
    let quoted = format!("\"{text}\"");
    for json in [text, &quoted] {
        let is_number = json.starts_with(|first: char| first == '-' || first.is_ascii_digit());
        let is_plain = !text.contains(['\\', '"', ' ', '\t', '\n', '\r']);
        if is_plain
            && (is_number || json.len() > text.len())
            && serde_json::from_str::<&serde_json::value::RawValue>(json).is_ok()
        {
            assert_eq!(serde_json::from_str::<Credits>(json).ok(), Credits::parse(text).ok(), "{json}");
            assert_eq!(serde_json::from_str::<Quantity>(json).ok(), Quantity::parse_sum(text).ok(), "{json}");
        }
    }
}

/// One value has one spelling, without sign, exponent, or a zero that says nothing.
fn check_written(from: &str, text: &str, micros: i64) {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    assert!(whole == "0" || !whole.starts_with('0'), "{from:?} is written {text}");
    assert!(fraction == "0" || !fraction.ends_with('0'), "{from:?} is written {text}");
    let millionths = format!("{whole}{fraction:0<6}");
    assert_eq!(millionths.parse(), Ok(micros), "{from:?} is written {text}");
}

/// Amounts never wrap, and what is taken away can be added again.
fn check_sums(credits: Credits) {
    let rest = Credits::MAX.checked_sub(credits).expect("MAX is the most there is");
    assert_eq!(rest.checked_add(credits), Some(Credits::MAX));
    assert_eq!(Credits::MAX.checked_add(credits).is_some(), credits.is_zero());
    assert_eq!(Credits::ZERO.checked_sub(credits).is_some(), credits.is_zero());
}

/// What a text must be read as, worked out digit by digit.
fn expected(written: Option<&Decimal>, most: i64) -> Result<i64, DecimalError> {
    let decimal = written.ok_or(DecimalError::NotANumber)?;
    if decimal.digits.is_empty() {
        return Ok(0);
    }
    if decimal.is_negative {
        return Err(DecimalError::Negative);
    }
    let places = i128::from(MICROS.ilog10()) + decimal.exponent;
    if places < 0 {
        return Err(DecimalError::TooPrecise);
    }
    let length = i128::try_from(decimal.digits.len()).expect("a length") + places;
    if length > 19 {
        return Err(DecimalError::TooLarge);
    }
    let zeros = usize::try_from(places).expect("at most 19");
    let micros: i128 = format!("{}{}", decimal.digits, "0".repeat(zeros)).parse().expect("digits");
    i64::try_from(micros).ok().filter(|micros| *micros <= most).ok_or(DecimalError::TooLarge)
}

/// `digits` × 10^`exponent`, without zeros at either end; no digits for zero.
#[derive(Debug, PartialEq, Eq)]
struct Decimal {
    is_negative: bool,
    digits: String,
    exponent: i128,
}

impl Decimal {
    /// `[+-] digits [. digits] [(e|E) [+-] digits]`, read by another hand than the ledger's.
    fn read(text: &str) -> Option<Self> {
        let is_negative = text.starts_with('-');
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let (mantissa, power) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
        let magnitude = power.strip_prefix(['+', '-']).unwrap_or(power);
        let are_digits = |text: &str| !text.is_empty() && text.chars().all(|digit| digit.is_ascii_digit());
        if ![whole, fraction, magnitude].into_iter().all(are_digits) {
            return None;
        }
        // Beyond any text's length it makes no difference how much larger it is.
        let magnitude = magnitude.parse::<i128>().map_or(i128::MAX / 4, |power| power.min(i128::MAX / 4));
        let power = if power.starts_with('-') { -magnitude } else { magnitude };
        let all = format!("{whole}{fraction}");
        let from_left = all.trim_start_matches('0');
        let digits = from_left.trim_end_matches('0');
        let dropped = from_left.len() - digits.len();
        let exponent = power + i128::try_from(dropped).ok()? - i128::try_from(fraction.len()).ok()?;
        Some(Self { is_negative, digits: digits.to_owned(), exponent })
    }
}

/// Whether two texts are the same number.
pub(crate) fn same_value(one: &str, other: &str) -> bool {
    let (Some(one), Some(other)) = (Decimal::read(one), Decimal::read(other)) else { return false };
    let are_zero = one.digits.is_empty() && other.digits.is_empty();
    are_zero || one == other
}
