//! The server's life: open the books, listen, and end in order.
//!
//! The end, within a second: nothing new is accepted and live streams are closed; requests that have begun are
//! answered; the sequencer commits and answers what waits; the socket goes; the store is closed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, timeout_at};

use super::Failure;
use super::books::Books;
use super::socket::CommandSocket;
use crate::config::Config;
use crate::console::Console;
use crate::http::tls::Tls;
use crate::http::{self, connections};
use crate::jobs::{self, Stop, Stopping};
use crate::mail::Sender;
use crate::metrics::listener;
use crate::nodes;
use crate::store::OpenError;

/// From the signal until requests that are still on their way are cut off.
const DRAIN: Duration = Duration::from_millis(600);
/// From the signal until the process ends, whatever still runs.
const END: Duration = Duration::from_millis(950);
/// Between two looks whether anybody still accepts connections.
const LOOK: Duration = Duration::from_secs(1);
/// A stream that began while the others were closed is closed this much later.
const CLOSE_STREAMS: Duration = Duration::from_millis(20);

/// A server that listens.
#[derive(Debug)]
pub struct Server {
    pub console: Console,
    writer: JoinHandle<()>,
    http: JoinHandle<()>,
    tls: Option<Arc<Tls>>,
    /// Where `/metrics` is answered, if anywhere.
    metrics: Option<JoinHandle<()>>,
    commands: JoinHandle<()>,
    jobs: JoinSet<()>,
    /// What keeps servers that share a database together.
    nodes: JoinSet<()>,
    stop: Stop,
}

/// Serves until SIGTERM or SIGINT.
pub async fn serve(config: Config) -> Result<(), Failure> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::Runtime)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::Runtime)?;
    let server = Server::start(config).await?;
    let config = &server.console.config;
    if let Some(addr) = config.metrics_addr {
        tracing::info!("metrics are on http://{addr}/metrics");
    }
    // Without a certificate it means what it always does.
    let mut hangup = match &server.tls {
        Some(_) => Some(signal(SignalKind::hangup()).map_err(Failure::Runtime)?),
        None => None,
    };
    let scheme = if server.tls.is_some() { "https" } else { "http" };
    // The last word of the start: whoever reads it finds everything in place.
    println!("plexe-console is listening on {scheme}://{}, reached as {}", config.addr, config.base_url);
    let is_asked_to = loop {
        tokio::select! {
            _ = terminate.recv() => break true,
            _ = interrupt.recv() => break true,
            () = ended(&server.http) => break false,
            () = hung_up(&mut hangup) => server.tls.iter().for_each(|tls| tls.reread()),
        }
    };
    tracing::info!("stopping");
    server.stop().await;
    if is_asked_to { Ok(()) } else { Err(Failure::Deaf) }
}

/// Returns at the next SIGHUP that is listened for.
async fn hung_up(hangup: &mut Option<Signal>) {
    let heard = match hangup {
        Some(signal) => signal.recv().await,
        None => None,
    };
    if heard.is_none() {
        std::future::pending::<()>().await;
    }
}

/// Returns when a task has ended that should go on.
async fn ended(task: &JoinHandle<()>) {
    let mut looks = tokio::time::interval(LOOK);
    while !task.is_finished() {
        looks.tick().await;
    }
}

impl Server {
    /// Opens the store, listens, and starts the jobs.
    pub async fn start(mut config: Config) -> Result<Self, Failure> {
        let sender = Sender::new(&config).map_err(Failure::Certificates)?;
        let tls = config.tls.clone().map(Tls::read).transpose()?.map(Arc::new);
        let store = Books::open_store(&config).await?;
        store.warn_of_lost_commits().await.map_err(OpenError::Store)?;
        let listening = store.join(config.usage_dimensions.names()).await?;
        let listener = bind("CONSOLE_ADDR", config.addr).await?;
        config.listens_on(listener.local_addr().map_err(Failure::Runtime)?);
        let metrics = match &mut config.metrics_addr {
            Some(addr) => {
                let listener = bind("CONSOLE_METRICS_ADDR", *addr).await?;
                *addr = listener.local_addr().map_err(Failure::Runtime)?;
                Some(listener)
            }
            None => None,
        };
        // Of a database that servers share, commands need no server.
        let socket = match config.database_file() {
            Some(file) => Some(CommandSocket::bind(&config.socket(), file).await?),
            None => None,
        };
        let Books { console, writer } = Books::start(config, store);
        let (stop, stopping) = jobs::signal();
        // Here, where what is wrong with it ends the start.
        let router = http::router(console.clone());
        let nodes = listening.map(|listening| nodes::start(&console, listening, &stopping));
        let metrics = metrics.map(|listener| listener::serve(listener, console.clone(), stopping.clone()));
        Ok(Self {
            metrics: metrics.map(tokio::spawn),
            http: tokio::spawn(listen(tls.clone(), listener, router, stopping.clone())),
            tls,
            commands: tokio::spawn(answer_commands(socket, console.clone(), stopping.clone())),
            jobs: jobs::start(&console, sender, &stopping),
            nodes: nodes.unwrap_or_default(),
            console,
            writer,
            stop,
        })
    }

    /// Ends in order; see the module's text.
    pub async fn stop(self) {
        let Self { console, writer, mut http, metrics, mut commands, mut jobs, mut nodes, stop, .. } = self;
        let now = Instant::now();
        stop.now();
        let drained = async {
            let mut streams = tokio::time::interval(CLOSE_STREAMS);
            loop {
                tokio::select! {
                    _ = &mut http => return,
                    _ = streams.tick() => console.live.close(),
                }
            }
        };
        if timeout_at(now + DRAIN, drained).await.is_err() {
            tracing::warn!("some connections did not end in time and are cut off");
            http.abort();
        }
        let finished = async {
            if let Err(error) = (&mut commands).await {
                tracing::error!(%error, "the commands' socket ended badly");
            }
            while jobs.join_next().await.is_some() {}
            while nodes.join_next().await.is_some() {}
        };
        if timeout_at(now + DRAIN, finished).await.is_err() {
            commands.abort();
        }
        // Nobody's data hangs on a scrape.
        if let Some(metrics) = metrics {
            metrics.abort();
        }
        let closed = async {
            jobs::write_key_requests(console.clone()).await;
            Books { console, writer }.close().await;
        };
        if timeout_at(now + END, closed).await.is_err() {
            tracing::error!("the store was not closed in time; it recovers when it is opened next");
        }
    }
}

async fn answer_commands(socket: Option<CommandSocket>, console: Console, stopping: Stopping) {
    if let Some(socket) = socket {
        socket.answer(console, stopping).await;
    }
}

async fn bind(setting: &'static str, addr: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(addr).await.map_err(|cause| Failure::Listen { setting, addr, cause })
}

async fn listen(tls: Option<Arc<Tls>>, listener: TcpListener, router: Router, mut stopping: Stopping) {
    connections::serve_over(tls, listener, router, async move { stopping.wait().await }).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_ends_or_panics_is_noticed() {
        for task in [tokio::spawn(async {}), tokio::spawn(async { panic!("for a test") })] {
            tokio::time::timeout(LOOK * 10, ended(&task)).await.unwrap();
        }
        let goes_on = tokio::spawn(std::future::pending());
        assert!(tokio::time::timeout(LOOK / 10, ended(&goes_on)).await.is_err());
    }
}
