//! `GET /credits/verify`: the account's books, recomputed from the first entry by the code of `plexe-console verify`.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use ledger::verify::{Mismatch, Verified};
use serde::Serialize;

use crate::auth::Customer;
use crate::console::{Console, Error};
use crate::http::query::Query;

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
#[derive(Debug, Serialize)]
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

#[derive(Debug, Serialize)]
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
