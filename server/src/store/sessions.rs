//! Sessions of the console: the cookie's token, hashed.

use ledger::chain::Digest;
use ledger::{Timestamp, UserId};

use super::rows::Column;
use super::users::{Row as UserColumns, user_columns};
use super::{Store, StoreError, UserRow, change, note, read};
use crate::auth::Whence;

/// A live session and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// SHA-256 of the token.
    pub token_hash: [u8; 32],
    pub user: UserRow,
    /// When its holder last proved who they are: doing so again is a new session.
    pub created_at: Timestamp,
    pub last_seen_at: Timestamp,
    /// When it ends however much it is used.
    pub expires_at: Timestamp,
}

/// A live session as its user sees it in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedSession {
    /// SHA-256 of the token.
    pub token_hash: [u8; 32],
    pub created_at: Timestamp,
    pub last_seen_at: Timestamp,
    /// Of its last use.
    pub address: Option<String>,
    /// In words; empty: not known.
    pub device: String,
}

/// A session's last use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub at: Timestamp,
    pub whence: Whence,
}

/// A session to insert.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// SHA-256 of the token.
    pub token_hash: [u8; 32],
    pub user_id: UserId,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub whence: Whence,
}

#[derive(sqlx::FromRow)]
struct ListedRow {
    token_hash: Vec<u8>,
    created_at: i64,
    last_seen_at: i64,
    address: Option<String>,
    device: String,
}

impl ListedRow {
    fn into_session(self) -> Result<ListedSession, StoreError> {
        let Self { token_hash, created_at, last_seen_at, address, device } = self;
        Ok(ListedSession {
            token_hash: Column::<Digest>::read(token_hash, "sessions", "token_hash", created_at)?.0,
            created_at: Timestamp::from_micros(created_at),
            last_seen_at: Timestamp::from_micros(last_seen_at),
            address,
            device,
        })
    }
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
                "INSERT INTO sessions (token_hash, user_id, created_at, last_seen_at, expires_at, address, device) \
                 VALUES ($1, $2, $3, $3, $4, $5, $6)",
            )
            .bind(session.token_hash.to_vec())
            .bind(session.user_id.to_string())
            .bind(session.created_at.micros())
            .bind(session.expires_at.micros())
            .bind(session.whence.address.map(|address| address.to_string()))
            .bind(&session.whence.device)
            .execute(&mut *db)
            .await?;
            Ok(())
        })
    }

    /// The session with this token, unless it has ended by `now`, or was last used before `idle_since`.
    pub async fn find_session(
        &self,
        token_hash: [u8; 32],
        now: Timestamp,
        idle_since: Timestamp,
    ) -> Result<Option<SessionRow>, StoreError> {
        let found: Option<Row> = read!(self, db => Ok(sqlx::query_as(concat!(
            "SELECT s.created_at AS session_created_at, s.last_seen_at, s.expires_at, ", user_columns!(),
            "JOIN sessions s ON s.user_id = u.id WHERE s.token_hash = $1 AND s.expires_at > $2 AND s.last_seen_at > $3"
        ))
        .bind(token_hash.to_vec())
        .bind(now.micros())
        .bind(idle_since.micros())
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

    /// A user's sessions that have not ended by `now` and were used since `idle_since`, those used last first.
    pub async fn list_sessions(
        &self,
        user: UserId,
        now: Timestamp,
        idle_since: Timestamp,
    ) -> Result<Vec<ListedSession>, StoreError> {
        let rows: Vec<ListedRow> = read!(self, db => Ok(sqlx::query_as(
            "SELECT token_hash, created_at, last_seen_at, address, device FROM sessions \
             WHERE user_id = $1 AND expires_at > $2 AND last_seen_at > $3 ORDER BY last_seen_at DESC, created_at DESC, token_hash",
        )
        .bind(user.to_string())
        .bind(now.micros())
        .bind(idle_since.micros())
        .fetch_all(db)
        .await?))?;
        rows.into_iter().map(ListedRow::into_session).collect()
    }

    /// Notes when and from where sessions were last used; those that are gone stay gone.
    pub async fn touch_sessions(&self, seen: &[([u8; 32], Seen)]) -> Result<(), StoreError> {
        note!(self, db => {
            for (token_hash, Seen { at, whence }) in seen {
                sqlx::query(
                    "UPDATE sessions SET last_seen_at = $2, address = coalesce($3, address), \
                     device = CASE WHEN $4 = '' THEN device ELSE $4 END WHERE token_hash = $1 AND last_seen_at < $2",
                )
                .bind(token_hash.to_vec())
                .bind(at.micros())
                .bind(whence.address.map(|address| address.to_string()))
                .bind(&whence.device)
                .execute(&mut *db)
                .await?;
            }
            Ok(())
        })
    }

    /// Deletes the sessions that have ended by `now`, or were last used before `idle_since`; how many.
    pub async fn delete_ended_sessions(
        &self,
        now: Timestamp,
        idle_since: Timestamp,
    ) -> Result<u64, StoreError> {
        note!(self, db => {
            let deleted = sqlx::query("DELETE FROM sessions WHERE expires_at <= $1 OR last_seen_at <= $2")
                .bind(now.micros())
                .bind(idle_since.micros())
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

    /// Ends all sessions of a user but one, and their streams; how many.
    pub async fn delete_other_sessions(&self, user: UserId, kept: [u8; 32]) -> Result<u64, StoreError> {
        change!(self, db => {
            let deleted = sqlx::query("DELETE FROM sessions WHERE user_id = $1 AND token_hash <> $2")
                .bind(user.to_string())
                .bind(kept.to_vec())
                .execute(&mut *db)
                .await?;
            Ok(deleted.rows_affected())
        }, told_if |deleted| deleted > 0)
    }
}
