//! The program as a process: from its start to its first answer, and what it holds while nobody asks.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::books::Books;
use crate::client::Connection;
use crate::growth::count;
use crate::large::Sizes;
use crate::program::{BINARY, Program, serve};
use crate::report::{Target, median, row, table};
use crate::requests::get;
use crate::watch::memory_kib;
use crate::{Extent, Outcome};

const ACCOUNTS: usize = 1_000;
/// Until memory that the start needed is given back and jobs have run once.
const SETTLED: Duration = Duration::from_secs(6);
const MIB: f64 = 1_048_576.0;

pub fn run(extent: Extent) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let books = Books::new(ACCOUNTS).await?;
        table("process", "measured", "limit");
        rows(&books, &format!("{ACCOUNTS} accounts"), extent).await
    })?;
    let size = std::fs::metadata(BINARY)?.len();
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let size = size as f64 / MIB;
    row("size of the one file", format!("{size:.1} MiB"), "30 MiB", size / 30.0, &Target::AtMost(1.0));
    Ok(())
}

/// The same with books that have a history.
pub async fn grown(sizes: &Sizes) -> Outcome {
    table("process, on books with a history", "measured", "limit");
    for (events, books) in &sizes.books {
        rows(books, &format!("{} events", count(*events)), sizes.extent).await?;
    }
    Ok(())
}

/// Start and memory.
async fn rows(books: &Books, about: &str, extent: Extent) -> Outcome {
    let mut starts = vec![];
    for _ in 0..extent.of(11, 2) {
        starts.push(start(books).await?.as_secs_f64() * 1_000.0);
    }
    let program = Program::console(books)?;
    tokio::time::sleep(extent.of(SETTLED, Duration::from_millis(200))).await;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let memory = memory_kib(program.id())? as f64 / 1_024.0;
    let starts = median(starts);
    let most = Target::AtMost(1.0);
    let what = format!("exec → first 200 of /healthz, {about}");
    row(&what, format!("{starts:.0} ms"), "100 ms", starts / 100.0, &most);
    let what = format!("memory of the idle server (`VmRSS`), {about}");
    row(&what, format!("{memory:.1} MiB"), "25 MiB", memory / 25.0, &most);
    Ok(())
}

/// From `exec` until `/healthz` has answered 200.
async fn start(books: &Books) -> Outcome<Duration> {
    let addr = free_address()?;
    let mut command = serve(books, &addr.to_string());
    let start = Instant::now();
    let mut child = command.stdout(Stdio::null()).spawn()?;
    let answered = loop {
        if let Ok(mut connection) = Connection::open(addr).await
            && let Ok((200, _)) = connection.ask(&get("/healthz", "")).await
        {
            break start.elapsed();
        }
        if let Some(status) = child.try_wait()? {
            return Err(format!("the program ended with {status} before it answered").into());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    };
    child.kill()?;
    child.wait()?;
    Ok(answered)
}

/// A port that was free a moment ago.
fn free_address() -> std::io::Result<SocketAddr> {
    std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()
}
