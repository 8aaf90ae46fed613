//! The compiler's wasm32-unknown-unknown: from rustup, or from Debian's own packages where rustup's server is out of
//! reach.

use crate::command::{Outcome, Program, step};
use std::{
    fs,
    path::{Path, PathBuf},
};

const TARGET: &str = "wasm32-unknown-unknown";
/// The name under which rustup knows Debian's compiler.
const LINKED: &str = "debian";
/// Debian's newer Rust for its browsers, which brings the sources of the standard library.
const DEBIAN_PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "rust-web-llvm"];

/// The toolchain that compiles for the browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WasmToolchain {
    /// The one that compiles everything else.
    Pinned,
    /// Debian's, linked into rustup.
    Debian,
}

impl WasmToolchain {
    /// Runs `program`, and the cargo that it calls, with this toolchain.
    pub fn apply(self, program: Program) -> Program {
        match self {
            Self::Pinned => program,
            Self::Debian => program.env("RUSTUP_TOOLCHAIN", LINKED),
        }
    }
}

pub fn find_or_install() -> Outcome<WasmToolchain> {
    if let Some(found) = find() {
        return Ok(found);
    }
    let by_rustup = step(&format!("{TARGET}: rustup target add"), || {
        Program::new("rustup").args(["target", "add", TARGET]).run()
    });
    match by_rustup {
        Ok(()) => Ok(WasmToolchain::Pinned),
        Err(reason) if is_debian() && is_root() => {
            println!("{reason}; taking Debian's compiler instead");
            step(&format!("{TARGET}: from Debian's packages"), from_debian)?;
            Ok(WasmToolchain::Debian)
        }
        Err(reason) => Err(format!(
            "{reason}. Install the standard library of {TARGET}: `rustup target add {TARGET}` with access to rustup's \
             server, or run this command as root on Debian or Ubuntu"
        )
        .into()),
    }
}

fn find() -> Option<WasmToolchain> {
    let sysroot = Program::new("rustc").args(["--print", "sysroot"]).read().ok()?;
    if has_standard_library(Path::new(sysroot.trim())) {
        return Some(WasmToolchain::Pinned);
    }
    let linked = Program::new("rustup").args(["toolchain", "list"]).read().ok()?;
    let is_linked = linked.lines().any(|line| line.split_whitespace().next() == Some(LINKED));
    (is_linked && has_standard_library(Path::new("/usr"))).then_some(WasmToolchain::Debian)
}

fn has_standard_library(sysroot: &Path) -> bool {
    let lib = sysroot.join("lib/rustlib").join(TARGET).join("lib");
    fs::read_dir(lib).is_ok_and(|entries| {
        entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-"))
    })
}

fn from_debian() -> Outcome {
    apt_install(&DEBIAN_PACKAGES)?;
    // Debian's linker for wasm is versioned like the LLVM of that compiler.
    let printed = Program::new("/usr/bin/rustc").args(["--version", "--verbose"]).read()?;
    let llvm = printed.lines().find_map(|line| line.strip_prefix("LLVM version: "));
    let llvm = llvm.and_then(|version| version.split('.').next()).ok_or("rustc names no LLVM version")?;
    apt_install(&[&format!("lld-{llvm}")])?;
    // A fresh build folder: rlibs of an older compiler must not be copied along.
    let work = crate::paths::tools().join("wasm-standard-library");
    if work.exists() {
        fs::remove_dir_all(&work)?;
    }
    fs::create_dir_all(&work)?;
    let sources = debian_sources()?;
    Program::new("cp").args(["-r"]).args([&sources, &work.join("library")]).run()?;
    let built = work.join("built");
    Program::new("/usr/bin/cargo")
        .args(["build", "-p", "sysroot", "--release", "--target", TARGET])
        .args(["--features", "compiler-builtins-mem", "--target-dir"])
        .args([&built])
        .dir(&work.join("library"))
        .env("RUSTC", "/usr/bin/rustc")
        .env("RUSTC_BOOTSTRAP", "1")
        .env("__CARGO_DEFAULT_LIB_METADATA", "stablestd")
        .env("RUSTFLAGS", "-Zforce-unstable-if-unmarked -Cembed-bitcode=yes")
        .run()?;
    let lib = Path::new("/usr/lib/rustlib").join(TARGET).join("lib");
    fs::create_dir_all(&lib)?;
    for entry in fs::read_dir(built.join(TARGET).join("release/deps"))? {
        let path = entry?.path();
        if let (Some(name), true) = (path.file_name(), path.extension().is_some_and(|kind| kind == "rlib")) {
            fs::copy(&path, lib.join(name))?;
        }
    }
    fs::remove_dir_all(work)?;
    Program::new("rustup").args(["toolchain", "link", LINKED, "/usr"]).run()
}

/// `/usr/src/rustc-<version>/library`, the newest.
fn debian_sources() -> Outcome<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir("/usr/src")?
        .flatten()
        .map(|entry| entry.path().join("library"))
        .filter(|path| path.join("sysroot").is_dir())
        .collect();
    found.sort();
    found.pop().ok_or_else(|| "rust-web-src brought no sources of the standard library".into())
}

/// Installs packages, after an update of the lists when that is what is missing.
pub fn apt_install(packages: &[&str]) -> Outcome {
    let install = || {
        Program::new("apt-get")
            .args(["install", "--yes", "--no-install-recommends"])
            .args(packages)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .run()
    };
    if install().is_ok() {
        return Ok(());
    }
    Program::new("apt-get").args(["update"]).run()?;
    install()
}

/// Debian, or one that calls itself like it (Ubuntu).
pub fn is_debian() -> bool {
    Path::new("/etc/debian_version").exists() && crate::paths::on_path("apt-get").is_some()
}

pub fn is_root() -> bool {
    Program::new("id").args(["-u"]).read().is_ok_and(|user| user.trim() == "0")
}
