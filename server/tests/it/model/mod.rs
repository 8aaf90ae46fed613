//! The server against a reference model: random operations of every kind, and no difference in answers, balances and
//! remainders. The model (`reference`, `books`, `prices`, `wire`) is a reading of the spec of its own; it knows nothing
//! of the crate that decides, which `cargo xtask tidy` checks.
//!
//! A run is told by its seed alone. `PLEXE_MODEL_OPERATIONS` says how many operations there are in all (200000 is the full
//! run), `PLEXE_MODEL_SEED` repeats one run.

mod books;
mod comparison;
mod coverage;
mod driver;
mod generator;
mod operations;
mod prices;
mod reference;
mod replies;
mod wire;

use tokio::task::{JoinError, JoinSet};

use self::comparison::Run;

/// As many operations as every build can wait for.
const USUAL: usize = 6_000;
/// Runs at a time.
const RUNS: usize = 2;

/// Most runs are short, since most mistakes need few operations and a new console; every eighth is long.
const fn operations_of(seed: u64) -> usize {
    if seed.is_multiple_of(8) { 1_500 } else { 300 }
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}={text} is no number")))
}

/// The seeds whose runs have so many operations together.
fn seeds_for(wanted: usize) -> Vec<u64> {
    let (mut seeds, mut operations) = (vec![], 0);
    for seed in 1.. {
        if operations >= wanted {
            break;
        }
        seeds.push(seed);
        operations += operations_of(seed);
    }
    seeds
}

fn seeds() -> Vec<u64> {
    match (number("PLEXE_MODEL_SEED"), number("PLEXE_MODEL_OPERATIONS")) {
        (Some(seed), _) => vec![seed],
        (None, wanted) => seeds_for(wanted.map_or(USUAL, |wanted| usize::try_from(wanted).expect("a count"))),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_and_operators_get_the_same_answers_as_from_the_reference_model() {
    let mut runs = JoinSet::new();
    for seed in seeds() {
        if runs.len() == RUNS {
            passed(runs.join_next().await.expect("a run"));
        }
        runs.spawn(Run::new(seed, operations_of(seed)).finish());
    }
    while let Some(run) = runs.join_next().await {
        passed(run);
    }
}

/// Fails with what a failed run has said.
fn passed(run: Result<(), JoinError>) {
    if let Err(error) = run {
        std::panic::resume_unwind(error.into_panic());
    }
}
