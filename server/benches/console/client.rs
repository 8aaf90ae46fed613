//! A load generator that costs little beside the server it shares the machine with: plain HTTP/1.1 over connections that
//! stay open, one request at a time on each, all on one thread.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::Outcome;
use crate::report::{millis, per_second, percentile, rate};
use crate::requests::Request;

/// One open connection.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub async fn open(addr: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(addr).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(4_096) })
    }

    /// Sends a whole request; the status and the body of its answer.
    pub async fn ask(&mut self, request: &[u8]) -> io::Result<(u16, &[u8])> {
        let answer = self.ask_whole(request).await?;
        Ok((answer.status, answer.body))
    }

    /// The same with the headers of the answer.
    pub async fn ask_whole(&mut self, request: &[u8]) -> io::Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head = self.find(b"\r\n\r\n", 0).await? + 4;
        let (status, length) = read_head(&self.buffer[..head]).ok_or(io::ErrorKind::InvalidData)?;
        match length {
            Length::Told(length) => {
                while self.buffer.len() < head + length {
                    self.read().await?;
                }
            }
            Length::Chunked => self.join_chunks(head).await?,
        }
        let (head, body) = self.buffer.split_at(head);
        Ok(Answer { status, head, body })
    }

    /// Reads chunks from `at` on until the last, and leaves what they hold (RFC 9112, 7.1).
    async fn join_chunks(&mut self, mut at: usize) -> io::Result<()> {
        loop {
            let end = self.find(b"\r\n", at).await?;
            let size = std::str::from_utf8(&self.buffer[at..end]).ok();
            let size = size.and_then(|size| usize::from_str_radix(size, 16).ok());
            let size = size.ok_or(io::ErrorKind::InvalidData)?;
            self.buffer.drain(at..end + 2);
            while self.buffer.len() < at + size + 2 {
                self.read().await?;
            }
            at += size;
            self.buffer.drain(at..at + 2);
            if size == 0 {
                return Ok(());
            }
        }
    }

    /// Where these bytes begin, at `from` or later; reads on until they have come.
    async fn find(&mut self, bytes: &[u8], from: usize) -> io::Result<usize> {
        loop {
            if let Some(place) = self.buffer[from..].windows(bytes.len()).position(|found| found == bytes) {
                return Ok(from + place);
            }
            self.read().await?;
        }
    }

    async fn read(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

/// What came back.
pub struct Answer<'c> {
    pub status: u16,
    head: &'c [u8],
    pub body: &'c [u8],
}

impl Answer<'_> {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(std::str::from_utf8(self.head).ok()?, name)
    }
}

/// How a body says where it ends.
enum Length {
    Told(usize),
    Chunked,
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let pairs = head.lines().filter_map(|line| line.split_once(':'));
    pairs.into_iter().find_map(|(found, value)| found.eq_ignore_ascii_case(name).then(|| value.trim()))
}

/// Status, and the length of the body.
fn read_head(head: &[u8]) -> Option<(u16, Length)> {
    let head = std::str::from_utf8(head).ok()?;
    let status = head.get(9..12)?.parse().ok()?;
    let length = match header(head, "transfer-encoding") {
        Some("chunked") => Length::Chunked,
        _ => Length::Told(header(head, "content-length")?.parse().ok()?),
    };
    Some((status, length))
}

/// What a load brought back.
#[derive(Debug, Default)]
pub struct Load {
    times: Vec<Duration>,
    took: Duration,
}

impl Load {
    pub fn rate(&self) -> f64 {
        rate(self.times.len(), self.took)
    }

    pub fn percentile(&mut self, share: f64) -> Duration {
        percentile(&mut self.times, share)
    }

    /// `12 345/s, p50 0.12 ms, p99 3.45 ms`
    pub fn shown(&mut self) -> String {
        let (half, slowest) = (self.percentile(0.5), self.percentile(0.99));
        format!("{}, p50 {}, p99 {}", per_second(self.rate()), millis(half), millis(slowest))
    }

    pub fn add(&mut self, other: Self) {
        self.times.extend(other.times);
        self.took += other.took;
    }
}

/// Keeps `connections` busy for `time`. `request` makes request number n, from `numbers` on.
///
/// Errors: any answer that is neither a success nor leads elsewhere.
pub async fn load(
    addr: SocketAddr,
    connections: usize,
    time: Duration,
    numbers: &AtomicUsize,
    request: &Request,
) -> Outcome<Load> {
    let mut open = Vec::with_capacity(connections);
    for _ in 0..connections {
        open.push(Connection::open(addr).await?);
    }
    busy(open, time, async |connection: &mut Connection| {
        let request = request(numbers.fetch_add(1, Ordering::Relaxed));
        let sent = Instant::now();
        let (status, body) = connection.ask(&request).await?;
        let took = sent.elapsed();
        match status {
            200..400 => Ok(took),
            _ => Err(format!("status {status}: {}", String::from_utf8_lossy(body)).into()),
        }
    })
    .await
}

/// Keeps all workers busy for `time`; `work` is done by one of them and says how long it took.
pub async fn busy<W>(
    workers: Vec<W>,
    time: Duration,
    work: impl AsyncFn(&mut W) -> Outcome<Duration>,
) -> Outcome<Load> {
    let start = Instant::now();
    let each = workers.into_iter().map(async |mut worker| {
        let mut times = vec![];
        while start.elapsed() < time {
            times.push(work(&mut worker).await?);
        }
        Outcome::Ok(times)
    });
    let times = futures::future::try_join_all(each).await?.concat();
    Ok(Load { times, took: start.elapsed() })
}
