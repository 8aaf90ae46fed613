//! Runs an example as a reader would: with their own address, key and ids in it.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;

/// Where the console stands in examples, as the document says.
pub const BASE: &str = "http://localhost:3000";

/// What a reader has of their own.
pub struct Asked<'a> {
    pub base: &'a str,
    pub key: &'a str,
    pub user_id: &'a str,
    pub api_key: &'a str,
    pub key_id: &'a str,
    pub hold_id: &'a str,
    pub event_id: &'a str,
}

/// What an example gets.
pub enum Printed {
    Json(Value),
    Text(String),
    Stream(reqwest::Response),
}

impl Asked<'_> {
    /// The example with the reader's own in it.
    fn put_into(&self, source: &str) -> String {
        source
            .replace(BASE, self.base)
            .replace("Bearer plx_sk_…", &format!("Bearer {}", self.key))
            .replace("Bearer plx_svc_…", &format!("Bearer {}", self.key))
            .replace("plx_sk_…", self.api_key)
            .replace("user_…", self.user_id)
            .replace("key_…", self.key_id)
            .replace("hold_…", self.hold_id)
            .replace("evt_…", self.event_id)
    }

    /// What the example prints; of one that never ends, up to the line that has `until` in it. `None` where there is no such
    /// program on this machine.
    pub fn run(&self, label: &str, source: &str, until: Option<&str>) -> Option<String> {
        let source = self.put_into(source);
        let (program, words): (&str, &[&str]) = match label {
            "curl" => ("sh", &["-ec", &source]),
            "Python" => ("python3", &["-c", &source]),
            "JavaScript" => ("node", &["--input-type=module", "-e", &source]),
            other => panic!("no program for {other}"),
        };
        let has = |program: &str| Command::new(program).arg("--version").output().is_ok();
        if !has(if label == "curl" { "curl" } else { program }) {
            return None;
        }
        let mut command = Command::new(program);
        command.args(words).env("NO_PROXY", "*").env("no_proxy", "*").stdin(Stdio::null());
        let Some(until) = until else {
            let ended = command.output().expect("a program that runs");
            let (out, err) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
            assert!(ended.status.success(), "{label} fails:\n{source}\n{out}\n{err}");
            return Some(out.into_owned());
        };
        let mut child = command.stdout(Stdio::piped()).spawn().expect("a program that runs");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut out = String::new();
        while !out.contains(until) {
            let line =
                lines.next().unwrap_or_else(|| panic!("{label} ends before {until:?}:\n{source}\n{out}"));
            out.push_str(&line.expect("text"));
            out.push('\n');
        }
        child.kill().expect("a program that can be ended");
        child.wait().expect("its end");
        Some(out)
    }
}
