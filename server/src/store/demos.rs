//! Sample accounts.

use ledger::{AccountId, KeyId, Timestamp};

use super::rows::{Cell, parse_text};
use super::{Store, StoreError, note, read};

/// A sample account and the keys with which it spends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoRow {
    pub account_id: AccountId,
    /// Reports its usage.
    pub service_key: KeyId,
    /// SHA-256 of the secret of the customer's key that it is done with.
    pub api_key_hash: [u8; 32],
    /// Whether its year is whole.
    pub is_complete: bool,
}

#[derive(sqlx::FromRow)]
struct Row {
    account_id: String,
    service_key: String,
    api_key_hash: Vec<u8>,
    completed_at: Option<i64>,
}

impl TryFrom<Row> for DemoRow {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let cell = || Cell { table: "api_keys", column: "secret_hash", row: row.account_id.clone() };
        let api_key_hash = row.api_key_hash.try_into().map_err(|hash: Vec<u8>| cell().corrupt(hash.len()))?;
        Ok(Self {
            account_id: parse_text(&row.account_id, "accounts", "id")?,
            service_key: parse_text(&row.service_key, "demos", "service_key")?,
            api_key_hash,
            is_complete: row.completed_at.is_some(),
        })
    }
}

impl Store {
    /// Flags an account as a sample, before its first entry.
    pub async fn insert_demo(
        &self,
        account_no: i64,
        service_key: &KeyId,
        api_key: &KeyId,
    ) -> Result<(), StoreError> {
        note!(self, db => {
            sqlx::query("INSERT INTO demos (account, service_key, api_key) VALUES ($1, $2, $3)")
                .bind(account_no)
                .bind(service_key.as_str())
                .bind(api_key.as_str())
                .execute(&mut *db)
                .await?;
            Ok(())
        })
    }

    /// Its year is whole.
    pub async fn complete_demo(&self, account_no: i64, now: Timestamp) -> Result<(), StoreError> {
        note!(self, db => {
            sqlx::query("UPDATE demos SET completed_at = $2 WHERE account = $1")
                .bind(account_no)
                .bind(now.micros())
                .execute(&mut *db)
                .await?;
            Ok(())
        })
    }

    /// The sample account, when there is one.
    pub async fn find_demo(&self) -> Result<Option<DemoRow>, StoreError> {
        let found: Option<Row> = read!(self, db => Ok(sqlx::query_as(
            "SELECT a.id AS account_id, d.service_key, k.secret_hash AS api_key_hash, d.completed_at FROM demos d \
             JOIN accounts a ON a.no = d.account JOIN api_keys k ON k.id = d.api_key ORDER BY d.account LIMIT 1",
        )
        .fetch_optional(db)
        .await?))?;
        found.map(DemoRow::try_from).transpose()
    }
}
