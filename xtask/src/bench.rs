//! The benchmarks live beside the server. Here they are run on a release build, and their figures written into the paper
//! that explains them.

use crate::{
    build,
    cluster::{self, Cluster},
    command::{Outcome, cargo, step},
    paths, setup, sizes,
};
use std::fs;

const PAPER: &str = "docs/benchmarks.md";
/// The figures stand between these lines; what is around them is written by hand.
const BEGIN: &str = "<!-- figures: written by `cargo xtask bench` -->\n";
const END: &str = "<!-- end of the figures -->\n";

/// Runs the benchmarks that are named, or all; `--quick` only shows that they work. A whole run is written into the paper.
pub fn run(args: &[String]) -> Outcome {
    let tools = setup::for_building()?;
    build::release_with(&tools)?;
    let postgres = Cluster::start_durable(&cluster::find_or_install()?)?;
    let (succeeded, mut figures) = step("benchmarks", || {
        cargo(["bench", "--package", "server", "--bench", "console", "--"])
            .args(args)
            .env("CONSOLE_BENCH_POSTGRES", postgres.url())
            .run_and_read()
    })?;
    drop(postgres);
    if !succeeded {
        return Err("a benchmark failed, see above".into());
    }
    let downloads = sizes::table()?;
    print!("{downloads}");
    figures.push_str(&downloads);
    if args.is_empty() { write(&figures) } else { Ok(()) }
}

fn write(figures: &str) -> Outcome {
    let path = paths::root().join(PAPER);
    let paper = fs::read_to_string(&path)?;
    fs::write(
        &path,
        with_figures(&paper, figures).ok_or("docs/benchmarks.md has lost the lines around its figures")?,
    )?;
    println!("wrote {PAPER}");
    Ok(())
}

/// The paper with other figures; `None` without the two lines.
fn with_figures(paper: &str, figures: &str) -> Option<String> {
    let (before, rest) = paper.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{}\n\n{END}{after}", figures.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_figures_replace_the_old_ones_and_nothing_else() {
        let paper = format!("# Title\n\n{BEGIN}\nold\n\n{END}\nWhy.\n");
        let renewed = with_figures(&paper, "\nnew\n").unwrap();
        assert_eq!(renewed, format!("# Title\n\n{BEGIN}\nnew\n\n{END}\nWhy.\n"));
        assert_eq!(with_figures(&renewed, "new").unwrap(), renewed);
        assert_eq!(with_figures("# Title\n", "new"), None);
    }
}
