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
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let key = key_at(text.lines().nth(line - 1).unwrap_or_default(), before.len() - start);
    DocumentError::Wrong { path: path.to_owned(), line, key, message }
}

/// What byte `at` of a line of TOML is about: the key whose value begins there, the key that stands there, else the first
/// key of the line, or its table.
fn key_at(line: &str, at: usize) -> String {
    let (before, after) = line.split_at_checked(at).unwrap_or((line, ""));
    let of_value = before.trim_end().strip_suffix('=').and_then(last_word);
    let standing = after.split_once('=').map(|(key, _)| key.trim()).filter(|key| is_word(key));
    let first = || line.split_once('=').map_or(line, |(key, _)| key).trim_matches(['{', ' ', '\t']);
    let key = of_value.or(standing).unwrap_or_else(first);
    if key.is_empty() { "the document".to_owned() } else { key.to_owned() }
}

fn last_word(text: &str) -> Option<&str> {
    text.trim_end().rsplit([' ', '\t', '{', ',']).next().filter(|word| is_word(word))
}

fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.'))
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
    fn of_several_keys_on_a_line_the_one_in_question_is_named() {
        let line = "  { up_to = \"5\", credits = \"a = b\" },";
        for (at, key) in
            [(0, "up_to"), (4, "up_to"), (12, "up_to"), (17, "credits"), (27, "credits"), (99, "up_to")]
        {
            assert_eq!(key_at(line, at), key, "{at}");
        }
        assert_eq!(key_at("[[price]]", 0), "[[price]]");
        assert_eq!(key_at("list = [\"a\", \"b\"]", 13), "list");
        assert_eq!(key_at("", 0), "the document");
    }

    #[test]
    fn what_is_not_toml_is_one_line_too() {
        for text in ["name = ", "= 3", "[name", "name = \"", "\u{0}"] {
            let error = message(text);
            assert!(!error.contains('\n'), "{error}");
        }
    }
}
