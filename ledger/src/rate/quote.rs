//! The arithmetic of one event: what a quantity costs by a price, and every step on the way.

use super::tiers::Tiers;
use super::{Price, Pricing, Rounding};
use crate::credits::{Credits, MICROS, Quantity};

/// One line of the arithmetic: `quantity × credits_per_unit = exact`, before rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    /// Units; of [`Part::Packages`] the packages.
    pub quantity: Quantity,
    /// Of [`Part::Packages`] per package.
    pub credits_per_unit: Credits,
    /// Millionths of a micro-credit.
    pub exact_picos: i128,
    pub part: Part,
}

/// What part of the price a slice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The only one there is.
    Flat,
    /// The tier of what is above `above`, up to `up_to`; the last tier has no end.
    Tier { above: Quantity, up_to: Option<Quantity> },
    /// Packages of `size` units, the last one begun.
    Packages { size: Quantity },
}

/// Where a graduated price stood in the event's month, and where it stands after the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonthPart {
    pub before: Quantity,
    pub after: Quantity,
    /// What `before` costs in a month, in millionths of a micro-credit.
    pub before_picos: i128,
    /// What `after` costs in a month.
    pub after_picos: i128,
}

/// A price applied to a quantity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    pub slices: Vec<Slice>,
    /// For graduated prices: then `rounded` is `after_picos` rounded less `before_picos` rounded, so that the events of a
    /// month add up to what its whole quantity costs.
    pub month: Option<MonthPart>,
    pub rounding: Rounding,
    /// What the slices come to, rounded.
    pub rounded: Credits,
    /// The least charge, where it is more than `rounded`.
    pub minimum: Option<Credits>,
    /// What is charged.
    pub credits: Credits,
}

/// The charge would be more credits than can be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("costs more credits than can be counted")]
pub struct TooDear;

impl Quote {
    /// What the slices come to, in millionths of a micro-credit.
    pub fn exact_picos(&self) -> i128 {
        self.slices.iter().fold(0, |sum, slice| sum.saturating_add(slice.exact_picos))
    }
}

impl Price {
    /// What `quantity` costs, with the arithmetic; by a graduated price, as the first event of its month.
    pub fn quote(&self, quantity: Quantity) -> Result<Quote, TooDear> {
        self.quote_after(Quantity::ZERO, quantity)
    }

    /// What `quantity` costs when `before` is what the account has been charged for of this operation in the calendar
    /// month of the event; only graduated prices look at it.
    pub fn quote_after(&self, before: Quantity, quantity: Quantity) -> Result<Quote, TooDear> {
        if let Pricing::Graduated { tiers } = &self.pricing {
            return self.graduated(tiers, before, quantity);
        }
        let slices = match &self.pricing {
            Pricing::Flat { credits_per_unit } => {
                vec![Slice::new(quantity, *credits_per_unit, Part::Flat)]
            }
            Pricing::Volume { tiers } => vec![volume(tiers, quantity).ok_or(TooDear)?],
            Pricing::Package { size, credits_per_package } => {
                let packages = packages(quantity, *size).ok_or(TooDear)?;
                vec![Slice::new(packages, *credits_per_package, Part::Packages { size: *size })]
            }
            Pricing::Free | Pricing::Graduated { .. } => vec![],
        };
        let exact_picos =
            slices.iter().try_fold(0_i128, |sum, slice| sum.checked_add(slice.exact_picos)).ok_or(TooDear)?;
        self.finish(quantity, slices, None, self.rounding.round(exact_picos))
    }

    fn graduated(&self, tiers: &Tiers, before: Quantity, quantity: Quantity) -> Result<Quote, TooDear> {
        let after = before.checked_add(quantity).ok_or(TooDear)?;
        let (before_picos, after_picos) = (cost(tiers, before)?, cost(tiers, after)?);
        let rounded = self.rounding.round(after_picos).checked_sub(self.rounding.round(before_picos));
        let month = MonthPart { before, after, before_picos, after_picos };
        self.finish(quantity, between(tiers, before, after), Some(month), rounded.ok_or(TooDear)?)
    }

    /// Holds the rounded sum against the minimum. Where nothing was done there is no least charge for it.
    fn finish(
        &self,
        quantity: Quantity,
        slices: Vec<Slice>,
        month: Option<MonthPart>,
        rounded_micros: i128,
    ) -> Result<Quote, TooDear> {
        let rounded = i64::try_from(rounded_micros).ok().and_then(Credits::from_micros).ok_or(TooDear)?;
        let is_below = |least: &Credits| quantity > Quantity::ZERO && *least > rounded;
        let minimum = self.minimum.filter(is_below);
        let credits = minimum.unwrap_or(rounded);
        Ok(Quote { slices, month, rounding: self.rounding, rounded, minimum, credits })
    }
}

impl Slice {
    fn new(quantity: Quantity, credits_per_unit: Credits, part: Part) -> Self {
        // Factors below 2^63 and 2^53: the product is far inside an i128.
        let exact_picos = i128::from(quantity.micros()).saturating_mul(i128::from(credits_per_unit.micros()));
        Self { quantity, credits_per_unit, exact_picos, part }
    }
}

/// All of the quantity at the price of the tier that it falls in.
fn volume(tiers: &Tiers, quantity: Quantity) -> Option<Slice> {
    let span = tiers.spans().find(|span| span.holds(quantity))?;
    let part = Part::Tier { above: span.above, up_to: span.tier.up_to };
    Some(Slice::new(quantity, span.tier.credits_per_unit, part))
}

/// How many packages a quantity begins.
fn packages(quantity: Quantity, size: Quantity) -> Option<Quantity> {
    let (whole, rest) =
        (quantity.micros().checked_div(size.micros())?, quantity.micros().checked_rem(size.micros())?);
    let begun = whole.checked_add(i64::from(rest > 0))?;
    Quantity::from_micros(begun.checked_mul(MICROS)?)
}

/// What the first `quantity` units of a month cost, in millionths of a micro-credit.
fn cost(tiers: &Tiers, quantity: Quantity) -> Result<i128, TooDear> {
    let slices = between(tiers, Quantity::ZERO, quantity);
    slices.iter().try_fold(0_i128, |sum, slice| sum.checked_add(slice.exact_picos)).ok_or(TooDear)
}

/// The parts of a month's quantity that lie above `before`, up to `after`, tier by tier.
fn between(tiers: &Tiers, before: Quantity, after: Quantity) -> Vec<Slice> {
    let slice = |span: super::tiers::Span| {
        let part = span.part_of(after).micros().saturating_sub(span.part_of(before).micros());
        let quantity = Quantity::from_micros(part).filter(|part| *part > Quantity::ZERO)?;
        let part = Part::Tier { above: span.above, up_to: span.tier.up_to };
        Some(Slice::new(quantity, span.tier.credits_per_unit, part))
    };
    tiers.spans().filter_map(slice).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Tier;
    use super::*;

    fn price(pricing: Pricing) -> Price {
        Price {
            operation: "op".into(),
            unit: "unit".into(),
            pricing,
            rounding: Rounding::HalfUp,
            minimum: None,
        }
    }

    fn flat(micros: i64) -> Price {
        price(Pricing::Flat { credits_per_unit: Credits::from_micros(micros).unwrap() })
    }

    fn micros(price: &Price, quantity: &str) -> i64 {
        price.quote(Quantity::parse(quantity).unwrap()).unwrap().credits.micros()
    }

    #[test]
    fn halves_of_a_micro_credit_round_up_once_per_event() {
        assert_eq!(micros(&flat(1), "0.5"), 1);
        assert_eq!(micros(&flat(1), "0.499999"), 0);
        assert_eq!(micros(&flat(3), "0.5"), 2);
        assert_eq!(micros(&flat(10_000), "0.000049"), 0);
        assert_eq!(micros(&flat(10_000), "0.00005"), 1);
    }

    #[test]
    fn the_dearest_quantity_is_refused_not_wrapped() {
        let dear = flat(Credits::MAX.micros());
        assert_eq!(dear.quote(Quantity::MAX), Err(TooDear));
        assert_eq!(dear.quote(Quantity::parse("1").unwrap()).unwrap().credits, Credits::MAX);
        let open = Tier { up_to: None, credits_per_unit: Credits::whole(1) };
        let graduated = price(Pricing::Graduated { tiers: Tiers::new(vec![open]).unwrap() });
        let end = Quantity::from_micros(i64::MAX).unwrap();
        assert_eq!(graduated.quote_after(end, Quantity::from_micros(1).unwrap()), Err(TooDear));
        let month = graduated
            .quote_after(Quantity::from_micros(i64::MAX - 1).unwrap(), Quantity::from_micros(1).unwrap());
        assert_eq!(month.unwrap().credits.micros(), 1, "a month may hold more than one event may cost");
    }

    #[test]
    fn nothing_done_costs_nothing_whatever_the_minimum() {
        let least = Price { minimum: Some(Credits::whole(1)), ..flat(10) };
        assert_eq!(micros(&least, "0"), 0);
        let quote = least.quote(Quantity::from_micros(1).unwrap()).unwrap();
        assert_eq!((quote.credits, quote.minimum), (Credits::whole(1), Some(Credits::whole(1))));
        assert_eq!(quote.rounded, Credits::ZERO);
        assert_eq!(least.quote(Quantity::parse("100000").unwrap()).unwrap().minimum, None, "just as much");
    }
}
