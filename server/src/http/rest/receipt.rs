//! `GET /usage/events/{event_id}` and `GET /usage/events/{source}/{id}`: why an event cost what it cost.

use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use ledger::rate::Price;
use ledger::receipt::{BurnReason, Corrected, GivenBack, GrantUse, HeldBefore};
use ledger::{Credits, EventId, GrantId, HoldId, KeyId, Month, Quantity};
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

/// The event as it was booked, its price, the arithmetic and who paid; then what became of it.
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
    /// What was held for it before it was settled.
    hold: Option<HeldView>,
    /// What no grant paid.
    owed: Credits,
    balance_before: Credits,
    balance_after: Credits,
    /// The oldest first.
    corrections: Vec<CorrectionView>,
    /// After its corrections.
    current: CurrentView,
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
struct HeldView {
    hold_id: HoldId,
    quantity: Quantity,
    credits: Credits,
}

#[derive(Debug, Serialize)]
struct CorrectionView {
    id: String,
    reason: String,
    recorded_at: Rfc3339,
    /// Of its first entry.
    seq: u64,
    /// What the event counts with and costs from then on.
    quantity: Quantity,
    credits: Credits,
    back: Vec<BackView>,
}

/// `grant_id` is null for what is no longer owed.
#[derive(Debug, Serialize)]
struct BackView {
    grant_id: Option<GrantId>,
    credits: Credits,
}

#[derive(Debug, Serialize)]
struct CurrentView {
    quantity: Quantity,
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
        let current = CurrentView { quantity: receipt.quantity(), credits: receipt.credits() };
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
            hold: receipt.hold.map(HeldView::new),
            owed: receipt.owed,
            balance_before: receipt.balance_before,
            balance_after: receipt.balance_after,
            corrections: receipt.corrections.into_iter().map(CorrectionView::new).collect(),
            current,
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

impl HeldView {
    fn new(HeldBefore { hold_id, quantity, credits }: HeldBefore) -> Self {
        Self { hold_id, quantity, credits }
    }
}

impl CorrectionView {
    fn new(corrected: Corrected) -> Self {
        let back = |GivenBack { grant_id, credits }: GivenBack| BackView { grant_id, credits };
        Self {
            id: corrected.id,
            reason: corrected.reason,
            recorded_at: Rfc3339(corrected.recorded_at),
            seq: corrected.seq,
            quantity: corrected.quantity,
            credits: corrected.credits,
            back: corrected.back.into_iter().map(back).collect(),
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
