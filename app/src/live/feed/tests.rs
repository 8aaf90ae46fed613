//! What arrives live, folded into the page's state.

use ledger::{AccountId, EventId, GrantId, KeyId, Quantity};

use super::*;
use crate::backend::live::BalanceMessage;
use crate::backend::overview::{
    BalanceView, BucketView, Granularity, GroupBy, KeyLabel, LabelsView, LotView, PaceView, Range,
    RunwayGrant, RunwayView, SpendView, UnitLabel,
};

const DAY_MS: i64 = 86_400_000;

fn account() -> AccountId {
    "acct_01900000000070008000000000000001".parse().unwrap()
}

pub fn credits(text: &str) -> Credits {
    Credits::parse(text).unwrap()
}

pub fn grant(seq: u64) -> GrantId {
    GrantId { account: account(), seq }
}

fn key() -> KeyId {
    "key_abcdefghijkl".parse().unwrap()
}

/// Two grants of 60 and 40 credits, nothing spent; days 20 and 21 since 1970, of which the second is today.
pub fn overview() -> OverviewView {
    let spend = |from_day: i64| SpendView { credits: Credits::ZERO, from_ms: from_day * DAY_MS, usual: None };
    let bucket = |day: i64| BucketView { start_ms: day * DAY_MS, label: String::new(), title: String::new() };
    let lot = |kind: &str, remaining, grants| LotView {
        kind: kind.to_owned(),
        remaining: credits(remaining),
        grants,
    };
    let runway_grant = |seq, amount| RunwayGrant {
        grant_id: grant(seq),
        amount: credits(amount),
        remaining: credits(amount),
        effective_ms: 0,
        expires: None,
    };
    OverviewView {
        range: Range::Week,
        balance: BalanceView {
            seq: 2,
            available: credits("100"),
            held: Credits::ZERO,
            debt: Credits::ZERO,
            lots: vec![lot("free", "60", vec![grant(1)]), lot("purchase", "40", vec![grant(2)])],
        },
        today: spend(21),
        last_7_days: spend(15),
        last_30_days: spend(-8),
        runway: RunwayView {
            now_ms: 21 * DAY_MS,
            pace: PaceView { credits: Credits::ZERO, over_ms: DAY_MS, days: 0 },
            grants: vec![runway_grant(1, "60"), runway_grant(2, "40")],
            end: None,
        },
        chart: ChartView {
            about: String::new(),
            group_by: GroupBy::Operation,
            granularity: Granularity::Day,
            time_zone: "UTC".to_owned(),
            buckets: vec![bucket(20), bucket(21)],
            until_ms: 22 * DAY_MS,
            series: vec![],
            total: Credits::ZERO,
        },
        latest: vec![],
        compared_until_ms: 22 * DAY_MS,
        own_key: None,
        labels: LabelsView {
            units: vec![UnitLabel { operation: "model.build".to_owned(), unit: "iteration".to_owned() }],
            keys: vec![KeyLabel { key_id: key(), label: "plx_sk_9f2a…k3Qd".to_owned() }],
        },
        base_url: "http://localhost:3000".to_owned(),
    }
}

fn at(instant: &str) -> At {
    At { label: format!("at {instant}"), exact: instant.to_owned() }
}

fn balance(seq: u64, available: &str) -> BalanceMessage {
    let available = credits(available);
    BalanceMessage {
        seq,
        balance: available,
        credits: available,
        available,
        held: Credits::ZERO,
        debt: Credits::ZERO,
        recorded_at: "1970-01-22T10:00:00Z".to_owned(),
    }
}

fn leg(seq: u64, leg: u32, amount: &str, from: u64, available_after: &str) -> EntryMessage {
    EntryMessage {
        seq,
        movement: "charge".to_owned(),
        leg,
        amount: credits(amount),
        grant_id: Some(grant(from)),
        event: None,
        available_after: credits(available_after),
        held_after: Credits::ZERO,
        recorded_at: "1970-01-22T10:00:00Z".to_owned(),
    }
}

fn facts(seq: u64, whole: &str) -> EventFacts {
    EventFacts {
        event_id: EventId { account: account(), seq },
        source: "builder".to_owned(),
        id: format!("job-{seq}"),
        operation: "model.build".to_owned(),
        quantity: Quantity::parse("1").unwrap(),
        credits: credits(whole),
        occurred_at: None,
        api_key_id: Some(key()),
    }
}

fn usage(start: &str, amount: &str) -> UsageMessage {
    UsageMessage {
        start: start.to_owned(),
        operation: "model.build".to_owned(),
        api_key_id: Some(key()),
        credits: credits(amount),
        quantity: Quantity::parse("1").unwrap(),
        count: 1,
    }
}

/// One event, charged to one grant.
fn charge(seq: u64, amount: &str, from: u64, available_after: &str) -> Commit {
    Commit {
        entries: vec![EntryMessage {
            event: Some(facts(seq, amount)),
            ..leg(seq, 0, amount, from, available_after)
        }],
        usage: vec![usage("1970-01-22T10:00:00Z", amount)],
        balance: balance(seq, available_after),
    }
}

fn batch(commits: impl IntoIterator<Item = Commit>) -> Vec<Arrival> {
    commits.into_iter().map(Arrival::Commit).collect()
}

#[test]
fn a_charge_moves_balance_lot_rows_chart_and_totals() {
    let mut feed = Feed::new(overview());
    assert_eq!(feed.apply(&batch([charge(3, "25", 1, "75")]), at), Outcome::Done);
    let view = feed.view();
    assert_eq!(view.balance.available, credits("75"));
    assert_eq!(view.balance.lots[0].remaining, credits("35"));
    assert_eq!(view.balance.lots[1].remaining, credits("40"));
    assert_eq!(view.runway.grants[0].remaining, credits("35"));
    assert_eq!(view.runway.pace.credits, credits("25"), "what is spent on the first day is the pace");
    assert_eq!(view.runway.now_ms, 21 * DAY_MS + DAY_MS / 24 * 10, "the server's clock, not the browser's");
    assert_eq!(
        [view.today.credits, view.last_7_days.credits, view.last_30_days.credits, view.chart.total],
        [credits("25"); 4]
    );
    assert_eq!(view.chart.series[0].points[1].credits, credits("25"));
    assert_eq!(view.chart.series[0].points[0], PointView::default());
    let row = &view.latest[0];
    assert_eq!(
        (row.seq, row.unit.as_str(), row.api_key.as_deref()),
        (3, "iteration", Some("plx_sk_9f2a…k3Qd"))
    );
    assert_eq!(row.at_label, "at 1970-01-22T10:00:00Z");
    assert!(feed.is_fresh(row.seq));
}

#[test]
fn a_charge_over_two_grants_is_one_row_that_ends_with_its_last_leg() {
    let mut feed = Feed::new(overview());
    let first = EntryMessage { event: Some(facts(3, "70")), ..leg(3, 0, "60", 1, "40") };
    let commit = Commit {
        entries: vec![first, leg(4, 1, "10", 2, "30")],
        usage: vec![usage("1970-01-22T10:00:00Z", "70")],
        balance: balance(4, "30"),
    };
    assert_eq!(feed.apply(&batch([commit]), at), Outcome::Done);
    let view = feed.view();
    assert_eq!(view.latest.len(), 1);
    assert_eq!((view.latest[0].seq, view.latest[0].credits), (4, credits("70")));
    assert_eq!(view.latest[0].balance_after, credits("30"));
    assert_eq!(view.balance.lots[0].remaining, Credits::ZERO);
    assert_eq!(view.balance.lots[1].remaining, credits("30"));
}

fn moves(movement: &str, seq: u64, n: u32, amount: &str, from: Option<u64>, after: &str) -> EntryMessage {
    EntryMessage { movement: movement.to_owned(), grant_id: from.map(grant), ..leg(seq, n, amount, 1, after) }
}

fn commit(entries: Vec<EntryMessage>, usage: Vec<UsageMessage>) -> Commit {
    let last = entries.last().unwrap();
    let balance = balance(last.seq, &last.available_after.to_string());
    Commit { entries, usage, balance }
}

#[test]
fn a_hold_takes_from_its_grants_and_is_no_row() {
    let mut feed = Feed::new(overview());
    let entries = vec![moves("hold", 3, 0, "60", Some(1), "40"), moves("hold", 4, 1, "10", Some(2), "30")];
    let mut held = commit(entries, vec![]);
    held.balance.held = credits("70");
    assert_eq!(feed.apply(&batch([held]), at), Outcome::Done);
    let view = feed.view();
    assert_eq!((view.balance.available, view.balance.held), (credits("30"), credits("70")));
    assert_eq!(
        [&view.balance.lots[0], &view.balance.lots[1]].map(|lot| lot.remaining),
        [Credits::ZERO, credits("30")]
    );
    assert_eq!((view.latest.len(), view.chart.total), (0, Credits::ZERO), "nothing is used yet");
}

#[test]
fn a_settled_hold_counts_as_an_event_and_what_comes_back_belongs_to_its_row() {
    let mut feed = Feed::new(overview());
    let held = commit(vec![moves("hold", 3, 0, "50", Some(1), "50")], vec![]);
    let settle = EntryMessage { event: Some(facts(4, "30")), ..moves("settle", 4, 0, "30", Some(1), "50") };
    let entries = vec![settle, moves("release", 5, 1, "20", Some(1), "70")];
    let settled = commit(entries, vec![usage("1970-01-22T10:00:00Z", "30")]);
    assert_eq!(feed.apply(&batch([held, settled, charge(6, "1", 1, "69")]), at), Outcome::Done);
    let view = feed.view();
    let rows: Vec<_> = view.latest.iter().map(|row| (row.seq, row.credits, row.balance_after)).collect();
    assert_eq!(rows, [(6, credits("1"), credits("69")), (5, credits("30"), credits("70"))]);
    assert_eq!((view.balance.lots[0].remaining, view.today.credits), (credits("29"), credits("31")));
}

#[test]
fn a_hold_that_is_given_back_is_no_part_of_the_row_before_it() {
    let mut feed = Feed::new(overview());
    let held = commit(
        vec![moves("hold", 3, 0, "60", Some(1), "40"), moves("hold", 4, 1, "10", Some(2), "30")],
        vec![],
    );
    let back = commit(
        vec![moves("release", 6, 0, "60", Some(1), "89"), moves("release", 7, 1, "10", Some(2), "99")],
        vec![],
    );
    let commits = [held, charge(5, "1", 2, "29"), back];
    assert_eq!(feed.apply(&batch(commits), at), Outcome::Done);
    let view = feed.view();
    assert_eq!((view.latest[0].seq, view.latest[0].balance_after), (5, credits("29")));
    assert_eq!(view.balance.lots[0].remaining, credits("60"));
}

#[test]
fn what_is_owed_is_a_leg_of_its_event_or_begins_one() {
    let mut feed = Feed::new(overview());
    let first = EntryMessage { event: Some(facts(3, "130")), ..moves("charge", 3, 0, "60", Some(1), "40") };
    let entries = vec![first, moves("charge", 4, 1, "40", Some(2), "0"), moves("owe", 5, 2, "30", None, "0")];
    let mut over = commit(entries, vec![usage("1970-01-22T10:00:00Z", "130")]);
    over.balance.debt = credits("30");
    let all = EntryMessage { event: Some(facts(6, "5")), ..moves("owe", 6, 0, "5", None, "0") };
    let mut more = commit(vec![all], vec![usage("1970-01-22T10:00:00Z", "5")]);
    more.balance.debt = credits("35");
    assert_eq!(feed.apply(&batch([over, more]), at), Outcome::Done);
    let view = feed.view();
    let rows: Vec<_> = view.latest.iter().map(|row| (row.seq, row.credits)).collect();
    assert_eq!(rows, [(6, credits("5")), (5, credits("130"))]);
    assert_eq!((view.balance.debt, view.today.credits), (credits("35"), credits("135")));
}

#[test]
fn what_changes_rows_or_repays_is_read_again() {
    for movement in ["issue", "expire", "void", "repay", "correct", "forgive", "something"] {
        let from = (movement != "forgive").then_some(1);
        let mut feed = Feed::new(overview());
        let commit = commit(vec![moves(movement, 3, 0, "10", from, "100")], vec![]);
        assert_eq!(feed.apply(&batch([commit]), at), Outcome::Refetch, "{movement}");
    }
    let missed = commit(vec![moves("settle", 3, 1, "10", Some(1), "100")], vec![]);
    assert_eq!(Feed::new(overview()).apply(&batch([missed]), at), Outcome::Refetch, "its row isn't there");
}

#[test]
fn what_is_already_in_the_view_changes_nothing() {
    let mut feed = Feed::new(overview());
    let commits = batch([charge(3, "25", 1, "75"), charge(4, "5", 1, "70")]);
    feed.apply(&commits, at);
    let after = feed.clone();
    assert_eq!(feed.apply(&commits, at), Outcome::Done);
    assert_eq!(feed, after);
}

#[test]
fn rows_are_bounded_and_newest_first() {
    let mut feed = Feed::new(overview());
    let commits = (0..30).map(|n| charge(3 + n, "1", 1, &(99 - n).to_string()));
    assert_eq!(feed.apply(&batch(commits), at), Outcome::Done);
    let seqs: Vec<_> = feed.view().latest.iter().map(|row| row.seq).collect();
    assert_eq!(seqs, (23..=32).rev().collect::<Vec<_>>());
}

#[test]
fn only_the_rows_of_the_last_batch_are_fresh() {
    let mut feed = Feed::new(overview());
    feed.apply(&batch([charge(3, "1", 1, "99")]), at);
    feed.apply(&batch([charge(4, "1", 1, "98")]), at);
    feed.apply(&batch([charge(4, "1", 1, "98")]), at);
    let fresh: Vec<_> = feed.view().latest.iter().map(|row| feed.is_fresh(row.seq)).collect();
    assert_eq!(fresh, [true, false]);
}

#[test]
fn a_gap_is_read_again_once_and_what_came_meanwhile_is_not_lost() {
    let mut feed = Feed::new(overview());
    assert_eq!(feed.apply(&batch([charge(4, "5", 1, "70")]), at), Outcome::Refetch);
    assert_eq!(feed.apply(&batch([charge(5, "5", 1, "65")]), at), Outcome::Done, "one request is under way");
    let mut answer = overview();
    answer.balance.seq = 4;
    answer.balance.available = credits("70");
    answer.balance.lots[0].remaining = credits("30");
    assert_eq!(feed.replace(answer, at), Outcome::Done);
    assert_eq!(feed.view().balance.seq, 5);
    assert_eq!(feed.view().balance.available, credits("65"));
    assert_eq!(feed.view().chart.total, credits("5"), "the commit in the answer is not counted twice");
    assert!(!feed.is_waiting());
}

#[test]
fn a_commit_that_straddles_the_view_is_not_half_applied() {
    let mut feed = Feed::new(overview());
    feed.apply(&batch([charge(3, "25", 1, "75")]), at);
    let mut straddling = charge(4, "5", 1, "70");
    straddling.entries.insert(0, leg(3, 0, "25", 1, "75"));
    assert_eq!(feed.apply(&batch([straddling]), at), Outcome::Refetch);
}

#[test]
fn whatever_the_page_has_not_heard_of_is_read_again() {
    let unknown_grant = {
        let mut commit = charge(3, "25", 9, "75");
        commit.entries[0].grant_id = Some(grant(9));
        commit
    };
    let unknown_operation = {
        let mut commit = charge(3, "25", 1, "75");
        commit.entries[0].event.as_mut().unwrap().operation = "new.thing".to_owned();
        commit
    };
    let unknown_key = {
        let mut commit = charge(3, "25", 1, "75");
        commit.entries[0].event.as_mut().unwrap().api_key_id = Some("key_zzzzzzzzzzzz".parse().unwrap());
        commit
    };
    let tomorrow = {
        let mut commit = charge(3, "25", 1, "75");
        commit.usage[0].start = "1970-01-23T00:00:00Z".to_owned();
        commit
    };
    let came_into_force = Commit { balance: balance(3, "90"), ..charge(3, "25", 1, "75") };
    for commit in [unknown_grant, unknown_operation, unknown_key, tomorrow, came_into_force] {
        let mut feed = Feed::new(overview());
        assert_eq!(feed.apply(&batch([commit.clone()]), at), Outcome::Refetch, "{commit:?}");
    }
    let mut feed = Feed::new(overview());
    assert_eq!(feed.apply(&[Arrival::Reset((&balance(5_000, "1")).into())], at), Outcome::Refetch);
}

#[test]
fn a_late_event_counts_where_it_belongs() {
    let mut feed = Feed::new(overview());
    let mut commit = charge(3, "25", 1, "75");
    commit.usage[0].start = "1970-01-10T00:00:00Z".to_owned();
    assert_eq!(feed.apply(&batch([commit]), at), Outcome::Done);
    let view = feed.view();
    assert_eq!(view.last_30_days.credits, credits("25"));
    assert_eq!([view.today.credits, view.last_7_days.credits, view.chart.total], [Credits::ZERO; 3]);
    assert_eq!(view.latest.len(), 1, "but it is the latest to be charged");
}
