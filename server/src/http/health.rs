//! Whether the process and its store work, for whoever watches the machine.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Serialize;

use crate::console::{Console, Error};

#[cfg(test)]
use super::description::{Area, Caller, Operation};
#[cfg(test)]
use serde_json::json;

/// The answer of a probe that is well.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Health {
    #[schemars(extend("enum" = ["ok", "ready"]))]
    status: &'static str,
}

/// `GET /healthz`: the process answers.
pub async fn healthz() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// `GET /readyz`: the store answers and can be written; migrations are done before anything is served. Else 503.
pub async fn readyz(State(console): State<Console>) -> Result<Json<Health>, Error> {
    if console.store.is_ready().await {
        Ok(Json(Health { status: "ready" }))
    } else {
        Err(Error::Unavailable { retry_after_s: 5 })
    }
}

#[cfg(test)]
pub(super) fn described() -> Vec<Operation> {
    vec![
        Operation::get("/healthz", "get_health", "Whether the process answers")
            .by(Area::Machines, Caller::Anybody)
            .answers::<Health>(json!({ "status": "ok" })),
        Operation::get("/readyz", "get_readiness", "Whether the store answers and can be written")
            .about("503 when it can't.")
            .by(Area::Machines, Caller::Anybody)
            .answers::<Health>(json!({ "status": "ready" })),
    ]
}
