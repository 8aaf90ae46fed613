//! The rules that no compiler checks: where things may stand, and how long they may be. ARCHITECTURE.md gives the
//! reasons; each message says what to do instead.

mod crates;
mod papers;
mod proofs;
mod scan;
mod source;
#[cfg(test)]
mod tests;

use crate::{
    command::{Failure, Outcome},
    paths,
};
use scan::Scan;
use std::{fmt, fs, ops::Range, path::Path};

/// A rule, and what it finds in the repository.
pub struct Rule {
    pub name: &'static str,
    check: fn(&Repository) -> Vec<Violation>,
}

/// Every rule.
pub const RULES: &[Rule] = &[
    Rule { name: "server functions stand in app/src/api", check: source::server_functions },
    Rule { name: "SQL stands in server/src/store and server/migrations", check: source::sql },
    Rule { name: "floats are for charts and formatting", check: source::floats },
    Rule { name: "files and functions are short", check: source::lengths },
    Rule { name: "nothing is left for later", check: source::unfinished },
    Rule {
        name: "the reference model knows nothing of what it is held against",
        check: source::reference_model,
    },
    Rule { name: "tests never sleep", check: source::sleeps },
    Rule { name: "a file says why it exists and is named after it", check: source::headers },
    Rule { name: "crates depend in one direction", check: crates::directions },
    Rule { name: "migrations have the same names for every store", check: papers::migrations },
    Rule { name: "papers link to what exists", check: papers::links },
    Rule { name: "nothing names a machine", check: papers::machines },
    Rule { name: "each security requirement is answered, by tests that exist", check: proofs::requirements },
];

#[derive(Debug, PartialEq, Eq)]
pub struct Violation {
    path: String,
    /// Counted from 1; 0 where the whole file is meant.
    line: usize,
    message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.message),
            line => write!(f, "{}:{line}: {}", self.path, self.message),
        }
    }
}

/// The repository's text files, by their path with `/`.
pub struct Repository {
    rust: Vec<RustFile>,
    texts: Vec<TextFile>,
}

struct TextFile {
    path: String,
    text: String,
}

struct RustFile {
    path: String,
    text: String,
    scan: Scan,
    /// Lines that are only compiled for tests, counted from 0.
    test_lines: Vec<Range<usize>>,
    /// All of it is a test or a benchmark.
    is_test: bool,
}

/// Checks every rule and prints what breaks it.
pub fn run() -> Outcome {
    let repository = Repository::read(paths::root())?;
    let mut broken = 0;
    for rule in RULES {
        broken += usize::from(repository.hold(rule).inspect_err(|error| eprintln!("{error}")).is_err());
    }
    println!("{} rules hold, {broken} do not", RULES.len() - broken);
    if broken == 0 { Ok(()) } else { Err("tidy: see above".into()) }
}

/// Checks one rule.
pub fn hold(rule: &Rule) -> Outcome {
    Repository::read(paths::root())?.hold(rule)
}

impl Repository {
    const FOLDERS: [&str; 13] = [
        ".cargo", ".ci", "app", "docs", "end2end", "frontend", "fuzz", "ledger", "public", "server", "style",
        "xtask", ".github",
    ];
    const KINDS: [&str; 14] =
        ["rs", "toml", "md", "sql", "ts", "js", "json", "css", "lock", "yml", "yaml", "svg", "html", "txt"];
    const SKIPPED: [&str; 5] = ["target", "node_modules", "test-results", "playwright-report", "corpus"];

    fn read(root: &Path) -> Outcome<Self> {
        let mut texts = Vec::new();
        for entry in fs::read_dir(root)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type()?.is_file() {
                Self::read_file(root, &name, &mut texts)?;
            } else if Self::FOLDERS.contains(&name.as_str()) {
                Self::read_folder(root, &name, &mut texts)?;
            }
        }
        texts.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self::of(texts))
    }

    fn read_folder(root: &Path, folder: &str, texts: &mut Vec<TextFile>) -> Outcome {
        for entry in fs::read_dir(root.join(folder))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{folder}/{name}");
            if entry.file_type()?.is_file() {
                Self::read_file(root, &path, texts)?;
            } else if !Self::SKIPPED.contains(&name.as_str()) {
                Self::read_folder(root, &path, texts)?;
            }
        }
        Ok(())
    }

    fn read_file(root: &Path, path: &str, texts: &mut Vec<TextFile>) -> Outcome {
        let kind = path.rsplit_once('.').map_or("", |(_, kind)| kind);
        if Self::KINDS.contains(&kind) || path.starts_with(".ci/") {
            let text = fs::read_to_string(root.join(path)).map_err(|error| format!("{path}: {error}"))?;
            texts.push(TextFile { path: path.to_owned(), text });
        }
        Ok(())
    }

    fn of(texts: Vec<TextFile>) -> Self {
        let rust = texts.iter().filter(|file| file.is("rs")).map(RustFile::of).collect();
        Self { rust, texts }
    }

    fn hold(&self, rule: &Rule) -> Outcome {
        let violations = (rule.check)(self);
        if violations.is_empty() {
            return Ok(());
        }
        let mut message = format!("{}:", rule.name);
        for violation in violations {
            message.push_str("\n  ");
            message.push_str(&violation.to_string());
        }
        Err(Failure::from(message))
    }
}

impl TextFile {
    /// By the end of its name, without the dot.
    fn is(&self, kind: &str) -> bool {
        self.path.rsplit_once('.').is_some_and(|(_, found)| found == kind)
    }
}

impl RustFile {
    fn of(file: &TextFile) -> Self {
        let scan = scan::scan(&file.text);
        let test_lines = scan::test_lines(&scan.code);
        let is_test = file.path.contains("/tests/")
            || file.path.contains("/benches/")
            || file.path.ends_with("/tests.rs")
            || file.path.ends_with("_tests.rs");
        Self { path: file.path.clone(), text: file.text.clone(), scan, test_lines, is_test }
    }

    fn is_below(&self, folders: &[&str]) -> bool {
        folders.iter().any(|folder| self.path.starts_with(folder))
    }

    fn is_test_line(&self, line: usize) -> bool {
        self.is_test || self.test_lines.iter().any(|lines| lines.contains(&line))
    }

    /// `line` is counted from 0.
    fn violation(&self, line: usize, message: impl Into<String>) -> Violation {
        Violation { path: self.path.clone(), line: line + 1, message: message.into() }
    }
}
