//! `GET /usage/export.csv`: the events of `GET /usage/events` as a file (RFC 4180), the newest first.
//!
//! Written while it is read, so its length costs no memory. Text that a spreadsheet would take for a formula is
//! escaped with an apostrophe, as OWASP's "CSV Injection" describes.

use std::borrow::Cow;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header as headers};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use csv::{Terminator, Writer, WriterBuilder};
use futures::stream::{self, StreamExt as _};
use ledger::{AccountId, EventId};

use super::history::{filter, key_filter};
use crate::auth::Customer;
use crate::calendar::Rfc3339;
use crate::console::events::{EventsAsked, Walk};
use crate::console::{Console, Error};
use crate::http::query::{Known, Query};
use crate::store::BookedEvent;

#[cfg(test)]
use crate::http::description::{Area, Caller, Operation, schemas};

pub fn router() -> Router<Console> {
    Router::new().route("/usage/export.csv", get(export))
}

/// As the rows of `GET /usage/events` name them.
const COLUMNS: [&str; 11] = [
    "event_id",
    "source",
    "id",
    "operation",
    "quantity",
    "dimensions",
    "credits",
    "occurred_at",
    "recorded_at",
    "api_key_id",
    "seq",
];

async fn export(State(console): State<Console>, customer: Customer, query: Query) -> Result<Response, Error> {
    let asked = query.read(asked)?;
    let walk = console.walk(customer.account_no, asked, None).await?;
    let file = Export { console, customer, walk };
    let header = header()?;
    let rows = stream::unfold(Some(file), |file| async {
        let mut file = file?;
        match file.next().await {
            Ok(Some(rows)) => Some((Ok(rows), Some(file))),
            Ok(None) => None,
            // The status is long gone: the connection is cut, so that nobody takes a part for the whole.
            Err(error) => {
                tracing::warn!(cause = ?error, "an export was cut off");
                Some((Err(error), None))
            }
        }
    });
    let said = [
        (headers::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8; header=present")),
        (headers::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"usage.csv\"")),
    ];
    Ok((said, Body::from_stream(stream::once(async { Ok(header) }).chain(rows))).into_response())
}

fn asked(query: &mut Known) -> EventsAsked {
    let (from, to) = (query.time("from"), query.time("to"));
    if from.zip(to).is_some_and(|(from, to)| from >= to) {
        query.refuse("to", "must be later than from");
    }
    EventsAsked { from, to, operation: filter(query, "operation"), api_key: key_filter(query) }
}

/// A file in the making.
struct Export {
    console: Console,
    customer: Customer,
    walk: Walk,
}

impl Export {
    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            if !self.customer.may_still_read(&self.console).await {
                return Err(Error::Unauthorized);
            }
            let Some(events) = self.console.next_for_export(&mut self.walk).await? else { return Ok(None) };
            if !events.is_empty() {
                return rows(self.customer.account, &events).map(Some);
            }
        }
    }
}

/// The names of the columns, as a line.
pub(in crate::http) fn header() -> Result<Bytes, Error> {
    record(|csv| csv.write_record(COLUMNS))
}

/// A line for each event.
pub(in crate::http) fn rows(account: AccountId, events: &[BookedEvent]) -> Result<Bytes, Error> {
    record(|csv| events.iter().try_for_each(|event| write(csv, account, event)))
}

fn record(fill: impl FnOnce(&mut Writer<Vec<u8>>) -> csv::Result<()>) -> Result<Bytes, Error> {
    let mut csv = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(vec![]);
    fill(&mut csv).map_err(Error::internal)?;
    csv.into_inner().map(Bytes::from).map_err(|error| Error::internal(error.into_error()))
}

fn write(csv: &mut Writer<Vec<u8>>, account: AccountId, booked: &BookedEvent) -> csv::Result<()> {
    // The store lists no entry that is no event.
    let Some(event) = &booked.entry.event else { return Ok(()) };
    let event_id = EventId { account, seq: booked.entry.seq };
    csv.write_record([
        event_id.to_string().as_str(),
        &text(&event.source),
        &text(&event.id),
        &text(&event.operation),
        &booked.quantity.to_string(),
        &booked.dimensions.as_ref().map(ToString::to_string).unwrap_or_default(),
        &booked.credits.to_string(),
        &event.occurred_at.map(|at| Rfc3339(at).to_string()).unwrap_or_default(),
        &Rfc3339(booked.entry.recorded_at).to_string(),
        event.api_key.as_ref().map(ledger::KeyId::as_str).unwrap_or_default(),
        &booked.last_seq.to_string(),
    ])
}

/// A cell that no spreadsheet computes.
fn text(cell: &str) -> Cow<'_, str> {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        Cow::Owned(format!("'{cell}"))
    } else {
        Cow::Borrowed(cell)
    }
}

#[cfg(test)]
pub(super) fn described() -> Vec<Operation> {
    let operation = Operation::get("/usage/export.csv", "export_usage", "The same events as a file")
        .about(
            "RFC 4180, the newest first, written while it is read. A text that a spreadsheet would take for a formula has an \
             apostrophe before it.",
        )
        .by(Area::Usage, Caller::Reader)
        .query(schemas::events())
        .answers_text(
            "text/csv",
            "event_id,source,id,operation,quantity,dimensions,credits,occurred_at,recorded_at,api_key_id,seq\r\n",
            vec![],
        );
    vec![operation]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_never_a_formula() {
        for cell in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
            assert_eq!(text(cell), format!("'{cell}"));
        }
        for cell in ["", "job-42", "a=b", "{\"a\":\"=1\"}"] {
            assert_eq!(text(cell), cell);
        }
    }

    #[test]
    fn commas_quotes_and_lines_stay_in_their_cell() {
        let line = record(|csv| csv.write_record(["a,b", "say \"hi\"", "two\nlines", ""])).unwrap();
        assert_eq!(line, "\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\",\r\n");
    }
}
