//! `/auth/api-keys`: a customer's keys.

use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use ledger::{KeyId, Timestamp};
use serde::Serialize;

use crate::auth::Customer;
use crate::calendar::Rfc3339;
use crate::console::api_keys::{ApiKeyChangeForm, ApiKeyForm};
use crate::console::{Console, Error, Reasons};
use crate::http::json::JsonBody;
use crate::http::query::{Page, Query};
use crate::store::{ApiKeyRow, KeyFilter, KeyUsage, Permission};

pub fn router() -> Router<Console> {
    Router::new()
        .route("/auth/api-keys", get(list).post(create))
        .route("/auth/api-keys/{key_id}", get(one).patch(change).delete(revoke))
}

async fn create(
    State(console): State<Console>,
    customer: Customer,
    body: JsonBody,
) -> Result<Json<CreatedView>, Error> {
    customer.must_write()?;
    let created = console.create_own_api_key(&customer, creation_form(&body)?).await?;
    let (key, secret) = (created.key, created.secret);
    Ok(Json(CreatedView {
        key_id: key.id,
        name: key.name,
        key: secret.as_str().to_owned(),
        permission_level: key.permission.name(),
        created_at: Rfc3339(key.created_at),
        expires_at: key.expires_at.map(Rfc3339),
        created_by: key.created_by,
    }))
}

fn creation_form(body: &JsonBody) -> Result<ApiKeyForm, Error> {
    let mut fields = body.object()?;
    let mut reasons = Reasons::new();
    let name = fields.required_text("name", &mut reasons)?.into_owned();
    let level = fields.required_text("permission_level", &mut reasons)?;
    let permission = Permission::from_name(&level);
    if permission.is_none() {
        reasons.entry("permission_level".into()).or_insert("must be read_only or read_write".into());
    }
    let expiration_days = fields.whole("expiration_days", &mut reasons)?;
    fields.finish(reasons)?;
    // A missing level has been refused just now.
    Ok(ApiKeyForm { name, permission: permission.unwrap_or(Permission::ReadOnly), expiration_days })
}

async fn list(
    State(console): State<Console>,
    customer: Customer,
    query: Query,
) -> Result<Json<ListView>, Error> {
    let now = console.clock.now();
    let statuses = [("active", KeyFilter::Usable { at: now }), ("revoked", KeyFilter::Revoked)];
    let (filter, page) = query.read(|query| (query.one_of("status", &statuses), query.page()))?;
    let filter = filter.unwrap_or(KeyFilter::All);
    let (keys, total) = console.list_api_keys(customer.account_no, filter, page.limit, page.offset).await?;
    let keys: Vec<KeyView> = keys.into_iter().map(|key| KeyView::new(key, now)).collect();
    let pagination = Pagination::new(page, total, keys.len());
    Ok(Json(ListView { keys, pagination }))
}

async fn one(
    State(console): State<Console>,
    customer: Customer,
    Path(key_id): Path<String>,
    query: Query,
) -> Result<Json<UsedKeyView>, Error> {
    query.read(|_| ())?;
    let (key, usage) = console.api_key_usage(customer.account_no, &parse(&key_id)?).await?;
    Ok(Json(UsedKeyView { key: KeyView::new(key, console.clock.now()), usage_stats: usage.into() }))
}

async fn change(
    State(console): State<Console>,
    customer: Customer,
    Path(key_id): Path<String>,
    body: JsonBody,
) -> Result<Json<KeyView>, Error> {
    customer.must_write()?;
    let form = change_form(&body)?;
    let key = console.change_api_key(&customer, &parse(&key_id)?, form).await?;
    Ok(Json(KeyView::new(key, console.clock.now())))
}

fn change_form(body: &JsonBody) -> Result<ApiKeyChangeForm, Error> {
    let mut fields = body.object()?;
    let mut reasons = Reasons::new();
    let name = fields.text("name")?.map(std::borrow::Cow::into_owned);
    let expiration_days = fields.whole("expiration_days", &mut reasons)?;
    if fields.text("permission_level")?.is_some() {
        reasons.insert("permission_level".into(), "can't be changed; make a new key".into());
    }
    fields.finish(reasons)?;
    Ok(ApiKeyChangeForm { name, expiration_days })
}

async fn revoke(
    State(console): State<Console>,
    customer: Customer,
    Path(key_id): Path<String>,
) -> Result<Json<RevokedView>, Error> {
    customer.must_write()?;
    let key_id = parse(&key_id)?;
    let revoked_at = console.revoke_api_key(&customer, &key_id).await?;
    Ok(Json(RevokedView { key_id, status: "revoked", revoked_at: Rfc3339(revoked_at) }))
}

/// What is no id names nothing.
fn parse(key_id: &str) -> Result<KeyId, Error> {
    key_id.parse().map_err(|_| Error::not_found())
}

#[derive(Debug, Serialize)]
struct CreatedView {
    key_id: KeyId,
    name: String,
    /// The whole secret, this once.
    key: String,
    permission_level: &'static str,
    created_at: Rfc3339,
    expires_at: Option<Rfc3339>,
    created_by: String,
}

#[derive(Debug, Serialize)]
struct ListView {
    keys: Vec<KeyView>,
    pagination: Pagination,
}

#[derive(Debug, Serialize)]
struct KeyView {
    key_id: KeyId,
    name: String,
    key_prefix: String,
    key_suffix: String,
    permission_level: &'static str,
    created_at: Rfc3339,
    expires_at: Option<Rfc3339>,
    last_used_at: Option<Rfc3339>,
    /// `active`, `expired` or `revoked`.
    status: &'static str,
    created_by: String,
}

impl KeyView {
    fn new(key: ApiKeyRow, now: Timestamp) -> Self {
        let status = match (key.revoked_at, key.expires_at) {
            (Some(_), _) => "revoked",
            (None, Some(expires_at)) if expires_at <= now => "expired",
            (None, _) => "active",
        };
        Self {
            key_id: key.id,
            name: key.name,
            key_prefix: key.key_prefix,
            key_suffix: key.key_suffix,
            permission_level: key.permission.name(),
            created_at: Rfc3339(key.created_at),
            expires_at: key.expires_at.map(Rfc3339),
            last_used_at: key.last_used_at.map(Rfc3339),
            status,
            created_by: key.created_by,
        }
    }
}

#[derive(Debug, Serialize)]
struct UsedKeyView {
    #[serde(flatten)]
    key: KeyView,
    usage_stats: UsageStats,
}

#[derive(Debug, Serialize)]
#[expect(clippy::struct_field_names, reason = "the names of the wire")]
struct UsageStats {
    requests_last_24h: i64,
    requests_last_7d: i64,
    requests_last_30d: i64,
}

impl From<KeyUsage> for UsageStats {
    fn from(KeyUsage { last_24h, last_7d, last_30d }: KeyUsage) -> Self {
        Self { requests_last_24h: last_24h, requests_last_7d: last_7d, requests_last_30d: last_30d }
    }
}

#[derive(Debug, Serialize)]
struct RevokedView {
    key_id: KeyId,
    status: &'static str,
    revoked_at: Rfc3339,
}

/// Where a list stands.
#[derive(Debug, Serialize)]
pub(super) struct Pagination {
    total: u64,
    limit: u32,
    offset: u64,
    has_more: bool,
}

impl Pagination {
    pub fn new(Page { limit, offset }: Page, total: u64, shown: usize) -> Self {
        let seen = offset.saturating_add(u64::try_from(shown).unwrap_or(u64::MAX));
        Self { total, limit, offset, has_more: seen < total }
    }
}
