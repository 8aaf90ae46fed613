//! `POST /usage/events/{source}/{id}/corrections`: a service takes an event back, in part or whole.

use app::backend::entries::EntryLine;
use axum::extract::{Path, State};
use axum::routing::post;
use axum::{Json, Router};
use ledger::event::EventKey;
use ledger::{Credits, EventId, Quantity};
use serde::Serialize;

use super::entries::line;
use super::report;
use crate::auth::Service;
use crate::console::holds::CorrectionForm;
use crate::console::{Console, Error};
use crate::http::json::JsonBody;
use crate::sequencer::job::Corrected;
use crate::store::Scope;

pub fn router() -> Router<Console> {
    Router::new().route("/usage/events/{source}/{id}/corrections", post(correct))
}

async fn correct(
    State(console): State<Console>,
    service: Service,
    Path((source, id)): Path<(String, String)>,
    body: JsonBody,
) -> Result<Json<CorrectedView>, Error> {
    let asked = report::correction(body.object()?)?;
    service.must_have(Scope::Correct)?;
    // What can't name an event names none.
    let event = EventKey::parse(&source, &id).map_err(|_| Error::not_found())?;
    service.must_be_source(event.source())?;
    let form = CorrectionForm { event, id: asked.id, quantity: asked.quantity, reason: asked.reason };
    Ok(Json(console.correct(form, service.0.id.clone()).await?.into()))
}

#[derive(Debug, Serialize)]
struct CorrectedView {
    event_id: EventId,
    source: String,
    id: String,
    correction_id: String,
    /// What the event counts with from then on.
    quantity: Quantity,
    /// What it costs from then on.
    credits: Credits,
    /// What it cost more before.
    refunded: Credits,
    balance: Credits,
    seq: u64,
    replayed: bool,
    /// What was booked for it.
    entries: Vec<EntryLine>,
}

impl From<Corrected> for CorrectedView {
    fn from(corrected: Corrected) -> Self {
        let account = corrected.event_id.account;
        Self {
            event_id: corrected.event_id,
            source: corrected.source,
            id: corrected.id,
            correction_id: corrected.correction_id,
            quantity: corrected.quantity,
            credits: corrected.credits,
            refunded: corrected.refunded,
            balance: corrected.balance,
            seq: corrected.seq,
            replayed: corrected.replayed,
            entries: corrected.entries.iter().map(|entry| line(account, entry)).collect(),
        }
    }
}
