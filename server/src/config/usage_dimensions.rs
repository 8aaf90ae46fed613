//! The dimensions of events that consumption is counted by.

use ledger::dimensions::MOST_DIMENSIONS;

const LONGEST_NAME: usize = 64;

/// Names, in the order in which pages offer them.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct UsageDimensions(Vec<String>);

impl UsageDimensions {
    /// The error says what would be right.
    pub fn parse(names: Vec<String>) -> Result<Self, String> {
        let is_twice = |(place, name)| names.iter().take(place).any(|other| other == name);
        let wrong = names.len() > MOST_DIMENSIONS
            || !names.iter().all(|name| is_name(name))
            || names.iter().enumerate().any(is_twice);
        if wrong {
            return Err(format!(
                "at most {MOST_DIMENSIONS} different names of 1 to {LONGEST_NAME} letters, digits, _ - or ., \
                 such as model, team"
            ));
        }
        Ok(Self(names))
    }

    pub fn names(&self) -> &[String] {
        &self.0
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|known| known == name)
    }
}

/// It must be able to stand in a query as it is.
fn is_name(text: &str) -> bool {
    (1..=LONGEST_NAME).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(names: &[&str]) -> Result<UsageDimensions, String> {
        UsageDimensions::parse(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn up_to_four_different_plain_names_can_be_declared() {
        let longest = "x".repeat(LONGEST_NAME);
        for right in [&[][..], &["model"], &["a", "B-2", "c.d_e", &longest]] {
            assert_eq!(parse(right).unwrap().names(), right);
        }
        assert!(parse(&["model"]).unwrap().has("model") && !parse(&["model"]).unwrap().has("Model"));
        let too_long = "x".repeat(LONGEST_NAME + 1);
        for wrong in [&["a", "b", "c", "d", "e"][..], &[""], &["a b"], &["ä"], &[&too_long], &["a", "b", "a"]]
        {
            assert!(parse(wrong).unwrap_err().starts_with("at most 4 different names"), "{wrong:?}");
        }
    }
}
