//! The tasks of one batch, decided in order: what each is answered, and what all of them add to the books.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use ledger::entry::{Entry, Movement};
use ledger::event::{EventKey, Priced, Report};
use ledger::grant::Grant;
use ledger::rate::Price;
use ledger::series::{BucketKey, Counted, Totals};
use ledger::wallet::Wallet;
use ledger::{AccountId, Credits, EventId, GrantId, KeyId, Month, Quantity, Timestamp};

use super::cache::{Cache, Loaded, Remembered};
use super::holds::History;
use super::job::{
    Charged, GrantRefusal, Granted, NewGrant, OverLimit, Quoted, Refusal, Submission, Unaffordable, Voided,
};
use super::limits::Refused;
use super::{Answer, Task};
use crate::store::posting::{Booked, Changes, GrantState, NumberedEntry, OpenedHold};
use crate::store::{Payer, PayerRow};

/// Tasks of a large batch whose entries are handed over together.
const PART: usize = 32;

pub(super) struct Batch<'c> {
    pub cache: &'c Cache,
    pub now: Timestamp,
    /// Of the events that the tasks name, those that are in the books.
    booked: HashMap<EventKey, Booked>,
    /// Those that this batch books.
    fresh: HashMap<&'c EventKey, Booked>,
    pub wallets: HashMap<i64, Wallet>,
    given: HashSet<(i64, String)>,
    /// The entries of the acts that closed holds, by account and the `seq` of the hold.
    pub closed: HashMap<(i64, u64), Vec<Entry>>,
    /// Events that may be corrected.
    pub histories: HashMap<EventKey, History>,
    pub remembered: Remembered,
    pub changes: Changes,
    /// Wallets that got an entry.
    changed: BTreeSet<i64>,
}

impl<'c> Batch<'c> {
    pub fn new(cache: &'c Cache, loaded: Loaded, tasks: usize) -> Self {
        let Loaded { now, booked, wallets, given, closed, histories, remembered } = loaded;
        Self {
            cache,
            now,
            booked,
            fresh: HashMap::with_capacity(tasks),
            wallets,
            given,
            closed,
            histories,
            remembered,
            changes: Changes { entries: Vec::with_capacity(tasks), ..Changes::default() },
            changed: BTreeSet::new(),
        }
    }

    /// Hands the entries of each part to `write`.
    pub fn decide_in_parts(
        &mut self,
        tasks: &'c [Task],
        write: &mut dyn FnMut(&[NumberedEntry]),
    ) -> Vec<Answer> {
        let mut answers = Vec::with_capacity(tasks.len());
        for part in tasks.chunks(PART) {
            let before = self.changes.entries.len();
            answers.extend(part.iter().map(|task| self.decide(task)));
            write(&self.changes.entries[before..]);
        }
        answers
    }

    /// The names of events and holds that are refused and not this batch's own.
    pub fn refused_names(&self, tasks: &'c [Task], answers: &[Answer]) -> Vec<&'c EventKey> {
        let is_refused = |answer: &Answer| matches!(answer, Answer::Charge(Err(_)) | Answer::Hold(Err(_)));
        let refused = tasks.iter().zip(answers).filter(|(_, answer)| is_refused(answer));
        let names = refused.filter_map(|(task, _)| task.named_event());
        names.filter(|name| !self.fresh.contains_key(name)).collect()
    }

    /// The event or hold of this name, if it is in the books or in this batch.
    pub fn booked(&self, name: &EventKey) -> Option<&Booked> {
        self.booked.get(name).or_else(|| self.fresh.get(name))
    }

    pub fn decide(&mut self, task: &'c Task) -> Answer {
        match task {
            Task::Charge(submission) => Answer::Charge(self.charge(submission)),
            Task::Check { service_key, payer, operation, quantity } => {
                Answer::Check(self.check(service_key, payer, operation, *quantity))
            }
            Task::Hold(request) => Answer::Hold(self.hold(request)),
            Task::Settle(closing, settlement) => Answer::Charge(self.settle(closing, settlement)),
            Task::Release(closing) => Answer::Release(self.release(closing)),
            Task::Correct(correction) => Answer::Correct(self.correct(correction).map(Box::new)),
            Task::Issue(account, grant) => Answer::Issue(self.issue(*account, grant)),
            Task::IssueOnce(account, grant) => Answer::Issue(self.issue_once(*account, grant)),
            Task::Void(grant, reason) => Answer::Void(self.void(*grant, reason)),
            Task::PostDues(account) => {
                if let Some(no) = self.cache.number(*account) {
                    self.open(no);
                }
                Answer::PostDues(true)
            }
        }
    }

    /// The order of checks is that of `ledger/README.md`.
    fn charge(&mut self, submission: &'c Submission) -> Result<Charged, Refusal> {
        let Submission { report, payer, service_key, debt_limit } = submission;
        if !self.cache.service_key_is_active(service_key) {
            return Err(Refusal::ServiceKeyRevoked);
        }
        let account = self.cache.payer(payer);
        if let Some(booked) = self.booked(&report.key) {
            return replay(report, account.map(|row| row.account), booked);
        }
        let row = self.may_spend(payer)?;
        let (no, account, api_key) =
            (row.account_no, row.account, row.key.as_ref().map(|key| key.id.clone()));
        report.check_time(self.now).map_err(Refusal::Time)?;
        let at = self.open(no).ok_or(Refusal::Failed)?;
        let event_time = report.event_time(at);
        let (price, price_version) = self.price(&report.operation, event_time)?;
        let credits = self.remembered.positions.cost(no, price, event_time, report.quantity)?;
        if row.has_limits {
            self.must_be_within_limits(no, api_key.as_ref(), event_time, credits)?;
        }
        let facts = report.clone().into_facts(Priced {
            credits,
            price_version,
            api_key,
            service_key: Some(service_key.clone()),
        });
        let wallet = self.wallets.get_mut(&no).ok_or(Refusal::Failed)?;
        let seq = wallet.seq;
        let entries = wallet
            .charge(at, facts, *debt_limit)
            .map_err(|shortfall| Refusal::Insufficient { shortfall, seq })?;
        let booked = self.book(no, account, report, entries);
        Ok(charged(&report.key, booked, false))
    }

    /// Takes the legs of a new event or hold into the batch.
    pub fn book(&mut self, no: i64, account: AccountId, report: &'c Report, legs: Vec<Entry>) -> &Booked {
        let (last_seq, balance) =
            legs.last().map_or((0, Credits::ZERO), |last| (last.seq, last.available_after));
        if !report.dimensions.pairs().is_empty() {
            let json = serde_json::to_string(report.dimensions.pairs()).unwrap_or_default();
            self.changes.dimensions.push((no, legs[0].seq, json));
            self.remembered.values.note(no, legs[0].seq, report.dimensions.pairs());
        }
        let place = self.changes.entries.len();
        self.record(no, legs);
        let entry = Arc::clone(&self.changes.entries[place].1);
        self.fresh.entry(&report.key).insert_entry(Booked { account, entry, last_seq, balance }).into_mut()
    }

    fn check(
        &mut self,
        service_key: &KeyId,
        payer: &Payer,
        operation: &str,
        quantity: Quantity,
    ) -> Result<Quoted, Refusal> {
        if !self.cache.service_key_is_active(service_key) {
            return Err(Refusal::ServiceKeyRevoked);
        }
        let row = self.may_spend(payer)?;
        let no = row.account_no;
        let at = self.open(no).ok_or(Refusal::Failed)?;
        let (price, _) = self.price(operation, at)?;
        let required = self.remembered.positions.cost(no, price, at, quantity)?;
        let key = row.key.as_ref().map(|key| &key.id);
        let wallet = self.wallets.get(&no).ok_or(Refusal::Failed)?;
        let allowed = match self.must_be_within_limits(no, key, at, required) {
            Ok(()) => wallet.can_pay(at, required).map_err(Unaffordable::Funds),
            Err(Refusal::LimitReached(over)) => Err(Unaffordable::Limit(over)),
            Err(refusal) => return Err(refusal),
        };
        Ok(Quoted { allowed, credits: required, balance: wallet.available(at), seq: wallet.seq })
    }

    fn issue(&mut self, account: AccountId, grant: &NewGrant) -> Result<Granted, GrantRefusal> {
        let no = self.cache.number(account).ok_or(GrantRefusal::UnknownAccount)?;
        let at = self.open(no).ok_or(GrantRefusal::Failed)?;
        let wallet = self.wallets.get_mut(&no).ok_or(GrantRefusal::Failed)?;
        let entries = wallet.issue(at, grant.amount, grant.facts.clone())?;
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
            return Err(GrantRefusal::Failed);
        };
        let grant_id = GrantId { account, seq: first.seq };
        let (balance, seq) = (last.available_after, last.seq);
        self.record(no, entries);
        Ok(Granted { grant_id, amount: grant.amount, facts: grant.facts.clone(), balance, seq })
    }

    fn issue_once(&mut self, account: AccountId, grant: &NewGrant) -> Result<Granted, GrantRefusal> {
        let no = self.cache.number(account).ok_or(GrantRefusal::UnknownAccount)?;
        let name = (no, grant.facts.source.clone());
        if self.given.contains(&name) {
            return Err(GrantRefusal::GivenBefore);
        }
        let granted = self.issue(account, grant)?;
        self.given.insert(name);
        Ok(granted)
    }

    fn void(&mut self, grant: GrantId, reason: &str) -> Result<Voided, GrantRefusal> {
        let no = self.cache.number(grant.account).ok_or(GrantRefusal::NothingLeft)?;
        let at = self.open(no).ok_or(GrantRefusal::Failed)?;
        let wallet = self.wallets.get_mut(&no).ok_or(GrantRefusal::Failed)?;
        let entries = wallet.void(at, grant.seq, reason.to_owned()).map_err(|_| GrantRefusal::NothingLeft)?;
        let Some(entry) = entries.first() else { return Err(GrantRefusal::Failed) };
        let voided =
            Voided { grant_id: grant, credits: entry.amount, balance: entry.available_after, seq: entry.seq };
        self.record(no, entries);
        Ok(voided)
    }

    /// The payer's account, when it may spend at all.
    pub fn may_spend(&self, payer: &Payer) -> Result<&'c PayerRow, Refusal> {
        let row = self.cache.payer(payer).ok_or(Refusal::UnknownPayer { field: payer.field() })?;
        if let Some(key) = &row.key {
            let is_expired = key.expires_at.is_some_and(|expires_at| expires_at <= self.now);
            if key.is_revoked || is_expired {
                return Err(Refusal::UnknownPayer { field: payer.field() });
            }
            if !key.may_write {
                return Err(Refusal::ReadOnlyKey);
            }
        }
        if row.is_suspended { Err(Refusal::Suspended) } else { Ok(row) }
    }

    /// Whether a key may spend so much more on something that happens at `at`, and so may those that it was made with.
    pub fn must_be_within_limits(
        &self,
        no: i64,
        key: Option<&KeyId>,
        at: Timestamp,
        more: Credits,
    ) -> Result<(), Refusal> {
        self.remembered.spending.check(no, key, at, more).map_err(|refused| {
            let (Refused::Limit(reached), Some(wallet)) = (refused, self.wallets.get(&no)) else {
                return Refusal::Failed;
            };
            let balance = wallet.available(self.now.max(wallet.recorded_at));
            Refusal::LimitReached(Box::new(OverLimit { reached, required: more, balance, seq: wallet.seq }))
        })
    }

    pub fn price(&self, operation: &str, at: Timestamp) -> Result<(&'c Price, u32), Refusal> {
        let card = self.cache.cards().ok_or(Refusal::Failed)?.at(at);
        let unknown = || Refusal::UnknownOperation { operation: operation.to_owned() };
        Ok((card.price(operation).ok_or_else(unknown)?, card.version))
    }

    /// Posts what has fallen due in an account; the instant to record with.
    pub fn open(&mut self, no: i64) -> Option<Timestamp> {
        let (at, fallen_due) = self.wallets.get_mut(&no)?.advance(self.now);
        self.record(no, fallen_due);
        Some(at)
    }

    /// Takes whole acts into the batch.
    pub fn record(&mut self, no: i64, entries: Vec<Entry>) {
        for act in entries.chunk_by(|_, next| next.leg > 0) {
            if let Some(first) = act.first() {
                self.note(no, first, act);
            }
        }
        if !entries.is_empty() {
            self.changed.insert(no);
        }
        self.changes.entries.extend(entries.into_iter().map(|entry| (no, Arc::new(entry))));
    }

    /// What an act changes besides the wallet.
    fn note(&mut self, no: i64, first: &Entry, act: &[Entry]) {
        let Remembered { positions, spending, values, .. } = &mut self.remembered;
        if let Some(counted) = Counted::of(first) {
            values.count(no, first, &counted, &mut self.changes.values);
            match counted {
                Counted::Used(bucket, totals) => add(&mut self.changes.rollups, (no, bucket), totals),
                Counted::TakenBack(bucket, totals) => {
                    add(&mut self.changes.taken_back, (no, bucket), totals);
                }
            }
        }
        if let Some(event) = &first.event {
            let at = event.event_time(first.recorded_at);
            let before = first.revises.as_ref().map(|revises| revises.quantity);
            positions.count(no, Month::of(at), &event.operation, before, event.quantity);
            let cost_before = first.revises.as_ref().map_or(Credits::ZERO, |revises| revises.credits);
            spending.count(no, event.api_key.as_ref(), at, cost_before, event.credits);
        }
        if let Some(deadline) = first.deadline {
            self.changes.opened_holds.insert((no, first.seq), OpenedHold { legs: act.len(), deadline });
        }
        if let (Movement::Settle | Movement::Release, Some(hold)) = (first.movement, &first.revises) {
            let key = (no, hold.of);
            if self.changes.opened_holds.remove(&key).is_none() {
                self.changes.closed_holds.insert(key);
            }
            self.closed.insert(key, act.to_vec());
        }
    }

    /// What is to be written: the entries, and the last state of all they moved. And what is to be remembered.
    pub fn finish(mut self) -> (Changes, Remembered) {
        let (mut issued, mut moved) = (BTreeSet::new(), BTreeSet::new());
        for (no, entry) in &self.changes.entries {
            let Some(seq) = entry.grant else { continue };
            let grants = if entry.movement == Movement::Issue { &mut issued } else { &mut moved };
            grants.insert((*no, seq));
        }
        for (no, seq) in issued.union(&moved) {
            let Some(grant) = self.wallets.get(no).and_then(|wallet| wallet.grant(*seq)) else { continue };
            if issued.contains(&(*no, *seq)) {
                self.changes.issued.push((*no, grant.clone()));
            } else {
                let Grant { remaining, repaid, .. } = *grant;
                let state = GrantState { remaining, repaid, void_reason: grant.void_reason.clone() };
                self.changes.grants.insert((*no, *seq), state);
            }
        }
        for no in self.changed {
            if let Some(mut wallet) = self.wallets.remove(&no) {
                wallet.forget_used();
                self.changes.wallets.insert(no, wallet);
            }
        }
        self.remembered.wallets = self.wallets;
        (self.changes, self.remembered)
    }
}

fn add(sums: &mut BTreeMap<(i64, BucketKey), Totals>, key: (i64, BucketKey), totals: Totals) {
    let sum = sums.entry(key).or_default();
    *sum = sum.plus(totals);
}

/// The answer to a report whose name is in the books.
fn replay(report: &Report, account: Option<AccountId>, booked: &Booked) -> Result<Charged, Refusal> {
    let Some(event) = &booked.entry.event else { return Err(Refusal::Failed) };
    if booked.entry.movement == Movement::Hold {
        return Err(Refusal::Conflict { fields: vec!["id"] });
    }
    let fields = report.differences(account, booked.account, event);
    if fields.is_empty() { Ok(charged(&report.key, booked, true)) } else { Err(Refusal::Conflict { fields }) }
}

pub(super) fn charged(key: &EventKey, booked: &Booked, replayed: bool) -> Charged {
    let event = booked.entry.event.as_ref();
    Charged {
        event_id: EventId { account: booked.account, seq: booked.entry.seq },
        source: key.source().to_owned(),
        id: key.id().to_owned(),
        credits: event.map_or(Credits::ZERO, |event| event.credits),
        balance: booked.balance,
        seq: booked.last_seq,
        replayed,
        price_version: event.map_or(0, |event| event.price_version),
    }
}
