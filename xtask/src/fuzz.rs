//! libFuzzer in front of the targets of `fuzz/`, on the stable compiler: its coverage is a pass of LLVM, which needs no
//! sanitizer.

use crate::{
    command::{Failure, Outcome, Program, cargo, step},
    paths,
};
use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// How long each target runs, in seconds, unless told otherwise.
const SECONDS: u32 = 600;
const USAGE: &str = "cargo xtask fuzz [TARGET…] [--seconds N]";

/// What has the compiler count which edges an input takes, and what it compares with what.
const COVERAGE: [&str; 5] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];
/// Flags in the environment take the place of those in .cargo/config.toml, so that these are said again.
const USUAL: [&str; 2] = ["--cfg", "erase_components"];

/// Runs the targets that are named, or all, one after the other. Inputs that lead somewhere are kept in
/// `target/fuzz/found`, those that break a rule in `target/fuzz/broken`.
pub fn run(args: &[String]) -> Outcome {
    let asked = Asked::read(args, &targets()?)?;
    needs_cpp()?;
    let triple = host(&Program::new("rustc").args(["-vV"]).read()?)?;
    let flags: Vec<&str> = USUAL.into_iter().chain(COVERAGE).collect();
    let dir = paths::target().join("fuzz");
    step("the targets, with coverage", || {
        cargo(["build", "--package", "fuzz", "--features", "libfuzzer", "--bins", "--profile", "fuzz"])
            .args(["--target", &triple, "--target-dir"])
            .args([&dir])
            .env("RUSTFLAGS", flags.join(" "))
            .run()
    })?;
    let programs = dir.join(&triple).join("fuzz");
    let broken: Vec<&str> = asked
        .targets
        .iter()
        .filter(|target| {
            let run = || run_target(&programs, &dir, target, asked.seconds);
            step(target, run).inspect_err(|error| eprintln!("error: {error}")).is_err()
        })
        .map(String::as_str)
        .collect();
    if broken.is_empty() {
        return Ok(());
    }
    let broken = broken.join(", ");
    Err(format!(
        "{broken}: an input breaks a rule, see above; it is kept in {}",
        dir.join("broken").display()
    )
    .into())
}

fn run_target(programs: &Path, dir: &Path, target: &str, seconds: u32) -> Outcome {
    let (found, broken) = (dir.join("found").join(target), dir.join("broken").join(target));
    fs::create_dir_all(&found)?;
    fs::create_dir_all(&broken)?;
    Program::new(programs.join(target))
        .args([format!("-max_total_time={seconds}"), format!("-artifact_prefix={}/", broken.display())])
        // One input may take ten seconds, and all together a gigabyte.
        .args(["-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1"])
        .args([found, corpus().join(target)])
        .run()
}

#[derive(Debug, PartialEq, Eq)]
struct Asked {
    targets: Vec<String>,
    seconds: u32,
}

impl Asked {
    fn read(args: &[String], known: &[String]) -> Outcome<Self> {
        let mut asked = Self { targets: vec![], seconds: SECONDS };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            if arg == "--seconds" {
                let seconds = args.next().and_then(|seconds| seconds.parse().ok());
                asked.seconds = seconds.ok_or_else(|| format!("--seconds needs a number: {USAGE}"))?;
            } else if known.contains(arg) {
                asked.targets.push(arg.clone());
            } else {
                let known = known.join(", ");
                return Err(format!("there is no target `{arg}`, only {known}: {USAGE}").into());
            }
        }
        if asked.targets.is_empty() {
            asked.targets = known.to_vec();
        }
        Ok(asked)
    }
}

fn corpus() -> PathBuf {
    paths::root().join("fuzz/corpus")
}

/// Each has a folder in the corpus.
fn targets() -> Outcome<Vec<String>> {
    let entries = fs::read_dir(corpus())?.collect::<Result<Vec<_>, _>>()?;
    let mut names: Vec<_> =
        entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    Ok(names)
}

/// libFuzzer is C++.
fn needs_cpp() -> Outcome {
    let is_named = env::var_os("CXX").is_some();
    if is_named || ["c++", "g++", "clang++"].into_iter().any(|name| paths::on_path(name).is_some()) {
        return Ok(());
    }
    Err("fuzzing needs a C++ compiler for libFuzzer: install one (Debian: apt-get install g++), or name one with CXX=/path/to/it"
        .into())
}

/// The machine's own triple. With one named, cargo leaves build scripts and macros without our flags.
fn host(version: &str) -> Outcome<String> {
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| Failure::from("`rustc -vV` names no host"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(args: &[&str]) -> Result<Asked, String> {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        Asked::read(&texts(args), &texts(&["event", "key"])).map_err(|error| error.to_string())
    }

    #[test]
    fn all_targets_run_unless_some_are_named() {
        let of = |targets: &[&str], seconds| Asked {
            targets: targets.iter().map(|target| (*target).to_owned()).collect(),
            seconds,
        };
        assert_eq!(asked(&[]), Ok(of(&["event", "key"], SECONDS)));
        assert_eq!(asked(&["key", "--seconds", "5"]), Ok(of(&["key"], 5)));
        for wrong in [&["kye"][..], &["--seconds"], &["--seconds", "ten"]] {
            assert!(asked(wrong).unwrap_err().ends_with(USAGE), "{wrong:?}");
        }
    }

    #[test]
    fn every_target_has_a_program_and_a_corpus() {
        let mut programs: Vec<_> = fs::read_dir(paths::root().join("fuzz/targets"))
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        programs.sort();
        assert_eq!(targets().unwrap(), programs);
    }

    #[test]
    fn the_compiler_says_where_it_runs() {
        let version = "rustc 1.95.0 (5980)\nhost: x86_64-unknown-linux-gnu\nrelease: 1.95.0\n";
        assert_eq!(host(version).unwrap(), "x86_64-unknown-linux-gnu");
        assert!(host("rustc 1.95.0").is_err());
    }

    #[test]
    fn the_usual_flags_are_those_of_the_configuration() {
        let configuration = fs::read_to_string(paths::root().join(".cargo/config.toml")).unwrap();
        let quoted = USUAL.map(|flag| format!("{flag:?}")).join(", ");
        assert!(configuration.contains(&format!("rustflags = [{quoted}]")), "say here what stands there");
    }
}
