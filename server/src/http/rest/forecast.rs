//! `GET /credits/forecast`: when the credits will be gone, what will expire unused, and how sure that is.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use ledger::outlook::{Backtest, Band, HORIZON, Level, Outlook, Unused};
use ledger::{AccountId, Credits, GrantId, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use crate::auth::Customer;
use crate::calendar::Rfc3339;
use crate::console::forecast::Forecast;
use crate::console::{Console, Error};
use crate::http::query::{Known, Query};

#[cfg(test)]
use crate::http::description::{Area, Caller, Operation, schemas};
#[cfg(test)]
use serde_json::json;

/// Days of the burn-down, unless they are given.
const USUAL_DAYS: usize = 30;

pub fn router() -> Router<Console> {
    Router::new().route("/credits/forecast", get(forecast))
}

/// `?days=` (1–366, usually 30) says how far the burn-down goes. With too little history the answer says so, and foresees
/// nothing.
async fn forecast(
    State(console): State<Console>,
    customer: Customer,
    query: Query,
) -> Result<Json<ForecastView>, Error> {
    let days = query.read(days)?;
    let found = console.forecast(customer.account_no, customer.account, days).await?;
    Ok(Json(ForecastView::new(customer.account, found, days)))
}

fn days(query: &mut Known) -> usize {
    let days = query.number("days").map(usize::try_from);
    match days {
        Some(Ok(days @ 1..=HORIZON)) => days,
        Some(_) => {
            query.refuse("days", format!("must be 1 to {HORIZON}"));
            USUAL_DAYS
        }
        None => USUAL_DAYS,
    }
}

/// Of a hundred ways in which the account may go on, ten come below `p10` (or before it) and ten above `p90`.
#[derive(Debug, Serialize, JsonSchema)]
struct ForecastView {
    as_of: Rfc3339,
    /// What can be spent now.
    credits: Credits,
    debt: Credits,
    /// False: there is too little history, and all that is foreseen is null or empty.
    enough_history: bool,
    /// When nothing can be spent for the first time; null where that is not within `basis.horizon_days`.
    runs_out: Option<BandView<Option<Rfc3339>>>,
    /// Grants of which at least one way in ten leaves something, in order of time.
    expires_unused: Vec<UnusedView>,
    /// What can be spent now and after each day.
    burn_down: Vec<LevelView>,
    /// What the account will want to spend in the days of the burn-down, whether or not it has it.
    demand: Option<BandView<Credits>>,
    basis: BasisView,
    /// How the same would have done so far; null with too little history for that.
    backtest: Option<BacktestView>,
    /// Of the last entry that is in it.
    seq: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
struct BandView<T> {
    p10: T,
    p50: T,
    p90: T,
}

#[derive(Debug, Serialize, JsonSchema)]
struct UnusedView {
    grant_id: GrantId,
    expires_at: Rfc3339,
    #[serde(flatten)]
    credits: BandView<Credits>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct LevelView {
    at: Rfc3339,
    #[serde(flatten)]
    credits: BandView<Credits>,
}

/// What it goes by: the hours in which the account has spent, in whole weeks.
#[derive(Debug, Serialize, JsonSchema)]
struct BasisView {
    from: Rfc3339,
    to: Rfc3339,
    weeks: usize,
    weeks_needed: usize,
    horizon_days: usize,
    days: usize,
}

/// `looks` times in the past `days` were foreseen; `inside` times what was then spent lay between p10 and p90, which is to be
/// four times in five.
#[derive(Debug, Serialize, JsonSchema)]
struct BacktestView {
    days: usize,
    looks: usize,
    inside: usize,
    /// The median distance of p50 from what was then spent, in per cent of that.
    median_error_percent: i64,
    /// The same of "as in the last 7 days".
    naive_error_percent: i64,
}

impl ForecastView {
    fn new(account: AccountId, found: Forecast, days: usize) -> Self {
        let Forecast { now, seq, available, debt, from, to, weeks, grants, outlook } = found;
        let basis = BasisView {
            from: Rfc3339(from),
            to: Rfc3339(to),
            weeks,
            weeks_needed: ledger::outlook::WEEKS_NEEDED,
            horizon_days: HORIZON,
            days,
        };
        let nothing = Self {
            as_of: Rfc3339(now),
            credits: available,
            debt,
            enough_history: false,
            runs_out: None,
            expires_unused: vec![],
            burn_down: vec![],
            demand: None,
            basis,
            backtest: None,
            seq,
        };
        let Ok(Outlook { runs_out, unused, burn_down, demand, backtest }) = outlook else { return nothing };
        let unused_view = |unused: Unused| {
            let seq = *grants.get(unused.lot)?;
            let (grant_id, expires_at) = (GrantId { account, seq }, Rfc3339(unused.expires_at));
            Some(UnusedView { grant_id, expires_at, credits: BandView::of(unused.credits) })
        };
        let level = |Level { at, credits }| LevelView { at: Rfc3339(at), credits: BandView::of(credits) };
        Self {
            enough_history: true,
            runs_out: Some(BandView::of(runs_out.map(|at: Option<Timestamp>| at.map(Rfc3339)))),
            expires_unused: unused.into_iter().filter_map(unused_view).collect(),
            burn_down: burn_down.into_iter().map(level).collect(),
            demand: Some(BandView::of(demand)),
            backtest: backtest.map(BacktestView::of),
            ..nothing
        }
    }
}

impl<T> BandView<T> {
    fn of(band: Band<T>) -> Self {
        let Band { p10, p50, p90 } = band;
        Self { p10, p50, p90 }
    }
}

impl BacktestView {
    fn of(found: Backtest) -> Self {
        let Backtest { days, looks, inside, error_permille, naive_error_permille } = found;
        let percent = |permille: i64| (permille + 5) / 10;
        Self {
            days,
            looks,
            inside,
            median_error_percent: percent(error_permille),
            naive_error_percent: percent(naive_error_permille),
        }
    }
}

#[cfg(test)]
pub(super) fn described() -> Vec<Operation> {
    let days = json!({ "type": "integer", "minimum": 1, "maximum": HORIZON, "default": USUAL_DAYS });
    let operation = Operation::get("/credits/forecast", "forecast_credits", "When the credits will be gone")
        .about(
            "From the account's own history, its weekdays and hours: when nothing can be spent for the first time, what will expire \
             unused, and how sure that is. Of a hundred ways in which the account may go on, ten come below `p10` and ten above `p90`. \
             `backtest` says how the same would have done so far. With too little history `enough_history` is false and nothing is \
             foreseen.",
        )
        .by(Area::Credits, Caller::Reader)
        .query([schemas::parameter("days", &days, "How many days the burn-down goes.")])
        .answers::<ForecastView>(json!({
            "as_of": "2026-11-22T12:00:00Z", "credits": 100, "debt": 0, "enough_history": true,
            "runs_out": { "p10": "2026-11-30T09:00:00Z", "p50": "2026-12-03T15:00:00Z", "p90": null },
            "expires_unused": [{
                "grant_id": "grant_0190a2b4c6d87e00a1b2c3d4e5f607191", "expires_at": "2026-12-22T12:00:00Z",
                "p10": 0, "p50": 0, "p90": 12.5,
            }],
            "burn_down": [{ "at": "2026-11-23T12:00:00Z", "p10": 88, "p50": 91.5, "p90": 95 }],
            "demand": { "p10": 5, "p50": 8.5, "p90": 12 },
            "basis": {
                "from": "2026-09-28T00:00:00Z", "to": "2026-11-22T12:00:00Z", "weeks": 7, "weeks_needed": 2,
                "horizon_days": 366, "days": 1,
            },
            "backtest": { "days": 7, "looks": 5, "inside": 4, "median_error_percent": 11, "naive_error_percent": 15 },
            "seq": 412,
        }));
    vec![operation]
}
