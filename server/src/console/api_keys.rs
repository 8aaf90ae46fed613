//! Customers' keys: made, listed, changed and revoked.

use ledger::time::DAY;
use ledger::{KeyId, Timestamp};

use super::users::is_name;
use super::{Console, Error, Reasons};
use crate::auth::Customer;
use crate::auth::tokens::{Family, Secret};
use crate::random;
use crate::store::{
    ApiKeyChange, ApiKeyRow, KeyFilter, KeyUsage, NewApiKey, Permission, StoreError, UserRow,
};

/// Keys that an account may make over the API within an hour.
pub const NEW_KEYS_AN_HOUR: usize = 10;
/// The longest validity that can be asked for, in days.
const MAX_DAYS: u64 = 3_650;

const MADE_BEFORE: Error = Error::Conflict {
    message: "This form was sent before and has made its key; it is in the list. A secret is shown once: if it is lost, revoke that key and make another.",
    fields: vec![],
};

/// A key to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeyForm {
    /// 1–100 characters.
    pub name: String,
    pub permission: Permission,
    /// Days from now, 1–3 650; `None`: for ever.
    pub expiration_days: Option<u64>,
}

/// What to change about a key; `None` leaves it as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiKeyChangeForm {
    pub name: Option<String>,
    /// Days from now, 1–3 650.
    pub expiration_days: Option<u64>,
}

/// A new key and its secret, which is kept nowhere.
#[derive(Debug, Clone)]
pub struct ApiKeyCreated {
    pub secret: Secret,
    pub key: ApiKeyRow,
}

impl Console {
    /// Makes a key for a user, for the operator.
    ///
    /// Errors: fields out of range (422).
    pub async fn create_api_key(&self, user: &UserRow, form: ApiKeyForm) -> Result<ApiKeyCreated, Error> {
        let now = self.clock.now();
        let checked = checked(Some(form.name), form.expiration_days, now)?;
        let secret = Secret::new(Family::Customer, &*self.random);
        let key = NewApiKey {
            id: random::key_id(&*self.random),
            account_no: user.account_no,
            user_id: user.id,
            name: checked.name.unwrap_or_default(),
            secret_hash: secret.hash(),
            key_prefix: secret.shown_prefix().to_owned(),
            key_suffix: secret.shown_suffix().to_owned(),
            permission: form.permission,
            created_at: now,
            expires_at: checked.expires_at,
        };
        self.insert(key, secret).await
    }

    /// Makes a key with a key, or on a page. It gets at most the maker's permission and expiry.
    ///
    /// Errors in this order: a read-only key or a suspended account (403), an unverified e-mail (403), fields out of
    /// range (422), more than ten an hour (429).
    pub async fn create_own_api_key(
        &self,
        maker: &Customer,
        form: ApiKeyForm,
    ) -> Result<ApiKeyCreated, Error> {
        self.create_own_api_key_once(maker, random::key_id(&*self.random), form).await
    }

    /// The same under an id that was picked before, so that a form which is sent twice makes one key: the second time
    /// is refused (409).
    pub async fn create_own_api_key_once(
        &self,
        maker: &Customer,
        id: KeyId,
        form: ApiKeyForm,
    ) -> Result<ApiKeyCreated, Error> {
        maker.must_write()?;
        maker.must_be_verified()?;
        let now = self.clock.now();
        let checked = checked(Some(form.name), form.expiration_days, now)?;
        if self.store.find_api_key(maker.account_no, &id).await?.is_some() {
            return Err(MADE_BEFORE);
        }
        let too_many = |retry_after_s| Error::RateLimited { retry_after_s };
        self.new_keys.take(maker.account_no, now).map_err(too_many)?;
        let secret = Secret::new(Family::Customer, &*self.random);
        let most = maker.key().map_or(form.permission, |key| key.permission);
        let key = NewApiKey {
            id,
            account_no: maker.account_no,
            user_id: maker.user_id,
            name: checked.name.unwrap_or_default(),
            secret_hash: secret.hash(),
            key_prefix: secret.shown_prefix().to_owned(),
            key_suffix: secret.shown_suffix().to_owned(),
            permission: form.permission.min(most),
            created_at: now,
            expires_at: not_after(checked.expires_at, maker),
        };
        self.insert(key, secret).await.inspect_err(|_| self.new_keys.give_back(&maker.account_no))
    }

    async fn insert(&self, key: NewApiKey, secret: Secret) -> Result<ApiKeyCreated, Error> {
        let made_before = |error: &StoreError| error.violated_unique().as_deref() == Some("api_keys.id");
        if let Err(error) = self.store.insert_api_key(&key).await {
            return Err(if made_before(&error) { MADE_BEFORE } else { error.into() });
        }
        let key = self.get_api_key(key.account_no, &key.id).await?;
        Ok(ApiKeyCreated { secret, key })
    }

    /// A key of this account. Errors: none, or another account's (404).
    pub async fn get_api_key(&self, account_no: i64, id: &KeyId) -> Result<ApiKeyRow, Error> {
        self.store.find_api_key(account_no, id).await?.ok_or_else(unknown)
    }

    /// The account's keys, the newest first, and how many there are.
    pub async fn list_api_keys(
        &self,
        account_no: i64,
        filter: KeyFilter,
        limit: u32,
        offset: u64,
    ) -> Result<(Vec<ApiKeyRow>, u64), Error> {
        self.write_key_requests().await;
        Ok(self.store.list_api_keys(account_no, filter, limit, offset).await?)
    }

    /// A key with how much it was used.
    pub async fn api_key_usage(&self, account_no: i64, id: &KeyId) -> Result<(ApiKeyRow, KeyUsage), Error> {
        self.write_key_requests().await;
        let key = self.get_api_key(account_no, id).await?;
        let usage = self.store.key_usage(id, self.clock.now()).await?;
        Ok((key, usage))
    }

    /// Changes a key; the new expiry is at most that of the key that asks.
    ///
    /// Errors: a read-only key (403), no such key (404), a revoked one (409), fields out of range (422).
    pub async fn change_api_key(
        &self,
        caller: &Customer,
        id: &KeyId,
        form: ApiKeyChangeForm,
    ) -> Result<ApiKeyRow, Error> {
        caller.must_write()?;
        let mut change = checked(form.name, form.expiration_days, self.clock.now())?;
        if change.expires_at.is_some() {
            change.expires_at = not_after(change.expires_at, caller);
        }
        let is_changed = self.store.update_api_key(caller.account_no, id, &change).await?;
        let key = self.get_api_key(caller.account_no, id).await?;
        if is_changed {
            Ok(key)
        } else {
            Err(Error::Conflict {
                message: "This key has been revoked; it can't be changed.",
                fields: vec!["status"],
            })
        }
    }

    /// Revokes a key for good, and says since when; again changes nothing.
    ///
    /// Errors: a read-only key (403), no such key (404).
    pub async fn revoke_api_key(&self, caller: &Customer, id: &KeyId) -> Result<Timestamp, Error> {
        caller.must_write()?;
        let revoked_at = self.store.revoke_api_key(caller.account_no, id, self.clock.now()).await?;
        self.live.access_changed(caller.account);
        revoked_at.ok_or_else(unknown)
    }

    /// Writes how often keys were used since the last time; does nothing when none was. What can't be written now is
    /// counted later, and no reason to show no keys.
    pub async fn write_key_requests(&self) {
        // A reader who leaves meanwhile must not take the counts along.
        let console = self.clone();
        let written = tokio::spawn(async move {
            let written = console.keys.write_requests(&console.store, console.clock.now()).await;
            if let Err(error) = written {
                tracing::warn!(%error, "the keys' request counts could not be written");
            }
        });
        if let Err(error) = written.await {
            tracing::error!(%error, "the writer of request counts has died");
        }
    }
}

fn checked(
    name: Option<String>,
    expiration_days: Option<u64>,
    now: Timestamp,
) -> Result<ApiKeyChange, Error> {
    let mut reasons = Reasons::new();
    let name = name.map(|name| name.trim().to_owned());
    if name.as_deref().is_some_and(|name| !is_name(name)) {
        reasons.insert("name".into(), "must be one line of 1 to 100 characters".into());
    }
    if expiration_days.is_some_and(|days| !(1..=MAX_DAYS).contains(&days)) {
        reasons.insert("expiration_days".into(), "must be 1 to 3650".into());
    }
    if !reasons.is_empty() {
        return Err(Error::Validation(reasons));
    }
    let days = expiration_days.and_then(|days| i64::try_from(days).ok());
    let expires_at = days.map(|days| now.saturating_add(days * DAY));
    Ok(ApiKeyChange { name, expires_at })
}

fn unknown() -> Error {
    Error::NotFound { details: Reasons::from([("key_id".into(), "is unknown".into())]) }
}

/// The earlier of an expiry (`None`: never) and that of the caller's own key.
fn not_after(expires_at: Option<Timestamp>, caller: &Customer) -> Option<Timestamp> {
    let own = caller.key().and_then(|key| key.expires_at);
    expires_at.into_iter().chain(own).min()
}
