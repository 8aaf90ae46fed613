//! What can go wrong between a page and the server, as the browser may know it.
//!
//! Only these sentences leave the server; the cause is logged there, under the incident's id.

use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};
use serde::{Deserialize, Serialize};

use super::form::Errors;
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
    /// A form, or another wish, that was understood and refused, for reasons its reader can act on.
    #[error("{}", sentences(reasons))]
    Refused {
        /// The HTTP status: 403, 409, 422, 429…
        status: u16,
        reasons: Errors,
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
            Self::Refused { status, .. } => *status,
            Self::Unavailable => 503,
            Self::Server { .. } => 500,
        }
    }

    /// For the form that caused it: what is wrong with which field.
    pub fn reasons(self) -> Errors {
        match self {
            Self::Refused { reasons, .. } => reasons,
            Self::Invalid { field, message } => vec![(field, message)],
            error => vec![(String::new(), error.to_string())],
        }
    }
}

fn sentences(reasons: &Errors) -> String {
    let sentences: Vec<&str> = reasons.iter().map(|(_, sentence)| sentence.as_str()).collect();
    sentences.join(" ")
}

/// Errors of the transport itself. Their texts may name types and paths, so they are dropped here.
impl FromServerFnError for ConsoleError {
    type Encoder = JsonText;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        let error = match error {
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
        };
        // Refused before the function itself could say so.
        #[cfg(feature = "ssr")]
        crate::ssr::Respond::with_status(error.status());
        error
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
            ConsoleError::Refused {
                status: 409,
                reasons: vec![("user_name".to_owned(), "Username is taken.".to_owned())],
            },
            ConsoleError::Unavailable,
            ConsoleError::Server { incident: "inc_1".to_owned() },
        ];
        for error in all {
            assert_eq!(ConsoleError::de(error.ser()), error);
        }
    }
}
