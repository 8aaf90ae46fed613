//! The tests of the store, twice: the same ones on SQLite and on Postgres, and none left out.

use crate::{
    cluster::Cluster,
    command::{Outcome, Program, cargo},
};
use std::collections::BTreeSet;

/// Modules of the test binary `it` that are for one store alone.
pub const SQLITE_ONLY: &str = "embedded::";
pub const POSTGRES_ONLY: &str = "postgres::";

/// Every test of this workspace, the store's on SQLite; or those with one of the filters in their name.
pub fn on_sqlite(filters: &[String]) -> Program {
    cargo(["test", "--no-fail-fast", "--"]).args(filters).args(["--skip", POSTGRES_ONLY])
}

/// The tests of the store on this server.
pub fn on_postgres(cluster: &Cluster, filters: &[String]) -> Program {
    cargo(["test", "--no-fail-fast", "--test", "it", "--"])
        .args(filters)
        .args(["--skip", SQLITE_ONLY])
        .env("CONSOLE_TEST_POSTGRES", cluster.url())
}

/// The names of all that must run on both.
pub fn common(filters: &[String]) -> Outcome<BTreeSet<String>> {
    let skip = ["--list", "--skip", SQLITE_ONLY, "--skip", POSTGRES_ONLY];
    let listed = cargo(["test", "--quiet", "--test", "it", "--"]).args(filters).args(skip).read()?;
    Ok(listed.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect())
}

/// Which of these tests ran, whatever came out; one that was ignored did not.
pub fn ran<'a>(printed: &str, common: &'a BTreeSet<String>) -> BTreeSet<&'a str> {
    let result = |line: &str| {
        let (name, result) = line.strip_prefix("test ")?.split_once(" ... ")?;
        // `should panic` and times may stand behind the name and the result.
        let name = name.split(" - ").next().unwrap_or(name);
        let has_run = result.starts_with("ok") || result.starts_with("FAILED");
        common.get(name).filter(|_| has_run).map(String::as_str)
    };
    printed.lines().filter_map(result).collect()
}

/// Says what did not run on one of the stores.
pub fn compare(common: &BTreeSet<String>, sqlite: &BTreeSet<&str>, postgres: &BTreeSet<&str>) -> Outcome {
    let mut missing = vec![];
    for name in common.iter().map(String::as_str) {
        for (store, ran) in [("SQLite", sqlite), ("Postgres", postgres)] {
            if !ran.contains(name) {
                missing.push(format!("{name} did not run on {store}"));
            }
        }
    }
    if missing.is_empty() { Ok(()) } else { Err(missing.join("\n").into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_that_one_store_left_out_or_ignored_is_named() {
        let common: BTreeSet<String> = ["a::one", "a::two"].map(str::to_owned).into();
        let all = "test a::one ... ok\ntest other ... ok\ntest a::two ... FAILED\n";
        let sqlite = ran(all, &common);
        assert_eq!(sqlite.len(), 2);
        assert!(compare(&common, &sqlite, &ran(all, &common)).is_ok());
        for left_out in ["test a::one ... ok\n", "test a::one ... ok\ntest a::two ... ignored\n"] {
            let refused = compare(&common, &sqlite, &ran(left_out, &common)).expect_err("one did not run");
            assert_eq!(refused.to_string(), "a::two did not run on Postgres");
        }
    }
}
