//! One `[[price]]` of the file: which of the kinds it is, and its numbers.

use ledger::credits::DecimalError;
use ledger::rate::{
    MIN_NOTICE, Price, PriceError, Pricing, RateCard, RateCardError, RateCards, Rounding, Tier, Tiers,
};
use ledger::{Credits, Quantity, Timestamp};
use serde::Deserialize;
use toml::Spanned;

/// The longest unit, in characters.
const MAX_UNIT: usize = 64;

/// How a price may be given: exactly one of these keys.
const KINDS: &str = "credits_per_unit, graduated, volume, package, free = true";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PriceDocument {
    pub operation: Spanned<String>,
    unit: Spanned<String>,
    credits_per_unit: Option<Spanned<String>>,
    graduated: Option<Spanned<Vec<Spanned<TierDocument>>>>,
    volume: Option<Spanned<Vec<Spanned<TierDocument>>>>,
    package: Option<Spanned<PackageDocument>>,
    free: Option<Spanned<bool>>,
    minimum: Option<Spanned<String>>,
    rounding: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TierDocument {
    up_to: Option<Spanned<String>>,
    credits_per_unit: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PackageDocument {
    units: Spanned<String>,
    credits: Spanned<String>,
}

/// A byte of the text and what is wrong there.
type Wrong = (usize, String);

/// Reads a price that begins at byte `start` of the text.
pub(super) fn read_price(price: &PriceDocument, start: usize) -> Result<Price, Wrong> {
    let unit = price.unit.get_ref();
    if unit.trim().is_empty() || unit.chars().count() > MAX_UNIT || unit.chars().any(char::is_control) {
        let at = price.unit.span().start;
        return Err((at, format!("must be 1 to {MAX_UNIT} characters, in the singular")));
    }
    let read = Price {
        operation: price.operation.get_ref().clone(),
        unit: unit.trim().to_owned(),
        pricing: read_pricing(price, start)?,
        rounding: read_rounding(price.rounding.as_ref())?,
        minimum: price.minimum.as_ref().map(|least| read_number(least, Credits::parse)).transpose()?,
    };
    check(&read).map_err(|error| place(price, start, &error))?;
    Ok(read)
}

fn read_pricing(price: &PriceDocument, start: usize) -> Result<Pricing, Wrong> {
    let is_free = price.free.as_ref().filter(|free| *free.get_ref());
    let mut given = [
        price.credits_per_unit.as_ref().map(|one| one.span().start),
        price.graduated.as_ref().map(|one| one.span().start),
        price.volume.as_ref().map(|one| one.span().start),
        price.package.as_ref().map(|one| one.span().start),
        is_free.map(|one| one.span().start),
    ]
    .into_iter()
    .flatten();
    match (given.next(), given.next()) {
        (Some(_), Some(second)) => {
            return Err((second, format!("must stand alone: a price has one of {KINDS}")));
        }
        (None, _) => return Err((start, format!("needs one of {KINDS}"))),
        _ => {}
    }
    if let Some(credits) = &price.credits_per_unit {
        return Ok(Pricing::Flat { credits_per_unit: read_number(credits, Credits::parse)? });
    }
    if let Some(tiers) = &price.graduated {
        return Ok(Pricing::Graduated { tiers: read_tiers(tiers)? });
    }
    if let Some(tiers) = &price.volume {
        return Ok(Pricing::Volume { tiers: read_tiers(tiers)? });
    }
    if let Some(package) = &price.package {
        let PackageDocument { units, credits } = package.get_ref();
        let size = read_number(units, Quantity::parse)?;
        return Ok(Pricing::Package { size, credits_per_package: read_number(credits, Credits::parse)? });
    }
    Ok(Pricing::Free)
}

fn read_tiers(list: &Spanned<Vec<Spanned<TierDocument>>>) -> Result<Tiers, Wrong> {
    let documents = list.get_ref();
    let tier = |document: &Spanned<TierDocument>| {
        let TierDocument { up_to, credits_per_unit } = document.get_ref();
        Ok(Tier {
            up_to: up_to.as_ref().map(|up_to| read_number(up_to, Quantity::parse)).transpose()?,
            credits_per_unit: read_number(credits_per_unit, Credits::parse)?,
        })
    };
    let tiers = documents.iter().map(tier).collect::<Result<Vec<_>, Wrong>>()?;
    Tiers::new(tiers).map_err(|error| {
        let Some(place) = error.tier() else { return (list.span().start, error.to_string()) };
        let at = documents.get(place).map(|document| {
            let up_to = document.get_ref().up_to.as_ref();
            up_to.map_or(document.span().start, |up_to| up_to.span().start)
        });
        (at.unwrap_or(list.span().start), format!("{error} (tier {})", place + 1))
    })
}

fn read_rounding(rounding: Option<&Spanned<String>>) -> Result<Rounding, Wrong> {
    let Some(rounding) = rounding else { return Ok(Rounding::default()) };
    let names = Rounding::ALL.map(Rounding::name).join(", ");
    let read = Rounding::from_name(rounding.get_ref());
    read.ok_or_else(|| (rounding.span().start, format!("must be one of {names}")))
}

fn read_number<T>(text: &Spanned<String>, parse: fn(&str) -> Result<T, DecimalError>) -> Result<T, Wrong> {
    parse(text.get_ref()).map_err(|error| (text.span().start, format!("{error}, in quotes")))
}

/// Asks the ledger about this price alone, so that what it refuses has a line.
fn check(price: &Price) -> Result<(), RateCardError> {
    let start = Timestamp::from_micros(0);
    let first = RateCard { version: 1, effective_from: start, prices: vec![] };
    let Some(cards) = RateCards::new(vec![first]) else { return Ok(()) };
    cards.draft(start, Timestamp::from_micros(MIN_NOTICE), vec![price.clone()]).map(drop)
}

/// Where the text says what the ledger refuses.
fn place(price: &PriceDocument, start: usize, error: &RateCardError) -> Wrong {
    let start_of = |text: &Option<Spanned<String>>| text.as_ref().map(|text| text.span().start);
    let RateCardError::BadPrice { problem, .. } = error else {
        return (price.operation.span().start, error.to_string());
    };
    let package = price.package.as_ref().map(Spanned::get_ref);
    let at = match problem {
        PriceError::FreeMinimum | PriceError::NoMinimum => start_of(&price.minimum),
        PriceError::SmallPackage => package.map(|package| package.units.span().start),
        _ => start_of(&price.credits_per_unit).or(package.map(|package| package.credits.span().start)),
    };
    let hint = if *problem == PriceError::Nothing { "; write free = true instead" } else { "" };
    (at.unwrap_or(start), format!("{problem}{hint}"))
}
