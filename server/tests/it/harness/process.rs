//! The real binary: commands, and a server that can be killed.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use serde_json::Value;
use server::store::DatabaseUrl;
use tokio::task::spawn_blocking;

use super::place::Place;

/// A data directory with nothing in it, and the binary's words for it.
pub struct Site {
    place: Place,
    /// What runs the binary, and the words before it; nothing where it runs by itself.
    through: Vec<OsString>,
}

/// What a command wrote and how it ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// A server process. Killed when dropped.
pub struct Serving {
    child: Child,
    /// `http://127.0.0.1:PORT`, or `https://…`
    pub url: String,
    /// Open as long as the server, so that it can always write.
    _stdout: BufReader<ChildStdout>,
}

impl Site {
    pub async fn new() -> Self {
        Self::at(Place::new().await)
    }

    /// Without even tables.
    pub async fn empty() -> Self {
        Self::at(Place::empty().await)
    }

    /// Whether nothing has ever been stored.
    pub async fn is_empty(&self) -> bool {
        self.place.is_empty().await
    }

    /// On a data directory that has been used before.
    pub fn at(place: Place) -> Self {
        Self { place, through: vec![] }
    }

    /// From here on another program runs the binary: within limits, or where other disks are.
    pub fn run_through(&mut self, words: impl IntoIterator<Item = impl Into<OsString>>) {
        self.through = words.into_iter().map(Into::into).collect();
    }

    pub fn path(&self) -> &Path {
        self.place.path()
    }

    pub fn database(&self) -> DatabaseUrl {
        self.place.database()
    }

    /// The file of the books, for what is about files.
    pub fn file(&self) -> PathBuf {
        self.place.file()
    }

    /// Of the database, where it is a Postgres.
    pub fn url(&self) -> String {
        self.place.url().expect("a Postgres")
    }

    /// The binary with this data directory, a free port and no other setting of the machine it runs on.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut program = self.through.clone();
        program.push(env!("CARGO_BIN_EXE_plexe-console").into());
        let mut command = Command::new(&program[0]);
        command
            .args(&program[1..])
            .args(words)
            .env_clear()
            .env("CONSOLE_DATA_DIR", self.path())
            .env("CONSOLE_ADDR", "127.0.0.1:0")
            // Tests ask without a pause until something has happened.
            .env("CONSOLE_RATE_LIMIT", "0")
            .current_dir(self.path())
            .stdin(Stdio::null())
            .envs(self.place.url().map(|url| ("DATABASE_URL", url)));
        command
    }

    pub async fn run(&self, words: &[&str]) -> Ended {
        ended(self.command(words)).await
    }

    /// A command that must succeed; its answer from the last line, with `--json`.
    pub async fn json(&self, words: &[&str]) -> Value {
        let ended = self.run(&[words, &["--json"]].concat()).await;
        assert_eq!(ended.code, Some(0), "{words:?}: {}", ended.stderr);
        ended.json()
    }

    /// Starts a command and kills it once `is_due` says so, if it has not ended by then; whether it was killed.
    pub async fn run_until(&self, words: &[&str], is_due: impl Fn() -> bool) -> bool {
        let mut command = self.command(words);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut child = child.expect("the binary starts");
        while child.try_wait().expect("a process to look at").is_none() {
            if is_due() {
                child.kill().expect("a process to kill");
                child.wait().expect("its end");
                return true;
            }
            tokio::task::yield_now().await;
        }
        false
    }

    /// Names in the data directory, in order.
    pub fn names(&self) -> Vec<String> {
        let names = std::fs::read_dir(self.path()).expect("a folder").map(|entry| entry.expect("an entry"));
        let mut names: Vec<String> =
            names.map(|entry| entry.file_name().into_string().expect("UTF-8")).collect();
        names.sort();
        names
    }

    pub async fn serve(&self) -> Serving {
        self.serve_with(&[]).await
    }

    /// With these settings as well.
    pub async fn serve_with(&self, settings: &[(&str, &str)]) -> Serving {
        self.serve_into(Stdio::null(), settings).await
    }

    /// Its log goes into [`Site::log`].
    pub async fn serve_logging(&self, settings: &[(&str, &str)]) -> Serving {
        let log = std::fs::File::create(self.path().join("log")).expect("a new file");
        self.serve_into(log.into(), settings).await
    }

    /// What the server that was started last has written into its log.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path().join("log")).expect("a log")
    }

    /// As [`Site::serve_logging`], for a start that may fail.
    pub async fn try_serve(&self, settings: &[(&str, &str)]) -> Result<Serving, Ended> {
        let log = std::fs::File::create(self.path().join("log")).expect("a new file");
        self.spawn(log.into(), settings).await.map_err(|code| Ended {
            code,
            stdout: String::new(),
            stderr: self.log(),
        })
    }

    async fn serve_into(&self, log: Stdio, settings: &[(&str, &str)]) -> Serving {
        self.spawn(log, settings).await.unwrap_or_else(|code| panic!("the server ended with {code:?}"))
    }

    /// Waits until the server listens; the error is how it ended instead.
    async fn spawn(&self, log: Stdio, settings: &[(&str, &str)]) -> Result<Serving, Option<i32>> {
        let mut command = self.command(&["serve"]);
        command.envs(settings.iter().copied());
        let child = command.stdout(Stdio::piped()).stderr(log).spawn();
        let mut child = child.expect("the binary starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let reading = spawn_blocking(move || {
            let mut first = String::new();
            stdout.read_line(&mut first).expect("readable output");
            (first, stdout)
        });
        let (first, stdout) = reading.await.expect("a line");
        if first.is_empty() {
            return Err(child.wait().expect("its end").code());
        }
        let url = first.split_whitespace().find(|word| word.starts_with("http"));
        let url = url.unwrap_or_else(|| panic!("no address in {first:?}")).trim_end_matches(',').to_owned();
        Ok(Serving { child, url, _stdout: stdout })
    }

    /// A verified user; returns the answer's ids.
    pub async fn user(&self, name: &str) -> Value {
        let email = format!("{name}@example.com");
        let words = ["user", "create", "--email", &email, "--name", name, "--username", name];
        self.json(&[&words[..], &["--password", "correct horse", "--verified"]].concat()).await
    }

    pub async fn grant(&self, email: &str, credits: &str) -> Value {
        let words =
            ["grant", "--email", email, "--credits", credits, "--kind", "promo", "--reason", "a test"];
        self.json(&words).await
    }

    /// The secret of a new service key.
    pub async fn service_key(&self) -> String {
        let made = self.json(&["service-key", "create", "--name", "a service"]).await;
        made["key"].as_str().expect("a secret").to_owned()
    }
}

impl Ended {
    /// The last line as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        let last = self.stdout.lines().last().unwrap_or_default();
        serde_json::from_str(last)
            .unwrap_or_else(|error| panic!("{error}: {:?} {}", self.stdout, self.stderr))
    }

    /// The one line that says what is wrong.
    #[track_caller]
    pub fn refusal(&self, code: i32) -> &str {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.stdout, "", "{self:?}");
        assert_eq!(self.stderr.trim_end().lines().count(), 1, "{self:?}");
        assert!(!self.stderr.contains("panicked"), "{self:?}");
        self.stderr.trim_end()
    }
}

impl Serving {
    /// Of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`: the process has no time for anything.
    pub fn kill(mut self) {
        self.child.kill().expect("a process to kill");
        self.child.wait().expect("its end");
    }

    /// SIGHUP.
    pub async fn hang_up(&self) {
        let id = self.id().to_string();
        let sent = spawn_blocking(move || Command::new("kill").args(["-HUP", &id]).status());
        assert!(sent.await.expect("an end").expect("the kill command").success());
    }

    /// SIGTERM; how the process ended.
    pub async fn terminate(mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        let waiting = spawn_blocking(move || {
            let sent = Command::new("kill").args(["-TERM", &id]).status().expect("the kill command");
            assert!(sent.success());
            self.child.wait().expect("a process to wait for").code()
        });
        waiting.await.expect("an end")
    }
}

impl Drop for Serving {
    /// Also when a test has failed. One that has ended already is no error.
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Runs a command to its end.
pub async fn ended(mut command: Command) -> Ended {
    let output = spawn_blocking(move || command.output()).await.expect("a thread");
    let Output { status, stdout, stderr } = output.expect("the binary starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Ended { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}
