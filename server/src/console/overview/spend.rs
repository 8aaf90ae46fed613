//! How much was spent, and whether that is more or less than usual.

use app::backend::overview::{Range, SpendView, UsualView};
use ledger::series::BUCKET;
use ledger::{Credits, Timestamp};

use super::chart::days_before;
use crate::calendar::Zone;
use crate::console::charts::millis;
use crate::store::{BucketRow, Store, StoreError};

/// With fewer earlier stretches than this nothing is usual yet.
const FEWEST_STRETCHES: i64 = 2;
/// A stretch of the chart's 30 days is compared with the 30 days before it.
const MONTH: u16 = 30;
/// Those 30 days count once something was spent in their first week.
const FIRST_WEEK: u16 = 7;

/// What was spent before the rows that the page reads.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Earlier {
    /// In the first week of the 30 days before the last 30 days.
    first_week: Credits,
    /// In the rest of them, up to this time of day.
    rest: Credits,
}

impl Earlier {
    pub(super) async fn read(
        store: &Store,
        account: i64,
        zone: &Zone,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let from = zone.days_before(now, 2 * MONTH - 1);
        let week = zone.days_before(now, 2 * MONTH - 1 - FIRST_WEEK);
        let to = zone.same_time_before(now, MONTH).floor(BUCKET);
        let (first_week, rest) =
            futures::try_join!(store.consumed(account, from, week), store.consumed(account, week, to))?;
        Ok(Self { first_week, rest })
    }

    pub(super) fn is_nothing(&self) -> bool {
        self.first_week.is_zero() && self.rest.is_zero()
    }
}

/// Since midnight, against the same weekday of the last four weeks.
pub(super) fn today(zone: &Zone, now: Timestamp, rows: &[BucketRow]) -> SpendView {
    let stretches = [7, 14, 21, 28].map(|days| stretch(zone, now, days, days));
    let label = format!("a usual {}", zone.format(now, "%A"));
    SpendView { usual: usual(rows, &stretches, label), ..since(zone, now, Range::Day, rows) }
}

/// Today and the 6 days before it, against the same days of the three weeks before.
pub(super) fn last_7_days(zone: &Zone, now: Timestamp, rows: &[BucketRow]) -> SpendView {
    let stretches = [7, 14, 21].map(|days| stretch(zone, now, days + days_before(Range::Week), days));
    SpendView {
        usual: usual(rows, &stretches, "a usual week".to_owned()),
        ..since(zone, now, Range::Week, rows)
    }
}

/// Today and the 29 days before it, against the 30 days before those.
pub(super) fn last_30_days(zone: &Zone, now: Timestamp, rows: &[BucketRow], earlier: &Earlier) -> SpendView {
    let before = earlier.first_week.checked_add(earlier.rest).filter(|_| !earlier.first_week.is_zero());
    let usual = before.map(|credits| UsualView { credits, label: "the 30 days before".to_owned() });
    SpendView { usual, ..since(zone, now, Range::Month, rows) }
}

fn since(zone: &Zone, now: Timestamp, range: Range, rows: &[BucketRow]) -> SpendView {
    let from = zone.days_before(now, days_before(range));
    let spent = rows.iter().filter(|row| row.start >= from).map(|row| row.credits);
    SpendView { credits: Credits::sum(spent).unwrap_or(Credits::MAX), from_ms: millis(from), usual: None }
}

/// From midnight `from_days` ago to this time of day `to_days` ago.
fn stretch(zone: &Zone, now: Timestamp, from_days: u16, to_days: u16) -> (Timestamp, Timestamp) {
    (zone.days_before(now, from_days), zone.same_time_before(now, to_days))
}

/// The mean of the stretches that lie after the first row; `None` when they are too few, or nothing was spent in them.
fn usual(rows: &[BucketRow], stretches: &[(Timestamp, Timestamp)], label: String) -> Option<UsualView> {
    let first = rows.first()?.start;
    let known = stretches.iter().filter(|(from, _)| *from >= first);
    let (sum, count) = known
        .fold((0_i64, 0_i64), |(sum, count), stretch| (sum.saturating_add(spent(rows, *stretch)), count + 1));
    if count < FEWEST_STRETCHES || sum == 0 {
        return None;
    }
    Some(UsualView { credits: Credits::from_micros(sum / count)?, label })
}

/// Micro-credits of a stretch; of the bucket that it ends in, the part that lies before the end.
fn spent(rows: &[BucketRow], (from, to): (Timestamp, Timestamp)) -> i64 {
    let first = rows.partition_point(|row| row.start < from);
    let end = rows.partition_point(|row| row.start < to);
    let inside = rows.get(first..end).unwrap_or_default();
    inside.iter().fold(0, |sum, row| {
        let part = to.saturating_since(row.start).min(BUCKET);
        let micros = i128::from(row.credits.micros()) * i128::from(part) / i128::from(BUCKET);
        sum.saturating_add(i64::try_from(micros).unwrap_or(i64::MAX))
    })
}

#[cfg(test)]
mod tests {
    use ledger::Quantity;
    use ledger::time::DAY;

    use super::*;
    use crate::calendar::parse_rfc3339;

    /// A Sunday, at noon.
    fn now() -> Timestamp {
        parse_rfc3339("2026-11-22T12:00:00Z").unwrap()
    }

    /// One credit in each quarter of an hour of the days since `days` ago.
    fn steady(days: i64) -> Vec<BucketRow> {
        let first = now().floor(DAY).saturating_add(-days * DAY);
        let starts = (0..).map(|step| first.saturating_add(step * BUCKET)).take_while(|start| *start < now());
        let row = |start| BucketRow {
            start,
            operation: "op".to_owned(),
            api_key: None,
            credits: Credits::whole(1),
            quantity: Quantity::ZERO,
            count: 1,
        };
        starts.map(row).collect()
    }

    #[test]
    fn a_steady_account_spends_what_is_usual() {
        let rows = steady(29);
        let today = today(&Zone::utc(), now(), &rows);
        assert_eq!(today.credits, Credits::whole(48));
        let usual = today.usual.unwrap();
        assert_eq!((usual.credits, usual.label.as_str()), (Credits::whole(48), "a usual Sunday"));
        let week = last_7_days(&Zone::utc(), now(), &rows);
        assert_eq!(week.credits, Credits::whole(6 * 96 + 48));
        assert_eq!(week.usual.unwrap().credits, week.credits);
        assert_eq!(week.from_ms, millis(now().floor(DAY).saturating_add(-6 * DAY)));
    }

    #[test]
    fn nothing_is_usual_before_there_is_a_history() {
        assert_eq!(today(&Zone::utc(), now(), &[]).usual, None);
        assert_eq!(today(&Zone::utc(), now(), &steady(13)).usual, None);
        assert!(today(&Zone::utc(), now(), &steady(14)).usual.is_some());
        assert_eq!(last_7_days(&Zone::utc(), now(), &steady(19)).usual, None);
        assert!(last_7_days(&Zone::utc(), now(), &steady(20)).usual.is_some());
    }

    #[test]
    fn a_stretch_ends_inside_a_bucket() {
        let rows = steady(0);
        let from = now().floor(DAY);
        assert_eq!(spent(&rows, (from, from.saturating_add(BUCKET / 2))), 500_000);
        assert_eq!(spent(&rows, (from, from.saturating_add(BUCKET))), 1_000_000);
        assert_eq!(spent(&rows, (from, from)), 0);
    }

    #[test]
    fn thirty_days_are_compared_with_the_thirty_before() {
        let earlier =
            |week: u32, rest: u32| Earlier { first_week: Credits::whole(week), rest: Credits::whole(rest) };
        let usual = |earlier| last_30_days(&Zone::utc(), now(), &[], &earlier).usual;
        assert_eq!(usual(earlier(0, 5)), None);
        assert_eq!(usual(earlier(2, 5)).unwrap().credits, Credits::whole(7));
    }
}
