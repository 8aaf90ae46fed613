//! `GET /usage/history`: consumption over time.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use ledger::series::Totals;
use ledger::{Credits, KeyId, Quantity, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use crate::auth::Customer;
use crate::calendar::{Rfc3339, Step, Zone};
use crate::config::UsageDimensions;
use crate::console::history::{GroupBy, History, HistoryQuery};
use crate::console::{Console, Error};
use crate::http::query::{Known, Query};

#[cfg(test)]
use crate::http::description::{Area, Caller, Operation, schemas};
#[cfg(test)]
use serde_json::json;

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
#[derive(Debug, Serialize, JsonSchema)]
struct HistoryView {
    from: Rfc3339,
    to: Rfc3339,
    #[schemars(extend("enum" = Step::ALL.map(Step::name)))]
    granularity: &'static str,
    tz: String,
    series: Vec<SeriesView>,
    total: Credits,
}

/// `group` is the operation, the key's id or the dimension's value; null for everything, and for what was reported without a
/// key or without the dimension.
#[derive(Debug, Serialize, JsonSchema)]
struct SeriesView {
    group: Option<String>,
    points: Vec<PointView>,
}

#[derive(Debug, Serialize, JsonSchema)]
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

#[cfg(test)]
pub(super) fn described() -> Vec<Operation> {
    let group_by = json!({
        "name": "group_by", "in": "query",
        "description": "One series for each. A dimension is one that this console declares (`usage_dimensions`).",
        "schema": { "type": "string", "pattern": "^(none|operation|api_key|dim:.+)$", "default": "none" },
        "example": "operation",
    });
    let zone = json!({
        "name": "tz", "in": "query", "description": "Whose days and months; the account's own when nothing is said.",
        "schema": { "type": "string" }, "example": "Europe/Berlin",
    });
    let mut granularity =
        schemas::word("granularity", &Step::ALL.map(Step::name), Some("day"), "How wide a point is.");
    granularity["example"] = json!("day");
    let operation = Operation::get("/usage/history", "get_history", "Consumption over time")
        .about(
            "Gaps are filled with zeros; `total` is the sum of all points. `from` is rounded down and `to` up to the granularity \
             in `tz`, and answered as they were rounded. More than 2 000 points are refused, with the finest granularity that \
             fits.",
        )
        .by(Area::Usage, Caller::Reader)
        .query([
            schemas::time("from", "The beginning; seven days ago when nothing is said."),
            schemas::time("to", "The end; now when nothing is said."),
            granularity,
            group_by,
            schemas::text("operation", "Of this operation only."),
            schemas::api_key(),
            zone,
        ])
        .answers::<HistoryView>(json!({
            "from": "2026-11-21T23:00:00Z", "to": "2026-11-22T23:00:00Z", "granularity": "day", "tz": "Europe/Berlin",
            "series": [{
                "group": "model.build",
                "points": [{ "start": "2026-11-21T23:00:00Z", "credits": 50, "quantity": 1, "count": 1 }],
            }],
            "total": 50,
        }));
    vec![operation]
}
