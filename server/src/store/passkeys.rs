//! Keys of people's devices, and what browsers were given to sign.

use ledger::{Timestamp, UserId};

use super::identities::IdentityRows as _;
use super::mails::MailRows as _;
use super::rows::{Cell, parse_text};
use super::{NewMail, Store, StoreError, Unlinked, change, note, on_connection, read};

/// A passkey, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyRow {
    pub credential_id: Vec<u8>,
    pub name: String,
    pub created_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
}

/// What a signature is checked with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyOf {
    pub user_id: UserId,
    /// What the device knows this user by.
    pub handle: Vec<u8>,
    /// `SubjectPublicKeyInfo`, DER.
    pub public_key: Vec<u8>,
}

/// A passkey to keep.
#[derive(Debug, Clone)]
pub struct NewPasskey {
    pub credential_id: Vec<u8>,
    pub user_id: UserId,
    pub name: String,
    pub public_key: Vec<u8>,
    pub counter: u32,
    pub created_at: Timestamp,
}

/// What became of a passkey that was to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registered {
    New,
    /// A passkey has this id already, whosever it is.
    Taken,
    /// The user has as many as one may have.
    Full,
}

/// What a challenge is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CeremonyFor {
    SignIn,
    Confirm(UserId),
    Register(UserId),
}

impl CeremonyFor {
    const fn name(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::Confirm(_) => "confirm",
            Self::Register(_) => "register",
        }
    }

    const fn user(self) -> Option<UserId> {
        match self {
            Self::SignIn => None,
            Self::Confirm(user) | Self::Register(user) => Some(user),
        }
    }
}

/// Something to sign, by the browser that keeps a token.
#[derive(Debug, Clone)]
pub struct Challenge {
    /// SHA-256 of that token.
    pub browser_hash: [u8; 32],
    pub purpose: CeremonyFor,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Row {
    credential_id: Vec<u8>,
    name: String,
    created_at: i64,
    last_used_at: Option<i64>,
}

impl From<Row> for PasskeyRow {
    fn from(row: Row) -> Self {
        Self {
            credential_id: row.credential_id,
            name: row.name,
            created_at: Timestamp::from_micros(row.created_at),
            last_used_at: row.last_used_at.map(Timestamp::from_micros),
        }
    }
}

on_connection! {
    pub(super) trait PasskeyRows {
        /// How many passkeys a user has.
        async fn count_passkeys(&mut db, user: UserId) -> Result<i64, StoreError> {
            let (count,): (i64,) = sqlx::query_as("SELECT count(*) FROM passkeys WHERE user_id = $1")
                .bind(user.to_string())
                .fetch_one(db)
                .await?;
            Ok(count)
        }

        async fn has_password(&mut db, user: UserId) -> Result<bool, StoreError> {
            let found: Option<(Option<String>,)> = sqlx::query_as("SELECT password_hash FROM users WHERE id = $1")
                .bind(user.to_string())
                .fetch_optional(db)
                .await?;
            Ok(found.is_some_and(|(hash,)| hash.is_some()))
        }
    }
}

impl Store {
    /// A user's passkeys, the oldest first.
    pub async fn list_passkeys(&self, user: UserId) -> Result<Vec<PasskeyRow>, StoreError> {
        let rows: Vec<Row> = read!(self, db => Ok(sqlx::query_as(
            "SELECT credential_id, name, created_at, last_used_at FROM passkeys WHERE user_id = $1 \
             ORDER BY created_at, credential_id",
        )
        .bind(user.to_string())
        .fetch_all(db)
        .await?))?;
        Ok(rows.into_iter().map(PasskeyRow::from).collect())
    }

    /// Whose passkey it is.
    pub async fn find_passkey(&self, credential_id: &[u8]) -> Result<Option<PasskeyOf>, StoreError> {
        let found: Option<(String, Vec<u8>, Vec<u8>)> = read!(self, db => Ok(sqlx::query_as(
            "SELECT p.user_id, h.handle, p.public_key FROM passkeys p JOIN passkey_handles h ON h.user_id = p.user_id \
             WHERE p.credential_id = $1",
        )
        .bind(credential_id)
        .fetch_optional(db)
        .await?))?;
        let Some((user, handle, public_key)) = found else { return Ok(None) };
        Ok(Some(PasskeyOf { user_id: parse_text(&user, "passkeys", "user_id")?, handle, public_key }))
    }

    /// What devices know this user by: `new`, if they have no such name yet.
    pub async fn passkey_handle(&self, user: UserId, new: [u8; 32]) -> Result<Vec<u8>, StoreError> {
        note!(self, db => {
            sqlx::query("INSERT INTO passkey_handles (user_id, handle) VALUES ($1, $2) ON CONFLICT (user_id) DO NOTHING")
                .bind(user.to_string())
                .bind(new.to_vec())
                .execute(&mut *db)
                .await?;
            let (handle,): (Vec<u8>,) = sqlx::query_as("SELECT handle FROM passkey_handles WHERE user_id = $1")
                .bind(user.to_string())
                .fetch_one(&mut *db)
                .await?;
            Ok(handle)
        })
    }

    /// Keeps a passkey, and writes the mail that says so.
    pub async fn insert_passkey(
        &self,
        passkey: &NewPasskey,
        most: i64,
        mail: &NewMail,
    ) -> Result<Registered, StoreError> {
        // Changes take turns on both stores, so two tabs can't go beyond the most.
        change!(self, db => {
            if db.count_passkeys(passkey.user_id).await? >= most {
                return Ok(Registered::Full);
            }
            let inserted = sqlx::query(
                "INSERT INTO passkeys (credential_id, user_id, name, public_key, counter, created_at) \
                 VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (credential_id) DO NOTHING",
            )
            .bind(&passkey.credential_id)
            .bind(passkey.user_id.to_string())
            .bind(&passkey.name)
            .bind(&passkey.public_key)
            .bind(i64::from(passkey.counter))
            .bind(passkey.created_at.micros())
            .execute(&mut *db)
            .await?;
            if inserted.rows_affected() == 0 {
                return Ok(Registered::Taken);
            }
            db.insert_mail(mail).await?;
            Ok(Registered::New)
        }, told_if |registered| registered == Registered::New)
    }

    /// Notes that a passkey has signed, as its counter says: devices that count never say the same twice, those that don't always
    /// say 0. Whether it could be; else somebody has a copy of it.
    pub async fn use_passkey(
        &self,
        credential_id: &[u8],
        counter: u32,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        note!(self, db => {
            let updated = sqlx::query(
                "UPDATE passkeys SET counter = $2, last_used_at = $3 \
                 WHERE credential_id = $1 AND (counter < $2 OR (counter = 0 AND $2 = 0))",
            )
            .bind(credential_id)
            .bind(i64::from(counter))
            .bind(now.micros())
            .execute(&mut *db)
            .await?;
            Ok(updated.rows_affected() > 0)
        })
    }

    /// Gives a passkey of this user another name; whether there is one.
    pub async fn rename_passkey(
        &self,
        user: UserId,
        credential_id: &[u8],
        name: &str,
    ) -> Result<bool, StoreError> {
        note!(self, db => {
            let updated = sqlx::query("UPDATE passkeys SET name = $3 WHERE credential_id = $1 AND user_id = $2")
                .bind(credential_id)
                .bind(user.to_string())
                .bind(name)
                .execute(&mut *db)
                .await?;
            Ok(updated.rows_affected() > 0)
        })
    }

    /// Takes a passkey from a user who has another way in: a password, another passkey, or an identity of one of these `issuers`.
    /// Writes the mail that says so.
    pub async fn remove_passkey(
        &self,
        user: UserId,
        credential_id: &[u8],
        issuers: &[&str],
        mail: &NewMail,
    ) -> Result<Unlinked, StoreError> {
        change!(self, db => {
            let mut identities = db.identities_of(user).await?.into_iter();
            let has_others = db.count_passkeys(user).await? > 1
                || db.has_password(user).await?
                || identities.any(|(issuer, _)| issuers.contains(&issuer.as_str()));
            let found: Option<(String,)> =
                sqlx::query_as("SELECT name FROM passkeys WHERE credential_id = $1 AND user_id = $2")
                    .bind(credential_id)
                    .bind(user.to_string())
                    .fetch_optional(&mut *db)
                    .await?;
            if found.is_none() {
                return Ok(Unlinked::Unknown);
            }
            if !has_others {
                return Ok(Unlinked::Last);
            }
            sqlx::query("DELETE FROM passkeys WHERE credential_id = $1 AND user_id = $2")
                .bind(credential_id)
                .bind(user.to_string())
                .execute(&mut *db)
                .await?;
            db.insert_mail(mail).await?;
            Ok(Unlinked::Done)
        }, told_if |removed| removed == Unlinked::Done)
    }

    pub async fn insert_passkey_challenge(&self, challenge: &Challenge) -> Result<(), StoreError> {
        note!(self, db => {
            sqlx::query(
                "INSERT INTO passkey_challenges (browser_hash, purpose, user_id, created_at, expires_at) \
                 VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(challenge.browser_hash.to_vec())
            .bind(challenge.purpose.name())
            .bind(challenge.purpose.user().map(|user| user.to_string()))
            .bind(challenge.created_at.micros())
            .bind(challenge.expires_at.micros())
            .execute(&mut *db)
            .await?;
            Ok(())
        })
    }

    /// What this browser was given something to sign for, once. `None`: nothing, or it has taken too long.
    pub async fn take_passkey_challenge(
        &self,
        browser_hash: [u8; 32],
        now: Timestamp,
    ) -> Result<Option<CeremonyFor>, StoreError> {
        let taken: Option<(String, Option<String>)> = note!(self, db => Ok(sqlx::query_as(
            "DELETE FROM passkey_challenges WHERE browser_hash = $1 AND expires_at > $2 RETURNING purpose, user_id",
        )
        .bind(browser_hash.to_vec())
        .bind(now.micros())
        .fetch_optional(&mut *db)
        .await?))?;
        let Some((purpose, user)) = taken else { return Ok(None) };
        let user = user.map(|id| parse_text(&id, "passkey_challenges", "user_id")).transpose()?;
        match (purpose.as_str(), user) {
            ("sign_in", None) => Ok(Some(CeremonyFor::SignIn)),
            ("confirm", Some(user)) => Ok(Some(CeremonyFor::Confirm(user))),
            ("register", Some(user)) => Ok(Some(CeremonyFor::Register(user))),
            (found, _) => {
                let row = format!("{browser_hash:02x?}");
                Err(Cell { table: "passkey_challenges", column: "purpose", row }.corrupt(found))
            }
        }
    }

    /// Deletes what nobody has signed by `now`; how many.
    pub async fn delete_ended_challenges(&self, now: Timestamp) -> Result<u64, StoreError> {
        note!(self, db => {
            let deleted = sqlx::query("DELETE FROM passkey_challenges WHERE expires_at <= $1")
                .bind(now.micros())
                .execute(&mut *db)
                .await?;
            Ok(deleted.rows_affected())
        })
    }
}
