//! Settings › API keys: what the pages show of an account's keys, and what their forms do.

use std::collections::HashMap;

use app::backend::api_keys::{
    ApiKeyForm as TypedKey, ApiKeyView, ApiKeysPort, ApiKeysView, CreatedView, KeyChangeForm, KeyPageView,
    LimitForm, LimitView, RevocableView, RotationForm as TypedRotation, Show, Standing, WhenView,
};
use app::backend::form::FormState;
use app::backend::{ConsoleError, Viewer};
use app::format::count;
use app::pages::settings::key_list;
use async_trait::async_trait;
use ledger::spend_limit::{LimitMode, LimitPeriod, SpendLimit};
use ledger::time::DAY;
use ledger::{Credits, KeyId, Timestamp};

use super::api_keys::{ApiKeyChangeForm, ApiKeyForm, LimitState, RotationForm};
use super::labels::{at_label, exact_label, key_label, zone_of};
use super::{Console, Error, Reasons};
use crate::auth::Customer;
use crate::calendar::Zone;
use crate::random;
use crate::store::{ApiKeyRow, KeyFilter, Permission};

/// Keys that the page lists.
const LISTED: u32 = 100;
/// Keys among which those are looked for that belong together.
const RELATED: u32 = 1_000;
/// The days that the page counts requests over, and after which a key that nobody uses is idle.
const COUNTED_DAYS: i64 = 30;

/// An account's keys at an instant, for one reader.
struct Drawer<'a> {
    zone: Zone,
    now: Timestamp,
    /// All of them.
    keys: &'a [ApiKeyRow],
    requests: HashMap<KeyId, u64>,
    limits: HashMap<KeyId, LimitState>,
}

impl Drawer<'_> {
    fn is_usable(&self, key: &ApiKeyRow) -> bool {
        key.revoked_at.is_none() && key.expires_at.is_none_or(|at| at > self.now)
    }

    fn view(&self, key: &ApiKeyRow) -> ApiKeyView {
        let named = |id: &KeyId| {
            let known = self.keys.iter().find(|other| other.id == *id);
            known.map_or_else(|| id.to_string(), key_label)
        };
        let used = |used: Timestamp| WhenView {
            label: at_label(&self.zone, self.now, used),
            exact: self.exact(used),
        };
        ApiKeyView {
            key_id: key.id.clone(),
            name: key.name.clone(),
            label: key_label(key),
            may_write: key.permission == Permission::ReadWrite,
            standing: match (key.revoked_at, self.is_usable(key)) {
                (Some(_), _) => Standing::Revoked,
                (None, true) => Standing::Active,
                (None, false) => Standing::Expired,
            },
            is_replaced: self.keys.iter().any(|other| other.replaces.as_ref() == Some(&key.id)),
            created: self.day(key.created_at),
            ends: key.revoked_at.or(key.expires_at).map_or_else(never, |at| self.day(at)),
            last_used: key.last_used_at.map_or_else(never, used),
            requests: self.requests.get(&key.id).copied().unwrap_or_default(),
            limit: self.limits.get(&key.id).map(|state| self.limit(state)),
            made_with: key.made_with.as_ref().map(named),
            made: self.made_with(&key.id),
            hints: self.hints(key),
        }
    }

    /// Usable keys that were made with a key and end with it.
    fn made_with(&self, id: &KeyId) -> usize {
        let made = self.keys.iter().filter(|key| key.made_with.as_ref() == Some(id) && self.is_usable(key));
        made.count()
    }

    fn hints(&self, key: &ApiKeyRow) -> Vec<&'static str> {
        if !self.is_usable(key) {
            return vec![];
        }
        let last = key.last_used_at.unwrap_or(key.created_at);
        let is_idle = self.now.saturating_since(last) >= COUNTED_DAYS * DAY;
        let may_spend = key.permission == Permission::ReadWrite;
        let hints = [
            (key.expires_at.is_none(), "no expiry"),
            (key.limit.is_none() && may_spend, "no spend limit"),
            (is_idle, "not used for 30 days"),
        ];
        hints.into_iter().filter_map(|(applies, hint)| applies.then_some(hint)).collect()
    }

    fn limit(&self, state: &LimitState) -> LimitView {
        let LimitState { limit, spent, to, .. } = *state;
        let share = i128::from(spent.micros()) * 100 / i128::from(limit.amount.micros().max(1));
        LimitView {
            amount: limit.amount,
            spent,
            period: limit.period.name(),
            is_hard: limit.mode == LimitMode::Hard,
            is_reached: limit.is_reached(spent),
            percent: u8::try_from(share).unwrap_or(100).min(100),
            anew: WhenView { label: self.zone.format(to, "%-d %b %Y, %H:%M"), exact: self.exact(to) },
        }
    }

    fn day(&self, at: Timestamp) -> WhenView {
        WhenView { label: self.zone.format(at, "%-d %b %Y"), exact: self.exact(at) }
    }

    fn exact(&self, at: Timestamp) -> String {
        exact_label(&self.zone, at)
    }

    fn revocable(&self, key: &ApiKeyRow) -> RevocableView {
        let view = self.view(key);
        let used = if key.last_used_at.is_none() {
            "It has never been used.".to_owned()
        } else {
            let requests = if view.requests == 1 { "request" } else { "requests" };
            let (last, count) = (&view.last_used.label, count(view.requests));
            format!("It was last used {last} and made {count} {requests} in the last 30 days.")
        };
        let also = match view.made {
            0 => String::new(),
            1 => " The key that was made with it is revoked as well.".to_owned(),
            made => format!(" The {made} keys that were made with it are revoked as well."),
        };
        let use_of_it = used + &also;
        RevocableView { key_id: view.key_id, name: view.name, label: view.label, use_of_it }
    }
}

fn never() -> WhenView {
    WhenView { label: "never".to_owned(), exact: String::new() }
}

impl Console {
    /// All keys of the account, and what is to be said about `shown` of them.
    async fn open_drawer<'a>(
        &self,
        viewer: &Viewer,
        keys: &'a [ApiKeyRow],
        shown: &[ApiKeyRow],
    ) -> Result<Drawer<'a>, Error> {
        let now = self.clock.now();
        let Some(account_no) = shown.first().map(|key| key.account_no) else {
            return Ok(Drawer {
                zone: zone_of(viewer),
                now,
                keys,
                requests: HashMap::new(),
                limits: HashMap::new(),
            });
        };
        let since = now.saturating_add(-COUNTED_DAYS * DAY);
        let requests = self.store.list_key_requests(account_no, since).await?.into_iter().collect();
        let limits = self.limit_states(account_no, shown).await?;
        Ok(Drawer { zone: zone_of(viewer), now, keys, requests, limits })
    }

    async fn api_keys_view(&self, viewer: &Viewer, show: Show) -> Result<ApiKeysView, Error> {
        let user = self.stored(viewer).await?;
        let filter = match show {
            Show::Active => KeyFilter::Usable { at: self.clock.now() },
            Show::Revoked => KeyFilter::Revoked,
            Show::All => KeyFilter::All,
        };
        let (shown, total) = self.list_api_keys(user.account_no, filter, LISTED, 0).await?;
        let (all, _) = self.store.list_api_keys(user.account_no, KeyFilter::All, RELATED, 0).await?;
        let drawer = self.open_drawer(viewer, &all, &shown).await?;
        let views: Vec<ApiKeyView> = shown.iter().map(|key| drawer.view(key)).collect();
        let revocable = shown.iter().filter(|key| key.revoked_at.is_none());
        Ok(ApiKeysView {
            show: show.to_string(),
            list: key_list::html(&views, show, total),
            revocable: revocable.map(|key| drawer.revocable(key)).collect(),
            next_id: random::key_id(&*self.random),
            base_url: self.config.base_url.to_string(),
            form: FormState::default(),
            created: None,
        })
    }

    async fn key_page_view(&self, viewer: &Viewer, key_id: &str) -> Result<KeyPageView, Error> {
        let user = self.stored(viewer).await?;
        self.write_key_requests().await;
        let key = self.get_api_key(user.account_no, &parse(key_id)?).await?;
        let (all, _) = self.store.list_api_keys(user.account_no, KeyFilter::All, RELATED, 0).await?;
        let drawer = self.open_drawer(viewer, &all, std::slice::from_ref(&key)).await?;
        let next_id = random::key_id(&*self.random);
        Ok(KeyPageView { key: drawer.view(&key), next_id, form: FormState::default() })
    }

    async fn create_typed(&self, viewer: &Viewer, typed: TypedKey) -> Result<CreatedView, Error> {
        let maker = Customer::on_page(self.stored(viewer).await?);
        let (id, form) = read_key(typed)?;
        let made = self.create_own_api_key_once(&maker, id, form).await?;
        Ok(created(made))
    }

    async fn change_typed(&self, viewer: &Viewer, key_id: &str, typed: KeyChangeForm) -> Result<(), Error> {
        let caller = Customer::on_page(self.stored(viewer).await?);
        let key_id = parse(key_id)?;
        let mut reasons = Reasons::new();
        let expiration_days = read_days(&typed.expiration_days, &mut reasons);
        let limit = read_limit(&typed.limit, &mut reasons);
        if !reasons.is_empty() {
            return Err(Error::Validation(reasons));
        }
        let form = ApiKeyChangeForm { name: Some(typed.name), expiration_days, limit: Some(limit) };
        Console::change_api_key(self, &caller, &key_id, form).await?;
        Ok(())
    }

    async fn rotate_typed(
        &self,
        viewer: &Viewer,
        key_id: &str,
        typed: TypedRotation,
    ) -> Result<CreatedView, Error> {
        let caller = Customer::on_page(self.stored(viewer).await?);
        let (key_id, next_id) = (parse(key_id)?, typed.next_id.parse());
        let next_id = next_id.map_err(|_| Error::field("key_id", "is missing; load the page again"))?;
        let overlap_s = typed.overlap_s.trim().parse();
        let overlap_s = overlap_s.map_err(|_| Error::field("overlap_s", "must be chosen"))?;
        let form = RotationForm { overlap_s: Some(overlap_s), expiration_days: None };
        let rotated = self.rotate_api_key_once(&caller, &key_id, next_id, form).await?;
        Ok(created(rotated.made))
    }
}

fn created(made: super::api_keys::ApiKeyCreated) -> CreatedView {
    CreatedView {
        name: made.key.name,
        secret: made.secret.as_str().to_owned(),
        may_write: made.key.permission == Permission::ReadWrite,
    }
}

/// What is no id names nothing.
fn parse(key_id: &str) -> Result<KeyId, Error> {
    key_id.parse().map_err(|_| Error::not_found())
}

/// Name and days are looked at by the use case.
fn read_key(typed: TypedKey) -> Result<(KeyId, ApiKeyForm), Error> {
    let mut reasons = Reasons::new();
    let permission = Permission::from_name(&typed.permission);
    if permission.is_none() {
        reasons.insert("permission".into(), "must be chosen".into());
    }
    let expiration_days = read_days(&typed.expiration_days, &mut reasons);
    let limit = read_limit(&typed.limit, &mut reasons);
    let id = typed.key_id.parse();
    if id.is_err() {
        reasons.insert("key_id".into(), "is missing; load the page again".into());
    }
    match (permission, id) {
        (Some(permission), Ok(id)) if reasons.is_empty() => {
            Ok((id, ApiKeyForm { name: typed.name, permission, expiration_days, limit }))
        }
        _ => Err(Error::Validation(reasons)),
    }
}

/// `None` for an empty text, and for what is noted.
fn read_days(text: &str, reasons: &mut Reasons) -> Option<u64> {
    let days = Some(text.trim()).filter(|days| !days.is_empty())?.parse().ok();
    if days.is_none() {
        reasons.insert("expiration_days".into(), "must be a whole number from 1 to 3650".into());
    }
    days
}

fn read_limit(typed: &LimitForm, reasons: &mut Reasons) -> Option<SpendLimit> {
    let amount = Some(typed.amount.trim()).filter(|amount| !amount.is_empty())?;
    let chosen =
        |text: &'static str, typed: &str| if typed.is_empty() { text.to_owned() } else { typed.to_owned() };
    let period = LimitPeriod::from_name(&chosen("month", &typed.period));
    let mode = LimitMode::from_name(&chosen("hard", &typed.mode));
    let read = Credits::parse(amount).ok().filter(|amount| !amount.is_zero());
    let (Some(amount), Some(period), Some(mode)) = (read, period, mode) else {
        let reason = "must be an amount of credits above 0, with at most 6 decimals, such as 100 or 2.5";
        reasons.insert("limit".into(), reason.into());
        return None;
    };
    Some(SpendLimit { amount, period, mode })
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
        Console::revoke_api_key(self, &caller, &parse(key_id)?).await?;
        Ok(())
    }

    async fn api_key(&self, viewer: &Viewer, key_id: &str) -> Result<KeyPageView, ConsoleError> {
        Ok(self.key_page_view(viewer, key_id).await?)
    }

    async fn change_api_key(
        &self,
        viewer: &Viewer,
        key_id: &str,
        form: KeyChangeForm,
    ) -> Result<(), ConsoleError> {
        Ok(self.change_typed(viewer, key_id, form).await?)
    }

    async fn rotate_api_key(
        &self,
        viewer: &Viewer,
        key_id: &str,
        form: TypedRotation,
    ) -> Result<CreatedView, ConsoleError> {
        Ok(self.rotate_typed(viewer, key_id, form).await?)
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
            limit: LimitForm::default(),
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

    #[test]
    fn a_limit_is_left_out_or_an_amount_above_nothing() {
        let read = |amount: &str, period: &str| {
            let mut reasons = Reasons::new();
            let form =
                LimitForm { amount: amount.to_owned(), period: period.to_owned(), mode: String::new() };
            let limit = read_limit(&form, &mut reasons);
            if reasons.is_empty() { Ok(limit) } else { Err(()) }
        };
        let month =
            SpendLimit { amount: Credits::whole(5), period: LimitPeriod::Month, mode: LimitMode::Hard };
        assert_eq!((read("", "year"), read(" 5 ", "")), (Ok(None), Ok(Some(month))));
        for wrong in ["0", "-1", "x", "1.0000001", "1,5"] {
            assert_eq!(read(wrong, "day"), Err(()), "{wrong}");
        }
        assert_eq!(read("5", "year"), Err(()));
    }
}
