//! Every input that was worth keeping is checked again, without libFuzzer.

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

/// The corpus is text for people to read, and part of every clone.
const MOST_FILES: usize = 300;
const MOST_BYTES: usize = 300_000;

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target)
}

fn files(target: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder(target)).unwrap_or_else(|error| panic!("corpus/{target}: {error}"));
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn every_kept_input_keeps_the_rules() {
    let mut broken = vec![];
    for (target, check) in fuzz::TARGETS {
        let files = files(target);
        assert!(!files.is_empty(), "corpus/{target} is empty");
        for file in files {
            let bytes = fs::read(&file).unwrap();
            if catch_unwind(|| check(&bytes)).is_err() {
                broken.push(file);
            }
        }
    }
    assert!(broken.is_empty(), "{broken:?}");
}

#[test]
fn the_corpus_is_small_and_every_folder_has_a_target() {
    let names: Vec<_> = fs::read_dir(folder("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    let targets: Vec<_> = fuzz::TARGETS.iter().map(|(target, _)| *target).collect();
    assert!(names.iter().all(|name| targets.iter().any(|target| *name == **target)), "{names:?}");
    let all: Vec<_> = targets.iter().flat_map(|target| files(target)).collect();
    let bytes: usize = all.iter().map(|file| fs::read(file).unwrap().len()).sum();
    assert!(all.len() <= MOST_FILES && bytes <= MOST_BYTES, "{} files, {bytes} bytes", all.len());
}
