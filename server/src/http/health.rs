//! Whether the process and its store work, for whoever watches the machine.

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use crate::console::{Console, Error};

/// The answer of a probe that is well.
#[derive(Debug, Serialize)]
pub struct Health {
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
