//! `GET /usage/history`: consumption over time.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use ledger::series::Totals;
use ledger::{Credits, KeyId, Quantity, Timestamp};
use serde::Serialize;

use crate::auth::Customer;
use crate::calendar::{Rfc3339, Step, Zone};
use crate::config::UsageDimensions;
use crate::console::history::{GroupBy, History, HistoryQuery};
use crate::console::{Console, Error};
use crate::http::query::{Known, Query};

pub fn router() -> Router<Console> {
    Router::new().route("/usage/history", get(history))
}

async fn history(
    State(console): State<Console>,
    customer: Customer,
    query: Query,
) -> Result<Json<HistoryView>, Error> {
    let declared = &console.config.usage_dimensions;
    let asked = query.read(|query| asked(query, &customer.time_zone, declared))?;
    let (step, zone) = (asked.step, asked.zone.clone());
    let history = console.history(customer.account_no, asked).await?;
    Ok(Json(HistoryView::new(history, step, &zone)))
}

fn asked(query: &mut Known, own_zone: &str, declared: &UsageDimensions) -> HistoryQuery {
    let zone = query.parsed::<Zone>("tz").or_else(|| own_zone.parse().ok());
    HistoryQuery {
        from: query.time("from"),
        to: query.time("to"),
        step: query.parsed("granularity").unwrap_or(Step::Day),
        group_by: group_by(query, declared),
        operation: filter(query, "operation"),
        api_key: key_filter(query),
        zone: zone.unwrap_or_else(Zone::utc),
    }
}

fn group_by(query: &mut Known, declared: &UsageDimensions) -> GroupBy {
    let asked = query.parsed("group_by").unwrap_or_default();
    match &asked {
        GroupBy::Dimension(name) if !declared.has(name) => {
            let known = match declared.names() {
                [] => "no dimension is".to_owned(),
                names => format!("declared are dim:{}", names.join(", dim:")),
            };
            query.refuse("group_by", format!("names the dimension {name:?}, which is not declared; {known}"));
            GroupBy::Nothing
        }
        _ => asked,
    }
}

/// In place of a key's id.
const NO_KEY: &str = "none";

/// A filter that is left empty filters nothing.
pub(super) fn filter(query: &mut Known, name: &'static str) -> Option<String> {
    query.text(name).filter(|text| !text.is_empty())
}

/// `api_key=key_…`, or `none` for what was reported without a key.
pub(super) fn key_filter(query: &mut Known) -> Option<String> {
    let text = filter(query, "api_key")?;
    if text == NO_KEY {
        return Some(String::new());
    }
    match text.parse::<KeyId>() {
        Ok(key) => Some(key.to_string()),
        Err(reason) => {
            query.refuse("api_key", reason.to_string());
            None
        }
    }
}

/// `from` and `to` as they were rounded.
#[derive(Debug, Serialize)]
struct HistoryView {
    from: Rfc3339,
    to: Rfc3339,
    granularity: &'static str,
    tz: String,
    series: Vec<SeriesView>,
    total: Credits,
}

/// `group` is the operation, the key's id or the dimension's value; null for everything, and for what was reported without a
/// key or without the dimension.
#[derive(Debug, Serialize)]
struct SeriesView {
    group: Option<String>,
    points: Vec<PointView>,
}

#[derive(Debug, Serialize)]
struct PointView {
    start: Rfc3339,
    credits: Credits,
    quantity: Quantity,
    count: u64,
}

impl HistoryView {
    fn new(history: History, step: Step, zone: &Zone) -> Self {
        let History { windows, series, total } = history;
        let point = |(start, totals): (&Timestamp, Totals)| {
            let Totals { credits, quantity, count } = totals;
            PointView { start: Rfc3339(*start), credits, quantity, count }
        };
        let series = series.into_iter().map(|one| SeriesView {
            group: one.group,
            points: windows.starts().iter().zip(one.points).map(point).collect(),
        });
        Self {
            series: series.collect(),
            from: Rfc3339(windows.from()),
            to: Rfc3339(windows.to()),
            granularity: step.name(),
            tz: zone.name().to_owned(),
            total,
        }
    }
}
