//! A small disk of its own for one test: a tmpfs in a mount namespace that nobody else sees.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Mounted as long as this lives.
pub struct SmallDisk {
    /// Waits in the namespace and keeps it.
    keeper: Child,
    folder: PathBuf,
}

impl SmallDisk {
    /// Mounts `mebibytes` on the folder. The error says what the machine does not allow.
    pub fn mount(folder: &Path, mebibytes: usize) -> Result<Self, String> {
        let script = r#"mount -t tmpfs -o "size=$2m" none "$1" && echo mounted && exec cat >/dev/null"#;
        let keeper = Command::new("unshare")
            .args(["--map-root-user", "--mount", "sh", "-c", script, "sh"])
            .arg(folder)
            .arg(mebibytes.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut keeper = keeper.map_err(|error| format!("unshare: {error}"))?;
        let mut first = String::new();
        let stdout = keeper.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut first).map_err(|error| error.to_string())?;
        let disk = Self { keeper, folder: folder.to_owned() };
        if first.trim() == "mounted" { Ok(disk) } else { Err(disk.complaint()) }
    }

    fn complaint(mut self) -> String {
        let mut text = String::new();
        let mut stderr = self.keeper.stderr.take().expect("a pipe");
        stderr.read_to_string(&mut text).expect("readable output");
        text.trim().replace('\n', "; ")
    }

    /// What a command has to be run through to see the disk.
    pub fn entrance(&self) -> [String; 7] {
        let target = self.keeper.id().to_string();
        ["nsenter", "--target", &target, "--user", "--preserve-credentials", "--mount", "--"]
            .map(str::to_owned)
    }

    /// A file on the disk, seen from outside.
    fn path(&self, name: &str) -> PathBuf {
        let folder = self.folder.strip_prefix("/").expect("an absolute path");
        Path::new("/proc").join(self.keeper.id().to_string()).join("root").join(folder).join(name)
    }

    /// Takes whatever is free, to the last byte; how many bytes that were.
    pub fn fill(&self) -> usize {
        let mut filler = File::create(self.path("filler")).expect("a file on the disk");
        let mut taken = 0;
        for piece in [1 << 20, 4096, 1] {
            let zeroes = vec![0; piece];
            loop {
                match filler.write(&zeroes) {
                    Ok(written) => taken += written,
                    Err(error) if error.kind() == std::io::ErrorKind::StorageFull => break,
                    Err(error) => panic!("{error}"),
                }
            }
        }
        taken
    }

    /// Gives back what [`SmallDisk::fill`] took.
    pub fn free(&self) {
        std::fs::remove_file(self.path("filler")).expect("the file that fills the disk");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(self.keeper.kill());
        drop(self.keeper.wait());
    }
}
