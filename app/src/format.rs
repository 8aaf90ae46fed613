//! Numbers and times as people read them.
//!
//! Amounts stay integers of millionths until the last digit is written, so what is shown is what is in the ledger.
//! [`chart_value`] is the one place where an amount becomes a float, for drawing only.

use ledger::{Credits, Quantity};

const MICROS: u64 = 1_000_000;

/// Every decimal there is: `1,284.413`. For titles, rows and tables.
pub fn exact(credits: Credits) -> String {
    decimal(micros(credits))
}

/// Always two decimals, rounded down so that a balance never promises more than is there: `1,284.41`.
pub fn balance(credits: Credits) -> String {
    let (whole, cents) = balance_parts(credits);
    format!("{whole}{cents}")
}

/// [`balance`] in two parts, for a figure whose decimals are set smaller: `("1,284", ".41")`.
pub fn balance_parts(credits: Credits) -> (String, String) {
    let micros = micros(credits);
    (group(micros / MICROS), format!(".{:02}", micros % MICROS / 10_000))
}

/// The decimals that matter at this size, rounded half up: `1,903.8`, `590.8`, `42.35`, `0.2381`.
pub fn brief(credits: Credits) -> String {
    let micros = micros(credits);
    let decimals = match micros {
        0..=99 => 6,
        100..=999_999 => 4,
        1_000_000..=99_999_999 => 2,
        _ => 1,
    };
    let step = 10_u64.pow(6 - decimals);
    decimal((micros + step / 2) / step * step)
}

/// A quantity with its unit: `3 iterations`, `1 hour`, `2,381 tokens`.
///
/// `unit` is the rate card's, in the singular. What is priced by the thousand is shown by the piece.
pub fn quantity(quantity: Quantity, unit: &str) -> String {
    let micros = u64::try_from(quantity.micros()).unwrap_or_default();
    if let Some(things) = thousand_of(unit) {
        return format!("{} {things}", decimal(micros * 1_000));
    }
    let ending = if micros != MICROS && has_plural(unit) { "s" } else { "" };
    format!("{} {unit}{ending}", decimal(micros)).trim_end().to_owned()
}

/// With the noun: `1 credit`, `0.25 credits`.
pub fn credits(credits: Credits) -> String {
    let noun = if credits == Credits::whole(1) { "credit" } else { "credits" };
    format!("{} {noun}", exact(credits))
}

/// What an entry is that goes on where entry `first` of the same decision began.
pub fn rest_of(first: u64) -> String {
    format!("rest of № {first}")
}

/// What is counted, beside a field for its number: `iterations`, `× 1 000 tokens`.
pub fn counted(unit: &str) -> String {
    if unit.starts_with(|first: char| first.is_ascii_digit()) {
        return format!("× {unit}");
    }
    let ending = if has_plural(unit) { "s" } else { "" };
    format!("{unit}{ending}")
}

/// Symbols such as `MB·day` have none.
fn has_plural(unit: &str) -> bool {
    !unit.is_empty() && unit.bytes().all(|byte| byte.is_ascii_lowercase()) && !unit.ends_with('s')
}

/// `1 000 tokens` is a thousand of `tokens`.
fn thousand_of(unit: &str) -> Option<&str> {
    ["1 000 ", "1\u{a0}000 ", "1\u{202f}000 ", "1,000 ", "1000 ", "1k "]
        .iter()
        .find_map(|prefix| unit.strip_prefix(prefix))
}

/// How many: `8,819`.
pub fn count(count: u64) -> String {
    group(count)
}

/// How far `now` is from `usual`, in whole percent, rounded to the nearest. `None` when there is nothing to compare with.
pub fn percent_change(now: Credits, usual: Credits) -> Option<i64> {
    if usual.is_zero() {
        return None;
    }
    let (now, usual) = (i128::from(now.micros()), i128::from(usual.micros()));
    let doubled = (now - usual) * 200;
    i64::try_from((doubled + usual * doubled.signum()) / (usual * 2)).ok()
}

/// The mean over `days`, as [`brief`] shows it.
pub fn per_day(credits: Credits, days: u32) -> String {
    let mean = credits.micros() / i64::from(days.max(1));
    brief(Credits::from_micros(mean).unwrap_or_default())
}

/// What people call what an operation does, to end a sentence with: `model builds`. Operations of other rate cards keep
/// their name.
pub fn operation_phrase(operation: &str) -> &str {
    match operation {
        "model.build" => "model builds",
        "model.inference" => "inference",
        "model.prediction" => "predictions",
        "data.storage" => "storage",
        "deployment.hour" => "deployments",
        other => other,
    }
}

/// What people call a kind of grant.
pub fn grant_kind(kind: &str) -> &str {
    match kind {
        "free" => "Free",
        "plan" => "Plan",
        "purchase" => "Bought",
        "promo" => "Promotion",
        "adjustment" => "Adjustment",
        other => other,
    }
}

/// One or two letters for the avatar: `AL` for Ada Lovelace.
pub fn initials(name: &str) -> String {
    let mut words = name.split_whitespace();
    let first = words.next().and_then(|word| word.chars().next());
    let last = words.next_back().and_then(|word| word.chars().next());
    first.into_iter().chain(last).flat_map(char::to_uppercase).collect()
}

/// Milliseconds since 1970 of an RFC 3339 instant in UTC (`2026-11-22T12:04:31.482Z`), the only form the wire has.
pub fn instant_ms(rfc3339: &str) -> Option<i64> {
    Some(instant_micros(rfc3339)?.div_euclid(1_000))
}

/// The same in microseconds, which is all that the wire says.
pub fn instant_micros(rfc3339: &str) -> Option<i64> {
    let (date, time) = rfc3339.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.splitn(3, '-');
    let (year, month, day) = (digits(date.next()?, 4)?, digits(date.next()?, 2)?, digits(date.next()?, 2)?);
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut clock = clock.splitn(3, ':');
    let (hour, minute, second) =
        (digits(clock.next()?, 2)?, digits(clock.next()?, 2)?, digits(clock.next()?, 2)?);
    let micros = digits(format!("{fraction:0<6}").get(..6)?, 6)?;
    let seconds = ((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    Some(seconds * 1_000_000 + micros)
}

/// A number that is written with exactly so many digits: few enough for any arithmetic on times.
fn digits(text: &str, count: usize) -> Option<i64> {
    let is_number = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { text.parse().ok() } else { None }
}

/// Howard Hinnant, "chrono-compatible low-level date algorithms", `days_from_civil`.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Micro-credits as a float of credits, for the length of a bar. Exact: amounts are below 2^53 micro-credits.
#[expect(clippy::cast_precision_loss, reason = "amounts are below 2^53")]
pub fn chart_value(micros: i64) -> f64 {
    micros as f64 / 1e6
}

/// A whole number as JavaScript has it; exact below 2^53.
#[expect(clippy::cast_precision_loss, reason = "instants and counts are below 2^53")]
pub fn js_number(whole: i64) -> f64 {
    whole as f64
}

fn micros(credits: Credits) -> u64 {
    // An amount is never negative.
    u64::try_from(credits.micros()).unwrap_or_default()
}

/// Millionths as the shortest exact decimal, grouped.
fn decimal(micros: u64) -> String {
    let whole = group(micros / MICROS);
    match micros % MICROS {
        0 => whole,
        rest => format!("{whole}.{}", format!("{rest:06}").trim_end_matches('0')),
    }
}

/// Thousands separated by commas.
fn group(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credits(text: &str) -> Credits {
        Credits::parse(text).unwrap()
    }

    #[test]
    fn a_balance_is_rounded_down_and_keeps_its_width() {
        for (amount, shown) in [
            ("1284.419", "1,284.41"),
            ("0", "0.00"),
            ("0.009999", "0.00"),
            ("999999.99", "999,999.99"),
            ("7", "7.00"),
        ] {
            assert_eq!(balance(credits(amount)), shown);
        }
    }

    #[test]
    fn brief_keeps_the_decimals_that_matter() {
        for (amount, shown) in [
            ("1903.8123", "1,903.8"),
            ("590.75", "590.8"),
            ("99.999999", "100"),
            ("42.3456", "42.35"),
            ("3", "3"),
            ("0.2381", "0.2381"),
            ("0.00006", "0.00006"),
            ("0.000001", "0.000001"),
            ("0.99999", "1"),
            ("0", "0"),
        ] {
            assert_eq!(brief(credits(amount)), shown, "{amount}");
        }
    }

    #[test]
    fn exact_shows_every_decimal_and_no_more() {
        assert_eq!(exact(credits("1284.413")), "1,284.413");
        assert_eq!(exact(credits("9007199254.740991")), "9,007,199,254.740991");
        assert_eq!(exact(credits("12.000000")), "12");
    }

    #[test]
    fn quantities_agree_with_their_unit() {
        let shown = |number: &str, unit: &str| quantity(Quantity::parse(number).unwrap(), unit);
        assert_eq!(shown("3", "iteration"), "3 iterations");
        assert_eq!(shown("1", "hour"), "1 hour");
        assert_eq!(shown("0.5", "hour"), "0.5 hours");
        assert_eq!(shown("2.381", "1 000 tokens"), "2,381 tokens");
        assert_eq!(shown("1000000000", "1 000 tokens"), "1,000,000,000,000 tokens");
        assert_eq!(shown("12", "MB·day"), "12 MB·day");
        assert_eq!(shown("1200", ""), "1,200");
    }

    #[test]
    fn a_field_says_what_it_counts() {
        for (unit, counted_as) in
            [("iteration", "iterations"), ("1 000 tokens", "× 1 000 tokens"), ("MB·day", "MB·day"), ("", "")]
        {
            assert_eq!(counted(unit), counted_as);
        }
    }

    #[test]
    fn percent_is_of_the_usual_and_rounds_to_the_nearest() {
        assert_eq!(percent_change(credits("118"), credits("100")), Some(18));
        assert_eq!(percent_change(credits("99.5"), credits("100")), Some(-1));
        assert_eq!(percent_change(credits("99.6"), credits("100")), Some(0));
        assert_eq!(percent_change(credits("0"), credits("7")), Some(-100));
        assert_eq!(percent_change(credits("5"), credits("0")), None);
    }

    #[test]
    fn instants_are_read_to_the_millisecond() {
        assert_eq!(instant_ms("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(instant_ms("2026-11-22T12:04:31.482Z"), Some(1_795_349_071_482));
        assert_eq!(instant_ms("2024-02-29T23:59:59.999999Z"), Some(1_709_251_199_999));
        assert_eq!(instant_ms("2026-11-22T12:04:31.4Z"), Some(1_795_349_071_400));
        assert_eq!(instant_micros("2026-11-22T12:04:31.4820005Z"), Some(1_795_349_071_482_000));
        assert_eq!(instant_micros("2026-11-22T12:04:31.000001Z"), Some(1_795_349_071_000_001));
        for text in [
            "",
            "2026-11-22",
            "2026-11-22T12:04:31+01:00",
            "2026-11-22T12:04Z",
            "x-y-zTa:b:cZ",
            "9223372036854775807-01-01T00:00:00Z",
            "2026-11-22T12:04:31.-1Z",
            "2026-11-22T12:04:31.ü2345Z",
        ] {
            assert_eq!(instant_ms(text), None, "{text}");
        }
    }

    #[test]
    fn initials_are_of_the_first_and_last_name() {
        assert_eq!(initials("Ada Lovelace"), "AL");
        assert_eq!(initials("ada"), "A");
        assert_eq!(initials("  Jean Luc  Picard "), "JP");
        assert_eq!(initials(""), "");
    }
}
