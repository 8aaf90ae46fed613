//! The rate card as a TOML file: what `rate-card show` prints, `rate-card import` reads.
//!
//! ```toml
//! effective_from = "2026-12-01T00:00:00Z"
//!
//! [[price]]
//! operation = "model.build"
//! unit = "iteration"
//! credits_per_unit = "50"
//!
//! [[price]]
//! operation = "model.inference"
//! unit = "1 000 tokens"
//! graduated = [                    # or volume, by the quantity of one event
//!   { up_to = "5000", credits_per_unit = "0.1" },
//!   { credits_per_unit = "0.08" },
//! ]
//! minimum = "0.01"
//! rounding = "half_even"           # or half_up (when nothing is said), up, down
//!
//! [[price]]
//! operation = "model.audit"
//! unit = "row"
//! package = { units = "1000", credits = "2" }
//!
//! [[price]]
//! operation = "account.read"
//! unit = "call"
//! free = true
//! ```

mod price;

use std::collections::HashSet;
use std::fmt;
use std::path::Path;

use ledger::Timestamp;
use ledger::rate::{MIN_NOTICE, Price, Pricing, Rounding, Tier};
use serde::Deserialize;
use toml::Spanned;

use self::price::{PriceDocument, read_price};
use super::command::RateCardView;
use crate::calendar::{Rfc3339, parse_rfc3339};
use crate::config::document::{self, DocumentError};

/// What a file asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceList {
    pub effective_from: Timestamp,
    pub prices: Vec<Price>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    effective_from: Spanned<String>,
    price: Vec<Spanned<PriceDocument>>,
}

/// Reads a price list to be in force from some time after `now`; errors name the line and the key.
pub fn read(path: &Path, text: &str, now: Timestamp) -> Result<PriceList, DocumentError> {
    let document: Document = document::parse(path, text)?;
    let wrong = |at: usize, message: &str| document::wrong(path, text, at, message.to_owned());
    let from = &document.effective_from;
    let effective_from =
        parse_rfc3339(from.get_ref()).map_err(|error| wrong(from.span().start, &error.to_string()))?;
    if effective_from < now.saturating_add(MIN_NOTICE) {
        return Err(wrong(
            from.span().start,
            "must be at least 60 seconds ahead: a card is never back-dated",
        ));
    }
    let mut seen = HashSet::new();
    let mut prices = vec![];
    for price in &document.price {
        let operation = &price.get_ref().operation;
        if !seen.insert(operation.get_ref().as_str()) {
            return Err(wrong(operation.span().start, "stands twice"));
        }
        let read = read_price(price.get_ref(), price.span().start);
        prices.push(read.map_err(|(at, message)| wrong(at, &message))?);
    }
    if prices.is_empty() {
        return Err(wrong(text.len(), "needs at least one [[price]]"));
    }
    Ok(PriceList { effective_from, prices })
}

/// Writes a card so that [`read`] gives it back; without a line end after the last line.
pub fn write(card: &RateCardView, out: &mut impl fmt::Write) -> fmt::Result {
    writeln!(out, "# Version {}.", card.version)?;
    for (version, from) in &card.coming {
        writeln!(out, "# Version {version} will be in force from {}.", Rfc3339(*from))?;
    }
    write!(out, "effective_from = \"{}\"", Rfc3339(card.effective_from))?;
    for price in &card.prices {
        let (operation, unit) = (quoted(&price.operation), quoted(&price.unit));
        write!(out, "\n\n[[price]]\noperation = {operation}\nunit = {unit}\n")?;
        write_pricing(&price.pricing, out)?;
        if let Some(least) = price.minimum {
            write!(out, "\nminimum = \"{least}\"")?;
        }
        if price.rounding != Rounding::default() {
            write!(out, "\nrounding = \"{}\"", price.rounding.name())?;
        }
    }
    Ok(())
}

fn write_pricing(pricing: &Pricing, out: &mut impl fmt::Write) -> fmt::Result {
    match pricing {
        Pricing::Flat { credits_per_unit } => write!(out, "credits_per_unit = \"{credits_per_unit}\""),
        Pricing::Graduated { tiers } => write_tiers("graduated", tiers.as_slice(), out),
        Pricing::Volume { tiers } => write_tiers("volume", tiers.as_slice(), out),
        Pricing::Package { size, credits_per_package } => {
            write!(out, "package = {{ units = \"{size}\", credits = \"{credits_per_package}\" }}")
        }
        Pricing::Free => out.write_str("free = true"),
        // Read back, it is missed by name: nothing becomes free by accident.
        _ => out.write_str("# a price of a kind that this format does not have yet"),
    }
}

fn write_tiers(kind: &str, tiers: &[Tier], out: &mut impl fmt::Write) -> fmt::Result {
    writeln!(out, "{kind} = [")?;
    for Tier { up_to, credits_per_unit } in tiers {
        out.write_str("  { ")?;
        if let Some(up_to) = up_to {
            write!(out, "up_to = \"{up_to}\", ")?;
        }
        writeln!(out, "credits_per_unit = \"{credits_per_unit}\" }},")?;
    }
    out.write_str("]")
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use ledger::rate::{RateCard, Tiers};
    use ledger::{Credits, Quantity};

    use super::*;

    fn list(text: &str) -> Result<PriceList, String> {
        list_at(text, Timestamp::from_micros(-MIN_NOTICE))
    }

    fn list_at(text: &str, now: Timestamp) -> Result<PriceList, String> {
        read(Path::new("card.toml"), text, now).map_err(|error| error.to_string())
    }

    const FROM: &str = "effective_from = \"2026-12-01T00:00:00Z\"\n";

    #[test]
    fn what_show_prints_import_reads() {
        let RateCard { version, effective_from, mut prices } = RateCard::example();
        prices[0].unit = "a \"quoted\" \\ unit = 3".to_owned();
        let coming = vec![(2, Timestamp::from_micros(1_800_000_000_000_000))];
        let card = RateCardView { version, effective_from, prices: prices.clone(), coming };
        let mut text = String::new();
        write(&card, &mut text).unwrap();
        assert_eq!(list(&text).unwrap(), PriceList { effective_from, prices }, "{text}");
    }

    #[test]
    fn every_kind_of_price_comes_back_as_it_was() {
        let credits = |text: &str| Credits::parse(text).unwrap();
        let tier = |up_to: Option<&str>, price: &str| Tier {
            up_to: up_to.map(|text| Quantity::parse(text).unwrap()),
            credits_per_unit: credits(price),
        };
        let steps = vec![tier(Some("0.5"), "0"), tier(Some("1000000000"), "0.1"), tier(None, "0.000001")];
        let tiers = Tiers::new(steps).unwrap();
        let size = Quantity::parse("12.5").unwrap();
        let mut prices = vec![];
        for (place, pricing) in [
            Pricing::Flat { credits_per_unit: credits("0.25") },
            Pricing::Graduated { tiers: tiers.clone() },
            Pricing::Volume { tiers },
            Pricing::Package { size, credits_per_package: credits("3") },
        ]
        .into_iter()
        .enumerate()
        {
            for rounding in Rounding::ALL {
                for minimum in [None, Some(credits("0.01"))] {
                    let operation = format!("op-{place}.{}.{}", rounding.name(), minimum.is_some());
                    let (unit, pricing) = ("1 000 tokens".to_owned(), pricing.clone());
                    prices.push(Price { operation, unit, pricing, rounding, minimum });
                }
            }
        }
        let effective_from = Timestamp::from_micros(1_800_000_000_000_000);
        let card = RateCardView { version: 7, effective_from, prices: prices.clone(), coming: vec![] };
        let mut text = String::new();
        write(&card, &mut text).unwrap();
        assert_eq!(list(&text).unwrap(), PriceList { effective_from, prices }, "{text}");
    }

    #[test]
    fn mistakes_in_tiers_and_packages_are_named_with_line_and_key() {
        let price = |lines: &str| {
            list(&format!("{FROM}[[price]]\noperation = \"a\"\nunit = \"call\"\n{lines}\n")).unwrap_err()
        };
        let open = "  { credits_per_unit = \"1\" },";
        let closed = |up_to: &str| format!("  {{ up_to = \"{up_to}\", credits_per_unit = \"2\" }},");
        let tiers = |list: &[&str]| format!("graduated = [\n{}\n]", list.join("\n"));
        for (lines, message) in [
            (tiers(&[]), "line 5, graduated: needs at least one tier"),
            (tiers(&[&closed("5")]), "line 6, up_to: the last tier must be open, without up_to (tier 1)"),
            (
                tiers(&[open, open]),
                "line 6, credits_per_unit: needs up_to; only the last tier is open (tier 1)",
            ),
            (tiers(&[&closed("5"), &closed("5"), open]), "line 7, up_to: up_to must be more than 0 and than"),
            (tiers(&[&closed("x"), open]), "line 6, up_to: must be a decimal number"),
            (tiers(&[&closed("1000000001"), open]), "line 6, up_to: is too large"),
            (tiers(&["  { credits_per_unit = \"-1\" },"]), "line 6, credits_per_unit: must not be negative"),
            (tiers(&["  { up_to = \"5\" },", open]), "line 6, up_to: missing field `credits_per_unit`"),
            (tiers(&["  { up_tp = \"5\", credits_per_unit = \"1\" },"]), "line 6, up_tp: unknown field"),
            (tiers(&["  { credits_per_unit = \"0\" },"]), "line 5, graduated: must cost something"),
            (tiers(&["  { up_to = 5, credits_per_unit = \"1\" },"]), "line 6, up_to: invalid type: integer"),
            (format!("volume = [{}]", open.trim()) + "\nfree = true", "line 6, free: must stand alone"),
            (
                "package = { units = \"0.0001\", credits = \"1\" }".to_owned(),
                "line 5, units: a package must have at least 0.001 units",
            ),
            (
                "package = { units = \"1\", credits = \"0\" }".to_owned(),
                "line 5, credits: must cost something",
            ),
            ("package = { units = \"1\" }".to_owned(), "line 5, package: missing field `credits`"),
            ("free = true\nminimum = \"1\"".to_owned(), "line 6, minimum: a free operation has no minimum"),
            (
                "credits_per_unit = \"1\"\nminimum = \"0\"".to_owned(),
                "line 6, minimum: the minimum must be more",
            ),
        ] {
            let error = price(&lines);
            assert!(error.contains(message), "{error}\nwanted {message}");
        }
    }

    #[test]
    fn mistakes_are_named_with_line_and_key() {
        let price = |lines: &str| list(&format!("{FROM}[[price]]\n{lines}\n")).unwrap_err();
        let start = "operation = \"a\"\nunit = \"call\"\n";
        for (lines, message) in [
            (
                "operation = \"A\"\nunit = \"call\"\nfree = true",
                "line 3, operation: operation \"A\" must be 1 to 64",
            ),
            ("operation = \"a\"\nunit = \" \"\nfree = true", "line 4, unit: must be 1 to 64 characters"),
            (
                &format!("{start}credits_per_unit = 0.5"),
                "line 5, credits_per_unit: invalid type: floating point",
            ),
            (
                &format!("{start}credits_per_unit = \"0.0000001\""),
                "line 5, credits_per_unit: must have at most 6 decimals",
            ),
            (&format!("{start}credits_per_unit = \"-1\""), "line 5, credits_per_unit: must not be negative"),
            (
                &format!("{start}credits_per_unit = \"0\""),
                "line 5, credits_per_unit: must cost something; an operation without a price is free; write free = true",
            ),
            (
                &format!("{start}credits_per_unit = \"1\"\nfree = true"),
                "line 6, free: must stand alone: a price has one of",
            ),
            (start, "line 2, [[price]]: needs one of credits_per_unit"),
            (&format!("{start}free = false"), "line 2, [[price]]: needs one of credits_per_unit"),
            (&format!("{start}fre = true"), "line 5, fre: unknown field"),
            (
                &format!("{start}credits_per_unit = \"1\"\nrounding = \"UP\""),
                "line 6, rounding: must be one of half_up, up, down, half_even",
            ),
            ("operation = \"a\"\nfree = true", "missing field `unit`"),
        ] {
            let error = price(lines);
            assert!(
                error.starts_with("card.toml line ") && error.contains(message),
                "{error}\nwanted {message}"
            );
        }
    }

    #[test]
    fn a_card_is_announced_a_minute_before_at_least() {
        let text = format!("\n{FROM}[[price]]\noperation = \"a\"\nunit = \"call\"\nfree = true\n");
        let from = parse_rfc3339("2026-12-01T00:00:00Z").unwrap();
        assert!(list_at(&text, from.saturating_add(-MIN_NOTICE)).is_ok());
        let error = list_at(&text, from.saturating_add(1 - MIN_NOTICE)).unwrap_err();
        assert_eq!(
            error,
            "card.toml line 2, effective_from: must be at least 60 seconds ahead: a card is never back-dated"
        );
    }

    #[test]
    fn an_operation_stands_once_and_the_time_has_an_offset() {
        let entry = "[[price]]\noperation = \"a\"\nunit = \"call\"\nfree = true\n";
        let error = list(&format!("{FROM}{entry}{entry}")).unwrap_err();
        assert_eq!(error, "card.toml line 7, operation: stands twice");
        let error = list(&format!("effective_from = \"2026-12-01\"\n{entry}")).unwrap_err();
        assert!(error.starts_with("card.toml line 1, effective_from: must be an RFC 3339 time"), "{error}");
        assert!(list(entry).unwrap_err().contains("missing field `effective_from`"));
        assert!(list(FROM).unwrap_err().contains("missing field `price`"));
        let error = list(&format!("{FROM}price = []")).unwrap_err();
        assert_eq!(error, "card.toml line 2, price: needs at least one [[price]]");
    }
}
