//! The usage explorer: one account's consumption over a time, by steps and groups, and the events that it is made of.

pub mod asked;

use app::backend::overview::{ChartView, GroupBy, LabelsView, NO_KEY};
use app::backend::usage::{Choice, EVENTS, UsageForm, UsagePort, UsageView};
use app::backend::{ConsoleError, Viewer};
use app::format::operation_phrase;
use async_trait::async_trait;
use ledger::rate::RateCards;
use ledger::{KeyId, Timestamp};

use self::asked::{Asked, Ready, Span};
use super::charts::{Drawn, millis};
use super::events::{EventsAsked, Stretch};
use super::history::{GroupBy as Groups, HistoryQuery};
use super::labels::{LABELLED_KEYS, Rows, key_label, units, zone_of};
use super::overview::STILL_MOMENTS;
use super::{Console, Error};
use crate::calendar::{Rfc3339, Step, Windows, Zone};
use crate::config::UsageDimensions;
use crate::store::{ApiKeyRow, KeyFilter};

/// What one reading of the page goes by.
struct Reading {
    now: Timestamp,
    zone: Zone,
    asked: Asked,
    step: Step,
    windows: Windows,
    cards: RateCards,
    keys: Vec<ApiKeyRow>,
    /// What can be grouped by, and what that is called.
    groups: Vec<(Groups, String)>,
}

#[async_trait]
impl UsagePort for Console {
    async fn usage(&self, viewer: &Viewer, search: &str) -> Result<UsageView, ConsoleError> {
        let account_no = self.account_no(viewer.account_id).await?;
        let mut view = self.read_usage(account_no, viewer, search).await?;
        for _ in 1..STILL_MOMENTS {
            let wallet = self.wallet(account_no, viewer.account_id).await?;
            if wallet.seq == view.seq {
                break;
            }
            view = self.read_usage(account_no, viewer, search).await?;
        }
        Ok(view)
    }
}

impl Console {
    async fn read_usage(&self, account_no: i64, viewer: &Viewer, search: &str) -> Result<UsageView, Error> {
        // First: what is committed while reading then comes live and is missing nowhere.
        let wallet = self.wallet(account_no, viewer.account_id).await?;
        let now = self.clock.now().max(wallet.recorded_at);
        let (cards, keys) = futures::try_join!(
            self.store.rate_cards(),
            self.store.list_api_keys(account_no, KeyFilter::All, LABELLED_KEYS, 0),
        )?;
        let dimensions = &self.config.usage_dimensions;
        let reading = Reading::new(search, zone_of(viewer), now, cards, keys.0, dimensions);
        let history = self.history(account_no, reading.history()).await?;
        let points = history.series.iter().flat_map(|one| &one.points);
        let count = points.fold(0_u64, |sum, point| sum.saturating_add(point.count));
        let left = if reading.asked.before.is_none() { count } else { u64::MAX };
        let mut walk = self.walk(account_no, reading.events(), reading.asked.before).await?;
        let limit = u32::try_from(EVENTS).unwrap_or(u32::MAX);
        let Stretch { events, next } = self.next_for_page(&mut walk, limit, left).await?;
        let rows = Rows::new(viewer.account_id, &reading.zone, now, &reading.cards, &reading.keys);
        let about = reading.about(&rows);
        let drawn = Drawn { zone: &reading.zone, step: reading.step, group_by: reading.group_by(), about };
        let chart = drawn.chart(history, |group| reading.name(group, &rows));
        let events = events.iter().filter_map(|event| rows.row(event)).collect();
        let view = UsageView {
            seq: wallet.seq,
            search: search.to_owned(),
            events,
            count,
            before: next,
            ..reading.view(chart)
        };
        Ok(UsageView { labels: rows.labels, ..view })
    }
}

impl Reading {
    fn new(
        search: &str,
        zone: Zone,
        now: Timestamp,
        cards: RateCards,
        keys: Vec<ApiKeyRow>,
        dimensions: &UsageDimensions,
    ) -> Self {
        let mut asked = Asked::read(search, &zone);
        if let Groups::Dimension(name) = &asked.group_by
            && !dimensions.has(name)
        {
            asked.group_by = Groups::Operation;
        }
        // A filter that names nothing of ours would show an empty page without saying why.
        asked
            .operation
            .take_if(|operation| !cards.versions().iter().any(|card| card.price(operation).is_some()));
        asked.api_key.take_if(|key| !key.is_empty() && !keys.iter().any(|own| own.id.as_str() == *key));
        let (step, windows) = asked.windows(&zone, now);
        let groups = asked::groups(dimensions.names());
        Self { now, zone, asked, step, windows, cards, keys, groups }
    }

    /// A group of one is no group.
    fn groups(&self) -> Groups {
        match &self.asked.group_by {
            Groups::Operation if self.asked.operation.is_some() => Groups::Nothing,
            Groups::ApiKey if self.asked.api_key.is_some() => Groups::Nothing,
            asked => asked.clone(),
        }
    }

    fn group_by(&self) -> GroupBy {
        match self.groups() {
            Groups::Nothing => GroupBy::Nothing,
            Groups::Operation => GroupBy::Operation,
            Groups::ApiKey => GroupBy::ApiKey,
            Groups::Dimension(_) => GroupBy::Dimension,
        }
    }

    fn history(&self) -> HistoryQuery {
        HistoryQuery {
            from: Some(self.windows.from()),
            to: Some(self.windows.to()),
            step: self.step,
            group_by: self.groups(),
            operation: self.asked.operation.clone(),
            api_key: self.asked.api_key.clone(),
            zone: self.zone.clone(),
        }
    }

    fn events(&self) -> EventsAsked {
        EventsAsked {
            from: Some(self.windows.from()),
            to: Some(self.windows.to()),
            operation: self.asked.operation.clone(),
            api_key: self.asked.api_key.clone(),
        }
    }

    /// See [`ChartView::about`].
    fn about(&self, rows: &Rows<'_>) -> String {
        let mut words = vec![];
        words.extend(self.asked.operation.as_deref().map(|one| format!("on {}", operation_phrase(one))));
        words.extend(self.asked.api_key.as_deref().map(|key| match key.parse::<KeyId>() {
            Ok(id) => format!("with {}", rows.key(&id)),
            Err(_) => "without a key".to_owned(),
        }));
        words.push(self.time());
        words.join(" ")
    }

    /// As it is shown, which steps that are wider than the days asked for make longer.
    fn time(&self) -> String {
        let day = |at| self.zone.format(at, "%-d %B %Y");
        let (first, last) = (self.windows.from(), self.windows.to().saturating_add(-1));
        match &self.asked.span {
            Span::Last(ready) if ready.from(&self.zone, self.now) == first => ready.words().to_owned(),
            Span::Last(_) => format!("since {}", day(first)),
            Span::Days { .. } if day(first) == day(last) => format!("on {}", day(first)),
            Span::Days { .. } => format!("from {} to {}", day(first), day(last)),
        }
    }

    /// What the legend calls a group.
    fn name(&self, group: Option<&str>, rows: &Rows<'_>) -> String {
        let key = |id: &str| id.parse().map_or_else(|_| NO_KEY.to_owned(), |id| rows.key(&id));
        match (self.groups(), group) {
            (Groups::ApiKey, group) => key(group.unwrap_or_default()),
            (Groups::Operation, group) => group.unwrap_or_default().to_owned(),
            (Groups::Dimension(_), Some(value)) => short(value),
            (Groups::Dimension(name), None) => format!("without {name}"),
            (Groups::Nothing, _) => match (&self.asked.operation, &self.asked.api_key) {
                (Some(operation), _) => operation.clone(),
                (None, Some(id)) => key(id),
                (None, None) => "everything".to_owned(),
            },
        }
    }

    /// All of the view that needs no further reading.
    fn view(&self, chart: ChartView) -> UsageView {
        let is_open = matches!(self.asked.span, Span::Last(_));
        let (from, to) = (Rfc3339(self.windows.from()), Rfc3339(self.windows.to()));
        UsageView {
            seq: 0,
            now_ms: millis(self.now),
            search: String::new(),
            form: self.form(),
            chart,
            is_open,
            operation: self.asked.operation.clone(),
            api_key: self.asked.api_key.clone(),
            events: vec![],
            count: 0,
            is_newest: self.asked.before.is_none(),
            here: self.asked.path(&self.asked.span, true),
            before: None,
            csv: format!("/usage/export.csv?from={from}&to={to}{}", self.asked.filters()),
            labels: LabelsView::default(),
        }
    }

    fn form(&self) -> UsageForm {
        let asked = &self.asked;
        let choice = |value: &str, name: &str, is_chosen| Choice {
            value: value.to_owned(),
            name: name.to_owned(),
            is_chosen,
        };
        let is = |ready: Ready| matches!(asked.span, Span::Last(other) if other == ready);
        let ready = |one: Ready| choice(&asked.path(&Span::Last(one), false), one.name(), is(one));
        let step = |one: &Step| choice(one.name(), step_name(*one), *one == self.step);
        let group =
            |(group, name): &(Groups, String)| choice(&group.to_string(), name, asked.group_by == *group);
        let operations = units(&self.cards).into_iter().map(|unit| {
            choice(&unit.operation, &unit.operation, asked.operation.as_ref() == Some(&unit.operation))
        });
        let keys = self.keys.iter().map(|key| {
            let (id, label) = (key.id.as_str(), key_label(key));
            choice(id, &format!("{} · {label}", key.name), asked.api_key.as_deref() == Some(id))
        });
        let no_key = choice(asked::NO_KEY, "No key", asked.api_key.as_deref() == Some(""));
        let (from, to) = asked.days(&self.zone, &self.windows, self.now);
        UsageForm {
            ranges: Ready::ALL.map(ready).into(),
            granularities: asked.steps(&self.zone, self.now).iter().map(step).collect(),
            groups: self.groups.iter().map(group).collect(),
            operations: std::iter::once(choice("", "All operations", asked.operation.is_none()))
                .chain(operations)
                .collect(),
            keys: std::iter::once(choice("", "All keys", asked.api_key.is_none()))
                .chain(keys)
                .chain([no_key])
                .collect(),
            span: asked.span.fields().map(|(name, value)| choice(&value, name, false)).collect(),
            from,
            to,
            problem: asked.problem.map(str::to_owned),
        }
    }
}

/// Characters of a dimension's value that a legend has room for.
const VALUE: usize = 48;

/// The beginning of a value that is longer than a legend has room for.
fn short(value: &str) -> String {
    match value.char_indices().nth(VALUE) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}

const fn step_name(step: Step) -> &'static str {
    match step {
        Step::QuarterHour => "15 minutes",
        Step::Hour => "Hour",
        Step::Day => "Day",
        Step::Week => "Week",
        Step::Month => "Month",
    }
}
