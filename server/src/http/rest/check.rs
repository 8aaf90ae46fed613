//! `POST /usage/check`: may this payer spend? Nothing is written.

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use ledger::Credits;
use schemars::JsonSchema;
use serde::Serialize;

use super::report;
use crate::auth::Service;
use crate::console::error::{Details, Funds, LimitDetails};
use crate::console::{Console, Error};
use crate::http::json::JsonBody;
use crate::sequencer::job::{Quoted, Unaffordable};
use crate::store::Scope;

#[cfg(test)]
use crate::http::description::{Area, Caller, Operation, schemas};
#[cfg(test)]
use serde_json::json;

pub fn router() -> Router<Console> {
    Router::new().route("/usage/check", post(check))
}

async fn check(
    State(console): State<Console>,
    service: Service,
    body: JsonBody,
) -> Result<Json<QuoteView>, Error> {
    let question = report::question(body.object()?)?;
    service.must_have(Scope::Check)?;
    let key = service.0.id.clone();
    let quoted = console.check(key, question.payer?, question.operation, question.quantity).await?;
    Ok(Json(quoted.into()))
}

/// What it would cost; with what is missing when it is not allowed.
#[derive(Debug, Serialize, JsonSchema)]
struct QuoteView {
    allowed: bool,
    credits: Credits,
    balance: Credits,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Details<'static>>,
}

impl From<Quoted> for QuoteView {
    fn from(Quoted { allowed, credits, balance, seq }: Quoted) -> Self {
        let details = allowed.err().map(|why| match why {
            Unaffordable::Limit(over) => Details::Limit(Box::new(LimitDetails::new(&over))),
            Unaffordable::Funds(shortfall) => Details::Funds(Funds::new(shortfall, seq)),
        });
        Self { allowed: details.is_none(), credits, balance, details }
    }
}

#[cfg(test)]
pub(super) fn described() -> Vec<Operation> {
    let question = schemas::object_with_payer(
        json!({ "operation": schemas::operation(), "quantity": schemas::quantity() }),
        &["operation", "quantity"],
    );
    let operation = Operation::post("/usage/check", "check_usage", "Ask whether an event would be charged")
        .about("Spends nothing and writes nothing. When it is not allowed, the details are those of the 402.")
        .by(Area::Services, Caller::Service("check"))
        .body(
            "UsageQuestion",
            question,
            json!({ "user_id": "user_…", "operation": "model.build", "quantity": 1 }),
        )
        .answers::<QuoteView>(json!({ "allowed": true, "credits": 50, "balance": 100 }))
        .refuses(["account_suspended", "not_found"]);
    vec![operation]
}
