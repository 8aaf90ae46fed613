//! TOML files whose errors fit on one line: the file, the line, the key, and what is wrong there.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

/// Why a TOML file can't be used.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    #[error("cannot read {path}: {cause}", path = .path.display())]
    Unreadable { path: PathBuf, cause: std::io::Error },
    #[error("{path} line {line}, {key}: {message}", path = .path.display())]
    Wrong { path: PathBuf, line: usize, key: String, message: String },
}

/// Reads and parses a file.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<T, DocumentError> {
    let unreadable = |cause| DocumentError::Unreadable { path: path.to_owned(), cause };
    parse(path, &std::fs::read_to_string(path).map_err(unreadable)?)
}

/// Parses the content of a file; `path` is only for the errors.
pub fn parse<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, DocumentError> {
    toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let message = error.message().replace('\n', ", ");
        wrong(path, text, at, message)
    })
}

/// The error for what stands at byte `at` of the text.
pub fn wrong(path: &Path, text: &str, at: usize, message: String) -> DocumentError {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let key = key_of(text.lines().nth(line - 1).unwrap_or_default());
    DocumentError::Wrong { path: path.to_owned(), line, key, message }
}

/// What a line of TOML is about: its key, or its table.
fn key_of(line: &str) -> String {
    let line = line.trim();
    let key = line.split_once('=').map_or(line, |(key, _)| key.trim());
    if key.is_empty() { "the document".to_owned() } else { key.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Thing {
        #[expect(dead_code, reason = "only parsed")]
        name: String,
    }

    fn message(text: &str) -> String {
        parse::<Thing>(Path::new("thing.toml"), text).unwrap_err().to_string()
    }

    #[test]
    fn errors_name_the_line_and_the_key() {
        let error = message("# a comment\nname = 3\n");
        assert!(error.starts_with("thing.toml line 2, name: "), "{error}");
        let error = message("name = \"a\"\nnmae = \"b\"\n");
        assert!(error.starts_with("thing.toml line 2, nmae: unknown field"), "{error}");
        let error = message("");
        assert!(error.contains("missing field `name`") && !error.contains('\n'), "{error}");
    }

    #[test]
    fn what_is_not_toml_is_one_line_too() {
        for text in ["name = ", "= 3", "[name", "name = \"", "\u{0}"] {
            let error = message(text);
            assert!(!error.contains('\n'), "{error}");
        }
    }
}
