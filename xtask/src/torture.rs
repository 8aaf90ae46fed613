//! What takes too long for every run: failures, falsified books, races and loads, each as long as one likes. Every test
//! among them does a small, fixed share in `cargo xtask test` as well.

use crate::{
    build,
    command::{Outcome, Program, cargo, seconds, step, timed},
    counts, setup,
};
use std::fmt;

/// One way to torture.
struct Kind {
    name: &'static str,
    about: &'static str,
    work: Work,
}

/// What runs, and what its options set.
enum Work {
    /// The tests whose name has `filter`; options by variables of the environment. `count` has what is done unless asked.
    Tests { filter: &'static str, count: Option<(&'static str, u64)>, seed: Option<&'static str> },
    /// A load program of the server's benchmarks, against the program as it ships, for so many seconds unless asked.
    Load { seconds: u64, count: Option<u64> },
}

const KINDS: [Kind; 9] = [
    Kind {
        name: "crash",
        about: "a server is killed under load and has kept every answer; COUNT times",
        work: Work::Tests { filter: "crash::", count: Some(("PLEXE_CRASH_ROUNDS", 50)), seed: None },
    },
    Kind {
        name: "stampede",
        about: "COUNT charges of 0.1 credits and more run for half as many credits, of which grants expire: exact",
        work: Work::Tests {
            filter: "stampede::",
            count: Some(("PLEXE_STAMPEDE_CHARGES", 100_000)),
            seed: Some("PLEXE_STAMPEDE_SEED"),
        },
    },
    Kind {
        name: "model",
        about: "COUNT random operations of every kind against an independent model of the rules",
        work: Work::Tests {
            filter: "model::",
            count: Some(("PLEXE_MODEL_OPERATIONS", 200_000)),
            seed: Some("PLEXE_MODEL_SEED"),
        },
    },
    Kind {
        name: "tamper",
        about: "COUNT falsified books, in each of which verify finds the place",
        work: Work::Tests {
            filter: "tampering::",
            count: Some(("PLEXE_TAMPER_CASES", 1_000)),
            seed: Some("PLEXE_TAMPER_SEED"),
        },
    },
    Kind {
        name: "rollups",
        about: "COUNT random windows of charts against the raw entries",
        work: Work::Tests {
            filter: "rollup_windows::",
            count: Some(("PLEXE_ROLLUP_WINDOWS", 10_000)),
            seed: Some("PLEXE_ROLLUP_SEED"),
        },
    },
    Kind {
        name: "faults",
        about: "statements that fail: one event is refused, its neighbours are charged",
        work: Work::Tests { filter: "poison::", count: None, seed: None },
    },
    Kind {
        name: "overload",
        about: "four times as many charges as can be made, for SECONDS: most of them go on, the rest is refused at once",
        work: Work::Load { seconds: 60, count: None },
    },
    Kind {
        name: "streams",
        about: "COUNT open streams, a fifth of which never read, for SECONDS: heard soon, small, and slowing nobody",
        work: Work::Load { seconds: 20, count: Some(5_000) },
    },
    Kind {
        name: "soak",
        about: "5 000 events/s and COUNT open streams for SECONDS: memory, log and descriptors stay flat",
        work: Work::Load { seconds: 1_800, count: Some(500) },
    },
];

/// What the command line asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    kind: Option<String>,
    seed: Option<u64>,
    count: Option<u64>,
    seconds: Option<u64>,
}

/// Runs one kind, or all of them one after the other; fails when any of them does.
pub fn run(args: &[String]) -> Outcome {
    if args == ["help"] {
        print!("{}", usage());
        return Ok(());
    }
    let asked = Asked::parse(args).map_err(|problem| format!("{problem}\n\n{}", usage()))?;
    let kinds: Vec<&Kind> = KINDS.iter().filter(|kind| asked.names(kind)).collect();
    if kinds.iter().any(|kind| matches!(kind.work, Work::Load { .. })) {
        let tools = setup::for_building()?;
        build::release_with(&tools)?;
    }
    let mut results = vec![];
    for kind in kinds {
        let (took, outcome) = timed(|| step(kind.name, || kind.run(&asked)));
        if let Err(error) = &outcome {
            eprintln!("error: {error}");
        }
        results.push((kind.name, took, outcome));
    }
    println!();
    for (name, took, outcome) in &results {
        let (mark, said) = match outcome {
            Ok(did) => ("ok    ", did.clone()),
            Err(error) => ("FAILED", error.to_string()),
        };
        println!("{mark} {:>14}  {name}: {said}", seconds(*took));
    }
    if results.iter().all(|(_, _, outcome)| outcome.is_ok()) {
        Ok(())
    } else {
        Err("not everything held".into())
    }
}

impl Kind {
    /// What was done, in a few words.
    fn run(&self, asked: &Asked) -> Outcome<String> {
        match &self.work {
            Work::Tests { filter, count, seed } => {
                let chosen =
                    |(variable, usual): (&'static str, u64)| (variable, asked.count.unwrap_or(usual));
                let count = count.map(chosen);
                let seed = seed.and_then(|variable| Some((variable, asked.seed?)));
                tests(filter, count.into_iter().chain(seed))
            }
            Work::Load { seconds, count } => {
                let seconds = Some(asked.seconds.unwrap_or(*seconds));
                let count = count.map(|usual| asked.count.unwrap_or(usual));
                load(self.name, [("--seconds", seconds), ("--count", count)])
            }
        }
    }

    /// Why an option that is given means nothing here.
    fn lacks(&self, asked: &Asked) -> Option<&'static str> {
        let (seed, count, seconds) = match &self.work {
            Work::Tests { count, seed, .. } => (seed.is_some(), count.is_some(), false),
            Work::Load { count, .. } => (false, count.is_some(), true),
        };
        let given = [
            (asked.seed.is_some() && !seed, "--seed"),
            (asked.count.is_some() && !count, "--count"),
            (asked.seconds.is_some() && !seconds, "--seconds"),
        ];
        given.into_iter().find_map(|(is_lacking, option)| is_lacking.then_some(option))
    }
}

fn tests(filter: &str, settings: impl Iterator<Item = (&'static str, u64)>) -> Outcome<String> {
    let mut program = cargo(["test", "--no-fail-fast", "--package", "server", "--test", "it", "--", filter]);
    let mut shown = String::new();
    for (variable, value) in settings {
        program = program.env(variable, value.to_string());
        shown.push_str(&format!(", {variable}={value}"));
    }
    let (succeeded, printed) = program.run_and_read()?;
    let counts = counts::of_cargo_test(&printed);
    for failure in counts::failures_of_cargo_test(&printed) {
        println!("---- {failure}\n");
    }
    match (succeeded, counts.passed) {
        (true, 1..) => Ok(format!("{} tests passed{shown}", counts.passed)),
        (true, 0) => Err(format!("no test has {filter:?} in its name").into()),
        (false, _) => Err(format!("{} tests failed{shown}", counts.failed).into()),
    }
}

fn load(name: &str, settings: [(&str, Option<u64>); 2]) -> Outcome<String> {
    let mut program: Program =
        cargo(["bench", "--package", "server", "--bench", "console", "--", name, "--must-hold"]);
    let mut shown = String::new();
    for (option, value) in settings {
        let Some(value) = value else { continue };
        program = program.args([option, &value.to_string()]);
        shown.push_str(&format!(", {option} {value}"));
    }
    program.run().map_err(|error| format!("see the table above: {error}"))?;
    Ok(format!("all targets hold{shown}"))
}

impl Asked {
    fn parse(args: &[String]) -> Result<Self, String> {
        let mut asked = Self::default();
        let mut args = args.iter().map(String::as_str);
        while let Some(arg) = args.next() {
            let place = match arg {
                "--seed" => &mut asked.seed,
                "--count" => &mut asked.count,
                "--seconds" => &mut asked.seconds,
                name if KINDS.iter().any(|kind| kind.name == name) && asked.kind.is_none() => {
                    asked.kind = Some(name.to_owned());
                    continue;
                }
                unknown => return Err(format!("what is {unknown:?}?")),
            };
            let number = args.next().and_then(|number| number.parse().ok());
            *place = Some(number.ok_or_else(|| format!("{arg} needs a whole number"))?);
        }
        let named = KINDS.iter().find(|kind| asked.kind.as_deref() == Some(kind.name));
        match named.and_then(|kind| kind.lacks(&asked)) {
            Some(option) => Err(format!("{option} means nothing to {}", asked.kind.unwrap_or_default())),
            None => Ok(asked),
        }
    }

    fn names(&self, kind: &Kind) -> bool {
        self.kind.as_deref().is_none_or(|name| name == kind.name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let usual = match &self.work {
            Work::Tests { count: Some((_, count)), .. } => format!(" (COUNT {count})"),
            Work::Tests { count: None, .. } => String::new(),
            Work::Load { seconds, count: Some(count) } => format!(" (COUNT {count}, SECONDS {seconds})"),
            Work::Load { seconds, count: None } => format!(" (SECONDS {seconds})"),
        };
        write!(out, "{:<10} {}{usual}", self.name, self.about)
    }
}

fn usage() -> String {
    let kinds: String = KINDS.iter().map(|kind| format!("  {kind}\n")).collect();
    format!("cargo xtask torture [KIND] [--seed N] [--count N] [--seconds N]\n\n{kinds}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Asked, String> {
        let args: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Asked::parse(&args)
    }

    #[test]
    fn a_kind_takes_the_options_that_mean_something_to_it() {
        let asked = parse("model --seed 7 --count 300").unwrap();
        assert_eq!((asked.kind.as_deref(), asked.seed, asked.count), (Some("model"), Some(7), Some(300)));
        assert_eq!(parse("overload --seconds 5").unwrap().seconds, Some(5));
        assert_eq!(parse("crash --seed 7").unwrap_err(), "--seed means nothing to crash");
        assert_eq!(parse("soak --seed 7").unwrap_err(), "--seed means nothing to soak");
        assert_eq!(parse("model --seconds 7").unwrap_err(), "--seconds means nothing to model");
    }

    #[test]
    fn without_a_kind_all_of_them_run() {
        let asked = parse("--count 10").unwrap();
        assert!(KINDS.iter().all(|kind| asked.names(kind)));
        let asked = parse("crash").unwrap();
        assert_eq!(KINDS.iter().filter(|kind| asked.names(kind)).count(), 1);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        assert_eq!(parse("crush").unwrap_err(), "what is \"crush\"?");
        assert_eq!(parse("crash model").unwrap_err(), "what is \"model\"?");
        assert_eq!(parse("crash --count many").unwrap_err(), "--count needs a whole number");
        assert_eq!(parse("--seed").unwrap_err(), "--seed needs a whole number");
    }

    #[test]
    fn the_usage_has_a_line_for_each_kind() {
        let usage = usage();
        assert!(KINDS.iter().all(|kind| usage.contains(&format!("  {kind}\n"))));
    }
}
