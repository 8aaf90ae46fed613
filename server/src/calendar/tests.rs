//! Instants as text, and days as zones have them, the long and the short ones too.

use super::*;

fn at(text: &str) -> Timestamp {
    parse_rfc3339(text).unwrap()
}

fn zone(name: &str) -> Zone {
    name.parse().unwrap()
}

fn starts(name: &str, from: &str, to: &str, step: Step) -> Vec<String> {
    let windows = zone(name).windows(at(from), at(to), step, 2_000).unwrap();
    windows.starts().iter().map(|start| Rfc3339(*start).to_string()).collect()
}

fn spans_hours(name: &str, from: &str, to: &str) -> Vec<i64> {
    let windows = zone(name).windows(at(from), at(to), Step::Day, 2_000).unwrap();
    let widths = windows.starts().iter().enumerate();
    widths.map(|(index, start)| windows.end_of(index).saturating_since(*start) / HOUR).collect()
}

#[test]
fn instants_are_written_with_the_decimals_they_have() {
    assert_eq!(Rfc3339(Timestamp::from_micros(0)).to_string(), "1970-01-01T00:00:00Z");
    assert_eq!(Rfc3339(at("2026-11-22T12:00:00.000001Z")).to_string(), "2026-11-22T12:00:00.000001Z");
    assert_eq!(Rfc3339(at("2026-11-22T12:00:00.482Z")).to_string(), "2026-11-22T12:00:00.482Z");
    assert_eq!(
        serde_json::to_string(&Rfc3339(Timestamp::from_micros(0))).unwrap(),
        "\"1970-01-01T00:00:00Z\""
    );
    assert!(Rfc3339(Timestamp::from_micros(i64::MAX)).to_string().starts_with("9999-12-30"));
}

#[test]
fn every_offset_names_the_same_instant() {
    let noon = at("2026-11-22T12:00:00Z");
    for text in [
        "2026-11-22T12:00:00z",
        "2026-11-22t12:00:00Z",
        "2026-11-22 12:00:00Z",
        "2026-11-22T12:00:00+00:00",
        "2026-11-22T17:30:00+05:30",
        "2026-11-22T17:45:00+05:45",
        "2026-11-22T08:30:00-03:30",
        "2026-11-22T12:00:00.000000999Z",
    ] {
        assert_eq!(parse_rfc3339(text), Ok(noon), "{text}");
    }
}

#[test]
fn what_is_no_rfc_3339_instant_is_refused() {
    for text in [
        "",
        "now",
        "2026-11-22",
        "2026-11-22T12:00:00",
        "2026-11-22T12:00Z",
        "20261122T120000Z",
        "2026-11-22T12:00:00,5Z",
        "2026-11-22T12:00:00+01:00[Europe/Berlin]",
        "2026-13-22T12:00:00Z",
        "2026-02-29T12:00:00Z",
        "2026-11-22T25:00:00Z",
        "2026-11-22T12:00:00 01:00",
        "1795348800",
        "-02026-11-22T12:00:00Z",
    ] {
        assert_eq!(parse_rfc3339(text), Err(TimeError), "{text:?}");
    }
}

#[test]
fn an_instant_that_is_read_can_be_written() {
    for text in ["0000-01-01T00:00:00Z", "0000-01-01T00:00:00.000001Z", "9999-12-30T22:00:00Z"] {
        assert_eq!(Rfc3339(parse_rfc3339(text).unwrap()).to_string(), text);
    }
    for text in ["0000-01-01T00:00:00+00:01", "0000-01-01T00:00:59.999999+00:01"] {
        assert_eq!(parse_rfc3339(text), Err(TimeError), "before the year 0: {text}");
    }
}

#[test]
fn a_query_string_may_have_lost_its_plus() {
    let noon = at("2026-11-22T12:00:00Z");
    for text in [
        "2026-11-22T13:00:00 01:00",
        "2026-11-22T13:00:00+01:00",
        "2026-11-22 12:00:00Z",
        "2026-11-22 13:00:00 01:00",
    ] {
        assert_eq!(parse_rfc3339_in_query(text), Ok(noon), "{text}");
    }
    for text in ["2026-11-22 12:00:00", "2026-11-22T12:00:00", "2026-11-22 ", " "] {
        assert_eq!(parse_rfc3339_in_query(text), Err(TimeError), "{text:?}");
    }
}

#[test]
fn zones_are_iana_names_only() {
    assert_eq!(zone("europe/berlin").name(), "Europe/Berlin");
    assert_eq!(zone("UTC").name(), "UTC");
    assert_eq!(Zone::utc().name(), "UTC");
    for text in ["", "Mars/Phobos", "+01:00", "CET-1CEST", "../etc/passwd", "Etc/Unknown"] {
        assert_eq!(text.parse::<Zone>(), Err(UnknownZone), "{text:?}");
    }
}

#[test]
fn steps_are_read_back_from_their_names() {
    for step in Step::ALL {
        assert_eq!(step.name().parse(), Ok(step));
    }
    for text in ["", "Day", "1d", "minute", "quarter"] {
        assert_eq!(text.parse::<Step>(), Err(UnknownStep), "{text:?}");
    }
}

#[test]
fn a_day_starts_at_the_zones_midnight() {
    let noon = at("2026-11-22T12:00:00Z");
    for (name, start) in [
        ("UTC", "2026-11-22T00:00:00Z"),
        ("Europe/Berlin", "2026-11-21T23:00:00Z"),
        ("Asia/Kolkata", "2026-11-21T18:30:00Z"),
        ("Asia/Kathmandu", "2026-11-21T18:15:00Z"),
        ("America/St_Johns", "2026-11-22T03:30:00Z"),
        ("Pacific/Kiritimati", "2026-11-22T10:00:00Z"),
    ] {
        assert_eq!(zone(name).floor(noon, Step::Day), at(start), "{name}");
        assert_eq!(zone(name).ceil_after(noon, Step::Day), at(start).saturating_add(DAY), "{name}");
    }
}

#[test]
fn hours_follow_the_zones_half_and_quarter_hours() {
    let asked = at("2026-11-22T12:20:00Z");
    for (name, start) in [
        ("UTC", "2026-11-22T12:00:00Z"),
        ("Asia/Kolkata", "2026-11-22T11:30:00Z"),
        ("Asia/Kathmandu", "2026-11-22T12:15:00Z"),
        ("America/St_Johns", "2026-11-22T11:30:00Z"),
    ] {
        assert_eq!(zone(name).floor(asked, Step::Hour), at(start), "{name}");
        assert_eq!(zone(name).floor(asked, Step::QuarterHour), at("2026-11-22T12:15:00Z"), "{name}");
    }
}

#[test]
fn a_start_is_its_own_start_and_never_its_own_end() {
    for name in ["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/St_Johns", "Australia/Lord_Howe"] {
        for step in Step::ALL {
            let start = zone(name).floor(at("2026-11-22T12:00:00Z"), step);
            assert_eq!(zone(name).floor(start, step), start, "{name} {step:?}");
            let end = zone(name).ceil_after(start, step);
            assert!(end > start);
            assert_eq!(zone(name).floor(end.saturating_add(-1), step), start, "{name} {step:?}");
            assert_eq!(zone(name).floor(end, step), end, "{name} {step:?}");
        }
    }
}

#[test]
fn weeks_start_on_monday_and_months_on_the_first() {
    let berlin = zone("Europe/Berlin");
    // A Sunday, late in the evening in Berlin; 22 November 2026 is one.
    let sunday = at("2026-11-22T22:59:59.999999Z");
    assert_eq!(berlin.floor(sunday, Step::Week), at("2026-11-15T23:00:00Z"));
    assert_eq!(berlin.ceil_after(sunday, Step::Week), at("2026-11-22T23:00:00Z"));
    assert_eq!(berlin.floor(at("2026-11-22T23:00:00Z"), Step::Week), at("2026-11-22T23:00:00Z"));
    assert_eq!(berlin.floor(sunday, Step::Month), at("2026-10-31T23:00:00Z"));
    assert_eq!(berlin.ceil_after(sunday, Step::Month), at("2026-11-30T23:00:00Z"));
    assert_eq!(
        starts("UTC", "2024-01-31T00:00:00Z", "2024-04-01T00:00:00Z", Step::Month),
        ["2024-01-01T00:00:00Z", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"]
    );
}

#[test]
fn days_of_both_clock_changes_have_23_and_25_hours() {
    assert_eq!(spans_hours("Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z"), [24, 23, 24]);
    assert_eq!(spans_hours("Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z"), [24, 25, 24]);
    assert_eq!(spans_hours("America/St_Johns", "2026-03-07T12:00:00Z", "2026-03-09T12:00:00Z"), [24, 23, 24]);
}

#[test]
fn every_hour_of_a_clock_change_is_there_once() {
    let spring = starts("Europe/Berlin", "2026-03-29T00:00:00Z", "2026-03-29T03:00:00Z", Step::Hour);
    assert_eq!(spring, ["2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"]);
    let autumn = starts("Europe/Berlin", "2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z", Step::Hour);
    assert_eq!(autumn, ["2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"]);
}

#[test]
fn a_change_by_half_an_hour_cuts_the_hour_it_falls_into() {
    // Lord Howe sets its clocks back from 02:00 (+11) to 01:30 (+10:30) on 5 April 2026.
    let starts = starts("Australia/Lord_Howe", "2026-04-04T14:00:00Z", "2026-04-04T16:30:00Z", Step::Hour);
    assert_eq!(starts, ["2026-04-04T14:00:00Z", "2026-04-04T15:00:00Z", "2026-04-04T15:30:00Z"]);
}

#[test]
fn a_midnight_that_the_clocks_skip_or_repeat_is_one_start() {
    // Havana: 01:00 becomes 00:00 in November, 00:00 becomes 01:00 in March.
    assert_eq!(spans_hours("America/Havana", "2019-11-02T12:00:00Z", "2019-11-04T12:00:00Z"), [24, 25, 24]);
    assert_eq!(spans_hours("America/Havana", "2019-03-09T12:00:00Z", "2019-03-11T12:00:00Z"), [24, 23, 24]);
    // Samoa had no 30 December 2011.
    assert_eq!(spans_hours("Pacific/Apia", "2011-12-29T12:00:00Z", "2011-12-31T12:00:00Z"), [24, 24, 24]);
}

#[test]
fn windows_touch_the_span_and_no_more() {
    let berlin = zone("Europe/Berlin");
    let (from, to) = (at("2026-11-20T10:00:00Z"), at("2026-11-22T23:00:00Z"));
    let windows = berlin.windows(from, to, Step::Day, 3).unwrap();
    assert_eq!((windows.len(), windows.from(), windows.to()), (3, at("2026-11-19T23:00:00Z"), to));
    assert_eq!(berlin.windows(from, to, Step::Day, 2), None);
    assert_eq!(berlin.windows(from, to.saturating_add(1), Step::Day, 3), None);
    assert!(berlin.windows(to, to, Step::Day, 3).unwrap().is_empty());
}

#[test]
fn the_ends_of_time_have_an_end_too() {
    for step in Step::ALL {
        for micros in [i64::MIN, i64::MAX - 400 * DAY, 253_402_207_200 * SECOND] {
            let at = Timestamp::from_micros(micros);
            assert!(zone("Asia/Kolkata").ceil_after(at, step) > at, "{step:?} {micros}");
            assert!(
                zone("Asia/Kolkata")
                    .windows(at, at.saturating_add(400 * DAY), step, 50)
                    .is_none_or(|all| all.len() <= 50)
            );
        }
    }
}

#[test]
fn labels_are_in_the_zone() {
    let berlin = zone("Europe/Berlin");
    let moment = at("2026-11-22T11:04:31.482Z");
    assert_eq!(berlin.format(moment, "%a %-d %b %Y, %H:%M:%S%.3f"), "Sun 22 Nov 2026, 12:04:31.482");
    assert_eq!(berlin.days_before(moment, 6), at("2026-11-15T23:00:00Z"));
    assert_eq!(berlin.days_before(moment, 29), at("2026-10-23T22:00:00Z"));
    assert_eq!(berlin.same_time_before(moment, 29), at("2026-10-24T10:04:31.482Z"));
}

#[test]
fn every_zone_that_is_offered_is_one() {
    let names = Zone::names();
    for name in ["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/St_Johns", "Asia/Kolkata"] {
        assert!(names.iter().any(|offered| offered == name), "{name}");
    }
    for name in &names {
        assert_eq!(name.parse::<Zone>().map(|zone| zone.name().to_owned()).as_ref(), Ok(name));
    }
    assert!(names.is_sorted());
}

#[test]
fn a_header_has_its_own_form_of_an_instant() {
    let at = Timestamp::from_micros(1_795_348_800_999_999);
    assert_eq!(http_date(at), "Sun, 22 Nov 2026 12:00:00 GMT");
    assert_eq!(http_date(Timestamp::from_micros(i64::MAX)), "");
}
