//! `POST /usage/events/{source}/{id}/corrections`: a service takes an event back, in part or whole.

use app::backend::entries::EntryLine;
use axum::extract::{Path, State};
use axum::routing::post;
use axum::{Json, Router};
use ledger::event::EventKey;
use ledger::{Credits, EventId, Quantity};
use schemars::JsonSchema;
use serde::Serialize;

use super::entries::line;
use super::report;
use crate::auth::Service;
use crate::console::holds::CorrectionForm;
use crate::console::{Console, Error};
use crate::http::json::JsonBody;
use crate::sequencer::job::Corrected;
use crate::store::Scope;

#[cfg(test)]
use crate::http::description::{Area, Caller, Operation, schemas};
#[cfg(test)]
use serde_json::json;

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

#[derive(Debug, Serialize, JsonSchema)]
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

#[cfg(test)]
pub(super) fn described() -> Vec<Operation> {
    let correction = schemas::object(
        json!({
            "id": schemas::name(128, "Of this correction; the same id again is answered alike."),
            "quantity": schemas::quantity(),
            "reason": { "type": "string", "minLength": 1, "maxLength": 500 },
        }),
        &["id", "quantity", "reason"],
    );
    let operation = Operation::post(
        "/usage/events/{source}/{id}/corrections",
        "correct_event",
        "Take an event back, in part or whole",
    )
    .about(
        "`quantity` is what the event counts with from then on, below what it counts with now; 0 takes it back. It is priced \
         anew at the event's own version, and the credits return to the grants that paid.",
    )
    .by(Area::Services, Caller::Service("correct"))
    .body("NewCorrection", correction, json!({ "id": "fix-1", "quantity": 0, "reason": "The job had failed." }))
    .answers::<CorrectedView>(json!({
        "event_id": "evt_0190a2b4c6d87e00a1b2c3d4e5f607192", "source": "builder", "id": "job-1", "correction_id": "fix-1", "quantity": 0, "credits": 0,
        "refunded": 50, "balance": 100, "seq": 3, "replayed": false,
        "entries": [{
            "seq": 3, "leg": 0, "movement": "correct", "amount": 50, "grant_id": "grant_0190a2b4c6d87e00a1b2c3d4e5f607191", "available_after": 100,
            "held_after": 0, "debt_after": 0, "recorded_at": "2026-11-22T12:00:00Z", "event": null, "deadline": null, "revises": null,
            "issued": null, "reason": "The job had failed.", "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        }],
    }))
    .refuses(["conflict"]);
    vec![operation]
}
