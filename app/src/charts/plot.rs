//! What a consumption chart shows, before anything is drawn: which bars, how high, in which ink, under which sentence.

use ledger::Credits;
use ledger::credits::MICROS;

use crate::backend::overview::{BucketView, ChartView, Granularity, LabelsView, Range};
use crate::format;

/// Inks of the palette, in the order of the tokens `--series-1` … `--series-6`.
pub const INKS: usize = 6;

/// A stacked bar chart as data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plot {
    /// The finding, as a sentence.
    pub title: String,
    /// What the axes measure: `Credits per day, Europe/Berlin`.
    pub caption: String,
    pub granularity: Granularity,
    pub buckets: Vec<BucketView>,
    /// From the bottom of the stack upwards; without the operations that cost nothing.
    pub series: Vec<PlotSeries>,
    pub total: Credits,
    pub scale: Scale,
}

/// One operation's bars.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlotSeries {
    pub name: String,
    pub ink: Ink,
    /// One for each bucket.
    pub values: Vec<Credits>,
    pub total: Credits,
}

/// Which colour a series has. The same operation has the same one in every chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ink {
    /// `--series-1` is 0.
    Series(usize),
    /// Everything past the palette.
    Rest,
}

impl Ink {
    /// From the bottom of a stack upwards.
    fn all() -> impl Iterator<Item = Self> {
        (0..INKS).map(Self::Series).chain([Self::Rest])
    }

    /// The custom property that holds the colour.
    pub fn token(self) -> String {
        match self {
            Self::Series(index) => format!("--series-{}", index + 1),
            Self::Rest => "--series-rest".to_owned(),
        }
    }
}

/// The value axis: from zero to `max` in steps of `step`, both in micro-credits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scale {
    pub max: i64,
    pub step: i64,
}

impl Scale {
    /// At most four steps of 1, 2, 2.5 or 5 times a power of ten, with `highest` inside.
    pub fn holding(highest: Credits) -> Self {
        let highest = highest.micros();
        if highest == 0 {
            return Self { max: MICROS, step: MICROS / 2 };
        }
        let mut power = 10;
        loop {
            let nice = [power, power * 2, power * 5 / 2, power * 5];
            if let Some(step) = nice.into_iter().find(|step| step * 4 >= highest) {
                return Self { max: (highest + step - 1) / step * step, step };
            }
            power *= 10;
        }
    }

    /// Every labelled value, from zero upwards.
    pub fn ticks(self) -> impl Iterator<Item = i64> {
        (0..=self.max / self.step).map(move |index| index * self.step)
    }
}

impl Plot {
    pub fn of(view: &ChartView, labels: &LabelsView) -> Self {
        let series: Vec<_> = Ink::all().filter_map(|ink| PlotSeries::of(ink, view, labels)).collect();
        let highest =
            (0..view.buckets.len()).map(|index| height_at(&series, index)).max().unwrap_or_default();
        Self {
            title: title(view),
            caption: caption(view),
            granularity: view.granularity,
            buckets: view.buckets.clone(),
            series,
            total: view.total,
            scale: Scale::holding(highest),
        }
    }

    /// The whole stack in one bucket.
    pub fn height_at(&self, bucket: usize) -> Credits {
        height_at(&self.series, bucket)
    }
}

impl PlotSeries {
    /// Everything that is drawn in `ink`; `None` when that comes to nothing.
    fn of(ink: Ink, view: &ChartView, labels: &LabelsView) -> Option<Self> {
        let mut name = "other";
        let mut values = vec![Credits::ZERO; view.buckets.len()];
        for one in view.series.iter().filter(|one| ink_of(&one.operation, labels) == ink) {
            if ink != Ink::Rest {
                name = &one.operation;
            }
            for (value, point) in values.iter_mut().zip(&one.points) {
                *value = value.checked_add(point.credits).unwrap_or(Credits::MAX);
            }
        }
        let total = sum(&values);
        (!total.is_zero()).then(|| Self { name: name.to_owned(), ink, values, total })
    }
}

fn height_at(series: &[PlotSeries], bucket: usize) -> Credits {
    Credits::sum(series.iter().filter_map(|one| one.values.get(bucket).copied())).unwrap_or(Credits::MAX)
}

fn sum(values: &[Credits]) -> Credits {
    Credits::sum(values.iter().copied()).unwrap_or(Credits::MAX)
}

/// By the place in the rate card, so that a colour never changes its meaning when the range does.
fn ink_of(operation: &str, labels: &LabelsView) -> Ink {
    match labels.units.iter().position(|unit| unit.operation == operation) {
        Some(index) if index < INKS => Ink::Series(index),
        _ => Ink::Rest,
    }
}

fn caption(view: &ChartView) -> String {
    let step = match view.granularity {
        Granularity::Hour => "hour",
        Granularity::Day => "day",
    };
    format!("Credits per {step}, {}", view.time_zone)
}

fn title(view: &ChartView) -> String {
    let span = match view.range {
        Range::Day => "the last 24 hours",
        Range::Week => "the last 7 days",
        Range::Month => "the last 30 days",
    };
    let totals = view.series.iter().map(|one| {
        let values: Vec<_> = one.points.iter().map(|point| point.credits).collect();
        (sum(&values), one.operation.as_str())
    });
    let spent = totals.filter(|(total, _)| !total.is_zero()).collect::<Vec<_>>();
    let Some((most, operation)) = spent.iter().max_by_key(|(total, _)| *total) else {
        return format!("You spent nothing in {span}");
    };
    let share = if spent.len() == 1 {
        "all of it"
    } else if most.micros() * 2 > view.total.micros() {
        "most of it"
    } else {
        "the largest part"
    };
    let credits = format::brief(view.total);
    let noun = if credits == "1" { "credit" } else { "credits" };
    format!("You spent {credits} {noun} in {span}, {share} on {}", format::operation_phrase(operation))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::backend::overview::{PointView, SeriesView, UnitLabel};

    pub fn labels() -> LabelsView {
        let names = ["model.build", "model.inference", "a", "b", "c", "d", "e", "f"];
        let units = names.map(|name| UnitLabel { operation: name.to_owned(), unit: "call".to_owned() });
        LabelsView { units: units.into(), keys: vec![] }
    }

    pub fn chart(series: &[(&str, [&str; 2])]) -> ChartView {
        let credits = |text: &str| Credits::parse(text).unwrap();
        let bucket = |label: &str, start_ms| BucketView {
            start: String::new(),
            start_ms,
            label: label.to_owned(),
            title: label.to_owned(),
        };
        let point = |text| PointView { credits: credits(text), ..PointView::default() };
        ChartView {
            range: Range::Week,
            granularity: Granularity::Day,
            time_zone: "Europe/Berlin".to_owned(),
            buckets: vec![bucket("Sat 21", 0), bucket("Sun 22", 86_400_000)],
            until_ms: 172_800_000,
            series: series
                .iter()
                .map(|(name, values)| SeriesView {
                    operation: (*name).to_owned(),
                    points: values.map(point).into(),
                })
                .collect(),
            total: Credits::sum(series.iter().flat_map(|(_, values)| values.map(credits))).unwrap(),
        }
    }

    #[test]
    fn the_title_is_the_finding() {
        let title = |series: &[(&str, [&str; 2])]| Plot::of(&chart(series), &labels()).title;
        assert_eq!(title(&[]), "You spent nothing in the last 7 days");
        assert_eq!(title(&[("model.build", ["0", "0"])]), "You spent nothing in the last 7 days");
        assert_eq!(
            title(&[("model.build", ["50", "100.04"])]),
            "You spent 150 credits in the last 7 days, all of it on model builds"
        );
        assert_eq!(
            title(&[("model.inference", ["1", "2"]), ("model.build", ["0", "50"])]),
            "You spent 53 credits in the last 7 days, most of it on model builds"
        );
        assert_eq!(
            title(&[("a", ["1", "1"]), ("b", ["1", "0.5"]), ("c", ["1", "0"])]),
            "You spent 4.5 credits in the last 7 days, the largest part on a"
        );
    }

    #[test]
    fn an_operation_keeps_its_ink_whatever_else_is_drawn() {
        let plot = Plot::of(&chart(&[("c", ["1", "1"]), ("model.build", ["1", "2"])]), &labels());
        let inks: Vec<_> = plot.series.iter().map(|one| (one.name.as_str(), one.ink)).collect();
        assert_eq!(inks, [("model.build", Ink::Series(0)), ("c", Ink::Series(4))]);
    }

    #[test]
    fn what_is_past_the_palette_is_one_series() {
        let plot =
            Plot::of(&chart(&[("e", ["1", "1"]), ("f", ["2", "0"]), ("unheard.of", ["0", "4"])]), &labels());
        assert_eq!(plot.series.len(), 1);
        assert_eq!(plot.series[0].name, "other");
        assert_eq!(plot.series[0].values, ["3", "5"].map(|text| Credits::parse(text).unwrap()));
        assert_eq!(plot.height_at(1), plot.series[0].values[1]);
    }

    #[test]
    fn the_scale_holds_the_highest_bar_in_round_steps() {
        let micros = |text: &str| Credits::parse(text).unwrap().micros();
        for (highest, max, step) in [
            ("0", "1", "0.5"),
            ("200", "200", "50"),
            ("201", "300", "100"),
            ("0.7", "0.8", "0.2"),
            ("3", "3", "1"),
            ("9900", "10000", "2500"),
            ("0.000001", "0.00001", "0.00001"),
        ] {
            let scale = Scale::holding(Credits::parse(highest).unwrap());
            let wanted = Scale { max: micros(max), step: micros(step) };
            assert_eq!(scale, wanted, "{highest}");
            assert!(scale.ticks().count() <= 5, "{scale:?}");
        }
    }
}
