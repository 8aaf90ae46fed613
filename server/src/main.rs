//! `plexe-console`: the server and its commands in one binary. See [`server::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    server::cli::run(std::env::args_os())
}
