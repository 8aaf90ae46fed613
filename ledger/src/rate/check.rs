//! What a price must be, beyond what its type says.

use super::{Price, Pricing, Tiers};
use crate::credits::{Credits, Quantity};

/// Why a price is refused. Tiers are counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    #[error("needs at least one tier")]
    NoTier,
    #[error("must have at most {} tiers", Tiers::MAX)]
    ManyTiers,
    #[error("the last tier must be open, without up_to")]
    ClosedTier(usize),
    #[error("needs up_to; only the last tier is open")]
    OpenTier(usize),
    #[error("up_to must be more than 0 and than that of the tier before")]
    FallingTier(usize),
    #[error("up_to must be at most {}", Quantity::MAX)]
    FarTier(usize),
    #[error("must cost something; an operation without a price is free")]
    Nothing,
    #[error("a package must have at least 0.001 units")]
    SmallPackage,
    #[error("a free operation has no minimum")]
    FreeMinimum,
    #[error("the minimum must be more than 0")]
    NoMinimum,
}

impl PriceError {
    /// The tier that is wrong, from 0.
    pub const fn tier(self) -> Option<usize> {
        match self {
            Self::ClosedTier(tier) | Self::OpenTier(tier) | Self::FallingTier(tier) | Self::FarTier(tier) => {
                Some(tier)
            }
            _ => None,
        }
    }
}

/// The smallest package, so that the packages in the largest quantity can be counted.
const MIN_PACKAGE: i64 = 1_000;

pub(super) fn check_price(price: &Price) -> Result<(), PriceError> {
    match &price.pricing {
        Pricing::Flat { credits_per_unit } if credits_per_unit.is_zero() => Err(PriceError::Nothing),
        Pricing::Package { credits_per_package, .. } if credits_per_package.is_zero() => {
            Err(PriceError::Nothing)
        }
        Pricing::Package { size, .. } if size.micros() < MIN_PACKAGE => Err(PriceError::SmallPackage),
        Pricing::Free if price.minimum.is_some() => Err(PriceError::FreeMinimum),
        // Tiers were checked when they were made.
        _ if price.minimum == Some(Credits::ZERO) => Err(PriceError::NoMinimum),
        _ => Ok(()),
    }
}
