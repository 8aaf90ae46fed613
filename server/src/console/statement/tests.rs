//! What a grant is good for, and its place in the burn order.

use ledger::grant::{GrantFacts, GrantKind};

use super::*;

const NOW: Timestamp = Timestamp::from_micros(1_000);

/// A grant of 10 credits; `from` and `to` in microseconds.
fn owned(seq: u64, remaining: u32, from: i64, to: Option<i64>) -> OwnedGrant {
    let facts = GrantFacts {
        kind: GrantKind::Promo,
        priority: 100,
        effective_at: Timestamp::from_micros(from),
        expires_at: to.map(Timestamp::from_micros),
        source: "operator".to_owned(),
        reason: "welcome".to_owned(),
    };
    OwnedGrant {
        grant: Grant { remaining: Credits::whole(remaining), ..Grant::new(seq, Credits::whole(10), facts) },
        issued_at: Timestamp::from_micros(0),
        expired: Credits::ZERO,
        voided: Credits::ZERO,
        held: Credits::ZERO,
    }
}

#[test]
fn a_status_says_what_is_left_or_where_it_went() {
    let status = |owned: &OwnedGrant| GrantStatus::of(owned, NOW).name();
    assert_eq!(status(&owned(1, 10, 0, None)), "active");
    assert_eq!(status(&owned(1, 10, 1_000, Some(1_001))), "active");
    assert_eq!(status(&owned(1, 10, 1_001, None)), "pending");
    assert_eq!(status(&owned(1, 10, 0, Some(1_000))), "expired", "though no entry says so yet");
    assert_eq!(status(&owned(1, 0, 0, Some(500))), "used", "spent before it could run out");
    let expired = OwnedGrant { expired: Credits::whole(3), ..owned(1, 0, 0, Some(500)) };
    assert_eq!(status(&expired), "expired");
    let voided = OwnedGrant { voided: Credits::whole(3), ..owned(1, 0, 2_000, None) };
    assert_eq!(status(&voided), "voided");
    let used = states(vec![expired, voided], NOW).iter().map(GrantState::used).collect::<Vec<_>>();
    assert_eq!(used, [Credits::whole(7), Credits::whole(7)]);
}

#[test]
fn only_what_can_be_spent_has_a_place_and_each_knows_why_it_comes_before_the_next() {
    let mut cheap = owned(3, 10, 0, None);
    cheap.grant.facts.priority = 5;
    let mut bought = owned(5, 10, 0, None);
    bought.grant.facts.kind = GrantKind::Purchase;
    let grants = vec![
        owned(7, 10, 2_000, None),
        owned(6, 10, 0, None),
        bought,
        owned(4, 0, 0, None),
        cheap,
        owned(2, 10, 0, None),
        owned(1, 10, 0, Some(2_000)),
    ];
    let found = states(grants, NOW);
    let place = |state: &GrantState| {
        let burn = state.burn.as_ref()?;
        Some((burn.position, burn.before.as_ref().map(|(reason, next)| (reason.name(), next.seq))))
    };
    let places: Vec<_> = found.iter().map(|state| (state.owned.grant.seq, place(state))).collect();
    assert_eq!(
        places,
        [
            (7, None),
            (6, Some((4, Some(("kind_burns_first", 5))))),
            (5, Some((5, None))),
            (4, None),
            (3, Some((1, Some(("lower_priority", 1))))),
            (2, Some((3, Some(("older", 6))))),
            (1, Some((2, Some(("expires_sooner", 2))))),
        ]
    );
}
