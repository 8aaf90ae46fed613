//! Customers' keys: made, listed, changed and revoked.

use std::collections::HashMap;

use ledger::spend_limit::{LimitPeriod, SpendLimit};
use ledger::time::{DAY, SECOND};
use ledger::{Credits, KeyId, Timestamp};

use super::labels::key_label;
use super::users::is_name;
use super::{Console, Error, Reasons};
use crate::auth::Customer;
use crate::auth::tokens::{Family, Secret};
use crate::calendar::Zone;
use crate::random;
use crate::sequencer::limits::period;
use crate::store::{
    Access, ApiKeyChange, ApiKeyRow, KeyFilter, KeyUsage, Making, NewApiKey, Pace, Permission, StoreError,
    UserRow,
};

/// Keys that an account may make itself within an hour, on all servers together. A successor is one, too.
pub const NEW_KEYS_AN_HOUR: u32 = 10;
const HOUR: i64 = 3_600 * SECOND;
/// The longest validity that can be asked for, in days.
const MAX_DAYS: u64 = 3_650;
/// How long a key still works once it has a successor, in seconds: usually, and at most.
pub const OVERLAP_S: (u64, u64) = (86_400, 604_800);

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
    pub limit: Option<SpendLimit>,
}

/// What to change about a key; `None` leaves it as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiKeyChangeForm {
    pub name: Option<String>,
    /// Days from now, 1–3 650.
    pub expiration_days: Option<u64>,
    /// `Some(None)` takes the limit away.
    pub limit: Option<Option<SpendLimit>>,
}

/// How to put another key in a key's place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RotationForm {
    /// How long the old one still works, 0–604 800 seconds; `None`: a day.
    pub overlap_s: Option<u64>,
    /// Days from now, 1–3 650; `None`: the new one ends when the old one would have.
    pub expiration_days: Option<u64>,
}

/// A new key and its secret, which is kept nowhere.
#[derive(Debug, Clone)]
pub struct ApiKeyCreated {
    pub secret: Secret,
    pub key: ApiKeyRow,
}

/// A key in the place of another one, and that one as it is now.
#[derive(Debug, Clone)]
pub struct ApiKeyRotated {
    pub made: ApiKeyCreated,
    pub old: ApiKeyRow,
}

/// Where a key is in the period of its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitState {
    pub limit: SpendLimit,
    /// By it, by those that it has replaced or that have replaced it, and by all that were made with them; with what is held.
    pub spent: Credits,
    pub from: Timestamp,
    pub to: Timestamp,
}

/// The states of those keys that have a limit.
pub type LimitStates = HashMap<KeyId, LimitState>;

impl Console {
    /// Makes a key for a user, for the operator.
    ///
    /// Errors: fields out of range (422).
    pub async fn create_api_key(&self, user: &UserRow, form: ApiKeyForm) -> Result<ApiKeyCreated, Error> {
        let now = self.clock.now();
        let checked = checked(Some(form.name), form.expiration_days, now)?;
        let (secret, key) = self.new_key(random::key_id(&*self.random), (user.account_no, user.id));
        let key = NewApiKey {
            name: checked.name.unwrap_or_default(),
            permission: form.permission,
            expires_at: checked.expires_at,
            limit: form.limit,
            ..key
        };
        self.store.insert_api_key(&key).await?;
        self.made_key(secret, &key).await
    }

    /// Makes a key with a key, or on a page. It gets at most the maker's permission, expiry and spend limit, and what it spends
    /// counts for the maker as well.
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
        let checked = checked(Some(form.name), form.expiration_days, self.clock.now())?;
        self.must_be_unused(maker, &id).await?;
        let most = maker.key().map_or(form.permission, |key| key.permission);
        let (secret, key) = self.new_key(id, (maker.account_no, maker.user_id));
        let key = NewApiKey {
            name: checked.name.unwrap_or_default(),
            permission: form.permission.min(most),
            expires_at: checked.expires_at,
            limit: form.limit,
            ..key
        };
        let maker = maker.key().map(|key| &key.id);
        let making = self.store.make_api_key(&key, maker, pace(key.created_at)).await;
        match made(making, key.created_at)? {
            Making::Made => {}
            _ => return Err(Error::RevokedKey),
        }
        self.made_key(secret, &key).await
    }

    /// A key that is made, and noted.
    async fn made_key(&self, secret: Secret, key: &NewApiKey) -> Result<ApiKeyCreated, Error> {
        let key = self.get_api_key(key.account_no, &key.id).await?;
        self.note_access(key.user_id, Access::KeyMade, &key_label(&key)).await;
        Ok(ApiKeyCreated { secret, key })
    }

    /// Puts a new key in the place of one that still works for a while: of the same name, permission and limit, from which both
    /// spend together. A key may do that to itself and to those made with it, and the new one outlives neither it nor what
    /// the old one was made with.
    ///
    /// Errors in this order: a read-only key or a suspended account (403), an unverified e-mail (403), fields out of
    /// range (422), no such key (404), another key's (403), one that has ended or has a successor (409), more than ten new keys an
    /// hour (429).
    pub async fn rotate_api_key(
        &self,
        caller: &Customer,
        old: &KeyId,
        form: RotationForm,
    ) -> Result<ApiKeyRotated, Error> {
        self.rotate_api_key_once(caller, old, random::key_id(&*self.random), form).await
    }

    /// The same under an id that was picked before; see [`Console::create_own_api_key_once`].
    pub async fn rotate_api_key_once(
        &self,
        caller: &Customer,
        old: &KeyId,
        id: KeyId,
        form: RotationForm,
    ) -> Result<ApiKeyRotated, Error> {
        caller.must_write()?;
        caller.must_be_verified()?;
        let now = self.clock.now();
        let mut checked = checked(None, form.expiration_days, now)?;
        let overlap_s = form.overlap_s.unwrap_or(OVERLAP_S.0);
        if overlap_s > OVERLAP_S.1 {
            return Err(Error::field("overlap_s", "must be 0 to 604800"));
        }
        let replaced = self.get_api_key(caller.account_no, old).await?;
        if let Some(key) = caller.key() {
            if key.id != *old && !self.store.is_made_with(old, &key.id).await? {
                let message = "A key can rotate itself and the keys made with it; the others are rotated by their owner.";
                return Err(Error::InsufficientPermissions(message.into()));
            }
            checked.expires_at = not_after(checked.expires_at.or(replaced.expires_at), caller);
        }
        self.must_be_unused(caller, &id).await?;
        let (secret, key) = self.new_key(id, (caller.account_no, caller.user_id));
        let key = NewApiKey { expires_at: checked.expires_at, ..key };
        let overlap = i64::try_from(overlap_s).unwrap_or_default().saturating_mul(SECOND);
        let making = self.store.replace_api_key(old, &key, now.saturating_add(overlap), pace(now)).await;
        let conflict = |message| Err(Error::Conflict { message, fields: vec!["status"] });
        match made(making, now)? {
            Making::Made => {}
            Making::Replaced => {
                return conflict("This key has been rotated before; its successor is in the list.");
            }
            _ => return conflict("This key has been revoked or has expired; make a new one instead."),
        }
        self.live.access_changed(caller.account);
        let made = ApiKeyCreated { secret, key: self.get_api_key(key.account_no, &key.id).await? };
        let old = self.get_api_key(key.account_no, old).await?;
        self.note_access(old.user_id, Access::KeyRotated, &key_label(&old)).await;
        Ok(ApiKeyRotated { made, old })
    }

    /// A key of this owner, with a secret of its own; what else there is to say about it comes from elsewhere.
    fn new_key(&self, id: KeyId, (account_no, user_id): (i64, ledger::UserId)) -> (Secret, NewApiKey) {
        let secret = Secret::new(Family::Customer, &*self.random);
        let key = NewApiKey {
            id,
            account_no,
            user_id,
            name: String::new(),
            secret_hash: secret.hash(),
            key_prefix: secret.shown_prefix().to_owned(),
            key_suffix: secret.shown_suffix().to_owned(),
            permission: Permission::ReadOnly,
            created_at: self.clock.now(),
            expires_at: None,
            limit: None,
        };
        (secret, key)
    }

    async fn must_be_unused(&self, maker: &Customer, id: &KeyId) -> Result<(), Error> {
        let found = self.store.find_api_key(maker.account_no, id).await?;
        if found.is_some() { Err(MADE_BEFORE) } else { Ok(()) }
    }

    /// Where these keys of an account are with their limits. Reads nothing when none of them has one.
    pub async fn limit_states<'k>(
        &self,
        account_no: i64,
        keys: impl IntoIterator<Item = &'k ApiKeyRow>,
    ) -> Result<LimitStates, Error> {
        let limited: Vec<_> = keys.into_iter().filter_map(|key| Some((key, key.limit?))).collect();
        let Some((first, _)) = limited.first() else { return Ok(LimitStates::new()) };
        let zone: Zone = first.time_zone.parse().unwrap_or_else(|_| Zone::utc());
        let now = self.clock.now();
        let periods = LimitPeriod::ALL.map(|of| (of, period(&zone, of, now)));
        let (families, spent) =
            self.store.spent_by_keys(account_no, &periods.map(|(_, period)| period)).await?;
        let state = |(key, limit): (&ApiKeyRow, SpendLimit)| {
            let place = periods.iter().position(|(of, _)| *of == limit.period)?;
            let (_, (from, to)) = periods[place];
            let spent = families.spent_for(families.line(&key.id)?, spent.get(place)?);
            Some((key.id.clone(), LimitState { limit, spent, from, to }))
        };
        Ok(limited.into_iter().filter_map(state).collect())
    }

    /// A key with a limit can't change limits: it would outspend its own.
    async fn may_change_limits(&self, caller: &Customer) -> Result<(), Error> {
        let Some(key) = caller.key() else { return Ok(()) };
        let (families, _) = self.store.spent_by_keys(caller.account_no, &[]).await?;
        if families.hard_limits(&key.id).next().is_none() {
            return Ok(());
        }
        let message = "This key has a spend limit of its own, so it can't change limits; their owner can.";
        Err(Error::InsufficientPermissions(message.into()))
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

    /// Changes a key; the new expiry is at most that of the key that asks, and of the key that it was made with.
    ///
    /// Errors: a read-only key, or a limited one that asks for another limit (403), no such key (404), a revoked one (409),
    /// fields out of range (422).
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
        change.limit = form.limit;
        if change.limit.is_some() {
            self.may_change_limits(caller).await?;
        }
        let is_changed = self.store.update_api_key(caller.account_no, id, &change).await?;
        let key = self.get_api_key(caller.account_no, id).await?;
        if is_changed {
            self.note_access(key.user_id, Access::KeyChanged, &key_label(&key)).await;
            Ok(key)
        } else {
            Err(Error::Conflict {
                message: "This key has been revoked; it can't be changed.",
                fields: vec!["status"],
            })
        }
    }

    /// Revokes a key for good, together with those made with it, and says since when; again changes nothing.
    ///
    /// Errors: a read-only key (403), no such key (404).
    pub async fn revoke_api_key(&self, caller: &Customer, id: &KeyId) -> Result<Timestamp, Error> {
        caller.must_write()?;
        let before = self.get_api_key(caller.account_no, id).await?;
        let revoked_at = self.store.revoke_api_key(caller.account_no, id, self.clock.now()).await?;
        self.live.access_changed(caller.account);
        if before.revoked_at.is_none() {
            self.note_access(before.user_id, Access::KeyRevoked, &key_label(&before)).await;
        }
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
    Ok(ApiKeyChange { name, expires_at, limit: None })
}

fn pace(now: Timestamp) -> Pace {
    Pace { most: NEW_KEYS_AN_HOUR, since: now.saturating_add(-HOUR) }
}

/// Errors: the id is taken (409), too many keys (429).
fn made(making: Result<Making, StoreError>, now: Timestamp) -> Result<Making, Error> {
    match making {
        Ok(Making::TooMany { oldest }) => {
            let wait = oldest.saturating_add(HOUR).saturating_since(now);
            let retry_after_s = u64::try_from(wait).unwrap_or_default().div_ceil(SECOND.unsigned_abs());
            Err(Error::RateLimited { retry_after_s })
        }
        Ok(making) => Ok(making),
        Err(error) if error.violated_unique().as_deref() == Some("api_keys.id") => Err(MADE_BEFORE),
        Err(error) => Err(error.into()),
    }
}

fn unknown() -> Error {
    Error::NotFound { details: Reasons::from([("key_id".into(), "is unknown".into())]) }
}

/// The earlier of an expiry (`None`: never) and that of the caller's own key.
fn not_after(expires_at: Option<Timestamp>, caller: &Customer) -> Option<Timestamp> {
    let own = caller.key().and_then(|key| key.expires_at);
    expires_at.into_iter().chain(own).min()
}
