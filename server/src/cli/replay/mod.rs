//! `replay`: sends a recorded trace to a running server as a platform service would, event by event, and counts what
//! became of each. Row n has the id n, so the same command again charges nothing twice.

mod pace;
mod report;
mod sender;
mod trace;

use std::process::ExitCode;

use futures::StreamExt as _;
use indicatif::{ProgressBar, ProgressStyle};
use ledger::{KeyId, UserId};
use tokio::signal::unix::{SignalKind, signal};

use self::pace::Pace;
pub use self::pace::Speed;
pub use self::report::Report;
use self::sender::{Event, SendError, Sender};
use self::trace::{Row, TraceError};
use super::args::ReplayArgs;
use super::command::{AdminAnswer, AdminCommand, CreateServiceKey};
use super::{EXIT_REJECTED, Failure, socket};
use crate::config::Config;

/// Requests on their way at the same time; rows of different requests may overtake each other.
const IN_FLIGHT: usize = 4;

/// Why a replay stopped.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error(transparent)]
    Trace(#[from] TraceError),
    #[error(transparent)]
    Send(#[from] SendError),
    #[error("no server runs for this data directory; start `plexe-console serve` first")]
    NoServer,
    #[error("interrupted; the same command again goes on where this one ended")]
    Interrupted,
}

/// Replays the file and prints what became of its rows.
pub async fn run(config: &Config, args: &ReplayArgs, json: bool) -> Result<ExitCode, Failure> {
    let report = replay(config, args).await?;
    if json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        println!("{report}");
    }
    Ok(if report.rejected == 0 { ExitCode::SUCCESS } else { ExitCode::from(EXIT_REJECTED) })
}

/// Replays the file; a key that was made for it is revoked at the end, however it ends.
pub(super) async fn replay(config: &Config, args: &ReplayArgs) -> Result<Report, Failure> {
    let rows = trace::read(&args.file).map_err(ReplayError::from)?;
    let user = find_user(config, &args.email).await?;
    let (key, made) = match &args.key {
        Some(key) => (key.clone(), None),
        None => make_key(config, &args.source).await.map(|(id, key)| (key, Some(id)))?,
    };
    let url = args.url.clone().unwrap_or_else(|| usual_url(config));
    let sent = send_all(args, &rows, user, Sender::new(&url, key)).await;
    let revoked = match made {
        Some(key_id) => ask(config, AdminCommand::RevokeServiceKey { key_id }).await.map(drop),
        None => Ok(()),
    };
    let report = sent?;
    revoked?;
    Ok(report)
}

/// The server of this configuration. The base URL may be a proxy's; where the server itself listens is as good, but for its
/// certificate, which is for the base URL.
fn usual_url(config: &Config) -> String {
    let is_behind_a_proxy = config.base_url.is_https() && config.tls.is_none();
    if is_behind_a_proxy { format!("http://{}", config.addr) } else { config.base_url.to_string() }
}

async fn find_user(config: &Config, email: &str) -> Result<UserId, Failure> {
    match ask(config, AdminCommand::FindUser { email: email.to_owned() }).await? {
        AdminAnswer::User(user) => Ok(user.user_id),
        _ => Err(super::SocketError::Version.into()),
    }
}

async fn make_key(config: &Config, source: &str) -> Result<(KeyId, String), Failure> {
    let name = format!("replay of {source}");
    let (scopes, source) = (Some("charge".to_owned()), Some(source.to_owned()));
    let key = CreateServiceKey { name, scopes, source, debt_limit: None };
    match ask(config, AdminCommand::CreateServiceKey(key)).await? {
        AdminAnswer::KeyCreated(new) => Ok((new.key_id, new.key)),
        _ => Err(super::SocketError::Version.into()),
    }
}

/// Only a running server can take events, so a file that nobody serves is not opened.
async fn ask(config: &Config, command: AdminCommand) -> Result<AdminAnswer, Failure> {
    let Some(file) = config.database_file() else { return super::perform(config, command).await };
    let answer = socket::ask(&config.socket(), file, &command).await?;
    answer.ok_or(ReplayError::NoServer)?.map_err(Failure::Refused)
}

/// Sends all rows, or stops at the first failure or signal.
async fn send_all(
    args: &ReplayArgs,
    rows: &[Row],
    user: UserId,
    sender: Result<Sender, SendError>,
) -> Result<Report, ReplayError> {
    let sender = sender?;
    let mut terminate = signal(SignalKind::terminate()).map_err(SendError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(SendError::Signals)?;
    let bar = progress_bar(rows.len());
    let mut report = Report::default();
    let batches = Pace::new(rows, args.speed, usize::from(args.batch)).batches();
    let requests = batches.map(|range| {
        let first = rows[0].at;
        let events =
            range.clone().map(|place| Event::of(&rows[place], place, first, args.start, &args.source, user));
        let events: Vec<Event> = events.collect();
        let sender = &sender;
        async move { (range.start, sender.send(events).await) }
    });
    let mut answers = std::pin::pin!(requests.buffered(IN_FLIGHT));
    let ended = loop {
        let answer = tokio::select! {
            _ = terminate.recv() => break Err(ReplayError::Interrupted),
            _ = interrupt.recv() => break Err(ReplayError::Interrupted),
            answer = answers.next() => answer,
        };
        match answer {
            None => break Ok(()),
            Some((_, Err(error))) => break Err(error.into()),
            Some((start, Ok(outcomes))) => {
                bar.inc(u64::try_from(outcomes.len()).unwrap_or_default());
                report.count(start, &outcomes);
                bar.set_message(format!("{} credits", report.credits));
            }
        }
    };
    bar.finish_and_clear();
    ended.map(|()| report)
}

/// On stderr, and only where somebody looks.
fn progress_bar(rows: usize) -> ProgressBar {
    let bar = ProgressBar::new(u64::try_from(rows).unwrap_or_default());
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} events  {per_sec}  {msg}  {eta} left");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
