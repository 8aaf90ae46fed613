//! Rules about Rust sources.

use super::{Repository, RustFile, Violation, scan};

const MAX_FILE_LINES: usize = 500;
const MAX_FUNCTION_LINES: usize = 70;
/// Ours but for the build commands, which talk about the rules' own words.
const PRODUCT: [&str; 4] = ["app/", "frontend/", "ledger/", "server/"];

fn product(repository: &Repository) -> impl Iterator<Item = &RustFile> {
    repository.rust.iter().filter(|file| file.is_below(&PRODUCT))
}

/// Lines of code with `word` as a whole word, counted from 0.
fn lines_with<'a>(file: &'a RustFile, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let code = &file.scan.code;
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word)
        .filter(move |(at, _)| {
            let (before, after) = (&code[..*at], &code[at + word.len()..]);
            let joins_before = word.starts_with(is_part) && before.ends_with(is_part);
            let joins_after = word.ends_with(is_part) && after.starts_with(is_part);
            !joins_before && !joins_after
        })
        .map(|(at, _)| scan::line_of(code, at))
}

pub fn server_functions(repository: &Repository) -> Vec<Violation> {
    let elsewhere = product(repository).filter(|file| !file.is_below(&["app/src/api/"]));
    let message = "a server function belongs to app/src/api/, where the access matrix looks for it";
    elsewhere
        .flat_map(|file| {
            ["#[server", "#[leptos::server"]
                .into_iter()
                .flat_map(|word| lines_with(file, word))
                .map(|line| file.violation(line, message))
        })
        .collect()
}

pub fn sql(repository: &Repository) -> Vec<Violation> {
    let allowed = ["server/src/store/", "server/tests/", "server/benches/", "server/migrations/"];
    let message = "SQL belongs to server/src/store/; ask the store for what you need";
    let mut found = Vec::new();
    for file in
        product(repository).filter(|file| !file.is_below(&allowed) && file.path != "server/src/store.rs")
    {
        let calls = ["sqlx::query", "sqlx::raw_sql", "sqlx::QueryBuilder"];
        found.extend(calls.into_iter().flat_map(|call| {
            let code = &file.scan.code;
            code.match_indices(call).map(|(at, _)| file.violation(scan::line_of(code, at), message))
        }));
        // A test may name a statement, to show that it does not leak into an answer.
        let statements = file.scan.literals.iter().filter(|literal| is_sql(&literal.text));
        let statements = statements.filter(|literal| !file.is_test_line(literal.line));
        found.extend(statements.map(|literal| file.violation(literal.line, message)));
    }
    found
}

/// Statements as we write them: upper case, and with the word that makes them one.
fn is_sql(text: &str) -> bool {
    let text = text.trim_start();
    let needs = [
        ("SELECT ", ""),
        ("INSERT ", "INTO "),
        ("UPDATE ", " SET "),
        ("DELETE ", "FROM "),
        ("WITH ", " AS ("),
        ("CREATE ", "TABLE "),
        ("PRAGMA ", ""),
    ];
    needs.iter().any(|(start, word)| text.starts_with(start) && text.contains(word))
}

pub fn floats(repository: &Repository) -> Vec<Violation> {
    let allowed = ["app/src/charts/", "app/src/format.rs", "server/benches/", "server/src/metrics/text.rs"];
    let message = "credits are integers; floats stand only in app/src/charts/, app/src/format.rs and the text of /metrics";
    product(repository)
        .filter(|file| !file.is_below(&allowed))
        .flat_map(|file| {
            ["f32", "f64"]
                .into_iter()
                .flat_map(|word| lines_with(file, word))
                .map(|line| file.violation(line, message))
        })
        .collect()
}

/// The driver must call the console; all else in the folder is read from the spec.
pub fn reference_model(repository: &Repository) -> Vec<Violation> {
    let folder = "server/tests/it/model/";
    let message =
        "the model is a second reading of ledger/README.md: it takes no code from what it is held against";
    let words = |file: &RustFile| {
        let calls = file.path.ends_with("/driver.rs");
        if calls { vec!["ledger"] } else { vec!["ledger", "server"] }
    };
    let files = repository.rust.iter().filter(|file| file.is_below(&[folder]));
    files
        .flat_map(|file| {
            let lines = words(file).into_iter().flat_map(|word| lines_with(file, word));
            lines.map(|line| file.violation(line, message)).collect::<Vec<_>>()
        })
        .collect()
}

pub fn lengths(repository: &Repository) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in repository.rust.iter().filter(|file| !file.is_test) {
        let lines: Vec<&str> = file.scan.code.lines().collect();
        let length = (0..file.text.lines().count()).filter(|line| !file.is_test_line(*line)).count();
        if length > MAX_FILE_LINES {
            let message =
                format!("{length} lines; over {MAX_FILE_LINES} a file has a second reason: split it");
            found.push(file.violation(0, message));
        }
        for function in scan::functions(&file.scan.code) {
            if file.is_test_line(function.lines.start) {
                continue;
            }
            let body = lines.get(function.lines.clone()).unwrap_or_default();
            let length = body.iter().filter(|line| !line.trim().is_empty()).count();
            if length > MAX_FUNCTION_LINES {
                let message = format!(
                    "`{}` has {length} lines of code; the limit is {MAX_FUNCTION_LINES}",
                    function.name
                );
                found.push(file.violation(function.lines.start, message));
            }
        }
    }
    found
}

pub fn unfinished(repository: &Repository) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in &repository.rust {
        for (word, message) in [
            ("#[ignore", "a test that is not run proves nothing: repair or remove it"),
            ("todo!", "finish it, or leave it out"),
            ("unimplemented!", "finish it, or leave it out"),
            ("dbg!", "take the debugging print out"),
        ] {
            found.extend(lines_with(file, word).map(|line| file.violation(line, message)));
        }
    }
    for file in repository.texts.iter().filter(|file| file.path.starts_with("end2end/") && file.is("ts")) {
        for word in ["test.skip", "test.only", "test.fixme", "describe.only", "describe.skip"] {
            for (at, _) in file.text.match_indices(word) {
                let line = scan::line_of(&file.text, at) + 1;
                let message = format!("`{word}`: a test that is not run proves nothing");
                found.push(Violation { path: file.path.clone(), line, message });
            }
        }
    }
    found
}

pub fn sleeps(repository: &Repository) -> Vec<Violation> {
    let message = "wait for the event itself: a message, an answer, an exit, or the injected clock";
    let mut found = Vec::new();
    for file in repository.rust.iter().filter(|file| !file.path.contains("/benches/")) {
        let lines =
            ["thread::sleep", "time::sleep", "sleep("].into_iter().flat_map(|word| lines_with(file, word));
        let mut lines: Vec<usize> = lines.filter(|line| file.is_test_line(*line)).collect();
        lines.sort_unstable();
        lines.dedup();
        found.extend(lines.into_iter().map(|line| file.violation(line, message)));
    }
    for file in repository.texts.iter().filter(|file| file.path.starts_with("end2end/") && file.is("ts")) {
        for (at, _) in file.text.match_indices("waitForTimeout") {
            let line = scan::line_of(&file.text, at) + 1;
            found.push(Violation { path: file.path.clone(), line, message: message.to_owned() });
        }
    }
    found
}

pub fn headers(repository: &Repository) -> Vec<Violation> {
    let vague = ["utils", "util", "helpers", "helper", "common", "manager", "data", "misc"];
    let mut found = Vec::new();
    for file in &repository.rust {
        if !file.text.trim_start().starts_with("//!") {
            found.push(file.violation(0, "begin with a `//!` line that says why the file exists"));
        }
        let stem = file.path.trim_end_matches("/mod.rs").trim_end_matches(".rs");
        let name = stem.rsplit('/').next().unwrap_or_default();
        if vague.contains(&name) {
            found.push(file.violation(0, format!("`{name}` says nothing: name the file after what it does")));
        }
    }
    found
}
