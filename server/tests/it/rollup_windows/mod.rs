//! "Where did the credits go?", asked at random, against a sum over the raw rows by code of its own: windows, granularities,
//! time zones, groups, filters, with late events and days of more values than have names.
//!
//! `PLEXE_ROLLUP_WINDOWS` sets how many questions each test asks, `PLEXE_ROLLUP_SEED` which ones.

mod books;
mod killed;
mod load;
mod windows;

use ledger::Timestamp;
use ledger::time::{DAY, SECOND};
use server::config::UsageDimensions;

use self::books::Books;
use self::load::Load;
use self::windows::Known;
use crate::harness::trace::Random;
use crate::harness::{START, World};

/// What the servers of these tests declare.
const DECLARED: [&str; 2] = ["model", "team"];

fn number(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

fn questions(usual: u64) -> u64 {
    number("PLEXE_ROLLUP_WINDOWS", usual)
}

fn random() -> Random {
    Random(number("PLEXE_ROLLUP_SEED", 2_026))
}

pub fn declaring(names: &[&str]) -> UsageDimensions {
    UsageDimensions::parse(names.iter().map(|name| (*name).to_owned()).collect()).expect("plain names")
}

#[tokio::test]
async fn random_windows_are_what_the_raw_rows_add_up_to() {
    let mut world = World::with(|config| config.usage_dimensions = declaring(&DECLARED)).await;
    let (ada, bob) = (world.member_with("ada", "1000000").await, world.member_with("bob", "1000000").await);
    let mut random = random();
    let mut load = Load::new(&world, &ada, &bob).await;
    for round in 0..26_i64 {
        load.send(&mut random, START.saturating_add(round * 14 * DAY)).await;
        if round % 9 == 8 {
            // What the day's values are called must not depend on what was in memory.
            world = world.restart_with(|config| config.usage_dimensions = declaring(&DECLARED)).await;
            load.moved(&world);
        }
    }
    world.verify(&ada).await;
    let books = Books::read(&world.database(), ada.account, &DECLARED).await;
    assert!(books.crowded_days("model") > 15, "days with more values than names");
    assert!(books.taken_back() > 300, "corrections");
    let known = Known::new(&books, &DECLARED);
    let caller = world.as_member(&ada).await;
    let mut compared = 0;
    for _ in 0..questions(400) {
        compared += known.question(&mut random).compare(&caller, &books).await;
    }
    assert!(compared > 1_000, "{compared} figures were compared");
}

/// Microseconds of so many minutes.
const fn minutes(count: i64) -> i64 {
    count * 60 * SECOND
}

/// So long before.
fn before(at: Timestamp, micros: i64) -> Timestamp {
    at.saturating_add(-micros)
}
