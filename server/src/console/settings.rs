//! What the settings pages show and do about the viewer's account; their keys are in `keys_page`.

use app::backend::account::{AccountForm, AccountPort, AccountView};
use app::backend::form::FormState;
use app::backend::{ConsoleError, Viewer};
use async_trait::async_trait;

use super::profile::ProfileForm;
use super::sign_in::viewer as shown;
use super::{Console, Error};
use crate::auth::Customer;
use crate::calendar::Zone;
use crate::store::{AccountStatus, UserRow};

impl Console {
    /// The viewer as stored now. Errors: the user is gone (401).
    pub(super) async fn stored(&self, viewer: &Viewer) -> Result<UserRow, Error> {
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
