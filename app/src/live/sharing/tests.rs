//! Tabs of one browser, and the server that the holder listens to.

use ledger::Credits;

use super::*;
use crate::backend::live::{BalanceMessage, EntryMessage};
use crate::live::Commit;

fn wallet(seq: u64) -> Wallet {
    Wallet { seq, ..Wallet::default() }
}

/// A commit of one entry.
fn commit(seq: u64) -> Arrival {
    commit_of(seq..=seq)
}

fn commit_of(seqs: std::ops::RangeInclusive<u64>) -> Arrival {
    let entry = |seq| EntryMessage {
        seq,
        movement: "charge".to_owned(),
        leg: 0,
        amount: Credits::ZERO,
        grant_id: None,
        event: None,
        available_after: Credits::ZERO,
        held_after: Credits::ZERO,
        recorded_at: String::new(),
    };
    let zero = Credits::ZERO;
    let balance = BalanceMessage {
        seq: *seqs.end(),
        balance: zero,
        credits: zero,
        available: zero,
        held: zero,
        debt: zero,
        recorded_at: String::new(),
    };
    Arrival::Commit(Commit { entries: seqs.map(entry).collect(), usage: vec![], balance })
}

/// What the page of a tab hears: a commit by its seq, a reset with `true`.
fn heard(tab: &mut Tab, arrival: Arrival) -> Option<(u64, bool)> {
    let text = arrival.wallet().seq.to_string();
    let (_, shown) = tab.arrived(arrival, text);
    shown.map(|arrival| (arrival.wallet().seq, matches!(arrival, Arrival::Reset(_))))
}

fn holder(seq: u64) -> Tab {
    let mut tab = Tab::new(seq);
    assert_eq!(tab.on(Happened::Elected), [Act::Open(seq)]);
    tab.on(Happened::Opened);
    tab
}

fn live(seq: u64) -> Note {
    Note::State { live: true, seq }
}

fn pauses(acts: &[Act]) -> Vec<u32> {
    acts.iter().filter_map(|act| if let Act::Pause { ms } = act { Some(*ms) } else { None }).collect()
}

#[test]
fn the_holder_hands_every_commit_on_and_followers_read_it() {
    let mut tab = holder(2);
    let (note, shown) = tab.arrived(commit(3), "three".to_owned());
    assert_eq!(note, Some(Note::Commit("three".to_owned())));
    assert!(shown.is_some());
    let mut follower = Tab::new(2);
    let acts = follower.on(Happened::Heard(Note::Commit("three".to_owned())));
    assert_eq!(acts, [Act::Read("three".to_owned())]);
    let (note, shown) = follower.arrived(commit(3), "three".to_owned());
    assert_eq!((note, shown.is_some()), (None, true), "followers hand nothing on");
}

#[test]
fn a_commit_that_comes_again_is_shown_once_and_a_gap_makes_the_pages_read_again() {
    let mut tab = Tab::new(2);
    assert_eq!(heard(&mut tab, commit(3)), Some((3, false)));
    assert_eq!(heard(&mut tab, commit(3)), None);
    assert_eq!(heard(&mut tab, commit(2)), None);
    assert_eq!(heard(&mut tab, commit(5)), Some((5, true)), "4 was missed");
    assert_eq!(heard(&mut tab, commit_of(4..=7)), Some((7, false)), "overlaps with what is known");
    assert_eq!(heard(&mut tab, Arrival::Reset(wallet(6))), Some((6, true)), "restored from a copy");
    assert_eq!(heard(&mut tab, commit(7)), Some((7, false)));
}

#[test]
fn a_tab_that_opens_or_wakes_is_told_what_it_has_missed() {
    let mut tab = holder(2);
    for seq in 3..=5 {
        heard(&mut tab, commit(seq));
    }
    let acts = tab.on(Happened::Heard(Note::Ask(3)));
    let say = |text: &str| Act::Say(Note::Commit(text.to_owned()));
    assert_eq!(acts, [say("4"), say("5"), Act::Say(live(5))]);
    assert_eq!(tab.on(Happened::Heard(Note::Ask(5))), [Act::Say(live(5))]);
    let mut follower = Tab::new(5);
    assert_eq!(follower.on(Happened::Heard(live(5))), [Act::Show(Connection::Live)]);
    assert_eq!(follower.on(Happened::Heard(Note::Ask(3))), [], "only the holder answers");
}

#[test]
fn what_the_holder_no_longer_keeps_is_read_from_the_server_once() {
    let mut tab = holder(0);
    let long = "x".repeat(KEPT / 2 + 1);
    for seq in 1..=3 {
        tab.arrived(commit(seq), long.clone());
    }
    let acts = tab.on(Happened::Heard(Note::Ask(3)));
    assert_eq!(acts, [Act::Say(live(3))]);
    assert_eq!(tab.on(Happened::Heard(Note::Ask(0))).len(), 2, "one commit is still kept");
    let mut follower = Tab::new(0);
    assert_eq!(follower.on(Happened::Heard(live(3))), [Act::Show(Connection::Live), Act::Ask]);
    assert_eq!(follower.on(Happened::Heard(live(3))), [Act::Show(Connection::Live)], "already asked");
    assert_eq!(follower.on(Happened::Known(wallet(4))), [Act::Reset(wallet(4))]);
    assert_eq!(heard(&mut follower, commit(4)), None);
    assert_eq!(follower.on(Happened::Known(wallet(9))), [], "an answer that nobody waits for");
}

#[test]
fn when_the_holder_closes_the_next_one_goes_on_after_its_own_last_commit() {
    let mut first = holder(2);
    heard(&mut first, commit(3));
    let mut second = Tab::new(2);
    drop(first);
    assert_eq!(second.on(Happened::Elected), [Act::Open(2)]);
    assert_eq!(second.on(Happened::Opened), [Act::Show(Connection::Live), Act::Say(live(2))]);
    assert_eq!(heard(&mut second, commit(3)), Some((3, false)));
}

#[test]
fn a_holder_that_does_not_answer_loses_the_lock_to_a_tab_that_is_looked_at() {
    let mut tab = Tab::new(7);
    let tick = Happened::Tick { visible: true };
    let ask = Act::Say(Note::Ask(7));
    assert_eq!(tab.on(tick.clone()), std::slice::from_ref(&ask));
    tab.on(Happened::Heard(live(7)));
    assert_eq!(tab.on(tick.clone()), std::slice::from_ref(&ask));
    assert_eq!(tab.on(tick.clone()), std::slice::from_ref(&ask));
    assert_eq!(tab.on(Happened::Tick { visible: false }), [], "nobody looks");
    assert_eq!(tab.on(tick), [Act::Seize]);
    assert_eq!(tab.on(Happened::Elected), [Act::Open(7)]);

    let mut frozen = holder(5);
    assert_eq!(frozen.on(Happened::Deposed), [Act::Close, Act::Say(Note::Ask(5))]);
    assert!(!frozen.is_holder());
    assert_eq!(frozen.on(Happened::Deposed), [], "a lock that was never ours can't be lost");
}

#[test]
fn a_cut_is_said_in_every_tab_and_mended_at_once_then_after_growing_pauses() {
    let mut tab = holder(2);
    let cut = Act::Say(Note::State { live: false, seq: 2 });
    let acts = tab.on(Happened::Cut);
    assert_eq!(acts, [Act::Close, Act::Show(Connection::Reconnecting), cut, Act::Ask]);
    let mut made = vec![];
    for _ in 0..8 {
        made.extend(pauses(&tab.on(Happened::Unreachable)));
        assert_eq!(tab.on(Happened::Unreachable), [], "nothing was asked");
        assert_eq!(tab.on(Happened::PauseOver), [Act::Ask]);
    }
    assert_eq!(made, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
    assert_eq!(tab.on(Happened::Known(wallet(4))), [Act::Open(2)], "the stream tells what came meanwhile");
    let mut follower = Tab::new(2);
    let acts = follower.on(Happened::Heard(Note::State { live: false, seq: 2 }));
    assert_eq!(acts, [Act::Show(Connection::Reconnecting)]);
}

#[test]
fn a_server_that_opens_and_cuts_again_is_not_hurried() {
    let mut tab = holder(2);
    let mut made = vec![];
    for _ in 0..4 {
        let acts = tab.on(Happened::Cut);
        made.push(pauses(&acts).first().copied().unwrap_or_default());
        tab.on(Happened::PauseOver);
        assert_eq!(tab.on(Happened::Known(wallet(2))), [Act::Open(2)]);
        tab.on(Happened::Opened);
    }
    assert_eq!(made, [0, 1_000, 2_000, 4_000]);
    tab.on(Happened::Tick { visible: false });
    assert!(tab.on(Happened::Cut).contains(&Act::Ask), "it had held for a while");
}

#[test]
fn coming_back_shortens_a_pause_and_doubts_what_was_open() {
    let mut tab = holder(2);
    assert_eq!(tab.on(Happened::Awake { doubtful: false }), []);
    assert_eq!(tab.on(Happened::Awake { doubtful: true }), [Act::Close, Act::Ask]);
    assert_eq!(tab.on(Happened::Known(wallet(2))), [Act::Open(2)]);
    tab.on(Happened::Opened);
    tab.on(Happened::Cut);
    tab.on(Happened::Unreachable);
    assert_eq!(tab.on(Happened::Awake { doubtful: true }), [Act::Ask]);
    assert_eq!(tab.on(Happened::PauseOver), [], "that pause is over already");
    assert_eq!(Tab::new(2).on(Happened::Awake { doubtful: false }), [Act::Say(Note::Ask(2))]);
}

#[test]
fn a_session_that_has_ended_leads_every_tab_to_the_form() {
    for mut tab in [holder(2), Tab::new(2)] {
        assert_eq!(tab.on(Happened::Refused), [Act::Close, Act::Say(Note::Gone), Act::Leave]);
        assert_eq!(tab.on(Happened::Heard(Note::Gone)), [], "it is leaving already");
        assert_eq!(tab.on(Happened::Cut), []);
    }
    for mut tab in [holder(2), Tab::new(2)] {
        assert_eq!(tab.on(Happened::Heard(Note::Gone)), [Act::Close, Act::Leave]);
    }
}
