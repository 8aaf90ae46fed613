//! Lists of charges: the program, a POST that does nothing, and commits of as many events by the floor of the same store.

use std::sync::Arc;

use crate::Outcome;
use crate::books::Books;
use crate::client::{Load, load};
use crate::program::Program;
use crate::report::{Target, median, per_second, row};
use crate::requests::{self, LIST};
use crate::turns::Turns;

/// Who is compared.
pub struct Lists<'a> {
    pub console: &'a Program,
    pub baseline: &'a Program,
    pub books: &'a Arc<Books>,
    pub turns: &'a Turns,
    /// Events per second that are fast enough, whatever the floor does.
    pub enough: Option<f64>,
}

impl Lists<'_> {
    /// `floor` writes some lists and says how many events per second that were.
    pub async fn compare(&self, connections: usize, mut floor: impl AsyncFnMut() -> Outcome<f64>) -> Outcome {
        let (list, nothing) = (requests::list(self.books), requests::no_op_list());
        let Turns { numbers, .. } = self.turns;
        let (mut ours, mut theirs, mut floors) = (vec![], vec![], vec![]);
        for _ in 0..self.turns.rounds() {
            let time = self.turns.time();
            ours.push(per_list(&load(self.console.addr, connections, time, numbers, &list).await?));
            theirs.push(per_list(&load(self.baseline.addr, connections, time, numbers, &nothing).await?));
            floors.push(floor().await?);
        }
        let (ours, theirs, floor) = (median(ours), median(theirs), median(floors));
        let what = format!("events, {connections} connections").replace("1 connections", "1 connection");
        let beside = |rate, what| format!("{}, {what}", per_second(rate));
        let mut compared = vec![(floor, "the floor's commits", Target::AtLeast(0.5))];
        compared.extend(self.enough.map(|enough| (enough, "the target", Target::AtLeast(1.0))));
        compared.push((theirs, "a POST that does nothing", Target::None));
        for (rate, name, target) in compared {
            row(&what, per_second(ours), beside(rate, name), ours / rate, &target);
        }
        Ok(())
    }
}

/// Requests of lists as events per second.
fn per_list(load: &Load) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a thousand")]
    let events = LIST as f64;
    load.rate() * events
}
