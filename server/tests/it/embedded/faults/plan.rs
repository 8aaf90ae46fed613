//! Says to the server's disk (`faults.c`, compiled here) which calls are to fail.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tempfile::NamedTempFile;

/// What fails. The numbers are those of `faults.c`.
#[derive(Debug, Clone, Copy)]
pub enum Operation {
    Sync = 1,
    Read = 2,
    Write = 3,
}

pub const DATABASE: i64 = 1;
pub const LOG: i64 = 2;
/// The index of the log, in memory shared between connections.
pub const INDEX: i64 = 4;
/// With the journal of a database that is being made.
pub const ALL: i64 = 15;

/// "Input/output error", "no space left on device" and, of disks behind a network, "timed out", on every Linux.
pub const EIO: i64 = 5;
pub const ENOSPC: i64 = 28;
pub const ETIMEDOUT: i64 = 110;

/// One stretch of failing calls.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    pub operation: Operation,
    pub error: i64,
    /// A sum of [`DATABASE`], [`LOG`] …
    pub files: i64,
    /// Calls that succeed before.
    pub before: i64,
    pub times: i64,
}

/// The places of `struct plan`.
const OPERATION: u64 = 0;
const FAILED: u64 = 5;
const NUMBERS: usize = 10;

/// The file that the server's process looks into at every call.
pub struct Plan {
    file: NamedTempFile,
    settings: [(&'static str, String); 3],
}

impl Plan {
    /// Nothing fails yet.
    pub fn new(database: &Path) -> Self {
        let file = NamedTempFile::new().expect("a temporary file");
        file.as_file().write_all_at(&[0; 8 * NUMBERS], 0).expect("a plan without faults");
        let text = |path: &Path| path.to_str().expect("a path in UTF-8").to_owned();
        let folder = database.parent().expect("a folder").canonicalize().expect("a folder that exists");
        let settings = [
            ("LD_PRELOAD", text(library())),
            ("FAULTS_PLAN", text(file.path())),
            ("FAULTS_DATABASE", text(&folder.join(database.file_name().expect("a name")))),
        ];
        Self { file, settings }
    }

    /// What a server needs in its environment to obey.
    pub fn settings(&self) -> Vec<(&str, &str)> {
        self.settings.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }

    /// From the next call on.
    pub fn arm(&self, fault: Fault) {
        let Fault { operation, error, files, before, times } = fault;
        self.disarm();
        for (place, number) in (1..).zip([error, files, before, times, 0]) {
            self.write(place, number);
        }
        self.write(OPERATION, operation as i64);
    }

    /// Nothing fails any more.
    pub fn disarm(&self) {
        self.write(OPERATION, 0);
    }

    /// Calls that have failed since the plan was last armed.
    pub fn failed(&self) -> i64 {
        let mut bytes = [0; 8];
        self.as_file().read_exact_at(&mut bytes, 8 * FAILED).expect("a plan");
        i64::from_ne_bytes(bytes)
    }

    fn write(&self, place: u64, number: i64) {
        self.as_file().write_all_at(&number.to_ne_bytes(), 8 * place).expect("a plan");
    }

    fn as_file(&self) -> &File {
        self.file.as_file()
    }
}

/// Compiles `faults.c` once for this process. Whoever links Rust has the C compiler.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/embedded/faults/faults.c");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let new = folder.join(format!("faults-{}.so", std::process::id()));
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o"]).arg(&new).arg(source);
        let done = cc.arg("-ldl").output().expect("the C compiler `cc`");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let library = folder.join("faults.so");
        std::fs::rename(&new, &library).expect("one library for all");
        library
    })
}
