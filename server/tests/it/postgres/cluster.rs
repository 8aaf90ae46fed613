//! A Postgres of a test's own, which it may stop without any notice.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;
use tokio::task::spawn_blocking;

/// Stopped and gone when dropped.
pub struct Cluster {
    folder: TempDir,
}

fn output(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().expect("a program of Postgres");
    assert!(status.success(), "{command:?}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).expect("UTF-8").trim().to_owned()
}

/// A program of Postgres, which never runs as root.
fn program(name: &str) -> Command {
    let path = Path::new(&output(Command::new("pg_config").arg("--bindir"))).join(name);
    if output(Command::new("id").arg("-u")) != "0" {
        return Command::new(path);
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--"]).arg(path);
    command
}

impl Cluster {
    pub async fn start() -> Self {
        let cluster = spawn_blocking(|| {
            let folder = tempfile::tempdir().expect("a temporary folder");
            if output(Command::new("id").arg("-u")) == "0" {
                output(Command::new("chown").arg("postgres").arg(folder.path()));
            }
            let cluster = Self { folder };
            let made = ["--username=console", "--auth=trust", "--encoding=UTF8", "--locale=C"];
            output(program("initdb").arg("-D").arg(cluster.data()).args(made));
            cluster
        });
        let cluster = cluster.await.expect("a new cluster");
        cluster.start_again().await;
        cluster
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn url(&self) -> String {
        format!("postgres:///postgres?host={}&user=console", self.folder.path().display())
    }

    pub async fn start_again(&self) {
        let options =
            format!("-c listen_addresses= -c unix_socket_directories={}", self.folder.path().display());
        let mut start = program("pg_ctl");
        // The server keeps its output open; nobody waits for its end.
        start.arg("-D").arg(self.data()).arg("-o").arg(options).args(["-w", "-l"]);
        start.arg(self.folder.path().join("data/log")).arg("start");
        start.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        let started = spawn_blocking(move || start.status().expect("pg_ctl")).await.expect("a start");
        assert!(started.success());
    }

    /// As if its machine had crashed: no connection is ended in order, and what is on disk is recovered at the next start.
    pub async fn stop_at_once(&self) {
        let data = self.data();
        spawn_blocking(move || stop(&data)).await.expect("an end");
    }

    /// As if its machine had vanished from the network: connections stay open, and nobody answers.
    pub async fn fall_silent(&self) {
        self.signal("-STOP").await;
    }

    pub async fn speak_again(&self) {
        self.signal("-CONT").await;
    }

    async fn signal(&self, name: &'static str) {
        let data = self.data();
        spawn_blocking(move || signal(&data, name)).await.expect("a signal");
    }
}

/// Sends a signal to the server and to the processes that serve its connections.
fn signal(data: &Path, name: &str) {
    let file = std::fs::read_to_string(data.join("postmaster.pid")).expect("a running server");
    let server = file.lines().next().expect("its process");
    let children = std::fs::read_to_string(format!("/proc/{server}/task/{server}/children"));
    let children = children.expect("its children");
    output(Command::new("kill").args([name, server]).args(children.split_whitespace()));
}

fn stop(data: &Path) {
    drop(program("pg_ctl").arg("-D").arg(data).args(["-m", "immediate", "-w", "stop"]).output());
}

impl Drop for Cluster {
    fn drop(&mut self) {
        stop(&self.data());
    }
}
