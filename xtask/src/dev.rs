//! Editing: both sides are rebuilt and the page reloads.

use crate::{
    build,
    command::{Outcome, Program},
    paths, setup,
};

pub fn run() -> Outcome {
    let tools = setup::for_building()?;
    build::scripts(&paths::site().join("pkg"))?;
    let program = Program::new(&tools.cargo_leptos).args(["leptos", "watch"]);
    tools.toolchain.apply(program).path(&tools.path).become_it()
}
