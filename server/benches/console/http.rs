//! The program under load: charges, lists of charges and reads over connections that stay open, in turns with the
//! baseline under the same load. Load generator and server share the machine's cores.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

use crate::books::{Books, OPERATION, QUANTITY, SOURCE, event_id};
use crate::client::{Load, get, load, post};
use crate::floor::{Floor, Way};
use crate::probe;
use crate::program::Program;
use crate::report::{Target, median, millis, per_second, rate, row, table};
use crate::{Extent, Outcome};

/// A one-statement wallet update on Postgres, hot and over 1 000 rows: what the targets were set against (DESIGN 7).
const NAIVE_HOT: f64 = 1_800.0;
const NAIVE_SPREAD: f64 = 8_800.0;
const ACCOUNTS: usize = 1_000;
const LIST: usize = 1_000;

type Request = Arc<dyn Fn(usize) -> Vec<u8> + Send + Sync>;

pub fn run(extent: Extent) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let books = Arc::new(runtime.block_on(Books::new(ACCOUNTS))?);
    let bench = Bench {
        console: Program::console(&books)?,
        baseline: Program::baseline()?,
        books,
        numbers: Arc::default(),
        extent,
    };
    runtime.block_on(bench.charges())?;
    runtime.block_on(bench.reads())?;
    runtime.block_on(bench.lists())
}

struct Bench {
    console: Program,
    baseline: Program,
    books: Arc<Books>,
    /// Numbers of events, each used once.
    numbers: Arc<AtomicUsize>,
    extent: Extent,
}

/// Both under the same load.
struct Pair {
    ours: Load,
    baseline: Load,
    /// The median of the rounds' ratios of requests per second.
    ratio: f64,
}

impl Bench {
    async fn charges(&self) -> Outcome {
        let sync = probe::sync_time()?;
        table("charges over HTTP, one event a request", "ours", "a POST that does nothing");
        let cases =
            [(1, 1, None), (1, 32, Some((7.0, NAIVE_HOT))), (ACCOUNTS, 128, Some((1.5, NAIVE_SPREAD)))];
        let mut against = vec![];
        for (accounts, connections, naive) in cases {
            let mut pair = self.compare(connections, self.charge(accounts), no_op()).await?;
            let payers =
                if accounts == 1 { "one hot account".to_owned() } else { format!("{accounts} accounts") };
            let what =
                format!("{connections} connections, {payers}").replace("1 connections", "1 connection");
            row(&what, shown(&mut pair.ours), shown(&mut pair.baseline), pair.ratio, &Target::None);
            against.push((what, pair.ours, naive));
        }
        table("the same charges, against their targets", "ours", "measured against");
        for (what, mut ours, naive) in against {
            if let Some((times, naive)) = naive {
                let beside = format!("{}, a naive update on Postgres", per_second(naive));
                row(&what, per_second(ours.rate()), beside, ours.rate() / naive, &Target::AtLeast(times));
                let (slowest, limit) = (ours.percentile(0.99), Duration::from_millis(10));
                let ratio = slowest.as_secs_f64() / limit.as_secs_f64();
                row(&format!("{what}: p99"), millis(slowest), millis(limit), ratio, &Target::AtMost(1.0));
            } else {
                let half = ours.percentile(0.5);
                let ratio = half.as_secs_f64() / sync.as_secs_f64();
                let beside = format!("{}, one sync of 4 KiB", millis(sync));
                row(&format!("{what}: p50"), millis(half), beside, ratio, &Target::AtMost(3.0));
            }
        }
        Ok(())
    }

    async fn reads(&self) -> Outcome {
        table("reads over HTTP", "ours", "a JSON hello");
        let secret = self.books.customer_secret.clone();
        let current: Request = Arc::new(move |_| get("/usage/current", &secret));
        let hello: Request = Arc::new(|_| get("/hello", ""));
        let mut pair = self.compare(32, current, hello).await?;
        let ours = shown(&mut pair.ours);
        row(
            "GET /usage/current, 32 connections",
            ours,
            shown(&mut pair.baseline),
            pair.ratio,
            &Target::AtLeast(0.6),
        );
        Ok(())
    }

    /// Lists against the floor's commits of as many events.
    async fn lists(&self) -> Outcome {
        let floor_books = Books::new(1).await?;
        let mut floor = Floor::open(&floor_books)?;
        let (list, nothing) = (self.list(), no_op_list());
        table("lists of 1 000 charges over HTTP, one hot account", "ours", "beside it");
        for connections in [1, 4] {
            let rounds = self.extent.of(5, 1);
            let (mut ours, mut theirs, mut floors) = (vec![], vec![], vec![]);
            for _ in 0..rounds {
                let time = self.time();
                ours.push(per_list(&load(self.console.addr, connections, time, &self.numbers, &list).await?));
                theirs.push(per_list(
                    &load(self.baseline.addr, connections, time, &self.numbers, &nothing).await?,
                ));
                floors.push(self.floor(&mut floor)?);
            }
            let (ours, theirs, floor) = (median(ours), median(theirs), median(floors));
            let what = format!("events, {connections} connections").replace("1 connections", "1 connection");
            let events = per_second(ours);
            row(
                &what,
                &events,
                format!("{}, the floor's commits", per_second(floor)),
                ours / floor,
                &Target::AtLeast(0.5),
            );
            let target = format!("{}, the target", per_second(60_000.0));
            row(&what, &events, target, ours / 60_000.0, &Target::AtLeast(1.0));
            row(
                &what,
                &events,
                format!("{}, a POST that does nothing", per_second(theirs)),
                ours / theirs,
                &Target::None,
            );
        }
        Ok(())
    }

    /// Events per second of the floor in groups as large as a list.
    fn floor(&self, floor: &mut Floor) -> Outcome<f64> {
        let groups = self.extent.of(50, 4);
        let mut fastest = 0.0_f64;
        for way in Way::ALL {
            let start = Instant::now();
            for _ in 0..groups {
                let first = self.numbers.fetch_add(LIST, std::sync::atomic::Ordering::Relaxed);
                floor.write(way, first, LIST, 1)?;
            }
            fastest = fastest.max(rate(groups * LIST, start.elapsed()));
            floor.checkpoint()?;
        }
        Ok(fastest)
    }

    async fn compare(&self, connections: usize, ours: Request, baseline: Request) -> Outcome<Pair> {
        let warm = self.extent.of(Duration::from_millis(500), Duration::from_millis(50));
        load(self.console.addr, connections, warm, &self.numbers, &ours).await?;
        load(self.baseline.addr, connections, warm, &self.numbers, &baseline).await?;
        let mut pair = Pair { ours: Load::default(), baseline: Load::default(), ratio: 0.0 };
        let mut ratios = vec![];
        for _ in 0..self.extent.of(5, 1) {
            let our_load = load(self.console.addr, connections, self.time(), &self.numbers, &ours).await?;
            let their_load =
                load(self.baseline.addr, connections, self.time(), &self.numbers, &baseline).await?;
            ratios.push(our_load.rate() / their_load.rate());
            pair.ours.add(our_load);
            pair.baseline.add(their_load);
        }
        pair.ratio = median(ratios);
        Ok(pair)
    }

    fn time(&self) -> Duration {
        self.extent.of(Duration::from_secs(3), Duration::from_millis(200))
    }

    /// Charges that go round the first `accounts` accounts.
    fn charge(&self, accounts: usize) -> Request {
        let books = Arc::clone(&self.books);
        Arc::new(move |number| {
            let body = event(number, &books.accounts[number % accounts].to_string());
            post("/usage/events", &books.service_secret, &body)
        })
    }

    fn list(&self) -> Request {
        let books = Arc::clone(&self.books);
        Arc::new(move |number| {
            post("/usage/events", &books.service_secret, &events(number, &books.accounts[0].to_string()))
        })
    }
}

/// Requests of lists as events per second.
fn per_list(load: &Load) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a thousand")]
    let events = LIST as f64;
    load.rate() * events
}

const NOBODY: &str = "acct_01900000000070008000000000000001";

fn no_op() -> Request {
    Arc::new(|number| post("/one", "plx_svc_nobody", &event(number, NOBODY)))
}

fn no_op_list() -> Request {
    Arc::new(|number| post("/many", "plx_svc_nobody", &events(number, NOBODY)))
}

fn event(number: usize, account: &str) -> String {
    let id = event_id(number);
    format!(
        r#"{{"id":"{id}","source":"{SOURCE}","account_id":"{account}","operation":"{OPERATION}","quantity":{QUANTITY}}}"#
    )
}

/// [`LIST`] events that no other list has: those of single charges stay below them.
fn events(number: usize, account: &str) -> String {
    let first = 100_000_000 + number * LIST;
    let events: Vec<String> = (first..first + LIST).map(|number| event(number, account)).collect();
    format!("[{}]", events.join(","))
}

fn shown(load: &mut Load) -> String {
    let (half, slowest) = (load.percentile(0.5), load.percentile(0.99));
    format!("{}, p50 {}, p99 {}", per_second(load.rate()), millis(half), millis(slowest))
}
