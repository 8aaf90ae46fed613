//! What anybody may know: the price list as the public pages show it, and what a list of operations would cost.

use std::collections::HashMap;

use app::backend::ConsoleError;
use app::backend::pricing::{CardView, InstantView, PricingPort, PricingView, SignUpView};
use async_trait::async_trait;
use ledger::rate::{Quote, RateCard};
use ledger::{Credits, Month, Quantity, Timestamp};

use super::{Console, Error, Reasons};
use crate::calendar::{Rfc3339, Zone};

/// What a list of operations would cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Estimate {
    /// By which it was priced.
    pub card: RateCard,
    /// In which the items were taken to happen, the only ones of the month.
    pub month: Month,
    /// In the order of the list.
    pub items: Vec<EstimatedItem>,
    pub total: Credits,
}

/// One operation of the list, as one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EstimatedItem {
    pub operation: String,
    pub quantity: Quantity,
    pub quote: Quote,
}

impl Console {
    /// Prices a list of operations by the card in force at `at` (now, when it is `None`), each as an event of its own, one
    /// after the other in a month in which nothing was used before. Nobody is charged.
    ///
    /// Errors: every operation that is not on the card, and every quantity that costs too much, by its place (422).
    pub async fn estimate(
        &self,
        at: Option<Timestamp>,
        asked: Vec<(String, Quantity)>,
    ) -> Result<Estimate, Error> {
        let cards = self.store.rate_cards().await?;
        let at = at.unwrap_or_else(|| self.clock.now());
        estimate(cards.at(at), Month::of(at), asked)
    }

    async fn read_prices(&self) -> Result<PricingView, Error> {
        let cards = self.store.rate_cards().await?;
        let card = cards.at(self.clock.now());
        let next = cards.versions().iter().find(|later| later.version > card.version);
        let credits = self.config.sign_up_credits;
        let sign_up =
            (!credits.is_zero()).then(|| SignUpView { credits, days: self.config.sign_up_credits_days });
        Ok(PricingView {
            card: card_view(card),
            next: next.map(card_view),
            sign_up,
            base_url: self.config.base_url.to_string(),
        })
    }
}

#[async_trait]
impl PricingPort for Console {
    async fn pricing(&self) -> Result<PricingView, ConsoleError> {
        Ok(self.read_prices().await?)
    }
}

fn estimate(card: &RateCard, month: Month, asked: Vec<(String, Quantity)>) -> Result<Estimate, Error> {
    let mut reasons = Reasons::new();
    let mut used: HashMap<String, Quantity> = HashMap::new();
    let mut items = Vec::with_capacity(asked.len());
    for (place, (operation, quantity)) in asked.into_iter().enumerate() {
        let before = used.get(&operation).copied().unwrap_or_default();
        let quoted = card.price(&operation).map(|price| price.quote_after(before, quantity));
        match quoted {
            Some(Ok(quote)) => {
                used.insert(operation.clone(), before.saturating_add(quantity));
                items.push(EstimatedItem { operation, quantity, quote });
            }
            Some(Err(too_dear)) => {
                reasons.insert(format!("items[{place}].quantity").into(), too_dear.to_string().into());
            }
            None => {
                let reason = format!("{operation:?} is not on the rate card; see GET /rate-card");
                reasons.insert(format!("items[{place}].operation").into(), reason.into());
            }
        }
    }
    if !reasons.is_empty() {
        return Err(Error::Validation(reasons));
    }
    let total = Credits::sum(items.iter().map(|item| item.quote.credits))
        .ok_or_else(|| Error::field("items", "cost more credits than can be counted"))?;
    Ok(Estimate { card: card.clone(), month, items, total })
}

fn card_view(card: &RateCard) -> CardView {
    let from = card.effective_from;
    CardView {
        version: card.version,
        since: (from.micros() > 0).then(|| InstantView {
            instant: Rfc3339(from).to_string(),
            label: Zone::utc().format(from, "%-d %B %Y, %H:%M UTC"),
        }),
        prices: card.prices.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn month() -> Month {
        Month::of(Timestamp::from_micros(0))
    }

    fn asked(items: &[(&str, &str)]) -> Vec<(String, Quantity)> {
        let item = |(operation, quantity): &(&str, &str)| {
            ((*operation).to_owned(), Quantity::parse(quantity).unwrap())
        };
        items.iter().map(item).collect()
    }

    #[test]
    fn each_item_is_rounded_by_itself_and_the_total_is_their_sum() {
        let two = asked(&[("data.storage", "0.00005"), ("data.storage", "0.00005"), ("account.read", "7")]);
        let estimate = estimate(&RateCard::example(), month(), two).unwrap();
        let credits: Vec<_> = estimate.items.iter().map(|item| item.quote.credits.micros()).collect();
        assert_eq!((credits, estimate.total.micros()), (vec![1, 1, 0], 2));
    }

    #[test]
    fn every_item_that_cannot_be_priced_is_named() {
        let bad = asked(&[("model.build", "1"), ("model.biuld", "1"), ("model.build", "1000000000")]);
        let Err(Error::Validation(reasons)) = estimate(&RateCard::example(), month(), bad) else {
            panic!("priced")
        };
        assert_eq!(reasons.keys().collect::<Vec<_>>(), ["items[1].operation", "items[2].quantity"]);
        let dear = asked(&[("model.build", "150000000"), ("model.build", "150000000")]);
        let error = estimate(&RateCard::example(), month(), dear).unwrap_err();
        assert_eq!(error.to_string(), "items cost more credits than can be counted.");
    }

    #[test]
    fn a_card_says_since_when_unless_it_always_was() {
        let mut card = RateCard::example();
        assert_eq!(card_view(&card).since, None);
        card.effective_from = Timestamp::from_micros(1_795_348_800_000_000);
        let since = card_view(&card).since.unwrap();
        assert_eq!(
            (since.instant.as_str(), since.label.as_str()),
            ("2026-11-22T12:00:00Z", "22 November 2026, 12:00 UTC")
        );
    }
}
