//! Prices by quantity: tiers that follow each other without a gap, the last of them open.

use serde::{Deserialize, Serialize};

use super::PriceError;
use crate::credits::{Credits, Quantity};

/// A stretch of quantities and what a unit costs there. It begins where the tier before it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// The last quantity of the tier; `None` for the last tier, which has no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up_to: Option<Quantity>,
    /// May be zero, for a first part that is free.
    pub credits_per_unit: Credits,
}

/// At least one tier, their ends strictly rising, the last one open, something to pay in one of them at least.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Tier>")]
pub struct Tiers(Vec<Tier>);

/// A tier and where it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// The tier holds what is above this, up to [`Tier::up_to`].
    pub above: Quantity,
    pub tier: Tier,
}

impl Tiers {
    /// The most tiers that a price may have.
    pub const MAX: usize = 20;

    pub fn new(tiers: Vec<Tier>) -> Result<Self, PriceError> {
        let last = tiers.len().checked_sub(1).ok_or(PriceError::NoTier)?;
        if tiers.len() > Self::MAX {
            return Err(PriceError::ManyTiers);
        }
        let mut above = Quantity::ZERO;
        for (place, tier) in tiers.iter().enumerate() {
            match tier.up_to {
                Some(_) if place == last => return Err(PriceError::ClosedTier(place)),
                None if place != last => return Err(PriceError::OpenTier(place)),
                Some(up_to) if up_to <= above => return Err(PriceError::FallingTier(place)),
                Some(up_to) if up_to > Quantity::MAX => return Err(PriceError::FarTier(place)),
                Some(up_to) => above = up_to,
                None => {}
            }
        }
        if tiers.iter().all(|tier| tier.credits_per_unit.is_zero()) {
            return Err(PriceError::Nothing);
        }
        Ok(Self(tiers))
    }

    pub fn as_slice(&self) -> &[Tier] {
        &self.0
    }

    pub(super) fn spans(&self) -> impl Iterator<Item = Span> {
        let begins = std::iter::once(Quantity::ZERO).chain(self.0.iter().filter_map(|tier| tier.up_to));
        begins.zip(&self.0).map(|(above, tier)| Span { above, tier: *tier })
    }
}

impl TryFrom<Vec<Tier>> for Tiers {
    type Error = PriceError;

    fn try_from(tiers: Vec<Tier>) -> Result<Self, PriceError> {
        Self::new(tiers)
    }
}

impl Span {
    pub fn holds(&self, quantity: Quantity) -> bool {
        self.tier.up_to.is_none_or(|up_to| quantity <= up_to)
    }

    /// How much of the first `quantity` units lies in this tier.
    pub fn part_of(&self, quantity: Quantity) -> Quantity {
        let end = self.tier.up_to.map_or(quantity, |up_to| quantity.min(up_to));
        Quantity::from_micros(end.micros().saturating_sub(self.above.micros())).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ends and prices in micro-credits.
    fn tiers(list: &[(Option<&str>, i64)]) -> Result<Tiers, PriceError> {
        let tier = |(up_to, micros): &(Option<&str>, i64)| Tier {
            up_to: up_to.map(|text| Quantity::parse(text).unwrap()),
            credits_per_unit: Credits::from_micros(*micros).unwrap(),
        };
        Tiers::new(list.iter().map(tier).collect())
    }

    #[test]
    fn tiers_rise_and_only_the_last_is_open() {
        assert!(tiers(&[(None, 1)]).is_ok());
        assert!(tiers(&[(Some("0.000001"), 0), (Some("1000000000"), 2), (None, 1)]).is_ok());
        for (list, error) in [
            (&[][..], PriceError::NoTier),
            (&[(Some("1"), 1)], PriceError::ClosedTier(0)),
            (&[(None, 1), (None, 1)], PriceError::OpenTier(0)),
            (&[(Some("0"), 1), (None, 1)], PriceError::FallingTier(0)),
            (&[(Some("2"), 1), (Some("2"), 1), (None, 1)], PriceError::FallingTier(1)),
            (&[(Some("2"), 1), (Some("1.999999"), 1), (None, 1)], PriceError::FallingTier(1)),
            (&[(Some("2"), 0), (None, 0)], PriceError::Nothing),
        ] {
            assert_eq!(tiers(list), Err(error), "{list:?}");
        }
        let many = |count: i64| {
            let closed = (1..count)
                .map(|end| Tier { up_to: Quantity::from_micros(end), credits_per_unit: Credits::whole(1) });
            Tiers::new(closed.chain([Tier { up_to: None, credits_per_unit: Credits::whole(1) }]).collect())
        };
        assert!(many(20).is_ok());
        assert_eq!(many(21), Err(PriceError::ManyTiers));
        let far = Tier { up_to: Quantity::from_micros(i64::MAX), credits_per_unit: Credits::whole(1) };
        assert_eq!(Tiers::new(vec![far, Tier { up_to: None, ..far }]), Err(PriceError::FarTier(0)));
    }

    #[test]
    fn stored_tiers_are_checked_when_they_are_read() {
        let good = tiers(&[(Some("2.5"), 100_000), (None, 50_000)]).unwrap();
        let json = serde_json::to_string(&good).unwrap();
        assert_eq!(json, r#"[{"up_to":2.5,"credits_per_unit":0.1},{"credits_per_unit":0.05}]"#);
        assert_eq!(serde_json::from_str::<Tiers>(&json).unwrap(), good);
        let bad = serde_json::from_str::<Tiers>(r#"[{"up_to":2.5,"credits_per_unit":0.1}]"#).unwrap_err();
        assert!(bad.to_string().contains("the last tier must be open"), "{bad}");
    }
}
