//! Consumption over time, read from the rollups only: its cost does not grow with the number of events.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::str::FromStr;

use ledger::dimensions::{MOST_VALUES, OTHER};
use ledger::series::Totals;
use ledger::time::DAY;
use ledger::{Credits, Timestamp};

use super::{Console, Error};
use crate::calendar::{Step, Windows, Zone};
use crate::store::{BucketRow, RollupFilter, ValueRow};

/// The most points of one series.
pub const MOST_POINTS: usize = 2_000;
/// How far back to look when nobody says.
const USUAL_SPAN: i64 = 7 * DAY;

/// What the points of a series have in common. As text: `none`, `operation`, `api_key`, `dim:model`.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub enum GroupBy {
    /// One series of everything.
    #[default]
    Nothing,
    Operation,
    ApiKey,
    /// The values of a dimension, by its name; whether it is declared is for the caller to look at.
    Dimension(String),
}

/// What a dimension's name comes after.
const DIMENSION: &str = "dim:";

impl fmt::Display for GroupBy {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => out.write_str("none"),
            Self::Operation => out.write_str("operation"),
            Self::ApiKey => out.write_str("api_key"),
            Self::Dimension(name) => write!(out, "{DIMENSION}{name}"),
        }
    }
}

/// A text that says nothing to group by. The message ends a sentence that begins with the field's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be one of none, operation, api_key and dim:<name>")]
pub struct UnknownGroup;

impl FromStr for GroupBy {
    type Err = UnknownGroup;

    fn from_str(text: &str) -> Result<Self, UnknownGroup> {
        let plain = [Self::Nothing, Self::Operation, Self::ApiKey];
        match text.strip_prefix(DIMENSION) {
            Some(name) => Ok(Self::Dimension(name.to_owned())),
            None => plain.into_iter().find(|one| one.to_string() == text).ok_or(UnknownGroup),
        }
    }
}

/// What to show. `from` and `to` are rounded outwards to whole steps.
#[derive(Debug, Clone)]
pub struct HistoryQuery {
    /// `None`: 7 days before `to`.
    pub from: Option<Timestamp>,
    /// `None`: now.
    pub to: Option<Timestamp>,
    pub step: Step,
    pub group_by: GroupBy,
    pub operation: Option<String>,
    pub api_key: Option<String>,
    pub zone: Zone,
}

/// Series over the same windows, gaps filled with zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    pub windows: Windows,
    /// The dearest first; those that cost the same by name.
    pub series: Vec<GroupSeries>,
    /// The sum of all points.
    pub total: Credits,
}

/// The consumption of one group, one point for each window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupSeries {
    /// The operation, the key's id or the dimension's value; `None` for everything, and for what was reported without a
    /// key or without the dimension.
    pub group: Option<String>,
    pub points: Vec<Totals>,
    pub total: Credits,
}

impl Console {
    /// The history of the account with number `account`.
    ///
    /// # Errors
    /// [`Error::Validation`] when `from` is not before `to`, or a series would have more than [`MOST_POINTS`] points.
    pub async fn history(&self, account: i64, query: HistoryQuery) -> Result<History, Error> {
        let windows = query.windows(self.clock.now())?;
        let filter = RollupFilter {
            account,
            from: windows.from(),
            to: windows.to(),
            operation: query.operation,
            api_key: query.api_key,
        };
        // A year of quarter hours is half a million rows for an account that never sleeps.
        let is_summed = query.step >= Step::Day;
        if let GroupBy::Dimension(name) = &query.group_by {
            let rows = if is_summed {
                self.store.value_sums(&filter, name, windows.edges()).await?
            } else {
                self.store.value_rollups(&filter, name).await?
            };
            let named = dearest(&rows);
            return Ok(arrange(windows, &rows, |row| by_value(row, &named)));
        }
        let rows = if is_summed {
            self.store.rollup_sums(&filter, windows.edges()).await?
        } else {
            self.store.rollups(filter).await?
        };
        Ok(match query.group_by {
            GroupBy::Operation => arrange(windows, &rows, by_operation),
            GroupBy::ApiKey => arrange(windows, &rows, by_key),
            GroupBy::Nothing | GroupBy::Dimension(_) => together(windows, &rows),
        })
    }
}

impl HistoryQuery {
    fn windows(&self, now: Timestamp) -> Result<Windows, Error> {
        let to = self.to.unwrap_or(now);
        let from = self.from.unwrap_or(to.saturating_add(-USUAL_SPAN));
        if from >= to {
            let (field, reason) = match (self.from, self.to) {
                (Some(_), None) => ("from", "must be in the past"),
                _ => ("to", "must be later than from"),
            };
            return Err(Error::field(field, reason));
        }
        let fits = |step| self.zone.windows(from, to, step, MOST_POINTS);
        fits(self.step)
            .ok_or_else(|| too_many_points(Step::ALL.into_iter().find(|step| fits(*step).is_some())))
    }
}

/// Names the finest step that fits, if there is one.
fn too_many_points(fitting: Option<Step>) -> Error {
    let limit = format!("would make more than {MOST_POINTS} points");
    let reason = match fitting {
        Some(step) => format!("{limit}; the finest granularity that fits is {}", step.name()),
        None => format!("{limit} at every granularity; ask for a shorter time"),
    };
    Error::field("granularity", reason)
}

/// What a row adds to a history.
#[derive(Debug, Clone, Copy)]
pub struct Part<'r> {
    start: Timestamp,
    group: Option<&'r str>,
    totals: Totals,
}

/// Everything is one group.
fn by_nothing(row: &BucketRow) -> Part<'_> {
    let totals = Totals { credits: row.credits, quantity: row.quantity, count: row.count };
    Part { start: row.start, group: None, totals }
}

pub fn by_operation(row: &BucketRow) -> Part<'_> {
    Part { group: Some(&row.operation), ..by_nothing(row) }
}

fn by_key(row: &BucketRow) -> Part<'_> {
    Part { group: row.api_key.as_ref().map(ledger::KeyId::as_str), ..by_nothing(row) }
}

fn by_value<'r>(row: &'r ValueRow, named: &HashSet<&str>) -> Part<'r> {
    let group = row.value.as_deref().map(|value| if named.contains(value) { value } else { OTHER });
    Part { start: row.start, group, totals: row.totals }
}

/// The values that have series of their own: as many as a day has, since each day of a long time may have others. They are
/// those that cost most, of those that cost the same the first by name.
fn dearest(rows: &[ValueRow]) -> HashSet<&str> {
    let mut totals: HashMap<&str, Credits> = HashMap::new();
    for row in rows {
        if let Some(value) = row.value.as_deref().filter(|value| *value != OTHER) {
            let sum = totals.entry(value).or_default();
            *sum = sum.checked_add(row.totals.credits).unwrap_or(Credits::MAX);
        }
    }
    let mut order: Vec<_> = totals.into_iter().collect();
    order.sort_by(|(a, spent), (b, less)| less.cmp(spent).then_with(|| a.cmp(b)));
    order.into_iter().take(MOST_VALUES).map(|(value, _)| value).collect()
}

/// One series, also of nothing.
fn together(windows: Windows, rows: &[BucketRow]) -> History {
    let mut history = arrange(windows, rows, by_nothing);
    if history.series.is_empty() {
        history.series.push(GroupSeries::empty(None, &history.windows));
    }
    history
}

/// Sums rows, ordered by their start and inside the windows, into one point for each group and window.
pub fn arrange<R>(windows: Windows, rows: &[R], part: impl Fn(&R) -> Part<'_>) -> History {
    let mut series: Vec<GroupSeries> = vec![];
    let mut positions: HashMap<Option<&str>, usize> = HashMap::new();
    let mut window = 0;
    for row in rows {
        let Part { start, group, totals } = part(row);
        while windows.end_of(window) <= start && window + 1 < windows.len() {
            window += 1;
        }
        let position = *positions.entry(group).or_insert_with(|| {
            series.push(GroupSeries::empty(group, &windows));
            series.len() - 1
        });
        let one = &mut series[position];
        one.points[window] = one.points[window].plus(totals);
        one.total = one.total.checked_add(totals.credits).unwrap_or(Credits::MAX);
    }
    series.sort_by(|a, b| b.total.cmp(&a.total).then_with(|| a.group.cmp(&b.group)));
    let total = Credits::sum(series.iter().map(|one| one.total)).unwrap_or(Credits::MAX);
    History { windows, series, total }
}

impl GroupSeries {
    fn empty(group: Option<&str>, windows: &Windows) -> Self {
        let points = vec![Totals::default(); windows.len()];
        Self { group: group.map(str::to_owned), points, total: Credits::ZERO }
    }
}

#[cfg(test)]
mod tests;
