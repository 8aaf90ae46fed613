//! Customers' keys.

use ledger::spend_limit::{LimitMode, LimitPeriod, SpendLimit};
use ledger::{AccountId, KeyId, Timestamp, UserId};

use super::accounts::{AccountStatus, Tier, account_status};
use super::dialect::{Dialect as _, Sql};
use super::made_keys::{MadeKeys as _, Origin, earlier};
use super::rows::{Cell, Column as _, parse_text};
use super::{Store, StoreError, change, note, read};

/// What a customer's key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    ReadOnly,
    ReadWrite,
}

impl Permission {
    pub const fn name(self) -> &'static str {
        match self {
            Self::ReadOnly => "read_only",
            Self::ReadWrite => "read_write",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::ReadOnly, Self::ReadWrite].into_iter().find(|permission| permission.name() == name)
    }
}

/// A key with what its account needs for answering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeyRow {
    pub id: KeyId,
    pub account_no: i64,
    pub account_id: AccountId,
    pub account_status: AccountStatus,
    /// Of its plan.
    pub tier: Option<Tier>,
    /// IANA name.
    pub time_zone: String,
    /// Who made it.
    pub user_id: UserId,
    /// The e-mail of who made it.
    pub created_by: String,
    /// Whether that e-mail is verified.
    pub is_verified: bool,
    pub name: String,
    /// `plx_sk_` and four more.
    pub key_prefix: String,
    /// The secret's last four.
    pub key_suffix: String,
    pub permission: Permission,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    pub limit: Option<SpendLimit>,
    /// The key that it was made with.
    pub made_with: Option<KeyId>,
    /// The key of which it is the successor.
    pub replaces: Option<KeyId>,
}

/// A key to insert.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    pub id: KeyId,
    pub account_no: i64,
    pub user_id: UserId,
    pub name: String,
    /// SHA-256 of the secret.
    pub secret_hash: [u8; 32],
    pub key_prefix: String,
    pub key_suffix: String,
    pub permission: Permission,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub limit: Option<SpendLimit>,
}

/// What changes about a key; `None` leaves it as it is.
#[derive(Debug, Clone, Default)]
pub struct ApiKeyChange {
    pub name: Option<String>,
    pub expires_at: Option<Timestamp>,
    /// `Some(None)` takes it away.
    pub limit: Option<Option<SpendLimit>>,
}

/// Which of an account's keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyFilter {
    All,
    /// Neither revoked nor expired.
    Usable {
        at: Timestamp,
    },
    Revoked,
}

/// Requests made with a key since some instant, and when the last one was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRequests {
    pub key: KeyId,
    /// The start of an hour (UTC).
    pub hour: Timestamp,
    pub count: u64,
    pub last_used_at: Timestamp,
}

/// Requests that a key was used for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct KeyUsage {
    pub last_24h: i64,
    pub last_7d: i64,
    pub last_30d: i64,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: String,
    account_no: i64,
    account_id: String,
    status: String,
    tier: Option<String>,
    time_zone: String,
    user_id: String,
    created_by: String,
    is_verified: bool,
    name: String,
    key_prefix: String,
    key_suffix: String,
    permission: String,
    created_at: i64,
    expires_at: Option<i64>,
    last_used_at: Option<i64>,
    revoked_at: Option<i64>,
    limit_credits: Option<i64>,
    limit_period: Option<String>,
    limit_mode: Option<String>,
    made_with: Option<String>,
    replaces: Option<String>,
}

/// Statements about `new`, of which `$1` is a JSON array of rows: key, hour, count, last use.
macro_rules! about_requests {
    ($before:literal, $after:literal) => {
        Sql {
            sqlite: concat!(
                $before,
                "(SELECT value ->> 0 AS key_id, value ->> 1 AS hour, value ->> 2 AS count, value ->> 3 AS last_used_at \
                 FROM json_each($1)) AS new ",
                $after
            ),
            postgres: concat!(
                $before,
                "(SELECT value ->> 0 AS key_id, CAST(value ->> 1 AS BIGINT) AS hour, CAST(value ->> 2 AS BIGINT) AS count, \
                 CAST(value ->> 3 AS BIGINT) AS last_used_at FROM json_array_elements(CAST($1 AS JSON))) AS new ",
                $after
            ),
        }
    };
}

/// A key that was used in an hour may be there twice: what could not be written is counted again.
const COUNT_REQUESTS: Sql = about_requests!(
    "INSERT INTO api_key_requests (key_id, hour, count) SELECT key_id, hour, CAST(sum(count) AS BIGINT) FROM ",
    "WHERE true GROUP BY key_id, hour \
     ON CONFLICT (key_id, hour) DO UPDATE SET count = api_key_requests.count + excluded.count"
);

const NOTE_USE: Sql = about_requests!(
    "UPDATE api_keys SET last_used_at = used.at FROM (SELECT key_id, max(last_used_at) AS at FROM ",
    "GROUP BY key_id) AS used WHERE api_keys.id = used.key_id AND coalesce(api_keys.last_used_at, 0) < used.at"
);

/// `$2`: those of earlier hours.
const FORGET_REQUESTS: Sql =
    about_requests!("DELETE FROM api_key_requests WHERE hour < $2 AND key_id IN (SELECT key_id FROM ", ")");

/// The columns of a key's limit, for [`parse_limit`].
macro_rules! limit_columns {
    () => {
        "k.limit_credits, k.limit_period, k.limit_mode"
    };
}
pub(super) use limit_columns;

macro_rules! key_columns {
    () => {
        concat!(
            "k.id, k.account AS account_no, a.id AS account_id, ",
            account_status!(),
            ", a.tier, a.time_zone, k.user_id, coalesce(u.claimed_email, u.email) AS created_by, \
             u.verified_at IS NOT NULL AS is_verified, k.name, k.key_prefix, k.key_suffix, k.permission, k.created_at, k.expires_at, \
             k.last_used_at, k.revoked_at, k.limit_credits, k.limit_period, k.limit_mode, k.made_with, k.replaces \
             FROM api_keys k JOIN accounts a ON a.no = k.account JOIN users u ON u.id = k.user_id "
        )
    };
}

/// A limit from its columns.
pub(super) fn parse_limit(
    credits: Option<i64>,
    period: Option<&str>,
    mode: Option<&str>,
    key: &str,
) -> Result<Option<SpendLimit>, StoreError> {
    let (Some(credits), Some(period), Some(mode)) = (credits, period, mode) else { return Ok(None) };
    let cell = |column| Cell { table: "api_keys", column, row: key.to_owned() };
    Ok(Some(SpendLimit {
        amount: credits.read("api_keys", "limit_credits", key)?,
        period: LimitPeriod::from_name(period).ok_or_else(|| cell("limit_period").corrupt(period))?,
        mode: LimitMode::from_name(mode).ok_or_else(|| cell("limit_mode").corrupt(mode))?,
    }))
}

impl TryFrom<Row> for ApiKeyRow {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let cell = || Cell { table: "api_keys", column: "permission", row: row.id.clone() };
        let (period, mode) = (row.limit_period.as_deref(), row.limit_mode.as_deref());
        let key = |id: Option<String>, column| id.map(|id| parse_text(&id, "api_keys", column)).transpose();
        Ok(Self {
            limit: parse_limit(row.limit_credits, period, mode, &row.id)?,
            made_with: key(row.made_with, "made_with")?,
            replaces: key(row.replaces, "replaces")?,
            tier: Tier::read(row.tier.as_deref(), &row.account_id)?,
            id: parse_text(&row.id, "api_keys", "id")?,
            account_id: parse_text(&row.account_id, "accounts", "id")?,
            user_id: parse_text(&row.user_id, "api_keys", "user_id")?,
            account_status: AccountStatus::read(&row.status, &row.account_id)?,
            permission: Permission::from_name(&row.permission)
                .ok_or_else(|| cell().corrupt(&row.permission))?,
            account_no: row.account_no,
            time_zone: row.time_zone,
            created_by: row.created_by,
            is_verified: row.is_verified,
            name: row.name,
            key_prefix: row.key_prefix,
            key_suffix: row.key_suffix,
            created_at: Timestamp::from_micros(row.created_at),
            expires_at: row.expires_at.map(Timestamp::from_micros),
            last_used_at: row.last_used_at.map(Timestamp::from_micros),
            revoked_at: row.revoked_at.map(Timestamp::from_micros),
        })
    }
}

impl Store {
    /// Inserts a key that an operator makes.
    pub async fn insert_api_key(&self, key: &NewApiKey) -> Result<(), StoreError> {
        change!(self, db => db.insert_key_row(key, Origin { by_operator: true, ..Origin::default() }).await)
    }

    /// The key with this secret, whatever has become of it.
    pub async fn find_api_key_by_secret(
        &self,
        secret_hash: [u8; 32],
    ) -> Result<Option<ApiKeyRow>, StoreError> {
        let found: Option<Row> = read!(self, db => Ok(sqlx::query_as(concat!("SELECT ", key_columns!(), "WHERE k.secret_hash = $1"))
                .bind(secret_hash.to_vec())
                .fetch_optional(db)
                .await?))?;
        found.map(ApiKeyRow::try_from).transpose()
    }

    /// A key of this account.
    pub async fn find_api_key(&self, account_no: i64, id: &KeyId) -> Result<Option<ApiKeyRow>, StoreError> {
        let found: Option<Row> = read!(self, db => Ok(sqlx::query_as(concat!("SELECT ", key_columns!(), "WHERE k.id = $2 AND k.account = $1"))
                .bind(account_no)
                .bind(id.as_str())
                .fetch_optional(db)
                .await?))?;
        found.map(ApiKeyRow::try_from).transpose()
    }

    /// The account's keys, the newest first, and how many there are.
    pub async fn list_api_keys(
        &self,
        account_no: i64,
        filter: KeyFilter,
        limit: u32,
        offset: u64,
    ) -> Result<(Vec<ApiKeyRow>, u64), StoreError> {
        let (revoked, usable_at) = match filter {
            KeyFilter::All => (None, None),
            KeyFilter::Usable { at } => (Some(false), Some(at.micros())),
            KeyFilter::Revoked => (Some(true), None),
        };
        let (rows, total): (Vec<Row>, i64) = read!(self, db => {
            let rows = sqlx::query_as(concat!(
                "SELECT ", key_columns!(),
                "WHERE k.account = $1 AND ($2 IS NULL OR (k.revoked_at IS NOT NULL) = $2) \
                 AND ($3 IS NULL OR k.expires_at IS NULL OR k.expires_at > $3) \
                 ORDER BY k.created_at DESC, k.id LIMIT $4 OFFSET $5"
            ))
            .bind(account_no)
            .bind(revoked)
            .bind(usable_at)
            .bind(i64::from(limit))
            .bind(i64::try_from(offset).unwrap_or(i64::MAX))
            .fetch_all(&mut *db)
            .await?;
            let (total,) = sqlx::query_as(
                "SELECT count(*) FROM api_keys WHERE account = $1 AND ($2 IS NULL OR (revoked_at IS NOT NULL) = $2) \
                 AND ($3 IS NULL OR expires_at IS NULL OR expires_at > $3)",
            )
            .bind(account_no)
            .bind(revoked)
            .bind(usable_at)
            .fetch_one(&mut *db)
            .await?;
            Ok((rows, total))
        })?;
        let keys = rows.into_iter().map(ApiKeyRow::try_from).collect::<Result<_, _>>()?;
        Ok((keys, u64::try_from(total).unwrap_or_default()))
    }

    /// Whether the account has a key that is neither revoked nor expired.
    pub async fn has_api_key(&self, account_no: i64, now: Timestamp) -> Result<bool, StoreError> {
        let (found,): (bool,) = read!(self, db => Ok(sqlx::query_as(
            "SELECT EXISTS (SELECT 1 FROM api_keys \
             WHERE account = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2))",
        )
        .bind(account_no)
        .bind(now.micros())
        .fetch_one(db)
        .await?))?;
        Ok(found)
    }

    /// Changes a key of this account that is not revoked; whether there is one. It has at most the expiry and the limit of the
    /// key it was made with, and those that were made with it end no later than it.
    pub async fn update_api_key(
        &self,
        account_no: i64,
        id: &KeyId,
        new: &ApiKeyChange,
    ) -> Result<bool, StoreError> {
        change!(self, db => {
            let maker = db.find_makers_bounds(account_no, id.as_str()).await?;
            let most = maker.as_ref().and_then(|maker| maker.expires_at);
            let expires_at = new.expires_at.and_then(|at| earlier(Some(at), most));
            let makers_limit = maker.map_or(Ok(None), |maker| maker.limit(id))?;
            let limit = SpendLimit::within(new.limit.flatten(), makers_limit);
            let updated = sqlx::query(
                "UPDATE api_keys SET name = coalesce($3, name), expires_at = coalesce($4, expires_at), \
                 limit_credits = CASE WHEN $5 THEN $6 ELSE limit_credits END, \
                 limit_period = CASE WHEN $5 THEN $7 ELSE limit_period END, \
                 limit_mode = CASE WHEN $5 THEN $8 ELSE limit_mode END \
                 WHERE id = $2 AND account = $1 AND revoked_at IS NULL",
            )
            .bind(account_no)
            .bind(id.as_str())
            .bind(&new.name)
            .bind(expires_at.map(Timestamp::micros))
            .bind(new.limit.is_some())
            .bind(limit.map(|limit| limit.amount.micros()))
            .bind(limit.map(|limit| limit.period.name()))
            .bind(limit.map(|limit| limit.mode.name()))
            .execute(&mut *db)
            .await?;
            let is_changed = updated.rows_affected() == 1;
            if let Some(ends_at) = expires_at.filter(|_| is_changed) {
                db.end_made_with(id.as_str(), ends_at).await?;
            }
            Ok(is_changed)
        }, told_if |updated| updated)
    }

    /// Revokes a key of this account, together with what was made with it, and returns when that happened first; `None`: no such
    /// key.
    pub async fn revoke_api_key(
        &self,
        account_no: i64,
        id: &KeyId,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let found: Option<(i64,)> = change!(self, db => {
            let found: Option<(i64,)> = sqlx::query_as(
                "UPDATE api_keys SET revoked_at = coalesce(revoked_at, $3) WHERE id = $2 AND account = $1 \
                 RETURNING revoked_at",
            )
            .bind(account_no)
            .bind(id.as_str())
            .bind(now.micros())
            .fetch_optional(&mut *db)
            .await?;
            if found.is_some_and(|(revoked_at,)| revoked_at == now.micros()) {
                db.revoke_made_with(id.as_str(), now).await?;
            }
            Ok(found)
        }, told_if |found| found.is_some_and(|(revoked_at,): (i64,)| revoked_at == now.micros()))?;
        Ok(found.map(|(revoked_at,)| Timestamp::from_micros(revoked_at)))
    }

    /// Adds to the counts of requests, and forgets what is older than anybody is shown.
    pub async fn add_key_requests(
        &self,
        requests: &[KeyRequests],
        forget_before: Timestamp,
    ) -> Result<(), StoreError> {
        let rows: Vec<(&str, i64, i64, i64)> = requests
            .iter()
            .map(|of| {
                let count = i64::try_from(of.count).unwrap_or(i64::MAX);
                (of.key.as_str(), of.hour.micros(), count, of.last_used_at.micros())
            })
            .collect();
        // Texts and numbers always have a JSON form.
        let rows = serde_json::to_string(&rows).unwrap_or_default();
        note!(self, db => {
            let [count, used, forget] = [COUNT_REQUESTS, NOTE_USE, FORGET_REQUESTS].map(|sql| db.says(sql));
            sqlx::query(count).bind(&rows).execute(&mut *db).await?;
            sqlx::query(used).bind(&rows).execute(&mut *db).await?;
            sqlx::query(forget).bind(&rows).bind(forget_before.micros()).execute(&mut *db).await?;
            Ok(())
        })
    }

    /// Requests with each of the account's keys in the hours after `since`; keys without any are left out.
    pub async fn list_key_requests(
        &self,
        account_no: i64,
        since: Timestamp,
    ) -> Result<Vec<(KeyId, u64)>, StoreError> {
        let rows: Vec<(String, i64)> = read!(self, db => Ok(sqlx::query_as(
            "SELECT r.key_id, CAST(sum(r.count) AS BIGINT) FROM api_key_requests r JOIN api_keys k ON k.id = r.key_id \
             WHERE k.account = $1 AND r.hour > $2 GROUP BY r.key_id",
        )
        .bind(account_no)
        .bind(since.micros())
        .fetch_all(db)
        .await?))?;
        let read = |(key, count): (String, i64)| {
            Ok((parse_text(&key, "api_key_requests", "key_id")?, u64::try_from(count).unwrap_or_default()))
        };
        rows.into_iter().map(read).collect()
    }

    /// Requests with this key in the hours since 24 hours, 7 and 30 days before `now`.
    pub async fn key_usage(&self, id: &KeyId, now: Timestamp) -> Result<KeyUsage, StoreError> {
        let since = |days: i64| now.saturating_add(-days * ledger::time::DAY).micros();
        read!(self, db => Ok(sqlx::query_as(
            "SELECT CAST(coalesce(sum(CASE WHEN hour > $2 THEN count END), 0) AS BIGINT) AS last_24h, \
             CAST(coalesce(sum(CASE WHEN hour > $3 THEN count END), 0) AS BIGINT) AS last_7d, \
             CAST(coalesce(sum(count), 0) AS BIGINT) AS last_30d \
             FROM api_key_requests WHERE key_id = $1 AND hour > $4",
        )
        .bind(id.as_str())
        .bind(since(1))
        .bind(since(7))
        .bind(since(30))
        .fetch_one(db)
        .await?))
    }
}
