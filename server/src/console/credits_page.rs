//! The credits page: an account's grants in their burn order and on a time axis, what is held and owed, and its books.

mod words;

use app::backend::credits::{CreditsPort, CreditsView, ENTRIES, EntryRow, GrantRow, HoldRow};
use app::backend::{ConsoleError, Viewer};
use app::format;
use async_trait::async_trait;
use ledger::chain::genesis;
use ledger::entry::Entry;
use ledger::rate::RateCards;
use ledger::{AccountId, Credits, GrantId, HoldId, Timestamp};

use self::words::{event_of, name, what, why};
use super::charts::millis;
use super::labels::{at_label, exact_label, unit_of, zone_of};
use super::statement::{GrantState, GrantStatus, states};
use super::{Console, Error};
use crate::calendar::{Step, Zone};
use crate::live::entry_message;
use crate::store::Statement;

/// Grants on the page; those that are open are all there.
const GRANTS: usize = 30;
/// Parts of the time axis.
const QUARTERS: i64 = 4;
/// The shortest axis.
const SHORTEST: i64 = 8 * ledger::time::DAY;

#[async_trait]
impl CreditsPort for Console {
    async fn credits(&self, viewer: &Viewer, search: &str) -> Result<CreditsView, ConsoleError> {
        let account_no = self.account_no(viewer.account_id).await?;
        // Closes what has run out.
        let wallet = self.wallet(account_no, viewer.account_id).await?;
        let before = before(search);
        // One more tells whether there is a next page.
        let limit = u32::try_from(ENTRIES + 1).unwrap_or(u32::MAX);
        let statement = self.store.statement(account_no, before, limit).await.map_err(Error::from)?;
        let now = self.clock.now().max(wallet.recorded_at);
        let cards = self.store.rate_cards().await.map_err(Error::from)?;
        let page = Page { account: viewer.account_id, zone: zone_of(viewer), now, cards };
        Ok(CreditsView { search: search.to_owned(), is_newest: before.is_none(), ..page.view(statement) })
    }
}

/// The place in the books that an address asks for.
fn before(search: &str) -> Option<u64> {
    let value = search.trim_start_matches('?').split('&').find_map(|pair| pair.strip_prefix("before="));
    value?.parse().ok().filter(|seq| *seq > 1)
}

/// One reader's page at one instant.
struct Page {
    account: AccountId,
    zone: Zone,
    now: Timestamp,
    cards: RateCards,
}

impl Page {
    fn view(&self, statement: Statement) -> CreditsView {
        let Statement { seq, head, debt, holds, grants, mut entries } = statement;
        let has_more = entries.len() > ENTRIES;
        entries.truncate(ENTRIES);
        let mut states = states(grants, self.now);
        let rows = entries.iter().map(|entry| self.entry(entry, &entries, &states)).collect();
        states.sort_by_key(rank);
        let until = self.until(&states, &holds);
        let end = self.end_of_axis(&states);
        let may_hide = |state: &GrantState| !is_open(state) && state.owned.held.is_zero();
        let hidden = states.iter().skip(GRANTS).filter(|state| may_hide(state)).count();
        let shown = states.iter().enumerate().filter(|(place, state)| *place < GRANTS || !may_hide(state));
        CreditsView {
            seq,
            now_ms: millis(self.now),
            until_ms: millis(until),
            search: String::new(),
            time_zone: self.zone.name().to_owned(),
            debt,
            holds: holds.iter().filter_map(|hold| self.hold(hold)).collect(),
            grants: shown.map(|(_, state)| self.grant(state, end)).collect(),
            hidden_grants: u64::try_from(hidden).unwrap_or(u64::MAX),
            axis: self.axis(end),
            before: entries.last().filter(|_| has_more).map(|last| last.seq),
            entries: rows,
            is_newest: true,
            head_seq: seq,
            head: head.unwrap_or_else(|| genesis(self.account)).to_string(),
        }
    }

    /// `page` has the entries around it, among them most likely leg 0 of its act.
    fn entry(&self, entry: &Entry, page: &[Entry], states: &[GrantState]) -> EntryRow {
        let grant = entry.grant.and_then(|seq| states.iter().find(|state| state.owned.grant.seq == seq));
        EntryRow {
            entry: entry_message(self.account, entry),
            what: what(entry),
            event_id: event_of(self.account, entry, page),
            grant: grant.map(|state| name(&state.owned.grant.facts)).unwrap_or_default(),
            at_label: at_label(&self.zone, self.now, entry.recorded_at),
            exact_label: exact_label(&self.zone, entry.recorded_at),
        }
    }

    /// `None` for an entry that is no hold; the store lists none of those.
    fn hold(&self, entry: &Entry) -> Option<HoldRow> {
        let (event, deadline) = (entry.event.as_ref()?, entry.deadline?);
        let since = entry.recorded_at;
        Some(HoldRow {
            hold_id: HoldId { account: self.account, seq: entry.seq }.to_string(),
            operation: event.operation.clone(),
            quantity: format::quantity(event.quantity, &unit_of(&self.cards, event)),
            name: format!("{} · {}", event.source, event.id),
            credits: event.credits,
            since_label: at_label(&self.zone, self.now, since),
            since_exact: exact_label(&self.zone, since),
            until_label: at_label(&self.zone, self.now, deadline),
            until_exact: exact_label(&self.zone, deadline),
        })
    }

    fn grant(&self, state: &GrantState, end: Timestamp) -> GrantRow {
        let grant = &state.owned.grant;
        let facts = &grant.facts;
        GrantRow {
            grant_id: GrantId { account: self.account, seq: grant.seq },
            kind: facts.kind.name().to_owned(),
            name: name(facts),
            status: state.status.name().to_owned(),
            amount: grant.amount,
            remaining: grant.remaining,
            held: state.owned.held,
            priority: facts.priority,
            expires: facts.expires_at.map(|at| words::day(&self.zone, at)).unwrap_or_default(),
            why: why(&self.zone, state),
            from: self.place(facts.effective_at, end),
            to: facts.expires_at.map_or(1_000, |at| self.place(at, end)),
        }
    }

    /// When the page is old: at midnight, when a grant comes into force or runs out, and at the deadline of a hold.
    fn until(&self, states: &[GrantState], holds: &[Entry]) -> Timestamp {
        let turns = states.iter().filter(|state| is_open(state)).flat_map(|state| {
            let facts = &state.owned.grant.facts;
            [Some(facts.effective_at), facts.expires_at]
        });
        let deadlines = holds.iter().filter_map(|hold| hold.deadline);
        let next = turns.flatten().chain(deadlines).filter(|at| *at > self.now).min();
        let midnight = self.zone.ceil_after(self.now, Step::Day);
        next.map_or(midnight, |next| next.min(midnight))
    }

    /// A ninth part of the time to the last turn is left behind it.
    fn end_of_axis(&self, states: &[GrantState]) -> Timestamp {
        let turns = states.iter().filter(|state| is_open(state)).map(|state| {
            let facts = &state.owned.grant.facts;
            facts.expires_at.unwrap_or(facts.effective_at)
        });
        let span = turns.max().map_or(0, |last| last.saturating_since(self.now));
        self.now.saturating_add(span.saturating_add(span / 9).max(SHORTEST))
    }

    /// Thousandths of the axis.
    fn place(&self, at: Timestamp, end: Timestamp) -> u16 {
        let (part, whole) = (at.saturating_since(self.now).max(0), end.saturating_since(self.now));
        let thousandths = i128::from(part) * 1_000 / i128::from(whole.max(1));
        u16::try_from(thousandths.min(1_000)).unwrap_or(1_000)
    }

    fn axis(&self, end: Timestamp) -> Vec<String> {
        let span = end.saturating_since(self.now);
        let pattern = if span > 300 * ledger::time::DAY { "%b %Y" } else { "%-d %b" };
        let label = |quarter: i64| match quarter {
            0 => "Today".to_owned(),
            quarter => self.zone.format(self.now.saturating_add(span / QUARTERS * quarter), pattern),
        };
        (0..QUARTERS).map(label).collect()
    }
}

fn is_open(state: &GrantState) -> bool {
    matches!(state.status, GrantStatus::Active | GrantStatus::Pending)
}

/// See [`CreditsView::grants`].
fn rank(state: &GrantState) -> (u8, i64) {
    let grant = &state.owned.grant;
    match (&state.burn, state.status) {
        (Some(burn), _) => (0, i64::try_from(burn.position).unwrap_or(i64::MAX)),
        (None, GrantStatus::Pending) => (1, grant.facts.effective_at.micros()),
        (None, _) if state.owned.held > Credits::ZERO => (2, -grant.seq.cast_signed()),
        (None, _) => (3, -grant.seq.cast_signed()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_asks_for_a_place_or_for_the_newest() {
        assert_eq!(before("before=27"), Some(27));
        assert_eq!(before("?x=1&before=27"), Some(27));
        for newest in ["", "before=", "before=1", "before=-3", "before=x", "after=5"] {
            assert_eq!(before(newest), None, "{newest:?}");
        }
    }

    #[test]
    fn a_place_on_the_axis_is_never_off_it() {
        let page = Page {
            account: "acct_01900000000070008000000000000001".parse().unwrap(),
            zone: Zone::utc(),
            now: Timestamp::from_micros(1_000),
            cards: RateCards::new(vec![ledger::rate::RateCard::example()]).unwrap(),
        };
        let place = |at| page.place(Timestamp::from_micros(at), Timestamp::from_micros(2_000));
        assert_eq!([0, 1_000, 1_500, 2_000, i64::MAX].map(place), [0, 0, 500, 1_000, 1_000]);
    }
}
