//! The program under load: charges, lists of charges and reads over connections that stay open, in turns with the
//! baseline under the same load, and with an update without books. Load generator and server share the machine's cores.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::books::Books;
use crate::durable::Postgres;
use crate::floor::{Floor, Way};
use crate::lists::Lists;
use crate::naive::Naive;
use crate::probe;
use crate::program::Program;
use crate::report::{Target, millis, per_second, rate, row, table};
use crate::requests::{self, LIST, get};
use crate::turns::{Rounds, Side, Turns};
use crate::{Extent, Outcome};

const ACCOUNTS: usize = 1_000;
/// Events per second in lists that are fast enough.
const ENOUGH: f64 = 60_000.0;
/// How long a charge may take.
pub const LATEST: Duration = Duration::from_millis(10);

pub fn run(extent: Extent) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let postgres = Postgres::named().await?;
        let books = Arc::new(Books::new(ACCOUNTS).await?);
        let bench = Bench {
            console: Program::console(&books)?,
            baseline: Program::baseline()?,
            naive: Naive::new(&postgres, ACCOUNTS).await?,
            books,
            turns: Turns::new(extent, 0),
        };
        bench.charges().await?;
        bench.reads().await?;
        bench.lists().await
    })
}

struct Bench {
    console: Program,
    baseline: Program,
    naive: Naive,
    books: Arc<Books>,
    turns: Turns,
}

impl Bench {
    async fn charges(&self) -> Outcome {
        let sync = probe::sync_time()?;
        table("charges over HTTP, one event a request", "ours", "a POST that does nothing");
        let mut against = vec![];
        for (accounts, connections, times) in [(1, 1, None), (1, 32, Some(7.0)), (ACCOUNTS, 128, Some(1.5))] {
            let sides = [
                Side::Program(self.console.addr, requests::charge(&self.books, accounts)),
                Side::Program(self.baseline.addr, requests::no_op()),
                Side::Naive(&self.naive, accounts),
            ];
            let [mut ours, mut nothing, naive] = self.turns.take(connections, sides).await?;
            let what = charges(connections, accounts);
            let ratio = ours.ratio_to(&nothing);
            row(&what, ours.load.shown(), nothing.load.shown(), ratio, &Target::None);
            against.push((what, ours, naive, times));
        }
        table("the same charges, against their targets", "ours", "measured against");
        for (what, mut ours, naive, times) in against {
            against_naive(&what, &ours, &naive, times);
            if times.is_some() {
                in_time(&what, &mut ours);
            } else {
                let half = ours.load.percentile(0.5);
                let ratio = half.as_secs_f64() / sync.as_secs_f64();
                let beside = format!("{}, one sync of 4 KiB", millis(sync));
                row(&format!("{what}: p50"), millis(half), beside, ratio, &Target::AtMost(3.0));
            }
        }
        Ok(())
    }

    async fn reads(&self) -> Outcome {
        table("reads over HTTP", "ours", "a JSON hello");
        let current = requests::always(get("/usage/current", &self.books.customer_secret));
        let sides = [
            Side::Program(self.console.addr, current),
            Side::Program(self.baseline.addr, requests::always(get("/hello", ""))),
        ];
        let [mut ours, mut hello] = self.turns.take(32, sides).await?;
        let ratio = ours.ratio_to(&hello);
        let what = "GET /usage/current, 32 connections";
        row(what, ours.load.shown(), hello.load.shown(), ratio, &Target::AtLeast(0.6));
        Ok(())
    }

    /// Lists against the floor's commits of as many events.
    async fn lists(&self) -> Outcome {
        let floor_books = Books::new(1).await?;
        let mut floor = Floor::open(&floor_books)?;
        table("lists of 1 000 charges over HTTP, one hot account", "ours", "beside it");
        let lists = Lists {
            console: &self.console,
            baseline: &self.baseline,
            books: &self.books,
            turns: &self.turns,
            enough: Some(ENOUGH),
        };
        for connections in [1, 4] {
            lists.compare(connections, async || self.floor(&mut floor)).await?;
        }
        Ok(())
    }

    /// Events per second of the floor in groups as large as a list.
    fn floor(&self, floor: &mut Floor) -> Outcome<f64> {
        let groups = self.turns.extent.of(50, 4);
        let mut fastest = 0.0_f64;
        for way in Way::ALL {
            let start = Instant::now();
            for _ in 0..groups {
                let first = self.turns.numbers.fetch_add(LIST, Ordering::Relaxed);
                floor.write(way, first, LIST, 1)?;
            }
            fastest = fastest.max(rate(groups * LIST, start.elapsed()));
            floor.checkpoint()?;
        }
        Ok(fastest)
    }
}

/// What a row of charges is called.
pub fn charges(connections: usize, accounts: usize) -> String {
    let payers = if accounts == 1 { "one hot account".to_owned() } else { format!("{accounts} accounts") };
    format!("{connections} connections, {payers}").replace("1 connections", "1 connection")
}

/// Charges against the update without books, which they must be so many `times` as fast as.
pub fn against_naive(what: &str, ours: &Rounds, naive: &Rounds, times: Option<f64>) {
    let beside = format!("{}, a naive update on Postgres", per_second(naive.rate()));
    let target = times.map_or(Target::None, Target::AtLeast);
    row(what, per_second(ours.rate()), beside, ours.ratio_to(naive), &target);
}

/// How long the slowest hundredth took.
pub fn in_time(what: &str, ours: &mut Rounds) {
    let slowest = ours.load.percentile(0.99);
    let ratio = slowest.as_secs_f64() / LATEST.as_secs_f64();
    row(&format!("{what}: p99"), millis(slowest), millis(LATEST), ratio, &Target::AtMost(1.0));
}
