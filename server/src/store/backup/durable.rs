//! Files that are there in full or not at all, also after the power has failed.

use std::fs::File;
use std::io::{ErrorKind, Result};
use std::path::{Path, PathBuf};

/// What SQLite keeps beside a database: its write-ahead log, that one's index, its rollback journal.
const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Gives a whole file its name, and returns once both are on disk.
pub fn publish(file: &Path, name: &Path) -> Result<()> {
    File::open(file)?.sync_all()?;
    std::fs::rename(file, name)?;
    sync_folder(name)
}

/// The same for a name that nothing else may have. Errors: [`ErrorKind::AlreadyExists`].
pub fn publish_new(file: &Path, name: &Path) -> Result<()> {
    File::open(file)?.sync_all()?;
    // A second name, since renaming would replace whatever has it by now.
    match std::fs::hard_link(file, name) {
        Ok(()) => std::fs::remove_file(file)?,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(error),
        // A file system that knows no second names: the name is taken first.
        Err(_) => {
            File::options().create_new(true).write(true).open(name)?;
            std::fs::rename(file, name)?;
        }
    }
    sync_folder(name)
}

/// Writes down which names the file's folder holds.
pub fn sync_folder(file: &Path) -> Result<()> {
    File::open(folder(file))?.sync_all()
}

/// Removes a database that was made for the time being, and what SQLite keeps beside it.
pub fn remove(file: &Path) -> Result<()> {
    remove_if_there(file)?;
    COMPANIONS.iter().try_for_each(|suffix| remove_if_there(&beside(file, suffix)))
}

pub fn remove_if_there(file: &Path) -> Result<()> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The same for a new name.
pub fn rename_if_there(file: &Path, name: &Path) -> Result<()> {
    match std::fs::rename(file, name) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The name with something at its end.
pub fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Where the file lies.
pub fn folder(file: &Path) -> &Path {
    file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_something_else_has_by_now_is_not_given_away() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("made"), "new").unwrap();
        std::fs::write(at("name"), "mine").unwrap();
        assert_eq!(publish_new(&at("made"), &at("name")).unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(at("name")).unwrap(), b"mine");
        std::fs::remove_file(at("name")).unwrap();
        publish_new(&at("made"), &at("name")).unwrap();
        assert_eq!(std::fs::read(at("name")).unwrap(), b"new");
        assert!(!at("made").exists());
    }
}
