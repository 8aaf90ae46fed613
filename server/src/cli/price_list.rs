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
//! operation = "account.read"
//! unit = "call"
//! free = true
//! ```

use std::collections::HashSet;
use std::fmt;
use std::path::Path;

use ledger::rate::{MIN_NOTICE, Price, Pricing, RateCard, RateCards, Rounding};
use ledger::{Credits, Timestamp};
use serde::Deserialize;
use toml::Spanned;

use super::command::RateCardView;
use crate::calendar::{Rfc3339, parse_rfc3339};
use crate::config::document::{self, DocumentError};

/// The longest unit, in characters.
const MAX_UNIT: usize = 64;

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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PriceDocument {
    operation: Spanned<String>,
    unit: Spanned<String>,
    credits_per_unit: Option<Spanned<String>>,
    free: Option<Spanned<bool>>,
    rounding: Option<Spanned<String>>,
}

/// Reads a price list; errors name the line and the key.
pub fn read(path: &Path, text: &str) -> Result<PriceList, DocumentError> {
    let document: Document = document::parse(path, text)?;
    let wrong = |at: usize, message: &str| document::wrong(path, text, at, message.to_owned());
    let from = &document.effective_from;
    let effective_from =
        parse_rfc3339(from.get_ref()).map_err(|error| wrong(from.span().start, &error.to_string()))?;
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
    Ok(PriceList { effective_from, prices })
}

/// Errors are a byte of the text and what is wrong there.
fn read_price(price: &PriceDocument, start: usize) -> Result<Price, (usize, String)> {
    let unit = price.unit.get_ref();
    if unit.trim().is_empty() || unit.chars().count() > MAX_UNIT || unit.chars().any(char::is_control) {
        let at = price.unit.span().start;
        return Err((at, format!("must be 1 to {MAX_UNIT} characters, in the singular")));
    }
    let free = price.free.as_ref().is_some_and(|free| *free.get_ref());
    let pricing = match (&price.credits_per_unit, free) {
        (None, true) => Pricing::Free,
        (Some(credits), false) => Pricing::Flat { credits_per_unit: read_credits(credits)? },
        (Some(credits), true) => {
            return Err((credits.span().start, "must not stand beside free = true".to_owned()));
        }
        (None, false) => {
            return Err((start, "needs credits_per_unit = \"AMOUNT\" or free = true".to_owned()));
        }
    };
    if let Some(rounding) = price.rounding.as_ref().filter(|rounding| rounding.get_ref() != "half_up") {
        return Err((rounding.span().start, "must be half_up".to_owned()));
    }
    let operation = price.operation.get_ref().clone();
    let read = Price { operation, unit: unit.trim().to_owned(), pricing, rounding: Rounding::HalfUp };
    check_name(&read).map_err(|message| (price.operation.span().start, message))?;
    Ok(read)
}

fn read_credits(text: &Spanned<String>) -> Result<Credits, (usize, String)> {
    let at = text.span().start;
    match Credits::parse(text.get_ref()) {
        Ok(Credits::ZERO) => Err((at, "must be more than 0; write free = true instead".to_owned())),
        Ok(credits) => Ok(credits),
        Err(error) => Err((at, format!("{error}, in quotes"))),
    }
}

/// Asks the ledger about this price alone, so that what it refuses has a line.
fn check_name(price: &Price) -> Result<(), String> {
    let first = RateCard { version: 1, effective_from: Timestamp::from_micros(0), prices: vec![] };
    let cards = RateCards::new(vec![first]).ok_or("cannot be checked")?;
    let later = Timestamp::from_micros(MIN_NOTICE);
    let draft = cards.draft(Timestamp::from_micros(0), later, vec![price.clone()]);
    draft.map(|_| ()).map_err(|error| error.to_string())
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
        match price.pricing {
            Pricing::Flat { credits_per_unit } => write!(out, "credits_per_unit = \"{credits_per_unit}\"")?,
            Pricing::Free => out.write_str("free = true")?,
            // Read back, it is missed by name: nothing becomes free by accident.
            _ => out.write_str("# a price of a kind that this format does not have yet")?,
        }
    }
    Ok(())
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Result<PriceList, String> {
        read(Path::new("card.toml"), text).map_err(|error| error.to_string())
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
            (&format!("{start}credits_per_unit = \"0\""), "line 5, credits_per_unit: must be more than 0"),
            (
                &format!("{start}credits_per_unit = \"1\"\nfree = true"),
                "line 5, credits_per_unit: must not stand beside",
            ),
            (start, "line 2, [[price]]: needs credits_per_unit"),
            (&format!("{start}free = false"), "line 2, [[price]]: needs credits_per_unit"),
            (&format!("{start}fre = true"), "line 5, fre: unknown field"),
            (&format!("{start}free = true\nrounding = \"up\""), "line 6, rounding: must be half_up"),
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
    fn an_operation_stands_once_and_the_time_has_an_offset() {
        let entry = "[[price]]\noperation = \"a\"\nunit = \"call\"\nfree = true\n";
        let error = list(&format!("{FROM}{entry}{entry}")).unwrap_err();
        assert_eq!(error, "card.toml line 7, operation: stands twice");
        let error = list(&format!("effective_from = \"2026-12-01\"\n{entry}")).unwrap_err();
        assert!(error.starts_with("card.toml line 1, effective_from: must be an RFC 3339 time"), "{error}");
        assert!(list(entry).unwrap_err().contains("missing field `effective_from`"));
        assert!(list(FROM).unwrap_err().contains("missing field `price`"));
    }
}
