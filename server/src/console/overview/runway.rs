//! What the page needs to foresee when the credits are gone.

use app::backend::overview::{EndView, PaceView, RunwayGrant, RunwayView};
use app::charts::runway::outlook;
use ledger::forecast::End;
use ledger::grant::Grant;
use ledger::time::DAY;
use ledger::{AccountId, Credits, GrantId, Timestamp};

use crate::calendar::Zone;
use crate::console::charts::millis;
use crate::store::BucketRow;

/// Full days that the pace is measured over, at most.
const PACE_DAYS: u16 = 7;

/// The consumption of the last full days, as many as there are since the account's first event. On the first days,
/// everything so far; as of a whole day, so that a busy first hour foretells no catastrophe.
///
/// `rows` are in order of time; `was_active` says that there was something before them.
pub(super) fn pace(zone: &Zone, now: Timestamp, rows: &[BucketRow], was_active: bool) -> PaceView {
    let first = rows.first().map(|row| row.start);
    let is_full = |days: &u16| was_active || first.is_some_and(|first| zone.days_before(now, *days) >= first);
    let days = (1..=PACE_DAYS).take_while(is_full).last().unwrap_or(0);
    let (from, to) = match days {
        0 => (first.unwrap_or(now), now.saturating_add(1)),
        days => (zone.days_before(now, days), zone.days_before(now, 0)),
    };
    let spent = rows.iter().filter(|row| from <= row.start && row.start < to).map(|row| row.credits);
    let over = to.saturating_since(from).max(DAY);
    PaceView { credits: Credits::sum(spent).unwrap_or(Credits::MAX), over_ms: over / 1_000, days }
}

/// What will be left of the grants that come into force once they have repaid what is owed, the earliest first.
pub(super) fn less_debt(grants: &[Grant], mut debt: Credits) -> Vec<Grant> {
    let mut grants = grants.to_vec();
    let mut order: Vec<&mut Grant> = grants.iter_mut().collect();
    order.sort_by_key(|grant| grant.facts.effective_at);
    for grant in order {
        let repaid = debt.min(grant.remaining);
        debt = debt.saturating_sub(repaid);
        grant.remaining = grant.remaining.saturating_sub(repaid);
    }
    grants
}

/// `grants` are in burn order.
pub(super) fn view(
    account: AccountId,
    zone: &Zone,
    now: Timestamp,
    grants: &[Grant],
    pace: PaceView,
) -> RunwayView {
    let day = |at: Timestamp| EndView { at_ms: millis(at), day: zone.format(at, "%a %-d %b") };
    let grant = |grant: &Grant| RunwayGrant {
        grant_id: GrantId { account, seq: grant.seq },
        amount: grant.amount,
        remaining: grant.remaining,
        effective_ms: millis(grant.facts.effective_at),
        expires: grant.facts.expires_at.map(day),
    };
    let mut view =
        RunwayView { now_ms: millis(now), pace, grants: grants.iter().map(grant).collect(), end: None };
    if let End::At(at) = outlook(&view).end {
        view.end = Some(day(at));
    }
    view
}

#[cfg(test)]
mod tests {
    use ledger::Quantity;
    use ledger::grant::{GrantFacts, GrantKind};

    use super::*;
    use crate::calendar::parse_rfc3339;

    fn at(text: &str) -> Timestamp {
        parse_rfc3339(text).unwrap()
    }

    fn row(start: &str, credits: u32) -> BucketRow {
        BucketRow {
            start: at(start),
            operation: "op".to_owned(),
            api_key: None,
            credits: Credits::whole(credits),
            quantity: Quantity::ZERO,
            count: 1,
        }
    }

    fn pace_at(now: &str, rows: &[BucketRow], was_active: bool) -> (u16, Credits, i64) {
        let zone: Zone = "Europe/Berlin".parse().unwrap();
        let PaceView { credits, over_ms, days } = pace(&zone, at(now), rows, was_active);
        (days, credits, over_ms * 1_000 / (DAY / 24))
    }

    #[test]
    fn what_is_owed_is_taken_off_what_comes_first() {
        let from = |seq, credits, effective_at| {
            let facts = GrantFacts {
                kind: GrantKind::Purchase,
                priority: 100,
                effective_at: Timestamp::from_micros(effective_at),
                expires_at: None,
                source: String::new(),
                reason: String::new(),
            };
            Grant::new(seq, Credits::whole(credits), facts)
        };
        let grants = [from(1, 30, 9), from(2, 20, 5)];
        let left = |debt| {
            less_debt(&grants, Credits::whole(debt)).iter().map(|one| one.remaining).collect::<Vec<_>>()
        };
        assert_eq!(left(0), [30, 20].map(Credits::whole));
        assert_eq!(left(25), [25, 0].map(Credits::whole));
        assert_eq!(left(60), [0, 0].map(Credits::whole));
    }

    #[test]
    fn the_pace_is_that_of_the_last_seven_full_days() {
        let rows = [
            row("2026-11-14T22:45:00Z", 1_000),
            row("2026-11-14T23:00:00Z", 50),
            row("2026-11-21T22:45:00Z", 20),
            row("2026-11-21T23:00:00Z", 1_000),
        ];
        let found = pace_at("2026-11-22T11:00:00Z", &rows, false);
        assert_eq!(found, (7, Credits::whole(70), 7 * 24));
    }

    #[test]
    fn days_are_as_long_as_the_clocks_make_them() {
        let rows = [row("2026-10-01T00:00:00Z", 1), row("2026-10-25T12:00:00Z", 5)];
        assert_eq!(pace_at("2026-10-26T11:00:00Z", &rows, false), (7, Credits::whole(5), 7 * 24 + 1));
    }

    #[test]
    fn a_young_account_is_measured_over_the_full_days_it_has() {
        let rows = [row("2026-11-19T12:00:00Z", 30), row("2026-11-20T12:00:00Z", 4)];
        assert_eq!(pace_at("2026-11-22T11:00:00Z", &rows, false), (2, Credits::whole(4), 48));
        assert_eq!(pace_at("2026-11-20T13:00:00Z", &rows, false), (0, Credits::whole(34), 25));
        assert_eq!(pace_at("2026-11-19T13:00:00Z", &rows[..1], false), (0, Credits::whole(30), 24));
        assert_eq!(pace_at("2026-11-22T11:00:00Z", &[], false), (0, Credits::ZERO, 24));
    }

    #[test]
    fn an_account_that_was_active_long_ago_has_a_pace_of_nothing() {
        assert_eq!(pace_at("2026-11-22T11:00:00Z", &[], true), (7, Credits::ZERO, 7 * 24));
        let rows = [row("2026-11-22T10:00:00Z", 7)];
        assert_eq!(pace_at("2026-11-22T11:00:00Z", &rows, true), (7, Credits::ZERO, 7 * 24));
    }
}
