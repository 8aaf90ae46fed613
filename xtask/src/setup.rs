//! What a machine needs beyond cargo: found or installed once, each step named and timed.

use crate::{
    browser, cluster,
    command::Outcome,
    npm,
    tools::{self, Tool},
    wasm_target::{self, WasmToolchain},
};
use std::path::PathBuf;

/// What building the front needs.
pub struct FrontTools {
    pub toolchain: WasmToolchain,
    /// Folders with cargo-leptos, wasm-bindgen and wasm-opt, to go before PATH.
    pub path: Vec<PathBuf>,
    pub cargo_leptos: PathBuf,
}

/// Everything for building and testing.
pub fn everything() -> Outcome {
    for_building()?;
    let browser = browser::find_or_install()?;
    let postgres = cluster::find_or_install()?;
    println!(
        "ready; tools are kept in {}, the browser is {}, Postgres is in {}",
        crate::paths::tools().display(),
        browser.display(),
        postgres.display()
    );
    Ok(())
}

/// Everything for building.
pub fn for_building() -> Outcome<FrontTools> {
    npm::install()?;
    let toolchain = wasm_target::find_or_install()?;
    let wasm_bindgen = tools::find_or_install(&Tool::wasm_bindgen()?)?;
    let cargo_leptos = tools::find_or_install(&Tool::cargo_leptos())?;
    let path = [&wasm_bindgen, &cargo_leptos].into_iter().filter_map(|program| program.parent());
    let path = std::iter::once(crate::paths::node_bin()).chain(path.map(PathBuf::from)).collect();
    Ok(FrontTools { toolchain, path, cargo_leptos })
}
