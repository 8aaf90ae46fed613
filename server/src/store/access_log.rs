//! The access log: what was done to users' accounts, for them to read. Rows are appended, go with age, and never change.

use ledger::{Timestamp, UserId};

use super::rows::Cell;
use super::{Store, StoreError, note, on_connection, read};
use crate::auth::Whence;

/// Rows that are deleted in one transaction.
const STEP: i64 = 5_000;

/// What was done. The names are stored: they stay what they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    SignedIn,
    SignInFailed,
    SignedOut,
    SessionEnded,
    OtherSessionsEnded,
    Confirmed,
    PasswordChanged,
    PasswordReset,
    ProviderLinked,
    ProviderUnlinked,
    KeyMade,
    KeyChanged,
    KeyRotated,
    KeyRevoked,
    KeyUsed,
    EmailChangeAsked,
    EmailChangeCancelled,
    EmailChanged,
    Exported,
    DeletionAsked,
    DeletionCancelled,
    CodeRefused,
    SecondFactorOn,
    SecondFactorOff,
    RecoveryCodesMade,
    PasskeyAdded,
    PasskeyRemoved,
}

impl Access {
    pub const ALL: [Self; 27] = [
        Self::SignedIn,
        Self::SignInFailed,
        Self::SignedOut,
        Self::SessionEnded,
        Self::OtherSessionsEnded,
        Self::Confirmed,
        Self::PasswordChanged,
        Self::PasswordReset,
        Self::ProviderLinked,
        Self::ProviderUnlinked,
        Self::KeyMade,
        Self::KeyChanged,
        Self::KeyRotated,
        Self::KeyRevoked,
        Self::KeyUsed,
        Self::EmailChangeAsked,
        Self::EmailChangeCancelled,
        Self::EmailChanged,
        Self::Exported,
        Self::DeletionAsked,
        Self::DeletionCancelled,
        Self::CodeRefused,
        Self::SecondFactorOn,
        Self::SecondFactorOff,
        Self::RecoveryCodesMade,
        Self::PasskeyAdded,
        Self::PasskeyRemoved,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::SignedIn => "signed_in",
            Self::SignInFailed => "sign_in_failed",
            Self::SignedOut => "signed_out",
            Self::SessionEnded => "session_ended",
            Self::OtherSessionsEnded => "other_sessions_ended",
            Self::Confirmed => "confirmed",
            Self::PasswordChanged => "password_changed",
            Self::PasswordReset => "password_reset",
            Self::ProviderLinked => "provider_linked",
            Self::ProviderUnlinked => "provider_unlinked",
            Self::KeyMade => "key_made",
            Self::KeyChanged => "key_changed",
            Self::KeyRotated => "key_rotated",
            Self::KeyRevoked => "key_revoked",
            Self::KeyUsed => "key_used",
            Self::EmailChangeAsked => "email_change_asked",
            Self::EmailChangeCancelled => "email_change_cancelled",
            Self::EmailChanged => "email_changed",
            Self::Exported => "exported",
            Self::DeletionAsked => "deletion_asked",
            Self::DeletionCancelled => "deletion_cancelled",
            Self::CodeRefused => "code_refused",
            Self::SecondFactorOn => "second_factor_on",
            Self::SecondFactorOff => "second_factor_off",
            Self::RecoveryCodesMade => "recovery_codes_made",
            Self::PasskeyAdded => "passkey_added",
            Self::PasskeyRemoved => "passkey_removed",
        }
    }

    fn read(name: &str, no: i64) -> Result<Self, StoreError> {
        let cell = || Cell { table: "access_log", column: "kind", row: no.to_string() };
        Self::ALL.into_iter().find(|access| access.name() == name).ok_or_else(|| cell().corrupt(name))
    }
}

/// A row to append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAccess {
    pub at: Timestamp,
    pub user_id: UserId,
    pub access: Access,
    /// Which way, key or e-mail; empty: there is nothing more to say.
    pub about: String,
    pub whence: Whence,
}

/// A row as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessRow {
    /// Grows with each row.
    pub no: i64,
    pub at: Timestamp,
    pub access: Access,
    pub about: String,
    pub address: Option<String>,
    /// In words; empty: not known.
    pub device: String,
}

#[derive(sqlx::FromRow)]
struct Row {
    no: i64,
    at: i64,
    kind: String,
    about: String,
    address: Option<String>,
    device: String,
}

impl TryFrom<Row> for AccessRow {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let Row { no, at, kind, about, address, device } = row;
        let access = Access::read(&kind, no)?;
        Ok(Self { no, at: Timestamp::from_micros(at), access, about, address, device })
    }
}

on_connection! {
    pub(super) trait AccessRows {
        /// Appends a row inside another change's transaction. A key's use that the log has for that day and address already adds
        /// none, and neither does what a user did who is gone.
        async fn insert_access(&mut db, new: &NewAccess) -> Result<(), StoreError> {
            sqlx::query(
                "INSERT INTO access_log (at, user_id, kind, about, address, device) \
                 SELECT $1, u.id, $3, $4, $5, $6 FROM users u WHERE u.id = $2 ON CONFLICT DO NOTHING",
            )
            .bind(new.at.micros())
            .bind(new.user_id.to_string())
            .bind(new.access.name())
            .bind(&new.about)
            .bind(new.whence.address.map(|address| address.to_string()))
            .bind(&new.whence.device)
            .execute(db)
            .await?;
            Ok(())
        }
    }
}

impl Store {
    /// Appends rows, in their order.
    pub async fn insert_accesses(&self, new: &[NewAccess]) -> Result<(), StoreError> {
        note!(self, db => {
            for new in new {
                db.insert_access(new).await?;
            }
            Ok(())
        })
    }

    /// At most `limit` rows of a user, the newest first, those from before number `before`.
    pub async fn list_accesses(
        &self,
        user: UserId,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AccessRow>, StoreError> {
        let rows: Vec<Row> = read!(self, db => Ok(sqlx::query_as(
            "SELECT no, at, kind, about, address, device FROM access_log WHERE user_id = $1 AND no < $2 \
             ORDER BY no DESC LIMIT $3",
        )
        .bind(user.to_string())
        .bind(before.unwrap_or(i64::MAX))
        .bind(i64::from(limit))
        .fetch_all(db)
        .await?))?;
        rows.into_iter().map(AccessRow::try_from).collect()
    }

    /// Deletes some of the rows from before `before`; whether there may be more.
    pub async fn delete_old_accesses(&self, before: Timestamp) -> Result<bool, StoreError> {
        let deleted = note!(self, db => {
            let deleted = sqlx::query(
                "DELETE FROM access_log WHERE no IN (SELECT no FROM access_log WHERE at < $1 ORDER BY at LIMIT $2)",
            )
            .bind(before.micros())
            .bind(STEP)
            .execute(&mut *db)
            .await?;
            Ok(deleted.rows_affected())
        })?;
        Ok(deleted == STEP.unsigned_abs())
    }
}
