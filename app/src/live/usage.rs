//! Keeps a [`UsageView`] true as commits arrive.

use super::Commit;
use super::feed::{At, LiveView, apply_to_chart, row_of, take_leg};
use crate::backend::live::{EntryMessage, EventFacts, UsageMessage};
use crate::backend::usage::{EVENTS, UsageView};
use crate::format;

impl LiveView for UsageView {
    /// The query of the address.
    type Asked = String;

    fn seq(&self) -> u64 {
        self.seq
    }

    fn asked(&self) -> String {
        self.search.clone()
    }

    fn time_zone(&self) -> &str {
        &self.chart.time_zone
    }

    fn now_ms(&self) -> i64 {
        self.now_ms
    }

    fn until_ms(&self) -> Option<i64> {
        self.is_open.then_some(self.chart.until_ms)
    }

    fn take(&mut self, commit: &Commit, at: &dyn Fn(&str) -> At) -> Option<()> {
        for entry in &commit.entries {
            if matches!(entry.movement.as_str(), "correct" | "forgive") {
                // Changes rows and chart where they are.
                return None;
            }
            match &entry.event {
                Some(event) => self.take_event(entry, event, at)?,
                None if entry.leg > 0 => {
                    // Of an event that isn't on the page when it isn't the newest row's.
                    take_leg(&mut self.events, entry);
                }
                None => {}
            }
        }
        for usage in &commit.usage {
            self.take_usage(usage)?;
        }
        self.seq = commit.balance.seq;
        Some(())
    }
}

/// Where an instant lies.
enum Place {
    /// Before or after what is shown.
    Outside,
    Inside,
}

impl UsageView {
    /// `None` when the clock has moved on and the page must be read again.
    fn place(&self, ms: i64) -> Option<Place> {
        if ms >= self.chart.until_ms {
            return if self.is_open { None } else { Some(Place::Outside) };
        }
        let is_late = self.chart.buckets.first().is_none_or(|first| ms < first.start_ms);
        Some(if is_late { Place::Outside } else { Place::Inside })
    }

    fn wants(&self, operation: &str, key: Option<&str>) -> bool {
        self.operation.as_ref().is_none_or(|wanted| wanted == operation)
            && self.api_key.as_ref().is_none_or(|wanted| wanted == key.unwrap_or_default())
    }

    fn take_event(
        &mut self,
        entry: &EntryMessage,
        event: &EventFacts,
        at: &dyn Fn(&str) -> At,
    ) -> Option<()> {
        let happened = event.occurred_at.as_ref().unwrap_or(&entry.recorded_at);
        let key = event.api_key_id.as_ref().map(ledger::KeyId::as_str);
        if !self.wants(&event.operation, key) {
            return Some(());
        }
        if let Place::Outside = self.place(format::instant_ms(happened)?)? {
            return Some(());
        }
        self.count += 1;
        if self.is_newest {
            let row = row_of(&self.labels, entry, event, at)?;
            self.events.insert(0, row);
            self.end_the_list();
        }
        Some(())
    }

    /// What no longer fits is where the next page starts.
    fn end_the_list(&mut self) {
        if self.events.len() > EVENTS {
            self.events.truncate(EVENTS);
            self.before = self.events.last().map(|last| last.event_id.seq);
        }
    }

    fn take_usage(&mut self, usage: &UsageMessage) -> Option<()> {
        let key = usage.api_key_id.as_ref().map(ledger::KeyId::as_str);
        if !self.wants(&usage.operation, key) {
            return Some(());
        }
        let start_ms = format::instant_ms(&usage.start)?;
        match self.place(start_ms)? {
            Place::Outside => Some(()),
            Place::Inside => apply_to_chart(&mut self.chart, &self.labels, start_ms, usage),
        }
    }
}

#[cfg(test)]
mod tests {
    use ledger::{AccountId, Credits, EventId, KeyId, Quantity};

    use super::*;
    use crate::backend::live::BalanceMessage;
    use crate::backend::overview::{
        BucketView, ChartView, Granularity, GroupBy, KeyLabel, LabelsView, PointView, SeriesView, UnitLabel,
    };
    use crate::backend::usage::UsageForm;
    use crate::live::Arrival;
    use crate::live::feed::{Feed, Outcome};

    const DAY_MS: i64 = 86_400_000;

    fn account() -> AccountId {
        "acct_01900000000070008000000000000001".parse().unwrap()
    }

    fn key() -> KeyId {
        "key_abcdefghijkl".parse().unwrap()
    }

    /// Days 20 and 21 since 1970, nothing spent.
    fn view() -> UsageView {
        let bucket =
            |day: i64| BucketView { start_ms: day * DAY_MS, label: String::new(), title: String::new() };
        let chart = ChartView {
            about: String::new(),
            group_by: GroupBy::Nothing,
            granularity: Granularity::Day,
            time_zone: "UTC".to_owned(),
            buckets: vec![bucket(20), bucket(21)],
            until_ms: 22 * DAY_MS,
            series: vec![SeriesView {
                group: String::new(),
                name: "everything".to_owned(),
                points: vec![PointView::default(); 2],
            }],
            total: Credits::ZERO,
        };
        let form = UsageForm {
            ranges: vec![],
            granularities: vec![],
            groups: vec![],
            operations: vec![],
            keys: vec![],
            span: vec![],
            from: String::new(),
            to: String::new(),
            problem: None,
        };
        UsageView {
            now_ms: 0,
            seq: 1,
            search: String::new(),
            form,
            chart,
            is_open: true,
            operation: None,
            api_key: None,
            events: vec![],
            count: 0,
            is_newest: true,
            here: "/usage".to_owned(),
            before: None,
            csv: String::new(),
            labels: LabelsView {
                units: vec![UnitLabel { operation: "model.build".to_owned(), unit: "iteration".to_owned() }],
                keys: vec![KeyLabel { key_id: key(), label: "plx_sk_9f2a…k3Qd".to_owned() }],
            },
        }
    }

    /// A charge of one credit that happened on day 21.
    fn charge(seq: u64) -> Commit {
        let event = EventFacts {
            event_id: EventId { account: account(), seq },
            source: "test".to_owned(),
            id: seq.to_string(),
            operation: "model.build".to_owned(),
            quantity: Quantity::ZERO,
            credits: Credits::whole(1),
            occurred_at: Some("1970-01-22T09:00:00Z".to_owned()),
            api_key_id: Some(key()),
        };
        let entry = EntryMessage {
            seq,
            movement: "charge".to_owned(),
            leg: 0,
            amount: Credits::whole(1),
            grant_id: None,
            event: Some(event),
            available_after: Credits::whole(9),
            held_after: Credits::ZERO,
            recorded_at: "1970-01-22T10:00:00Z".to_owned(),
        };
        let usage = UsageMessage {
            start: "1970-01-22T09:00:00Z".to_owned(),
            operation: "model.build".to_owned(),
            api_key_id: Some(key()),
            credits: Credits::whole(1),
            quantity: Quantity::ZERO,
            count: 1,
        };
        let balance = BalanceMessage {
            seq,
            balance: Credits::whole(9),
            credits: Credits::whole(9),
            available: Credits::whole(9),
            held: Credits::ZERO,
            debt: Credits::ZERO,
            recorded_at: "1970-01-22T10:00:00Z".to_owned(),
        };
        Commit { entries: vec![entry], usage: vec![usage], balance }
    }

    fn at(instant: &str) -> At {
        At { label: instant.to_owned(), exact: instant.to_owned() }
    }

    /// The view after these commits; `None` when it must be read again.
    fn after(view: UsageView, commits: impl IntoIterator<Item = Commit>) -> Option<UsageView> {
        let mut feed = Feed::new(view);
        let arrivals: Vec<_> = commits.into_iter().map(Arrival::Commit).collect();
        (feed.apply(&arrivals, at) == Outcome::Done).then(|| feed.view().clone())
    }

    #[test]
    fn a_charge_moves_chart_count_and_rows() {
        let moved = after(view(), [charge(2), charge(3)]).unwrap();
        assert_eq!((moved.seq, moved.count, moved.chart.total), (3, 2, Credits::whole(2)));
        assert_eq!(moved.chart.series[0].points[1].credits, Credits::whole(2));
        assert_eq!(moved.chart.series.len(), 1);
        assert_eq!(moved.events[0].seq, 3);
        assert_eq!(moved.events[0].at_label, "1970-01-22T09:00:00Z", "when it happened");
        assert_eq!(moved.events[0].api_key.as_deref(), Some("plx_sk_9f2a…k3Qd"));
    }

    #[test]
    fn a_settlement_is_an_event_with_its_legs_and_a_correction_is_read_again() {
        let mut settled = charge(2);
        settled.entries[0].movement = "settle".to_owned();
        let back = EntryMessage {
            seq: 3,
            leg: 1,
            movement: "release".to_owned(),
            event: None,
            available_after: Credits::whole(12),
            ..settled.entries[0].clone()
        };
        settled.entries.push(back.clone());
        settled.balance.seq = 3;
        let moved = after(view(), [settled]).unwrap();
        assert_eq!((moved.count, moved.events[0].seq), (1, 3));
        assert_eq!(moved.events[0].balance_after, Credits::whole(12));
        let alone = |movement: &str, leg| Commit {
            entries: vec![EntryMessage { seq: 2, leg, movement: movement.to_owned(), ..back.clone() }],
            usage: vec![],
            ..charge(2)
        };
        for movement in ["hold", "release", "issue", "repay"] {
            let moved = after(view(), [alone(movement, 0)]).unwrap();
            assert_eq!((moved.seq, moved.count, moved.events.len()), (2, 0, 0), "{movement}");
        }
        for movement in ["correct", "forgive"] {
            assert_eq!(after(view(), [alone(movement, 0)]), None, "{movement}");
        }
    }

    #[test]
    fn what_the_filters_leave_out_changes_nothing_but_the_seq() {
        for (operation, api_key) in [(Some("model.inference"), None), (None, Some("")), (None, Some("key_x"))]
        {
            let (operation, api_key) = (operation.map(str::to_owned), api_key.map(str::to_owned));
            let moved = after(UsageView { operation, api_key, ..view() }, [charge(2)]).unwrap();
            assert_eq!((moved.seq, moved.count, moved.events.len()), (2, 0, 0));
            assert_eq!(moved.chart, view().chart);
        }
        let wanted = UsageView {
            operation: Some("model.build".to_owned()),
            api_key: Some(key().to_string()),
            ..view()
        };
        assert_eq!(after(wanted, [charge(2)]).unwrap().count, 1);
    }

    #[test]
    fn what_lies_outside_is_left_out_unless_the_clock_has_moved_on() {
        let on = |time: &str| {
            let mut commit = charge(2);
            commit.entries[0].event.as_mut().unwrap().occurred_at = Some(time.to_owned());
            commit.usage[0].start = time.to_owned();
            commit
        };
        let (early, later) = (on("1970-01-20T23:00:00Z"), on("1970-01-23T00:00:00Z"));
        assert_eq!(after(view(), [early.clone()]).unwrap().count, 0);
        assert_eq!(after(view(), [later.clone()]), None, "a new day");
        let closed = UsageView { is_open: false, ..view() };
        assert_eq!(after(closed.clone(), [later]).unwrap().count, 0);
        assert_eq!(after(closed, [early]).unwrap().seq, 2);
    }

    #[test]
    fn the_list_keeps_its_length_and_the_next_page_starts_where_it_ends() {
        let last = 1 + u64::try_from(EVENTS).unwrap();
        let full = after(view(), (2..=last).map(charge)).unwrap();
        assert_eq!((full.events.len(), full.before), (EVENTS, None));
        let more = after(full, [charge(last + 1)]).unwrap();
        assert_eq!((more.events.len(), more.before), (EVENTS, Some(3)));
        let older = UsageView { is_newest: false, ..view() };
        let older = after(older, [charge(2)]).unwrap();
        assert_eq!((older.events.len(), older.count), (0, 1), "an older page stands still");
    }

    #[test]
    fn by_a_dimension_only_what_the_chart_shows_is_read_from_the_server() {
        let mut by_model = view();
        by_model.chart.group_by = GroupBy::Dimension;
        assert_eq!(after(by_model.clone(), [charge(2)]), None);
        let filtered = UsageView { operation: Some("model.inference".to_owned()), ..by_model };
        assert_eq!(after(filtered, [charge(2)]).unwrap().seq, 2);
    }

    #[test]
    fn a_key_that_the_page_has_not_heard_of_is_read_from_the_server() {
        let mut unknown = charge(2);
        unknown.usage[0].api_key_id = Some("key_000000000000".parse().unwrap());
        unknown.entries[0].event.as_mut().unwrap().api_key_id = unknown.usage[0].api_key_id.clone();
        assert_eq!(after(view(), [unknown]), None);
    }
}
