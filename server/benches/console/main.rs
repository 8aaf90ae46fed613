//! The benchmarks: what we do against the least that would have to be done, in one run on one machine.
//!
//! `cargo bench --package server -- [NAME…] [--quick]` runs those that are named, or all; `--quick` counts little and
//! only shows that they work. `cargo xtask bench` runs them and writes docs/benchmarks.md. The loads in
//! the table run only where they are named: `-- overload|soak|streams [--seconds N] [--count N]`.
//!
//! | module | measures |
//! |---|---|
//! | [`sequencer`] | group commit without HTTP, against the [`floor`] |
//! | [`http`] | the program under load from its [`client`], against the [`baseline`] of the same web stack and a [`naive`] update |
//! | [`postgres`] | the same on a [`durable`] Postgres, against that update and a floor of its own ([`unnest`]) |
//! | [`pages`] | the overview, and what public pages weigh |
//! | [`sign_in`] | sign-ins against bare hashes, and charges during a flood of them |
//! | [`process`] | start and memory of the program |
//! | [`large`] | 10 million events with a [`history`]: [`process`], [`charts`], charges ([`growth`]), [`verify`] |
//! | [`overload`], [`soak`], [`streams`] | the program under more than it can do, for long, and with thousands of readers; they fail where a rule is broken that has nothing to do with speed |
//! | [`probe`] | the disk, before and after: a slow one voids the run |

mod baseline;
mod books;
mod charts;
mod client;
mod durable;
mod floor;
mod growth;
mod history;
mod http;
mod kept;
mod large;
mod listeners;
mod lists;
mod naive;
mod open_loop;
mod overload;
mod pages;
mod postgres;
mod prepared;
mod probe;
mod process;
mod program;
mod report;
mod requests;
mod sequencer;
mod sign_in;
mod soak;
mod streams;
mod turns;
mod unnest;
mod verify;
mod watch;

use std::error::Error;
use std::process::ExitCode;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// Enough for a figure.
    Full,
    /// Enough to see that it works.
    Quick,
}

impl Extent {
    fn of<T>(self, full: T, quick: T) -> T {
        match self {
            Self::Full => full,
            Self::Quick => quick,
        }
    }
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let outcome = if args.iter().any(|arg| arg == baseline::ARG) { baseline::serve() } else { run(&args) };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Measures and prints.
type Bench = fn(Extent) -> Outcome;

const BENCHES: [(&str, Bench); 7] = [
    ("sequencer", sequencer::run),
    ("http", http::run),
    ("postgres", postgres::run),
    ("pages", pages::run),
    ("sign-in", sign_in::run),
    ("process", process::run),
    ("large", large::run),
];

/// Loads the program as much and as long as asked.
type Loading = fn(&Load) -> Outcome;

const LOADS: [(&str, Loading); 3] = [
    ("overload", |load| overload::run(load.seconds)),
    ("soak", |load| soak::run(load.seconds)),
    ("streams", |load| streams::run(load.seconds, load.count)),
];

/// What is asked of a load; its own usual measure otherwise.
#[derive(Debug, Default)]
struct Load {
    seconds: Option<u64>,
    /// Streams.
    count: Option<usize>,
}

fn run(args: &[String]) -> Outcome {
    let (mut extent, mut load, mut names) = (Extent::Full, Load::default(), vec![]);
    let mut args = args.iter().map(String::as_str);
    while let Some(arg) = args.next() {
        let mut number = || args.next().ok_or("a number is missing");
        match arg {
            "--quick" => extent = Extent::Quick,
            "--seconds" => load.seconds = Some(number()?.parse()?),
            "--count" => load.count = Some(number()?.parse()?),
            // Cargo's own.
            "--bench" => {}
            name => names.push(name),
        }
    }
    let known = || BENCHES.iter().map(|(name, _)| *name).chain(LOADS.iter().map(|(name, _)| *name));
    if let Some(unknown) = names.iter().find(|name| !known().any(|known| known == **name)) {
        let known: Vec<&str> = known().collect();
        return Err(format!("there is no benchmark {unknown:?}; there are {}", known.join(", ")).into());
    }
    report::machine()?;
    probe::report("before")?;
    for (name, bench) in BENCHES {
        if names.is_empty() || names.contains(&name) {
            bench(extent)?;
        }
    }
    for (name, run) in LOADS {
        if names.contains(&name) {
            run(&load)?;
        }
    }
    probe::report("after")
}
