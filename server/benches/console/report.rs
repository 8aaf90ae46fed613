//! Figures as rows of a table, so that a person and `cargo xtask bench` read the same lines.

use std::fmt::Display;
use std::time::Duration;

use crate::Outcome;

/// What a figure is held against.
pub enum Target {
    None,
    AtLeast(f64),
    AtMost(f64),
}

/// Begins a table.
pub fn table(title: &str, ours: &str, beside: &str) {
    println!("\n### {title}\n");
    println!("| what | {ours} | {beside} | ratio | target | |");
    println!("|---|--:|--:|--:|--:|---|");
}

/// One row: `ratio` is what the target speaks of.
pub fn row(what: &str, ours: impl Display, beside: impl Display, ratio: f64, target: &Target) {
    let (wanted, verdict) = match *target {
        Target::None => (String::new(), ""),
        Target::AtLeast(least) => (format!("≥ {least:.2}"), verdict(ratio >= least)),
        Target::AtMost(most) => (format!("≤ {most:.2}"), verdict(ratio <= most)),
    };
    println!("| {what} | {ours} | {beside} | {ratio:.2} | {wanted} | {verdict} |");
}

fn verdict(holds: bool) -> &'static str {
    if holds { "holds" } else { "short" }
}

/// Says what it ran on: the class of the machine, never its name.
pub fn machine() -> Outcome {
    let cores = std::thread::available_parallelism()?;
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("unknown");
    println!("{cores} cores ({}), load {load} before the run", std::env::consts::ARCH);
    Ok(())
}

/// The middle one; the mean of the two middle ones of an even number. Nothing: 0.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    match figures.len() {
        0 => 0.0,
        count if count % 2 == 1 => figures[count / 2],
        count => f64::midpoint(figures[count / 2 - 1], figures[count / 2]),
    }
}

/// The time that `share` (0–1) of all stay below.
pub fn percentile(times: &mut [Duration], share: f64) -> Duration {
    times.sort_unstable();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a place in a list"
    )]
    let place = (times.len() as f64 * share) as usize;
    times.get(place.min(times.len().saturating_sub(1))).copied().unwrap_or_default()
}

/// Things done per second.
pub fn rate(count: usize, took: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let count = count as f64;
    count / took.as_secs_f64()
}

/// `12 345/s`
pub fn per_second(rate: f64) -> String {
    format!("{}/s", thousands(rate))
}

/// Whole, with a space before each group of three digits.
pub fn thousands(figure: f64) -> String {
    let digits = format!("{figure:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// `12.3 KB`, of 1 000 bytes each.
pub fn kilobytes(bytes: usize) -> String {
    format!("{}.{} KB", bytes / 1_000, bytes % 1_000 / 100)
}

/// `0.12 ms`
pub fn millis(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1_000.0)
}
