//! The chart as the server draws it: plain SVG in percentages, readable without scripts, on screen with the first paint.

use std::fmt::Write as _;

use ledger::Credits;
use leptos::prelude::*;

use super::consumption::BAR_PERCENT;
use super::plot::{Ink, Plot};
use crate::components::dynamic::dynamic;
use crate::format;

/// The width and the height of the drawing area, in hundredths of a percent.
const WHOLE: i64 = 10_000;

/// One bar's piece, in hundredths of a percent of the drawing area; `y` from the top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    pub x: i64,
    pub y: i64,
    pub width: i64,
    pub height: i64,
    pub ink: Ink,
}

/// Where every piece of every stack goes. Pieces are cut where the sums are rounded, so that they never part.
pub fn pieces(plot: &Plot) -> Vec<Piece> {
    let width = WHOLE / count(plot) * i64::from(BAR_PERCENT) / 100;
    let mut pieces = Vec::new();
    for bucket in 0..plot.buckets.len() {
        let (mut below, mut bottom) = (0, WHOLE);
        for one in &plot.series {
            below += one.values.get(bucket).map_or(0, |value| value.micros());
            let y = WHOLE - share(below, plot.scale.max);
            if y < bottom {
                let x = centre(plot, bucket) - width / 2;
                pieces.push(Piece { x, y, width, height: bottom - y, ink: one.ink });
            }
            bottom = y;
        }
    }
    pieces
}

/// `part` of `whole`, in hundredths of a percent.
fn share(part: i64, whole: i64) -> i64 {
    i64::try_from(i128::from(part) * i128::from(WHOLE) / i128::from(whole.max(1))).unwrap_or(WHOLE)
}

fn count(plot: &Plot) -> i64 {
    i64::try_from(plot.buckets.len().max(1)).unwrap_or(i64::MAX)
}

fn centre(plot: &Plot, bucket: usize) -> i64 {
    let halves = i64::try_from(bucket * 2 + 1).unwrap_or(i64::MAX);
    halves * WHOLE / (2 * count(plot))
}

/// Draws `plot`; follows it too, for as long as nothing better is drawn.
#[component]
pub fn Sketch(plot: Memo<Plot>) -> impl IntoView {
    view! {
        <svg class="sketch" aria-hidden="true">
            {dynamic(move || plot.with(grid_lines))}
            {dynamic(move || plot.with(bars))}
            {dynamic(move || plot.with(bucket_labels))}
        </svg>
    }
}

fn percent(hundredths: i64) -> String {
    format!("{}.{:02}%", hundredths / 100, hundredths % 100)
}

fn grid_lines(plot: &Plot) -> impl IntoView + use<> {
    let max = plot.scale.max;
    plot.scale
        .ticks()
        .map(|tick| {
            let y = percent(WHOLE - share(tick, max));
            let label = Credits::from_micros(tick).map(format::exact);
            view! {
                <line x1="0" x2="100%" y1=y.clone() y2=y.clone() />
                <text x="-8" y=y dy="4" text-anchor="end">
                    {label}
                </text>
            }
        })
        .collect_view()
}

/// One path for each ink: a year of days is two thousand pieces. Corners are left to the chart library.
fn paths(plot: &Plot) -> Vec<(Ink, String)> {
    let mut paths: Vec<(Ink, String)> = plot.series.iter().map(|one| (one.ink, String::new())).collect();
    for Piece { x, y, width, height, ink } in pieces(plot) {
        if let Some((_, path)) = paths.iter_mut().find(|(other, _)| *other == ink) {
            // Writing into a String cannot fail.
            let _ = write!(path, "M{x} {y}h{width}v{height}h-{width}z");
        }
    }
    paths
}

fn bars(plot: &Plot) -> impl IntoView + use<> {
    let path =
        |(ink, path): (Ink, String)| view! { <path d=path style=format!("fill:var({})", ink.token()) /> };
    view! {
        <svg viewBox=format!("0 0 {WHOLE} {WHOLE}") preserveAspectRatio="none" width="100%" height="100%">
            {paths(plot).into_iter().map(path).collect_view()}
        </svg>
    }
}

/// At most eight labels, of which a narrow page shows every other one, so that they never touch.
fn bucket_labels(plot: &Plot) -> impl IntoView + use<> {
    let every = plot.buckets.len().div_ceil(8).max(1);
    plot.buckets
        .iter()
        .enumerate()
        .filter(|(index, _)| index % every == 0)
        .map(|(index, bucket)| {
            let class = if index / every % 2 == 1 { "minor" } else { "" };
            view! {
                <text class=class x=percent(centre(plot, index)) y="100%" dy="18" text-anchor="middle">
                    {bucket.label.clone()}
                </text>
            }
        })
        .collect_view()
}

#[cfg(test)]
mod tests {
    use super::super::plot::tests::{chart, labels};
    use super::*;

    #[test]
    fn a_stack_ends_at_the_height_of_its_sum() {
        let view = chart(&[("model.inference", ["50", "0"]), ("model.build", ["100", "150"])]);
        let pieces = pieces(&Plot::of(&view, &labels()));
        assert_eq!(pieces.len(), 3, "zero draws nothing");
        assert_eq!(pieces[1].ink, Ink::Series(1));
        assert_eq!(pieces[1].y, 0, "150 of 150 is the whole height");
        assert_eq!(pieces[0].y + pieces[0].height, WHOLE, "the first piece stands on the axis");
        assert_eq!(pieces[1].y + pieces[1].height, pieces[0].y, "the next one stands on the first");
        assert!(pieces.iter().all(|piece| piece.x >= 0 && piece.x + piece.width <= WHOLE));
        assert_eq!(percent(pieces[0].y), "33.34%");
        let paths = paths(&Plot::of(&view, &labels()));
        assert_eq!(paths.len(), 2);
        assert_eq!(paths[0].1.matches('M').count(), 2, "builds on both days");
    }
}
