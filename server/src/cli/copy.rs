//! `copy`: moves the books of a file into a Postgres, and verifies both sides.

use std::process::ExitCode;

use serde::Serialize;

use super::Failure;
use super::admin;
use super::books::Books;
use super::command::{AdminAnswer, AdminCommand, Verdict};
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
    let target = Store::open(&to, &SystemClock).await?;
    let Store::Sqlite(rows) = &source else { return Err(refused("copy moves a SQLite file")) };
    let rows = target.copy_from(rows).await.map_err(|error| Failure::Refused(error.to_string()))?;
    let copied = Config { database_url: to.clone(), ..config.clone() };
    let (ours, theirs) = (Books::start(config.clone(), source), Books::start(copied, target));
    let compared = compare(&ours, &theirs).await;
    ours.close().await;
    theirs.close().await;
    let (accounts, entries) = compared?;
    let view =
        CopyView { from: config.database_url.to_string(), to: to.to_string(), rows, accounts, entries };
    if json {
        println!("{}", serde_json::to_string(&view)?);
    } else {
        let CopyView { from, to, rows, accounts, entries } = view;
        println!("copied {rows} rows of {from} to {to}");
        println!("in order on both sides: {accounts} accounts, {entries} entries");
        println!("start the server with DATABASE_URL={to}; {from} stays as it is");
    }
    Ok(ExitCode::SUCCESS)
}

/// Recomputes the books on both sides and compares where each account's chain ends.
async fn compare(ours: &Books, theirs: &Books) -> Result<(u64, u64), Failure> {
    let (here, there) = (verdict(ours, "the file").await?, verdict(theirs, "the copy").await?);
    let failed = |error: StoreError| Failure::Refused(error.to_string());
    let differs = || {
        Failure::Refused(
            "the copy is not what the file holds; make the database anew and try again".to_owned(),
        )
    };
    let mut after = 0;
    loop {
        let here = ours.console.store.chain_ends(after, STEP).await.map_err(failed)?;
        let there = theirs.console.store.chain_ends(after, STEP).await.map_err(failed)?;
        if here != there {
            return Err(differs());
        }
        match here.last() {
            Some(end) => after = end.account_no,
            None => break,
        }
    }
    let is_same = (here.accounts, here.entries) == (there.accounts, there.entries);
    is_same.then_some((here.accounts, here.entries)).ok_or_else(differs)
}

async fn verdict(books: &Books, side: &str) -> Result<Verdict, Failure> {
    let verify = AdminCommand::Verify { account_id: None };
    let answer = admin::execute(&books.console, verify).await;
    match answer.map_err(|error| Failure::Refused(error.to_string()))? {
        AdminAnswer::Verified(verdict) if verdict.ok => Ok(verdict),
        answer => Err(Failure::Refused(format!("{side} is not in order: {answer}"))),
    }
}
