//! An account's books, recomputed on its owner's wish.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use ledger::AccountId;
use ledger::verify::{Mismatch, Verified};

use super::{Console, Error};
use crate::store::VerifyError;

/// The accounts whose books are being recomputed for their owners. It reads all entries, so one at a time is enough.
#[derive(Debug, Default)]
pub struct Verifications(Mutex<HashSet<i64>>);

/// The account's turn, until it is dropped: also when the reader hangs up.
#[derive(Debug)]
pub struct Turn<'a> {
    all: &'a Verifications,
    account_no: i64,
}

impl Verifications {
    /// `None` while another one of the same account runs.
    pub fn begin(&self, account_no: i64) -> Option<Turn<'_>> {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_free = running.insert(account_no);
        // Not `then_some`: a turn that is made is one that ends.
        is_free.then(|| Turn { all: self, account_no })
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.all.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.account_no);
    }
}

impl Console {
    /// Recomputes the account's books with the code of `plexe-console verify`: what was found in order, or the first
    /// mismatch.
    ///
    /// # Errors
    /// [`Error::LimitExceeded`] while another verification of the same account runs.
    pub async fn verify_books(
        &self,
        account_no: i64,
        account: AccountId,
    ) -> Result<Result<Verified, Mismatch>, Error> {
        let _turn = self.verifications.begin(account_no).ok_or(Error::LimitExceeded {
            message: "The books of this account are being verified already; one verification runs at a time.",
            retry_after_s: 1,
        })?;
        match self.store.verify_account(account_no, account).await {
            Ok(found) => Ok(Ok(found)),
            Err(VerifyError::Mismatch(mismatch)) => Ok(Err(mismatch)),
            Err(VerifyError::Store(error)) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_account_has_one_turn_at_a_time() {
        let all = Verifications::default();
        let turn = all.begin(1);
        assert!(turn.is_some() && all.begin(1).is_none());
        assert!(all.begin(2).is_some(), "another account waits for nobody");
        drop(turn);
        assert!(all.begin(1).is_some());
    }
}
