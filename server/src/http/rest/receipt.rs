//! `GET /usage/events/{event_id}` and `GET /usage/events/{source}/{id}`: why an event cost what it cost.

use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use ledger::rate::{Pricing, Quote, Rounding, Slice};
use ledger::receipt::{BurnReason, GrantUse};
use ledger::{Credits, EventId, GrantId, KeyId, Quantity};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::auth::Customer;
use crate::calendar::Rfc3339;
use crate::console::receipt::{BookedReceipt, exact_text};
use crate::console::{Console, Error};

pub fn router() -> Router<Console> {
    Router::new()
        .route("/usage/events/{event_id}", get(by_id))
        .route("/usage/events/{source}/{id}", get(by_name))
}

async fn by_id(
    State(console): State<Console>,
    customer: Customer,
    Path(event_id): Path<String>,
) -> Result<Json<ReceiptView>, Error> {
    let event: EventId = event_id.parse().map_err(|_| Error::not_found())?;
    let receipt = console.receipt(customer.account_no, customer.account, event).await?;
    Ok(Json(ReceiptView::new(receipt)))
}

async fn by_name(
    State(console): State<Console>,
    customer: Customer,
    Path((source, id)): Path<(String, String)>,
) -> Result<Json<ReceiptView>, Error> {
    let receipt = console.receipt_by_name(customer.account_no, customer.account, &source, &id).await?;
    Ok(Json(ReceiptView::new(receipt)))
}

/// The event, its price, the arithmetic and who paid.
#[derive(Debug, Serialize)]
struct ReceiptView {
    event_id: EventId,
    source: String,
    id: String,
    operation: String,
    quantity: Quantity,
    dimensions: serde_json::Value,
    occurred_at: Option<Rfc3339>,
    recorded_at: Rfc3339,
    api_key_id: Option<KeyId>,
    credits: Credits,
    price_version: u32,
    price: PriceView,
    /// `quantity × credits_per_unit = exact`, one for each part of the price; none for a free operation.
    slices: Vec<SliceView>,
    rounding: RoundingView,
    /// In the order in which they were burnt.
    grants: Vec<GrantUseView>,
    balance_before: Credits,
    balance_after: Credits,
    /// Of the event's last entry, whose hash `hash` is.
    seq: u64,
    hash: String,
}

#[derive(Debug, Serialize)]
struct PriceView {
    version: u32,
    effective_from: Rfc3339,
    unit: String,
    model: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    credits_per_unit: Option<Credits>,
}

#[derive(Debug, Serialize)]
pub(super) struct SliceView {
    quantity: Quantity,
    credits_per_unit: Credits,
    exact: Exact,
}

/// `exact` (up to 12 decimals) became `credits` (up to 6) by `rule`, once for the event.
#[derive(Debug, Serialize)]
pub(super) struct RoundingView {
    rule: Rounding,
    exact: Exact,
    credits: Credits,
}

#[derive(Debug, Serialize)]
struct GrantUseView {
    grant_id: GrantId,
    kind: &'static str,
    priority: u16,
    effective_at: Rfc3339,
    expires_at: Option<Rfc3339>,
    source: String,
    reason: String,
    credits: Credits,
    /// Why it was burnt before the next one in this list: the first rule of the burn order that tells them apart.
    before_next: Option<&'static str>,
}

impl ReceiptView {
    fn new(booked: BookedReceipt) -> Self {
        let BookedReceipt { receipt, card, dimensions } = booked;
        let event = receipt.event;
        Self {
            event_id: receipt.event_id,
            source: event.source,
            id: event.id,
            operation: event.operation,
            quantity: event.quantity,
            dimensions: dimensions.unwrap_or_else(|| serde_json::json!({})),
            occurred_at: event.occurred_at.map(Rfc3339),
            recorded_at: Rfc3339(receipt.recorded_at),
            api_key_id: event.api_key,
            credits: event.credits,
            price_version: event.price_version,
            price: PriceView::new(
                card.version,
                Rfc3339(card.effective_from),
                receipt.price.unit,
                receipt.price.pricing,
            ),
            slices: receipt.quote.slices.iter().map(SliceView::new).collect(),
            rounding: RoundingView::new(&receipt.quote),
            grants: receipt.grants.into_iter().map(GrantUseView::new).collect(),
            balance_before: receipt.balance_before,
            balance_after: receipt.balance_after,
            seq: receipt.seq,
            hash: receipt.hash.to_string(),
        }
    }
}

impl PriceView {
    fn new(version: u32, effective_from: Rfc3339, unit: String, pricing: Pricing) -> Self {
        let (model, credits_per_unit) = super::rate_card::pricing(pricing);
        Self { version, effective_from, unit, model, credits_per_unit }
    }
}

impl RoundingView {
    pub(super) fn new(quote: &Quote) -> Self {
        let exact = quote.slices.iter().fold(0, |sum: i128, slice| sum.saturating_add(slice.exact_picos));
        Self { rule: quote.rounding, exact: Exact(exact), credits: quote.credits }
    }
}

impl SliceView {
    pub(super) fn new(slice: &Slice) -> Self {
        Self {
            quantity: slice.quantity,
            credits_per_unit: slice.credits_per_unit,
            exact: Exact(slice.exact_picos),
        }
    }
}

impl GrantUseView {
    fn new(used: GrantUse) -> Self {
        Self {
            grant_id: used.grant_id,
            kind: used.facts.kind.name(),
            priority: used.facts.priority,
            effective_at: Rfc3339(used.facts.effective_at),
            expires_at: used.facts.expires_at.map(Rfc3339),
            source: used.facts.source,
            reason: used.facts.reason,
            credits: used.credits,
            before_next: used.before_next.map(BurnReason::name),
        }
    }
}

/// Credits before rounding, in millionths of a micro-credit (10^-12); a JSON number with up to 12 decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Exact(i128);

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(exact_text(self.0)).map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}
