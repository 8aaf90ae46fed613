//! A file that says when a byte of it has changed.
//!
//! Books are chained by hashes, and SQLite finds broken pages; but a name, a password's hash or a text that a disk has
//! garbled looks to both like any other. Two numbers that SQLite keeps in a file's header for its application
//! (<https://www.sqlite.org/fileformat.html#the_database_header>) hold it together: `application_id` says that it is a
//! backup, `user_version` is the start of the SHA-256 of everything else. It guards against accidents, not against
//! people, who can seal as well as we can.

use std::fs::File;
use std::io::{Read as _, Result};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

/// "plxb", big-endian as in the file.
const APPLICATION_ID: [u8; 4] = *b"plxb";
const NONE: [u8; 4] = [0; 4];
const USER_VERSION_AT: u64 = 60;
const APPLICATION_ID_AT: u64 = 68;
/// Bytes that are read at a time.
const CHUNK: usize = 1 << 20;

/// What the header says about the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seal {
    /// A database that lives, or a copy that somebody made by hand.
    None,
    Whole,
    /// Bytes have changed since it was sealed.
    Broken,
    /// Another program's.
    Foreign,
}

/// Seals a database that nobody has open.
pub fn seal(database: &Path) -> Result<()> {
    let file = File::options().read(true).write(true).open(database)?;
    file.write_all_at(&APPLICATION_ID, APPLICATION_ID_AT)?;
    file.write_all_at(&digest(&file)?, USER_VERSION_AT)?;
    file.sync_all()
}

/// Makes a sealed file one that lives.
pub fn unseal(database: &Path) -> Result<()> {
    let file = File::options().write(true).open(database)?;
    file.write_all_at(&NONE, APPLICATION_ID_AT)?;
    file.write_all_at(&NONE, USER_VERSION_AT)?;
    file.sync_all()
}

/// Reads a sealed file from its first byte to its last.
pub fn look(database: &Path) -> Result<Seal> {
    let file = File::open(database)?;
    let number = |at| {
        let mut number = [0; 4];
        file.read_exact_at(&mut number, at).map(|()| number)
    };
    Ok(match number(APPLICATION_ID_AT)? {
        NONE => Seal::None,
        APPLICATION_ID if number(USER_VERSION_AT)? == digest(&file)? => Seal::Whole,
        APPLICATION_ID => Seal::Broken,
        _ => Seal::Foreign,
    })
}

/// Of all bytes but `user_version`. The file is read from where it was opened.
fn digest(mut file: &File) -> Result<[u8; 4]> {
    let mut hash = Sha256::new();
    let (mut before, mut user_version) = ([0; 60], NONE);
    file.read_exact(&mut before)?;
    file.read_exact(&mut user_version)?;
    hash.update(before);
    let mut chunk = vec![0; CHUNK];
    loop {
        match file.read(&mut chunk)? {
            0 => break,
            length => hash.update(&chunk[..length]),
        }
    }
    let hash = hash.finalize();
    Ok([hash[0], hash[1], hash[2], hash[3]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_byte_anywhere_breaks_the_seal() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        let mut bytes: Vec<u8> = (0..=255).cycle().take(CHUNK + 700).collect();
        bytes[60..72].fill(0);
        std::fs::write(&file, &bytes).unwrap();
        assert_eq!(look(&file).unwrap(), Seal::None);
        seal(&file).unwrap();
        assert_eq!(look(&file).unwrap(), Seal::Whole);
        let sealed = std::fs::read(&file).unwrap();
        for at in (0..120).chain([CHUNK, sealed.len() - 1]) {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            std::fs::write(&file, &changed).unwrap();
            let expected = if (68..72).contains(&at) { Seal::Foreign } else { Seal::Broken };
            assert_eq!(look(&file).unwrap(), expected, "byte {at}");
        }
        std::fs::write(&file, &sealed[..sealed.len() - 1]).unwrap();
        assert_eq!(look(&file).unwrap(), Seal::Broken, "a byte is missing");
        std::fs::write(&file, &sealed).unwrap();
        unseal(&file).unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), bytes);
    }
}
