//! The overview's chart: what each operation came to in each step of the time axis.

use app::backend::overview::{ChartView, GroupBy, Range};
use ledger::Timestamp;
use ledger::time::SECOND;

use crate::calendar::{Step, Windows, Zone};
use crate::console::charts::Drawn;
use crate::console::history::{MOST_POINTS, arrange, by_operation};
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

const fn step(range: Range) -> Step {
    match range {
        Range::Day => Step::Hour,
        Range::Week | Range::Month => Step::Day,
    }
}

/// The steps of the range's time axis.
pub(super) fn windows(zone: &Zone, now: Timestamp, range: Range) -> Windows {
    let from = match range {
        Range::Day => now.saturating_add(-EARLIER_HOURS * 3_600 * SECOND),
        Range::Week | Range::Month => zone.days_before(now, days_before(range)),
    };
    let to = now.saturating_add(1);
    // A chart has at most 30 days or 25 hours.
    zone.windows(from, to, step(range), MOST_POINTS).unwrap_or_else(|| Windows::one(from, to))
}

/// `rows` in order of time; those outside the windows are left out.
pub(super) fn view(zone: &Zone, windows: Windows, range: Range, rows: &[BucketRow]) -> ChartView {
    let first = rows.partition_point(|row| row.start < windows.from());
    let end = rows.partition_point(|row| row.start < windows.to());
    let history = arrange(windows, rows.get(first..end).unwrap_or_default(), by_operation);
    let drawn =
        Drawn { zone, step: step(range), group_by: GroupBy::Operation, about: about(range).to_owned() };
    drawn.chart(history, |operation| operation.unwrap_or_default().to_owned())
}

const fn about(range: Range) -> &'static str {
    match range {
        Range::Day => "in the last 24 hours",
        Range::Week => "in the last 7 days",
        Range::Month => "in the last 30 days",
    }
}

#[cfg(test)]
mod tests {
    use ledger::{Credits, Quantity};

    use super::*;
    use crate::calendar::parse_rfc3339;
    use crate::console::charts::millis;

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
        let operations: Vec<&str> = chart.series.iter().map(|one| one.group.as_str()).collect();
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
