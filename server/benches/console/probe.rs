//! What the disk does: writes of one page, each synced. Everything durable waits for it, so a figure without it says
//! nothing.

use std::io::{Seek as _, SeekFrom, Write as _};
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::books::folder;
use crate::report::{millis, percentile};

const PAGE: usize = 4_096;
const WRITES: usize = 500;
/// A slower disk, or a busy machine, voids a run.
const LIMIT: Duration = Duration::from_micros(500);

/// The median time of writing and syncing 4 KiB.
pub fn sync_time() -> Outcome<Duration> {
    let folder = folder()?;
    let mut file = std::fs::File::create(folder.path().join("probe"))?;
    let page = [0x5a_u8; PAGE];
    for _ in 0..WRITES {
        file.write_all(&page)?;
    }
    file.sync_all()?;
    file.seek(SeekFrom::Start(0))?;
    let mut times = Vec::with_capacity(WRITES);
    for _ in 0..WRITES {
        let start = Instant::now();
        file.write_all(&page)?;
        file.sync_data()?;
        times.push(start.elapsed());
    }
    Ok(percentile(&mut times, 0.5))
}

/// Prints it, and whether the run counts.
pub fn report(when: &str) -> Outcome {
    let time = sync_time()?;
    let verdict =
        if time > LIMIT { "**VOID**: over 0.50 ms, nothing of this run counts" } else { "the run counts" };
    println!("\nWriting and syncing 4 KiB takes {} ({when}): {verdict}.", millis(time));
    Ok(())
}
