//! What is said about the account, by these rules; the first that holds is said.
//!
//! | said | when |
//! |---|---|
//! | suspended | the account is |
//! | owing | something is owed, so nothing can be spent |
//! | blocked | nothing can be spent |
//! | low | at the current pace it lasts less than 3 days, or less than a tenth is left of what was granted |
//! | expiring | a grant runs out within 7 days |
//! | calm | otherwise: how long it lasts |
//!
//! An account that spends nothing is never low: nothing would come of it.

use ledger::forecast::{End, Forecast};
use ledger::{Credits, Timestamp};

use crate::backend::overview::{EndView, OverviewView, RunwayGrant, RunwayView};
use crate::charts::runway::outlook;
use crate::format;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
const LOW_MS: i64 = 3 * DAY_MS;
const SOON_MS: i64 = 7 * DAY_MS;

/// How urgent it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Calm,
    Warn,
    Bad,
}

impl Tone {
    pub const fn class(self) -> &'static str {
        match self {
            Self::Calm => "banner standing",
            Self::Warn => "banner standing warn",
            Self::Bad => "banner standing bad",
        }
    }
}

/// One sentence in bold, and the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub tone: Tone,
    pub strong: String,
    pub rest: String,
}

impl Standing {
    fn new(tone: Tone, strong: impl Into<String>, rest: impl Into<String>) -> Self {
        Self { tone, strong: strong.into(), rest: rest.into() }
    }
}

/// `day` names the day of an instant (milliseconds since 1970) in the viewer's zone.
pub fn standing(view: &OverviewView, suspended: bool, day: &dyn Fn(i64) -> String) -> Standing {
    if suspended {
        let rest = " Nothing is charged and nothing can be changed until whoever runs this console lets it in again.";
        return Standing::new(Tone::Bad, "This account is suspended.", rest);
    }
    if !view.balance.debt.is_zero() {
        return owing(view.balance.debt);
    }
    if view.balance.available.is_zero() {
        return blocked(view);
    }
    let runway = &view.runway;
    let forecast = outlook(runway);
    let day = |at_ms| known_day(runway, at_ms).unwrap_or_else(|| day(at_ms));
    let expiring = expiring(runway);
    if is_low(runway, &forecast) {
        let rest = match lasts(runway, forecast.end, &day) {
            Some(lasts) => format!(" They last {lasts} {}.", pace(runway)),
            None => String::new(),
        };
        return Standing::new(Tone::Warn, "Credits are running low.", rest);
    }
    if expiring.is_empty() { calm(runway, &forecast, &day) } else { soon(runway, &forecast, &expiring) }
}

fn owing(debt: Credits) -> Standing {
    let strong = format!("You owe {}.", credits(debt));
    let rest = " The next credits repay that first. Until then paid operations are refused, free ones pass.";
    Standing::new(Tone::Bad, strong, rest)
}

fn blocked(view: &OverviewView) -> Standing {
    if !view.balance.held.is_zero() {
        let rest = format!(
            " {} held for work under way; what is not used comes back. Until then paid operations are refused.",
            credits_are(view.balance.held)
        );
        return Standing::new(Tone::Warn, "All your credits are in flight.", rest);
    }
    let next = view.runway.grants.iter().find(|grant| grant.effective_ms > view.runway.now_ms);
    if view.latest.is_empty() {
        let rest = match next {
            Some(next) => format!(" {} will come into force later.", credits(next.remaining)),
            None => " Paid operations are refused until some arrive.".to_owned(),
        };
        return Standing::new(Tone::Calm, "There are no credits yet.", rest);
    }
    let rest = " Paid operations are refused, free ones pass. Ask whoever runs this console for more; this page goes on by itself.";
    Standing::new(Tone::Bad, "There are no credits left.", rest)
}

fn is_low(runway: &RunwayView, forecast: &Forecast) -> bool {
    let End::At(end) = forecast.end else { return false };
    let expires = forecast.unused.last().is_some_and(|(at, _)| *at == end);
    if runway.pace.credits.is_zero() || expires {
        return false;
    }
    let in_force = || runway.grants.iter().filter(|grant| in_force(runway, grant));
    let sum = |of: fn(&RunwayGrant) -> Credits| {
        in_force().map(|grant| i128::from(of(grant).micros())).sum::<i128>()
    };
    let (left, given) = (sum(|grant| grant.remaining), sum(|grant| grant.amount));
    millis(end) - runway.now_ms < LOW_MS || left * 10 < given
}

/// Spendable now, and not used up.
fn in_force(runway: &RunwayView, grant: &RunwayGrant) -> bool {
    let ends = grant.expires.as_ref().is_some_and(|end| end.at_ms <= runway.now_ms);
    grant.effective_ms <= runway.now_ms && !ends && !grant.remaining.is_zero()
}

/// The grants that run out soon, the first one first.
fn expiring(runway: &RunwayView) -> Vec<(&EndView, Credits)> {
    let grants = runway.grants.iter().filter(|grant| in_force(runway, grant));
    let ends = grants.filter_map(|grant| Some((grant.expires.as_ref()?, grant.remaining)));
    let mut ends: Vec<_> = ends.filter(|(end, _)| end.at_ms - runway.now_ms <= SOON_MS).collect();
    ends.sort_by_key(|(end, _)| end.at_ms);
    ends
}

fn soon(runway: &RunwayView, forecast: &Forecast, expiring: &[(&EndView, Credits)]) -> Standing {
    let all = total(expiring.iter().map(|(_, credits)| *credits));
    let (first, last) = (&expiring[0].0, &expiring[expiring.len() - 1].0);
    let when = if first.day == last.day {
        format!("on {}", first.day)
    } else {
        format!("between {} and {}", first.day, last.day)
    };
    let verb = if all == Credits::whole(1) { "expires" } else { "expire" };
    let strong = format!("{} {verb} {when}.", credits(all));
    let unused = forecast.unused.iter().filter(|(at, _)| millis(*at) <= last.at_ms);
    let unused = total(unused.map(|(_, credits)| *credits));
    let rest = if runway.pace.credits.is_zero() {
        format!(" {}.", nothing_spent(runway))
    } else if unused.is_zero() {
        format!(" All of that is used before, {}.", pace(runway))
    } else {
        let noun = if unused == all { "All of that".to_owned() } else { credits(unused) };
        format!(" {noun} will be left unused {}.", pace(runway))
    };
    let tone = if unused.is_zero() { Tone::Calm } else { Tone::Warn };
    Standing::new(tone, strong, rest)
}

fn calm(runway: &RunwayView, forecast: &Forecast, day: &dyn Fn(i64) -> String) -> Standing {
    let unused = total(forecast.unused.iter().map(|(_, credits)| *credits));
    let expire = |unused| format!("{} of them will expire unused", format::brief(unused));
    let lasts = lasts(runway, forecast.end, day);
    let (strong, rest) = match (lasts, runway.pace.credits.is_zero()) {
        (Some(lasts), false) if unused.is_zero() => {
            (format!("Your credits last {lasts}"), format!(" {}.", pace(runway)))
        }
        (Some(lasts), false) => {
            (format!("Your credits last {lasts}"), format!(" {}; {}.", pace(runway), expire(unused)))
        }
        (Some(lasts), true) => {
            (format!("Your credits last {lasts}, when they expire."), format!(" {}.", nothing_spent(runway)))
        }
        (None, _) if unused.is_zero() => {
            ("Your credits do not expire.".to_owned(), format!(" {}.", nothing_spent(runway)))
        }
        (None, _) => {
            (format!("{}.", nothing_spent(runway)), format!(" {} will expire unused.", credits(unused)))
        }
    };
    Standing::new(Tone::Calm, strong, rest)
}

/// `until Tue 8 Dec`, `for about 5 hours`; `None`: for ever.
fn lasts(runway: &RunwayView, end: End, day: &dyn Fn(i64) -> String) -> Option<String> {
    let End::At(end) = end else { return None };
    let left_ms = millis(end) - runway.now_ms;
    Some(if left_ms < HOUR_MS {
        "for less than an hour".to_owned()
    } else if left_ms < 2 * DAY_MS {
        let hours = (left_ms + HOUR_MS / 2) / HOUR_MS;
        let noun = if hours == 1 { "hour" } else { "hours" };
        format!("for about {hours} {noun}")
    } else if left_ms < 366 * DAY_MS {
        format!("until {}", day(millis(end)))
    } else {
        "for more than a year".to_owned()
    })
}

/// The day's name as the server gave it.
fn known_day(runway: &RunwayView, at_ms: i64) -> Option<String> {
    let ends = runway.grants.iter().filter_map(|grant| grant.expires.as_ref()).chain(&runway.end);
    ends.filter(|end| end.at_ms == at_ms).map(|end| end.day.clone()).next()
}

fn pace(runway: &RunwayView) -> String {
    match runway.pace.days {
        0 => "at the pace so far".to_owned(),
        1 => "at yesterday's pace".to_owned(),
        days => format!("at the pace of the last {days} days"),
    }
}

fn nothing_spent(runway: &RunwayView) -> String {
    match runway.pace.days {
        0 => "Nothing has been spent yet".to_owned(),
        1 => "Nothing was spent yesterday".to_owned(),
        days => format!("Nothing was spent in the last {days} days"),
    }
}

fn credits(amount: Credits) -> String {
    let noun = if amount == Credits::whole(1) { "credit" } else { "credits" };
    format!("{} {noun}", format::brief(amount))
}

fn credits_are(amount: Credits) -> String {
    let verb = if amount == Credits::whole(1) { "is" } else { "are" };
    format!("{} {verb}", credits(amount))
}

fn total(amounts: impl Iterator<Item = Credits>) -> Credits {
    Credits::sum(amounts).unwrap_or(Credits::MAX)
}

const fn millis(at: Timestamp) -> i64 {
    at.micros().div_euclid(1_000)
}

#[cfg(test)]
mod tests;
