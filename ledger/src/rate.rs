//! What an operation costs: prices, and versions of the rate card. The arithmetic of one event is in [`quote`].

mod cards;
mod check;
mod quote;
mod rounding;
mod tiers;

use serde::{Deserialize, Serialize};

pub use self::cards::{RateCardError, RateCards};
pub use self::check::PriceError;
pub use self::quote::{MonthPart, Part, Quote, Slice, TooDear};
pub use self::rounding::Rounding;
pub use self::tiers::{Tier, Tiers};
use crate::credits::{Credits, Quantity};
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
    /// The least that an event with a quantity costs; not for free operations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<Credits>,
}

/// The shape of a price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Pricing {
    /// Costs nothing and passes an empty wallet.
    Free,
    /// The same for every unit.
    Flat { credits_per_unit: Credits },
    /// The tier that the whole quantity of one event falls in prices all of it.
    Volume { tiers: Tiers },
    /// Every package of `size` units that one event begins.
    Package { size: Quantity, credits_per_package: Credits },
    /// Each part of what the account uses in a calendar month (UTC) at the price of the tier that the part falls in.
    Graduated { tiers: Tiers },
}

impl Pricing {
    /// The name on the wire.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Flat { .. } => "flat",
            Self::Volume { .. } => "volume",
            Self::Package { .. } => "package",
            Self::Graduated { .. } => "graduated",
        }
    }

    /// Of volume and graduated prices.
    pub fn tiers(&self) -> Option<&[Tier]> {
        match self {
            Self::Volume { tiers } | Self::Graduated { tiers } => Some(tiers.as_slice()),
            _ => None,
        }
    }
}

impl Price {
    pub fn is_free(&self) -> bool {
        matches!(self.pricing, Pricing::Free)
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
            minimum: None,
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
                    minimum: None,
                },
            ],
        }
    }

    pub fn price(&self, operation: &str) -> Option<&Price> {
        self.prices.iter().find(|price| price.operation == operation)
    }
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
    fn prices_are_stored_as_they_always_were_and_read_back() {
        let flat = RateCard::example().prices[1].clone();
        let stored = r#"{"operation":"model.inference","unit":"1 000 tokens","pricing":{"flat":{"credits_per_unit":0.1}},"rounding":"half_up"}"#;
        assert_eq!(serde_json::to_string(&flat).unwrap(), stored);
        let tier = |up_to: Option<&str>, micros| Tier {
            up_to: up_to.map(|text| Quantity::parse(text).unwrap()),
            credits_per_unit: Credits::from_micros(micros).unwrap(),
        };
        let tiers = Tiers::new(vec![tier(Some("10"), 0), tier(None, 5)]).unwrap();
        let size = Quantity::parse("2.5").unwrap();
        for pricing in [
            Pricing::Free,
            Pricing::Volume { tiers: tiers.clone() },
            Pricing::Graduated { tiers },
            Pricing::Package { size, credits_per_package: Credits::whole(3) },
        ] {
            for minimum in [None, Some(Credits::whole(2))] {
                let price =
                    Price { pricing: pricing.clone(), minimum, rounding: Rounding::Up, ..flat.clone() };
                let json = serde_json::to_string(&price).unwrap();
                assert_eq!(serde_json::from_str::<Price>(&json).unwrap(), price, "{json}");
            }
        }
    }
}
