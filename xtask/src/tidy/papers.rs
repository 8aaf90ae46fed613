//! Rules about everything that is not Rust: migrations, papers, lock files.

use super::{Repository, Violation, scan};
use std::collections::{BTreeMap, BTreeSet};

pub fn migrations(repository: &Repository) -> Vec<Violation> {
    const FOLDER: &str = "server/migrations/";
    let mut drivers: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for file in &repository.texts {
        let Some((driver, name)) = file.path.strip_prefix(FOLDER).and_then(|path| path.split_once('/'))
        else {
            continue;
        };
        drivers.entry(driver).or_default().insert(name);
    }
    let all: BTreeSet<&str> = drivers.values().flatten().copied().collect();
    let mut found = Vec::new();
    for (driver, names) in &drivers {
        for missing in all.difference(names) {
            let path = format!("{FOLDER}{driver}/{missing}");
            found.push(Violation { path, line: 0, message: "is missing; another store has it".to_owned() });
        }
    }
    found
}

pub fn links(repository: &Repository) -> Vec<Violation> {
    let known: BTreeSet<&str> = repository.texts.iter().map(|file| file.path.as_str()).collect();
    let exists = |path: &str| {
        let folder = format!("{}/", path.trim_end_matches('/'));
        known.contains(path)
            || path.is_empty()
            || known.iter().any(|file| file.starts_with(&folder))
            || is_binary(path)
    };
    let mut found = Vec::new();
    for file in repository.texts.iter().filter(|file| file.is("md")) {
        for (at, _) in file.text.match_indices("](") {
            let target = file.text[at + 2..].split(')').next().unwrap_or_default();
            let target = target.split('#').next().unwrap_or_default();
            let elsewhere =
                ["http://", "https://", "mailto:"].iter().any(|scheme| target.starts_with(scheme));
            if target.is_empty() || elsewhere {
                continue;
            }
            let problem = match resolve(&file.path, target) {
                Some(path) if exists(&path) => continue,
                Some(path) => format!("links to {path}, which does not exist"),
                None => format!("links to {target}, which is outside the repository"),
            };
            let line = scan::line_of(&file.text, at) + 1;
            found.push(Violation { path: file.path.clone(), line, message: problem });
        }
    }
    for file in repository.texts.iter().filter(|file| file.is("md")) {
        let Some(name) = file.path.strip_prefix("docs/decisions/") else { continue };
        if !name.starts_with("README") && !name.starts_with(|c: char| c.is_ascii_digit()) {
            let message = "decision records are numbered, oldest first".to_owned();
            found.push(Violation { path: file.path.clone(), line: 0, message });
        }
    }
    found
}

/// Pictures and licences are no text that we read.
fn is_binary(path: &str) -> bool {
    ["png", "jpg", "webp", "gif"].iter().any(|kind| path.ends_with(kind))
        || path.starts_with("LICENSE-")
        || path.ends_with("/run")
}

/// A link as written in `from`, as a path from the root; none when it leaves the repository.
fn resolve(from: &str, target: &str) -> Option<String> {
    if target.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

pub fn machines(repository: &Repository) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in repository.texts.iter().filter(|file| !file.path.starts_with("xtask/src/tidy")) {
        for word in ["/root/", "/home/", "/Users/", "C:\\Users"] {
            for (at, _) in file.text.match_indices(word) {
                let line = scan::line_of(&file.text, at) + 1;
                let message = format!(
                    "`{word}` is a place on one machine: name it from the repository, or by a variable"
                );
                found.push(Violation { path: file.path.clone(), line, message });
            }
        }
    }
    for file in &repository.texts {
        let expected = match file.path.as_str() {
            "package-lock.json" => "https://registry.npmjs.org/",
            "Cargo.lock" => "registry+https://github.com/rust-lang/crates.io-index",
            _ => continue,
        };
        for (number, line) in file.text.lines().enumerate() {
            let source =
                line.trim().strip_prefix("\"resolved\": \"").or_else(|| line.strip_prefix("source = \""));
            if source.is_some_and(|source| !source.starts_with(expected)) {
                let message = "names a registry that others may not reach".to_owned();
                found.push(Violation { path: file.path.clone(), line: number + 1, message });
            }
        }
    }
    found
}
