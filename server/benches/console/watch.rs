//! What a process holds while it runs: memory, descriptors, the log beside its database; and whether that grows.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::Outcome;
use crate::report::{Target, row};

const EVERY: Duration = Duration::from_millis(250);
/// Of `/proc/…/stat`, on every Linux that runs this.
const TICKS_A_SECOND: u64 = 100;

/// Bytes that the log grows by before it is begun anew; a short run sees it grow once.
const LOG: u64 = 64 << 20;

/// What was seen, in order.
#[derive(Debug, Default)]
pub struct Seen {
    memory_kib: Vec<u64>,
    descriptors: Vec<u64>,
    log_kib: Vec<u64>,
}

/// Looks at a process until it is asked what it saw.
pub struct Watch {
    ended: Arc<AtomicBool>,
    thread: JoinHandle<std::io::Result<Seen>>,
}

impl Watch {
    /// `database`: of the process.
    pub fn start(process: u32, database: &Path) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let log = PathBuf::from(format!("{}-wal", database.display()));
        let thread = std::thread::spawn({
            let ended = Arc::clone(&ended);
            move || {
                let mut seen = Seen::default();
                while !ended.load(Ordering::Relaxed) {
                    seen.look(process, &log)?;
                    std::thread::park_timeout(EVERY);
                }
                Ok(seen)
            }
        });
        Self { ended, thread }
    }

    pub fn end(self) -> Outcome<Seen> {
        self.ended.store(true, Ordering::Relaxed);
        Ok(self.thread.join().map_err(|_| "the watch panicked")??)
    }
}

impl Seen {
    fn look(&mut self, process: u32, log: &Path) -> std::io::Result<()> {
        self.memory_kib.push(memory_kib(process)?);
        let descriptors = std::fs::read_dir(format!("/proc/{process}/fd"))?.count();
        self.descriptors.push(descriptors as u64);
        self.log_kib.push(std::fs::metadata(log).map_or(0, |log| log.len() >> 10));
        Ok(())
    }

    /// Prints how memory, descriptors and log were in the middle third and in the last.
    ///
    /// Errors: one has grown by more than a tenth and a little.
    pub fn must_be_flat(&self) -> Outcome {
        self.log().print();
        self.must_be_bounded()?;
        self.log().must_be_none()
    }

    /// The same of memory and descriptors alone: how large a log becomes between two checkpoints is up to the disk when more
    /// is written than ever.
    pub fn must_be_bounded(&self) -> Outcome {
        let memory = Growth::of("memory (`VmRSS`), KiB, median", &self.memory_kib, median, 8 << 10);
        let descriptors = Growth::of("descriptors, most", &self.descriptors, most, 4);
        memory.print();
        descriptors.print();
        memory.must_be_none()?;
        descriptors.must_be_none()
    }

    /// The largest that the log was, in KiB.
    pub fn largest_log(&self) -> u64 {
        most(&self.log_kib)
    }

    fn log(&self) -> Growth {
        Growth::of("log beside the database, KiB, most", &self.log_kib, most, LOG >> 10)
    }
}

struct Growth {
    what: &'static str,
    middle: u64,
    last: u64,
    /// What the last third may have above a tenth more than the middle one.
    slack: u64,
}

impl Growth {
    fn of(what: &'static str, seen: &[u64], figure: fn(&[u64]) -> u64, slack: u64) -> Self {
        let third = seen.len() / 3;
        let (middle, last) = (figure(&seen[third..2 * third]), figure(&seen[2 * third..]));
        Self { what, middle, last, slack }
    }

    fn limit(&self) -> u64 {
        self.middle + self.middle / 10 + self.slack
    }

    fn print(&self) {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let ratio = self.last as f64 / self.limit() as f64;
        let (middle, last) = (format!("{} in the middle third", self.middle), self.last);
        row(self.what, last, middle, ratio, &Target::AtMost(1.0));
    }

    fn must_be_none(&self) -> Outcome {
        if self.last > self.limit() {
            let Self { what, middle, last, .. } = self;
            return Err(format!("{what}: {last} in the last third after {middle} in the middle one").into());
        }
        Ok(())
    }
}

fn most(seen: &[u64]) -> u64 {
    seen.iter().copied().max().unwrap_or_default()
}

fn median(seen: &[u64]) -> u64 {
    let mut seen = seen.to_vec();
    seen.sort_unstable();
    seen.get(seen.len() / 2).copied().unwrap_or_default()
}

/// Memory in use (`VmRSS`), in KiB.
pub fn memory_kib(process: u32) -> std::io::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().map_err(std::io::Error::other)
}

/// Processor time of this thread.
pub fn thread_time() -> Outcome<Duration> {
    time_of("/proc/thread-self/stat")
}

/// Processor time of a process.
pub fn process_time(process: u32) -> Outcome<Duration> {
    time_of(&format!("/proc/{process}/stat"))
}

fn time_of(stat: &str) -> Outcome<Duration> {
    let stat = std::fs::read_to_string(stat)?;
    // The name stands in brackets and may hold anything; utime and stime are fields 14 and 15.
    let (_, fields) = stat.rsplit_once(") ").ok_or("an unknown form of stat")?;
    let mut ticks = 0;
    for field in fields.split(' ').skip(11).take(2) {
        ticks += field.parse::<u64>()?;
    }
    Ok(Duration::from_millis(ticks * (1_000 / TICKS_A_SECOND)))
}
