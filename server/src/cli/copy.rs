//! `copy`: moves the books of a file into a Postgres, verifies both sides, and keeps the file from being served again.

use std::process::ExitCode;

use serde::Serialize;

use super::Failure;
use super::books::Books;
use super::command::Verdict;
use super::verify::verify;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::store::{DatabaseUrl, Store, StoreError};

/// Accounts whose ends are compared at a time.
const STEP: u32 = 10_000;

/// What was moved.
#[derive(Debug, Serialize)]
struct CopyView {
    from: String,
    to: String,
    rows: u64,
    accounts: u64,
    entries: u64,
}

pub async fn run(config: &Config, to: &str, json: bool) -> Result<ExitCode, Failure> {
    let refused = |sentence: &str| Failure::Refused(sentence.to_owned());
    if config.database_file().is_none() {
        return Err(refused("copy moves a SQLite file, and DATABASE_URL names a Postgres"));
    }
    super::expect_console(config)?;
    let Ok(to @ DatabaseUrl::Postgres(_)) = DatabaseUrl::parse(to) else {
        return Err(refused("--to must be postgres://USER:PASSWORD@HOST/DATABASE, an empty database"));
    };
    let source = Books::open_store(config).await?;
    let ours = Books::start(config.clone(), source);
    let moved = move_books(&ours, config, &to).await;
    ours.close().await;
    let (rows, accounts, entries) = moved?;
    let view =
        CopyView { from: config.database_url.to_string(), to: to.to_string(), rows, accounts, entries };
    if json {
        println!("{}", serde_json::to_string(&view)?);
    } else {
        let CopyView { from, to, rows, accounts, entries } = view;
        println!("copied {rows} rows of {from} to {to}");
        println!("in order on both sides: {accounts} accounts, {entries} entries");
        println!("start the server with DATABASE_URL={to}; {from} is kept and no longer served");
    }
    Ok(ExitCode::SUCCESS)
}

/// Verifies the file, copies it, verifies and compares the copy, and then marks the file, so that only one of them is served.
/// Rows, accounts and entries.
async fn move_books(ours: &Books, config: &Config, to: &DatabaseUrl) -> Result<(u64, u64, u64), Failure> {
    let refused = |error: String| Failure::Refused(error);
    let Store::Sqlite(file) = &*ours.console.store else {
        return Err(refused("copy moves a SQLite file".to_owned()));
    };
    let here = verdict(ours, "the file").await?;
    let target = Store::open(to, &SystemClock).await?;
    let rows = target.copy_from(file).await.map_err(|error| refused(error.to_string()))?;
    let theirs = Books::start(Config { database_url: to.clone(), ..config.clone() }, target);
    let compared = compare(&here, ours, &theirs).await;
    theirs.close().await;
    compared?;
    let unmarked =
        |error| refused(format!("the copy is whole, but the file could not be marked as moved: {error}"));
    file.mark_moved().await.map_err(unmarked)?;
    Ok((rows, here.accounts, here.entries))
}

/// Recomputes the books of the copy and compares where each account's chain ends.
async fn compare(here: &Verdict, ours: &Books, theirs: &Books) -> Result<(), Failure> {
    let there = verdict(theirs, "the copy").await?;
    let failed = |error: StoreError| Failure::Refused(error.to_string());
    let differs = || {
        Failure::Refused(
            "the copy is not what the file holds; make the database anew and try again".to_owned(),
        )
    };
    let mut after = 0;
    loop {
        let ends = ours.console.store.chain_ends(after, STEP).await.map_err(failed)?;
        let copied = theirs.console.store.chain_ends(after, STEP).await.map_err(failed)?;
        if ends != copied {
            return Err(differs());
        }
        match ends.last() {
            Some(end) => after = end.account_no,
            None => break,
        }
    }
    let is_same = (here.accounts, here.entries) == (there.accounts, there.entries);
    is_same.then_some(()).ok_or_else(differs)
}

async fn verdict(books: &Books, side: &str) -> Result<Verdict, Failure> {
    let verdict = verify(&books.console.store, None).await;
    let verdict = verdict.map_err(|error| Failure::Refused(error.to_string()))?;
    match &verdict.mismatch {
        None => Ok(verdict),
        Some(found) => {
            let (account, seq, fault) = (&found.account_id, found.seq, &found.fault);
            Err(Failure::Refused(format!("{side} is not in order: {account} entry {seq}: {fault}")))
        }
    }
}
