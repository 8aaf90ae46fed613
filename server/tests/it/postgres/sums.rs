//! Sums over the books while servers commit their entries in another order than they number them.

use ledger::entry::Movement;
use server::store::BookSums;

use crate::harness::START;
use crate::harness::World;
use crate::harness::raw::Raw;

/// An entry of the first account, numbered when this is run.
fn issue(seq: u32, micros: u32) -> String {
    format!(
        "INSERT INTO entries (account, seq, leg, movement, amount, grant_seq, available_after, held_after, recorded_at, hash) \
         VALUES ((SELECT min(no) FROM accounts), {seq}, 0, 1, {micros}, {seq}, 0, 0, 0, CAST(repeat('x', 32) AS BYTEA))"
    )
}

#[tokio::test]
async fn an_entry_that_appears_after_later_ones_is_in_the_sums() {
    let world = World::start().await;
    world.member("ada").await;
    let (mut one, mut two) = (Raw::open(&world.database()).await, Raw::open(&world.database()).await);
    let mut sums = BookSums::default();
    let mut issued = async || {
        // Steps of one entry: until all are in.
        while world.console.store.follow_books(&mut sums, 1, START).await.unwrap().is_none() {}
        sums.moved(Movement::Issue)
    };
    let before = issued().await;
    one.run("BEGIN").await;
    one.run(&issue(1_001, 500)).await;
    two.run(&issue(1_002, 30)).await;
    assert_eq!(issued().await - before, 30);
    two.run(&issue(1_003, 4)).await;
    assert_eq!(issued().await - before, 34);
    one.run("COMMIT").await;
    assert_eq!(issued().await - before, 534);
    two.run(&issue(1_004, 1)).await;
    assert_eq!(issued().await - before, 535);
}
