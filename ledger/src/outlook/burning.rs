//! What a path of spending does to the grants: the burn order, expiries, grants that begin later and debt, as the wallet has
//! them, without entries. A test holds it against [`crate::wallet::Wallet`].

use super::Lot;
use crate::time::{DAY, HOUR, Timestamp};

/// Lots on their way, in burn order.
#[derive(Debug, Clone)]
pub(super) struct Burning<'a> {
    lots: Vec<Open>,
    /// When lots begin and end, after the start, each instant once.
    edges: &'a [Timestamp],
    next_edge: usize,
    at: Timestamp,
    available: i64,
    debt: i64,
    /// When nothing could be spent for the first time.
    pub out: Option<Timestamp>,
    /// Micro-credits that expired, by the place of the lot.
    pub unused: Vec<i64>,
}

#[derive(Debug, Clone)]
struct Open {
    remaining: i64,
    effective_at: Timestamp,
    /// The end of time for never.
    expires_at: Timestamp,
}

const NEVER: Timestamp = Timestamp::from_micros(i64::MAX);

/// When anything begins or ends after `now` and by `until`.
pub(super) fn edges(lots: &[Lot], now: Timestamp, until: Timestamp) -> Vec<Timestamp> {
    let ends = lots.iter().filter_map(|lot| lot.expires_at);
    let all = lots.iter().map(|lot| lot.effective_at).chain(ends);
    let mut edges: Vec<Timestamp> = all.filter(|at| *at > now && *at <= until).collect();
    edges.sort_unstable();
    edges.dedup();
    edges
}

impl<'a> Burning<'a> {
    /// `lots` stand in burn order. What has expired by `now` is left out of everything.
    pub fn new(lots: &[Lot], debt: i64, now: Timestamp, edges: &'a [Timestamp]) -> Self {
        let open = |lot: &Lot| {
            let expires_at = lot.expires_at.unwrap_or(NEVER);
            let remaining = if expires_at <= now { 0 } else { lot.remaining.micros() };
            Open { remaining, effective_at: lot.effective_at, expires_at }
        };
        let mut burning = Self {
            lots: lots.iter().map(open).collect(),
            edges,
            next_edge: 0,
            at: now,
            available: 0,
            debt,
            out: None,
            unused: vec![0; lots.len()],
        };
        burning.settle();
        burning
    }

    /// What can be spent, in micro-credits.
    pub const fn available(&self) -> i64 {
        self.available
    }

    /// Whether nothing is there and nothing will come.
    pub fn is_over(&self) -> bool {
        self.available == 0 && self.next_edge == self.edges.len()
    }

    /// Lets everything happen that falls due by `at`.
    pub fn reach(&mut self, at: Timestamp) {
        while let Some(edge) = self.edges.get(self.next_edge).copied().filter(|edge| *edge <= at) {
            self.next_edge = self.next_edge.saturating_add(1);
            self.at = edge;
            for (lot, unused) in self.lots.iter_mut().zip(&mut self.unused) {
                if lot.expires_at <= edge && lot.remaining > 0 {
                    *unused = unused.saturating_add(lot.remaining);
                    lot.remaining = 0;
                }
            }
            self.settle();
        }
    }

    /// A day that begins at `start`. `total` is the sum of its hours; those are only asked for where it matters when in the
    /// day something is spent.
    pub fn day(&mut self, start: Timestamp, total: i64, hour: impl Fn(usize) -> i64) {
        self.reach(start);
        let is_quiet = self.edges.get(self.next_edge).is_none_or(|edge| *edge >= start.saturating_add(DAY));
        if is_quiet && total < self.available {
            self.take(total);
            return;
        }
        let mut at = start;
        for index in 0..24 {
            self.reach(at);
            self.hour(at, hour(index));
            at = at.saturating_add(HOUR);
        }
    }

    /// Takes an hour's spending out of what is there at its beginning.
    fn hour(&mut self, start: Timestamp, demand: i64) {
        if demand >= self.available && demand > 0 && self.out.is_none() {
            let part = i128::from(HOUR).saturating_mul(i128::from(self.available));
            let part = part.checked_div(i128::from(demand)).and_then(|part| i64::try_from(part).ok());
            self.out = Some(start.saturating_add(part.unwrap_or(0)));
        }
        self.take(demand.min(self.available));
    }

    fn settle(&mut self) {
        let at = self.at;
        let spendable = self.lots.iter().filter(|lot| lot.is_spendable(at));
        self.available = spendable.fold(0, |sum, lot| sum.saturating_add(lot.remaining));
        let repaid = self.debt.min(self.available);
        self.debt = self.debt.saturating_sub(repaid);
        self.take(repaid);
        if self.available == 0 {
            self.out.get_or_insert(at);
        }
    }

    /// `amount` is there.
    fn take(&mut self, amount: i64) {
        let mut missing = amount;
        let at = self.at;
        for lot in self.lots.iter_mut().filter(|lot| lot.remaining > 0 && lot.is_spendable(at)) {
            if missing == 0 {
                break;
            }
            let part = missing.min(lot.remaining);
            lot.remaining = lot.remaining.saturating_sub(part);
            missing = missing.saturating_sub(part);
        }
        self.available = self.available.saturating_sub(amount);
    }
}

impl Open {
    /// Nothing changes between edges, so the last edge tells for any instant after it.
    fn is_spendable(&self, at: Timestamp) -> bool {
        self.effective_at <= at && at < self.expires_at
    }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails")]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::entry::{EventFacts, Movement};
    use crate::grant::{Grant, GrantFacts, GrantKind};
    use crate::wallet::Wallet;
    use crate::{AccountId, Credits, Quantity};

    const MINUTE: i64 = HOUR / 60;

    fn event(credits: i64) -> EventFacts {
        EventFacts {
            source: "s".to_owned(),
            id: "1".to_owned(),
            operation: "op".to_owned(),
            quantity: Quantity::ZERO,
            credits: Credits::from_micros(credits).unwrap(),
            occurred_at: None,
            api_key: None,
            service_key: None,
            price_version: 1,
            dimensions: None,
        }
    }

    type Given = (i64, u16, i64, Option<i64>);

    fn given() -> impl Strategy<Value = Vec<Given>> {
        let one = (1..4_000_i64, 0..3_u16, 0..3_000_i64, proptest::option::of(1..4_000_i64));
        proptest::collection::vec(one, 0..7)
    }

    /// The wallet that the grants make, and the same as lots; with a debt, made by an event before any of them begins.
    fn both(given: &[Given], debt: i64) -> (Wallet, Vec<Lot>) {
        let mut wallet = Wallet::new(AccountId::new(Uuid::from_u128(1)));
        let start = Timestamp::from_micros(0);
        if debt > 0 {
            wallet.charge(start, event(debt), Some(Credits::MAX)).unwrap();
        }
        for (nth, (credits, priority, begins, lasts)) in given.iter().enumerate() {
            let effective_at = Timestamp::from_micros(begins * MINUTE);
            let facts = GrantFacts {
                kind: GrantKind::ALL[nth % 5],
                priority: *priority,
                effective_at,
                expires_at: lasts.map(|lasts| effective_at.saturating_add(lasts * MINUTE)),
                source: String::new(),
                reason: String::new(),
            };
            wallet.issue(start, Credits::from_micros(*credits).unwrap(), facts).unwrap();
        }
        let lots = wallet.grants().iter().map(Lot::of).collect();
        (wallet, lots)
    }

    proptest! {
        /// Hour by hour the same is available, and the same expires, as by the wallet's own entries.
        #[test]
        fn it_does_what_the_wallet_does(
            given in given(),
            debt in prop_oneof![Just(0), 1..3_000_i64],
            spent in proptest::collection::vec(prop_oneof![3 => Just(0), 5 => 0..150_i64], 96),
        ) {
            let (mut wallet, lots) = both(&given, debt);
            let (start, seqs): (_, Vec<u64>) =
                (Timestamp::from_micros(0), wallet.grants().iter().map(|grant| grant.seq).collect());
            let edges = edges(&lots, start, start.saturating_add(4 * DAY));
            let mut burning = Burning::new(&lots, wallet.debt.micros(), start, &edges);
            let mut expired = vec![0_i64; seqs.len()];
            let mut count = |entries: &[crate::entry::Entry]| {
                for entry in entries.iter().filter(|entry| entry.movement == Movement::Expire) {
                    let place = seqs.iter().position(|seq| Some(*seq) == entry.grant).unwrap();
                    expired[place] += entry.amount.micros();
                }
            };
            for (day, hours) in spent.chunks(24).enumerate() {
                let begins = start.saturating_add(i64::try_from(day).unwrap() * DAY);
                burning.day(begins, hours.iter().sum(), |hour| hours[hour]);
                for (hour, demand) in hours.iter().enumerate() {
                    let (at, due) = wallet.advance(begins.saturating_add(i64::try_from(hour).unwrap() * HOUR));
                    count(&due);
                    let charged = event((*demand).min(wallet.available(at).micros()));
                    count(&wallet.charge(at, charged, None).unwrap());
                }
                let (end, due) = wallet.advance(begins.saturating_add(DAY));
                count(&due);
                burning.reach(end);
                prop_assert_eq!(burning.available(), wallet.available(end).micros());
                prop_assert_eq!(burning.debt, wallet.debt.micros());
            }
            prop_assert_eq!(&burning.unused, &expired);
            prop_assert!(burning.available() > 0 || burning.out.is_some());
        }
    }

    fn lot(credits: i64, expires_day: Option<i64>) -> Lot {
        let facts = GrantFacts {
            kind: GrantKind::Free,
            priority: 100,
            effective_at: Timestamp::from_micros(0),
            expires_at: expires_day.map(|day| Timestamp::from_micros(day * DAY)),
            source: String::new(),
            reason: String::new(),
        };
        Lot::of(&Grant::new(1, Credits::from_micros(credits).unwrap(), facts))
    }

    #[test]
    fn it_runs_out_inside_the_hour_that_takes_the_last() {
        let start = Timestamp::from_micros(0);
        let mut burning = Burning::new(&[lot(100, None)], 0, start, &[]);
        burning.day(start, 24 * 40, |_| 40);
        assert_eq!(burning.out, Some(Timestamp::from_micros(2 * HOUR + HOUR / 2)));
        assert!(burning.is_over());
    }

    #[test]
    fn it_runs_out_when_the_last_lot_expires_though_nothing_is_spent() {
        let (start, lots) = (Timestamp::from_micros(0), [lot(100, Some(1))]);
        let edges = edges(&lots, start, start.saturating_add(4 * DAY));
        let mut burning = Burning::new(&lots, 0, start, &edges);
        burning.day(start, 0, |_| 0);
        assert_eq!(burning.out, None);
        burning.reach(start.saturating_add(2 * DAY));
        assert_eq!((burning.out, burning.unused), (Some(start.saturating_add(DAY)), vec![100]));
    }

    #[test]
    fn an_empty_wallet_is_out_from_the_start() {
        let start = Timestamp::from_micros(5);
        assert_eq!(Burning::new(&[], 0, start, &[]).out, Some(start));
        let owing = Burning::new(&[lot(100, None)], 100, start, &[]);
        assert_eq!((owing.out, owing.debt), (Some(start), 0));
    }
}
