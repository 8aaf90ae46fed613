//! The access log: what was done to a user's account, from where and with what, for them to read.
//!
//! Whatever does such a thing calls [`Console::note_access`] once it is done. What must cost its request nothing (a key's use, and
//! failed sign-ins, which must take as long as those of nobody) is said by [`Console::note_access_later`] and written soon.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use ledger::time::DAY;
use ledger::{KeyId, Timestamp, UserId};

use super::labels::key_label;
use super::{Console, Error};
use crate::auth::Whence;
use crate::store::{Access, AccessRow, ApiKeyRow, NewAccess, StoreError};

/// Rows that wait to be written; past them the newest are lost, and the log of the server says so.
const WAITING: usize = 10_000;
/// Keys whose uses of a day are remembered, and addresses of each; past them the log asks the store.
const KEYS: usize = 100_000;
const ADDRESSES: usize = 100;

/// What waits to be written, and which uses of keys are in it or behind it already.
#[derive(Debug, Default)]
pub struct Accesses {
    waiting: Mutex<Vec<NewAccess>>,
    uses: Mutex<Uses>,
    /// Held while rows are on their way to the store.
    writing: tokio::sync::Mutex<()>,
}

/// From where each key was used today (UTC).
#[derive(Debug, Default)]
struct Uses {
    day: i64,
    of: HashMap<KeyId, Vec<Option<IpAddr>>>,
}

impl Uses {
    /// Whether it is the first from there today.
    fn is_first(&mut self, key: &KeyId, from: Option<IpAddr>, now: Timestamp) -> bool {
        let day = now.micros().div_euclid(DAY);
        if self.day != day || self.of.len() >= KEYS {
            self.day = day;
            self.of.clear();
        }
        let Some(known) = self.of.get_mut(key) else {
            self.of.insert(key.clone(), vec![from]);
            return true;
        };
        if known.contains(&from) {
            return false;
        }
        if known.len() >= ADDRESSES {
            known.clear();
        }
        known.push(from);
        true
    }
}

impl Accesses {
    fn wait(&self, new: NewAccess) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < WAITING {
            waiting.push(new);
        } else {
            tracing::warn!(user = %new.user_id, kind = new.access.name(), "the access log is behind: a row was lost");
        }
    }
}

impl Console {
    /// Notes what was done to a user's account by the request that is being answered: `about` which way, key or e-mail, or about
    /// nothing in particular (empty). It is on disk when this returns; what can't be written now is written later, and no reason
    /// to fail.
    pub async fn note_access(&self, user: UserId, access: Access, about: &str) {
        self.note_access_later(user, access, about);
        self.write_accesses().await;
    }

    /// The same, written soon: the request does not wait for it.
    pub fn note_access_later(&self, user: UserId, access: Access, about: &str) {
        self.accesses.wait(self.access(user, access, about));
    }

    /// A row for a change that writes it itself.
    pub(super) fn access(&self, user_id: UserId, access: Access, about: &str) -> NewAccess {
        NewAccess { at: self.clock.now(), user_id, access, about: about.to_owned(), whence: Whence::here() }
    }

    /// A customer's key was used: the log gets the first use of each day and address.
    pub(crate) fn note_key_use(&self, key: &ApiKeyRow) {
        let mut uses = self.accesses.uses.lock().unwrap_or_else(PoisonError::into_inner);
        if uses.is_first(&key.id, Whence::here().address, self.clock.now()) {
            drop(uses);
            self.note_access_later(key.user_id, Access::KeyUsed, &key_label(key));
        }
    }

    /// Writes what waits. Whoever reads afterwards sees all that was noted before the call.
    pub async fn write_accesses(&self) {
        // A caller who leaves meanwhile must not take the rows along.
        let console = self.clone();
        let written = tokio::spawn(async move {
            if let Err(error) = console.try_write_accesses().await {
                tracing::warn!(%error, "the access log could not be written");
            }
        });
        if let Err(error) = written.await {
            tracing::error!(%error, "the writer of the access log has died");
        }
    }

    async fn try_write_accesses(&self) -> Result<(), StoreError> {
        let _in_turn = self.accesses.writing.lock().await;
        let waiting = || self.accesses.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let new = std::mem::take(&mut *waiting());
        if new.is_empty() {
            return Ok(());
        }
        let written = self.store.insert_accesses(&new).await;
        if written.is_err() {
            waiting().splice(0..0, new);
        }
        written
    }

    /// A page of a user's log, the newest first, of what came before row `before`.
    pub async fn list_accesses(
        &self,
        user: UserId,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AccessRow>, Error> {
        self.write_accesses().await;
        Ok(self.store.list_accesses(user, before, limit).await?)
    }

    /// Deletes what is older than the log is kept.
    pub async fn forget_old_accesses(&self) -> Result<(), StoreError> {
        let before = self.clock.now().saturating_add(-self.config.account_life.access_log());
        while self.store.delete_old_accesses(before).await? {}
        Ok(())
    }
}

/// What was done, as its user reads it.
pub fn words(access: Access, about: &str) -> String {
    let (words, joint) = match access {
        Access::SignedIn => ("Signed in", " with "),
        Access::SignInFailed => ("Sign-in failed: wrong password", " "),
        Access::SignedOut => ("Signed out", " "),
        Access::SessionEnded => ("Signed out another device", ": "),
        Access::OtherSessionsEnded => ("Signed out all other devices", " "),
        Access::Confirmed => ("Confirmed who you are", " with "),
        Access::PasswordChanged => ("Changed the password", " "),
        Access::PasswordReset => ("Set a password by mail", " "),
        Access::ProviderLinked => ("Linked", " "),
        Access::ProviderUnlinked => ("Unlinked", " "),
        Access::KeyMade => ("Made the API key", " "),
        Access::KeyChanged => ("Changed the API key", " "),
        Access::KeyRotated => ("Rotated the API key", " "),
        Access::KeyRevoked => ("Revoked the API key", " "),
        Access::KeyUsed => ("First use that day of the API key", " "),
        Access::EmailChangeAsked => ("Asked to change the e-mail", " to "),
        Access::EmailChangeCancelled => ("Cancelled the change of the e-mail", " to "),
        Access::EmailChanged => ("Changed the e-mail", " to "),
        Access::Exported => ("Downloaded all data", " "),
        Access::DeletionAsked => ("Deleted the account", " "),
        Access::DeletionCancelled => ("Kept the account", " "),
        Access::CodeRefused => ("Second step failed: wrong code", " "),
        Access::SecondFactorOn => ("Set up an authenticator app", " "),
        Access::SecondFactorOff => ("Removed the authenticator app", " "),
        Access::RecoveryCodesMade => ("Made other recovery codes", " "),
        Access::PasskeyAdded => ("Added the passkey", " "),
        Access::PasskeyRemoved => ("Removed the passkey", " "),
    };
    if about.is_empty() { words.to_owned() } else { format!("{words}{joint}{about}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_noted_once_for_each_day_and_address() {
        let mut uses = Uses::default();
        let key: KeyId = "key_9fA2k3QdZt8w".parse().unwrap();
        let from = |last: u8| Some(IpAddr::from([192, 0, 2, last]));
        let at = |days: i64| Timestamp::from_micros(days * DAY + 5);
        assert!(uses.is_first(&key, from(1), at(1)));
        assert!(!uses.is_first(&key, from(1), at(1)));
        assert!(uses.is_first(&key, from(2), at(1)) && uses.is_first(&key, None, at(1)));
        assert!(!uses.is_first(&key, from(2), at(1)));
        assert!(uses.is_first(&key, from(1), at(2)), "another day");
    }

    #[test]
    fn everything_is_said_in_words() {
        for access in Access::ALL {
            for about in ["", "it"] {
                let words = words(access, about);
                assert!(!words.contains('_') && !words.ends_with([' ', ':']), "{words:?}");
            }
        }
        assert_eq!(words(Access::SignedIn, "password"), "Signed in with password");
        assert_eq!(words(Access::SignedIn, ""), "Signed in");
    }
}
