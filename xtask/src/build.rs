//! The release build: the browser's files first, then the server that embeds them.

use crate::{
    command::{Outcome, Program, cargo, step},
    paths, sbom, setup,
    setup::FrontTools,
};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Makes `target/release/plexe-console`.
pub fn release() -> Outcome {
    let tools = setup::for_building()?;
    release_with(&tools)?;
    sbom::write()?;
    println!("built {}", paths::release_binary().display());
    Ok(())
}

/// Builds and becomes `plexe-console serve`.
pub fn run(args: &[String]) -> Outcome {
    release()?;
    Program::new(paths::release_binary()).args(["serve"]).args(args).become_it()
}

pub fn release_with(tools: &FrontTools) -> Outcome {
    step("front: wasm, script and styles", || front(tools))?;
    step("front: charts and passkeys", || scripts(&paths::site().join("pkg")))?;
    lay_out(&paths::site(), &paths::assets())?;
    step("server: one file with everything in it", || {
        cargo(["build", "--release", "--package", "server", "--bin", "plexe-console"]).run()
    })
}

fn front(tools: &FrontTools) -> Outcome {
    let program = Program::new(&tools.cargo_leptos).args(["leptos", "build", "--release", "--frontend-only"]);
    // The compiler's message is what helps; cargo-leptos's own stack under it does not.
    tools.toolchain.apply(program).path(&tools.path).env("RUST_BACKTRACE", "0").run()
}

/// What pages load besides the wasm, each where it is needed.
pub fn scripts(pkg: &Path) -> Outcome {
    fs::create_dir_all(pkg)?;
    charts(pkg)?;
    Program::new(paths::node_bin().join("esbuild"))
        .args(["app/js/passkeys.js", "--minify", "--format=esm", "--target=es2022", "--log-level=warning"])
        .args([format!("--outfile={}", pkg.join("passkeys.js").display())])
        .run()
}

/// Bundles the parts of the chart library that app/js/charts.js names.
fn charts(pkg: &Path) -> Outcome {
    Program::new(paths::node_bin().join("esbuild"))
        .args(["app/js/charts.js", "--bundle", "--minify", "--format=iife", "--target=es2022"])
        .args([
            "--define:process.env.NODE_ENV=\"production\"",
            "--legal-comments=none",
            "--log-level=warning",
        ])
        // The licences of what is inside ask for a notice.
        .args(["--banner:js=/* Apache ECharts (Apache-2.0), ZRender (BSD-3-Clause), tslib (0BSD) */"])
        .args([format!("--outfile={}", pkg.join("charts.js").display())])
        .run()
}

/// Copies the site for embedding, writing only what differs: an untouched file does not recompile the server.
fn lay_out(site: &Path, assets: &Path) -> Outcome {
    fs::create_dir_all(assets)?;
    let mut wanted = files(site)?;
    // wasm-bindgen's descriptions for TypeScript are for no browser.
    wanted.retain(|file| !file.to_string_lossy().ends_with(".d.ts"));
    for file in files(assets)?.difference(&wanted) {
        fs::remove_file(assets.join(file))?;
    }
    for file in &wanted {
        let (body, to) = (fs::read(site.join(file))?, assets.join(file));
        if fs::read(&to).is_ok_and(|old| old == body) {
            continue;
        }
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(to, body)?;
    }
    Ok(())
}

/// All files below `root`, relative to it.
pub fn files(root: &Path) -> Outcome<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(root)?.to_path_buf());
            }
        }
    }
    Ok(found)
}
