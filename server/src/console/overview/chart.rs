//! The overview's chart: what each operation came to in each step of the time axis.

use app::backend::overview::{BucketView, ChartView, Granularity, PointView, Range, SeriesView};
use ledger::Timestamp;
use ledger::series::Totals;
use ledger::time::SECOND;

use crate::calendar::{Rfc3339, Step, Windows, Zone};
use crate::console::history::{GroupBy, MOST_POINTS, arrange};
use crate::store::BucketRow;

/// Before the current one, as many hours are shown.
const EARLIER_HOURS: i64 = 23;

/// From the start of the longest chart to the end of today.
pub(super) fn longest(zone: &Zone, now: Timestamp) -> (Timestamp, Timestamp) {
    (zone.days_before(now, days_before(Range::Month)), zone.ceil_after(now, Step::Day))
}

/// Days before today that the range shows.
pub(super) const fn days_before(range: Range) -> u16 {
    match range {
        Range::Day => 0,
        Range::Week => 6,
        Range::Month => 29,
    }
}

/// The steps of the range's time axis.
pub(super) fn windows(zone: &Zone, now: Timestamp, range: Range) -> Windows {
    let (from, step) = match range {
        Range::Day => (now.saturating_add(-EARLIER_HOURS * 3_600 * SECOND), Step::Hour),
        Range::Week | Range::Month => (zone.days_before(now, days_before(range)), Step::Day),
    };
    let to = now.saturating_add(1);
    // A chart has at most 30 days or 25 hours.
    zone.windows(from, to, step, MOST_POINTS).unwrap_or_else(|| Windows::one(from, to))
}

/// `rows` in order of time; those outside the windows are left out.
pub(super) fn view(zone: &Zone, windows: Windows, range: Range, rows: &[BucketRow]) -> ChartView {
    let first = rows.partition_point(|row| row.start < windows.from());
    let end = rows.partition_point(|row| row.start < windows.to());
    let buckets = buckets(zone, &windows, range.granularity());
    let history = arrange(windows, rows.get(first..end).unwrap_or_default(), GroupBy::Operation);
    let series = history.series.into_iter().map(|one| SeriesView {
        operation: one.group.unwrap_or_default(),
        points: one.points.into_iter().map(point).collect(),
    });
    ChartView {
        range,
        granularity: range.granularity(),
        time_zone: zone.name().to_owned(),
        buckets,
        until_ms: millis(history.windows.to()),
        series: series.collect(),
        total: history.total,
    }
}

fn point(Totals { credits, quantity, count }: Totals) -> PointView {
    PointView { credits, quantity, count }
}

fn buckets(zone: &Zone, windows: &Windows, granularity: Granularity) -> Vec<BucketView> {
    let starts = windows.starts().iter().enumerate();
    let bucket = |(index, start): (usize, &Timestamp)| {
        let (label, title) = labels(zone, *start, windows.end_of(index), granularity);
        BucketView { start: Rfc3339(*start).to_string(), start_ms: millis(*start), label, title }
    };
    starts.map(bucket).collect()
}

fn labels(zone: &Zone, start: Timestamp, end: Timestamp, granularity: Granularity) -> (String, String) {
    let day = zone.format(start, "%A, %-d %B %Y");
    match granularity {
        Granularity::Day => (zone.format(start, "%a %-d"), day),
        Granularity::Hour => {
            let (from, to) = (zone.format(start, "%H:%M"), zone.format(end, "%H:%M"));
            let title = format!("{day}, {from} – {to}");
            (from, title)
        }
    }
}

/// Milliseconds since 1970.
pub(super) const fn millis(at: Timestamp) -> i64 {
    at.micros().div_euclid(1_000)
}

#[cfg(test)]
mod tests {
    use ledger::{Credits, Quantity};

    use super::*;
    use crate::calendar::parse_rfc3339;

    fn at(text: &str) -> Timestamp {
        parse_rfc3339(text).unwrap()
    }

    fn row(start: &str, operation: &str, credits: u32) -> BucketRow {
        BucketRow {
            start: at(start),
            operation: operation.to_owned(),
            api_key: None,
            credits: Credits::whole(credits),
            quantity: Quantity::ZERO,
            count: 1,
        }
    }

    #[test]
    fn a_week_is_today_and_the_six_days_before_it() {
        let zone: Zone = "Europe/Berlin".parse().unwrap();
        let now = at("2026-11-22T11:00:00Z");
        let rows = [
            row("2026-11-15T22:45:00Z", "too early", 9),
            row("2026-11-15T23:00:00Z", "model.build", 1),
            row("2026-11-22T10:45:00Z", "model.inference", 2),
        ];
        let chart = view(&zone, windows(&zone, now, Range::Week), Range::Week, &rows);
        let labels: Vec<&str> = chart.buckets.iter().map(|bucket| bucket.label.as_str()).collect();
        assert_eq!(labels, ["Mon 16", "Tue 17", "Wed 18", "Thu 19", "Fri 20", "Sat 21", "Sun 22"]);
        assert_eq!(chart.buckets[0].title, "Monday, 16 November 2026");
        assert_eq!(chart.until_ms, millis(at("2026-11-22T23:00:00Z")));
        assert_eq!(chart.total, Credits::whole(3));
        let operations: Vec<&str> = chart.series.iter().map(|one| one.operation.as_str()).collect();
        assert_eq!(operations, ["model.inference", "model.build"]);
        assert_eq!(chart.series[0].points[6].credits, Credits::whole(2));
    }

    #[test]
    fn a_day_is_this_hour_and_the_23_before_it_whatever_the_clocks_do() {
        for (name, now) in [
            ("Europe/Berlin", "2026-11-22T11:04:00Z"),
            ("Asia/Kathmandu", "2026-11-22T11:04:00Z"),
            ("Europe/Berlin", "2026-03-29T11:04:00Z"),
            ("Europe/Berlin", "2026-10-25T11:00:00Z"),
        ] {
            let zone: Zone = name.parse().unwrap();
            let windows = windows(&zone, at(now), Range::Day);
            assert_eq!(windows.len(), 24, "{name} {now}");
            assert!(windows.to() > at(now));
        }
        let zone: Zone = "Asia/Kolkata".parse().unwrap();
        let chart = view(&zone, windows(&zone, at("2026-11-22T11:04:00Z"), Range::Day), Range::Day, &[]);
        assert_eq!(chart.buckets[23].label, "16:00");
        assert_eq!(chart.buckets[23].title, "Sunday, 22 November 2026, 16:00 – 17:00");
        assert!(chart.series.is_empty());
    }
}
