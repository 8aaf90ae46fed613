//! What takes too long for every run: failures, falsified books, races, and load, each as long as one likes. Every test
//! among them does a small, fixed share in `cargo xtask test` as well; the loads are programs beside the benchmarks
//! (`server/benches/console`), which say how fast things are and fail where something is lost or grows.

use crate::{
    cluster::{self, Cluster},
    command::{Outcome, Program, cargo, seconds, step, timed},
    counts,
};
use std::fmt;

/// One way to torture.
struct Kind {
    name: &'static str,
    about: &'static str,
    work: Work,
    /// The variable that says how much is done, and how much that is unless asked; a load has an option for it.
    count: Option<(&'static str, u64)>,
    /// The variable that says where chance begins.
    seed: Option<&'static str>,
}

/// What runs.
#[derive(Clone, Copy)]
enum Work {
    /// The tests that have this in their name.
    Tests(&'static str, Store),
    /// The properties in this file of `ledger/tests`.
    Properties(&'static str),
    /// The load of the kind's name, for so long unless asked.
    Load { seconds: u64 },
}

/// Which store the tests run on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Store {
    Sqlite,
    Postgres,
}

const KINDS: [Kind; 17] = [
    Kind {
        name: "crash",
        about: "a server is killed under load and has kept every answer; COUNT times",
        work: Work::Tests("crash::", Store::Sqlite),
        count: Some(("PLEXE_CRASH_ROUNDS", 50)),
        seed: None,
    },
    Kind {
        name: "nodes",
        about: "two servers on one Postgres are killed or cut off under load, and have kept every answer; COUNT times",
        work: Work::Tests("postgres::killing::", Store::Postgres),
        count: Some(("PLEXE_NODES_ROUNDS", 50)),
        seed: None,
    },
    Kind {
        name: "stampede",
        about: "COUNT charges of 0.1 credits and more run for half as many credits, of which grants expire: exact",
        work: Work::Tests("stampede::", Store::Sqlite),
        count: Some(("PLEXE_STAMPEDE_CHARGES", 100_000)),
        seed: Some("PLEXE_STAMPEDE_SEED"),
    },
    Kind {
        name: "stampede-postgres",
        about: "the same on Postgres, through two servers",
        work: Work::Tests("stampede::", Store::Postgres),
        count: Some(("PLEXE_STAMPEDE_CHARGES", 100_000)),
        seed: Some("PLEXE_STAMPEDE_SEED"),
    },
    Kind {
        name: "model",
        about: "COUNT random operations of every kind against an independent model of the rules",
        work: Work::Tests("model::", Store::Sqlite),
        count: Some(("PLEXE_MODEL_OPERATIONS", 200_000)),
        seed: Some("PLEXE_MODEL_SEED"),
    },
    Kind {
        name: "calendars",
        about: "plans over COUNT random calendars for each property: nothing is lost, doubled or off by a cent",
        work: Work::Properties("billing"),
        count: Some(("PLEXE_CALENDARS", 10_000)),
        seed: None,
    },
    Kind {
        name: "tamper",
        about: "COUNT falsified books, in each of which verify finds the place",
        work: Work::Tests("tampering::", Store::Sqlite),
        count: Some(("PLEXE_TAMPER_CASES", 1_000)),
        seed: Some("PLEXE_TAMPER_SEED"),
    },
    Kind {
        name: "damage",
        about: "COUNT garbled files, each of which restore refuses",
        work: Work::Tests("embedded::damage::", Store::Sqlite),
        count: Some(("PLEXE_DAMAGE_CASES", 2_000)),
        seed: Some("PLEXE_DAMAGE_SEED"),
    },
    Kind {
        name: "rollups",
        about: "COUNT random windows of charts against the raw entries",
        work: Work::Tests("rollup_windows::", Store::Sqlite),
        count: Some(("PLEXE_ROLLUP_WINDOWS", 10_000)),
        seed: Some("PLEXE_ROLLUP_SEED"),
    },
    Kind {
        name: "syncs",
        about: "each of the first COUNT syncs fails: nothing is acknowledged after it, and nothing before it is lost",
        work: Work::Tests("embedded::faults::syncs::", Store::Sqlite),
        count: Some(("PLEXE_FAULT_SYNCS", 100)),
        seed: None,
    },
    Kind {
        name: "disk",
        about: "a small disk is filled to the last byte under load, COUNT times",
        work: Work::Tests("embedded::faults::full_disk::", Store::Sqlite),
        count: Some(("PLEXE_FAULT_DISK_CYCLES", 20)),
        seed: None,
    },
    Kind {
        name: "reads",
        about: "COUNT reads fail, further and further into what is read",
        work: Work::Tests("embedded::faults::reads::", Store::Sqlite),
        count: Some(("PLEXE_FAULT_READS", 60)),
        seed: None,
    },
    Kind {
        name: "poison",
        about: "statements that fail: one event is refused, its neighbours are charged",
        work: Work::Tests("poison::", Store::Sqlite),
        count: None,
        seed: None,
    },
    Kind {
        name: "schemathesis",
        about: "COUNT requests for each route and identity, made from /openapi.json: no 5xx, and nothing that it doesn't say",
        work: Work::Tests("schemathesis::", Store::Sqlite),
        count: Some(("PLEXE_SCHEMATHESIS_EXAMPLES", 500)),
        seed: Some("PLEXE_SCHEMATHESIS_SEED"),
    },
    Kind {
        name: "overload",
        about: "four times what can be charged, for SECONDS: what is let in is charged, all else is told to come back",
        work: Work::Load { seconds: 60 },
        count: None,
        seed: None,
    },
    Kind {
        name: "soak",
        about: "5 000 events a second and 500 streams for SECONDS: nothing grows, nothing is lost",
        work: Work::Load { seconds: 1_800 },
        count: None,
        seed: None,
    },
    Kind {
        name: "streams",
        about: "COUNT open streams for SECONDS, a fifth of which are never read: the others hear every entry once",
        work: Work::Load { seconds: 30 },
        count: Some(("--count", 5_000)),
        seed: None,
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
        match self.work {
            Work::Tests(filter, store) => self.run_tests(filter, store, asked),
            Work::Properties(file) => {
                let program = cargo(["test", "--no-fail-fast", "--package", "ledger", "--test", file]);
                self.run_counted(program, file, asked)
            }
            Work::Load { seconds } => self.run_load(asked.seconds.unwrap_or(seconds), asked),
        }
    }

    fn run_load(&self, seconds: u64, asked: &Asked) -> Outcome<String> {
        let mut options = vec!["--seconds".to_owned(), seconds.to_string()];
        if let Some((option, usual)) = self.count {
            options.extend([option.to_owned(), asked.count.unwrap_or(usual).to_string()]);
        }
        let load =
            cargo(["bench", "--package", "server", "--bench", "console", "--", self.name]).args(&options);
        load.run()?;
        Ok(options.join(" "))
    }

    fn run_tests(&self, filter: &str, store: Store, asked: &Asked) -> Outcome<String> {
        let mut program =
            cargo(["test", "--no-fail-fast", "--package", "server", "--test", "it", "--", filter]);
        let cluster = match store {
            Store::Sqlite => None,
            Store::Postgres => Some(Cluster::start(&cluster::find_or_install()?)?),
        };
        if let Some(cluster) = &cluster {
            program = program.env("CONSOLE_TEST_POSTGRES", cluster.url());
        }
        self.run_counted(program, filter, asked)
    }

    /// Runs tests with the variables of this kind set.
    fn run_counted(&self, mut program: Program, filter: &str, asked: &Asked) -> Outcome<String> {
        let count = self.count.map(|(variable, usual)| (variable, asked.count.unwrap_or(usual)));
        let seed = self.seed.and_then(|variable| Some((variable, asked.seed?)));
        let mut shown = vec![String::new()];
        for (variable, value) in count.into_iter().chain(seed) {
            program = program.env(variable, value.to_string());
            shown.push(format!("{variable}={value}"));
        }
        let shown = shown.join(", ");
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

    /// Why an option that is given means nothing here.
    fn lacks(&self, asked: &Asked) -> Option<&'static str> {
        let given = [
            (asked.seed.is_some() && self.seed.is_none(), "--seed"),
            (asked.count.is_some() && self.count.is_none(), "--count"),
            (asked.seconds.is_some() && !matches!(self.work, Work::Load { .. }), "--seconds"),
        ];
        given.into_iter().find_map(|(is_lacking, option)| is_lacking.then_some(option))
    }
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
        write!(out, "{:<17} {}", self.name, self.about)?;
        if let Some((_, count)) = self.count {
            write!(out, " (COUNT {count})")?;
        }
        if let Work::Load { seconds } = self.work {
            write!(out, " (SECONDS {seconds})")?;
        }
        Ok(())
    }
}

fn usage() -> String {
    let kinds: Vec<String> = KINDS.iter().map(|kind| format!("  {kind}\n")).collect();
    format!("cargo xtask torture [KIND] [--seed N] [--count N] [--seconds N]\n\n{}", kinds.concat())
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
        assert_eq!(parse("crash --seed 7").unwrap_err(), "--seed means nothing to crash");
        assert_eq!(parse("poison --count 7").unwrap_err(), "--count means nothing to poison");
        let asked = parse("streams --seconds 5 --count 100").unwrap();
        assert_eq!((asked.seconds, asked.count), (Some(5), Some(100)));
        assert_eq!(parse("soak --count 7").unwrap_err(), "--count means nothing to soak");
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
