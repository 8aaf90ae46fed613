//! `GET /credits/entries`: the account's books, the newest entry first; and `GET /credits/entries.ndjson?after=SEQ`: the
//! same rows as a file, one a line and the oldest first, with all that it takes to recompute the chain.

use app::backend::entries::{
    ACCOUNT_HEADER, EntryLine, EventLine, IssuedLine, LAST_SEQ_HEADER, RevisionLine,
};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use bytes::Bytes;
use futures::stream;
use ledger::chain::Digest;
use ledger::entry::{Entry, EventFacts};
use ledger::grant::GrantFacts;
use ledger::{AccountId, EventId, GrantId, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use super::events_list::{PaginationView, page};
use crate::auth::Customer;
use crate::calendar::Rfc3339;
use crate::console::receipt::Page;
use crate::console::statement::{EntriesPage, Reading};
use crate::console::{Console, Error};
use crate::http::query::Query;

#[cfg(test)]
use crate::http::description::{Area, Caller, Operation, schemas};
#[cfg(test)]
use schemars::SchemaGenerator;
#[cfg(test)]
use serde_json::json;

pub fn router() -> Router<Console> {
    Router::new().route("/credits/entries", get(list)).route("/credits/entries.ndjson", get(file))
}

async fn list(
    State(console): State<Console>,
    customer: Customer,
    query: Query,
) -> Result<Json<EntriesView>, Error> {
    let (page, limit) = query.read(|query| (page(query), query.limit()))?;
    let found = console.list_entries(customer.account_no, customer.account, page, limit).await?;
    let EntriesPage { entries, total, has_more } = found;
    let offset = match page {
        Page::Offset(offset) => offset,
        Page::Before(_) => 0,
    };
    Ok(Json(EntriesView {
        account_id: customer.account,
        pagination: PaginationView { total, limit, offset, has_more },
        next_cursor: entries.last().filter(|_| has_more).map(|last| last.seq.to_string()),
        entries: entries.iter().map(|entry| line(customer.account, entry)).collect(),
    }))
}

#[derive(Debug, Serialize, JsonSchema)]
struct EntriesView {
    /// Hashed with each entry.
    account_id: AccountId,
    entries: Vec<EntryLine>,
    pagination: PaginationView,
    /// Where the next page starts; null at the end.
    next_cursor: Option<String>,
}

async fn file(State(console): State<Console>, customer: Customer, query: Query) -> Result<Response, Error> {
    let after = query.read(|query| query.number("after"))?.unwrap_or(0);
    let reading = console.read_entries(customer.account_no, customer.account, after).await?;
    let text = |value: String| HeaderValue::try_from(value).map_err(Error::internal);
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (HeaderName::from_static(ACCOUNT_HEADER), text(customer.account.to_string())?),
        (HeaderName::from_static(LAST_SEQ_HEADER), text(reading.last_seq.to_string())?),
    ];
    let file = File { console, customer, reading };
    let rows = stream::unfold(Some(file), |file| async {
        let mut file = file?;
        match file.next().await {
            Ok(Some(rows)) => Some((Ok(rows), Some(file))),
            Ok(None) => None,
            // The status is long gone: the connection is cut, so that nobody takes a part for the whole.
            Err(error) => {
                tracing::warn!(cause = ?error, "a file of entries was cut off");
                Some((Err(error), None))
            }
        }
    });
    Ok((headers, Body::from_stream(rows)).into_response())
}

/// A file in the making.
struct File {
    console: Console,
    customer: Customer,
    reading: Reading,
}

impl File {
    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        if !self.customer.may_still_read(&self.console).await {
            return Err(Error::Unauthorized);
        }
        let entries = self.console.next_entries(&mut self.reading).await?;
        let mut rows = vec![];
        for entry in &entries {
            serde_json::to_writer(&mut rows, &line(self.customer.account, entry)).map_err(Error::internal)?;
            rows.push(b'\n');
        }
        Ok((!rows.is_empty()).then(|| Bytes::from(rows)))
    }
}

/// An entry with every field that is hashed.
pub fn line(account: AccountId, entry: &Entry) -> EntryLine {
    EntryLine {
        seq: entry.seq,
        leg: entry.leg,
        movement: entry.movement.name().to_owned(),
        amount: entry.amount,
        grant_id: entry.grant.map(|seq| GrantId { account, seq }),
        available_after: entry.available_after,
        held_after: entry.held_after,
        debt_after: entry.debt_after,
        recorded_at: text(entry.recorded_at),
        event: entry.event.as_ref().map(|event| event_line(event_id(account, entry), event)),
        deadline: entry.deadline.map(text),
        revises: entry.revises.as_ref().map(|revises| RevisionLine {
            seq: revises.of,
            quantity: revises.quantity,
            credits: revises.credits,
            correction_id: revises.correction.clone(),
        }),
        issued: entry.issued.as_ref().map(issued_line),
        reason: entry.reason.clone(),
        hash: entry.hash.to_string(),
    }
}

/// The event that an entry begins or corrects.
fn event_id(account: AccountId, entry: &Entry) -> Option<EventId> {
    let corrected = entry.revises.as_ref().filter(|_| entry.movement.gives_back()).map(|revises| revises.of);
    let seq = corrected.or_else(|| entry.begun_event().map(|_| entry.seq))?;
    Some(EventId { account, seq })
}

fn event_line(event_id: Option<EventId>, event: &EventFacts) -> EventLine {
    EventLine {
        event_id,
        source: event.source.clone(),
        id: event.id.clone(),
        operation: event.operation.clone(),
        quantity: event.quantity,
        credits: event.credits,
        occurred_at: event.occurred_at.map(text),
        api_key_id: event.api_key.clone(),
        service_key_id: event.service_key.clone(),
        price_version: event.price_version,
        dimensions_hash: event.dimensions.as_ref().map(Digest::to_string),
    }
}

fn issued_line(facts: &GrantFacts) -> IssuedLine {
    IssuedLine {
        kind: facts.kind.name().to_owned(),
        priority: facts.priority,
        effective_at: text(facts.effective_at),
        expires_at: facts.expires_at.map(text),
        source: facts.source.clone(),
        reason: facts.reason.clone(),
    }
}

fn text(at: Timestamp) -> String {
    Rfc3339(at).to_string()
}

#[cfg(test)]
pub(super) fn described() -> Vec<Operation> {
    let entry = json!({
        "seq": 1, "leg": 0, "movement": "issue", "amount": 100, "grant_id": "grant_0190a2b4c6d87e00a1b2c3d4e5f607191", "available_after": 100,
        "held_after": 0, "debt_after": 0, "recorded_at": "2026-11-22T12:00:00Z", "event": null, "deadline": null, "revises": null,
        "issued": {
            "kind": "free", "priority": 100, "effective_at": "2026-11-22T12:00:00Z", "expires_at": null, "source": "sign-up",
            "reason": "Sign-up credits",
        },
        "reason": null, "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    });
    vec![
        Operation::get("/credits/entries", "list_entries", "The books")
            .about("Every movement with the running balance and all that is hashed, the newest first.")
            .by(Area::Credits, Caller::Reader)
            .query([schemas::limit(), schemas::offset_of_history(), schemas::cursor()])
            .answers::<EntriesView>(json!({
                "account_id": "acct_0190a2b4c6d87e00a1b2c3d4e5f60719", "entries": [entry],
                "pagination": { "total": 1, "limit": 20, "offset": 0, "has_more": false }, "next_cursor": null,
            })),
        Operation::get("/credits/entries.ndjson", "stream_entries", "The books as a file")
            .about(
                "The same entries, one a line and the oldest first, to recompute the chain. The headers `Ledger-Account-Id` and \
                 `Ledger-Last-Seq` name the account, which is hashed with each, and the last line.",
            )
            .by(Area::Credits, Caller::Reader)
            .query([schemas::after()])
            .answers_text(
                "application/x-ndjson",
                "{\"seq\":1,\"leg\":0,\"movement\":\"issue\", …}\n{\"seq\":2, …}\n",
                vec![("line", SchemaGenerator::subschema_for::<EntryLine>)],
            ),
    ]
}
