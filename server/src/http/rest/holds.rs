//! `/usage/holds`: services reserve credits for work that begins, and settle or release them when it ends.

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use ledger::time::SECOND;
use ledger::{AccountId, Credits, EventId, HoldId, Quantity};
use schemars::JsonSchema;
use serde::Serialize;

use super::events::ChargedView;
use super::events_list::{PaginationView, page};
use super::report;
use crate::auth::{Party, Service};
use crate::calendar::Rfc3339;
use crate::console::holds::{HoldsPage, KnownHold};
use crate::console::receipt::Page;
use crate::console::{Console, Error};
use crate::http::json::JsonBody;
use crate::http::query::Query;
use crate::sequencer::job::{Held, HoldRequest, Released};
use crate::store::{HoldFilter, HoldRow, HoldStatus, HoldsOf, Scope};

#[cfg(test)]
use crate::http::description::{Area, Caller, Operation, schemas};
#[cfg(test)]
use serde_json::{Value, json};

pub fn router() -> Router<Console> {
    Router::new()
        .route("/usage/holds", post(hold))
        .route("/usage/holds/{hold_id}/settle", post(settle))
        .route("/usage/holds/{hold_id}/release", post(release))
}

/// What customers may ask for as well.
pub fn list_router() -> Router<Console> {
    Router::new().route("/usage/holds", get(list))
}

async fn hold(
    State(console): State<Console>,
    service: Service,
    body: JsonBody,
) -> Result<Json<HeldView>, Error> {
    let asked = report::hold(body.object()?)?;
    service.must_have(Scope::Hold)?;
    service.must_be_source(asked.event.report.key.source())?;
    let request = HoldRequest {
        payer: asked.event.payer?,
        report: asked.event.report,
        service_key: service.0.id.clone(),
        lasts: asked.expires_in_s.saturating_mul(SECOND),
    };
    Ok(Json(console.hold(request).await?.into()))
}

async fn settle(
    State(console): State<Console>,
    service: Service,
    Path(hold_id): Path<String>,
    body: JsonBody,
) -> Result<Json<ChargedView>, Error> {
    let asked = report::settlement(body.object()?)?;
    let hold = find(&console, &service, &hold_id).await?;
    let key = service.0.id.clone();
    Ok(Json(console.settle(&hold, key, asked.quantity, asked.allow_over).await?.into()))
}

/// Without a body, or with an empty object.
async fn release(
    State(console): State<Console>,
    service: Service,
    Path(hold_id): Path<String>,
    body: Option<JsonBody>,
) -> Result<Json<ReleasedView>, Error> {
    if let Some(body) = body {
        body.object()?.finish(crate::console::Reasons::new())?;
    }
    let hold = find(&console, &service, &hold_id).await?;
    Ok(Json(console.release(&hold, service.0.id.clone()).await?.into()))
}

/// Errors: a key that may not close holds, or not of this source (403); no such hold (404).
async fn find(console: &Console, service: &Service, hold_id: &str) -> Result<KnownHold, Error> {
    service.must_have(Scope::Hold)?;
    let id: HoldId = hold_id.parse().map_err(|_| Error::not_found())?;
    let hold = console.find_hold(id).await?;
    service.must_be_source(hold.source())?;
    Ok(hold)
}

/// A customer sees the holds on their account, a service those that it made.
async fn list(State(console): State<Console>, party: Party, query: Query) -> Result<Json<HoldsView>, Error> {
    let statuses = HoldStatus::ALL.map(|status| (status.name(), status));
    let (status, page, limit) =
        query.read(|query| (query.one_of("status", &statuses), page(query), query.limit()))?;
    let of = match party {
        Party::Customer(customer) => HoldsOf::Account(customer.account_no),
        Party::Service(service) => {
            service.must_have(Scope::Hold)?;
            HoldsOf::Service(service.0.line.clone())
        }
    };
    let found = console.list_holds(HoldFilter { of, status }, page, limit).await?;
    Ok(Json(HoldsView::new(found, limit, page)))
}

#[derive(Debug, Serialize, JsonSchema)]
struct HeldView {
    hold_id: HoldId,
    source: String,
    id: String,
    /// What is held.
    credits: Credits,
    balance: Credits,
    seq: u64,
    expires_at: Rfc3339,
    replayed: bool,
    price_version: u32,
}

impl From<Held> for HeldView {
    fn from(held: Held) -> Self {
        let Held { hold_id, source, id, credits, balance, seq, expires_at, replayed, price_version } = held;
        let expires_at = Rfc3339(expires_at);
        Self { hold_id, source, id, credits, balance, seq, expires_at, replayed, price_version }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
struct ReleasedView {
    hold_id: HoldId,
    /// What was held and is given back.
    credits: Credits,
    balance: Credits,
    seq: u64,
    replayed: bool,
}

impl From<Released> for ReleasedView {
    fn from(released: Released) -> Self {
        let Released { hold_id, credits, balance, seq, replayed } = released;
        Self { hold_id, credits, balance, seq, replayed }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
struct HoldsView {
    holds: Vec<HoldView>,
    pagination: PaginationView,
    /// Where the next page starts; null at the end.
    next_cursor: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct HoldView {
    hold_id: HoldId,
    #[schemars(extend("enum" = HoldStatus::ALL.map(HoldStatus::name)))]
    status: &'static str,
    account_id: AccountId,
    source: String,
    id: String,
    operation: String,
    quantity: Quantity,
    /// What was taken out of the grants for it.
    credits: Credits,
    created_at: Rfc3339,
    expires_at: Option<Rfc3339>,
    /// When it was settled or released; null while it is active.
    closed_at: Option<Rfc3339>,
    /// What it became, when it was settled.
    event_id: Option<EventId>,
    seq: u64,
}

impl HoldsView {
    fn new(found: HoldsPage, limit: u32, page: Page) -> Self {
        let HoldsPage { holds, total, has_more } = found;
        let last = holds.last().filter(|_| has_more);
        let offset = match page {
            Page::Offset(offset) => offset,
            Page::Before(_) => 0,
        };
        Self {
            next_cursor: last.map(|hold| hold.cursor.to_string()),
            pagination: PaginationView { total, limit, offset, has_more },
            holds: holds.into_iter().filter_map(HoldView::new).collect(),
        }
    }
}

impl HoldView {
    /// `None` for an entry that is no hold; the store lists none of those.
    fn new(hold: HoldRow) -> Option<Self> {
        let HoldRow { account, entry, status, closed_at, event: became, .. } = hold;
        let event = entry.event?;
        Some(Self {
            hold_id: HoldId { account, seq: entry.seq },
            status: status.name(),
            account_id: account,
            source: event.source,
            id: event.id,
            operation: event.operation,
            quantity: event.quantity,
            credits: event.credits,
            created_at: Rfc3339(entry.recorded_at),
            expires_at: entry.deadline.map(Rfc3339),
            closed_at: closed_at.map(Rfc3339),
            event_id: became.map(|seq| EventId { account, seq }),
            seq: entry.seq,
        })
    }
}

/// Bodies: of a new hold and of its settlement.
#[cfg(test)]
fn bodies() -> [Value; 2] {
    let hold = schemas::object_with_payer(
        json!({
            "id": schemas::name(128, "Of the hold, and of the event that it becomes."),
            "source": schemas::name(64, "Who reports it."),
            "operation": schemas::operation(),
            "quantity": schemas::quantity(),
            "dimensions": schemas::dimensions(),
            "expires_in_s": {
                "type": "integer", "minimum": 1, "maximum": 86_400, "default": 900,
                "description": "After how many seconds it is released by itself.",
            },
        }),
        &["id", "source", "operation", "quantity"],
    );
    let settlement = schemas::object(
        json!({
            "quantity": schemas::quantity(),
            "allow_over": {
                "type": "boolean", "default": false,
                "description": "Whether it may be more than what is held for; the rest is taken from the balance.",
            },
        }),
        &["quantity"],
    );
    [hold, settlement]
}

#[cfg(test)]
pub(super) fn described() -> Vec<Operation> {
    let [hold, settlement] = bodies();
    let statuses = HoldStatus::ALL.map(HoldStatus::name);
    vec![
        Operation::get("/usage/holds", "list_holds", "Holds")
            .about("A customer sees those on their account, a service those that it made; the newest first.")
            .by(Area::Services, Caller::Party)
            .query([
                schemas::word("status", &statuses, None, "Only those that stand so."),
                schemas::limit(),
                schemas::offset_of_history(),
                schemas::cursor(),
            ])
            .answers::<HoldsView>(json!({
                "holds": [{
                    "hold_id": "hold_0190a2b4c6d87e00a1b2c3d4e5f607192", "status": "active", "account_id": "acct_0190a2b4c6d87e00a1b2c3d4e5f60719", "source": "builder", "id": "job-9",
                    "operation": "model.build", "quantity": 2, "credits": 100, "created_at": "2026-11-22T12:00:00Z",
                    "expires_at": "2026-11-22T12:15:00Z", "closed_at": null, "event_id": null, "seq": 2,
                }],
                "pagination": { "total": 1, "limit": 20, "offset": 0, "has_more": false }, "next_cursor": null,
            })),
        Operation::post("/usage/holds", "hold", "Take credits aside before work begins")
            .about("They can't be spent otherwise until the hold is settled, released or expired.")
            .by(Area::Services, Caller::Service("hold"))
            .body("NewHold", hold, json!({
                "id": "job-9", "source": "builder", "user_id": "user_…", "operation": "model.build", "quantity": 2,
            }))
            .answers::<HeldView>(json!({
                "hold_id": "hold_0190a2b4c6d87e00a1b2c3d4e5f607192", "source": "builder", "id": "job-9", "credits": 100, "balance": 0, "seq": 2,
                "expires_at": "2026-11-22T12:15:00Z", "replayed": false, "price_version": 1,
            }))
            .refuses(["insufficient_credits", "spend_limit_reached", "account_suspended", "not_found", "conflict"]),
        Operation::post("/usage/holds/{hold_id}/settle", "settle_hold", "Make an event of what was used")
            .about("At the price of when it was held; what is left over comes back.")
            .by(Area::Services, Caller::Service("hold"))
            .body("Settlement", settlement, json!({ "quantity": 1.5 }))
            .answers::<ChargedView>(json!({
                "event_id": "evt_0190a2b4c6d87e00a1b2c3d4e5f607193", "source": "builder", "id": "job-9", "credits": 75, "balance": 25, "seq": 4,
                "replayed": false, "price_version": 1,
            }))
            .refuses(["insufficient_credits", "spend_limit_reached", "account_suspended", "conflict"]),
        Operation::post("/usage/holds/{hold_id}/release", "release_hold", "Give all of it back")
            .by(Area::Services, Caller::Service("hold"))
            .body("Release", schemas::object(json!({}), &[]), json!({}))
            .or_no_body()
            .answers::<ReleasedView>(json!({
                "hold_id": "hold_0190a2b4c6d87e00a1b2c3d4e5f607192", "credits": 100, "balance": 100, "seq": 3, "replayed": false,
            }))
            .refuses(["conflict"]),
    ]
}
