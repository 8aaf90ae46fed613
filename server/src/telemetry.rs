//! Log lines: what is written, and how it looks.
//!
//! Lines of a request stand in its span, which has the request's id, method and route. As JSON, a line is one object:
//! `timestamp`, `level`, `target`, `message` and the line's own fields side by side, the span's fields in `span`.
//!
//! Secrets never reach a line: types that hold one print only its first and last characters, and requests are logged by
//! method, route and status, never with headers or bodies.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;

/// What a server writes when `RUST_LOG` says nothing.
pub const SERVER: &str = "info,sqlx=warn";
/// What a command writes when `RUST_LOG` says nothing: its own answer is enough.
pub const COMMAND: &str = "warn";

/// Sends log lines to stderr, so that stdout keeps the answers of commands. `RUST_LOG` picks them, else `usual`.
///
/// Does nothing when lines already go somewhere, as in tests.
pub fn start(format: LogFormat, usual: &str) {
    let chosen = EnvFilter::try_from_default_env();
    let filter = chosen.unwrap_or_else(|_| EnvFilter::new(usual));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).try_init(),
    };
    if let Err(error) = started {
        tracing::debug!(%error, "log lines already go somewhere");
    }
}
