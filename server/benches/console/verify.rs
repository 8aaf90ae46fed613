//! `plexe-console verify` on large books, against what it can't do without: reading every column of every entry, and
//! hashing as many bytes.

use std::hint::black_box;
use std::process::Command;
use std::time::{Duration, Instant};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::Outcome;
use crate::books::Books;
use crate::large::EVENTS;
use crate::program::BINARY;
use crate::report::{Target, per_second, rate, row, table};

/// What [`EVENTS`] may take.
const LIMIT: Duration = Duration::from_secs(30);

pub fn heading() {
    table("verify, all accounts", "entries/s", "beside it");
}

/// One row about each of the two: the least that is to be done, and the target.
pub fn measure(books: &Books) -> Outcome {
    let (entries, took) = verify(books)?;
    let floor = floor(books)?;
    let what = format!("{entries} entries, accounts: {}", books.accounts.len());
    let ours = format!("{}, {:.1} s", per_second(rate(entries, took)), took.as_secs_f64());
    let least = floor.reading + floor.hashing;
    let beside = format!(
        "{}, one core: {:.1} s to read, {:.1} s to hash {} bytes each",
        per_second(rate(entries, least)),
        floor.reading.as_secs_f64(),
        floor.hashing.as_secs_f64(),
        floor.bytes / entries
    );
    row(&what, &ours, beside, least.as_secs_f64() / took.as_secs_f64(), &Target::None);
    let limit = rate(EVENTS, LIMIT);
    let ratio = rate(entries, took) / limit;
    row(&what, ours, format!("{}, the target", per_second(limit)), ratio, &Target::AtLeast(1.0));
    Ok(())
}

/// How many entries the program found in order, and how long it took as a process.
fn verify(books: &Books) -> Outcome<(usize, Duration)> {
    let mut command = Command::new(BINARY);
    command
        .args(["verify", "--json"])
        .current_dir(books.folder())
        .env_clear()
        .env("DATABASE_URL", books.url());
    let start = Instant::now();
    let output = command.output()?;
    let took = start.elapsed();
    let said = String::from_utf8(output.stdout)?;
    let verdict: Value = serde_json::from_str(said.lines().last().unwrap_or_default()).unwrap_or_default();
    match verdict["entries"].as_u64() {
        Some(entries) if verdict["ok"] == true => Ok((usize::try_from(entries)?, took)),
        _ => Err(format!("not in order: {said}{}", String::from_utf8_lossy(&output.stderr)).into()),
    }
}

/// The least that is to be done, on one core.
struct Floor {
    /// Taking every column of every entry out of the database, account by account, in order.
    reading: Duration,
    /// SHA-256 of as many bytes, entry by entry.
    hashing: Duration,
    /// Of all entries.
    bytes: usize,
}

fn floor(books: &Books) -> Outcome<Floor> {
    let connection = Connection::open_with_flags(books.file(), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut statement = connection.prepare("SELECT * FROM entries WHERE account = ?1 ORDER BY seq")?;
    let columns = statement.column_count();
    let start = Instant::now();
    let (mut entries, mut bytes) = (0, 0);
    for account in 1..=i64::try_from(books.accounts.len())? {
        let mut rows = statement.query([account])?;
        while let Some(row) = rows.next()? {
            entries += 1;
            for column in 0..columns {
                bytes += match black_box(row.get_ref(column)?) {
                    ValueRef::Null => 0,
                    ValueRef::Integer(_) | ValueRef::Real(_) => size_of::<i64>(),
                    ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len(),
                };
            }
        }
    }
    let reading = start.elapsed();
    let content = vec![0x5a; bytes / entries];
    let start = Instant::now();
    let mut head = Sha256::digest([]);
    for _ in 0..entries {
        head = Sha256::new_with_prefix(head).chain_update(&content).finalize();
    }
    black_box(head);
    Ok(Floor { reading, hashing: start.elapsed(), bytes })
}
