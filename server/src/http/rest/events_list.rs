//! `GET /usage/events`: what the account was charged for, the newest first.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use ledger::{AccountId, Credits, EventId, KeyId, Quantity};
use schemars::JsonSchema;
use serde::Serialize;

use super::history::{filter, key_filter};
use crate::auth::Customer;
use crate::calendar::Rfc3339;
use crate::console::receipt::{EventsPage, EventsQuery, Page};
use crate::console::{Console, Error};
use crate::http::query::{Known, Query};
use crate::store::BookedEvent;

#[cfg(test)]
use crate::http::description::{Area, Caller, Operation, schemas};
#[cfg(test)]
use serde_json::json;

pub fn router() -> Router<Console> {
    Router::new().route("/usage/events", get(list))
}

async fn list(
    State(console): State<Console>,
    customer: Customer,
    query: Query,
) -> Result<Json<EventsView>, Error> {
    let asked = query.read(asked)?;
    let (limit, page) = (asked.limit, asked.page);
    let found = console.list_events(customer.account_no, asked).await?;
    Ok(Json(EventsView::new(customer.account, found, limit, page)))
}

fn asked(query: &mut Known) -> EventsQuery {
    let (from, to) = (query.time("from"), query.time("to"));
    if from.zip(to).is_some_and(|(from, to)| from >= to) {
        query.refuse("to", "must be later than from");
    }
    EventsQuery {
        from,
        to,
        operation: filter(query, "operation"),
        api_key: key_filter(query),
        page: page(query),
        limit: query.limit(),
    }
}

/// Where a list begins: `offset` or `cursor`. A cursor says where to go on; an offset would then count from nowhere.
pub fn page(query: &mut Known) -> Page {
    let offset = query.number("offset").unwrap_or(0);
    let Some(cursor) = filter(query, "cursor") else {
        let offset = u32::try_from(offset);
        if offset.is_err() {
            query.refuse("offset", "is past the end of every list");
        }
        return Page::Offset(offset.unwrap_or_default());
    };
    if offset != 0 {
        query.refuse("offset", "must not be given together with cursor");
    }
    let seq = cursor.parse::<i64>().ok().and_then(|seq| u64::try_from(seq).ok());
    if seq.is_none() {
        query.refuse("cursor", "must be a next_cursor of an earlier answer");
    }
    seq.map_or(Page::Offset(0), Page::Before)
}

#[derive(Debug, Serialize, JsonSchema)]
struct EventsView {
    events: Vec<EventRowView>,
    pagination: PaginationView,
    /// Where the next page starts; null at the end.
    next_cursor: Option<String>,
}

/// `total` is null where a cursor leads: it is not counted again for each page.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CursorPagination")]
pub(super) struct PaginationView {
    pub total: Option<u64>,
    pub limit: u32,
    pub offset: u32,
    pub has_more: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Event")]
struct EventRowView {
    event_id: EventId,
    source: String,
    id: String,
    operation: String,
    /// This and the credits are what corrections have left.
    quantity: Quantity,
    #[schemars(with = "BTreeMap<String, String>")]
    dimensions: serde_json::Value,
    credits: Credits,
    occurred_at: Option<Rfc3339>,
    recorded_at: Rfc3339,
    api_key_id: Option<KeyId>,
    /// Of the event's last entry.
    seq: u64,
}

impl EventsView {
    fn new(account: AccountId, found: EventsPage, limit: u32, page: Page) -> Self {
        let EventsPage { events, total, has_more } = found;
        let last = events.last().filter(|_| has_more);
        let offset = match page {
            Page::Offset(offset) => offset,
            Page::Before(_) => 0,
        };
        Self {
            next_cursor: last.map(|booked| booked.entry.seq.to_string()),
            pagination: PaginationView { total, limit, offset, has_more },
            events: events.into_iter().filter_map(|booked| EventRowView::new(account, booked)).collect(),
        }
    }
}

impl EventRowView {
    /// `None` for an entry that is no event; the store lists none of those.
    fn new(account: AccountId, booked: BookedEvent) -> Option<Self> {
        let event = booked.entry.event?;
        Some(Self {
            event_id: EventId { account, seq: booked.entry.seq },
            source: event.source,
            id: event.id,
            operation: event.operation,
            quantity: booked.quantity,
            dimensions: booked.dimensions.unwrap_or_else(|| serde_json::json!({})),
            credits: booked.credits,
            occurred_at: event.occurred_at.map(Rfc3339),
            recorded_at: Rfc3339(booked.entry.recorded_at),
            api_key_id: event.api_key,
            seq: booked.last_seq,
        })
    }
}

#[cfg(test)]
pub(super) fn described() -> Vec<Operation> {
    let query = schemas::events().into_iter().chain([
        schemas::limit(),
        schemas::offset_of_history(),
        schemas::cursor(),
    ]);
    let operation = Operation::get("/usage/events", "list_events", "What the account was charged for")
        .about("The newest first. Quantity and credits are what corrections have left.")
        .by(Area::Usage, Caller::Reader)
        .query(query)
        .answers::<EventsView>(json!({
            "events": [{
                "event_id": "evt_0190a2b4c6d87e00a1b2c3d4e5f607192", "source": "builder", "id": "job-1", "operation": "model.build", "quantity": 1,
                "dimensions": { "model": "churn" }, "credits": 50, "occurred_at": null, "recorded_at": "2026-11-22T12:00:00Z",
                "api_key_id": null, "seq": 2,
            }],
            "pagination": { "total": 1, "limit": 20, "offset": 0, "has_more": false }, "next_cursor": null,
        }));
    vec![operation]
}
