//! The versions of a rate card, and how a new one is checked.

use super::check::{PriceError, check_price};
use super::{MIN_NOTICE, Price, Pricing, RateCard};
use crate::time::Timestamp;

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
    #[error("operation {operation}: {problem}")]
    BadPrice { operation: String, problem: PriceError },
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

    /// The operations that any version prices by the quantity of a month.
    pub fn graduated(&self) -> impl Iterator<Item = &str> {
        let prices = self.0.iter().flat_map(|card| &card.prices);
        let is_graduated = |price: &&Price| matches!(price.pricing, Pricing::Graduated { .. });
        prices.filter(is_graduated).map(|price| price.operation.as_str())
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
    for price in prices {
        let operation = &price.operation;
        if operation.is_empty() || operation.len() > 64 || !operation.bytes().all(allowed) {
            return Err(RateCardError::BadName(operation.clone()));
        }
        if !seen.insert(operation) {
            return Err(RateCardError::Twice(operation.clone()));
        }
        let wrong = |problem| RateCardError::BadPrice { operation: operation.clone(), problem };
        check_price(price).map_err(wrong)?;
    }
    if prices.is_empty() { Err(RateCardError::Empty) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credits::{Credits, Quantity};
    use crate::time::SECOND;

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

    fn draft(prices: Vec<Price>) -> Result<RateCard, RateCardError> {
        let cards = RateCards::new(vec![RateCard::example()]).unwrap();
        let now = Timestamp::from_micros(0);
        cards.draft(now, now.saturating_add(MIN_NOTICE), prices)
    }

    #[test]
    fn a_draft_names_what_is_wrong_with_it() {
        let named = |name: &str| Price { operation: name.into(), ..RateCard::example().prices[0].clone() };
        assert_eq!(draft(vec![]), Err(RateCardError::Empty));
        assert_eq!(draft(vec![named("a"), named("a")]), Err(RateCardError::Twice("a".into())));
        assert_eq!(draft(vec![named("A b")]), Err(RateCardError::BadName("A b".into())));
    }

    #[test]
    fn a_draft_names_the_operation_whose_price_is_wrong() {
        let price = |pricing, minimum| {
            let good = RateCard::example().prices[0].clone();
            vec![good.clone(), Price { operation: "odd".into(), pricing, minimum, ..good }]
        };
        let one = Credits::whole(1);
        let package = |size: &str, credits| Pricing::Package {
            size: Quantity::parse(size).unwrap(),
            credits_per_package: credits,
        };
        let flat = |credits_per_unit| Pricing::Flat { credits_per_unit };
        assert!(draft(price(package("0.001", one), Some(one))).is_ok());
        for (pricing, minimum, problem) in [
            (flat(Credits::ZERO), None, PriceError::Nothing),
            (package("1", Credits::ZERO), None, PriceError::Nothing),
            (package("0", one), None, PriceError::SmallPackage),
            (package("0.000999", one), None, PriceError::SmallPackage),
            (Pricing::Free, Some(one), PriceError::FreeMinimum),
            (flat(one), Some(Credits::ZERO), PriceError::NoMinimum),
        ] {
            let error = draft(price(pricing, minimum)).unwrap_err();
            assert!(error.to_string().starts_with("operation odd: "), "{error}");
            assert_eq!(error, RateCardError::BadPrice { operation: "odd".into(), problem });
        }
    }
}
