//! The sequencer without HTTP: one caller hands in groups and waits for each to be on disk, against the floor writing
//! the same groups. Rounds of both take turns, so that a disturbance meets both.

use std::time::{Duration, Instant};

use crate::books::{Books, OpenBooks};
use crate::floor::{Floor, Way};
use crate::report::{Target, median, per_second, rate, row, table};
use crate::{Extent, Outcome};

/// Accounts and events in a group.
const CASES: [(usize, usize); 5] = [(1, 32), (1, 100), (1, 1_000), (1_000, 100), (1_000, 1_000)];

pub fn run(extent: Extent) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    table("sequencer", "events/s", "floor");
    for (accounts, group) in CASES {
        let books = runtime.block_on(Books::new(accounts))?;
        let open = runtime.block_on(books.open())?;
        let floor_books = runtime.block_on(Books::new(accounts))?;
        let mut case = Case {
            floor: Floor::open(&floor_books)?,
            books: &books,
            open: &open,
            accounts,
            group,
            number: 0,
            extent,
        };
        let ratio = case.compare(&runtime)?;
        let target = if accounts == 1 { Target::AtLeast(0.8) } else { Target::None };
        let label = if accounts == 1 { "one hot account".to_owned() } else { format!("{accounts} accounts") };
        let what = format!("groups of {group}, {label}");
        row(&what, per_second(ratio.ours), per_second(ratio.floor), ratio.of_rounds, &target);
        drop(case);
        runtime.block_on(open.close())?;
    }
    Ok(())
}

struct Case<'b> {
    books: &'b Books,
    open: &'b OpenBooks,
    floor: Floor,
    accounts: usize,
    group: usize,
    /// Of the next event.
    number: usize,
    extent: Extent,
}

struct Comparison {
    ours: f64,
    floor: f64,
    /// The median of the ratios of each round.
    of_rounds: f64,
}

impl Case<'_> {
    fn compare(&mut self, runtime: &tokio::runtime::Runtime) -> Outcome<Comparison> {
        let events: usize = self.extent.of(20_000, 2_000);
        let rounds = self.extent.of(9, 2);
        let groups = events.div_ceil(self.group);
        let way = self.faster_way(groups.div_ceil(4))?;
        runtime.block_on(self.ours(groups.div_ceil(4)))?;
        let (mut ours, mut floor, mut ratios) = (vec![], vec![], vec![]);
        for _ in 0..rounds {
            let ours_took = runtime.block_on(self.ours(groups))?;
            let floor_took = self.floor(way, groups)?;
            ours.push(rate(groups * self.group, ours_took));
            floor.push(rate(groups * self.group, floor_took));
            ratios.push(floor_took.as_secs_f64() / ours_took.as_secs_f64());
        }
        Ok(Comparison { ours: median(ours), floor: median(floor), of_rounds: median(ratios) })
    }

    /// Which way of the floor is faster here; also warms it.
    fn faster_way(&mut self, groups: usize) -> Outcome<Way> {
        let mut fastest = (Duration::MAX, Way::RowByRow);
        for way in Way::ALL.into_iter().chain(Way::ALL) {
            let took = self.floor(way, groups)?;
            if took < fastest.0 {
                fastest = (took, way);
            }
        }
        Ok(fastest.1)
    }

    async fn ours(&mut self, groups: usize) -> Outcome<Duration> {
        let mut waiting = Vec::with_capacity(groups);
        for _ in 0..groups {
            let numbers = self.numbers();
            let group: Result<Vec<_>, _> =
                numbers.map(|number| self.books.submission(number, self.accounts)).collect();
            waiting.push(group?);
        }
        let start = Instant::now();
        for group in waiting {
            for charged in self.open.sequencer.charge(group).await? {
                charged?;
            }
        }
        let took = start.elapsed();
        self.open.store.checkpoint().await?;
        Ok(took)
    }

    fn floor(&mut self, way: Way, groups: usize) -> Outcome<Duration> {
        let start = Instant::now();
        for _ in 0..groups {
            let first = self.numbers().start;
            self.floor.write(way, first, self.group, self.accounts)?;
        }
        let took = start.elapsed();
        self.floor.checkpoint()?;
        Ok(took)
    }

    fn numbers(&mut self) -> std::ops::Range<usize> {
        let first = self.number;
        self.number += self.group;
        first..self.number
    }
}
