//! The price list: which version is in force, and how a new one comes into force.

use ledger::Timestamp;
use ledger::rate::{Price, RateCard, RateCardError, RateCards};

use super::{Console, Error};

impl Console {
    /// All versions of the rate card, oldest first; at least one.
    pub async fn rate_cards(&self) -> Result<RateCards, Error> {
        Ok(self.store.rate_cards().await?)
    }

    /// Adds a version of the rate card, in force from `effective_from` (at least 60 s ahead). Old events keep theirs.
    ///
    /// Errors: too soon, no operation, one twice, misnamed or wrongly priced (422); another version came first (409).
    pub async fn import_rate_card(
        &self,
        effective_from: Timestamp,
        prices: Vec<Price>,
    ) -> Result<RateCard, Error> {
        let now = self.clock.now();
        let card = self.store.rate_cards().await?.draft(now, effective_from, prices)?;
        match self.store.add_rate_card(&card, now).await {
            Err(error) if error.violated_unique().is_some() => {
                let reason = "was added by somebody else just now; look at it, then import again";
                Err(Error::ResourceExists { details: [("version".into(), reason.into())].into() })
            }
            added => Ok(added.map(|()| card)?),
        }
    }
}

impl From<RateCardError> for Error {
    fn from(error: RateCardError) -> Self {
        match error {
            RateCardError::TooSoon => Self::field(
                "effective_from",
                "must be at least 60 seconds ahead and later than every earlier version's",
            ),
            RateCardError::Twice(operation) => Self::field("operation", format!("{operation} stands twice")),
            RateCardError::Empty => Self::field("price", "must stand at least once"),
            RateCardError::BadPrice { operation, problem } => {
                Self::field("price", format!("of {operation}: {problem}"))
            }
            RateCardError::BadName(_) => {
                Self::field("operation", "must be 1 to 64 lower-case letters, digits, '.', '_' or '-'")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ledger::rate::PriceError;

    use super::*;

    #[test]
    fn every_refusal_names_its_field() {
        for (error, field) in [
            (RateCardError::TooSoon, "effective_from"),
            (RateCardError::Twice("a".to_owned()), "operation"),
            (RateCardError::Empty, "price"),
            (RateCardError::BadName("A".to_owned()), "operation"),
            (
                RateCardError::BadPrice { operation: "a".to_owned(), problem: PriceError::Nothing },
                "price of a: must cost something",
            ),
        ] {
            let error = Error::from(error);
            assert_eq!(error.status(), 422);
            assert!(error.to_string().starts_with(field), "{error}");
        }
    }
}
