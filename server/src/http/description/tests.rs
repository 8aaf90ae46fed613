//! The document and the examples in Rust are what the handlers say, or are written anew.

use std::fs;
use std::path::Path;

use super::*;

/// Writes the files anew where the environment asks for that, else holds them against what they should be.
fn is_written(path: &str, text: &str) -> bool {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("PLEXE_DESCRIBE").is_some() {
        fs::write(&path, text).expect("a file that can be written");
    }
    fs::read_to_string(&path).is_ok_and(|written| written == text)
}

const HOW: &str = "run `PLEXE_DESCRIBE=1 cargo test -p server --lib description` and review what changes";

#[test]
fn the_document_is_what_the_handlers_say() {
    let document = document::document(&operations());
    let text = serde_json::to_string_pretty(&document).unwrap() + "\n";
    assert!(is_written("openapi.json", &text), "server/openapi.json is not what the handlers say: {HOW}");
}

/// They are compiled and run with the tests over HTTP.
#[test]
fn the_examples_in_rust_are_those_of_the_document() {
    let text = examples::in_rust(&operations());
    assert!(is_written("tests/it/reference/in_rust.rs", &text), "the examples are others: {HOW}");
}

#[test]
fn every_code_is_in_the_table_once() {
    use crate::console::{Error, Reasons};
    let errors = [
        Error::InvalidRequest("".into()),
        Error::Unauthorized,
        Error::InvalidKey(""),
        Error::ExpiredKey,
        Error::RevokedKey,
        Error::Forbidden(""),
        Error::InsufficientPermissions("".into()),
        Error::AccountSuspended,
        Error::EmailNotVerified,
        Error::not_found(),
        Error::MethodNotAllowed,
        Error::ResourceExists { details: Reasons::new() },
        Error::Conflict { message: "", fields: vec![] },
        Error::PayloadTooLarge(""),
        Error::UnsupportedMediaType(""),
        Error::Validation(Reasons::new()),
        Error::RateLimited { retry_after_s: 1 },
        Error::LimitExceeded { message: "", retry_after_s: 1 },
        Error::Unavailable { retry_after_s: 1 },
        Error::internal("no cause"),
    ];
    for error in errors {
        let rows = errors::TABLE
            .iter()
            .filter(|(status, code, _)| (*status, *code) == (error.status(), error.code()));
        assert_eq!(rows.count(), 1, "{}", error.code());
    }
}

#[test]
fn an_operation_has_a_name_of_its_own() {
    let mut names: Vec<&str> = operations().iter().map(|operation| operation.id).collect();
    names.sort_unstable();
    assert!(names.is_sorted_by(|one, next| one < next), "{names:?}");
}
