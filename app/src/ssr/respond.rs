//! How a page or a server function says which HTTP status its answer has.

use std::fmt;
use std::sync::Arc;

use leptos::prelude::use_context;

/// Required in context. The server's closure writes the status into the response that is being made.
#[derive(Clone)]
pub struct Respond(Arc<dyn Fn(u16) + Send + Sync>);

impl Respond {
    /// `set_status` is called during rendering, with the request's context in reach.
    pub fn new(set_status: impl Fn(u16) + Send + Sync + 'static) -> Self {
        Self(Arc::new(set_status))
    }

    /// Sets the status of the answer in the making; does nothing outside a request (when routes are listed).
    pub fn with_status(status: u16) {
        if let Some(Self(set_status)) = use_context() {
            set_status(status);
        }
    }
}

impl fmt::Debug for Respond {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Respond")
    }
}
