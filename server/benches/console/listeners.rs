//! Readers of streams, all on one thread: what each has heard, that it was every entry once, and when.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::Outcome;

const PATIENCE: Duration = Duration::from_mins(1);
const PAUSE: Duration = Duration::from_millis(20);

/// A stream to open: of which account, and a key that may read it.
pub struct Wanted {
    pub account: usize,
    pub secret: String,
}

/// An entry that arrived.
#[derive(Debug, Clone, Copy)]
pub struct Delivery {
    pub account: usize,
    pub seq: u64,
    pub at: Instant,
}

/// Open streams that are read.
pub struct Listeners {
    last: Arc<[AtomicU64]>,
    ended: Arc<AtomicBool>,
    thread: JoinHandle<Result<Heard, String>>,
}

/// What was heard altogether.
#[derive(Debug, Default)]
pub struct Heard {
    /// Empty unless asked for.
    pub deliveries: Vec<Delivery>,
    /// Streams that the server ended, and that were opened again where they had ended.
    pub cut: usize,
}

impl Listeners {
    /// Opens the streams, and waits until each has told its balance.
    pub fn open(addr: SocketAddr, wanted: Vec<Wanted>, timed: bool) -> Outcome<Self> {
        let last: Arc<[AtomicU64]> = wanted.iter().map(|_| AtomicU64::new(0)).collect();
        let ended = Arc::new(AtomicBool::new(false));
        let reading = Reading::open(addr, wanted, timed, Arc::clone(&last))?;
        let thread = std::thread::spawn({
            let ended = Arc::clone(&ended);
            move || reading.until(&ended).map_err(|error| error.to_string())
        });
        let open = Self { last, ended, thread };
        open.wait(|_| 1)?;
        Ok(open)
    }

    /// The last entry that each stream has told.
    pub fn last(&self) -> Vec<u64> {
        self.last.iter().map(|seq| seq.load(Ordering::Relaxed)).collect()
    }

    /// Waits until each has told this entry.
    pub fn wait(&self, entry: impl Fn(usize) -> u64) -> Outcome {
        let start = Instant::now();
        loop {
            let mut behind =
                self.last().into_iter().enumerate().filter(|(stream, last)| *last < entry(*stream));
            let Some((stream, last)) = behind.next() else { return Ok(()) };
            if self.thread.is_finished() {
                return Err("the streams have ended".into());
            }
            if start.elapsed() > PATIENCE {
                let more = behind.count();
                return Err(
                    format!("stream {stream} is still at entry {last}, and {more} more are behind").into()
                );
            }
            std::thread::park_timeout(PAUSE);
        }
    }

    /// Errors: a stream that lost an entry, or told one twice.
    pub fn end(self) -> Outcome<Heard> {
        self.ended.store(true, Ordering::Relaxed);
        Ok(self.thread.join().map_err(|_| "the listeners panicked")??)
    }
}

struct Reading {
    addr: SocketAddr,
    poll: Poll,
    streams: Vec<Stream>,
    last: Arc<[AtomicU64]>,
    timed: bool,
    heard: Heard,
}

struct Stream {
    socket: TcpStream,
    wanted: Wanted,
    /// A line that is not whole yet.
    rest: Vec<u8>,
    /// The last entry it told; `None` before the first balance.
    last: Option<u64>,
    is_entry: bool,
}

impl Reading {
    fn open(addr: SocketAddr, wanted: Vec<Wanted>, timed: bool, last: Arc<[AtomicU64]>) -> Outcome<Self> {
        let poll = Poll::new()?;
        let mut streams = Vec::with_capacity(wanted.len());
        for (number, wanted) in wanted.into_iter().enumerate() {
            let socket = listen(addr, &wanted, None, &poll, number)?;
            streams.push(Stream { socket, wanted, rest: vec![], last: None, is_entry: false });
        }
        Ok(Self { addr, poll, streams, last, timed, heard: Heard::default() })
    }

    fn until(mut self, ended: &AtomicBool) -> Outcome<Heard> {
        let mut events = Events::with_capacity(1_024);
        let mut piece = vec![0; 64 << 10];
        while !ended.load(Ordering::Relaxed) {
            self.poll.poll(&mut events, Some(PAUSE))?;
            for event in &events {
                self.read(event.token().0, &mut piece)?;
            }
        }
        Ok(self.heard)
    }

    fn read(&mut self, number: usize, piece: &mut [u8]) -> Outcome {
        let stream = &mut self.streams[number];
        loop {
            match stream.socket.read(piece) {
                Ok(0) => break,
                Ok(length) => {
                    let at = Instant::now();
                    stream.take(&piece[..length], |account, seq| {
                        if self.timed {
                            self.heard.deliveries.push(Delivery { account, seq, at });
                        }
                    })?;
                    self.last[number].store(stream.last.unwrap_or_default(), Ordering::Relaxed);
                    // What comes later is said anew.
                    if length < piece.len() {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(_) => break,
            }
        }
        self.heard.cut += 1;
        stream.rest.clear();
        stream.socket = listen(self.addr, &stream.wanted, stream.last, &self.poll, number)?;
        Ok(())
    }
}

impl Stream {
    /// Reads what has arrived, line by line; `heard` is told of each entry.
    fn take(&mut self, mut bytes: &[u8], mut heard: impl FnMut(usize, u64)) -> Outcome {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let (line, after) = bytes.split_at(end);
            bytes = &after[1..];
            if self.rest.is_empty() {
                self.line(line, &mut heard)?;
            } else {
                let mut whole = std::mem::take(&mut self.rest);
                whole.extend_from_slice(line);
                self.line(&whole, &mut heard)?;
            }
        }
        self.rest.extend_from_slice(bytes);
        Ok(())
    }

    fn line(&mut self, line: &[u8], heard: &mut impl FnMut(usize, u64)) -> Outcome {
        if let Some(event) = line.strip_prefix(b"event: ") {
            self.is_entry = event == b"entry";
            if event == b"reset" {
                return Err("a stream skipped entries".into());
            }
        } else if let Some(rest) = line.strip_prefix(b"data: {\"seq\":")
            && self.is_entry
        {
            let seq = number(rest)?;
            let last = self.last.ok_or("an entry before any balance")?;
            if seq != last + 1 {
                return Err(format!("a stream told entry {seq} after {last}").into());
            }
            self.last = Some(seq);
            heard(self.wanted.account, seq);
        } else if let Some(id) = line.strip_prefix(b"id: ") {
            let id = number(id)?;
            if self.last.is_some_and(|last| last != id) {
                return Err(
                    format!("a stream gives {id} for its last entry, which is {:?}", self.last).into()
                );
            }
            self.last = Some(id);
        }
        Ok(())
    }
}

fn number(text: &[u8]) -> Outcome<u64> {
    let digits = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    Ok(std::str::from_utf8(&text[..digits])?.parse()?)
}

/// The request for a stream, from the start or after an entry.
pub fn request(secret: &str, after: Option<u64>) -> Vec<u8> {
    let after = after.map_or_else(String::new, |after| format!("?after={after}"));
    crate::requests::get(&format!("/usage/stream{after}"), secret)
}

fn listen(
    addr: SocketAddr,
    wanted: &Wanted,
    after: Option<u64>,
    poll: &Poll,
    number: usize,
) -> Outcome<TcpStream> {
    let mut socket = std::net::TcpStream::connect(addr)?;
    socket.write_all(&request(&wanted.secret, after))?;
    socket.set_nonblocking(true)?;
    let mut socket = TcpStream::from_std(socket);
    poll.registry().register(&mut socket, Token(number), Interest::READABLE)?;
    Ok(socket)
}
