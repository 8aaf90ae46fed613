//! Accounts: who owns a wallet.

use ledger::{AccountId, Timestamp};

use super::rows::{Cell, parse_text};
use super::{Store, StoreError, change, read};

/// The status of account `a`, as [`AccountStatus::read`] takes it. What is closed and not erased is closing, suspended or not.
macro_rules! account_status {
    () => {
        "CASE WHEN a.closes_at IS NOT NULL AND a.erased_at IS NULL THEN 'closing' ELSE a.status END AS status"
    };
}
pub(super) use account_status;

/// Whether an account may spend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountStatus {
    Active,
    Suspended,
    /// Its user has deleted it, and can keep it still.
    Closing,
}

impl AccountStatus {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Closing => "closing",
        }
    }

    pub(super) fn read(text: &str, account: &str) -> Result<Self, StoreError> {
        match text {
            "active" => Ok(Self::Active),
            "suspended" => Ok(Self::Suspended),
            "closing" => Ok(Self::Closing),
            found => {
                Err(Cell { table: "accounts", column: "status", row: account.to_owned() }.corrupt(found))
            }
        }
    }
}

/// How many requests an account's plan allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    Basic,
    Pro,
}

impl Tier {
    pub const ALL: [Self; 2] = [Self::Basic, Self::Pro];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::Pro => "pro",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tier| tier.name() == name)
    }

    pub(super) fn read(text: Option<&str>, account: &str) -> Result<Option<Self>, StoreError> {
        let Some(text) = text else { return Ok(None) };
        let cell = || Cell { table: "accounts", column: "tier", row: account.to_owned() };
        Self::from_name(text).map(Some).ok_or_else(|| cell().corrupt(text))
    }
}

/// An account as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRow {
    /// What the other tables call it.
    pub no: i64,
    pub id: AccountId,
    pub name: String,
    /// IANA name.
    pub time_zone: String,
    pub status: AccountStatus,
    pub created_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Row {
    no: i64,
    id: String,
    name: String,
    time_zone: String,
    status: String,
    created_at: i64,
}

impl TryFrom<Row> for AccountRow {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            no: row.no,
            id: parse_text(&row.id, "accounts", "id")?,
            status: AccountStatus::read(&row.status, &row.id)?,
            name: row.name,
            time_zone: row.time_zone,
            created_at: Timestamp::from_micros(row.created_at),
        })
    }
}

impl Store {
    pub async fn find_account(&self, id: AccountId) -> Result<Option<AccountRow>, StoreError> {
        let found: Option<Row> = read!(self, db => Ok(sqlx::query_as(
            concat!("SELECT no, id, name, time_zone, ", account_status!(), ", created_at FROM accounts a WHERE id = $1"),
        )
        .bind(id.to_string())
        .fetch_optional(db)
        .await?))?;
        found.map(AccountRow::try_from).transpose()
    }

    /// At most `limit` accounts in the order they were made, those after number `after` (0: from the first).
    pub async fn list_accounts(&self, after: i64, limit: u32) -> Result<Vec<AccountRow>, StoreError> {
        let rows: Vec<Row> = read!(self, db => Ok(sqlx::query_as(
            concat!(
                "SELECT no, id, name, time_zone, ", account_status!(),
                ", created_at FROM accounts a WHERE no > $1 ORDER BY no LIMIT $2"
            ),
        )
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(db)
        .await?))?;
        rows.into_iter().map(AccountRow::try_from).collect()
    }

    /// Suspends or activates an account; no such account: [`StoreError::Rows`].
    pub async fn set_account_status(&self, no: i64, status: AccountStatus) -> Result<(), StoreError> {
        change!(self, db => {
            let updated = sqlx::query("UPDATE accounts SET status = $2 WHERE no = $1")
                .bind(no)
                .bind(status.name())
                .execute(&mut *db)
                .await?;
            match updated.rows_affected() {
                1 => Ok(()),
                found => Err(StoreError::Rows { statement: "set_account_status", expected: 1, found }),
            }
        })
    }
    /// Puts an account into a tier; `None`: that of accounts without a plan. No such account: [`StoreError::Rows`].
    pub async fn set_account_tier(&self, no: i64, tier: Option<Tier>) -> Result<(), StoreError> {
        change!(self, db => {
            let updated = sqlx::query("UPDATE accounts SET tier = $2 WHERE no = $1")
                .bind(no)
                .bind(tier.map(Tier::name))
                .execute(&mut *db)
                .await?;
            match updated.rows_affected() {
                1 => Ok(()),
                found => Err(StoreError::Rows { statement: "set_account_tier", expected: 1, found }),
            }
        })
    }
}
