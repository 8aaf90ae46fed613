//! What the settings pages show and do: the viewer's account, and the account's keys.

use std::collections::HashMap;

use app::backend::account::{AccountForm, AccountPort, AccountView};
use app::backend::api_keys::{
    ApiKeyForm as TypedKey, ApiKeyView, ApiKeysPort, ApiKeysView, CreatedView, Show, WhenView,
};
use app::backend::form::FormState;
use app::backend::{ConsoleError, Viewer};
use async_trait::async_trait;
use ledger::time::DAY;
use ledger::{KeyId, Timestamp};

use super::api_keys::ApiKeyForm;
use super::labels::{at_label, exact_label, key_label, zone_of};
use super::profile::ProfileForm;
use super::sign_in::viewer as shown;
use super::{Console, Error, Reasons};
use crate::auth::Customer;
use crate::calendar::Zone;
use crate::random;
use crate::store::{AccountStatus, ApiKeyRow, KeyFilter, Permission, UserRow};

/// Keys that the page lists.
const LISTED: u32 = 100;
/// The days that the page counts requests over.
const COUNTED_DAYS: i64 = 30;

impl Console {
    /// The viewer as stored now. Errors: the user is gone (401).
    async fn stored(&self, viewer: &Viewer) -> Result<UserRow, Error> {
        self.store.find_user(viewer.user_id).await?.ok_or(Error::Unauthorized)
    }

    async fn account_view(&self, viewer: &Viewer) -> Result<AccountView, Error> {
        let user = self.stored(viewer).await?;
        let zone: Zone = user.time_zone.parse().unwrap_or_else(|_| Zone::utc());
        let mut time_zones = Zone::names();
        // It may be one that is not offered to choose from.
        if let Err(place) = time_zones.binary_search(&user.time_zone) {
            time_zones.insert(place, user.time_zone.clone());
        }
        Ok(AccountView {
            is_verified: user.verified_at.is_some(),
            is_active: user.account_status == AccountStatus::Active,
            since: zone.format(user.created_at, "%-d %B %Y"),
            time_zones,
            form: FormState::default(),
            viewer: shown(user),
        })
    }

    async fn api_keys_view(&self, viewer: &Viewer, show: Show) -> Result<ApiKeysView, Error> {
        let user = self.stored(viewer).await?;
        let now = self.clock.now();
        let filter = match show {
            Show::Active => KeyFilter::Usable { at: now },
            Show::Revoked => KeyFilter::Revoked,
            Show::All => KeyFilter::All,
        };
        let (keys, total) = self.list_api_keys(user.account_no, filter, LISTED, 0).await?;
        let since = now.saturating_add(-COUNTED_DAYS * DAY);
        let requests = self.store.list_key_requests(user.account_no, since).await?;
        let requests: HashMap<KeyId, u64> = requests.into_iter().collect();
        let zone = zone_of(viewer);
        let keys = keys.into_iter().map(|key| {
            let requests = requests.get(&key.id).copied().unwrap_or_default();
            key_view(&zone, now, key, requests)
        });
        Ok(ApiKeysView {
            show: show.to_string(),
            keys: keys.collect(),
            total,
            next_id: random::key_id(&*self.random),
            base_url: self.config.base_url.to_string(),
            form: FormState::default(),
            created: None,
        })
    }

    async fn create_typed(&self, viewer: &Viewer, typed: TypedKey) -> Result<CreatedView, Error> {
        let maker = Customer::on_page(self.stored(viewer).await?);
        let (id, form) = read_key(typed)?;
        let made = self.create_own_api_key_once(&maker, id, form).await?;
        Ok(CreatedView {
            name: made.key.name,
            secret: made.secret.as_str().to_owned(),
            may_write: made.key.permission == Permission::ReadWrite,
        })
    }
}

/// Name and days are looked at by the use case.
fn read_key(typed: TypedKey) -> Result<(KeyId, ApiKeyForm), Error> {
    let mut reasons = Reasons::new();
    let permission = Permission::from_name(&typed.permission);
    if permission.is_none() {
        reasons.insert("permission".into(), "must be chosen".into());
    }
    let days = typed.expiration_days.trim();
    let expiration_days = (!days.is_empty()).then(|| days.parse::<u64>()).transpose();
    if expiration_days.is_err() {
        reasons.insert("expiration_days".into(), "must be a whole number from 1 to 3650".into());
    }
    let id = typed.key_id.parse();
    if id.is_err() {
        reasons.insert("key_id".into(), "is missing; load the page again".into());
    }
    match (permission, expiration_days, id) {
        (Some(permission), Ok(expiration_days), Ok(id)) => {
            Ok((id, ApiKeyForm { name: typed.name, permission, expiration_days }))
        }
        _ => Err(Error::Validation(reasons)),
    }
}

fn key_view(zone: &Zone, now: Timestamp, key: ApiKeyRow, requests: u64) -> ApiKeyView {
    let at = |at, label| WhenView { label, exact: exact_label(zone, at) };
    let day = |day| at(day, zone.format(day, "%-d %b %Y"));
    let never = || WhenView { label: "never".to_owned(), exact: String::new() };
    ApiKeyView {
        label: key_label(&key),
        key_id: key.id,
        name: key.name,
        may_write: key.permission == Permission::ReadWrite,
        is_revoked: key.revoked_at.is_some(),
        is_expired: key.expires_at.is_some_and(|expires_at| expires_at <= now),
        created: day(key.created_at),
        ends: key.revoked_at.or(key.expires_at).map_or_else(never, day),
        last_used: key.last_used_at.map_or_else(never, |used| at(used, at_label(zone, now, used))),
        requests,
    }
}

#[async_trait]
impl AccountPort for Console {
    async fn account(&self, viewer: &Viewer) -> Result<AccountView, ConsoleError> {
        Ok(self.account_view(viewer).await?)
    }

    async fn change_account(&self, viewer: &Viewer, form: AccountForm) -> Result<AccountView, ConsoleError> {
        let caller = Customer::on_page(self.stored(viewer).await?);
        let AccountForm { name, user_name, time_zone } = form;
        let form = ProfileForm { name: Some(name), user_name: Some(user_name), time_zone: Some(time_zone) };
        self.change_profile(&caller, form).await?;
        Ok(self.account_view(viewer).await?)
    }
}

#[async_trait]
impl ApiKeysPort for Console {
    async fn api_keys(&self, viewer: &Viewer, show: Show) -> Result<ApiKeysView, ConsoleError> {
        Ok(self.api_keys_view(viewer, show).await?)
    }

    async fn create_api_key(&self, viewer: &Viewer, form: TypedKey) -> Result<CreatedView, ConsoleError> {
        Ok(self.create_typed(viewer, form).await?)
    }

    async fn revoke_api_key(&self, viewer: &Viewer, key_id: &str) -> Result<(), ConsoleError> {
        let caller = Customer::on_page(self.stored(viewer).await?);
        // What is no id names nothing.
        let key_id = key_id.parse().map_err(|_| Error::not_found())?;
        Console::revoke_api_key(self, &caller, &key_id).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(permission: &str, days: &str) -> TypedKey {
        TypedKey {
            key_id: "key_9fA2k3QdZt8w".to_owned(),
            name: "ci".to_owned(),
            permission: permission.to_owned(),
            expiration_days: days.to_owned(),
        }
    }

    #[test]
    fn days_are_left_out_or_a_whole_number() {
        let days = |text: &str| read_key(typed("read_only", text)).map(|(_, form)| form.expiration_days).ok();
        assert_eq!((days(""), days("  "), days(" 7 ")), (Some(None), Some(None), Some(Some(7))));
        for text in ["1.5", "-1", "week", "1e3", "99999999999999999999"] {
            assert_eq!(days(text), None, "{text:?}");
        }
    }

    #[test]
    fn every_field_that_is_wrong_is_named() {
        let Err(Error::Validation(reasons)) = read_key(TypedKey::default()) else { panic!("accepted") };
        assert_eq!(reasons.keys().collect::<Vec<_>>(), ["key_id", "permission"]);
    }
}
