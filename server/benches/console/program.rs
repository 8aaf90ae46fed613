//! Programs that are started to be measured: ours, and the baseline.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use crate::books::Books;
use crate::{Outcome, baseline};

/// The release build, as it is shipped.
pub const BINARY: &str = env!("CARGO_BIN_EXE_plexe-console");

/// A running program; ends with this value.
pub struct Program {
    child: Child,
    pub addr: SocketAddr,
}

impl Program {
    /// `plexe-console serve` on a database that nobody has open.
    pub fn console(books: &Books) -> Outcome<Self> {
        Self::start(&mut serve(books, "127.0.0.1:0"))
    }

    pub fn baseline() -> Outcome<Self> {
        Self::start(Command::new(std::env::current_exe()?).arg(baseline::ARG))
    }

    /// Waits for the line that says where it listens.
    fn start(command: &mut Command) -> Outcome<Self> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().ok_or("no output")?;
        for line in BufReader::new(stdout).lines() {
            let line = line?;
            let Some((_, rest)) = line.split_once("listening on http://") else { continue };
            let addr = rest.split([',', ' ']).next().unwrap_or_default();
            return Ok(Self { addr: addr.parse()?, child });
        }
        child.kill()?;
        Err("the program did not say where it listens".into())
    }

    /// The number of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

/// The command that serves.
pub fn serve(books: &Books, addr: &str) -> Command {
    let mut command = command(books);
    command.arg("serve").env("CONSOLE_ADDR", addr);
    command
}

/// The program on this database, without any settings of whoever runs the benchmarks.
pub fn command(books: &Books) -> Command {
    let mut command = Command::new(BINARY);
    command.current_dir(books.folder()).env_clear().env("DATABASE_URL", books.url()).env("RUST_LOG", "warn");
    // Requests are counted, and none is refused.
    command.env("CONSOLE_RATE_LIMIT", u32::MAX.to_string());
    command
}

impl Drop for Program {
    fn drop(&mut self) {
        // Gone already is gone.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
