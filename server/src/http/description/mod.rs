//! The description of the API (OpenAPI 3.1): what every route takes and answers.
//!
//! It is made here, from the types that the handlers write and from the [`Operation`]s that stand beside them, by a test that
//! compares it with `server/openapi.json`. That file is what is served and what changes of the wire are reviewed in; none of
//! this is in the program. `PLEXE_DESCRIBE=1 cargo test -p server --lib description` writes it anew.

mod document;
mod errors;
mod examples;
mod operation;
pub mod schemas;

pub use operation::{Area, Caller, Operation};

use super::{health, openapi, rest};

/// Every route.
fn operations() -> Vec<Operation> {
    [rest::described(), openapi::described(), health::described()].concat()
}

#[cfg(test)]
mod tests;
