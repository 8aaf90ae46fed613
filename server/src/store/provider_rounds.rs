//! Browsers that were sent to a provider and are to come back: their tokens, hashed.

use ledger::{Timestamp, UserId};

use super::rows::{Cell, parse_text};
use super::{Store, StoreError, note};

/// What somebody was sent to a provider for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To sign in, or up.
    SignIn,
    /// To link who they are there to who they are here.
    Link(UserId),
    /// To show once more that it is them.
    Confirm(UserId),
}

impl Purpose {
    const fn name(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::Link(_) => "link",
            Self::Confirm(_) => "confirm",
        }
    }

    const fn user(self) -> Option<UserId> {
        match self {
            Self::SignIn => None,
            Self::Link(user) | Self::Confirm(user) => Some(user),
        }
    }
}

/// A way to a provider and back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Round {
    /// SHA-256 of what the provider hands back.
    pub state_hash: [u8; 32],
    /// SHA-256 of what the browser keeps.
    pub browser_hash: [u8; 32],
    /// As the settings call it.
    pub provider: String,
    pub purpose: Purpose,
    /// A path of this site.
    pub next: String,
    /// IANA name.
    pub time_zone: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Row {
    provider: String,
    purpose: String,
    user_id: Option<String>,
    next: String,
    time_zone: String,
    created_at: i64,
    expires_at: i64,
}

impl Store {
    pub async fn insert_provider_round(&self, round: &Round) -> Result<(), StoreError> {
        note!(self, db => {
            sqlx::query(
                "INSERT INTO provider_rounds (state_hash, browser_hash, provider, purpose, user_id, next, time_zone, created_at, \
                 expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            )
            .bind(round.state_hash.to_vec())
            .bind(round.browser_hash.to_vec())
            .bind(&round.provider)
            .bind(round.purpose.name())
            .bind(round.purpose.user().map(|user| user.to_string()))
            .bind(&round.next)
            .bind(&round.time_zone)
            .bind(round.created_at.micros())
            .bind(round.expires_at.micros())
            .execute(&mut *db)
            .await?;
            Ok(())
        })
    }

    /// Takes the round that this browser began with this state, once. `None`: there is none, or it has taken too long.
    pub async fn take_provider_round(
        &self,
        state_hash: [u8; 32],
        browser_hash: [u8; 32],
        now: Timestamp,
    ) -> Result<Option<Round>, StoreError> {
        let taken: Option<Row> = note!(self, db => Ok(sqlx::query_as(
            "DELETE FROM provider_rounds WHERE state_hash = $1 AND browser_hash = $2 AND expires_at > $3 \
             RETURNING provider, purpose, user_id, next, time_zone, created_at, expires_at",
        )
        .bind(state_hash.to_vec())
        .bind(browser_hash.to_vec())
        .bind(now.micros())
        .fetch_optional(&mut *db)
        .await?))?;
        let Some(row) = taken else { return Ok(None) };
        Ok(Some(Round {
            state_hash,
            browser_hash,
            purpose: purpose(&row)?,
            provider: row.provider,
            next: row.next,
            time_zone: row.time_zone,
            created_at: Timestamp::from_micros(row.created_at),
            expires_at: Timestamp::from_micros(row.expires_at),
        }))
    }

    /// Deletes the rounds that nobody came back from by `now`; how many.
    pub async fn delete_ended_rounds(&self, now: Timestamp) -> Result<u64, StoreError> {
        note!(self, db => {
            let deleted = sqlx::query("DELETE FROM provider_rounds WHERE expires_at <= $1")
                .bind(now.micros())
                .execute(&mut *db)
                .await?;
            Ok(deleted.rows_affected())
        })
    }
}

fn purpose(row: &Row) -> Result<Purpose, StoreError> {
    let user = row.user_id.as_deref().map(|id| parse_text(id, "provider_rounds", "user_id")).transpose()?;
    match (row.purpose.as_str(), user) {
        ("sign_in", None) => Ok(Purpose::SignIn),
        ("link", Some(user)) => Ok(Purpose::Link(user)),
        ("confirm", Some(user)) => Ok(Purpose::Confirm(user)),
        (found, _) => {
            let row = row.created_at.to_string();
            Err(Cell { table: "provider_rounds", column: "purpose", row }.corrupt(found))
        }
    }
}
