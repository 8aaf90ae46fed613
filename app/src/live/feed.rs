//! Keeps what a page shows true as commits arrive: the [`OverviewView`] here, the usage explorer in [`super::usage`].
//!
//! A commit is applied only when it follows directly on what the view already contains. Whatever else happens (a gap, a
//! new day, a grant the page hasn't heard of) ends in [`Outcome::Refetch`]; commits that arrive meanwhile wait their turn.

use ledger::{Credits, KeyId, Quantity};

use super::{Arrival, Commit};
use crate::backend::live::{EntryMessage, EventFacts, UsageMessage};
use crate::backend::overview::{
    ActivityRow, ChartView, GroupBy, LabelsView, NO_KEY, OverviewView, PointView, Range, SeriesView,
};
use crate::format;

/// Rows of latest activity on the page.
pub const ROWS: usize = 10;
/// Commits that may wait for an answer; more are found missing, and read again.
const WAITING: usize = 1_000;

/// An instant as the viewer reads it, see [`ActivityRow`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct At {
    pub label: String,
    pub exact: String,
}

/// What the caller has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing: it was applied, or was known already, or waits.
    Done,
    /// Read the overview and give it to [`Feed::replace`].
    Refetch,
}

/// A page's data that commits keep true.
pub trait LiveView: Sized + Send + Sync + 'static {
    /// What the address asks for: a range, filters.
    type Asked: Clone + PartialEq + Send + Sync + 'static;

    /// The account's last entry that is contained.
    fn seq(&self) -> u64;
    /// What was asked for.
    fn asked(&self) -> Self::Asked;
    /// The zone of its labels.
    fn time_zone(&self) -> &str;
    /// The server's clock when it was read, milliseconds since 1970.
    fn now_ms(&self) -> i64;
    /// From when on (milliseconds since 1970) the clock alone makes it old; `None`: never.
    fn until_ms(&self) -> Option<i64>;
    /// Takes in a commit that follows on `seq`. `None` when it lacks what that takes; it may then be half changed and
    /// must be replaced.
    fn take(&mut self, commit: &Commit, at: &dyn Fn(&str) -> At) -> Option<()>;
}

impl LiveView for OverviewView {
    type Asked = Range;

    fn seq(&self) -> u64 {
        self.balance.seq
    }

    fn asked(&self) -> Range {
        self.range
    }

    fn time_zone(&self) -> &str {
        &self.chart.time_zone
    }

    fn now_ms(&self) -> i64 {
        self.runway.now_ms
    }

    fn until_ms(&self) -> Option<i64> {
        Some(self.chart.until_ms.min(self.compared_until_ms))
    }

    fn take(&mut self, commit: &Commit, at: &dyn Fn(&str) -> At) -> Option<()> {
        apply_commit(self, commit, at)
    }
}

/// The view, and what waits for its replacement.
#[derive(Debug, Clone, PartialEq)]
pub struct Feed<V = OverviewView> {
    view: V,
    /// Rows above this seq are new to the reader.
    fresh_after: u64,
    /// `Some` while a replacement is on its way.
    waiting: Option<Vec<Commit>>,
}

impl<V: LiveView> Feed<V> {
    pub fn new(view: V) -> Self {
        Self { fresh_after: view.seq(), view, waiting: None }
    }

    pub fn view(&self) -> &V {
        &self.view
    }

    /// Rows above this seq are new to the reader.
    pub fn fresh_after(&self) -> u64 {
        self.fresh_after
    }

    /// Is the row of this seq new to the reader?
    pub fn is_fresh(&self, seq: u64) -> bool {
        seq > self.fresh_after
    }

    pub fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// A replacement has been asked for, for a reason of the caller's own.
    pub fn expect_replacement(&mut self) {
        self.waiting.get_or_insert_default();
    }

    /// Applies a batch. `at` reads an RFC 3339 instant for the viewer.
    pub fn apply(&mut self, arrivals: &[Arrival], at: impl Fn(&str) -> At) -> Outcome {
        let before = self.view.seq();
        let mut outcome = Outcome::Done;
        for arrival in arrivals {
            if self.take(arrival, &at) == Outcome::Refetch {
                outcome = Outcome::Refetch;
            }
        }
        if self.view.seq() > before {
            self.fresh_after = before;
        }
        outcome
    }

    /// The replacement has come. What waited is applied to it.
    pub fn replace(&mut self, view: V, at: impl Fn(&str) -> At) -> Outcome {
        if self.waiting.is_none() && view.seq() < self.view.seq() {
            // An earlier request's answer, overtaken by a later one's.
            return Outcome::Done;
        }
        if view.seq() > self.view.seq() {
            self.fresh_after = self.view.seq();
        }
        self.view = view;
        let waiting = self.waiting.take().unwrap_or_default();
        let arrivals: Vec<_> = waiting.into_iter().map(Arrival::Commit).collect();
        self.apply(&arrivals, at)
    }

    fn take(&mut self, arrival: &Arrival, at: &dyn Fn(&str) -> At) -> Outcome {
        let Arrival::Commit(commit) = arrival else {
            return self.wait(None);
        };
        if let Some(waiting) = &mut self.waiting {
            if waiting.len() < WAITING {
                waiting.push(commit.clone());
            }
            return Outcome::Done;
        }
        if commit.balance.seq <= self.view.seq() {
            return Outcome::Done;
        }
        let follows = commit.entries.first().is_some_and(|entry| entry.seq == self.view.seq() + 1);
        if !follows || self.view.take(commit, at).is_none() {
            return self.wait(Some(commit.clone()));
        }
        Outcome::Done
    }

    fn wait(&mut self, commit: Option<Commit>) -> Outcome {
        let first = self.waiting.is_none();
        self.waiting.get_or_insert_default().extend(commit);
        if first { Outcome::Refetch } else { Outcome::Done }
    }
}

fn apply_commit(view: &mut OverviewView, commit: &Commit, at: &dyn Fn(&str) -> At) -> Option<()> {
    for entry in &commit.entries {
        apply_to_lots(view, entry)?;
        apply_to_rows(view, entry, at)?;
    }
    for usage in &commit.usage {
        apply_to_spend(view, usage)?;
    }
    let balance = &commit.balance;
    view.balance.seq = balance.seq;
    view.balance.available = balance.available;
    view.balance.held = balance.held;
    view.balance.debt = balance.debt;
    view.runway.now_ms = view.runway.now_ms.max(format::instant_ms(&balance.recorded_at)?);
    // A grant that came into force or ran out without an entry: only the server knows which.
    let lots = Credits::sum(view.balance.lots.iter().map(|lot| lot.remaining))?;
    (lots == balance.available).then_some(())
}

/// What an entry took from or gave to available belongs to its grant, and to the lot that the grant is part of.
fn apply_to_lots(view: &mut OverviewView, entry: &EntryMessage) -> Option<()> {
    let (before, after) = (view.balance.available, entry.available_after);
    view.balance.available = after;
    // Even a grant that comes into force later changes the outlook; a correction changes rows and charts.
    if !matches!(entry.movement.as_str(), "charge" | "hold" | "settle" | "release" | "owe") {
        return None;
    }
    if before == after {
        return Some(());
    }
    let id = entry.grant_id.as_ref()?;
    let change = |remaining: Credits| match after.checked_sub(before) {
        Some(gained) => remaining.checked_add(gained),
        None => remaining.checked_sub(before.checked_sub(after)?),
    };
    let lot = view.balance.lots.iter_mut().find(|lot| lot.grants.contains(id))?;
    lot.remaining = change(lot.remaining)?;
    let grant = view.runway.grants.iter_mut().find(|grant| grant.grant_id == *id)?;
    grant.remaining = change(grant.remaining)?;
    Some(())
}

fn apply_to_rows(view: &mut OverviewView, entry: &EntryMessage, at: &dyn Fn(&str) -> At) -> Option<()> {
    if let Some(event) = &entry.event {
        let row = row_of(&view.labels, entry, event, at)?;
        view.latest.insert(0, row);
        view.latest.truncate(ROWS);
        return Some(());
    }
    // A row that isn't there has been missed, unless it is a hold's, which is no event.
    let is_taken = entry.leg > 0 && take_leg(&mut view.latest, entry);
    (is_taken || entry.leg == 0 || !matches!(entry.movement.as_str(), "charge" | "settle" | "owe"))
        .then_some(())
}

/// A further leg of the newest row's event, whatever it moves: its row ends where the leg ends. Whether it was one.
pub(super) fn take_leg(rows: &mut [ActivityRow], entry: &EntryMessage) -> bool {
    let Some(row) = rows.first_mut().filter(|row| row.seq + 1 == entry.seq) else { return false };
    row.seq = entry.seq;
    row.balance_after = entry.available_after;
    true
}

/// `None` when the key is one that the page hasn't heard of.
pub(super) fn row_of(
    labels: &LabelsView,
    entry: &EntryMessage,
    event: &EventFacts,
    at: &dyn Fn(&str) -> At,
) -> Option<ActivityRow> {
    let happened = event.occurred_at.as_ref().unwrap_or(&entry.recorded_at);
    let unit = labels.units.iter().find(|unit| unit.operation == event.operation)?;
    let api_key = match &event.api_key_id {
        Some(key_id) => Some(key_label(labels, key_id)?.to_owned()),
        None => None,
    };
    let At { label, exact } = at(happened);
    Some(ActivityRow {
        event_id: event.event_id,
        seq: entry.seq,
        operation: event.operation.clone(),
        quantity: event.quantity,
        unit: unit.unit.clone(),
        api_key,
        credits: event.credits,
        is_corrected: false,
        balance_after: entry.available_after,
        at: happened.clone(),
        at_label: label,
        exact_label: exact,
    })
}

fn key_label<'a>(labels: &'a LabelsView, key_id: &KeyId) -> Option<&'a str> {
    labels.keys.iter().find(|key| key.key_id == *key_id).map(|key| key.label.as_str())
}

fn apply_to_spend(view: &mut OverviewView, usage: &UsageMessage) -> Option<()> {
    let start_ms = format::instant_ms(&usage.start)?;
    if start_ms >= view.chart.until_ms {
        return None;
    }
    for spend in [&mut view.today, &mut view.last_7_days, &mut view.last_30_days] {
        if start_ms >= spend.from_ms {
            spend.credits = spend.credits.checked_add(usage.credits)?;
        }
    }
    let pace = &mut view.runway.pace;
    if pace.days == 0 {
        pace.credits = pace.credits.checked_add(usage.credits)?;
    }
    apply_to_chart(&mut view.chart, &view.labels, start_ms, usage)
}

pub(super) fn apply_to_chart(
    chart: &mut ChartView,
    labels: &LabelsView,
    start_ms: i64,
    usage: &UsageMessage,
) -> Option<()> {
    // Late events may belong before the chart begins.
    let Some(index) = chart.buckets.iter().rposition(|bucket| bucket.start_ms <= start_ms) else {
        return Some(());
    };
    let (group, name) = group_of(chart.group_by, labels, usage)?;
    let position = chart.series.iter().position(|one| one.group == group);
    let position = position.unwrap_or_else(|| {
        let points = vec![PointView::default(); chart.buckets.len()];
        chart.series.push(SeriesView { group, name, points });
        chart.series.len() - 1
    });
    let point = chart.series.get_mut(position)?.points.get_mut(index)?;
    point.credits = point.credits.checked_add(usage.credits)?;
    let quantity = point.quantity.micros().saturating_add(usage.quantity.micros());
    point.quantity = Quantity::from_micros(quantity).unwrap_or(Quantity::MAX);
    point.count += u64::from(usage.count);
    chart.total = chart.total.checked_add(usage.credits)?;
    Some(())
}

/// The series that it belongs to, and that one's name; `None` for a key that the page hasn't heard of, and when that is for
/// the server to say.
fn group_of(group_by: GroupBy, labels: &LabelsView, usage: &UsageMessage) -> Option<(String, String)> {
    match (group_by, &usage.api_key_id) {
        (GroupBy::Nothing, _) => Some((String::new(), String::new())),
        (GroupBy::Operation, _) => Some((usage.operation.clone(), usage.operation.clone())),
        (GroupBy::ApiKey, None) => Some((String::new(), NO_KEY.to_owned())),
        (GroupBy::ApiKey, Some(key_id)) => {
            Some((key_id.as_str().to_owned(), key_label(labels, key_id)?.to_owned()))
        }
        (GroupBy::Dimension, _) => None,
    }
}

#[cfg(test)]
pub(crate) mod tests;
