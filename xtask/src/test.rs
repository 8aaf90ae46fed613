//! Every check and test, in the order in which they are cheapest to fail, with the time each took.

use crate::{
    browser, build, cluster,
    cluster::Cluster,
    command::{Outcome, Program, cargo, seconds, step, timed},
    counts::{self, Counts},
    paths, setup,
    setup::FrontTools,
    store_tests, tidy,
    wasm_target::WasmToolchain,
};
use std::{
    collections::BTreeSet,
    env,
    path::{Path, PathBuf},
    time::Duration,
};

const WASM: &str = "wasm32-unknown-unknown";
const DENY_WARNINGS: [&str; 3] = ["--", "--deny", "warnings"];
/// What must never reach the browser.
const SERVER_ONLY: [&str; 5] = ["tokio", "axum", "sqlx", "hyper", "leptos_axum"];

/// All parts, or with filters only the tests that have one of them in their name.
pub fn run(filters: &[String]) -> Outcome {
    let mut report = Report::default();
    let (took, tools) = timed(setup_for_testing);
    let (tools, browser) = tools?;
    report.add("set-up", took, Counts::PASS);
    let postgres = report.postgres();
    if filters.is_empty() {
        checks(&mut report, &tools);
        report.cargo_tests(&[], postgres.as_deref());
        report.check("release build", || build::release_with(&tools));
        if report.last_failed() {
            report.add("browser tests: not run without a build", Duration::ZERO, Counts::FAIL);
        } else {
            report.part("browser tests", || browser_tests(&browser, &[], postgres.as_deref()));
        }
    } else {
        report.cargo_tests(filters, postgres.as_deref());
        if browser_tests_match(filters) {
            report.check("release build", || build::release_with(&tools));
            report.part("browser tests", || browser_tests(&browser, filters, postgres.as_deref()));
        }
    }
    report.finish()
}

fn setup_for_testing() -> Outcome<(FrontTools, PathBuf)> {
    Ok((setup::for_building()?, browser::find_or_install()?))
}

/// What needs no test to run: format, lints, rules, what the browser must not get.
fn checks(report: &mut Report, tools: &FrontTools) {
    report.check("format", || cargo(["fmt", "--all", "--check"]).run());
    for rule in tidy::RULES {
        report.check(&format!("tidy: {}", rule.name), || tidy::hold(rule));
    }
    report.check("the browser gets nothing of the server", browser_side_is_clean);
    report.check("lints, server side", || cargo(["clippy", "--all-targets"]).args(DENY_WARNINGS).run());
    report.check("lints, browser side", || lint_browser_side(tools));
    report.check("ledger for the browser", || {
        tools.toolchain.apply(cargo(["check", "--package", "ledger", "--target", WASM])).run()
    });
}

fn lint_browser_side(tools: &FrontTools) -> Outcome {
    let args = ["--package", "frontend", "--target", WASM];
    match tools.toolchain {
        WasmToolchain::Pinned => cargo(["clippy"]).args(args).args(DENY_WARNINGS).run(),
        // Debian's compiler for the browser comes without clippy.
        WasmToolchain::Debian => tools.toolchain.apply(cargo(["check"]).args(args)).run(),
    }
}

fn browser_side_is_clean() -> Outcome {
    let args = ["tree", "--package", "frontend", "--target", WASM, "--edges", "normal", "--prefix", "none"];
    let tree = cargo(args).read()?;
    match server_only_crates(&tree).as_slice() {
        [] => Ok(()),
        found => Err(format!("the browser's code depends on {}", found.join(", ")).into()),
    }
}

fn server_only_crates(tree: &str) -> Vec<&str> {
    let mut found: Vec<&str> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    found.retain(|krate| SERVER_ONLY.contains(krate) || krate.starts_with("sqlx-"));
    found.sort_unstable();
    found.dedup();
    found
}

/// What a run of cargo's tests came to.
#[derive(Default)]
struct Tested {
    counts: Counts,
    /// What failed tests said.
    failures: Vec<String>,
    printed: String,
}

fn tested(program: Program) -> Outcome<Tested> {
    let (success, printed) = program.run_and_read()?;
    let failures = counts::failures_of_cargo_test(&printed).into_iter().map(str::to_owned).collect();
    Ok(Tested { counts: judged(success, counts::of_cargo_test(&printed)), failures, printed })
}

fn browser_tests_match(filters: &[String]) -> bool {
    playwright(filters).args(["--list"]).read().is_ok_and(|listed| !listed.contains("Total: 0 tests"))
}

/// Those about several servers need a Postgres, and fail without.
fn browser_tests(browser: &PathBuf, filters: &[String], postgres: Option<&Path>) -> Outcome<Counts> {
    let cluster = postgres.map(Cluster::start).transpose()?;
    let mut program =
        playwright(filters).env("CHROMIUM", browser).env("CONSOLE_BINARY", paths::release_binary());
    if let Some(cluster) = &cluster {
        program = program.env("CONSOLE_TEST_POSTGRES", cluster.url());
    }
    let (success, printed) = program.run_and_read()?;
    Ok(judged(success, counts::of_playwright(&printed)))
}

fn playwright(filters: &[String]) -> Program {
    let program = Program::new(paths::node_bin().join("playwright"))
        .args(["test", "--config", "end2end/playwright.config.ts"])
        .env("NO_COLOR", "1");
    if filters.is_empty() { program } else { program.args(["--grep", &filters.join("|")]) }
}

/// A runner that failed without naming a failed test (it did not compile, say) is one failure.
fn judged(success: bool, counted: Counts) -> Counts {
    let mut counts = counted;
    if !success && counts.failed == 0 {
        counts += Counts::FAIL;
    }
    counts
}

#[derive(Default)]
struct Report {
    parts: Vec<(String, Duration, Counts)>,
    /// What failed tests said: told again at the end, since what is printed before may be cut.
    failures: Vec<String>,
}

impl Report {
    /// A part that passes or fails as one.
    fn check(&mut self, name: &str, work: impl FnOnce() -> Outcome) {
        self.part(name, || work().map(|()| Counts::PASS));
    }

    fn part(&mut self, name: &str, work: impl FnOnce() -> Outcome<Counts>) {
        let (took, result) = timed(|| step(name, work));
        let counts = result.unwrap_or_else(|error| {
            eprintln!("error: {error}");
            Counts::FAIL
        });
        self.add(name, took, counts);
    }

    /// The folder of Postgres' programs. Without them CI fails, and anybody else is told.
    fn postgres(&mut self) -> Option<PathBuf> {
        match cluster::find_or_install() {
            Ok(found) => Some(found),
            Err(reason) if env::var_os("CI").is_some() => {
                eprintln!("error: {reason}");
                self.add("Postgres for the store's tests", Duration::ZERO, Counts::FAIL);
                None
            }
            Err(reason) => {
                eprintln!("\nWARNING: THE STORE IS TESTED ON SQLITE ALONE: {reason}\n");
                None
            }
        }
    }

    /// All tests, and those of the store once more on Postgres.
    fn cargo_tests(&mut self, filters: &[String], postgres: Option<&Path>) {
        let sqlite = self.tests("unit tests, and store and HTTP tests on SQLite", || {
            tested(store_tests::on_sqlite(filters))
        });
        let Some(bin) = postgres else { return };
        let postgres = self.tests("store and HTTP tests on Postgres", || {
            let cluster = Cluster::start(bin)?;
            tested(store_tests::on_postgres(&cluster, filters))
        });
        self.check("each store test ran on both", || {
            let common: BTreeSet<String> = store_tests::common(filters)?;
            let on_sqlite = store_tests::ran(&sqlite, &common);
            let on_postgres = store_tests::ran(&postgres, &common);
            println!("store tests on SQLite: {}", on_sqlite.len());
            println!("store tests on Postgres: {}", on_postgres.len());
            store_tests::compare(&common, &on_sqlite, &on_postgres)
        });
    }

    /// What the tests printed.
    fn tests(&mut self, name: &str, run: impl FnOnce() -> Outcome<Tested>) -> String {
        let mut all = Tested::default();
        self.part(name, || {
            all = run()?;
            Ok(all.counts)
        });
        self.failures.append(&mut all.failures);
        all.printed
    }

    fn add(&mut self, name: &str, took: Duration, counts: Counts) {
        self.parts.push((name.to_owned(), took, counts));
    }

    fn last_failed(&self) -> bool {
        self.parts.last().is_some_and(|(_, _, counts)| counts.failed > 0)
    }

    /// Prints the table and the one line that counts; a failure anywhere is a failure.
    fn finish(self) -> Outcome {
        println!();
        let mut total = Counts::default();
        let mut time = Duration::ZERO;
        for (name, took, counts) in &self.parts {
            let mark = if counts.failed == 0 { "ok    " } else { "FAILED" };
            println!(
                "{mark} {:>14}  {:>5} passed {:>4} failed  {name}",
                seconds(*took),
                counts.passed,
                counts.failed
            );
            total += *counts;
            time += *took;
        }
        println!("       {:>14}  in all\n", seconds(time));
        for failure in &self.failures {
            println!("---- {failure}\n");
        }
        println!("{} passed, {} failed", total.passed, total.failed);
        if total.failed == 0 { Ok(()) } else { Err("not everything passed".into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_crates_are_found_in_a_tree_by_their_whole_name() {
        let tree = "frontend v0.1.0\nleptos v0.8.23\ntokio-util v0.7.1\naxum v0.8.9 (*)\nsqlx-core v0.9.0\naxum v0.8.9\n";
        assert_eq!(server_only_crates(tree), ["axum", "sqlx-core"]);
    }

    #[test]
    fn a_runner_that_fails_without_a_failed_test_is_one_failure() {
        assert_eq!(judged(false, Counts { passed: 3, failed: 0 }), Counts { passed: 3, failed: 1 });
        assert_eq!(judged(false, Counts { passed: 3, failed: 2 }), Counts { passed: 3, failed: 2 });
        assert_eq!(judged(true, Counts::PASS), Counts::PASS);
    }

    #[test]
    fn a_report_with_a_failure_fails() {
        let mut report = Report::default();
        report.add("one", Duration::ZERO, Counts::PASS);
        report.part("two", || Err("broken".into()));
        assert!(report.last_failed());
        assert!(report.finish().is_err());
    }
}
