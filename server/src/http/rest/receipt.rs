//! `GET /usage/events/{event_id}` and `GET /usage/events/{source}/{id}`: why an event cost what it cost.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use ledger::rate::Price;
use ledger::receipt::{BurnReason, Corrected, GivenBack, GrantUse, HeldBefore};
use ledger::{Credits, EventId, GrantId, HoldId, KeyId, Month, Quantity};
use schemars::JsonSchema;
use serde::Serialize;

use super::arithmetic::{MonthView, RoundingView, SliceView};
use super::rate_card::PricingView;
use crate::auth::Customer;
use crate::calendar::Rfc3339;
use crate::console::receipt::BookedReceipt;
use crate::console::{Console, Error};

#[cfg(test)]
use crate::http::description::{Area, Caller, Operation};
#[cfg(test)]
use serde_json::json;

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
#[derive(Debug, Serialize, JsonSchema)]
struct ReceiptView {
    event_id: EventId,
    source: String,
    id: String,
    operation: String,
    quantity: Quantity,
    #[schemars(with = "BTreeMap<String, String>")]
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

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ReceiptPrice")]
struct PriceView {
    version: u32,
    effective_from: Rfc3339,
    unit: String,
    #[serde(flatten)]
    pricing: PricingView,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "HeldBefore")]
struct HeldView {
    hold_id: HoldId,
    quantity: Quantity,
    credits: Credits,
}

#[derive(Debug, Serialize, JsonSchema)]
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
#[derive(Debug, Serialize, JsonSchema)]
struct BackView {
    grant_id: Option<GrantId>,
    credits: Credits,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "EventNow")]
struct CurrentView {
    quantity: Quantity,
    credits: Credits,
}

#[derive(Debug, Serialize, JsonSchema)]
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

#[cfg(test)]
pub(super) fn described() -> Vec<Operation> {
    let receipt = || {
        json!({
            "event_id": "evt_0190a2b4c6d87e00a1b2c3d4e5f607192", "source": "builder", "id": "job-1", "operation": "model.build", "quantity": 1,
            "dimensions": {}, "occurred_at": null, "recorded_at": "2026-11-22T12:00:00Z", "api_key_id": null, "credits": 50,
            "price_version": 1,
            "price": {
                "version": 1, "effective_from": "1970-01-01T00:00:00Z", "unit": "iteration", "model": "flat",
                "credits_per_unit": 50,
            },
            "slices": [{ "quantity": 1, "credits_per_unit": 50, "exact": 50 }],
            "rounding": { "rule": "half_up", "exact": 50, "credits": 50 },
            "grants": [{
                "grant_id": "grant_0190a2b4c6d87e00a1b2c3d4e5f607191", "kind": "free", "priority": 100, "effective_at": "2026-11-22T12:00:00Z", "expires_at": null,
                "source": "sign-up", "reason": "Sign-up credits", "credits": 50, "before_next": null,
            }],
            "hold": null, "owed": 0, "balance_before": 100, "balance_after": 50, "corrections": [],
            "current": { "quantity": 1, "credits": 50 }, "seq": 2, "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        })
    };
    let about = "The price in force, each slice of the arithmetic, the rounding, which grants were burnt in which order and why, \
                 the balance before and after, and what became of it.";
    vec![
        Operation::get("/usage/events/{event_id}", "get_receipt", "Why an event cost what it cost")
            .about(about)
            .by(Area::Usage, Caller::Reader)
            .answers::<ReceiptView>(receipt()),
        Operation::get("/usage/events/{source}/{id}", "get_receipt_by_name", "The same, by the event's name")
            .about("As the service named it; both parts are percent-encoded.")
            .by(Area::Usage, Caller::Reader)
            .answers::<ReceiptView>(receipt()),
    ]
}
