//! What stands in a form that came back, and what is wrong with it.
//!
//! Forms are plain HTML first. Without scripts the server answers a refused form with the page it stands on: the fields
//! hold what was typed, each error stands beside its field. With scripts the same errors arrive as
//! [`ConsoleError::Refused`](super::ConsoleError::Refused).

use serde::{Deserialize, Serialize};

/// Field → what is wrong with it, as a whole sentence. The empty name is the form as a whole.
pub type Errors = Vec<(String, String)>;

/// Optional in context: set by the server's own POST handlers when they render a page again.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormState {
    /// Field → text as typed. Never a password.
    pub typed: Vec<(String, String)>,
    pub errors: Errors,
}

impl FormState {
    /// What was typed into a field; `None` when the form has not been sent.
    pub fn typed(&self, field: &str) -> Option<&str> {
        self.typed.iter().find(|(name, _)| name == field).map(|(_, text)| text.as_str())
    }

    /// What stands in a field: as typed, else `stored`.
    pub fn value(&self, field: &str, stored: &str) -> String {
        self.typed(field).unwrap_or(stored).to_owned()
    }

    /// What is wrong with a field; empty when nothing is.
    pub fn error(&self, field: &str) -> String {
        error_of(&self.errors, field)
    }
}

/// What is wrong with a field; empty when nothing is.
pub fn error_of(errors: &Errors, field: &str) -> String {
    errors.iter().find(|(name, _)| name == field).map(|(_, error)| error.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_goes_before_what_is_stored() {
        let pair = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        let form = FormState {
            typed: vec![pair("name", ""), pair("user_name", "a b")],
            errors: vec![pair("user_name", "Username is taken."), pair("", "Too many attempts.")],
        };
        assert_eq!(form.value("name", "Ada"), "", "an emptied field stays empty");
        assert_eq!(form.value("time_zone", "UTC"), "UTC");
        assert_eq!(form.error("user_name"), "Username is taken.");
        assert_eq!((form.error("name"), form.error("")), (String::new(), "Too many attempts.".to_owned()));
    }
}
