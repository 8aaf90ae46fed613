//! Windows and sums of the consumption history.

use ledger::Quantity;

use super::*;
use crate::calendar::{Rfc3339, parse_rfc3339};

fn at(text: &str) -> Timestamp {
    parse_rfc3339(text).unwrap()
}

fn row(start: &str, operation: &str, key: Option<&str>, credits: &str) -> BucketRow {
    BucketRow {
        start: at(start),
        operation: operation.to_owned(),
        api_key: key.map(|key| key.parse().unwrap()),
        credits: Credits::parse(credits).unwrap(),
        quantity: Quantity::parse("2").unwrap(),
        count: 3,
    }
}

fn query(from: Option<&str>, to: Option<&str>, step: Step, zone: &str) -> HistoryQuery {
    HistoryQuery {
        from: from.map(at),
        to: to.map(at),
        step,
        group_by: GroupBy::Nothing,
        operation: None,
        api_key: None,
        zone: zone.parse().unwrap(),
    }
}

fn edges(query: &HistoryQuery) -> (String, String, usize) {
    let windows = query.windows(at("2026-11-22T12:34:56Z")).unwrap();
    (Rfc3339(windows.from()).to_string(), Rfc3339(windows.to()).to_string(), windows.len())
}

fn refusal(query: &HistoryQuery) -> String {
    query.windows(at("2026-11-22T12:34:56Z")).unwrap_err().to_string()
}

#[test]
fn nothing_asked_is_the_last_seven_days_by_day() {
    let edges = edges(&query(None, None, Step::Day, "UTC"));
    assert_eq!(edges, ("2026-11-15T00:00:00Z".into(), "2026-11-23T00:00:00Z".into(), 8));
}

#[test]
fn edges_are_rounded_outwards_in_the_zone() {
    let asked =
        |step, zone| edges(&query(Some("2026-11-20T10:07:00Z"), Some("2026-11-20T10:08:00Z"), step, zone));
    assert_eq!(
        asked(Step::QuarterHour, "UTC"),
        ("2026-11-20T10:00:00Z".into(), "2026-11-20T10:15:00Z".into(), 1)
    );
    assert_eq!(
        asked(Step::Hour, "Asia/Kolkata"),
        ("2026-11-20T09:30:00Z".into(), "2026-11-20T10:30:00Z".into(), 1)
    );
    assert_eq!(
        asked(Step::Day, "Asia/Kathmandu"),
        ("2026-11-19T18:15:00Z".into(), "2026-11-20T18:15:00Z".into(), 1)
    );
    assert_eq!(
        asked(Step::Week, "Europe/Berlin"),
        ("2026-11-15T23:00:00Z".into(), "2026-11-22T23:00:00Z".into(), 1)
    );
    assert_eq!(asked(Step::Month, "UTC"), ("2026-11-01T00:00:00Z".into(), "2026-12-01T00:00:00Z".into(), 1));
}

#[test]
fn a_span_without_time_in_it_is_refused() {
    let span = |from, to| refusal(&query(from, to, Step::Day, "UTC"));
    assert_eq!(
        span(Some("2026-11-20T00:00:00Z"), Some("2026-11-20T00:00:00Z")),
        "to must be later than from."
    );
    assert_eq!(
        span(Some("2026-11-21T00:00:00Z"), Some("2026-11-20T00:00:00Z")),
        "to must be later than from."
    );
    assert_eq!(span(Some("2026-11-23T00:00:00Z"), None), "from must be in the past.");
}

#[test]
fn too_many_points_name_the_finest_step_that_fits() {
    let month = query(Some("2026-10-01T00:00:00Z"), Some("2026-11-01T00:00:00Z"), Step::QuarterHour, "UTC");
    assert!(refusal(&month).contains("the finest granularity that fits is hour"), "{}", refusal(&month));
    let year = query(Some("2025-11-01T00:00:00Z"), Some("2026-11-01T00:00:00Z"), Step::Hour, "UTC");
    assert!(refusal(&year).contains("the finest granularity that fits is day"));
    let era = query(Some("1000-01-01T00:00:00Z"), Some("2026-11-01T00:00:00Z"), Step::Month, "UTC");
    assert!(refusal(&era).contains("at every granularity"));
    // 2 000 quarters of an hour are 500 hours.
    let most = query(Some("2026-10-01T00:00:00Z"), Some("2026-10-21T20:00:00Z"), Step::QuarterHour, "UTC");
    assert_eq!(edges(&most).2, MOST_POINTS);
}

#[test]
fn gaps_are_zero_and_the_total_is_the_sum_of_the_points() {
    let windows = query(Some("2026-11-20T00:00:00Z"), Some("2026-11-23T00:00:00Z"), Step::Day, "UTC")
        .windows(at("2026-11-22T12:00:00Z"))
        .unwrap();
    let rows = [
        row("2026-11-20T00:00:00Z", "a", None, "1"),
        row("2026-11-20T23:45:00Z", "b", None, "0.5"),
        row("2026-11-22T00:00:00Z", "b", None, "2"),
        row("2026-11-22T23:45:00Z", "b", None, "4"),
    ];
    let all = together(windows.clone(), &rows);
    let credits =
        |one: &GroupSeries| one.points.iter().map(|point| point.credits.to_string()).collect::<Vec<_>>();
    assert_eq!(all.series.len(), 1);
    assert_eq!(credits(&all.series[0]), ["1.5", "0", "6"]);
    assert_eq!(all.series[0].points[2].count, 6);
    assert_eq!(all.total, Credits::parse("7.5").unwrap());
    let groups = arrange(windows.clone(), &rows, by_operation);
    let names: Vec<_> = groups.series.iter().map(|one| one.group.as_deref()).collect();
    assert_eq!(names, [Some("b"), Some("a")]);
    assert_eq!(credits(&groups.series[0]), ["0.5", "0", "6"]);
    assert_eq!(groups.total, all.total);
    let nothing = together(windows.clone(), &[]);
    assert_eq!(credits(&nothing.series[0]), ["0", "0", "0"]);
    assert!(arrange(windows, &[], by_operation).series.is_empty());
}

#[test]
fn events_without_a_key_are_a_group_of_their_own() {
    let windows = query(Some("2026-11-20T00:00:00Z"), Some("2026-11-21T00:00:00Z"), Step::Day, "UTC")
        .windows(at("2026-11-22T12:00:00Z"))
        .unwrap();
    let rows = [
        row("2026-11-20T00:00:00Z", "a", None, "1"),
        row("2026-11-20T00:00:00Z", "a", Some("key_9fA2k3QdZt8w"), "3"),
    ];
    let keys = arrange(windows, &rows, by_key);
    let names: Vec<_> = keys.series.iter().map(|one| one.group.as_deref()).collect();
    assert_eq!(names, [Some("key_9fA2k3QdZt8w"), None]);
}

#[test]
fn what_to_group_by_is_read_back_from_its_text_and_nothing_else() {
    for text in ["none", "operation", "api_key", "dim:model"] {
        assert_eq!(text.parse::<GroupBy>().unwrap().to_string(), text);
    }
    for text in ["", "None", "user", "dim", "model"] {
        assert_eq!(text.parse::<GroupBy>(), Err(UnknownGroup), "{text:?}");
    }
}
