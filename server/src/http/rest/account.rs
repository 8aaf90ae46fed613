//! `GET` and `PATCH /auth/user`, `GET /usage/profile` and `GET /usage/current`: who calls and what can be spent.

use std::borrow::Cow;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use ledger::{Credits, UserId};
use schemars::JsonSchema;
use serde::Serialize;

use crate::auth::Customer;
use crate::calendar::Rfc3339;
use crate::console::account::Profile;
use crate::console::profile::ProfileForm;
use crate::console::{Console, Error, Reasons};
use crate::http::json::JsonBody;
use crate::http::query::Query;
use crate::sequencer::figures::Current;
use crate::store::AccountStatus;

#[cfg(test)]
use crate::http::description::{Area, Caller, Operation, schemas};
#[cfg(test)]
use serde_json::json;

pub fn router() -> Router<Console> {
    Router::new()
        .route("/auth/user", get(user).patch(change))
        .route("/usage/profile", get(profile))
        .route("/usage/current", get(current))
}

async fn user(
    State(console): State<Console>,
    customer: Customer,
    query: Query,
) -> Result<Json<UserView>, Error> {
    query.read(|_| ())?;
    Ok(Json(console.profile(&customer).await?.into()))
}

async fn change(
    State(console): State<Console>,
    customer: Customer,
    body: JsonBody,
) -> Result<Json<UserView>, Error> {
    customer.must_write()?;
    console.change_profile(&customer, change_form(&body)?).await?;
    Ok(Json(console.profile(&customer).await?.into()))
}

fn change_form(body: &JsonBody) -> Result<ProfileForm, Error> {
    let mut fields = body.object()?;
    let name = fields.text("name")?.map(Cow::into_owned);
    let user_name = fields.text("user_name")?.map(Cow::into_owned);
    fields.finish(Reasons::new())?;
    Ok(ProfileForm { name, user_name, time_zone: None })
}

async fn profile(
    State(console): State<Console>,
    customer: Customer,
    query: Query,
) -> Result<Json<ProfileView>, Error> {
    query.read(|_| ())?;
    let Profile { user, usage, .. } = console.profile(&customer).await?;
    let usage = UsageView { credits: usage.available, consumption: usage.consumption };
    Ok(Json(ProfileView { user_id: user.id, email: user.email, name: user.name, usage }))
}

async fn current(
    State(console): State<Console>,
    customer: Customer,
    query: Query,
) -> Result<Json<CurrentView>, Error> {
    query.read(|_| ())?;
    let usage = console.current_usage(customer.account_no, customer.account).await?;
    Ok(Json(CurrentView::from(usage)))
}

#[derive(Debug, Serialize, JsonSchema)]
struct UserView {
    user_id: UserId,
    email: String,
    name: String,
    user_name: String,
    /// What can be spent now.
    credits: Credits,
    /// Used in the current period.
    consumption: Credits,
    is_active: bool,
    has_api_key: bool,
}

impl From<Profile> for UserView {
    fn from(Profile { user, usage, has_api_key }: Profile) -> Self {
        Self {
            user_id: user.id,
            email: user.email,
            name: user.name,
            user_name: user.user_name,
            credits: usage.available,
            consumption: usage.consumption,
            is_active: user.account_status == AccountStatus::Active,
            has_api_key,
        }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
struct ProfileView {
    user_id: UserId,
    email: String,
    name: String,
    usage: UsageView,
}

#[derive(Debug, Serialize, JsonSchema)]
struct UsageView {
    credits: Credits,
    consumption: Credits,
}

/// `credits` and `consumption` as the platform's documentation implies them; the other fields are ours.
#[derive(Debug, Serialize, JsonSchema)]
struct CurrentView {
    credits: Credits,
    consumption: Credits,
    held: Credits,
    debt: Credits,
    period_start: Rfc3339,
    period_end: Rfc3339,
    plan: Option<String>,
    seq: u64,
}

impl From<Current> for CurrentView {
    fn from(usage: Current) -> Self {
        Self {
            credits: usage.available,
            consumption: usage.consumption,
            held: usage.held,
            debt: usage.debt,
            period_start: Rfc3339(usage.period_start),
            period_end: Rfc3339(usage.period_end),
            plan: None,
            seq: usage.seq,
        }
    }
}

#[cfg(test)]
pub(super) fn described() -> Vec<Operation> {
    let user = || {
        json!({
            "user_id": "user_0190a2b4c6d87e00a1b2c3d4e5f60718", "email": "ada@example.com", "name": "Ada Lovelace",
            "user_name": "ada", "credits": 49.9, "consumption": 50.1, "is_active": true, "has_api_key": true,
        })
    };
    let changes = schemas::object(
        json!({
            "name": { "type": "string", "minLength": 1, "maxLength": 100 },
            "user_name": { "type": "string", "minLength": 1, "maxLength": 64, "description": "Nobody else has it." },
        }),
        &[],
    );
    vec![
        Operation::get("/auth/user", "get_user", "Who calls, and what can be spent")
            .about("`credits` is what can be spent now, `consumption` what was used in the current period.")
            .by(Area::Account, Caller::Reader)
            .answers::<UserView>(user()),
        Operation::patch("/auth/user", "change_user", "Change name or username")
            .about("What is not named stays.")
            .by(Area::Account, Caller::Writer)
            .body("UserChange", changes, json!({ "name": "Ada Lovelace" }))
            .answers::<UserView>(user())
            .refuses(["resource_exists"]),
        Operation::get("/usage/profile", "get_profile", "Who calls, with their usage")
            .by(Area::Account, Caller::Reader)
            .answers::<ProfileView>(json!({
                "user_id": "user_0190a2b4c6d87e00a1b2c3d4e5f60718", "email": "ada@example.com", "name": "Ada Lovelace",
                "usage": { "credits": 49.9, "consumption": 50.1 },
            })),
        Operation::get("/usage/current", "get_current_usage", "What can be spent, and what was used")
            .about(
                "`credits` is what can be spent now, net of holds; `consumption` what was used in the period, which is the \
                 calendar month (UTC) without a plan. Both names follow the public documentation of the Plexe Platform, \
                 which says \u{201c}just the current credit usage\u{201d}: they are inferred.",
            )
            .by(Area::Account, Caller::Reader)
            .answers::<CurrentView>(json!({
                "credits": 49.9, "consumption": 50.1, "held": 0, "debt": 0, "period_start": "2026-11-01T00:00:00Z",
                "period_end": "2026-12-01T00:00:00Z", "plan": null, "seq": 3,
            })),
    ]
}
