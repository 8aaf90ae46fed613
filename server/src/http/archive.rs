//! All that the console keeps about somebody, as one archive: written while it is read, by a thread of its own, so that neither a
//! long history nor a slow reader costs memory or keeps anybody from running.

use std::io::{self, Write};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures::stream;
use serde::Serialize;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, ZipWriter};

use super::rest::{api_keys, entries, export, grants};
use crate::calendar::Rfc3339;
use crate::console::events::EventsAsked;
use crate::console::{Console, Error};
use crate::store::{AccessRow, IdentityRow, KeyFilter, ListedSession, UserRow};

/// Bytes that are sent at a time.
const CHUNK: usize = 64 << 10;
/// Chunks that wait for the reader.
const AHEAD: usize = 4;
/// A reader who takes nothing for so long gets no more.
const PATIENCE: Duration = Duration::from_mins(1);
/// Rows that one statement reads.
const STEP: u32 = 1_000;

const README: &str = "What Plexe Console keeps about you.\n\n\
profile.json       who you are here, and your account\n\
api-keys.json      your API keys, without their secrets\n\
sessions.json      where you are signed in\n\
identities.json    the providers that sign you in\n\
access-log.ndjson  what was done to your account, the newest first\n\
grants.json        your credits, lot by lot\n\
entries.ndjson     your books, the oldest first, with all that their hashes are made of\n\
events.csv         what you were charged for, the newest first\n\n\
Times are in UTC, amounts in credits.\n";

/// What becomes an archive.
pub struct Source {
    pub console: Console,
    pub user: UserRow,
    /// The account's turn.
    pub turn: OwnedSemaphorePermit,
}

/// The archive as it comes into being. One that can't be finished is cut off, so that nobody takes a part for the whole.
pub fn body(source: Source) -> Body {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || {
        let Source { console, user, turn } = source;
        let pipe =
            Pipe { sender: sender.clone(), runtime: runtime.clone(), chunk: Vec::with_capacity(CHUNK) };
        if let Err(error) = write(&console, &user, pipe, &runtime) {
            tracing::warn!(cause = ?error, "an archive was cut off");
            // Whoever has left needs to be told nothing.
            drop(sender.try_send(Err(error)));
        }
        drop(turn);
    });
    let chunks = stream::unfold(receiver, |mut receiver: mpsc::Receiver<Result<Bytes, Error>>| async {
        receiver.recv().await.map(|chunk| (chunk, receiver))
    });
    Body::from_stream(chunks)
}

/// The way from the thread to the reader.
struct Pipe {
    sender: mpsc::Sender<Result<Bytes, Error>>,
    runtime: Handle,
    chunk: Vec<u8>,
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.chunk.extend_from_slice(bytes);
        if self.chunk.len() >= CHUNK {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK));
        let sending = tokio::time::timeout(PATIENCE, self.sender.send(Ok(Bytes::from(chunk))));
        match self.runtime.block_on(sending) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(io::Error::other("the reader has left")),
            Err(_) => Err(io::Error::other("the reader takes nothing")),
        }
    }
}

type Archive = ZipWriter<StreamWriter<Pipe>>;

fn write(console: &Console, user: &UserRow, pipe: Pipe, runtime: &Handle) -> Result<(), Error> {
    let mut archive = ZipWriter::new_stream(pipe);
    begin(&mut archive, "README.txt")?;
    archive.write_all(README.as_bytes()).map_err(Error::internal)?;
    json(&mut archive, "profile.json", &runtime.block_on(profile(console, user))?)?;
    json(&mut archive, "api-keys.json", &runtime.block_on(keys(console, user))?)?;
    let sessions = runtime.block_on(console.sessions_of(user.id))?;
    json(&mut archive, "sessions.json", &sessions.iter().map(SessionLine::new).collect::<Vec<_>>())?;
    let identities = runtime.block_on(console.store.list_identities(user.id))?;
    json(&mut archive, "identities.json", &identities.iter().map(IdentityLine::new).collect::<Vec<_>>())?;
    write_log(&mut archive, console, user, runtime)?;
    json(&mut archive, "grants.json", &runtime.block_on(grants::all(console, user))?)?;
    write_entries(&mut archive, console, user, runtime)?;
    write_events(&mut archive, console, user, runtime)?;
    let mut pipe = archive.finish().map_err(Error::internal)?.into_inner();
    pipe.flush().map_err(Error::internal)
}

fn begin(archive: &mut Archive, name: &str) -> Result<(), Error> {
    let options =
        SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).large_file(true);
    archive.start_file(name, options).map_err(Error::internal)
}

fn json(archive: &mut Archive, name: &str, value: &impl Serialize) -> Result<(), Error> {
    begin(archive, name)?;
    serde_json::to_writer_pretty(&mut *archive, value).map_err(Error::internal)?;
    archive.write_all(b"\n").map_err(Error::internal)
}

fn line(archive: &mut Archive, value: &impl Serialize) -> Result<(), Error> {
    serde_json::to_writer(&mut *archive, value).map_err(Error::internal)?;
    archive.write_all(b"\n").map_err(Error::internal)
}

fn write_log(
    archive: &mut Archive,
    console: &Console,
    user: &UserRow,
    runtime: &Handle,
) -> Result<(), Error> {
    begin(archive, "access-log.ndjson")?;
    let mut before = None;
    loop {
        let rows = runtime.block_on(console.list_accesses(user.id, before, STEP))?;
        let Some(last) = rows.last() else { return Ok(()) };
        before = Some(last.no);
        rows.iter().try_for_each(|row| line(archive, &AccessLine::new(row)))?;
    }
}

fn write_entries(
    archive: &mut Archive,
    console: &Console,
    user: &UserRow,
    runtime: &Handle,
) -> Result<(), Error> {
    begin(archive, "entries.ndjson")?;
    let mut reading = runtime.block_on(console.read_entries(user.account_no, user.account_id, 0))?;
    loop {
        let found = runtime.block_on(console.next_entries(&mut reading))?;
        if found.is_empty() {
            return Ok(());
        }
        found.iter().try_for_each(|entry| line(archive, &entries::line(user.account_id, entry)))?;
    }
}

fn write_events(
    archive: &mut Archive,
    console: &Console,
    user: &UserRow,
    runtime: &Handle,
) -> Result<(), Error> {
    begin(archive, "events.csv")?;
    archive.write_all(&export::header()?).map_err(Error::internal)?;
    let mut walk = runtime.block_on(console.walk(user.account_no, EventsAsked::default(), None))?;
    while let Some(events) = runtime.block_on(console.next_for_export(&mut walk))? {
        archive.write_all(&export::rows(user.account_id, &events)?).map_err(Error::internal)?;
    }
    Ok(())
}

#[derive(Serialize)]
struct ProfileLine {
    user_id: String,
    account_id: String,
    email: String,
    is_email_verified: bool,
    name: String,
    user_name: String,
    time_zone: String,
    has_password: bool,
    account_status: &'static str,
    created_at: Rfc3339,
    exported_at: Rfc3339,
    credits: ledger::Credits,
    held: ledger::Credits,
    debt: ledger::Credits,
}

async fn profile(console: &Console, user: &UserRow) -> Result<ProfileLine, Error> {
    let usage = console.current_usage(user.account_no, user.account_id).await?;
    Ok(ProfileLine {
        user_id: user.id.to_string(),
        account_id: user.account_id.to_string(),
        email: user.email.clone(),
        is_email_verified: user.verified_at.is_some(),
        name: user.name.clone(),
        user_name: user.user_name.clone(),
        time_zone: user.time_zone.clone(),
        has_password: user.password_hash.is_some(),
        account_status: user.account_status.name(),
        created_at: Rfc3339(user.created_at),
        exported_at: Rfc3339(console.clock.now()),
        credits: usage.available,
        held: usage.held,
        debt: usage.debt,
    })
}

async fn keys(console: &Console, user: &UserRow) -> Result<Vec<api_keys::KeyView>, Error> {
    let mut all = vec![];
    loop {
        let offset = u64::try_from(all.len()).unwrap_or(u64::MAX);
        let (rows, total) = console.list_api_keys(user.account_no, KeyFilter::All, STEP, offset).await?;
        if rows.is_empty() || offset >= total {
            return Ok(all);
        }
        let states = console.limit_states(user.account_no, &rows).await?;
        let now = console.clock.now();
        all.extend(rows.into_iter().map(|key| api_keys::KeyView::new(key, &states, now)));
    }
}

#[derive(Serialize)]
struct SessionLine<'a> {
    device: &'a str,
    address: Option<&'a str>,
    signed_in_at: Rfc3339,
    last_seen_at: Rfc3339,
}

impl<'a> SessionLine<'a> {
    fn new(session: &'a ListedSession) -> Self {
        Self {
            device: &session.device,
            address: session.address.as_deref(),
            signed_in_at: Rfc3339(session.created_at),
            last_seen_at: Rfc3339(session.last_seen_at),
        }
    }
}

#[derive(Serialize)]
struct IdentityLine<'a> {
    issuer: &'a str,
    subject: &'a str,
    label: &'a str,
    linked_at: Rfc3339,
    last_used_at: Option<Rfc3339>,
}

impl<'a> IdentityLine<'a> {
    fn new(row: &'a IdentityRow) -> Self {
        Self {
            issuer: &row.identity.issuer,
            subject: &row.identity.subject,
            label: &row.identity.label,
            linked_at: Rfc3339(row.linked_at),
            last_used_at: row.last_used_at.map(Rfc3339),
        }
    }
}

#[derive(Serialize)]
struct AccessLine<'a> {
    at: Rfc3339,
    what: &'static str,
    about: &'a str,
    address: Option<&'a str>,
    device: &'a str,
}

impl<'a> AccessLine<'a> {
    fn new(row: &'a AccessRow) -> Self {
        Self {
            at: Rfc3339(row.at),
            what: row.access.name(),
            about: &row.about,
            address: row.address.as_deref(),
            device: &row.device,
        }
    }
}
