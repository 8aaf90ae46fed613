//! The burn-down as data: what the credits will do, and the falling line that shows it.

use ledger::Timestamp;
use ledger::forecast::{End, Forecast, Lot, Pace, forecast};
use ledger::time::DAY;

use crate::backend::overview::RunwayView;

/// The box that the line is drawn in; stretched to the room there is.
pub const WIDTH: i64 = 1_000;
pub const HEIGHT: i64 = 100;
/// What never ends is drawn this far.
const FAR: i64 = 30 * DAY;

/// Where this is going, by the rules of the ledger.
pub fn outlook(view: &RunwayView) -> Forecast {
    let lots: Vec<Lot> = view
        .grants
        .iter()
        .map(|grant| Lot {
            remaining: grant.remaining,
            effective_at: instant(grant.effective_ms),
            expires_at: grant.expires.as_ref().map(|end| instant(end.at_ms)),
        })
        .collect();
    let pace = Pace { spent: view.pace.credits, over: view.pace.over_ms.saturating_mul(1_000) };
    forecast(instant(view.now_ms), &lots, pace)
}

fn instant(ms: i64) -> Timestamp {
    Timestamp::from_micros(ms.saturating_mul(1_000))
}

/// The corners of the line, from the left to the right, `y` from the top.
pub fn line(forecast: &Forecast) -> Vec<(i64, i64)> {
    let (Some(first), Some(last)) = (forecast.curve.first(), forecast.curve.last()) else { return vec![] };
    let start = first.0;
    let mut corners = forecast.curve.clone();
    if forecast.end == End::Never || last.0 == start {
        corners.push((last.0.max(start.saturating_add(FAR)), last.1));
    }
    let width = corners.last().map_or(1, |last| last.0.saturating_since(start)).max(1);
    let highest = corners.iter().map(|corner| corner.1.micros()).max().unwrap_or_default().max(1);
    let corner = |(at, credits): &(Timestamp, ledger::Credits)| {
        (share(at.saturating_since(start), width, WIDTH), HEIGHT - share(credits.micros(), highest, HEIGHT))
    };
    corners.iter().map(corner).collect()
}

/// `part` of `whole`, as a part of `length`.
fn share(part: i64, whole: i64, length: i64) -> i64 {
    i64::try_from(i128::from(part) * i128::from(length) / i128::from(whole)).unwrap_or(length)
}

#[cfg(test)]
mod tests {
    use ledger::Credits;

    use super::*;
    use crate::backend::overview::{EndView, PaceView, RunwayGrant};

    const DAY_MS: i64 = DAY / 1_000;

    fn grant(credits: u32, expires_day: Option<i64>) -> RunwayGrant {
        RunwayGrant {
            grant_id: "grant_019000000000700080000000000000011".parse().unwrap(),
            amount: Credits::whole(credits),
            remaining: Credits::whole(credits),
            effective_ms: 0,
            expires: expires_day.map(|day| EndView { at_ms: day * DAY_MS, day: format!("day {day}") }),
        }
    }

    fn drawn(grants: Vec<RunwayGrant>, a_day: u32) -> Vec<(i64, i64)> {
        let pace = PaceView { credits: Credits::whole(a_day), over_ms: DAY_MS, days: 1 };
        line(&outlook(&RunwayView { now_ms: DAY_MS, pace, grants, end: None }))
    }

    #[test]
    fn the_line_falls_from_what_is_there_to_nothing() {
        assert_eq!(drawn(vec![grant(50, None)], 10), [(0, 0), (1_000, 100)]);
    }

    #[test]
    fn an_expiry_is_a_step() {
        let line = drawn(vec![grant(50, Some(3)), grant(50, None)], 10);
        assert_eq!(line, [(0, 0), (285, 20), (285, 50), (1_000, 100)]);
    }

    #[test]
    fn what_is_not_spent_stays_and_what_is_not_there_lies_on_the_ground() {
        assert_eq!(drawn(vec![grant(50, None)], 0), [(0, 0), (1_000, 0)]);
        assert_eq!(drawn(vec![], 10), [(0, 100), (1_000, 100)]);
    }
}
