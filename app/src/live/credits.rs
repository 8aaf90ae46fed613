//! Keeps a [`CreditsView`] true as commits arrive.

use ledger::EventId;

use super::Commit;
use super::feed::{At, LiveView};
use crate::backend::credits::{CreditsView, ENTRIES, EntryRow};
use crate::backend::live::EntryMessage;
use crate::format;

impl LiveView for CreditsView {
    /// The query of the address.
    type Asked = String;

    fn seq(&self) -> u64 {
        self.seq
    }

    fn asked(&self) -> String {
        self.search.clone()
    }

    fn time_zone(&self) -> &str {
        &self.time_zone
    }

    fn now_ms(&self) -> i64 {
        self.now_ms
    }

    fn until_ms(&self) -> Option<i64> {
        Some(self.until_ms)
    }

    fn take(&mut self, commit: &Commit, at: &dyn Fn(&str) -> At) -> Option<()> {
        for entry in &commit.entries {
            if format::instant_ms(&entry.recorded_at)? >= self.until_ms {
                return None;
            }
            let grant = self.charge(entry)?;
            if self.is_newest {
                let At { label, exact } = at(&entry.recorded_at);
                self.entries.insert(0, charge_row(entry, grant, label, exact));
            }
        }
        if self.entries.len() > ENTRIES {
            self.entries.truncate(ENTRIES);
            self.before = self.entries.last().map(|last| last.entry.seq);
        }
        self.seq = commit.balance.seq;
        Some(())
    }
}

impl CreditsView {
    /// Takes a charge from its grant, whose name it returns. Whatever else happens, to holds, to debt or to the order of the
    /// grants, is read again: so is a grant's last charge.
    fn charge(&mut self, entry: &EntryMessage) -> Option<String> {
        if entry.movement != "charge" {
            return None;
        }
        let Some(id) = entry.grant_id else { return Some(String::new()) };
        let row = self.grants.iter_mut().find(|row| row.grant_id == id)?;
        row.remaining = row.remaining.checked_sub(entry.amount).filter(|rest| !rest.is_zero())?;
        Some(row.name.clone())
    }
}

fn charge_row(entry: &EntryMessage, grant: String, at_label: String, exact_label: String) -> EntryRow {
    let (what, event_id) = match (&entry.event, entry.grant_id) {
        (Some(event), _) => (event.operation.clone(), Some(event.event_id)),
        (None, grant) => {
            let first = entry.seq.saturating_sub(entry.leg.into());
            let event_id = grant.map(|grant| EventId { account: grant.account, seq: first });
            (format::rest_of(first), event_id)
        }
    };
    EntryRow { entry: entry.clone(), what, event_id, grant, at_label, exact_label }
}

#[cfg(test)]
mod tests {
    use ledger::{AccountId, Credits, GrantId};

    use super::*;
    use crate::backend::credits::GrantRow;
    use crate::backend::live::BalanceMessage;
    use crate::live::Arrival;
    use crate::live::feed::{Feed, Outcome};

    fn account() -> AccountId {
        "acct_01900000000070008000000000000001".parse().unwrap()
    }

    /// One grant of ten credits, issued by entry 1; the page ends with the first hour of 1970.
    fn view() -> CreditsView {
        let grant = GrantRow {
            grant_id: GrantId { account: account(), seq: 1 },
            kind: "promo".to_owned(),
            name: "Promotion: welcome".to_owned(),
            status: "active".to_owned(),
            amount: Credits::whole(10),
            remaining: Credits::whole(10),
            held: Credits::ZERO,
            priority: 100,
            expires: String::new(),
            why: String::new(),
            from: 0,
            to: 1_000,
        };
        CreditsView {
            seq: 1,
            now_ms: 0,
            until_ms: 3_600_000,
            search: String::new(),
            time_zone: "UTC".to_owned(),
            debt: Credits::ZERO,
            holds: vec![],
            grants: vec![grant],
            hidden_grants: 0,
            axis: vec![],
            entries: vec![],
            is_newest: true,
            before: None,
            head_seq: 1,
            head: String::new(),
        }
    }

    fn commit(seq: u64, movement: &str, grant: Option<u64>, amount: u32, at: &str) -> Commit {
        let entry = EntryMessage {
            seq,
            movement: movement.to_owned(),
            leg: 0,
            amount: Credits::whole(amount),
            grant_id: grant.map(|seq| GrantId { account: account(), seq }),
            event: None,
            available_after: Credits::whole(9),
            held_after: Credits::ZERO,
            recorded_at: at.to_owned(),
        };
        let balance = BalanceMessage {
            seq,
            balance: Credits::whole(9),
            credits: Credits::whole(9),
            available: Credits::whole(9),
            held: Credits::ZERO,
            debt: Credits::ZERO,
            recorded_at: at.to_owned(),
        };
        Commit { entries: vec![entry], usage: vec![], balance }
    }

    const EARLY: &str = "1970-01-01T00:10:00Z";

    /// The view after these commits; `None` when it must be read again.
    fn after(view: CreditsView, commits: impl IntoIterator<Item = Commit>) -> Option<CreditsView> {
        let mut feed = Feed::new(view);
        let arrivals: Vec<_> = commits.into_iter().map(Arrival::Commit).collect();
        let at = |text: &str| At { label: text.to_owned(), exact: text.to_owned() };
        (feed.apply(&arrivals, at) == Outcome::Done).then(|| feed.view().clone())
    }

    #[test]
    fn a_charge_takes_from_its_grant_and_stands_on_top() {
        let free = commit(3, "charge", None, 0, EARLY);
        let moved = after(view(), [commit(2, "charge", Some(1), 4, EARLY), free]).unwrap();
        assert_eq!((moved.seq, moved.grants[0].remaining), (3, Credits::whole(6)));
        let rows: Vec<_> = moved.entries.iter().map(|row| (row.entry.seq, row.grant.as_str())).collect();
        assert_eq!(rows, [(3, ""), (2, "Promotion: welcome")]);
    }

    #[test]
    fn a_further_leg_says_of_what_and_leads_to_the_same_receipt() {
        let mut leg = commit(2, "charge", Some(1), 1, EARLY);
        leg.entries.push(EntryMessage { seq: 3, leg: 1, ..leg.entries[0].clone() });
        leg.balance.seq = 3;
        let moved = after(view(), [leg]).unwrap();
        assert_eq!(
            (moved.entries[0].what.as_str(), moved.entries[0].event_id.unwrap().seq),
            ("rest of № 2", 2)
        );
    }

    #[test]
    fn what_changes_holds_debt_or_the_order_is_read_again() {
        for read_again in [
            commit(2, "issue", Some(2), 4, EARLY),
            commit(2, "expire", Some(1), 10, EARLY),
            commit(2, "void", Some(1), 10, EARLY),
            commit(2, "hold", Some(1), 4, EARLY),
            commit(2, "hold", None, 0, EARLY),
            commit(2, "settle", Some(1), 4, EARLY),
            commit(2, "release", Some(1), 4, EARLY),
            commit(2, "owe", None, 4, EARLY),
            commit(2, "repay", Some(1), 4, EARLY),
            commit(2, "correct", Some(1), 4, EARLY),
            commit(2, "forgive", None, 4, EARLY),
            commit(2, "charge", Some(1), 10, EARLY),
            commit(2, "charge", Some(7), 1, EARLY),
            commit(2, "charge", Some(1), 1, "1970-01-01T01:00:00Z"),
        ] {
            assert_eq!(after(view(), [read_again.clone()]), None, "{read_again:?}");
        }
    }

    #[test]
    fn a_page_further_back_keeps_its_rows_and_the_newest_its_length() {
        let back = CreditsView { is_newest: false, ..view() };
        let moved = after(back, [commit(2, "charge", Some(1), 4, EARLY)]).unwrap();
        assert_eq!((moved.entries.len(), moved.grants[0].remaining), (0, Credits::whole(6)));
        let last = 2 + u64::try_from(ENTRIES).unwrap();
        let full = after(view(), (2..=last).map(|seq| commit(seq, "charge", None, 0, EARLY))).unwrap();
        assert_eq!((full.entries.len(), full.before), (ENTRIES, Some(3)));
    }
}
