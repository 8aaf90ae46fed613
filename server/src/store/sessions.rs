//! Sessions of the console: the cookie's token, hashed.

use ledger::{Timestamp, UserId};

use super::users::{Row as UserColumns, user_columns};
use super::{Store, StoreError, UserRow, change, note, read};

/// A live session and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// SHA-256 of the token.
    pub token_hash: [u8; 32],
    pub user: UserRow,
    /// When its holder last proved who they are: doing so again is a new session.
    pub created_at: Timestamp,
    pub last_seen_at: Timestamp,
    pub expires_at: Timestamp,
}

/// A session to insert.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// SHA-256 of the token.
    pub token_hash: [u8; 32],
    pub user_id: UserId,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Row {
    session_created_at: i64,
    last_seen_at: i64,
    expires_at: i64,
    #[sqlx(flatten)]
    user: UserColumns,
}

impl Store {
    /// Inserts a session.
    pub async fn insert_session(&self, session: &NewSession) -> Result<(), StoreError> {
        note!(self, db => {
            sqlx::query(
                "INSERT INTO sessions (token_hash, user_id, created_at, last_seen_at, expires_at) \
                 VALUES ($1, $2, $3, $3, $4)",
            )
            .bind(session.token_hash.to_vec())
            .bind(session.user_id.to_string())
            .bind(session.created_at.micros())
            .bind(session.expires_at.micros())
            .execute(&mut *db)
            .await?;
            Ok(())
        })
    }

    /// The session with this token, unless it has ended by `now`.
    pub async fn find_session(
        &self,
        token_hash: [u8; 32],
        now: Timestamp,
    ) -> Result<Option<SessionRow>, StoreError> {
        let found: Option<Row> = read!(self, db => Ok(sqlx::query_as(concat!(
            "SELECT s.created_at AS session_created_at, s.last_seen_at, s.expires_at, ", user_columns!(),
            "JOIN sessions s ON s.user_id = u.id WHERE s.token_hash = $1 AND s.expires_at > $2"
        ))
        .bind(token_hash.to_vec())
        .bind(now.micros())
        .fetch_optional(db)
        .await?))?;
        let Some(Row { session_created_at, last_seen_at, expires_at, user }) = found else { return Ok(None) };
        Ok(Some(SessionRow {
            token_hash,
            user: user.try_into()?,
            created_at: Timestamp::from_micros(session_created_at),
            last_seen_at: Timestamp::from_micros(last_seen_at),
            expires_at: Timestamp::from_micros(expires_at),
        }))
    }

    /// Notes that a session is in use; one that is gone stays gone.
    pub async fn touch_session(&self, token_hash: [u8; 32], now: Timestamp) -> Result<(), StoreError> {
        note!(self, db => {
            sqlx::query("UPDATE sessions SET last_seen_at = $2 WHERE token_hash = $1")
                .bind(token_hash.to_vec())
                .bind(now.micros())
                .execute(&mut *db)
                .await?;
            Ok(())
        })
    }

    /// Deletes the sessions that have ended by `now`; how many.
    pub async fn delete_ended_sessions(&self, now: Timestamp) -> Result<u64, StoreError> {
        note!(self, db => {
            let deleted = sqlx::query("DELETE FROM sessions WHERE expires_at <= $1")
                .bind(now.micros())
                .execute(&mut *db)
                .await?;
            Ok(deleted.rows_affected())
        })
    }

    /// Ends a session, its streams too; whether there was one.
    pub async fn delete_session(&self, token_hash: [u8; 32]) -> Result<bool, StoreError> {
        change!(self, db => {
            let deleted = sqlx::query("DELETE FROM sessions WHERE token_hash = $1")
                .bind(token_hash.to_vec())
                .execute(&mut *db)
                .await?;
            Ok(deleted.rows_affected() > 0)
        }, told_if |deleted| deleted)
    }
}
