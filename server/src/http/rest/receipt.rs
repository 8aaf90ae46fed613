//! `GET /usage/events/{event_id}` and `GET /usage/events/{source}/{id}`: why an event cost what it cost.

use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use ledger::rate::Price;
use ledger::receipt::{BurnReason, GrantUse};
use ledger::{Credits, EventId, GrantId, KeyId, Month, Quantity};
use serde::Serialize;

use super::arithmetic::{MonthView, RoundingView, SliceView};
use super::rate_card::PricingView;
use crate::auth::Customer;
use crate::calendar::Rfc3339;
use crate::console::receipt::BookedReceipt;
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
    /// One for each part of the price; none for a free operation.
    slices: Vec<SliceView>,
    /// Of graduated prices.
    #[serde(skip_serializing_if = "Option::is_none")]
    month: Option<MonthView>,
    rounding: RoundingView,
    /// The least that an event costs, where that was charged.
    #[serde(skip_serializing_if = "Option::is_none")]
    minimum_applied: Option<Credits>,
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
    #[serde(flatten)]
    pricing: PricingView,
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
        let month = Month::of(event.event_time(receipt.recorded_at));
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
            price: PriceView::new(card.version, Rfc3339(card.effective_from), receipt.price),
            slices: receipt.quote.slices.iter().map(SliceView::new).collect(),
            month: MonthView::new(month, &receipt.quote),
            rounding: RoundingView::new(&receipt.quote),
            minimum_applied: receipt.quote.minimum,
            grants: receipt.grants.into_iter().map(GrantUseView::new).collect(),
            balance_before: receipt.balance_before,
            balance_after: receipt.balance_after,
            seq: receipt.seq,
            hash: receipt.hash.to_string(),
        }
    }
}

impl PriceView {
    fn new(version: u32, effective_from: Rfc3339, price: Price) -> Self {
        let pricing = PricingView::new(&price);
        Self { version, effective_from, unit: price.unit, pricing }
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
