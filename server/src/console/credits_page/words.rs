//! What entries are, in a few words; a grant's place in the burn order, or what became of it, in a sentence.

use app::format;
use ledger::entry::{Entry, Movement};
use ledger::grant::GrantFacts;
use ledger::receipt::BurnReason;
use ledger::{AccountId, Credits, EventId, Timestamp};

use crate::calendar::Zone;
use crate::console::receipt_page::grant_name;
use crate::console::statement::{BurnPlace, GrantState, GrantStatus};

/// `Promotion: welcome`
pub(super) fn name(facts: &GrantFacts) -> String {
    grant_name(facts)
}

/// `8 Dec 2026`
pub(super) fn day(zone: &Zone, at: Timestamp) -> String {
    zone.format(at, "%-d %b %Y")
}

/// What an entry is: `Held for model.build`, `rest of № 12`.
pub(super) fn what(entry: &Entry) -> String {
    let Some(event) = entry.event.as_ref().filter(|_| entry.leg == 0) else { return follows(entry) };
    let operation = &event.operation;
    let reason = entry.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    match entry.movement {
        Movement::Hold => format!("Held for {operation}"),
        Movement::Settle => format!("Settled: {operation}"),
        // At the deadline nobody asks for it.
        Movement::Release if event.service_key.is_none() => {
            format!("Given back at the deadline: {operation}")
        }
        Movement::Release => format!("Given back: {operation}"),
        Movement::Owe => format!("Owed: {operation}"),
        Movement::Correct => format!("Corrected: {operation}{reason}"),
        Movement::Forgive => format!("No longer owed: {operation}{reason}"),
        Movement::Charge | Movement::Issue | Movement::Expire | Movement::Void | Movement::Repay => {
            operation.clone()
        }
    }
}

/// What carries no event: a further leg, or what happens to a grant.
fn follows(entry: &Entry) -> String {
    let first = first_of(entry);
    let name = match entry.movement {
        Movement::Charge | Movement::Hold | Movement::Settle | Movement::Correct => {
            return format::rest_of(first);
        }
        Movement::Owe => return format!("Owed, {}", format::rest_of(first)),
        Movement::Release => return format!("Given back, {}", format::rest_of(first)),
        Movement::Issue => "Granted",
        Movement::Expire => "Ran out",
        Movement::Void => "Taken back",
        Movement::Repay => "Repaid what was owed",
        Movement::Forgive => "No longer owed",
    };
    if entry.leg == 0 { name.to_owned() } else { format!("{name}, with № {first}") }
}

/// The `seq` of leg 0 of its act.
fn first_of(entry: &Entry) -> u64 {
    entry.seq.saturating_sub(entry.leg.into())
}

/// The event that an entry belongs to, or corrects. Of a correction leg 0 says which; it is among the `others`, unless it stands
/// on another page.
pub(super) fn event_of(account: AccountId, entry: &Entry, others: &[Entry]) -> Option<EventId> {
    let first = first_of(entry);
    let event = |seq| Some(EventId { account, seq });
    if entry.movement.uses() {
        return event(first);
    }
    let act = others.iter().find(|other| other.seq == first)?;
    match &act.revises {
        Some(revises) if act.movement.gives_back() => event(revises.of),
        _ if act.movement.uses() => event(first),
        _ => None,
    }
}

pub(super) fn why(zone: &Zone, state: &GrantState) -> String {
    let said = became(zone, state);
    match state.owned.held {
        Credits::ZERO => said,
        held => {
            let verb = if held == Credits::whole(1) { "is" } else { "are" };
            format!("{said} {} of it {verb} in flight.", credits(held))
        }
    }
}

fn became(zone: &Zone, state: &GrantState) -> String {
    let facts = &state.owned.grant.facts;
    match (state.status, &state.burn) {
        (_, Some(burn)) => place(facts, burn),
        (GrantStatus::Active | GrantStatus::Pending, None) => {
            format!("Can be spent from {} on.", day(zone, facts.effective_at))
        }
        (GrantStatus::Used, None) if !state.owned.held.is_zero() => "Nothing else is left.".to_owned(),
        (GrantStatus::Used, None) => "All of it was spent.".to_owned(),
        (GrantStatus::Expired, None) => match state.owned.expired {
            Credits::ZERO => "It has run out.".to_owned(),
            lost => format!("{} ran out; {}.", credits(lost), spent(state.used())),
        },
        (GrantStatus::Voided, None) => {
            let reason = state.owned.grant.void_reason.as_deref().unwrap_or("no reason was given");
            let taken = credits(state.owned.voided);
            format!("{taken} taken back ({reason}); {}.", spent(state.used()))
        }
    }
}

/// Why it is where it is: by the rule that puts it before the next.
fn place(facts: &GrantFacts, burn: &BurnPlace) -> String {
    let turn = match (burn.position, &burn.before) {
        (1, None) => return "Burns next; there is nothing else.".to_owned(),
        (_, None) => return "Burns last.".to_owned(),
        (1, Some(_)) => "Burns next".to_owned(),
        (position, Some(_)) => format!("Burns {}", ordinal(position)),
    };
    let Some((reason, next)) = &burn.before else { return turn };
    match reason {
        BurnReason::LowerPriority => {
            format!("{turn}: priority {} comes before {}.", facts.priority, next.facts.priority)
        }
        BurnReason::ExpiresSooner => format!("{turn}: it runs out before what follows."),
        BurnReason::KindBurnsFirst => format!(
            "{turn}: the kind {} burns before {}.",
            format::grant_kind(facts.kind.name()).to_lowercase(),
            format::grant_kind(next.facts.kind.name()).to_lowercase(),
        ),
        BurnReason::Older => format!("{turn}: it is older than what follows."),
    }
}

fn ordinal(position: usize) -> String {
    let ending = match (position % 10, position % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{position}{ending}")
}

fn credits(amount: Credits) -> String {
    match format::exact(amount).as_str() {
        "1" => "1 credit".to_owned(),
        amount => format!("{amount} credits"),
    }
}

fn spent(used: Credits) -> String {
    if used.is_zero() { "nothing was spent".to_owned() } else { format!("{} spent", format::exact(used)) }
}

#[cfg(test)]
mod tests {
    use ledger::grant::{Grant, GrantKind};

    use super::*;
    use crate::console::statement::states;
    use crate::store::OwnedGrant;

    fn owned(seq: u64, kind: GrantKind, priority: u16, expires_at: Option<i64>) -> OwnedGrant {
        let facts = GrantFacts {
            kind,
            priority,
            effective_at: Timestamp::from_micros(0),
            expires_at: expires_at.map(Timestamp::from_micros),
            source: "operator".to_owned(),
            reason: "welcome".to_owned(),
        };
        OwnedGrant {
            grant: Grant::new(seq, Credits::whole(10), facts),
            issued_at: Timestamp::from_micros(0),
            expired: Credits::ZERO,
            voided: Credits::ZERO,
            held: Credits::ZERO,
        }
    }

    fn said(grants: Vec<OwnedGrant>) -> Vec<String> {
        let states = states(grants, Timestamp::from_micros(5));
        states.iter().map(|state| why(&Zone::utc(), state)).collect()
    }

    #[test]
    fn every_place_has_its_reason() {
        let promo = |seq, expires| owned(seq, GrantKind::Promo, 100, expires);
        let grants = vec![
            owned(1, GrantKind::Purchase, 7, None),
            promo(2, Some(50)),
            promo(3, None),
            promo(4, None),
            owned(5, GrantKind::Purchase, 100, None),
        ];
        assert_eq!(
            said(grants),
            [
                "Burns next: priority 7 comes before 100.",
                "Burns 2nd: it runs out before what follows.",
                "Burns 3rd: it is older than what follows.",
                "Burns 4th: the kind promotion burns before bought.",
                "Burns last.",
            ]
        );
        assert_eq!(said(vec![promo(1, None)]), ["Burns next; there is nothing else."]);
    }

    #[test]
    fn what_is_gone_says_where_it_went() {
        let gone = |expired, voided, reason: Option<&str>| {
            let mut one = owned(1, GrantKind::Promo, 100, Some(3));
            one.grant.remaining = Credits::ZERO;
            one.grant.void_reason = reason.map(str::to_owned);
            OwnedGrant { expired: Credits::whole(expired), voided: Credits::whole(voided), ..one }
        };
        let mut later = owned(2, GrantKind::Promo, 100, None);
        later.grant.facts.effective_at = Timestamp::from_micros(86_400_000_000);
        assert_eq!(
            said(vec![gone(0, 0, None), gone(1, 0, None), gone(0, 10, Some("a mistake")), later]),
            [
                "All of it was spent.",
                "1 credit ran out; 9 spent.",
                "10 credits taken back (a mistake); nothing was spent.",
                "Can be spent from 2 Jan 1970 on.",
            ]
        );
    }

    #[test]
    fn ordinals_are_spelt_as_people_do() {
        let all = [1, 2, 3, 4, 11, 12, 13, 21, 101, 111].map(ordinal);
        assert_eq!(all, ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "101st", "111th"]);
    }
}
