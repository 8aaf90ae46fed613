//! Consumption over time, read from the rollups only: its cost does not grow with the number of events.

use std::collections::HashMap;

use ledger::series::Totals;
use ledger::time::DAY;
use ledger::{Credits, Timestamp};

use super::{Console, Error};
use crate::calendar::{Step, Windows, Zone};
use crate::store::{BucketRow, RollupFilter};

/// The most points of one series.
pub const MOST_POINTS: usize = 2_000;
/// How far back to look when nobody says.
const USUAL_SPAN: i64 = 7 * DAY;

/// What the points of a series have in common.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum GroupBy {
    /// One series of everything.
    #[default]
    Nothing,
    Operation,
    ApiKey,
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
    /// The operation or the key's id; `None` for everything, and for what was reported without a key.
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
        let rows = if query.step >= Step::Day {
            // A year of quarter hours is half a million rows for an account that never sleeps.
            self.store.rollup_sums(&filter, windows.edges()).await?
        } else {
            self.store.rollups(filter).await?
        };
        Ok(arrange(windows, &rows, query.group_by))
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

/// Sums rows, ordered by their start and inside the windows, into one point for each group and window.
pub fn arrange(windows: Windows, rows: &[BucketRow], group_by: GroupBy) -> History {
    let mut series: Vec<GroupSeries> = vec![];
    let mut positions: HashMap<Option<&str>, usize> = HashMap::new();
    let empty = |group: Option<&str>| GroupSeries {
        group: group.map(str::to_owned),
        points: vec![Totals::default(); windows.len()],
        total: Credits::ZERO,
    };
    if group_by == GroupBy::Nothing {
        positions.insert(None, 0);
        series.push(empty(None));
    }
    let mut window = 0;
    for row in rows {
        while windows.end_of(window) <= row.start && window + 1 < windows.len() {
            window += 1;
        }
        let group = match group_by {
            GroupBy::Nothing => None,
            GroupBy::Operation => Some(row.operation.as_str()),
            GroupBy::ApiKey => row.api_key.as_ref().map(ledger::KeyId::as_str),
        };
        let position = *positions.entry(group).or_insert_with(|| {
            series.push(empty(group));
            series.len() - 1
        });
        let added = Totals { credits: row.credits, quantity: row.quantity, count: row.count };
        let one = &mut series[position];
        one.points[window] = one.points[window].plus(added);
        one.total = one.total.checked_add(row.credits).unwrap_or(Credits::MAX);
    }
    series.sort_by(|a, b| b.total.cmp(&a.total).then_with(|| a.group.cmp(&b.group)));
    let total = Credits::sum(series.iter().map(|one| one.total)).unwrap_or(Credits::MAX);
    History { windows, series, total }
}

#[cfg(test)]
mod tests;
