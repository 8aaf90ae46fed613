//! The benchmarks live beside the server; here they are only started, with the size report after them.

use crate::{
    command::{Outcome, cargo},
    setup, sizes,
};

pub fn run(args: &[String]) -> Outcome {
    let tools = setup::for_building()?;
    crate::build::release_with(&tools)?;
    cargo(["bench", "--package", "server"]).args(args).run()?;
    sizes::report()
}
