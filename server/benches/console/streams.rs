//! Thousands of open streams, a fifth of which are never read: what each of them holds, and how long it takes until the
//! last reader has a charge. Once all on one account, and once on a thousand.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use server::store::Permission;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpSocket, TcpStream};

use crate::Outcome;
use crate::books::Books;
use crate::client::Connection;
use crate::listeners::{Delivery, Listeners, Wanted, request};
use crate::prepared::Prepared;
use crate::program::Program;
use crate::report::{Target, millis, percentile, row, table};
use crate::watch::memory_kib;

/// Unless asked.
const STREAMS: usize = 5_000;
const SECONDS: u64 = 30;
/// Of a stream, in KiB.
const MEMORY: f64 = 16.0;
const SLOWEST: Duration = Duration::from_millis(100);
/// What a socket that is never read takes in, in bytes, or the least that the system allows.
const UNREAD: u32 = 1_024;

/// Accounts that the streams are spread over, and charges a second.
const CASES: [(usize, u32); 2] = [(1, 4), (1_000, 100)];

pub fn run(seconds: Option<u64>, streams: Option<usize>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (time, streams) = (Duration::from_secs(seconds.unwrap_or(SECONDS)), streams.unwrap_or(STREAMS));
    for (accounts, rate) in CASES {
        runtime.block_on(case(accounts, rate, time / 2, streams))?;
    }
    Ok(())
}

async fn case(accounts: usize, rate: u32, time: Duration, streams: usize) -> Outcome {
    let books = Books::new(accounts).await?;
    let secrets = books.customer_secrets(Permission::ReadOnly).await?;
    let program = Program::console(&books)?;
    let mut service = Service {
        connection: Connection::open(program.addr).await?,
        requests: Prepared::new(&books, 1, accounts, 1),
        accounts,
        charges: vec![],
    };
    // What the first charges and streams leave behind is nobody's.
    service.charge(rate, Duration::from_secs(1)).await?;
    drop(unread(program.addr, &secrets, streams / 50).await?);
    let empty = memory_kib(program.id())?;
    let unread_count = streams / 5;
    let wanted = (0..streams - unread_count).map(|stream| {
        let account = stream % accounts;
        Wanted { account, secret: secrets[account].clone() }
    });
    let listeners = Listeners::open(program.addr, wanted.collect(), true)?;
    let quiet = memory_kib(program.id())?;
    let alone = service.charge(rate, time).await?;
    listeners.wait(|stream| service.last_entry(stream % accounts))?;
    let never_read = unread(program.addr, &secrets, unread_count).await?;
    let beside = service.charge(rate, time).await?;
    listeners.wait(|stream| service.last_entry(stream % accounts))?;
    let busy = memory_kib(program.id())?;
    let heard = listeners.end()?;
    drop(never_read);

    let over = if accounts == 1 { "all on one account".into() } else { format!("over {accounts} accounts") };
    table(
        &format!("{streams} streams {over}, {unread_count} of which are never read"),
        "measured",
        "beside it",
    );
    let each = |memory: u64, streams: usize| kib_each(memory.saturating_sub(empty), streams);
    let fresh = each(quiet, streams - unread_count);
    row("memory of a stream that is just open", shown(fresh), "16 KiB", fresh / MEMORY, &Target::AtMost(1.0));
    let worn = each(busy, streams);
    row("memory of a stream in the end", shown(worn), "16 KiB", worn / MEMORY, &Target::AtMost(1.0));
    let slowest = [
        service.print("while all are read", &alone, &heard.deliveries),
        service.print("beside those that are never read", &beside, &heard.deliveries),
    ];
    let ratio = slowest[1].as_secs_f64() / slowest[0].as_secs_f64();
    row("the second p99 to the first", millis(slowest[1]), millis(slowest[0]), ratio, &Target::None);
    println!("\n{} streams were cut off and came again.", heard.cut);
    Ok(())
}

/// Who charges while streams are open, one charge after the other.
struct Service {
    connection: Connection,
    requests: Prepared,
    accounts: usize,
    /// When each was sent, and how long its answer took.
    charges: Vec<(Instant, Duration)>,
}

impl Service {
    /// Charges at a rate for a while; which charges these were.
    async fn charge(&mut self, rate: u32, time: Duration) -> Outcome<std::ops::Range<usize>> {
        let (first, start) = (self.charges.len(), Instant::now());
        let mut pace = tokio::time::interval(Duration::from_secs(1) / rate);
        while start.elapsed() < time {
            pace.tick().await;
            let number = self.charges.len();
            let sent = Instant::now();
            let (status, body) = self.connection.ask(self.requests.bytes(number)).await?;
            if status != 200 {
                return Err(format!("status {status}: {}", String::from_utf8_lossy(body)).into());
            }
            self.charges.push((sent, sent.elapsed()));
        }
        Ok(first..self.charges.len())
    }

    /// The account's last entry: its grant is the first.
    fn last_entry(&self, account: usize) -> u64 {
        let charges = (self.charges.len() + self.accounts - 1 - account) / self.accounts;
        1 + charges as u64
    }

    /// Prints how long deliveries of these charges took, from when the charge was sent; the p99.
    fn print(&self, when: &str, charges: &std::ops::Range<usize>, deliveries: &[Delivery]) -> Duration {
        let mut each = vec![];
        let mut last = vec![Duration::ZERO; charges.len()];
        for Delivery { account, seq, at } in deliveries {
            let number = (usize::try_from(*seq).unwrap_or_default() - 2) * self.accounts + account;
            let Some(place) = number.checked_sub(charges.start).filter(|place| *place < last.len()) else {
                continue;
            };
            let took = at.saturating_duration_since(self.charges[number].0);
            each.push(took);
            last[place] = last[place].max(took);
        }
        let mut answers: Vec<Duration> =
            self.charges[charges.clone()].iter().map(|(_, took)| *took).collect();
        let answered = format!("{}, the charge's answer", millis(percentile(&mut answers, 0.99)));
        for (what, times) in [("any reader", &mut each), ("the last reader", &mut last)] {
            let slowest = percentile(times, 0.99);
            let ratio = slowest.as_secs_f64() / SLOWEST.as_secs_f64();
            row(
                &format!("charge → {what}, p99, {when}"),
                millis(slowest),
                &answered,
                ratio,
                &Target::AtMost(1.0),
            );
        }
        percentile(&mut last, 0.99)
    }
}

/// Streams that nobody reads, not even their beginning.
async fn unread(addr: SocketAddr, secrets: &[String], count: usize) -> Outcome<Vec<TcpStream>> {
    let mut open = Vec::with_capacity(count);
    for stream in 0..count {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(UNREAD)?;
        let mut socket = socket.connect(addr).await?;
        socket.write_all(&request(&secrets[stream % secrets.len()], None)).await?;
        open.push(socket);
    }
    Ok(open)
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn kib_each(kib: u64, streams: usize) -> f64 {
    kib as f64 / streams as f64
}

fn shown(kib: f64) -> String {
    format!("{kib:.1} KiB")
}
