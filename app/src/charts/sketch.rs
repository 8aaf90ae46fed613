//! The chart as the server draws it: plain SVG in percentages, readable without scripts, on screen with the first paint.

use leptos::prelude::*;

use super::consumption::{BAR_PERCENT, CORNER};
use super::plot::{Ink, Plot};
use crate::format;

/// One bar's piece, in percent of the drawing area; `y` from the top.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Piece {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
    pub ink: Ink,
}

/// Where every piece of every stack goes.
pub fn pieces(plot: &Plot) -> Vec<Piece> {
    let step = step(plot);
    let width = step * f64::from(BAR_PERCENT) / 100.0;
    let mut pieces = Vec::new();
    for bucket in 0..plot.buckets.len() {
        let mut y = 100.0;
        for one in &plot.series {
            let value = one.values.get(bucket).copied().unwrap_or_default();
            if value.is_zero() {
                continue;
            }
            let height = format::chart_value(value) / plot.scale.max * 100.0;
            y -= height;
            pieces.push(Piece { x: centre(plot, bucket) - width / 2.0, y, width, height, ink: one.ink });
        }
    }
    pieces
}

/// Width of one bucket, in percent.
fn step(plot: &Plot) -> f64 {
    100.0 / f64::from(u32::try_from(plot.buckets.len().max(1)).unwrap_or(u32::MAX))
}

fn centre(plot: &Plot, bucket: usize) -> f64 {
    step(plot) * (f64::from(u32::try_from(bucket).unwrap_or(u32::MAX)) + 0.5)
}

/// Draws `plot`; follows it too, for as long as nothing better is drawn.
#[component]
pub fn Sketch(plot: Memo<Plot>) -> impl IntoView {
    view! {
        <svg class="sketch" aria-hidden="true">
            <svg class="sketch-area">
                {move || plot.with(grid_lines)}
                {move || plot.with(bars)}
                {move || plot.with(bucket_labels)}
            </svg>
        </svg>
    }
}

fn percent(value: f64) -> String {
    format!("{value:.2}%")
}

fn grid_lines(plot: &Plot) -> impl IntoView + use<> {
    let max = plot.scale.max;
    plot.scale
        .ticks()
        .map(|tick| {
            let y = percent(100.0 - tick / max * 100.0);
            view! {
                <line x1="0" x2="100%" y1=y.clone() y2=y.clone() />
                <text x="-8" y=y dy="4" text-anchor="end">
                    {tick_label(tick)}
                </text>
            }
        })
        .collect_view()
}

/// Ticks are round numbers; the float's shortest text is their exact text.
fn tick_label(tick: f64) -> String {
    let rounded = (tick * 1e6).round() / 1e6;
    let text = rounded.to_string();
    ledger::Credits::parse(&text).map_or(text, format::exact)
}

fn bars(plot: &Plot) -> impl IntoView + use<> {
    pieces(plot)
        .into_iter()
        .map(|piece| {
            let fill = format!("fill:var({})", piece.ink.token());
            view! {
                <rect
                    x=percent(piece.x)
                    y=percent(piece.y)
                    width=percent(piece.width)
                    height=percent(piece.height)
                    rx=CORNER
                    style=fill
                />
            }
        })
        .collect_view()
}

/// At most eight labels, so that they never touch.
fn bucket_labels(plot: &Plot) -> impl IntoView + use<> {
    let every = plot.buckets.len().div_ceil(8).max(1);
    plot.buckets
        .iter()
        .enumerate()
        .filter(|(index, _)| index % every == 0)
        .map(|(index, bucket)| {
            view! {
                <text x=percent(centre(plot, index)) y="100%" dy="18" text-anchor="middle">
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
        let plot = Plot::of(&view, &labels());
        let pieces = pieces(&plot);
        assert_eq!(pieces.len(), 3, "zero draws nothing");
        let top = pieces[1];
        assert_eq!(top.ink, Ink::Series(1));
        assert!((top.y - 0.0).abs() < 1e-9, "150 of 150 is the whole height: {top:?}");
        assert!((pieces[0].y + pieces[0].height - 100.0).abs() < 1e-9, "the first piece stands on the axis");
        assert!(pieces.iter().all(|piece| piece.x >= 0.0 && piece.x + piece.width <= 100.0));
    }

    #[test]
    fn ticks_are_written_without_noise() {
        assert_eq!(tick_label(0.1 + 0.2), "0.3");
        assert_eq!(tick_label(2500.0), "2,500");
        assert_eq!(tick_label(0.0), "0");
    }
}
