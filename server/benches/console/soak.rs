//! Half an hour of an ordinary day: 5 000 events a second, 500 open streams. Nothing may grow, and nothing may get lost.

use std::time::Duration;

use server::store::Permission;

use crate::books::Books;
use crate::listeners::{Listeners, Wanted};
use crate::open_loop::{self, Pace, Tally};
use crate::prepared::Prepared;
use crate::program::Program;
use crate::report::{Target, millis, per_second, percentile, row, table};
use crate::watch::{Watch, process_time};
use crate::{Outcome, kept};

/// Unless asked.
const SECONDS: u64 = 1_800;
const RATE: f64 = 5_000.0;
/// Events of one request, each of another account.
const LIST: usize = 20;
/// Each has one open stream.
const ACCOUNTS: usize = 500;
const CONNECTIONS: usize = 64;

pub fn run(seconds: Option<u64>) -> Outcome {
    let time = Duration::from_secs(seconds.unwrap_or(SECONDS));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let books = runtime.block_on(Books::new(ACCOUNTS))?;
    let secrets = runtime.block_on(books.customer_secrets(Permission::ReadOnly))?;
    let program = Program::console(&books)?;
    let wanted = secrets.into_iter().enumerate().map(|(account, secret)| Wanted { account, secret });
    let listeners = Listeners::open(program.addr, wanted.collect(), false)?;
    let mut requests = Prepared::new(&books, LIST, ACCOUNTS, 1);
    let (watch, before) = (Watch::start(program.id(), &books.file()), process_time(program.id())?);
    #[expect(clippy::cast_precision_loss, reason = "small")]
    let pace = Pace::Open(RATE / LIST as f64);
    let mut load = open_loop::run(program.addr, CONNECTIONS, pace, time, &mut requests, 0)?;
    let served = process_time(program.id())?.saturating_sub(before);
    let seen = watch.end()?;
    // The first entry of each account is its grant.
    let mut entries = vec![1; ACCOUNTS];
    for request in &load.accepted {
        (request * LIST..(request + 1) * LIST).for_each(|event| entries[event % ACCOUNTS] += 1);
    }
    listeners.wait(|stream| entries[stream])?;
    let heard = listeners.end()?;
    drop(program);
    table("a long day", "measured", "beside it");
    print(&mut load, served);
    println!("| streams that were cut off and came again | {} | {ACCOUNTS} | | | |", heard.cut);
    seen.must_be_flat()?;
    kept::check(&books, &requests, std::slice::from_ref(&load))
}

fn print(load: &mut Tally, served: Duration) {
    #[expect(clippy::cast_precision_loss, reason = "small")]
    let charged = load.goodput() * LIST as f64;
    let asked = format!("{} for {} s", per_second(RATE), load.lasted.as_secs());
    row("events charged", per_second(charged), asked, charged / RATE, &Target::None);
    let slowest = load.accepted_p(0.99);
    let half = format!("{} at the median", millis(load.accepted_p(0.5)));
    row("answer to a list, p99", millis(slowest), half, slowest.as_secs_f64() / 0.05, &Target::None);
    let late = percentile(&mut load.late, 0.99);
    let refused = format!("{} requests were refused, {} broke", load.refused.len(), load.broken);
    row("generator late, p99", millis(late), refused, late.as_secs_f64() / 0.05, &Target::None);
    let cores = |time: Duration| time.as_secs_f64() / load.lasted.as_secs_f64();
    let generator = format!("{:.2}, the generator", cores(load.cost));
    row(
        "cores that the server took",
        format!("{:.2}", cores(served)),
        generator,
        cores(served),
        &Target::None,
    );
}
