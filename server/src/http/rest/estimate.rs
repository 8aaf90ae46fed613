//! `POST /rate-card/estimate?at=`: what a list of operations would cost, for everybody. Nobody is charged.

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use ledger::{Credits, Quantity};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use super::arithmetic::{MonthView, RoundingView, SliceView};
use super::report;
use crate::calendar::Rfc3339;
use crate::console::pricing::{Estimate, EstimatedItem};
use crate::console::{Console, Error, Reasons};
use crate::http::json::{Fields, JsonBody, wrong_type};
use crate::http::query::Query;

#[cfg(test)]
use crate::http::description::{Area, Caller, Operation, schemas};
#[cfg(test)]
use serde_json::json;

/// Operations in one request, as in a report of events.
const MAX_ITEMS: usize = 1_000;

pub fn router() -> Router<Console> {
    Router::new().route("/rate-card/estimate", post(estimate))
}

async fn estimate(
    State(console): State<Console>,
    query: Query,
    body: JsonBody,
) -> Result<Json<EstimateView>, Error> {
    let at = query.read(|query| query.time("at"))?;
    let asked = asked(&body)?;
    Ok(Json(console.estimate(at, asked).await?.into()))
}

/// Reads `{"items": [{"operation", "quantity"}, …]}`. Errors: another type (400), too many (413); each item's fields by
/// the item's place, `items[2].quantity` (422).
fn asked(body: &JsonBody) -> Result<Vec<(String, Quantity)>, Error> {
    let mut fields = body.object()?;
    let mut reasons = Reasons::new();
    let items = match fields.given("items") {
        Some(list) if list.get().starts_with('[') => {
            serde_json::from_str::<Vec<&RawValue>>(list.get()).map_err(Error::internal)?
        }
        Some(_) => return Err(wrong_type("items", "a list")),
        None => {
            reasons.insert("items".into(), "is required".into());
            vec![]
        }
    };
    if items.len() > MAX_ITEMS {
        return Err(Error::PayloadTooLarge("At most 1000 operations fit in one request."));
    }
    let mut asked = Vec::with_capacity(items.len());
    for (place, item) in items.into_iter().enumerate() {
        match Fields::of(item).and_then(report::amount) {
            Ok(amount) => asked.push(amount),
            Err(Error::Validation(of_item)) => {
                let placed = |(field, reason)| (format!("items[{place}].{field}").into(), reason);
                reasons.extend(of_item.into_iter().map(placed));
            }
            Err(Error::InvalidRequest(sentence)) => {
                return Err(Error::InvalidRequest(format!("items[{place}]: {sentence}").into()));
            }
            Err(other) => return Err(other),
        }
    }
    if asked.is_empty() && reasons.is_empty() {
        reasons.insert("items".into(), "must have at least one operation".into());
    }
    fields.finish(reasons)?;
    Ok(asked)
}

/// What the list would cost, and how that was worked out.
#[derive(Debug, Serialize, JsonSchema)]
struct EstimateView {
    items: Vec<ItemView>,
    total: Credits,
    price_version: u32,
    effective_from: Rfc3339,
    /// What was taken for granted, where an answer depends on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    assumed: Option<&'static str>,
}

/// Nobody in particular asks, so nobody's month can be looked at.
const ASSUMED: &str = "Prices by the calendar month are counted as if nothing had been used in it before the first of these items.";

/// One operation, priced as one event; slices and rounding as on a receipt.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "EstimatedItem")]
struct ItemView {
    operation: String,
    quantity: Quantity,
    /// What one unit of `quantity` is.
    unit: String,
    credits: Credits,
    slices: Vec<SliceView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    month: Option<MonthView>,
    rounding: RoundingView,
    #[serde(skip_serializing_if = "Option::is_none")]
    minimum_applied: Option<Credits>,
}

impl From<Estimate> for EstimateView {
    fn from(Estimate { card, month, items, total }: Estimate) -> Self {
        let assumed = items.iter().any(|item| item.quote.month.is_some()).then_some(ASSUMED);
        let item = |EstimatedItem { operation, quantity, quote }: EstimatedItem| ItemView {
            unit: card.price(&operation).map(|price| price.unit.clone()).unwrap_or_default(),
            credits: quote.credits,
            slices: quote.slices.iter().map(SliceView::new).collect(),
            month: MonthView::new(month, &quote),
            rounding: RoundingView::new(&quote),
            minimum_applied: quote.minimum,
            operation,
            quantity,
        };
        Self {
            items: items.into_iter().map(item).collect(),
            total,
            price_version: card.version,
            effective_from: Rfc3339(card.effective_from),
            assumed,
        }
    }
}

#[cfg(test)]
pub(super) fn described() -> Vec<Operation> {
    let item = schemas::object(
        json!({ "operation": schemas::operation(), "quantity": schemas::quantity() }),
        &["operation", "quantity"],
    );
    let list = schemas::object(
        json!({ "items": { "type": "array", "items": item, "minItems": 1, "maxItems": MAX_ITEMS } }),
        &["items"],
    );
    let operation = Operation::post("/rate-card/estimate", "estimate", "What a list of operations would cost")
        .about("By the code that charges; nobody is charged. A bad item is named by its place, `items[1].operation`.")
        .by(Area::Prices, Caller::Anybody)
        .query([schemas::time("at", "By the card of this instant; now when nothing is said.")])
        .body("EstimateQuestion", list, json!({ "items": [{ "operation": "model.build", "quantity": 3 }] }))
        .answers::<EstimateView>(json!({
            "items": [{
                "operation": "model.build", "quantity": 3, "unit": "iteration", "credits": 150,
                "slices": [{ "quantity": 3, "credits_per_unit": 50, "exact": 150 }],
                "rounding": { "rule": "half_up", "exact": 150, "credits": 150 },
            }],
            "total": 150, "price_version": 1, "effective_from": "1970-01-01T00:00:00Z",
        }));
    vec![operation]
}
