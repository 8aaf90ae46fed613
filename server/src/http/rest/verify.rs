//! `GET /credits/verify`: the account's books, recomputed from the first entry by the code of `plexe-console verify`.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use ledger::verify::{Mismatch, Verified};
use schemars::JsonSchema;
use serde::Serialize;

use crate::auth::Customer;
use crate::console::{Console, Error};
use crate::http::query::Query;

#[cfg(test)]
use crate::http::description::{Area, Caller, Operation};
#[cfg(test)]
use serde_json::json;

pub fn router() -> Router<Console> {
    Router::new().route("/credits/verify", get(verify))
}

/// One at a time per account: a second one meanwhile is a 429 `rate_limit_exceeded` with `Retry-After`.
async fn verify(
    State(console): State<Console>,
    customer: Customer,
    query: Query,
) -> Result<Json<VerdictView>, Error> {
    query.read(|_| ())?;
    let found = console.verify_books(customer.account_no, customer.account).await?;
    Ok(Json(found.map_or_else(|wrong| VerdictView::wrong(&wrong), VerdictView::whole)))
}

/// `entries` and `head` when all is well, else the first `mismatch`.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Verdict")]
struct VerdictView {
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    entries: Option<u64>,
    /// The hash of the last entry: whoever keeps it can tell later whether anything before it was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mismatch: Option<MismatchView>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct MismatchView {
    seq: u64,
    /// Goes on after "entry 5: ".
    fault: String,
}

impl VerdictView {
    fn whole(found: Verified) -> Self {
        Self { ok: true, entries: Some(found.entries), head: Some(found.head.to_string()), mismatch: None }
    }

    fn wrong(found: &Mismatch) -> Self {
        let mismatch = MismatchView { seq: found.seq, fault: found.fault.to_string() };
        Self { ok: false, entries: None, head: None, mismatch: Some(mismatch) }
    }
}

#[cfg(test)]
pub(super) fn described() -> Vec<Operation> {
    let operation = Operation::get("/credits/verify", "verify_books", "The books, recomputed")
        .about("All invariants of the account, from its first entry; or the first mismatch. One at a time for each account.")
        .by(Area::Credits, Caller::Reader)
        .answers::<VerdictView>(json!({ "ok": true, "entries": 3, "head": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" }));
    vec![operation]
}
