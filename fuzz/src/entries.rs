//! `entries.ndjson`, as the browser reads it to recompute the books.

use app::backend::entries::EntryLine;
use app::verification::{Check, Whole, Wrong};
use ledger::AccountId;
use ledger::chain::{genesis, link};
use ledger::entry::Entry;
use server::http::rest::entries::line;

/// Above this, cutting a file into single bytes takes longer than it finds.
const CUT_UP: usize = 4_096;

/// Reads the bytes as a file, and once more with hashes that fit, since nobody guesses a hash.
///
/// # Panics
/// Where a rule is broken.
pub fn check(bytes: &[u8]) {
    let account: AccountId = "acct_01900000000070008000000000000001".parse().expect("an id");
    check_file(account, bytes);
    let mut hash = genesis(account);
    let mut file = vec![];
    for text in bytes.split(|byte| *byte == b'\n') {
        let Some(mut entry) = entry(text) else { continue };
        check_line(account, &entry);
        hash = link(hash, account, &entry);
        entry.hash = hash;
        serde_json::to_writer(&mut file, &line(account, &entry)).expect("plain values");
        file.push(b'\n');
    }
    check_file(account, &file);
}

fn entry(text: &[u8]) -> Option<Entry> {
    serde_json::from_slice::<EntryLine>(text).ok()?.into_entry()
}

/// Every hashed field is written as it was read.
fn check_line(account: AccountId, entry: &Entry) {
    let written = serde_json::to_vec(&line(account, entry)).expect("plain values");
    assert_eq!(self::entry(&written).as_ref(), Some(entry), "{}", String::from_utf8_lossy(&written));
}

/// The verdict does not depend on how the file is cut, and it is one about this file.
fn check_file(account: AccountId, file: &[u8]) {
    let lines = file.split(|byte| *byte == b'\n').count() - 1;
    let found = verdict(account, file, file.len().max(1), (0, String::new()));
    let steps = if file.len() <= CUT_UP { &[1, 7][..] } else { &[1_000] };
    for step in steps {
        assert_eq!(verdict(account, file, *step, (0, String::new())), found, "cut by {step}");
    }
    match found {
        Ok(Whole { entries, head }) => {
            assert_eq!(usize::try_from(entries).ok(), Some(lines));
            let known = (entries, head.clone());
            assert!(entries == 0 || verdict(account, file, 64, known).is_ok());
            let another = (entries, "0".repeat(64));
            assert!(entries == 0 || verdict(account, file, 64, another).is_err(), "another book passed");
            assert!(verdict(account, file, 64, (entries + 1, head)).is_err(), "the last entry is missing");
        }
        Err(Wrong { seq, fault }) => {
            assert!(!fault.is_empty());
            assert!(usize::try_from(seq).is_ok_and(|seq| seq <= lines + 1), "entry {seq} of {lines}");
        }
    }
}

fn verdict(account: AccountId, file: &[u8], step: usize, head: (u64, String)) -> Result<Whole, Wrong> {
    let mut check = Check::new(account, head);
    file.chunks(step).try_for_each(|bytes| check.take(bytes))?;
    check.finish(0)
}
