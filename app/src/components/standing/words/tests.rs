//! What is said about the account.

use super::*;
use crate::backend::overview::{ActivityRow, PaceView};
use crate::live::feed::tests::{credits as amount, grant, overview};

const NOW_MS: i64 = 21 * DAY_MS;

fn end(days: i64) -> EndView {
    EndView { at_ms: NOW_MS + days * DAY_MS, day: format!("day {days}") }
}

/// Grants of so many credits, each with the day of its end; `a_day` was spent in each of the last seven days.
fn view(grants: &[(&str, Option<i64>)], a_day: &str) -> OverviewView {
    let mut view = overview();
    let grants = (1..).zip(grants).map(|(seq, (credits, days))| RunwayGrant {
        grant_id: grant(seq),
        amount: amount(credits),
        remaining: amount(credits),
        effective_ms: 0,
        expires: days.map(end),
    });
    view.runway = RunwayView {
        now_ms: NOW_MS,
        pace: PaceView { credits: amount(a_day), over_ms: DAY_MS, days: 7 },
        grants: grants.collect(),
        end: None,
    };
    view.balance.available = total(view.runway.grants.iter().map(|grant| grant.remaining));
    view.latest = vec![row()];
    view
}

fn row() -> ActivityRow {
    ActivityRow {
        event_id: ledger::EventId { account: grant(1).account, seq: 1 },
        seq: 1,
        operation: "model.build".to_owned(),
        quantity: ledger::Quantity::ZERO,
        unit: String::new(),
        api_key: None,
        credits: Credits::ZERO,
        is_corrected: false,
        balance_after: Credits::ZERO,
        at: String::new(),
        at_label: String::new(),
        exact_label: String::new(),
    }
}

fn said(view: &OverviewView) -> (Tone, String) {
    let Standing { tone, strong, rest } =
        standing(view, false, &|at_ms| format!("in {} days", (at_ms - NOW_MS) / DAY_MS));
    (tone, strong + &rest)
}

#[track_caller]
fn assert_said(view: &OverviewView, tone: Tone, text: &str) {
    assert_eq!(said(view), (tone, text.to_owned()));
}

#[test]
fn suspended_comes_before_everything() {
    let standing = standing(&view(&[], "1"), true, &|_| String::new());
    assert_eq!((standing.tone, standing.strong.as_str()), (Tone::Bad, "This account is suspended."));
}

#[test]
fn nothing_left_says_what_to_do_and_nothing_yet_is_no_alarm() {
    let mut view = view(&[], "1");
    let (tone, text) = said(&view);
    assert!(
        tone == Tone::Bad && text.starts_with("There are no credits left. Paid operations are refused"),
        "{text}"
    );
    view.latest.clear();
    assert_said(
        &view,
        Tone::Calm,
        "There are no credits yet. Paid operations are refused until some arrive.",
    );
}

#[test]
fn what_is_owed_comes_before_what_is_left_and_says_what_repays_it() {
    let mut view = view(&[("100", None)], "1");
    view.balance.debt = amount("12.5");
    assert_said(
        &view,
        Tone::Bad,
        "You owe 12.5 credits. The next credits repay that first. Until then paid operations are refused, free ones pass.",
    );
}

#[test]
fn nothing_left_because_all_of_it_is_held_says_that_it_comes_back() {
    let mut view = view(&[], "1");
    view.latest.clear();
    view.balance.held = amount("1");
    assert_said(
        &view,
        Tone::Warn,
        "All your credits are in flight. 1 credit is held for work under way; what is not used comes back. Until then \
         paid operations are refused.",
    );
}

#[test]
fn calm_says_how_long_it_lasts() {
    let pace = "at the pace of the last 7 days";
    assert_said(
        &view(&[("100", None)], "10"),
        Tone::Calm,
        &format!("Your credits last until in 10 days {pace}."),
    );
    assert_said(
        &view(&[("100", None)], "0.1"),
        Tone::Calm,
        &format!("Your credits last for more than a year {pace}."),
    );
    let text = format!("Your credits last until day 20 {pace}; 80 of them will expire unused.");
    assert_said(&view(&[("100", Some(20))], "1"), Tone::Calm, &text);
}

#[test]
fn an_account_that_spends_nothing_is_told_what_expires() {
    let nothing = "Nothing was spent in the last 7 days.";
    assert_said(&view(&[("5", None)], "0"), Tone::Calm, &format!("Your credits do not expire. {nothing}"));
    let text = format!("Your credits last until day 20, when they expire. {nothing}");
    assert_said(&view(&[("5", Some(20))], "0"), Tone::Calm, &text);
    let text = format!("{nothing} 5 credits will expire unused.");
    assert_said(&view(&[("5", Some(20)), ("1", None)], "0"), Tone::Calm, &text);
    let text = format!("5 credits expire on day 7. {nothing}");
    assert_said(&view(&[("5", Some(7))], "0"), Tone::Warn, &text);
}

#[test]
fn low_is_less_than_three_days_or_less_than_a_tenth() {
    let pace = "at the pace of the last 7 days";
    let text = format!("Credits are running low. They last until in 2 days {pace}.");
    assert_said(&view(&[("29", None)], "10"), Tone::Warn, &text);
    assert_eq!(said(&view(&[("30", None)], "10")).0, Tone::Calm);
    let text = format!("Credits are running low. They last for about 24 hours {pace}.");
    assert_said(&view(&[("10", None)], "10"), Tone::Warn, &text);
    let mut tenth = view(&[("10", None)], "1");
    tenth.runway.grants[0].amount = amount("100");
    assert_eq!(said(&tenth).0, Tone::Calm);
    tenth.runway.grants[0].remaining = amount("9.9");
    assert_eq!(
        said(&tenth),
        (Tone::Warn, format!("Credits are running low. They last until in 9 days {pace}."))
    );
    tenth.runway.pace.credits = Credits::ZERO;
    assert_eq!(said(&tenth).0, Tone::Calm, "nothing would come of it");
}

#[test]
fn what_expires_within_a_week_is_said_with_what_will_be_left_of_it() {
    let pace = "at the pace of the last 7 days";
    let lots = [("50", Some(5)), ("500", None)];
    assert_said(
        &view(&lots, "4"),
        Tone::Warn,
        &format!("50 credits expire on day 5. 30 credits will be left unused {pace}."),
    );
    assert_said(
        &view(&lots, "10"),
        Tone::Calm,
        &format!("50 credits expire on day 5. All of that is used before, {pace}."),
    );
    let lots = [("50", Some(5)), ("7", Some(7)), ("500", None)];
    let text = format!("57 credits expire between day 5 and day 7. 43 credits will be left unused {pace}.");
    assert_said(&view(&lots, "2"), Tone::Warn, &text);
    assert_eq!(said(&view(&[("50", Some(8)), ("500", None)], "1")).0, Tone::Calm);
}

#[test]
fn every_sentence_fits_the_room_that_is_kept_for_it() {
    let with = |debt: &str, held: &str| {
        let mut view = view(&[], "1");
        (view.balance.debt, view.balance.held) = (amount(debt), amount(held));
        said(&view)
    };
    let standings = [
        said(&view(&[], "1")),
        with("1234567.8", "0"),
        with("0", "1234567.8"),
        said(&view(&[("29", None)], "10")),
        said(&view(&[("1234.5678", Some(5)), ("777.777", Some(6)), ("5000", None)], "1")),
        said(&view(&[("1234.5678", Some(20))], "1")),
    ];
    for (_, text) in standings {
        assert!(text.len() <= 150, "{} characters: {text}", text.len());
    }
}
