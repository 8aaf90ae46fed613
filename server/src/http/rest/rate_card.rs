//! `GET /rate-card?at=`: what an operation costs, for everybody.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use ledger::rate::{Price, Pricing, RateCard, Rounding, Tier};
use ledger::{Credits, Quantity};
use schemars::JsonSchema;
use serde::Serialize;

use crate::calendar::Rfc3339;
use crate::console::{Console, Error};
use crate::http::query::Query;

#[cfg(test)]
use crate::http::description::{Area, Caller, Operation, schemas};
#[cfg(test)]
use serde_json::json;

pub fn router() -> Router<Console> {
    Router::new().route("/rate-card", get(rate_card))
}

async fn rate_card(State(console): State<Console>, query: Query) -> Result<Json<RateCardView>, Error> {
    let asked = query.read(|query| query.time("at"))?;
    let at = asked.unwrap_or_else(|| console.clock.now());
    let cards = console.store.rate_cards().await?;
    let card = cards.at(at);
    let next = cards.versions().iter().find(|later| later.version > card.version);
    Ok(Json(RateCardView::new(card, next)))
}

/// One version of the price list.
#[derive(Debug, Serialize, JsonSchema)]
struct RateCardView {
    version: u32,
    effective_from: Rfc3339,
    /// When the next known version takes over.
    effective_until: Option<Rfc3339>,
    operations: Vec<PriceView>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct PriceView {
    operation: String,
    /// What one unit of `quantity` is, in the singular.
    unit: String,
    #[serde(flatten)]
    pricing: PricingView,
    rounding: Rounding,
}

/// The shape of a price and its numbers.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct PricingView {
    #[schemars(extend("enum" = ["flat", "graduated", "volume", "package", "free"]))]
    model: &'static str,
    /// For the model `flat`.
    #[serde(skip_serializing_if = "Option::is_none")]
    credits_per_unit: Option<Credits>,
    /// For the models `volume`, by the quantity of one event, and `graduated`, by that of a calendar month (UTC).
    #[serde(skip_serializing_if = "Option::is_none")]
    tiers: Option<Vec<TierView>>,
    /// For the model `package`: each one that an event begins is paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    package: Option<PackageView>,
    /// The least that an event with a quantity costs.
    #[serde(skip_serializing_if = "Option::is_none")]
    minimum: Option<Credits>,
}

/// Ends with `up_to`, which belongs to it; begins where the tier before ends. The last one has no end.
#[derive(Debug, Serialize, JsonSchema)]
struct TierView {
    up_to: Option<Quantity>,
    credits_per_unit: Credits,
}

#[derive(Debug, Serialize, JsonSchema)]
struct PackageView {
    units: Quantity,
    credits: Credits,
}

impl RateCardView {
    fn new(card: &RateCard, next: Option<&RateCard>) -> Self {
        Self {
            version: card.version,
            effective_from: Rfc3339(card.effective_from),
            effective_until: next.map(|next| Rfc3339(next.effective_from)),
            operations: card.prices.iter().map(PriceView::new).collect(),
        }
    }
}

impl PriceView {
    fn new(price: &Price) -> Self {
        let Price { operation, unit, rounding, .. } = price.clone();
        Self { operation, unit, pricing: PricingView::new(price), rounding }
    }
}

impl PricingView {
    pub fn new(price: &Price) -> Self {
        let tier = |tier: &Tier| TierView { up_to: tier.up_to, credits_per_unit: tier.credits_per_unit };
        let (credits_per_unit, package) = match price.pricing {
            Pricing::Flat { credits_per_unit } => (Some(credits_per_unit), None),
            Pricing::Package { size, credits_per_package } => {
                (None, Some(PackageView { units: size, credits: credits_per_package }))
            }
            _ => (None, None),
        };
        Self {
            model: price.pricing.name(),
            credits_per_unit,
            tiers: price.pricing.tiers().map(|tiers| tiers.iter().map(tier).collect()),
            package,
            minimum: price.minimum,
        }
    }
}

#[cfg(test)]
pub(super) fn described() -> Vec<Operation> {
    let operation = Operation::get("/rate-card", "get_rate_card", "What operations cost")
        .by(Area::Prices, Caller::Anybody)
        .query([schemas::time("at", "The card of this instant; of now when nothing is said.")])
        .answers::<RateCardView>(json!({
            "version": 1, "effective_from": "1970-01-01T00:00:00Z", "effective_until": null,
            "operations": [{
                "operation": "model.build", "unit": "iteration", "model": "flat", "credits_per_unit": 50,
                "rounding": "half_up",
            }],
        }));
    vec![operation]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_card_reads_as_a_price_list() {
        let card = RateCard::example();
        let json = serde_json::to_value(RateCardView::new(&card, None)).unwrap();
        assert_eq!(json["version"], 1);
        assert_eq!(json["effective_from"], "1970-01-01T00:00:00Z");
        assert_eq!(json["effective_until"], serde_json::Value::Null);
        assert_eq!(json["operations"][1]["operation"], "model.inference");
        assert_eq!(json["operations"][1]["credits_per_unit"].to_string(), "0.1");
        assert_eq!(json["operations"][1]["rounding"], "half_up");
        assert_eq!(json["operations"][5]["model"], "free");
        assert!(json["operations"][5].get("credits_per_unit").is_none());
    }
}
