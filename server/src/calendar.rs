//! Instants as the wire writes them, and days, weeks and months as a time zone counts them.
//!
//! The zones are compiled in (IANA, by `jiff`), so that the answer does not depend on the machine.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use ledger::Timestamp;
use ledger::time::{DAY, SECOND};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

/// Microseconds in one hour.
const HOUR: i64 = 3_600 * SECOND;
/// Microseconds in one minute.
const MINUTE: i64 = 60 * SECOND;

/// 0000-01-01T00:00:00Z in microseconds since 1970.
const YEAR_0: i64 = -62_167_219_200 * SECOND;

/// An instant as text: `2026-11-22T12:00:00Z`, with up to six decimals when it has any (RFC 3339, UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rfc3339(pub Timestamp);

impl fmt::Display for Rfc3339 {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = if self.0.micros() < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
        write!(out, "{}", instant(self.0).unwrap_or(held))
    }
}

impl Serialize for Rfc3339 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Rfc3339 {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": "date-time",
            "description": "RFC 3339 in UTC, with up to six decimals when it has any.",
            "examples": ["2026-11-22T12:00:00Z"],
        })
    }
}

/// A text that is no instant. The message ends a sentence that begins with the field's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an RFC 3339 time with an offset, such as 2026-11-22T12:00:00Z")]
pub struct TimeError;

/// Reads an instant with any offset; what is below a microsecond is dropped.
pub fn parse_rfc3339(text: &str) -> Result<Timestamp, TimeError> {
    // `jiff` reads more of ISO 8601 than RFC 3339 allows.
    let bytes = text.as_bytes();
    let separators = [(4, "-"), (7, "-"), (10, "Tt "), (13, ":"), (16, ":")];
    let shaped =
        separators.iter().all(|(at, any)| bytes.get(*at).is_some_and(|byte| any.as_bytes().contains(byte)));
    if !shaped || text.contains(['[', ',']) {
        return Err(TimeError);
    }
    let parsed: jiff::Timestamp = text.parse().map_err(|_| TimeError)?;
    // An offset may lead to before the year 0, which RFC 3339 can't write.
    let micros = parsed.as_microsecond();
    if micros < YEAR_0 { Err(TimeError) } else { Ok(Timestamp::from_micros(micros)) }
}

/// The same from a query string, where a `+` that nobody escaped arrives as a space: `2026-11-22T12:00:00 01:00`.
pub fn parse_rfc3339_in_query(text: &str) -> Result<Timestamp, TimeError> {
    match text.rsplit_once(' ') {
        Some((time, offset)) if time.len() > "2026-11-22".len() => parse_rfc3339(&format!("{time}+{offset}")),
        _ => parse_rfc3339(text),
    }
}

/// An instant as a header field has it: `Sun, 22 Nov 2026 12:00:00 GMT` (RFC 9110, section 5.6.7); empty for one that
/// can't be written so.
pub fn http_date(at: Timestamp) -> String {
    let printer = jiff::fmt::rfc2822::DateTimePrinter::new();
    instant(at).and_then(|at| printer.timestamp_to_rfc9110_string(&at).ok()).unwrap_or_default()
}

fn instant(at: Timestamp) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_microsecond(at.micros()).ok()
}

/// How wide one step of a time axis is, finest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    QuarterHour,
    Hour,
    Day,
    /// Monday to Sunday (ISO 8601).
    Week,
    Month,
}

impl Step {
    pub const ALL: [Self; 5] = [Self::QuarterHour, Self::Hour, Self::Day, Self::Week, Self::Month];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::QuarterHour => "15m",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// Microseconds, where every step is as wide as every other.
    const fn usual_width(self) -> i64 {
        match self {
            Self::QuarterHour => 15 * MINUTE,
            Self::Hour => HOUR,
            Self::Day => DAY,
            Self::Week => 7 * DAY,
            Self::Month => 31 * DAY,
        }
    }
}

/// A text that names no [`Step`]. The message ends a sentence that begins with the field's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be one of 15m, hour, day, week and month")]
pub struct UnknownStep;

impl FromStr for Step {
    type Err = UnknownStep;

    fn from_str(text: &str) -> Result<Self, UnknownStep> {
        Self::ALL.into_iter().find(|step| step.name() == text).ok_or(UnknownStep)
    }
}

/// A text that names no zone. The message ends a sentence that begins with the field's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an IANA time zone such as Europe/Berlin or UTC")]
pub struct UnknownZone;

/// An IANA time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl FromStr for Zone {
    type Err = UnknownZone;

    /// Reads an IANA name; upper and lower case are the same.
    fn from_str(text: &str) -> Result<Self, UnknownZone> {
        let zone = TimeZone::get(text).map_err(|_| UnknownZone)?;
        if zone.is_unknown() || zone.iana_name().is_none() { Err(UnknownZone) } else { Ok(Self(zone)) }
    }
}

impl Zone {
    pub const fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// The names that people choose from, sorted: places, and UTC.
    pub fn names() -> Vec<String> {
        let is_place = |name: &str| name.contains('/') && !name.starts_with("Etc/");
        let all = jiff::tz::db().available().map(|name| name.to_string());
        let mut names: Vec<String> = all.filter(|name| is_place(name) || name == "UTC").collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The IANA name.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// The start of the step that holds `at`.
    pub fn floor(&self, at: Timestamp, step: Step) -> Timestamp {
        let found = match step {
            Step::QuarterHour | Step::Hour => self.clock_floor(at, step.usual_width()),
            Step::Day | Step::Week | Step::Month => {
                self.first_day(at, step).and_then(|date| self.midnight(date))
            }
        };
        found.unwrap_or_else(|| at.floor(step.usual_width()))
    }

    /// The end of the step that holds `at`, always later than `at`.
    pub fn ceil_after(&self, at: Timestamp, step: Step) -> Timestamp {
        let found = match step {
            Step::QuarterHour | Step::Hour => self.clock_end(at, step.usual_width()),
            Step::Day | Step::Week | Step::Month => self.first_day(at, step).and_then(|date| {
                let next = match step {
                    Step::Month => date.checked_add(jiff::Span::new().months(1)),
                    Step::Week => date.checked_add(jiff::Span::new().days(7)),
                    _ => date.checked_add(jiff::Span::new().days(1)),
                };
                self.midnight(next.ok()?)
            }),
        };
        let usual = || at.floor(step.usual_width()).saturating_add(step.usual_width());
        found.filter(|end| *end > at).unwrap_or_else(usual)
    }

    /// The steps that touch `from ≤ t < to`; `None` when they are more than `most`.
    pub fn windows(&self, from: Timestamp, to: Timestamp, step: Step, most: usize) -> Option<Windows> {
        let mut edges = vec![self.floor(from, step)];
        while let Some(last) = edges.last().copied().filter(|last| *last < to) {
            if edges.len() > most {
                return None;
            }
            edges.push(self.ceil_after(last, step));
        }
        Some(Windows(edges))
    }

    /// The start of the day that lies `days` before the one that holds `at`.
    pub fn days_before(&self, at: Timestamp, days: u16) -> Timestamp {
        let found = self.first_day(at, Step::Day).and_then(|date| {
            let earlier = date.checked_sub(jiff::Span::new().days(i64::from(days))).ok()?;
            self.midnight(earlier)
        });
        found.unwrap_or_else(|| at.floor(DAY).saturating_add(-i64::from(days) * DAY))
    }

    /// `at` as a calendar writes it; `pattern` is one of `strftime`.
    pub fn format(&self, at: Timestamp, pattern: &str) -> String {
        instant(at).map_or_else(String::new, |at| at.to_zoned(self.0.clone()).strftime(pattern).to_string())
    }

    /// The same time of day (by the clock on the wall) as `at`, on the day that lies `days` before it.
    pub fn same_time_before(&self, at: Timestamp, days: u16) -> Timestamp {
        let found = instant(at).and_then(|at| {
            let earlier =
                at.to_zoned(self.0.clone()).checked_sub(jiff::Span::new().days(i64::from(days))).ok()?;
            Some(Timestamp::from_micros(earlier.timestamp().as_microsecond()))
        });
        found.unwrap_or_else(|| at.saturating_add(-i64::from(days) * DAY))
    }

    /// The start of a day that is written `2026-11-22`.
    pub fn day(&self, text: &str) -> Option<Timestamp> {
        let date = text.parse::<Date>().ok().filter(|date| date.to_string() == text)?;
        self.midnight(date)
    }

    /// The first day of the day, week or month that holds `at`.
    fn first_day(&self, at: Timestamp, step: Step) -> Option<Date> {
        let date = instant(at)?.to_zoned(self.0.clone()).date();
        match step {
            Step::Month => Some(date.first_of_month()),
            Step::Week => {
                let since_monday = i64::from(date.weekday().to_monday_zero_offset());
                date.checked_sub(jiff::Span::new().days(since_monday)).ok()
            }
            _ => Some(date),
        }
    }

    /// The first instant of a day; where the clocks skip midnight, the one they jump to.
    fn midnight(&self, date: Date) -> Option<Timestamp> {
        let start = date.to_zoned(self.0.clone()).ok()?;
        Some(Timestamp::from_micros(start.timestamp().as_microsecond()))
    }

    /// Microseconds to add to UTC.
    fn offset(&self, at: Timestamp) -> Option<i64> {
        Some(i64::from(self.0.to_offset(instant(at)?).seconds()) * SECOND)
    }

    /// Steps of the clock on the wall. A change of offset inside one (Lord Howe's half hour) cuts it in two.
    fn clock_floor(&self, at: Timestamp, width: i64) -> Option<Timestamp> {
        let offset = self.offset(at)?;
        let start = at.saturating_add(offset).floor(width).saturating_add(-offset);
        if self.offset(start)? == offset {
            return Some(start);
        }
        let after = instant(at.saturating_add(1))?;
        let change = self.0.preceding(after).next()?.timestamp();
        Some(Timestamp::from_micros(change.as_microsecond()))
    }

    fn clock_end(&self, at: Timestamp, width: i64) -> Option<Timestamp> {
        let offset = self.offset(at)?;
        let start = at.saturating_add(offset).floor(width).saturating_add(-offset);
        let end = start.saturating_add(width);
        if self.offset(end.saturating_add(-1))? == offset {
            return Some(end);
        }
        let change = self.0.following(instant(at)?).next()?.timestamp();
        Some(Timestamp::from_micros(change.as_microsecond()))
    }
}

/// Steps without gaps between them, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Windows(Vec<Timestamp>);

impl Windows {
    /// A single step.
    pub fn one(from: Timestamp, to: Timestamp) -> Self {
        Self(vec![from, to])
    }

    /// Where each step starts.
    pub fn starts(&self) -> &[Timestamp] {
        &self.0[..self.len()]
    }

    pub fn len(&self) -> usize {
        self.0.len() - 1
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The start of the first step.
    pub fn from(&self) -> Timestamp {
        self.0[0]
    }

    /// The end of the last step.
    pub fn to(&self) -> Timestamp {
        self.0[self.len()]
    }

    /// Where steps start, and where the last one ends.
    pub fn edges(&self) -> &[Timestamp] {
        &self.0
    }

    /// Where the step that starts at position `index` ends.
    pub fn end_of(&self, index: usize) -> Timestamp {
        self.0.get(index + 1).copied().unwrap_or_else(|| self.to())
    }
}

#[cfg(test)]
mod tests;
