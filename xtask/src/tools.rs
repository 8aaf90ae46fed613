//! Tools that come from the crate registry: cargo-leptos, wasm-bindgen and cargo-deny.

use crate::{
    command::{Outcome, Program, cargo, step},
    paths,
};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The newest that the pinned compiler builds.
const CARGO_LEPTOS: &str = "0.3.10";
const CARGO_DENY: &str = "0.20.2";

/// A program, the crate it is in, and the one version that fits.
pub struct Tool {
    program: &'static str,
    krate: &'static str,
    version: String,
    flags: &'static [&'static str],
    usual: &'static str,
}

impl Tool {
    pub fn cargo_leptos() -> Self {
        Self {
            program: "cargo-leptos",
            krate: "cargo-leptos",
            version: CARGO_LEPTOS.to_owned(),
            // Without downloads it takes wasm-bindgen and wasm-opt from PATH, where we put the right ones.
            flags: &["--locked", "--features", "no_downloads"],
            usual: "about 6 minutes on 2 cores",
        }
    }

    pub fn cargo_deny() -> Self {
        Self {
            program: "cargo-deny",
            krate: "cargo-deny",
            version: CARGO_DENY.to_owned(),
            flags: &["--locked"],
            usual: "about 6 minutes on 2 cores",
        }
    }

    /// The command line refuses code that another version of the library wrote: Cargo.lock decides.
    pub fn wasm_bindgen() -> Outcome<Self> {
        let lock = fs::read_to_string(paths::root().join("Cargo.lock"))?;
        let version = locked_version(&lock, "wasm-bindgen").ok_or("Cargo.lock has no wasm-bindgen")?;
        Ok(Self {
            program: "wasm-bindgen",
            krate: "wasm-bindgen-cli",
            version: version.to_owned(),
            flags: &[],
            usual: "about a minute on 2 cores",
        })
    }
}

/// The program of the right version: our kept one, else the one on PATH, else built now.
pub fn find_or_install(tool: &Tool) -> Outcome<PathBuf> {
    let root = paths::tools().join(format!("{}-{}", tool.krate, tool.version));
    let kept = root.join("bin").join(format!("{}{}", tool.program, std::env::consts::EXE_SUFFIX));
    if has_version(&kept, &tool.version) {
        return Ok(kept);
    }
    if let Some(found) = paths::on_path(tool.program).filter(|found| has_version(found, &tool.version)) {
        return Ok(found);
    }
    step(&format!("{} {}: building it, once per machine, {}", tool.krate, tool.version, tool.usual), || {
        install(tool, &root)
    })?;
    if has_version(&kept, &tool.version) {
        Ok(kept)
    } else {
        Err(format!("{} {} was built but does not run", tool.krate, tool.version).into())
    }
}

fn install(tool: &Tool, root: &Path) -> Outcome {
    // Kept until the build succeeds, so that an interrupted one goes on where it was.
    let building = root.join("building");
    cargo(["install", tool.krate, "--version", &tool.version, "--force", "--root"])
        .args([root])
        .args(tool.flags)
        .env("CARGO_TARGET_DIR", &building)
        // The tools spend their time in other programs; optimising them costs minutes and gains nothing.
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
        .env("CARGO_PROFILE_RELEASE_DEBUG", "0")
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "256")
        .run()?;
    fs::remove_dir_all(building)?;
    Ok(())
}

fn has_version(program: &Path, version: &str) -> bool {
    program.is_file()
        && Program::new(program)
            .args(["--version"])
            .read()
            .is_ok_and(|printed| printed.split_whitespace().any(|word| word == version))
}

fn locked_version<'a>(lock: &'a str, krate: &str) -> Option<&'a str> {
    let name = format!("name = \"{krate}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name).skip(1);
    lines.next()?.strip_prefix("version = \"")?.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_the_crate_with_exactly_this_name() {
        let lock = "[[package]]\nname = \"wasm-bindgen-futures\"\nversion = \"0.4.9\"\n\n\
                    [[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\n";
        assert_eq!(locked_version(lock, "wasm-bindgen"), Some("0.2.130"));
        assert_eq!(locked_version(lock, "wasm"), None);
    }

    #[test]
    fn the_lock_file_of_this_repository_names_a_version() {
        assert!(Tool::wasm_bindgen().is_ok_and(|tool| tool.version.starts_with("0.2.")));
    }
}
