//! A [`Plot`] as ECharts options. Pure: the colours come in, [`Options`] go out.

use charming::component::{Axis, Grid};
use charming::element::{
    AxisLabel, AxisLine, AxisPointer, AxisPointerType, AxisTick, AxisType, Emphasis, EmphasisFocus,
    ItemStyle, LineStyle, SplitLine, Tooltip, Trigger,
};
use charming::series::Bar;
use serde::Serialize;

use super::plot::{INKS, Ink, Plot, PlotSeries};
use crate::format;

/// Room around the bars in CSS pixels, for the labels; the sketch leaves the same.
pub const LEFT: i32 = 48;
pub const RIGHT: i32 = 8;
pub const TOP: i32 = 12;
pub const BOTTOM: i32 = 28;
/// The part of a bucket's width that its bar fills.
pub const BAR_PERCENT: u32 = 58;

/// Radius of a bar's corners in CSS pixels; the parts of a stack have none.
const CORNER: u32 = 2;

/// The parts of an ECharts option object (`echarts.setOption`) that we use, as charming writes them.
///
/// [`charming::Chart`] holds every kind of series and axis there is, and with it their code comes into the wasm.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Options {
    animation: bool,
    animation_duration: u32,
    animation_duration_update: u32,
    grid: Grid,
    tooltip: Tooltip,
    x_axis: Axis,
    y_axis: Axis,
    series: Vec<Bar>,
}

/// The colours of the page, as the browser has resolved them from the tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Palette {
    pub series: [String; INKS],
    pub rest: String,
    /// Behind the bars and the tooltip.
    pub surface: String,
    /// Grid lines.
    pub line: String,
    /// Labels.
    pub ink: String,
    pub font: String,
}

impl Palette {
    fn colour(&self, ink: Ink) -> &str {
        match ink {
            Ink::Series(index) => self.series.get(index).unwrap_or(&self.rest),
            Ink::Rest => &self.rest,
        }
    }
}

/// Stacked bars over the buckets, with a tooltip that lists the stack. `still` leaves out all motion.
pub fn consumption(plot: &Plot, palette: &Palette, still: bool) -> Options {
    let corner = if plot.series.len() > 1 { 0 } else { CORNER };
    Options {
        animation: !still,
        animation_duration: 0,
        animation_duration_update: 250,
        grid: Grid::new().left(LEFT).right(RIGHT).top(TOP).bottom(BOTTOM),
        tooltip: tooltip(palette),
        x_axis: time_axis(plot, palette),
        y_axis: value_axis(plot, palette),
        series: plot.series.iter().map(|one| bars(one, palette, corner)).collect(),
    }
}

fn bars(series: &PlotSeries, palette: &Palette, corner: u32) -> Bar {
    let values = series.values.iter().map(|value| format::chart_value(value.micros())).collect();
    Bar::new()
        .name(series.name.as_str())
        .stack("credits")
        .bar_width(format!("{BAR_PERCENT}%"))
        .item_style(ItemStyle::new().color(palette.colour(series.ink)).border_radius(corner))
        .emphasis(Emphasis::new().focus(EmphasisFocus::Series))
        .data::<f64>(values)
}

fn tooltip(palette: &Palette) -> Tooltip {
    Tooltip::new()
        .trigger(Trigger::Axis)
        .axis_pointer(AxisPointer::new().type_(AxisPointerType::Shadow))
        .background_color(palette.surface.as_str())
        .border_color(palette.line.as_str())
}

fn time_axis(plot: &Plot, palette: &Palette) -> Axis {
    Axis::new()
        .type_(AxisType::Category)
        .data(plot.buckets.iter().map(|bucket| bucket.label.as_str()).collect())
        .axis_tick(AxisTick::new().show(false))
        .axis_line(AxisLine::new().show(false))
        .axis_label(axis_label(palette))
}

fn value_axis(plot: &Plot, palette: &Palette) -> Axis {
    Axis::new()
        .type_(AxisType::Value)
        .min(0)
        .max(format::chart_value(plot.scale.max))
        .interval(format::chart_value(plot.scale.step))
        .axis_label(axis_label(palette))
        .split_line(SplitLine::new().line_style(LineStyle::new().color(palette.line.as_str())))
}

fn axis_label(palette: &Palette) -> AxisLabel {
    AxisLabel::new().color(palette.ink.as_str()).font_size(11).font_family(palette.font.as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::plot::tests::{chart, labels};
    use super::*;

    fn palette() -> Palette {
        Palette {
            series: ["#1", "#2", "#3", "#4", "#5", "#6"].map(str::to_owned),
            rest: "#7".to_owned(),
            surface: "#fff".to_owned(),
            line: "#eee".to_owned(),
            ink: "#777".to_owned(),
            font: "sans-serif".to_owned(),
        }
    }

    #[test]
    fn the_options_are_one_stack_of_exact_values_in_the_inks_of_the_palette() {
        let view = chart(&[("model.inference", ["0.2381", "12.5"]), ("model.build", ["50", "100"])]);
        let options =
            serde_json::to_value(consumption(&Plot::of(&view, &labels()), &palette(), false)).unwrap();
        let series = options["series"].as_array().unwrap();
        let drawn: Vec<_> = series
            .iter()
            .map(|one| (&one["name"], &one["stack"], &one["data"], &one["itemStyle"]["color"]))
            .collect();
        assert_eq!(
            drawn,
            [
                (&json!("model.build"), &json!("credits"), &json!([50.0, 100.0]), &json!("#1")),
                (&json!("model.inference"), &json!("credits"), &json!([0.2381, 12.5]), &json!("#2")),
            ]
        );
        assert_eq!(options["xAxis"]["data"], json!(["Sat 21", "Sun 22"]));
        assert_eq!(options["yAxis"]["max"], json!(150.0));
        assert_eq!(options["yAxis"]["interval"], json!(50.0));
    }

    #[test]
    fn nothing_in_the_options_is_a_function() {
        let view = chart(&[("model.build", ["50", "100"])]);
        let options =
            serde_json::to_string(&consumption(&Plot::of(&view, &labels()), &palette(), true)).unwrap();
        assert!(!options.contains("function"), "{options}");
        assert!(options.contains("\"animation\":false"));
    }
}
