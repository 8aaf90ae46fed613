//! Keys that were looked up before, by the hash of their secret, so that authenticating costs no read.
//!
//! Everything is forgotten when the store's epoch moves (a key was made, changed or revoked; an account was suspended).
//! Expiry is looked at on every use. Requests are counted here and written now and then.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use ledger::time::{DAY, SECOND};
use ledger::{KeyId, Timestamp};

use super::tokens::{Family, SecretHash, hash};
use crate::console::Error;
use crate::store::{AccountStatus, ApiKeyRow, KeyRequests, ServiceKeyRow, Store, StoreError};

/// Past this many keys the cache starts anew.
const MANY: usize = 100_000;
const HOUR: i64 = 3_600 * SECOND;
/// Counts are kept a little longer than the 30 days that anybody is shown.
const COUNTS_KEPT: i64 = 31 * DAY;

const UNKNOWN: Error = Error::InvalidKey("This is not a key of this console.");

/// A key that exists.
#[derive(Debug, Clone)]
pub enum Key {
    Customer(Arc<ApiKeyRow>),
    Service(Arc<ServiceKeyRow>),
}

#[derive(Debug, Default)]
struct Known {
    epoch: u64,
    by_hash: HashMap<SecretHash, Key>,
}

/// See the module's text.
#[derive(Debug, Default)]
pub struct KeyCache {
    known: RwLock<Known>,
    requests: Mutex<Requests>,
    /// Held while counts are on their way to the store.
    writing: tokio::sync::Mutex<()>,
}

/// Requests since they were last written.
#[derive(Debug, Default)]
struct Requests {
    of_this_hour: HashMap<KeyId, KeyRequests>,
    of_past_hours: Vec<KeyRequests>,
}

impl KeyCache {
    /// The key with this secret, if it may be used at `now`.
    pub async fn authenticate(&self, store: &Store, secret: &str, now: Timestamp) -> Result<Key, Error> {
        let family = Family::of(secret).ok_or(UNKNOWN)?;
        let key = self.find(store, family, hash(secret)).await?.ok_or(UNKNOWN)?;
        match &key {
            Key::Customer(row) if row.revoked_at.is_some() => return Err(Error::RevokedKey),
            Key::Service(row) if row.revoked_at.is_some() => return Err(Error::RevokedKey),
            Key::Customer(row) if row.expires_at.is_some_and(|expires_at| expires_at <= now) => {
                return Err(Error::ExpiredKey);
            }
            Key::Customer(row) if row.account_status == AccountStatus::Closing => {
                return Err(Error::AccountClosing);
            }
            Key::Customer(row) => self.count(&row.id, now),
            Key::Service(_) => {}
        }
        Ok(key)
    }

    /// Counts a use of a customer's key that was presented to a service, which has charged it; the key.
    pub async fn note_use(
        &self,
        store: &Store,
        hash: SecretHash,
        now: Timestamp,
    ) -> Result<Option<Arc<ApiKeyRow>>, StoreError> {
        let Some(Key::Customer(row)) = self.find(store, Family::Customer, hash).await? else {
            return Ok(None);
        };
        self.count(&row.id, now);
        Ok(Some(row))
    }

    async fn find(&self, store: &Store, family: Family, hash: SecretHash) -> Result<Option<Key>, StoreError> {
        // Asked for before reading: what is read then may be newer than this number says, never older.
        let epoch = store.epoch();
        if let Some(key) = self.recall(epoch, &hash) {
            return Ok(Some(key));
        }
        let found = match family {
            Family::Customer => store.find_api_key_by_secret(hash).await?.map(Arc::new).map(Key::Customer),
            Family::Service => store.find_service_key(hash).await?.map(Arc::new).map(Key::Service),
        };
        if let Some(key) = &found {
            self.remember(epoch, hash, key.clone());
        }
        Ok(found)
    }

    fn recall(&self, epoch: u64, hash: &SecretHash) -> Option<Key> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if known.epoch == epoch { known.by_hash.get(hash).cloned() } else { None }
    }

    fn remember(&self, epoch: u64, hash: SecretHash, key: Key) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.epoch > epoch {
            return;
        }
        if known.epoch < epoch || known.by_hash.len() >= MANY {
            known.by_hash.clear();
            known.epoch = epoch;
        }
        known.by_hash.insert(hash, key);
    }

    fn count(&self, key: &KeyId, now: Timestamp) {
        let hour = now.floor(HOUR);
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let Requests { of_this_hour, of_past_hours } = &mut *requests;
        match of_this_hour.get_mut(key) {
            Some(known) if known.hour == hour => {
                known.count += 1;
                known.last_used_at = known.last_used_at.max(now);
            }
            _ => {
                let first = KeyRequests { key: key.clone(), hour, count: 1, last_used_at: now };
                of_past_hours.extend(of_this_hour.insert(key.clone(), first));
            }
        }
    }

    /// Writes the counts of requests; does nothing when there were none. What can't be written is counted later.
    ///
    /// Whoever reads afterwards sees every request that was counted before the call, also those that somebody else
    /// was writing just then.
    pub async fn write_requests(&self, store: &Store, now: Timestamp) -> Result<(), StoreError> {
        let _in_turn = self.writing.lock().await;
        let counted = self.take_requests();
        if counted.is_empty() {
            return Ok(());
        }
        let written = store.add_key_requests(&counted, now.saturating_add(-COUNTS_KEPT)).await;
        if written.is_err() {
            let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
            requests.of_past_hours.extend(counted);
        }
        written
    }

    fn take_requests(&self) -> Vec<KeyRequests> {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let Requests { of_this_hour, of_past_hours } = std::mem::take(&mut *requests);
        of_past_hours.into_iter().chain(of_this_hour.into_values()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_the_hour_and_taken_once() {
        let cache = KeyCache::default();
        let key: KeyId = "key_9fA2k3QdZt8w".parse().unwrap();
        for minutes in [1, 2, 61] {
            cache.count(&key, Timestamp::from_micros(minutes * 60 * SECOND));
        }
        let counted: Vec<_> =
            cache.take_requests().iter().map(|of| (of.hour.micros() / HOUR, of.count)).collect();
        assert_eq!(counted, [(0, 2), (1, 1)]);
        assert!(cache.take_requests().is_empty());
    }
}
