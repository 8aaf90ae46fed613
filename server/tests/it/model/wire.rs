//! Numbers and times as they stand in JSON, written and read here by themselves.

use serde_json::Value;

use super::prices::ONE;

pub const SECOND: i64 = 1_000_000;
pub const DAY: i64 = 86_400 * SECOND;

/// Millionths as a decimal number.
pub fn decimal(micros: i64) -> String {
    let (whole, part) = (micros / ONE, micros % ONE);
    let text = format!("{whole}.{part:06}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A JSON number in millionths; `None` when it is no number or finer than that.
pub fn micros(value: &Value) -> Option<i64> {
    let text = value.as_number()?.to_string();
    let (digits, exponent) = text.split_once(['e', 'E']).unwrap_or((&text, "0"));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let shift = 6 + exponent.parse::<i32>().ok()? - i32::try_from(part.len()).ok()?;
    let digits: i64 = format!("{whole}{part}").parse().ok()?;
    if digits == 0 {
        return Some(0);
    }
    let power = 10_i64.checked_pow(shift.unsigned_abs())?;
    if shift >= 0 { digits.checked_mul(power) } else { (digits % power == 0).then_some(digits / power) }
}

/// Months since year 0 and days before it in the month, counted day by day from 1970 on.
fn date(at: i64) -> (i64, i64) {
    let mut days = at.div_euclid(DAY);
    let (mut year, mut month) = (1970, 0);
    loop {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let february = if leap { 29 } else { 28 };
        let length = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month];
        if days < length {
            return (year * 12 + i64::try_from(month).expect("below 12"), days);
        }
        days -= length;
        month += 1;
        if month == 12 {
            (year, month) = (year + 1, 0);
        }
    }
}

/// The calendar month (UTC) of an instant; later months are greater.
pub fn month(at: i64) -> i64 {
    date(at).0
}

/// RFC 3339 with as many digits of the second as it takes.
pub fn instant(at: i64) -> String {
    let (month, day) = date(at);
    let (seconds, part) = (at.rem_euclid(DAY) / SECOND, at.rem_euclid(SECOND));
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let fraction = if part == 0 { String::new() } else { format!(".{part:06}") };
    let fraction = fraction.trim_end_matches('0');
    let (year, month, day) = (month / 12, month % 12 + 1, day + 1);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

#[test]
fn numbers_and_times_of_the_wire_are_read_and_written() {
    for (micro, text) in [(0, "0"), (1, "0.000001"), (10, "1e-5"), (1_500_000, "1.5"), (3_000_000, "3.0")] {
        assert_eq!(micros(&serde_json::from_str(text).unwrap()), Some(micro), "{text}");
    }
    assert_eq!(micros(&serde_json::from_str("0.0000001").unwrap()), None);
    assert_eq!(decimal(9_007_199_254_740_991), "9007199254.740991");
    assert_eq!((decimal(0), decimal(10), decimal(20_000_000)), ("0".into(), "0.00001".into(), "20".into()));
    assert_eq!(instant(1_795_348_800_000_000), "2026-11-22T12:00:00Z");
    assert_eq!(instant(951_782_399_900_000), "2000-02-28T23:59:59.9Z");
    assert_eq!(month(1_798_761_600_000_000), month(1_798_761_599_999_999) + 1);
}
