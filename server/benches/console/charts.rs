//! Charts of accounts with many events, against the database adding up the same events one by one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ledger::Timestamp;
use ledger::time::{DAY, SECOND};
use rusqlite::{Connection, OpenFlags, params};
use server::calendar::Rfc3339;
use server::clock::{Clock as _, SystemClock};
use server::store::Permission;

use crate::Outcome;
use crate::books::Books;
use crate::growth::count;
use crate::large::Sizes;
use crate::program::Program;
use crate::report::{Target, millis, row, table};
use crate::requests::{Request, get};
use crate::turns::{Side, Turns};

/// What is drawn: its name, days before now, microseconds in a step, and how the address says it.
const CHARTS: [(&str, i64, i64, &str); 5] = [
    ("90 days by the day, by operation", 90, DAY, "granularity=day&group_by=operation"),
    ("90 days by the day, by key", 90, DAY, "granularity=day&group_by=api_key"),
    ("30 days by the hour, by operation", 30, 3_600 * SECOND, "granularity=hour&group_by=operation"),
    ("7 days by the hour, by operation", 7, 3_600 * SECOND, "granularity=hour&group_by=operation"),
    ("24 hours by 15 minutes, by operation", 1, 900 * SECOND, "granularity=15m&group_by=operation"),
];
/// How long one may take.
const LATEST: Duration = Duration::from_millis(10);
/// How many times as long the raw events take.
const TIMES: f64 = 500.0;
const RAW: &str = "SELECT (coalesce(occurred_at, recorded_at) - ?2) / ?4 AS step, operation, sum(credits), sum(quantity), count(*) \
    FROM entries WHERE account = ?1 AND movement = 2 AND leg = 0 AND coalesce(occurred_at, recorded_at) BETWEEN ?2 AND ?3 \
    GROUP BY step, operation";

pub async fn measure(sizes: &Sizes) -> Outcome {
    let (events, books) = sizes.largest();
    let secrets = secrets(books).await?;
    let program = Program::console(books)?;
    let turns = Turns::new(sizes.extent, 0);
    let accounts = books.accounts.len();
    let now = SystemClock.now();
    let title = format!(
        "charts, any of {accounts} accounts with {} events each, {} in the file",
        count(events / accounts),
        count(events)
    );
    table(&title, "ours", "beside it");
    for (what, days, step, query) in CHARTS {
        let from = now.saturating_add(-days * DAY);
        let path = format!("/usage/history?from={}&to={}&{query}", Rfc3339(from), Rfc3339(now));
        let [mut charts] = turns.take(1, [Side::Program(program.addr, in_turn(&secrets, &path))]).await?;
        let slowest = charts.load.percentile(0.99);
        let ratio = slowest.as_secs_f64() / LATEST.as_secs_f64();
        row(&format!("{what}: p99"), millis(slowest), millis(LATEST), ratio, &Target::AtMost(1.0));
        let raw = raw(books, sizes.extent.of(3, 1), from, now, step)?;
        let half = charts.load.percentile(0.5);
        let ratio = raw.as_secs_f64() / half.as_secs_f64();
        let target = if days == 90 { Target::AtLeast(TIMES) } else { Target::None };
        row(&format!("{what}: p50"), millis(half), format!("{}, raw GROUP BY", millis(raw)), ratio, &target);
    }
    Ok(())
}

/// A key of each account.
async fn secrets(books: &Books) -> Outcome<Arc<[String]>> {
    let open = books.open().await?;
    let mut secrets = vec![];
    for number in 1..=books.accounts.len() {
        secrets.push(open.customer_key(number, Permission::ReadOnly).await?.as_str().to_owned());
    }
    open.close().await?;
    Ok(secrets.into())
}

/// The chart of one account after the other.
fn in_turn(secrets: &Arc<[String]>, path: &str) -> Request {
    let requests: Vec<Vec<u8>> = secrets.iter().map(|secret| get(path, secret)).collect();
    Arc::new(move |number| requests[number % requests.len()].clone())
}

/// The shortest time that the database takes for the first account's events.
fn raw(books: &Books, times: usize, from: Timestamp, to: Timestamp, step: i64) -> Outcome<Duration> {
    let connection = Connection::open_with_flags(books.file(), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut statement = connection.prepare(RAW)?;
    let mut fastest = Duration::MAX;
    for _ in 0..times {
        let start = Instant::now();
        let mut rows = statement.query(params![1, from.micros(), to.micros(), step])?;
        while rows.next()?.is_some() {}
        drop(rows);
        fastest = fastest.min(start.elapsed());
    }
    Ok(fastest)
}
