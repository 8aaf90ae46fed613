//! The calculator, before anything is drawn: what was typed for each operation, and what it costs.
//!
//! The server answers the form with it and the browser the edits, both with the arithmetic that charges.

use ledger::credits::DecimalError;
use ledger::rate::{Price, TooDear};
use ledger::{Credits, Quantity};

/// A quantity for every operation of a price list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calculation {
    prices: Vec<Price>,
    /// As typed, one for each price; empty for what is not asked.
    typed: Vec<String>,
}

/// Why a line has no cost. The messages are whole sentences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unpriced {
    #[error("This must be a number such as 12 or 0.25.")]
    NotANumber,
    #[error("This must not be negative.")]
    Negative,
    #[error("This must have at most 6 decimals.")]
    TooPrecise,
    #[error("This is too much for one event.")]
    TooMuch,
}

impl From<DecimalError> for Unpriced {
    fn from(error: DecimalError) -> Self {
        match error {
            DecimalError::NotANumber => Self::NotANumber,
            DecimalError::Negative => Self::Negative,
            DecimalError::TooPrecise => Self::TooPrecise,
            DecimalError::TooLarge => Self::TooMuch,
        }
    }
}

impl From<TooDear> for Unpriced {
    fn from(_: TooDear) -> Self {
        Self::TooMuch
    }
}

impl Calculation {
    /// `typed` finds what was typed for an operation.
    pub fn new(prices: Vec<Price>, typed: impl Fn(&str) -> Option<String>) -> Self {
        let typed = prices.iter().map(|price| typed(&price.operation).unwrap_or_default()).collect();
        Self { prices, typed }
    }

    pub fn prices(&self) -> &[Price] {
        &self.prices
    }

    pub fn typed(&self, line: usize) -> &str {
        self.typed.get(line).map_or("", String::as_str)
    }

    /// Does nothing for a line that is not there.
    pub fn type_in(&mut self, line: usize, text: String) {
        if let Some(typed) = self.typed.get_mut(line) {
            *typed = text;
        }
    }

    /// What a line costs; zero when nothing was typed.
    pub fn cost(&self, line: usize) -> Result<Credits, Unpriced> {
        let (typed, Some(price)) = (self.typed(line).trim(), self.prices.get(line)) else {
            return Ok(Credits::ZERO);
        };
        if typed.is_empty() {
            return Ok(Credits::ZERO);
        }
        Ok(price.quote(Quantity::parse(typed)?)?.credits)
    }

    /// What all lines cost together; `None` while one of them has no cost.
    pub fn total(&self) -> Option<Credits> {
        (0..self.prices.len())
            .try_fold(Credits::ZERO, |sum, line| self.cost(line).ok().and_then(|cost| sum.checked_add(cost)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::rate::RateCard;

    fn calculation(typed: &[(&str, &str)]) -> Calculation {
        Calculation::new(RateCard::example().prices, |operation| {
            typed.iter().find(|(name, _)| *name == operation).map(|(_, text)| (*text).to_owned())
        })
    }

    fn credits(text: &str) -> Credits {
        Credits::parse(text).unwrap()
    }

    #[test]
    fn every_line_costs_what_its_event_would_and_the_total_is_their_sum() {
        let calculation =
            calculation(&[("model.build", "3"), ("model.inference", " 4.818 "), ("account.read", "9")]);
        assert_eq!(calculation.cost(0), Ok(credits("150")));
        assert_eq!(calculation.cost(1), Ok(credits("0.4818")));
        assert_eq!(calculation.cost(2), Ok(Credits::ZERO), "nothing typed");
        assert_eq!(calculation.cost(5), Ok(Credits::ZERO), "free");
        assert_eq!(calculation.total(), Some(credits("150.4818")));
    }

    #[test]
    fn a_line_that_cannot_be_read_says_why_and_leaves_no_total() {
        for (typed, why) in [
            ("three", Unpriced::NotANumber),
            ("1,5", Unpriced::NotANumber),
            ("-1", Unpriced::Negative),
            ("0.0000001", Unpriced::TooPrecise),
            ("1000000001", Unpriced::TooMuch),
            ("1000000000", Unpriced::TooMuch),
        ] {
            let calculation = calculation(&[("model.build", typed), ("model.prediction", "1")]);
            assert_eq!(calculation.cost(0), Err(why), "{typed}");
            assert_eq!(calculation.total(), None);
        }
    }

    #[test]
    fn what_is_typed_replaces_what_was() {
        let mut calculation = calculation(&[("model.build", "3")]);
        calculation.type_in(0, "4".to_owned());
        calculation.type_in(99, "4".to_owned());
        assert_eq!(calculation.typed(0), "4");
        assert_eq!(calculation.total(), Some(Credits::whole(200)));
    }
}
