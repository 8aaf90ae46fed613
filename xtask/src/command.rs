//! Other programs: how they are started, shown, read and timed.

use crate::paths;
use std::{
    env,
    error::Error,
    ffi::{OsStr, OsString},
    io::{BufRead, BufReader, IsTerminal, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

pub type Failure = Box<dyn Error + Send + Sync>;
pub type Outcome<T = ()> = Result<T, Failure>;

/// A program to run in the repository's folder.
pub struct Program {
    command: Command,
    shown: String,
}

/// `cargo` of the toolchain that runs us.
pub fn cargo<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(args: I) -> Program {
    Program::new("cargo").args(args)
}

impl Program {
    pub fn new(name: impl AsRef<OsStr>) -> Self {
        let shown = Path::new(name.as_ref()).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut command = Command::new(name);
        command.current_dir(paths::root());
        // `cargo run` describes this package in the environment; a build script of another would believe it.
        for (key, _) in env::vars_os() {
            let name = key.to_string_lossy();
            if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&key);
            }
        }
        Self { command, shown }
    }

    /// One that was put together elsewhere.
    pub fn from_command(command: Command) -> Self {
        let shown = command.get_program().to_string_lossy().into_owned();
        Self { command, shown }
    }

    pub fn args<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(mut self, args: I) -> Self {
        for arg in args {
            self.shown.push(' ');
            self.shown.push_str(&arg.as_ref().to_string_lossy());
            self.command.arg(arg);
        }
        self
    }

    pub fn env(mut self, key: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    pub fn dir(mut self, dir: &Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// Puts folders before those of PATH.
    pub fn path(self, dirs: &[PathBuf]) -> Self {
        let old = env::var_os("PATH").unwrap_or_default();
        let all = dirs.iter().cloned().chain(env::split_paths(&old));
        let joined: OsString = env::join_paths(all).unwrap_or(old.clone());
        self.env("PATH", joined)
    }

    /// Runs it with our output; an exit code other than zero is a failure that names the command.
    pub fn run(mut self) -> Outcome {
        println!("{}", dim(&format!("$ {}", self.shown)));
        let status = self.command.status().map_err(|error| self.not_started(&error))?;
        if status.success() { Ok(()) } else { Err(format!("`{}` failed ({status})", self.shown).into()) }
    }

    /// Runs it with our output and also returns what it printed, with whether it succeeded.
    pub fn run_and_read(mut self) -> Outcome<(bool, String)> {
        println!("{}", dim(&format!("$ {}", self.shown)));
        let mut child =
            self.command.stdout(Stdio::piped()).spawn().map_err(|error| self.not_started(&error))?;
        let mut seen = String::new();
        if let Some(stdout) = child.stdout.take() {
            for line in BufReader::new(stdout).lines() {
                let line = line?;
                println!("{line}");
                seen.push_str(&line);
                seen.push('\n');
            }
        }
        Ok((child.wait()?.success(), seen))
    }

    /// Runs it silently and returns what it printed; its errors are in the failure.
    pub fn read(mut self) -> Outcome<String> {
        let output = self.command.stdin(Stdio::null()).output().map_err(|error| self.not_started(&error))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let errors = String::from_utf8_lossy(&output.stderr);
        Err(format!("`{}` failed ({}): {}", self.shown, output.status, errors.trim()).into())
    }

    /// Becomes the program, so that signals and the terminal are its own.
    pub fn become_it(mut self) -> Outcome {
        println!("{}", dim(&format!("$ {}", self.shown)));
        #[cfg(unix)]
        {
            use std::os::unix::process::CommandExt as _;
            let error = self.command.exec();
            Err(self.not_started(&error))
        }
        #[cfg(not(unix))]
        self.run()
    }

    fn not_started(&self, error: &std::io::Error) -> Failure {
        format!("`{}` could not be started: {error}", self.shown).into()
    }
}

/// Says what begins, does it, says how long it took.
pub fn step<T>(what: &str, work: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    println!("{}", bold(&format!("» {what}")));
    let (took, result) = timed(work);
    match &result {
        Ok(_) => println!("{}", bold(&format!("» {what}: done in {}", seconds(took)))),
        Err(_) => println!("{}", bold(&format!("» {what}: failed after {}", seconds(took)))),
    }
    result
}

/// How long `work` took.
pub fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = std::time::Instant::now();
    let result = work();
    (start.elapsed(), result)
}

/// `4.2 s`, or `3 min 05 s` from a minute on.
pub fn seconds(duration: Duration) -> String {
    let tenths = duration.as_millis() / 100;
    if tenths < 600 {
        return format!("{}.{} s", tenths / 10, tenths % 10);
    }
    let whole = duration.as_secs();
    format!("{} min {:02} s", whole / 60, whole % 60)
}

fn bold(text: &str) -> String {
    styled("1", text)
}

fn dim(text: &str) -> String {
    styled("2", text)
}

fn styled(code: &str, text: &str) -> String {
    let mut stdout = std::io::stdout();
    // What was printed before stays before, also where stdout is a file and a child writes to it next.
    let _ = stdout.flush();
    if stdout.is_terminal() { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_at_a_glance() {
        assert_eq!(seconds(Duration::from_millis(4_249)), "4.2 s");
        assert_eq!(seconds(Duration::from_millis(59_999)), "59.9 s");
        assert_eq!(seconds(Duration::from_secs(185)), "3 min 05 s");
    }

    #[test]
    fn a_failing_program_is_named_with_what_it_said() {
        let failure = cargo(["no-such-subcommand"]).read().expect_err("no such subcommand");
        assert!(failure.to_string().starts_with("`cargo no-such-subcommand` failed"), "{failure}");
    }
}
