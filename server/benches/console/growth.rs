//! Charges on books that have many events already, against the same charges on empty ones.

use std::time::Duration;

use crate::Outcome;
use crate::http::charges;
use crate::large::{EVENTS, Sizes};
use crate::program::Program;
use crate::report::{Target, millis, row, table, thousands};
use crate::requests;
use crate::turns::{Side, Turns};

/// How much longer a charge may take.
const MOST: f64 = 1.3;

pub async fn measure(sizes: &Sizes) -> Outcome {
    let turns = Turns::new(sizes.extent, EVENTS);
    let [empty, middle, large] = sizes.books.each_ref().map(|(_, books)| Program::console(books));
    let programs = [empty?, middle?, large?];
    table("charges over HTTP on books with a history", "ours", "on empty books");
    for connections in [1, 32] {
        let mut loads = sizes
            .books
            .iter()
            .zip(&programs)
            .map(|((_, books), running)| Side::Program(running.addr, requests::charge(books, 1)));
        let loads = [(); 3].map(|()| loads.next());
        let [Some(empty), Some(middle), Some(large)] = loads else { return Err("books are missing".into()) };
        let [mut empty, mut middle, mut large] = turns.take(connections, [empty, middle, large]).await?;
        let [_, (some, _), (many, _)] = &sizes.books;
        for (events, rounds) in [(some, &mut middle), (many, &mut large)] {
            for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
                let (ours, theirs) = (rounds.load.percentile(share), empty.load.percentile(share));
                let what = format!("{} events, {}: {name}", count(*events), charges(connections, 1));
                longer(&what, ours, theirs);
            }
        }
    }
    Ok(())
}

fn longer(what: &str, ours: Duration, theirs: Duration) {
    let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
    row(what, millis(ours), millis(theirs), ratio, &Target::AtMost(MOST));
}

/// A number of events as a row has it.
pub fn count(events: usize) -> String {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let events = events as f64;
    thousands(events)
}
