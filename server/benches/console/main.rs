//! The benchmarks: what we do against the least that would have to be done, in one run on one machine.
//!
//! `cargo bench --package server -- [NAME…] [--quick]` runs those that are named, or all; `--quick` counts little and
//! only shows that they work. `cargo xtask bench` runs them and writes docs/benchmarks.md.
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
mod large;
mod lists;
mod naive;
mod pages;
mod postgres;
mod probe;
mod process;
mod program;
mod report;
mod requests;
mod sequencer;
mod sign_in;
mod turns;
mod unnest;
mod verify;

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

fn run(args: &[String]) -> Outcome {
    let extent = if args.iter().any(|arg| arg == "--quick") { Extent::Quick } else { Extent::Full };
    // Cargo adds `--bench`.
    let names: Vec<&str> = args.iter().map(String::as_str).filter(|arg| !arg.starts_with("--")).collect();
    let benches: [(&str, Bench); 7] = [
        ("sequencer", sequencer::run),
        ("http", http::run),
        ("postgres", postgres::run),
        ("pages", pages::run),
        ("sign-in", sign_in::run),
        ("process", process::run),
        ("large", large::run),
    ];
    if let Some(unknown) = names.iter().find(|name| benches.iter().all(|(known, _)| known != *name)) {
        let known = benches.map(|(name, _)| name).join(", ");
        return Err(format!("there is no benchmark {unknown:?}; there are {known}").into());
    }
    report::machine()?;
    probe::report("before")?;
    for (name, bench) in benches {
        if names.is_empty() || names.contains(&name) {
            bench(extent)?;
        }
    }
    probe::report("after")
}
