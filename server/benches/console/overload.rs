//! Four times as many charges as can be charged: how many still are, how fast, and whether all others are told to come
//! back. What can be charged is what connections that always wait for their answers get in the same run.
//!
//! Generator and server share the machine: what it takes merely to carry the requests that are refused is missing for
//! those that are not, so the generator says what it took.

use std::time::Duration;

use crate::books::Books;
use crate::open_loop::{self, Pace, Tally};
use crate::prepared::Prepared;
use crate::program::Program;
use crate::report::{Target, millis, per_second, percentile, row, table};
use crate::watch::{Watch, process_time};
use crate::{Outcome, kept};

/// Unless asked.
const SECONDS: u64 = 60;
const ACCOUNTS: usize = 1_000;
const TIMES: f64 = 4.0;
const GOODPUT: f64 = 0.9;
const SLOWEST: Duration = Duration::from_millis(50);

/// A kind of request.
struct Case {
    what: &'static str,
    events: usize,
    /// Connections with which most is charged, one of these.
    best: [usize; 2],
    /// Connections of the overload: so many that the server, and not the generator, says who waits.
    connections: usize,
}

const CASES: [Case; 2] = [
    Case { what: "lists of 100 events of one account", events: 100, best: [8, 24], connections: 512 },
    Case { what: "single events", events: 1, best: [32, 128], connections: 4_096 },
];

pub fn run(seconds: Option<u64>) -> Outcome {
    let time = Duration::from_secs(seconds.unwrap_or(SECONDS));
    for case in &CASES {
        case.run(time)?;
    }
    Ok(())
}

impl Case {
    fn run(&self, time: Duration) -> Outcome {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let books = runtime.block_on(Books::new(ACCOUNTS))?;
        let program = Program::console(&books)?;
        let mut requests = Prepared::new(&books, self.events, ACCOUNTS, self.events);
        let mut tallies = self.peak(&program, &mut requests, time / 10)?;
        let peak = tallies.iter().map(Tally::goodput).fold(0.0, f64::max);
        let watch = Watch::start(program.id(), &books.file());
        let (pace, first, before) = (Pace::Open(TIMES * peak), next(&tallies), process_time(program.id())?);
        let mut load = open_loop::run(program.addr, self.connections, pace, time, &mut requests, first)?;
        let served = process_time(program.id())?.saturating_sub(before);
        let seen = watch.end()?;
        drop(program);
        table(&format!("four times what can be charged: {}", self.what), "measured", "beside it");
        self.print(&mut load, peak, served);
        println!("| log beside the database, MiB, most | {} | | | | |", seen.largest_log() >> 10);
        seen.must_be_bounded()?;
        tallies.push(load);
        kept::check(&books, &requests, &tallies)
    }

    /// As many as can be charged, with either number of connections.
    fn peak(&self, program: &Program, requests: &mut Prepared, time: Duration) -> Outcome<Vec<Tally>> {
        let mut tallies: Vec<Tally> = vec![];
        let warm = (self.best[1], time / 4);
        for (connections, time) in [warm, (self.best[0], time), (self.best[1], time)] {
            let first = next(&tallies);
            tallies.push(open_loop::run(program.addr, connections, Pace::Closed, time, requests, first)?);
        }
        Ok(tallies)
    }

    fn print(&self, load: &mut Tally, peak: f64, served: Duration) {
        #[expect(clippy::cast_precision_loss, reason = "a hundred")]
        let events = self.events as f64;
        let share = load.goodput() / peak;
        let beside = format!("{} alone", per_second(peak * events));
        row("charged", per_second(load.goodput() * events), beside, share, &Target::AtLeast(GOODPUT));
        let slowest = load.accepted_p(0.99);
        let half = format!("{} at the median", millis(load.accepted_p(0.5)));
        let ratio = slowest.as_secs_f64() / SLOWEST.as_secs_f64();
        row("answer to a charge, p99", millis(slowest), half, ratio, &Target::AtMost(1.0));
        let (refused, answered) = (load.refused.len(), load.refused.len() + load.accepted.len());
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let share = refused as f64 / answered as f64;
        let told = format!("{} at p99", millis(percentile(&mut load.refused_after, 0.99)));
        row("refused, of all", refused, told, share, &Target::None);
        let late = percentile(&mut load.late, 0.99);
        let waited = format!("{} waited for a connection, {} broke", load.waited, load.broken);
        row(
            "generator late, p99",
            millis(late),
            waited,
            late.as_secs_f64() / SLOWEST.as_secs_f64(),
            &Target::None,
        );
        let cores = |time: Duration| time.as_secs_f64() / load.lasted.as_secs_f64();
        let each = format!("{:.1} µs a request", load.cost_each().as_secs_f64() * 1e6);
        row(
            "cores that the generator took",
            format!("{:.2}", cores(load.cost)),
            each,
            cores(load.cost),
            &Target::None,
        );
        row("cores that the server took", format!("{:.2}", cores(served)), "", cores(served), &Target::None);
    }
}

fn next(tallies: &[Tally]) -> usize {
    tallies.last().map_or(0, |tally| tally.next)
}
