//! Rules about the crates' manifests: who may know whom.

use super::{Repository, Violation};

/// What a crate must not depend on; `optional` ones are what its `ssr` feature may switch on.
struct Limits {
    krate: &'static str,
    never: &'static [&'static str],
    only_optional: &'static [&'static str],
}

const LIMITS: [Limits; 4] = [
    Limits {
        krate: "ledger",
        never: &[
            "app",
            "frontend",
            "server",
            "xtask",
            "axum",
            "leptos",
            "sqlx",
            "tokio",
            "rand",
            "getrandom",
        ],
        only_optional: &[],
    },
    Limits {
        krate: "app",
        never: &["frontend", "server", "xtask", "sqlx"],
        only_optional: &["axum", "leptos_axum", "tokio", "http", "gloo-net", "web-sys"],
    },
    Limits { krate: "frontend", never: &["server", "xtask", "axum", "sqlx", "tokio"], only_optional: &[] },
    Limits { krate: "xtask", never: &["app", "frontend", "ledger", "server"], only_optional: &[] },
];

pub fn directions(repository: &Repository) -> Vec<Violation> {
    let mut found = Vec::new();
    for limits in &LIMITS {
        let path = format!("{}/Cargo.toml", limits.krate);
        let Some(manifest) = repository.texts.iter().find(|file| file.path == path) else { continue };
        for (line, name, value) in dependencies(&manifest.text) {
            let optional = value.contains("optional = true");
            let message = if limits.never.contains(&name) {
                format!("`{}` must not know `{name}`", limits.krate)
            } else if limits.only_optional.contains(&name) && !optional {
                format!("`{}` may have `{name}` only as an optional dependency of a feature", limits.krate)
            } else {
                continue;
            };
            found.push(Violation { path: path.clone(), line: line + 1, message });
        }
    }
    found
}

/// Line, name and value of each normal or build dependency, for any target.
fn dependencies(manifest: &str) -> Vec<(usize, &str, &str)> {
    let mut found = Vec::new();
    let mut inside = false;
    for (number, line) in manifest.lines().enumerate() {
        let line = line.trim();
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            inside = section.ends_with("dependencies") && !section.ends_with("dev-dependencies");
            if let Some((_, name)) = section.rsplit_once("dependencies.") {
                found.push((number, name, ""));
            }
        } else if let (true, Some((key, value))) = (inside, line.split_once('=')) {
            let name = key.trim().split('.').next().unwrap_or_default();
            if !name.starts_with('#') {
                found.push((number, name, value));
            }
        }
    }
    found
}
