//! What the team buys and is given: a purchase each month, one more when little is left, two promotions that run out.
//! In one month it buys too little and notices late, so that the account is dry for a while.

use ledger::grant::{DEFAULT_PRIORITY, GrantFacts, GrantKind};
use ledger::time::{DAY, SECOND};
use ledger::{Credits, Timestamp};

use super::rhythm::Hour;
use crate::sequencer::job::NewGrant;

const HOUR: i64 = 3_600 * SECOND;
/// Purchases come in steps of so many credits.
const PACK: u64 = 500;
/// Promotions: when in thousandths of the story, credits, days.
const PROMOTIONS: [(u64, u32, i64); 2] = [(70, 750, 45), (500, 3_000, 14)];
/// The month that holds this point of the story is the one of the dry spell.
const DRY: u64 = 700;
/// In thousandths of a year.
const MONTH: u64 = 83;
/// From the first refusal until somebody buys, at the next start of a working day.
const UNNOTICED: i64 = 38 * HOUR;

/// What it has, and has used.
#[derive(Debug)]
pub struct Purse {
    available: Credits,
    /// Used in the last 30 days, by day, in millionths; the last is today.
    used: Vec<i64>,
    month: String,
    day: String,
    promotions: usize,
    is_careless: bool,
    dry_since: Option<Timestamp>,
}

/// A grant to issue.
pub type Given = NewGrant;

impl Purse {
    pub fn new() -> Self {
        Self {
            available: Credits::ZERO,
            used: vec![0],
            month: String::new(),
            day: String::new(),
            promotions: 0,
            is_careless: false,
            dry_since: None,
        }
    }

    pub fn holds(&mut self, available: Credits) {
        self.available = available;
    }

    pub fn spent(&mut self, credits: Credits) {
        if let Some(today) = self.used.last_mut() {
            *today += credits.micros();
        }
    }

    /// Something was refused for want of credits.
    pub fn refused(&mut self, at: Timestamp) {
        self.dry_since.get_or_insert(at);
    }

    /// The free credits at the beginning, and the first purchase.
    pub fn first(&self, at: Timestamp, free: Credits, free_days: u32) -> Vec<Given> {
        let sign_up = NewGrant {
            amount: free,
            facts: facts(
                GrantKind::Free,
                at,
                Some(i64::from(free_days)),
                "sign_up",
                "Credits for signing up",
            ),
        };
        let bought = purchase(at, 2 * PACK, "First purchase");
        if free.is_zero() { vec![bought] } else { vec![sign_up, bought] }
    }

    /// What comes in at the start of an hour; `month` and `day` name those that hold it, on the wall.
    pub fn comes_in(&mut self, hour: &Hour, month: &str, day: &str) -> Vec<Given> {
        if self.day != day {
            day.clone_into(&mut self.day);
            self.used.push(0);
            self.used.drain(..self.used.len().saturating_sub(30));
        }
        let mut given = vec![];
        if let Some((since, credits, days)) = PROMOTIONS.get(self.promotions).copied()
            && hour.progress >= since
        {
            self.promotions += 1;
            let facts = facts(GrantKind::Promo, hour.from, Some(days), "demo", "Start-up programme");
            given.push(NewGrant { amount: Credits::whole(credits), facts });
        }
        given.extend(self.buys(hour, month));
        given
    }

    fn buys(&mut self, hour: &Hour, month: &str) -> Option<Given> {
        let available = whole(self.available.micros());
        let used = whole(self.used.iter().sum());
        if let Some(since) = self.dry_since {
            let is_noticed =
                hour.from.saturating_since(since) >= UNNOTICED && hour.is_workday() && hour.clock == 9;
            if self.is_careless && !is_noticed {
                return None;
            }
            (self.dry_since, self.is_careless) = (None, false);
            return Some(purchase(hour.from, packs(used * 8 / 10 + PACK), "Purchase after running dry"));
        }
        if self.month != month && hour.clock == 9 {
            let is_first = self.month.is_empty();
            month.clone_into(&mut self.month);
            if is_first {
                return None;
            }
            self.is_careless = (DRY.saturating_sub(MONTH)..DRY).contains(&hour.progress);
            let wanted = if self.is_careless { used / 3 } else { used * 13 / 10 + PACK };
            let missing = wanted.saturating_sub(available);
            return (missing > 0).then(|| purchase(hour.from, packs(missing), "Monthly purchase"));
        }
        let is_low = available < used / 12 + 60;
        (is_low && !self.is_careless).then(|| purchase(hour.from, packs(used / 4), "Automatic top-up"))
    }
}

impl Default for Purse {
    fn default() -> Self {
        Self::new()
    }
}

/// Rounded up to full packs, at least one.
fn packs(credits: u64) -> u64 {
    credits.div_ceil(PACK).max(1) * PACK
}

/// Millionths as credits, rounded up.
fn whole(micros: i64) -> u64 {
    u64::try_from(micros).unwrap_or_default().div_ceil(1_000_000)
}

/// Purchased credits do not expire.
pub fn purchase(at: Timestamp, credits: u64, reason: &str) -> Given {
    let amount = Credits::whole(u32::try_from(credits).unwrap_or(u32::MAX));
    NewGrant { amount, facts: facts(GrantKind::Purchase, at, None, "demo", reason) }
}

fn facts(kind: GrantKind, at: Timestamp, days: Option<i64>, source: &str, reason: &str) -> GrantFacts {
    GrantFacts {
        kind,
        priority: DEFAULT_PRIORITY,
        effective_at: at,
        expires_at: days.map(|days| at.saturating_add(days * DAY)),
        source: source.to_owned(),
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::{Zone, parse_rfc3339};

    /// A year of spending six credits an hour; the hours in which nothing could be spent.
    fn dry_hours(until: &str) -> Vec<i64> {
        let from = parse_rfc3339(until).unwrap().saturating_add(-365 * DAY);
        let (zone, price): (Zone, _) = ("Europe/Berlin".parse().unwrap(), Credits::whole(6));
        let mut purse = Purse::new();
        let sum = |given: Vec<Given>| Credits::sum(given.into_iter().map(|grant| grant.amount)).unwrap();
        let mut left = sum(purse.first(from, Credits::whole(100), 30));
        let mut dry = vec![];
        for n in 0..8_760 {
            let hour =
                Hour::new(from.saturating_add(n * HOUR), &zone, u64::try_from(n * 1_000 / 8_760).unwrap());
            let on_the_wall = |pattern| zone.format(hour.from, pattern);
            purse.holds(left);
            let given = purse.comes_in(&hour, &on_the_wall("%Y-%m"), &on_the_wall("%Y-%m-%d"));
            left = left.checked_add(sum(given)).unwrap();
            if let Some(rest) = left.checked_sub(price) {
                purse.spent(price);
                left = rest;
            } else {
                purse.refused(hour.from);
                dry.push(n);
            }
        }
        dry
    }

    #[test]
    fn a_year_has_one_dry_spell_of_a_few_days_whenever_it_ends() {
        for until in
            ["2026-11-24T07:00:00Z", "2026-02-03T00:00:00Z", "2026-06-30T20:00:00Z", "2026-09-15T12:00:00Z"]
        {
            let dry = dry_hours(until);
            assert!((38..120).contains(&dry.len()), "{until}: {dry:?}");
            assert!(dry.windows(2).all(|pair| pair[1] == pair[0] + 1), "{until}: {dry:?}");
        }
    }
}
