//! Reads `rows.txt`.

use std::collections::BTreeMap;

use super::cast::{IDENTITIES, KEYS, SERVICES, SESSIONS};

const TEXT: &str = include_str!("rows.txt");

/// What an answer must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub status: u16,
    /// The code of an error, where the answer leads, or words that it has; may be empty.
    pub says: String,
}

/// One request, as the list has it.
#[derive(Debug, Clone)]
pub struct Row {
    pub method: String,
    /// As the router has it.
    pub path: String,
    /// JSON, a form, or a query with its question mark; may be empty.
    pub body: String,
    /// Of every identity.
    pub outcomes: BTreeMap<&'static str, Outcome>,
}

impl Row {
    /// The route that it is about.
    pub fn route(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

#[derive(Default)]
struct Block {
    name: String,
    outcomes: BTreeMap<&'static str, Outcome>,
    others: Option<Outcome>,
    rows: usize,
}

impl Block {
    fn expect(&mut self, line: &str) {
        let (outcome, whom) = line.split_once("  ").unwrap_or_else(|| panic!("no identity in {line:?}"));
        let (status, says) = outcome.split_once(' ').unwrap_or((outcome, ""));
        let status = status.parse().unwrap_or_else(|_| panic!("no status in {line:?}"));
        let outcome = Outcome { status, says: says.to_owned() };
        for word in whom.split_whitespace() {
            let meant: Vec<&'static str> = match word {
                "others" => {
                    assert!(self.others.replace(outcome.clone()).is_none(), "[{}] has two others", self.name);
                    continue;
                }
                "session" => SESSIONS.to_vec(),
                "key" => KEYS.to_vec(),
                "service" => SERVICES.to_vec(),
                word => IDENTITIES.into_iter().filter(|identity| *identity == word).collect(),
            };
            assert!(!meant.is_empty(), "{word:?} in [{}] is nobody", self.name);
            for identity in meant {
                let before = self.outcomes.insert(identity, outcome.clone());
                assert!(before.is_none(), "[{}] names {identity} twice", self.name);
            }
        }
    }

    fn row(&mut self, line: &str) -> Row {
        self.rows += 1;
        let mut parts = line.splitn(3, ' ');
        let mut part = || parts.next().unwrap_or_default().trim().to_owned();
        let (method, path, body) = (part(), part(), part());
        let mut outcomes = self.outcomes.clone();
        for identity in IDENTITIES {
            let others =
                || self.others.clone().unwrap_or_else(|| panic!("{line:?} says nothing of {identity}"));
            outcomes.entry(identity).or_insert_with(others);
        }
        Row { method, path, body, outcomes }
    }
}

/// All rows.
pub fn rows() -> Vec<Row> {
    let mut rows = vec![];
    let mut block = Block::default();
    for line in TEXT.lines().map(str::trim_end) {
        if let Some(name) = line.strip_prefix('[') {
            assert!(block.rows > 0 || block.name.is_empty(), "[{}] has no rows", block.name);
            block = Block { name: name.trim_end_matches(']').to_owned(), ..Block::default() };
        } else if line.starts_with(|letter: char| letter.is_ascii_digit()) {
            assert_eq!(block.rows, 0, "[{}] has an outcome after its rows", block.name);
            block.expect(line);
        } else if line.starts_with(|letter: char| letter.is_ascii_uppercase()) {
            rows.push(block.row(line));
        } else {
            assert!(line.is_empty() || line.starts_with('#'), "{line:?} is neither a block nor a row");
        }
    }
    rows
}
