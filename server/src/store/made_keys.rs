//! How customers' keys come to be and end together: made with a key, or in place of one. A key that was made with another one
//! never outlives it: it ends no later, and is revoked with it.

use ledger::spend_limit::SpendLimit;
use ledger::{KeyId, Timestamp};

use super::api_keys::{NewApiKey, limit_columns, parse_limit};
use super::{Permission, Store, StoreError, change, on_connection, read};

/// How many keys an account may make itself: `most` after `since`. Those that an operator makes don't count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    pub most: u32,
    pub since: Timestamp,
}

/// What became of a wish for a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Making {
    Made,
    /// Too many were made since; the oldest of those that count.
    TooMany {
        oldest: Timestamp,
    },
    /// The key to make it with, or to replace, has been revoked or has expired by now.
    Ended,
    /// The key to replace has a successor.
    Replaced,
}

/// Where a new key comes from.
#[derive(Debug, Clone, Default)]
pub(super) struct Origin {
    pub by_operator: bool,
    /// The key that it was made with.
    pub made_with: Option<String>,
    /// The key that it replaces, and the first of those that replaced each other.
    pub replaces: Option<(String, String)>,
}

/// A key in which others have their bounds.
#[derive(sqlx::FromRow)]
pub(super) struct BoundsRow {
    pub expires_at: Option<i64>,
    revoked_at: Option<i64>,
    limit_credits: Option<i64>,
    limit_period: Option<String>,
    limit_mode: Option<String>,
}

impl BoundsRow {
    fn has_ended(&self, now: Timestamp) -> bool {
        self.revoked_at.is_some() || self.expires_at.is_some_and(|at| at <= now.micros())
    }

    pub fn limit(&self, key: &KeyId) -> Result<Option<SpendLimit>, StoreError> {
        parse_limit(
            self.limit_credits,
            self.limit_period.as_deref(),
            self.limit_mode.as_deref(),
            key.as_str(),
        )
    }
}

/// The key to replace.
#[derive(sqlx::FromRow)]
pub(super) struct ReplacedRow {
    line: String,
    made_with: Option<String>,
    name: String,
    permission: String,
    is_replaced: bool,
    #[sqlx(flatten)]
    bounds: BoundsRow,
}

/// The keys `made` with the key `$1`, directly or not.
macro_rules! made_with {
    () => {
        "WITH RECURSIVE made (id) AS (SELECT k.id FROM api_keys k WHERE k.made_with = $1 \
         UNION SELECT k.id FROM api_keys k JOIN made ON k.made_with = made.id) "
    };
}
on_connection! {
    pub(super) trait MadeKeys {
        async fn insert_key_row(&mut db, key: &NewApiKey, origin: Origin) -> Result<(), StoreError> {
            let (replaces, line) = origin.replaces.unzip();
            sqlx::query(
                "INSERT INTO api_keys (id, account, user_id, name, secret_hash, key_prefix, key_suffix, permission, \
                 created_at, expires_at, limit_credits, limit_period, limit_mode, made_with, replaces, line, by_operator) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
            )
            .bind(key.id.as_str())
            .bind(key.account_no)
            .bind(key.user_id.to_string())
            .bind(&key.name)
            .bind(key.secret_hash.to_vec())
            .bind(&key.key_prefix)
            .bind(&key.key_suffix)
            .bind(key.permission.name())
            .bind(key.created_at.micros())
            .bind(key.expires_at.map(Timestamp::micros))
            .bind(key.limit.map(|limit| limit.amount.micros()))
            .bind(key.limit.map(|limit| limit.period.name()))
            .bind(key.limit.map(|limit| limit.mode.name()))
            .bind(origin.made_with)
            .bind(replaces)
            .bind(line)
            .bind(i64::from(origin.by_operator))
            .execute(&mut *db)
            .await?;
            Ok(())
        }

        /// When the oldest of the last `most` keys was made, if there are so many.
        async fn too_many_keys(&mut db, account_no: i64, pace: Pace) -> Result<Option<Timestamp>, StoreError> {
            let oldest: Option<(i64,)> = sqlx::query_as(
                "SELECT created_at FROM api_keys WHERE account = $1 AND created_at > $2 AND by_operator = 0 \
                 ORDER BY created_at DESC LIMIT 1 OFFSET $3",
            )
            .bind(account_no)
            .bind(pace.since.micros())
            .bind(i64::from(pace.most) - 1)
            .fetch_optional(&mut *db)
            .await?;
            Ok(oldest.map(|(at,)| Timestamp::from_micros(at)))
        }

        async fn find_bounds(&mut db, account_no: i64, id: &str) -> Result<Option<BoundsRow>, StoreError> {
            Ok(sqlx::query_as(concat!(
                "SELECT k.expires_at, k.revoked_at, ", limit_columns!(), " FROM api_keys k WHERE k.id = $2 AND k.account = $1"
            ))
            .bind(account_no)
            .bind(id)
            .fetch_optional(&mut *db)
            .await?)
        }

        /// Those of the key that a key was made with.
        async fn find_makers_bounds(&mut db, account_no: i64, id: &str) -> Result<Option<BoundsRow>, StoreError> {
            Ok(sqlx::query_as(concat!(
                "SELECT k.expires_at, k.revoked_at, ", limit_columns!(),
                " FROM api_keys made JOIN api_keys k ON k.id = made.made_with WHERE made.id = $2 AND made.account = $1"
            ))
            .bind(account_no)
            .bind(id)
            .fetch_optional(&mut *db)
            .await?)
        }

        async fn find_replaced(&mut db, account_no: i64, id: &str) -> Result<Option<ReplacedRow>, StoreError> {
            Ok(sqlx::query_as(concat!(
                "SELECT coalesce(k.line, k.id) AS line, k.made_with, k.name, k.permission, k.expires_at, k.revoked_at, \
                 EXISTS (SELECT 1 FROM api_keys s WHERE s.replaces = k.id) AS is_replaced, ", limit_columns!(),
                " FROM api_keys k WHERE k.id = $2 AND k.account = $1"
            ))
            .bind(account_no)
            .bind(id)
            .fetch_optional(&mut *db)
            .await?)
        }

        /// What was made with a key, and with what was made with it, ends with it.
        async fn end_made_with(&mut db, id: &str, ends_at: Timestamp) -> Result<(), StoreError> {
            sqlx::query(concat!(
                made_with!(),
                "UPDATE api_keys SET expires_at = $2 WHERE id IN (SELECT id FROM made) AND revoked_at IS NULL \
                 AND (expires_at IS NULL OR expires_at > $2)"
            ))
            .bind(id)
            .bind(ends_at.micros())
            .execute(&mut *db)
            .await?;
            Ok(())
        }

        async fn revoke_made_with(&mut db, id: &str, now: Timestamp) -> Result<(), StoreError> {
            sqlx::query(concat!(
                made_with!(),
                "UPDATE api_keys SET revoked_at = $2 WHERE id IN (SELECT id FROM made) AND revoked_at IS NULL"
            ))
            .bind(id)
            .bind(now.micros())
            .execute(&mut *db)
            .await?;
            Ok(())
        }
    }
}

impl Store {
    /// Makes a key of a customer's own: with another key, of which it gets at most the expiry and the limit as they are now,
    /// or without one.
    pub async fn make_api_key(
        &self,
        key: &NewApiKey,
        maker: Option<&KeyId>,
        pace: Pace,
    ) -> Result<Making, StoreError> {
        change!(self, db => {
            let mut key = key.clone();
            if let Some(oldest) = db.too_many_keys(key.account_no, pace).await? {
                return Ok(Making::TooMany { oldest });
            }
            if let Some(maker) = maker {
                let bounds = db.find_bounds(key.account_no, maker.as_str()).await?;
                let Some(bounds) = bounds.filter(|bounds| !bounds.has_ended(key.created_at)) else {
                    return Ok(Making::Ended);
                };
                key.expires_at = earlier(key.expires_at, bounds.expires_at);
                key.limit = SpendLimit::within(key.limit, bounds.limit(maker)?);
            }
            let made_with = maker.map(ToString::to_string);
            db.insert_key_row(&key, Origin { made_with, ..Origin::default() }).await?;
            Ok(Making::Made)
        }, told_if |making| making == Making::Made)
    }

    /// Makes a key in place of another one, which ends at `old_ends_at` unless it ends before: of the same name, permission and
    /// limit, whatever `key` says, and made with the same key, which it doesn't outlive. Without an expiry it keeps that
    /// of the old one.
    pub async fn replace_api_key(
        &self,
        old: &KeyId,
        key: &NewApiKey,
        old_ends_at: Timestamp,
        pace: Pace,
    ) -> Result<Making, StoreError> {
        change!(self, db => {
            let (account_no, now) = (key.account_no, key.created_at);
            let found = db.find_replaced(account_no, old.as_str()).await?;
            let Some(row) = found.filter(|row| !row.bounds.has_ended(now)) else { return Ok(Making::Ended) };
            if row.is_replaced {
                return Ok(Making::Replaced);
            }
            if let Some(oldest) = db.too_many_keys(account_no, pace).await? {
                return Ok(Making::TooMany { oldest });
            }
            let mut key = key.clone();
            key.limit = row.bounds.limit(old)?;
            key.expires_at = key.expires_at.or(row.bounds.expires_at.map(Timestamp::from_micros));
            if let Some(parent) = &row.made_with
                && let Some(bounds) = db.find_bounds(account_no, parent).await?
            {
                key.expires_at = earlier(key.expires_at, bounds.expires_at);
            }
            key.name = row.name;
            key.permission = Permission::from_name(&row.permission).unwrap_or(Permission::ReadOnly);
            let replaces = Some((old.to_string(), row.line));
            db.insert_key_row(&key, Origin { made_with: row.made_with, replaces, by_operator: false }).await?;
            let ended = sqlx::query(
                "UPDATE api_keys SET expires_at = $3 WHERE id = $2 AND account = $1 AND (expires_at IS NULL OR expires_at > $3)",
            )
            .bind(account_no)
            .bind(old.as_str())
            .bind(old_ends_at.micros())
            .execute(&mut *db)
            .await?;
            if ended.rows_affected() > 0 {
                db.end_made_with(old.as_str(), old_ends_at).await?;
            }
            Ok(Making::Made)
        }, told_if |making| making == Making::Made)
    }

    /// Whether a key was made with another one, directly or not.
    pub async fn is_made_with(&self, id: &KeyId, ancestor: &KeyId) -> Result<bool, StoreError> {
        let (found,): (bool,) = read!(self, db => Ok(sqlx::query_as(concat!(
            made_with!(), "SELECT EXISTS (SELECT 1 FROM made WHERE id = $2)"
        ))
        .bind(ancestor.as_str())
        .bind(id.as_str())
        .fetch_one(db)
        .await?))?;
        Ok(found)
    }
}

/// The earlier of two ends; `None`: never.
pub(super) fn earlier(one: Option<Timestamp>, other: Option<i64>) -> Option<Timestamp> {
    one.into_iter().chain(other.map(Timestamp::from_micros)).min()
}
