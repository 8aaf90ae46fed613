//! The npm packages: chart library, bundler, wasm-opt, browser tests.

use crate::{
    command::{Outcome, Program, step},
    paths,
};
use std::fs;

const OLDEST_NODE: u32 = 20;

/// Installs exactly what package-lock.json says, unless it is already there.
pub fn install() -> Outcome {
    let lock = fs::read(paths::root().join("package-lock.json"))?;
    // A copy of the lock file that was installed: equal means nothing to do.
    let installed = paths::root().join("node_modules/.installed-lock.json");
    if fs::read(&installed).is_ok_and(|copy| copy == lock) {
        return Ok(());
    }
    check_node()?;
    step("npm packages", || {
        // No package of ours needs its install script: the binaries are packages themselves.
        Program::new("npm").args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).run()
    })?;
    fs::write(installed, lock)?;
    Ok(())
}

fn check_node() -> Outcome {
    let found = Program::new("node").args(["--version"]).read().ok();
    let major: Option<u32> = found
        .as_deref()
        .and_then(|version| version.trim().strip_prefix('v')?.split('.').next()?.parse().ok());
    match major {
        Some(major) if major >= OLDEST_NODE => Ok(()),
        Some(major) => Err(format!("Node.js {OLDEST_NODE} or newer is needed; `node` on PATH is {major}").into()),
        None => Err(format!(
            "Node.js {OLDEST_NODE} or newer with npm is needed: install it from your system's packages or nodejs.org"
        )
        .into()),
    }
}
