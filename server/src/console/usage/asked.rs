//! The query of the usage page's address: read forgivingly, since people type and share it, and written again for every
//! link of the page.

use app::backend::usage::USAGE_PATH;
use axum::extract::Query;
use ledger::time::{DAY, SECOND};
use ledger::{KeyId, Timestamp};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};

use crate::calendar::{Step, Windows, Zone};
use crate::console::history::GroupBy;

/// More bars than this are no chart.
const MOST_BARS: usize = 400;
/// Before the current hour, as many are shown.
const EARLIER_HOURS: i64 = 23;
/// Before the current month, as many are shown.
const EARLIER_MONTHS: usize = 11;
/// In place of a key's id, for what was reported without one.
pub(super) const NO_KEY: &str = "none";

/// What bars can be made of, with its name; the dimensions are those that are declared.
pub(super) fn groups(dimensions: &[String]) -> Vec<(GroupBy, String)> {
    let dimensions = dimensions.iter().map(|name| (GroupBy::Dimension(name.clone()), format!("By {name}")));
    let mut groups =
        vec![(GroupBy::Operation, "By operation".to_owned()), (GroupBy::ApiKey, "By API key".to_owned())];
    groups.extend(dimensions);
    groups.push((GroupBy::Nothing, "Not at all".to_owned()));
    groups
}

/// A range that ends with now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ready {
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

/// Which time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Span {
    Last(Ready),
    /// Whole days of the zone, as typed; from the start of the first to the end of the last.
    Days {
        first: String,
        last: String,
        from: Timestamp,
        to: Timestamp,
    },
}

/// The whole query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub span: Span,
    /// As asked for; what is shown may be another, see [`Asked::windows`].
    pub step: Option<Step>,
    pub group_by: GroupBy,
    pub operation: Option<String>,
    /// A key's id; `""` for what was reported without a key.
    pub api_key: Option<String>,
    /// The list starts before this seq.
    pub before: Option<u64>,
    /// Days that could not be used.
    typed: Option<(String, String)>,
    /// Why not: a whole sentence.
    pub problem: Option<&'static str>,
}

impl Ready {
    pub const ALL: [Self; 5] = [Self::Day, Self::Week, Self::Month, Self::Quarter, Self::Year];

    const fn value(self) -> &'static str {
        match self {
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
            Self::Quarter => "90d",
            Self::Year => "12m",
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Day => "24 h",
            Self::Week => "7 d",
            Self::Month => "30 d",
            Self::Quarter => "90 d",
            Self::Year => "12 m",
        }
    }

    pub const fn words(self) -> &'static str {
        match self {
            Self::Day => "in the last 24 hours",
            Self::Week => "in the last 7 days",
            Self::Month => "in the last 30 days",
            Self::Quarter => "in the last 90 days",
            Self::Year => "in the last 12 months",
        }
    }

    /// The usual one first.
    const fn steps(self) -> &'static [Step] {
        match self {
            Self::Day => &[Step::Hour, Step::QuarterHour],
            Self::Week => &[Step::Day, Step::Hour],
            Self::Month => &[Step::Day, Step::Week],
            Self::Quarter => &[Step::Day, Step::Week, Step::Month],
            Self::Year => &[Step::Week, Step::Day, Step::Month],
        }
    }

    /// Where it starts, when no step is wider than what it counts in.
    pub fn from(self, zone: &Zone, now: Timestamp) -> Timestamp {
        match self {
            Self::Day => zone.floor(now.saturating_add(-EARLIER_HOURS * 3_600 * SECOND), Step::Hour),
            Self::Week => zone.days_before(now, 6),
            Self::Month => zone.days_before(now, 29),
            Self::Quarter => zone.days_before(now, 89),
            Self::Year => (0..EARLIER_MONTHS).fold(zone.floor(now, Step::Month), |month, _| {
                zone.floor(month.saturating_add(-1), Step::Month)
            }),
        }
    }
}

impl Span {
    /// As fields of a form.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, String)> {
        let fields = match self {
            Self::Last(ready) => vec![("range", ready.value().to_owned())],
            Self::Days { first, last, .. } => vec![("from", first.clone()), ("to", last.clone())],
        };
        fields.into_iter()
    }
}

impl Asked {
    pub fn read(search: &str, zone: &Zone) -> Self {
        let uri = format!("/?{search}").parse().ok();
        let pairs = uri.and_then(|uri| Query::<Vec<(String, String)>>::try_from_uri(&uri).ok());
        let pairs = pairs.map(|Query(pairs)| pairs).unwrap_or_default();
        let text = |name: &str| {
            let found = pairs.iter().find(|(known, value)| known == name && !value.is_empty());
            found.map(|(_, value)| value.as_str())
        };
        let ready = text("range").and_then(|text| Ready::ALL.into_iter().find(|one| one.value() == text));
        let days = text("from").zip(text("to")).filter(|_| ready.is_none());
        let (span, problem) = match days.map(|(first, last)| days_of(zone, first, last)) {
            None => (Span::Last(ready.unwrap_or(Ready::Week)), None),
            Some(Ok(span)) => (span, None),
            Some(Err(problem)) => (Span::Last(Ready::Week), Some(problem)),
        };
        let group_by = text("group_by").and_then(|text| text.parse().ok());
        let api_key = text("api_key").and_then(|text| match text {
            NO_KEY => Some(String::new()),
            text => text.parse::<KeyId>().ok().map(|id| id.to_string()),
        });
        Self {
            span,
            step: text("granularity").and_then(|text| text.parse().ok()),
            group_by: group_by.unwrap_or(GroupBy::Operation),
            operation: text("operation").map(str::to_owned),
            api_key,
            before: text("before")
                .and_then(|text| text.parse().ok())
                .filter(|seq: &u64| i64::try_from(*seq).is_ok()),
            typed: days.filter(|_| problem.is_some()).map(|(a, b)| (a.to_owned(), b.to_owned())),
            problem,
        }
    }

    /// The step and the bars that are shown: those asked for where they make a chart, else the usual ones.
    pub fn windows(&self, zone: &Zone, now: Timestamp) -> (Step, Windows) {
        let (from, to) = self.edges(zone, now);
        let steps = self.steps(zone, now);
        let asked = self.step.filter(|step| steps.contains(step));
        let step = asked.or_else(|| self.usual(&steps)).unwrap_or(Step::Day);
        let windows = zone.windows(from, to, step, MOST_BARS);
        (step, windows.unwrap_or_else(|| Windows::one(from, to)))
    }

    fn edges(&self, zone: &Zone, now: Timestamp) -> (Timestamp, Timestamp) {
        match &self.span {
            Span::Last(ready) => (ready.from(zone, now), now.saturating_add(1)),
            Span::Days { from, to, .. } => (*from, *to),
        }
    }

    /// The steps that make a chart, finest first.
    pub fn steps(&self, zone: &Zone, now: Timestamp) -> Vec<Step> {
        let (from, to) = self.edges(zone, now);
        let mut steps = match &self.span {
            Span::Last(ready) => ready.steps().to_vec(),
            Span::Days { .. } => steps_of(zone, from, to),
        };
        steps.sort_unstable();
        steps
    }

    fn usual(&self, steps: &[Step]) -> Option<Step> {
        match &self.span {
            Span::Last(ready) => ready.steps().first().copied(),
            Span::Days { from, to, .. } => {
                let days = to.saturating_since(*from) / DAY;
                let wanted = match days {
                    0..=2 => Step::Hour,
                    3..=100 => Step::Day,
                    101..=500 => Step::Week,
                    _ => Step::Month,
                };
                steps.iter().copied().find(|step| *step >= wanted).or(steps.last().copied())
            }
        }
    }

    /// The first and the last day, for the form.
    pub fn days(&self, zone: &Zone, windows: &Windows, now: Timestamp) -> (String, String) {
        if let Some(typed) = &self.typed {
            return typed.clone();
        }
        match &self.span {
            Span::Days { first, last, .. } => (first.clone(), last.clone()),
            Span::Last(_) => (zone.format(windows.from(), "%Y-%m-%d"), zone.format(now, "%Y-%m-%d")),
        }
    }

    /// This page over another time; with the step asked for, where the time is the same.
    pub fn path(&self, span: &Span, with_step: bool) -> String {
        let mut pairs: Vec<String> = span.fields().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.extend(self.step.filter(|_| with_step).map(|step| format!("granularity={}", step.name())));
        let group = Some(&self.group_by).filter(|group| **group != GroupBy::Operation);
        pairs.extend(group.map(|group| format!("group_by={}", escaped(&group.to_string()))));
        format!("{USAGE_PATH}?{}{}", pairs.join("&"), self.filters())
    }

    /// The filters, as they go on in a query.
    pub fn filters(&self) -> String {
        let operation = self.operation.as_deref().map(|value| format!("&operation={}", escaped(value)));
        let key = self.api_key.as_deref().map(|id| if id.is_empty() { NO_KEY } else { id });
        let key = key.map(|value| format!("&api_key={value}"));
        operation.into_iter().chain(key).collect()
    }
}

/// What somebody typed into the address, so that it means the same in another.
fn escaped(value: &str) -> PercentEncode<'_> {
    const PLAIN: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b':');
    utf8_percent_encode(value, &PLAIN)
}

fn days_of(zone: &Zone, first: &str, last: &str) -> Result<Span, &'static str> {
    let day = |text| zone.day(text).ok_or("Please give both days as year, month and day.");
    let (from, last_start) = (day(first)?, day(last)?);
    if from > last_start {
        return Err("The first day must not be after the last.");
    }
    let to = zone.ceil_after(last_start, Step::Day);
    if steps_of(zone, from, to).is_empty() {
        return Err("This is longer than a chart can show. Please choose fewer years.");
    }
    Ok(Span::Days { first: first.to_owned(), last: last.to_owned(), from, to })
}

/// Not finer than a chart can show, and not so wide that much else is shown with the days.
fn steps_of(zone: &Zone, from: Timestamp, to: Timestamp) -> Vec<Step> {
    let days = to.saturating_since(from) / DAY;
    let is_narrow = |step: &Step| match step {
        Step::Week => days >= 14,
        Step::Month => days >= 60,
        _ => true,
    };
    let fits = |step: &Step| is_narrow(step) && zone.windows(from, to, *step, MOST_BARS).is_some();
    Step::ALL.into_iter().filter(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::{Rfc3339, parse_rfc3339};

    fn berlin() -> Zone {
        "Europe/Berlin".parse().unwrap()
    }

    fn now() -> Timestamp {
        parse_rfc3339("2026-11-22T11:04:00Z").unwrap()
    }

    fn shown(search: &str) -> (Step, usize, String, String) {
        let (step, windows) = Asked::read(search, &berlin()).windows(&berlin(), now());
        let text = |at| Rfc3339(at).to_string();
        (step, windows.len(), text(windows.from()), text(windows.to()))
    }

    #[test]
    fn every_range_has_a_usual_step_that_can_be_read() {
        let seen = |search: &str| {
            let (step, bars, from, _) = shown(search);
            (step, bars, from)
        };
        assert_eq!(seen(""), (Step::Day, 7, "2026-11-15T23:00:00Z".to_owned()));
        assert_eq!(seen("range=24h"), (Step::Hour, 24, "2026-11-21T12:00:00Z".to_owned()));
        assert_eq!(seen("range=24h&granularity=15m").1, 93);
        assert_eq!(seen("range=7d&granularity=hour").1, 6 * 24 + 13);
        assert_eq!(seen("range=30d"), (Step::Day, 30, "2026-10-23T22:00:00Z".to_owned()));
        assert_eq!(seen("range=90d").1, 90);
        assert_eq!(seen("range=12m").0, Step::Week);
        assert_eq!(seen("range=12m&granularity=month"), (Step::Month, 12, "2025-11-30T23:00:00Z".to_owned()));
        assert!(seen("range=12m&granularity=day").1 <= 366);
    }

    #[test]
    fn days_are_whole_days_of_the_zone() {
        let (step, bars, from, to) = shown("from=2026-10-25&to=2026-10-25");
        assert_eq!((step, bars), (Step::Hour, 25), "the clocks went back");
        assert_eq!((from.as_str(), to.as_str()), ("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"));
        assert_eq!(shown("from=2026-10-01&to=2026-10-31").0, Step::Day);
        assert_eq!(shown("from=2025-01-01&to=2026-10-31").0, Step::Month);
        assert_eq!(shown("from=2026-10-01&to=2026-10-03&granularity=month").0, Step::Day, "not that wide");
    }

    #[test]
    fn what_cannot_be_used_is_kept_and_said() {
        for (search, problem) in [
            ("from=2026-10-02&to=2026-10-01", "The first day"),
            ("from=yesterday&to=2026-10-01", "Please give both"),
            ("from=2026-02-30&to=2026-10-01", "Please give both"),
            ("from=0001-01-01&to=2026-10-01", "This is longer"),
        ] {
            let asked = Asked::read(search, &berlin());
            assert!(asked.problem.unwrap().starts_with(problem), "{search}");
            let (_, windows) = asked.windows(&berlin(), now());
            let (first, last) = asked.days(&berlin(), &windows, now());
            assert_eq!(format!("from={first}&to={last}"), search, "what was typed stays");
            assert_eq!(asked.span, Span::Last(Ready::Week));
        }
        for search in ["range=1y&granularity=minute&group_by=user&before=-1&api_key=x", "%", "range", "&&=&"]
        {
            assert_eq!(Asked::read(search, &berlin()), Asked::read("", &berlin()), "{search}");
        }
    }

    #[test]
    fn a_link_leads_to_what_it_was_made_of() {
        for search in [
            "range=24h&granularity=15m&group_by=none",
            "range=7d&group_by=api_key&operation=model.build&api_key=key_9fA2k3QdZt8w",
            "from=2026-10-01&to=2026-10-31&granularity=week&api_key=none",
            "range=30d&group_by=dim:model",
            "range=30d&group_by=dim:a%26b&operation=a%26before%3D5%25%20%C3%BC",
        ] {
            let asked = Asked::read(search, &berlin());
            assert_eq!(asked.path(&asked.span, true), format!("/usage?{search}"));
        }
        let hours = Asked::read("range=7d&granularity=hour&operation=a", &berlin());
        assert_eq!(hours.path(&Span::Last(Ready::Year), false), "/usage?range=12m&operation=a");
    }
}
