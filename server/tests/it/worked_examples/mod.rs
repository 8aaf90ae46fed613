//! Examples worked out by hand (`end2end/examples/`), played over the wire: what is charged, what receipts, grants and
//! books say, and what the browser's own code finds in the books must all be as written there.
//!
//! `end2end/tests/worked-examples.spec.ts` plays the same file against the binary and compares what the pages show.

mod compare;
mod play;
mod table;

use server::store::Scopes;

use self::play::Play;
use crate::prices::world_with;

/// What a service may let an account owe in the examples, in credits.
const DEBT_LIMIT: &str = "50";

async fn play_all(file: &str) {
    let world = world_with(table::prices()).await;
    let service =
        world.service_that_may_owe(Scopes::of(server::store::Scope::ALL), None, Some(DEBT_LIMIT)).await;
    for (number, example) in table::examples(file).iter().enumerate() {
        let member = world.member(&format!("member-{number}")).await;
        let reader = world.as_member(&member).await;
        let mut play = Play::new(&world, &service, member, reader, example);
        play.all_steps().await;
        play.compare().await;
    }
}

#[tokio::test]
async fn prices_come_out_as_worked_out_by_hand() {
    play_all("prices").await;
}

#[tokio::test]
async fn roundings_come_out_as_worked_out_by_hand() {
    play_all("rounding").await;
}

#[tokio::test]
async fn grants_burn_as_worked_out_by_hand() {
    play_all("burn-order").await;
}

#[tokio::test]
async fn holds_come_out_as_worked_out_by_hand() {
    play_all("holds").await;
}

#[tokio::test]
async fn debt_comes_out_as_worked_out_by_hand() {
    play_all("debt").await;
}

#[tokio::test]
async fn corrections_come_out_as_worked_out_by_hand() {
    play_all("corrections").await;
}
