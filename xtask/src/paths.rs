//! Where things are.

use std::{
    env,
    path::{Path, PathBuf},
};

/// The repository.
pub fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}

/// Cargo's output, also where somebody moved it.
pub fn target() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// Where cargo-leptos lays out the browser's files (`site-root` of the workspace).
pub fn site() -> PathBuf {
    root().join("target/site")
}

/// The same files and the charts, as server/build.rs embeds them.
pub fn assets() -> PathBuf {
    root().join("target/assets")
}

/// The one-file program.
pub fn release_binary() -> PathBuf {
    target().join("release").join(format!("plexe-console{}", env::consts::EXE_SUFFIX))
}

/// Tools that are built once per machine and kept between clones.
pub fn tools() -> PathBuf {
    let cache = env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|dir| dir.is_absolute())
        .or_else(|| env::home_dir().map(|home| home.join(".cache")));
    match (env::var_os("CONSOLE_TOOLS_DIR"), cache) {
        (Some(dir), _) => root().join(dir),
        (None, Some(cache)) => cache.join("plexe-console").join("tools"),
        (None, None) => root().join("target/tools"),
    }
}

/// Programs of the npm packages: esbuild, wasm-opt, playwright.
pub fn node_bin() -> PathBuf {
    root().join("node_modules/.bin")
}

/// The first file of this name in the folders of PATH.
pub fn on_path(program: &str) -> Option<PathBuf> {
    let dirs = env::var_os("PATH")?;
    env::split_paths(&dirs)
        .map(|dir| dir.join(format!("{program}{}", env::consts::EXE_SUFFIX)))
        .find(|path| path.is_file())
}
