//! Properties of the books over random grants, charges, expiries, voids and duplicates.
#![expect(clippy::arithmetic_side_effects, reason = "sums kept by hand, to hold the checked ones against")]

use std::collections::HashMap;

use ledger::chain::{Digest, entry_bytes, genesis};
use ledger::entry::{Entry, Movement};
use ledger::event::{Dimensions, EventKey, Priced, Report};
use ledger::grant::{Grant, GrantFacts, GrantKind};
use ledger::rate::RateCard;
use ledger::receipt::explain;
use ledger::series::Series;
use ledger::verify::{Fault, Stored, Verifier};
use ledger::wallet::Wallet;
use ledger::{AccountId, Credits, Quantity, Timestamp};
use proptest::prelude::*;
use uuid::Uuid;

const ACCOUNT: AccountId = AccountId::new(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001));

/// What may happen to an account; times are steps of seconds after the action before.
#[derive(Debug, Clone)]
enum Action {
    Grant { credits: i64, kind: GrantKind, priority: u16, starts_in: i64, lasts: Option<i64> },
    Charge { name: u8, operation: usize, quantity: i64, late_by: Option<i64> },
    Void { nth: usize },
    Wait { seconds: i64 },
}

fn action() -> impl Strategy<Value = Action> {
    let kind = (0..GrantKind::ALL.len()).prop_map(|index| GrantKind::ALL[index]);
    prop_oneof![
        3 => (1..500_000_000_i64, kind, 0..4_u16, 0..50_i64, proptest::option::of(1..400_i64))
            .prop_map(|(credits, kind, priority, starts_in, lasts)| Action::Grant { credits, kind, priority, starts_in, lasts }),
        8 => (any::<u8>(), 0..6_usize, 0..20_000_000_i64, proptest::option::of(0..5_000_i64))
            .prop_map(|(name, operation, quantity, late_by)| Action::Charge { name, operation, quantity, late_by }),
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
    card: RateCard,
    issued: i64,
    spent: i64,
    expired: i64,
    voided: i64,
}

impl Books {
    fn new() -> Self {
        Self {
            wallet: Wallet::new(ACCOUNT),
            entries: vec![],
            grants: vec![],
            series: Series::default(),
            booked: HashMap::new(),
            card: RateCard::example(),
            issued: 0,
            spent: 0,
            expired: 0,
            voided: 0,
        }
    }

    fn take(&mut self, entries: Vec<Entry>) {
        for entry in entries {
            let sum = match entry.movement {
                Movement::Issue => &mut self.issued,
                Movement::Charge => &mut self.spent,
                Movement::Expire => &mut self.expired,
                Movement::Void => &mut self.voided,
            };
            *sum += entry.amount.micros();
            self.series.count(&entry);
            self.entries.push(entry);
        }
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
                self.take(voided.into_iter().collect());
            }
            Action::Charge { name, operation, quantity, late_by } => {
                let operation = self.card.prices[*operation].operation.clone();
                let occurred_at = late_by.map(|seconds| now.saturating_add(-seconds * 1_000_000));
                let report = Report {
                    key: EventKey::parse("test", &name.to_string()).unwrap(),
                    operation,
                    quantity: Quantity::from_micros(*quantity).unwrap(),
                    dimensions: Dimensions::default(),
                    occurred_at,
                };
                self.charge(now, report);
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
        let entry = self.wallet.issue(at, amount, facts.clone()).unwrap();
        self.grants.push(Grant { seq: entry.seq, amount, remaining: amount, facts });
        self.take(vec![entry]);
    }

    fn charge(&mut self, now: Timestamp, report: Report) {
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
        match self.wallet.charge(at, report.clone().into_facts(priced)) {
            Ok(legs) => {
                assert!(credits <= balance);
                assert_eq!(self.wallet.available(at), balance.checked_sub(credits).unwrap());
                self.booked.insert(report.key.clone(), (report, legs.clone()));
                self.take(legs);
            }
            Err(shortfall) => {
                assert!(credits > balance);
                assert_eq!(shortfall.balance, balance);
                assert_eq!(shortfall.missing, credits.checked_sub(balance).unwrap());
                assert_eq!(self.wallet, before, "a refused charge changes nothing");
            }
        }
    }

    fn stored(&self) -> Stored {
        let grants = self
            .grants
            .iter()
            .map(|grant| Grant { remaining: self.wallet.remaining(grant.seq), ..grant.clone() });
        Stored {
            seq: self.wallet.seq,
            head: self.wallet.head,
            grants: grants.collect(),
            series: self.series.clone(),
        }
    }

    fn verify(&self) -> Result<ledger::verify::Verified, ledger::verify::Mismatch> {
        let mut verifier = Verifier::new(ACCOUNT);
        for entry in &self.entries {
            verifier.push(entry)?;
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
        assert_eq!(books.issued, left + books.spent + books.expired + books.voided);
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
    }

    #[test]
    fn the_series_is_the_sum_of_the_charges(actions in proptest::collection::vec(action(), 1..60)) {
        let (books, _) = run(&actions);
        prop_assert_eq!(books.series.total().credits.micros(), books.spent);
        prop_assert_eq!(books.series.total().count, books.booked.len() as u64);
        for (key, _) in books.series.buckets() {
            prop_assert_eq!(key.start.floor(ledger::series::BUCKET), key.start);
        }
    }

    #[test]
    fn every_receipt_repeats_the_charge(actions in proptest::collection::vec(action(), 1..40)) {
        let (books, _) = run(&actions);
        for (report, legs) in books.booked.values() {
            let receipt = explain(ACCOUNT, legs, &books.card, &books.grants, Quantity::ZERO).unwrap();
            prop_assert_eq!(&receipt.event.operation, &report.operation);
            let paid = Credits::sum(receipt.grants.iter().map(|grant| grant.credits)).unwrap();
            prop_assert_eq!(paid, receipt.quote.credits);
            prop_assert_eq!(receipt.balance_before.checked_sub(paid), Some(receipt.balance_after));
            let keys: Vec<_> = receipt.grants.iter().map(|used| {
                books.grants.iter().find(|grant| grant.seq == used.grant_id.seq).unwrap().burn_key()
            }).collect();
            prop_assert!(keys.is_sorted());
        }
    }

    #[test]
    fn a_changed_entry_is_found_where_it_stands(
        actions in proptest::collection::vec(action(), 5..60),
        pick in any::<prop::sample::Index>(),
        what in 0..6_u8,
    ) {
        let (mut books, _) = run(&actions);
        prop_assume!(!books.entries.is_empty());
        let at = pick.index(books.entries.len());
        let entry = &mut books.entries[at];
        match what {
            0 => entry.amount = Credits::from_micros(entry.amount.micros() + 1).unwrap(),
            1 => entry.available_after = Credits::from_micros(entry.available_after.micros() ^ 1).unwrap(),
            2 => entry.recorded_at = entry.recorded_at.saturating_add(1),
            3 => entry.held_after = Credits::from_micros(1).unwrap(),
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
    books.charge(now.saturating_add(1), report("job-1", "model.build", 2_100_000));
    books.charge(now.saturating_add(2), report("job-2", "account.read", 1_000_000));
    let at = books.open(now.saturating_add(3));
    let voided = books.wallet.void(at, 2, "given by mistake".into()).unwrap();
    books.take(vec![voided]);
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

#[test]
fn a_missing_last_leg_is_named_by_its_own_place() {
    let mut books = Books::new();
    let now = Timestamp::from_micros(1_700_000_000_000_000);
    books.grant(now, 50_000_000, GrantKind::Free, 0, 0, None);
    books.grant(now, 50_000_000, GrantKind::Free, 0, 0, None);
    books.run(now, &Action::Charge { name: 0, operation: 0, quantity: 1_500_000, late_by: None });
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
        let mut verifier = Verifier::new(ACCOUNT);
        books.entries.iter().for_each(|entry| verifier.push(entry).unwrap());
        let mut stored = books.stored();
        change(&mut stored);
        verifier.finish(&stored).map(|_| ()).map_err(|mismatch| mismatch.fault)
    };
    assert_eq!(finish(|_| {}), Ok(()));
    assert_eq!(finish(|stored| stored.seq = 2), Err(Fault::Head));
    assert_eq!(finish(|stored| stored.head = Digest([0; 32])), Err(Fault::Head));
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
