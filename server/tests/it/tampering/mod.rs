//! Books that somebody with all rights over the file has falsified: `verify` names the account and the first entry that is
//! wrong, whatever was done. `verify.rs` goes through the columns one by one; here the dice decide.
//!
//! `PLEXE_TAMPER_CASES=1000` is the full run, `PLEXE_TAMPER_SEED` repeats one.

mod cases;
mod database;
pub mod dice;
pub mod life;

use std::fmt::Write as _;

use server::store::VerifyError;

use self::cases::{Account, falsify};
use self::database::Database;
use self::dice::Dice;
use crate::harness::events::{EVENTS, prediction};
use crate::harness::raw::Raw;
use crate::harness::{Member, World};

/// Cases for each book; another book comes after so many.
const CASES_PER_BOOK: usize = 250;

fn setting(name: &str, usual: usize) -> usize {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(usual)
}

/// The first mismatch, as `plexe-console verify` finds it: account number and `seq`.
async fn first_mismatch(world: &World, members: &[Member]) -> Result<Option<(i64, i64, String)>, String> {
    for member in members {
        match world.console.store.verify_account(member.account_no, member.account).await {
            Ok(_) => {}
            Err(VerifyError::Mismatch(found)) if found.account == member.account => {
                let seq = i64::try_from(found.seq).unwrap_or(i64::MAX);
                return Ok(Some((member.account_no, seq, found.fault.to_string())));
            }
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(None)
}

/// Three accounts with everything in their books, and their last entries.
async fn books(dice: &mut Dice) -> (World, Vec<Member>, Vec<Account>) {
    let world = World::start().await;
    let service = world.service().await;
    let (mut members, mut accounts) = (vec![], vec![]);
    for (name, rounds) in [("ada", 2), ("bob", 1), ("eve", 3)] {
        let member = world.member(name).await;
        life::live(&world, &member, &service.key_id, rounds, dice).await;
        let found = world.console.store.verify_account(member.account_no, member.account).await;
        let last = found.unwrap_or_else(|error| panic!("{name}: {error}")).entries;
        accounts.push((member.account_no, i64::try_from(last).unwrap()));
        members.push(member);
    }
    (world, members, accounts)
}

#[tokio::test]
async fn operator_is_told_account_and_entry_whatever_was_falsified() {
    let cases = setting("PLEXE_TAMPER_CASES", 150);
    let seed = setting("PLEXE_TAMPER_SEED", 1);
    let mut missed = String::new();
    let mut done = 0;
    while done < cases {
        let mut dice = Dice::new(u64::try_from(seed + done).unwrap());
        let (world, members, accounts) = books(&mut dice).await;
        let mut database = Database::open(Raw::open(&world.database()).await).await;
        let movements = database.number("SELECT count(DISTINCT movement) FROM entries").await;
        assert_eq!(movements, 11, "books with every movement");
        for _ in 0..CASES_PER_BOOK.min(cases - done) {
            let case = falsify(&mut database, &accounts, &mut dice).await;
            let found = first_mismatch(&world, &members).await;
            let is_right =
                matches!(&found, Ok(Some((account, seq, _))) if case.places.contains(&(*account, *seq)));
            if !is_right {
                writeln!(
                    missed,
                    "{}\n  must be found at {:?}, is {found:?}",
                    case.sql.join(";\n"),
                    case.places
                )
                .unwrap();
            }
            database.restore().await;
        }
        assert_eq!(first_mismatch(&world, &members).await, Ok(None), "all is put back");
        done += CASES_PER_BOOK;
    }
    assert!(missed.is_empty(), "seed {seed}, accounts in order of their numbers:\n{missed}");
}

/// `verify` reads 2 000 entries at a time.
#[tokio::test]
async fn operator_is_told_of_entries_that_are_missing_or_doubled_where_reading_pauses() {
    let world = World::start().await;
    let (ada, service) = (world.member_with("ada", "1000").await, world.service().await);
    for part in 0..5 {
        let item = |n: usize| prediction(&format!("{part}-{n}"), &ada);
        service.caller.post(EVENTS, &(0..1_000).map(item).collect::<serde_json::Value>()).await.ok();
    }
    let mut database = Database::open(Raw::open(&world.database()).await).await;
    let content = database.columns_but("entries", &["no", "seq"]);
    for (sql, seq) in [
        ("DELETE FROM entries WHERE seq = 2000".to_owned(), 2_000),
        ("DELETE FROM entries WHERE seq = 2001".to_owned(), 2_001),
        ("DELETE FROM entries WHERE seq > 2000".to_owned(), 2_001),
        ("DELETE FROM entries WHERE seq BETWEEN 2001 AND 4000".to_owned(), 2_001),
        (
            format!(
                "INSERT INTO entries (seq, {content}) SELECT seq, {content} FROM entries WHERE seq = 2000"
            ),
            2_001,
        ),
        (format!("INSERT INTO entries (seq, {content}) SELECT 0, {content} FROM entries WHERE seq = 1"), 1),
        (
            format!("INSERT INTO entries (seq, {content}) SELECT 5002, {content} FROM entries WHERE seq = 1"),
            5_002,
        ),
    ] {
        assert!(database.raw.run(&sql).await > 0, "{sql}");
        let found = first_mismatch(&world, std::slice::from_ref(&ada)).await;
        let place = found.as_ref().map(|found| found.as_ref().map(|(_, seq, _)| *seq));
        assert_eq!(place, Ok(Some(seq)), "{sql}: {found:?}");
        database.restore().await;
    }
    world.verify(&ada).await;
}
