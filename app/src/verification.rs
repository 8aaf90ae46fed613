//! An account's books, recomputed by the browser from the file of its entries (`GET /credits/entries.ndjson`).
//!
//! Pure: bytes in, verdict out. The page's button feeds it (`components/verify.rs`).

use ledger::AccountId;
use ledger::verify::{Mismatch, Verifier, Watch};

use crate::backend::entries::EntryLine;

/// The first entry that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    pub seq: u64,
    /// Goes on after "entry 5: ".
    pub fault: String,
}

/// What was found in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    pub entries: u64,
    /// The hash of the last one.
    pub head: String,
}

/// A verification under way.
#[derive(Debug)]
pub struct Check {
    verifier: Verifier,
    /// The entries that were in order.
    done: u64,
    /// The beginning of a line whose end has not come yet.
    rest: Vec<u8>,
    /// An entry, and the hash that it must have.
    head: (u64, String),
}

impl Check {
    /// `head`: an entry and its hash, as somebody else than the file says.
    pub fn new(account: AccountId, head: (u64, String)) -> Self {
        Self { verifier: Verifier::new(account, Watch::All), done: 0, rest: vec![], head }
    }

    /// How many entries were in order so far.
    pub fn done(&self) -> u64 {
        self.done
    }

    /// How many there must be at least.
    pub fn expected(&self) -> u64 {
        self.head.0
    }

    /// Takes the next bytes of the file, cut anywhere.
    pub fn take(&mut self, bytes: &[u8]) -> Result<(), Wrong> {
        let mut parts = bytes.split(|byte| *byte == b'\n');
        let Some(mut part) = parts.next() else { return Ok(()) };
        for next in parts {
            let mut line = std::mem::take(&mut self.rest);
            line.extend_from_slice(part);
            self.line(&line)?;
            part = next;
        }
        self.rest.extend_from_slice(part);
        Ok(())
    }

    /// The file is over, and should have ended with entry `last`.
    pub fn finish(mut self, last: u64) -> Result<Whole, Wrong> {
        let wrong = |seq, fault: &str| Wrong { seq, fault: fault.to_owned() };
        if !self.rest.is_empty() {
            return Err(wrong(self.done + 1, UNREADABLE));
        }
        let told = |found: Mismatch| Wrong { seq: found.seq, fault: found.fault.to_string() };
        if self.done < last.max(self.head.0) {
            return Err(told(self.verifier.cut_off()));
        }
        let sums = self.verifier.sums().map_err(told)?;
        Ok(Whole { entries: self.done, head: sums.head.to_string() })
    }

    fn line(&mut self, line: &[u8]) -> Result<(), Wrong> {
        let seq = self.done + 1;
        let entry =
            std::str::from_utf8(line).ok().and_then(|text| serde_json::from_str::<EntryLine>(text).ok());
        let Some(entry) = entry.and_then(EntryLine::into_entry) else {
            return Err(Wrong { seq, fault: UNREADABLE.to_owned() });
        };
        let is_another = seq == self.head.0 && entry.hash.to_string() != self.head.1;
        self.verifier
            .push(entry)
            .map_err(|found| Wrong { seq: found.seq, fault: found.fault.to_string() })?;
        if is_another {
            let fault = "the hash is not the one that is kept beside the books".to_owned();
            return Err(Wrong { seq, fault });
        }
        self.done = seq;
        Ok(())
    }
}

const UNREADABLE: &str = "can't be read as an entry";

#[cfg(test)]
mod tests {
    use ledger::entry::Movement;
    use ledger::{Credits, Timestamp};

    use super::*;
    use crate::backend::entries::IssuedLine;

    fn account() -> AccountId {
        "acct_01900000000070008000000000000001".parse().unwrap()
    }

    /// Three grants of a credit each, as the server writes them, and the last hash.
    fn file() -> (String, String) {
        let issued = IssuedLine {
            kind: "promo".to_owned(),
            priority: 100,
            effective_at: "1970-01-01T00:00:00Z".to_owned(),
            expires_at: None,
            source: "operator".to_owned(),
            reason: "für\nalle".to_owned(),
        };
        let mut previous = ledger::chain::genesis(account());
        let mut text = String::new();
        for seq in 1..=3 {
            let mut line = EntryLine {
                seq,
                leg: 0,
                movement: Movement::Issue.name().to_owned(),
                amount: Credits::whole(1),
                grant_id: Some(ledger::GrantId { account: account(), seq }),
                available_after: Credits::from_micros(i64::try_from(seq).unwrap() * 1_000_000).unwrap(),
                held_after: Credits::ZERO,
                debt_after: Credits::ZERO,
                recorded_at: "1970-01-01T00:00:00.000007Z".to_owned(),
                event: None,
                deadline: None,
                revises: None,
                issued: Some(issued.clone()),
                reason: None,
                hash: previous.to_string(),
            };
            let entry = line.clone().into_entry().unwrap();
            assert_eq!(entry.recorded_at, Timestamp::from_micros(7));
            previous = ledger::chain::link(previous, account(), &entry);
            line.hash = previous.to_string();
            text += &(serde_json::to_string(&line).unwrap() + "\n");
        }
        (text, previous.to_string())
    }

    fn check(text: &str, step: usize, head: &str) -> Result<Whole, Wrong> {
        let mut check = Check::new(account(), (3, head.to_owned()));
        text.as_bytes().chunks(step).try_for_each(|bytes| check.take(bytes))?;
        check.finish(3)
    }

    #[test]
    fn whole_books_are_found_whole_however_the_bytes_are_cut() {
        let (text, head) = file();
        for step in [1, 2, 7, 100, 10_000] {
            assert_eq!(check(&text, step, &head), Ok(Whole { entries: 3, head: head.clone() }), "{step}");
        }
    }

    #[test]
    fn the_first_wrong_entry_is_named() {
        let (text, head) = file();
        let fault = |text: &str, head: &str| check(text, 64, head).map_err(|wrong| (wrong.seq, wrong.fault));
        let lines: Vec<&str> = text.lines().collect();
        let hash = "the hash is not that of its content after the entry before".to_owned();
        assert_eq!(fault(&text.replacen("operator", "somebody", 1), &head), Err((1, hash)));
        let (seq, said) = fault(&format!("{}\n{}\n", lines[0], lines[2]), &head).unwrap_err();
        assert_eq!((seq, said.as_str()), (2, "expected here, found entry 3"));
        let (seq, said) = fault(&format!("{}\n{}\n", lines[0], lines[1]), &head).unwrap_err();
        assert_eq!((seq, said.as_str()), (3, "is missing, and so is what follows"));
        let of_nothing = r#""revises":{"seq":0,"quantity":1,"credits":1,"correction_id":null}"#;
        for (stands, unreadable) in [
            ("\"promo\"", "\"gift\""),
            ("{\"seq", "{seq"),
            ("\"seq\":1,", "\"seq\":0,"),
            ("\"revises\":null", of_nothing),
            ("T00:00:00.000007Z", "T00:00:00.0000070Z"),
        ] {
            let unreadable = text.replacen(stands, unreadable, 1);
            assert_eq!(fault(&unreadable, &head), Err((1, UNREADABLE.to_owned())), "{unreadable}");
        }
        assert_eq!(fault(text.trim_end(), &head), Err((3, UNREADABLE.to_owned())), "cut off");
        let other = head.replace(|digit: char| digit.is_ascii_digit(), "a");
        assert_eq!(fault(&text, &other).unwrap_err().0, 3, "rewritten with hashes that fit");
    }
}
