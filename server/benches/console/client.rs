//! A load generator that costs little beside the server it shares the machine with: plain HTTP/1.1 over connections that
//! stay open, one request at a time on each, all on one thread.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::Outcome;
use crate::report::{percentile, rate};

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

    /// Sends a whole request; the status and the body of its answer, which must tell its length.
    pub async fn ask(&mut self, request: &[u8]) -> io::Result<(u16, &[u8])> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head = loop {
            if let Some(end) = self.buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break end + 4;
            }
            self.read().await?;
        };
        let (status, length) = read_head(&self.buffer[..head]).ok_or(io::ErrorKind::InvalidData)?;
        while self.buffer.len() < head + length {
            self.read().await?;
        }
        Ok((status, &self.buffer[head..]))
    }

    async fn read(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

/// Status and `Content-Length`.
fn read_head(head: &[u8]) -> Option<(u16, usize)> {
    let head = std::str::from_utf8(head).ok()?;
    let status = head.get(9..12)?.parse().ok()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    })?;
    Some((status, length))
}

/// A request with a JSON body.
pub fn post(path: &str, secret: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {secret}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

pub fn get(path: &str, secret: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {secret}\r\n\r\n").into_bytes()
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

    pub fn add(&mut self, other: Self) {
        self.times.extend(other.times);
        self.took += other.took;
    }
}

/// Keeps `connections` busy for `time`. `request` makes request number n, from `numbers` on.
///
/// Errors: any answer other than 200.
pub async fn load(
    addr: SocketAddr,
    connections: usize,
    time: Duration,
    numbers: &Arc<AtomicUsize>,
    request: &Arc<dyn Fn(usize) -> Vec<u8> + Send + Sync>,
) -> Outcome<Load> {
    let mut open = Vec::with_capacity(connections);
    for _ in 0..connections {
        open.push(Connection::open(addr).await?);
    }
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for mut connection in open {
        let (numbers, request) = (Arc::clone(numbers), Arc::clone(request));
        tasks.spawn(async move {
            let mut times = vec![];
            while start.elapsed() < time {
                let request = request(numbers.fetch_add(1, Ordering::Relaxed));
                let sent = Instant::now();
                let (status, body) = connection.ask(&request).await.map_err(|error| error.to_string())?;
                if status != 200 {
                    return Err(format!("status {status}: {}", String::from_utf8_lossy(body)));
                }
                times.push(sent.elapsed());
            }
            Ok(times)
        });
    }
    let mut times = vec![];
    while let Some(done) = tasks.join_next().await {
        times.extend(done??);
    }
    Ok(Load { times, took: start.elapsed() })
}
