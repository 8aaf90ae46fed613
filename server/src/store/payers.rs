//! Who pays for an event: an account, named by itself, by its user or by a customer's key.

use ledger::{AccountId, KeyId, Timestamp, UserId};

use super::accounts::account_status;
use super::posting::Posting;
use super::rows::parse_text;
use super::{StoreError, posting};

/// The payer as a service names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Payer {
    /// That user's personal account.
    User(UserId),
    Account(AccountId),
    /// SHA-256 of the secret that the customer presented to the service.
    ApiKey([u8; 32]),
}

impl Payer {
    /// The field of the request that named it.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::User(_) => "user_id",
            Self::Account(_) => "account_id",
            Self::ApiKey(_) => "api_key",
        }
    }
}

/// The account a payer stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayerRow {
    pub account_no: i64,
    pub account: AccountId,
    pub is_suspended: bool,
    /// Whether any key of the account has a limit that refuses.
    pub has_limits: bool,
    /// When the payer was named by a key.
    pub key: Option<PayerKey>,
}

/// The key a payer was named by, whatever has become of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayerKey {
    pub id: KeyId,
    pub may_write: bool,
    pub expires_at: Option<Timestamp>,
    pub is_revoked: bool,
}

#[derive(sqlx::FromRow)]
struct AccountOfPayer {
    no: i64,
    id: String,
    status: String,
    has_limits: bool,
}

#[derive(sqlx::FromRow)]
struct AccountOfKey {
    #[sqlx(flatten)]
    account: AccountOfPayer,
    key_id: String,
    permission: String,
    expires_at: Option<i64>,
    revoked_at: Option<i64>,
}

/// The columns of [`AccountOfPayer`].
macro_rules! payer_columns {
    () => {
        concat!(
            "a.no, a.id, ",
            account_status!(),
            ", EXISTS (SELECT 1 FROM api_keys l WHERE l.account = a.no AND l.limit_mode = 'hard') AS has_limits"
        )
    };
}

impl Posting<'_> {
    /// The account that pays, `None` when there is no such payer.
    pub async fn find_payer(&mut self, payer: &Payer) -> Result<Option<PayerRow>, StoreError> {
        match payer {
            Payer::User(user) => {
                let sql = concat!(
                    "SELECT ",
                    payer_columns!(),
                    " FROM users u JOIN accounts a ON a.no = u.personal_account WHERE u.id = $1 AND a.erased_at IS NULL"
                );
                self.find_account(sql, user.to_string()).await
            }
            Payer::Account(account) => {
                let sql = concat!(
                    "SELECT ",
                    payer_columns!(),
                    " FROM accounts a WHERE a.id = $1 AND a.erased_at IS NULL"
                );
                self.find_account(sql, account.to_string()).await
            }
            Payer::ApiKey(hash) => self.find_key(hash).await,
        }
    }

    async fn find_account(&mut self, sql: &'static str, id: String) -> Result<Option<PayerRow>, StoreError> {
        let found: Option<AccountOfPayer> =
            posting::on!(self, db => sqlx::query_as(sql).bind(id).fetch_optional(db).await?);
        found.map(|row| payer_row(&row, None)).transpose()
    }

    async fn find_key(&mut self, hash: &[u8; 32]) -> Result<Option<PayerRow>, StoreError> {
        let found: Option<AccountOfKey> = posting::on!(self, db => sqlx::query_as(concat!(
            "SELECT ",
            payer_columns!(),
            ", k.id AS key_id, k.permission, k.expires_at, k.revoked_at \
             FROM api_keys k JOIN accounts a ON a.no = k.account WHERE k.secret_hash = $1 AND a.erased_at IS NULL",
        ))
        .bind(hash.to_vec())
        .fetch_optional(db)
        .await?);
        let Some(row) = found else { return Ok(None) };
        let key = PayerKey {
            id: parse_text(&row.key_id, "api_keys", "id")?,
            may_write: row.permission == "read_write",
            expires_at: row.expires_at.map(Timestamp::from_micros),
            is_revoked: row.revoked_at.is_some(),
        };
        payer_row(&row.account, Some(key)).map(Some)
    }

    /// Whether a service key exists and has not been revoked.
    pub async fn service_key_is_active(&mut self, key: &KeyId) -> Result<bool, StoreError> {
        let found: Option<(i64,)> = posting::on!(self, db => sqlx::query_as(
            "SELECT created_at FROM service_keys WHERE id = $1 AND revoked_at IS NULL",
        )
        .bind(key.as_str())
        .fetch_optional(db)
        .await?);
        Ok(found.is_some())
    }
}

fn payer_row(row: &AccountOfPayer, key: Option<PayerKey>) -> Result<PayerRow, StoreError> {
    Ok(PayerRow {
        account_no: row.no,
        account: parse_text(&row.id, "accounts", "id")?,
        is_suspended: row.status != "active",
        has_limits: row.has_limits,
        key,
    })
}
