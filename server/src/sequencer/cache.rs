//! What the sequencer remembers between batches. One process owns a SQLite file, so nobody else changes a wallet; on a
//! database that servers share, what is remembered of a wallet counts while its last entry is still the same. Users, keys and
//! cards are forgotten whenever one of them changes.

use std::collections::{BTreeSet, HashMap, HashSet, hash_map};

use ledger::entry::{Entry, Movement};
use ledger::event::EventKey;
use ledger::rate::RateCards;
use ledger::wallet::Wallet;
use ledger::{AccountId, KeyId, Timestamp};

use super::Task;
use super::holds::History;
use super::limits::Spending;
use super::positions::{Positions, followed};
use super::values::Values;
use crate::clock::Clock;
use crate::store::posting::{Booked, Locked, Posting};
use crate::store::{Payer, PayerRow, StoreError};

/// Wallets, payers, and months of accounts that are kept at most; past it all are forgotten and read again as needed.
const LIMIT: usize = 100_000;

/// Batches whose names are looked up beforehand after one in which some were in the books: who repeats one event repeats
/// more.
const WARY: u8 = 16;

/// Everything that was read before and is still true.
#[derive(Debug, Default)]
pub(super) struct Cache {
    epoch: u64,
    /// Batches that are still to be looked up beforehand.
    wary: u8,
    cards: Option<RateCards>,
    payers: HashMap<Payer, Option<PayerRow>>,
    service_keys: HashMap<KeyId, bool>,
    numbers: HashMap<AccountId, Option<i64>>,
    wallets: HashMap<i64, Wallet>,
    /// Operations whose positions matter; belongs to `cards`.
    pub(super) followed: HashSet<String>,
    pub(super) positions: Positions,
    pub(super) spending: Spending,
    /// Whether `values` says what is declared.
    knows_dimensions: bool,
    pub(super) values: Values,
}

/// What a batch reads before it decides.
#[derive(Debug)]
pub(super) struct Loaded {
    /// The instant to record with.
    pub now: Timestamp,
    pub booked: HashMap<EventKey, Booked>,
    /// By account number. They are not in the cache until the batch is committed, so that a batch that fails leaves nothing
    /// but what is in the books.
    pub wallets: HashMap<i64, Wallet>,
    /// Of the grants that are given once: which account has had which source.
    pub given: HashSet<(i64, String)>,
    /// The entries of the acts that closed holds, by account and the `seq` of the hold.
    pub closed: HashMap<(i64, u64), Vec<Entry>>,
    /// Events that may be corrected; the wallets know the grants that they may give back to.
    pub histories: HashMap<EventKey, History>,
    pub remembered: Remembered,
}

/// What the sequencer knows besides changed wallets, to be kept once the batch is committed.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    /// Those that got no entry.
    pub wallets: HashMap<i64, Wallet>,
    pub positions: Positions,
    pub spending: Spending,
    pub values: Values,
}

impl Cache {
    /// Whether names that services give to events are taken for new until they turn out not to be.
    pub(super) fn trusts_names(&self, posting: &Posting<'_>) -> bool {
        self.wary == 0 && posting.is_alone()
    }

    /// Takes note of whether a batch had names that are in the books.
    pub(super) fn note_names(&mut self, were_known: bool) {
        self.wary = if were_known { WARY } else { self.wary.saturating_sub(1) };
    }

    /// Reads what the tasks need and is not known yet. Once its accounts are locked, nobody else moves them. Of trusted names
    /// only those are looked up that must be known.
    pub(super) async fn load(
        &mut self,
        posting: &mut Posting<'_>,
        tasks: &[Task],
        clock: &dyn Clock,
        trusts_names: bool,
    ) -> Result<Loaded, StoreError> {
        self.forget_old(posting.epoch());
        self.load_cards(posting).await?;
        self.load_dimensions(posting).await?;
        let mut limited = HashSet::new();
        let mut accounts = self.load_parties(posting, tasks, &mut limited).await?;
        let mut booked = posting.find_booked(&names(tasks, |task| matches!(task, Task::Correct(_)))).await?;
        for booked in tasks.iter().filter_map(|task| task.corrected(&booked)) {
            accounts.extend(self.load_number(posting, booked.account).await?);
        }
        let now = self.lock(posting, &accounts, clock).await?;
        // Not before: what another server charges meanwhile would be refused for want of what it has cost.
        if !trusts_names {
            booked
                .extend(posting.find_booked(&names(tasks, |task| !matches!(task, Task::Correct(_)))).await?);
        }
        let given = self.load_given(posting, tasks).await?;
        let histories = self.load_histories(posting, tasks, &booked).await?;
        let mut wallets = self.load_wallets(posting, &accounts).await?;
        remember_payers(posting, &histories, &mut wallets).await?;
        let closed = self.load_closed(posting, tasks, &wallets).await?;
        let positions = self.load_positions(posting, tasks, &wallets, now).await?;
        let spending = self.load_spending(posting, tasks, &limited, &wallets, now).await?;
        let values = self.load_values(posting, tasks, &histories, &wallets, now).await?;
        let remembered = Remembered { positions, spending, values, ..Remembered::default() };
        Ok(Loaded { now, booked, wallets, given, closed, histories, remembered })
    }

    /// Service keys and payers; the accounts that the tasks are about. Those that something is spent from and that have a
    /// limit are `limited`.
    async fn load_parties(
        &mut self,
        posting: &mut Posting<'_>,
        tasks: &[Task],
        limited: &mut HashSet<i64>,
    ) -> Result<HashSet<(i64, AccountId)>, StoreError> {
        let mut accounts = HashSet::new();
        for task in tasks {
            match task {
                Task::Charge(submission) => {
                    self.load_service_key(posting, &submission.service_key).await?;
                    accounts.extend(self.load_payer(posting, &submission.payer, limited).await?);
                }
                Task::Hold(request) => {
                    self.load_service_key(posting, &request.service_key).await?;
                    accounts.extend(self.load_payer(posting, &request.payer, limited).await?);
                }
                Task::Settle(closing, _) | Task::Release(closing) => {
                    self.load_service_key(posting, &closing.service_key).await?;
                    self.load_payer(posting, &Payer::Account(closing.hold.account), limited).await?;
                    accounts.extend(self.load_number(posting, closing.hold.account).await?);
                }
                Task::Correct(correction) => self.load_service_key(posting, &correction.service_key).await?,
                Task::Check { service_key, payer, .. } => {
                    self.load_service_key(posting, service_key).await?;
                    accounts.extend(self.load_payer(posting, payer, limited).await?);
                }
                Task::Issue(account, _) | Task::IssueOnce(account, _) | Task::PostDues(account) => {
                    accounts.extend(self.load_number(posting, *account).await?);
                }
                Task::Void(grant, _) => accounts.extend(self.load_number(posting, grant.account).await?),
            }
        }
        Ok(accounts)
    }

    /// Locks the accounts and forgets what other servers have moved since they were locked last; the instant to record with.
    async fn lock(
        &mut self,
        posting: &mut Posting<'_>,
        accounts: &HashSet<(i64, AccountId)>,
        clock: &dyn Clock,
    ) -> Result<Timestamp, StoreError> {
        let numbers: BTreeSet<i64> = accounts.iter().map(|(no, _)| *no).collect();
        let Locked { heads, now } = posting.lock(&numbers, clock).await?;
        if let Some(heads) = heads {
            // By the hash as well: a database that has lost entries may have others of the same numbers by now.
            let is_old = |no: &i64| {
                let known = self.wallets.get(no).map(|known| (known.seq, known.head));
                known.is_none() || known != heads.get(no).copied()
            };
            let old: HashSet<i64> = numbers.into_iter().filter(is_old).collect();
            for no in &old {
                self.wallets.remove(no);
            }
            self.positions.forget(&old);
            self.spending.forget(&old);
            self.values.forget(&old);
        }
        Ok(now)
    }

    /// Which of the grants that are given once have been.
    async fn load_given(
        &mut self,
        posting: &mut Posting<'_>,
        tasks: &[Task],
    ) -> Result<HashSet<(i64, String)>, StoreError> {
        let mut given = HashSet::new();
        for task in tasks {
            if let Task::IssueOnce(account, grant) = task
                && let Some((no, _)) = self.load_number(posting, *account).await?
                && posting.has_grant_of(no, &grant.facts.source).await?
            {
                given.insert((no, grant.facts.source.clone()));
            }
        }
        Ok(given)
    }

    async fn load_cards(&mut self, posting: &mut Posting<'_>) -> Result<(), StoreError> {
        if self.cards.is_none() {
            let cards = posting.rate_cards().await?;
            self.followed = followed(&cards);
            self.cards = Some(cards);
        }
        Ok(())
    }

    async fn load_dimensions(&mut self, posting: &mut Posting<'_>) -> Result<(), StoreError> {
        if !self.knows_dimensions {
            let mut kept = posting.kept_dimensions().await?;
            kept.sort_unstable();
            if !self.values.are_of(&kept) {
                self.values = Values::of(kept);
            }
            self.knows_dimensions = true;
        }
        Ok(())
    }

    /// The events that tasks correct, as they are in the books.
    async fn load_histories(
        &mut self,
        posting: &mut Posting<'_>,
        tasks: &[Task],
        booked: &HashMap<EventKey, Booked>,
    ) -> Result<HashMap<EventKey, History>, StoreError> {
        let mut histories = HashMap::new();
        for task in tasks {
            if let Task::Correct(correction) = task
                && let Some(booked) = task.corrected(booked)
                && let Some((no, _)) = self.load_number(posting, booked.account).await?
            {
                let history = history(posting, no, booked).await?;
                histories.extend(history.map(|history| (correction.event.clone(), history)));
            }
        }
        Ok(histories)
    }

    /// What closed the holds that tasks are about and that aren't open.
    async fn load_closed(
        &self,
        posting: &mut Posting<'_>,
        tasks: &[Task],
        wallets: &HashMap<i64, Wallet>,
    ) -> Result<HashMap<(i64, u64), Vec<Entry>>, StoreError> {
        let mut closed = HashMap::new();
        for task in tasks {
            let (Task::Settle(closing, _) | Task::Release(closing)) = task else { continue };
            let Some(no) = self.number(closing.hold.account) else { continue };
            let seq = closing.hold.seq;
            let is_open =
                wallets.get(&no).is_some_and(|wallet| wallet.holds().iter().any(|hold| hold.seq == seq));
            if !is_open && let Some(act) = posting.revisions(no, seq).await?.into_iter().next() {
                closed.insert((no, seq), act);
            }
        }
        Ok(closed)
    }

    /// Remembers what was committed.
    pub(super) fn keep(&mut self, wallets: HashMap<i64, Wallet>, remembered: Remembered) {
        self.wallets.extend(wallets);
        self.wallets.extend(remembered.wallets);
        self.positions.extend(remembered.positions);
        self.spending.keep(remembered.spending);
        self.values.keep(remembered.values);
    }

    pub(super) fn cards(&self) -> Option<&RateCards> {
        self.cards.as_ref()
    }

    pub(super) fn payer(&self, payer: &Payer) -> Option<&PayerRow> {
        self.payers.get(payer)?.as_ref()
    }

    pub(super) fn service_key_is_active(&self, key: &KeyId) -> bool {
        self.service_keys.get(key).copied().unwrap_or(false)
    }

    pub(super) fn number(&self, account: AccountId) -> Option<i64> {
        self.numbers.get(&account).copied().flatten()
    }

    /// Everything is read again: something that was known is not so.
    pub(super) fn forget(&mut self) {
        self.forget_parties();
        self.wallets.clear();
        self.positions.clear();
        self.values = Values::default();
    }

    fn forget_parties(&mut self) {
        self.cards = None;
        self.knows_dimensions = false;
        self.payers.clear();
        self.spending.clear();
        self.service_keys.clear();
        self.numbers.clear();
    }

    fn forget_old(&mut self, epoch: u64) {
        if self.epoch != epoch || self.payers.len() > LIMIT {
            self.epoch = epoch;
            self.forget_parties();
        }
        if self.wallets.len() > LIMIT {
            self.wallets.clear();
        }
        if self.positions.len() > LIMIT {
            self.positions.clear();
        }
    }

    async fn load_service_key(&mut self, posting: &mut Posting<'_>, key: &KeyId) -> Result<(), StoreError> {
        if !self.service_keys.contains_key(key) {
            let is_active = posting.service_key_is_active(key).await?;
            self.service_keys.insert(key.clone(), is_active);
        }
        Ok(())
    }

    async fn load_payer(
        &mut self,
        posting: &mut Posting<'_>,
        payer: &Payer,
        limited: &mut HashSet<i64>,
    ) -> Result<Option<(i64, AccountId)>, StoreError> {
        if !self.payers.contains_key(payer) {
            let found = posting.find_payer(payer).await?;
            self.payers.insert(payer.clone(), found);
        }
        let row = self.payer(payer);
        limited.extend(row.filter(|row| row.has_limits).map(|row| row.account_no));
        Ok(row.map(|row| (row.account_no, row.account)))
    }

    async fn load_number(
        &mut self,
        posting: &mut Posting<'_>,
        account: AccountId,
    ) -> Result<Option<(i64, AccountId)>, StoreError> {
        let no = match self.numbers.entry(account) {
            hash_map::Entry::Occupied(known) => *known.get(),
            hash_map::Entry::Vacant(unknown) => *unknown.insert(posting.find_account_no(account).await?),
        };
        Ok(no.map(|no| (no, account)))
    }

    async fn load_wallets(
        &mut self,
        posting: &mut Posting<'_>,
        accounts: &HashSet<(i64, AccountId)>,
    ) -> Result<HashMap<i64, Wallet>, StoreError> {
        let mut wallets = HashMap::with_capacity(accounts.len());
        let mut missing = vec![];
        for (no, account) in accounts {
            match self.wallets.remove(no) {
                Some(wallet) => drop(wallets.insert(*no, wallet)),
                None => missing.push((*no, *account)),
            }
        }
        if !missing.is_empty() {
            wallets.extend(posting.wallets(&missing).await?);
        }
        Ok(wallets)
    }
}

/// The names of events that some of the tasks report or correct.
fn names(tasks: &[Task], is_asked: impl Fn(&&Task) -> bool) -> Vec<&EventKey> {
    tasks.iter().filter(is_asked).filter_map(Task::named_event).collect()
}

impl Task {
    /// The name of the event that it reports or corrects.
    pub(super) fn named_event(&self) -> Option<&EventKey> {
        match self {
            Self::Charge(submission) => Some(&submission.report.key),
            Self::Hold(request) => Some(&request.report.key),
            Self::Correct(correction) => Some(&correction.event),
            _ => None,
        }
    }

    /// The event that it corrects.
    fn corrected<'b>(&self, booked: &'b HashMap<EventKey, Booked>) -> Option<&'b Booked> {
        match self {
            Self::Correct(correction) => booked.get(&correction.event),
            _ => None,
        }
    }
}

/// Lets the wallets know the grants that corrections may give back to.
async fn remember_payers(
    posting: &mut Posting<'_>,
    histories: &HashMap<EventKey, History>,
    wallets: &mut HashMap<i64, Wallet>,
) -> Result<(), StoreError> {
    for history in histories.values() {
        let paid = history.paid();
        let grants: BTreeSet<u64> = paid.grants().collect();
        let Some(wallet) = wallets.get_mut(&history.account_no) else { continue };
        for grant in posting.grants(history.account_no, &grants, paid.was_owed()).await? {
            wallet.remember(grant);
        }
    }
    Ok(())
}

/// An event as it may be corrected; `None` for a hold that hasn't become one.
async fn history(
    posting: &mut Posting<'_>,
    account_no: i64,
    booked: &Booked,
) -> Result<Option<History>, StoreError> {
    let legs = if booked.entry.movement == Movement::Hold {
        posting.revisions(account_no, booked.entry.seq).await?.into_iter().next().unwrap_or_default()
    } else {
        posting.act(account_no, booked.entry.seq.cast_signed()).await?
    };
    let Some(first) = legs.first().filter(|first| first.movement.uses()) else { return Ok(None) };
    let corrections = posting.revisions(account_no, first.seq).await?;
    Ok(Some(History { account_no, account: booked.account, legs, corrections }))
}
