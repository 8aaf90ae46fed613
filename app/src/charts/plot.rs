//! What a consumption chart shows, before anything is drawn: which bars, how high, in which ink, under which sentence.

use ledger::Credits;
use ledger::credits::MICROS;
use ledger::dimensions::OTHER;

use crate::backend::overview::{BucketView, ChartView, Granularity, GroupBy, LabelsView, SeriesView};
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
    /// From the bottom of the stack upwards; without the groups that cost nothing.
    pub series: Vec<PlotSeries>,
    pub total: Credits,
    pub scale: Scale,
}

/// One group's bars.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlotSeries {
    pub name: String,
    pub ink: Ink,
    /// One for each bucket.
    pub values: Vec<Credits>,
    pub total: Credits,
}

/// Which colour a series has. The same operation has the same one in every chart; keys come and go, and have one as
/// long as their chart is shown.
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
        let inks = inks(view, labels);
        let series: Vec<_> = Ink::all().filter_map(|ink| PlotSeries::of(ink, view, &inks)).collect();
        let highest =
            (0..view.buckets.len()).map(|index| height_at(&series, index)).max().unwrap_or_default();
        Self {
            title: title(view),
            caption: format!("Credits per {}, {}", step(view.granularity), view.time_zone),
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
    fn of(ink: Ink, view: &ChartView, inks: &[Ink]) -> Option<Self> {
        let mut name = OTHER;
        let mut values = vec![Credits::ZERO; view.buckets.len()];
        for (one, _) in view.series.iter().zip(inks).filter(|(_, other)| **other == ink) {
            if ink != Ink::Rest {
                name = &one.name;
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

/// One for each series. Operations by the place in the rate card, so that a colour never changes its meaning when the
/// range does.
fn inks(view: &ChartView, labels: &LabelsView) -> Vec<Ink> {
    let place = |(index, one): (usize, &SeriesView)| match view.group_by {
        GroupBy::Operation => labels.units.iter().position(|unit| unit.operation == one.group),
        GroupBy::Dimension if one.group == OTHER => None,
        GroupBy::ApiKey | GroupBy::Dimension | GroupBy::Nothing => Some(index),
    };
    let ink = |place: Option<usize>| place.filter(|place| *place < INKS).map_or(Ink::Rest, Ink::Series);
    view.series.iter().enumerate().map(place).map(ink).collect()
}

/// What one bucket is.
pub fn step(granularity: Granularity) -> &'static str {
    match granularity {
        Granularity::QuarterHour => "quarter of an hour",
        Granularity::Hour => "hour",
        Granularity::Day => "day",
        Granularity::Week => "week",
        Granularity::Month => "month",
    }
}

fn title(view: &ChartView) -> String {
    let about = &view.about;
    if view.total.is_zero() {
        return format!("You spent nothing {about}");
    }
    let finding = match view.group_by {
        GroupBy::Nothing => highest_bucket(view),
        GroupBy::Operation | GroupBy::ApiKey | GroupBy::Dimension => largest_group(view),
    };
    let credits = format::brief(view.total);
    let noun = if credits == "1" { "credit" } else { "credits" };
    format!("You spent {credits} {noun} {about}{finding}")
}

fn total_of(series: &SeriesView) -> Credits {
    sum(&series.points.iter().map(|point| point.credits).collect::<Vec<_>>())
}

fn largest_group(view: &ChartView) -> String {
    let totals = view.series.iter().map(|one| (total_of(one), one));
    let spent = totals.filter(|(total, _)| !total.is_zero()).collect::<Vec<_>>();
    let Some((most, one)) = spent.iter().max_by_key(|(total, _)| *total) else { return String::new() };
    let share = if spent.len() == 1 {
        "all of it"
    } else if most.micros() * 2 > view.total.micros() {
        "most of it"
    } else {
        "the largest part"
    };
    match view.group_by {
        GroupBy::ApiKey if one.group.is_empty() => format!(", {share} without a key"),
        GroupBy::ApiKey => format!(", {share} with {}", one.name),
        GroupBy::Dimension if one.group.is_empty() => format!(", {share} {}", one.name),
        GroupBy::Dimension => format!(", {share} for {}", one.name),
        _ => format!(", {share} on {}", format::operation_phrase(&one.group)),
    }
}

fn highest_bucket(view: &ChartView) -> String {
    let one = view.series.first().map(|one| one.points.as_slice()).unwrap_or_default();
    let highest = one.iter().zip(&view.buckets).max_by_key(|(point, _)| point.credits);
    match highest {
        Some((_, bucket)) if view.buckets.len() > 1 => {
            format!("; the highest {} was {}", step(view.granularity), bucket.title)
        }
        _ => String::new(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::backend::overview::{PointView, UnitLabel};

    pub fn labels() -> LabelsView {
        let names = ["model.build", "model.inference", "a", "b", "c", "d", "e", "f"];
        let units = names.map(|name| UnitLabel { operation: name.to_owned(), unit: "call".to_owned() });
        LabelsView { units: units.into(), keys: vec![] }
    }

    pub fn chart(series: &[(&str, [&str; 2])]) -> ChartView {
        let credits = |text: &str| Credits::parse(text).unwrap();
        let bucket =
            |label: &str, start_ms| BucketView { start_ms, label: label.to_owned(), title: label.to_owned() };
        let point = |text| PointView { credits: credits(text), ..PointView::default() };
        ChartView {
            about: "in the last 7 days".to_owned(),
            group_by: GroupBy::Operation,
            granularity: Granularity::Day,
            time_zone: "Europe/Berlin".to_owned(),
            buckets: vec![bucket("Sat 21", 0), bucket("Sun 22", 86_400_000)],
            until_ms: 172_800_000,
            series: series
                .iter()
                .map(|(name, values)| SeriesView {
                    group: (*name).to_owned(),
                    name: (*name).to_owned(),
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
    fn without_groups_the_finding_is_when() {
        let mut view = chart(&[("", ["50", "100.04"])]);
        view.group_by = GroupBy::Nothing;
        let plot = Plot::of(&view, &labels());
        assert_eq!(plot.title, "You spent 150 credits in the last 7 days; the highest day was Sun 22");
        assert_eq!(plot.series[0].ink, Ink::Series(0));
    }

    #[test]
    fn keys_are_found_by_name_and_have_inks_in_their_order() {
        let mut view = chart(&[("key_2", ["50", "100"]), ("", ["1", "1"])]);
        view.group_by = GroupBy::ApiKey;
        view.series[0].name = "plx_sk_9f2a…k3Qd".to_owned();
        let plot = Plot::of(&view, &labels());
        assert!(plot.title.ends_with(", most of it with plx_sk_9f2a…k3Qd"), "{}", plot.title);
        assert_eq!((plot.series[0].ink, plot.series[1].ink), (Ink::Series(0), Ink::Series(1)));
        view.series.remove(0);
        view.total = Credits::whole(2);
        assert!(Plot::of(&view, &labels()).title.ends_with(", all of it without a key"));
    }

    #[test]
    fn values_of_a_dimension_have_inks_in_their_order_and_other_has_the_last() {
        let mut view = chart(&[("", ["50", "100"]), ("other", ["4", "5"]), ("churn", ["1", "1"])]);
        view.group_by = GroupBy::Dimension;
        view.series[0].name = "without model".to_owned();
        let plot = Plot::of(&view, &labels());
        assert!(plot.title.ends_with(", most of it without model"), "{}", plot.title);
        let inks: Vec<_> = plot.series.iter().map(|one| (one.name.as_str(), one.ink)).collect();
        let wanted = [("without model", Ink::Series(0)), ("churn", Ink::Series(2)), ("other", Ink::Rest)];
        assert_eq!(inks, wanted);
        view.series.remove(0);
        view.total = Credits::whole(11);
        assert!(Plot::of(&view, &labels()).title.ends_with(", most of it for other"));
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
