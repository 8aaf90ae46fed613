//! How much of an operation an account has been charged for in a calendar month: where graduated prices go on from.
//!
//! Only operations that some version of the rate card prices by the month are followed, and all their events are,
//! whatever the version that prices them.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use ledger::rate::{Price, Pricing, RateCards};
use ledger::wallet::Wallet;
use ledger::{Credits, Month, Quantity, Timestamp};

use super::Task;
use super::cache::Cache;
use super::job::Refusal;
use crate::store::posting::Posting;
use crate::store::{MonthOf, StoreError};

/// Quantities by account number, month and operation.
#[derive(Debug, Default, Clone)]
pub(super) struct Positions {
    known: HashMap<(i64, Month), HashMap<String, Quantity>>,
    /// Months that have changed without being here.
    outdated: HashSet<(i64, Month)>,
}

impl Positions {
    /// The months of accounts that are known.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    pub fn clear(&mut self) {
        self.known.clear();
    }

    /// Forgets all months of these accounts.
    pub fn forget(&mut self, accounts: &HashSet<i64>) {
        if !accounts.is_empty() {
            self.known.retain(|(no, _), _| !accounts.contains(no));
        }
    }

    pub fn get(&self, account_no: i64, month: Month, operation: &str) -> Option<Quantity> {
        self.known.get(&(account_no, month))?.get(operation).copied()
    }

    pub fn set(&mut self, month: MonthOf, quantity: Quantity) {
        let MonthOf { account_no, operation, month } = month;
        self.known.entry((account_no, month)).or_default().insert(operation, quantity);
    }

    /// Counts an event or hold, where its operation is followed; `before` is what it counted with if it was there before.
    pub fn count(
        &mut self,
        account_no: i64,
        month: Month,
        operation: &str,
        before: Option<Quantity>,
        now: Quantity,
    ) {
        let key = (account_no, month);
        if let Some(known) = self.known.get_mut(&key).and_then(|of| of.get_mut(operation)) {
            *known = known.saturating_sub(before.unwrap_or_default()).saturating_add(now);
        } else if before.is_some() {
            // What is new has asked for its month. What isn't has not, but the month may be remembered.
            self.outdated.insert(key);
        }
    }

    /// What an event would cost the account now.
    pub fn cost(
        &self,
        account_no: i64,
        price: &Price,
        event_time: Timestamp,
        quantity: Quantity,
    ) -> Result<Credits, Refusal> {
        let quote = match price.pricing {
            Pricing::Graduated { .. } => {
                let before = self.get(account_no, Month::of(event_time), &price.operation);
                price.quote_after(before.ok_or(Refusal::Failed)?, quantity)
            }
            _ => price.quote(quantity),
        };
        quote.map(|quote| quote.credits).map_err(|_| Refusal::TooDear)
    }

    /// Takes over what another knows better.
    pub fn extend(&mut self, other: Self) {
        for month in other.outdated {
            self.known.remove(&month);
        }
        for (month, quantities) in other.known {
            match self.known.entry(month) {
                Entry::Occupied(mut known) => known.get_mut().extend(quantities),
                Entry::Vacant(unknown) => {
                    unknown.insert(quantities);
                }
            }
        }
    }
}

/// The operations that any version of the rate card prices by the month.
pub(super) fn followed(cards: &RateCards) -> HashSet<String> {
    cards.graduated().map(str::to_owned).collect()
}

impl Cache {
    /// The positions that the tasks may need: copies to work on. `wallets` says when each account's next entry is recorded.
    pub(super) async fn load_positions(
        &mut self,
        posting: &mut Posting<'_>,
        tasks: &[Task],
        wallets: &HashMap<i64, Wallet>,
        now: Timestamp,
    ) -> Result<Positions, StoreError> {
        let mut needed = Positions::default();
        if self.followed.is_empty() {
            return Ok(needed);
        }
        let months: HashSet<MonthOf> =
            tasks.iter().filter_map(|task| self.month_of(task, wallets, now)).collect();
        let mut missing = vec![];
        for month in months {
            match self.positions.get(month.account_no, month.month, &month.operation) {
                Some(known) => needed.set(month, known),
                None => missing.push(month),
            }
        }
        if !missing.is_empty() {
            let found = posting.used_in_months(&missing).await?;
            for (month, quantity) in missing.into_iter().zip(found) {
                self.positions.set(month.clone(), quantity);
                needed.set(month, quantity);
            }
        }
        Ok(needed)
    }

    /// The month that a task's price may depend on.
    fn month_of(&self, task: &Task, wallets: &HashMap<i64, Wallet>, now: Timestamp) -> Option<MonthOf> {
        let (payer, operation, occurred_at) = match task {
            Task::Charge(submission) => {
                let report = &submission.report;
                report.check_time(now).ok()?;
                (&submission.payer, &report.operation, report.occurred_at)
            }
            Task::Check { payer, operation, .. } => (payer, operation, None),
            Task::Hold(request) => (&request.payer, &request.report.operation, None),
            _ => return None,
        };
        let operation = self.followed.get(operation)?.clone();
        let account_no = self.payer(payer)?.account_no;
        let at = now.max(wallets.get(&account_no)?.recorded_at);
        Some(MonthOf { account_no, operation, month: Month::of(occurred_at.unwrap_or(at)) })
    }
}
