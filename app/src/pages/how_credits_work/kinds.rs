//! What kinds of prices the rate card has, each with an example worked out by the code that charges.

use ledger::Quantity;
use ledger::rate::{Part, Price, Pricing, Quote, Rounding, Slice};

use crate::{format, prices};

/// A sentence or more for each kind of price on the card, in the order in which people need them.
pub fn kinds(card: &[Price]) -> Vec<String> {
    let first = |name: &str| card.iter().find(|price| price.pricing.name() == name);
    let explained = [
        ("flat", "Quantity times price is what an event costs."),
        (
            "graduated",
            "Some prices go by the calendar month (UTC): what you use in it fills one tier after the other, and each \
             part costs what its own tier says. The month is that in which the work was done.",
        ),
        (
            "volume",
            "Some prices go by the quantity of an event: the tier that the whole quantity falls in is the price of all \
             of it.",
        ),
        ("package", "Some prices are for packages: every package that an event begins is paid in full."),
    ];
    let kind = |(name, rule): (&str, &str)| {
        let price = first(name)?;
        let example = example(price).unwrap_or_default();
        Some(format!("{rule} {example}").trim_end().to_owned())
    };
    let least = card.iter().find_map(|price| price.minimum.map(|least| (price, least)));
    let least = least.map(|(price, least)| {
        format!(
            "An event may have a least charge: {} for {}, however small the quantity. A quantity of 0 costs nothing.",
            format::credits(least),
            price.operation
        )
    });
    explained.into_iter().filter_map(kind).chain(least).chain([rounding(card)]).collect()
}

/// How the part below a millionth of a credit is treated, where prices differ with their names.
fn rounding(card: &[Price]) -> String {
    let paid = || card.iter().filter(|price| !price.is_free());
    let rules: Vec<Rounding> =
        Rounding::ALL.into_iter().filter(|rule| paid().any(|price| price.rounding == *rule)).collect();
    let how = match rules.as_slice() {
        [] => prices::rounding(Rounding::default()).to_owned(),
        [only] => prices::rounding(*only).to_owned(),
        several => {
            let said = |rule: &Rounding| {
                let names: Vec<_> = paid()
                    .filter(|price| price.rounding == *rule)
                    .map(|price| price.operation.as_str())
                    .collect();
                format!("{} ({})", prices::rounding(*rule), names.join(", "))
            };
            several.iter().map(said).collect::<Vec<_>>().join("; ")
        }
    };
    format!("Costs are computed exactly and rounded once for each event: {how}.")
}

/// `For example, 2.4 iterations of model.build: 2.4 × 50 = 120 credits.`
fn example(price: &Price) -> Option<String> {
    let quantity = telling_quantity(price)?;
    let quote = price.quote(quantity).ok()?;
    let place = if quote.month.is_some() { ", all of a month" } else { "" };
    Some(format!(
        "For example, {} of {}{place}: {} = {}.",
        format::quantity(quantity, &price.unit),
        price.operation,
        sum(&quote),
        format::credits(quote.rounded),
    ))
}

/// A quantity that shows what is special about the price.
fn telling_quantity(price: &Price) -> Option<Quantity> {
    let part = match &price.pricing {
        Pricing::Package { size, .. } => *size,
        pricing => {
            pricing.tiers().and_then(|tiers| tiers.first()?.up_to).unwrap_or(Quantity::parse("2").ok()?)
        }
    };
    // A fifth more than a tier or a package holds.
    let micros = part.micros().checked_add(part.micros() / 5)?;
    Quantity::from_micros(micros).filter(|quantity| *quantity <= Quantity::MAX)
}

/// `1,000 × 0.1 + 200 × 0.08`
fn sum(quote: &Quote) -> String {
    let product = |slice: &Slice| {
        let count = format::quantity(slice.quantity, "");
        let count = match slice.part {
            Part::Packages { .. }
                if slice.quantity == Quantity::from_micros(1_000_000).unwrap_or_default() =>
            {
                format!("{count} package")
            }
            Part::Packages { .. } => format!("{count} packages"),
            _ => count,
        };
        format!("{count} × {}", format::exact(slice.credits_per_unit))
    };
    quote.slices.iter().map(product).collect::<Vec<_>>().join(" + ")
}

#[cfg(test)]
mod tests {
    use ledger::Credits;
    use ledger::rate::{RateCard, Tier, Tiers};

    use super::*;

    fn tiers() -> Tiers {
        let tier = |up_to: Option<&str>, credits| Tier {
            up_to: up_to.map(|text| Quantity::parse(text).unwrap()),
            credits_per_unit: Credits::parse(credits).unwrap(),
        };
        Tiers::new(vec![tier(Some("1000"), "0.1"), tier(None, "0.08")]).unwrap()
    }

    #[test]
    fn only_what_is_on_the_card_is_explained() {
        let told = kinds(&RateCard::example().prices);
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].ends_with("For example, 2.4 iterations of model.build: 2.4 × 50 = 120 credits."));
        assert!(told[1].ends_with("once for each event: to the nearest millionth, halves up."), "{told:?}");
    }

    #[test]
    fn every_kind_has_an_example_that_adds_up() {
        let price = |operation: &str, pricing, rounding, minimum| Price {
            operation: operation.to_owned(),
            unit: "call".to_owned(),
            pricing,
            rounding,
            minimum,
        };
        let size = Quantity::parse("10").unwrap();
        let package = Pricing::Package { size, credits_per_package: Credits::whole(3) };
        let told = kinds(&[
            price("a", Pricing::Graduated { tiers: tiers() }, Rounding::HalfUp, None),
            price("b", Pricing::Volume { tiers: tiers() }, Rounding::Up, Some(Credits::whole(2))),
            price("c", package, Rounding::Up, None),
        ]);
        let all = told.join("\n");
        for words in [
            "1,200 calls of a, all of a month: 1,000 × 0.1 + 200 × 0.08 = 116 credits.",
            "1,200 calls of b: 1,200 × 0.08 = 96 credits.",
            "12 calls of c: 2 packages × 3 = 6 credits.",
            "a least charge: 2 credits for b",
            "to the nearest millionth, halves up (a); any part of a millionth up (b, c).",
        ] {
            assert!(all.contains(words), "{words:?} is not in {all}");
        }
        assert!(!all.contains("Quantity times price"), "nothing is flat here");
    }
}
