//! The browser that the tests drive.

use crate::{
    command::{Outcome, step},
    paths,
    wasm_target::{apt_install, is_debian, is_root},
};
use std::{env, path::PathBuf};

const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// `$CHROMIUM`, else one on PATH, else Debian's package where we may install it.
pub fn find_or_install() -> Outcome<PathBuf> {
    if let Some(found) = find() {
        return Ok(found);
    }
    if is_debian() && is_root() {
        step("Chromium for the browser tests", || apt_install(&["chromium"]))?;
    }
    find().ok_or_else(|| {
        "the browser tests need Chromium: install it, or name one with CHROMIUM=/path/to/it".into()
    })
}

fn find() -> Option<PathBuf> {
    let named = env::var_os("CHROMIUM").map(PathBuf::from).filter(|path| path.is_file());
    named.or_else(|| NAMES.iter().find_map(|name| paths::on_path(name)))
}
