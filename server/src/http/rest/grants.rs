//! `GET /credits/grants`: the lots of credits that an account was given, what is left of them and in which order they
//! burn; the newest first.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use ledger::grant::GrantKind;
use ledger::{AccountId, Credits, GrantId};
use schemars::JsonSchema;
use serde::Serialize;

use super::api_keys::Pagination;
use crate::auth::Customer;
use crate::calendar::Rfc3339;
use crate::console::statement::{GrantState, GrantStatus};
use crate::console::{Console, Error};
use crate::http::query::Query;
use crate::store::UserRow;

#[cfg(test)]
use crate::http::description::{Area, Caller, Operation, schemas};
#[cfg(test)]
use serde_json::json;

pub fn router() -> Router<Console> {
    Router::new().route("/credits/grants", get(list))
}

async fn list(
    State(console): State<Console>,
    customer: Customer,
    query: Query,
) -> Result<Json<GrantsView>, Error> {
    let statuses = GrantStatus::ALL.map(|status| (status.name(), status));
    let (status, page) = query.read(|query| (query.one_of("status", &statuses), query.page()))?;
    let (account_no, account) = (customer.account_no, customer.account);
    let (grants, total) =
        console.list_grant_states(account_no, account, status, (page.limit, page.offset)).await?;
    let grants: Vec<GrantView> = grants.into_iter().map(|grant| GrantView::new(account, grant)).collect();
    let pagination = Pagination::new(page, total, grants.len());
    Ok(Json(GrantsView { grants, pagination }))
}

#[derive(Debug, Serialize, JsonSchema)]
struct GrantsView {
    grants: Vec<GrantView>,
    pagination: Pagination,
}

/// All of somebody's grants, the newest first.
pub(in crate::http) async fn all(console: &Console, user: &UserRow) -> Result<Vec<GrantView>, Error> {
    let everything = (u32::MAX, 0);
    let found = console.list_grant_states(user.account_no, user.account_id, None, everything).await?;
    Ok(found.0.into_iter().map(|grant| GrantView::new(user.account_id, grant)).collect())
}

/// `amount` = `remaining` + `held` + `used` + `expired` + `voided`.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::http) struct GrantView {
    grant_id: GrantId,
    #[schemars(extend("enum" = GrantKind::ALL.map(GrantKind::name)))]
    kind: &'static str,
    #[schemars(extend("enum" = GrantStatus::ALL.map(GrantStatus::name)))]
    status: &'static str,
    amount: Credits,
    remaining: Credits,
    /// What open holds have of it.
    held: Credits,
    used: Credits,
    expired: Credits,
    voided: Credits,
    /// Lower burns first.
    priority: u16,
    effective_at: Rfc3339,
    /// Null: never.
    expires_at: Option<Rfc3339>,
    issued_at: Rfc3339,
    source: String,
    reason: String,
    /// Why the rest was taken back.
    void_reason: Option<String>,
    /// 1 burns next; null for what can't be spent now.
    burn_position: Option<usize>,
    /// Which rule puts it before the one that burns after it; null for the last.
    burns_before_next: Option<&'static str>,
    /// Of the entry that issued it.
    seq: u64,
}

impl GrantView {
    fn new(account: AccountId, state: GrantState) -> Self {
        let used = state.used();
        let GrantState { owned, status, burn } = state;
        let (grant, facts) = (&owned.grant, owned.grant.facts.clone());
        Self {
            grant_id: GrantId { account, seq: grant.seq },
            kind: facts.kind.name(),
            status: status.name(),
            amount: grant.amount,
            remaining: grant.remaining,
            held: owned.held,
            used,
            expired: owned.expired,
            voided: owned.voided,
            priority: facts.priority,
            effective_at: Rfc3339(facts.effective_at),
            expires_at: facts.expires_at.map(Rfc3339),
            issued_at: Rfc3339(owned.issued_at),
            source: facts.source,
            reason: facts.reason,
            void_reason: grant.void_reason.clone(),
            burn_position: burn.as_ref().map(|burn| burn.position),
            burns_before_next: burn.and_then(|burn| burn.before).map(|(reason, _)| reason.name()),
            seq: grant.seq,
        }
    }
}

#[cfg(test)]
pub(super) fn described() -> Vec<Operation> {
    let statuses = GrantStatus::ALL.map(GrantStatus::name);
    let operation = Operation::get("/credits/grants", "list_grants", "Lots of credits")
        .about(
            "What is left of each, until when, and which burns next and why; the newest first. `amount` is the sum of \
             `remaining`, `held`, `used`, `expired` and `voided`.",
        )
        .by(Area::Credits, Caller::Reader)
        .query([
            schemas::word("status", &statuses, None, "Only those that stand so."),
            schemas::limit(),
            schemas::offset(),
        ])
        .answers::<GrantsView>(json!({
            "grants": [{
                "grant_id": "grant_0190a2b4c6d87e00a1b2c3d4e5f607191", "kind": "free", "status": "active", "amount": 100, "remaining": 50, "held": 0,
                "used": 50, "expired": 0, "voided": 0, "priority": 100, "effective_at": "2026-11-22T12:00:00Z", "expires_at": null,
                "issued_at": "2026-11-22T12:00:00Z", "source": "sign-up", "reason": "Sign-up credits", "void_reason": null,
                "burn_position": 1, "burns_before_next": null, "seq": 1,
            }],
            "pagination": { "total": 1, "limit": 20, "offset": 0, "has_more": false },
        }));
    vec![operation]
}
