//! Properties of the books over random acts of every kind.
#![expect(clippy::arithmetic_side_effects, reason = "sums kept by hand, to hold the checked ones against")]

use std::collections::HashMap;

use ledger::chain::{Digest, entry_bytes, genesis};
use ledger::entry::{Entry, EventFacts, Movement, Revision};
use ledger::event::{Dimensions, EventKey, Priced, Report};
use ledger::grant::{Grant, GrantFacts, GrantKind};
use ledger::rate::RateCard;
use ledger::receipt::{Sources, explain};
use ledger::series::Series;
use ledger::verify::{Fault, Stored, Verifier, Watch};
use ledger::wallet::{Paid, SettleError, Wallet};
use ledger::{AccountId, Credits, Quantity, Timestamp};
use proptest::prelude::*;
use uuid::Uuid;

const ACCOUNT: AccountId = AccountId::new(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001));

/// What may happen to an account; times are steps of seconds after the action before.
#[derive(Debug, Clone)]
enum Action {
    Grant { credits: i64, kind: GrantKind, priority: u16, starts_in: i64, lasts: Option<i64> },
    Charge { name: u8, operation: usize, quantity: i64, late_by: Option<i64>, debt_limit: Option<i64> },
    Void { nth: usize },
    Hold { operation: usize, quantity: i64, lasts: i64 },
    Settle { nth: usize, quantity: i64 },
    Release { nth: usize },
    Correct { nth: usize, percent: i64 },
    Wait { seconds: i64 },
}

fn action() -> impl Strategy<Value = Action> {
    let debt_limit = proptest::option::weighted(0.3, 0..400_000_000_i64);
    let kind = (0..GrantKind::ALL.len()).prop_map(|index| GrantKind::ALL[index]);
    prop_oneof![
        3 => (1..500_000_000_i64, kind, 0..4_u16, 0..50_i64, proptest::option::of(1..400_i64))
            .prop_map(|(credits, kind, priority, starts_in, lasts)| Action::Grant { credits, kind, priority, starts_in, lasts }),
        8 => (any::<u8>(), 0..6_usize, 0..20_000_000_i64, proptest::option::of(0..5_000_i64), debt_limit)
            .prop_map(|(name, operation, quantity, late_by, debt_limit)| {
                Action::Charge { name, operation, quantity, late_by, debt_limit }
            }),
        3 => (0..6_usize, 0..20_000_000_i64, 1..300_i64)
            .prop_map(|(operation, quantity, lasts)| Action::Hold { operation, quantity, lasts }),
        2 => (0..4_usize, 0..20_000_000_i64).prop_map(|(nth, quantity)| Action::Settle { nth, quantity }),
        1 => (0..4_usize).prop_map(|nth| Action::Release { nth }),
        3 => (0..40_usize, 0..100_i64).prop_map(|(nth, percent)| Action::Correct { nth, percent }),
        1 => (0..8_usize).prop_map(|nth| Action::Void { nth }),
        2 => (0..200_i64).prop_map(|seconds| Action::Wait { seconds }),
    ]
}

/// Books kept the way the server keeps them, with sums kept by hand beside them.
struct Books {
    wallet: Wallet,
    entries: Vec<Entry>,
    grants: Vec<Grant>,
    series: Series,
    booked: HashMap<EventKey, (Report, Vec<Entry>)>,
    events: Vec<BookedEvent>,
    card: RateCard,
    issued: i64,
    spent: i64,
    expired: i64,
    voided: i64,
}

/// An event with what corrections have made of it.
struct BookedEvent {
    legs: Vec<Entry>,
    corrections: Vec<Entry>,
    facts: EventFacts,
    paid: Paid,
}

impl Books {
    fn new() -> Self {
        Self {
            wallet: Wallet::new(ACCOUNT),
            entries: vec![],
            grants: vec![],
            series: Series::default(),
            booked: HashMap::new(),
            events: vec![],
            card: RateCard::example(),
            issued: 0,
            spent: 0,
            expired: 0,
            voided: 0,
        }
    }

    fn take(&mut self, entries: Vec<Entry>) {
        if entries.first().is_some_and(|first| first.begun_event().is_some()) {
            let facts = entries[0].event.clone().unwrap();
            let facts = EventFacts { occurred_at: Some(facts.event_time(entries[0].recorded_at)), ..facts };
            let event =
                BookedEvent { facts, paid: Paid::of(&entries), corrections: vec![], legs: entries.clone() };
            self.events.push(event);
        }
        for entry in entries {
            let amount = entry.amount.micros();
            match entry.movement {
                Movement::Issue => self.issued += amount,
                Movement::Charge | Movement::Settle | Movement::Owe => self.spent += amount,
                Movement::Correct | Movement::Forgive => self.spent -= amount,
                Movement::Expire => self.expired += amount,
                Movement::Void => self.voided += amount,
                Movement::Hold | Movement::Release | Movement::Repay => {}
            }
            self.series.count(&entry);
            self.entries.push(entry);
        }
        for grant in &mut self.grants {
            if let Some(known) = self.wallet.grant(grant.seq) {
                *grant = known.clone();
            }
        }
        self.wallet.forget_used();
    }

    fn open(&mut self, now: Timestamp) -> Timestamp {
        let (at, expired) = self.wallet.advance(now);
        self.take(expired);
        at
    }

    fn run(&mut self, now: Timestamp, action: &Action) {
        match action {
            Action::Wait { .. } => {}
            Action::Grant { credits, kind, priority, starts_in, lasts } => {
                self.grant(now, *credits, *kind, *priority, *starts_in, *lasts);
            }
            Action::Void { nth } => {
                let at = self.open(now);
                let seq = self.grants.get(*nth).map_or(u64::MAX, |grant| grant.seq);
                let left = self.wallet.remaining(seq);
                let voided = self.wallet.void(at, seq, "a reason".into());
                assert_eq!(voided.is_ok(), !left.is_zero());
                self.take(voided.unwrap_or_default());
            }
            Action::Hold { operation, quantity, lasts } => self.hold(now, *operation, *quantity, *lasts),
            Action::Settle { nth, quantity } => self.settle(now, *nth, *quantity),
            Action::Release { nth } => {
                let at = self.open(now);
                let open = self.wallet.holds().get(*nth).map_or(u64::MAX, |hold| hold.seq);
                let released = self.wallet.release(at, open, None);
                assert!(released.is_ok() || open == u64::MAX);
                self.take(released.unwrap_or_default());
            }
            Action::Correct { nth, percent } => self.correct(now, *nth, *percent),
            Action::Charge { name, operation, quantity, late_by, debt_limit } => {
                let operation = self.card.prices[*operation].operation.clone();
                let occurred_at = late_by.map(|seconds| now.saturating_add(-seconds * 1_000_000));
                let report = Report {
                    key: EventKey::parse("test", &name.to_string()).unwrap(),
                    operation,
                    quantity: Quantity::from_micros(*quantity).unwrap(),
                    dimensions: Dimensions::default(),
                    occurred_at,
                };
                self.charge(now, report, debt_limit.and_then(Credits::from_micros));
            }
        }
    }

    fn grant(
        &mut self,
        now: Timestamp,
        credits: i64,
        kind: GrantKind,
        priority: u16,
        starts_in: i64,
        lasts: Option<i64>,
    ) {
        let at = self.open(now);
        let effective_at = at.saturating_add(starts_in * 1_000_000);
        let facts = GrantFacts {
            kind,
            priority,
            effective_at,
            expires_at: lasts.map(|seconds| effective_at.saturating_add(seconds * 1_000_000)),
            source: "operator".into(),
            reason: "test".into(),
        };
        let amount = Credits::from_micros(credits).unwrap();
        let entries = self.wallet.issue(at, amount, facts.clone()).unwrap();
        self.grants.push(Grant::new(entries[0].seq, amount, facts));
        self.take(entries);
    }

    fn priced(&self, id: &str, operation: usize, quantity: i64) -> EventFacts {
        let price = &self.card.prices[operation];
        let quantity = Quantity::from_micros(quantity).unwrap();
        EventFacts {
            source: "test".into(),
            id: id.into(),
            operation: price.operation.clone(),
            quantity,
            credits: price.quote(quantity).unwrap().credits,
            occurred_at: None,
            api_key: None,
            service_key: None,
            price_version: 1,
            dimensions: None,
        }
    }

    fn hold(&mut self, now: Timestamp, operation: usize, quantity: i64, lasts: i64) {
        let at = self.open(now);
        let event = self.priced(&format!("hold-{}", self.entries.len()), operation, quantity);
        let before = self.wallet.clone();
        let can_pay = before.can_pay(at, event.credits);
        let held = self.wallet.hold(at, event, at.saturating_add(lasts * 1_000_000));
        assert_eq!(held.as_ref().err(), can_pay.as_ref().err());
        assert!(held.is_ok() || self.wallet == before, "a refused hold changes nothing");
        self.take(held.unwrap_or_default());
    }

    fn settle(&mut self, now: Timestamp, nth: usize, quantity: i64) {
        let at = self.open(now);
        let Some(open) = self.wallet.holds().get(nth).cloned() else { return };
        let operation = self.card.prices.iter().position(|price| price.operation == open.event.operation);
        let event = self.priced(&open.event.id, operation.unwrap(), quantity);
        let before = self.wallet.clone();
        match self.wallet.settle(at, open.seq, &event) {
            Ok(entries) => {
                let moved = |wanted: Movement| -> i64 {
                    let of = entries.iter().filter(|entry| entry.movement == wanted);
                    of.map(|entry| entry.amount.micros()).sum()
                };
                let used = moved(Movement::Settle) + moved(Movement::Charge);
                assert_eq!(used, event.credits.micros());
                assert_eq!(moved(Movement::Settle) + moved(Movement::Release), open.event.credits.micros());
                self.take(entries);
            }
            Err(SettleError::Shortfall(_)) => {
                assert!(event.credits > open.event.credits);
                assert_eq!(self.wallet, before, "a refused settlement changes nothing");
            }
            Err(SettleError::NotOpen) => panic!("the hold was open"),
        }
    }

    fn correct(&mut self, now: Timestamp, nth: usize, percent: i64) {
        let at = self.open(now);
        let count = self.events.len();
        let Some(event) = self.events.get_mut(nth % count.max(1)) else { return };
        let quantity = event.facts.quantity.micros() * percent / 100;
        if quantity >= event.facts.quantity.micros() {
            return;
        }
        let quantity = Quantity::from_micros(quantity).unwrap();
        let quote = self.card.price(&event.facts.operation).unwrap().quote(quantity).unwrap();
        let revises = Revision {
            of: event.legs[0].seq,
            quantity: event.facts.quantity,
            credits: event.facts.credits,
            correction: Some(format!("c-{}", event.corrections.len())),
        };
        event.facts.quantity = quantity;
        event.facts.credits = quote.credits.min(revises.credits);
        for grant in &self.grants {
            self.wallet.remember(grant.clone());
        }
        let entries =
            self.wallet.correct(at, event.facts.clone(), revises, "a reason".into(), &mut event.paid);
        event.corrections.extend(entries.iter().cloned());
        self.take(entries);
    }

    fn charge(&mut self, now: Timestamp, report: Report, debt_limit: Option<Credits>) {
        if let Some((booked, legs)) = self.booked.get(&report.key) {
            let facts = legs[0].event.as_ref().unwrap();
            let same = booked.operation == report.operation
                && booked.quantity == report.quantity
                && booked.occurred_at == report.occurred_at;
            assert_eq!(report.differences(ACCOUNT, ACCOUNT, facts).is_empty(), same);
            return;
        }
        let at = self.open(now);
        let credits = self.card.price(&report.operation).unwrap().quote(report.quantity).unwrap().credits;
        let before = self.wallet.clone();
        let balance = before.available(at);
        let priced = Priced { credits, price_version: 1, api_key: None, service_key: None };
        let paid = credits.is_zero() || before.debt.is_zero() && credits <= balance;
        let owed = credits.saturating_sub(balance);
        let may_owe = debt_limit.is_some_and(|limit| before.debt.checked_add(owed).unwrap() <= limit);
        match self.wallet.charge(at, report.clone().into_facts(priced), debt_limit) {
            Ok(legs) => {
                assert!(paid || may_owe);
                assert_eq!(self.wallet.available(at), balance.saturating_sub(credits));
                self.booked.insert(report.key.clone(), (report, legs.clone()));
                self.take(legs);
            }
            Err(shortfall) => {
                assert!(!paid && !may_owe);
                assert_eq!(shortfall.balance, balance);
                let needed = credits.checked_add(before.debt).unwrap();
                assert_eq!(shortfall.missing, needed.checked_sub(balance).unwrap());
                assert_eq!(self.wallet, before, "a refused charge changes nothing");
            }
        }
    }

    fn stored(&self) -> Stored {
        let holds = self.wallet.holds().iter().map(|hold| (hold.seq, hold.deadline));
        Stored {
            seq: self.wallet.seq,
            head: self.wallet.head,
            held: self.wallet.held,
            debt: self.wallet.debt,
            recorded_at: self.wallet.recorded_at,
            grants: self.grants.clone(),
            holds: holds.collect(),
            series: self.series.clone(),
        }
    }

    fn verify(&self) -> Result<ledger::verify::Verified, ledger::verify::Mismatch> {
        let mut verifier = Verifier::new(ACCOUNT, Watch::All);
        for entry in &self.entries {
            verifier.push(entry.clone())?;
        }
        verifier.finish(&self.stored())
    }
}

fn run(actions: &[Action]) -> (Books, Timestamp) {
    let mut books = Books::new();
    let mut now = Timestamp::from_micros(1_700_000_000_000_000);
    for action in actions {
        if let Action::Wait { seconds } = action {
            now = now.saturating_add(seconds * 1_000_000);
        }
        books.run(now, action);
        // What was issued is somewhere, whatever happened.
        let left: i64 = books.wallet.grants().iter().map(|grant| grant.remaining.micros()).sum();
        let wallet = &books.wallet;
        let held: i64 =
            wallet.holds().iter().flat_map(|hold| &hold.lots).map(|lot| lot.amount.micros()).sum();
        assert_eq!(wallet.held.micros(), held);
        let elsewhere = left + held + books.spent + books.expired + books.voided;
        assert_eq!(books.issued + wallet.debt.micros(), elsewhere);
        assert!(wallet.debt.is_zero() || wallet.available(wallet.recorded_at).is_zero());
    }
    (books, now)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nothing_is_lost_and_the_books_verify(actions in proptest::collection::vec(action(), 1..60)) {
        let (books, _) = run(&actions);
        let verified = books.verify().unwrap();
        prop_assert_eq!(verified.issued.micros(), books.issued);
        prop_assert_eq!(verified.spent.micros(), books.spent);
        prop_assert_eq!(verified.expired.micros(), books.expired);
        prop_assert_eq!(verified.voided.micros(), books.voided);
        prop_assert_eq!((verified.held, verified.debt), (books.wallet.held, books.wallet.debt));
    }

    #[test]
    fn the_series_is_the_sum_of_the_charges(actions in proptest::collection::vec(action(), 1..60)) {
        let (books, _) = run(&actions);
        prop_assert_eq!(books.series.total().credits.micros(), books.spent);
        prop_assert_eq!(books.series.total().count, books.events.len() as u64);
        for (key, _) in books.series.buckets() {
            prop_assert_eq!(key.start.floor(ledger::series::BUCKET), key.start);
        }
    }

    #[test]
    fn every_receipt_repeats_the_charge(actions in proptest::collection::vec(action(), 1..40)) {
        let (books, _) = run(&actions);
        for event in &books.events {
            let sources = Sources {
                legs: &event.legs,
                corrections: &event.corrections,
                card: &books.card,
                grants: &books.grants,
                before: Quantity::ZERO,
            };
            let receipt = explain(ACCOUNT, sources).unwrap();
            let paid = Credits::sum(receipt.grants.iter().map(|grant| grant.credits)).unwrap();
            prop_assert_eq!(paid.checked_add(receipt.owed), Some(receipt.quote.credits));
            prop_assert_eq!(receipt.credits(), event.facts.credits);
            prop_assert_eq!(receipt.quantity(), event.facts.quantity);
            let back = receipt.corrections.iter().flat_map(|correction| &correction.back).map(|back| back.credits);
            prop_assert_eq!(receipt.event.credits.checked_sub(Credits::sum(back).unwrap()), Some(receipt.credits()));
            if receipt.hold.is_none() {
                prop_assert_eq!(receipt.balance_before.checked_sub(paid), Some(receipt.balance_after));
                let keys: Vec<_> = receipt.grants.iter().map(|used| {
                    books.grants.iter().find(|grant| grant.seq == used.grant_id.seq).unwrap().burn_key()
                }).collect();
                prop_assert!(keys.is_sorted());
            }
        }
    }

    #[test]
    fn a_changed_entry_is_found_where_it_stands(
        actions in proptest::collection::vec(action(), 5..60),
        pick in any::<prop::sample::Index>(),
        what in 0..9_u8,
    ) {
        let (mut books, _) = run(&actions);
        prop_assume!(!books.entries.is_empty());
        let at = pick.index(books.entries.len());
        let entry = &mut books.entries[at];
        match what {
            0 => entry.amount = Credits::from_micros(entry.amount.micros() + 1).unwrap(),
            1 => entry.available_after = Credits::from_micros(entry.available_after.micros() ^ 1).unwrap(),
            2 => entry.recorded_at = entry.recorded_at.saturating_add(1),
            3 => entry.held_after = Credits::from_micros(entry.held_after.micros() ^ 1).unwrap(),
            5 => entry.debt_after = Credits::from_micros(entry.debt_after.micros() ^ 1).unwrap(),
            6 => entry.leg ^= 1,
            7 => entry.deadline = if entry.deadline.is_none() { Some(entry.recorded_at) } else { None },
            4 => entry.hash = Digest([7; 32]),
            _ => { books.entries.remove(at); }
        }
        let mismatch = books.verify().unwrap_err();
        prop_assert_eq!(mismatch.seq, at as u64 + 1);
    }
}

/// Two accounts' books would have other hashes even with the same entries; the chain can be recomputed by others.
#[test]
fn the_committed_vectors_are_still_the_hashes() {
    let mut books = Books::new();
    let now = Timestamp::from_micros(1_700_000_000_000_000);
    books.grant(now, 100_000_000, GrantKind::Free, 100, 0, Some(86_400));
    books.grant(now, 7_000_000, GrantKind::Purchase, 100, 0, None);
    let report = |id: &str, operation: &str, quantity: i64| Report {
        key: EventKey::parse("builder", id).unwrap(),
        operation: operation.into(),
        quantity: Quantity::from_micros(quantity).unwrap(),
        dimensions: Dimensions::parse([("model".to_owned(), "churn".to_owned())].into()).unwrap(),
        occurred_at: Some(now),
    };
    books.charge(now.saturating_add(1), report("job-1", "model.build", 2_100_000), None);
    books.charge(now.saturating_add(2), report("job-2", "account.read", 1_000_000), None);
    let at = books.open(now.saturating_add(3));
    let voided = books.wallet.void(at, 2, "given by mistake".into()).unwrap();
    books.take(voided);
    movements_of_the_second_format(&mut books, now);
    books.verify().unwrap();

    let vectors = include_str!("vectors.txt");
    let mut printed = format!("genesis {}\n", genesis(ACCOUNT));
    for entry in &books.entries {
        use std::fmt::Write as _;
        let bytes: String = entry_bytes(ACCOUNT, entry).iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        let _ = writeln!(printed, "{} {} {bytes}", entry.seq, entry.hash);
    }
    assert_eq!(printed, vectors);
}

/// A hold that is settled above, one that is released, debt that is repaid, and a correction of it.
fn movements_of_the_second_format(books: &mut Books, now: Timestamp) {
    books.grant(now.saturating_add(4), 60_000_000, GrantKind::Promo, 100, 0, None);
    let at = books.open(now.saturating_add(5));
    for (id, quantity) in [("job-3", 500_000), ("job-4", 200_000)] {
        let event = EventFacts { source: "builder".into(), ..books.priced(id, 0, quantity) };
        let held = books.wallet.hold(at, event, at.saturating_add(900_000_000)).unwrap();
        books.take(held);
    }
    let holds: Vec<u64> = books.wallet.holds().iter().map(|hold| hold.seq).collect();
    let used = EventFacts { source: "builder".into(), ..books.priced("job-3", 0, 600_000) };
    let settled = books.wallet.settle(at, holds[0], &used).unwrap();
    books.take(settled);
    let released = books.wallet.release(at, holds[1], Some("key_000000000000".parse().unwrap())).unwrap();
    books.take(released);
    let owing = EventFacts { source: "builder".into(), ..books.priced("job-5", 0, 1_000_000) };
    let charged = books.wallet.charge(at, owing, Some(Credits::whole(50))).unwrap();
    books.take(charged);
    books.grant(now.saturating_add(6), 5_000_000, GrantKind::Adjustment, 100, 0, None);
    books.correct(now.saturating_add(7), 3, 10);
}

#[test]
fn a_missing_last_leg_is_named_by_its_own_place() {
    let mut books = Books::new();
    let now = Timestamp::from_micros(1_700_000_000_000_000);
    books.grant(now, 50_000_000, GrantKind::Free, 0, 0, None);
    books.grant(now, 50_000_000, GrantKind::Free, 0, 0, None);
    books.run(
        now,
        &Action::Charge { name: 0, operation: 0, quantity: 1_500_000, late_by: None, debt_limit: None },
    );
    assert_eq!(books.entries.pop().map(|entry| (entry.seq, entry.leg)), Some((4, 1)));
    let mismatch = books.verify().unwrap_err();
    assert_eq!((mismatch.seq, mismatch.fault), (4, Fault::Unfinished));
}

#[test]
fn rows_that_differ_from_the_entries_are_named() {
    let mut books = Books::new();
    let now = Timestamp::from_micros(1_700_000_000_000_000);
    books.grant(now, 100_000_000, GrantKind::Free, 100, 0, None);
    let finish = |change: fn(&mut Stored)| {
        let mut verifier = Verifier::new(ACCOUNT, Watch::All);
        books.entries.iter().for_each(|entry| verifier.push(entry.clone()).unwrap());
        let mut stored = books.stored();
        change(&mut stored);
        verifier.finish(&stored).map(|_| ()).map_err(|mismatch| mismatch.fault)
    };
    assert_eq!(finish(|_| {}), Ok(()));
    assert_eq!(finish(|stored| stored.seq = 2), Err(Fault::Head));
    assert_eq!(finish(|stored| stored.head = Digest([0; 32])), Err(Fault::Head));
    assert_eq!(finish(|stored| stored.held = Credits::whole(1)), Err(Fault::Head));
    assert_eq!(finish(|stored| stored.debt = Credits::whole(1)), Err(Fault::Head));
    assert_eq!(finish(|stored| stored.recorded_at = Timestamp::from_micros(1)), Err(Fault::Head));
    assert_eq!(finish(|stored| stored.grants[0].repaid = Credits::whole(1)), Err(Fault::StoredGrant));
    assert_eq!(
        finish(|stored| {
            stored.holds.insert(1, Timestamp::from_micros(1));
        }),
        Err(Fault::StoredHold)
    );
    assert_eq!(finish(|stored| stored.grants[0].remaining = Credits::whole(99)), Err(Fault::StoredGrant));
    assert_eq!(finish(|stored| stored.grants[0].facts.priority = 1), Err(Fault::StoredGrant));
    assert_eq!(finish(|stored| stored.grants.clear()), Err(Fault::StoredGrant));
    assert_eq!(
        finish(|stored| {
            let key = ledger::series::BucketKey {
                start: Timestamp::from_micros(0),
                operation: "op".into(),
                api_key: None,
            };
            stored.series.add(key, ledger::series::Totals { count: 1, ..Default::default() });
        }),
        Err(Fault::Rollup)
    );
}
