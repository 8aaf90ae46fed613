//! How commands reach a running server: a Unix socket in the data directory, open to its owner alone.
//!
//! The server greets with one line of JSON, `{"database": PATH}`; the command is one line, and so is its answer,
//! `{"ok": …}` or `{"error": SENTENCE}`. The path keeps a command from changing the books of another database whose
//! server shares the folder. Nothing is asked before the greeting, so a server that ends without one did nothing.

use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;

use super::admin;
use super::command::{AdminAnswer, AdminCommand};
use crate::console::Console;
use crate::jobs::Stopping;

/// The longest command, in bytes: far above a rate card of a thousand operations.
const MAX_LINE: u64 = 1 << 20;
/// Commands that are answered side by side.
const MAX_CONNECTIONS: usize = 64;
/// Before accepting is tried again where the process has run out of something.
const PAUSE: Duration = Duration::from_millis(500);
/// How long a command that was greeted may take to say what it wants once the server ends.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Why the socket can't be opened or asked.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    #[error("a server with another database listens on {path}; give each its own CONSOLE_DATA_DIR", path = .0.display())]
    Taken(PathBuf),
    #[error("cannot listen on {path}: {cause} (a socket's path has at most 107 bytes; CONSOLE_DATA_DIR picks its folder)", path = .path.display())]
    Listen { path: PathBuf, cause: std::io::Error },
    #[error("cannot reach the server at {path}: {cause}", path = .path.display())]
    Connect { path: PathBuf, cause: std::io::Error },
    #[error("the server behind {path} has the database {served}, not {wanted}",
        path = .path.display(), served = .served.display(), wanted = .wanted.display())]
    Other { path: PathBuf, served: PathBuf, wanted: PathBuf },
    #[error(
        "the server ended before it answered; look whether the command was carried out before giving it again"
    )]
    NoAnswer,
    #[error("the server and this command do not understand each other; are they of the same version?")]
    Version,
}

#[derive(Serialize, Deserialize)]
struct Greeting {
    database: PathBuf,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    Ok(AdminAnswer),
    Error(String),
}

/// The server's end. The file goes when this is dropped.
#[derive(Debug)]
pub struct CommandSocket {
    path: PathBuf,
    /// The books that commands are carried out on.
    database: PathBuf,
    listener: UnixListener,
}

impl CommandSocket {
    /// Listens, replacing a socket that a dead server left behind. The caller owns the file `database`.
    pub async fn bind(path: &Path, database: &Path) -> Result<Self, SocketError> {
        let failed = |cause| SocketError::Listen { path: path.to_owned(), cause };
        if UnixStream::connect(path).await.is_ok() {
            return Err(SocketError::Taken(path.to_owned()));
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        // Under another name until only its owner may use it.
        let new = path.with_extension("new");
        match std::fs::remove_file(&new) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let listener = UnixListener::bind(&new).map_err(failed)?;
        std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
        std::fs::rename(&new, path).map_err(failed)?;
        Ok(Self { path: path.to_owned(), database: canonical(database), listener })
    }

    /// Carries out commands until the signal, then finishes those that have begun.
    pub async fn answer(self, console: Console, mut stopping: Stopping) {
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                () = stopping.wait() => break,
                accepted = self.listener.accept(), if connections.len() < MAX_CONNECTIONS => accepted,
                Some(_) = connections.join_next() => continue,
            };
            match accepted {
                Ok((stream, _)) => {
                    let database = self.database.clone();
                    connections.spawn(converse(stream, database, console.clone(), stopping.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "a command could not connect");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        drop(self);
        while connections.join_next().await.is_some() {}
    }
}

impl Drop for CommandSocket {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::warn!(%error, "the socket's file stays behind");
        }
    }
}

/// Takes one command. Who was greeted is heard, even while the server ends.
async fn converse(stream: UnixStream, database: PathBuf, console: Console, mut stopping: Stopping) {
    let (reading, mut writing) = stream.into_split();
    let greeting = Greeting { database };
    if write_line(&mut writing, &greeting).await.is_err() {
        return;
    }
    let mut line = String::new();
    let mut reading = BufReader::new(reading).take(MAX_LINE);
    let late = async {
        stopping.wait().await;
        tokio::time::sleep(LAST_WORDS).await;
    };
    let read = tokio::select! {
        read = reading.read_line(&mut line) => read,
        () = late => return,
    };
    if read.is_err() || !line.ends_with('\n') {
        return;
    }
    let reply = match serde_json::from_str::<AdminCommand>(&line) {
        Err(_) => Reply::Error(SocketError::Version.to_string()),
        Ok(command) => {
            // What changes something is carried out to its end; a copy is of use only to whoever waits for it.
            let is_copy = matches!(command, AdminCommand::CopyStore { .. });
            let executed = tokio::select! {
                executed = admin::execute(&console, command) => executed,
                () = left(reading.get_mut()), if is_copy => {
                    tracing::info!("nobody waits for a copy any more; it is given up");
                    return;
                }
            };
            match executed {
                Ok(answer) => Reply::Ok(answer),
                Err(error) => Reply::Error(error.to_string()),
            }
        }
    };
    if let Err(error) = write_line(&mut writing, &reply).await {
        tracing::warn!(%error, "a command left before its answer");
    }
}

/// Ends when whoever gave a command has gone.
async fn left(reading: &mut (impl AsyncRead + Unpin)) {
    let mut more = [0; 64];
    while matches!(reading.read(&mut more).await, Ok(length) if length > 0) {}
}

async fn write_line(to: &mut (impl AsyncWrite + Unpin), line: &impl Serialize) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(line)?;
    line.push(b'\n');
    to.write_all(&line).await
}

/// Asks the server behind a socket; the inner error is its sentence. `None`: no server listens, or it ended first.
pub async fn ask(
    path: &Path,
    database: &Path,
    command: &AdminCommand,
) -> Result<Option<Result<AdminAnswer, String>>, SocketError> {
    let stream = match UnixStream::connect(path).await {
        Ok(stream) => stream,
        Err(error) if is_absence(error.kind()) => return Ok(None),
        Err(cause) => return Err(SocketError::Connect { path: path.to_owned(), cause }),
    };
    let (reading, mut writing) = stream.into_split();
    let mut lines = BufReader::new(reading).lines();
    let Ok(Some(greeting)) = lines.next_line().await else { return Ok(None) };
    let Greeting { database: served } = serde_json::from_str(&greeting).map_err(|_| SocketError::Version)?;
    if served != canonical(database) {
        return Err(SocketError::Other { path: path.to_owned(), served, wanted: database.to_owned() });
    }
    write_line(&mut writing, command).await.map_err(|_| SocketError::NoAnswer)?;
    let answer = lines.next_line().await.ok().flatten().ok_or(SocketError::NoAnswer)?;
    match serde_json::from_str(&answer) {
        Ok(Reply::Ok(answer)) => Ok(Some(Ok(answer))),
        Ok(Reply::Error(sentence)) => Ok(Some(Err(sentence))),
        Err(_) => Err(SocketError::Version),
    }
}

/// No socket, one that a dead server left, or one whose server ended while we knocked.
fn is_absence(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::NotFound
            | ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
    )
}

/// The same file by the same name, however it was written.
fn canonical(path: &Path) -> PathBuf {
    let absolute = || std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    path.canonicalize().unwrap_or_else(|_| absolute())
}
