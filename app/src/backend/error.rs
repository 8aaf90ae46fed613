//! What can go wrong between a page and the server, as the browser may know it.
//!
//! Only these sentences leave the server; the cause is logged there, under the incident's id.

use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};
use serde::{Deserialize, Serialize};

use crate::api::json::JsonText;

/// In order of precedence: who asks, for what, with what, and then what is the matter with us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum ConsoleError {
    /// No session, or one that has ended. The page leads to the sign-in form.
    #[error("You have been signed out. Please sign in again.")]
    Unauthorized,
    /// Also for things of other accounts.
    #[error("This does not exist, or it belongs to another account.")]
    NotFound,
    /// Something typed or chosen cannot be used; shown beside the field.
    #[error("{message}")]
    Invalid {
        /// The field's name in the form, empty when it is about the request as a whole.
        field: String,
        /// A whole sentence.
        message: String,
    },
    /// Nothing is broken: too busy, stopping, or out of reach. Trying again helps.
    #[error("The server cannot be reached right now. Please try again in a moment.")]
    Unavailable,
    /// Our fault. The incident's id is what the log calls it.
    #[error("Something went wrong on our side ({incident}). Please try again.")]
    Server { incident: String },
}

impl ConsoleError {
    /// The HTTP status of an answer that carries this error.
    pub const fn status(&self) -> u16 {
        match self {
            Self::Unauthorized => 401,
            Self::NotFound => 404,
            Self::Invalid { .. } => 422,
            Self::Unavailable => 503,
            Self::Server { .. } => 500,
        }
    }
}

/// Errors of the transport itself. Their texts may name types and paths, so they are dropped here.
impl FromServerFnError for ConsoleError {
    type Encoder = JsonText;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Args(_)
            | ServerFnErrorErr::MissingArg(_)
            | ServerFnErrorErr::UnsupportedRequestMethod(_) => {
                Self::Invalid { field: String::new(), message: "This request cannot be read.".to_owned() }
            }
            ServerFnErrorErr::Request(_)
            | ServerFnErrorErr::Response(_)
            | ServerFnErrorErr::MiddlewareError(_) => Self::Unavailable,
            ServerFnErrorErr::Registration(_)
            | ServerFnErrorErr::ServerError(_)
            | ServerFnErrorErr::Deserialization(_)
            | ServerFnErrorErr::Serialization(_) => Self::Server { incident: "transport".to_owned() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_transport_error_stays_on_the_server() {
        let error =
            ConsoleError::from_server_fn_error(ServerFnErrorErr::ServerError("SELECT secret".to_owned()));
        assert!(!error.to_string().contains("SELECT"));
        assert_eq!(error.status(), 500);
        let error =
            ConsoleError::from_server_fn_error(ServerFnErrorErr::Args("missing field `range`".to_owned()));
        assert_eq!(error.status(), 422);
    }

    #[test]
    fn every_error_survives_the_wire() {
        let all = [
            ConsoleError::Unauthorized,
            ConsoleError::NotFound,
            ConsoleError::Invalid { field: "email".to_owned(), message: "Please type one.".to_owned() },
            ConsoleError::Unavailable,
            ConsoleError::Server { incident: "inc_1".to_owned() },
        ];
        for error in all {
            assert_eq!(ConsoleError::de(error.ser()), error);
        }
    }
}
