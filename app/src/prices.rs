//! Prices in words, tier by tier. Every number is the rate card's.

use ledger::rate::{Price, Pricing, Rounding, Tier};
use ledger::{Credits, Quantity};

use crate::format;

/// What a price says, for pages that lay it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// What the lines count; for prices with tiers.
    pub intro: Option<&'static str>,
    /// One, or one for each tier.
    pub lines: Vec<Line>,
    /// `at least 0.5 credits per event`
    pub least: Option<String>,
}

/// One amount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// For which quantities, `up to 1,000 calls`; empty for all.
    pub when: String,
    /// `50`, or `Free`.
    pub amount: String,
    /// `per iteration`; empty where nothing is paid.
    pub per: String,
}

/// A price as an intro, lines, and a minimum.
pub fn said(price: &Price) -> Said {
    let unit = &price.unit;
    let line =
        |when: String, credits: Credits, per: String| Line { when, amount: format::exact(credits), per };
    let (intro, lines) = match &price.pricing {
        Pricing::Flat { credits_per_unit } => {
            (None, vec![line(String::new(), *credits_per_unit, format!("per {unit}"))])
        }
        Pricing::Package { size, credits_per_package } => {
            let per = format!("for each {} begun in an event", format::quantity(*size, unit));
            (None, vec![line(String::new(), *credits_per_package, per)])
        }
        Pricing::Graduated { tiers } => {
            (Some("By what you use in a calendar month (UTC)"), tier_lines(tiers.as_slice(), unit))
        }
        Pricing::Volume { tiers } => {
            (Some("By the quantity of one event, all of it at one price"), tier_lines(tiers.as_slice(), unit))
        }
        _ => {
            let free = Line { when: String::new(), amount: "Free".to_owned(), per: String::new() };
            (None, vec![free])
        }
    };
    let least = price.minimum.map(|least| format!("at least {} per event", format::credits(least)));
    Said { intro, lines, least }
}

fn tier_lines(tiers: &[Tier], unit: &str) -> Vec<Line> {
    let line = |(place, tier): (usize, &Tier)| {
        let above = if place == 0 { "" } else { "above that" };
        let when = match (tier.up_to, place) {
            (Some(up_to), 0) => format!("up to {}", format::quantity(up_to, unit)),
            (Some(up_to), _) => format!("{above}, up to {}", format::quantity(up_to, unit)),
            (None, 0) => "any quantity".to_owned(),
            (None, _) => above.to_owned(),
        };
        let is_free = tier.credits_per_unit.is_zero();
        Line {
            when,
            amount: if is_free { "Free".to_owned() } else { format::exact(tier.credits_per_unit) },
            per: if is_free { String::new() } else { format!("per {unit}") },
        }
    };
    tiers.iter().enumerate().map(line).collect()
}

/// The same in one line: `50 credits per iteration`, `free`.
pub fn line(price: &Price) -> String {
    let Said { intro, lines, least } = said(price);
    let one = |line: &Line| {
        let noun = if line.amount == "1" { "credit" } else { "credits" };
        let cost = match line.amount.as_str() {
            "Free" => "free".to_owned(),
            amount => format!("{amount} {noun} {}", line.per),
        };
        if line.when.is_empty() { cost } else { format!("{}: {cost}", line.when) }
    };
    let mut words = lines.iter().map(one).collect::<Vec<_>>().join("; ");
    if let Some(least) = least {
        words = format!("{words}; {least}");
    }
    match intro {
        Some(intro) => format!("{}: {words}", recased(intro, char::to_ascii_lowercase)),
        None => words,
    }
}

/// The same, as a sentence begins: `By what you use …`, `Free`.
pub fn sentence(price: &Price) -> String {
    recased(&line(price), char::to_ascii_uppercase)
}

/// Which quantities a tier holds, said by itself: `above 1,000 calls, up to 10,000 calls`.
pub fn range(above: Quantity, up_to: Option<Quantity>, unit: &str) -> String {
    let quantity = |quantity| format::quantity(quantity, unit);
    match (above == Quantity::ZERO, up_to) {
        (true, Some(up_to)) => format!("up to {}", quantity(up_to)),
        (true, None) => "any quantity".to_owned(),
        (false, Some(up_to)) => format!("above {}, up to {}", quantity(above), quantity(up_to)),
        (false, None) => format!("above {}", quantity(above)),
    }
}

/// What becomes of the part below a millionth of a credit.
pub const fn rounding(rule: Rounding) -> &'static str {
    match rule {
        Rounding::Up => "any part of a millionth up",
        Rounding::Down => "any part of a millionth dropped",
        Rounding::HalfEven => "to the nearest millionth, halves to the even one",
        _ => "to the nearest millionth, halves up",
    }
}

/// With another first letter; texts of ours begin with ASCII.
fn recased(text: &str, first: fn(&char) -> char) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |letter| std::iter::once(first(&letter)).chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use ledger::rate::{RateCard, Tiers};

    use super::*;

    fn price(unit: &str, pricing: Pricing, minimum: Option<&str>) -> Price {
        let minimum = minimum.map(|text| Credits::parse(text).unwrap());
        Price { unit: unit.to_owned(), pricing, minimum, ..RateCard::example().prices[0].clone() }
    }

    fn tiers(list: &[(Option<&str>, &str)]) -> Tiers {
        let tier = |(up_to, credits): &(Option<&str>, &str)| Tier {
            up_to: up_to.map(|text| Quantity::parse(text).unwrap()),
            credits_per_unit: Credits::parse(credits).unwrap(),
        };
        Tiers::new(list.iter().map(tier).collect()).unwrap()
    }

    #[test]
    fn every_kind_of_price_is_said_in_one_line() {
        let all = RateCard::example().prices;
        assert_eq!(line(&all[0]), "50 credits per iteration");
        assert_eq!(line(&all[4]), "1 credit per hour");
        assert_eq!((line(&all[5]).as_str(), sentence(&all[5]).as_str()), ("free", "Free"));
        let flat = Pricing::Flat { credits_per_unit: Credits::whole(2) };
        assert_eq!(
            line(&price("call", flat, Some("0.5"))),
            "2 credits per call; at least 0.5 credits per event"
        );
        let steps = || tiers(&[(Some("1000"), "0"), (Some("10000"), "0.1"), (None, "1")]);
        assert_eq!(
            line(&price("call", Pricing::Graduated { tiers: steps() }, None)),
            "by what you use in a calendar month (UTC): up to 1,000 calls: free; above that, up to 10,000 calls: 0.1 \
             credits per call; above that: 1 credit per call"
        );
        assert_eq!(
            line(&price(
                "1 000 tokens",
                Pricing::Volume { tiers: tiers(&[(Some("5"), "2"), (None, "1.5")]) },
                None
            )),
            "by the quantity of one event, all of it at one price: up to 5,000 tokens: 2 credits per 1 000 tokens; above \
             that: 1.5 credits per 1 000 tokens"
        );
        let size = Quantity::parse("100").unwrap();
        let package = Pricing::Package { size, credits_per_package: Credits::whole(5) };
        assert_eq!(line(&price("call", package, None)), "5 credits for each 100 calls begun in an event");
        let one = Pricing::Graduated { tiers: tiers(&[(None, "3")]) };
        assert!(line(&price("call", one, None)).ends_with("any quantity: 3 credits per call"));
    }

    #[test]
    fn a_tier_by_itself_says_both_of_its_ends() {
        let quantity = |text: &str| Quantity::parse(text).unwrap();
        for (above, up_to, words) in [
            ("0", Some("5"), "up to 5 calls"),
            ("5", Some("7.5"), "above 5 calls, up to 7.5 calls"),
            ("7.5", None, "above 7.5 calls"),
            ("0", None, "any quantity"),
        ] {
            assert_eq!(range(quantity(above), up_to.map(quantity), "call"), words);
        }
    }

    #[test]
    fn every_rule_of_rounding_has_words_of_its_own() {
        let words: std::collections::HashSet<_> = Rounding::ALL.map(rounding).into();
        assert_eq!(words.len(), Rounding::ALL.len());
    }
}
