//! The server functions: who calls, one use case, map the error, return a view. Nothing is decided here.

pub mod account;
pub mod api_keys;
pub mod credits;
pub mod json;
pub mod overview;
pub mod pricing;
pub mod receipt;
pub mod session;
pub mod usage;

#[cfg(feature = "ssr")]
use leptos::prelude::use_context;

#[cfg(feature = "ssr")]
use crate::backend::form::FormState;
#[cfg(feature = "ssr")]
use crate::backend::{Backend, ConsoleError, Viewer};
#[cfg(feature = "ssr")]
use crate::ssr::Respond;

/// Who calls, and what they may ask.
#[cfg(feature = "ssr")]
fn caller() -> Result<(Viewer, Backend), ConsoleError> {
    let viewer = use_context::<Option<Viewer>>().flatten().ok_or(ConsoleError::Unauthorized)?;
    let backend = use_context::<Backend>().ok_or(ConsoleError::Unavailable)?;
    Ok((viewer, backend))
}

/// Gives the answer the status of its error.
#[cfg(feature = "ssr")]
fn answer<T>(result: Result<T, ConsoleError>) -> Result<T, ConsoleError> {
    result.inspect_err(|error| Respond::with_status(error.status()))
}

/// The form that this page answers; an empty one when it answers none.
#[cfg(feature = "ssr")]
fn sent_form() -> FormState {
    use_context().unwrap_or_default()
}

/// For an argument that names nothing we know; `error` ends a sentence that begins with its name.
#[cfg(feature = "ssr")]
fn invalid(field: &'static str, error: &dyn std::fmt::Display) -> ConsoleError {
    ConsoleError::Invalid { field: field.to_owned(), message: format!("{field} {error}.") }
}
