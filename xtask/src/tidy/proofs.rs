//! docs/security.md says by which test each requirement is held; what it names must be there.

use super::{Repository, Violation, scan};

pub(super) const PAPER: &str = "docs/security.md";
/// Requirements of the standard (OWASP ASVS 5.0.0) at levels 1 and 2.
const REQUIREMENTS: usize = 253;
/// How an answer begins.
const KINDS: [&str; 5] = ["test: ", "setting: ", "paper: ", "n/a: ", "open: "];

pub fn requirements(repository: &Repository) -> Vec<Violation> {
    let Some(paper) = repository.texts.iter().find(|file| file.path == PAPER) else {
        return vec![Violation { path: PAPER.to_owned(), line: 0, message: "is missing".to_owned() }];
    };
    let mut found = Vec::new();
    let mut ids: Vec<&str> = Vec::new();
    let mut complain = |line: usize, message: String| {
        found.push(Violation { path: PAPER.to_owned(), line: line + 1, message });
    };
    for (number, line) in paper.text.lines().enumerate() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let ["", id, _, _, answer, ""] = cells[..] else { continue };
        if !is_id(id) {
            continue;
        }
        if ids.contains(&id) {
            complain(number, format!("{id} is there twice"));
        }
        ids.push(id);
        if !KINDS.iter().any(|kind| answer.strip_prefix(kind).is_some_and(|reason| !reason.is_empty())) {
            complain(number, format!("{id} is answered by none of {KINDS:?}"));
        }
        let names = names(answer);
        if answer.starts_with("test: ") && names.is_empty() {
            complain(number, format!("{id} names no test"));
        }
        for name in names.into_iter().filter(|name| !exists(repository, name)) {
            complain(number, format!("{id} names `{name}`, which is no test and no rule"));
        }
    }
    if ids.len() != REQUIREMENTS {
        complain(0, format!("has {} of {REQUIREMENTS} requirements", ids.len()));
    }
    found
}

/// `1.2.3`
fn is_id(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    parts.len() == 3
        && parts.iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

/// What stands between backticks and is called as tests are: `module::test` or `file.spec.ts: title`; and what stands in them
/// after `tidy: `.
fn names(answer: &str) -> Vec<&str> {
    let pieces: Vec<&str> = answer.split('`').collect();
    let quoted = pieces.iter().enumerate().skip(1).step_by(2);
    let is_name = |place: usize, text: &str| {
        text.contains("::") || text.contains(".spec.ts: ") || pieces[place - 1].ends_with("tidy: ")
    };
    quoted.filter(|(place, text)| is_name(*place, text)).map(|(_, text)| *text).collect()
}

fn exists(repository: &Repository, name: &str) -> bool {
    if let Some((file, title)) = name.split_once(".spec.ts: ") {
        let path = format!("end2end/tests/{file}.spec.ts");
        let called = [format!("test(\"{title}\""), format!("test(`{title}`")];
        let spec = repository.texts.iter().find(|text| text.path == path);
        return spec.is_some_and(|spec| called.iter().any(|called| spec.text.contains(called)));
    }
    let Some((modules, function)) = name.rsplit_once("::") else {
        return super::RULES.iter().any(|rule| rule.name == name);
    };
    let (krate, rest) = modules.split_once("::").unwrap_or((modules, ""));
    let folder = match krate {
        "app" | "fuzz" | "ledger" | "server" | "xtask" => format!("{krate}/src/{}", rest.replace("::", "/")),
        _ => format!("server/tests/it/{}", modules.replace("::", "/")),
    };
    let files = [".rs", "/mod.rs", "/tests.rs", "_tests.rs"].map(|end| format!("{folder}{end}"));
    let mut sources = repository.rust.iter().filter(|file| files.contains(&file.path));
    sources.any(|file| is_tested(&file.scan.code, function))
}

/// Whether there is a function of this name right below the attribute of a test.
fn is_tested(code: &str, function: &str) -> bool {
    code.match_indices(&format!("fn {function}(")).any(|(at, _)| {
        let before: Vec<&str> = code.lines().take(scan::line_of(code, at)).collect();
        before.last().is_some_and(|line| line.trim().starts_with("#[") && line.contains("test"))
    })
}
