//! A real mail server: a process of its own, on a port of its own. `end2end/support/smtp-server.mjs` says what it does.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

use super::PATIENCE;

/// A mail server that runs; killed when dropped.
pub struct MailServer {
    pub port: u16,
    process: Child,
    lines: UnboundedReceiver<Value>,
}

impl MailServer {
    /// Without TLS and without a password.
    pub async fn start() -> Self {
        Self::with(&json!({})).await
    }

    /// On a port where one was before.
    pub async fn again_on(port: u16) -> Self {
        Self::with(&json!({ "port": port })).await
    }

    pub async fn with(options: &Value) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut command = Command::new("node");
        command.arg(root.join("end2end/support/smtp-server.mjs")).arg(options.to_string());
        let process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut process = process.expect("node, which `cargo xtask test` looks for");
        let stdout = BufReader::new(process.stdout.take().expect("a pipe"));
        let (said, lines) = unbounded_channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                // Nobody may be there to hear the rest.
                let _ = said.send(serde_json::from_str(&line).expect("JSON"));
            }
        });
        let mut server = Self { port: 0, process, lines };
        let first = server.next().await.expect("a server; `npm ci` installs its packages");
        let port = first["port"].as_u64().and_then(|port| u16::try_from(port).ok());
        server.port = port.expect("a port");
        server
    }

    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// The next mail that it took.
    pub async fn mail(&mut self) -> Value {
        self.next().await.expect("a mail")
    }

    /// Ends it; the mails that it took and that nobody has looked at.
    pub async fn stop(mut self) -> Vec<Value> {
        // It ends with its input.
        drop(self.process.stdin.take());
        let mut rest = vec![];
        while let Some(mail) = self.next().await {
            rest.push(mail);
        }
        rest
    }

    async fn next(&mut self) -> Option<Value> {
        timeout(PATIENCE, self.lines.recv()).await.expect("an answer in time")
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
