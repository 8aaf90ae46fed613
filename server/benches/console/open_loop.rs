//! A load that comes at its own pace, whatever comes back: each request has a moment at which it is due, and its time is
//! counted from then, also while it waits for the generator or for a connection. One thread, plain HTTP/1.1 over sockets
//! that are asked for what is ready, one request at a time on each: it shares the cores with the server it loads, and says
//! what it took of them.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::Outcome;
use crate::prepared::Prepared;
use crate::report::{percentile, rate};
use crate::watch::thread_time;

/// How long answers are waited for after the last request.
const PATIENCE: Duration = Duration::from_secs(15);

/// When requests are sent.
#[derive(Debug, Clone, Copy)]
pub enum Pace {
    /// On each connection as soon as it has its answer.
    Closed,
    /// So many per second, whatever comes back.
    Open(f64),
}

/// What a load brought back.
#[derive(Debug, Default)]
pub struct Tally {
    /// Numbers of the requests that were charged, and of those that were refused.
    pub accepted: Vec<usize>,
    pub refused: Vec<usize>,
    /// From when they were due to the end of their answers.
    pub accepted_after: Vec<Duration>,
    pub refused_after: Vec<Duration>,
    /// From when requests were due until the generator noticed.
    pub late: Vec<Duration>,
    /// Requests that then had to wait for a connection.
    pub waited: usize,
    /// Connections that broke.
    pub broken: usize,
    /// Charges whose answer came while requests were still sent.
    accepted_meanwhile: usize,
    /// How long requests were sent.
    took: Duration,
    /// The same, and until the last answer.
    pub lasted: Duration,
    /// Processor time of the generator.
    pub cost: Duration,
    /// The number of the next request.
    pub next: usize,
}

impl Tally {
    /// Requests charged per second while requests were sent: what is left over afterwards is not what the load left room
    /// for.
    pub fn goodput(&self) -> f64 {
        rate(self.accepted_meanwhile, self.took)
    }

    pub fn accepted_p(&mut self, share: f64) -> Duration {
        percentile(&mut self.accepted_after, share)
    }

    /// Processor time of the generator for each request that was answered.
    pub fn cost_each(&self) -> Duration {
        let answered = u32::try_from(self.accepted.len() + self.refused.len()).unwrap_or(u32::MAX);
        self.cost / answered.max(1)
    }
}

struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
    /// What is under way, and when it was due.
    request: Option<(usize, Instant)>,
    /// What of it could not be sent yet.
    unsent: Vec<u8>,
}

struct Generator<'r> {
    addr: SocketAddr,
    poll: Poll,
    connections: Vec<Connection>,
    idle: VecDeque<usize>,
    /// Requests that are due, and have no connection yet.
    due: VecDeque<(usize, Instant)>,
    requests: &'r mut Prepared,
    /// Until when requests are sent.
    end: Instant,
    tally: Tally,
}

/// Sends requests from number `first` on for `time`, and waits for their answers.
///
/// Errors: an answer that is neither a whole charge nor a refusal with `Retry-After`; none at all.
pub fn run(
    addr: SocketAddr,
    connections: usize,
    pace: Pace,
    time: Duration,
    requests: &mut Prepared,
    first: usize,
) -> Outcome<Tally> {
    let mut generator = Generator::open(addr, connections, requests)?;
    generator.tally.next = first;
    let mut events = Events::with_capacity(1_024);
    let (cost, start) = (thread_time()?, Instant::now());
    let end = start + time;
    generator.end = end;
    let mut patience = PATIENCE;
    loop {
        let now = Instant::now();
        let wait = if now < end {
            generator.schedule(pace, start, first, now).min(end - now).max(PAUSE)
        } else if generator.unanswered() == 0 {
            break;
        } else if now > end + patience {
            return Err(format!("{} requests were never answered", generator.unanswered()).into());
        } else {
            PATIENCE
        };
        generator.send_due()?;
        generator.poll.poll(&mut events, Some(wait))?;
        for event in &events {
            generator.serve(event.token().0)?;
        }
        // Requests that wait for a connection are still sent, so the wait is for the last of them.
        if !generator.due.is_empty() {
            patience = now.saturating_duration_since(end) + PATIENCE;
        }
    }
    let Generator { mut tally, .. } = generator;
    tally.took = time;
    tally.lasted = start.elapsed();
    tally.cost = thread_time()?.saturating_sub(cost);
    Ok(tally)
}

/// The shortest wait that the system knows.
const PAUSE: Duration = Duration::from_millis(1);

impl<'r> Generator<'r> {
    fn open(addr: SocketAddr, connections: usize, requests: &'r mut Prepared) -> Outcome<Self> {
        let poll = Poll::new()?;
        let mut open = Vec::with_capacity(connections);
        for number in 0..connections {
            let stream = connect(addr, &poll, number)?;
            open.push(Connection { stream, read: vec![], request: None, unsent: vec![] });
        }
        let idle = (0..connections).collect();
        let (due, end, tally) = (VecDeque::new(), Instant::now(), Tally::default());
        Ok(Self { addr, poll, connections: open, idle, due, requests, end, tally })
    }

    /// Puts what is due by now into the queue; how long until more is.
    fn schedule(&mut self, pace: Pace, start: Instant, first: usize, now: Instant) -> Duration {
        match pace {
            Pace::Closed => {
                while self.due.len() < self.idle.len() {
                    self.due.push_back((self.tally.next, now));
                    self.tally.next += 1;
                }
                PATIENCE
            }
            Pace::Open(rate) => loop {
                #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
                let due = start + Duration::from_secs_f64((self.tally.next - first) as f64 / rate);
                if due > now {
                    return due - now;
                }
                self.tally.late.push(now - due);
                self.tally.waited += usize::from(self.due.len() >= self.idle.len());
                self.due.push_back((self.tally.next, due));
                self.tally.next += 1;
            },
        }
    }

    fn send_due(&mut self) -> Outcome {
        while !self.due.is_empty()
            && let Some(number) = self.idle.pop_front()
            && let Some((request, due)) = self.due.pop_front()
        {
            let connection = &mut self.connections[number];
            connection.request = Some((request, due));
            connection.unsent.clear();
            let bytes = self.requests.bytes(request);
            let sent = send(&mut connection.stream, bytes)?;
            connection.unsent.extend_from_slice(&bytes[sent..]);
        }
        Ok(())
    }

    /// Goes on with a connection that has become readable or writable.
    fn serve(&mut self, number: usize) -> Outcome {
        let connection = &mut self.connections[number];
        if !connection.unsent.is_empty() {
            let sent = send(&mut connection.stream, &connection.unsent)?;
            connection.unsent.drain(..sent);
        }
        let mut piece = [0; 16 << 10];
        loop {
            match connection.stream.read(&mut piece) {
                Ok(0) => return self.reopen(number),
                Ok(length) => connection.read.extend_from_slice(&piece[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(_) => return self.reopen(number),
            }
            let Some(answer) = Answer::read(&connection.read)? else { continue };
            let Some((request, due)) = connection.request.take() else {
                return Err("an answer that nobody asked for".into());
            };
            let now = Instant::now();
            let took = now.saturating_duration_since(due);
            match answer.status {
                200 if self.requests.is_charged(answer.body) => {
                    self.tally.accepted.push(request);
                    self.tally.accepted_meanwhile += usize::from(now <= self.end);
                    self.tally.accepted_after.push(took);
                }
                429 | 503 if answer.retries_later => {
                    self.tally.refused.push(request);
                    self.tally.refused_after.push(took);
                }
                status => {
                    let text = String::from_utf8_lossy(&connection.read);
                    return Err(
                        format!("status {status}, which is no refusal with Retry-After: {text}").into()
                    );
                }
            }
            connection.read.clear();
            self.idle.push_back(number);
            return self.send_due();
        }
    }

    /// A connection that ended: what was under way on it has no answer.
    fn reopen(&mut self, number: usize) -> Outcome {
        let stream = connect(self.addr, &self.poll, number)?;
        let connection = &mut self.connections[number];
        connection.stream = stream;
        connection.read.clear();
        connection.unsent.clear();
        if connection.request.take().is_some() {
            self.tally.broken += 1;
            self.idle.push_back(number);
        }
        Ok(())
    }

    fn unanswered(&self) -> usize {
        self.due.len() + self.connections.iter().filter(|connection| connection.request.is_some()).count()
    }
}

fn connect(addr: SocketAddr, poll: &Poll, number: usize) -> Outcome<TcpStream> {
    let stream = std::net::TcpStream::connect(addr)?;
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    let mut stream = TcpStream::from_std(stream);
    poll.registry().register(&mut stream, Token(number), Interest::READABLE | Interest::WRITABLE)?;
    Ok(stream)
}

/// Sends what fits. A connection that has ended is found when it is read.
fn send(stream: &mut TcpStream, bytes: &[u8]) -> Outcome<usize> {
    let mut sent = 0;
    while sent < bytes.len() {
        match stream.write(&bytes[sent..]) {
            Ok(more) => sent += more,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(sent)
}

struct Answer<'a> {
    status: u16,
    retries_later: bool,
    body: &'a [u8],
}

impl<'a> Answer<'a> {
    /// `None`: not all of it is there.
    fn read(bytes: &'a [u8]) -> Outcome<Option<Self>> {
        let Some(end) = bytes.windows(4).position(|end| end == b"\r\n\r\n") else { return Ok(None) };
        let head = std::str::from_utf8(&bytes[..end])?;
        let field = |name| head.split("\r\n").find_map(|line| line.strip_prefix(name));
        let length: usize = field("content-length: ").ok_or("an answer without a length")?.parse()?;
        let Some(body) = bytes[end + 4..].get(..length) else { return Ok(None) };
        let status = head.get(9..12).ok_or("an answer without a status")?.parse()?;
        let retry_after: Option<u32> = field("retry-after: ").and_then(|seconds| seconds.parse().ok());
        Ok(Some(Self { status, retries_later: retry_after.is_some_and(|seconds| seconds > 0), body }))
    }
}
