//! The commands of the repository. They use the standard library only, so that the first one starts within seconds of a
//! fresh clone.

mod bench;
mod browser;
mod build;
mod cluster;
mod command;
mod counts;
mod dev;
mod fuzz;
mod npm;
mod paths;
mod sbom;
mod setup;
mod sizes;
mod store_tests;
mod test;
mod tidy;
mod tools;
mod torture;
mod wasm_target;

use command::Outcome;
use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask <command>

  run [ARGS…]     set up what is missing, build, and serve on http://localhost:3000; ARGS go to `plexe-console serve`
  test [FILTER]   set up what is missing and run every check and test; FILTER runs only the tests whose name has it
  build           make target/release/plexe-console: one file that runs from any folder
  dev             rebuild and reload while you edit
  bench [ARGS…]   the benchmarks of the server, on SQLite and a Postgres, and the size report; ARGS go to `cargo bench`
  fuzz [TARGET…]  look for inputs that break a rule, ten minutes each, or --seconds N
  torture [KIND]  what takes long: crashes, races, loads; `torture help` lists the kinds
  setup           only set up: wasm target, cargo-leptos, wasm-bindgen, npm packages, a browser and a Postgres for the tests
  tidy            only the rules that no compiler checks
  sizes           what a first visit downloads, compressed
  deny [CHECK…]   advisories, licences, bans and sources of all crates, by cargo-deny, which is built if it is missing
  sbom            what is in the binary, as CycloneDX beside it; `build` does that as well
";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let command = args.next().unwrap_or_default();
    let rest: Vec<String> = args.filter(|arg| arg != "--").collect();
    let outcome = match command.as_str() {
        "run" => build::run(&rest),
        "test" => test::run(&rest),
        "build" => build::release(),
        "dev" => dev::run(),
        "bench" => bench::run(&rest),
        "torture" => torture::run(&rest),
        "setup" => setup::everything(),
        "tidy" => tidy::run(),
        "sizes" => sizes::report(),
        "fuzz" => fuzz::run(&rest),
        "deny" => deny(&rest),
        "sbom" => sbom::write(),
        "" | "help" | "-h" | "--help" => {
            print!("{USAGE}");
            Ok(())
        }
        unknown => Err(format!("there is no command `{unknown}`\n\n{USAGE}").into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// All checks, or those that are named. Advisories come from the network; the others need none.
fn deny(checks: &[String]) -> Outcome {
    let program = tools::find_or_install(&tools::Tool::cargo_deny())?;
    command::Program::new(program).args(["check"]).args(checks).run()
}
