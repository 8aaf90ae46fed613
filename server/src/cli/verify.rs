//! The books of all accounts, recomputed: of a store that is served, and of a copy before anybody relies on it.

use std::num::NonZero;

use futures::{StreamExt as _, stream};
use ledger::verify::Verified;
use ledger::{AccountId, Credits};

use super::admin::AdminError;
use super::command::{MismatchView, Verdict};
use crate::console::{Error, Reasons};
use crate::store::{AccountRow, Store, VerifyError};

/// Accounts that are listed at a time.
const ACCOUNTS: u32 = 500;

/// Recomputes the books of one account, or of all. Stops at the first mismatch: what is summed up then is what was in order before it.
pub async fn verify(store: &Store, account: Option<AccountId>) -> Result<Verdict, AdminError> {
    let mut verdict = Verdict {
        ok: true,
        accounts: 0,
        entries: 0,
        issued: Credits::ZERO,
        remaining: Credits::ZERO,
        spent: Credits::ZERO,
        expired: Credits::ZERO,
        voided: Credits::ZERO,
        held: Credits::ZERO,
        debt: Credits::ZERO,
        mismatch: None,
    };
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let mut after = 0;
    loop {
        let accounts = match account {
            Some(id) => vec![get_account(store, id).await?],
            None => store.list_accounts(after, ACCOUNTS).await?,
        };
        let verify = |row: &AccountRow| store.verify_account(row.no, row.id);
        let mut verified = stream::iter(accounts.iter().map(verify)).buffered(cores);
        while let Some(found) = verified.next().await {
            match found {
                Ok(found) => add(&mut verdict, &found),
                Err(VerifyError::Store(error)) => return Err(error.into()),
                Err(VerifyError::Mismatch(found)) => {
                    let fault = found.fault.to_string();
                    verdict.ok = false;
                    verdict.mismatch =
                        Some(MismatchView { account_id: found.account, seq: found.seq, fault });
                    return Ok(verdict);
                }
            }
        }
        match accounts.last() {
            Some(last) if account.is_none() => after = last.no,
            _ => return Ok(verdict),
        }
    }
}

async fn get_account(store: &Store, id: AccountId) -> Result<AccountRow, AdminError> {
    let unknown = || Error::NotFound { details: Reasons::from([("account".into(), "is unknown".into())]) };
    Ok(store.find_account(id).await?.ok_or_else(unknown)?)
}

/// A figure above what can be counted stays at the end of its range: large books are in order all the same.
fn add(verdict: &mut Verdict, found: &Verified) {
    let gone = Credits::sum([found.spent, found.expired, found.voided, found.held]);
    let came = found.issued.checked_add(found.debt);
    let remaining = gone.zip(came).and_then(|(gone, came)| came.checked_sub(gone));
    for (sum, part) in [
        (&mut verdict.issued, Some(found.issued)),
        (&mut verdict.spent, Some(found.spent)),
        (&mut verdict.expired, Some(found.expired)),
        (&mut verdict.voided, Some(found.voided)),
        (&mut verdict.held, Some(found.held)),
        (&mut verdict.debt, Some(found.debt)),
        (&mut verdict.remaining, remaining),
    ] {
        *sum = part.and_then(|part| sum.checked_add(part)).unwrap_or(Credits::MAX);
    }
    verdict.accounts += 1;
    verdict.entries += found.entries;
}
