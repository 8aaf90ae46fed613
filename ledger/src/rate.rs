//! What an operation costs: versions of the rate card, and the arithmetic of one event.

use serde::{Deserialize, Serialize};

use crate::credits::{Credits, MICROS, Quantity};
use crate::time::{SECOND, Timestamp};

/// A new card must leave this long before it is in force, in microseconds, so that nobody is charged by a price that
/// couldn't be read before.
pub const MIN_NOTICE: i64 = 60 * SECOND;

/// One version of the price list. Old events keep their version for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateCard {
    /// From 1, without gaps.
    pub version: u32,
    pub effective_from: Timestamp,
    pub prices: Vec<Price>,
}

/// What one operation costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// The name services report, `model.inference` for example.
    pub operation: String,
    /// What one unit of quantity is, in the singular: `iteration`, `1 000 tokens`.
    pub unit: String,
    pub pricing: Pricing,
    pub rounding: Rounding,
}

/// The shape of a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Pricing {
    /// Costs nothing and passes an empty wallet.
    Free,
    /// The same for every unit.
    Flat { credits_per_unit: Credits },
}

/// What happens to the part of a charge below one micro-credit, once per event.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Rounding {
    #[default]
    HalfUp,
}

/// One line of the arithmetic: `quantity × credits_per_unit = exact`, before rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    pub quantity: Quantity,
    pub credits_per_unit: Credits,
    /// Millionths of a micro-credit.
    pub exact_picos: i128,
}

/// A price applied to a quantity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    pub slices: Vec<Slice>,
    pub rounding: Rounding,
    pub credits: Credits,
}

/// The charge would be more credits than can be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("costs more credits than can be counted")]
pub struct TooDear;

impl Price {
    pub fn is_free(&self) -> bool {
        matches!(self.pricing, Pricing::Free)
    }

    /// What `quantity` costs, with the arithmetic.
    pub fn quote(&self, quantity: Quantity) -> Result<Quote, TooDear> {
        let slices = match self.pricing {
            Pricing::Free => vec![],
            Pricing::Flat { credits_per_unit } => vec![Slice::new(quantity, credits_per_unit)],
        };
        let exact_picos =
            slices.iter().try_fold(0_i128, |sum, slice| sum.checked_add(slice.exact_picos)).ok_or(TooDear)?;
        Ok(Quote { slices, rounding: self.rounding, credits: self.rounding.apply(exact_picos)? })
    }
}

impl Slice {
    fn new(quantity: Quantity, credits_per_unit: Credits) -> Self {
        // Both factors are below 2^53, so the product is far inside an i128.
        let exact_picos = i128::from(quantity.micros()).saturating_mul(i128::from(credits_per_unit.micros()));
        Self { quantity, credits_per_unit, exact_picos }
    }
}

impl Rounding {
    fn apply(self, exact_picos: i128) -> Result<Credits, TooDear> {
        let divisor = i128::from(MICROS);
        let half = match self {
            Self::HalfUp => divisor.div_euclid(2),
        };
        let micros = exact_picos.checked_add(half).ok_or(TooDear)?.div_euclid(divisor);
        i64::try_from(micros).ok().and_then(Credits::from_micros).ok_or(TooDear)
    }
}

impl RateCard {
    /// The card a fresh installation starts with: version 1, in force since 1970. An example to edit.
    pub fn example() -> Self {
        let flat = |operation: &str, unit: &str, micros: i64| Price {
            operation: operation.to_owned(),
            unit: unit.to_owned(),
            pricing: Pricing::Flat {
                credits_per_unit: Credits::from_micros(micros).unwrap_or(Credits::ZERO),
            },
            rounding: Rounding::HalfUp,
        };
        Self {
            version: 1,
            effective_from: Timestamp::from_micros(0),
            prices: vec![
                flat("model.build", "iteration", 50_000_000),
                flat("model.inference", "1 000 tokens", 100_000),
                flat("model.prediction", "call", 100_000),
                flat("data.storage", "MB·day", 10_000),
                flat("deployment.hour", "hour", 1_000_000),
                Price {
                    operation: "account.read".to_owned(),
                    unit: "call".to_owned(),
                    pricing: Pricing::Free,
                    rounding: Rounding::HalfUp,
                },
            ],
        }
    }

    pub fn price(&self, operation: &str) -> Option<&Price> {
        self.prices.iter().find(|price| price.operation == operation)
    }
}

/// The versions of a rate card, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateCards(Vec<RateCard>);

/// Why a new version is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RateCardError {
    #[error("effective_from must be at least 60 seconds ahead and later than every earlier version's")]
    TooSoon,
    #[error("operation {0} stands twice")]
    Twice(String),
    #[error("a rate card needs at least one operation")]
    Empty,
    #[error("operation {0:?} must be 1 to 64 lower-case letters, digits, '.', '_' or '-'")]
    BadName(String),
}

impl RateCards {
    /// Versions as stored; `None` unless there is one and they stand in order of version and time.
    pub fn new(cards: Vec<RateCard>) -> Option<Self> {
        let ordered = cards.windows(2).all(|pair| match pair {
            [earlier, later] => {
                earlier.version < later.version && earlier.effective_from < later.effective_from
            }
            _ => true,
        });
        if cards.is_empty() || !ordered { None } else { Some(Self(cards)) }
    }

    pub fn versions(&self) -> &[RateCard] {
        &self.0
    }

    /// The card in force at an instant; the first one for all before it.
    pub fn at(&self, at: Timestamp) -> &RateCard {
        let mut found = &self.0[0];
        for card in &self.0 {
            if card.effective_from <= at {
                found = card;
            }
        }
        found
    }

    pub fn version(&self, version: u32) -> Option<&RateCard> {
        self.0.iter().find(|card| card.version == version)
    }

    /// Checks a draft and numbers it as the next version.
    pub fn draft(
        &self,
        now: Timestamp,
        effective_from: Timestamp,
        prices: Vec<Price>,
    ) -> Result<RateCard, RateCardError> {
        let last = &self.0[self.0.len().saturating_sub(1)];
        if effective_from < now.saturating_add(MIN_NOTICE) || effective_from <= last.effective_from {
            return Err(RateCardError::TooSoon);
        }
        check_prices(&prices)?;
        Ok(RateCard { version: last.version.saturating_add(1), effective_from, prices })
    }
}

fn check_prices(prices: &[Price]) -> Result<(), RateCardError> {
    let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-');
    let mut seen = std::collections::HashSet::new();
    for Price { operation, .. } in prices {
        if operation.is_empty() || operation.len() > 64 || !operation.bytes().all(allowed) {
            return Err(RateCardError::BadName(operation.clone()));
        }
        if !seen.insert(operation) {
            return Err(RateCardError::Twice(operation.clone()));
        }
    }
    if prices.is_empty() { Err(RateCardError::Empty) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(operation: &str, quantity: &str) -> Credits {
        let card = RateCard::example();
        card.price(operation).unwrap().quote(Quantity::parse(quantity).unwrap()).unwrap().credits
    }

    #[test]
    fn the_example_card_costs_what_it_says() {
        assert_eq!(cost("model.build", "3"), Credits::whole(150));
        assert_eq!(cost("model.inference", "4.818"), Credits::parse("0.4818").unwrap());
        assert_eq!(cost("data.storage", "1"), Credits::parse("0.01").unwrap());
        assert_eq!(cost("account.read", "1000000000"), Credits::ZERO);
    }

    #[test]
    fn halves_of_a_micro_credit_round_up_once_per_event() {
        let price = |micros: i64| Price {
            operation: "op".into(),
            unit: "unit".into(),
            pricing: Pricing::Flat { credits_per_unit: Credits::from_micros(micros).unwrap() },
            rounding: Rounding::HalfUp,
        };
        let credits = |price: Price, quantity: &str| {
            price.quote(Quantity::parse(quantity).unwrap()).unwrap().credits.micros()
        };
        assert_eq!(credits(price(1), "0.5"), 1);
        assert_eq!(credits(price(1), "0.499999"), 0);
        assert_eq!(credits(price(3), "0.5"), 2);
        assert_eq!(credits(price(10_000), "0.000049"), 0);
        assert_eq!(credits(price(10_000), "0.00005"), 1);
    }

    #[test]
    fn the_dearest_quantity_is_refused_not_wrapped() {
        let dear = Price {
            operation: "op".into(),
            unit: "unit".into(),
            pricing: Pricing::Flat { credits_per_unit: Credits::MAX },
            rounding: Rounding::HalfUp,
        };
        assert_eq!(dear.quote(Quantity::MAX), Err(TooDear));
        assert_eq!(dear.quote(Quantity::parse("1").unwrap()).unwrap().credits, Credits::MAX);
    }

    #[test]
    fn a_card_is_never_back_dated() {
        let cards = RateCards::new(vec![RateCard::example()]).unwrap();
        let prices = RateCard::example().prices;
        let now = Timestamp::from_micros(1_000 * SECOND);
        let notice = |micros: i64| cards.draft(now, now.saturating_add(micros), prices.clone());
        assert_eq!(notice(MIN_NOTICE - 1), Err(RateCardError::TooSoon));
        assert_eq!(notice(MIN_NOTICE).unwrap().version, 2);
        let both = RateCards::new(vec![RateCard::example(), notice(MIN_NOTICE).unwrap()]).unwrap();
        assert_eq!(both.at(now).version, 1);
        assert_eq!(both.at(now.saturating_add(MIN_NOTICE - 1)).version, 1);
        assert_eq!(both.at(now.saturating_add(MIN_NOTICE)).version, 2);
    }

    #[test]
    fn a_draft_names_what_is_wrong_with_it() {
        let cards = RateCards::new(vec![RateCard::example()]).unwrap();
        let now = Timestamp::from_micros(0);
        let later = now.saturating_add(MIN_NOTICE);
        let named = |name: &str| Price { operation: name.into(), ..RateCard::example().prices[0].clone() };
        assert_eq!(cards.draft(now, later, vec![]), Err(RateCardError::Empty));
        assert_eq!(
            cards.draft(now, later, vec![named("a"), named("a")]),
            Err(RateCardError::Twice("a".into()))
        );
        assert_eq!(cards.draft(now, later, vec![named("A b")]), Err(RateCardError::BadName("A b".into())));
    }
}
