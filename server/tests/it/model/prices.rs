//! What an event costs, by the spec's section "Pricing" alone.

use serde_json::{Value, json};

use super::wire::decimal;

/// Credits are counted up to here.
pub const MOST: i64 = (1 << 53) - 1;
/// Millionths of a credit, or of a unit.
pub const ONE: i64 = 1_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    HalfUp,
    Up,
    Down,
    HalfEven,
}

impl Rounding {
    pub const ALL: [Self; 4] = [Self::HalfUp, Self::Up, Self::Down, Self::HalfEven];

    const fn name(self) -> &'static str {
        match self {
            Self::HalfUp => "half_up",
            Self::Up => "up",
            Self::Down => "down",
            Self::HalfEven => "half_even",
        }
    }

    /// Millionths of a micro-credit as whole ones.
    fn round(self, exact: i128) -> i128 {
        let one = i128::from(ONE);
        let (whole, part) = (exact / one, exact % one);
        let up = match self {
            Self::HalfUp => 2 * part >= one,
            Self::Up => part > 0,
            Self::Down => false,
            Self::HalfEven => 2 * part > one || (2 * part == one && whole % 2 == 1),
        };
        whole + i128::from(up)
    }
}

/// The units up to a bound, and what each of them costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tier {
    pub up_to: Option<i64>,
    pub per_unit: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pricing {
    Free,
    Flat(i64),
    Volume(Vec<Tier>),
    Package { size: i64, credits: i64 },
    Graduated(Vec<Tier>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    pub operation: &'static str,
    pub pricing: Pricing,
    pub rounding: Rounding,
    pub minimum: Option<i64>,
}

/// One version of the rate card.
#[derive(Clone, PartialEq, Eq)]
pub struct Card {
    pub version: u64,
    pub from: i64,
    pub prices: Vec<Price>,
}

/// Short, for the list of what was done before a difference.
impl std::fmt::Debug for Card {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "version {} from {}", self.version, super::wire::instant(self.from))
    }
}

impl Card {
    /// The one that a console begins with.
    pub fn first() -> Self {
        let flat = |operation, per_unit| Price {
            operation,
            pricing: Pricing::Flat(per_unit),
            rounding: Rounding::HalfUp,
            minimum: None,
        };
        let prices = vec![
            flat("model.build", 50 * ONE),
            flat("model.inference", ONE / 10),
            flat("model.prediction", ONE / 10),
            flat("data.storage", ONE / 100),
            flat("deployment.hour", ONE),
            Price { pricing: Pricing::Free, ..flat("account.read", 0) },
        ];
        Self { version: 1, from: 0, prices }
    }

    pub fn price(&self, operation: &str) -> Option<&Price> {
        self.prices.iter().find(|price| price.operation == operation)
    }

    /// As an operator imports it.
    pub fn json(&self) -> String {
        let prices: Vec<String> = self.prices.iter().map(Price::json).collect();
        format!("[{}]", prices.join(","))
    }
}

impl Price {
    /// Micro-credits for `quantity` after `before` of the month; `None`: more than can be counted.
    pub fn cost(&self, before: i128, quantity: i64) -> Option<i64> {
        let q = i128::from(quantity);
        let charge = match &self.pricing {
            Pricing::Free => return Some(0),
            Pricing::Flat(per_unit) => self.rounding.round(q * i128::from(*per_unit)),
            Pricing::Volume(tiers) => {
                let tier = tiers.iter().find(|tier| tier.up_to.is_none_or(|bound| quantity <= bound));
                self.rounding.round(q * i128::from(tier.expect("the last has no bound").per_unit))
            }
            Pricing::Package { size, credits } => {
                let begun = (q + i128::from(*size) - 1) / i128::from(*size);
                begun * i128::from(*credits)
            }
            Pricing::Graduated(tiers) => {
                self.rounding.round(month(tiers, before + q)) - self.rounding.round(month(tiers, before))
            }
        };
        let charge = if quantity == 0 { 0 } else { charge.max(i128::from(self.minimum.unwrap_or(0))) };
        i64::try_from(charge).ok().filter(|charge| *charge <= MOST)
    }

    fn json(&self) -> String {
        let tier = |tier: &Tier| match tier.up_to {
            Some(bound) => {
                format!(r#"{{"up_to":{},"credits_per_unit":{}}}"#, decimal(bound), decimal(tier.per_unit))
            }
            None => format!(r#"{{"credits_per_unit":{}}}"#, decimal(tier.per_unit)),
        };
        let tiers = |tiers: &[Tier]| tiers.iter().map(tier).collect::<Vec<_>>().join(",");
        let pricing = match &self.pricing {
            Pricing::Free => r#""free""#.to_owned(),
            Pricing::Flat(per_unit) => format!(r#"{{"flat":{{"credits_per_unit":{}}}}}"#, decimal(*per_unit)),
            Pricing::Volume(of) => format!(r#"{{"volume":{{"tiers":[{}]}}}}"#, tiers(of)),
            Pricing::Package { size, credits } => format!(
                r#"{{"package":{{"size":{},"credits_per_package":{}}}}}"#,
                decimal(*size),
                decimal(*credits)
            ),
            Pricing::Graduated(of) => format!(r#"{{"graduated":{{"tiers":[{}]}}}}"#, tiers(of)),
        };
        let (operation, rounding) = (json!(self.operation), self.rounding.name());
        let minimum = self.minimum.map_or(Value::Null.to_string(), decimal);
        format!(
            r#"{{"operation":{operation},"unit":"unit","pricing":{pricing},"rounding":"{rounding}","minimum":{minimum}}}"#
        )
    }
}

/// What the first `units` of a month cost, in millionths of a micro-credit.
fn month(tiers: &[Tier], units: i128) -> i128 {
    let (mut cost, mut begin) = (0, 0);
    for tier in tiers {
        let end = tier.up_to.map_or(units, |bound| units.min(i128::from(bound)));
        if end > begin {
            cost += (end - begin) * i128::from(tier.per_unit);
            begin = end;
        }
    }
    cost
}
