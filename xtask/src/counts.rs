//! Reads how many tests passed and failed from what a test runner printed.

use std::ops::AddAssign;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub passed: u64,
    pub failed: u64,
}

impl Counts {
    pub const PASS: Self = Self { passed: 1, failed: 0 };
    pub const FAIL: Self = Self { passed: 0, failed: 1 };
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

/// Sums cargo's `test result: ok. 12 passed; 0 failed; …` lines.
pub fn of_cargo_test(printed: &str) -> Counts {
    let mut counts = Counts::default();
    for line in printed.lines().filter_map(|line| line.trim().strip_prefix("test result: ")) {
        for part in line.split(['.', ';']) {
            counts += counted(part);
        }
    }
    counts
}

/// What failed tests said, each from its name to where its backtrace begins.
pub fn failures_of_cargo_test(printed: &str) -> Vec<&str> {
    let is_head = |text: &str| text.lines().next().is_some_and(|line| line.ends_with(" stdout ----"));
    let said = printed.split("\n---- ").skip(1).filter(|text| is_head(text));
    said.map(|text| text.split("\nstack backtrace:").next().unwrap_or(text))
        .map(|text| text.split("\nnote: ").next().unwrap_or(text))
        .map(|text| text.split("\nfailures:").next().unwrap_or(text).trim())
        .collect()
}

/// Playwright closes with one line per kind: `  1 failed`, `  12 passed (8.1s)`.
pub fn of_playwright(printed: &str) -> Counts {
    let mut counts = Counts::default();
    for line in printed.lines() {
        counts += counted(line.split('(').next().unwrap_or_default());
    }
    counts
}

/// `12 passed`, `1 failed`; also what must not be: a flaky or unrun test is no pass.
fn counted(text: &str) -> Counts {
    let Some((number, kind)) = text.trim().split_once(' ') else { return Counts::default() };
    let Ok(number) = number.parse() else { return Counts::default() };
    match kind.trim() {
        "passed" => Counts { passed: number, failed: 0 },
        "failed" | "flaky" | "interrupted" | "did not run" => Counts { passed: 0, failed: number },
        _ => Counts::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_binaries_of_a_cargo_test_run_are_summed() {
        let printed = "running 3 tests\ntest a ... ok\n\n\
            test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
            test result: FAILED. 7 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s\n";
        assert_eq!(of_cargo_test(printed), Counts { passed: 10, failed: 2 });
    }

    #[test]
    fn playwrights_closing_lines_are_read_and_a_flaky_test_has_failed() {
        let printed = "Running 6 tests using 1 worker\n  ✓  1 opens (1.2s)\n  1 failed\n    a.spec.ts:3:1 › opens\n  \
            1 flaky\n  4 passed (8.1s)\n";
        assert_eq!(of_playwright(printed), Counts { passed: 4, failed: 2 });
    }

    #[test]
    fn a_failed_test_is_told_with_its_reason_and_without_its_backtrace() {
        let printed = "failures:\n\n---- a::b stdout ----\n\nthread 'a::b' panicked at a.rs:1:5:\nleft: 1\n right: 2\n\
            stack backtrace:\n   0: main\n\n---- c stdout ----\nthread 'c' panicked at c.rs:2:1:\nno\nnote: run with\n\n\
            failures:\n    a::b\n    c\n";
        assert_eq!(
            failures_of_cargo_test(printed),
            [
                "a::b stdout ----\n\nthread 'a::b' panicked at a.rs:1:5:\nleft: 1\n right: 2",
                "c stdout ----\nthread 'c' panicked at c.rs:2:1:\nno",
            ]
        );
        assert!(failures_of_cargo_test("test a ... ok\n").is_empty());
    }

    #[test]
    fn other_text_counts_nothing() {
        assert_eq!(of_cargo_test("12 passed; 1 failed"), Counts::default());
        assert_eq!(of_playwright("passed 3\n3 skipped\n"), Counts::default());
    }
}
