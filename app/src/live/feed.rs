//! Keeps an [`OverviewView`] true as commits arrive.
//!
//! A commit is applied only when it follows directly on what the view already contains. Whatever else happens (a gap, a
//! new day, a grant the page hasn't heard of) ends in [`Outcome::Refetch`]; commits that arrive meanwhile wait their turn.

use ledger::{Credits, Quantity};

use super::{Arrival, Commit};
use crate::backend::live::{EntryMessage, EventFacts, UsageMessage};
use crate::backend::overview::{ActivityRow, ChartView, OverviewView, PointView, SeriesView};
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

/// The view, and what waits for its replacement.
#[derive(Debug, Clone, PartialEq)]
pub struct Feed {
    view: OverviewView,
    /// Rows above this seq are new to the reader.
    fresh_after: u64,
    /// `Some` while a replacement is on its way.
    waiting: Option<Vec<Commit>>,
}

impl Feed {
    pub fn new(view: OverviewView) -> Self {
        Self { fresh_after: view.balance.seq, view, waiting: None }
    }

    pub fn view(&self) -> &OverviewView {
        &self.view
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
        let before = self.view.balance.seq;
        let mut outcome = Outcome::Done;
        for arrival in arrivals {
            if self.take(arrival, &at) == Outcome::Refetch {
                outcome = Outcome::Refetch;
            }
        }
        if self.view.balance.seq > before {
            self.fresh_after = before;
        }
        outcome
    }

    /// The replacement has come. What waited is applied to it.
    pub fn replace(&mut self, view: OverviewView, at: impl Fn(&str) -> At) -> Outcome {
        if self.waiting.is_none() && view.balance.seq < self.view.balance.seq {
            // An earlier request's answer, overtaken by a later one's.
            return Outcome::Done;
        }
        if view.balance.seq > self.view.balance.seq {
            self.fresh_after = self.view.balance.seq;
        }
        self.view = view;
        let waiting = self.waiting.take().unwrap_or_default();
        let arrivals: Vec<_> = waiting.into_iter().map(Arrival::Commit).collect();
        self.apply(&arrivals, at)
    }

    fn take(&mut self, arrival: &Arrival, at: &impl Fn(&str) -> At) -> Outcome {
        let Arrival::Commit(commit) = arrival else {
            return self.wait(None);
        };
        if let Some(waiting) = &mut self.waiting {
            if waiting.len() < WAITING {
                waiting.push(commit.clone());
            }
            return Outcome::Done;
        }
        if commit.balance.seq <= self.view.balance.seq {
            return Outcome::Done;
        }
        let follows = commit.entries.first().is_some_and(|entry| entry.seq == self.view.balance.seq + 1);
        if !follows || apply_commit(&mut self.view, commit, at).is_none() {
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

/// `None` when the view lacks what it would take; it may then be half changed and must be replaced.
fn apply_commit(view: &mut OverviewView, commit: &Commit, at: &impl Fn(&str) -> At) -> Option<()> {
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
    if entry.movement == "issue" {
        // Even one that comes into force later changes the outlook.
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

fn apply_to_rows(view: &mut OverviewView, entry: &EntryMessage, at: &impl Fn(&str) -> At) -> Option<()> {
    if let Some(event) = &entry.event {
        let row = row_of(view, entry, event, at(&entry.recorded_at))?;
        view.latest.insert(0, row);
        view.latest.truncate(ROWS);
        return Some(());
    }
    // A further leg of the newest row's event: its row ends where the leg ends.
    if entry.leg > 0 && entry.movement == "charge" {
        let row = view.latest.first_mut().filter(|row| row.seq + 1 == entry.seq)?;
        row.seq = entry.seq;
        row.balance_after = entry.available_after;
    }
    Some(())
}

/// `None` when the key is one that the page hasn't heard of.
fn row_of(view: &OverviewView, entry: &EntryMessage, event: &EventFacts, at: At) -> Option<ActivityRow> {
    let unit = view.labels.units.iter().find(|unit| unit.operation == event.operation)?;
    let api_key = match &event.api_key_id {
        Some(key_id) => Some(view.labels.keys.iter().find(|key| key.key_id == *key_id)?.label.clone()),
        None => None,
    };
    Some(ActivityRow {
        event_id: event.event_id,
        seq: entry.seq,
        operation: event.operation.clone(),
        quantity: event.quantity,
        unit: unit.unit.clone(),
        api_key,
        credits: event.credits,
        balance_after: entry.available_after,
        recorded_at: entry.recorded_at.clone(),
        at_label: at.label,
        exact_label: at.exact,
    })
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
    apply_to_chart(&mut view.chart, start_ms, usage)
}

fn apply_to_chart(chart: &mut ChartView, start_ms: i64, usage: &UsageMessage) -> Option<()> {
    // Late events may belong before the chart begins.
    let Some(index) = chart.buckets.iter().rposition(|bucket| bucket.start_ms <= start_ms) else {
        return Some(());
    };
    let position = chart.series.iter().position(|one| one.operation == usage.operation);
    let position = position.unwrap_or_else(|| {
        let points = vec![PointView::default(); chart.buckets.len()];
        chart.series.push(SeriesView { operation: usage.operation.clone(), points });
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

#[cfg(test)]
pub(crate) mod tests;
