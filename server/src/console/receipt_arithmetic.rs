//! The arithmetic of a receipt in words: from the price to the charge, step by step.

use app::backend::receipt::Line;
use app::{format, prices};
use ledger::rate::{MonthPart, Part, Price, Quote, Slice};
use ledger::{Month, Timestamp};

use super::receipt::exact_text;
use super::receipt_page::line;
use crate::calendar::Zone;

/// `version` says which version of the rate card it is, and `at` when the event happened.
pub(super) fn arithmetic(price: &Price, quote: &Quote, version: &str, at: Timestamp) -> Vec<Line> {
    let mut lines = vec![line("Price", &prices::sentence(price), version)];
    if let Some(month) = quote.month {
        lines.push(used_before(month, price, at));
    }
    lines.extend(quote.slices.iter().map(|one| slice(one, &price.unit)));
    lines.extend(rounding(quote));
    if let Some(least) = quote.minimum {
        let note = format!("more than {}, so this is charged", format::credits(quote.rounded));
        lines.push(line("At least", &format::credits(least), &note));
    }
    lines.push(line("Charged", &format!("{} credits", format::exact(quote.credits)), ""));
    lines
}

/// Where a graduated price goes on from.
fn used_before(month: MonthPart, price: &Price, at: Timestamp) -> Line {
    let name = Zone::utc().format(Month::of(at).start(), "%B %Y");
    let note = format!("in {name} (UTC), in the order in which events were booked");
    line("Used before", &format::quantity(month.before, &price.unit), &note)
}

fn slice(slice: &Slice, unit: &str) -> Line {
    let product = format!("= {}", exact_text(slice.exact_picos));
    let factors = format!("{} × {}", slice.quantity, slice.credits_per_unit);
    match slice.part {
        Part::Flat => line(&factors, &product, ""),
        Part::Tier { above, up_to } => line(&factors, &product, &prices::range(above, up_to, unit)),
        Part::Packages { size } => {
            let note = format!("packages of {} begun", format::quantity(size, unit));
            line(&factors, &product, &note)
        }
    }
}

/// What became of the part below a millionth, once for the event; `None` for a free one.
fn rounding(quote: &Quote) -> Option<Line> {
    if quote.slices.is_empty() {
        return None;
    }
    let rule = prices::rounding(quote.rounding);
    let (exact, rounded) = (exact_text(quote.exact_picos()), quote.rounded.to_string());
    let round = |picos| exact_text(quote.rounding.round(picos).saturating_mul(1_000_000));
    match quote.month {
        Some(MonthPart { before_picos, after_picos, .. })
            if round(before_picos) != exact_text(before_picos)
                || round(after_picos) != exact_text(after_picos) =>
        {
            let value = format!("{} − {} = {rounded}", round(after_picos), round(before_picos));
            let (after, before) = (exact_text(after_picos), exact_text(before_picos));
            let note = format!(
                "the month costs {after} after this event and {before} before, each rounded by itself: {rule}"
            );
            Some(line("Rounding", &value, &note))
        }
        _ if exact == rounded => Some(line("Rounding", "nothing to round", "")),
        _ => Some(line("Rounding", &format!("{exact} → {rounded}"), &format!("{rule}, once per event"))),
    }
}

#[cfg(test)]
mod tests {
    use ledger::rate::{Pricing, RateCard, Rounding, Tier, Tiers};
    use ledger::{Credits, Quantity};

    use super::*;

    fn quantity(text: &str) -> Quantity {
        Quantity::parse(text).unwrap()
    }

    fn price(pricing: Pricing, minimum: Option<&str>) -> Price {
        let minimum = minimum.map(|text| Credits::parse(text).unwrap());
        Price { unit: "call".to_owned(), pricing, minimum, ..RateCard::example().prices[0].clone() }
    }

    /// Name, value and note of each line.
    fn lines(price: &Price, before: &str, q: &str) -> Vec<String> {
        let quote = price.quote_after(quantity(before), quantity(q)).unwrap();
        let at = Timestamp::from_micros(1_795_348_800_000_000);
        let text = |line: Line| [line.name, line.value, line.note].join(" | ");
        arithmetic(price, &quote, "version 1", at).into_iter().skip(1).map(text).collect()
    }

    #[test]
    fn rounding_is_shown_where_there_was_any() {
        let flat = |micros| Pricing::Flat { credits_per_unit: Credits::from_micros(micros).unwrap() };
        let told = lines(&price(flat(3), None), "0", "0.5");
        assert_eq!(told[0], "0.5 × 0.000003 | = 0.0000015 | ");
        assert_eq!(
            told[1],
            "Rounding | 0.0000015 → 0.000002 | to the nearest millionth, halves up, once per event"
        );
        assert_eq!(lines(&price(flat(3), None), "0", "1")[1], "Rounding | nothing to round | ");
        assert_eq!(lines(&price(Pricing::Free, None), "0", "1"), ["Charged | 0 credits | "]);
    }

    #[test]
    fn a_graduated_price_shows_the_month_and_every_tier() {
        let tier = |up_to: Option<&str>, credits: &str| Tier {
            up_to: up_to.map(quantity),
            credits_per_unit: Credits::parse(credits).unwrap(),
        };
        let tiers = Tiers::new(vec![tier(Some("10"), "0.1"), tier(None, "0.000001")]).unwrap();
        let graduated = price(Pricing::Graduated { tiers }, Some("2"));
        assert_eq!(
            lines(&graduated, "8", "4.5"),
            [
                "Used before | 8 calls | in November 2026 (UTC), in the order in which events were booked",
                "2 × 0.1 | = 0.2 | up to 10 calls",
                "2.5 × 0.000001 | = 0.0000025 | above 10 calls",
                "Rounding | 1.000003 − 0.8 = 0.200003 | the month costs 1.0000025 after this event and 0.8 before, each \
                 rounded by itself: to the nearest millionth, halves up",
                "At least | 2 credits | more than 0.200003 credits, so this is charged",
                "Charged | 2 credits | ",
            ]
        );
    }

    #[test]
    fn packages_are_counted() {
        let package = Pricing::Package { size: quantity("100"), credits_per_package: Credits::whole(5) };
        let down = Price { rounding: Rounding::Down, ..price(package, None) };
        assert_eq!(lines(&down, "0", "200.5")[0], "3 × 5 | = 15 | packages of 100 calls begun");
    }
}
