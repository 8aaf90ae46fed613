//! A consumption history as pages draw it: with words for its buckets and groups.

use app::backend::overview::{BucketView, ChartView, Granularity, GroupBy, PointView, SeriesView};
use ledger::Timestamp;
use ledger::series::Totals;
use ledger::time::DAY;

use super::history::History;
use crate::calendar::{Step, Windows, Zone};

/// What a history is shown as.
pub(super) struct Drawn<'a> {
    pub zone: &'a Zone,
    pub step: Step,
    pub group_by: GroupBy,
    /// See [`ChartView::about`].
    pub about: String,
}

impl Drawn<'_> {
    /// `name` is what the legend calls a group.
    pub fn chart(self, history: History, name: impl Fn(Option<&str>) -> String) -> ChartView {
        let series = history.series.into_iter().map(|one| SeriesView {
            name: name(one.group.as_deref()),
            group: one.group.unwrap_or_default(),
            points: one.points.into_iter().map(point).collect(),
        });
        ChartView {
            about: self.about,
            group_by: self.group_by,
            granularity: granularity(self.step),
            time_zone: self.zone.name().to_owned(),
            series: series.collect(),
            buckets: buckets(self.zone, &history.windows, self.step),
            until_ms: millis(history.windows.to()),
            total: history.total,
        }
    }
}

const fn granularity(step: Step) -> Granularity {
    match step {
        Step::QuarterHour => Granularity::QuarterHour,
        Step::Hour => Granularity::Hour,
        Step::Day => Granularity::Day,
        Step::Week => Granularity::Week,
        Step::Month => Granularity::Month,
    }
}

fn point(Totals { credits, quantity, count }: Totals) -> PointView {
    PointView { credits, quantity, count }
}

fn buckets(zone: &Zone, windows: &Windows, step: Step) -> Vec<BucketView> {
    let is_long = windows.to().saturating_since(windows.from()) > 2 * DAY;
    let starts = windows.starts().iter().enumerate();
    let bucket = |(index, start): (usize, &Timestamp)| {
        let end = windows.end_of(index);
        BucketView {
            start_ms: millis(*start),
            label: zone.format(*start, label(step, windows.len(), is_long)),
            title: title(zone, *start, end, step),
        }
    };
    starts.map(bucket).collect()
}

/// As short as it can be without being mistaken for another bucket's.
fn label(step: Step, count: usize, is_long: bool) -> &'static str {
    match step {
        Step::QuarterHour | Step::Hour if is_long => "%a %-d, %H:%M",
        Step::QuarterHour | Step::Hour => "%H:%M",
        Step::Day if count <= 14 => "%a %-d",
        Step::Day | Step::Week => "%-d %b",
        Step::Month => "%b %Y",
    }
}

fn title(zone: &Zone, start: Timestamp, end: Timestamp, step: Step) -> String {
    match step {
        Step::QuarterHour | Step::Hour => {
            let (from, to) = (zone.format(start, "%A, %-d %B %Y, %H:%M"), zone.format(end, "%H:%M"));
            format!("{from} – {to}")
        }
        Step::Day => zone.format(start, "%A, %-d %B %Y"),
        Step::Week => {
            let last = zone.format(end.saturating_add(-1), "%-d %B %Y");
            format!("{} – {last}", zone.format(start, "%-d %B"))
        }
        Step::Month => zone.format(start, "%B %Y"),
    }
}

/// Milliseconds since 1970.
pub(super) const fn millis(at: Timestamp) -> i64 {
    at.micros().div_euclid(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::parse_rfc3339;

    fn first(zone: &str, from: &str, to: &str, step: Step) -> (String, String) {
        let at = |text: &str| parse_rfc3339(text).unwrap();
        let zone: Zone = zone.parse().unwrap();
        let windows = zone.windows(at(from), at(to), step, 1_000).unwrap();
        let bucket = buckets(&zone, &windows, step).remove(0);
        (bucket.label, bucket.title)
    }

    #[test]
    fn buckets_are_named_in_the_zone() {
        let day = |step| first("Asia/Kolkata", "2026-11-16T11:00:00Z", "2026-11-16T12:00:00Z", step);
        let named = |label: &str, title: &str| (label.to_owned(), title.to_owned());
        assert_eq!(day(Step::QuarterHour), named("16:30", "Monday, 16 November 2026, 16:30 – 16:45"));
        assert_eq!(day(Step::Hour), named("16:00", "Monday, 16 November 2026, 16:00 – 17:00"));
        assert_eq!(day(Step::Day), named("Mon 16", "Monday, 16 November 2026"));
        assert_eq!(day(Step::Week), named("16 Nov", "16 November – 22 November 2026"));
        assert_eq!(day(Step::Month), named("Nov 2026", "November 2026"));
    }

    #[test]
    fn a_label_is_never_two_buckets() {
        let long = |step| first("UTC", "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z", step).0;
        assert_eq!(long(Step::Hour), "Sun 1, 00:00");
        assert_eq!(long(Step::Day), "1 Nov");
    }
}
