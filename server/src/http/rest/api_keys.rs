//! `/auth/api-keys`: a customer's keys.

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use ledger::spend_limit::{LimitMode, LimitPeriod, SpendLimit};
use ledger::{Credits, KeyId, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::auth::Customer;
use crate::calendar::Rfc3339;
use crate::console::api_keys::{
    ApiKeyChangeForm, ApiKeyCreated, ApiKeyForm, ApiKeyRotated, LimitState, LimitStates, RotationForm,
};
use crate::console::{Console, Error, Reasons};
use crate::http::json::{Fields, JsonBody, shown, text, wrong_type};
use crate::http::query::{Page, Query};
use crate::store::{ApiKeyRow, KeyFilter, KeyUsage, Permission};

#[cfg(test)]
use crate::http::description::{Area, Caller, Operation, schemas};
#[cfg(test)]
use serde_json::{Value, json};

pub fn router() -> Router<Console> {
    Router::new()
        .route("/auth/api-keys", get(list).post(create))
        .route("/auth/api-keys/{key_id}", get(one).patch(change).delete(revoke))
        .route("/auth/api-keys/{key_id}/rotate", post(rotate))
}

async fn create(
    State(console): State<Console>,
    customer: Customer,
    body: JsonBody,
) -> Result<Json<CreatedView>, Error> {
    customer.must_write()?;
    let created = console.create_own_api_key(&customer, creation_form(&body)?).await?;
    let states = console.limit_states(customer.account_no, [&created.key]).await?;
    Ok(Json(CreatedView::new(created, &states)))
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
    let limit =
        fields.raw("spend_limit").map(|value| spend_limit(value, &mut reasons)).transpose()?.flatten();
    fields.finish(reasons)?;
    // A missing level has been refused just now.
    let permission = permission.unwrap_or(Permission::ReadOnly);
    Ok(ApiKeyForm { name, permission, expiration_days, limit })
}

/// Nothing, for a reason.
fn noted<T>(note: &mut dyn FnMut(&str, String), field: &str, reason: &str) -> Option<T> {
    note(field, reason.to_owned());
    None
}

/// `{"amount", "period", "mode"}`; a limit that is not said to notify refuses. What is wrong is noted, and `None` then.
/// Errors: a field of another type (400).
fn spend_limit(value: &RawValue, reasons: &mut Reasons) -> Result<Option<SpendLimit>, Error> {
    if !value.get().starts_with('{') {
        return Err(wrong_type("spend_limit", "an object with amount and period"));
    }
    let mut fields = Fields::of(value)?;
    let mut note = |field: &str, reason: String| {
        reasons.insert(format!("spend_limit.{field}").into(), reason.into());
    };
    let written = fields.given("amount").map(|value| text(value).unwrap_or(value.get().into()));
    if written
        .as_ref()
        .is_some_and(|text| !text.starts_with(['-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']))
    {
        return Err(wrong_type("spend_limit.amount", "a number or a string of one"));
    }
    let amount = match written.map(|text| Credits::parse(&text)) {
        Some(Ok(amount)) if !amount.is_zero() => Some(amount),
        Some(Ok(_)) => noted(&mut note, "amount", "must be above 0"),
        Some(Err(error)) => noted(&mut note, "amount", &error.to_string()),
        None => noted(&mut note, "amount", "is required"),
    };
    let period = fields.text("period")?;
    let period = period.as_deref().and_then(LimitPeriod::from_name);
    if period.is_none() {
        note("period", "must be day, week or month".into());
    }
    let mode = fields.text("mode")?;
    let mode = mode.as_deref().map_or(Some(LimitMode::Hard), LimitMode::from_name);
    if mode.is_none() {
        note("mode", "must be hard or notify".into());
    }
    for (name, _) in fields.into_pairs() {
        note(&shown(&name), "is not a field of this request".into());
    }
    let (Some(amount), Some(period), Some(mode)) = (amount, period, mode) else { return Ok(None) };
    Ok(Some(SpendLimit { amount, period, mode }))
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
    let states = console.limit_states(customer.account_no, &keys).await?;
    let keys: Vec<KeyView> = keys.into_iter().map(|key| KeyView::new(key, &states, now)).collect();
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
    let states = console.limit_states(customer.account_no, [&key]).await?;
    let key = KeyView::new(key, &states, console.clock.now());
    Ok(Json(UsedKeyView { key, usage_stats: usage.into() }))
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
    let states = console.limit_states(customer.account_no, [&key]).await?;
    Ok(Json(KeyView::new(key, &states, console.clock.now())))
}

/// Without a body, or with any of its fields.
async fn rotate(
    State(console): State<Console>,
    customer: Customer,
    Path(key_id): Path<String>,
    body: Option<JsonBody>,
) -> Result<Json<RotatedView>, Error> {
    customer.must_write()?;
    let form = body.map_or_else(|| Ok(RotationForm::default()), |body| rotation_form(&body))?;
    let ApiKeyRotated { made, old } = console.rotate_api_key(&customer, &parse(&key_id)?, form).await?;
    let states = console.limit_states(customer.account_no, [&made.key]).await?;
    let replaces = ReplacedView { key_id: old.id, expires_at: old.expires_at.map(Rfc3339) };
    Ok(Json(RotatedView { key: CreatedView::new(made, &states), replaces }))
}

fn rotation_form(body: &JsonBody) -> Result<RotationForm, Error> {
    let mut fields = body.object()?;
    let mut reasons = Reasons::new();
    let overlap_s = fields.whole("overlap_s", &mut reasons)?;
    let expiration_days = fields.whole("expiration_days", &mut reasons)?;
    fields.finish(reasons)?;
    Ok(RotationForm { overlap_s, expiration_days })
}

fn change_form(body: &JsonBody) -> Result<ApiKeyChangeForm, Error> {
    let mut fields = body.object()?;
    let mut reasons = Reasons::new();
    let name = fields.text("name")?.map(std::borrow::Cow::into_owned);
    let expiration_days = fields.whole("expiration_days", &mut reasons)?;
    if fields.text("permission_level")?.is_some() {
        reasons.insert("permission_level".into(), "can't be changed; make a new key".into());
    }
    let limit = match fields.given("spend_limit") {
        Some(value) if value.get() == "null" => Some(None),
        Some(value) => Some(spend_limit(value, &mut reasons)?),
        None => None,
    };
    fields.finish(reasons)?;
    Ok(ApiKeyChangeForm { name, expiration_days, limit })
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

/// What only keys of their kind have is left out of the others.
#[derive(Debug, Serialize, JsonSchema)]
struct CreatedView {
    key_id: KeyId,
    name: String,
    /// The whole secret, this once.
    key: String,
    #[schemars(extend("enum" = ["read_only", "read_write"]))]
    permission_level: &'static str,
    created_at: Rfc3339,
    expires_at: Option<Rfc3339>,
    created_by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    spend_limit: Option<LimitView>,
}

impl CreatedView {
    fn new(ApiKeyCreated { secret, key }: ApiKeyCreated, states: &LimitStates) -> Self {
        Self {
            spend_limit: states.get(&key.id).map(LimitView::new),
            key_id: key.id,
            name: key.name,
            key: secret.as_str().to_owned(),
            permission_level: key.permission.name(),
            created_at: Rfc3339(key.created_at),
            expires_at: key.expires_at.map(Rfc3339),
            created_by: key.created_by,
        }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
struct RotatedView {
    #[serde(flatten)]
    key: CreatedView,
    replaces: ReplacedView,
}

/// The old key, and how long it still works.
#[derive(Debug, Serialize, JsonSchema)]
struct ReplacedView {
    key_id: KeyId,
    expires_at: Option<Rfc3339>,
}

/// A limit, and where the key is in its period.
#[derive(Debug, Serialize, JsonSchema)]
struct LimitView {
    amount: Credits,
    #[schemars(extend("enum" = LimitPeriod::ALL.map(LimitPeriod::name)))]
    period: &'static str,
    #[schemars(extend("enum" = LimitMode::ALL.map(LimitMode::name)))]
    mode: &'static str,
    /// With what is held.
    spent: Credits,
    is_reached: bool,
    period_start: Rfc3339,
    period_end: Rfc3339,
}

impl LimitView {
    fn new(state: &LimitState) -> Self {
        let LimitState { limit, spent, from, to } = *state;
        Self {
            amount: limit.amount,
            period: limit.period.name(),
            mode: limit.mode.name(),
            spent,
            is_reached: limit.is_reached(spent),
            period_start: Rfc3339(from),
            period_end: Rfc3339(to),
        }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Keys")]
struct ListView {
    keys: Vec<KeyView>,
    pagination: Pagination,
}

/// A key on the wire.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::http) struct KeyView {
    key_id: KeyId,
    name: String,
    key_prefix: String,
    key_suffix: String,
    #[schemars(extend("enum" = ["read_only", "read_write"]))]
    permission_level: &'static str,
    created_at: Rfc3339,
    expires_at: Option<Rfc3339>,
    last_used_at: Option<Rfc3339>,
    #[schemars(extend("enum" = ["active", "expired", "revoked"]))]
    status: &'static str,
    created_by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    spend_limit: Option<LimitView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replaces: Option<KeyId>,
}

impl KeyView {
    pub fn new(key: ApiKeyRow, states: &LimitStates, now: Timestamp) -> Self {
        let standing = match (key.revoked_at, key.expires_at) {
            (Some(_), _) => "revoked",
            (None, Some(expires_at)) if expires_at <= now => "expired",
            (None, _) => "active",
        };
        Self {
            spend_limit: states.get(&key.id).map(LimitView::new),
            key_id: key.id,
            name: key.name,
            key_prefix: key.key_prefix,
            key_suffix: key.key_suffix,
            permission_level: key.permission.name(),
            created_at: Rfc3339(key.created_at),
            expires_at: key.expires_at.map(Rfc3339),
            last_used_at: key.last_used_at.map(Rfc3339),
            status: standing,
            created_by: key.created_by,
            replaces: key.replaces,
        }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
struct UsedKeyView {
    #[serde(flatten)]
    key: KeyView,
    usage_stats: UsageStats,
}

#[derive(Debug, Serialize, JsonSchema)]
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

#[derive(Debug, Serialize, JsonSchema)]
struct RevokedView {
    key_id: KeyId,
    #[schemars(extend("const" = "revoked"))]
    status: &'static str,
    revoked_at: Rfc3339,
}

/// Where a list stands.
#[derive(Debug, Serialize, JsonSchema)]
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

/// Bodies: of a new key, a change and a rotation.
#[cfg(test)]
fn bodies() -> [Value; 3] {
    let limit = json!({
        "type": ["object", "null"],
        "properties": {
            "amount": {
                "description": "Credits above 0: a number or a string of one.",
                "anyOf": [
                    { "type": "number", "exclusiveMinimum": 0 },
                    { "type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?([eE][-+]?[0-9]+)?$" },
                ],
            },
            "period": { "type": "string", "enum": LimitPeriod::ALL.map(LimitPeriod::name) },
            "mode": {
                "type": ["string", "null"], "enum": ["hard", "notify", null], "default": "hard",
                "description": "`hard` refuses what would go above it, `notify` only says so.",
            },
        },
        "required": ["amount", "period"],
        "additionalProperties": false,
        "description": "For each day, week (from Monday) or month of the account's time zone.",
    });
    let days = json!({ "type": "integer", "minimum": 1, "maximum": 3_650, "description": "From now on." });
    let name = json!({ "type": "string", "minLength": 1, "maxLength": 100 });
    let level = json!({ "type": "string", "enum": ["read_only", "read_write"] });
    let new_key = schemas::object(
        json!({ "name": name, "permission_level": level, "expiration_days": days, "spend_limit": limit }),
        &["name", "permission_level"],
    );
    let change = schemas::object(json!({ "name": name, "expiration_days": days, "spend_limit": limit }), &[]);
    let rotation = schemas::object(
        json!({
            "overlap_s": {
                "type": "integer", "minimum": 0, "maximum": 604_800, "default": 86_400,
                "description": "How long the old secret still works, in seconds.",
            },
            "expiration_days": days,
        }),
        &[],
    );
    [new_key, change, rotation]
}

/// A key as it is shown, and as it is made.
#[cfg(test)]
fn examples() -> [Value; 2] {
    let shown = json!({
            "key_id": "key_8tK2mPq4Xz1a", "name": "ci", "key_prefix": "plx_sk_8tK2", "key_suffix": "x7Qp", "permission_level": "read_write",
            "created_at": "2026-11-22T12:00:00Z", "expires_at": null, "last_used_at": null, "status": "active",
            "created_by": "ada@example.com",
    });
    let made = json!({
            "key_id": "key_8tK2mPq4Xz1a", "name": "ci", "key": "plx_sk_8tK2…x7Qp", "permission_level": "read_write",
            "created_at": "2026-11-22T12:00:00Z", "expires_at": null, "created_by": "ada@example.com",
    });
    [shown, made]
}

#[cfg(test)]
pub(super) fn described() -> Vec<Operation> {
    let [new_key, change, rotation] = bodies();
    let [shown, made] = examples();
    let mut used = shown.clone();
    used["usage_stats"] = json!({ "requests_last_24h": 2, "requests_last_7d": 40, "requests_last_30d": 160 });
    let mut rotated = made.clone();
    rotated["replaces"] = json!({ "key_id": "key_2bN7cVr9Lw3d", "expires_at": "2026-11-22T13:00:00Z" });
    vec![
        Operation::post("/auth/api-keys", "create_key", "Make a key")
            .about(
                "The whole secret is in this answer and nowhere else. A key that is made with a key has at most its permission, \
                 expiry and spend limit. Ten an hour for each account.",
            )
            .by(Area::Keys, Caller::Writer)
            .body("NewKey", new_key, json!({ "name": "ci", "permission_level": "read_write", "expiration_days": 90 }))
            .answers::<CreatedView>(made)
            .refuses(["email_not_verified", "rate_limited"]),
        Operation::get("/auth/api-keys", "list_keys", "List keys")
            .about("The newest first.")
            .by(Area::Keys, Caller::Reader)
            .query([
                schemas::word("status", &["active", "revoked"], None, "Only keys that work, or only revoked ones."),
                schemas::limit(),
                schemas::offset(),
            ])
            .answers::<ListView>(json!({
                "keys": [shown], "pagination": { "total": 1, "limit": 20, "offset": 0, "has_more": false },
            })),
        Operation::get("/auth/api-keys/{key_id}", "get_key", "One key, and how much it is used")
            .by(Area::Keys, Caller::Reader)
            .answers::<UsedKeyView>(used),
        Operation::patch("/auth/api-keys/{key_id}", "change_key", "Change a key")
            .about("What is not named stays; `\"spend_limit\": null` takes the limit away. The permission can't be changed.")
            .by(Area::Keys, Caller::Writer)
            .body("KeyChange", change, json!({ "name": "ci, nightly" }))
            .answers::<KeyView>(shown)
            .refuses(["conflict"]),
        Operation::delete("/auth/api-keys/{key_id}", "revoke_key", "Revoke a key")
            .about("For ever. Spending with it stops with the next transaction, reading within a second.")
            .by(Area::Keys, Caller::Writer)
            .answers::<RevokedView>(
                json!({ "key_id": "key_8tK2mPq4Xz1a", "status": "revoked", "revoked_at": "2026-11-22T12:00:00Z" }),
            ),
        Operation::post("/auth/api-keys/{key_id}/rotate", "rotate_key", "Give a key a new secret")
            .about(
                "In one call: a new key with the same name, permission, expiry and limit, and an end to the old one. During the \
                 overlap both spend from one limit. A key rotates itself and the keys that were made with it.",
            )
            .by(Area::Keys, Caller::Writer)
            .body("KeyRotation", rotation, json!({ "overlap_s": 3600 }))
            .or_no_body()
            .answers::<RotatedView>(rotated)
            .refuses(["conflict", "email_not_verified", "rate_limited"]),
    ]
}
